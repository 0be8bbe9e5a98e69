/* policy/apply_edit.c - edits: how their versions follow each other, their states and their log. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/apply_impl.h"

/* Labels of an edit:
 *   edit:ID             what its version has now
 *   retired:ID:VERSION  what that version lost, until the moment that the row's "retired" has
 *   untag:ID            what was lost at once, until the store's tags are known to agree
 *   past:ID             what was lost at once, for good: manifests of before still name it
 * The last gives nobody anything. */

static void label_name(const char *kind, const char *id, uint64_t version, char ret[LABEL_MAX])
{
    if (version)
        snprintf(ret, LABEL_MAX, "%s:%s:%" PRIu64, kind, id, version);
    else
        snprintf(ret, LABEL_MAX, "%s:%s", kind, id);
}

int edit_row(struct apply *a, const char *id, json_t **ret, struct err *e)
{
    MDB_val v;
    int r = table_get(a->ix, a->txn, TABLE_EDIT, id, EDIT_ID_LEN, &v, e);
    if (r < 0)
        return r;
    *ret = json_loadb(v.mv_data, v.mv_size, 0, NULL);
    return *ret ? 0 : err_set(e, -EBADMSG, "index: an edit's row is not JSON");
}

int edit_row_put(struct apply *a, json_t *row, struct err *e)
{
    return table_put_json(a, TABLE_EDIT, json_string_value(json_object_get(row, "edit")),
                          EDIT_ID_LEN, row, e);
}

static uint64_t version_of(const json_t *row)
{
    return (uint64_t)json_integer_value(json_object_get(row, "version"));
}

static bool is_in_state(const json_t *row, const char *state)
{
    const char *s = json_string_value(json_object_get(row, "state"));
    return s && strcmp(s, state) == 0;
}

bool edit_follows(const struct apply *a, const json_t *row)
{
    return a->rec->version == version_of(row) + 1 && !is_in_state(row, "removed");
}

bool edit_can_be_granted(struct apply *a)
{
    json_auto_t *row = NULL;
    return edit_row(a, a->rec->edit, &row, NULL) == 0 && !is_in_state(row, "removed");
}

/* The tags are to be looked at: "changed" tells a writer that is at it that it looked too early. */
static void set_untagged(const struct apply *a, json_t *row)
{
    json_object_set_new(row, "tagged", json_false());
    json_object_set_new(row, "changed", json_integer((json_int_t)a->rec->seq));
}

json_t *edit_new_row(const struct apply *a)
{
    static const char *const optional[] = {"studio", "results", "shots", "handles", "owner"};
    const json_t *j = a->rec->json;
    json_t *row = json_pack(
        "{ss sO sO sO sO sO ss sI sI sI ss s[]}", "edit", a->rec->edit, "name",
        json_object_get(j, "name"), "file", json_object_get(j, "file"), "manifest",
        json_object_get(j, "manifest"), "objects", json_object_get(j, "objects"), "bytes",
        json_object_get(j, "bytes"), "actor", a->rec->actor, "seq", (json_int_t)a->rec->seq, "time",
        (json_int_t)a->rec->time, "version", (json_int_t)a->rec->version, "state", "enabled",
        "retired");
    if (!row)
        return NULL;
    for (size_t i = 0; i < COUNT(optional); i++)
        if (json_object_get(j, optional[i]))
            json_object_set(row, optional[i], json_object_get(j, optional[i]));
    set_untagged(a, row);
    return row;
}

/* Moves `nodes` from one label to another. */
static int hand_over(struct apply *a, uint32_t from, const char *to, const roaring_bitmap_t *nodes,
                     struct err *e)
{
    uint32_t label;
    int r = label_remove(a, from, nodes, e);
    if (r == 0 && !roaring_bitmap_is_empty(nodes) && (r = label_make(a, to, &label, e)) == 0)
        r = label_add(a, label, nodes, e);
    return r;
}

/* 1, and the members of a label as assigned; 0: there is no such label. */
static int members_of(struct apply *a, const char *name, uint32_t *ret_label, roaring_bitmap_t **ret,
                      struct err *e)
{
    int r = label_find(a, name, ret_label, e);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    r = bitmap_get(a->ix, a->txn, TABLE_MEMBER, *ret_label, ret, e);
    return r < 0 ? r : 1;
}

