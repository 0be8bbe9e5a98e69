/* fs/lake/media_ale.c - what the Avid logs of a lake say of its objects. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fs/lake/ale.h"
#include "fs/lake/media_work.h"
#include "fs/store/store.h"
#include "policy/index.h"

#define TOLD_MAX 300000 /* rows of all logs together that name an object */

struct reading {
    struct index_read *rd;
    struct media_work *work;
    node_id folder; /* of the log in hand */
    const char *log;
    bool fresh;
};

/* The only one of the nodes that lies in the log's folder, or else the only one at all; frames of a
 * sequence and movies count. NODE_NONE: none, or more than one. */
static int only_one(struct reading *g, const node_id *ids, size_t n, node_id *ret,
                    struct err *e)
{
    node_id here = NODE_NONE, anywhere = NODE_NONE;
    size_t n_here = 0, n_anywhere = 0;
    for (size_t i = 0; i < n; i++) {
        struct node nd;
        int r = index_node(g->rd, ids[i], &nd, e);
        if (r < 0)
            return r;
        enum media_kind kind = media_kind_of(nd.name, nd.name_len);
        if (kind == MEDIA_KIND_NONE || kind == MEDIA_KIND_ALE)
            continue;
        anywhere = ids[i];
        n_anywhere++;
        if (nd.parent == g->folder) {
            here = ids[i];
            n_here++;
        }
    }
    *ret = n_here == 1 ? here : n_here == 0 && n_anywhere == 1 ? anywhere : NODE_NONE;
    return (int)(n_anywhere > 0);
}

/* 1: there are objects of that name, and `*ret` is the one that is meant, if any; 0: none. */
static int find(struct reading *g, const char *name, size_t n, bool stem, node_id *ret,
                struct err *e)
{
    AUTO(free) node_id *ids = NULL;
    size_t found;
    int r = stem ? index_by_stem(g->rd, name, n, &ids, &found, e)
                 : index_by_folded_name(g->rd, name, n, &ids, &found, e);
    return r < 0 ? r : only_one(g, ids, found, ret, e);
}

/* The object that a row is about: its source file by name, then with another extension, then the
 * clip's name in the same two ways, then its reel, since cameras name files for reels. The first
 * that there are objects of decides. */
static int target(struct reading *g, const struct ale_row *row, node_id *ret, struct err *e)
{
    const char *texts[] = {row->source, row->name, row->facts.reel};
    *ret = NODE_NONE;
    for (size_t i = 0; i < COUNT(texts); i++) {
        size_t n = strlen(texts[i]), stem = name_stem(texts[i], n);
        int r = find(g, texts[i], n, /* stem= */ false, ret, e);
        if (r == 0)
            r = find(g, texts[i], n, /* stem= */ true, ret, e);
        if (r == 0 && stem < n)
            r = find(g, texts[i], stem, /* stem= */ true, ret, e);
        if (r != 0)
            return r < 0 ? r : 0;
    }
    return 0;
}

static int on_row(void *arg, const struct ale_row *row, struct err *e)
{
    struct reading *g = arg;
    struct media_work *w = g->work;
    node_id node;
    struct node nd;
    int r = target(g, row, &node, e);
    if (r < 0 || node == NODE_NONE || w->n_told == TOLD_MAX)
        return r;
    if ((r = index_node(g->rd, node, &nd, e)) < 0)
        return r;
    if (w->n_told == w->cap_told)
        w->told = xrealloc(w->told, w->cap_told = w->cap_told ? 2 * w->cap_told : 64,
                           sizeof *w->told);
    w->told[w->n_told] = (struct media_told){.node = node, .same_folder = nd.parent == g->folder,
                                             .order = w->n_told, .log = g->log,
                                             .facts = row->facts};
    w->n_told++;
    if (g->fresh)
        media_items_add(&w->look, node, media_kind_of(nd.name, nd.name_len));
    return 0;
}

