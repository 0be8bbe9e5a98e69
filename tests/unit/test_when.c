/* tests/unit/test_when.c - moments as text: days, RFC 3339, and everything that is neither. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/when.h"

static const struct {
    const char *text;
    int64_t start, end; /* as --from and as --until */
} good[] = {
    {"1970-01-01", 0, 86400},
    {"1970-01-01T00:00:00Z", 0, 0},
    {"1970-01-01T00:00:01Z", 1, 1},
    {"2000-02-29", 951782400, 951868800},
    {"2024-02-29", 1709164800, 1709251200},
    {"2024-02-28", 1709078400, 1709164800},
    {"2023-12-31", 1703980800, 1704067200},
    {"2027-06-15", 1813017600, 1813104000},
    {"2027-06-15T12:00:00Z", 1813060800, 1813060800},
    {"2027-06-15t12:00:00z", 1813060800, 1813060800},
    {"2027-06-15 12:00:00Z", 1813060800, 1813060800},
    {"2027-06-15T14:00:00+02:00", 1813060800, 1813060800},
    {"2027-06-15T06:30:00-05:30", 1813060800, 1813060800},
    {"2027-06-15T12:00:00-00:00", 1813060800, 1813060800},
    {"2027-06-15T12:00:00.999999Z", 1813060800, 1813060800},
    {"2027-06-15T12:00:00.5+00:00", 1813060800, 1813060800},
    {"2027-06-16T01:30:00+13:30", 1813060800, 1813060800},
    {"2016-12-31T23:59:60Z", 1483228800, 1483228800},
    {"2100-02-28", 4107456000, 4107542400},
    {"9999-12-31T23:59:59Z", 253402300799, 253402300799},
};

static void test_good(void **state)
{
    (void)state;
    struct err e;
    for (size_t i = 0; i < COUNT(good); i++) {
        int64_t start = -1, end = -1;
        if (when_parse(good[i].text, WHEN_DAY_START, &start, &e) != 0 ||
            when_parse(good[i].text, WHEN_DAY_END, &end, &e) != 0)
            fail_msg("'%s': %s", good[i].text, e.text);
        if (start != good[i].start || end != good[i].end)
            fail_msg("'%s' is %lld and %lld", good[i].text, (long long)start, (long long)end);
    }
}

static const char *const bad[] = {
    "", " ", "now", "tomorrow", "2027", "2027-06", "2027-6-15", "27-06-15", "2027-06-15Z",
    "2027-06-15T", "2027-06-15T12", "2027-06-15T12:00", "2027-06-15T12:00Z", "2027-06-15T12:00:00",
    "2027-06-15T12:00:00.Z", "2027-06-15T12:00:00.5", "2027-06-15T12:00:00+0200",
    "2027-06-15T12:00:00+02", "2027-06-15T12:00:00+2:00", "2027-06-15T12:00:00+24:00",
    "2027-06-15T12:00:00+02:60", "2027-06-15T12:00:00Z ", " 2027-06-15", "2027-06-15 ",
    "2027-06-15T24:00:00Z", "2027-06-15T12:60:00Z", "2027-06-15T12:00:61Z", "2027-13-01",
    "2027-00-01", "2027-01-00", "2027-01-32", "2027-02-29", "2100-02-29", "1900-02-28",
    "2024-02-30", "2027-04-31", "1969-12-31", "0000-00-00", "-2027-06-15", "+2027-06-15",
    "20270615", "2027/06/15", "15-06-2027", "2027-06-15T12:00:00ZZ", "10000-01-01", "2027-06-1५",
    "1970-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2027-06-15\nT12:00:00Z",
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        for (int day = WHEN_DAY_START; day <= WHEN_DAY_END; day++) {
            struct err e = {0};
            int64_t t = 77;
            if (when_parse(bad[i], (enum when_day)day, &t, &e) != -EINVAL)
                fail_msg("'%s' is taken for %lld", bad[i], (long long)t);
            if (t != 77 || !*e.text)
                fail_msg("'%s': refused without a sentence", bad[i]);
        }
}

/* What a record says of a moment is read back as that moment: also of the last day there is. */
static void test_round_trip(void **state)
{
    (void)state;
    static const char *const days[] = {"1970-01-01", "2024-02-29", "2027-12-31", "9999-12-31"};
    struct err e;
    for (size_t i = 0; i < COUNT(days); i++) {
        char text[WHEN_TEXT_SIZE];
        int64_t end, again;
        assert_int_equal(when_parse(days[i], WHEN_DAY_END, &end, &e), 0);
        if (when_parse(when_format(end, text), WHEN_DAY_START, &again, &e) != 0 || again != end)
            fail_msg("the end of %s is written as '%s': %s", days[i], text, e.text);
    }
    char text[WHEN_TEXT_SIZE];
    assert_string_equal(when_format(0, text), "1970-01-01T00:00:00Z");
    assert_string_equal(when_format(1813060800, text), "2027-06-15T12:00:00Z");
    assert_string_equal(when_format(WHEN_NEVER, text), "never");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests_name("when", tests, NULL, NULL);
}
