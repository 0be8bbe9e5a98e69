/* fs/cache/disk_store.c - a store that reads from a disk cache what is there, and keeps what is not.
 *
 *   start ─► LOOK ──────────── all there ─────────────────────────────► done
 *             │ the rest                                                 ▲
 *             ▼                                                          │
 *           FETCH ── failed, cancelled, or too much waits already ───────┤
 *             │ all bytes are told                                       │
 *             ▼                                                          │
 *           FILL: encrypted and written ─────────────────────────────────┘
 *
 * Workers look and fill; the inner store fetches. Looks go before fills, and a worker is kept for
 * them, so nobody waits for a disk that writes. A reader has its bytes before they are written: done()
 * only ends the time for which the memory is borrowed. Cancelling ends a look and a fetch; what has all
 * its bytes is kept, as a file is often closed at that moment. */
/* SPDX-License-Identifier: MIT */
#include "fs/cache/disk_cache.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "fs/cache/disk_impl.h"
#include "fs/store/store.h"

#define WORKERS 3u                    /* one of them never fills */
#define SHORT_BYTES ((size_t)1 << 20) /* who reads so little waits for it: it goes first */
#define FAIR_MS 20                    /* but not before who waits for so much longer */
#define STALL_MS 1000                 /* a disk that hangs is not asked any more */

enum job_state { JOB_LOOK, JOB_FETCH, JOB_FILL };

struct job {
    struct store_read inner; /* first: the inner store hands it back */
    struct disk_store *ds;
    struct store_read *outer;
    struct disk_name name;
    unsigned erased; /* disk_erased() at the start */
    unsigned refs;   /* until it is answered, and while the inner read is being started */
    size_t have;     /* bytes that came from the disk: the inner read begins there */
    size_t told;
    int64_t since_ms; /* in the list of looks */
    enum job_state state;
    bool started, fetched; /* the inner read; between the two it may be cancelled */
    bool keeps;            /* may be looked for and filled */
    bool damaged;          /* what was on the disk: written anew, though it seems to be there */
    bool cancelled;
    struct job *next;
};

struct job_list {
    struct job *first, **last;
};

struct disk_store {
    struct store store; /* first: the dispatchers hand it back */
    struct disk_cache *dc;
    struct store *inner;
    pthread_mutex_t lock;
    pthread_cond_t cond, idle_cond;
    struct job_list short_looks, looks, fills;
    unsigned filling;  /* workers that do */
    size_t fill_bytes; /* that wait or are being written */
    size_t jobs;
    bool stopping;
    pthread_t thread[WORKERS];
};

static struct disk_store *of(struct store *s)
{
    return (struct disk_store *)s;
}

static void list_init(struct job_list *l)
{
    l->first = NULL;
    l->last = &l->first;
}

static void list_add(struct job_list *l, struct job *j)
{
    j->next = NULL;
    *l->last = j;
    l->last = &j->next;
}

static struct job *list_pop(struct job_list *l)
{
    struct job *j = l->first;
    if (j && !(l->first = j->next))
        l->last = &l->first;
    return j;
}

/* ---- the end of a read --------------------------------------------------------------------- */

static void job_unref(struct job *j)
{
    struct disk_store *ds = j->ds;
    pthread_mutex_lock(&ds->lock);
    bool last = --j->refs == 0;
    if (last && --ds->jobs == 0)
        pthread_cond_broadcast(&ds->idle_cond);
    pthread_mutex_unlock(&ds->lock);
    if (last)
        free(j);
}

static void finish(struct job *j, int r, const struct err *e)
{
    j->outer->done(j->outer, r, e);
    job_unref(j);
}

static void finish_cancelled(struct job *j)
{
    struct err e;
    int r = err_set(&e, -ECANCELED, "reading '%s' was cancelled", j->outer->key);
    finish(j, r, &e);
}

/* ---- fetching ------------------------------------------------------------------------------ */

static bool is_cancelled(struct job *j)
{
    LOCKED(&j->ds->lock);
    return j->cancelled;
}

static void tell(struct job *j, size_t have)
{
    if (have <= j->told)
        return;
    j->told = have;
    if (j->outer->progress)
        j->outer->progress(j->outer, have);
}

static void inner_progress(struct store_read *rd, size_t have)
{
    struct job *j = (struct job *)rd;
    tell(j, j->have + have);
}

/* Whether what was fetched goes to a worker; then it does, and is the worker's. */
static bool hand_to_worker(struct job *j)
{
    struct disk_store *ds = j->ds;
    size_t n = j->inner.length;
    LOCKED(&ds->lock);
    if (!j->keeps || ds->stopping || n > DISK_CACHE_FILL_BYTES - ds->fill_bytes ||
        disk_is_quiet(ds->dc))
        return false;
    ds->fill_bytes += n;
    j->state = JOB_FILL;
    list_add(&ds->fills, j);
    pthread_cond_signal(&ds->cond);
    return true;
}

