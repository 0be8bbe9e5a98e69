/* tests/unit/test_cache_order.c - what is fetched ahead, what is kept, and what gives way first. */
/* SPDX-License-Identifier: MIT */
#include "fs/cache/readahead.h"
#include "tests/unit/cache_world.h"

#include "base/clock.h"
#include "fs/cache/ends.h"

#define BLOCK (4 * M)
#define ARENAS 16u

static _Atomic int64_t now_ms = 1000;

static int64_t set_clock(void)
{
    return now_ms;
}

struct world {
    struct fake *f;
    struct cache *c;
};

static struct world begin_world(uint64_t arenas)
{
    struct world w = {.f = fake_new(ANSWER_AT_ONCE, 0)};
    w.c = cache_of(w.f, arenas * BLOCK, BLOCK, 0);
    return w;
}

static void end_world(struct world *w)
{
    cache_free(w->c);
    fake_free(w->f);
}

/* Reads an object of `size` bytes, or its first `n`, through a handle of its own. Answers how many
 * bytes the store was asked for. */
static uint64_t read_some(struct world *w, const char *key, uint64_t size, uint64_t n)
{
    uint64_t before = fake_count(w->f, &w->f->bytes);
    struct cache_file *file = cache_file_open(w->c, key, "1", size);
    for (uint64_t at = 0; at < n; at += M / 2)
        assert_int_equal(read_now(file, key, at, at + M / 2 < n ? M / 2 : n - at), 0);
    cache_file_close(file);
    return fake_count(w->f, &w->f->bytes) - before;
}

static uint64_t read_whole(struct world *w, const char *key, uint64_t size)
{
    return read_some(w, key, size, size);
}

/* So many whole blocks of other objects pass through the cache. */
static void read_others(struct world *w, int blocks, const char *name)
{
    for (int i = 0; i < blocks; i++) {
        char key[64];
        snprintf(key, sizeof key, "%s.%d.bin", name, i);
        assert_true(read_whole(w, key, BLOCK) == BLOCK);
    }
}

static void settle(struct world *w, uint64_t prefetched)
{
    struct cache_stats st;
    for (cache_stats(w->c, &st); st.prefetched_bytes < prefetched; cache_stats(w->c, &st))
        usleep(100);
    assert_true(st.prefetched_bytes == prefetched);
}

static bool ahead(struct world *w, int number)
{
    char key[64];
    snprintf(key, sizeof key, "frame.%d.dpx", number);
    return cache_prefetch(w->c, key, "1", BLOCK);
}

static uint64_t read_frame(struct world *w, int number)
{
    char key[64];
    snprintf(key, sizeof key, "frame.%d.dpx", number);
    return read_whole(w, key, BLOCK);
}

static void fetched_ahead_without_a_handle(void **state)
{
    (void)state;
    struct world w = begin_world(ARENAS);
    uint64_t size = 2 * BLOCK + 100;
    struct cache_stats st;
    assert_true(cache_prefetch(w.c, "a", "1", size));
    settle(&w, size);
    assert_true(cache_prefetch(w.c, "a", "1", size)); /* costs nothing */
    assert_true(read_whole(&w, "a", size) == 0);
    assert_true(read_whole(&w, "b", size) == size);
    /* Part of it is there: the rest is fetched. */
    assert_true(read_some(&w, "c", BLOCK, 300 * K) == BLOCK);
    cache_drop(w.c, "a", NULL);
    assert_true(cache_prefetch(w.c, "a", "1", 100 * K));
    settle(&w, size + 100 * K + BLOCK + 100); /* the rest of b was fetched ahead, too */
    assert_true(cache_prefetch(w.c, "a", "1", size));
    settle(&w, size + size + BLOCK + 100);
    assert_true(read_whole(&w, "a", size) == 0);
    cache_stats(w.c, &st);
    assert_true(st.wasted_bytes == 0 && st.fetched_bytes == fake_count(w.f, &w.f->bytes));
    end_world(&w);
}

