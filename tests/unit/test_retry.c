/* tests/unit/test_retry.c - when to try again, and for how long to wait. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "fs/s3/retry.h"

#define MOST UINT32_MAX

static const struct {
    const char *name;
    enum retry_class class;
    struct retry before;
    unsigned attempts;
    int64_t now, deadline;
    uint32_t random;
    int64_t want;
} cases[] = {
    {"an answer is final", RETRY_NEVER, {0}, 10, 0, 1000, MOST, RETRY_STOP},
    {"first failure waits up to 100", RETRY_TRANSIENT, {0}, 10, 0, 10000, MOST, 100},
    {"or not at all", RETRY_TRANSIENT, {0}, 10, 0, 10000, 0, 0},
    {"or anything between", RETRY_TRANSIENT, {0}, 10, 0, 10000, MOST / 2, 50},
    {"the ceiling doubles", RETRY_TRANSIENT, {.attempts = 3}, 10, 0, 10000, MOST, 800},
    {"up to a limit", RETRY_TRANSIENT, {.attempts = 30}, 99, 0, 10000, MOST, 5000},
    {"no more attempts", RETRY_TRANSIENT, {.attempts = 9}, 10, 0, 10000, 0, RETRY_STOP},
    {"one attempt is none again", RETRY_TRANSIENT, {0}, 1, 0, 10000, 0, RETRY_STOP},
    {"zero attempts are one", RETRY_TRANSIENT, {0}, 0, 0, 10000, 0, RETRY_STOP},
    {"the deadline would pass", RETRY_TRANSIENT, {0}, 10, 901, 1000, MOST, RETRY_STOP},
    {"the deadline is now", RETRY_TRANSIENT, {0}, 10, 1000, 1000, 0, RETRY_STOP},
    {"just before the deadline", RETRY_TRANSIENT, {0}, 10, 899, 1000, MOST, 100},
    {"throttled waits longer", RETRY_THROTTLED, {0}, 10, 0, 10000, MOST, 400},
    {"a conflict is soon over", RETRY_CONFLICT, {0}, 10, 0, 10000, MOST, 40},
    {"nonsense costs three", RETRY_MALFORMED, {.attempts = 6}, 10, 0, 10000, 0, 0},
    {"and then no more", RETRY_MALFORMED, {.attempts = 7}, 10, 0, 10000, 0, RETRY_STOP},
    {"new keys at once", RETRY_CREDENTIALS, {.attempts = 9}, 10, 0, 10000, MOST, 0},
    {"but once", RETRY_CREDENTIALS, {.credentials_done = true}, 10, 0, 10000, 0, RETRY_STOP},
    {"new clock at once", RETRY_CLOCK, {.credentials_done = true}, 10, 0, 10000, MOST, 0},
    {"but once", RETRY_CLOCK, {.clock_done = true}, 10, 0, 10000, 0, RETRY_STOP},
    {"nor after the deadline", RETRY_CLOCK, {0}, 10, 10000, 10000, 0, RETRY_STOP},
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct retry r = cases[i].before;
        struct retry_limit limit = {cases[i].attempts, cases[i].deadline};
        int64_t got = retry_wait_ms(&r, cases[i].class, &limit, cases[i].now, cases[i].random);
        if (got != cases[i].want)
            fail_msg("%s: wanted %lld, got %lld", cases[i].name, (long long)cases[i].want,
                     (long long)got);
    }
}

static void test_a_store_that_never_answers_ends(void **state)
{
    (void)state;
    struct retry r = {0};
    struct retry_limit limit = {10, INT64_MAX};
    int64_t now = 0, wait;
    unsigned attempts = 1;
    while ((wait = retry_wait_ms(&r, RETRY_TRANSIENT, &limit, now, MOST)) != RETRY_STOP) {
        now += wait;
        attempts++;
    }
    assert_int_equal(attempts, 10);
    assert_int_equal(now, 100 + 200 + 400 + 800 + 1600 + 3200 + 3 * 5000);
}

static void test_progress_forgives(void **state)
{
    (void)state;
    struct retry r = {.attempts = 9, .credentials_done = true};
    struct retry_limit limit = {10, 1000};
    retry_progress(&r);
    assert_int_equal(retry_wait_ms(&r, RETRY_TRANSIENT, &limit, 0, MOST), 100);
    assert_int_equal(retry_wait_ms(&r, RETRY_CREDENTIALS, &limit, 0, 0), RETRY_STOP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_a_store_that_never_answers_ends),
        cmocka_unit_test(test_progress_forgives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