static void inner_done(struct store_read *rd, int r, const struct err *e)
{
    struct job *j = (struct job *)rd;
    pthread_mutex_lock(&j->ds->lock);
    j->fetched = true;
    pthread_mutex_unlock(&j->ds->lock);
    if (r == 0 && j->keeps)
        tell(j, j->outer->length);
    if (r < 0 || !hand_to_worker(j))
        finish(j, r, e);
}

/* Has the inner store read all from j->have on. */
static void fetch(struct job *j)
{
    struct disk_store *ds = j->ds;
    struct store_read *rd = j->outer;
    j->inner = (struct store_read){
        .key = rd->key,
        .etag = rd->etag,
        .offset = rd->offset + j->have,
        .length = rd->length - j->have,
        .data = rd->data + j->have,
        .deadline_ms = rd->deadline_ms,
        .meta = rd->meta,
        .progress = inner_progress,
        .done = inner_done,
    };
    pthread_mutex_lock(&ds->lock);
    bool cancelled = j->cancelled;
    j->state = JOB_FETCH;
    j->refs++;
    pthread_mutex_unlock(&ds->lock);
    if (cancelled)
        finish_cancelled(j);
    else
        store_read_start(ds->inner, &j->inner);
    pthread_mutex_lock(&ds->lock);
    j->started = !cancelled;
    /* Under the lock: its done() takes that, so it cannot end meanwhile. */
    if (j->started && j->cancelled && !j->fetched)
        store_read_cancel(ds->inner, &j->inner);
    pthread_mutex_unlock(&ds->lock);
    job_unref(j);
}

/* ---- workers ------------------------------------------------------------------------------- */

static bool look_tell(void *arg, size_t have)
{
    struct job *j = arg;
    if (have < j->outer->length)
        tell(j, have);
    return !is_cancelled(j);
}

static void look(struct job *j, struct disk_work *w)
{
    struct store_read *rd = j->outer;
    if (!is_cancelled(j))
        j->have = disk_block_read(j->ds->dc, w, &j->name, rd->offset, rd->length, rd->data,
                                  look_tell, j);
    j->damaged = w->failed;
    if (j->have == rd->length)
        finish(j, 0, NULL);
    else
        fetch(j);
}

static void fill(struct job *j, struct disk_work *w)
{
    struct disk_store *ds = j->ds;
    const struct store_read *rd = &j->inner;
    size_t n = rd->length;
    const struct disk_fill f = {.name = &j->name,
                                .erased = j->erased,
                                .anew = j->damaged,
                                .offset = rd->offset,
                                .n = n,
                                .data = rd->data};
    disk_block_write(ds->dc, w, &f);
    finish(j, 0, NULL);
    pthread_mutex_lock(&ds->lock);
    ds->fill_bytes -= n;
    ds->filling--;
    if (ds->fills.first)
        pthread_cond_signal(&ds->cond);
    pthread_mutex_unlock(&ds->lock);
}

static struct job *next_job(struct disk_store *ds)
{
    const struct job *a = ds->short_looks.first, *b = ds->looks.first;
    bool long_first = b && (!a || b->since_ms + FAIR_MS < a->since_ms);
    struct job *j = list_pop(long_first ? &ds->looks : &ds->short_looks);
    if (!j && ds->filling + 1 < WORKERS && (j = list_pop(&ds->fills)))
        ds->filling++;
    return j;
}

static void *work(void *arg)
{
    struct disk_store *ds = arg;
    struct disk_work w;
    struct job *j;
    if (disk_work_init(&w) < 0)
        abort(); /* no memory: as the builders */
    pthread_mutex_lock(&ds->lock);
    while ((j = next_job(ds)) || !ds->stopping) {
        if (!j) {
            pthread_cond_wait(&ds->cond, &ds->lock);
            continue;
        }
        bool fills = j->state == JOB_FILL;
        pthread_mutex_unlock(&ds->lock);
        if (fills)
            fill(j, &w);
        else
            look(j, &w);
        pthread_mutex_lock(&ds->lock);
    }
    pthread_mutex_unlock(&ds->lock);
    disk_work_done(&w);
    return NULL;
}

/* ---- the store ----------------------------------------------------------------------------- */

/* Who is next has waited for long: all workers hang in the disk. Lock held. */
static bool is_stalled(const struct disk_store *ds, int64_t now_ms)
{
    const struct job *a = ds->short_looks.first, *b = ds->looks.first;
    return (a && now_ms - a->since_ms > STALL_MS) || (b && now_ms - b->since_ms > STALL_MS);
}

