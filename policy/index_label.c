/* policy/index_label.c - labels as reads see them: named sets of objects. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "policy/index_impl.h"

static int set_get(struct index *ix, MDB_txn *txn, enum index_table t, MDB_val k,
                   roaring_bitmap_t **ret, struct err *e)
{
    MDB_val v;
    int r = table_get(ix, txn, t, k.mv_data, k.mv_size, &v, e);
    if (r < 0 && r != -ENOENT)
        return r;
    *ret = r == -ENOENT ? roaring_bitmap_create()
                        : roaring_bitmap_portable_deserialize_safe(v.mv_data, v.mv_size);
    return *ret ? 0 : err_set(e, -EBADMSG, "index: a bitmap is damaged");
}

static int set_put(struct index *ix, MDB_txn *txn, enum index_table t, MDB_val k,
                   roaring_bitmap_t *set, struct err *e)
{
    roaring_bitmap_run_optimize(set);
    MDB_val v = {roaring_bitmap_portable_size_in_bytes(set), NULL};
    int r = mdb_put(txn, ix->table[t], &k, &v, MDB_RESERVE);
    if (r != 0)
        return index_err(e, r, "label");
    /* reserved space may be unaligned, which the serializer does not mind: it copies bytes */
    roaring_bitmap_portable_serialize(set, v.mv_data);
    return 0;
}

int bitmap_get(struct index *ix, MDB_txn *txn, enum index_table t, uint32_t label,
               roaring_bitmap_t **ret, struct err *e)
{
    int r = set_get(ix, txn, t, (MDB_val){sizeof label, &label}, ret, e);
    return r == -EBADMSG ? err_wrap(e, "label %u", label) : r;
}

int bitmap_put(struct index *ix, MDB_txn *txn, enum index_table t, uint32_t label,
               roaring_bitmap_t *set, struct err *e)
{
    return set_put(ix, txn, t, (MDB_val){sizeof label, &label}, set, e);
}

int names_get(struct index *ix, MDB_txn *txn, roaring_bitmap_t **ret, struct err *e)
{
    return set_get(ix, txn, TABLE_META, (MDB_val){5, "names"}, ret, e);
}

int names_put(struct index *ix, MDB_txn *txn, roaring_bitmap_t *names, struct err *e)
{
    return set_put(ix, txn, TABLE_META, (MDB_val){5, "names"}, names, e);
}

int index_label(struct index_read *rd, const char *label, roaring_bitmap_t **ret, struct err *e)
{
    MDB_val v;
    int r = table_get(rd->ix, rd->txn, TABLE_LABEL, label, strlen(label), &v, e);
    if (r == -ENOENT) {
        *ret = roaring_bitmap_create();
        return 0;
    }
    if (r < 0)
        return r;
    uint32_t id;
    memcpy(&id, v.mv_data, sizeof id);
    return bitmap_get(rd->ix, rd->txn, TABLE_CLOSED, id, ret, e);
}

int index_label_nodes(struct index_read *rd, uint32_t label, roaring_bitmap_t **ret, struct err *e)
{
    return bitmap_get(rd->ix, rd->txn, TABLE_CLOSED, label, ret, e);
}

int index_edit_names(struct index_read *rd, roaring_bitmap_t **ret, struct err *e)
{
    return names_get(rd->ix, rd->txn, ret, e);
}

static void name_of(const MDB_val *v, char ret[LABEL_MAX])
{
    snprintf(ret, LABEL_MAX, "%.*s", (int)v->mv_size, (char *)v->mv_data);
}

int index_labels(struct index_read *rd, index_label_row_fn *fn, void *arg, struct err *e)
{
    AUTO(cursor) MDB_cursor *cur = NULL;
    int r = index_err(e, mdb_cursor_open(rd->txn, rd->ix->table[TABLE_LNAME], &cur), "labels");
    if (r < 0)
        return r;
    MDB_val k, v;
    for (r = mdb_cursor_get(cur, &k, &v, MDB_FIRST); r == 0;
         r = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
        char name[LABEL_MAX];
        uint32_t label;
        memcpy(&label, k.mv_data, sizeof label);
        name_of(&v, name);
        int f = fn(arg, label, name, e);
        if (f < 0)
            return f;
    }
    return r == MDB_NOTFOUND ? 0 : index_err(e, r, "labels");
}

int index_label_numbers(struct index_read *rd, node_id id, uint32_t *ret, size_t cap, size_t *ret_n,
                        struct err *e)
{
    AUTO(cursor) MDB_cursor *cur = NULL;
    *ret_n = 0;
    int r = index_err(e, mdb_cursor_open(rd->txn, rd->ix->table[TABLE_TAGGED], &cur), "tagged");
    if (r < 0)
        return r;
    MDB_val k = {sizeof id, &id}, v;
    r = mdb_cursor_get(cur, &k, &v, MDB_SET);
    for (; r == 0; r = mdb_cursor_get(cur, &k, &v, MDB_NEXT_DUP)) {
        if (*ret_n < cap)
            memcpy(&ret[*ret_n], v.mv_data, sizeof *ret);
        ++*ret_n;
    }
    return r == MDB_NOTFOUND ? 0 : index_err(e, r, "tagged");
}

int index_labels_of(struct index_read *rd, node_id id, index_label_fn *fn, void *arg, struct err *e)
{
    AUTO(cursor) MDB_cursor *cur = NULL;
    int r = index_err(e, mdb_cursor_open(rd->txn, rd->ix->table[TABLE_TAGGED], &cur), "tagged");
    if (r < 0)
        return r;
    MDB_val k = {sizeof id, &id}, v, name;
    r = mdb_cursor_get(cur, &k, &v, MDB_SET);
    for (; r == 0; r = mdb_cursor_get(cur, &k, &v, MDB_NEXT_DUP)) {
        uint32_t label;
        memcpy(&label, v.mv_data, sizeof label);
        int f = table_get(rd->ix, rd->txn, TABLE_LNAME, &label, sizeof label, &name, e);
        if (f == -ENOENT)
            return err_set(e, -EBADMSG, "index: label %u has no name", label);
        char text[LABEL_MAX];
        if (f == 0) {
            name_of(&name, text);
            f = fn(arg, text, e);
        }
        if (f < 0)
            return f;
    }
    return r == MDB_NOTFOUND ? 0 : index_err(e, r, "tagged");
}
