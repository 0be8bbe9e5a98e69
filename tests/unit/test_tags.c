/* tests/unit/test_tags.c - the store's tags follow what edits win and lose. */
/* SPDX-License-Identifier: MIT */
#include "tests/unit/dir_world.h"

#include <jansson.h>

#include "base/clock.h"
#include "base/when.h"
#include "fs/lake/lake.h"
#include "policy/index.h"

#define E1 "abcdefghij"
#define E2 "klmnopqrst"
#define SKIPPED 77

/* A host of its own: a state folder and an index of its own, on the same lake. */
static struct lake *host_open(struct world *w, const char *name)
{
    struct store *store = NULL;
    struct lake *lk = NULL;
    AUTO(free) char *url = xasprintf("file://%s", w->lake);
    AUTO(free) char *state = xasprintf("%s/%s", w->top, name);
    assert_int_equal(dir_store_open(url, &store, &w->e), 0);
    if (lake_open(store, state, &lk, &w->e) < 0)
        fail_msg("%s", w->e.text);
    return lk;
}

static uint64_t head(struct lake *lk)
{
    AUTO(index_read) struct index_read *rd = NULL;
    struct index_head at;
    struct err e;
    assert_int_equal(index_read_begin(lk->index, &rd, &e), 0);
    assert_int_equal(index_head(rd, &at, &e), 0);
    return at.seq;
}

/* Takes `body`. */
static void append(struct lake *lk, json_t *body)
{
    struct err e;
    assert_non_null(body);
    if (lake_append(lk, body, NULL, NULL, NULL, &e) < 0)
        fail_msg("%s", e.text);
    json_decref(body);
}

/* A version of an edit; `rows` are its objects. */
static void append_version(struct lake *lk, const char *id, int version, const char *rows,
                           const char *retire_until)
{
    char hash[SHA256_HEX_SIZE];
    struct err e;
    assert_int_equal(lake_payload_put(lk, rows, strlen(rows), hash, &e), 0);
    append(lk, json_pack("{ss ss si ss ss ss si si ss s[iis] ss*}", "op", "edit", "edit", id,
                         "version", version, "name", "n", "file", "f", "manifest", "m", "objects", 1,
                         "bytes", 1, "payload", hash, "manifest_stat", 1, 1, "e", "retire_until",
                         retire_until));
}

static void change(struct lake *lk, const char *op)
{
    append(lk, json_pack("{ss ss}", "op", op, "edit", E1));
}

/* A lake with a/x.mov and a/y.mov. */
static struct lake *start(struct world *w)
{
    struct lake *lk = host_open(w, "one");
    struct scan_report scan;
    assert_int_equal(lake_init(lk, &w->e), 0);
    put(w, "a/x.mov", "1");
    put(w, "a/y.mov", "2");
    assert_int_equal(lake_scan(lk, "", NULL, NULL, &scan, &w->e), 0);
    return lk;
}

/* The ids that an object is tagged with, "" for none. */
static void assert_ids(struct lake *lk, const char *key, const char *want)
{
    struct store_tags tags;
    struct err e;
    const char *got = "";
    if (store_get_tags(lk->store, key, &tags, &e) < 0)
        fail_msg("%s", e.text);
    for (size_t i = 0; i < tags.n; i++)
        if (strcmp(tags.tag[i].key, "ShotLockerAccess") == 0)
            got = tags.tag[i].value;
    if (strcmp(got, want) != 0)
        fail_msg("%s is tagged '%s', not '%s'", key, got, want);
}

