/* tests/unit/conform_world.h - a lake of a few keys: stands in for the index and the store.
 * A test program that includes it links without policy/index*.c. */
/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_CONFORM_WORLD_H
#define TESTS_UNIT_CONFORM_WORLD_H

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/codec.h"
#include "base/err.h"
#include "fs/store/store.h"
#include "policy/index.h"

struct world_node {
    node_id parent;
    bool is_dir;
    char *name;
};

struct index_read {
    struct world_node *v; /* by node id; 0 is unused */
    size_t n;
    size_t asked; /* index_by_pattern() calls */
};

struct world {
    struct index_read rd;
    struct store store;
};

static node_id world_child(struct index_read *rd, node_id parent, const char *s, size_t n, bool dir)
{
    for (size_t i = 2; i < rd->n; i++)
        if (rd->v[i].parent == parent && strlen(rd->v[i].name) == n &&
            memcmp(rd->v[i].name, s, n) == 0)
            return (node_id)i;
    rd->v = xrealloc(rd->v, rd->n + 1, sizeof *rd->v);
    rd->v[rd->n] = (struct world_node){parent, dir, xstrndup(s, n)};
    return (node_id)rd->n++;
}

static inline void world_add(struct world *w, const char *key)
{
    node_id at = NODE_ROOT;
    for (;;) {
        size_t n = strcspn(key, "/");
        at = world_child(&w->rd, at, key, n, key[n] == '/');
        if (key[n] == '\0')
            return;
        key += n + 1;
    }
}

/* Frames first..last of printf format `fmt`, which takes one int. */
__attribute__((format(printf, 2, 0))) static inline void
world_add_frames(struct world *w, const char *fmt, int first, int last)
{
    for (int i = first; i <= last; i++) {
        char key[512];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(key, sizeof key, fmt, i);
#pragma GCC diagnostic pop
        world_add(w, key);
    }
}

static void world_address_s3(struct store *s, const char *key, struct buf *ret)
{
    (void)s;
    buf_addf(ret, "s3://lake/%s", key);
}

static void world_address_file(struct store *s, const char *key, struct buf *ret)
{
    (void)s;
    buf_adds(ret, "file:///srv/my%20lake/");
    percent_encode(ret, key, strlen(key), true);
}

static const struct store_ops world_s3 = {.address = world_address_s3};
static const struct store_ops world_file = {.address = world_address_file};

/* `keys` is one key a line. */
static inline struct world *world_new(const struct store_ops *ops, const char *keys)
{
    struct world *w = xcalloc(1, sizeof *w);
    w->store.ops = ops;
    w->store.url = xstrdup("s3://lake");
    w->rd.v = xcalloc(2, sizeof *w->rd.v);
    w->rd.v[1] = (struct world_node){NODE_ROOT, true, xstrdup("")};
    w->rd.n = 2;
    for (; *keys; keys += strspn(keys, "\n")) {
        AUTO(free) char *key = xstrndup(keys, strcspn(keys, "\n"));
        world_add(w, key);
        keys += strlen(key);
    }
    return w;
}

static inline void world_free(struct world *w)
{
    for (size_t i = 1; i < w->rd.n; i++)
        free(w->rd.v[i].name);
    free(w->rd.v);
    free(w->store.url);
    free(w);
}
DEFINE_AUTO(world, struct world *, world_free);

/* ---- what the index answers --------------------------------------------------------------- */

int index_node(struct index_read *rd, node_id id, struct node *ret, struct err *e)
{
    if (id == 0 || id >= rd->n)
        return err_set(e, -ENOENT, "no node %u", id);
    struct world_node *v = &rd->v[id];
    *ret = (struct node){.id = id,
                         .parent = v->parent,
                         .is_dir = v->is_dir,
                         .live = true,
                         .name = v->name,
                         .name_len = strlen(v->name),
                         .etag = ""};
    return 0;
}

int index_nodes(struct index_read *rd, const roaring_bitmap_t *set, index_node_fn *fn, void *arg,
                struct err *e)
{
    for (size_t i = 1; i < rd->n; i++) {
        struct node nd;
        int r = 0;
        if (roaring_bitmap_contains(set, (uint32_t)i) && index_node(rd, (node_id)i, &nd, e) == 0)
            r = fn(arg, &nd, e);
        if (r < 0)
            return r;
    }
    return 0;
}

int index_key(struct index_read *rd, node_id id, struct buf *ret, struct err *e)
{
    if (id == NODE_ROOT)
        return 0;
    int r = index_key(rd, rd->v[id].parent, ret, e);
    buf_addf(ret, "%s%s", rd->v[id].name, rd->v[id].is_dir ? "/" : "");
    return r;
}

int index_find(struct index_read *rd, const char *path, node_id *ret, struct err *e)
{
    *ret = NODE_ROOT;
    if (*path == '\0')
        return 0;
    for (size_t i = 2; i < rd->n; i++) {
        struct buf key __attribute__((cleanup(auto_buf))) = {0};
        index_key(rd, (node_id)i, &key, e);
        if (key.p[key.len - 1] == '/')
            key.p[--key.len] = '\0';
        size_t n = strlen(path);
        n -= path[n - 1] == '/';
        if (n == key.len && memcmp(key.p, path, n) == 0) {
            *ret = (node_id)i;
            return 0;
        }
    }
    return err_set(e, -ENOENT, "no %s", path);
}

bool frame_pattern(const char *name, size_t n, struct buf *ret, int64_t *ret_frame, int *ret_width)
{
    size_t end = n;
    for (size_t i = 0; i < n; i++)
        if (name[i] == '.')
            end = i;
    while (end > 0 && (name[end - 1] < '0' || name[end - 1] > '9'))
        end--;
    size_t start = end;
    while (start > 0 && name[start - 1] >= '0' && name[start - 1] <= '9')
        start--;
    if (start == end || end - start > 18)
        return false;
    buf_add(ret, name, start);
    buf_addc(ret, '#');
    buf_add(ret, name + end, n - end);
    if (ret_frame)
        *ret_frame = strtoll(name + start, NULL, 10);
    if (ret_width)
        *ret_width = (int)(end - start);
    return true;
}

static int world_lookup(struct index_read *rd, const char *text, size_t n, bool pattern,
                        node_id **ret, size_t *ret_n)
{
    *ret = NULL;
    *ret_n = 0;
    for (size_t i = 2; i < rd->n; i++) {
        struct buf b __attribute__((cleanup(auto_buf))) = {0};
        const char *name = rd->v[i].name;
        if (pattern)
            frame_pattern(name, strlen(name), &b, NULL, NULL);
        else
            buf_adds(&b, name);
        if (rd->v[i].is_dir || b.len != n || memcmp(b.p, text, n) != 0)
            continue;
        *ret = xrealloc(*ret, *ret_n + 1, sizeof **ret);
        (*ret)[(*ret_n)++] = (node_id)i;
    }
    return 0;
}

int index_by_name(struct index_read *rd, const char *name, size_t n, node_id **ret, size_t *ret_n,
                  struct err *e)
{
    (void)e;
    return world_lookup(rd, name, n, false, ret, ret_n);
}

int index_by_pattern(struct index_read *rd, const char *pattern, size_t n, node_id **ret,
                     size_t *ret_n, struct err *e)
{
    (void)e;
    rd->asked++;
    return world_lookup(rd, pattern, n, true, ret, ret_n);
}

#endif
