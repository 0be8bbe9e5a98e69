/* tests/unit/test_disk_store.c - reads through a disk cache: their answers, their ends, many at once. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>

#include "tests/unit/disk_world.h"

/* ---- one read, watched ----------------------------------------------------------------------- */

struct watched {
    struct store_read rd; /* first */
    char key[2], etag[2];
    pthread_mutex_t lock;
    pthread_cond_t cond;
    size_t told;
    bool wrong, over;
    int r;
};

static void on_progress(struct store_read *rd, size_t have)
{
    struct watched *x = (struct watched *)rd;
    LOCKED(&x->lock);
    if (have <= x->told || have > rd->length || x->over ||
        !is_right(rd->key, rd->etag, rd->offset + x->told, have - x->told, rd->data + x->told))
        x->wrong = true;
    x->told = have;
    pthread_cond_signal(&x->cond);
}

static void on_done(struct store_read *rd, int r, const struct err *e)
{
    struct watched *x = (struct watched *)rd;
    LOCKED(&x->lock);
    if (x->over || (r < 0) != (e != NULL) ||
        (r == 0 && !is_right(rd->key, rd->etag, rd->offset, rd->length, rd->data)))
        x->wrong = true;
    x->over = true;
    x->r = r;
    pthread_cond_signal(&x->cond);
}

static struct watched *watched_new(char key, char etag, uint64_t offset, size_t n)
{
    struct watched *x = calloc(1, sizeof *x);
    x->key[0] = key;
    x->etag[0] = etag;
    pthread_mutex_init(&x->lock, NULL);
    pthread_cond_init(&x->cond, NULL);
    x->rd = (struct store_read){.key = x->key,
                                .etag = x->etag,
                                .offset = offset,
                                .length = n,
                                .data = malloc(n),
                                .progress = on_progress,
                                .done = on_done};
    return x;
}

/* Its result, with the memory it had. */
static int watched_end(struct watched *x)
{
    pthread_mutex_lock(&x->lock);
    while (!x->over)
        pthread_cond_wait(&x->cond, &x->lock);
    int r = x->wrong ? -EBADMSG : x->r;
    pthread_mutex_unlock(&x->lock);
    free(x->rd.data);
    free(x);
    return r;
}

static void wait_told(struct watched *x, size_t n)
{
    LOCKED(&x->lock);
    while (x->told < n && !x->over)
        pthread_cond_wait(&x->cond, &x->lock);
}

static void hold(struct world *w, bool on)
{
    LOCKED(&w->inner.lock);
    w->inner.hold = on;
    pthread_cond_signal(&w->inner.cond);
}

static void wait_queued(struct world *w, size_t n)
{
    for (size_t now = 0; now < n;) {
        pthread_mutex_lock(&w->inner.lock);
        now = w->inner.n_queue;
        pthread_mutex_unlock(&w->inner.lock);
        usleep(100);
    }
}

/* ---- answers --------------------------------------------------------------------------------- */

static void test_bytes_are_told_as_they_come(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(/* later= */ true);
    struct watched *x = watched_new('a', '1', 0, 4 * M);
    hold(w, true);
    store_read_start(w->store, &x->rd);
    wait_queued(w, 1);
    hold(w, false);
    wait_told(x, 2 * M);
    wait_told(x, 4 * M); /* all of it before it ends: it may be written meanwhile */
    assert_int_equal(x->told, 4 * M);
    assert_int_equal(watched_end(x), 0);

    world_read(w, "b", "1", 0, M);
    hold(w, true); /* what is on the disk does not wait for the rest */
    x = watched_new('b', '1', 64 * K, 4 * M);
    store_read_start(w->store, &x->rd);
    wait_told(x, M - 64 * K);
    assert_int_equal(x->told, M - 64 * K);
    hold(w, false);
    assert_int_equal(watched_end(x), 0);
}

