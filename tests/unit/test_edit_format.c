/* tests/unit/test_edit_format.c - which format a file has; exact fractions; tracks. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/edit_text.h"

#define BYTES(s) s, sizeof s - 1

static const struct {
    const char *data;
    size_t n;
    const char *name;
    enum edit_format want;
} files[] = {
    {BYTES("{\"OTIO_SCHEMA\":\"Timeline.1\"}"), "x.xml", EDIT_FORMAT_OTIO},
    {BYTES("\xef\xbb\xbf \n{}"), NULL, EDIT_FORMAT_OTIO},
    {BYTES("<?xml version='1.0'?><!DOCTYPE xmeml>\n<xmeml version='5'/>"), "x.txt",
     EDIT_FORMAT_FCP_XML},
    {BYTES("<?xml version='1.0'?><!DOCTYPE fcpxml><fcpxml version='1.9'/>"), "x.xml",
     EDIT_FORMAT_FCPX_XML},
    {BYTES("\xff\xfe<\0x\0m\0e\0m\0l\0>\0"), NULL, EDIT_FORMAT_FCP_XML},
    {BYTES("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest"), "x.edl", EDIT_FORMAT_AAF},
    {BYTES("PK\3\4rest"), "x", EDIT_FORMAT_ZIP},
    {BYTES("TITLE: x\r001"), "x.otio", EDIT_FORMAT_EDL},
    {BYTES("001  A V C 0 9 0 9"), NULL, EDIT_FORMAT_EDL},
    {BYTES("?"), "a/b.EDL", EDIT_FORMAT_EDL},
    {BYTES("?"), "x.fcpxmld", EDIT_FORMAT_FCPX_XML},
    {BYTES("<html/>"), "x.xml", EDIT_FORMAT_FCP_XML}, /* whose reader says what is wrong */
    {BYTES(""), "x.aaf", EDIT_FORMAT_AAF},
    {BYTES("?"), "x.mov", EDIT_FORMAT_UNKNOWN},
    {BYTES("?"), NULL, EDIT_FORMAT_UNKNOWN},
    {BYTES("\xff\xfe"), "x", EDIT_FORMAT_UNKNOWN},
};

static void test_format(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(files); i++)
        if (edit_format_of(files[i].data, files[i].n, files[i].name) != files[i].want)
            fail_msg("file %zu is %s", i,
                     edit_format_name(edit_format_of(files[i].data, files[i].n, files[i].name)));
}

static void test_not_here(void **state)
{
    (void)state;
    static const enum edit_format formats[] = {EDIT_FORMAT_UNKNOWN, EDIT_FORMAT_OTIO,
                                               EDIT_FORMAT_ZIP};
    for (size_t i = 0; i < COUNT(formats); i++) {
        json_t *root = NULL;
        struct err e;
        assert_int_equal(edit_format_convert(formats[i], "x", 1, NULL, &root, &e), -ENOTSUP);
        assert_null(root);
    }
}

static const struct {
    const char *text;
    int64_t num, den;
} numbers[] = {
    {"24", 24, 1},
    {"-1.5", -3, 2},
    {"1001/24000s", 1001, 24000},
    {"0s", 0, 1},
    {"10/4", 5, 2},
    {" 7 ", 7, 1},
    {"+.5", 1, 2},
    {"-6/4s", -3, 2},
    {"1/0s", 0, 0},
    {"", 0, 0},
    {"x", 0, 0},
    {"1x", 0, 0},
    {"1/-2", 0, 0},
    {"1e3", 0, 0},
    {"99999999999999999999", 0, 0},
    {".", 0, 0},
    {"4611686018427387904", 0, 0},
};

static void test_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        struct edit_ratio r = edit_format_number(numbers[i].text);
        if (r.den != numbers[i].den || (r.den && r.num != numbers[i].num))
            fail_msg("%s: %lld/%lld", numbers[i].text, (long long)r.num, (long long)r.den);
    }
    assert_int_equal(edit_format_number(NULL).den, 0);
}

static const struct {
    const char *text;
    int64_t num, den;
} rates[] = {
    {"24", 24, 1},
    {"25", 25, 1},
    {"23.976", 24000, 1001},
    {"23.98", 24000, 1001},
    {"23.976024627685547", 24000, 1001},
    {"29.97", 30000, 1001},
    {"59.94", 60000, 1001},
    {"47.95", 48000, 1001},
    {"119.88", 120000, 1001},
    {"24000/1001", 24000, 1001},
    {"12.5", 25, 2},
    {"23.9", 239, 10},
    {"0", 0, 0},
    {"-24", 0, 0},
    {"0.5", 0, 0},
    {"100000", 0, 0},
    {"fast", 0, 0},
};

