/* tests/unit/test_view.c - a view of a made-up index: names, children, times. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fs/view/view.h"
#include "policy/index.h"
#include "policy/visible.h"

/* ---- an index of our own: the two calls that a view makes ----------------------------------- */

struct index_read {
    struct node *nodes; /* nodes[id] */
    node_id n;          /* ids go up to n - 1 */
    int node_calls;
    int fail;
};

int index_node(struct index_read *rd, node_id id, struct node *ret, struct err *e)
{
    __atomic_fetch_add(&rd->node_calls, 1, __ATOMIC_RELAXED);
    if (rd->fail)
        return err_set(e, rd->fail, "made up");
    if (id == NODE_NONE || id >= rd->n || rd->nodes[id].id == NODE_NONE)
        return err_set(e, -ENOENT, "no node %u", id);
    *ret = rd->nodes[id];
    return 0;
}

int index_nodes(struct index_read *rd, const roaring_bitmap_t *set, index_node_fn *fn, void *arg,
                struct err *e)
{
    if (rd->fail)
        return err_set(e, rd->fail, "made up");
    int r = 0;
    roaring_uint32_iterator_t *it = roaring_create_iterator(set);
    for (; it->has_value && r >= 0; roaring_advance_uint32_iterator(it))
        if (it->current_value < rd->n && rd->nodes[it->current_value].id)
            r = fn(arg, &rd->nodes[it->current_value], e);
    roaring_free_uint32_iterator(it);
    return r;
}

static struct index_read *world(node_id n)
{
    struct index_read *rd = calloc(1, sizeof *rd);
    rd->nodes = calloc(n, sizeof *rd->nodes);
    rd->n = n;
    rd->nodes[NODE_ROOT] = (struct node){
        .id = NODE_ROOT, .parent = NODE_ROOT, .is_dir = true, .live = true, .name = "", .etag = ""};
    return rd;
}

static void put(struct index_read *rd, node_id id, node_id parent, const char *name, bool is_dir,
                uint64_t size, int64_t mtime_ns)
{
    rd->nodes[id] = (struct node){.id = id,
                                  .parent = parent,
                                  .is_dir = is_dir,
                                  .live = true,
                                  .size = size,
                                  .mtime_ns = mtime_ns,
                                  .name = name,
                                  .name_len = strlen(name),
                                  .etag = "e"};
}

static void world_free(struct index_read *rd)
{
    free(rd->nodes);
    free(rd);
}

static struct view *view_of(struct index_read *rd, const roaring_bitmap_t *set)
{
    struct visible vis = {.nodes = (roaring_bitmap_t *)set, .next_change = 77, .seq = 9};
    struct view *v = NULL;
    struct err e;
    assert_int_equal(view_new(rd, &vis, &v, &e), 0);
    return v;
}

/* /show(2) /show/a.exr(3) /show/sub(4) /show/sub/b.exr(5) /show/hidden.exr(6) /dark(7) /dark/x(8).
 * /late(11) has a number above its child /late/child(10). */
static struct index_read *small_world(void)
{
    struct index_read *rd = world(16);
    put(rd, 2, 1, "show", true, 0, 0);
    put(rd, 3, 2, "a.exr", false, 100, 1000);
    put(rd, 4, 2, "sub", true, 0, 0);
    put(rd, 5, 4, "b.exr", false, 50, 5000);
    put(rd, 6, 2, "hidden.exr", false, 7, 9000);
    put(rd, 7, 1, "dark", true, 0, 0);
    put(rd, 8, 7, "x", false, 8, 9000);
    put(rd, 10, 11, "child", false, 1, 300);
    put(rd, 11, 1, "late", true, 0, 0);
    return rd;
}

static int look(struct view *v, struct index_read *rd, node_id dir, const char *name, node_id *ret)
{
    struct err e;
    *ret = NODE_NONE;
    return view_lookup(v, rd, dir, name, strlen(name), ret, &e);
}

