/* tests/unit/test_dir_store.c - a directory lake: URLs, bytes, ranges, changed objects, a lost
 * lake, tags. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "fs/store/store.h"
#include "tests/unit/dir_world.h"

/* ---- URLs and addresses ------------------------------------------------------------------ */

static void test_url(void **state)
{
    static const struct {
        const char *url;
        int want;
    } cases[] = {
        {"file:///", -EINVAL},
        {"file:///./", -EINVAL},
        {"file://host/dir", -EINVAL},
        {"file:dir", -EINVAL},
        {"file:///tmp/../tmp", -EINVAL},
        {"file:///tmp/%2e%2e/tmp", -EINVAL},
        {"file:///tmp/%zz", -EINVAL},
        {"file:///tmp/%00", -EINVAL},
        {"file:///tmp?x", -EINVAL},
        {"s3://lake", -EINVAL},
        {"file:///no/such/directory", -ENOTDIR},
        {"file:///etc/passwd", -ENOTDIR},
    };
    struct world *w = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct store *s = NULL;
        assert_int_equal(dir_store_open(cases[i].url, &s, &w->e), cases[i].want);
        assert_null(s);
    }

    AUTO(free) char *dir = path_of(w, "my lake#%");
    assert_int_equal(mkdir(dir, 0755), 0);
    AUTO(free) char *url = xasprintf("file://localhost//%s/./my%%20lake%%23%%25//", w->lake);
    AUTO(store) struct store *s = NULL;
    assert_int_equal(dir_store_open(url, &s, &w->e), 0);
    AUTO(free) char *want = xasprintf("file://%s/my%%20lake%%23%%25", w->lake);
    assert_string_equal(s->url, want);
    AUTO(buf) struct buf b = {0};
    store_address(s, "show/a b+é?.exr", &b);
    AUTO(free) char *address = xasprintf("%s/show/a%%20b%%2B%%C3%%A9%%3F.exr", want);
    assert_string_equal(buf_str(&b), address);
}

/* ---- bytes ------------------------------------------------------------------------------- */

static void test_bytes(void **state)
{
    struct world *w = *state;
    struct store_stat a, b;
    assert_int_equal(store_put(w->s, "show/sh010/plate.0001.exr", "12345", 5, 0, &a, &w->e), 0);
    assert_int_equal(store_head(w->s, "show/sh010/plate.0001.exr", &b, &w->e), 0);
    assert_int_equal(a.size, 5);
    assert_string_equal(a.etag, b.etag);
    assert_true(a.mtime_ns == b.mtime_ns && a.mtime_ns > 0);
    assert_object(w, "show/sh010/plate.0001.exr", "12345");

    AUTO(buf) struct buf got = {0};
    buf_adds(&got, "keep ");
    assert_int_equal(store_get(w->s, "show/sh010/plate.0001.exr", 4, &got, NULL, &w->e), -EFBIG);
    assert_string_equal(buf_str(&got), "keep ");
    assert_int_equal(store_get(w->s, "show/sh010/plate.0001.exr", 5, &got, NULL, &w->e), 0);
    assert_string_equal(buf_str(&got), "keep 12345");

    put(w, "empty", "");
    assert_object(w, "empty", "");

    assert_int_equal(store_remove(w->s, "show/sh010/plate.0001.exr", &w->e), 0);
    assert_int_equal(store_remove(w->s, "show/sh010/plate.0001.exr", &w->e), 0);
    assert_int_equal(store_remove(w->s, "no/such", &w->e), 0);
    assert_int_equal(store_remove(w->s, "empty/below", &w->e), 0);
    assert_int_equal(store_remove(w->s, "show", &w->e), 0); /* a directory is no object */
    assert_int_equal(store_head(w->s, "show/sh010/plate.0001.exr", &a, &w->e), -ENOENT);
    assert_int_equal(store_head(w->s, "show", &a, &w->e), -ENOENT);
    assert_int_equal(store_head(w->s, "empty/below", &a, &w->e), -ENOENT);
}

struct range {
    struct store_read rd;
    size_t reported, calls, cancel_at;
    struct world *w;
    const char *replace; /* written in place at the first progress */
};

static void on_progress(struct store_read *rd, size_t have)
{
    struct range *r = (struct range *)rd;
    assert_true(have > r->reported);
    r->reported = have;
    r->calls++;
    if (r->cancel_at && have >= r->cancel_at)
        store_read_cancel(r->w->s, rd);
    if (r->replace && r->calls == 1) {
        AUTO(free) char *path = path_of(r->w, rd->key);
        int fd = open(path, O_WRONLY);
        assert_true(fd >= 0);
        assert_int_equal(pwrite(fd, r->replace, strlen(r->replace), 3 << 20),
                         (ssize_t)strlen(r->replace));
        struct timespec at[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1234567}};
        assert_int_equal(futimens(fd, at), 0); /* do not depend on the clock's tick */
        close(fd);
    }
}

static int result;

static void on_done(struct store_read *rd, int r, const struct err *e)
{
    (void)rd;
    if (r < 0)
        assert_int_equal(e->code, r);
    result = r;
}

