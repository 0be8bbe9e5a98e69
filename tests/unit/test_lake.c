/* tests/unit/test_lake.c - a ledger in a directory: appends, two hosts, all kinds of damage. */
/* SPDX-License-Identifier: MIT */
#include "tests/unit/dir_world.h"

#include <pthread.h>

#include "fs/lake/lake.h"
#include "policy/hash.h"
#include "policy/index.h"
#include "policy/record.h"

struct host {
    struct lake *lk;
    char *state;
};

static struct store *open_store(struct world *w)
{
    struct store *store = NULL;
    AUTO(free) char *url = xasprintf("file://%s", w->lake);
    assert_int_equal(dir_store_open(url, &store, &w->e), 0);
    return store;
}

/* Takes `store`. */
static struct host host_on(struct world *w, const char *name, struct store *store)
{
    struct host h = {.state = xasprintf("%s/%s", w->top, name)};
    if (lake_open(store, h.state, &h.lk, &w->e) < 0)
        fail_msg("%s", w->e.text);
    return h;
}

/* A host of its own: a state folder and an index of its own, on the same lake. */
static struct host host_open(struct world *w, const char *name)
{
    return host_on(w, name, open_store(w));
}

static void host_close(struct host *h)
{
    lake_close(h->lk);
    free(h->state);
}

static uint64_t head(struct host *h)
{
    AUTO(index_read) struct index_read *rd = NULL;
    struct index_head at;
    struct err e;
    assert_int_equal(index_read_begin(h->lk->index, &rd, &e), 0);
    assert_int_equal(index_head(rd, &at, &e), 0);
    return at.seq;
}

static json_t *acl_body(const char *user)
{
    return json_pack("{ss ss s[{ss ss s[s]}]}", "op", "acl", "path", "/", "entries",
                     "principalType", "USER", "principal", user, "accessTypes", "read");
}

static int append(struct host *h, const char *user, uint64_t *seq, struct err *e)
{
    json_auto_t *body = acl_body(user);
    return lake_append(h->lk, body, NULL, NULL, seq, e);
}

static char *record_path(struct world *w, uint64_t seq)
{
    char key[RECORD_KEY_SIZE];
    record_key(seq, key);
    return path_of(w, key);
}

static void init_with_records(struct world *w, struct host *h, int n)
{
    assert_int_equal(lake_init(h->lk, &w->e), 0);
    for (int i = 2; i <= n; i++) {
        uint64_t seq = 0;
        if (append(h, "ann", &seq, &w->e) < 0)
            fail_msg("%s", w->e.text);
        assert_int_equal(seq, i);
    }
}

static void write_file(const char *path, const char *data, size_t n)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    fclose(f);
}

static void test_init(void **state)
{
    struct world *w = *state;
    struct host h = host_open(w, "one");
    assert_int_equal(lake_sync(h.lk, &w->e), -ENOENT);
    assert_non_null(strstr(w->e.text, "init"));
    assert_int_equal(append(&h, "ann", NULL, &w->e), -ENOENT);
    assert_int_equal(lake_init(h.lk, &w->e), 0);
    assert_int_equal(head(&h), 1);
    assert_int_equal(lake_init(h.lk, &w->e), 1);
    assert_int_equal(head(&h), 1);
    host_close(&h);
}

static void test_two_hosts(void **state)
{
    struct world *w = *state;
    struct host a = host_open(w, "one"), b = host_open(w, "two");
    uint64_t seq;
    init_with_records(w, &a, 5);
    assert_int_equal(head(&b), 0);
    assert_int_equal(lake_init(b.lk, &w->e), 1); /* in step after it */
    assert_int_equal(head(&b), 5);
    assert_int_equal(append(&b, "bob", &seq, &w->e), 0);
    assert_int_equal(seq, 6);
    assert_int_equal(head(&a), 5); /* stale, and does not mind */
    assert_int_equal(append(&a, "ann", &seq, &w->e), 0);
    assert_int_equal(seq, 7);
    assert_int_equal(lake_sync(b.lk, &w->e), 0);
    assert_int_equal(head(&b), 7);
    assert_int_equal(lake_ledger(a.lk, NULL, NULL, &seq, &w->e), 0);
    assert_int_equal(seq, 7);
    host_close(&a);
    host_close(&b);
}

struct writer {
    struct host h;
    pthread_t thread;
    int r;
    struct err e;
};

#define APPENDS 15

