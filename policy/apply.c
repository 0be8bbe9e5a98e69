/* policy/apply.c - replay: one ledger record becomes one transaction of the index. */
/* SPDX-License-Identifier: MIT */
#include "policy/apply.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/err.h"
#include "policy/apply_impl.h"
#include "policy/hash.h"
#include "policy/propagate.h"

/* Calls `fn` for each line of a payload: one JSON array. */
static int payload_lines(struct apply *a, const struct buf *payload,
                         int (*fn)(struct apply *a, const json_t *row, void *arg, struct err *e),
                         void *arg, struct err *e)
{
    const char *s = buf_str(payload), *end = s + payload->len;
    for (uint64_t line = 1; s < end; line++) {
        const char *nl = memchr(s, '\n', (size_t)(end - s));
        if (!nl)
            return err_set(e, -EBADMSG, "payload line %" PRIu64 ": cut short", line);
        json_auto_t *row = json_loadb(s, (size_t)(nl - s), JSON_REJECT_DUPLICATES, NULL);
        int r = json_is_array(row) ? fn(a, row, arg, e)
                                   : err_set(e, -EBADMSG, "not a JSON array");
        if (r < 0)
            return err_wrap(e, "payload line %" PRIu64, line);
        s = nl + 1;
    }
    return 0;
}

static int inventory_row(struct apply *a, const json_t *row, void *arg, struct err *e)
{
    (void)arg;
    const char *sign = json_string_value(json_array_get(row, 0));
    const char *key = json_string_value(json_array_get(row, 1));
    if (!sign || !key || strlen(key) > 1024)
        return err_set(e, -EBADMSG, "no key");
    if (strcmp(sign, "-") == 0)
        return tree_gone(a, key, e);
    const json_t *size = json_array_get(row, 2), *mtime = json_array_get(row, 3);
    const char *etag = json_string_value(json_array_get(row, 4));
    if (strcmp(sign, "+") != 0 || !json_is_integer(size) || json_integer_value(size) < 0 ||
        !json_is_integer(mtime) || !etag || strlen(etag) > 127)
        return err_set(e, -EBADMSG, "not [\"+\", key, size, mtime_ns, etag]");
    return tree_add(a, key, (uint64_t)json_integer_value(size), json_integer_value(mtime), etag, e);
}

struct edit_rows {
    roaring_bitmap_t *nodes, *folders; /* objects; the directories that they are in */
    roaring_bitmap_t *named;           /* objects that the report alone speaks of */
    json_t *links;
};

static int member_row(struct apply *a, const json_t *row, void *arg, struct err *e)
{
    struct edit_rows *rows = arg;
    node_id id;
    size_t n = json_array_size(row);
    bool is_named = n == 2 && json_is_null(json_array_get(row, 0));
    const char *key = json_string_value(json_array_get(row, is_named));
    if (n == 3)
        return json_array_append(rows->links, (json_t *)row);
    if ((n != 1 && !is_named) || !key || strlen(key) > 1024 || key_problem(key))
        return err_set(e, -EBADMSG, "not [key], [null, key] or [shot, name, key]");
    int r = tree_make(a, key, &id, e);
    if (r == 0 && is_named) {
        roaring_bitmap_add(rows->named, id);
    } else if (r == 0) {
        roaring_bitmap_add(rows->nodes, id);
        roaring_bitmap_add(rows->folders, a->last_dir_node);
    }
    return r;
}

int table_numbers(struct apply *a, enum index_table t, uint32_t key, roaring_bitmap_t *ret,
                  struct err *e)
{
    AUTO(cursor) MDB_cursor *cur = NULL;
    int r = index_err(e, mdb_cursor_open(a->txn, a->ix->table[t], &cur), "read numbers");
    if (r < 0)
        return r;
    MDB_val k = {sizeof key, &key}, v;
    r = mdb_cursor_get(cur, &k, &v, MDB_SET);
    for (; r == 0; r = mdb_cursor_get(cur, &k, &v, MDB_NEXT_DUP)) {
        uint32_t number;
        memcpy(&number, v.mv_data, sizeof number);
        roaring_bitmap_add(ret, number);
    }
    return r == MDB_NOTFOUND ? 0 : index_err(e, r, "read numbers");
}

