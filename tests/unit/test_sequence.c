/* tests/unit/test_sequence.c - frame notations, ImageSequenceReference, and their numbers. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/sequence.h"

static const struct {
    const char *name;
    int want;           /* 1 a sequence, 0 a plain name, -EINVAL */
    const char *frames; /* sequence_format() */
    const char *first;  /* the name of the first frame, or of frame 7 */
    int pad;
} names[] = {
    {"p.[0001-0005].exr", 1, "0001-0005", "p.0001.exr", 4},
    {"p.[1001-1010,1015].exr", 1, "1001-1010,1015", "p.1001.exr", 4},
    {"p.[1001-1010, 1015].exr", 1, "1001-1010,1015", "p.1001.exr", 4},
    {"p.[998-1003].exr", 1, "998-1003", "p.998.exr", 3},
    {"p.[-2-2].exr", 1, "-2-2", "p.-2.exr", 1},
    {"p.[5,3,4,4].exr", 1, "3-5", "p.5.exr", 1},
    {"p.%04d.exr", 1, "*", "p.0007.exr", 4},
    {"p.%d.exr", 1, "*", "p.7.exr", 0},
    {"p.####.exr", 1, "*", "p.0007.exr", 4},
    {"p.@@@.exr", 1, "*", "p.007.exr", 3},
    {"p.#.exr", 1, "*", "p.7.exr", SEQUENCE_PAD_ANY},
    {"p.$F4.exr", 1, "*", "p.0007.exr", 4},
    {"p.$F.exr", 1, "*", "p.7.exr", 0},
    {"p.{:04d}.exr", 1, "*", "p.0007.exr", 4},
    {"p.%04d.exr 1001-1098", 1, "1001-1098", "p.1001.exr", 4},
    {"p_%05d", 1, "*", "p_00007", 5},
    {"p.1001.exr", 0, NULL, NULL, 0},
    {"plain.mov", 0, NULL, NULL, 0},
    {"take[2].mov", 0, NULL, NULL, 0},
    {"[final].mov", 0, NULL, NULL, 0},
    {"a[1-b].mov", 0, NULL, NULL, 0},
    {"p.[1001-1010.exr", 0, NULL, NULL, 0},
    {"[1-2].%04d.exr", 0, NULL, NULL, 0},
    {"take#2.mov", 0, NULL, NULL, 0},
    {"me@home.mov", 0, NULL, NULL, 0},
    {"$Foo.mov", 0, NULL, NULL, 0},
    {"100%done.mov", 0, NULL, NULL, 0},
    {"a%20day.mov", 0, NULL, NULL, 0},
    {"", 0, NULL, NULL, 0},
    {"p.[1010-1001].exr", -EINVAL, NULL, NULL, 0},
    {"p.[1-1000001].exr", -EINVAL, NULL, NULL, 0},
    {"p.[1-600000,1-600000].exr", -EINVAL, NULL, NULL, 0},
    {"p.###################.exr", -EINVAL, NULL, NULL, 0},
};

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct sequence s;
        struct err e;
        int r = sequence_parse_name(names[i].name, &s, &e);
        if (r != names[i].want)
            fail_msg("%s: %d", names[i].name, r);
        if (r != 1)
            continue;
        struct buf frames = {0}, first = {0};
        sequence_format(&s, &frames);
        sequence_name(&s, s.known ? s.start : 7, &first);
        assert_string_equal(frames.p, names[i].frames);
        assert_string_equal(first.p, names[i].first);
        assert_int_equal(s.pad, names[i].pad);
        buf_done(&frames);
        buf_done(&first);
        sequence_done(&s);
    }
}

#define DUR(v, r) "\"available_range\":{\"duration\":{\"value\":" v ",\"rate\":" r "}}"

