/* tests/unit/test_readahead.c - streams, frames and random reads as tables of what is fetched. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "fs/cache/readahead.h"

#define M ((uint64_t)1 << 20)
#define BLOCK (8 * M)
#define BIG (1024 * M)

#define EXACT READAHEAD_EXACT
#define FIRST READAHEAD_FIRST
#define SOME READAHEAD_SOME
#define ALL READAHEAD_BLOCK

struct step {
    uint64_t offset, length;
    enum readahead_fetch fetch;
    uint64_t ahead_from, ahead_to;
};

static void follow_within(const struct step *steps, size_t n, uint64_t size, unsigned window)
{
    struct readahead ra = {0};
    for (size_t i = 0; i < n; i++) {
        struct readahead_plan p;
        readahead_next(&ra, steps[i].offset, steps[i].length, size, BLOCK, window, &p);
        if (p.fetch != steps[i].fetch || p.ahead_from != steps[i].ahead_from ||
            p.ahead_to != steps[i].ahead_to)
            fail_msg("step %zu: %d %ju..%ju", i, p.fetch, (uintmax_t)p.ahead_from,
                     (uintmax_t)p.ahead_to);
    }
}

static void follow(const struct step *steps, size_t n, uint64_t size)
{
    follow_within(steps, n, size, READAHEAD_WINDOW_BLOCKS);
}

static void a_stream_widens(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {0, M, ALL, 0, 0},
        {M, M, ALL, BLOCK, 2 * BLOCK},
        {2 * M, M, ALL, BLOCK, 2 * BLOCK},
        {7 * M, M, ALL, BLOCK, 2 * BLOCK}, /* a jump within the slack */
        {8 * M, M, ALL, 2 * BLOCK, 4 * BLOCK},
        {12 * M, M, ALL, 2 * BLOCK, 4 * BLOCK},
        {16 * M, M, ALL, 3 * BLOCK, 7 * BLOCK},
        {20 * M, M, ALL, 3 * BLOCK, 7 * BLOCK},
        {24 * M, M, ALL, 4 * BLOCK, 8 * BLOCK},
    };
    follow(steps, COUNT(steps), BIG);
}

/* The store may change its mind, too. */
static void the_window_is_as_wide_as_the_store_says(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {0, M, ALL, 0, 0},
        {4 * M, 4 * M, ALL, BLOCK, 2 * BLOCK},
        {8 * M, 8 * M, ALL, 2 * BLOCK, 4 * BLOCK},
        {16 * M, 8 * M, ALL, 3 * BLOCK, 7 * BLOCK},
        {24 * M, 8 * M, ALL, 4 * BLOCK, 12 * BLOCK},
        {32 * M, 8 * M, ALL, 5 * BLOCK, 16 * BLOCK},
        {40 * M, 8 * M, ALL, 6 * BLOCK, 17 * BLOCK},
    };
    follow_within(steps, COUNT(steps), BIG, 11);

    struct readahead ra = {0};
    struct readahead_plan p;
    for (size_t i = 0; i < COUNT(steps); i++)
        readahead_next(&ra, steps[i].offset, steps[i].length, BIG, BLOCK, 11, &p);
    readahead_next(&ra, 48 * M, M, BIG, BLOCK, 4, &p);
    assert_int_equal(p.ahead_to, 11 * BLOCK);
}

static void it_stops_at_the_end(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {80 * M, M, EXACT, 0, 0},         {81 * M, M, SOME, 0, 0},
        {82 * M, M, ALL, 88 * M, 90 * M}, {88 * M, M, EXACT, 0, 0}, /* too far: 5 MiB */
        {89 * M, M, SOME, 0, 0},
    };
    follow(steps, COUNT(steps), 90 * M);
}

static void random_reads_fetch_nothing_more(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {500 * M, 4096, EXACT, 0, 0}, {100 * M, 4096, EXACT, 0, 0}, {900 * M, 4096, EXACT, 0, 0},
        {300 * M, 4096, EXACT, 0, 0}, {500 * M, 4096, EXACT, 0, 0}, {499 * M, 4096, EXACT, 0, 0},
    };
    follow(steps, COUNT(steps), BIG);
}

