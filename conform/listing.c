/* conform/listing.c - the lake's objects by name and frame pattern, remembered for a file. */
/* SPDX-License-Identifier: MIT */
#include "conform/listing.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <roaring/roaring.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/sequence.h"
#include "policy/fold.h"
#include "policy/index.h"

#define LISTING_ROWS_MAX (2u << 20) /* rows remembered over all stems: 64 MiB */

/* All that was found for one stem. */
struct stem {
    struct listing_groups groups;
    bool is_pattern;
};

struct listing {
    struct index_read *rd;
    struct stem **stems;
    json_t *places; /* folded stem -> its place in `stems`; patterns have a '/' in front */
    size_t n, rows;
};

struct listing *listing_new(struct index_read *rd)
{
    struct listing *l = xcalloc(1, sizeof *l);
    l->rd = rd;
    l->places = json_object();
    return l;
}

static void stem_free(struct stem *st)
{
    for (size_t i = 0; i < st->groups.n; i++) {
        free(st->groups.v[i].text);
        free(st->groups.v[i].rows);
        free(st->groups.v[i].dirs);
    }
    free(st->groups.v);
    free(st);
}

static void forget(struct listing *l)
{
    for (size_t i = 0; i < l->n; i++)
        stem_free(l->stems[i]);
    free(l->stems);
    l->stems = NULL;
    l->n = l->rows = 0;
    json_object_clear(l->places);
}

void listing_free(struct listing *l)
{
    if (!l)
        return;
    forget(l);
    json_decref(l->places);
    free(l);
}

/* Neighbouring nodes mostly share a name; so the search begins at the group that was hit last. */
static struct listing_group *group_of(struct listing_groups *g, const char *text)
{
    for (size_t i = g->n; i > 0; i--)
        if (strcmp(g->v[i - 1].text, text) == 0)
            return &g->v[i - 1];
    g->v = xrealloc(g->v, g->n + 1, sizeof *g->v);
    g->v[g->n] = (struct listing_group){.text = xstrdup(text)};
    return &g->v[g->n++];
}

