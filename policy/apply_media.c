/* policy/apply_media.c - facts of media: how a scan's rows become those of the index. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/apply_impl.h"
#include "policy/fold.h"

/* Adds the node to what a reel or a UMID has, or takes it out of there. */
static int pair(struct apply *a, enum index_table t, const char *text, node_id id, bool add,
                struct err *e)
{
    AUTO(buf) struct buf key = {0};
    if (!text)
        return 0;
    fold_key(text, strlen(text), &key);
    if (add)
        return table_put(a->ix, a->txn, t, key.p, key.len, &id, sizeof id, e);
    MDB_val k = {key.len, key.p}, v = {sizeof id, &id};
    int r = mdb_del(a->txn, a->ix->table[t], &k, &v);
    return r == MDB_NOTFOUND ? 0 : index_err(e, r, "media");
}

int media_drop(struct apply *a, node_id id, struct err *e)
{
    struct index_read rd = {.ix = a->ix, .txn = a->txn};
    AUTO(media) struct media m = {0};
    int r = index_media(&rd, id, &m, e);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if ((r = pair(a, TABLE_REEL, m.reel, id, /* add= */ false, e)) < 0 ||
        (r = pair(a, TABLE_UMID, m.umid, id, /* add= */ false, e)) < 0)
        return r;
    return table_del(a->ix, a->txn, TABLE_MEDIA, &id, sizeof id, e);
}

int media_row(struct apply *a, const json_t *row, void *arg, struct err *e)
{
    (void)arg;
    const char *key = json_string_value(json_array_get(row, 0));
    const char *etag = json_string_value(json_array_get(row, 1));
    struct index_read rd = {.ix = a->ix, .txn = a->txn};
    AUTO(media) struct media m = {0};
    struct inventory_row have;
    if (!key || strlen(key) > 1024 || !etag)
        return err_set(e, -EBADMSG, "not [key, etag, facts]");
    int r = media_parse(json_array_get(row, 2), &m, e);
    if (r < 0)
        return r;
    r = index_inventory(&rd, key, &have, e);
    if (r < 0 || have.node == NODE_NONE || strcmp(have.etag, etag) != 0)
        return r == -ENOENT ? 0 : r; /* it went or was written anew since it was looked at */
    if ((r = media_drop(a, have.node, e)) < 0 ||
        (r = table_put_json(a, TABLE_MEDIA, &have.node, sizeof have.node, m.json, e)) < 0 ||
        (r = pair(a, TABLE_REEL, m.reel, have.node, /* add= */ true, e)) < 0)
        return r;
    return pair(a, TABLE_UMID, m.umid, have.node, /* add= */ true, e);
}
