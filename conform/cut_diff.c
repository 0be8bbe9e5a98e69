/* conform/cut_diff.c - what changed from one cut to the next, shot by shot. */
/* SPDX-License-Identifier: MIT */
#include "conform/cut_diff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/cut_use.h"

#define PAIRS_MAX 1000000 /* of one shot; beyond that they are paired in their order */
#define SPEED_EPSILON 1e-6

static const char *const change_names[CUT_CHANGES] = {
    "NEW", "OMITTED", "REINSTATED", "EXTENDED", "TRIMMED", "RETIMED", "MOVED",
};

const char *cut_change_name(size_t i)
{
    return i < CUT_CHANGES ? change_names[i] : NULL;
}

/* ---- which is which ------------------------------------------------------------------------- */

static bool same_media(const struct cut_use *a, const struct cut_use *b)
{
    return !a->media || !b->media || strcmp(a->media, b->media) == 0;
}

/* The frames of both in numbers that can be compared. False: there are none. */
static bool comparable(const struct cut_use *a, const struct cut_use *b,
                       const struct cut_span **ret_a, const struct cut_span **ret_b)
{
    bool by_media = a->media_span.known && b->media_span.known &&
                    a->media_start == b->media_start && a->numbered == b->numbered;
    *ret_a = by_media ? &a->media_span : &a->source_span;
    *ret_b = by_media ? &b->media_span : &b->source_span;
    return (*ret_a)->known && (*ret_b)->known && (*ret_a)->rate > 0 &&
           fabs((*ret_a)->rate - (*ret_b)->rate) < 0.0015 * (*ret_a)->rate;
}

static double overlap(const struct cut_use *a, const struct cut_use *b)
{
    const struct cut_span *x, *y;
    if (!same_media(a, b) || !comparable(a, b, &x, &y))
        return -1;
    double first = fmax((double)x->first, (double)y->first);
    double last = fmin((double)x->last, (double)y->last);
    return fmax(0, last - first + 1);
}

struct pair {
    struct cut_use *a, *b;
    double overlap;
    size_t apart;
};

static int better_first(const void *x, const void *y)
{
    const struct pair *p = x, *q = y;
    if (p->overlap != q->overlap)
        return p->overlap > q->overlap ? -1 : 1;
    if (p->apart != q->apart)
        return p->apart < q->apart ? -1 : 1;
    if (p->a->place != q->a->place)
        return p->a->place < q->a->place ? -1 : 1;
    return p->b->place < q->b->place ? -1 : 1;
}

/* Pairs what `n` old and `m` new uses of one shot have most in common. */
static void pair_shot(struct cut_use **a, size_t n, struct cut_use **b, size_t m)
{
    if (n > 0 && m > PAIRS_MAX / n) {
        for (size_t i = 0; i < n && i < m; i++)
            a[i]->other = b[i], b[i]->other = a[i];
        return;
    }
    struct pair *pairs = xcalloc(n * m + 1, sizeof *pairs);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < m; k++)
            pairs[i * m + k] =
                (struct pair){a[i], b[k], overlap(a[i], b[k]), i > k ? i - k : k - i};
    qsort(pairs, n * m, sizeof *pairs, better_first);
    for (size_t i = 0; i < n * m; i++)
        if (!pairs[i].a->other && !pairs[i].b->other)
            pairs[i].a->other = pairs[i].b, pairs[i].b->other = pairs[i].a;
    free(pairs);
}

static int by_shot(const void *x, const void *y)
{
    const struct cut_use *a = *(struct cut_use *const *)x, *b = *(struct cut_use *const *)y;
    int r = strcmp(a->shot, b->shot);
    return r ? r : a->place < b->place ? -1 : 1;
}

static struct cut_use **sorted_by_shot(struct cut *c)
{
    struct cut_use **v = xcalloc(c->n + 1, sizeof *v);
    for (size_t i = 0; i < c->n; i++)
        v[i] = &c->v[i];
    qsort(v, c->n, sizeof *v, by_shot);
    return v;
}

static size_t run_of(struct cut_use **v, size_t n, size_t i)
{
    size_t k = i;
    while (k < n && strcmp(v[k]->shot, v[i]->shot) == 0)
        k++;
    return k - i;
}

