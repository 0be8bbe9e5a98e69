/* conform/claim.c - which of several watchers works on a cut: claims in the lake. */
/* SPDX-License-Identifier: MIT */
#include "conform/claim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/err.h"
#include "base/log.h"
#include "base/when.h"
#include "fs/store/store.h"
#include "policy/hash.h"

#define CLAIM_MAX_BYTES 8192
#define BEAT_MAX_BYTES 64
#define BEATS_A_LEASE 4
#define LOCK_AGE_S (7 * 24 * 60 * 60)
#define ID_SIZE 33
#define KEY_SIZE 128

/* Somebody else's claim as it was seen first. */
struct seen {
    char claim[SHA256_HEX_SIZE], watcher[ID_SIZE], beat[BEAT_MAX_BYTES + 1];
    unsigned generation;
    int64_t since_ms, asked_ms;
};

struct claimer {
    struct store *store;
    char *dir, *who, *lock_path;
    char id[ID_SIZE];
    int lock_fd;
    int64_t lease_ms;
    struct seen *seen;
    size_t n_seen, cap_seen;
    char (*ended)[SHA256_HEX_SIZE]; /* done with, and not yet gone from the store */
    size_t n_ended;

    pthread_t thread;
    bool started;
    bool beaten; /* there may be a beat in the store; for the thread, and after its end */
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t cond;
    char (*held)[SHA256_HEX_SIZE];
    size_t n_held;
    bool ending;
};

void claim_name(const char *kind, const char *name, const void *data, size_t n,
                char ret[SHA256_HEX_SIZE])
{
    char content[SHA256_HEX_SIZE];
    AUTO(buf) struct buf b = {0};
    hash_sha256_hex(data, n, content);
    buf_add(&b, kind, strlen(kind) + 1);
    buf_add(&b, name, strlen(name) + 1);
    buf_adds(&b, content);
    hash_sha256_hex(b.p, b.len, ret);
}

static void claim_key(const char *claim, unsigned generation, char ret[KEY_SIZE])
{
    snprintf(ret, KEY_SIZE, CLAIM_PREFIX "%s.%u.json", claim, generation);
}

static void beat_key(const char *watcher, char ret[KEY_SIZE])
{
    snprintf(ret, KEY_SIZE, CLAIM_PREFIX "%s.beat", watcher);
}

static char *lock_path(const struct claimer *c, const char *watcher)
{
    return xasprintf("%s/watch-%s.lock", c->dir, watcher);
}

/* ---- the beat ------------------------------------------------------------------------------ */

static void after_ms(int64_t ms, struct timespec *ret)
{
    clock_gettime(CLOCK_MONOTONIC, ret);
    ret->tv_sec += ms / 1000;
    ret->tv_nsec += ms % 1000 * 1000000;
    if (ret->tv_nsec >= 1000000000) {
        ret->tv_sec++;
        ret->tv_nsec -= 1000000000;
    }
}

static void *beat(void *arg)
{
    struct claimer *c = arg;
    char key[KEY_SIZE], text[BEAT_MAX_BYTES];
    beat_key(c->id, key);
    for (uint64_t n = 1;; n++) {
        struct timespec until;
        after_ms(c->lease_ms / BEATS_A_LEASE, &until);
        pthread_mutex_lock(&c->lock);
        while (!c->ending && pthread_cond_timedwait(&c->cond, &c->lock, &until) != ETIMEDOUT)
            ;
        bool ending = c->ending, idle = c->n_held == 0;
        pthread_mutex_unlock(&c->lock);
        if (ending)
            return NULL;
        if (idle)
            continue;
        struct err e;
        c->beaten = true;
        int len = snprintf(text, sizeof text, "%" PRIu64 "\n", n);
        if (store_put(c->store, key, text, (size_t)len, 0, NULL, &e) < 0)
            log_debug("claim", "no beat: %s", e.text);
    }
}