static void test_ranges(void **state)
{
    struct world *w = *state;
    size_t n = (4u << 20) + 77;
    AUTO(free) char *data = xcalloc(1, n);
    AUTO(free) char *to = xcalloc(1, n);
    for (size_t i = 0; i < n; i++)
        data[i] = (char)(i * 2654435761u >> 13);
    struct store_stat st;
    assert_int_equal(store_put(w->s, "big", data, n, 0, &st, &w->e), 0);

    static const size_t at[][2] = {{0, 1},
                                   {0, 4u << 20},
                                   {1, 4096},
                                   {(4u << 20) + 76, 1},
                                   {1048575, 2097155},
                                   {0, (4u << 20) + 77}};
    for (size_t i = 0; i < COUNT(at); i++) {
        memset(to, 0, n);
        assert_int_equal(store_read_wait(w->s, "big", st.etag, at[i][0], at[i][1], to, &w->e), 0);
        assert_memory_equal(to, data + at[i][0], at[i][1]);
    }
    assert_int_equal(store_read_wait(w->s, "big", NULL, n, 1, to, &w->e), -EINVAL);
    assert_int_equal(store_read_wait(w->s, "big", NULL, n - 1, 2, to, &w->e), -EINVAL);
    assert_int_equal(store_read_wait(w->s, "big", NULL, UINT64_MAX, 2, to, &w->e), -EINVAL);
    assert_int_equal(store_read_wait(w->s, "none", NULL, 0, 1, to, &w->e), -ENOENT);

    struct range all = {.rd = {.key = "big",
                               .etag = st.etag,
                               .length = n,
                               .data = to,
                               .progress = on_progress,
                               .done = on_done},
                        .w = w};
    store_read_start(w->s, &all.rd);
    assert_int_equal(result, 0);
    assert_int_equal(all.reported, n);
    assert_int_equal(all.calls, 5);

    struct range cancelled = all;
    cancelled.reported = cancelled.calls = 0;
    cancelled.cancel_at = 2 << 20;
    store_read_start(w->s, &cancelled.rd);
    assert_int_equal(result, -ECANCELED);
    assert_int_equal(cancelled.reported, 2 << 20);

    struct range late = all;
    late.reported = 0;
    late.rd.deadline_ms = clock_mono_ms() - 1;
    store_read_start(w->s, &late.rd);
    assert_int_equal(result, -ETIMEDOUT);
    assert_int_equal(late.reported, 0);

    struct range torn = all;
    torn.reported = torn.calls = 0;
    torn.replace = "overwritten";
    store_read_start(w->s, &torn.rd);
    assert_int_equal(result, -ESTALE);
    assert_int_equal(torn.reported, 1 << 20); /* what was reported is of the old object */
    assert_memory_equal(to, data, torn.reported);
}

static void test_stale(void **state)
{
    struct world *w = *state;
    struct store_stat one, two;
    char c[5];
    assert_int_equal(store_put(w->s, "a/b", "first", 5, 0, &one, &w->e), 0);
    assert_int_equal(store_put(w->s, "a/b", "later", 5, 0, &two, &w->e), 0);
    assert_string_not_equal(one.etag, two.etag);
    assert_int_equal(store_read_wait(w->s, "a/b", one.etag, 0, 5, c, &w->e), -ESTALE);
    assert_int_equal(store_read_wait(w->s, "a/b", two.etag, 0, 5, c, &w->e), 0);
    assert_memory_equal(c, "later", 5);

    /* Renamed over by someone else: the same name, size and mtime, another inode. */
    AUTO(free) char *from = path_of(w, "new");
    AUTO(free) char *to = path_of(w, "a/b");
    struct stat st;
    assert_int_equal(stat(to, &st), 0);
    put(w, "new", "third");
    struct timespec at[2] = {st.st_atim, st.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, from, at, 0), 0);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(store_read_wait(w->s, "a/b", two.etag, 0, 5, c, &w->e), -ESTALE);

    /* Tagging is no change. */
    assert_int_equal(store_head(w->s, "a/b", &one, &w->e), 0);
    assert_int_equal(setxattr(to, "user.other", "x", 1, 0), 0);
    assert_int_equal(store_head(w->s, "a/b", &two, &w->e), 0);
    assert_string_equal(one.etag, two.etag);
}

/* ---- a lost lake ---------------------------------------------------------------------- */

static void test_vanished_lake(void **state)
{
    struct world *w = *state;
    struct store_stat st;
    struct store_tags tags = {0};
    AUTO(free) char *away = xasprintf("%s/away", w->top);
    make_file(w, "k");
    for (int pass = 0; pass < 3; pass++) {
        if (pass == 0)
            assert_int_equal(rename(w->lake, away), 0); /* moved */
        else if (pass == 1)
            assert_int_equal(mkdir(w->lake, 0755), 0); /* another one in its place */
        else
            nftw(away, remove_one, 8, FTW_DEPTH | FTW_PHYS); /* and deleted */
        AUTO(keys) struct keys k = {0};
        assert_int_equal(list(w, "", "", &k), -ENOTDIR);
        assert_int_equal(k.n, 0);
        assert_int_equal(store_head(w->s, "none", &st, &w->e), -ENOTDIR);
        assert_int_equal(store_remove(w->s, "none", &w->e), -ENOTDIR);
        assert_int_equal(store_get_tags(w->s, "none", &tags, &w->e), -ENOTDIR);
        assert_int_equal(store_put(w->s, "a/b", "", 0, 0, NULL, &w->e), -ENOTDIR);
        assert_int_equal(store_put(w->s, "b", "", 0, STORE_PUT_IF_ABSENT, NULL, &w->e), -ENOTDIR);
    }
}

