/* tests/unit/dir_world.h - an empty directory lake for one test, and helpers to look into it. */
/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_DIR_WORLD_H
#define TESTS_UNIT_DIR_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/store/store.h"

struct world {
    char top[64];  /* everything of this test */
    char lake[80]; /* top/lake */
    struct store *s;
    struct err e;
};

static inline int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static inline int setup(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);
    const char *tmp = getenv("TMPDIR"); /* names another filesystem to test on */
    if (!tmp || strlen(tmp) > 30)
        tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(w->top, sizeof w->top, "%.30s/shotlake-dir-XXXXXX", tmp);
    assert_non_null(mkdtemp(w->top));
    snprintf(w->lake, sizeof w->lake, "%s/lake", w->top);
    assert_int_equal(mkdir(w->lake, 0755), 0);
    AUTO(free) char *url = xasprintf("file://%s", w->lake);
    assert_int_equal(dir_store_open(url, &w->s, &w->e), 0);
    *state = w;
    return 0;
}

static inline int teardown(void **state)
{
    struct world *w = *state;
    store_close(w->s);
    nftw(w->top, remove_one, 32, FTW_DEPTH | FTW_PHYS);
    free(w);
    return 0;
}

static inline void put(struct world *w, const char *key, const char *text)
{
    int r = store_put(w->s, key, text, strlen(text), 0, NULL, &w->e);
    if (r < 0)
        fail_msg("put '%s': %s", key, w->e.text);
}

static inline char *get(struct world *w, const char *key)
{
    struct buf b = {0};
    int r = store_get(w->s, key, 1 << 20, &b, NULL, &w->e);
    if (r < 0) {
        buf_done(&b);
        return NULL;
    }
    return buf_take(&b);
}

static inline void assert_object(struct world *w, const char *key, const char *text)
{
    AUTO(free) char *got = get(w, key);
    assert_non_null(got);
    assert_string_equal(got, text);
}

static inline char *path_of(struct world *w, const char *rel)
{
    return xasprintf("%s/%s", w->lake, rel);
}

static inline void make_file(struct world *w, const char *rel)
{
    AUTO(free) char *path = path_of(w, rel);
    for (char *p = path + strlen(w->lake) + 1; (p = strchr(p, '/')); *p++ = '/') {
        *p = '\0';
        mkdir(path, 0755);
    }
    int fd = open(path, O_WRONLY | O_CREAT, 0644);
    if (fd < 0)
        fail_msg("make '%s': %s", path, strerror(errno));
    close(fd);
}

/* ---- listing into memory ----------------------------------------------------------------- */

struct keys {
    char **key;
    size_t n, stop_after; /* 0: no stop */
};

static inline void keys_add(struct keys *k, const char *key)
{
    k->key = xrealloc(k->key, k->n + 1, sizeof *k->key);
    k->key[k->n++] = xstrdup(key);
}

static inline void auto_keys(struct keys *k)
{
    for (size_t i = 0; i < k->n; i++)
        free(k->key[i]);
    free(k->key);
    *k = (struct keys){0};
}

static inline int keys_fn(void *arg, const char *key, const struct store_stat *st, struct err *e)
{
    struct keys *k = arg;
    assert_true(st->mtime_ns > 0 && st->etag[0]);
    if (k->n > 0)
        assert_true(strcmp(k->key[k->n - 1], key) < 0);
    keys_add(k, key);
    if (k->stop_after && k->n == k->stop_after)
        return err_set(e, -E2BIG, "enough");
    return 0;
}

static inline int list(struct world *w, const char *prefix, const char *after, struct keys *ret)
{
    return store_list(w->s, prefix, after, keys_fn, ret, &w->e);
}

/* A unit test on a lake of its own. */
#define DIR_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