static void unhold(struct claimer *c, const char *claim)
{
    LOCKED(&c->lock);
    for (size_t i = 0; i < c->n_held; i++)
        if (strcmp(c->held[i], claim) == 0) {
            memcpy(c->held[i], c->held[--c->n_held], SHA256_HEX_SIZE);
            return;
        }
}

static void hold(struct claimer *c, const char *claim)
{
    unhold(c, claim);
    LOCKED(&c->lock);
    c->held = xrealloc(c->held, c->n_held + 1, sizeof *c->held);
    memcpy(c->held[c->n_held++], claim, SHA256_HEX_SIZE);
}

/* ---- one watcher --------------------------------------------------------------------------- */

/* Removes the locks of watchers that ended long ago; younger ones still tell that of claims. */
static void sweep(const struct claimer *c)
{
    AUTO(dir) DIR *dir = opendir(c->dir);
    for (const struct dirent *d; dir && (d = readdir(dir));) {
        struct stat st;
        if (fnmatch("watch-*.lock", d->d_name, 0) != 0)
            continue;
        AUTO(fd) int fd = openat(dirfd(dir), d->d_name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && fstat(fd, &st) == 0 && clock_wall() - st.st_mtime > LOCK_AGE_S &&
            flock(fd, LOCK_EX | LOCK_NB) == 0)
            unlinkat(dirfd(dir), d->d_name, 0);
    }
}

