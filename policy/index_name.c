/* policy/index_name.c - objects by name: exact, folded, by stem, by frame pattern. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/fold.h"
#include "policy/index_impl.h"

/* Two tables serve six questions: one keyed by the folded stem of a name, one by the folded stem
 * of its frame pattern. What else must hold is asked of each name that the key finds. */
enum ask {
    ASK_NAME,
    ASK_FOLDED_NAME,
    ASK_STEM,
    ASK_PATTERN,
    ASK_FOLDED_PATTERN,
    ASK_STEM_PATTERN,
};

struct query {
    enum ask ask;
    const char *text;
    size_t n;
    struct buf folded;           /* of the text, for ASK_FOLDED_* */
    struct buf pattern, scratch; /* of the name in hand */
    struct node_list found;
};

size_t name_stem(const char *name, size_t n)
{
    for (size_t i = n; i > 1; i--)
        if (name[i - 1] == '.')
            return i - 1;
    return n;
}

void node_list_add(struct node_list *l, node_id id)
{
    if (l->n == l->cap)
        l->id = xrealloc(l->id, l->cap = l->cap ? 2 * l->cap : 16, sizeof *l->id);
    l->id[l->n++] = id;
}

static bool same(const char *s, size_t n, const char *want, size_t want_n)
{
    return n == want_n && memcmp(s, want, n) == 0;
}

static bool is_wanted(struct query *q, const char *name, size_t n)
{
    if (q->ask == ASK_STEM || q->ask == ASK_STEM_PATTERN)
        return true;
    if (q->ask == ASK_PATTERN || q->ask == ASK_FOLDED_PATTERN) {
        buf_clear(&q->pattern);
        if (!frame_pattern(name, n, &q->pattern, NULL, NULL))
            return false;
        name = q->pattern.p;
        n = q->pattern.len;
    }
    if (q->ask == ASK_NAME || q->ask == ASK_PATTERN)
        return same(name, n, q->text, q->n);
    buf_clear(&q->scratch);
    fold_name(name, n, &q->scratch);
    return same(buf_str(&q->scratch), q->scratch.len, buf_str(&q->folded), q->folded.len);
}

static int walk(struct index_read *rd, enum index_table t, const struct buf *key, struct query *q,
                struct err *e)
{
    AUTO(cursor) MDB_cursor *cur = NULL;
    int r = index_err(e, mdb_cursor_open(rd->txn, rd->ix->table[t], &cur), "names");
    if (r < 0)
        return r;
    MDB_val k = {key->len, key->p}, v;
    r = mdb_cursor_get(cur, &k, &v, MDB_SET);
    for (; r == 0; r = mdb_cursor_get(cur, &k, &v, MDB_NEXT_DUP)) {
        node_id id;
        struct attr a;
        const char *name;
        memcpy(&id, v.mv_data, sizeof id);
        int ra = attr_get(rd->ix, rd->txn, id, &a, &name, NULL, e);
        if (ra < 0)
            return ra;
        if (attr_is_live(&a) && read_has(rd, id) && is_wanted(q, name, a.name_len))
            node_list_add(&q->found, id);
    }
    return r == MDB_NOTFOUND ? 0 : index_err(e, r, "names");
}

static int find(struct index_read *rd, enum ask ask, const char *text, size_t n, node_id **ret,
                size_t *ret_n, struct err *e)
{
    struct query q = {.ask = ask, .text = text, .n = n};
    AUTO(buf) struct buf key = {0};
    bool stem = ask == ASK_STEM || ask == ASK_STEM_PATTERN;
    enum index_table t = ask >= ASK_PATTERN ? TABLE_PATTERN : TABLE_STEM;
    *ret = NULL;
    *ret_n = 0;
    if (n == 0 || n > FOLD_MAX_BYTES || fold_key(text, stem ? n : name_stem(text, n), &key) < 0)
        return 0; /* longer than any name */
    if (ask == ASK_FOLDED_NAME || ask == ASK_FOLDED_PATTERN)
        fold_name(text, n, &q.folded);
    int r = walk(rd, t, &key, &q, e);
    buf_done(&q.folded);
    buf_done(&q.pattern);
    buf_done(&q.scratch);
    if (r == 0) {
        *ret = TAKE(q.found.id);
        *ret_n = q.found.n;
    }
    free(q.found.id);
    return r;
}

int index_by_name(struct index_read *rd, const char *name, size_t n, node_id **ret, size_t *ret_n,
                  struct err *e)
{
    return find(rd, ASK_NAME, name, n, ret, ret_n, e);
}

int index_by_folded_name(struct index_read *rd, const char *name, size_t n, node_id **ret,
                         size_t *ret_n, struct err *e)
{
    return find(rd, ASK_FOLDED_NAME, name, n, ret, ret_n, e);
}

int index_by_stem(struct index_read *rd, const char *stem, size_t n, node_id **ret, size_t *ret_n,
                  struct err *e)
{
    return find(rd, ASK_STEM, stem, n, ret, ret_n, e);
}

int index_by_pattern(struct index_read *rd, const char *pattern, size_t n, node_id **ret,
                     size_t *ret_n, struct err *e)
{
    return find(rd, ASK_PATTERN, pattern, n, ret, ret_n, e);
}

int index_by_folded_pattern(struct index_read *rd, const char *pattern, size_t n, node_id **ret,
                            size_t *ret_n, struct err *e)
{
    return find(rd, ASK_FOLDED_PATTERN, pattern, n, ret, ret_n, e);
}

int index_by_stem_pattern(struct index_read *rd, const char *stem, size_t n, node_id **ret,
                          size_t *ret_n, struct err *e)
{
    return find(rd, ASK_STEM_PATTERN, stem, n, ret, ret_n, e);
}
