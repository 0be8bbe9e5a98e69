/* conform/match_find.c - candidates of a name: objects and frames, each with what it shares. */
/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "conform/match_impl.h"
#include "conform/media_class.h"
#include "policy/fold.h"

struct find *finds_add(struct finds *f)
{
    if (f->n == f->cap) {
        f->cap = f->cap ? 2 * f->cap : 8;
        f->v = xrealloc(f->v, f->cap, sizeof *f->v);
    }
    f->v[f->n] = (struct find){0};
    return &f->v[f->n++];
}

void finds_done(struct finds *f)
{
    for (size_t i = 0; i < f->n_lists; i++) {
        sequence_free(f->lists[i]->sequence);
        free(f->lists[i]->frames.v);
        free(f->lists[i]->want);
        free(f->lists[i]);
    }
    free(f->lists);
    free(f->v);
    *f = (struct finds){0};
}

/* What the path of a find shares with that of the reference. */
static void set_score(struct find *f, const struct reading *rd, const struct media_place *p)
{
    f->score = 1;
    f->same_path = f->same_name;
    if (!rd)
        return;
    int folded = path_shared_components(rd->folded, p->folded);
    f->score += folded;
    f->same_path = f->same_name && path_shared_components(rd->dir, p->key) == folded;
}

static bool same_folded(const char *a, const char *b)
{
    AUTO(buf) struct buf x = {0};
    AUTO(buf) struct buf y = {0};
    return fold_name(a, strlen(a), &x) == 0 && fold_name(b, strlen(b), &y) == 0 &&
           strcmp(buf_str(&x), buf_str(&y)) == 0;
}

static int add_objects(struct query *q, const struct listing_group *g, const struct reading *rd,
                       struct finds *ret, struct err *e)
{
    for (size_t i = 0; i < g->n; i++) {
        const struct media_place *p;
        int r = place_of(q->m->places, g->rows[i].parent, &p, e);
        if (r < 0)
            return r;
        if (!p->is_media)
            continue;
        struct find *f = finds_add(ret);
        f->node = g->rows[i].node;
        f->dir = p->dir;
        f->same_name = strcmp(g->text, rd->name) == 0;
        set_score(f, rd, p);
    }
    return 0;
}

/* Objects that have the name of a reading after folding, or (`stem`) with another extension of its
 * class. */
static int find_objects(struct query *q, const struct reading *rd, bool stem, struct finds *ret,
                        struct err *e)
{
    const struct listing_groups *groups;
    enum media_class class = rd->name ? media_class_of(rd->name) : MEDIA_CLASS_NONE;
    if (!rd->name || !*rd->name || (stem && class == MEDIA_CLASS_NONE))
        return 0;
    int r = listing_names(q->m->listing, rd->name, &groups, e);
    for (size_t i = 0; r == 0 && i < groups->n; i++) {
        const char *text = groups->v[i].text;
        bool same = same_folded(text, rd->name);
        if (stem ? !same && media_class_of(text) == class : same)
            r = add_objects(q, &groups->v[i], rd, ret, e);
    }
    return r;
}

/* One candidate for each directory that `dir` allows. Frames are by directory. */
static int add_places(struct query *q, const struct find_list *l, const struct find *like,
                      const struct reading *rd, node_id dir, struct finds *ret, struct err *e)
{
    for (size_t i = 0, k; i < l->frames.n; i = k) {
        const struct frame *first = &l->frames.v[i];
        for (k = i + 1; k < l->frames.n && l->frames.v[k].parent == first->parent;)
            k++;
        const struct media_place *p;
        if (dir != NODE_NONE && first->parent != dir)
            continue;
        int r = place_of(q->m->places, first->parent, &p, e);
        if (r < 0)
            return r;
        if (dir == NODE_NONE && !p->is_media)
            continue;
        struct find *f = finds_add(ret);
        *f = *like;
        f->node = first->node;
        f->dir = first->parent;
        f->frames = first;
        f->n_frames = k - i;
        set_score(f, rd, p);
    }
    return 0;
}

/* What is asked of a directory before its frames are. */
struct nearness {
    struct query *q;
    const struct reading *rd;
    int least;
    int best;   /* the highest score met */
    int failed; /* the error that was met, or 0 */
    struct err *e;
};

static bool is_near(void *arg, node_id dir)
{
    struct nearness *n = arg;
    const struct media_place *p;
    int r = n->failed < 0 ? n->failed : place_of(n->q->m->places, dir, &p, n->e);
    if (r < 0) {
        n->failed = r;
        return false;
    }
    int score = p->is_media ? 1 + path_shared_components(n->rd->folded, p->folded) : 0;
    n->best = score > n->best ? score : n->best;
    return score >= n->least;
}