int table_put_json(struct apply *a, enum index_table t, const void *key, size_t n, const json_t *j,
                   struct err *e)
{
    char *text = json_dumps(j, JSON_COMPACT);
    if (!text)
        return err_set(e, -ENOMEM, "cannot write JSON");
    int r = table_put(a->ix, a->txn, t, key, n, text, strlen(text), e);
    free(text);
    return r;
}

int known(struct apply *a, const char *principal, struct err *e)
{
    MDB_val v;
    int r = table_get(a->ix, a->txn, TABLE_KNOWN, principal, strlen(principal), &v, e);
    if (r != -ENOENT)
        return r;
    return table_put(a->ix, a->txn, TABLE_KNOWN, principal, strlen(principal), &a->rec->seq,
                     sizeof a->rec->seq, e);
}

static int apply_init(struct apply *a, struct err *e)
{
    struct index_lake lake = {.time = a->rec->time};
    if (a->rec->seq != 1)
        return err_set(e, -EBADMSG, "\"init\" is not the first record");
    snprintf(lake.id, sizeof lake.id, "%s",
             json_string_value(json_object_get(a->rec->json, "lake")));
    hex_decode(json_string_value(json_object_get(a->rec->json, "node_key")), lake.node_key,
               sizeof lake.node_key);
    struct attr root = {.parent = NODE_ROOT, .flags = ATTR_DIR};
    int r = attr_put(a->ix, a->txn, NODE_ROOT, &root, "", "", e);
    a->next_node = NODE_ROOT + 1;
    return r < 0 ? r : table_put(a->ix, a->txn, TABLE_META, "lake", 4, &lake, sizeof lake, e);
}

/* The first edit of a source stays its edit. */
static int note_source(struct apply *a, struct err *e)
{
    const char *source = json_string_value(json_object_get(a->rec->json, "source"));
    uint8_t hash[SHA256_SIZE];
    MDB_val v;
    if (!source || hex_decode(source, hash, sizeof hash) < 0)
        return 0;
    int r = table_get(a->ix, a->txn, TABLE_SOURCE, hash, sizeof hash, &v, e);
    if (r != -ENOENT)
        return r;
    return table_put(a->ix, a->txn, TABLE_SOURCE, hash, sizeof hash, a->rec->edit, EDIT_ID_LEN, e);
}

/* One of the files that conform wrote for the holders: it is in the lake, and of the edit. `member`
 * and `stat` name the record's; a record that has not both has no such file. */
static int edit_file(struct apply *a, const char *member, const char *stat, roaring_bitmap_t *nodes,
                     node_id *ret, struct err *e)
{
    const char *key = json_string_value(json_object_get(a->rec->json, member));
    const json_t *st = json_object_get(a->rec->json, stat);
    if (!key || !st)
        return 0;
    int r = tree_add(a, key, (uint64_t)json_integer_value(json_array_get(st, 0)),
                     json_integer_value(json_array_get(st, 1)),
                     json_string_value(json_array_get(st, 2)), e);
    if (r == 0 && key_problem(key) == 0 && (r = tree_make(a, key, ret, e)) == 0)
        roaring_bitmap_add(nodes, *ret);
    return r;
}

/* The edit's objects, its files and its names below edits/. */
static int edit_members(struct apply *a, const struct buf *payload, roaring_bitmap_t *nodes,
                        struct err *e)
{
    AUTO(bitmap) roaring_bitmap_t *folders = roaring_bitmap_create();
    AUTO(bitmap) roaring_bitmap_t *named = roaring_bitmap_create();
    json_auto_t *rows = json_array();
    struct links links = {.nodes = nodes, .folders = folders, .rows = rows};
    int r;
    if ((r = edit_file(a, "manifest", "manifest_stat", nodes, &links.manifest, e)) < 0 ||
        (r = edit_file(a, "shots", "shots_stat", nodes, &links.shots, e)) < 0 ||
        (r = payload_lines(a, payload, member_row,
                           &(struct edit_rows){nodes, folders, named, rows}, e)) < 0 ||
        (r = edit_note_past(a, named, e)) < 0)
        return r;
    return links_replace(a, &links, nodes, e);
}

