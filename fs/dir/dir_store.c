/* fs/dir/dir_store.c - a directory as a lake: a key is the path of a file below it.
 *
 * Objects are regular files. Symbolic links, devices, fifos and sockets in the tree are nothing:
 * they are not listed, not followed and not opened, so whoever can write into the lake cannot make
 * the daemon read a file outside it. */
/* SPDX-License-Identifier: MIT */
#include "fs/store/store.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/err.h"
#include "fs/dir/dir_list.h"
#include "fs/dir/dir_path.h"
#include "fs/dir/dir_tags.h"
#include "fs/dir/dir_write.h"

#define URL_START "file://"
#define PARALLEL 4
#define GET_TRIES 3           /* a small object that is being rewritten is whole soon */
#define READ_CHUNK (1u << 20) /* between two looks at the clock, the ETag and the cancel flag */
#define TAG_LOCKS 16

/* In store_read.store_private while a read runs. */
#define CANCELLED ((void *)1)

struct dir_store {
    struct store store; /* first: the dispatchers hand it back */
    struct dir_root root;
    pthread_mutex_t tag_lock[TAG_LOCKS]; /* by key: put_tags is a read, then writes */
};

static struct dir_store *of(struct store *s)
{
    return (struct dir_store *)s;
}

static int op_head(struct store *s, const char *key, struct store_stat *ret, struct err *e)
{
    struct stat st;
    AUTO(fd) int fd = dir_path_object(&of(s)->root, key, &st, e);
    if (fd < 0)
        return fd;
    dir_path_stat(&st, ret);
    return 0;
}

/* ---- reading ----------------------------------------------------------------------------- */

/* Whether the open file is still in the state `want`. 0, -ESTALE, or another code. */
static int check_same(const struct dir_root *root, int fd, const char *key, const char *want,
                      struct err *e)
{
    struct stat st;
    struct store_stat now;
    if (fstat(fd, &st) < 0)
        return dir_path_error(root, -errno, "read", key, e);
    dir_path_stat(&st, &now);
    if (strcmp(now.etag, want) != 0)
        return err_set(e, -ESTALE, "'%s' has changed", key);
    return 0;
}

/* Exactly `n` bytes. 0, -ESTALE where the file has become shorter, or another code. */
static int read_at(const struct dir_root *root, int fd, const char *key, char *data, size_t n,
                   uint64_t offset, struct err *e)
{
    while (n > 0) {
        ssize_t got = pread(fd, data, n, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0 || (got < 0 && errno == ESTALE))
            return err_set(e, -ESTALE, "'%s' has changed", key);
        if (got < 0)
            return dir_path_error(root, -errno, "read", key, e);
        data += got;
        offset += (uint64_t)got;
        n -= (size_t)got;
    }
    return 0;
}

static int get_once(const struct dir_root *root, const char *key, size_t max, struct buf *ret,
                    struct store_stat *ret_st, struct err *e)
{
    struct stat st;
    struct store_stat state;
    AUTO(fd) int fd = dir_path_object_read(root, key, &st, e);
    if (fd < 0)
        return fd;
    dir_path_stat(&st, &state);
    if (state.size > max)
        return err_set(e, -EFBIG, "'%s' has %llu bytes, more than %zu", key,
                       (unsigned long long)state.size, max);
    char *to = buf_room(ret, state.size);
    int r = read_at(root, fd, key, to, state.size, 0, e);
    if (r == 0)
        r = check_same(root, fd, key, state.etag, e);
    if (r < 0) {
        *to = '\0'; /* as it was: nothing was appended */
        return r;
    }
    buf_added(ret, state.size);
    if (ret_st)
        *ret_st = state;
    return 0;
}

static int op_get(struct store *s, const char *key, size_t max, struct buf *ret,
                  struct store_stat *ret_st, struct err *e)
{
    int r = -ESTALE;
    for (int i = 0; i < GET_TRIES && r == -ESTALE; i++)
        r = get_once(&of(s)->root, key, max, ret, ret_st, e);
    return r;
}

/* The state is checked before the first byte and after each chunk, before that is reported: bytes
 * that were announced are bytes of the object that was asked for. */
static int read_range(const struct dir_root *root, struct store_read *rd, struct err *e)
{
    struct stat st;
    struct store_stat state;
    AUTO(fd) int fd = dir_path_object_read(root, rd->key, &st, e);
    if (fd < 0)
        return fd;
    dir_path_stat(&st, &state);
    if (rd->etag && strcmp(rd->etag, state.etag) != 0)
        return err_set(e, -ESTALE, "'%s' has changed", rd->key);
    if (rd->offset > state.size || rd->length > state.size - rd->offset)
        return err_set(e, -EINVAL, "bytes beyond the end of '%s'", rd->key);
    for (size_t have = 0; have < rd->length;) {
        if (__atomic_load_n(&rd->store_private, __ATOMIC_RELAXED) == CANCELLED)
            return err_set(e, -ECANCELED, "reading '%s' was cancelled", rd->key);
        if (rd->deadline_ms && clock_mono_ms() >= rd->deadline_ms)
            return err_set(e, -ETIMEDOUT, "'%s' was not read in time", rd->key);
        size_t n = rd->length - have < READ_CHUNK ? rd->length - have : READ_CHUNK;
        int r = read_at(root, fd, rd->key, rd->data + have, n, rd->offset + have, e);
        if (r == 0)
            r = check_same(root, fd, rd->key, state.etag, e);
        if (r < 0)
            return r;
        have += n;
        if (rd->progress)
            rd->progress(rd, have);
    }
    if (rd->meta)
        dir_tags_meta(fd, rd->meta);
    return 0;
}

