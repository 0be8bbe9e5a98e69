/* conform/match_source.c - rules by what media says of itself: UMID, reel and timecode. */
/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/match_impl.h"
#include "conform/media_class.h"

#define UMID_NODES_MAX 1000 /* candidates of one UMID that are looked at */

/* The sequence of all frames that are called like this one. NULL: it is none. */
static struct sequence *sequence_of(const char *name, size_t n, int64_t *ret_number)
{
    AUTO(buf) struct buf pattern = {0};
    if (!frame_pattern(name, n, &pattern, ret_number, NULL))
        return NULL;
    size_t at = 0; /* the names are equal up to the number */
    while (buf_str(&pattern)[at] == name[at])
        at++;
    const char *hash = buf_str(&pattern) + at;
    if (*hash != '#')
        return NULL;
    struct sequence *s = xcalloc(1, sizeof *s);
    s->prefix = xstrndup(name, at);
    s->suffix = xstrdup(hash + 1);
    s->pad = SEQUENCE_PAD_ANY;
    return s;
}

/* Keeps the frames that the media's timecode says are used. False, with why. */
static bool use_frames(struct query *q, const struct media *facts, int64_t number, struct find *f,
                       struct find_list *l, const char **ret_why)
{
    const struct frame *all = f->frames;
    size_t n = f->n_frames, from = 0, to = n;
    if (!match_use_timecode(q, facts, number, all[0].number, all[n - 1].number,
                            /* numbered= */ true, f, ret_why))
        return false;
    struct sequence *s = l->sequence;
    struct sequence_range range = {f->use_first, f->use_last, 1};
    s->ranges = xrealloc(s->ranges, 1, sizeof *s->ranges);
    s->ranges[0] = range;
    s->n_ranges = 1;
    s->n_frames = (uint64_t)(range.last - range.first) + 1;
    s->start = range.first;
    s->known = true;
    while (from < to && all[from].number < range.first)
        from++;
    while (to > from && all[to - 1].number > range.last)
        to--;
    f->frames = all + from;
    f->n_frames = to - from;
    f->n_want = sequence_frames(s, &l->want);
    f->want = l->want;
    f->node = f->n_frames > 0 ? f->frames[0].node : f->node;
    *ret_why = "none of the frames that the cut uses is there";
    return f->n_frames > 0;
}

static int add_sequence(struct query *q, const struct node *nd, const struct media *facts,
                        struct sequence *s, int64_t number, bool contained, struct finds *ret,
                        struct err *e)
{
    const struct reading *rd = NULL;
    for (size_t i = 0; i < q->n_readings; i++)
        if (q->readings[i].has_sequence && q->readings[i].sequence.known)
            rd = &q->readings[i];
    if (rd && !contained) { /* the reference numbers its frames itself */
        struct sequence *named = sequence_copy(&rd->sequence);
        free(named->prefix);
        free(named->suffix);
        named->prefix = xstrdup(s->prefix);
        named->suffix = xstrdup(s->suffix);
        named->pad = s->pad;
        sequence_free(s);
        return match_find_frames(q, named, NULL, nd->parent, rd->want, rd->n_want, ret, e);
    }
    size_t before = ret->n;
    int r = match_find_frames(q, s, NULL, nd->parent, NULL, 0, ret, e);
    if (r < 0 || ret->n == before)
        return r;
    struct find *f = &ret->v[before]; /* of one directory there is one */
    const char *why = NULL;
    struct find whole = *f;
    if (q->in->whole && !contained)
        return 0;
    if (!use_frames(q, facts, number, f, ret->lists[ret->n_lists - 1], &why)) {
        if (contained)
            f->rejected = why;
        else
            *f = whole; /* all of it: nobody can say what is used */
    } else if (q->in->whole) {
        ret->lists[ret->n_lists - 1]->sequence->known = false;
        *f = whole;
    }
    return 0;
}

static int add_object(struct query *q, const struct node *nd, const struct media *facts,
                      bool contained, struct finds *ret)
{
    struct find *f = finds_add(ret);
    const char *why = "its length is not known";
    f->node = nd->id;
    f->dir = nd->parent;
    if (contained && (facts->frames < 1 ||
                      !match_use_timecode(q, facts, 0, 0, facts->frames - 1,
                                          /* numbered= */ false, f, &why)))
        f->rejected = why;
    return 0;
}

