/* tests/unit/test_settle.c - which names are cuts, and when a file is whole. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "conform/settle.h"

static void test_names(void **state)
{
    static const struct {
        const char *name;
        bool is_dir, want;
    } cases[] = {
        {"cut.otio", false, true},
        {"Cut V2.OTIO", false, true},
        {"cut.otioz", false, true},
        {"a.b.edl", false, true},
        {"cut.xml", false, true},
        {"cut.fcpxml", false, true},
        {"cut.AAF", false, true},
        {"\xff\n.edl", false, true}, /* odd bytes are no reason */
        {"cut.otiod", true, true},
        {"cut.fcpxmld", true, true},
        {"cut.otiod", false, false},
        {"cut.otio", true, false},
        {"done", true, false},
        {".cut.otio", false, false},
        {".otio", false, false},
        {".cut.otio.Xa9Qz1", false, false}, /* rsync */
        {"cut.otio.part", false, false},
        {"cut.otio.tmp", false, false},
        {"cut.otio~", false, false},
        {"~cut.xml", false, false},
        {"cut.otio.report.txt", false, false},
        {"otio", false, false},
        {"", false, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (settle_is_cut(cases[i].name, cases[i].is_dir) != cases[i].want)
            fail_msg("'%s'", cases[i].name);
}

