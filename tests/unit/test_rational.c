/* tests/unit/test_rational.c - rates as applications write them, times beyond doubles, ticks. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "conform/rational.h"

static const struct {
    double written;
    int64_t num, den;
} rates[] = {
    {24, 24, 1},
    {24.0001, 24, 1},
    {23.976, 24000, 1001},
    {23.98, 24000, 1001},
    {23.976023976, 24000, 1001},
    {23.976023976023978, 24000, 1001},
    {23.97602397602398, 24000, 1001},
    {23.976024627685547, 24000, 1001}, /* a float32 on its way */
    {29.97, 30000, 1001},
    {29.97002997, 30000, 1001},
    {47.952, 48000, 1001},
    {59.94, 60000, 1001},
    {119.88, 120000, 1001},
    {30, 30, 1},
    {1, 1, 1},
    {44100, 44100, 1},
    {48000, 48000, 1},
    {1e9, 1000000000, 1},
    {1000000.5, 1000001, 1},
    {12.5, 25, 2},
    {0.5, 1, 2},
    {23.9, 239, 10},
    {0, 0, 1},
    {-24, 0, 1},
    {1e11, 0, 1},
    {1e-9, 0, 1},
};

static void test_rates(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rates); i++) {
        struct rational_rate r = rational_rate_of(rates[i].written);
        if (r.num != rates[i].num || (r.num > 0 && r.den != rates[i].den))
            fail_msg("%.17g: %lld/%lld", rates[i].written, (long long)r.num, (long long)r.den);
    }
}

static void test_near(void **state)
{
    (void)state;
    static const struct {
        double a, b;
        bool near;
    } cases[] = {{24, 23.976, true}, {30, 29.97, true},   {59.94, 60, true},
                 {24, 25, false},    {25, 23.976, false}, {24, 24, true},
                 {24, 0, false},     {0, 0, false},       {24, 44100, false}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rational_rate a = rational_rate_of(cases[i].a), b = rational_rate_of(cases[i].b);
        assert_int_equal(rational_rate_near(a, b), cases[i].near);
        assert_int_equal(rational_rate_near(b, a), cases[i].near);
    }
    assert_true(rational_rate_ratio((struct rational_rate){.num = 24, .den = 1},
                                    (struct rational_rate){.num = 24000, .den = 1001}) == 1);
    assert_true(rational_rate_ratio((struct rational_rate){.num = 50, .den = 1},
                                    (struct rational_rate){.num = 25, .den = 1}) == 2);
}

static const struct {
    const char *text;
    int want;
    int64_t whole;
    double part;
    int64_t num;
} times[] = {
    {"{\"value\":90,\"rate\":30}", 0, 90, 0, 30},
    {"{\"OTIO_SCHEMA\":\"RationalTime.9\",\"value\":91046.625,\"rate\":25.0}", 0, 91046, .625, 25},
    {"{\"value\":-0.25,\"rate\":24}", 0, -1, .75, 24},
    {"{\"value\":1723124086620000001,\"rate\":1000000000.0}", 0, 1723124086620000001, 0,
     1000000000},
    {"{\"value\":0,\"rate\":0}", 0, 0, 0, 1},
    {"{\"value\":0.0}", 0, 0, 0, 1},
    {"{\"value\":1,\"rate\":0}", -EINVAL, 0, 0, 0},
    {"{\"value\":1}", -EINVAL, 0, 0, 0},
    {"{\"value\":1,\"rate\":-24}", -EINVAL, 0, 0, 0},
    {"{\"value\":1,\"rate\":\"24\"}", -EINVAL, 0, 0, 0},
    {"{\"value\":\"NaN\",\"rate\":24}", -EINVAL, 0, 0, 0},
    {"{\"value\":null,\"rate\":24}", -EINVAL, 0, 0, 0},
    {"{\"value\":1e300,\"rate\":24}", -EINVAL, 0, 0, 0},
    {"{\"value\":9223372036854775807,\"rate\":24}", -EINVAL, 0, 0, 0},
    {"{}", -EINVAL, 0, 0, 0},
    {"[]", -EINVAL, 0, 0, 0},
};

static void test_times(void **state)
{
    (void)state;
    struct rational_time t, d;
    struct err e;
    for (size_t i = 0; i < COUNT(times); i++) {
        json_auto_t *o = json_loads(times[i].text, 0, NULL);
        int r = rational_parse_time(o, &t, &e);
        if (r != times[i].want)
            fail_msg("%s: %d", times[i].text, r);
        if (r < 0)
            continue;
        assert_true(t.whole == times[i].whole && t.part == times[i].part);
        assert_int_equal(t.rate.num, times[i].num);
    }
    assert_int_equal(rational_parse_time(NULL, &t, &e), -EINVAL);
    assert_int_equal(rational_parse_range(NULL, &t, &d, &e), 0);
    json_auto_t *null = json_null(), *none = json_object();
    assert_int_equal(rational_parse_range(null, &t, &d, &e), 0);
    assert_int_equal(rational_parse_range(none, &t, &d, &e), -EINVAL);
}