/* Several frames of one sequence may have facts: it is one candidate. */
static bool is_known_place(const struct finds *f, const struct node *nd, const struct sequence *s)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->v[i].sequence && f->v[i].dir == nd->parent &&
            strcmp(f->v[i].sequence->prefix, s->prefix) == 0 &&
            strcmp(f->v[i].sequence->suffix, s->suffix) == 0)
            return true;
    return false;
}

int match_find_media(struct query *q, node_id node, int score, bool contained, struct finds *ret,
                     struct err *e)
{
    AUTO(media) struct media facts = {.start = -1};
    struct node nd;
    int64_t number = 0;
    size_t before = ret->n;
    int r = index_node(q->m->rd, node, &nd, e);
    if (r == 0)
        r = index_media(q->m->rd, node, &facts, e);
    if (r < 0 && r != -ENOENT)
        return r;
    AUTO(free) char *name = xstrndup(nd.name, nd.name_len);
    bool plate = media_class_of(name) == MEDIA_CLASS_PLATE;
    struct sequence *s = plate ? sequence_of(name, nd.name_len, &number) : NULL;
    if (s && is_known_place(ret, &nd, s)) {
        sequence_free(s);
        return 0;
    }
    r = s ? add_sequence(q, &nd, &facts, s, number, contained, ret, e)
          : add_object(q, &nd, &facts, contained, ret);
    for (size_t i = before; i < ret->n; i++) {
        ret->v[i].score = score;
        ret->v[i].same_name = ret->v[i].same_path = true;
    }
    return r;
}

/* Nodes that names may lead to, as candidates. */
static int add_nodes(struct query *q, const node_id *nodes, size_t n, struct finds *ret,
                     struct err *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < n && i < UMID_NODES_MAX; i++) {
        const struct media_place *p;
        struct node nd;
        r = index_node(q->m->rd, nodes[i], &nd, e);
        if (r == 0)
            r = place_of(q->m->places, nd.parent, &p, e);
        if (r == 0 && p->is_media)
            r = match_find_media(q, nodes[i], /* score= */ 1, /* contained= */ false, ret, e);
    }
    return r;
}

int match_by_umid(struct query *q, struct err *e)
{
    static const struct match_rule rule = {.name = "umid",
                                           .what = "media of the lake have this UMID"};
    struct finds f = {0};
    int r = 0;
    for (size_t i = 0; r == 0 && i < q->identity.n_umids; i++) {
        AUTO(free) node_id *nodes = NULL;
        size_t n = 0;
        r = index_by_umid(q->m->rd, q->identity.umids[i], &nodes, &n, e);
        if (r == 0)
            r = add_nodes(q, nodes, n, &f, e);
    }
    if (r == 0)
        r = match_pick(q, &f, &rule, e);
    finds_done(&f);
    return r;
}

static bool is_found(const struct finds *f, node_id node)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->v[i].node == node)
            return true;
    return false;
}

/* Those takes of a reel that overlap what the cut uses: the others are no evidence of anything. */
static int add_takes(struct query *q, const struct source_list *l, int score, struct finds *ret,
                     struct err *e)
{
    int64_t num = -1, den = -1, first = 0, last = 0;
    const char *ignored;
    bool known = false;
    int r = 0;
    for (size_t i = 0; r == 0 && i < l->n; i++) {
        const struct source *s = &l->v[i];
        if (s->rate_num != num || s->rate_den != den) { /* mostly one rate a reel */
            num = s->rate_num;
            den = s->rate_den;
            known = match_timecode(q, num, den, &first, &last, &ignored);
        }
        if (known && s->start <= last && first < s->end && !is_found(ret, s->node))
            r = match_find_media(q, s->node, score, /* contained= */ true, ret, e);
    }
    return r;
}

int match_by_reel(struct query *q, struct err *e)
{
    static const struct match_rule rule = {
        .name = "reel", .what = "media of the lake have this reel and hold this timecode"};
    struct finds f = {0};
    int r = 0;
    for (size_t i = 0; r == 0 && i < q->identity.n_reels; i++) {
        const struct identity_reel *reel = &q->identity.reels[i];
        /* the whole name first: it outranks one that only begins like it */
        for (int exact = 1; r == 0 && exact >= (reel->is_cut ? 0 : 1); exact--) {
            const struct source_list *l;
            r = sources_of_reel(q->m->sources, reel->name, exact, &l, e);
            if (r == 0)
                r = add_takes(q, l, /* score= */ 1 + exact, &f, e);
        }
    }
    if (r == 0)
        r = match_pick(q, &f, &rule, e);
    finds_done(&f);
    return r;
}