static void test_when_whole(void **state)
{
    /* Each case: looks at the moments 0, 500, 1000 ...: sizes, 'r' where a rename was told before
     * the look; -1: not there. A file is quiet after 1000. What is ready after the last look? */
    static const struct {
        const char *name;
        int sizes[6];
        const char *renames;
        bool want;
    } cases[] = {
        {"quiet for long enough", {5, 5, 5}, "   ", true},
        {"not yet", {5, 5}, "  ", false},
        {"it grows", {1, 2, 3, 4, 5}, "     ", false},
        {"it grew, then a pause that is too short", {1, 2, 2}, "   ", false},
        {"it grew, then was quiet", {1, 2, 2, 2}, "    ", true},
        {"renamed into place", {5}, "r", true},
        {"renamed over another", {5, 7}, " r", true},
        {"renamed, then written to", {5, 6}, "r ", false},
        {"renamed and empty", {0}, "r", false},
        {"empty for ever", {0, 0, 0, 0, 0}, "     ", false},
        {"empty, then written", {0, 0, 9, 9, 9}, "     ", true},
        {"gone", {5, 5, -1}, "   ", false},
        {"gone and back", {5, 5, -1, 5}, "    ", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(settle) struct settle *s = settle_new(1000);
        struct settle_look look = {.id = 1}, got;
        size_t n = strlen(cases[i].renames);
        for (size_t k = 0; k < n; k++) {
            look.size = (uint64_t)cases[i].sizes[k];
            settle_begin(s);
            if (cases[i].sizes[k] >= 0)
                settle_see(s, "a.edl", &look);
            if (cases[i].renames[k] == 'r')
                settle_renamed(s, "a.edl");
            settle_end(s, 500 * (int64_t)k);
        }
        const char *name = settle_next(s, 500 * (int64_t)(n - 1), &got);
        if ((name != NULL) != cases[i].want)
            fail_msg("%s", cases[i].name);
        if (name)
            assert_int_equal(got.size, look.size);
    }
}

static void look_at(struct settle *s, const struct settle_look *looks, size_t n, int64_t now_ms)
{
    char name[32];
    settle_begin(s);
    for (size_t i = n; i-- > 0;) { /* in an order that is not that of the names */
        snprintf(name, sizeof name, "%zu.edl", i);
        settle_see(s, name, &looks[i]);
    }
    settle_end(s, now_ms);
}

static void test_any_difference_counts(void **state)
{
    const struct settle_look looks[] = {{5, 1, 1}, {6, 1, 1}, {5, 2, 1}, {5, 1, 2}};
    struct settle_look got;
    (void)state;
    for (size_t i = 0; i < COUNT(looks); i++) {
        AUTO(settle) struct settle *s = settle_new(10);
        look_at(s, &looks[0], 1, 0);
        look_at(s, &looks[i], 1, 10);
        assert_int_equal(settle_next(s, 10, &got) != NULL, i == 0);
        assert_int_equal(settle_when(s), i == 0 ? 10 : 20);
    }
}

static void test_order_and_pauses(void **state)
{
    static const struct settle_look looks[] = {{1, 1, 0}, {1, 2, 0}, {1, 3, 0}, {0, 4, 0}};
    AUTO(settle) struct settle *s = settle_new(10);
    struct settle_look got;
    size_t failed;
    (void)state;
    assert_int_equal(settle_when(s), INT64_MAX);
    look_at(s, looks, 1, 0);
    look_at(s, looks, 2, 5);
    look_at(s, looks, 4, 7);
    look_at(s, looks, 4, 100);
    assert_int_equal(settle_count(s, &failed), 3); /* the empty one is none */
    assert_int_equal(failed, 0);
    assert_string_equal(settle_next(s, 100, &got), "0.edl"); /* the one that waits longest */
    assert_int_equal(got.id, 1);

    for (int64_t pause = 1000; pause <= 120000; pause *= 2) {
        int64_t wait = pause < 60000 ? pause : 60000;
        settle_failed(s, "0.edl", 100);
        look_at(s, looks, 4, 100);
        assert_string_equal(settle_next(s, 99 + wait, &got), "1.edl");
        assert_string_equal(settle_next(s, 100 + wait, &got), "0.edl");
    }
    assert_int_equal(settle_count(s, &failed), 3);
    assert_int_equal(failed, 1);

    settle_wait(s, "1.edl", 5000);
    assert_string_equal(settle_next(s, 4999, &got), "2.edl");
    settle_forget(s, "2.edl");
    assert_null(settle_next(s, 4999, &got));
    assert_int_equal(settle_when(s), 5000);
    assert_string_equal(settle_next(s, 5000, &got), "1.edl");
    settle_wait(s, "0.edl", 0); /* the last word is no failure any more */
    assert_int_equal(settle_count(s, &failed), 2);
    assert_int_equal(failed, 0);

    settle_wait(s, "1.edl", SETTLE_NEVER);
    assert_int_equal(settle_count(s, &failed), 1);

    static const struct settle_look rewritten[] = {{2, 1, 0}};
    settle_failed(s, "0.edl", 5000);
    look_at(s, rewritten, 1, 5000); /* new bytes need not wait for the old ones' pause */
    assert_string_equal(settle_next(s, 5010, &got), "0.edl");
}

static void test_a_look_without_its_end(void **state)
{
    static const struct settle_look looks[] = {{1, 1, 0}, {1, 2, 0}};
    AUTO(settle) struct settle *s = settle_new(10);
    struct settle_look got;
    (void)state;
    look_at(s, looks, 2, 0);
    settle_begin(s); /* the folder could not be read to its end: nothing is known to have gone */
    settle_see(s, "1.edl", &looks[1]);
    look_at(s, looks, 2, 10);
    assert_string_equal(settle_next(s, 10, &got), "0.edl");
}

static void test_many(void **state)
{
    AUTO(settle) struct settle *s = settle_new(10);
    struct settle_look look = {.size = 1}, got;
    char name[32];
    int taken = 0;
    (void)state;
    for (int64_t now = 0; now <= 10; now += 10) {
        settle_begin(s);
        for (int i = 0; i < 5000; i++) {
            snprintf(name, sizeof name, "%d.edl", i * 7919 % 5000);
            look.id = (uint64_t)i;
            settle_see(s, name, &look);
        }
        settle_end(s, now);
    }
    for (const char *next; (next = settle_next(s, 10, &got)); taken++) {
        snprintf(name, sizeof name, "%s", next);
        settle_forget(s, name);
    }
    assert_int_equal(taken, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_when_whole),
        cmocka_unit_test(test_any_difference_counts),
        cmocka_unit_test(test_order_and_pauses),
        cmocka_unit_test(test_a_look_without_its_end),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
