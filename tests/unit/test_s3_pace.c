/* tests/unit/test_s3_pace.c - how many long reads at once, in what pieces, and what is late. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "fs/s3/s3_pace.h"

#define MIB ((size_t)1 << 20)
#define LEAST 4
#define MOST 24

/* A line: every request waits for its first byte, then shares the line with the others under way,
 * and no connection is faster than its own limit. */
struct line {
    const char *name;
    double first_ms, line_mb_s, connection_mb_s;
    unsigned from, to; /* long reads at once, where it settles */
};

/* A line whose every connection always has a request, for so many seconds from `*ms` on. Answers
 * the mean number of long reads in the second half of that time. */
static double simulate(struct s3_pace *p, const struct line *l, double *ms, double seconds)
{
    double begin = *ms, end = begin + seconds * 1000, bytes = 8.0 * (double)MIB, sum = 0;
    unsigned n_sum = 0;
    while (*ms < end) {
        unsigned n = s3_pace_bulk(p);
        double alone = l->first_ms + bytes / (l->connection_mb_s * 1000);
        double shared = n * bytes / (l->line_mb_s * 1000);
        double cycle = alone > shared ? alone : shared;
        struct s3_pace_sample s = {
            .bytes = 8 * MIB,
            .first_us = (uint32_t)(l->first_ms * 1000),
            .total_us = (uint32_t)(cycle * 1000),
            .carry_us = (uint32_t)((cycle - l->first_ms) * 1000),
            .bulk = true,
            .full = true,
        };
        (void)s3_pace_piece(p, 8 * MIB, 1, 9);
        for (unsigned i = 0; i < n; i++) {
            *ms += cycle / n;
            s3_pace_note(p, &s, (int64_t)*ms);
        }
        assert_in_range(s3_pace_bulk(p), LEAST, MOST);
        if (*ms > (begin + end) / 2) {
            sum += n;
            n_sum++;
        }
    }
    return sum / n_sum;
}

static const struct line lines[] = {
    {"near", 0.8, 1100, 600, 4, 5},
    {"near and thin", 0.8, 100, 600, 4, 5},
    {"far, one connection fills the line", 20, 1100, 1100, 6, 14},
    {"farther", 80, 1100, 1100, 14, 24},
    {"far, and the line is thin", 20, 100, 1100, 4, 5},
    {"far, and a connection has a window", 30, 3000, 90, 16, 24},
    {"near, and the store shares itself out", 3, 2000, 90, 16, 24},
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct s3_pace p;
        double ms = 1000;
        s3_pace_init(&p, LEAST, MOST);
        assert_int_equal(s3_pace_bulk(&p), LEAST);
        double n = simulate(&p, &lines[i], &ms, 120);
        if (n < lines[i].from || n > lines[i].to + 0.5)
            fail_msg("%s: %.1f at once", lines[i].name, n);
    }
}

/* A poll of the ledger is enough to tell, and no long read has to be over first. */
static void test_far_begins_high(void **state)
{
    static const struct {
        uint32_t first_us;
        unsigned most, want;
    } cases[] = {{800, MOST, LEAST}, {20000, MOST, 16}, {20000, 8, 8}};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct s3_pace p;
        struct s3_pace_sample s = {.first_us = cases[i].first_us, .total_us = cases[i].first_us};
        s3_pace_init(&p, LEAST, cases[i].most);
        s3_pace_note(&p, &s, 1000);
        assert_int_equal(s3_pace_bulk(&p), cases[i].want);
        s.first_us = s.total_us = 900;
        s3_pace_note(&p, &s, 1001);
        assert_int_equal(s3_pace_bulk(&p), LEAST);
    }
}

static void test_a_line_that_changes(void **state)
{
    (void)state;
    struct s3_pace p;
    double ms = 1000;
    s3_pace_init(&p, LEAST, MOST);
    assert_true(simulate(&p, &lines[5], &ms, 60) >= lines[5].from);
    assert_true(simulate(&p, &lines[0], &ms, 400) <= lines[0].to + 1);
    assert_true(simulate(&p, &lines[3], &ms, 120) >= lines[3].from);
}

static void test_throttled_goes_back(void **state)
{
    (void)state;
    struct s3_pace p;
    double ms = 1000;
    s3_pace_init(&p, LEAST, MOST);
    simulate(&p, &lines[5], &ms, 60);
    unsigned before = s3_pace_bulk(&p);
    s3_pace_throttled(&p, (int64_t)ms);
    assert_true(s3_pace_bulk(&p) < before);
    before = s3_pace_bulk(&p);
    simulate(&p, &lines[5], &ms, 20); /* and leaves it there for a while */
    assert_true(s3_pace_bulk(&p) <= before);
}

/* Pieces */

