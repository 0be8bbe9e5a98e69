/* tests/unit/test_disk_names.c - of which objects a disk cache holds anything. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fs/cache/disk_names.h"
#include "tests/unit/disk_world.h"

#define MANY 1500 /* more than the list has room for at first */

static const char *key_of(int i, char ret[32])
{
    snprintf(ret, 32, "k%d", i);
    return ret;
}

static void test_each_object_is_taken_once(void **state)
{
    AUTO(world) struct world *w = world_new(/* later= */ false);
    AUTO(disk_names) struct disk_names *n = NULL;
    struct err e;
    (void)state;
    assert_int_equal(disk_names_new(w->dc, &n, &e), 0);
    assert_int_equal(disk_names_left(n), 0);
    assert_false(disk_names_take(n, "a"));

    world_read(w, "a", "one", 0, 100 * K);
    world_read(w, "a", "two", 0, 100 * K);
    world_read(w, "b", "one", 0, 64 * K);
    disk_names_free(TAKE(n));
    assert_int_equal(disk_names_new(w->dc, &n, &e), 0);
    assert_int_equal(disk_names_left(n), 2); /* two versions are one object */
    assert_false(disk_names_take(n, "c"));
    assert_true(disk_names_take(n, "a"));
    assert_false(disk_names_take(n, "a"));
    assert_int_equal(disk_names_left(n), 1);

    /* It is a list of then: what is erased since stays on it, what came since is not. */
    assert_int_equal(disk_cache_erase(w->dc, "b", NULL, &e), 0);
    world_read(w, "d", "one", 0, 64 * K);
    assert_true(disk_names_take(n, "b"));
    assert_false(disk_names_take(n, "d"));
    assert_int_equal(disk_names_left(n), 0);
}

static void test_many(void **state)
{
    AUTO(world) struct world *w = world_new(/* later= */ false);
    AUTO(disk_names) struct disk_names *n = NULL;
    struct err e;
    char key[32];
    int there = 0;
    (void)state;
    world_reopen(w, 4096 * M); /* each takes a place of its own */
    for (int i = 0; i < MANY; i++)
        world_read(w, key_of(i, key), "e", 0, 1 * K);
    uint64_t objects = world_stats(w).objects;
    assert_int_equal(disk_names_new(w->dc, &n, &e), 0);
    assert_true(objects > MANY / 2);
    assert_int_equal(disk_names_left(n), objects);
    for (int i = 0; i < MANY; i++)
        there += disk_names_take(n, key_of(i, key));
    assert_int_equal(there, objects);
    assert_int_equal(disk_names_left(n), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_object_is_taken_once),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