static void *write_many(void *arg)
{
    struct writer *x = arg;
    for (int i = 0; i < APPENDS && x->r == 0; i++)
        x->r = append(&x->h, "ann", NULL, &x->e);
    return NULL;
}

static int count_ids(void *arg, uint64_t seq, const json_t *rec, struct err *e)
{
    (void)seq, (void)e;
    const char *id = json_string_value(json_object_get(rec, "id"));
    assert_null(json_object_get(arg, id));
    return json_object_set_new(arg, id, json_true());
}

static void test_race(void **state)
{
    struct world *w = *state;
    struct writer x[3] = {0};
    json_auto_t *ids = json_object();
    uint64_t seq;
    x[0].h = host_open(w, "one");
    x[1].h = host_open(w, "two");
    x[2].h = x[0].h; /* two threads of one host as well */
    assert_int_equal(lake_init(x[0].h.lk, &w->e), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&x[i].thread, NULL, write_many, &x[i]), 0);
    for (int i = 0; i < 3; i++) {
        pthread_join(x[i].thread, NULL);
        if (x[i].r < 0)
            fail_msg("%s", x[i].e.text);
    }
    if (lake_ledger(x[0].h.lk, count_ids, ids, &seq, &w->e) < 0)
        fail_msg("%s", w->e.text);
    assert_int_equal(seq, 1 + 3 * APPENDS);
    assert_int_equal(json_object_size(ids), 1 + 3 * APPENDS);
    host_close(&x[0].h);
    host_close(&x[1].h);
}

/* ---- the check that is asked before a change ---------------------------------------------- */

struct ask {
    struct host *other; /* writes a record while the first question is answered */
    int asked, answer;
};

static int answer(void *arg, struct index_read *rd, struct err *e)
{
    struct ask *a = arg;
    struct index_head at;
    assert_int_equal(index_head(rd, &at, e), 0);
    if (a->asked++ == 0 && a->other)
        assert_int_equal(append(a->other, "eve", NULL, e), 0);
    return a->answer < 0 ? err_set(e, a->answer, "not now") : 0;
}

static void test_check(void **state)
{
    struct world *w = *state;
    struct host a = host_open(w, "one"), b = host_open(w, "two");
    init_with_records(w, &a, 2);
    json_auto_t *body = acl_body("ann");
    uint64_t seq = 0;
    struct ask no = {.answer = -ENOENT};
    assert_int_equal(lake_append(a.lk, body, answer, &no, &seq, &w->e), -ENOENT);
    assert_int_equal(no.asked, 1);
    assert_int_equal(head(&a), 2);
    struct ask raced = {.other = &b};
    assert_int_equal(lake_append(a.lk, body, answer, &raced, &seq, &w->e), 0);
    assert_int_equal(raced.asked, 2); /* asked again in the snapshot that it then followed */
    assert_int_equal(seq, 4);
    host_close(&a);
    host_close(&b);
}

/* ---- a put that arrives when its answer was given up long ago ------------------------------ */

struct late_store {
    struct store base;
    struct store *real;
    struct store_ops ops;
    bool armed;         /* the next record is held back */
    int looks;          /* how often the record was asked for since */
    char *key;          /* what is held back, until it arrives */
    struct buf data;
    struct host *other; /* writes the record after it, the moment it has arrived */
};

static int late_put(struct store *s, const char *key, const void *data, size_t n, int flags,
                    struct store_stat *ret, struct err *e)
{
    struct late_store *l = (struct late_store *)s;
    if (!l->armed || strncmp(key, ".shotlake/ledger/", 17) != 0)
        return store_put(l->real, key, data, n, flags, ret, e);
    l->armed = false;
    l->key = xstrdup(key);
    buf_add(&l->data, data, n);
    return err_set(e, -ETIMEDOUT, "no answer");
}

static int late_get(struct store *s, const char *key, size_t max, struct buf *ret,
                    struct store_stat *st, struct err *e)
{
    struct late_store *l = (struct late_store *)s;
    if (l->key && strcmp(key, l->key) == 0 && ++l->looks == 2) {
        assert_int_equal(store_put(l->real, key, l->data.p, l->data.len, STORE_PUT_IF_ABSENT, NULL,
                                   e), 0);
        assert_int_equal(append(l->other, "eve", NULL, e), 0);
    }
    return store_get(l->real, key, max, ret, st, e);
}

static int late_list(struct store *s, const char *prefix, const char *after, store_list_fn *fn,
                     void *arg, struct err *e)
{
    return store_list(((struct late_store *)s)->real, prefix, after, fn, arg, e);
}

