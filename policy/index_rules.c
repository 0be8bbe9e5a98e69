/* policy/index_rules.c - rules, and what stands on places, as reads see them. */
/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/hash.h"
#include "policy/index_impl.h"

static const char *text_of(const json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));
    return s ? s : "";
}

static int one_value(struct index_read *rd, enum index_table t, const void *key, size_t n,
                     json_t **ret, uint64_t *ret_seq, struct err *e)
{
    MDB_val v;
    *ret = NULL;
    if (ret_seq)
        *ret_seq = 0;
    int r = table_get(rd->ix, rd->txn, t, key, n, &v, e);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    json_auto_t *row = row_json(&v, e);
    if (!row)
        return -EBADMSG;
    *ret = json_incref(json_object_get(row, "value"));
    if (ret_seq)
        *ret_seq = (uint64_t)json_integer_value(json_object_get(row, "seq"));
    return 0;
}

/* ---- places -------------------------------------------------------------------------------- */

static const enum index_table placed_tables[] = {
    [PLACED_ACL] = TABLE_ACL, [PLACED_CLASSES] = TABLE_CLASS, [PLACED_METADATA] = TABLE_METADATA};

size_t place_node_key(node_id node, char ret[PLACE_KEY_SIZE])
{
    uint32_t be = htonl(node); /* the tables are in node order */
    ret[0] = 'n';
    memcpy(ret + 1, &be, sizeof be);
    return 1 + sizeof be;
}

size_t place_edit_key(const char *edit, char ret[PLACE_KEY_SIZE])
{
    ret[0] = 'e';
    memcpy(ret + 1, edit, EDIT_ID_LEN);
    return 1 + EDIT_ID_LEN;
}

size_t place_lake_key(char ret[PLACE_KEY_SIZE])
{
    ret[0] = 'l';
    return 1;
}

static size_t place_key(const struct place *at, char ret[PLACE_KEY_SIZE])
{
    switch (at->kind) {
    case PLACE_NODE: return place_node_key(at->node, ret);
    case PLACE_EDIT: return place_edit_key(at->edit, ret);
    case PLACE_LAKE: break;
    }
    return place_lake_key(ret);
}

static int place_of(const MDB_val *k, struct place *ret, struct err *e)
{
    const char *p = k->mv_data;
    uint32_t be;
    *ret = (struct place){.kind = PLACE_LAKE};
    if (p[0] == 'n' && k->mv_size == 1 + sizeof be) {
        memcpy(&be, p + 1, sizeof be);
        ret->kind = PLACE_NODE;
        ret->node = ntohl(be);
    } else if (p[0] == 'e' && k->mv_size == 1 + EDIT_ID_LEN) {
        ret->kind = PLACE_EDIT;
        memcpy(ret->edit, p + 1, EDIT_ID_LEN);
    } else if (p[0] != 'l' || k->mv_size != 1) {
        return err_set(e, -EBADMSG, "index: a place's key has %zu bytes", k->mv_size);
    }
    return 0;
}

int index_placed_each(struct index_read *rd, enum placed_table t, index_placed_fn *fn, void *arg,
                      struct err *e)
{
    AUTO(cursor) MDB_cursor *cur = NULL;
    int r = index_err(e, mdb_cursor_open(rd->txn, rd->ix->table[placed_tables[t]], &cur), "places");
    if (r < 0)
        return r;
    MDB_val k, v;
    for (r = mdb_cursor_get(cur, &k, &v, MDB_FIRST); r == 0;
         r = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
        json_auto_t *row = row_json(&v, e);
        struct placed p = {.seq = (uint64_t)json_integer_value(json_object_get(row, "seq")),
                           .time = json_integer_value(json_object_get(row, "time")),
                           .actor = text_of(row, "actor"),
                           .value = json_object_get(row, "value")};
        int f = row ? place_of(&k, &p.at, e) : -EBADMSG;
        if (f == 0)
            f = fn(arg, &p, e);
        if (f < 0)
            return f;
    }
    return r == MDB_NOTFOUND ? 0 : index_err(e, r, "places");
}

int index_placed(struct index_read *rd, enum placed_table t, const struct place *at, json_t **ret,
                 uint64_t *ret_seq, struct err *e)
{
    char key[PLACE_KEY_SIZE];
    return one_value(rd, placed_tables[t], key, place_key(at, key), ret, ret_seq, e);
}

/* ---- rules --------------------------------------------------------------------------------- */

void rule_key(enum rule_kind kind, const char *key1, const char *key2, uint8_t ret[RULE_KEY_SIZE])
{
    AUTO(buf) struct buf both = {0};
    buf_add(&both, key1, strlen(key1) + 1);
    buf_adds(&both, key2);
    ret[0] = (uint8_t)kind;
    hash_sha256(both.p, both.len, ret + 1);
}