/* Reads in the caller's thread: a local filesystem answers from memory or soon, and a thread per
 * read would cost more than it saves. */
static void op_read_start(struct store *s, struct store_read *rd)
{
    struct err e;
    __atomic_store_n(&rd->store_private, NULL, __ATOMIC_RELAXED);
    int r = read_range(&of(s)->root, rd, &e);
    rd->done(rd, r, r < 0 ? &e : NULL);
}

static void op_read_cancel(struct store *s, struct store_read *rd)
{
    (void)s;
    __atomic_store_n(&rd->store_private, CANCELLED, __ATOMIC_RELAXED);
}

/* ---- everything else --------------------------------------------------------------------- */

static int op_list(struct store *s, const char *prefix, const char *after, store_list_fn *fn,
                   void *arg, struct err *e)
{
    return dir_list(&of(s)->root, prefix, after, fn, arg, e);
}

static int op_put(struct store *s, const char *key, const void *data, size_t n, int flags,
                  struct store_stat *ret, struct err *e)
{
    return dir_write_put(&of(s)->root, key, data, n, flags, ret, e);
}

static int op_remove(struct store *s, const char *key, struct err *e)
{
    return dir_write_remove(&of(s)->root, key, e);
}

static pthread_mutex_t *tag_lock(struct dir_store *d, const char *key)
{
    unsigned h = 0;
    while (*key)
        h = h * 31 + (unsigned char)*key++;
    return &d->tag_lock[h % TAG_LOCKS];
}

static int op_get_tags(struct store *s, const char *key, struct store_tags *ret, struct err *e)
{
    LOCKED(tag_lock(of(s), key));
    return dir_tags_get(&of(s)->root, key, ret, e);
}

static int op_put_tags(struct store *s, const char *key, const struct store_tags *tags,
                       struct err *e)
{
    LOCKED(tag_lock(of(s), key));
    return dir_tags_put(&of(s)->root, key, tags, e);
}

static void op_address(struct store *s, const char *key, struct buf *ret)
{
    buf_addf(ret, "%s/", s->url);
    percent_encode(ret, key, strlen(key), /* keep_slash= */ true);
}

static int op_parallel(struct store *s)
{
    (void)s;
    return PARALLEL;
}

static void op_close(struct store *s)
{
    struct dir_store *d = of(s);
    dir_path_root_close(&d->root);
    for (size_t i = 0; i < COUNT(d->tag_lock); i++)
        pthread_mutex_destroy(&d->tag_lock[i]);
    free(s->url);
    free(d);
}

static const struct store_ops ops = {
    .head = op_head,
    .get = op_get,
    .list = op_list,
    .put = op_put,
    .remove = op_remove,
    .get_tags = op_get_tags,
    .put_tags = op_put_tags,
    .read_start = op_read_start,
    .read_cancel = op_read_cancel,
    .address = op_address,
    .parallel = op_parallel,
    .close = op_close,
};

/* ---- opening ----------------------------------------------------------------------------- */

/* The directory of a URL: absolute, without empty and "." components and without a '/' at the
 * end, so that every spelling of a lake has the same URL and the same index. ".." is refused: what
 * it means depends on the symbolic links before it. */
static int parse_url(const char *url, struct buf *ret, struct err *e)
{
    AUTO(buf) struct buf raw = {0};
    const char *p = url;
    if (strncmp(p, URL_START, strlen(URL_START)) != 0)
        return err_set(e, -EINVAL, "'%s' is not a file:/// URL", url);
    p += strlen(URL_START);
    if (strncmp(p, "localhost/", strlen("localhost/")) == 0)
        p += strlen("localhost");
    if (*p != '/')
        return err_set(e, -EINVAL, "'%s' must be file:///DIR, with an absolute directory", url);
    if (strpbrk(p, "?#"))
        return err_set(e, -EINVAL, "'%s': write %%3F for '?' and %%23 for '#'", url);
    if (percent_decode(&raw, p, strlen(p)) < 0)
        return err_set(e, -EINVAL, "'%s' has a '%%' that is no percent-encoding", url);
    for (p = buf_str(&raw); *p; p += strcspn(p, "/")) {
        p += strspn(p, "/");
        size_t n = strcspn(p, "/");
        if (n == 2 && strncmp(p, "..", n) == 0)
            return err_set(e, -EINVAL, "'%s': a lake URL cannot contain '..'", url);
        if (n == 0 || (n == 1 && *p == '.'))
            continue;
        buf_addc(ret, '/');
        buf_add(ret, p, n);
    }
    if (ret->len == 0)
        return err_set(e, -EINVAL, "'%s': the root directory cannot be a lake", url);
    return 0;
}

int dir_store_open(const char *url, struct store **ret, struct err *e)
{
    AUTO(buf) struct buf path = {0};
    AUTO(buf) struct buf canonical = {0};
    struct dir_root root;
    int r = parse_url(url, &path, e);
    if (r == 0)
        r = dir_path_root_open(buf_str(&path), &root, e);
    if (r < 0)
        return r;
    struct dir_store *d = xcalloc(1, sizeof *d);
    buf_adds(&canonical, URL_START);
    percent_encode(&canonical, path.p, path.len, /* keep_slash= */ true);
    d->store = (struct store){.ops = &ops, .url = buf_take(&canonical)};
    d->root = root;
    for (size_t i = 0; i < COUNT(d->tag_lock); i++)
        pthread_mutex_init(&d->tag_lock[i], NULL);
    *ret = &d->store;
    return 0;
}
