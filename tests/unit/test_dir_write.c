/* tests/unit/test_dir_write.c - puts: what a key can be, races, drafts, full and read-only
 * filesystems. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/dir/dir_path.h"
#include "fs/dir/dir_write.h"
#include "fs/store/store.h"
#include "tests/unit/dir_world.h"

/* ---- put --------------------------------------------------------------------------------- */

static void test_keys(void **state)
{
    static const char *const bad[] = {"/a",
                                      "a/",
                                      "a//b",
                                      ".",
                                      "..",
                                      "a/.",
                                      "a/../b",
                                      "./a",
                                      "/",
                                      "../x",
                                      ".shotlake/tmp/x",
                                      "lost+found/x"};
    struct world *w = *state;
    struct store_stat st;
    struct store_tags tags = {0};
    for (size_t i = 0; i <= COUNT(bad); i++) {
        char longer[300];
        const char *key = i < COUNT(bad) ? bad[i] : longer;
        snprintf(longer, sizeof longer, "x/%0256d", 0);
        assert_int_equal(store_put(w->s, key, "", 0, 0, NULL, &w->e), -EINVAL);
        assert_int_equal(store_put(w->s, key, "", 0, STORE_PUT_IF_ABSENT, NULL, &w->e), -EINVAL);
        assert_int_equal(store_head(w->s, key, &st, &w->e), -ENOENT);
        assert_null(get(w, key));
        assert_int_equal(w->e.code, -ENOENT);
        assert_int_equal(store_get_tags(w->s, key, &tags, &w->e), -ENOENT);
        assert_int_equal(store_put_tags(w->s, key, &tags, &w->e), -ENOENT);
        assert_int_equal(store_remove(w->s, key, &w->e), 0);
        AUTO(keys) struct keys k = {0};
        assert_int_equal(list(w, key, "", &k), 0);
        assert_int_equal(k.n, 0);
    }

    static const char *const good[] = {"a b+%20;é/…/.hidden",     "n\nl\t\x01\xff", "...", "-",
                                       ".shotlake/ledger/1.json", "x/lost+found/y"};
    for (size_t i = 0; i < COUNT(good); i++) {
        put(w, good[i], good[i]);
        assert_object(w, good[i], good[i]);
    }
    put(w, "file", "");
    assert_int_equal(store_put(w->s, "file/below", "", 0, 0, NULL, &w->e), -EINVAL);
    assert_int_equal(store_put(w->s, "x", "", 0, 0, NULL, &w->e), -EINVAL);
    assert_int_equal(store_put(w->s, "x", "", 0, STORE_PUT_IF_ABSENT, NULL, &w->e), -EINVAL);
    assert_non_null(strstr(w->e.text, "directory"));
}

static void test_long_keys(void **state)
{
    struct world *w = *state;
    char deep[STORE_KEY_MAX + 1] = "", wide[STORE_KEY_MAX + 1] = "";
    for (size_t i = 0; i < STORE_KEY_MAX; i++)
        deep[i] = i % 2 ? '/' : 'd';
    deep[STORE_KEY_MAX - 1] = 'x'; /* 512 levels: "d/d/…/dx" */
    for (size_t i = 0; i < STORE_KEY_MAX; i++)
        wide[i] = i % 256 == 255 ? '/' : 'w';
    wide[STORE_KEY_MAX - 1] = '\0'; /* four components of 255 bytes */
    put(w, deep, "deep");
    put(w, wide, "wide");
    assert_int_equal(strlen(deep), STORE_KEY_MAX);
    assert_object(w, deep, "deep");
    assert_object(w, wide, "wide");
    AUTO(keys) struct keys k = {0};
    assert_int_equal(list(w, "", "", &k), 0);
    assert_int_equal(k.n, 2);
    assert_string_equal(k.key[0], deep);
    assert_string_equal(k.key[1], wide);

    /* A path that is one byte longer than a key can be exists and is not listed. */
    make_file(w, "e");
    char over[STORE_KEY_MAX + 2];
    snprintf(over, sizeof over, "%.*sxy", STORE_KEY_MAX - 1, deep);
    make_file(w, over);
    AUTO(keys) struct keys again = {0};
    assert_int_equal(list(w, "", "", &again), 0);
    assert_int_equal(again.n, 3);
}

#define RACERS 16

struct race {
    struct world *w;
    pthread_barrier_t *start;
    char text[16];
    int r;
};