int index_rule(struct index_read *rd, enum rule_kind kind, const char *key1, const char *key2,
               json_t **ret, uint64_t *ret_seq, struct err *e)
{
    uint8_t key[RULE_KEY_SIZE];
    rule_key(kind, key1, key2, key);
    return one_value(rd, TABLE_RULE, key, sizeof key, ret, ret_seq, e);
}

static const char *key_of(const json_t *row, size_t i)
{
    const char *s = json_string_value(json_array_get(json_object_get(row, "key"), i));
    return s ? s : "";
}

static int by_key(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    int order = strcmp(key_of(x, 0), key_of(y, 0));
    return order ? order : strcmp(key_of(x, 1), key_of(y, 1));
}

struct rows {
    json_t **row;
    size_t n, cap;
};

static void auto_rows(struct rows *rows)
{
    for (size_t i = 0; i < rows->n; i++)
        json_decref(rows->row[i]);
    free(rows->row);
}

static int rows_of(struct index_read *rd, enum rule_kind kind, struct rows *ret, struct err *e)
{
    AUTO(cursor) MDB_cursor *cur = NULL;
    uint8_t first = (uint8_t)kind;
    int r = index_err(e, mdb_cursor_open(rd->txn, rd->ix->table[TABLE_RULE], &cur), "rules");
    if (r < 0)
        return r;
    MDB_val k = {sizeof first, &first}, v;
    r = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);
    for (; r == 0 && *(uint8_t *)k.mv_data == first; r = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
        json_t *row = row_json(&v, e);
        if (!row)
            return -EBADMSG;
        if (ret->n == ret->cap)
            ret->row = xrealloc(ret->row, ret->cap = ret->cap ? 2 * ret->cap : 64, sizeof *ret->row);
        ret->row[ret->n++] = row;
    }
    return r == 0 || r == MDB_NOTFOUND ? 0 : index_err(e, r, "rules");
}

int index_rules(struct index_read *rd, enum rule_kind kind, index_rule_fn *fn, void *arg,
                struct err *e)
{
    __attribute__((cleanup(auto_rows))) struct rows rows = {0};
    int r = rows_of(rd, kind, &rows, e);
    if (r == 0 && rows.n > 0) /* the table is in the order of the hashes */
        qsort(rows.row, rows.n, sizeof *rows.row, by_key);
    for (size_t i = 0; r >= 0 && i < rows.n; i++) {
        const json_t *row = rows.row[i];
        struct rule rule = {.key = {key_of(row, 0), key_of(row, 1)},
                            .seq = (uint64_t)json_integer_value(json_object_get(row, "seq")),
                            .time = json_integer_value(json_object_get(row, "time")),
                            .actor = text_of(row, "actor"),
                            .value = json_object_get(row, "value")};
        r = fn(arg, &rule, e);
    }
    return r < 0 ? r : 0;
}

/* ---- guards -------------------------------------------------------------------------------- */

static int tell_guard(struct index_read *rd, node_id id, const json_t *row, index_guard_fn *fn,
                      void *arg, struct err *e)
{
    struct node n, above;
    int r = index_node(rd, id, &n, e);
    if (r < 0 || (r = index_node(rd, n.parent, &above, e)) < 0)
        return r == -ENOENT ? err_set(e, -EBADMSG, "index: guard %u is no node", id) : r;
    if (json_is_true(json_object_get(row, "named"))) {
        AUTO(free) char *name = xstrndup(n.name, n.name_len);
        struct guard g = {.node = id, .group = name, .by_name = true, .site_at = above.parent};
        if ((r = fn(arg, &g, e)) < 0)
            return r;
    }
    if (!json_object_get(row, "value"))
        return 0;
    struct guard g = {.node = id, .group = text_of(row, "value"),
                      .site_at = n.is_dir ? id : n.parent,
                      .seq = (uint64_t)json_integer_value(json_object_get(row, "seq"))};
    return fn(arg, &g, e);
}

int index_guards(struct index_read *rd, index_guard_fn *fn, void *arg, struct err *e)
{
    AUTO(cursor) MDB_cursor *cur = NULL;
    int r = index_err(e, mdb_cursor_open(rd->txn, rd->ix->table[TABLE_GUARD], &cur), "guards");
    if (r < 0)
        return r;
    MDB_val k, v;
    for (r = mdb_cursor_get(cur, &k, &v, MDB_FIRST); r == 0;
         r = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
        json_auto_t *row = row_json(&v, e);
        node_id id;
        memcpy(&id, k.mv_data, sizeof id);
        int f = row ? tell_guard(rd, id, row, fn, arg, e) : -EBADMSG;
        if (f < 0)
            return f;
    }
    return r == MDB_NOTFOUND ? 0 : index_err(e, r, "guards");
}
