/* tests/unit/test_media_scan.c - a scan of media in a directory: what is looked at, what is found. */
/* SPDX-License-Identifier: MIT */
#include "tests/unit/dir_world.h"

#include <stdatomic.h>
#include <sys/xattr.h>

#include "fs/lake/lake.h"
#include "policy/index.h"
#include "tests/unit/header_text.h"

static struct lake *lake_of(struct world *w)
{
    struct store *store = NULL;
    struct lake *lk = NULL;
    AUTO(free) char *url = xasprintf("file://%s", w->lake);
    AUTO(free) char *state = xasprintf("%s/state", w->top);
    assert_int_equal(dir_store_open(url, &store, &w->e), 0);
    if (lake_open(store, state, &lk, &w->e) < 0 || lake_init(lk, &w->e) < 0)
        fail_msg("%s", w->e.text);
    return lk;
}

static void put_exr(struct world *w, const char *key, const char *reel, uint32_t bcd)
{
    AUTO(buf) struct buf b = {0};
    exr_start(&b);
    exr_timecode(&b, bcd);
    exr_pair(&b, "framesPerSecond", "rational", 24, 1);
    exr_text(&b, "reelName", reel);
    buf_addc(&b, '\0');
    if (store_put(w->s, key, b.p, b.len, 0, NULL, &w->e) < 0)
        fail_msg("%s", w->e.text);
}

static struct media_report scan(struct world *w, struct lake *lk, const char *prefix,
                                enum lake_media what)
{
    struct scan_report rep;
    struct media_report media;
    if (lake_scan(lk, prefix, NULL, NULL, &rep, &w->e) < 0 ||
        lake_scan_media(lk, prefix, what, 3, NULL, NULL, &media, &w->e) < 0)
        fail_msg("%s", w->e.text);
    return media;
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

/* "from reel start frames"; "" where nothing is known. */
static void assert_facts(struct lake *lk, const char *key, const char *want)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(media) struct media m = {0};
    AUTO(free) char *got = NULL;
    struct err e;
    node_id id;
    assert_int_equal(index_read_begin(lk->index, &rd, &e), 0);
    assert_int_equal(index_find(rd, key, &id, &e), 0);
    int r = index_media(rd, id, &m, &e);
    got = r == -ENOENT ? xstrdup("")
                       : xasprintf("%s %s %lld %lld", m.from, m.reel ? m.reel : "-",
                                   (long long)m.start, (long long)m.frames);
    if (strcmp(got, want) != 0)
        fail_msg("%s: '%s', not '%s'", key, got, want);
}

/* Only the lowest frame of a run is read; two folders, two patterns and two cases are two runs. */
static void test_sequences(void **state)
{
    struct world *w = *state;
    AUTO(lake) struct lake *lk = lake_of(w);
    put_exr(w, "a/p.1003.exr", "late", 0x01000002);
    put_exr(w, "a/p.1001.exr", "A1", 0x01000000);
    put_exr(w, "a/p.1002.exr", "never", 0x01000001);
    put_exr(w, "a/q.1002.exr", "A2", 0x01000001);
    put_exr(w, "b/p.1002.exr", "B1", 0x01000001);
    put_exr(w, "b/single.exr", "B2", 0x02000000);
    put(w, "b/empty.exr", "");
    put(w, "b/junk.1.EXR", "no OpenEXR at all");
    put(w, "b/notes.txt", "x");
    struct media_report rep = scan(w, lk, "", LAKE_MEDIA_NEW);
    assert_int_equal(rep.looked, 6);
    assert_int_equal(rep.known, 4);
    assert_int_equal(rep.failed, 0);
    assert_facts(lk, "a/p.1001.exr", "exr A1 86400 0");
    assert_facts(lk, "a/p.1002.exr", "");
    assert_facts(lk, "a/q.1002.exr", "exr A2 86401 0");
    assert_facts(lk, "b/p.1002.exr", "exr B1 86401 0");
    assert_facts(lk, "b/single.exr", "exr B2 172800 0");
    assert_facts(lk, "b/junk.1.EXR", "none - -1 0");
    assert_facts(lk, "b/empty.exr", "none - -1 0");
    assert_facts(lk, "b/notes.txt", "");
    uint64_t at = head(lk);
    assert_int_equal(scan(w, lk, "", LAKE_MEDIA_NEW).looked, 0);
    assert_int_equal(head(lk), at); /* nothing new, no record */
    assert_int_equal(scan(w, lk, "", LAKE_MEDIA_ALL).looked, 6);
    assert_int_equal(head(lk), at);
}

