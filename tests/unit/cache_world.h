/* tests/unit/cache_world.h - a store of made-up objects for a cache, and readers that wait for it.
 */
/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_CACHE_WORLD_H
#define TESTS_UNIT_CACHE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fs/cache/cache.h"
#include "fs/store/store.h"

#define M ((uint64_t)1 << 20)
#define K ((uint64_t)1 << 10)

/* ---- a store of made-up objects --------------------------------------------------------------
 * The byte at offset i of any object is a function of its key and i. A thread answers reads in
 * pieces, in random order and after random delays; or read_start() answers itself. */

enum answer { ANSWER_LATER, ANSWER_AT_ONCE, ANSWER_NEVER };

struct job {
    struct store_read *rd;
    size_t have;
    struct job *next;
};

struct fake {
    struct store store;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    pthread_t thread;
    struct job *jobs;
    size_t n_jobs, most_jobs;
    bool stop;
    enum answer answer;
    int fail; /* every read ends with this */
    int delay_us;
    unsigned seed;
    uint64_t reads, bytes, cancels;
};

#define RUN 512u /* bytes that are alike: quick to make, and no two neighbouring runs are */

static unsigned char byte_at(const char *key, uint64_t i)
{
    i /= RUN;
    return (unsigned char)((unsigned char)key[0] * 7u + i * 31u + (i >> 3) + (i >> 10) * 5u);
}

static void fill(struct store_read *rd, size_t from, size_t to)
{
    for (size_t i = from, n; i < to; i += n) {
        n = RUN - (rd->offset + i) % RUN;
        if (n > to - i)
            n = to - i;
        memset(rd->data + i, byte_at(rd->key, rd->offset + i), n);
    }
}

static bool is_right(const unsigned char *p, size_t n, const char *key, uint64_t offset)
{
    for (size_t i = 0; i < n; i += i + 61 < n || i == n - 1 ? 61 : n - 1 - i)
        if (p[i] != byte_at(key, offset + i))
            return false;
    return true;
}

static void finish(struct job *j, int r)
{
    struct err e;
    j->rd->done(j->rd, r, r < 0 ? (err_set(&e, r, "made up"), &e) : NULL);
    free(j);
}

static struct job *pick(struct fake *f)
{
    struct job **at = &f->jobs;
    for (size_t n = (size_t)rand_r(&f->seed) % f->n_jobs; n; n--)
        at = &(*at)->next;
    struct job *j = *at;
    *at = j->next;
    f->n_jobs--;
    return j;
}

