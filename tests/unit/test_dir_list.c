/* tests/unit/test_dir_list.c - the order of keys, a changing tree, and what is no object. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/store/store.h"
#include "tests/unit/dir_world.h"

/* ---- listing ----------------------------------------------------------------------------- */

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static uint32_t rnd(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)(*seed >> 4) * below) >> 28);
}

static const char *const parts[] = {"a",   "a.b",  "a-",  "a0", "b", "é",  "日本",
                                    "x y", "n\nl", "~",   "!",  "-", ".a", "a/b",
                                    "A",   "\xff", "a b", "+",  "aa"};

static void random_key(uint32_t *seed, char key[200])
{
    key[0] = '\0';
    for (uint32_t n = 1 + rnd(seed, 4); n > 0; n--) {
        strcat(key, parts[rnd(seed, COUNT(parts))]);
        strcat(key, n > 1 ? "/" : "");
    }
}

/* The naive listing: every key that starts with `prefix` and is greater than `after`. */
static void assert_listing(struct world *w, const struct keys *all, const char *prefix,
                           const char *after)
{
    AUTO(keys) struct keys got = {0};
    assert_int_equal(list(w, prefix, after, &got), 0);
    size_t n = 0;
    for (size_t i = 0; i < all->n; i++) {
        if (strncmp(all->key[i], prefix, strlen(prefix)) != 0 || strcmp(all->key[i], after) <= 0)
            continue;
        assert_true(n < got.n);
        assert_string_equal(got.key[n], all->key[i]);
        n++;
    }
    assert_int_equal(n, got.n);
}

static void random_tree(struct world *w, uint32_t *seed, const char *top, struct keys *ret)
{
    for (uint32_t i = 5 + rnd(seed, 120); i > 0; i--) {
        char part[200], key[220];
        random_key(seed, part);
        snprintf(key, sizeof key, "%s%s", top, part);
        int r = store_put(w->s, key, "", 0, STORE_PUT_IF_ABSENT, NULL, &w->e);
        assert_true(r == 0 || r == -EEXIST || r == -EINVAL);
        if (r == 0)
            keys_add(ret, key);
    }
    qsort(ret->key, ret->n, sizeof *ret->key, by_bytes);
}

static void test_list_order(void **state)
{
    struct world *w = *state;
    uint32_t seed = 20260823;
    for (int tree = 0; tree < 60; tree++) {
        char top[16], at[220], prefix[220];
        AUTO(keys) struct keys all = {0};
        snprintf(top, sizeof top, "t%d/", tree);
        random_tree(w, &seed, top, &all);
        assert_listing(w, &all, top, "");
        for (int i = 0; i < 40; i++) {
            const char *some = all.key[rnd(&seed, (uint32_t)all.n)];
            const char *other = all.key[rnd(&seed, (uint32_t)all.n)];
            char part[200];
            random_key(&seed, part);
            snprintf(prefix, sizeof prefix, "%s%.*s", top,
                     (int)rnd(&seed, (uint32_t)strlen(some + strlen(top)) + 1), some + strlen(top));
            snprintf(at, sizeof at, "%s%s%s", i % 3 ? "" : top, i % 3 ? other : part,
                     i % 2 ? "" : "/");
            assert_listing(w, &all, top, at);
            assert_listing(w, &all, prefix, "");
            assert_listing(w, &all, prefix, at);
        }
    }
}

static void test_list_edges(void **state)
{
    struct world *w = *state;
    static const char *const keys[] = {"a", "b.b", "b/b", "b0", "c/d/e", "c/d/f", "z"};
    AUTO(keys) struct keys all = {0};
    assert_listing(w, &all, "", "");
    for (size_t i = 0; i < COUNT(keys); i++) {
        make_file(w, keys[i]);
        keys_add(&all, keys[i]);
    }
    static const char *const at[] = {"",        "a",    "b",  "b.",  "b/",   "b/b",
                                     "b/c",     "c",    "c/", "c/d", "c/d/", "c/d/e",
                                     "c/d/e/f", "c/d0", "z",  "zz",  "c//",  "nope/"};
    for (size_t i = 0; i < COUNT(at); i++)
        for (size_t j = 0; j < COUNT(at); j++)
            assert_listing(w, &all, at[i], at[j]);

    AUTO(keys) struct keys some = {.stop_after = 3};
    assert_int_equal(list(w, "", "", &some), -E2BIG);
    assert_int_equal(some.n, 3);
    assert_string_equal(w->e.text, "enough");
}

static bool churn_over;