static int add_row(void *arg, const struct node *nd, struct err *e)
{
    (void)e;
    struct stem *st = arg;
    AUTO(buf) struct buf text = {0};
    struct frame row = {.parent = nd->parent, .node = nd->id};
    if (!nd->live)
        return 0;
    if (!st->is_pattern)
        buf_add(&text, nd->name, nd->name_len);
    else if (!frame_pattern(nd->name, nd->name_len, &text, &row.number, &row.width))
        return 0;
    struct listing_group *g = group_of(&st->groups, buf_str(&text));
    if (g->n == g->cap) {
        g->cap = g->cap ? 2 * g->cap : 8;
        g->rows = xrealloc(g->rows, g->cap, sizeof *g->rows);
    }
    g->rows[g->n++] = row;
    return 0;
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

static void sort_rows(struct listing_group *g)
{
    qsort(g->rows, g->n, sizeof *g->rows, by_place);
    for (size_t i = 0; i < g->n; i++) {
        if (i > 0 && g->rows[i].parent == g->rows[i - 1].parent)
            continue;
        if ((g->n_dirs & (g->n_dirs - 1)) == 0) /* grows at powers of two */
            g->dirs = xrealloc(g->dirs, g->n_dirs ? 2 * g->n_dirs : 1, sizeof *g->dirs);
        g->dirs[g->n_dirs++] = i;
    }
}

static int read_stem(struct listing *l, const char *text, size_t n, struct stem *st, struct err *e)
{
    AUTO(free) node_id *nodes = NULL;
    size_t count = 0;
    int r = st->is_pattern ? index_by_stem_pattern(l->rd, text, n, &nodes, &count, e)
                           : index_by_stem(l->rd, text, n, &nodes, &count, e);
    if (r < 0 || count == 0)
        return r;
    roaring_bitmap_t *set = roaring_bitmap_create();
    roaring_bitmap_add_many(set, count, nodes);
    r = index_nodes(l->rd, set, add_row, st, e);
    roaring_bitmap_free(set);
    for (size_t i = 0; r == 0 && i < st->groups.n; i++) {
        sort_rows(&st->groups.v[i]);
        l->rows += st->groups.v[i].n;
    }
    return r;
}

/* What has the stem of `text`. */
static int find_stem(struct listing *l, const char *text, bool pattern,
                     const struct listing_groups **ret, struct err *e)
{
    static const struct listing_groups none;
    AUTO(buf) struct buf key = {0};
    size_t n = name_stem(text, strlen(text));
    buf_adds(&key, pattern ? "/" : "");
    *ret = &none;
    if (fold_name(text, n, &key) < 0)
        return 0; /* longer than any name */
    json_t *place = json_object_get(l->places, buf_str(&key));
    if (place) {
        *ret = &l->stems[json_integer_value(place)]->groups;
        return 0;
    }
    if (l->rows + l->n > LISTING_ROWS_MAX)
        forget(l);
    struct stem *st = xcalloc(1, sizeof *st);
    st->is_pattern = pattern;
    int r = read_stem(l, text, n, st, e);
    if (r < 0) {
        stem_free(st);
        return r;
    }
    if ((l->n & (l->n - 1)) == 0) /* grows at powers of two */
        l->stems = xrealloc(l->stems, l->n ? 2 * l->n : 1, sizeof(struct stem *));
    json_object_set_new_nocheck(l->places, buf_str(&key), json_integer((json_int_t)l->n));
    l->stems[l->n++] = st;
    *ret = &st->groups;
    return 0;
}

int listing_names(struct listing *l, const char *name, const struct listing_groups **ret,
                  struct err *e)
{
    return find_stem(l, name, /* pattern= */ false, ret, e);
}

int listing_patterns(struct listing *l, const char *pattern, const struct listing_groups **ret,
                     struct err *e)
{
    return find_stem(l, pattern, /* pattern= */ true, ret, e);
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

/* Of a name with more digits those that are the frame's: the run without what the prefix ends and
 * the suffix begins with ("take2" and frame 0001 is one run "20001"). */
static bool row_number(const struct sequence *s, const struct frame *row, struct frame *ret)
{
    char run[32];
    size_t lead = 0, tail = strspn(s->suffix, "0123456789"), len = strlen(s->prefix);
    while (lead < len && s->prefix[len - 1 - lead] >= '0' && s->prefix[len - 1 - lead] <= '9')
        lead++;
    *ret = (struct frame){row->parent, row->node, row->number, row->width};
    int n = snprintf(run, sizeof run, "%0*lld", row->width, (long long)row->number);
    if (n < 0 || (size_t)n >= sizeof run || (size_t)n < lead + tail)
        return false;
    ret->width = (int)((size_t)n - lead - tail);
    return memcmp(run, s->prefix + len - lead, lead) == 0 &&
           memcmp(run + (size_t)n - tail, s->suffix, tail) == 0 &&
           sequence_number(s, run + lead, (size_t)ret->width, &ret->number);
}

static size_t dir_end(const struct listing_group *g, size_t i)
{
    return i + 1 < g->n_dirs ? g->dirs[i + 1] : g->n;
}

/* Of one directory's rows the first from `number` on. */
static size_t first_row(const struct listing_group *g, size_t from, size_t to, int64_t number)
{
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (g->rows[mid].number < number)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

/* The place of a directory in g->dirs; g->n_dirs where it is not there. */
static size_t find_dir(const struct listing_group *g, node_id dir)
{
    size_t lo = 0, hi = g->n_dirs;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (g->rows[g->dirs[mid]].parent < dir)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < g->n_dirs && g->rows[g->dirs[lo]].parent == dir ? lo : g->n_dirs;
}

/* True where the digits of a name are more than the frame's number. */
static bool has_digits_around(const struct sequence *s)
{
    size_t len = strlen(s->prefix);
    return (len > 0 && isdigit((unsigned char)s->prefix[len - 1])) ||
           isdigit((unsigned char)*s->suffix);
}

struct wanted {
    const struct sequence *s;
    const struct listing_where *where;
    const int64_t *want;
    size_t n_want;
    bool negative;
    bool plain; /* the digits of a name are the frame's number */
    bool all;   /* every row is looked at, not only the numbers that are wanted */
    bool run;   /* every number from the first to the last is wanted */
};

/* Adds the wanted ones of the rows of one directory. */
static void add_rows(const struct listing_group *g, size_t from, size_t to, const struct wanted *w,
                     struct frames *ret, size_t *cap)
{
    for (size_t i = w->all ? from : first_row(g, from, to, w->want[0]); i < to; i++) {
        struct frame frame = g->rows[i];
        if (!w->all && frame.number > w->want[w->n_want - 1])
            break;
        if (w->plain ? !sequence_width(w->s, frame.number, frame.width)
                     : !row_number(w->s, &g->rows[i], &frame))
            continue;
        if (w->negative && frame.number == 0)
            continue;
        frame.number = w->negative ? -frame.number : frame.number;
        if (w->run || is_wanted(w->s, w->want, w->n_want, frame.number))
            add_frame(ret, cap, frame);
    }
}

/* Settles what holds for all rows. */
static void prepare(struct wanted *w)
{
    w->plain = !has_digits_around(w->s);
    w->all = w->negative || !w->s->known || w->n_want == 0 || !w->plain;
    w->run = !w->all && w->want[w->n_want - 1] - w->want[0] == (int64_t)w->n_want - 1;
}

/* The group of one pattern, or NULL. */
static int find_group(struct listing *l, const char *pattern, const struct listing_group **ret,
                      struct err *e)
{
    const struct listing_groups *groups;
    *ret = NULL;
    int r = listing_patterns(l, pattern, &groups, e);
    for (size_t i = 0; r == 0 && i < groups->n; i++)
        if (strcmp(groups->v[i].text, pattern) == 0)
            *ret = &groups->v[i];
    return r;
}

static bool is_where(const struct listing_where *where, node_id dir)
{
    if (where->dir != NODE_NONE)
        return where->dir == dir;
    return !where->fits || where->fits(where->arg, dir);
}

static int frames_by_pattern(struct listing *l, const struct wanted *w, const char *text,
                             struct frames *ret, struct err *e)
{
    const struct listing_group *g;
    size_t cap = ret->n;
    int r = find_group(l, text, &g, e);
    if (!g)
        return r;
    bool any = w->where->dir == NODE_NONE;
    size_t from = any ? 0 : find_dir(g, w->where->dir);
    size_t to = any || from == g->n_dirs ? g->n_dirs : from + 1;
    for (size_t i = from; i < to; i++)
        if (is_where(w->where, g->rows[g->dirs[i]].parent))
            add_rows(g, g->dirs[i], dir_end(g, i), w, ret, &cap);
    return 0;
}

int listing_extent(struct listing *l, const char *pattern, node_id dir, int64_t *ret_low,
                   int64_t *ret_high, struct err *e)
{
    const struct listing_group *g;
    *ret_low = *ret_high = 0;
    int r = find_group(l, pattern, &g, e);
    size_t i = g ? find_dir(g, dir) : 0;
    if (!g || i == g->n_dirs)
        return r;
    *ret_low = g->rows[g->dirs[i]].number;
    *ret_high = g->rows[dir_end(g, i) - 1].number;
    return 0;
}

/* The slow way, name by name, for names whose frame number the index does not see. */
static int frames_by_name(struct listing *l, const struct wanted *w, struct frames *ret,
                          struct err *e)
{
    const struct sequence *s = w->s;
    struct buf name __attribute__((cleanup(auto_buf))) = {0};
    size_t cap = ret->n;
    for (size_t i = 0; i < w->n_want; i++) {
        AUTO(free) node_id *nodes = NULL;
        size_t n = 0;
        buf_clear(&name);
        sequence_name(s, w->want[i], &name);
        int width = (int)(name.len - strlen(s->prefix) - strlen(s->suffix)) - (w->want[i] < 0);
        int r = index_by_name(l->rd, name.p, name.len, &nodes, &n, e);
        for (size_t k = 0; r == 0 && k < n; k++) {
            struct node nd;
            r = index_node(l->rd, nodes[k], &nd, e);
            if (r == 0 && is_where(w->where, nd.parent))
                add_frame(ret, &cap, (struct frame){nd.parent, nodes[k], w->want[i], width});
        }
        if (r < 0)
            return r;
    }
    return 0;
}

static bool is_sorted(const struct frames *f)
{
    for (size_t i = 1; i < f->n; i++)
        if (by_place(&f->v[i - 1], &f->v[i]) > 0)
            return false;
    return true;
}

int listing_frames(struct listing *l, const struct sequence *s, const struct listing_where *where,
                   const int64_t *want, size_t n_want, struct frames *ret, struct err *e)
{
    struct wanted w = {.s = s, .where = where, .want = want, .n_want = n_want};
    *ret = (struct frames){0};
    int r = 0;
    for (int negative = 0; r == 0 && negative <= 1; negative++) {
        AUTO(buf) struct buf text = {0};
        if (negative && (n_want == 0 || want[0] >= 0))
            break;
        w.negative = negative;
        prepare(&w);
        if (shared_pattern(s, negative, &text)) {
            r = frames_by_pattern(l, &w, buf_str(&text), ret, e);
        } else {
            r = frames_by_name(l, &w, ret, e);
            break;
        }
    }
    if (r < 0) {
        free(ret->v);
        *ret = (struct frames){0};
    } else if (!is_sorted(ret)) {
        qsort(ret->v, ret->n, sizeof *ret->v, by_place);
    }
    return r;
}

/* The parts of the names of `s` that its pattern does not show: digits that its prefix ends with
 * and its suffix begins with. */
static struct sequence *with_names(const struct sequence *s, const char *pattern)
{
    const char *hash = strchr(pattern, '#');
    struct sequence *v = sequence_copy(s);
    size_t lead = strlen(s->prefix), tail = strspn(s->suffix, "0123456789");
    while (lead > 0 && isdigit((unsigned char)s->prefix[lead - 1]))
        lead--;
    free(v->prefix);
    free(v->suffix);
    v->prefix = xasprintf("%.*s%s", (int)(hash - pattern), pattern, s->prefix + lead);
    v->suffix = xasprintf("%.*s%s", (int)tail, s->suffix, hash + 1);
    return v;
}

static bool same_folded(const char *a, const char *b)
{
    AUTO(buf) struct buf x = {0};
    AUTO(buf) struct buf y = {0};
    return fold_name(a, strlen(a), &x) == 0 && fold_name(b, strlen(b), &y) == 0 &&
           strcmp(buf_str(&x), buf_str(&y)) == 0;
}

int listing_variants(struct listing *l, const struct sequence *s, struct listing_variant **ret,
                     size_t *ret_n, struct err *e)
{
    AUTO(buf) struct buf text = {0};
    const struct listing_groups *groups;
    *ret = NULL;
    *ret_n = 0;
    if (!shared_pattern(s, /* negative= */ false, &text) ||
        strchr(strchr(buf_str(&text), '#') + 1, '#'))
        return 0;
    int r = listing_patterns(l, buf_str(&text), &groups, e);
    if (r < 0)
        return r;
    *ret = groups->n ? xcalloc(groups->n, sizeof **ret) : NULL;
    for (size_t i = 0; i < groups->n; i++) {
        const char *other = groups->v[i].text;
        const char *hash = strchr(other, '#');
        if (strcmp(other, buf_str(&text)) == 0 || strchr(hash + 1, '#'))
            continue;
        (*ret)[(*ret_n)++] = (struct listing_variant){
            .sequence = with_names(s, other),
            .like = same_folded(other, buf_str(&text)) ? LISTING_FOLDED : LISTING_STEM,
        };
    }
    return 0;
}

void listing_variants_free(struct listing_variant *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sequence_free(v[i].sequence);
    free(v);
}