static void test_rates(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rates); i++) {
        struct edit_ratio r = edit_format_rate(rates[i].text);
        if (r.den != rates[i].den || (r.den && r.num != rates[i].num))
            fail_msg("%s: %lld/%lld", rates[i].text, (long long)r.num, (long long)r.den);
    }
    assert_int_equal(edit_format_timebase(edit_format_rate("23.976")), 24);
    assert_int_equal(edit_format_timebase(edit_format_rate("25")), 25);
}

static void test_arithmetic(void **state)
{
    (void)state;
    struct edit_ratio third = {1, 3}, half = {1, 2}, unknown = {0, 0};
    struct edit_ratio big = {INT64_C(0x3fffffffffffffff), 1};
    assert_int_equal(edit_format_cmp(edit_format_add(third, half), edit_format_ratio(5, 6)), 0);
    assert_int_equal(edit_format_cmp(edit_format_sub(third, half), edit_format_ratio(1, -6)), 0);
    assert_int_equal(edit_format_cmp(edit_format_mul(third, half), edit_format_ratio(1, 6)), 0);
    assert_int_equal(edit_format_cmp(edit_format_div(third, half), edit_format_ratio(2, 3)), 0);
    assert_true(edit_format_cmp(third, half) < 0);
    assert_int_equal(edit_format_div(half, edit_format_ratio(0, 5)).den, 0);
    assert_int_equal(edit_format_mul(unknown, half).den, 0);
    assert_int_equal(edit_format_sub(half, unknown).den, 0);
    assert_int_equal(edit_format_div(half, unknown).den, 0);
    assert_int_equal(edit_format_add(big, big).den, 0);
    assert_int_equal(edit_format_mul(big, big).den, 0);
    assert_false(edit_format_is_sane(big));
    assert_false(edit_format_is_sane(unknown));
    assert_true(edit_format_is_sane(half));
}

static json_t *thing(const char *name)
{
    struct edit_clip clip = {.name = name,
                             .reference = edit_format_reference(name, NULL, NULL, NULL)};
    return edit_format_clip(&clip);
}

static struct edit_ratio at(int64_t n)
{
    return edit_format_ratio(n, 1);
}

static void test_tracks(void **state)
{
    (void)state;
    struct edit_items items = {0};
    struct buf text = {0};
    edit_format_place(&items, (struct edit_item){1, false, at(20), at(30), thing("late")});
    edit_format_place(&items, (struct edit_item){1, false, at(0), at(10), thing("early")});
    edit_format_place(&items, (struct edit_item){1, false, at(5), at(8), thing("over")});
    edit_format_place(&items, (struct edit_item){-1, true, at(3), at(4), thing("sound")});
    edit_format_place(&items, (struct edit_item){2, false, at(-5), at(1), thing("before")});
    json_t *stack = edit_format_stack("s", &items, at(24), NULL, NULL);
    text_add(stack, 0, &text);
    assert_string_equal(text.p, "stack s\n"
                                "  V\n    clip early missing early\n    gap 10\n"
                                "    clip late missing late\n"
                                "  V\n    gap 5\n    clip over missing over\n"
                                "  V\n    clip before missing before\n"
                                "  A\n    gap 3\n    clip sound missing sound\n");
    assert_null(items.v);
    json_decref(stack);
    buf_done(&text);
}

/* However many lie over each other, nothing is lost. */
static void test_pile(void **state)
{
    (void)state;
    struct edit_items items = {0};
    size_t n = 0, i;
    json_t *track;
    for (int k = 0; k < 250; k++)
        edit_format_place(&items, (struct edit_item){1, false, at(0), at(10), thing("x")});
    json_t *stack = edit_format_stack("s", &items, at(24), NULL, NULL);
    json_array_foreach(json_object_get(stack, "children"), i, track)
    {
        n += json_array_size(json_object_get(track, "children"));
    }
    assert_int_equal(n, 250);
    assert_int_equal(json_array_size(json_object_get(stack, "children")), 100);
    json_decref(stack);
}

static void test_strings(void **state)
{
    (void)state;
    json_t *good = edit_format_string("caf\xc3\xa9"), *bad = edit_format_string("caf\xe9");
    assert_string_equal(json_string_value(good), "caf\xc3\xa9");
    assert_string_equal(json_string_value(bad), "caf?");
    json_decref(good);
    json_decref(bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),     cmocka_unit_test(test_not_here),
        cmocka_unit_test(test_numbers),    cmocka_unit_test(test_rates),
        cmocka_unit_test(test_arithmetic), cmocka_unit_test(test_tracks),
        cmocka_unit_test(test_pile),       cmocka_unit_test(test_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
