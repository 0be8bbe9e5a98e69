/* tests/unit/test_link_rows.c - which links the holders of an edit get, and what they are called. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "conform/conform.h"
#include "conform/link_rows.h"
#include "tests/unit/conform_world.h"

#define ITEMS_MAX 8

/* A found media reference; `keys` a line each. */
struct found {
    const char *shot, *keys;
    bool is_sequence;
};

static void set_item(struct world *w, const struct found *f, struct conform_item *ret)
{
    static char some_sequence;
    struct err e;
    ret->shot = (char *)f->shot;
    ret->sequence = f->is_sequence ? (struct sequence *)(void *)&some_sequence : NULL;
    for (const char *s = f->keys; *s; s += strspn(s, "\n")) {
        AUTO(free) char *key = xstrndup(s, strcspn(s, "\n"));
        node_id id;
        assert_int_equal(index_find(&w->rd, key, &id, &e), 0);
        ret->nodes = xrealloc(ret->nodes, ret->n_nodes + 1, sizeof *ret->nodes);
        ret->nodes[ret->n_nodes++] = id;
        s += strlen(key);
    }
    ret->first = ret->n_nodes ? ret->nodes[0] : NODE_NONE;
}

static void assert_rows(const char *lake, const struct found *found, const char *want)
{
    AUTO(world) struct world *w = world_new(&world_s3, lake);
    AUTO(buf) struct buf rows = {0};
    struct conform_item items[ITEMS_MAX] = {0};
    struct conform_plan p = {.items = items};
    struct err e;
    for (; found[p.n_items].shot; p.n_items++) {
        assert_true(p.n_items < ITEMS_MAX);
        set_item(w, &found[p.n_items], &items[p.n_items]);
    }
    if (link_rows(&p, &w->rd, "cut.otio", &rows, &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(buf_str(&rows), want);
    for (size_t i = 0; i < p.n_items; i++)
        free(items[i].nodes);
}

static void test_objects_and_folders(void **state)
{
    static const struct found found[] = {
        {"sh010", "r/p/pl.1.exr\nr/p/pl.2.exr", true},
        {"sh010", "r/a.mov", false},
        {"sh020", "", false}, /* nothing found */
        {"sh030", "r/p/pl.2.exr", true},
        {"sh030", "pl.9.exr\npl.10.exr", true}, /* their folder is the whole lake */
        {0},
    };
    (void)state;
    assert_rows("r/p/pl.1.exr\nr/p/pl.2.exr\nr/a.mov\npl.9.exr\npl.10.exr", found,
                "[\"sh010\",\"p\",\"r/p/\"]\n[\"sh010\",\"a.mov\",\"r/a.mov\"]\n"
                "[\"sh030\",\"p\",\"r/p/\"]\n[\"sh030\",\"pl.9.exr\",\"pl.9.exr\"]\n"
                "[\"sh030\",\"pl.10.exr\",\"pl.10.exr\"]\n");
}

static void test_once_a_shot(void **state)
{
    static const struct found found[] = {
        {"a", "x.mov", false}, {"a", "x.mov", false}, {"b", "x.mov", false}, {0}};
    (void)state;
    assert_rows("x.mov", found, "[\"a\",\"x.mov\",\"x.mov\"]\n[\"b\",\"x.mov\",\"x.mov\"]\n");
}

static void test_names_that_clash(void **state)
{
    static const struct found found[] = {
        {"s", "1/p/f.1.exr", true},    {"s", "2/p/f.1.exr", true}, {"s", "3/p/f.1.exr", true},
        {"s", "1/x.tar.gz", false},    {"s", "2/x.tar.gz", false}, {"s", "3/x.tar-2.gz", false},
        {"s", "1/.hidden", false},     {"s", "2/.hidden", false},
    };
    struct found all[COUNT(found) + 1] = {0};
    (void)state;
    memcpy(all, found, sizeof found);
    assert_rows("1/p/f.1.exr\n2/p/f.1.exr\n3/p/f.1.exr\n1/x.tar.gz\n2/x.tar.gz\n3/x.tar-2.gz\n"
                "1/.hidden\n2/.hidden", all,
                "[\"s\",\"p\",\"1/p/\"]\n[\"s\",\"p-2\",\"2/p/\"]\n[\"s\",\"p-3\",\"3/p/\"]\n"
                "[\"s\",\"x.tar.gz\",\"1/x.tar.gz\"]\n[\"s\",\"x.tar-2.gz\",\"2/x.tar.gz\"]\n"
                "[\"s\",\"x.tar-2-2.gz\",\"3/x.tar-2.gz\"]\n[\"s\",\".hidden\",\"1/.hidden\"]\n"
                "[\"s\",\".hidden-2\",\"2/.hidden\"]\n");
}

static void test_folders_beside_files(void **state)
{
    static const struct found found[] = {
        {"shots.csv", "x.mov", false}, {"cut.otio", "x.mov", false}, {"shots.csv-2", "y.mov", false},
        {0}};
    (void)state;
    assert_rows("x.mov\ny.mov", found,
                "[\"shots.csv-2\",\"x.mov\",\"x.mov\"]\n[\"cut.otio-2\",\"x.mov\",\"x.mov\"]\n"
                "[\"shots.csv-2\",\"y.mov\",\"y.mov\"]\n");
}

static void test_odd_names(void **state)
{
    /* 255 bytes of two each but the last, twice; and a key with control characters */
    char name[256], lake[1024], want[2048], head[256];
    (void)state;
    for (int i = 0; i < 254; i += 2)
        memcpy(name + i, "\u00e9", 2);
    memcpy(name + 254, "x", 2);
    snprintf(head, sizeof head, "%.*s", 252, name);
    snprintf(lake, sizeof lake, "1/%s\n2/%s\n3/a\x01" "b\x7f.mov", name, name);
    const struct found found[] = {
        {"s", lake, false}, {0},
    };
    snprintf(want, sizeof want,
             "[\"s\",\"%s\",\"1/%s\"]\n[\"s\",\"%s-2\",\"2/%s\"]\n"
             "[\"s\",\"a_b_.mov\",\"3/a\\u0001b\x7f.mov\"]\n", name, name, head, name);
    assert_rows(lake, found, want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects_and_folders), cmocka_unit_test(test_once_a_shot),
        cmocka_unit_test(test_names_that_clash),    cmocka_unit_test(test_folders_beside_files),
        cmocka_unit_test(test_odd_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