static void late_close(struct store *s)
{
    struct late_store *l = (struct late_store *)s;
    store_close(l->real);
    buf_done(&l->data);
    free(l->key);
}

/* It was written, and somebody else's change followed it: it must not be written a second time. */
static void test_late_put(void **state)
{
    struct world *w = *state;
    struct host b = host_open(w, "two");
    struct late_store late = {
        .real = open_store(w),
        .ops = {.put = late_put, .get = late_get, .list = late_list, .close = late_close},
        .other = &b,
    };
    late.base = (struct store){.ops = &late.ops, .url = late.real->url, .place = late.real->place};
    struct host a = host_on(w, "one", &late.base);
    init_with_records(w, &b, 2);
    assert_int_equal(append(&a, "ann", NULL, &w->e), 0);
    json_auto_t *body = acl_body("ann"), *ids = json_object();
    uint64_t seq = 0;
    struct ask no_more = {0};
    late.armed = true;
    assert_int_equal(lake_append(a.lk, body, answer, &no_more, &seq, &w->e), 0);
    assert_int_equal(late.looks > 1, 1);
    assert_int_equal(no_more.asked, 1); /* what is done is not asked about again */
    assert_int_equal(seq, 4);
    assert_int_equal(lake_ledger(b.lk, count_ids, ids, &seq, &w->e), 0);
    assert_int_equal(seq, 5);
    assert_int_equal(lake_sync(a.lk, &w->e), 0);
    assert_int_equal(head(&a), 5);
    host_close(&a);
    host_close(&b);
}

/* ---- damage: the host stays where it was, and says so ------------------------------------- */

/* A host that was at record `at` of 5 before the damage. Takes `h`. */
static void assert_refused(struct world *w, struct host h, uint64_t at)
{
    uint64_t seq = 0;
    int r = lake_sync(h.lk, &w->e);
    if (r != -EBADMSG || !*w->e.text)
        fail_msg("sync from %d: %d %s", (int)at, r, w->e.text);
    r = append(&h, "eve", &seq, &w->e);
    if (r != -EBADMSG)
        fail_msg("append from %d: %d", (int)at, r);
    host_close(&h);
}

static void test_changed_record(void **state)
{
    struct world *w = *state;
    struct host a = host_open(w, "one"), b = host_open(w, "two"), fresh;
    init_with_records(w, &a, 3);
    assert_int_equal(lake_sync(b.lk, &w->e), 0); /* at 3 */
    assert_int_equal(append(&a, "ann", NULL, &w->e), 0);
    assert_int_equal(append(&a, "ann", NULL, &w->e), 0);
    AUTO(free) char *path = record_path(w, 4);
    AUTO(free) char *was = get(w, ".shotlake/ledger/00000000000000000004.json");
    AUTO(free) char *now = xstrdup(was);
    char *name = strstr(now, "\"ann\"");
    assert_non_null(name);
    memcpy(name, "\"eve\"", 5);
    write_file(path, now, strlen(now));
    uint64_t seq;
    assert_int_equal(lake_ledger(a.lk, NULL, NULL, &seq, &w->e), -EBADMSG);
    assert_non_null(strstr(w->e.text, "5"));
    fresh = host_open(w, "three");
    assert_refused(w, fresh, 0);
    assert_refused(w, b, 3);
    write_file(path, was, strlen(was)); /* put right, all is well */
    assert_int_equal(lake_ledger(a.lk, NULL, NULL, &seq, &w->e), 0);
    host_close(&a);
}

static void test_gap(void **state)
{
    struct world *w = *state;
    struct host a = host_open(w, "one");
    init_with_records(w, &a, 5);
    AUTO(free) char *path = record_path(w, 3);
    assert_int_equal(unlink(path), 0);
    uint64_t seq;
    assert_int_equal(lake_ledger(a.lk, NULL, NULL, &seq, &w->e), -EBADMSG);
    /* a new host sees the ledger end at 2: it must not write a second record 3 that the others
     * never read */
    struct host fresh = host_open(w, "two");
    assert_int_equal(lake_sync(fresh.lk, &w->e), -EBADMSG);
    assert_int_equal(append(&fresh, "eve", &seq, &w->e), -EBADMSG);
    host_close(&fresh);
    /* nor is a ledger without its first record a place for a new one */
    AUTO(free) char *first = record_path(w, 1);
    assert_int_equal(unlink(first), 0);
    fresh = host_open(w, "three");
    assert_int_equal(lake_init(fresh.lk, &w->e), -EBADMSG);
    assert_int_equal(access(first, F_OK), -1);
    host_close(&fresh);
    host_close(&a);
}

