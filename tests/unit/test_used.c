/* tests/unit/test_used.c - the file that says when grants were last made use of. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/lake/used.h"

#define EDIT "abcdefghij"
#define WRITERS 8

static char dir[] = "/tmp/shotlake-used-XXXXXX";

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    AUTO(free) char *file = xasprintf("%s/used.json", dir), *lock = xasprintf("%s/used.lock", dir);
    unlink(file);
    unlink(lock);
    return rmdir(dir); /* which fails where something else was left */
}

static int64_t time_of(const char *principal, const char *edit)
{
    AUTO(used) struct used *u = used_load(dir);
    int64_t t;
    return used_get(u, principal, edit, &t) ? t : -1;
}

static int save(const char *principal, const char *edit, int64_t t)
{
    AUTO(used) struct used *u = used_new();
    struct err e;
    used_note(u, principal, edit, t);
    return used_save(u, dir, &e);
}

static void test_later_times_count(void **state)
{
    (void)state;
    assert_int_equal(time_of("user:acme", EDIT), -1);
    assert_int_equal(save("user:acme", EDIT, 100), 0);
    assert_int_equal(save("group:vendors", EDIT, 50), 0);
    assert_int_equal(save("user:acme", EDIT, 99), 0);
    assert_int_equal(time_of("user:acme", EDIT), 100);
    assert_int_equal(time_of("group:vendors", EDIT), 50);
    assert_int_equal(time_of("user:acme", "0000000000"), -1);
    assert_int_equal(save("user:acme", EDIT, 101), 0);
    assert_int_equal(time_of("user:acme", EDIT), 101);
}

static void test_a_damaged_file_is_an_empty_one(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "[]", "{\"user:acme\":{\"" EDIT "\":1", "\377\377",
                                        "{\"user:acme\":7}",
                                        "{\"user:acme\":{\"" EDIT "\":\"x\"}}"};
    AUTO(free) char *path = xasprintf("%s/used.json", dir);
    for (size_t i = 0; i < COUNT(texts); i++) {
        FILE *f = fopen(path, "w");
        fputs(texts[i], f);
        fclose(f);
        assert_int_equal(time_of("user:acme", EDIT), -1);
        assert_int_equal(save("user:acme", EDIT, 7), 0);
        assert_int_equal(time_of("user:acme", EDIT), 7);
    }
}

static void test_writers_lose_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < WRITERS; i++)
        if (fork() == 0) {
            char name[32];
            snprintf(name, sizeof name, "user:%d", i);
            for (int k = 1; k <= 20; k++)
                if (save(name, EDIT, k) < 0)
                    _exit(1);
            _exit(0);
        }
    for (int i = 0, status; i < WRITERS; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        char name[32];
        snprintf(name, sizeof name, "user:%d", i);
        assert_int_equal(time_of(name, EDIT), 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_later_times_count),
        cmocka_unit_test(test_a_damaged_file_is_an_empty_one),
        cmocka_unit_test(test_writers_lose_nothing),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