static void *race_one(void *arg)
{
    struct race *me = arg;
    struct err e;
    pthread_barrier_wait(me->start);
    me->r = store_put(me->w->s, "ledger/1.json", me->text, strlen(me->text), STORE_PUT_IF_ABSENT,
                      NULL, &e);
    return NULL;
}

static void race(struct world *w)
{
    pthread_barrier_t start;
    pthread_t thread[RACERS];
    struct race racer[RACERS];
    pthread_barrier_init(&start, NULL, RACERS);
    for (int i = 0; i < RACERS; i++) {
        racer[i] = (struct race){.w = w, .start = &start};
        snprintf(racer[i].text, sizeof racer[i].text, "%d", i);
        assert_int_equal(pthread_create(&thread[i], NULL, race_one, &racer[i]), 0);
    }
    int won = -1;
    for (int i = 0; i < RACERS; i++) {
        pthread_join(thread[i], NULL);
        if (racer[i].r == 0) {
            assert_int_equal(won, -1);
            won = i;
        } else {
            assert_int_equal(racer[i].r, -EEXIST);
        }
    }
    pthread_barrier_destroy(&start);
    assert_int_not_equal(won, -1);
    assert_object(w, "ledger/1.json", racer[won].text);
    assert_int_equal(store_remove(w->s, "ledger/1.json", &w->e), 0);
}

/* What is left under the temporary folder. */
static size_t left_over(struct world *w)
{
    AUTO(free) char *path = path_of(w, DIR_PATH_TMP);
    AUTO(dir) DIR *d = opendir(path);
    size_t n = 0;
    while (d && readdir(d))
        n++;
    return n < 2 ? 0 : n - 2;
}

static void test_if_absent(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 50; i++)
        race(w);
    put(w, "k", "old");
    struct store_stat st = {.size = 99};
    assert_int_equal(store_put(w->s, "k", "new", 3, STORE_PUT_IF_ABSENT, &st, &w->e), -EEXIST);
    assert_int_equal(st.size, 99);
    assert_object(w, "k", "old");
    assert_int_equal(left_over(w), 0);
}