static void test_failures_are_the_inner_stores(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(true);
    struct watched *x = watched_new('a', '1', 0, M);
    w->inner.fail = -ESTALE;
    store_read_start(w->store, &x->rd);
    assert_int_equal(watched_end(x), -ESTALE);
    w->inner.fail = 0;
    assert_int_equal(world_read(w, "a", "1", 0, M), M); /* its first half was not kept */
    w->inner.fail = -EIO;
    assert_int_equal(world_read(w, "a", "1", 0, M), 0);
    w->inner.fail = 0;
}

static void test_cancelled_while_it_is_fetched(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(true);
    struct watched *x = watched_new('a', '1', 0, M);
    hold(w, true);
    store_read_start(w->store, &x->rd);
    wait_queued(w, 1);
    store_read_cancel(w->store, &x->rd);
    for (int i = 0; i < 1000; i++) { /* it may just be being started: then a moment later */
        pthread_mutex_lock(&w->inner.lock);
        bool passed_on = w->inner.cancels > 0;
        pthread_mutex_unlock(&w->inner.lock);
        if (passed_on)
            break;
        usleep(1000);
    }
    hold(w, false);
    assert_int_equal(watched_end(x), -ECANCELED);
    assert_int_equal(w->inner.cancels, 1);
    assert_int_equal(world_read(w, "a", "1", 0, M), M);
}

static void test_cancelled_before_it_is_looked_for(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(true);
    struct watched *x[64];
    int cancelled = 0;
    for (int i = 0; i < 64; i++) {
        x[i] = watched_new('a', '1', (uint64_t)i * M, M);
        store_read_start(w->store, &x[i]->rd);
    }
    for (int i = 63; i >= 0; i--)
        store_read_cancel(w->store, &x[i]->rd);
    for (int i = 0; i < 64; i++) {
        int r = watched_end(x[i]);
        assert_true(r == 0 || r == -ECANCELED);
        cancelled += r < 0;
    }
    assert_true(cancelled > 0);
}

/* An erased object is not brought back by a read that was under way. */
static void test_erased_while_it_is_fetched(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(true);
    struct err e;
    for (int i = 0; i < 3; i++) {
        struct watched *x = watched_new('a', '1', 0, M);
        hold(w, true);
        store_read_start(w->store, &x->rd);
        wait_queued(w, 1);
        if (i == 0)
            assert_int_equal(disk_cache_erase(w->dc, "a", NULL, &e), 0);
        else if (i == 1)
            assert_int_equal(disk_cache_erase(w->dc, "a", "1", &e), 0);
        else
            assert_int_equal(disk_cache_clear(w->dc, &e), 0);
        hold(w, false);
        assert_int_equal(watched_end(x), 0);
        assert_int_equal(world_stats(w).objects, 0);
        assert_int_equal(world_stats(w).held_bytes, 0);
    }
    assert_int_equal(world_read(w, "a", "1", 0, M), M);
    assert_int_equal(world_read(w, "a", "1", 0, M), 0);
}

static void test_too_much_at_once_is_not_kept(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(true);
    struct watched *x = watched_new('a', '1', 0, DISK_CACHE_FILL_BYTES + 64 * K);
    store_read_start(w->store, &x->rd);
    assert_int_equal(watched_end(x), 0);
    assert_int_equal(world_stats(w).objects, 0);
    x = watched_new('a', '1', 0, DISK_CACHE_FILL_BYTES);
    store_read_start(w->store, &x->rd);
    assert_int_equal(watched_end(x), 0);
    assert_int_equal(world_stats(w).held_bytes, DISK_CACHE_FILL_BYTES);
}

/* ---- many at once ---------------------------------------------------------------------------- */

#define THREADS 6
#define ROUNDS 40
#define OBJECTS 10

struct crowd {
    struct world *w;
    struct disk_cache *other; /* a handle of the same folder */
    struct store *other_store;
    atomic_int seed;
    atomic_bool stop;
};