static void frames_not_read_yet_stay(void **state)
{
    (void)state;
    struct world w = begin_world(ARENAS);
    int n = 0;
    while (ahead(&w, n))
        n++;
    assert_int_equal(n, ARENAS / 2);
    settle(&w, n * BLOCK);
    read_others(&w, 3 * ARENAS, "other");
    for (int i = 0; i < n; i++)
        assert_true(read_frame(&w, i) == 0);
    /* Those were read: others may be fetched. */
    assert_true(ahead(&w, 100) && ahead(&w, 101));
    settle(&w, (n + 2) * BLOCK);
    struct cache_stats st;
    cache_stats(w.c, &st);
    assert_true(st.wasted_bytes == 0);

    /* What nobody comes for is in nobody's way after a while. */
    now_ms += 60000;
    read_others(&w, 3 * ARENAS, "more");
    cache_stats(w.c, &st);
    assert_true(st.wasted_bytes == 2 * BLOCK);
    end_world(&w);
}

/* What the kernel keeps in its pages goes before what only the cache has. */
static void what_was_spent_gives_way_first(void **state)
{
    (void)state;
    struct world w = begin_world(ARENAS);
    assert_true(read_whole(&w, "once", BLOCK) == BLOCK);
    for (unsigned i = 0; i < 3 * ARENAS; i++) {
        char key[64];
        snprintf(key, sizeof key, "kept.%u.bin", i);
        struct cache_file *file = cache_file_open(w.c, key, "1", BLOCK);
        cache_file_is_kept(file);
        for (uint64_t at = 0; at < BLOCK; at += M / 2)
            assert_int_equal(read_now(file, key, at, M / 2), 0);
        cache_file_close(file);
    }
    struct cache_stats st;
    cache_stats(w.c, &st);
    assert_true(st.held_bytes <= 4 * BLOCK); /* one block after the other, at the same place */
    assert_true(read_whole(&w, "once", BLOCK) == 0);
    end_world(&w);
}

/* A store answers a short range sooner than a long one. */
static void the_first_fetch_is_short(void **state)
{
    (void)state;
    struct world w = begin_world(ARENAS);
    unsigned before = (unsigned)fake_count(w.f, &w.f->reads);
    struct cache_file *file = cache_file_open(w.c, "f", "1", BLOCK);
    assert_int_equal(read_now(file, "f", 0, 4096), 0);
    assert_int_equal(fake_count(w.f, &w.f->bytes), READAHEAD_FIRST_BYTES);
    assert_int_equal(read_now(file, "f", 4096, M / 2), 0);
    assert_int_equal(fake_count(w.f, &w.f->reads) - before, 2);
    assert_int_equal(fake_count(w.f, &w.f->bytes), BLOCK);
    cache_file_close(file);
    end_world(&w);
}

static void the_youngest_frame_gives_way(void **state)
{
    (void)state;
    struct world w = begin_world(8);
    struct wait waits[8];
    struct cache_file *file[8];
    for (int i = 0; i < 4; i++, now_ms++) {
        assert_true(ahead(&w, i));
        settle(&w, (i + 1) * BLOCK);
    }
    /* Reads that are under way need all the rest, and one arena more. */
    fake_set(w.f, ANSWER_NEVER, 0);
    for (int i = 0; i < 5; i++) {
        char *key = (char[]){(char)('p' + i), 0};
        file[i] = cache_file_open(w.c, key, "1", BLOCK);
        begin(&waits[i], file[i],
              i == 0   ? "p"
              : i == 1 ? "q"
              : i == 2 ? "r"
              : i == 3 ? "s"
                       : "t",
              0, 300 * K);
    }
    fake_set(w.f, ANSWER_LATER, 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(end(&waits[i]), 0);
        cache_file_close(file[i]);
    }
    for (int i = 0; i < 4; i++)
        assert_true(read_frame(&w, i) == (i == 3 ? BLOCK : 0));
    end_world(&w);
}