static void test_cut_back(void **state)
{
    struct world *w = *state;
    struct host a = host_open(w, "one");
    init_with_records(w, &a, 5);
    host_close(&a);
    for (uint64_t n = 4; n <= 5; n++) {
        AUTO(free) char *path = record_path(w, n);
        assert_int_equal(unlink(path), 0);
    }
    a = host_open(w, "one");
    assert_int_equal(lake_sync(a.lk, &w->e), -EBADMSG);
    assert_non_null(strstr(w->e.text, "cut back"));
    assert_refused(w, a, 5);
}

static void test_another_lake(void **state)
{
    struct world *w = *state;
    struct host a = host_open(w, "one");
    init_with_records(w, &a, 2);
    host_close(&a);
    AUTO(free) char *ledger = path_of(w, ".shotlake");
    nftw(ledger, remove_one, 32, FTW_DEPTH | FTW_PHYS);
    struct host b = host_open(w, "two");
    init_with_records(w, &b, 3);
    host_close(&b);
    a = host_open(w, "one");
    assert_refused(w, a, 2);
}

static void test_empty_and_huge_records(void **state)
{
    struct world *w = *state;
    struct host a = host_open(w, "one");
    init_with_records(w, &a, 2);
    AUTO(free) char *path = record_path(w, 3);
    write_file(path, "", 0);
    assert_int_equal(lake_sync(a.lk, &w->e), -EBADMSG);
    AUTO(free) char *huge = xcalloc(RECORD_MAX_BYTES + 1, 1);
    memset(huge, ' ', RECORD_MAX_BYTES + 1);
    write_file(path, huge, RECORD_MAX_BYTES + 1);
    assert_true(lake_sync(a.lk, &w->e) < 0);
    assert_int_equal(head(&a), 2);
    host_close(&a);
}

static void test_payload(void **state)
{
    struct world *w = *state;
    struct host a = host_open(w, "one");
    struct scan_report rep;
    init_with_records(w, &a, 1);
    put(w, "a/x.mov", "0123456789");
    assert_int_equal(lake_scan(a.lk, "", NULL, NULL, &rep, &w->e), 0);
    assert_int_equal(rep.added, 1);
    AUTO(free) char *folder = path_of(w, ".shotlake/payload");
    DIR *d = opendir(folder);
    assert_non_null(d);
    AUTO(free) char *path = NULL;
    for (struct dirent *de; (de = readdir(d));)
        if (de->d_name[0] != '.')
            path = xasprintf("%s/%s", folder, de->d_name);
    closedir(d);
    struct host b = host_open(w, "two");
    write_file(path, "no zlib at all", 14);
    assert_int_equal(lake_sync(b.lk, &w->e), -EBADMSG);
    write_file(path, "\x78\x9c\x4b\x04\x00\x00\x62\x00\x62", 9); /* well packed, other bytes: "a" */
    assert_int_equal(lake_sync(b.lk, &w->e), -EBADMSG);
    unlink(path);
    assert_int_equal(lake_sync(b.lk, &w->e), -EBADMSG); /* damage, not "no such object" */
    uint64_t seq;
    assert_int_equal(lake_sync(a.lk, &w->e), 0); /* knows it already, but the ledger is not whole */
    assert_int_equal(lake_ledger(a.lk, NULL, NULL, &seq, &w->e), -EBADMSG);
    assert_int_equal(head(&b), 1);
    host_close(&a);
    host_close(&b);
}

static char *payload_path(struct world *w, const char *hash)
{
    AUTO(free) char *key = xasprintf(".shotlake/payload/%s.z", hash);
    return path_of(w, key);
}

/* The bytes of a payload that is written again stand there already, and are damaged: a record that
 * named them would stop every other host. */