/* All members of a label, which may not be there, are forgotten. */
static int empty_label(struct apply *a, const char *name, struct err *e)
{
    AUTO(bitmap) roaring_bitmap_t *members = NULL;
    uint32_t label;
    int r = members_of(a, name, &label, &members, e);
    return r <= 0 ? r : label_remove(a, label, members, e);
}

int edit_note_past(struct apply *a, const roaring_bitmap_t *nodes, struct err *e)
{
    char name[LABEL_MAX];
    uint32_t label;
    label_name("past", a->rec->edit, 0, name);
    int r = roaring_bitmap_is_empty(nodes) ? 1 : label_make(a, name, &label, e);
    return r == 0 ? label_add(a, label, nodes, e) : r < 0 ? r : 0;
}

/* All that an edit shows goes: it is to be untagged. */
static int lose_label(struct apply *a, const char *name, const char *untag, struct err *e)
{
    AUTO(bitmap) roaring_bitmap_t *members = NULL;
    uint32_t label;
    int r = members_of(a, name, &label, &members, e);
    if (r <= 0 || (r = edit_note_past(a, members, e)) < 0)
        return r;
    return hand_over(a, label, untag, members, e);
}

/* What was retired earlier and is in the cut again needs no end any more. */
static int take_back(struct apply *a, uint64_t version, const roaring_bitmap_t *now, struct err *e)
{
    char name[LABEL_MAX];
    uint32_t label;
    label_name("retired", a->rec->edit, version, name);
    int r = label_find(a, name, &label, e);
    return r == 0 ? label_remove(a, label, now, e) : r == -ENOENT ? 0 : r;
}

/* Takes the names that the edit had below edits/ out of what it lost: they went when the record's own
 * took their place. */
static int leave_names(struct apply *a, uint32_t label, roaring_bitmap_t *lost, struct err *e)
{
    AUTO(bitmap) roaring_bitmap_t *names = roaring_bitmap_create();
    roaring_uint32_iterator_t it;
    for (roaring_init_iterator(lost, &it); it.has_value; roaring_advance_uint32_iterator(&it)) {
        struct attr at;
        int r = attr_get(a->ix, a->txn, it.current_value, &at, NULL, NULL, e);
        if (r < 0)
            return r;
        if (at.flags & ATTR_OF_EDIT)
            roaring_bitmap_add(names, it.current_value);
    }
    roaring_bitmap_andnot_inplace(lost, names);
    return label_remove(a, label, names, e);
}

int edit_switch(struct apply *a, const json_t *old, json_t *row, uint32_t label,
                const roaring_bitmap_t *now, struct err *e)
{
    AUTO(bitmap) roaring_bitmap_t *lost = NULL;
    json_t *retired = json_deep_copy(json_object_get(old, "retired")), *each;
    char to[LABEL_MAX];
    size_t i;
    int r = bitmap_get(a->ix, a->txn, TABLE_MEMBER, label, &lost, e);
    json_object_set(row, "state", json_object_get(old, "state"));
    json_object_del(row, "owner"); /* who ingested it first: an update does not take it over */
    if (json_object_get(old, "owner"))
        json_object_set(row, "owner", json_object_get(old, "owner"));
    json_object_set_new(row, "retired", retired);
    json_array_foreach(retired, i, each) {
        if (r == 0)
            r = take_back(a, (uint64_t)json_integer_value(json_array_get(each, 0)), now, e);
    }
    if (r < 0)
        return r;
    roaring_bitmap_andnot_inplace(lost, now);
    if ((r = leave_names(a, label, lost, e)) < 0)
        return r;
    bool later = a->rec->retire_until != 0 && !roaring_bitmap_is_empty(lost);
    label_name(later ? "retired" : "untag", a->rec->edit, later ? a->rec->version : 0, to);
    if (later)
        json_array_append_new(retired, json_pack("[I I b]", (json_int_t)a->rec->version,
                                                 (json_int_t)a->rec->retire_until, 0));
    if (!later && (r = edit_note_past(a, lost, e)) < 0)
        return r;
    return hand_over(a, label, to, lost, e);
}

int edit_untag(struct apply *a, const char *id, struct err *e)
{
    json_auto_t *row = NULL;
    int r = edit_row(a, id, &row, e);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    set_untagged(a, row);
    return edit_row_put(a, row, e);
}

/* Retired objects whose time was over when the tags were made have lost them. The label stays: the
 * clock alone says what it gives, so that an answer about an earlier moment does not change. */