static void shows_what_it_holds(void **state)
{
    (void)state;
    struct index_read *rd = small_world();
    roaring_bitmap_t *set = roaring_bitmap_of(7, 1, 2, 3, 4, 5, 10, 11);
    struct view *v = view_of(rd, set);
    node_id id;

    assert_int_equal(look(v, rd, NODE_ROOT, "show", &id), 0);
    assert_int_equal(id, 2);
    assert_int_equal(look(v, rd, 2, "a.exr", &id), 0);
    assert_int_equal(id, 3);
    assert_int_equal(look(v, rd, 4, "b.exr", &id), 0);
    assert_int_equal(id, 5);
    assert_int_equal(look(v, rd, 11, "child", &id), 0);
    assert_int_equal(id, 10);

    assert_int_equal(view_child(v, NODE_ROOT, 0), 11);
    assert_int_equal(view_child(v, NODE_ROOT, 1), 2);
    assert_int_equal(view_child(v, NODE_ROOT, 2), NODE_NONE);
    assert_int_equal(view_child(v, 2, 0), 3);
    assert_int_equal(view_child(v, 2, 1), 4);
    assert_int_equal(view_child(v, 2, 2), NODE_NONE);
    assert_int_equal(view_child(v, 3, 0), NODE_NONE);
    assert_int_equal(view_child(v, 7, 0), NODE_NONE);

    assert_true(view_has(v, NODE_ROOT) && view_has(v, 3) && view_has(v, 11));
    assert_false(view_has(v, 6) || view_has(v, 7) || view_has(v, 8) || view_has(v, NODE_NONE));

    struct view_totals t;
    view_totals(v, &t);
    assert_true(t.objects == 3 && t.bytes == 151 && t.directories == 3);
    assert_true(view_seq(v) == 9 && view_next_change(v) == 77);
    view_unref(v);
    roaring_bitmap_free(set);
    world_free(rd);
}

static void hidden_is_absent_and_asks_nothing(void **state)
{
    (void)state;
    struct index_read *rd = small_world();
    roaring_bitmap_t *set = roaring_bitmap_of(3, 1, 2, 3);
    struct view *v = view_of(rd, set);
    static const struct {
        node_id dir;
        const char *name;
    } cases[] = {
        {2, "hidden.exr"}, {2, "absent.exr"}, {1, "dark"}, {1, "nothing"}, {7, "x"},
        {7, "y"},          {99, "x"},         {2, ""},     {2, "sub"},     {3, "a.exr"},
    };
    node_id id;
    rd->node_calls = 0;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(look(v, rd, cases[i].dir, cases[i].name, &id), -ENOENT);
    assert_int_equal(rd->node_calls, 0);

    /* A visible node that died in the index since is gone; an unreadable index is an error. */
    rd->nodes[3].live = false;
    assert_int_equal(look(v, rd, 2, "a.exr", &id), -ENOENT);
    rd->nodes[3].live = true;
    rd->fail = -EIO;
    assert_int_equal(look(v, rd, 2, "a.exr", &id), -EIO);
    view_unref(v);
    roaring_bitmap_free(set);
    world_free(rd);
}

static void times_come_from_the_visible(void **state)
{
    (void)state;
    struct index_read *rd = small_world();
    roaring_bitmap_t *set = roaring_bitmap_of(7, 1, 2, 3, 4, 5, 10, 11);
    struct view *v = view_of(rd, set);
    assert_true(view_dir_mtime_ns(v, 4) == 5000);
    assert_true(view_dir_mtime_ns(v, 2) == 5000);
    assert_true(view_dir_mtime_ns(v, 11) == 300);
    assert_true(view_dir_mtime_ns(v, NODE_ROOT) == 5000);
    assert_true(view_dir_mtime_ns(v, 7) == 0);
    view_unref(v);
    roaring_bitmap_free(set);
    world_free(rd);
}

static void links_are_names_without_bytes(void **state)
{
    (void)state;
    struct index_read *rd = small_world();
    roaring_bitmap_t *set = roaring_bitmap_of(4, 1, 2, 3, 9);
    roaring_bitmap_t *changed = roaring_bitmap_create();
    put(rd, 9, 2, "link", false, 20, 1000);
    rd->nodes[9].is_link = true;
    rd->nodes[9].target = 3;
    struct view *old = view_of(rd, set);
    struct view_totals t;
    view_totals(old, &t);
    assert_true(t.objects == 2 && t.bytes == 100 && t.directories == 1);

    rd->nodes[9].target = 5; /* of the same length and age */
    struct view *new = view_of(rd, set);
    view_add_changed(old, new, changed);
    assert_true(roaring_bitmap_get_cardinality(changed) == 1 && roaring_bitmap_contains(changed, 9));
    view_unref(old);
    view_unref(new);
    roaring_bitmap_free(changed);
    roaring_bitmap_free(set);
    world_free(rd);
}