static int find_frames(struct query *q, struct sequence *s, bool same_name,
                       const struct reading *rd, const struct listing_where *where,
                       const int64_t *want, size_t n_want, struct finds *ret, struct err *e)
{
    struct find_list *l = xcalloc(1, sizeof *l);
    l->sequence = s;
    ret->lists = xrealloc(ret->lists, ret->n_lists + 1, sizeof(struct find_list *));
    ret->lists[ret->n_lists++] = l;
    if (s->known && n_want == 0) /* the cut uses none of them */
        return 0;
    struct find like = {
        .sequence = s, .same_name = same_name, .want = want, .n_want = n_want};
    int r = listing_frames(q->m->listing, s, where, want, n_want, &l->frames, e);
    return r < 0 ? r : add_places(q, l, &like, rd, where->dir, ret, e);
}

/* Frames that share at least `least` components with a reading; where that is more than the name,
 * only those that share the most, if there are any: in a show every shot may have a "plate/". */
static int find_near(struct query *q, struct sequence *s, bool same_name, const struct reading *rd,
                     int least, struct finds *ret, struct err *e)
{
    struct nearness near = {.q = q, .rd = rd, .least = INT_MAX, .e = e};
    struct listing_where where = {.dir = NODE_NONE, .fits = is_near, .arg = &near};
    size_t before = ret->n;
    int r = 0;
    if (least > 1) { /* the first look only scores */
        struct finds none = {0};
        r = find_frames(q, sequence_copy(s), same_name, rd, &where, rd->want, rd->n_want, &none, e);
        finds_done(&none);
        near.least = near.best;
        if (r == 0 && near.failed == 0 && near.best > least)
            r = find_frames(q, sequence_copy(s), same_name, rd, &where, rd->want, rd->n_want, ret,
                            e);
    }
    near.least = least;
    if (r == 0 && near.failed == 0 && ret->n == before && (least == 1 || near.best >= least))
        r = find_frames(q, TAKE(s), same_name, rd, &where, rd->want, rd->n_want, ret, e);
    sequence_free(s);
    return near.failed < 0 ? near.failed : r;
}

int match_find_frames(struct query *q, struct sequence *s, const struct reading *rd, node_id dir,
                      const int64_t *want, size_t n_want, struct finds *ret, struct err *e)
{
    struct listing_where where = {.dir = dir};
    return find_frames(q, s, /* same_name= */ true, rd, &where, want, n_want, ret, e);
}

/* Frames of the sequences that the lake spells differently, or that have another extension of the
 * class. */
static int find_variants(struct query *q, const struct reading *rd, enum listing_like like,
                         int least, struct finds *ret, struct err *e)
{
    struct listing_variant *v = NULL;
    size_t n = 0;
    enum media_class class = media_class_of(rd->sequence.suffix);
    int r = listing_variants(q->m->listing, &rd->sequence, &v, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        bool other_class = class == MEDIA_CLASS_NONE ||
                           media_class_of(v[i].sequence->suffix) != class;
        if (v[i].like != like || (like == LISTING_STEM && other_class))
            continue;
        r = find_near(q, TAKE(v[i].sequence), /* same_name= */ false, rd, least, ret, e);
    }
    listing_variants_free(v, n);
    return r;
}

int match_find_names(struct query *q, int least, struct err *e)
{
    bool first = q->gathered == 0;
    int r = 0;
    if (!first && q->gathered <= least)
        return 0;
    for (size_t i = 0; r == 0 && i < q->n_readings; i++) {
        const struct reading *rd = &q->readings[i];
        if (first) /* of objects there is no cheaper part */
            r = find_objects(q, rd, /* stem= */ false, &q->objects[i], e);
        if (r < 0 || !rd->has_sequence)
            continue;
        finds_done(&q->frames[i]);
        r = find_near(q, sequence_copy(&rd->sequence), /* same_name= */ true, rd, least,
                      &q->frames[i], e);
        if (r == 0)
            r = find_variants(q, rd, LISTING_FOLDED, least, &q->frames[i], e);
    }
    q->gathered = least;
    return r;
}

int match_find_stems(struct query *q, struct reading *rd, struct finds *ret, struct err *e)
{
    int r = find_objects(q, rd, /* stem= */ true, ret, e);
    return r < 0 || !rd->has_sequence ? r : find_variants(q, rd, LISTING_STEM, /* least= */ 1, ret, e);
}
