/* fs/lake/media_work.c - which objects a scan must look at for facts of their media. */
/* SPDX-License-Identifier: MIT */
#include "fs/lake/media_work.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "policy/index.h"

static const struct {
    const char *extension;
    enum media_kind kind;
} kinds[] = {
    {"exr", MEDIA_KIND_EXR},    {"dpx", MEDIA_KIND_DPX},    {"ale", MEDIA_KIND_ALE},
    {"mov", MEDIA_KIND_MOVIE},  {"mxf", MEDIA_KIND_MOVIE},  {"mp4", MEDIA_KIND_MOVIE},
    {"m4v", MEDIA_KIND_MOVIE},  {"avi", MEDIA_KIND_MOVIE},  {"mkv", MEDIA_KIND_MOVIE},
    {"mts", MEDIA_KIND_MOVIE},  {"r3d", MEDIA_KIND_MOVIE},  {"ari", MEDIA_KIND_MOVIE},
    {"arx", MEDIA_KIND_MOVIE},  {"braw", MEDIA_KIND_MOVIE}, {"crm", MEDIA_KIND_MOVIE},
    {"cine", MEDIA_KIND_MOVIE}, {"wav", MEDIA_KIND_MOVIE},  {"bwf", MEDIA_KIND_MOVIE},
    {"aif", MEDIA_KIND_MOVIE},  {"aiff", MEDIA_KIND_MOVIE},
};

enum media_kind media_kind_of(const char *name, size_t n)
{
    size_t stem = name_stem(name, n);
    if (stem == n)
        return MEDIA_KIND_NONE;
    const char *extension = name + stem + 1;
    size_t len = n - stem - 1;
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (strlen(kinds[i].extension) == len &&
            strncasecmp(kinds[i].extension, extension, len) == 0)
            return kinds[i].kind;
    return MEDIA_KIND_NONE;
}

void media_items_add(struct media_items *l, node_id node, enum media_kind kind)
{
    if (l->n == l->cap)
        l->v = xrealloc(l->v, l->cap = l->cap ? 2 * l->cap : 64, sizeof *l->v);
    l->v[l->n++] = (struct media_item){node, kind};
}

void media_work_done(struct media_work *w)
{
    for (size_t i = 0; i < w->n_log_keys; i++)
        free(w->log_key[i]);
    free(w->log_key);
    free(w->told);
    free(w->look.v);
    free(w->logs.v);
    free(w->fresh.v);
    *w = (struct media_work){0};
}

/* A frame of a run: all frames of one folder and one frame pattern. Two patterns of one hash would
 * be taken for one run; nobody gains by making such names. */
struct frame {
    node_id parent, node;
    uint64_t run; /* hash of the pattern */
    int64_t frame;
    enum media_kind kind;
};

struct walk {
    struct media_work *work;
    struct media_items movies;
    struct frame *frame;
    size_t n, cap;
    struct buf pattern;
};

static uint64_t hash_of(const char *s, size_t n)
{
    uint64_t h = 0xcbf29ce484222325; /* FNV-1a */
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 0x100000001b3;
    return h;
}

static void add_frame(struct walk *w, const struct node *n, enum media_kind kind)
{
    struct frame f = {.parent = n->parent, .node = n->id, .kind = kind};
    buf_clear(&w->pattern);
    if (frame_pattern(n->name, n->name_len, &w->pattern, &f.frame, NULL))
        f.run = hash_of(w->pattern.p, w->pattern.len);
    else
        f.run = hash_of(n->name, n->name_len);
    struct frame *last = w->n > 0 ? &w->frame[w->n - 1] : NULL;
    if (last && last->parent == f.parent && last->run == f.run) { /* nearly always: key order */
        if (f.frame < last->frame)
            *last = f;
        return;
    }
    if (w->n == w->cap)
        w->frame = xrealloc(w->frame, w->cap = w->cap ? 2 * w->cap : 64, sizeof *w->frame);
    w->frame[w->n++] = f;
}

static int on_node(void *arg, const struct node *n, struct err *e)
{
    struct walk *w = arg;
    (void)e;
    if (!n->live || n->is_dir)
        return 0;
    enum media_kind kind = media_kind_of(n->name, n->name_len);
    if (kind == MEDIA_KIND_ALE)
        media_items_add(&w->work->logs, n->id, kind);
    else if (kind == MEDIA_KIND_MOVIE)
        media_items_add(&w->movies, n->id, kind);
    else if (kind != MEDIA_KIND_NONE)
        add_frame(w, n, kind);
    return 0;
}

static int by_run(const void *a, const void *b)
{
    const struct frame *x = a, *y = b;
    if (x->parent != y->parent)
        return x->parent < y->parent ? -1 : 1;
    if (x->run != y->run)
        return x->run < y->run ? -1 : 1;
    return (x->frame > y->frame) - (x->frame < y->frame);
}

/* Adds the node to `ret` where it lies below the prefix and is to be looked at. */
static int consider(struct index_read *rd, const char *prefix, bool all, struct media_item item,
                    struct media_items *ret, struct err *e)
{
    if (!all) {
        AUTO(media) struct media m = {0};
        int r = index_media(rd, item.node, &m, e);
        if (r != -ENOENT)
            return r;
    }
    AUTO(buf) struct buf key = {0};
    int r = *prefix ? index_key(rd, item.node, &key, e) : 0;
    if (r < 0)
        return r;
    if (strncmp(buf_str(&key), prefix, strlen(prefix)) == 0)
        media_items_add(ret, item.node, item.kind);
    return 0;
}

static int choose(struct index_read *rd, struct walk *w, const char *prefix, bool all,
                  struct err *e)
{
    int r = 0;
    if (w->n > 0)
        qsort(w->frame, w->n, sizeof *w->frame, by_run);
    for (size_t i = 0; r == 0 && i < w->n; i++) {
        const struct frame *f = &w->frame[i];
        if (i > 0 && f[-1].parent == f->parent && f[-1].run == f->run)
            continue;
        r = consider(rd, prefix, all, (struct media_item){f->node, f->kind}, &w->work->look, e);
    }
    for (size_t i = 0; r == 0 && i < w->movies.n; i++)
        r = consider(rd, prefix, all, w->movies.v[i], &w->work->look, e);
    for (size_t i = 0; r == 0 && i < w->work->logs.n; i++)
        r = consider(rd, prefix, all, w->work->logs.v[i], &w->work->fresh, e);
    return r;
}

int media_work_find(struct index_read *rd, const char *prefix, enum lake_media what,
                    struct media_work *ret, struct err *e)
{
    struct walk w = {.work = ret};
    int r = index_inventory_each(rd, on_node, &w, e);
    if (r == 0)
        r = choose(rd, &w, prefix, what == LAKE_MEDIA_ALL, e);
    free(w.movies.v);
    free(w.frame);
    buf_done(&w.pattern);
    return r;
}
