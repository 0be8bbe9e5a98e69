/* tests/unit/test_commit.c - a plan becomes an edit; of one source, one edit. */
/* SPDX-License-Identifier: MIT */
#include "tests/unit/dir_world.h"

#include <pthread.h>

#include "conform/commit.h"
#include "conform/conform.h"
#include "fs/lake/lake.h"
#include "policy/hash.h"
#include "policy/index.h"

#define HOSTS 4

static const char cut[] =
    "{\"OTIO_SCHEMA\":\"Timeline.1\",\"name\":\"cut\",\"tracks\":{\"OTIO_SCHEMA\":\"Stack.1\","
    "\"children\":[{\"OTIO_SCHEMA\":\"Track.1\",\"kind\":\"Video\",\"children\":[{\"OTIO_SCHEMA\":"
    "\"Clip.1\",\"name\":\"c\",\"media_reference\":{\"OTIO_SCHEMA\":\"ExternalReference.1\","
    "\"target_url\":\"file:///x/a.mov\"}}]}]}}";

static struct lake *host(struct world *w, int number)
{
    struct store *store = NULL;
    struct lake *lk = NULL;
    AUTO(free) char *url = xasprintf("file://%s", w->lake);
    AUTO(free) char *state = xasprintf("%s/host%d", w->top, number);
    assert_int_equal(dir_store_open(url, &store, &w->e), 0);
    if (lake_open(store, state, &lk, &w->e) < 0 || lake_init(lk, &w->e) < 0)
        fail_msg("%s", w->e.text);
    return lk;
}

static struct conform_plan *plan(struct lake *lk)
{
    AUTO(index_read) struct index_read *rd = NULL;
    struct conform_plan *p = NULL;
    struct err e;
    assert_int_equal(index_read_begin(lk->index, &rd, &e), 0);
    if (conform_plan(rd, lk->store, cut, strlen(cut), NULL, &p, &e) < 0)
        fail_msg("%s", e.text);
    return p;
}

static int commit(struct lake *lk, const char *source, char ret_edit[EDIT_ID_SIZE], struct err *e)
{
    AUTO(conform_plan) struct conform_plan *p = plan(lk);
    const struct commit_options opt = {.file = "cut.otio", .data = cut, .size = strlen(cut),
                                       .source = source};
    struct commit_result res = {0};
    int r = commit_plan(lk, p, &opt, &res, e);
    if (r == 0)
        memcpy(ret_edit, res.edit, EDIT_ID_SIZE);
    commit_result_done(&res);
    return r;
}

static void scanned(struct world *w, struct lake *lk)
{
    struct scan_report report;
    put(w, "show/a.mov", "bytes");
    assert_int_equal(lake_scan(lk, "", NULL, NULL, &report, &w->e), 0);
}

static int count(void *arg, const struct edit *ed, struct err *e)
{
    (void)ed, (void)e;
    ++*(int *)arg;
    return 0;
}

static int edits(struct lake *lk)
{
    AUTO(index_read) struct index_read *rd = NULL;
    struct err e;
    int n = 0;
    assert_int_equal(lake_sync(lk, &e), 0);
    assert_int_equal(index_read_begin(lk->index, &rd, &e), 0);
    assert_int_equal(index_edits(rd, count, &n, &e), 0);
    return n;
}

static void test_one_edit_a_source(void **state)
{
    struct world *w = *state;
    AUTO(lake) struct lake *a = host(w, 0), *b = host(w, 1);
    char one[SHA256_HEX_SIZE], two[SHA256_HEX_SIZE], first[EDIT_ID_SIZE], next[EDIT_ID_SIZE];
    hash_sha256_hex("1", 1, one);
    hash_sha256_hex("2", 1, two);
    scanned(w, a);
    assert_int_equal(lake_sync(b, &w->e), 0);
    assert_int_equal(commit(a, one, first, &w->e), 0);
    assert_int_equal(commit(a, one, next, &w->e), -EALREADY);
    assert_non_null(strstr(w->e.text, first)); /* it says which */
    assert_int_equal(commit(b, one, next, &w->e), -EALREADY); /* whose index was behind */
    assert_int_equal(edits(b), 1);
    assert_int_equal(commit(b, two, next, &w->e), 0);
    assert_int_equal(commit(b, NULL, next, &w->e), 0); /* without one, as often as one likes */
    assert_int_equal(commit(b, NULL, next, &w->e), 0);
    assert_int_equal(edits(a), 4);
}

struct racer {
    struct lake *lk;
    pthread_t thread;
    const char *source;
    int r;
    struct err e;
};

static void *race(void *arg)
{
    struct racer *x = arg;
    char edit[EDIT_ID_SIZE];
    x->r = commit(x->lk, x->source, edit, &x->e);
    return NULL;
}

static void test_race(void **state)
{
    struct world *w = *state;
    struct racer x[HOSTS] = {0};
    char source[SHA256_HEX_SIZE];
    for (int i = 0; i < HOSTS; i++)
        x[i].lk = host(w, i);
    scanned(w, x[0].lk);
    for (int i = 1; i < HOSTS; i++)
        assert_int_equal(lake_sync(x[i].lk, &w->e), 0);
    for (int round = 1; round <= 5; round++) {
        int won = 0;
        hash_sha256_hex(&round, sizeof round, source);
        for (int i = 0; i < HOSTS; i++) {
            x[i].source = source;
            assert_int_equal(pthread_create(&x[i].thread, NULL, race, &x[i]), 0);
        }
        for (int i = 0; i < HOSTS; i++)
            pthread_join(x[i].thread, NULL);
        for (int i = 0; i < HOSTS; i++) {
            if (x[i].r != 0 && x[i].r != -EALREADY)
                fail_msg("%s", x[i].e.text);
            won += x[i].r == 0;
        }
        assert_int_equal(won, 1);
        assert_int_equal(edits(x[0].lk), round);
    }
    for (int i = 0; i < HOSTS; i++)
        lake_close(x[i].lk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_one_edit_a_source),
        DIR_TEST(test_race),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
