/* fs/s3/s3_engine.c - one thread that carries out requests: lanes, deadlines, retries. */
/* SPDX-License-Identifier: MIT */
#include "fs/s3/s3_engine.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "fs/s3/s3_cred.h"
#include "fs/s3/s3_keys.h"
#include "fs/s3/s3_pace.h"

#define TAG "s3"
#define IDLE_POLL_MS 60000
#define KEPT_FOR_META 2   /* connections */
#define LATE_AGAIN_MS 100 /* when to look again at a late request that could not be helped */
#define KEYS_POLL_MS 100  /* how often a request that waits for new keys looks */

/* A request's way; every arrow is taken by the engine's thread, but the first:
 *
 *   submit -> incoming -> queued[lane] -> active -> done()
 *                             ^             |
 *                             +-- waiting <-+  (another attempt, later)
 *
 * Cancelling and the deadline lead from everywhere to done(). A long read is cut in pieces when its
 * turn comes and connections are free; a request that is late at `active` puts a second one for
 * its bytes at the head of the queue. */
struct s3_engine {
    struct s3_request_site site;
    struct s3_cred *cred;
    struct s3_engine_limits limits;
    pthread_t thread;
    CURLM *multi;
    _Atomic int64_t skew_s; /* the store's clock minus ours, where it refused ours */
    struct {
        _Atomic uint64_t requests, retries, hedges, hedge_wins, bytes, cancelled;
        _Atomic uint32_t connections, active, long_reads, first_byte_us;
    } stats; /* written by the thread */

    pthread_mutex_t lock; /* guards the slots of all requests, and: */
    struct s3_request_queue incoming;
    bool stop, cancels; /* some request's `cancelled` was set */

    /* Of the thread alone. */
    struct s3_request_queue queued[S3_LANES], waiting, active;
    unsigned n_active, n_lane[S3_LANES];
    struct s3_pace pace;
    int64_t next_due_ms; /* no deadline, retry or look at what is late comes before */
    CURL *idle[S3_ENGINE_CONNECTIONS_MAX];
    unsigned n_idle;
};

static void move(struct s3_request *rq, struct s3_request_queue *to, bool first)
{
    if (rq->in)
        TAILQ_REMOVE(rq->in, rq, link);
    rq->in = to;
    if (to && first)
        TAILQ_INSERT_HEAD(to, rq, link);
    else if (to)
        TAILQ_INSERT_TAIL(to, rq, link);
}

static void note_due(struct s3_engine *en, int64_t at_ms)
{
    if (at_ms < en->next_due_ms)
        en->next_due_ms = at_ms;
}

/* Takes the attempt's handle away from curl; a transfer under way loses its connection. */
static void detach(struct s3_engine *en, struct s3_request *rq)
{
    curl_multi_remove_handle(en->multi, rq->curl);
    if (rq->data)
        en->stats.bytes += rq->have - rq->begun_at;
    en->idle[en->n_idle++] = rq->curl;
    rq->curl = NULL;
    en->n_active--;
    en->n_lane[rq->lane]--;
    en->stats.active = en->n_active;
}

static void finish(struct s3_engine *en, struct s3_request *rq, int r, const struct err *e)
{
    if (rq->curl) {
        detach(en, rq);
        s3_request_drop(rq);
    }
    move(rq, NULL, false);
    pthread_mutex_lock(&en->lock);
    if (rq->slot)
        *rq->slot = NULL;
    pthread_mutex_unlock(&en->lock);
    rq->done(rq, r, e); /* may free it */
}

static void finish_cancelled(struct s3_engine *en, struct s3_request *rq)
{
    struct err e;
    bool lost = rq->curl && rq->twin && *rq->filled == rq->length;
    if (lost)
        s3_pace_note_late(&en->pace, rq->length,
                          (uint32_t)(clock_mono_ms() - rq->started_ms) * 1000);
    en->stats.cancelled++;
    int r = err_set(&e, -ECANCELED, "%s of '%.200s' was cancelled", rq->method, rq->key);
    finish(en, rq, r, &e);
}

static void finish_late(struct s3_engine *en, struct s3_request *rq)
{
    struct err e;
    const char *last = rq->last.code < 0 ? rq->last.text : NULL;
    int r = err_set(&e, -ETIMEDOUT, "the store at %s did not answer %s of '%.200s' in time%s%s",
                    en->site.url.origin, rq->method, rq->key, last ? "; before that: " : "",
                    last ? last : "");
    if (rq->curl)
        rq->unclear = true;
    finish(en, rq, r, &e);
}