static void pair_all(struct cut *before, struct cut *after)
{
    AUTO(free) struct cut_use **a = sorted_by_shot(before);
    AUTO(free) struct cut_use **b = sorted_by_shot(after);
    size_t i = 0, k = 0;
    while (i < before->n && k < after->n) {
        size_t n = run_of(a, before->n, i), m = run_of(b, after->n, k);
        int r = strcmp(a[i]->shot, b[k]->shot);
        if (r == 0)
            pair_shot(a + i, n, b + k, m);
        i += r <= 0 ? n : 0;
        k += r >= 0 ? m : 0;
    }
}

/* ---- what became of it ---------------------------------------------------------------------- */

/* Marks the pairs that are not in the longest run of pairs that kept its order: what moved is as
 * little as can be. */
static void mark_moved(struct cut *after)
{
    AUTO(free) size_t *tail = xcalloc(after->n + 1, sizeof *tail); /* place of each length's end */
    AUTO(free) size_t *back = xcalloc(after->n + 1, sizeof *back);
    size_t length = 0;
    for (size_t i = 0; i < after->n; i++) {
        if (!after->v[i].other)
            continue;
        size_t low = 0, high = length, at = after->v[i].other->place;
        while (low < high) {
            size_t mid = (low + high) / 2;
            if (after->v[tail[mid]].other->place < at)
                low = mid + 1;
            else
                high = mid;
        }
        back[i] = low > 0 ? tail[low - 1] : SIZE_MAX;
        tail[low] = i;
        length += low == length;
        after->v[i].changes |= CUT_MOVED;
    }
    for (size_t i = length > 0 ? tail[length - 1] : SIZE_MAX; i != SIZE_MAX; i = back[i])
        after->v[i].changes &= ~(unsigned)CUT_MOVED;
}

static void mark_frames(struct cut_use *b)
{
    const struct cut_use *a = b->other;
    const struct cut_span *x, *y;
    bool retimed = fabs(a->speed - b->speed) > SPEED_EPSILON;
    if (retimed)
        b->changes |= CUT_RETIMED;
    if (!same_media(a, b)) {
        b->changes |= CUT_EXTENDED;
        return;
    }
    if (!comparable(a, b, &x, &y) || (x->first == y->first && x->last == y->last))
        return;
    if (y->first < x->granted_first || y->last > x->granted_last)
        b->changes |= CUT_EXTENDED;
    else if (!retimed) /* at another speed the same frames are never the same */
        b->changes |= CUT_TRIMMED;
}

static void mark_all(struct cut *before, struct cut *after, const json_t *earlier)
{
    pair_all(before, after);
    mark_moved(after);
    for (size_t i = 0; i < after->n; i++) {
        struct cut_use *b = &after->v[i];
        if (b->other)
            mark_frames(b);
        else
            b->changes |= json_object_get(earlier, b->shot) ? CUT_REINSTATED : CUT_NEW;
    }
    for (size_t i = 0; i < before->n; i++)
        if (!before->v[i].other)
            before->v[i].changes |= CUT_OMITTED;
}

/* ---- as JSON -------------------------------------------------------------------------------- */

static json_t *use_json(const struct cut_use *u)
{
    const struct cut_span *s = u->media_span.known ? &u->media_span : &u->source_span;
    json_t *j = json_object();
    if (s->known) {
        json_object_set_new(j, "source", json_pack("[I I]", (json_int_t)s->first,
                                                   (json_int_t)s->last));
        json_object_set_new(j, "rate", json_real(s->rate));
    }
    json_object_set_new(j, "speed", json_real(u->speed));
    if (u->record_known) {
        json_object_set_new(j, "record", json_pack("[s s]", u->record_tc[0], u->record_tc[1]));
        json_object_set_new(j, "record_frames", json_pack("[I I]", (json_int_t)u->record[0],
                                                          (json_int_t)u->record[1]));
    }
    return j;
}