static void ends_of_containers_stay(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        bool head, tail;
    } cases[] = {{"a.mov", true, true},   {"b.MXF", true, true}, {"c.exr", true, false},
                 {"d.bin", false, false}, {"e", false, false},   {"f.mov/g", false, false}};
    struct world w = begin_world(ARENAS);
    uint64_t size = 100 * M;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cache_file *file = cache_file_open(w.c, cases[i].key, "1", size);
        assert_int_equal(read_now(file, cases[i].key, 0, 64 * K), 0);
        assert_int_equal(read_now(file, cases[i].key, size - 64 * K, 64 * K), 0);
        cache_file_close(file);
    }
    read_others(&w, 3 * ARENAS, "other");
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cache_file *file = cache_file_open(w.c, cases[i].key, "1", size);
        uint64_t before = fake_count(w.f, &w.f->bytes);
        assert_int_equal(read_now(file, cases[i].key, 8 * K, 4 * K), 0);
        uint64_t between = fake_count(w.f, &w.f->bytes);
        assert_int_equal(read_now(file, cases[i].key, size - 8 * K, 4 * K), 0);
        cache_file_close(file);
        if ((between == before) != cases[i].head ||
            (cases[i].head && (fake_count(w.f, &w.f->bytes) == between) != cases[i].tail))
            fail_msg("%s", cases[i].key);
    }
    struct cache_stats st;
    cache_stats(w.c, &st);
    assert_true(st.held_bytes <= st.budget_bytes);
    end_world(&w);
}

/* There is room for the ends of a few files: those used last. */
static void kept_ends_are_bounded(void **state)
{
    (void)state;
    struct world w = begin_world(ARENAS);
    unsigned again = 0;
    for (int i = 0; i < 100; i++) {
        char key[64];
        snprintf(key, sizeof key, "k%d.mov", i);
        read_some(&w, key, 3 * M, 3 * M);
    }
    read_others(&w, 3 * ARENAS, "other");
    for (int i = 0; i < 100; i++) {
        char key[64];
        uint64_t before = fake_count(w.f, &w.f->bytes);
        snprintf(key, sizeof key, "k%d.mov", 99 - i);
        struct cache_file *file = cache_file_open(w.c, key, "1", 3 * M);
        assert_int_equal(read_now(file, key, 0, 300 * K), 0);
        cache_file_close(file);
        if (fake_count(w.f, &w.f->bytes) > before)
            break;
        again++;
    }
    print_message("%u heads were kept\n", again);
    assert_true(again >= 2 && again <= ARENAS / 8 * 4);
    end_world(&w);
}

/* More streams than blocks: none loses what it is reading through. */
static void many_streams_few_blocks(void **state)
{
    (void)state;
    enum { STREAMS = 24 };
    struct world w = begin_world(4);
    struct cache_file *file[STREAMS];
    char key[STREAMS][2];
    uint64_t size = 7 * M;
    for (int i = 0; i < STREAMS; i++) {
        key[i][0] = (char)('A' + i);
        key[i][1] = '\0';
        file[i] = cache_file_open(w.c, key[i], "1", size);
    }
    for (uint64_t at = 0; at < size; at += 256 * K)
        for (int i = 0; i < STREAMS; i++)
            assert_int_equal(read_now(file[i], key[i], at, 256 * K), 0);
    for (int i = 0; i < STREAMS; i++)
        cache_file_close(file[i]);
    double times = (double)fake_count(w.f, &w.f->bytes) / (double)(STREAMS * size);
    print_message("%.2f times fetched\n", times);
    assert_true(times < 2);
    end_world(&w);
}

/* Who has a file open and is in the middle of a block has it still after others' blocks went through;
 * who pauses for long, or has closed it, has not. */
