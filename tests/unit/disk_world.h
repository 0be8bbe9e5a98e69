/* tests/unit/disk_world.h - a disk cache in a folder of its own, over a store of made-up objects. */
/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_DISK_WORLD_H
#define TESTS_UNIT_DISK_WORLD_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fs/cache/disk_cache.h"
#include "fs/store/store.h"

#define M ((uint64_t)1 << 20)
#define K ((uint64_t)1 << 10)
#define SIZE (64 * M)

/* ---- the store: the byte at i of a version is a function of its key, its ETag and i ---------- */

struct made_up {
    struct store store;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    pthread_t thread;
    bool stop, hold; /* hold: nothing is answered */
    bool later;      /* answered by a thread of its own, in pieces; else at once */
    int fail;        /* reads end with this, after their first half */
    struct store_read *queue[256];
    size_t n_queue;
    uint64_t reads, bytes, cancels;
};

static unsigned char byte_of(const char *key, const char *etag, uint64_t i)
{
    uint64_t x = (i / 8 + 1) * 0x9e3779b97f4a7c15u + (unsigned char)key[0] * 0x100000001b3u +
                 (etag ? (unsigned char)etag[0] : 0) * 0xc2b2ae3d27d4eb4fu;
    return (unsigned char)((x ^ x >> 29) >> (i % 8 * 4));
}

static void make_up(const char *key, const char *etag, uint64_t offset, size_t n, char *data)
{
    for (size_t i = 0; i < n; i++)
        data[i] = (char)byte_of(key, etag, offset + i);
}

static bool is_right(const char *key, const char *etag, uint64_t offset, size_t n, const char *data)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)data[i] != byte_of(key, etag, offset + i))
            return false;
    return true;
}

static void made_up_answer(struct made_up *m, struct store_read *rd)
{
    struct err e;
    pthread_mutex_lock(&m->lock);
    int r = rd->store_private == m ? -ECANCELED : m->fail;
    pthread_mutex_unlock(&m->lock);
    size_t half = rd->length / 2;
    make_up(rd->key, rd->etag, rd->offset, half, rd->data);
    if (half && rd->progress)
        rd->progress(rd, half);
    if (r == 0)
        make_up(rd->key, rd->etag, rd->offset + half, rd->length - half, rd->data + half);
    rd->done(rd, r, r < 0 ? (err_set(&e, r, "made up"), &e) : NULL);
}

static void *made_up_serve(void *arg)
{
    struct made_up *m = arg;
    pthread_mutex_lock(&m->lock);
    while (!m->stop || m->n_queue) {
        if (!m->n_queue || (m->hold && !m->stop)) {
            pthread_cond_wait(&m->cond, &m->lock);
            continue;
        }
        struct store_read *rd = m->queue[0];
        memmove(m->queue, m->queue + 1, --m->n_queue * sizeof *m->queue);
        pthread_mutex_unlock(&m->lock);
        made_up_answer(m, rd);
        pthread_mutex_lock(&m->lock);
    }
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

static void made_up_read_start(struct store *s, struct store_read *rd)
{
    struct made_up *m = (struct made_up *)s;
    pthread_mutex_lock(&m->lock);
    rd->store_private = NULL;
    m->reads++;
    m->bytes += rd->length;
    bool later = m->later;
    if (later) {
        if (m->n_queue == COUNT(m->queue))
            abort();
        m->queue[m->n_queue++] = rd;
        pthread_cond_signal(&m->cond);
    }
    pthread_mutex_unlock(&m->lock);
    if (!later)
        made_up_answer(m, rd);
}

static void made_up_read_cancel(struct store *s, struct store_read *rd)
{
    struct made_up *m = (struct made_up *)s;
    LOCKED(&m->lock);
    rd->store_private = m;
    m->cancels++;
}

static void made_up_init(struct made_up *m, bool later)
{
    static const struct store_ops ops = {.read_start = made_up_read_start,
                                         .read_cancel = made_up_read_cancel};
    *m = (struct made_up){.store = {.ops = &ops, .url = (char *)"s3://made-up"}, .later = later};
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->cond, NULL);
    pthread_create(&m->thread, NULL, made_up_serve, m);
}