static void test_pieces(void **state)
{
    static const struct {
        size_t length;
        unsigned room, waiting;
        size_t near, far;
    } cases[] = {
        {8 * MIB, 12, 1, 8 * MIB, 2 * MIB},    {8 * MIB, 2, 1, 8 * MIB, 4 * MIB},
        {8 * MIB, 12, 4, 8 * MIB, 2752 << 10}, {8 * MIB, 12, 7, 8 * MIB, 8 * MIB},
        {8 * MIB, 1, 1, 8 * MIB, 8 * MIB},     {3 * MIB, 12, 1, 3 * MIB, 3 * MIB},
        {4 * MIB, 12, 1, 4 * MIB, 2 * MIB},    {8 * MIB - 1, 12, 1, 8 * MIB - 1, 2752 << 10},
    };
    (void)state;
    struct s3_pace near, far;
    double ms = 1000;
    s3_pace_init(&near, LEAST, MOST);
    s3_pace_init(&far, LEAST, MOST);
    simulate(&near, &lines[0], &ms, 1);
    simulate(&far, &lines[3], &ms, 1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = s3_pace_piece(&near, cases[i].length, cases[i].room, cases[i].waiting);
        size_t f = s3_pace_piece(&far, cases[i].length, cases[i].room, cases[i].waiting);
        if (n != cases[i].near || f != cases[i].far)
            fail_msg("case %zu: near %zu KiB, far %zu KiB", i, n >> 10, f >> 10);
    }
}

/* Lateness */

static void note(struct s3_pace *p, size_t bytes, uint32_t ms, unsigned times)
{
    struct s3_pace_sample s = {.bytes = bytes, .first_us = 500, .total_us = ms * 1000};
    while (times-- > 0)
        s3_pace_note(p, &s, 1000);
}

static void test_late(void **state)
{
    (void)state;
    struct s3_pace p;
    s3_pace_init(&p, LEAST, MOST);
    note(&p, 8 * MIB, 40, 31);
    assert_true(s3_pace_late_ms(&p, 8 * MIB) == S3_PACE_NEVER);
    note(&p, 8 * MIB, 40, 1);
    assert_in_range(s3_pace_late_ms(&p, 8 * MIB), 80, 120); /* twice the usual time, at least */
    assert_true(s3_pace_late_ms(&p, 64 << 10) == S3_PACE_NEVER); /* another class */

    note(&p, 64 << 10, 1, 100);
    assert_int_equal(s3_pace_late_ms(&p, 64 << 10), 25); /* nothing is late so soon */

    note(&p, 8 * MIB, 40, 368);
    note(&p, 8 * MIB, 300, 8); /* two of a hundred */
    assert_in_range(s3_pace_late_ms(&p, 8 * MIB), 300, 400);
    note(&p, 8 * MIB, 40, 3000); /* and long ago */
    assert_in_range(s3_pace_late_ms(&p, 8 * MIB), 80, 120);
    note(&p, 8 * MIB, 200, 3000); /* now everything is slow */
    assert_in_range(s3_pace_late_ms(&p, 8 * MIB), 400, 500);
    note(&p, 8 * MIB, UINT32_MAX / 1000, 100); /* beyond the scale */
    assert_true(s3_pace_late_ms(&p, 8 * MIB) > 10000);
}

static void test_second_requests_are_few(void **state)
{
    (void)state;
    struct s3_pace p;
    unsigned twice = 0;
    s3_pace_init(&p, LEAST, MOST);
    for (unsigned asked = 1; asked <= 100000; asked++) {
        s3_pace_asked(&p);
        twice += s3_pace_ask_twice(&p, 8 * MIB, 0, 1000); /* everything is late */
        assert_true(twice * 20 <= asked);
    }
    assert_true(twice > 4000);
}

static void test_what_is_nearly_there_is_left_alone(void **state)
{
    static const struct {
        size_t have;
        int64_t took_ms;
        bool want;
    } cases[] = {
        {0, 200, true},        {MIB / 2, 200, true},  {4 * MIB, 200, true},
        {7 * MIB, 200, false}, {7 * MIB, 2000, true}, {8 * MIB, 2000, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct s3_pace p;
        s3_pace_init(&p, LEAST, MOST);
        note(&p, 8 * MIB, 40, 100);
        for (int k = 0; k < 100; k++)
            s3_pace_asked(&p);
        if (s3_pace_ask_twice(&p, 8 * MIB, cases[i].have, cases[i].took_ms) != cases[i].want)
            fail_msg("case %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_far_begins_high),
        cmocka_unit_test(test_a_line_that_changes),
        cmocka_unit_test(test_throttled_goes_back),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_second_requests_are_few),
        cmocka_unit_test(test_what_is_nearly_there_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