/* Attempts */

/* A refusal for the time in the signature: learns the store's clock. False where that cannot
 * help. */
static bool learn_clock(struct s3_engine *en, const struct s3_request *rq)
{
    if (rq->answer.date_s == 0 || llabs((long long)(rq->answer.date_s - rq->signed_s)) < 60)
        return false;
    en->skew_s = rq->answer.date_s - clock_wall();
    log_debug(TAG, "clock differs from the store's skew_s=%lld", (long long)en->skew_s);
    return true;
}

/* What an attempt that brought all it was asked for took. */
static void note_times(struct s3_engine *en, const struct s3_request *rq)
{
    curl_off_t sent = 0, first = 0, all = 0;
    curl_easy_getinfo(rq->curl, CURLINFO_PRETRANSFER_TIME_T, &sent);
    curl_easy_getinfo(rq->curl, CURLINFO_STARTTRANSFER_TIME_T, &first);
    curl_easy_getinfo(rq->curl, CURLINFO_TOTAL_TIME_T, &all);
    if (first < sent || all < first || all > UINT32_MAX)
        return;
    struct s3_pace_sample s = {
        .bytes = rq->data && rq->begun_at == 0 && !rq->is_twin ? rq->length : 0,
        .first_us = (uint32_t)(first - sent),
        .total_us = (uint32_t)all,
        .carry_us = (uint32_t)(all - first),
        .bulk = rq->lane == S3_LANE_BULK,
        .full = 4 * en->n_lane[S3_LANE_BULK] >= 3 * s3_pace_bulk(&en->pace),
    };
    s3_pace_note(&en->pace, &s, clock_mono_ms());
    en->stats.first_byte_us = en->pace.first_mean_us;
    en->stats.long_reads = s3_pace_bulk(&en->pace);
}

static int64_t next_wait_ms(struct s3_engine *en, struct s3_request *rq, enum retry_class class,
                            const struct s3_keys *used)
{
    struct retry_limit limit = {rq->attempts, rq->deadline_ms};
    uint32_t random;
    if (class == RETRY_CREDENTIALS && !rq->retry.credentials_done &&
        !s3_cred_refused(en->cred, used))
        return RETRY_STOP;
    if (class == RETRY_CLOCK && !learn_clock(en, rq))
        return RETRY_STOP;
    if (getentropy(&random, sizeof random) < 0)
        random = (uint32_t)clock_mono_ms() * 2654435761u;
    return retry_wait_ms(&rq->retry, class, &limit, clock_mono_ms(), random);
}

static void attempt_over(struct s3_engine *en, struct s3_request *rq, CURLcode outcome)
{
    enum retry_class class;
    struct s3_keys *used = s3_keys_ref(rq->keys);
    int r = s3_request_end(rq, outcome, &en->site, &class);
    if (r == 0)
        note_times(en, rq);
    if (r == 0 && rq->is_twin)
        en->stats.hedge_wins++;
    if (class == RETRY_THROTTLED)
        s3_pace_throttled(&en->pace, clock_mono_ms());
    detach(en, rq);

    int64_t wait = r < 0 ? next_wait_ms(en, rq, class, used) : RETRY_STOP;
    s3_keys_unref(used);
    if (wait == RETRY_STOP) {
        finish(en, rq, r, r < 0 ? &rq->last : NULL);
        return;
    }
    log_debug(TAG, "again wait_ms=%lld attempt=%u: %s", (long long)wait, rq->retry.attempts,
              rq->last.text);
    en->stats.retries++;
    rq->waits_for_keys = class == RETRY_CREDENTIALS;
    rq->retry_at_ms = clock_mono_ms() + wait;
    note_due(en, rq->retry_at_ms);
    move(rq, &en->waiting, false);
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct s3_engine *en = arg;
    (void)purpose;
    int fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    en->stats.connections++;
    return fd;
}

static int close_socket(void *arg, curl_socket_t fd)
{
    struct s3_engine *en = arg;
    en->stats.connections--;
    return close(fd);
}