static void op_read_start(struct store *s, struct store_read *rd)
{
    struct disk_store *ds = of(s);
    struct job *j = xcalloc(1, sizeof *j);
    rd->store_private = j;
    j->ds = ds;
    j->outer = rd;
    j->refs = 1;
    j->since_ms = clock_mono_ms();
    /* Without an ETag it is not known what version the bytes are of; metadata are not kept. */
    j->keeps = rd->etag && !rd->meta && rd->length <= DISK_OBJECT_MAX_BYTES &&
               rd->offset <= DISK_OBJECT_MAX_BYTES - rd->length;
    if (j->keeps) {
        j->name = disk_name_of(ds->dc, rd->key, rd->etag);
        j->erased = disk_erased(ds->dc, &j->name);
    }
    pthread_mutex_lock(&ds->lock);
    ds->jobs++;
    j->keeps = j->keeps && !is_stalled(ds, j->since_ms);
    if (j->keeps) {
        list_add(rd->length <= SHORT_BYTES ? &ds->short_looks : &ds->looks, j);
        pthread_cond_signal(&ds->cond);
    }
    bool keeps = j->keeps;
    pthread_mutex_unlock(&ds->lock);
    if (!keeps)
        fetch(j);
}

static void op_read_cancel(struct store *s, struct store_read *rd)
{
    struct disk_store *ds = of(s);
    struct job *j = rd->store_private;
    LOCKED(&ds->lock);
    j->cancelled = true;
    if (j->state == JOB_FETCH && j->started && !j->fetched)
        store_read_cancel(ds->inner, &j->inner);
}

static int op_head(struct store *s, const char *key, struct store_stat *ret, struct err *e)
{
    return store_head(of(s)->inner, key, ret, e);
}

static int op_get(struct store *s, const char *key, size_t max, struct buf *ret,
                  struct store_stat *ret_st, struct err *e)
{
    return store_get(of(s)->inner, key, max, ret, ret_st, e);
}

static int op_list(struct store *s, const char *prefix, const char *after, store_list_fn *fn,
                   void *arg, struct err *e)
{
    return store_list(of(s)->inner, prefix, after, fn, arg, e);
}

static int op_put(struct store *s, const char *key, const void *data, size_t n, int flags,
                  struct store_stat *ret, struct err *e)
{
    return store_put(of(s)->inner, key, data, n, flags, ret, e);
}

static int op_remove(struct store *s, const char *key, struct err *e)
{
    return store_remove(of(s)->inner, key, e);
}

static int op_get_tags(struct store *s, const char *key, struct store_tags *ret, struct err *e)
{
    return store_get_tags(of(s)->inner, key, ret, e);
}

static int op_put_tags(struct store *s, const char *key, const struct store_tags *tags,
                       struct err *e)
{
    return store_put_tags(of(s)->inner, key, tags, e);
}

static void op_address(struct store *s, const char *key, struct buf *ret)
{
    store_address(of(s)->inner, key, ret);
}

static int op_parallel(struct store *s)
{
    return store_parallel(of(s)->inner);
}

static void op_close(struct store *s)
{
    struct disk_store *ds = of(s);
    pthread_mutex_lock(&ds->lock);
    while (ds->jobs > 0) /* all have been answered; a thread may be on its way out of one */
        pthread_cond_wait(&ds->idle_cond, &ds->lock);
    ds->stopping = true;
    pthread_cond_broadcast(&ds->cond);
    pthread_mutex_unlock(&ds->lock);
    for (unsigned i = 0; i < WORKERS; i++)
        pthread_join(ds->thread[i], NULL);
    pthread_cond_destroy(&ds->cond);
    pthread_cond_destroy(&ds->idle_cond);
    pthread_mutex_destroy(&ds->lock);
    free(ds);
}

/* All signals are for the program's own threads; SIGXFSZ too, so that a limit is an error code. */
static void start_threads(struct disk_store *ds)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (unsigned i = 0; i < WORKERS; i++)
        if (pthread_create(&ds->thread[i], NULL, work, ds) != 0)
            abort();
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

struct store *disk_store_new(struct disk_cache *dc, struct store *inner)
{
    static const struct store_ops ops = {
        .head = op_head,
        .get = op_get,
        .list = op_list,
        .put = op_put,
        .remove = op_remove,
        .get_tags = op_get_tags,
        .put_tags = op_put_tags,
        .read_start = op_read_start,
        .read_cancel = op_read_cancel,
        .address = op_address,
        .parallel = op_parallel,
        .close = op_close,
    };
    struct disk_store *ds = xcalloc(1, sizeof *ds);
    const char *lake = inner->place ? inner->place : inner->url ? inner->url : "";
    disk_hash(dc->keys, lake, strlen(lake), NULL, 0, NULL, 0, dc->lake);
    dc->has_lake = true;
    ds->store = (struct store){.ops = &ops, .url = inner->url, .place = inner->place};
    ds->dc = dc;
    ds->inner = inner;
    list_init(&ds->short_looks);
    list_init(&ds->looks);
    list_init(&ds->fills);
    pthread_mutex_init(&ds->lock, NULL);
    pthread_cond_init(&ds->cond, NULL);
    pthread_cond_init(&ds->idle_cond, NULL);
    start_threads(ds);
    return &ds->store;
}