static void test_what_changes_is_read_again(void **state)
{
    struct world *w = *state;
    AUTO(lake) struct lake *lk = lake_of(w);
    put_exr(w, "a/p.1002.exr", "A1", 0x01000001);
    put_exr(w, "b/p.1002.exr", "B1", 0x01000001);
    assert_int_equal(scan(w, lk, "", LAKE_MEDIA_NEW).looked, 2);
    put_exr(w, "a/p.1001.exr", "A1", 0x01000000); /* a lower frame came */
    put_exr(w, "b/p.1002.exr", "B2", 0x01000001);
    assert_int_equal(scan(w, lk, "b/", LAKE_MEDIA_NEW).looked, 1);
    assert_facts(lk, "b/p.1002.exr", "exr B2 86401 0");
    assert_int_equal(scan(w, lk, "", LAKE_MEDIA_NEW).looked, 1);
    assert_facts(lk, "a/p.1001.exr", "exr A1 86400 0");
    assert_facts(lk, "a/p.1002.exr", "exr A1 86401 0");
}

/* Another object came into the place of the one that the inventory knows: for the next scan. */
static void test_changed_meanwhile(void **state)
{
    struct world *w = *state;
    AUTO(lake) struct lake *lk = lake_of(w);
    struct scan_report rep;
    struct media_report media;
    put_exr(w, "a/1.exr", "A1", 0x01000000);
    put_exr(w, "b/2.exr", "A2", 0x01000000);
    put_exr(w, "c/3.exr", "A3", 0x01000000);
    assert_int_equal(lake_scan(lk, "", NULL, NULL, &rep, &w->e), 0);
    put_exr(w, "a/1.exr", "B1", 0x01000000);
    assert_int_equal(store_remove(w->s, "b/2.exr", &w->e), 0);
    assert_int_equal(lake_scan_media(lk, "", LAKE_MEDIA_NEW, 1, NULL, NULL, &media, &w->e), 0);
    assert_int_equal(media.looked, 1);
    assert_int_equal(media.failed, 0);
    assert_facts(lk, "a/1.exr", "");
    assert_facts(lk, "c/3.exr", "exr A3 86400 0");
}

static void test_metadata(void **state)
{
    struct world *w = *state;
    AUTO(lake) struct lake *lk = lake_of(w);
    AUTO(free) char *mov = path_of(w, "a/x.mov"), *exr = path_of(w, "a/p.1.exr");
    put(w, "a/x.mov", "moov");
    put(w, "a/y.MXF", "x");
    put_exr(w, "a/p.1.exr", "header", 0x01000000);
    if (setxattr(mov, "user.shotlake-reel", "A001", 4, 0) < 0) {
        print_message("no extended attributes here: %s\n", strerror(errno));
        skip();
    }
    assert_int_equal(setxattr(mov, "user.timecode", "00:00:01:00", 11, 0), 0);
    assert_int_equal(setxattr(mov, "user.shotlake-rate", "25", 2, 0), 0);
    assert_int_equal(setxattr(mov, "user.shotlake-frames", "77", 2, 0), 0);
    assert_int_equal(setxattr(exr, "user.shotlake-reel", "by hand", 7, 0), 0);
    assert_int_equal(scan(w, lk, "", LAKE_MEDIA_NEW).known, 2);
    assert_facts(lk, "a/x.mov", "metadata A001 25 77");
    assert_facts(lk, "a/y.MXF", "none - -1 0");
    assert_facts(lk, "a/p.1.exr", "metadata+exr by hand 86400 0");
    assert_int_equal(setxattr(mov, "user.shotlake-reel", "A002", 4, 0), 0); /* same object */
    assert_int_equal(scan(w, lk, "", LAKE_MEDIA_NEW).looked, 0);
    assert_int_equal(scan(w, lk, "", LAKE_MEDIA_ALL).looked, 3);
    assert_facts(lk, "a/x.mov", "metadata A002 25 77");
}

#define LOG(rows)                                                                                  \
    "Heading\nFIELD_DELIM\tTABS\nFPS\t24\n\nColumn\nName\tTape\tStart\tEnd\tSource File\n\nData\n" \
    rows