static void made_up_done(struct made_up *m)
{
    pthread_mutex_lock(&m->lock);
    m->stop = true;
    pthread_cond_signal(&m->cond);
    pthread_mutex_unlock(&m->lock);
    pthread_join(m->thread, NULL);
}

static inline uint64_t made_up_bytes(struct made_up *m) /* that were asked for since the last call */
{
    LOCKED(&m->lock);
    uint64_t n = m->bytes;
    m->bytes = 0;
    return n;
}

/* ---- the world ------------------------------------------------------------------------------- */

struct world {
    char dir[64], cache[80], key[80];
    struct made_up inner;
    struct disk_cache *dc;
    struct store *store;
};

static void world_open(struct world *w, uint64_t size)
{
    struct err e;
    struct disk_cache_options o = {.dir = w->cache, .size_bytes = size, .key_path = w->key};
    if (disk_cache_open(&o, &w->dc, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
    w->store = disk_store_new(w->dc, &w->inner.store);
}

static void world_close(struct world *w)
{
    store_close(w->store);
    disk_cache_close(w->dc);
    w->store = NULL;
    w->dc = NULL;
}

static inline void world_reopen(struct world *w, uint64_t size)
{
    world_close(w);
    world_open(w, size);
}

static struct world *world_new(bool later)
{
    struct world *w = calloc(1, sizeof *w);
    snprintf(w->dir, sizeof w->dir, "%s", "/tmp/shotlake-disk-XXXXXX");
    if (!mkdtemp(w->dir))
        abort();
    snprintf(w->cache, sizeof w->cache, "%s/cache", w->dir);
    snprintf(w->key, sizeof w->key, "%s/key", w->dir);
    made_up_init(&w->inner, later);
    world_open(w, SIZE);
    return w;
}

static void world_free(struct world *w)
{
    char path[128];
    world_close(w);
    made_up_done(&w->inner);
    snprintf(path, sizeof path, "%s/table", w->cache);
    unlink(path);
    snprintf(path, sizeof path, "%s/data", w->cache);
    unlink(path);
    rmdir(w->cache);
    unlink(w->key);
    if (rmdir(w->dir) < 0)
        perror(w->dir); /* something was left that should not be there */
    free(w);
}

static inline void auto_world(struct world **w)
{
    if (*w)
        world_free(*w);
}

/* Reads and compares; what the inner store was asked for. */
static uint64_t world_read(struct world *w, const char *key, const char *etag, uint64_t offset,
                           size_t n)
{
    struct err e;
    AUTO(free) char *data = malloc(n);
    made_up_bytes(&w->inner);
    int r = store_read_wait(w->store, key, etag, offset, n, data, &e);
    if (r < 0 || !is_right(key, etag, offset, n, data)) {
        fprintf(stderr, "'%s' at %llu: %s\n", key, (unsigned long long)offset,
                r < 0 ? e.text : "wrong bytes");
        abort();
    }
    return made_up_bytes(&w->inner);
}

static inline struct disk_cache_stats world_stats(struct world *w)
{
    struct disk_cache_stats s;
    struct err e;
    if (disk_cache_stats(w->dc, &s, &e) < 0)
        abort();
    return s;
}

/* Changes bytes of a file of the cache. */
static inline void world_damage(struct world *w, const char *file, uint64_t offset, size_t n)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", w->cache, file);
    AUTO(fd) int fd = open(path, O_RDWR);
    for (size_t i = 0; i < n; i++) {
        char c = 0;
        if (pread(fd, &c, 1, (off_t)(offset + i)) != 1)
            return;
        c ^= 0x55;
        if (pwrite(fd, &c, 1, (off_t)(offset + i)) != 1)
            abort();
    }
}

#endif