static int apply_edit(struct apply *a, const struct buf *payload, struct err *e)
{
    json_auto_t *old = NULL;
    int r = edit_row(a, a->rec->edit, &old, e);
    if (r < 0 && r != -ENOENT)
        return r;
    a->no_effect = !edit_follows(a, old);
    if (a->no_effect)
        return 0; /* no honest writer gets here: the first stands */
    AUTO(bitmap) roaring_bitmap_t *nodes = roaring_bitmap_create();
    r = edit_members(a, payload, nodes, e);
    char name[32];
    uint32_t label = 0;
    snprintf(name, sizeof name, "edit:%s", a->rec->edit);
    json_auto_t *row = edit_new_row(a);
    if (!row)
        return err_set(e, -EBADMSG, "\"objects\" or \"bytes\" is missing");
    if (r == 0)
        r = label_make(a, name, &label, e);
    if (r == 0 && old && (r = class_edit_changes(a, a->rec->edit, nodes, e)) == 0)
        r = edit_switch(a, old, row, label, nodes, e);
    if (r < 0 || (r = label_add(a, label, nodes, e)) < 0)
        return r;
    if ((r = edit_row_put(a, row, e)) < 0 ||
        (a->rec->owner && (r = known(a, a->rec->owner, e)) < 0))
        return r;
    return note_source(a, e);
}

static size_t grant_key(const struct record *rec, char key[PRINCIPAL_MAX + EDIT_ID_SIZE])
{
    size_t n = strlen(rec->principal) + 1;
    memcpy(key, rec->principal, n);
    memcpy(key + n, rec->edit, EDIT_ID_LEN);
    return n + EDIT_ID_LEN;
}

static int apply_grant(struct apply *a, struct err *e)
{
    a->no_effect = !edit_can_be_granted(a);
    if (a->no_effect)
        return 0; /* must not wait for an edit of that id to come */
    json_t *ranges = json_object_get(a->rec->json, "ranges");
    char key[PRINCIPAL_MAX + EDIT_ID_SIZE];
    size_t n = grant_key(a->rec, key);
    json_auto_t *row = json_pack("{sI sI sI sI ss}", "from", (json_int_t)a->rec->from, "until",
                                 (json_int_t)a->rec->until, "seq", (json_int_t)a->rec->seq, "time",
                                 (json_int_t)a->rec->time, "actor", a->rec->actor);
    if (ranges)
        json_object_set(row, "ranges", ranges);
    int r = row ? table_put_json(a, TABLE_GRANT, key, n, row, e) : err_set(e, -ENOMEM, "grant");
    return r < 0 ? r : known(a, a->rec->principal, e);
}

static int apply_revoke(struct apply *a, struct err *e)
{
    char key[PRINCIPAL_MAX + EDIT_ID_SIZE];
    size_t n = grant_key(a->rec, key);
    int r = table_del(a->ix, a->txn, TABLE_GRANT, key, n, e);
    return r == -ENOENT ? 0 : r;
}

static int dispatch(struct apply *a, const struct buf *payload, struct err *e)
{
    switch (a->rec->op) {
    case RECORD_INIT: return apply_init(a, e);
    case RECORD_INVENTORY: return payload_lines(a, payload, inventory_row, NULL, e);
    case RECORD_MEDIA: return payload_lines(a, payload, media_row, NULL, e);
    case RECORD_EDIT: return apply_edit(a, payload, e);
    case RECORD_TAGGED: return edit_tagged(a, e);
    case RECORD_GRANT: return apply_grant(a, e);
    case RECORD_REVOKE: return apply_revoke(a, e);
    case RECORD_ACL:
    case RECORD_CLASS:
    case RECORD_METADATA:
    case RECORD_PROTECT: return apply_placed(a, e);
    case RECORD_POLICY:
    case RECORD_ACCESS_GROUP:
    case RECORD_RANGES:
    case RECORD_ROLE:
    case RECORD_SETTINGS: return apply_rule(a, e);
    case RECORD_DISABLE: return edit_set_state(a, "disabled", e);
    case RECORD_ENABLE: return edit_set_state(a, "enabled", e);
    case RECORD_REMOVE: return edit_remove(a, e);
    }
    return err_set(e, -EPROTONOSUPPORT, "unknown op");
}