/* When the attempt that starts now is to be looked at. */
static void set_late(struct s3_engine *en, struct s3_request *rq)
{
    int64_t late = rq->twin ? s3_pace_late_ms(&en->pace, rq->length) : S3_PACE_NEVER;
    rq->started_ms = clock_mono_ms();
    rq->late_at_ms = late == S3_PACE_NEVER ? INT64_MAX : rq->started_ms + late;
    if (rq->twin && rq->retry.attempts == 0)
        s3_pace_asked(&en->pace);
    note_due(en, rq->late_at_ms);
}

/* An attempt is late: another connection may be faster. */
static void ask_twice(struct s3_engine *en, struct s3_request *rq, int64_t now)
{
    struct s3_request *second = NULL;
    bool may = s3_pace_ask_twice(&en->pace, rq->length, rq->have, now - rq->started_ms);
    rq->late_at_ms = may ? INT64_MAX : now + LATE_AGAIN_MS;
    if (may)
        second = rq->twin(rq);
    if (!second)
        return;
    second->is_twin = true;
    en->stats.hedges++;
    note_due(en, second->deadline_ms);
    move(second, &en->queued[second->lane], /* first= */ true);
    log_debug(TAG, "late, asked again have=%zu of=%zu", *rq->filled, rq->length);
}

static void start(struct s3_engine *en, struct s3_request *rq)
{
    CURL *c = en->n_idle > 0 ? en->idle[--en->n_idle] : curl_easy_init();
    assert(c);
    struct s3_keys *keys = s3_cred_take(en->cred);
    s3_request_begin(rq, c, &en->site, keys, s3_engine_now_s(en));
    s3_keys_unref(keys);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, en);
    curl_easy_setopt(c, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(c, CURLOPT_CLOSESOCKETDATA, en);
    move(rq, &en->active, false);
    en->n_active++;
    en->n_lane[rq->lane]++;
    en->stats.active = en->n_active;
    en->stats.requests++;
    set_late(en, rq);
    CURLMcode r = curl_multi_add_handle(en->multi, c);
    assert(r == CURLM_OK);
}

/* How many more requests of a lane may start now. What reads may not use is always left to
 * metadata: a poll of the ledger must not wait behind a queue of prefetches. */
static unsigned room_in(const struct s3_engine *en, enum s3_lane lane)
{
    unsigned most = en->limits.connections,
             reads = en->n_lane[S3_LANE_SHORT] + en->n_lane[S3_LANE_BULK];
    unsigned kept = most > 2 * KEPT_FOR_META ? KEPT_FOR_META : 1;
    unsigned room = most - en->n_active;
    if (lane != S3_LANE_META && room > most - kept - reads)
        room = most - kept - reads;
    unsigned bulk = s3_pace_bulk(&en->pace), busy = en->n_lane[S3_LANE_BULK];
    if (lane == S3_LANE_BULK && room > (bulk > busy ? bulk - busy : 0))
        room = bulk > busy ? bulk - busy : 0;
    return room;
}

/* Cuts the first of the bulk lane where free connections are worth more than fewer requests. */
static void cut_first(struct s3_engine *en, unsigned room)
{
    struct s3_request *rq = TAILQ_FIRST(&en->queued[S3_LANE_BULK]), *other;
    unsigned waiting = 0;
    if (!rq->cut || rq->retry.attempts > 0)
        return;
    TAILQ_FOREACH(other, &en->queued[S3_LANE_BULK], link)
    {
        if (++waiting >= room)
            break;
    }
    size_t piece = s3_pace_piece(&en->pace, rq->length, room, waiting);
    while (rq->length > piece) {
        struct s3_request *rest = rq->cut(rq, piece);
        rest->in = rq->in;
        TAILQ_INSERT_AFTER(rq->in, rq, rest, link);
        rest->cut = rq->cut;
        rq->cut = NULL;
        rq = rest;
    }
    rq->cut = NULL;
}

static void start_queued(struct s3_engine *en)
{
    for (int lane = 0; lane < S3_LANES; lane++)
        for (unsigned n; (n = room_in(en, (enum s3_lane)lane)) > 0;) {
            struct s3_request *rq = TAILQ_FIRST(&en->queued[lane]);
            if (!rq)
                break;
            if (lane == S3_LANE_BULK)
                cut_first(en, n);
            if (rq->filled && *rq->filled == rq->length)
                finish(en, rq, 0, NULL); /* the other one of its piece has brought the last byte */
            else
                start(en, rq);
        }
}

/* The thread */