static const struct {
    const char *json;
    int want;
    const char *frames;
} refs[] = {
    {"\"start_frame\":1001,\"frame_step\":1,\"frame_zero_padding\":4," DUR("100", "24"), 0,
     "1001-1100"},
    /* OpenTimelineIO says 99 */
    {"\"start_frame\":1,\"rate\":23.976023976023978," DUR("100.0", "23.976024627685547"), 0,
     "1-100"},
    {"\"start_frame\":1,\"rate\":1.0," DUR("50", "24"), 0, "1-50"},
    {"\"start_frame\":0,\"rate\":0.0," DUR("8", "24"), 0, "0-7"},
    {"\"start_frame\":1001," DUR("99.9999", "24"), 0, "1001-1100"},
    {"\"start_frame\":-3,\"frame_zero_padding\":4," DUR("5", "24"), 0, "-0003-0001"},
    {"\"start_frame\":1001.0," DUR("2", "24"), 0, "1001-1002"},
    {"\"start_frame\":1,\"frame_step\":2," DUR("10", "24"), 0, "1,3,5,7,9"},
    {"\"start_frame\":9,\"frame_step\":-4," DUR("9", "24"), 0, "5,9"},
    {"\"start_frame\":1,\"frame_step\":0," DUR("3", "24"), 0, "1-3"},
    {"\"start_frame\":1001,\"available_range\":null", 0, "*"},
    {"\"frame_zero_padding\":4", 0, "*"},
    {"\"start_frame\":5," DUR("9", "24") ",\"metadata\":{\"shotlake\":{\"frames\":\"1-2,4\"}}", 0,
     "1-2,4"},
    {DUR("9", "24") ",\"metadata\":{\"shotlake\":{\"frames\":\"*\"}}", 0, "*"},
    {DUR("9", "24") ",\"metadata\":{\"shotlake\":{\"frames\":\"x\"}}", -EINVAL, NULL},
    {DUR("0", "24"), -EINVAL, NULL},
    {DUR("-4", "24"), -EINVAL, NULL},
    {DUR("\"NaN\"", "24"), -EINVAL, NULL},
    {DUR("1e300", "24"), -EINVAL, NULL},
    {DUR("1000001", "24"), -EINVAL, NULL},
    {"\"frame_step\":999999999999," DUR("1e12", "24"), -EINVAL, NULL},
    {"\"start_frame\":9223372036854775807," DUR("2", "24"), -EINVAL, NULL},
    {"\"frame_step\":-9223372036854775808," DUR("2", "24"), -EINVAL, NULL},
    {"\"frame_zero_padding\":400," DUR("2", "24"), -EINVAL, NULL},
    {"\"frame_zero_padding\":-1," DUR("2", "24"), -EINVAL, NULL},
};

static void test_references(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refs); i++) {
        AUTO(free) char *text = xasprintf("{%s}", refs[i].json);
        json_auto_t *ref = json_loads(text, 0, NULL);
        struct sequence s;
        struct err e;
        assert_non_null(ref);
        int r = sequence_parse_reference(ref, &s, &e);
        if (r != refs[i].want)
            fail_msg("%s: %d", text, r);
        if (r == 0) {
            struct buf b __attribute__((cleanup(auto_buf))) = {0};
            sequence_format(&s, &b);
            assert_string_equal(b.p, refs[i].frames);
        }
        sequence_done(&s);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        int pad;
        const char *digits;
        bool want;
    } rows[] = {
        {4, "1001", true},  {4, "0001", true},   {4, "001", false},
        {4, "10001", true}, {4, "01001", false}, {0, "7", true},
        {0, "07", false},   {0, "0", true},      {SEQUENCE_PAD_ANY, "007", true},
        {4, "", false},     {4, "12a4", false},  {4, "1234567890123456789", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sequence s = {.pad = rows[i].pad};
        int64_t n;
        if (sequence_number(&s, rows[i].digits, strlen(rows[i].digits), &n) != rows[i].want)
            fail_msg("pad %d, %s", rows[i].pad, rows[i].digits);
    }
}

