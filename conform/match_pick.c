/* conform/match_pick.c - decides over the candidates of a rule, and keeps the evidence. */
/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/match_impl.h"

#define COPIES_MAX 64 /* candidates that are compared byte for byte by their ETags */

/* Candidates that are still in the running. */
struct choice {
    struct query *q;
    struct find **v;
    size_t n;
    const char *note; /* static; NULL: nothing to say */
};

/* ---- evidence ----------------------------------------------------------------------------- */

/* Adds a candidate once; later rules see some of them again. */
static void note_candidate(struct conform_item *it, const struct find *f)
{
    for (size_t i = 0; i < it->n_candidates; i++)
        if (it->candidates[i].node == f->node) {
            it->candidates[i].rejected = f->rejected;
            return;
        }
    if (it->n_candidates == CONFORM_CANDIDATES_KEPT)
        return;
    it->candidates = xrealloc(it->candidates, it->n_candidates + 1, sizeof *it->candidates);
    struct conform_candidate *c = &it->candidates[it->n_candidates++];
    *c = (struct conform_candidate){.node = f->node, .rejected = f->rejected};
    c->is_sequence = f->sequence != NULL;
    c->covered = f->sequence ? f->n_frames : 1;
    c->total = !f->sequence ? 1 : f->sequence->known ? f->n_want : f->n_frames;
}

static void keep_evidence(struct conform_item *it, struct finds *f, const struct choice *c)
{
    for (size_t i = 0; i < c->n; i++)
        note_candidate(it, c->v[i]);
    for (size_t i = 0; i < f->n; i++)
        if (f->v[i].rejected)
            note_candidate(it, &f->v[i]);
}

/* ---- narrowing ---------------------------------------------------------------------------- */

typedef bool keep_fn(const struct choice *c, const struct find *f, const void *arg);

/* Keeps those that `keep` wants, if it wants any. True: it told some of them apart. */
static bool narrow(struct choice *c, keep_fn *keep, const void *arg, const char *why)
{
    AUTO(free) bool *wanted = xcalloc(c->n + 1, sizeof *wanted);
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        n += wanted[i] = keep(c, c->v[i], arg);
    if (n == 0 || n == c->n)
        return false;
    n = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (wanted[i])
            c->v[n++] = c->v[i];
        else
            c->v[i]->rejected = why;
    }
    c->n = n;
    return true;
}

static bool has_score(const struct choice *c, const struct find *f, const void *arg)
{
    (void)c;
    return f->score == *(const int *)arg;
}

static bool has_same_path(const struct choice *c, const struct find *f, const void *arg)
{
    (void)c;
    (void)arg;
    return f->same_path;
}

static bool is_complete(const struct choice *c, const struct find *f, const void *arg)
{
    (void)c;
    (void)arg;
    return !f->sequence || !f->sequence->known || f->n_frames >= f->n_want;
}

/* The key of a candidate; of frames that of the first. "" where the index cannot tell. */
static char *key_of(const struct choice *c, const struct find *f)
{
    AUTO(buf) struct buf key = {0};
    struct err ignored;
    if (index_key(c->q->m->rd, f->node, &key, &ignored) < 0)
        buf_clear(&key);
    return buf_take(&key);
}

static bool has_prefix(const struct choice *c, const struct find *f, const void *arg)
{
    const char *prefix = arg;
    AUTO(free) char *key = key_of(c, f);
    return strncmp(key, prefix, strlen(prefix)) == 0;
}

static void narrow_to_prefix(struct choice *c)
{
    const struct match_options *opt = &c->q->m->opt;
    for (size_t i = 0; i < opt->n_prefer && c->n > 1; i++)
        if (narrow(c, has_prefix, opt->prefer[i], "another is under a preferred prefix")) {
            c->note = "taken by a preferred prefix";
            return;
        }
}

/* ---- versions ----------------------------------------------------------------------------- */

#define VERSION_DIGITS 18

/* Splits "show/a_v003/a_v003.mov" into "show/a_v#/a_v#.mov" and its numbers, each with
 * VERSION_DIGITS digits, so that texts compare like numbers. A version follows '_', '.' or '/',
 * and no letter or digit follows it. */
static void split_version(const char *key, struct buf *base, struct buf *numbers)
{
    for (const char *p = key; *p; p++) {
        size_t n = strspn(p + 1, "0123456789");
        bool starts = p > key && strchr("_./", p[-1]);
        const char *end = p + 1 + n;
        bool ends = !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", *end) || !*end;
        if ((*p != 'v' && *p != 'V') || !starts || n == 0 || n > VERSION_DIGITS || !ends) {
            buf_addc(base, *p);
            continue;
        }
        buf_adds(base, "v#");
        buf_addf(numbers, "%0*lld ", VERSION_DIGITS, strtoll(p + 1, NULL, 10));
        p = end - 1;
    }
}