/* Completes what waits; that so many edits did. */
static void complete(struct lake *lk, uint64_t want)
{
    uint64_t edits = 99;
    struct err e;
    if (lake_tag_pending(lk, 1, NULL, NULL, &edits, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(edits, want);
}

static void test_lost(void **state)
{
    struct world *w = *state;
    AUTO(lake) struct lake *lk = start(w);
    append_version(lk, E1, 1, "[\"a/x.mov\"]\n", NULL);
    append_version(lk, E2, 1, "[\"a/x.mov\"]\n", NULL);
    complete(lk, 2);
    assert_ids(lk, "a/x.mov", E1 ":" E2);
    append_version(lk, E1, 2, "[\"a/y.mov\"]\n", NULL);
    assert_ids(lk, "a/x.mov", E1 ":" E2); /* as a killed writer leaves it: known, */
    complete(lk, 1);                      /* and completed */
    assert_ids(lk, "a/x.mov", E2);
    assert_ids(lk, "a/y.mov", E1);
    complete(lk, 0);
}

static void test_states(void **state)
{
    struct world *w = *state;
    AUTO(lake) struct lake *lk = start(w);
    append_version(lk, E1, 1, "[\"a/x.mov\"]\n", NULL);
    complete(lk, 1);
    change(lk, "disable");
    complete(lk, 1);
    assert_ids(lk, "a/x.mov", "");
    change(lk, "enable");
    complete(lk, 1);
    assert_ids(lk, "a/x.mov", E1);
    change(lk, "remove");
    complete(lk, 1);
    assert_ids(lk, "a/x.mov", "");
    complete(lk, 0);
}

static int64_t clock_now;

static int64_t stopped_clock(void)
{
    return clock_now;
}

/* The end of a retirement needs no record: the first who looks after it takes the tags. */
static void test_retired(void **state)
{
    struct world *w = *state;
    char end[WHEN_TEXT_SIZE];
    clock_now = 1800000000;
    clock_set(stopped_clock, NULL);
    AUTO(lake) struct lake *lk = start(w);
    append_version(lk, E1, 1, "[\"a/x.mov\"]\n", NULL);
    append_version(lk, E1, 2, "[\"a/y.mov\"]\n", when_format(clock_now + 60, end));
    complete(lk, 1);
    assert_ids(lk, "a/x.mov", E1);
    clock_now += 59;
    complete(lk, 0);
    assert_ids(lk, "a/x.mov", E1);
    clock_now += 1;
    complete(lk, 1);
    assert_ids(lk, "a/x.mov", "");
    assert_ids(lk, "a/y.mov", E1);
    complete(lk, 0);
    clock_set(NULL, NULL);
}

/* Another host makes the next version while the objects of the first are tagged. */
static void update_meanwhile(void *arg, const char *what, uint64_t done, uint64_t total)
{
    (void)what, (void)done, (void)total;
    if (head(arg) < 4)
        append_version(arg, E1, 2, "[\"a/y.mov\"]\n", NULL);
}

/* Tags that were made for a version are not called right when there is a next one: what it lost must
 * lose the tag too, whoever comes last. */
static void test_update_while_tagging(void **state)
{
    struct world *w = *state;
    AUTO(lake) struct lake *lk = start(w);
    AUTO(lake) struct lake *other = host_open(w, "two");
    struct tags_report tags;
    append_version(lk, E1, 1, "[\"a/x.mov\"]\n", NULL);
    assert_int_equal(lake_sync(other, &w->e), 0);
    assert_int_equal(head(other), 3);
    if (lake_tag_edit(lk, E1, 1, update_meanwhile, other, &tags, &w->e) < 0)
        fail_msg("%s", w->e.text);
    assert_int_equal(head(lk), 5); /* the update, and one "tagged" that came after it */
    assert_ids(lk, "a/x.mov", "");
    assert_ids(lk, "a/y.mov", E1);
    complete(lk, 0);
}

/* False where the file system of the tests holds no tags. */
static bool has_tags(void)
{
    void *state = NULL;
    setup(&state);
    struct world *w = state;
    struct store_tags tags = {.n = 1, .tag = {{"ShotLockerTry", "1"}}};
    put(w, "x", "1");
    bool has = store_put_tags(w->s, "x", &tags, &w->e) == 0;
    teardown(&state);
    return has;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lost),
        TEST(test_states),
        TEST(test_retired),
        TEST(test_update_while_tagging),
    };
    if (!has_tags()) {
        printf("1..0 # SKIP the file system holds no tags\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests_name("tags", tests, NULL, NULL);
}
