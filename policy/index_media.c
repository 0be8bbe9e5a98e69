/* policy/index_media.c - the facts of media, and objects by reel and by UMID. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/fold.h"
#include "policy/index_impl.h"

int index_media(struct index_read *rd, node_id id, struct media *ret, struct err *e)
{
    MDB_val v;
    *ret = (struct media){.start = -1};
    int r = table_get(rd->ix, rd->txn, TABLE_MEDIA, &id, sizeof id, &v, e);
    if (r < 0)
        return r;
    json_auto_t *facts = json_loadb(v.mv_data, v.mv_size, 0, NULL);
    r = media_parse(facts, ret, e);
    return r < 0 ? err_wrap(e, "index: facts of node %u", id) : 0;
}

static int cmp_node(const void *a, const void *b)
{
    node_id x = *(const node_id *)a, y = *(const node_id *)b;
    return (x > y) - (x < y);
}

static int walk(struct index_read *rd, enum index_table t, const struct buf *key, bool exact,
                struct node_list *found, struct err *e)
{
    AUTO(cursor) MDB_cursor *cur = NULL;
    int r = index_err(e, mdb_cursor_open(rd->txn, rd->ix->table[t], &cur), "media");
    if (r < 0)
        return r;
    MDB_val k = {key->len, key->p}, v;
    r = mdb_cursor_get(cur, &k, &v, exact ? MDB_SET : MDB_SET_RANGE);
    for (; r == 0; r = mdb_cursor_get(cur, &k, &v, exact ? MDB_NEXT_DUP : MDB_NEXT)) {
        node_id id;
        struct attr a;
        if (!exact && (k.mv_size < key->len || memcmp(k.mv_data, key->p, key->len) != 0))
            return 0;
        memcpy(&id, v.mv_data, sizeof id);
        int ra = attr_get(rd->ix, rd->txn, id, &a, NULL, NULL, e);
        if (ra < 0)
            return ra;
        if (attr_is_live(&a) && read_has(rd, id))
            node_list_add(found, id);
    }
    return r == MDB_NOTFOUND ? 0 : index_err(e, r, "media");
}

static int find(struct index_read *rd, enum index_table t, const char *text, size_t n, bool exact,
                node_id **ret, size_t *ret_n, struct err *e)
{
    AUTO(buf) struct buf key = {0};
    struct node_list found = {0};
    *ret = NULL;
    *ret_n = 0;
    if (n == 0 || n > MEDIA_REEL_MAX || fold_key(text, n, &key) < 0)
        return 0; /* longer than what the table holds */
    int r = walk(rd, t, &key, exact, &found, e);
    if (r < 0) {
        free(found.id);
        return r;
    }
    if (found.n > 0)
        qsort(found.id, found.n, sizeof *found.id, cmp_node);
    *ret = found.id;
    *ret_n = found.n;
    return 0;
}

int index_by_reel(struct index_read *rd, const char *reel, size_t n, bool exact, node_id **ret,
                  size_t *ret_n, struct err *e)
{
    return find(rd, TABLE_REEL, reel, n, exact, ret, ret_n, e);
}

int index_by_umid(struct index_read *rd, const char *umid, node_id **ret, size_t *ret_n,
                  struct err *e)
{
    return find(rd, TABLE_UMID, umid, strlen(umid), /* exact= */ true, ret, ret_n, e);
}