static void test_runs(void **state)
{
    (void)state;
    const int64_t f[] = {-2, -1, 5, 7, 8, 9};
    struct buf b = {0};
    sequence_runs(f, COUNT(f), 2, 10, &b);
    assert_string_equal(b.p, "-02--01,05,07-09");
    buf_clear(&b);
    sequence_runs(f, COUNT(f), 2, 2, &b);
    assert_string_equal(b.p, "-02-09");
    buf_clear(&b);
    sequence_runs(f, 0, 2, 2, &b);
    assert_string_equal(buf_str(&b), "");
    buf_done(&b);
}

static void test_within(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t first, last;
        const char *want;
    } cases[] = {
        {"p.[0001-0100].exr", 10, 20, "0010-0020"},
        {"p.[0001-0100].exr", -5, 3, "0001-0003"},
        {"p.[0001-0100].exr", 90, 5000, "0090-0100"},
        {"p.[0001-0100].exr", 101, 200, ""},
        {"p.[1-10,21-30].exr", 8, 22, "8-10,21-22"},
        {"p.[1-10,21-30].exr", 12, 18, ""},
        {"p.[-5-5].exr", -2, 1, "-2-1"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sequence s;
        struct buf text __attribute__((cleanup(auto_buf))) = {0};
        AUTO(free) int64_t *frames = NULL;
        struct err e;
        assert_int_equal(sequence_parse_name(cases[i].name, &s, &e), 1);
        struct sequence *c = sequence_within(&s, cases[i].first, cases[i].last);
        size_t n = sequence_frames(c, &frames);
        assert_int_equal(n, c->n_frames);
        sequence_runs(frames, n, c->pad, 100, &text);
        assert_string_equal(buf_str(&text), cases[i].want);
        sequence_free(c);
        sequence_done(&s);
    }
    struct sequence_range odd = {1, 9, 2};
    struct sequence s = {.prefix = (char[]){"p"},
                         .suffix = (char[]){""},
                         .known = true,
                         .ranges = &odd,
                         .n_ranges = 1,
                         .n_frames = 5};
    struct sequence *c = sequence_within(&s, 2, 8);
    assert_int_equal(c->ranges[0].first, 3);
    assert_int_equal(c->ranges[0].last, 7);
    assert_int_equal(c->n_frames, 3);
    sequence_free(c);
}

/* Without a list of frames the same text as with one. */
static void test_ranges(void **state)
{
    (void)state;
    static const char *const lists[] = {"p.[0001-0100].exr",   "p.[7-7,1-3].exr",
                                        "p.[5,3,4,4].exr",     "p.[1-10,4-6,8-20,30].exr",
                                        "p.[-5--3,-2,9].exr",  "p.[1,3,5,7,9,11].exr",
                                        "p.[2-3,1-9,2-4].exr", "p.[10,9,8].exr"};
    for (size_t i = 0; i < COUNT(lists); i++)
        for (size_t max = 1; max < 8; max++) {
            struct sequence s;
            struct buf a __attribute__((cleanup(auto_buf))) = {0};
            struct buf b __attribute__((cleanup(auto_buf))) = {0};
            AUTO(free) int64_t *frames = NULL;
            struct err e;
            assert_int_equal(sequence_parse_name(lists[i], &s, &e), 1);
            size_t n = sequence_frames(&s, &frames);
            sequence_runs(frames, n, s.pad, max, &a);
            sequence_ranges(&s, max, &b);
            assert_string_equal(buf_str(&a), buf_str(&b));
            sequence_done(&s);
        }
    for (size_t max = 1; max < 8; max++) {
        struct sequence_range odd = {1, 9, 2};
        struct buf a __attribute__((cleanup(auto_buf))) = {0};
        struct buf b __attribute__((cleanup(auto_buf))) = {0};
        AUTO(free) int64_t *frames = NULL;
        struct sequence s = {.known = true, .ranges = &odd, .n_ranges = 1, .n_frames = 5};
        size_t n = sequence_frames(&s, &frames);
        sequence_runs(frames, n, 3, max, &a);
        s.pad = 3;
        sequence_ranges(&s, max, &b);
        assert_string_equal(buf_str(&a), buf_str(&b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),   cmocka_unit_test(test_references),
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_runs),
        cmocka_unit_test(test_within),  cmocka_unit_test(test_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