/* False when the engine is to end. */
static bool take_incoming(struct s3_engine *en, bool *ret_cancels)
{
    struct s3_request *rq;
    LOCKED(&en->lock);
    while ((rq = TAILQ_FIRST(&en->incoming))) {
        note_due(en, rq->deadline_ms);
        move(rq, &en->queued[rq->lane], false);
    }
    *ret_cancels = en->cancels;
    en->cancels = false;
    return !en->stop;
}

static void sweep_one(struct s3_engine *en, struct s3_request *rq, int64_t now)
{
    if (rq->cancelled || (rq->group_cancelled && *rq->group_cancelled)) {
        finish_cancelled(en, rq);
        return;
    }
    if (now >= rq->deadline_ms) {
        finish_late(en, rq);
        return;
    }
    note_due(en, rq->deadline_ms);
    if (rq->in == &en->active) {
        if (now >= rq->late_at_ms)
            ask_twice(en, rq, now);
        note_due(en, rq->late_at_ms);
    }
    if (rq->in != &en->waiting)
        return;
    if (now >= rq->retry_at_ms && rq->waits_for_keys && s3_cred_is_fetching(en->cred))
        rq->retry_at_ms = now + KEYS_POLL_MS;
    if (now >= rq->retry_at_ms)
        move(rq, &en->queued[rq->lane], true);
    else
        note_due(en, rq->retry_at_ms);
}

/* Ends what is cancelled or late and wakes what has waited long enough. */
static void sweep(struct s3_engine *en, int64_t now)
{
    struct s3_request_queue *queues[] = {&en->active, &en->waiting, &en->queued[0], &en->queued[1],
                                         &en->queued[2]};
    _Static_assert(S3_LANES == 3, "every queue is in the list");
    en->next_due_ms = INT64_MAX;
    for (size_t i = 0; i < COUNT(queues); i++)
        for (struct s3_request *next, *rq = TAILQ_FIRST(queues[i]); rq; rq = next) {
            next = TAILQ_NEXT(rq, link);
            sweep_one(en, rq, now);
        }
}

static void collect(struct s3_engine *en)
{
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(en->multi, &left))) {
        struct s3_request *rq = NULL;
        CURLcode outcome = m->data.result;
        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &rq);
        assert(rq && rq->curl == m->easy_handle);
        attempt_over(en, rq, outcome);
    }
}

/* Tells listeners of bytes that trickle; answers how long the thread may sleep. */
static int sleep_ms(struct s3_engine *en, int64_t now)
{
    int64_t sleep = en->next_due_ms - now;
    struct s3_request *rq;
    TAILQ_FOREACH(rq, &en->active, link)
    {
        s3_request_report_late(rq, now);
        if (rq->have > rq->reported && sleep > S3_REQUEST_PROGRESS_MS)
            sleep = S3_REQUEST_PROGRESS_MS;
    }
    return sleep < 0 ? 0 : sleep > IDLE_POLL_MS ? IDLE_POLL_MS : (int)sleep;
}

static void finish_all(struct s3_engine *en)
{
    struct s3_request_queue *queues[] = {&en->active, &en->waiting, &en->queued[0], &en->queued[1],
                                         &en->queued[2]};
    _Static_assert(S3_LANES == 3, "every queue is in the list");
    for (size_t i = 0; i < COUNT(queues); i++)
        for (struct s3_request *rq; (rq = TAILQ_FIRST(queues[i]));)
            finish_cancelled(en, rq);
}

static void *run(void *arg)
{
    struct s3_engine *en = arg;
    bool cancels;
    while (take_incoming(en, &cancels)) {
        int64_t now = clock_mono_ms();
        int running;
        if (cancels || now >= en->next_due_ms)
            sweep(en, now);
        start_queued(en);
        curl_multi_perform(en->multi, &running);
        unsigned before = en->n_active;
        collect(en);
        bool more = en->n_active < before; /* a connection is free: look at the queues first */
        int wait = sleep_ms(en, clock_mono_ms());
        curl_multi_poll(en->multi, NULL, 0, more ? 0 : wait, NULL);
    }
    finish_all(en);
    return NULL;
}

/* Life */