static void what_is_being_read_stays(void **state)
{
    (void)state;
    struct world w = begin_world(4);
    struct cache_file *file = cache_file_open(w.c, "m.bin", "1", BLOCK);
    assert_int_equal(read_now(file, "m.bin", 0, M), 0);
    read_others(&w, 12, "other");
    uint64_t before = fake_count(w.f, &w.f->bytes);
    assert_int_equal(read_now(file, "m.bin", M, M), 0);
    assert_true(fake_count(w.f, &w.f->bytes) == before);
    now_ms += 60000;
    read_others(&w, 12, "more");
    before = fake_count(w.f, &w.f->bytes);
    assert_int_equal(read_now(file, "m.bin", 2 * M, M), 0);
    assert_true(fake_count(w.f, &w.f->bytes) > before);
    cache_file_close(file);
    end_world(&w);
}

/* The key of the one read that the store was told to end. */
static char cancelled_one(struct fake *f)
{
    char key = '\0';
    LOCKED(&f->lock);
    for (const struct job *j = f->jobs; j; j = j->next)
        if (j->rd->store_private)
            key = key ? '?' : j->rd->key[0];
    return key;
}

/* All of the memory is being filled for nobody: the youngest of that ends for who needs some. */
static void fetches_for_nobody_end(void **state)
{
    (void)state;
    struct world w = begin_world(4);
    static const char *const keys[] = {"a", "b", "c", "d", "e"};
    struct cache_file *file[COUNT(keys)];
    struct wait waits[COUNT(keys)];
    fake_set(w.f, ANSWER_NEVER, 0);
    for (size_t i = 0; i < COUNT(keys); i++) {
        assert_int_equal(cancelled_one(w.f), '\0');
        file[i] = cache_file_open(w.c, keys[i], "1", BLOCK);
        begin(&waits[i], file[i], keys[i], 0, 300 * K);
        if (i == COUNT(keys) - 1)
            break;
        cache_read_cancel(&waits[i].rd, -EINTR);
        assert_int_equal(end(&waits[i]), -EINTR);
        now_ms += 3000; /* no longer a stream that takes its share: each has a whole block */
    }
    assert_int_equal(cancelled_one(w.f), 'd');
    fake_set(w.f, ANSWER_LATER, 0);
    assert_int_equal(end(&waits[COUNT(keys) - 1]), 0);
    for (size_t i = 0; i < COUNT(keys); i++)
        cache_file_close(file[i]);
    end_world(&w);
}

static void ends_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        uint64_t size, head, tail;
    } cases[] = {{"a/b.mov", 100 * M, M, M},
                 {"a/b.Mp4", 100 * M, M, M},
                 {"b.mxf", M + 5, M, 5},
                 {"b.mxf", 5, 5, 0},
                 {"b.mxf", 0, 0, 0},
                 {"s.0001.exr", 8 * M, 64 * K, 0},
                 {"s.0001.exr", 100, 100, 0},
                 {"s.dpx", 8 * M, 0, 0},
                 {"mov", M, 0, 0},
                 {"a.mov/b", 100 * M, 0, 0},
                 {"a.", 100 * M, 0, 0},
                 {".mov", 100 * M, M, M},
                 {"A001.RDC/x.R3D", 9 * M, M, M}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ends got = ends_of(cases[i].key, cases[i].size);
        if (got.head != cases[i].head || got.tail != cases[i].tail)
            fail_msg("%s: %ju and %ju", cases[i].key, (uintmax_t)got.head, (uintmax_t)got.tail);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fetched_ahead_without_a_handle),
        cmocka_unit_test(frames_not_read_yet_stay),
        cmocka_unit_test(what_was_spent_gives_way_first),
        cmocka_unit_test(the_first_fetch_is_short),
        cmocka_unit_test(the_youngest_frame_gives_way),
        cmocka_unit_test(ends_of_containers_stay),
        cmocka_unit_test(kept_ends_are_bounded),
        cmocka_unit_test(many_streams_few_blocks),
        cmocka_unit_test(what_is_being_read_stays),
        cmocka_unit_test(fetches_for_nobody_end),
        cmocka_unit_test(ends_by_name),
    };
    clock_set(NULL, set_clock); /* before there are threads */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