/* ---- tags -------------------------------------------------------------------------------- */

static void test_tags(void **state)
{
    struct world *w = *state;
    struct store_tags two = {
        .n = 2, .tag = {{"ShotLockerAccess", "aaaaaaaaaa:bbbbbbbbbb"}, {"ShotLockerAccess2", ""}}};
    struct store_tags one = {.n = 1, .tag = {{"ShotLockerAccess", "cccccccccc"}}};
    struct store_tags none = {0}, got = {.n = 77};
    AUTO(free) char *path = path_of(w, "d/k");
    put(w, "d/k", "x");
    if (setxattr(path, "user.colour", "red", 3, 0) < 0) {
        print_message("no extended attributes here: %s\n", strerror(errno));
        skip();
    }
    assert_int_equal(setxattr(path, "user.shotlocker", "not ours", 8, 0), 0);
    assert_int_equal(store_get_tags(w->s, "d/k", &got, &w->e), 0);
    assert_int_equal(got.n, 0);

    assert_int_equal(store_put_tags(w->s, "d/k", &two, &w->e), 0);
    assert_int_equal(store_get_tags(w->s, "d/k", &got, &w->e), 0);
    assert_int_equal(got.n, 2);
    char raw[64] = "";
    assert_int_equal(getxattr(path, "user.ShotLockerAccess", raw, sizeof raw - 1), 21);
    assert_string_equal(raw, "aaaaaaaaaa:bbbbbbbbbb");

    assert_int_equal(store_put_tags(w->s, "d/k", &one, &w->e), 0);
    assert_int_equal(store_get_tags(w->s, "d/k", &got, &w->e), 0);
    assert_int_equal(got.n, 1);
    assert_string_equal(got.tag[0].key, "ShotLockerAccess");
    assert_string_equal(got.tag[0].value, "cccccccccc");
    assert_int_equal(store_put_tags(w->s, "d/k", &none, &w->e), 0);
    assert_int_equal(store_get_tags(w->s, "d/k", &got, &w->e), 0);
    assert_int_equal(got.n, 0);
    assert_int_equal(getxattr(path, "user.colour", raw, sizeof raw), 3);
    assert_int_equal(getxattr(path, "user.shotlocker", raw, sizeof raw), 8);

    char byte;
    struct store_meta *meta = xcalloc(1, sizeof *meta);
    assert_int_equal(setxattr(path, "user.ShotLockerAccess", "aaaaaaaaaa", 10, 0), 0);
    assert_int_equal(store_read_start_of(w->s, "d/k", NULL, 1, &byte, meta, &w->e), 0);
    assert_int_equal(byte, 'x');
    assert_int_equal(meta->n, 2); /* the tags are not metadata */
    assert_string_equal(store_meta_get(meta, "colour"), "red");
    assert_int_equal(store_read_start_of(w->s, "d/k", "other", 1, &byte, meta, &w->e), -ESTALE);
    free(meta);

    struct store_tags twice = {.n = 2,
                               .tag = {{"ShotLockerAccess", "a"}, {"ShotLockerAccess", "b"}}};
    struct store_tags foreign = {.n = 1, .tag = {{"colour", "blue"}}};
    assert_int_equal(store_put_tags(w->s, "d/k", &twice, &w->e), -EINVAL);
    assert_int_equal(store_put_tags(w->s, "d/k", &foreign, &w->e), -EINVAL);
    assert_int_equal(store_get_tags(w->s, "none", &got, &w->e), -ENOENT);
    assert_int_equal(store_put_tags(w->s, "d", &one, &w->e), -ENOENT);

    char longest[STORE_TAG_VALUE_MAX + 1] = "";
    memset(longest, 'v', sizeof longest);
    assert_int_equal(setxattr(path, "user.ShotLockerAccess", longest, sizeof longest - 1, 0), 0);
    assert_int_equal(store_get_tags(w->s, "d/k", &got, &w->e), 0);
    assert_int_equal(strlen(got.tag[0].value), STORE_TAG_VALUE_MAX);
    assert_int_equal(setxattr(path, "user.ShotLockerAccess", longest, sizeof longest, 0), 0);
    assert_int_equal(store_get_tags(w->s, "d/k", &got, &w->e), -EBADMSG);
    assert_int_equal(setxattr(path, "user.ShotLockerAccess", "a\0b", 3, 0), 0);
    assert_int_equal(store_get_tags(w->s, "d/k", &got, &w->e), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_url),   DIR_TEST(test_bytes),         DIR_TEST(test_ranges),
        DIR_TEST(test_stale), DIR_TEST(test_vanished_lake), DIR_TEST(test_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