static void split_find(const struct choice *c, const struct find *f, struct buf *base,
                       struct buf *numbers)
{
    AUTO(free) char *key = key_of(c, f);
    char *slash = strrchr(key, '/');
    if (f->sequence) { /* the candidates need not begin at one frame */
        *(slash ? slash + 1 : key) = '\0';
        char *place = xasprintf("%s%s#%s", key, f->sequence->prefix, f->sequence->suffix);
        free(key);
        key = place;
    }
    split_version(key, base, numbers);
}

static bool has_version(const struct choice *c, const struct find *f, const void *arg)
{
    AUTO(buf) struct buf base = {0};
    AUTO(buf) struct buf numbers = {0};
    split_find(c, f, &base, &numbers);
    return strcmp(buf_str(&numbers), arg) == 0;
}

static void narrow_to_newest(struct choice *c)
{
    AUTO(buf) struct buf newest = {0};
    AUTO(free) char *base = NULL;
    for (size_t i = 0; i < c->n; i++) {
        AUTO(buf) struct buf mine = {0};
        AUTO(buf) struct buf numbers = {0};
        split_find(c, c->v[i], &mine, &numbers);
        if (numbers.len == 0 || (base && strcmp(base, buf_str(&mine)) != 0))
            return; /* not siblings: what is newest says nothing */
        if (!base)
            base = xstrdup(buf_str(&mine));
        if (strcmp(buf_str(&numbers), buf_str(&newest)) > 0) {
            buf_clear(&newest);
            buf_adds(&newest, buf_str(&numbers));
        }
    }
    if (narrow(c, has_version, buf_str(&newest), "there is a newer version"))
        c->note = "the newest version";
}

/* ---- copies ------------------------------------------------------------------------------- */

static bool same_bytes(struct query *q, node_id a, node_id b)
{
    struct node x, y;
    struct err ignored;
    return index_node(q->m->rd, a, &x, &ignored) == 0 &&
           index_node(q->m->rd, b, &y, &ignored) == 0 && x.size == y.size && *x.etag &&
           strcmp(x.etag, y.etag) == 0;
}

static bool are_copies(struct query *q, const struct find *a, const struct find *b)
{
    if (!a->sequence != !b->sequence || a->n_frames != b->n_frames)
        return false;
    if (!a->sequence)
        return same_bytes(q, a->node, b->node);
    for (size_t i = 0; i < a->n_frames; i++)
        if (a->frames[i].number != b->frames[i].number ||
            !same_bytes(q, a->frames[i].node, b->frames[i].node))
            return false;
    return true;
}

static bool is_find(const struct choice *c, const struct find *f, const void *arg)
{
    (void)c;
    return f == arg;
}

/* The shortest key stands for all copies; of one length the bytewise lowest. */
static void narrow_to_copy(struct choice *c)
{
    const struct find *best = c->v[0];
    AUTO(free) char *best_key = key_of(c, best);
    if (c->n > COPIES_MAX)
        return;
    for (size_t i = 1; i < c->n; i++) {
        if (!are_copies(c->q, c->v[0], c->v[i]))
            return;
        char *key = key_of(c, c->v[i]);
        size_t n = strlen(key), least = strlen(best_key);
        if (n < least || (n == least && strcmp(key, best_key) < 0)) {
            free(best_key);
            best_key = TAKE(key);
            best = c->v[i];
        }
        free(key);
    }
    if (narrow(c, is_find, best, "an identical copy has a shorter key"))
        c->note = "identical copies: the shortest key stands for them";
}

/* ---- the result --------------------------------------------------------------------------- */

static int by_node(const void *a, const void *b)
{
    node_id x = *(const node_id *)a, y = *(const node_id *)b;
    return (x > y) - (x < y);
}

/* The wanted numbers that are not there. Both lists rise. */
static void set_missing_frames(struct conform_item *it, const struct find *f, const int64_t *have)
{
    for (size_t i = 0, k = 0; i < f->n_want; i++) {
        while (k < f->n_frames && have[k] < f->want[i])
            k++;
        if (k < f->n_frames && have[k] == f->want[i])
            continue;
        if (!it->missing_frames)
            it->missing_frames = xcalloc(CONFORM_FRAMES_KEPT, sizeof *it->missing_frames);
        if (it->n_missing_frames < CONFORM_FRAMES_KEPT)
            it->missing_frames[it->n_missing_frames] = f->want[i];
        it->n_missing_frames++;
    }
}

/* The padding that makes the names of all frames, or SEQUENCE_PAD_ANY where there is none. */
static int common_pad(const struct find *f)
{
    int pad = f->sequence->pad;
    if (pad != SEQUENCE_PAD_ANY)
        return pad;
    pad = f->frames[0].width;
    for (size_t i = 1; i < f->n_frames; i++)
        pad = f->frames[i].width < pad ? f->frames[i].width : pad;
    struct sequence s = {.pad = pad};
    for (size_t i = 0; i < f->n_frames; i++)
        if (!sequence_width(&s, f->frames[i].number, f->frames[i].width))
            return SEQUENCE_PAD_ANY;
    return pad;
}

/* Frames that have the number of the one before them. */
static size_t count_twins(const struct find *f)
{
    size_t n = 0;
    for (size_t i = 1; i < f->n_frames; i++)
        n += f->frames[i].number == f->frames[i - 1].number;
    return n;
}