/* As on a filesystem without O_TMPFILE. */
static void test_named_drafts(void **state)
{
    struct world *w = *state;
    struct dir_root root;
    assert_int_equal(dir_path_root_open(w->lake, &root, &w->e), 0);
    root.no_tmpfile = true;
    assert_int_equal(dir_write_put(&root, "a/b", "one", 3, STORE_PUT_IF_ABSENT, NULL, &w->e), 0);
    assert_int_equal(dir_write_put(&root, "a/b", "two", 3, STORE_PUT_IF_ABSENT, NULL, &w->e),
                     -EEXIST);
    assert_object(w, "a/b", "one");
    assert_int_equal(dir_write_put(&root, "a/b", "two", 3, 0, NULL, &w->e), 0);
    assert_object(w, "a/b", "two");
    assert_int_equal(left_over(w), 0);

    /* Killed writers: the old file goes with the next put, the young one may be under way. */
    AUTO(free) char *old = path_of(w, DIR_PATH_TMP "/0123");
    AUTO(free) char *young = path_of(w, DIR_PATH_TMP "/4567");
    make_file(w, DIR_PATH_TMP "/0123");
    make_file(w, DIR_PATH_TMP "/4567");
    struct timespec at[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    assert_int_equal(utimensat(AT_FDCWD, old, at, 0), 0);
    AUTO(keys) struct keys k = {0};
    assert_int_equal(list(w, "", "", &k), 0);
    assert_int_equal(k.n, 1);
    put(w, "a/b", "three");
    assert_int_equal(access(old, F_OK), -1);
    assert_int_equal(access(young, F_OK), 0);
    dir_path_root_close(&root);
}

/* ---- filesystems of their own, in a mount namespace of a child ---------------------------- */

/* Runs `fn` with a filesystem mounted on w->top/fs. Its result is the exit status; 77 skips. */
static void with_mount(struct world *w, const char *type, const char *options,
                       int (*fn)(struct world *w, struct store *s))
{
    AUTO(free) char *at = xasprintf("%s/fs", w->top);
    AUTO(free) char *url = xasprintf("file://%s", at);
    assert_int_equal(mkdir(at, 0755), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct store *s = NULL;
        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount(type, at, type, 0, options) < 0)
            _exit(77);
        if (dir_store_open(url, &s, &w->e) < 0)
            _exit(100);
        int r = fn(w, s);
        store_close(s);
        _exit(r);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        print_message("cannot mount a %s here\n", type);
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int full_disk(struct world *w, struct store *s)
{
    size_t n = 1 << 20;
    AUTO(free) char *data = xcalloc(1, n);
    AUTO(keys) struct keys k = {0};
    struct store_stat st;
    if (store_put(s, "a", "small", 5, 0, NULL, &w->e) < 0)
        return 1;
    for (int flags = 0; flags <= STORE_PUT_IF_ABSENT; flags++) {
        if (store_put(s, "d/big", data, n, flags, NULL, &w->e) != -ENOSPC)
            return 2;
        if (!strstr(w->e.text, "full"))
            return 3;
        if (store_put(s, "a", data, n, 0, NULL, &w->e) != -ENOSPC)
            return 4;
        if (store_head(s, "d/big", &st, &w->e) != -ENOENT)
            return 5;
    }
    if (store_list(s, "", "", keys_fn, &k, &w->e) < 0 || k.n != 1)
        return 6;
    if (store_head(s, "a", &st, &w->e) < 0 || st.size != 5)
        return 7;
    /* Nothing kept the space. */
    return store_put(s, "d/fits", data, n / 8, 0, NULL, &w->e) < 0 ? 8 : 0;
}

static void test_full_disk(void **state)
{
    with_mount(*state, "tmpfs", "size=256k", full_disk);
}

static int no_xattrs(struct world *w, struct store *s)
{
    struct store_tags tags = {.n = 1, .tag = {{"ShotLockerAccess", "t7ory5o5hm"}}};
    if (store_put(s, "k", "x", 1, 0, NULL, &w->e) < 0 ||
        store_put(s, "n", "x", 1, STORE_PUT_IF_ABSENT, NULL, &w->e) < 0)
        return 1;
    if (store_put_tags(s, "k", &tags, &w->e) != -EIO)
        return 2;
    return strstr(w->e.text, "no extended attributes") ? 0 : 3;
}

static void test_no_xattrs(void **state)
{
    with_mount(*state, "ramfs", "", no_xattrs);
}

static int read_only(struct world *w, struct store *s)
{
    AUTO(free) char *at = xasprintf("%s/fs", w->top);
    if (store_put(s, "k", "x", 1, 0, NULL, &w->e) < 0 ||
        mount(NULL, at, NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
        return 1;
    if (store_put(s, "n", "x", 1, STORE_PUT_IF_ABSENT, NULL, &w->e) != -EACCES ||
        store_put(s, "k", "x", 1, 0, NULL, &w->e) != -EACCES ||
        store_remove(s, "k", &w->e) != -EACCES)
        return 2;
    struct store_stat st;
    return store_head(s, "k", &st, &w->e) < 0 ? 3 : 0;
}

static void test_read_only(void **state)
{
    with_mount(*state, "tmpfs", "size=256k", read_only);
}

static int without_rights(struct world *w, struct store *s)
{
    struct store_stat st;
    AUTO(keys) struct keys k = {0};
    if (store_put(s, "shut/k", "x", 1, 0, NULL, &w->e) < 0 ||
        store_put(s, "k", "x", 1, 0, NULL, &w->e) < 0)
        return 1;
    AUTO(free) char *shut = xasprintf("%s/fs/shut", w->top);
    if (chmod(shut, 0) < 0 || setresuid(65534, 65534, 65534) < 0)
        return 2;
    if (store_head(s, "shut/k", &st, &w->e) != -EACCES)
        return 3;
    if (store_put(s, "new", "x", 1, STORE_PUT_IF_ABSENT, NULL, &w->e) != -EACCES)
        return 4;
    /* What cannot be listed is an error, not an empty directory. */
    return store_list(s, "", "", keys_fn, &k, &w->e) == -EACCES ? 0 : 5;
}

static void test_without_rights(void **state)
{
    with_mount(*state, "tmpfs", "mode=755", without_rights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_keys),         DIR_TEST(test_long_keys),      DIR_TEST(test_if_absent),
        DIR_TEST(test_named_drafts), DIR_TEST(test_full_disk),      DIR_TEST(test_no_xattrs),
        DIR_TEST(test_read_only),    DIR_TEST(test_without_rights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