static void two_streams_at_once(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {0, M, ALL, 0, 0},
        {512 * M, M, EXACT, 0, 0},
        {M, M, ALL, BLOCK, 2 * BLOCK},
        {513 * M, M, SOME, 0, 0},
        {2 * M, M, ALL, BLOCK, 2 * BLOCK},
        {514 * M, M, ALL, 520 * M, 528 * M},
        {800 * M, 4096, EXACT, 0, 0}, /* takes the place of the older one */
        {515 * M, M, ALL, 520 * M, 528 * M},
        {3 * M, M, EXACT, 0, 0},
    };
    follow(steps, COUNT(steps), BIG);
}

static void requests_may_overtake(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {0, M / 8, FIRST, 0, 0},
        {M / 4, M / 8, ALL, BLOCK, 2 * BLOCK},
        {M / 8, M / 8, ALL, BLOCK, 2 * BLOCK},
        {2 * M, M, ALL, BLOCK, 2 * BLOCK},
        {M, M, ALL, BLOCK, 2 * BLOCK},
    };
    follow(steps, COUNT(steps), BIG);
}

/* As several threads of a front see what a kernel reads ahead of a player that has jumped. */
static void requests_may_overtake_after_a_jump(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {500 * M, M / 8, EXACT, 0, 0},
        {500 * M + 3 * M / 8, M / 2, SOME, 0, 0}, /* has overtaken the next */
        {500 * M + M / 8, M / 4, ALL, 504 * M, 512 * M},
        {502 * M, M, ALL, 504 * M, 512 * M},
        {500 * M + 7 * M / 8, M, ALL, 504 * M, 512 * M},
        {504 * M, M, ALL, 512 * M, 528 * M},
    };
    follow(steps, COUNT(steps), BIG);
}

/* Bytes that reads of one size at random fetch, of those that they ask for: no block is lost to
 * chance. */
static void random_reads_amplify_little(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {M / 8, M};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct readahead ra = {0};
        uint64_t length = lengths[i], asked = 0, fetched = 0;
        unsigned seed = 11;
        for (int k = 0; k < 20000; k++) {
            struct readahead_plan p;
            uint64_t at = (uint64_t)rand_r(&seed) % (BIG / length) * length;
            readahead_next(&ra, at, length, BIG, BLOCK, 4, &p);
            asked += length;
            fetched += p.fetch == ALL    ? BLOCK - at % BLOCK + p.ahead_to - p.ahead_from
                       : p.fetch == SOME ? length + M / 2
                                         : length;
        }
        print_message("%ju KiB: %.3f\n", (uintmax_t)length / 1024, (double)fetched / (double)asked);
        assert_true(fetched <= asked + asked / 20);
    }
}

static void a_frame_is_fetched_whole(void **state)
{
    (void)state;
    static const struct step from_start[] = {{0, 4096, FIRST, 0, 0},
                                              {4096, 32768, ALL, BLOCK, 50 * M}};
    follow(from_start, COUNT(from_start), 50 * M);
    static const struct step small[] = {{0, 4096, FIRST, 0, 0}, {4096, 32768, ALL, 0, 0}};
    follow(small, COUNT(small), 5 * M);
    static const struct step too_small[] = {{0, 4096, ALL, 0, 0}}; /* for two requests */
    follow(too_small, COUNT(too_small), M / 2);
    static const struct step too_big[] = {{0, 4096, FIRST, 0, 0},
                                           {4096, 32768, ALL, BLOCK, 2 * BLOCK}};
    follow(too_big, COUNT(too_big), 65 * M);
    static const struct step long_read[] = {{0, M, ALL, BLOCK, 50 * M}};
    follow(long_read, COUNT(long_read), 50 * M);
    static const struct step middle[] = {{20 * M, 4096, EXACT, 0, 0}};
    follow(middle, COUNT(middle), 50 * M);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_widens),
        cmocka_unit_test(the_window_is_as_wide_as_the_store_says),
        cmocka_unit_test(it_stops_at_the_end),
        cmocka_unit_test(random_reads_fetch_nothing_more),
        cmocka_unit_test(two_streams_at_once),
        cmocka_unit_test(requests_may_overtake),
        cmocka_unit_test(requests_may_overtake_after_a_jump),
        cmocka_unit_test(random_reads_amplify_little),
        cmocka_unit_test(a_frame_is_fetched_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
