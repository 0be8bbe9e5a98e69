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
#include "policy/fold.h"
#include "policy/index.h"

struct world_node {
    node_id parent;
    bool is_dir;
    char *name, *etag, *facts; /* the last two may be NULL */
};

struct index_read {
    struct world_node *v; /* by node id; 0 is unused */
    size_t n;
    size_t asked; /* lookups by pattern */
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
    rd->v[rd->n] = (struct world_node){.parent = parent, .is_dir = dir, .name = xstrndup(s, n)};
    return (node_id)rd->n++;
}

/* A key, then what is known of it, each behind a tab: its ETag (its size is the same number), and
 * its facts as JSON. */
static inline void world_add(struct world *w, const char *key)
{
    node_id at = NODE_ROOT;
    for (;;) {
        size_t n = strcspn(key, "/\t");
        at = world_child(&w->rd, at, key, n, key[n] == '/');
        key += n;
        if (*key++ != '/')
            break;
    }
    if (key[-1] == '\0')
        return;
    w->rd.v[at].etag = xstrndup(key, strcspn(key, "\t"));
    key += strlen(w->rd.v[at].etag);
    w->rd.v[at].facts = *key ? xstrdup(key + 1) : NULL;
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
    w->rd.v[1] = (struct world_node){.parent = NODE_ROOT, .is_dir = true, .name = xstrdup("")};
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
    for (size_t i = 1; i < w->rd.n; i++) {
        free(w->rd.v[i].name);
        free(w->rd.v[i].etag);
        free(w->rd.v[i].facts);
    }
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
                         .size = v->etag ? strtoull(v->etag, NULL, 10) : 0,
                         .etag = v->etag ? v->etag : ""};
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

size_t name_stem(const char *name, size_t n)
{
    for (size_t i = n; i > 1; i--)
        if (name[i - 1] == '.')
            return i - 1;
    return n;
}

static bool world_same(const char *a, size_t n, const char *b, size_t k)
{
    struct buf x __attribute__((cleanup(auto_buf))) = {0};
    struct buf y __attribute__((cleanup(auto_buf))) = {0};
    fold_name(a, n, &x);
    fold_name(b, k, &y);
    return x.len == y.len && memcmp(buf_str(&x), buf_str(&y), x.len) == 0;
}

static void world_found(node_id id, node_id **ret, size_t *ret_n)
{
    *ret = xrealloc(*ret, *ret_n + 1, sizeof **ret);
    (*ret)[(*ret_n)++] = id;
}

static int world_lookup(struct index_read *rd, const char *text, size_t n, bool pattern,
                        node_id **ret, size_t *ret_n)
{
    *ret = NULL;
    *ret_n = 0;
    for (size_t i = 2; i < rd->n; i++) {
        struct buf b __attribute__((cleanup(auto_buf))) = {0};
        const char *name = rd->v[i].name;
        if (rd->v[i].is_dir)
            continue;
        if (!pattern)
            buf_adds(&b, name);
        else if (!frame_pattern(name, strlen(name), &b, NULL, NULL))
            continue;
        if (world_same(b.p, name_stem(b.p, b.len), text, n))
            world_found((node_id)i, ret, ret_n);
    }
    return 0;
}

int index_by_stem(struct index_read *rd, const char *stem, size_t n, node_id **ret, size_t *ret_n,
                  struct err *e)
{
    (void)e;
    return world_lookup(rd, stem, n, false, ret, ret_n);
}

int index_by_stem_pattern(struct index_read *rd, const char *stem, size_t n, node_id **ret,
                          size_t *ret_n, struct err *e)
{
    (void)e;
    rd->asked++;
    return world_lookup(rd, stem, n, true, ret, ret_n);
}

/* Exact, as listing.c asks for names whose numbers have no pattern. */
int index_by_name(struct index_read *rd, const char *name, size_t n, node_id **ret, size_t *ret_n,
                  struct err *e)
{
    (void)e;
    *ret = NULL;
    *ret_n = 0;
    for (size_t i = 2; i < rd->n; i++)
        if (!rd->v[i].is_dir && strlen(rd->v[i].name) == n && memcmp(rd->v[i].name, name, n) == 0)
            world_found((node_id)i, ret, ret_n);
    return 0;
}

int index_media(struct index_read *rd, node_id id, struct media *ret, struct err *e)
{
    *ret = (struct media){.start = -1};
    if (!rd->v[id].facts)
        return -ENOENT;
    json_auto_t *facts = json_loads(rd->v[id].facts, 0, NULL);
    return media_parse(facts, ret, e);
}

static int world_by_fact(struct index_read *rd, bool reel, const char *text, size_t n, bool exact,
                         node_id **ret, size_t *ret_n, struct err *e)
{
    *ret = NULL;
    *ret_n = 0;
    for (size_t i = 2; i < rd->n; i++) {
        AUTO(media) struct media m;
        int r = index_media(rd, (node_id)i, &m, e);
        const char *have = r < 0 ? NULL : reel ? m.reel : m.umid;
        size_t len = have ? strlen(have) : 0;
        if (have && (exact || len >= n) && world_same(have, exact ? len : n, text, n))
            world_found((node_id)i, ret, ret_n);
    }
    return 0;
}

int index_by_reel(struct index_read *rd, const char *reel, size_t n, bool exact, node_id **ret,
                  size_t *ret_n, struct err *e)
{
    return world_by_fact(rd, true, reel, n, exact, ret, ret_n, e);
}

int index_by_umid(struct index_read *rd, const char *umid, node_id **ret, size_t *ret_n,
                  struct err *e)
{
    return world_by_fact(rd, false, umid, strlen(umid), true, ret, ret_n, e);
}

int index_children(struct index_read *rd, node_id dir, const char *prefix, size_t n,
                   index_node_fn *fn, void *arg, struct err *e)
{
    for (size_t i = 2; i < rd->n; i++) {
        struct node nd;
        int r = 0;
        if (rd->v[i].parent == dir && strncmp(rd->v[i].name, prefix, n) == 0 &&
            index_node(rd, (node_id)i, &nd, e) == 0)
            r = fn(arg, &nd, e);
        if (r < 0)
            return r;
    }
    return 0;
}

#endif