static void test_logs(void **state)
{
    struct world *w = *state;
    AUTO(lake) struct lake *lk = lake_of(w);
    put(w, "day1/A1.R3D", "x");
    put(w, "day2/A1.R3D", "x"); /* the same name elsewhere */
    put(w, "day1/A2.mov", "x");
    put(w, "other/B1.mov", "x");
    put(w, "other/C1.mov", "x");
    put(w, "more/C1.mov", "x");
    put(w, "cam/R7_0001.mxf", "x");
    put(w, "cam/TAPE9.mov", "x");
    put_exr(w, "day1/E1.1001.exr", "own", 0x01000000);
    put(w, "day1/bin.ALE", LOG("clip\tT1\t01:00:00:00\t01:00:01:00\tA1.r3d\n"
                               "A2\tT2\t01:00:00:00\t\t\n"
                               "B1\tT3\t\t\tB1.mxf\n"
                               "C1\tT4\t\t\tC1.mov\n" /* two of them, none here: not guessed */
                               "gone\tT5\t\t\tgone.mov\n"
                               "c7\tR7_0001\t02:00:00:00\t\t\n"
                               "c8\tTAPE9\t02:00:00:00\t\t\n" /* two clips of one tape */
                               "c9\tTAPE9\t03:00:00:00\t\t\n"
                               "E1\tT6\t\t01:00:01:00\tE1.1001.exr\n"));
    put(w, "broken.ale", "not a log");
    struct media_report rep = scan(w, lk, "", LAKE_MEDIA_NEW);
    assert_int_equal(rep.logs, 1);
    assert_int_equal(rep.failed, 1);
    assert_non_null(strstr(rep.why, "broken.ale"));
    assert_facts(lk, "day1/A1.R3D", "ale:day1/bin.ALE T1 86400 24");
    assert_facts(lk, "day2/A1.R3D", "none - -1 0");
    assert_facts(lk, "day1/A2.mov", "ale:day1/bin.ALE T2 86400 0");
    assert_facts(lk, "other/B1.mov", "ale:day1/bin.ALE T3 -1 0");
    assert_facts(lk, "other/C1.mov", "none - -1 0");
    assert_facts(lk, "cam/R7_0001.mxf", "ale:day1/bin.ALE R7_0001 172800 0");
    assert_facts(lk, "cam/TAPE9.mov", "ale:day1/bin.ALE TAPE9 -1 0");
    assert_facts(lk, "day1/E1.1001.exr", "exr own 86400 0");
    rep = scan(w, lk, "", LAKE_MEDIA_NEW);
    assert_int_equal(rep.looked + rep.logs + rep.failed, 0);
    put(w, "late/gone.mov", "x"); /* what came after the log that knows it */
    assert_int_equal(scan(w, lk, "", LAKE_MEDIA_NEW).looked, 1);
    assert_facts(lk, "late/gone.mov", "ale:day1/bin.ALE T5 -1 0");
    put(w, "other/bin.ale", LOG("C1\tT8\t\t\tC1.mov\nA2\tT9\t\t\tA2.mov\n"));
    rep = scan(w, lk, "", LAKE_MEDIA_NEW); /* a log that came after what it knows */
    assert_int_equal(rep.looked, 2);
    assert_facts(lk, "other/C1.mov", "ale:other/bin.ale T8 -1 0");
    assert_facts(lk, "day1/A2.mov", "ale:day1/bin.ALE T2 86400 0"); /* its own folder's is first */
}

/* Subclips of one file, and logs that contradict each other: only what they agree on. */
static void test_contradictions(void **state)
{
    struct world *w = *state;
    AUTO(lake) struct lake *lk = lake_of(w);
    put(w, "a/A1.mov", "x");
    put(w, "a/A2.mov", "x");
    put(w, "a/A3.mov", "x");
    put(w, "a/bin.ale", LOG("one\tT1\t01:00:00:00\t01:00:10:00\tA1.mov\n"
                            "two\tT1\t01:00:02:00\t01:00:03:00\tA1.mov\n"
                            "dup\tT1\t01:00:00:00\t01:00:10:00\tA1.mov\n"
                            "no\t\t\t\tA3.mov\nno\tT1\t\t\tA3.mov\nno\t\t\t\tA3.mov\n"
                            "no\tT2\t\t\tA3.mov\nno\t\t01:00:00:00\t\tA3.mov\n"));
    put(w, "b/x.ale", LOG("A2\tT2\t01:00:00:00\t01:00:10:00\tA2.mov\n"));
    put(w, "b/y.ale", LOG("A2\tT3\t01:00:00:00\t\tA2.mov\n"));
    scan(w, lk, "", LAKE_MEDIA_NEW);
    assert_facts(lk, "a/A1.mov", "ale:a/bin.ale T1 -1 0");
    assert_facts(lk, "a/A3.mov", "ale:a/bin.ale - 86400 0");
    assert_facts(lk, "a/A2.mov", "ale:b/x.ale - 86400 240");
}

/* ---- a store that fails -------------------------------------------------------------------- */

struct bad_store {
    struct store base;
    struct store *real;
    struct store_ops ops;
    int r;
    const char *only; /* the key that fails; NULL: all */
    atomic_int good;  /* so many reads go well first */
};