/* Of one folder, but nobody can say which frames are meant. */
static bool set_twins(struct conform_item *it, const struct find *f)
{
    size_t twins = count_twins(f);
    if (twins == 0 && common_pad(f) != SEQUENCE_PAD_ANY)
        return false;
    it->status = CONFORM_AMBIGUOUS;
    for (size_t i = 0; i < f->n_frames; i++) {
        struct find one = {.node = f->frames[i].node};
        if (i == 0 || f->frames[i].number == f->frames[i - 1].number)
            note_candidate(it, &one);
    }
    it->reason = twins ? xasprintf("%zu objects have the number of one frame", twins + 1)
                       : xasprintf("%zu frames of one folder are numbered in different widths",
                                   f->n_frames);
    return true;
}

/* No number is there twice, and one padding makes all names. */
static void set_frames(struct conform_item *it, const struct find *f)
{
    AUTO(free) int64_t *have = xcalloc(f->n_frames, sizeof *have);
    AUTO(buf) struct buf text = {0};
    it->nodes = xcalloc(f->n_frames, sizeof *it->nodes);
    it->n_nodes = f->n_frames;
    it->first = f->frames[0].node;
    for (size_t i = 0; i < f->n_frames; i++) {
        it->nodes[i] = f->frames[i].node;
        have[i] = f->frames[i].number;
    }
    qsort(it->nodes, it->n_nodes, sizeof *it->nodes, by_node);
    it->sequence = sequence_copy(f->sequence);
    it->sequence->pad = common_pad(f);
    it->sequence->start = f->sequence->known ? f->sequence->start : have[0];
    sequence_runs(have, f->n_frames, it->sequence->pad, SEQUENCE_FRAMES_MAX, &text);
    it->frames = buf_take(&text);
    set_missing_frames(it, f, have);
    if (it->n_missing_frames > 0) {
        it->status = CONFORM_PARTLY;
        it->reason =
            xasprintf("%zu of %zu frames are not in the lake", it->n_missing_frames, f->n_want);
    }
}

static void set_found(struct conform_item *it, const struct find *f)
{
    it->status = CONFORM_FOUND;
    it->score = f->score;
    if (f->has_use) {
        it->has_use = true;
        it->part = f->sequence != NULL;
        it->use_first = f->use_first;
        it->use_last = f->use_last;
        it->warnings = f->warnings;
    }
    if (f->sequence) {
        set_frames(it, f);
        return;
    }
    it->nodes = xcalloc(1, sizeof *it->nodes);
    it->nodes[0] = it->first = f->node;
    it->n_nodes = 1;
}

static bool is_of_stage(const struct find *f, enum match_stage stage)
{
    switch (stage) {
    case MATCH_ALL:
        return true;
    case MATCH_PATH:
        return f->score >= 2;
    case MATCH_NAME:
        return f->same_name;
    case MATCH_FOLDED:
        return !f->same_name;
    }
    return false;
}

static void start(struct choice *c, struct finds *f, const struct match_rule *rule)
{
    c->v = xcalloc(f->n + 1, sizeof(struct find *));
    for (size_t i = 0; i < f->n; i++) {
        struct find *one = &f->v[i];
        const char *why = NULL;
        if (one->rejected || !is_of_stage(one, rule->stage))
            continue;
        if (!rule->is_certain && !match_covers(c->q, one, &why))
            one->rejected = why;
        else
            c->v[c->n++] = one;
    }
}

static void narrow_all(struct choice *c)
{
    int top = 0;
    for (size_t i = 0; i < c->n; i++)
        top = c->v[i]->score > top ? c->v[i]->score : top;
    narrow(c, has_score, &top, "another is nearer to what the edit says");
    narrow(c, has_same_path, NULL, "another has the very spelling");
    narrow(c, is_complete, NULL, "another has all frames");
    if (c->n > 1)
        narrow_to_prefix(c);
    if (c->n > 1 && c->q->m->opt.newest_version)
        narrow_to_newest(c);
    if (c->n > 1)
        narrow_to_copy(c);
}

int match_pick(struct query *q, struct finds *f, const struct match_rule *rule, struct err *e)
{
    (void)e;
    struct conform_item *it = q->it;
    struct choice c = {.q = q};
    if (f->n == 0)
        return 0;
    start(&c, f, rule);
    if (c.n > 0)
        narrow_all(&c);
    bool twins = c.n == 1 && c.v[0]->sequence && set_twins(it, c.v[0]);
    if (!twins)
        keep_evidence(it, f, &c);
    size_t left = c.n;
    if (left > 0)
        it->rule = rule->name;
    if (left > 1) {
        it->status = CONFORM_AMBIGUOUS;
        it->reason = xasprintf("%zu %s", left, rule->what);
    } else if (left == 1 && !twins) {
        const char *note = c.note ? c.note : c.v[0]->same_path ? NULL : rule->note;
        it->note = note ? xstrdup(note) : NULL;
        set_found(it, c.v[0]);
    }
    free(c.v);
    return left > 0;
}