static void changes_are_found(void **state)
{
    (void)state;
    struct index_read *rd = small_world();
    roaring_bitmap_t *set = roaring_bitmap_of(7, 1, 2, 3, 4, 5, 10, 11);
    roaring_bitmap_t *changed = roaring_bitmap_create();
    struct view *old = view_of(rd, set);
    assert_true(view_version(old, 3) != 0 &&
                view_version(old, 3) == view_version_of(&rd->nodes[3]));
    assert_true(view_version(old, 2) == 0 && view_version_of(&rd->nodes[2]) == 0);
    assert_true(view_version(old, 6) == 0 && view_version_of(&rd->nodes[6]) != 0);

    rd->nodes[3].etag = "f";
    assert_true(view_version(old, 3) != view_version_of(&rd->nodes[3]));
    rd->nodes[10].mtime_ns = 400; /* moves the mtime of /late as well, not that of the root */
    struct view *new = view_of(rd, set);
    view_add_changed(old, new, changed);
    roaring_bitmap_t *want = roaring_bitmap_of(3, 3, 10, 11);
    assert_true(roaring_bitmap_equals(changed, want));

    roaring_bitmap_clear(changed);
    view_add_changed(new, new, changed);
    assert_true(roaring_bitmap_is_empty(changed));
    roaring_bitmap_free(want);
    roaring_bitmap_free(changed);
    view_unref(old);
    view_unref(new);
    roaring_bitmap_free(set);
    world_free(rd);
}

static void what_is_closed_is_seen_only(void **state)
{
    (void)state;
    struct index_read *rd = small_world();
    roaring_bitmap_t *set = roaring_bitmap_of(5, 1, 2, 3, 4, 5), *closed = roaring_bitmap_of(1, 5);
    roaring_bitmap_t *changed = roaring_bitmap_create();
    struct visible vis = {.nodes = set, .closed = closed};
    struct view *open = view_of(rd, set), *shut = NULL;
    struct err e;
    assert_int_equal(view_new(rd, &vis, &shut, &e), 0);
    assert_true(view_has(shut, 5) && !view_may_open(shut, 5));
    assert_true(view_may_open(open, 5) && view_may_open(shut, 3));
    assert_true(view_has(shut, 4) && view_may_open(shut, NODE_ROOT));
    assert_false(view_may_open(open, 6)); /* hidden */
    assert_false(view_may_open(open, NODE_NONE));

    /* It must be taken from the kernel like one that was replaced. */
    view_add_changed(open, shut, changed);
    assert_true(roaring_bitmap_get_cardinality(changed) == 1 && roaring_bitmap_contains(changed, 5));
    roaring_bitmap_clear(changed);
    view_add_changed(shut, shut, changed);
    assert_true(roaring_bitmap_is_empty(changed));
    view_unref(open);
    view_unref(shut);
    roaring_bitmap_free(changed);
    roaring_bitmap_free(closed);
    roaring_bitmap_free(set);
    world_free(rd);
}

static void empty_has_only_a_root(void **state)
{
    (void)state;
    struct index_read *rd = small_world();
    struct view *v = view_empty();
    node_id id;
    assert_true(view_has(v, NODE_ROOT));
    assert_int_equal(roaring_bitmap_get_cardinality(view_nodes(v)), 1);
    assert_int_equal(look(v, rd, NODE_ROOT, "show", &id), -ENOENT);
    assert_int_equal(view_child(v, NODE_ROOT, 0), NODE_NONE);
    view_unref(v);

    roaring_bitmap_t *none = roaring_bitmap_create();
    v = view_of(rd, none);
    assert_true(view_has(v, NODE_ROOT));
    assert_int_equal(view_child(v, NODE_ROOT, 0), NODE_NONE);
    view_unref(v);
    roaring_bitmap_free(none);

    struct visible vis = {.nodes = roaring_bitmap_of(1, 1)};
    struct err e;
    rd->fail = -EIO;
    assert_int_equal(view_new(rd, &vis, &v, &e), -EIO);
    roaring_bitmap_free(vis.nodes);
    world_free(rd);
}