static int by_node(const void *a, const void *b)
{
    const struct media_told *x = a, *y = b;
    if (x->node != y->node)
        return x->node < y->node ? -1 : 1;
    if (x->same_folder != y->same_folder)
        return x->same_folder ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* What rows say of each kind, and whether two of them differ. */
struct agreed {
    const struct facts *reel, *umid, *tc, *frames, *rate; /* the last that said something */
    bool no_reel, no_umid, no_tc, no_frames, no_rate;
};

static void compare(struct agreed *a, const struct facts *f)
{
    if (*f->reel) {
        a->no_reel |= a->reel && strcmp(a->reel->reel, f->reel) != 0;
        a->reel = f;
    }
    if (*f->umid) {
        a->no_umid |= a->umid && strcmp(a->umid->umid, f->umid) != 0;
        a->umid = f;
    }
    if (f->has_tc) {
        a->no_tc |= a->tc && memcmp(&a->tc->tc, &f->tc, offsetof(struct timecode, drop)) != 0;
        a->tc = f;
    }
    if (f->frames > 0) {
        a->no_frames |= a->frames && a->frames->frames != f->frames;
        a->frames = f;
    }
    if (f->rate_num > 0) {
        a->no_rate |= a->rate && (a->rate->rate_num != f->rate_num ||
                                  a->rate->rate_den != f->rate_den);
        a->rate = f;
    }
}

/* Rows of one rank about one object that contradict each other, as those of a file's subclips or of
 * a tape's clips do, tell only what they agree on. */
static void agree(struct media_told *t, size_t n)
{
    struct agreed a = {0};
    for (size_t i = 0; i < n; i++)
        compare(&a, &t[i].facts);
    for (size_t i = 0; i < n; i++) {
        struct facts *f = &t[i].facts;
        f->reel[0] = a.no_reel ? '\0' : f->reel[0];
        f->umid[0] = a.no_umid ? '\0' : f->umid[0];
        f->has_tc = f->has_tc && !a.no_tc && !a.no_rate;
        f->frames = a.no_tc || a.no_frames ? 0 : f->frames;
        f->rate_num = a.no_rate ? 0 : f->rate_num;
    }
}

static void sort_told(struct media_work *w)
{
    if (w->n_told > 0)
        qsort(w->told, w->n_told, sizeof *w->told, by_node);
    for (size_t i = 0, n; i < w->n_told; i += n) {
        struct media_told *t = &w->told[i];
        for (n = 1; i + n < w->n_told && t[n].node == t->node &&
                    t[n].same_folder == t->same_folder;)
            n++;
        agree(t, n);
    }
}

/* The key lives as long as the work. */
static const char *keep_key(struct media_work *w, struct buf *key)
{
    w->log_key = xrealloc(w->log_key, w->n_log_keys + 1, sizeof *w->log_key);
    return w->log_key[w->n_log_keys++] = buf_take(key);
}

static int read_log(struct lake *lk, struct media_work *w, node_id log, bool fresh, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(buf) struct buf key = {0}, text = {0};
    struct reading g = {.work = w, .fresh = fresh};
    struct node nd;
    int r = index_read_begin(lk->index, &rd, e);
    if (r < 0 || (r = index_key(rd, log, &key, e)) < 0 || (r = index_node(rd, log, &nd, e)) < 0)
        return r;
    g.folder = nd.parent;
    g.log = keep_key(w, &key);
    index_read_end(TAKE(rd)); /* never held across a wait for the store */
    r = store_get(lk->store, g.log, ALE_MAX_BYTES, &text, NULL, e);
    if (r == 0)
        r = index_read_begin(lk->index, &rd, e);
    if (r < 0)
        return r;
    g.rd = rd;
    r = ale_parse(buf_str(&text), text.len, on_row, &g, e);
    return r < 0 ? err_wrap(e, "'%s'", g.log) : 0;
}

static int by_item(const void *a, const void *b)
{
    const struct media_item *x = a, *y = b;
    return (x->node > y->node) - (x->node < y->node);
}

/* Each node once. Node order is mostly key order, which stores like. */
static void sort_look(struct media_items *l)
{
    size_t kept = 0;
    if (l->n > 0)
        qsort(l->v, l->n, sizeof *l->v, by_item);
    for (size_t i = 0; i < l->n; i++)
        if (kept == 0 || l->v[kept - 1].node != l->v[i].node)
            l->v[kept++] = l->v[i];
    l->n = kept;
}

void media_ale_read(struct lake *lk, struct media_work *w, lake_progress_fn *progress, void *arg,
                    struct media_report *report)
{
    bool any = w->look.n > 0 || w->fresh.n > 0;
    size_t at = 0, kept = 0; /* in `fresh`, which has the order of `logs` */
    for (size_t i = 0; any && i < w->logs.n; i++) {
        struct err why;
        bool fresh = at < w->fresh.n && w->fresh.v[at].node == w->logs.v[i].node;
        int r = read_log(lk, w, w->logs.v[i].node, fresh, &why);
        report->logs += r == 0;
        if (r < 0 && r != -ENOENT && report->failed++ == 0)
            memcpy(report->why, why.text, sizeof report->why);
        if (fresh && (r == 0 || r == -EBADMSG)) /* one that is no log will not become one */
            w->fresh.v[kept++] = w->fresh.v[at];
        at += fresh;
        if (progress)
            progress(arg, "reading logs", i + 1, w->logs.n);
    }
    w->fresh.n = kept;
    sort_told(w);
    sort_look(&w->look);
}

const struct media_told *media_ale_told(const struct media_work *w, node_id node, size_t *ret_n)
{
    size_t lo = 0, hi = w->n_told;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (w->told[mid].node < node)
            lo = mid + 1;
        else
            hi = mid;
    }
    size_t end = lo;
    while (end < w->n_told && w->told[end].node == node)
        end++;
    *ret_n = end - lo;
    return end > lo ? &w->told[lo] : NULL;
}