static void bad_read_start(struct store *s, struct store_read *rd)
{
    struct bad_store *b = (struct bad_store *)s;
    struct err e;
    if (b->r == 0 || (b->only && strcmp(b->only, rd->key) != 0) ||
        atomic_fetch_sub(&b->good, 1) > 0) {
        store_read_start(b->real, rd);
        return;
    }
    int r = err_set(&e, b->r, "no");
    rd->done(rd, r, &e);
}

static int bad_get(struct store *s, const char *key, size_t max, struct buf *ret,
                   struct store_stat *st, struct err *e)
{
    return store_get(((struct bad_store *)s)->real, key, max, ret, st, e);
}

static int bad_list(struct store *s, const char *prefix, const char *after, store_list_fn *fn,
                    void *arg, struct err *e)
{
    return store_list(((struct bad_store *)s)->real, prefix, after, fn, arg, e);
}

static int bad_put(struct store *s, const char *key, const void *data, size_t n, int flags,
                   struct store_stat *ret, struct err *e)
{
    return store_put(((struct bad_store *)s)->real, key, data, n, flags, ret, e);
}

static int bad_remove(struct store *s, const char *key, struct err *e)
{
    return store_remove(((struct bad_store *)s)->real, key, e);
}

static void bad_close(struct store *s)
{
    store_close(((struct bad_store *)s)->real);
}

static struct bad_store bad_store(int r)
{
    return (struct bad_store){
        .ops = {.read_start = bad_read_start, .get = bad_get, .list = bad_list, .put = bad_put,
                .remove = bad_remove, .close = bad_close},
        .r = r,
    };
}

static struct lake *lake_on(struct world *w, struct bad_store *bad)
{
    AUTO(free) char *url = xasprintf("file://%s", w->lake);
    AUTO(free) char *state = xasprintf("%s/state", w->top);
    struct lake *lk = NULL;
    assert_int_equal(dir_store_open(url, &bad->real, &w->e), 0);
    bad->base = (struct store){.ops = &bad->ops, .url = bad->real->url};
    if (lake_open(&bad->base, state, &lk, &w->e) < 0 || lake_init(lk, &w->e) < 0)
        fail_msg("%s", w->e.text);
    return lk;
}

static void put_many(struct world *w, int n)
{
    for (int i = 0; i < n; i++) { /* a name without digits is a run of its own */
        AUTO(free) char *key = xasprintf("a/%c%c.exr", 'a' + i / 10, 'a' + i % 10);
        put_exr(w, key, "A1", 0x01000000);
    }
}

static void test_failures(void **state)
{
    struct world *w = *state;
    struct bad_store bad = bad_store(-EACCES);
    bad.only = "b/2.exr";
    AUTO(lake) struct lake *lk = lake_on(w, &bad);
    put_many(w, 50);
    put_exr(w, "b/2.exr", "B2", 0x01000000);
    struct media_report rep = scan(w, lk, "", LAKE_MEDIA_NEW);
    assert_int_equal(rep.failed, 1);
    assert_string_equal(rep.why, "'b/2.exr': no");
    assert_facts(lk, "b/2.exr", "");
    assert_int_equal(rep.looked, 50);
    bad.r = 0;
    rep = scan(w, lk, "", LAKE_MEDIA_NEW);
    assert_int_equal(rep.looked, 1);
    assert_facts(lk, "b/2.exr", "exr B2 86400 0");
}

/* A store that goes away: not everything is tried, and what was found is not asked for again. */
static void test_goes_on_where_it_was(void **state)
{
    struct world *w = *state;
    struct bad_store bad = bad_store(-EIO);
    bad.good = 10;
    AUTO(lake) struct lake *lk = lake_on(w, &bad);
    put_many(w, 100);
    struct media_report rep = scan(w, lk, "", LAKE_MEDIA_NEW);
    assert_true(rep.stopped);
    assert_int_equal(rep.looked, 10);
    assert_true(rep.failed >= 16 && rep.looked + rep.failed < 100);
    bad.r = 0;
    rep = scan(w, lk, "", LAKE_MEDIA_NEW);
    assert_false(rep.stopped);
    assert_int_equal(rep.looked, 90);
    assert_int_equal(scan(w, lk, "", LAKE_MEDIA_NEW).looked, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sequences),
        TEST(test_what_changes_is_read_again),
        TEST(test_changed_meanwhile),
        TEST(test_metadata),
        TEST(test_logs),
        TEST(test_contradictions),
        TEST(test_failures),
        TEST(test_goes_on_where_it_was),
    };
    return cmocka_run_group_tests_name("media_scan", tests, NULL, NULL);
}
