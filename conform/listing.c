/* conform/listing.c - the frames of the lake that share a name pattern, remembered for a file. */
/* SPDX-License-Identifier: MIT */
#include "conform/listing.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <roaring/roaring.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/sequence.h"
#include "policy/index.h"

#define LISTING_ROWS_MAX (2u << 20) /* rows remembered over all patterns: 48 MiB */

/* A name is its pattern with the '#' replaced by `number` in `width` digits. */
struct row {
    node_id parent, node;
    int64_t number;
    int width;
};

struct pattern {
    char *text;
    struct row *rows;
    size_t n, cap;
};

struct listing {
    struct index_read *rd;
    struct pattern *patterns;
    size_t n, rows;
};

struct listing *listing_new(struct index_read *rd)
{
    struct listing *l = xcalloc(1, sizeof *l);
    l->rd = rd;
    return l;
}

static void forget(struct listing *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->patterns[i].text);
        free(l->patterns[i].rows);
    }
    free(l->patterns);
    l->patterns = NULL;
    l->n = l->rows = 0;
}

void listing_free(struct listing *l)
{
    if (l)
        forget(l);
    free(l);
}

static int add_row(void *arg, const struct node *nd, struct err *e)
{
    (void)e;
    struct pattern *p = arg;
    struct buf ignored __attribute__((cleanup(auto_buf))) = {0};
    struct row row = {.parent = nd->parent, .node = nd->id};
    if (!nd->live || !frame_pattern(nd->name, nd->name_len, &ignored, &row.number, &row.width))
        return 0;
    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 256;
        p->rows = xrealloc(p->rows, p->cap, sizeof *p->rows);
    }
    p->rows[p->n++] = row;
    return 0;
}

static int find_pattern(struct listing *l, const char *text, const struct pattern **ret,
                        struct err *e)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->patterns[i].text, text) == 0) {
            *ret = &l->patterns[i];
            return 0;
        }
    if (l->rows > LISTING_ROWS_MAX)
        forget(l);

    AUTO(free) node_id *nodes = NULL;
    size_t n = 0;
    int r = index_by_pattern(l->rd, text, strlen(text), &nodes, &n, e);
    if (r < 0)
        return r;
    struct pattern p = {0};
    if (n > 0) {
        roaring_bitmap_t *set = roaring_bitmap_create();
        roaring_bitmap_add_many(set, n, nodes);
        r = index_nodes(l->rd, set, add_row, &p, e);
        roaring_bitmap_free(set);
    }
    if (r < 0) {
        free(p.rows);
        return r;
    }
    p.text = xstrdup(text);
    l->patterns = xrealloc(l->patterns, l->n + 1, sizeof *l->patterns);
    l->patterns[l->n] = p;
    l->rows += p.n;
    *ret = &l->patterns[l->n++];
    return 0;
}

