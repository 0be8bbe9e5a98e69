/* policy/apply_place.c - what records put on places, and rules: their rows. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/apply_impl.h"

static int row_get(struct apply *a, enum index_table t, const void *key, size_t n, json_t **ret,
                   struct err *e)
{
    MDB_val v;
    *ret = NULL;
    int r = table_get(a->ix, a->txn, t, key, n, &v, e);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    *ret = row_json(&v, e);
    return *ret ? 0 : -EBADMSG;
}

int place_value(struct apply *a, enum index_table t, const char *key, size_t n, json_t **ret,
                struct err *e)
{
    json_auto_t *row = NULL;
    int r = row_get(a, t, key, n, &row, e);
    *ret = json_incref(json_object_get(row, "value"));
    return r;
}

/* The row says who set the value by this record; one without a value goes. */
static int row_set(struct apply *a, enum index_table t, const void *key, size_t n, json_t *row,
                   json_t *value, struct err *e)
{
    if (!value) {
        int r = table_del(a->ix, a->txn, t, key, n, e);
        return r == -ENOENT ? 0 : r;
    }
    json_auto_t *more =
        json_pack("{sI sI ss sO}", "seq", (json_int_t)a->rec->seq, "time",
                  (json_int_t)a->rec->time, "actor", a->rec->actor, "value", value);
    if (!more || json_object_update(row, more) < 0)
        return err_set(e, -ENOMEM, "cannot make a row of the index");
    return table_put_json(a, t, key, n, row, e);
}

static int place_set(struct apply *a, enum index_table t, const char *key, size_t n, struct err *e)
{
    json_auto_t *row = json_object();
    return row_set(a, t, key, n, row, a->rec->value, e);
}

/* ---- places -------------------------------------------------------------------------------- */

static int set_ruled(struct apply *a, node_id id, struct attr *ret, struct err *e)
{
    const char *name, *etag;
    char copy[NAME_LIMIT + 1], copy_etag[256];
    int r = attr_get(a->ix, a->txn, id, ret, &name, &etag, e);
    if (r < 0 || (ret->flags & ATTR_RULED))
        return r;
    memcpy(copy, name, ret->name_len);
    copy[ret->name_len] = '\0';
    snprintf(copy_etag, sizeof copy_etag, "%s", etag);
    ret->flags |= ATTR_RULED;
    return attr_put(a->ix, a->txn, id, ret, copy, copy_etag, e);
}

/* Whether an object or a directory, it need not be there yet. */
static int place_node(struct apply *a, node_id *ret, struct attr *ret_attr, struct err *e)
{
    *ret = NODE_ROOT;
    int r = strcmp(a->rec->path, "/") == 0 ? 0 : tree_make(a, a->rec->path, ret, e);
    return r < 0 ? r : set_ruled(a, *ret, ret_attr, e);
}

