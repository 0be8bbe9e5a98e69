/* tests/unit/test_cache_keep.c - the list of those for whom a cache on disk is kept. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "fs/fuse/cache_keep.h"

#define LAKE "00112233445566778899aabbccddeeff"
#define OTHER "ffeeddccbbaa99887766554433221100"
#define WRITERS 8

static char dir[] = "/tmp/shotlake-keep-XXXXXX";

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_file(void **state)
{
    AUTO(free) char *file = xasprintf("%s/keep", dir);
    (void)state;
    unlink(file);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    return rmdir(dir); /* which fails where something was left */
}

static int note(const char *lake, const char *name, int64_t until)
{
    json_auto_t *names = json_pack("[s]", name);
    struct err e;
    return cache_keep_note(dir, lake, names, until, &e);
}

/* Until when it counts; -1: it does not. */
static int64_t until_of(const char *lake, const char *name, int64_t now)
{
    json_auto_t *names = cache_keep_names(dir, lake, now);
    const json_t *until = json_object_get(names, name);
    return until ? json_integer_value(until) : -1;
}

static size_t count(const char *lake)
{
    json_auto_t *names = cache_keep_names(dir, lake, clock_wall());
    return json_object_size(names);
}

static void test_names_count_until_their_end(void **state)
{
    int64_t now = clock_wall();
    (void)state;
    assert_int_equal(count(LAKE), 0);
    assert_int_equal(note(LAKE, "user:acme", now + 100), 0);
    assert_int_equal(note(LAKE, "edit:abcdefghij", now + 200), 0);
    assert_int_equal(note(OTHER, "user:bravo", now + 100), 0);
    assert_int_equal(until_of(LAKE, "user:acme", now), now + 100);
    assert_int_equal(until_of(LAKE, "user:acme", now + 99), now + 100);
    assert_int_equal(until_of(LAKE, "user:acme", now + 100), -1);
    assert_int_equal(until_of(LAKE, "edit:abcdefghij", now + 100), now + 200);
    assert_int_equal(until_of(LAKE, "user:bravo", now), -1); /* another lake's */
    assert_int_equal(until_of(OTHER, "user:bravo", now), now + 100);
    assert_int_equal(note(LAKE, "user:acme", now + 300), 0);
    assert_int_equal(until_of(LAKE, "user:acme", now), now + 300);
}

static void test_what_is_over_is_forgotten(void **state)
{
    AUTO(free) char *file = xasprintf("%s/keep", dir);
    char text[4096] = "";
    (void)state;
    assert_int_equal(note(LAKE, "user:gone", 1000), 0);
    assert_int_equal(note(LAKE, "user:acme", clock_wall() + 100), 0);
    FILE *f = fopen(file, "r");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    assert_non_null(strstr(text, "user:acme"));
    assert_null(strstr(text, "user:gone"));
    struct stat st;
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_damage_is_an_empty_list(void **state)
{
    static const char *const texts[] = {
        "", "{", "[]", "null", "{\"" LAKE "\": []}", "{\"" LAKE "\": {\"user:acme\": \"soon\"}}",
        "{\"" LAKE "\": {\"user:acme\": 9e18}}", "{\"" LAKE "\": {\"a\": 1, \"a\": 2}}", "\xff\xfe",
    };
    AUTO(free) char *file = xasprintf("%s/keep", dir);
    int64_t now = clock_wall();
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        FILE *f = fopen(file, "w");
        assert_non_null(f);
        fputs(texts[i], f);
        fclose(f);
        assert_int_equal(count(LAKE), 0);
        assert_int_equal(note(LAKE, "user:acme", now + 100), 0);
        assert_int_equal(until_of(LAKE, "user:acme", now), now + 100);
        assert_int_equal(count(LAKE), 1);
    }
}

static void test_it_does_not_grow_for_ever(void **state)
{
    json_auto_t *names = json_array();
    int64_t until = clock_wall() + 100;
    char name[32];
    struct err e;
    (void)state;
    for (int i = 0; i < CACHE_KEEP_MAX + 10; i++) {
        snprintf(name, sizeof name, "user:%d", i);
        json_array_append_new(names, json_string(name));
    }
    assert_int_equal(cache_keep_note(dir, LAKE, names, until, &e), 0);
    assert_int_equal(count(LAKE), CACHE_KEEP_MAX);
    assert_int_equal(note(LAKE, "user:1", until + 5), 0); /* one that is there may stay longer */
    assert_int_equal(until_of(LAKE, "user:1", until), until + 5);
}

static void test_writers_lose_nobody(void **state)
{
    int64_t now = clock_wall();
    (void)state;
    for (int i = 0; i < WRITERS; i++)
        if (fork() == 0) {
            char name[32];
            int r = 0;
            for (int k = 0; r == 0 && k < 20; k++) {
                snprintf(name, sizeof name, "user:%d-%d", i, k);
                r = note(LAKE, name, now + 100);
            }
            _exit(r != 0);
        }
    for (int i = 0; i < WRITERS; i++) {
        int status = -1;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(count(LAKE), WRITERS * 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_names_count_until_their_end, remove_file),
        cmocka_unit_test_teardown(test_what_is_over_is_forgotten, remove_file),
        cmocka_unit_test_teardown(test_damage_is_an_empty_list, remove_file),
        cmocka_unit_test_teardown(test_it_does_not_grow_for_ever, remove_file),
        cmocka_unit_test_teardown(test_writers_lose_nobody, remove_file),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