#define BIG 100000u

static void children_come_by_name(void **state)
{
    (void)state;
    static const char *const names[] = {"b",        "a", "abcdefgh2", "abcdefgh10", "abcdefgh1",
                                        "\xc3\xa9", "Z", "abcdefgh",  "aa"};
    static const char *const want[] = {"Z",          "a",         "aa", "abcdefgh", "abcdefgh1",
                                       "abcdefgh10", "abcdefgh2", "b",  "\xc3\xa9"};
    struct index_read *rd = world(2 + COUNT(names));
    roaring_bitmap_t *set = roaring_bitmap_of(1, NODE_ROOT);
    for (node_id i = 0; i < COUNT(names); i++) {
        put(rd, 2 + i, NODE_ROOT, names[i], false, 1, 1);
        roaring_bitmap_add(set, 2 + i);
    }
    struct view *v = view_of(rd, set);
    for (size_t i = 0; i < COUNT(want); i++)
        assert_string_equal(rd->nodes[view_child(v, NODE_ROOT, i)].name, want[i]);
    view_unref(v);
    roaring_bitmap_free(set);
    world_free(rd);
}

static void a_big_view_is_quick(void **state)
{
    (void)state;
    struct index_read *rd = world(BIG + 200);
    static char names[BIG + 200][16];
    roaring_bitmap_t *set = roaring_bitmap_create();
    for (node_id id = 2; id < BIG + 200; id++) {
        bool is_dir = id < 102;
        snprintf(names[id], sizeof names[id], "n%u", id);
        put(rd, id, is_dir ? 1 : 2 + id / 1000 % 100, names[id], is_dir, 1, id);
        roaring_bitmap_add(set, id);
    }
    roaring_bitmap_add(set, NODE_ROOT);

    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    struct view *v = view_of(rd, set);
    clock_gettime(CLOCK_MONOTONIC, &b);
    print_message("100,000 nodes in %.1f ms\n",
                  (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6);

    size_t found = 0;
    node_id got;
    for (node_id id = 102; id < BIG + 200; id++) {
        assert_int_equal(look(v, rd, rd->nodes[id].parent, names[id], &got), 0);
        assert_int_equal(got, id);
    }
    for (node_id dir = 2; dir < 102; dir++)
        for (size_t i = 0; view_child(v, dir, i); i++)
            found++;
    assert_int_equal(found, BIG + 98);
    view_unref(v);
    roaring_bitmap_free(set);
    world_free(rd);
}

static void *reader(void *arg)
{
    struct view *v = arg;
    for (int i = 0; i < 20000; i++) {
        struct view *mine = view_ref(v);
        assert_true(view_has(mine, 3));
        assert_int_equal(view_child(mine, NODE_ROOT, 0), 2);
        view_unref(mine);
    }
    return NULL;
}

static void threads_share_a_view(void **state)
{
    (void)state;
    struct index_read *rd = small_world();
    roaring_bitmap_t *set = roaring_bitmap_of(3, 1, 2, 3);
    struct view *v = view_of(rd, set);
    pthread_t t[4];
    for (size_t i = 0; i < COUNT(t); i++)
        pthread_create(&t[i], NULL, reader, v);
    for (size_t i = 0; i < COUNT(t); i++)
        pthread_join(t[i], NULL);
    view_unref(v);
    roaring_bitmap_free(set);
    world_free(rd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_what_it_holds),
        cmocka_unit_test(hidden_is_absent_and_asks_nothing),
        cmocka_unit_test(times_come_from_the_visible),
        cmocka_unit_test(links_are_names_without_bytes),
        cmocka_unit_test(changes_are_found),
        cmocka_unit_test(what_is_closed_is_seen_only),
        cmocka_unit_test(empty_has_only_a_root),
        cmocka_unit_test(children_come_by_name),
        cmocka_unit_test(a_big_view_is_quick),
        cmocka_unit_test(threads_share_a_view),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