static void curl_once(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void destroy(struct s3_engine *en)
{
    while (en->n_idle > 0)
        curl_easy_cleanup(en->idle[--en->n_idle]);
    curl_multi_cleanup(en->multi);
    s3_cred_close(en->cred);
    s3_url_site_done(&en->site.url);
    free(en->site.bucket);
    free(en->site.region);
    free(en->site.ca_bundle);
    pthread_mutex_destroy(&en->lock);
    free(en);
}

/* Without signals: those are for the program's own threads, and TLS can raise SIGPIPE. */
static int start_thread(struct s3_engine *en)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(&en->thread, NULL, run, en);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -r;
}

int s3_engine_new(struct s3_request_site site, struct s3_cred *cred,
                  const struct s3_engine_limits *limits, struct s3_engine **ret, struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, curl_once);

    struct s3_engine *en = xcalloc(1, sizeof *en);
    en->site = site;
    en->cred = cred;
    en->limits = *limits;
    en->next_due_ms = INT64_MAX;
    s3_pace_init(&en->pace, limits->bulk_least, limits->bulk);
    en->stats.long_reads = limits->bulk_least;
    pthread_mutex_init(&en->lock, NULL);
    TAILQ_INIT(&en->incoming);
    TAILQ_INIT(&en->waiting);
    TAILQ_INIT(&en->active);
    for (int i = 0; i < S3_LANES; i++)
        TAILQ_INIT(&en->queued[i]);
    en->multi = curl_multi_init();

    int r = 0;
    if (limits->bulk_least < 1 || limits->bulk < limits->bulk_least ||
        limits->connections <= limits->bulk || limits->connections > S3_ENGINE_CONNECTIONS_MAX)
        r = err_set(e, -EINVAL, "of 2 to %d connections to the store, fewer must be for long reads",
                    S3_ENGINE_CONNECTIONS_MAX);
    if (r == 0 && en->multi) {
        curl_multi_setopt(en->multi, CURLMOPT_MAXCONNECTS, (long)limits->connections);
        curl_multi_setopt(en->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    }
    if (r == 0 && (!en->multi || start_thread(en) < 0))
        r = err_set(e, -EIO, "cannot start the thread that speaks to the store");
    if (r < 0) {
        destroy(en);
        return r;
    }
    *ret = en;
    return 0;
}

void s3_engine_free(struct s3_engine *en)
{
    if (!en)
        return;
    pthread_mutex_lock(&en->lock);
    en->stop = true;
    pthread_mutex_unlock(&en->lock);
    curl_multi_wakeup(en->multi);
    pthread_join(en->thread, NULL);
    destroy(en);
}

/* Requests */

void s3_engine_submit(struct s3_engine *en, struct s3_request *rq)
{
    assert(rq->method && rq->key && rq->done && rq->lane < S3_LANES);
    assert(!rq->data || rq->length > 0);
    assert(!rq->body || rq->body_hash);
    rq->sink_start = rq->sink ? rq->sink->len : 0;
    pthread_mutex_lock(&en->lock);
    if (rq->slot)
        *rq->slot = &rq->cancelled;
    move(rq, &en->incoming, false);
    pthread_mutex_unlock(&en->lock);
    curl_multi_wakeup(en->multi);
}

void s3_engine_cancel(struct s3_engine *en, void **slot)
{
    pthread_mutex_lock(&en->lock);
    atomic_bool *mark = *slot;
    if (mark) {
        *mark = true;
        en->cancels = true;
    }
    pthread_mutex_unlock(&en->lock);
    if (mark)
        curl_multi_wakeup(en->multi);
}

void s3_engine_hold(struct s3_engine *en, void **slot, atomic_bool *mark)
{
    LOCKED(&en->lock);
    *slot = mark;
}

void s3_engine_stats(struct s3_engine *en, struct store_stats *ret)
{
    *ret = (struct store_stats){
        .requests = en->stats.requests,
        .retries = en->stats.retries,
        .hedges = en->stats.hedges,
        .hedge_wins = en->stats.hedge_wins,
        .bytes = en->stats.bytes,
        .cancelled = en->stats.cancelled,
        .connections = en->stats.connections,
        .active = en->stats.active,
        .long_reads = en->stats.long_reads,
        .first_byte_us = en->stats.first_byte_us,
    };
}

int64_t s3_engine_now_s(const struct s3_engine *en)
{
    return clock_wall() + en->skew_s;
}

const struct s3_request_site *s3_engine_site(const struct s3_engine *en)
{
    return &en->site;
}

struct s3_cred *s3_engine_cred(struct s3_engine *en)
{
    return en->cred;
}