static void add_frame(struct frames *f, size_t *cap, struct frame frame)
{
    if (f->n == *cap) {
        *cap = *cap ? 2 * *cap : 64;
        f->v = xrealloc(f->v, *cap, sizeof *f->v);
    }
    f->v[f->n++] = frame;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool is_wanted(const struct sequence *s, const int64_t *want, size_t n_want, int64_t number)
{
    return !s->known || bsearch(&number, want, n_want, sizeof *want, by_number);
}

static int by_place(const void *a, const void *b)
{
    const struct frame *x = a, *y = b;
    if (x->parent != y->parent)
        return x->parent < y->parent ? -1 : 1;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return (x->node > y->node) - (x->node < y->node);
}

/* The pattern that the names of all frames share, or false: the index counts another number in
 * them ("plate.1001.v2.exr"). Two numbers tell. */
static bool shared_pattern(const struct sequence *s, bool negative, struct buf *ret)
{
    struct buf one __attribute__((cleanup(auto_buf))) = {0};
    struct buf two __attribute__((cleanup(auto_buf))) = {0};
    struct buf other __attribute__((cleanup(auto_buf))) = {0};
    sequence_name(s, negative ? -1 : 1, &one);
    sequence_name(s, negative ? -2 : 2, &two);
    return frame_pattern(one.p, one.len, ret, NULL, NULL) &&
           frame_pattern(two.p, two.len, &other, NULL, NULL) &&
           strcmp(buf_str(ret), buf_str(&other)) == 0;
}

/* The digits of the name that are the frame's: the run without what the prefix ends and the suffix
 * begins with ("take2" and frame 0001 is one run "20001"). */
static bool row_number(const struct sequence *s, const struct row *row, struct frame *ret)
{
    char run[32];
    size_t lead = 0, tail = strspn(s->suffix, "0123456789"), len = strlen(s->prefix);
    while (lead < len && s->prefix[len - 1 - lead] >= '0' && s->prefix[len - 1 - lead] <= '9')
        lead++;
    *ret = (struct frame){row->parent, row->node, row->number, row->width};
    if (lead == 0 && tail == 0) /* nearly always */
        return sequence_width(s, row->number, row->width);
    int n = snprintf(run, sizeof run, "%0*lld", row->width, (long long)row->number);
    if (n < 0 || (size_t)n >= sizeof run || (size_t)n < lead + tail)
        return false;
    ret->width = (int)((size_t)n - lead - tail);
    return memcmp(run, s->prefix + len - lead, lead) == 0 &&
           memcmp(run + (size_t)n - tail, s->suffix, tail) == 0 &&
           sequence_number(s, run + lead, (size_t)ret->width, &ret->number);
}

static int frames_by_pattern(struct listing *l, const struct sequence *s, const int64_t *want,
                             size_t n_want, bool negative, const char *text, struct frames *ret,
                             struct err *e)
{
    const struct pattern *p = NULL;
    size_t cap = ret->n;
    int r = find_pattern(l, text, &p, e);
    for (size_t i = 0; r == 0 && i < p->n; i++) {
        struct frame frame;
        if (!row_number(s, &p->rows[i], &frame) || (negative && frame.number == 0))
            continue;
        frame.number = negative ? -frame.number : frame.number;
        if (is_wanted(s, want, n_want, frame.number))
            add_frame(ret, &cap, frame);
    }
    return r;
}

/* The slow way, name by name, for names whose frame number the index does not see. */
static int frames_by_name(struct listing *l, const struct sequence *s, const int64_t *want,
                          size_t n_want, struct frames *ret, struct err *e)
{
    struct buf name __attribute__((cleanup(auto_buf))) = {0};
    size_t cap = ret->n;
    for (size_t i = 0; i < n_want; i++) {
        AUTO(free) node_id *nodes = NULL;
        size_t n = 0;
        buf_clear(&name);
        sequence_name(s, want[i], &name);
        int width = (int)(name.len - strlen(s->prefix) - strlen(s->suffix)) - (want[i] < 0);
        int r = index_by_name(l->rd, name.p, name.len, &nodes, &n, e);
        for (size_t k = 0; r == 0 && k < n; k++) {
            struct node nd;
            r = index_node(l->rd, nodes[k], &nd, e);
            if (r == 0)
                add_frame(ret, &cap, (struct frame){nd.parent, nodes[k], want[i], width});
        }
        if (r < 0)
            return r;
    }
    return 0;
}

int listing_frames(struct listing *l, const struct sequence *s, const int64_t *want, size_t n_want,
                   struct frames *ret, struct err *e)
{
    *ret = (struct frames){0};
    int r = 0;
    for (int negative = 0; r == 0 && negative <= 1; negative++) {
        struct buf text __attribute__((cleanup(auto_buf))) = {0};
        if (negative && (n_want == 0 || want[0] >= 0))
            break;
        if (shared_pattern(s, negative, &text)) {
            r = frames_by_pattern(l, s, want, n_want, negative, buf_str(&text), ret, e);
        } else {
            r = frames_by_name(l, s, want, n_want, ret, e);
            break;
        }
    }
    if (r < 0) {
        free(ret->v);
        *ret = (struct frames){0};
    } else if (ret->n > 1) {
        qsort(ret->v, ret->n, sizeof *ret->v, by_place);
    }
    return r;
}