static int know_entries(struct apply *a, struct err *e)
{
    size_t i;
    json_t *v;
    json_array_foreach(a->rec->value, i, v) {
        char principal[PRINCIPAL_MAX];
        acl_principal(v, principal);
        int r = known(a, principal, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static enum index_table table_of(const struct apply *a)
{
    return a->rec->op == RECORD_ACL ? TABLE_ACL
         : a->rec->op == RECORD_CLASS ? TABLE_CLASS
                                      : TABLE_METADATA;
}

static int on_node(struct apply *a, struct err *e)
{
    char key[PLACE_KEY_SIZE];
    struct attr at;
    node_id id;
    int r = place_node(a, &id, &at, e);
    if (r < 0)
        return r;
    if (a->rec->op == RECORD_METADATA && (at.flags & ATTR_DIR) &&
        (r = zone_metadata(a, id, a->rec->value, e)) < 0)
        return r;
    if ((r = place_set(a, table_of(a), key, place_node_key(id, key), e)) < 0)
        return r;
    zone_forget(a);
    if (a->rec->op == RECORD_ACL)
        roaring_bitmap_add(a->rezone, id);
    return a->rec->op == RECORD_CLASS ? zone_objects(a, id, ZONE_CLASS, a->reclass, e) : 0;
}

static int on_edit(struct apply *a, struct err *e)
{
    char key[PLACE_KEY_SIZE];
    size_t n = place_edit_key(a->rec->edit, key);
    a->no_effect = !edit_can_be_granted(a);
    if (a->no_effect)
        return 0; /* must not wait for an edit of that id to come */
    int r = 0;
    /* once before, for classes that it had, and once after, for those that it has */
    if (a->rec->op == RECORD_CLASS)
        r = class_edit_changes(a, a->rec->edit, NULL, e);
    if (r == 0)
        r = place_set(a, table_of(a), key, n, e);
    if (r == 0 && a->rec->op == RECORD_CLASS)
        r = class_edit_changes(a, a->rec->edit, NULL, e);
    return r;
}

/* ---- guards -------------------------------------------------------------------------------- */

/* The group of the record, beside what the node's name makes of it. */
static int guard_set(struct apply *a, node_id id, struct err *e)
{
    json_auto_t *old = NULL;
    int r = row_get(a, TABLE_GUARD, &id, sizeof id, &old, e);
    if (r < 0)
        return r;
    bool named = json_is_true(json_object_get(old, "named"));
    json_auto_t *row = json_pack("{sb}", "named", named);
    if (named && !a->rec->value)
        return table_put_json(a, TABLE_GUARD, &id, sizeof id, row, e);
    return row_set(a, TABLE_GUARD, &id, sizeof id, row, a->rec->value, e);
}

static int apply_protect(struct apply *a, struct err *e)
{
    struct attr at;
    node_id id;
    int r = place_node(a, &id, &at, e);
    if (r < 0 || (r = guard_set(a, id, e)) < 0)
        return r;
    zone_forget(a);
    roaring_bitmap_add(a->rezone, id);
    return 0;
}

int guard_of_name(struct apply *a, node_id dir, node_id parent, struct err *e)
{
    struct attr at;
    const char *name;
    int r = attr_get(a->ix, a->txn, parent, &at, &name, NULL, e);
    if (r < 0 || at.name_len != strlen(RESTRICTED) || memcmp(name, RESTRICTED, at.name_len) != 0)
        return r;
    json_auto_t *row = json_pack("{sb}", "named", 1);
    if ((r = table_put_json(a, TABLE_GUARD, &dir, sizeof dir, row, e)) < 0)
        return r;
    roaring_bitmap_add(a->rezone, dir); /* its label is there from the beginning, if empty */
    return set_ruled(a, dir, &at, e);
}

int apply_placed(struct apply *a, struct err *e)
{
    char key[PLACE_KEY_SIZE];
    int r = a->rec->op == RECORD_ACL ? know_entries(a, e) : 0;
    if (r < 0)
        return r;
    if (a->rec->op == RECORD_PROTECT)
        return apply_protect(a, e);
    if (a->rec->path)
        return on_node(a, e);
    return a->rec->edit ? on_edit(a, e) : place_set(a, TABLE_ACL, key, place_lake_key(key), e);
}

int place_forget_edit(struct apply *a, const char *edit, struct err *e)
{
    static const enum index_table tables[] = {TABLE_ACL, TABLE_CLASS, TABLE_METADATA};
    char key[PLACE_KEY_SIZE];
    size_t n = place_edit_key(edit, key);
    for (size_t i = 0; i < COUNT(tables); i++) {
        int r = table_del(a->ix, a->txn, tables[i], key, n, e);
        if (r < 0 && r != -ENOENT)
            return r;
    }
    return 0;
}

/* ---- rules --------------------------------------------------------------------------------- */

static int rule_set(struct apply *a, enum rule_kind kind, const char *key1, const char *key2,
                    json_t *value, struct err *e)
{
    uint8_t key[RULE_KEY_SIZE];
    rule_key(kind, key1, key2, key);
    json_auto_t *row = json_pack("{s[ss]}", "key", key1, key2);
    return row_set(a, TABLE_RULE, key, sizeof key, row, value, e);
}

static int apply_settings(struct apply *a, struct err *e)
{
    const char *key;
    json_t *v;
    json_object_foreach(a->rec->value, key, v) {
        json_auto_t *common = setting_default(key);
        bool same = json_is_null(v) || json_equal(v, common);
        int r = rule_set(a, RULE_SETTING, key, "", same ? NULL : v, e);
        if (r < 0)
            return r;
    }
    return json_object_get(a->rec->value, SETTING_FILTER) ? zone_filter(a, e) : 0;
}

int apply_rule(struct apply *a, struct err *e)
{
    static const enum rule_kind kinds[] = {
        [RECORD_POLICY] = RULE_POLICY, [RECORD_ACCESS_GROUP] = RULE_GROUP,
        [RECORD_RANGES] = RULE_RANGES, [RECORD_ROLE] = RULE_ROLE};
    if (a->rec->op == RECORD_SETTINGS)
        return apply_settings(a, e);
    int r = a->rec->op == RECORD_POLICY ? known(a, a->rec->principal, e) : 0;
    return r < 0 ? r
                 : rule_set(a, kinds[a->rec->op], a->rec->key[0], a->rec->key[1], a->rec->value, e);
}