static int start(struct claimer *c, struct err *e)
{
    sweep(c);
    c->lock_path = lock_path(c, c->id);
    c->lock_fd = open(c->lock_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (c->lock_fd < 0)
        return err_errno(e, -errno, "make '%s'", c->lock_path);
    if (flock(c->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return err_errno(e, -errno, "lock '%s'", c->lock_path);
    int r = pthread_create(&c->thread, NULL, beat, c);
    c->started = r == 0;
    return r == 0 ? 0 : err_errno(e, -r, "start the thread that keeps claims alive");
}

int claimer_new(struct store *store, const char *dir, const char *who, int64_t lease_ms,
                struct claimer **ret, struct err *e)
{
    AUTO(claimer) struct claimer *c = xcalloc(1, sizeof *c);
    pthread_condattr_t attr;
    uint8_t random[16];
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->cond, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&c->lock, NULL);
    hash_random(random, sizeof random);
    hex_encode(random, sizeof random, c->id);
    c->store = store;
    c->dir = xstrdup(dir);
    c->who = xstrdup(who);
    c->lease_ms = lease_ms;
    c->lock_fd = -1;
    int r = start(c, e);
    if (r < 0)
        return r;
    *ret = TAKE(c);
    return 0;
}

static int end_claims(struct claimer *c, struct err *e);

void claimer_free(struct claimer *c)
{
    char key[KEY_SIZE];
    if (!c)
        return;
    if (c->started) {
        pthread_mutex_lock(&c->lock);
        c->ending = true;
        pthread_cond_signal(&c->cond);
        pthread_mutex_unlock(&c->lock);
        pthread_join(c->thread, NULL);
    }
    end_claims(c, /* e= */ NULL);
    if (c->beaten) {
        beat_key(c->id, key);
        store_remove(c->store, key, NULL);
    }
    if (c->lock_fd >= 0) {
        /* The file stays where a claim does: a free lock says at once that its holder is gone. */
        if (c->n_held == 0)
            unlink(c->lock_path);
        close(c->lock_fd);
    }
    pthread_cond_destroy(&c->cond);
    pthread_mutex_destroy(&c->lock);
    free(c->held);
    free(c->ended);
    free(c->seen);
    free(c->lock_path);
    free(c->dir);
    free(c->who);
    free(c);
}

/* ---- a claim --------------------------------------------------------------------------------- */

static int make(struct claimer *c, const char *claim, unsigned generation, const char *name,
                struct err *e)
{
    char key[KEY_SIZE], now[WHEN_TEXT_SIZE];
    AUTO(buf) struct buf encoded = {0}, who = {0};
    percent_encode(&encoded, name, strlen(name), /* keep_slash= */ false);
    percent_encode(&who, c->who, strlen(c->who), /* keep_slash= */ true);
    json_auto_t *j = json_pack("{si ss ss ss ss}", "v", 1, "watcher", c->id, "who", buf_str(&who),
                               "name", buf_str(&encoded), "time", when_format(clock_wall(), now));
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    if (!text)
        return err_set(e, -ENOMEM, "cannot write a claim");
    claim_key(claim, generation, key);
    int r = store_put(c->store, key, text, strlen(text), STORE_PUT_IF_ABSENT, NULL, e);
    free(text);
    return r;
}

static int highest(void *arg, const char *key, const struct store_stat *st, struct err *e)
{
    unsigned *best = arg, n;
    char rest[16];
    (void)st, (void)e;
    const char *dot = strchr(key + strlen(CLAIM_PREFIX), '.');
    if (dot && sscanf(dot, ".%9u%15s", &n, rest) == 2 && strcmp(rest, ".json") == 0 && n > *best)
        *best = n;
    return 0;
}

/* The newest generation of a claim and its watcher; generation 0: there is none. */
static int look(struct claimer *c, const char *claim, unsigned *ret_generation,
                char watcher[ID_SIZE], struct err *e)
{
    char key[KEY_SIZE];
    uint8_t id[16];
    AUTO(buf) struct buf data = {0};
    *ret_generation = 0;
    snprintf(key, sizeof key, CLAIM_PREFIX "%s.", claim);
    int r = store_list(c->store, key, "", highest, ret_generation, e);
    if (r < 0 || *ret_generation == 0)
        return r;
    claim_key(claim, *ret_generation, key);
    r = store_get(c->store, key, CLAIM_MAX_BYTES, &data, NULL, e);
    if (r == -ENOENT)
        *ret_generation = 0; /* released meanwhile */
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    json_auto_t *j = json_loadb(buf_str(&data), data.len, 0, NULL);
    const char *s = json_string_value(json_object_get(j, "watcher"));
    /* one that cannot be read has a holder without a beat: it goes with its lease */
    snprintf(watcher, ID_SIZE, "%s", s && hex_decode(s, id, sizeof id) == 0 ? s : "");
    return 0;
}

/* Is it a watcher of this host that has ended? */
static bool has_ended(const struct claimer *c, const char *watcher)
{
    if (!*watcher)
        return false;
    AUTO(free) char *path = lock_path(c, watcher);
    AUTO(fd) int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return false;
    unlink(path);
    return true;
}

static struct seen *seen_of(struct claimer *c, const char *claim)
{
    for (size_t i = 0; i < c->n_seen; i++)
        if (strcmp(c->seen[i].claim, claim) == 0)
            return &c->seen[i];
    return NULL;
}

static void forget(struct claimer *c, const char *claim)
{
    struct seen *s = seen_of(c, claim);
    if (s)
        *s = c->seen[--c->n_seen];
}

/* Where to note a claim: of those that nobody asked about for long, their cuts are done. */
static struct seen *seen_add(struct claimer *c, int64_t now_ms)
{
    for (size_t i = 0; i < c->n_seen; i++)
        if (now_ms - c->seen[i].asked_ms > 10 * c->lease_ms)
            return &c->seen[i];
    if (c->n_seen == c->cap_seen)
        c->seen = xrealloc(c->seen, c->cap_seen = c->cap_seen ? 2 * c->cap_seen : 16,
                           sizeof *c->seen);
    return &c->seen[c->n_seen++];
}

/* Has nothing moved for a lease? Notes what was seen for the next time. 1, 0 or an error. */
static int is_worn(struct claimer *c, const char *claim, unsigned generation, const char *watcher,
                   struct err *e)
{
    char key[KEY_SIZE];
    AUTO(buf) struct buf data = {0};
    struct seen now = {.generation = generation, .since_ms = clock_mono_ms()};
    now.asked_ms = now.since_ms;
    beat_key(watcher, key);
    int r = *watcher ? store_get(c->store, key, BEAT_MAX_BYTES, &data, NULL, e) : -ENOENT;
    if (r < 0 && r != -ENOENT && r != -EFBIG)
        return r;
    snprintf(now.claim, sizeof now.claim, "%s", claim);
    snprintf(now.watcher, sizeof now.watcher, "%s", watcher);
    snprintf(now.beat, sizeof now.beat, "%.*s", BEAT_MAX_BYTES, buf_str(&data));
    struct seen *s = seen_of(c, claim);
    if (s && s->generation == generation && strcmp(s->watcher, watcher) == 0 &&
        strcmp(s->beat, now.beat) == 0) {
        s->asked_ms = now.asked_ms;
        return now.since_ms - s->since_ms >= c->lease_ms;
    }
    *(s ? s : seen_add(c, now.since_ms)) = now;
    return 0;
}

/* Makes a generation ours. 0 with `*ret`. */
static int grab(struct claimer *c, const char *claim, unsigned generation, const char *name,
                enum claim *ret, unsigned *ret_generation, struct err *e)
{
    int r = make(c, claim, generation, name, e);
    if (r < 0 && r != -EEXIST)
        return r;
    *ret = r == 0 ? CLAIM_MINE : CLAIM_OTHERS;
    if (r == 0) {
        *ret_generation = generation;
        forget(c, claim);
        hold(c, claim);
    }
    return 0;
}

static int end_claim(struct claimer *c, const char *claim, struct err *e)
{
    char key[KEY_SIZE], watcher[ID_SIZE] = "";
    unsigned generation;
    int r = look(c, claim, &generation, watcher, e);
    if (r < 0)
        return r;
    if (strcmp(watcher, c->id) == 0) /* else it was taken over: it is not ours to end */
        for (; generation > 0; generation--) {
            claim_key(claim, generation, key);
            if ((r = store_remove(c->store, key, e)) < 0)
                return r;
        }
    unhold(c, claim);
    return 0;
}

/* What could not be removed while the store was away is removed when it is back. */
static int end_claims(struct claimer *c, struct err *e)
{
    for (; c->n_ended > 0; c->n_ended--) {
        int r = end_claim(c, c->ended[c->n_ended - 1], e);
        if (r < 0)
            return r;
    }
    return 0;
}

int claim_take(struct claimer *c, const char claim[SHA256_HEX_SIZE], const char *name,
               enum claim *ret, unsigned *ret_generation, struct err *e)
{
    char watcher[ID_SIZE];
    unsigned generation;
    int r = end_claims(c, e);
    if (r < 0)
        return r;
    r = grab(c, claim, 1, name, ret, ret_generation, e);
    if (r < 0 || *ret == CLAIM_MINE)
        return r;
    r = look(c, claim, &generation, watcher, e);
    if (r < 0 || generation == 0)
        return r;
    if (strcmp(watcher, c->id) == 0) {
        *ret = CLAIM_AGAIN;
        hold(c, claim); /* also where the answer to its making was lost */
        *ret_generation = generation;
        return 0;
    }
    r = has_ended(c, watcher) ? 1 : is_worn(c, claim, generation, watcher, e);
    if (r <= 0)
        return r;
    log_debug("claim", "taking over claim=%s generation=%u", claim, generation + 1);
    return grab(c, claim, generation + 1, name, ret, ret_generation, e);
}

int claim_release(struct claimer *c, const char claim[SHA256_HEX_SIZE], struct err *e)
{
    c->ended = xrealloc(c->ended, c->n_ended + 1, sizeof *c->ended);
    memcpy(c->ended[c->n_ended++], claim, SHA256_HEX_SIZE);
    return end_claims(c, e);
}