static void test_payload_repair(void **state)
{
    struct world *w = *state;
    struct host a = host_open(w, "one"), b = host_open(w, "two");
    static const char rows[] = "[\"+\",\"a/x.mov\",1,1,\"e\"]\n";
    static const char *const damage[] = {"", "no zlib at all", "\x78\x9c\x4b\x04"};
    char hash[SHA256_HEX_SIZE];
    init_with_records(w, &a, 1);
    for (size_t i = 0; i < COUNT(damage); i++) {
        assert_int_equal(lake_payload_put(a.lk, rows, sizeof rows - 1, hash, &w->e), 0);
        AUTO(free) char *path = payload_path(w, hash);
        write_file(path, damage[i], strlen(damage[i]));
        if (lake_payload_put(a.lk, rows, sizeof rows - 1, hash, &w->e) < 0)
            fail_msg("%s", w->e.text);
        json_auto_t *body = json_pack("{ss ss ss}", "op", "inventory", "prefix", "", "payload", hash);
        assert_int_equal(lake_append(a.lk, body, NULL, NULL, NULL, &w->e), 0);
        if (lake_sync(b.lk, &w->e) < 0)
            fail_msg("%s", w->e.text);
        assert_int_equal(head(&b), head(&a));
        uint64_t seq;
        assert_int_equal(lake_ledger(b.lk, NULL, NULL, &seq, &w->e), 0);
    }
    host_close(&a);
    host_close(&b);
}

/* A host that does not know the edit yet must not report that all its objects are tagged. */
static void test_tags_of_a_host_that_lags(void **state)
{
    struct world *w = *state;
    struct host a = host_open(w, "one"), b = host_open(w, "two");
    struct scan_report rep;
    struct tags_report tags;
    char hash[SHA256_HEX_SIZE];
    init_with_records(w, &a, 1);
    put(w, "a/x.mov", "1");
    assert_int_equal(lake_scan(a.lk, "", NULL, NULL, &rep, &w->e), 0);
    assert_int_equal(lake_sync(b.lk, &w->e), 0);
    assert_int_equal(lake_payload_put(a.lk, "[\"a/x.mov\"]\n", 12, hash, &w->e), 0);
    json_auto_t *body = json_pack("{ss ss ss ss ss sI sI ss s[IIs]}", "op", "edit", "edit",
                                  "abcdefghij", "name", "n", "file", "f", "manifest", "m", "objects",
                                  (json_int_t)1, "bytes", (json_int_t)1, "payload", hash,
                                  "manifest_stat", (json_int_t)1, (json_int_t)1, "e");
    assert_int_equal(lake_append(a.lk, body, NULL, NULL, NULL, &w->e), 0);
    /* where the file system holds no tags, that is told */
    if (lake_tag_edit(b.lk, "abcdefghij", 1, NULL, NULL, &tags, &w->e) == 0) {
        assert_int_equal(tags.tagged, 1);
        assert_int_equal(tags.gone, 1); /* "m", but not its other name below edits/ */
    }
    host_close(&a);
    host_close(&b);
}

static void test_scan(void **state)
{
    struct world *w = *state;
    struct host a = host_open(w, "one");
    struct scan_report rep;
    init_with_records(w, &a, 1);
    put(w, "a/x.mov", "0123456789");
    put(w, "a/y.mov", "");
    put(w, "b/z.mov", "1");
    assert_int_equal(lake_scan(a.lk, "", NULL, NULL, &rep, &w->e), 0);
    assert_int_equal(rep.objects, 3);
    assert_int_equal(rep.bytes, 11);
    assert_int_equal(rep.added, 3);
    uint64_t at = head(&a);
    assert_int_equal(lake_scan(a.lk, "", NULL, NULL, &rep, &w->e), 0);
    assert_int_equal(rep.added + rep.changed + rep.removed, 0);
    assert_int_equal(head(&a), at); /* nothing new, no record */
    put(w, "a/x.mov", "changed");
    put(w, "b/new.mov", "1");
    assert_int_equal(lake_scan(a.lk, "b/", NULL, NULL, &rep, &w->e), 0);
    assert_int_equal(rep.added, 1);
    assert_int_equal(rep.changed, 0); /* lies outside of the prefix */
    assert_int_equal(store_remove(w->s, "a/y.mov", &w->e), 0);
    assert_int_equal(lake_scan(a.lk, "", NULL, NULL, &rep, &w->e), 0);
    assert_int_equal(rep.changed, 1);
    assert_int_equal(rep.removed, 1);
    host_close(&a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_init),       TEST(test_two_hosts), TEST(test_race),
        TEST(test_check),      TEST(test_late_put), TEST(test_changed_record), TEST(test_gap),
        TEST(test_cut_back),   TEST(test_another_lake), TEST(test_empty_and_huge_records),
        TEST(test_payload),    TEST(test_payload_repair), TEST(test_scan),
        TEST(test_tags_of_a_host_that_lags),
    };
    return cmocka_run_group_tests_name("lake", tests, NULL, NULL);
}