static void add_shot(json_t *shots, json_t *counts, const struct cut_use *a,
                     const struct cut_use *b)
{
    const struct cut_use *u = b ? b : a;
    json_t *names = json_array(), *j = json_pack("{ss so}", "shot", u->shot, "changes", names);
    for (size_t i = 0; i < CUT_CHANGES; i++)
        if (u->changes & 1u << i) {
            json_t *n = json_object_get(counts, change_names[i]);
            json_integer_set(n, json_integer_value(n) + 1);
            json_array_append_new(names, json_string(change_names[i]));
        }
    if (!u->changes) {
        json_t *n = json_object_get(counts, "UNCHANGED");
        json_integer_set(n, json_integer_value(n) + 1);
    }
    if (a)
        json_object_set_new(j, "old", use_json(a));
    if (b)
        json_object_set_new(j, "new", use_json(b));
    if (a && b && !same_media(a, b))
        json_object_set_new(j, "media", json_pack("[s s]", a->media, b->media));
    json_array_append_new(shots, j);
}

int cut_diff(const json_t *before, const json_t *after, const struct cut_diff_options *opt,
             json_t **ret, struct err *e)
{
    AUTO(cut) struct cut a = {0}, b = {0};
    int r = cut_read(before, opt->handles, &a, e);
    if (r < 0 || (r = cut_read(after, opt->handles, &b, e)) < 0)
        return r;
    mark_all(&a, &b, opt->earlier);
    json_t *shots = json_array(), *counts = json_object();
    for (size_t i = 0; i < CUT_CHANGES; i++)
        json_object_set_new(counts, change_names[i], json_integer(0));
    json_object_set_new(counts, "UNCHANGED", json_integer(0));
    for (size_t i = 0; i < b.n; i++)
        add_shot(shots, counts, b.v[i].other, &b.v[i]);
    for (size_t i = 0; i < a.n; i++)
        if (!a.v[i].other)
            add_shot(shots, counts, &a.v[i], NULL);
    *ret = json_pack("{so so}", "shots", shots, "counts", counts);
    return *ret ? 0 : err_set(e, -ENOMEM, "compare two cuts");
}

int cut_shots(const json_t *tree, json_t *set, struct err *e)
{
    AUTO(cut) struct cut c = {0};
    int r = cut_read(tree, 0, &c, e);
    for (size_t i = 0; r == 0 && i < c.n; i++)
        json_object_set_new(set, c.v[i].shot, json_true());
    return r;
}

/* ---- for people ----------------------------------------------------------------------------- */

static void use_text(const json_t *use, struct buf *ret)
{
    const json_t *source = json_object_get(use, "source"), *tc = json_object_get(use, "record");
    double speed = json_number_value(json_object_get(use, "speed"));
    if (source)
        buf_addf(ret, " frames %" JSON_INTEGER_FORMAT "-%" JSON_INTEGER_FORMAT,
                 json_integer_value(json_array_get(source, 0)),
                 json_integer_value(json_array_get(source, 1)));
    if (tc)
        buf_addf(ret, " at %s-%s", json_string_value(json_array_get(tc, 0)),
                 json_string_value(json_array_get(tc, 1)));
    if (fabs(speed - 1) > SPEED_EPSILON)
        buf_addf(ret, " speed %g", speed);
}

static void shot_text(const json_t *shot, struct buf *ret)
{
    const json_t *changes = json_object_get(shot, "changes"), *old = json_object_get(shot, "old"),
                 *new = json_object_get(shot, "new"), *media = json_object_get(shot, "media");
    size_t i;
    json_t *name;
    if (json_array_size(changes) == 0)
        return;
    json_array_foreach(changes, i, name)
        buf_addf(ret, "%s%s", i > 0 ? "," : "", json_string_value(name));
    buf_addf(ret, "  %s ", json_string_value(json_object_get(shot, "shot")));
    if (old)
        use_text(old, ret);
    if (old && new)
        buf_adds(ret, " ->");
    if (new)
        use_text(new, ret);
    if (media)
        buf_addf(ret, " (other media: %s -> %s)", json_string_value(json_array_get(media, 0)),
                 json_string_value(json_array_get(media, 1)));
    buf_addc(ret, '\n');
}

void cut_diff_text(const json_t *diff, struct buf *ret)
{
    size_t i;
    json_t *each;
    const char *name, *comma = "";
    json_array_foreach(json_object_get(diff, "shots"), i, each)
        shot_text(each, ret);
    json_object_foreach(json_object_get(diff, "counts"), name, each) {
        buf_addf(ret, "%s%" JSON_INTEGER_FORMAT " %s", comma, json_integer_value(each), name);
        comma = ", ";
    }
    buf_addc(ret, '\n');
}