static void *serve(void *arg)
{
    struct fake *f = arg;
    pthread_mutex_lock(&f->lock);
    while (!f->stop) {
        if (!f->jobs || f->answer == ANSWER_NEVER) {
            pthread_cond_wait(&f->cond, &f->lock);
            continue;
        }
        struct job *j = pick(f);
        int fail = f->fail, delay = f->delay_us ? rand_r(&f->seed) % f->delay_us : 0;
        bool cancelled = j->rd->store_private != NULL;
        size_t step = 1 + (size_t)rand_r(&f->seed) % (512 * K);
        pthread_mutex_unlock(&f->lock);
        if (delay)
            usleep((useconds_t)delay);
        if (cancelled || fail) {
            finish(j, cancelled ? -ECANCELED : fail);
        } else if (step >= j->rd->length - j->have) {
            fill(j->rd, j->have, j->rd->length);
            finish(j, 0);
        } else {
            fill(j->rd, j->have, j->have + step);
            j->have += step;
            j->rd->progress(j->rd, j->have);
            pthread_mutex_lock(&f->lock);
            j->next = f->jobs;
            f->jobs = j;
            f->n_jobs++;
            continue;
        }
        pthread_mutex_lock(&f->lock);
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

static void fake_read_start(struct store *s, struct store_read *rd)
{
    struct fake *f = (struct fake *)s;
    pthread_mutex_lock(&f->lock);
    f->reads++;
    f->bytes += rd->length;
    rd->store_private = NULL;
    if (f->answer == ANSWER_AT_ONCE) {
        int fail = f->fail;
        struct err e;
        pthread_mutex_unlock(&f->lock);
        if (!fail)
            fill(rd, 0, rd->length);
        rd->done(rd, fail, fail ? (err_set(&e, fail, "made up"), &e) : NULL);
        return;
    }
    struct job *j = calloc(1, sizeof *j);
    j->rd = rd;
    j->next = f->jobs;
    f->jobs = j;
    if (++f->n_jobs > f->most_jobs)
        f->most_jobs = f->n_jobs;
    pthread_cond_signal(&f->cond);
    pthread_mutex_unlock(&f->lock);
}

static void fake_read_cancel(struct store *s, struct store_read *rd)
{
    struct fake *f = (struct fake *)s;
    LOCKED(&f->lock);
    rd->store_private = f;
    f->cancels++;
}

static const struct store_ops ops = {.read_start = fake_read_start,
                                     .read_cancel = fake_read_cancel};

void store_read_start(struct store *s, struct store_read *rd)
{
    s->ops->read_start(s, rd);
}

void store_stats(struct store *s, struct store_stats *ret)
{
    (void)s;
    *ret = (struct store_stats){0};
}

void store_read_cancel(struct store *s, struct store_read *rd)
{
    s->ops->read_cancel(s, rd);
}

static struct fake *fake_new(enum answer answer, int delay_us)
{
    struct fake *f = calloc(1, sizeof *f);
    f->store.ops = &ops;
    f->answer = answer;
    f->delay_us = delay_us;
    f->seed = 42;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->cond, NULL);
    pthread_create(&f->thread, NULL, serve, f);
    return f;
}

static void fake_set(struct fake *f, enum answer answer, int fail)
{
    LOCKED(&f->lock);
    f->answer = answer;
    f->fail = fail;
    pthread_cond_signal(&f->cond);
}

static uint64_t fake_count(struct fake *f, const uint64_t *what)
{
    LOCKED(&f->lock);
    return *what;
}

static void fake_free(struct fake *f)
{
    pthread_mutex_lock(&f->lock);
    f->stop = true;
    pthread_cond_signal(&f->cond);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
    assert_null(f->jobs);
    free(f);
}

/* ---- a reader that waits --------------------------------------------------------------------- */

struct wait {
    struct cache_read rd;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool over;
    int replies, r;
    const char *key;
    bool right;
};

static void replied(struct cache_read *rd, int r, const struct iovec *iov, int n)
{
    struct wait *w = (struct wait *)rd;
    uint64_t at = rd->offset;
    bool right = true;
    for (int i = 0; i < n; at += iov[i++].iov_len)
        right = right && is_right(iov[i].iov_base, iov[i].iov_len, w->key, at);
    LOCKED(&w->lock);
    w->right = right && at == rd->offset + rd->length;
    w->r = r;
    w->replies++;
    w->over = true;
    pthread_cond_signal(&w->cond);
}

static void begin(struct wait *w, struct cache_file *f, const char *key, uint64_t offset, size_t n)
{
    *w = (struct wait){.rd = {.file = f, .offset = offset, .length = n, .reply = replied},
                       .key = key,
                       .lock = PTHREAD_MUTEX_INITIALIZER,
                       .cond = PTHREAD_COND_INITIALIZER};
    cache_read_start(&w->rd);
}

static int end(struct wait *w)
{
    LOCKED(&w->lock);
    while (!w->over)
        pthread_cond_wait(&w->cond, &w->lock);
    return w->r == 0 && !w->right ? -EILSEQ : w->r;
}

static int read_now(struct cache_file *f, const char *key, uint64_t offset, size_t n)
{
    struct wait w;
    begin(&w, f, key, offset, n);
    return end(&w);
}

static struct cache *cache_of(struct fake *f, uint64_t budget, uint64_t block, int64_t deadline_ms)
{
    struct cache *c = NULL;
    struct err e;
    struct cache_options o = {
        .budget_bytes = budget, .block_bytes = block, .deadline_ms = deadline_ms};
    assert_int_equal(cache_new(&f->store, &o, &c, &e), 0);
    return c;
}

#endif
