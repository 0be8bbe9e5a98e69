/* tests/unit/model_world.h - a store of made-up objects that change, fail, hesitate and give up:
 * what the caches are held against while many threads use them. */
/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_MODEL_WORLD_H
#define TESTS_UNIT_MODEL_WORLD_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fs/store/store.h"

#define M ((uint64_t)1 << 20)
#define K ((uint64_t)1 << 10)
#define WORLD_OBJECTS 20
#define WORLD_SERVERS 3
#define WORLD_GARBAGE 0xEE /* what a buffer holds where nothing was reported yet */

/* ---- content: a function of key, version and place ------------------------------------------- */

struct world_name {
    char key[24], etag[24];
    uint64_t size;
};

static inline uint64_t world_mix(uint64_t x)
{
    x *= 0x9e3779b97f4a7c15u;
    return x ^ x >> 29;
}

static inline uint64_t world_seed(const char *key, const char *etag)
{
    uint64_t h = 5381;
    for (const char *p = key; *p; p++)
        h = h * 33 + (unsigned char)*p;
    for (const char *p = etag; *p; p++)
        h = h * 33 + (unsigned char)*p;
    return world_mix(h);
}

static inline uint64_t world_word(uint64_t seed, uint64_t offset)
{
    return world_mix(seed + offset / 8);
}

static void world_fill(uint64_t seed, char *p, uint64_t offset, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint64_t word = world_word(seed, offset + i);
        size_t skip = (offset + i) % 8, take = 8 - skip < n - i ? 8 - skip : n - i;
        memcpy(p + i, (char *)&word + skip, take);
        i += take;
    }
}

/* Where the first wrong byte is, or `n`. */
static size_t world_wrong(uint64_t seed, const char *p, uint64_t offset, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint64_t word = world_word(seed, offset + i);
        size_t skip = (offset + i) % 8, take = 8 - skip < n - i ? 8 - skip : n - i;
        if (memcmp(p + i, (char *)&word + skip, take) != 0)
            return i;
        i += take;
    }
    return n;
}

/* ---- the store --------------------------------------------------------------------------------- */

struct world_job {
    struct store_read *rd;
    uint64_t seed;
    size_t have;
    int fate; /* 0, or the code that it ends with somewhere on its way */
    bool cancelled;
    struct world_job *next;
};

struct world {
    struct store store; /* first */
    _Atomic unsigned version[WORLD_OBJECTS];
    bool at_once;           /* read_start() answers itself, as a directory does */
    unsigned fail_one_in;   /* 0: never */
    unsigned delay_us;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    pthread_t thread[WORLD_SERVERS];
    struct world_job *jobs;
    size_t n_jobs;
    unsigned seed;
    bool stop;
    uint64_t reads, ends;
};

/* Sizes from one byte to some blocks; each version has its own. */
static inline uint64_t world_size(unsigned object, unsigned version)
{
    static const uint64_t sizes[] = {1, 5000, 65536, 65537, 300 * K, M, M + 1, 3 * M - 7, 5 * M,
                                     9 * M + 12345};
    return sizes[(object + version * 3) % COUNT(sizes)];
}

static inline struct world_name world_name(unsigned object, unsigned version)
{
    struct world_name n = {.size = world_size(object, version)};
    snprintf(n.key, sizeof n.key, "show/plate.%04u", object);
    snprintf(n.etag, sizeof n.etag, "v%u", version);
    return n;
}

static bool world_is_current(struct world *w, const struct store_read *rd)
{
    unsigned object = (unsigned)atoi(rd->key + strlen("show/plate."));
    return rd->etag && (unsigned)atoi(rd->etag + 1) == atomic_load(&w->version[object]);
}

