/* fs/cache/cache.c - bytes of objects in memory, fetched once, shared by all handles, bounded. */
/* SPDX-License-Identifier: MIT */
#include "fs/cache/cache.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "fs/cache/cache_impl.h"

#define OBJECT_SLOTS 4096u
#define EXTENT_SLOTS 1024u
#define EXTENTS_AN_ARENA 128u /* where all reads are small and random */
#define ARENAS_LEAST 4u
#define WATCH_MS 250
/* Prefetches under way at the store: enough to fill a way of 1 GB/s and 40 ms. */
#define AHEAD_BYTES ((size_t)48 << 20)
#define WINDOW_EVERY_MS 100 /* how often the store is asked what is worth while */
#define AHEAD_FETCHES 32u

/* ---- the two threads ----------------------------------------------------------------------- */

static void wait_ms(struct cache *c, int ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += ms * 1000000L;
    t.tv_sec += t.tv_nsec / 1000000000L;
    t.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&c->watch_cond, &c->lock, &t);
}

/* Gives up what is overdue, and answers what was cancelled: a front may cancel where it must not
 * be answered. */
static void *watch(void *arg)
{
    struct cache *c = arg;
    pthread_mutex_lock(&c->lock);
    while (!c->stopping) {
        read_expire(c, clock_mono_ms());
        if (c->ready.first) {
            read_pump(c);
        } else if (c->waiting) {
            wait_ms(c, WATCH_MS);
        } else {
            pthread_cond_wait(&c->watch_cond, &c->lock);
        }
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* A stream fetches as many blocks ahead as the store says are worth while at once, within
 * three quarters of what prefetches may fill. */
static void note_window(struct cache *c)
{
    int64_t now_ms = clock_mono_ms();
    struct store_stats st;
    if (now_ms - c->window_ms < WINDOW_EVERY_MS)
        return;
    c->window_ms = now_ms;
    store_stats(c->store, &st);
    size_t most = c->arena_count * 3 / 8;
    if (most > READAHEAD_WINDOW_MOST)
        most = READAHEAD_WINDOW_MOST;
    c->window = st.long_reads < most ? st.long_reads : (unsigned)most;
    if (c->window < READAHEAD_WINDOW_BLOCKS)
        c->window = READAHEAD_WINDOW_BLOCKS;
}

static size_t ahead_most(const struct cache *c)
{
    size_t n = c->window * c->block_bytes;
    return n > AHEAD_BYTES ? n : AHEAD_BYTES;
}

/* Starts prefetches, so that a store which reads before it returns does not hold up a front; not all
 * at once, so that a read for which somebody waits finds no long queue at the store. */
static void *fetch_ahead(void *arg)
{
    struct cache *c = arg;
    struct extent *x;
    pthread_mutex_lock(&c->lock);
    while (!c->stopping) {
        note_window(c);
        if (c->ahead_bytes < ahead_most(c) && c->n_ahead < AHEAD_FETCHES &&
            (x = extent_list_pop(&c->ahead))) {
            read_start_ahead(c, x);
            read_pump(c);
        } else {
            pthread_cond_wait(&c->fetch_cond, &c->lock);
        }
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* Signals are for the program's own threads. */
static int start_thread(pthread_t *ret, void *(*fn)(void *), struct cache *c, struct err *e)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int r = pthread_create(ret, NULL, fn, c);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return r == 0 ? 0 : err_errno(e, -r, "start a thread of the cache");
}

/* ---- life ---------------------------------------------------------------------------------- */

static void destroy(struct cache *c)
{
    arena_done(c);
    free(c->extent_table);
    free(c->object_table);
    pthread_cond_destroy(&c->watch_cond);
    pthread_cond_destroy(&c->fetch_cond);
    pthread_cond_destroy(&c->idle_cond);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static void stop_threads(struct cache *c, bool watching)
{
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_signal(&c->watch_cond);
    pthread_cond_signal(&c->fetch_cond);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->fetch_thread, NULL);
    if (watching)
        pthread_join(c->watch_thread, NULL);
}

static struct cache *make(struct store *store, int64_t deadline_ms)
{
    struct cache *c = xcalloc(1, sizeof *c);
    pthread_condattr_t attr;

    c->store = store;
    c->window = READAHEAD_WINDOW_BLOCKS;
    c->deadline_ms = deadline_ms ? deadline_ms : CACHE_DEADLINE_MS;
    c->object_mask = OBJECT_SLOTS - 1;
    c->object_table = xcalloc(OBJECT_SLOTS, sizeof(struct object *));
    TAILQ_INIT(&c->streams);
    read_list_init(&c->queue);
    read_list_init(&c->ready);
    extent_list_init(&c->start);
    extent_list_init(&c->ahead);
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->watch_cond, &attr);
    pthread_condattr_destroy(&attr);
    pthread_cond_init(&c->fetch_cond, NULL);
    pthread_cond_init(&c->idle_cond, NULL);
    return c;
}

int cache_new(struct store *store, const struct cache_options *o, struct cache **ret, struct err *e)
{
    size_t budget = o->budget_bytes ? o->budget_bytes : CACHE_BUDGET_BYTES;
    size_t block = o->block_bytes ? o->block_bytes : CACHE_BLOCK_BYTES;

    if (budget < CACHE_BUDGET_MIN_BYTES)
        return err_set(e, -EINVAL, "a cache of %zu bytes is too small: at least %zu", budget,
                       CACHE_BUDGET_MIN_BYTES);
    /* A read may need two blocks at once and some must be left for others. */
    while (budget / block < ARENAS_LEAST && block > CACHE_READ_BYTES)
        block /= 2;

    struct cache *c = make(store, o->deadline_ms);
    c->block_bytes = block;
    c->unit_bytes = o->unit_bytes ? o->unit_bytes : CACHE_PAGE_BYTES;
    c->extent_mask = EXTENT_SLOTS - 1;
    while (c->extent_mask + 1 < budget / block * EXTENTS_AN_ARENA)
        c->extent_mask = c->extent_mask * 2 + 1;
    c->extent_table = xcalloc(c->extent_mask + 1, sizeof *c->extent_table);
    int r = arena_init(c, budget / block, e);
    if (r == 0)
        r = start_thread(&c->fetch_thread, fetch_ahead, c, e);
    if (r == 0) {
        r = start_thread(&c->watch_thread, watch, c, e);
        if (r < 0)
            stop_threads(c, /* watching= */ false);
    }
    if (r < 0) {
        destroy(c);
        return r;
    }
    *ret = c;
    return 0;
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    while (c->waiting)
        read_end(c, c->waiting, -ECANCELED);
    read_pump(c);
    pthread_mutex_unlock(&c->lock);
    stop_threads(c, /* watching= */ true);

    pthread_mutex_lock(&c->lock);
    for (struct extent *x; (x = extent_list_pop(&c->ahead));)
        extent_abandon(x);
    for (size_t i = 0; i < c->arena_count; i++)
        for (struct extent *x = c->arenas[i].extents, *next; x; x = next) {
            next = x->arena_next;
            extent_cancel(x);
        }
    while (c->fetching > 0 || c->answering > 0 || c->pumping > 0)
        pthread_cond_wait(&c->idle_cond, &c->lock);
    for (size_t i = 0; i < c->arena_count; i++)
        while (c->arenas[i].extents)
            extent_forget(c->arenas[i].extents);
    pthread_mutex_unlock(&c->lock);
    destroy(c);
}

/* ---- files --------------------------------------------------------------------------------- */

struct cache_file *cache_file_open(struct cache *c, const char *key, const char *etag,
                                   uint64_t size)
{
    struct cache_file *f = xcalloc(1, sizeof *f);
    LOCKED(&c->lock);
    f->cache = c;
    f->object = object_get(c, key, etag);
    f->object->files++;
    f->object->size = size;
    f->object->ends = ends_of(key, size);
    f->size = size;
    f->refs = 1;
    return f;
}

void file_unref(struct cache_file *f)
{
    if (--f->refs > 0)
        return;
    object_unref(f->cache, f->object);
    free(f);
}

void cache_file_close(struct cache_file *f)
{
    struct cache *c = f->cache;
    LOCKED(&c->lock);
    read_end_stream(f);
    if (--f->object->files == 0)
        for (struct extent *x = f->object->extents, *next; x; x = next) {
            next = x->object_next;
            extent_waste(x);
            if (x->have < x->length) /* all bytes, but being written to disk: they are good */
                extent_cancel(x);
        }
    file_unref(f);
}

void cache_file_is_kept(struct cache_file *f)
{
    LOCKED(&f->cache->lock);
    f->is_kept = true;
}

const char *cache_file_etag(const struct cache_file *f)
{
    return f->object->etag;
}

uint64_t cache_file_size(const struct cache_file *f)
{
    return f->size;
}

bool cache_prefetch(struct cache *c, const char *key, const char *etag, uint64_t length)
{
    LOCKED(&c->lock);
    struct object *o = object_get(c, key, etag);
    bool all = read_ahead(c, o, 0, length);
    object_unref(c, o);
    return all;
}

uint64_t cache_ahead_bytes(struct cache *c)
{
    LOCKED(&c->lock);
    return c->window * (uint64_t)c->block_bytes;
}

void cache_drop(struct cache *c, const char *key, const char *etag)
{
    LOCKED(&c->lock);
    for (size_t i = 0; i <= c->object_mask; i++)
        for (struct object *o = c->object_table[i], *next_object; o; o = next_object) {
            next_object = o->next;
            if (strcmp(o->key, key) || (etag && strcmp(o->etag, etag)))
                continue;
            o->refs++; /* forgetting its last extent must not free it under the loop */
            for (struct extent *x = o->extents, *next; x; x = next) {
                next = x->object_next;
                extent_ref(x);
                extent_cancel(x);
                extent_forget(x);
                extent_unref(x);
            }
            object_unref(c, o);
        }
}

void cache_stats(struct cache *c, struct cache_stats *ret)
{
    LOCKED(&c->lock);
    *ret = (struct cache_stats){
        .budget_bytes = c->arena_count * c->block_bytes,
        .fetched_bytes = c->fetched_bytes,
        .prefetched_bytes = c->prefetched_bytes,
        .wasted_bytes = c->wasted_bytes,
        .served_bytes = c->served_bytes,
    };
    for (size_t i = 0; i < c->arena_count; i++)
        ret->held_bytes += c->arenas[i].used;
}
