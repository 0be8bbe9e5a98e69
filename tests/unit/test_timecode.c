/* tests/unit/test_timecode.c - timecode and rates as text, and drop frame both ways. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "base/timecode.h"

static void test_counts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t base, want; /* -1: refused at that base; -2: no timecode */
    } rows[] = {
        {"00:00:00:00", 24, 0},
        {"01:00:00:00", 24, 86400},
        {"01:00:00:00", 30, 108000},
        {"01:00:00;00", 30, 107892},
        {"00:00:59;29", 30, 1799},
        {"00:01:00;02", 30, 1800},
        {"00:01:00;00", 30, 1800}, /* a number that drop frame leaves out */
        {"00:10:00;00", 30, 17982},
        {"01:00:00;00", 60, 215784},
        {"00:01:00;04", 60, 3600},
        {"01:00:00;00", 25, 90000}, /* ';' by rote */
        {"01:00:00,00", 30, 107892},
        {"01:00:00.12", 24, 86412},
        {"23:59:59:23", 24, 2073599},
        {" 1:2:3:4 ", 24, 3723 * 24 + 4},
        {"00:00:00:119", 120, 119},
        {"00:00:00:24", 24, -1},
        {"00:00:00:00", 0, -1},
        {"00:00:00:00", 1001, -1},
        {"24:00:00:00", 24, -2},
        {"00:60:00:00", 24, -2},
        {"00:00:60:00", 24, -2},
        {"00:00:00", 24, -2},
        {"00:00:00:00:00", 24, -2},
        {"00:00:00:0000", 24, -2},
        {"00:00:00:", 24, -2},
        {"-1:00:00:00", 24, -2},
        {"00:00:00:0x", 24, -2},
        {"000:00:00:00", 24, -2},
        {"86400", 24, -2},
        {"", 24, -2},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct timecode tc;
        bool ok = timecode_parse(rows[i].text, strlen(rows[i].text), &tc);
        int64_t got = ok ? timecode_count(&tc, rows[i].base) : -2;
        if (got != rows[i].want)
            fail_msg("%s: %lld", rows[i].text, (long long)got);
    }
}

/* Every frame of a day has a text that is read as that frame. */
static void test_both_ways(void **state)
{
    (void)state;
    static const struct {
        int64_t base;
        bool drop;
    } rows[] = {{24, false}, {30, false}, {30, true}, {60, true}, {120, true}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t skip = rows[i].drop ? rows[i].base / 15 * 54 : 0;
        int64_t day = 24 * (3600 * rows[i].base - 2 * skip / 2);
        for (int64_t n = 0; n < day; n += n < 200000 ? 1 : 997) {
            char text[TIMECODE_TEXT_SIZE];
            struct timecode tc;
            timecode_format(n, rows[i].base, rows[i].drop, text);
            assert_true(timecode_parse(text, strlen(text), &tc));
            if (timecode_count(&tc, rows[i].base) != n)
                fail_msg("%lld at %lld: %s", (long long)n, (long long)rows[i].base, text);
        }
    }
}

static void test_rates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t num, den; /* 0: refused */
    } rows[] = {
        {"24", 24, 1},          {"24.0", 24, 1},           {"25", 25, 1},
        {"23.976", 24000, 1001}, {"23.98", 24000, 1001},   {"23.976024627685547", 24000, 1001},
        {"29.97", 30000, 1001}, {"29.97DF", 30000, 1001},  {"29.97 fps", 30000, 1001},
        {"59.94", 60000, 1001}, {"47.952", 48000, 1001},   {"119.88", 120000, 1001},
        {"24000/1001", 24000, 1001}, {"30/1", 30, 1},      {" 25", 25, 1},
        {"12.5", 25, 2},        {"0", 0, 0},               {"0.5", 0, 0},
        {"1001", 0, 0},         {"", 0, 0},                {"x", 0, 0},
        {"nan", 0, 0},          {"-24", 0, 0},             {"0x18", 0, 0},
        {"24/0", 0, 0},         {"24/", 0, 0},             {"24 frames", 0, 0},
        {"1e999", 0, 0},        {"24/1/1", 0, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t num = 0, den = 0;
        bool ok = timecode_rate_parse(rows[i].text, strlen(rows[i].text), &num, &den);
        if (ok != (rows[i].num > 0) || (ok && (num != rows[i].num || den != rows[i].den)))
            fail_msg("%s: %lld/%lld", rows[i].text, (long long)num, (long long)den);
    }
}

static void test_bases(void **state)
{
    (void)state;
    assert_int_equal(timecode_base(24000, 1001), 24);
    assert_int_equal(timecode_base(25, 1), 25);
    assert_int_equal(timecode_base(0, 0), 0);
    assert_int_equal(timecode_base(1000000000, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_bases),
    };
    return cmocka_run_group_tests_name("timecode", tests, NULL, NULL);
}