/* Must the record be the next one? 0: yes; 1: the index has it already. */
static int follows(struct apply *a, struct err *e)
{
    struct index_read rd = {.ix = a->ix, .txn = a->txn};
    struct index_head head;
    int r = index_head(&rd, &head, e);
    if (r < 0)
        return r;
    if (a->rec->seq <= head.seq)
        return 1;
    if (a->rec->seq != head.seq + 1)
        return err_set(e, -EBADMSG, "it cannot follow record %" PRIu64, head.seq);
    if (memcmp(a->rec->prev, head.hash, SHA256_SIZE) != 0)
        return err_set(e, -EBADMSG, "its \"prev\" is not the hash of record %" PRIu64, head.seq);
    if (head.seq == 0 && a->rec->op != RECORD_INIT)
        return err_set(e, -EBADMSG, "the first record is not \"init\"");
    return 0;
}

static int finish(struct apply *a, struct err *e)
{
    int r;
    const struct {
        const char *name;
        const void *p;
        size_t n;
    } rows[] = {
        {"next", &a->next_node, sizeof a->next_node},
        {"totals", &a->totals, sizeof a->totals},
        {"seq", &a->rec->seq, sizeof a->rec->seq},
        {"hash", a->rec->hash, SHA256_SIZE},
    };
    if ((r = label_finish(a, e)) < 0)
        return r;
    for (size_t i = 0; i < COUNT(rows); i++) {
        r = table_put(a->ix, a->txn, TABLE_META, rows[i].name, strlen(rows[i].name), rows[i].p,
                      rows[i].n, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int transaction(struct apply *a, const struct buf *payload, struct err *e)
{
    AUTO(txn) MDB_txn *txn = NULL;
    int r = index_err(e, mdb_txn_begin(a->ix->env, NULL, 0, &txn), "begin a change");
    if (r < 0)
        return r;
    a->txn = txn;
    if ((r = follows(a, e)) != 0)
        return r;
    struct index_read rd = {.ix = a->ix, .txn = txn};
    MDB_val v;
    r = table_get(a->ix, txn, TABLE_META, "next", 4, &v, e);
    if (r == 0)
        memcpy(&a->next_node, v.mv_data, sizeof a->next_node);
    if (r < 0 && r != -ENOENT)
        return r;
    if ((r = index_totals(&rd, &a->totals, e)) < 0 || (r = dispatch(a, payload, e)) < 0 || (r = edit_log(a, e)) < 0 || (r = finish(a, e)) < 0)
        return r;
    MDB_txn *t = TAKE(txn);
    return index_err(e, mdb_txn_commit(t), "commit");
}

void apply_start(struct apply *a)
{
    a->touched = roaring_bitmap_create();
    a->rezone = roaring_bitmap_create();
    a->reclass = roaring_bitmap_create();
    a->names = roaring_bitmap_create();
}

void apply_done(struct apply *a)
{
    zone_forget(a);
    for (size_t i = 0; i < a->n_gather; i++)
        roaring_bitmap_free(a->gather[i].nodes);
    free(a->gather);
    roaring_bitmap_free(a->touched);
    roaring_bitmap_free(a->rezone);
    roaring_bitmap_free(a->reclass);
    roaring_bitmap_free(a->names);
    propagate_free(a->filter);
}

int apply_record(struct index *ix, const void *data, size_t n, apply_payload_fn *payload_fn,
                 void *arg, struct err *e)
{
    AUTO(record) struct record rec = {0};
    AUTO(buf) struct buf payload = {0};
    /* what is told where a row is missing that must be there: a miss by itself has no sentence */
    err_set(e, -EBADMSG, "the index contradicts itself; delete its folder, it is rebuilt from the "
                         "lake");
    int r = record_parse(data, n, &rec, e);
    if (r < 0)
        return r;
    if (rec.payload) {
        char hash[SHA256_HEX_SIZE];
        if ((r = payload_fn(arg, rec.payload, &payload, e)) < 0)
            return err_wrap(e, "payload of record %" PRIu64, rec.seq);
        hash_sha256_hex(buf_str(&payload), payload.len, hash);
        if (strcmp(hash, rec.payload) != 0)
            return err_set(e, -EBADMSG, "record %" PRIu64 ": its payload has another hash",
                           rec.seq);
    }
    AUTO(apply) struct apply a = {.ix = ix, .rec = &rec};
    apply_start(&a);
    r = transaction(&a, &payload, e);
    return r < 0 ? err_wrap(e, "ledger record %" PRIu64, rec.seq) : r;
}