/* Every read gets the bytes of its version or ends as cancelled, whatever happens around it. */
static void *read_in_a_crowd(void *arg)
{
    struct crowd *c = arg;
    unsigned seed = (unsigned)atomic_fetch_add(&c->seed, 1);
    long bad = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct watched *x[4];
        bool cancels[4];
        struct store *store[4];
        for (int k = 0; k < 4; k++) {
            uint64_t offset = (uint64_t)rand_r(&seed) % (8 * M);
            size_t n = 1 + (size_t)rand_r(&seed) % (512 * K);
            if (rand_r(&seed) % 4) {
                offset = offset / (64 * K) * (64 * K);
                n = (n / (64 * K) + 1) * 64 * K;
            }
            x[k] = watched_new((char)('a' + rand_r(&seed) % OBJECTS),
                               (char)('1' + rand_r(&seed) % 2), offset, n);
            cancels[k] = rand_r(&seed) % 8 == 0;
            store[k] = rand_r(&seed) % 3 ? c->w->store : c->other_store;
            store_read_start(store[k], &x[k]->rd);
        }
        for (int k = 0; k < 4; k++) {
            /* Only while it cannot end: done() takes the same lock. */
            pthread_mutex_lock(&x[k]->lock);
            if (cancels[k] && !x[k]->over)
                store_read_cancel(store[k], &x[k]->rd);
            pthread_mutex_unlock(&x[k]->lock);
            int r = watched_end(x[k]);
            bad += r != 0 && !(cancels[k] && r == -ECANCELED);
        }
    }
    return (void *)bad;
}

static void *disturb(void *arg)
{
    struct crowd *c = arg;
    unsigned seed = 99;
    struct err e;
    struct disk_cache_stats s;
    for (int i = 0; !atomic_load(&c->stop); i++) {
        char key[2] = {(char)('a' + rand_r(&seed) % OBJECTS), 0};
        struct disk_cache *dc = i % 2 ? c->w->dc : c->other;
        uint64_t at = 4096 + (uint64_t)rand_r(&seed) % (30 * K);
        if (i % 3 == 0 && disk_cache_erase_soon(dc, key, i % 2 ? NULL : "1", &e) < 0)
            return (void *)1;
        if (i % 5 == 0)
            world_damage(c->w, "table", at, 16);
        if (i % 2 == 0)
            world_damage(c->w, "data", (uint64_t)rand_r(&seed) % SIZE, 1);
        if (i % 40 == 0 && disk_cache_clear(dc, &e) < 0)
            return (void *)1;
        if (i % 7 == 0 && disk_cache_stats(dc, &s, &e) < 0)
            return (void *)1;
        disk_cache_has_all(dc, key, "1", 8 * M);
        usleep(2000);
    }
    return NULL;
}

static void test_many_at_once(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(true);
    struct disk_cache_options o = {.dir = w->cache, .key_path = w->key};
    struct crowd c = {.w = w};
    struct err e;
    pthread_t reader[THREADS], disturber;
    void *bad;
    assert_int_equal(disk_cache_open(&o, &c.other, &e), 0);
    c.other_store = disk_store_new(c.other, &w->inner.store);
    pthread_create(&disturber, NULL, disturb, &c);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&reader[i], NULL, read_in_a_crowd, &c);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(reader[i], &bad);
        assert_null(bad);
    }
    atomic_store(&c.stop, true);
    pthread_join(disturber, &bad);
    assert_null(bad);
    assert_int_equal(world_stats(w).write_errors, 0);
    store_close(c.other_store);
    disk_cache_close(c.other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_are_told_as_they_come),
        cmocka_unit_test(test_failures_are_the_inner_stores),
        cmocka_unit_test(test_cancelled_while_it_is_fetched),
        cmocka_unit_test(test_cancelled_before_it_is_looked_for),
        cmocka_unit_test(test_erased_while_it_is_fetched),
        cmocka_unit_test(test_too_much_at_once_is_not_kept),
        cmocka_unit_test(test_many_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