static void settle_retired(const struct apply *a, json_t *row)
{
    size_t i;
    json_t *each;
    json_array_foreach(json_object_get(row, "retired"), i, each) {
        if (json_integer_value(json_array_get(each, 1)) <= a->rec->at)
            json_array_set_new(each, 2, json_true());
    }
}

int edit_tagged(struct apply *a, struct err *e)
{
    json_auto_t *row = NULL;
    char name[LABEL_MAX];
    int r = edit_row(a, a->rec->edit, &row, e);
    a->no_effect = r == -ENOENT;
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    label_name("untag", a->rec->edit, 0, name);
    if ((r = empty_label(a, name, e)) < 0)
        return r;
    settle_retired(a, row);
    json_object_set_new(row, "tagged", json_true());
    return edit_row_put(a, row, e);
}

int edit_set_state(struct apply *a, const char *state, struct err *e)
{
    json_auto_t *row = NULL;
    int r = edit_row(a, a->rec->edit, &row, e);
    if (r < 0 && r != -ENOENT)
        return r;
    a->no_effect = r == -ENOENT || is_in_state(row, state) || is_in_state(row, "removed");
    if (a->no_effect)
        return 0;
    json_object_set_new(row, "state", json_string(state));
    set_untagged(a, row);
    r = class_edit_changes(a, a->rec->edit, NULL, e);
    return r < 0 ? r : edit_row_put(a, row, e);
}

static int end_grants(struct apply *a, struct err *e)
{
    AUTO(cursor) MDB_cursor *cur = NULL;
    int r = index_err(e, mdb_cursor_open(a->txn, a->ix->table[TABLE_GRANT], &cur), "grants");
    if (r < 0)
        return r;
    MDB_val k, v;
    for (r = mdb_cursor_get(cur, &k, &v, MDB_FIRST); r == 0;
         r = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
        const char *id = (const char *)k.mv_data + k.mv_size - EDIT_ID_LEN;
        if (k.mv_size > EDIT_ID_LEN && memcmp(id, a->rec->edit, EDIT_ID_LEN) == 0 &&
            (r = mdb_cursor_del(cur, 0)) != 0)
            break;
    }
    return r == MDB_NOTFOUND ? 0 : index_err(e, r, "grants");
}

int edit_remove(struct apply *a, struct err *e)
{
    json_auto_t *row = NULL;
    char name[LABEL_MAX], untag[LABEL_MAX];
    size_t i;
    json_t *each;
    int r = edit_row(a, a->rec->edit, &row, e);
    if (r < 0 && r != -ENOENT)
        return r;
    a->no_effect = r == -ENOENT || is_in_state(row, "removed");
    if (a->no_effect)
        return 0;
    label_name("untag", a->rec->edit, 0, untag);
    label_name("edit", a->rec->edit, 0, name);
    if ((r = class_edit_changes(a, a->rec->edit, NULL, e)) < 0 ||
        (r = place_forget_edit(a, a->rec->edit, e)) < 0)
        return r;
    r = lose_label(a, name, untag, e);
    json_array_foreach(json_object_get(row, "retired"), i, each) {
        label_name("retired", a->rec->edit, (uint64_t)json_integer_value(json_array_get(each, 0)),
                   name);
        if (r == 0)
            r = lose_label(a, name, untag, e);
    }
    if (r < 0 || (r = end_grants(a, e)) < 0 ||
        (r = links_clear(a, a->rec->edit, json_string_value(json_object_get(row, "name")), e)) < 0)
        return r;
    json_object_set_new(row, "state", json_string("removed"));
    json_object_set_new(row, "retired", json_array());
    set_untagged(a, row);
    return edit_row_put(a, row, e);
}

int edit_log(struct apply *a, struct err *e)
{
    static const char *const left_out[] = {"v", "prev", "id", "edit", "manifest_stat",
                                           "shots_stat"};
    char key[EDIT_ID_LEN + 8];
    if (!a->rec->edit)
        return 0;
    json_auto_t *row = json_copy(a->rec->json);
    for (size_t i = 0; i < COUNT(left_out); i++)
        json_object_del(row, left_out[i]);
    if (a->no_effect)
        json_object_set_new(row, "no_effect", json_true());
    memcpy(key, a->rec->edit, EDIT_ID_LEN);
    for (int i = 0; i < 8; i++) /* big-endian: the table is in ledger order */
        key[EDIT_ID_LEN + i] = (char)(a->rec->seq >> (56 - 8 * i));
    return table_put_json(a, TABLE_EDITLOG, key, sizeof key, row, e);
}