static struct rational_time at(int64_t whole, double part, double rate)
{
    return (struct rational_time){whole, part, rational_rate_of(rate)};
}

static void test_rescale(void **state)
{
    (void)state;
    static const struct {
        int64_t whole;
        double part, from, to;
        int64_t want;
        double want_part;
    } cases[] = {
        {100, 0, 24, 24, 100, 0},
        {100, 0, 25, 24, 96, 0},
        {91046, .625, 25, 24, 87404, .76},
        {-1, 0, 24, 48, -2, 0},
        {-1, 0, 48, 24, -1, .5},
        /* 23 hours in two spellings of one rate: rescaled by the exporter, and counted */
        {1987202, .04123, 23.976024627685547, 23.976, 1987200, 0},
        {1987200, 0, 23.976024627685547, 23.976, 1987200, 0},
        {909986, .0387191772, 23.976024627685547, 25, 948850, 0},
        {29, .970030784606934, 23.976024627685547, 24, 30, 0},
        /* nanoseconds since 1970 in frames and samples: no double holds the first */
        {1723124086620000000, 0, 1e9, 25, 43078102165, .5},
        {1723124086620000000, 0, 1e9, 48000, 82709956157760, 0},
        {4000000000000000000, 0, 1, 1e9, INT64_MAX / 2, 0},
        {-4000000000000000000, 0, 1, 1e9, -(INT64_MAX / 2), 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rational_time t = rational_rescale(at(cases[i].whole, cases[i].part, cases[i].from),
                                                  rational_rate_of(cases[i].to));
        double off = (double)(t.whole - cases[i].want) + t.part - cases[i].want_part;
        if (off > 1e-3 || off < -1e-3)
            fail_msg("case %zu: %lld + %.9g", i, (long long)t.whole, t.part);
    }
}

static void test_subtract(void **state)
{
    (void)state;
    struct rational_time a = at(1723124086620000123, 0, 1e9), b = at(1723124086620000001, 0, 1e9);
    assert_true(rational_subtract(a, b).whole == 122);
    assert_true(rational_frames(rational_subtract(b, a)) == -122);
    assert_true(rational_frames(rational_subtract(at(10, .25, 24), at(9, .75, 24))) == .5);
    assert_true(rational_frames(rational_subtract(at(50, 0, 50), at(24, 0, 24))) == 0);
}

static void test_ticks(void **state)
{
    (void)state;
    static const double whole[] = {24,    23.976, 25,     29.97, 30,    47.952, 48,   50,
                                   59.94, 60,     119.88, 120,   44100, 48000,  96000};
    for (size_t i = 0; i < COUNT(whole); i++) {
        struct rational_time t = at(1, 0, whole[i]);
        assert_true(rational_ticks(t) * t.rate.num == RATIONAL_TICKS * t.rate.den);
        assert_int_equal(rational_round(rational_ticks_frames(rational_ticks(t), t.rate)), 1);
    }
    assert_true(rational_ticks(at(INT64_MAX / 4, 0, 24)) == RATIONAL_TICKS_MAX);
    assert_true(rational_add_ticks(-RATIONAL_TICKS_MAX, -RATIONAL_TICKS_MAX) ==
                -RATIONAL_TICKS_MAX);
    assert_true(rational_scale_ticks(100, -2.5) == -250);
    assert_true(rational_scale_ticks(RATIONAL_TICKS_MAX - 1, 1) == RATIONAL_TICKS_MAX - 1);
    assert_true(rational_scale_ticks(RATIONAL_TICKS_MAX, -3) == -RATIONAL_TICKS_MAX);
}

static void test_rounding(void **state)
{
    (void)state;
    static const struct {
        double x;
        int64_t floor, last, ceil;
    } cases[] = {{0, 0, -1, 0},
                 {10, 10, 9, 10},
                 {9.9995, 10, 9, 10},
                 {9.99, 9, 9, 10},
                 {10.0005, 10, 9, 10},
                 {10.01, 10, 10, 11},
                 {-.0005, 0, -1, 0},
                 {-.5, -1, -1, 0},
                 {-1, -1, -2, -1},
                 {5.76, 5, 5, 6},
                 {1e300, (int64_t)4e18, (int64_t)4e18, (int64_t)4e18}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_true(rational_floor(cases[i].x) == cases[i].floor);
        assert_true(rational_last(cases[i].x) == cases[i].last);
        assert_true(rational_ceil(cases[i].x) == cases[i].ceil);
    }
    assert_int_equal(rational_round(.5), 1);
    assert_int_equal(rational_round(-.5), -1);
    assert_int_equal(rational_sign(-.7), -1);
    assert_int_equal(rational_sign(1e-12), 0);
    assert_int_equal(rational_sign(.1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates),    cmocka_unit_test(test_near),
        cmocka_unit_test(test_times),    cmocka_unit_test(test_rescale),
        cmocka_unit_test(test_subtract), cmocka_unit_test(test_ticks),
        cmocka_unit_test(test_rounding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