static void *churn(void *arg)
{
    struct world *w = arg;
    uint32_t seed = 7;
    while (!__atomic_load_n(&churn_over, __ATOMIC_RELAXED)) {
        char rel[64];
        snprintf(rel, sizeof rel, "d%u/%s", rnd(&seed, 8), rnd(&seed, 2) ? "x" : "y");
        AUTO(free) char *path = path_of(w, rel);
        AUTO(free) char *dir = xstrndup(path, strlen(path) - 2);
        switch (rnd(&seed, 4)) {
        case 0:
            unlink(path);
            break;
        case 1:
            rmdir(dir);
            unlink(dir);
            break;
        case 2:
            close(open(dir, O_WRONLY | O_CREAT, 0644));
            break;
        default:
            mkdir(dir, 0755);
            close(open(path, O_WRONLY | O_CREAT, 0644));
        }
    }
    return NULL;
}

static void test_list_while_it_changes(void **state)
{
    struct world *w = *state;
    pthread_t thread;
    make_file(w, "a");
    make_file(w, "z/z");
    churn_over = false;
    assert_int_equal(pthread_create(&thread, NULL, churn, w), 0);
    int failed = 0;
    for (int i = 0; i < 1000 && !failed; i++) {
        AUTO(keys) struct keys k = {0};
        failed = list(w, "", "", &k) != 0 || k.n < 2 || strcmp(k.key[0], "a") != 0 ||
                 strcmp(k.key[k.n - 1], "z/z") != 0;
    }
    __atomic_store_n(&churn_over, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    assert_false(failed);
}

static int move_away(void *arg, const char *key, const struct store_stat *st, struct err *e)
{
    struct world *w = arg;
    AUTO(free) char *away = xasprintf("%s/away", w->top);
    (void)key, (void)st, (void)e;
    return rename(w->lake, away) == 0 ? 0 : -errno;
}

static void test_lake_lost_while_listed(void **state)
{
    struct world *w = *state;
    make_file(w, "k");
    assert_int_equal(store_list(w->s, "", "", move_away, w, &w->e), -ENOTDIR);
}

/* ---- confinement ------------------------------------------------------------------------- */

static void test_escapes(void **state)
{
    struct world *w = *state;
    struct store_stat st;
    struct store_tags tags = {.n = 1, .tag = {{"ShotLockerAccess", "t7ory5o5hm"}}};
    AUTO(free) char *secret = xasprintf("%s/secret", w->top);
    AUTO(free) char *file = xasprintf("%s/secret/file", w->top);
    mkdir(secret, 0755);
    close(open(file, O_WRONLY | O_CREAT, 0644));
    make_file(w, "real/file");

    static const char *const links[][2] = {
        {"out", "../secret"},     {"out.file", "../secret/file"}, {"abs", "/"},
        {"in", "real"},           {"in.file", "real/file"},       {"self", "self"},
        {"fd", "/proc/self/cwd"}, {"real/up", "../.."},
    };
    for (size_t i = 0; i < COUNT(links); i++) {
        AUTO(free) char *at = path_of(w, links[i][0]);
        assert_int_equal(symlink(links[i][1], at), 0);
    }
    AUTO(free) char *fifo = path_of(w, "fifo");
    assert_int_equal(mkfifo(fifo, 0644), 0);
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    snprintf(sun.sun_path, sizeof sun.sun_path, "%.90s/sock", w->lake);
    AUTO(fd) int sock = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(sock, (struct sockaddr *)&sun, sizeof sun), 0);

    static const char *const keys[] = {
        "out/file", "out.file", "abs/etc/passwd",      "in/file", "in.file", "self",
        "fd/x",     "fifo",     "real/up/secret/file", "sock",    "self/x"};
    for (size_t i = 0; i < COUNT(keys); i++) {
        assert_int_equal(store_head(w->s, keys[i], &st, &w->e), -ENOENT);
        assert_null(get(w, keys[i]));
        assert_int_equal(w->e.code, -ENOENT);
        assert_int_equal(store_put_tags(w->s, keys[i], &tags, &w->e), -ENOENT);
        assert_int_equal(store_put(w->s, keys[i], "x", 1, 0, NULL, &w->e), -EINVAL);
        assert_int_equal(store_put(w->s, keys[i], "x", 1, STORE_PUT_IF_ABSENT, NULL, &w->e),
                         -EINVAL);
        assert_int_equal(store_remove(w->s, keys[i], &w->e), 0);
        AUTO(keys) struct keys k = {0};
        assert_int_equal(list(w, keys[i], "", &k), 0);
        assert_int_equal(k.n, 0);
    }
    struct stat outside;
    assert_int_equal(stat(file, &outside), 0);
    assert_int_equal(outside.st_size, 0);
    assert_int_equal(lstat(fifo, &outside), 0);
    AUTO(keys) struct keys k = {0};
    assert_int_equal(list(w, "", "", &k), 0);
    assert_int_equal(k.n, 1);
    assert_string_equal(k.key[0], "real/file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_list_order),
        DIR_TEST(test_list_edges),
        DIR_TEST(test_list_while_it_changes),
        DIR_TEST(test_lake_lost_while_listed),
        DIR_TEST(test_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