/* One step of a job, without the lock. True: it ended, and its read may be gone. */
static bool world_step(struct world *w, struct world_job *j, unsigned dice, bool cancelled)
{
    struct store_read *rd = j->rd;
    struct err e;
    size_t left = rd->length - j->have, step = 1 + dice % (700 * K);
    int r = cancelled ? -ECANCELED : !world_is_current(w, rd) ? -ESTALE : 0;
    if (r == 0 && j->fate && dice % 3 == 0)
        r = j->fate;
    if (r == 0) {
        step = step < left ? step : left;
        world_fill(j->seed, rd->data + j->have, rd->offset + j->have, step);
        j->have += step;
        if (j->have < rd->length || (dice & 64)) {
            if (rd->progress && (dice & 128))
                rd->progress(rd, j->have);
        }
        if (j->have < rd->length)
            return false;
        r = j->fate;
    }
    rd->done(rd, r, r < 0 ? (err_set(&e, r, "made up"), &e) : NULL);
    return true;
}

static void *world_serve(void *arg)
{
    struct world *w = arg;
    pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        if (!w->jobs) {
            pthread_cond_wait(&w->cond, &w->lock);
            continue;
        }
        struct world_job **at = &w->jobs;
        for (size_t n = (size_t)rand_r(&w->seed) % w->n_jobs; n; n--)
            at = &(*at)->next;
        struct world_job *j = *at;
        *at = j->next;
        w->n_jobs--;
        unsigned dice = (unsigned)rand_r(&w->seed);
        bool cancelled = j->cancelled;
        pthread_mutex_unlock(&w->lock);
        if (w->delay_us && dice % 4 == 0)
            usleep(dice % w->delay_us);
        bool over = world_step(w, j, dice, cancelled);
        pthread_mutex_lock(&w->lock);
        if (over) {
            free(j);
            w->ends++;
        } else {
            j->next = w->jobs;
            w->jobs = j;
            w->n_jobs++;
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void world_read_start(struct store *s, struct store_read *rd)
{
    struct world *w = (struct world *)s;
    struct world_job *j = calloc(1, sizeof *j);
    memset(rd->data, WORLD_GARBAGE, rd->length);
    *j = (struct world_job){.rd = rd, .seed = world_seed(rd->key, rd->etag)};
    pthread_mutex_lock(&w->lock);
    rd->store_private = j;
    w->reads++;
    unsigned dice = (unsigned)rand_r(&w->seed);
    if (w->fail_one_in && dice % w->fail_one_in == 0)
        j->fate = -EIO;
    if (!w->at_once) {
        j->next = w->jobs;
        w->jobs = j;
        w->n_jobs++;
        pthread_cond_signal(&w->cond);
        pthread_mutex_unlock(&w->lock);
        return;
    }
    pthread_mutex_unlock(&w->lock);
    for (bool over = false; !over;) {
        pthread_mutex_lock(&w->lock);
        bool cancelled = j->cancelled;
        dice = (unsigned)rand_r(&w->seed);
        pthread_mutex_unlock(&w->lock);
        over = world_step(w, j, dice, cancelled);
    }
    LOCKED(&w->lock);
    free(j);
    w->ends++;
}

/* The job is alive until done() has returned, and so is every cancel. */
static void world_read_cancel(struct store *s, struct store_read *rd)
{
    struct world *w = (struct world *)s;
    LOCKED(&w->lock);
    struct world_job *j = rd->store_private;
    j->cancelled = true;
}

static const struct store_ops world_ops = {.read_start = world_read_start,
                                           .read_cancel = world_read_cancel};

static struct world *world_new(bool at_once, unsigned fail_one_in, unsigned delay_us, unsigned seed)
{
    struct world *w = calloc(1, sizeof *w);
    w->store.ops = &world_ops;
    w->at_once = at_once;
    w->fail_one_in = fail_one_in;
    w->delay_us = delay_us;
    w->seed = seed;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->cond, NULL);
    for (int i = 0; i < WORLD_SERVERS; i++)
        pthread_create(&w->thread[i], NULL, world_serve, w);
    return w;
}

/* How many reads were started and have not ended: 0 once nobody uses the store. */
static uint64_t world_free(struct world *w)
{
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->cond);
    pthread_mutex_unlock(&w->lock);
    for (int i = 0; i < WORLD_SERVERS; i++)
        pthread_join(w->thread[i], NULL);
    uint64_t open = w->reads - w->ends;
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->cond);
    free(w);
    return open;
}

#endif
