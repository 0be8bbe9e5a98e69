/* policy/apply_zone.c - what a directory gives the objects below it: ACLs, guards, classes. */
/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/apply_impl.h"
#include "policy/propagate.h"

#define EDITS_TOP "ShotLocker"
#define EDITS_DIR "Edits"

/* ---- the propagation filter ---------------------------------------------------------------- */

static int load_filter(struct apply *a, struct err *e)
{
    struct index_read rd = {.ix = a->ix, .txn = a->txn};
    json_auto_t *text = NULL;
    uint64_t seq;
    int r = index_rule(&rd, RULE_SETTING, SETTING_FILTER, "", &text, &seq, e);
    if (r < 0 || a->filter)
        return r;
    return propagate_parse(text ? json_string_value(text) : "", &a->filter, e);
}

static int passes_with(struct apply *a, const json_t *fields, bool *ret, struct err *e)
{
    int r = a->filter ? 0 : load_filter(a, e);
    *ret = r == 0 && propagate_passes(a->filter, fields);
    return r;
}

/* Does a directory hand its ACL, and those from above, down? */
static int passes(struct apply *a, node_id dir, const struct attr *at, bool *ret, struct err *e)
{
    json_auto_t *fields = NULL;
    char key[PLACE_KEY_SIZE];
    int r = 0;
    if (at->flags & ATTR_RULED)
        r = place_value(a, TABLE_METADATA, key, place_node_key(dir, key), &fields, e);
    return r < 0 ? r : passes_with(a, fields, ret, e);
}

static int has_row(struct apply *a, enum index_table t, node_id id, bool *ret, struct err *e)
{
    char key[PLACE_KEY_SIZE];
    MDB_val v;
    int r = t == TABLE_GUARD ? table_get(a->ix, a->txn, t, &id, sizeof id, &v, e)
                             : table_get(a->ix, a->txn, t, key, place_node_key(id, key), &v, e);
    *ret = r == 0;
    return r == -ENOENT ? 0 : r;
}

/* ---- objects below a place ----------------------------------------------------------------- */

/* Does the zone of `top` go on below the directory? */
static int enters(struct apply *a, node_id top, node_id dir, enum zone zone, bool *ret,
                  struct err *e)
{
    struct attr at;
    bool ruled;
    *ret = true;
    if (zone == ZONE_ALL)
        return 0;
    int r = attr_get(a->ix, a->txn, dir, &at, NULL, NULL, e);
    if (r < 0)
        return r;
    if (zone == ZONE_ACL)
        return passes(a, dir, &at, ret, e);
    if (dir == top || !(at.flags & ATTR_RULED))
        return 0;
    r = has_row(a, TABLE_CLASS, dir, &ruled, e);
    *ret = !ruled;
    return r;
}

/* The children of a directory: objects to `ret`, directories to `dirs`. */
static int list(MDB_cursor *cur, node_id dir, roaring_bitmap_t *ret, roaring_bitmap_t *dirs,
                struct err *e)
{
    uint32_t be = htonl(dir);
    MDB_val k = {sizeof be, &be}, v;
    int r = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);
    for (; r == 0 && memcmp(k.mv_data, &be, sizeof be) == 0;
         r = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
        node_id id;
        memcpy(&id, v.mv_data, sizeof id);
        char mark = ((char *)k.mv_data)[k.mv_size - 1]; /* see enum node_kind */
        if (mark != '\0')
            roaring_bitmap_add(mark == '/' ? dirs : ret, id);
    }
    return r == 0 || r == MDB_NOTFOUND ? 0 : index_err(e, r, "nodes");
}

int zone_objects(struct apply *a, node_id top, enum zone zone, roaring_bitmap_t *ret,
                 struct err *e)
{
    struct attr at;
    int r = attr_get(a->ix, a->txn, top, &at, NULL, NULL, e);
    if (r < 0)
        return r;
    if (!(at.flags & ATTR_DIR)) {
        roaring_bitmap_add(ret, top);
        return 0;
    }
    AUTO(cursor) MDB_cursor *cur = NULL;
    if ((r = index_err(e, mdb_cursor_open(a->txn, a->ix->table[TABLE_NODE], &cur), "nodes")) < 0)
        return r;
    AUTO(bitmap) roaring_bitmap_t *todo = roaring_bitmap_create();
    roaring_bitmap_add(todo, top);
    while (!roaring_bitmap_is_empty(todo)) {
        node_id dir = roaring_bitmap_minimum(todo);
        bool in;
        roaring_bitmap_remove(todo, dir);
        if ((r = enters(a, top, dir, zone, &in, e)) < 0 ||
            (in && (r = list(cur, dir, ret, todo, e)) < 0))
            return r;
    }
    return 0;
}

/* ---- new objects --------------------------------------------------------------------------- */

void zone_forget(struct apply *a)
{
    free(a->inherit.nodes);
    a->inherit = (struct inherit){0};
}

static int inherit_label(struct apply *a, const char *name, struct err *e)
{
    struct inherit *in = &a->inherit;
    uint32_t label;
    int r = label_make(a, name, &label, e);
    if (r < 0)
        return r;
    in->nodes = xrealloc(in->nodes, in->n + 1, sizeof *in->nodes);
    in->nodes[in->n++] = label_gather(a, label);
    return 0;
}

static int inherit_node(struct apply *a, enum index_table t, const char *kind, node_id id,
                        struct err *e)
{
    char name[LABEL_MAX];
    bool has;
    int r = has_row(a, t, id, &has, e);
    if (r < 0 || !has)
        return r;
    snprintf(name, sizeof name, "%s:%u", kind, id);
    return inherit_label(a, name, e);
}

static int inherit_classes(struct apply *a, node_id id, bool *ret_found, struct err *e)
{
    json_auto_t *names = NULL;
    char key[PLACE_KEY_SIZE];
    size_t i;
    json_t *v;
    int r = place_value(a, TABLE_CLASS, key, place_node_key(id, key), &names, e);
    json_array_foreach(names, i, v) {
        char name[LABEL_MAX];
        snprintf(name, sizeof name, "class:%s", json_string_value(v));
        if (r == 0)
            r = inherit_label(a, name, e);
    }
    *ret_found = names;
    return r;
}

/* A component of a directory's path. */
struct component {
    char name[NAME_LIMIT + 1];
};

/* The files of an edit are those below ShotLocker/Edits/ID/. `top` are the first three components of
 * the directory, the first one last. */
static bool is_of_edits(const struct component top[3])
{
    return strcmp(top[2].name, EDITS_TOP) == 0 && strcmp(top[1].name, EDITS_DIR) == 0;
}

static int inherit_files(struct apply *a, const struct component top[3], struct err *e)
{
    char name[LABEL_MAX];
    if (!is_of_edits(top) || !edit_id_is_valid(top[0].name))
        return 0;
    snprintf(name, sizeof name, "files:%.*s", EDIT_ID_LEN, top[0].name);
    return inherit_label(a, name, e);
}

/* What the rows of one of the directories above give: an ACL only `through` those in between, classes
 * only where none below has any. */
static int inherit_from(struct apply *a, node_id id, bool through, bool *classed, struct err *e)
{
    int r = inherit_node(a, TABLE_GUARD, "guard", id, e);
    if (r == 0 && through)
        r = inherit_node(a, TABLE_ACL, "acl", id, e);
    return r < 0 || *classed ? r : inherit_classes(a, id, classed, e);
}

static int find_inherited(struct apply *a, node_id dir, const struct attr *attr, struct err *e)
{
    struct component top[3] = {0};
    bool through = true, classed = false, pass;
    int depth = 0;
    zone_forget(a);
    for (node_id at = dir;;) {
        struct attr here;
        const char *name;
        int r = attr_get(a->ix, a->txn, at, &here, &name, NULL, e);
        if (r < 0)
            return r;
        if (at != NODE_ROOT) {
            depth++;
            top[0] = top[1];
            top[1] = top[2];
            memcpy(top[2].name, name, here.name_len);
            top[2].name[here.name_len] = '\0';
        }
        if (through && (r = passes(a, at, &here, &pass, e)) < 0)
            return r;
        through = through && pass;
        if ((here.flags & ATTR_RULED) && (r = inherit_from(a, at, through, &classed, e)) < 0)
            return r;
        if (at == NODE_ROOT)
            break;
        at = here.parent;
    }
    int r = inherit_files(a, top, e);
    if (r < 0)
        return r;
    a->inherit.dir = dir;
    bool own = (attr->flags & ATTR_RULED) || (depth == 3 && is_of_edits(top));
    a->inherit.above = own ? NODE_NONE : attr->parent;
    return 0;
}

static int new_dir(struct apply *a, node_id dir, struct err *e)
{
    struct attr attr;
    int r = attr_get(a->ix, a->txn, dir, &attr, NULL, NULL, e);
    if (r < 0)
        return r;
    if (!(attr.flags & ATTR_RULED) && a->inherit.dir != NODE_NONE && attr.parent == a->inherit.above) {
        a->inherit.dir = dir; /* beside the last one, and neither has anything of its own */
        return 0;
    }
    return find_inherited(a, dir, &attr, e);
}

int zone_inherit(struct apply *a, node_id node, node_id parent, struct err *e)
{
    int r = a->inherit.dir == parent ? 0 : new_dir(a, parent, e);
    for (size_t i = 0; r == 0 && i < a->inherit.n; i++)
        roaring_bitmap_add(a->inherit.nodes[i], node);
    return r;
}

/* ---- rules that change --------------------------------------------------------------------- */

int zone_metadata(struct apply *a, node_id dir, const json_t *now, struct err *e)
{
    struct attr at;
    bool did, does;
    int r = attr_get(a->ix, a->txn, dir, &at, NULL, NULL, e);
    if (r < 0 || (r = passes(a, dir, &at, &did, e)) < 0 ||
        (r = passes_with(a, now, &does, e)) < 0 || did == does)
        return r;
    for (;;) {
        roaring_bitmap_add(a->rezone, dir);
        if (dir == NODE_ROOT)
            return 0;
        if ((r = attr_get(a->ix, a->txn, dir, &at, NULL, NULL, e)) < 0)
            return r;
        dir = at.parent;
    }
}

int zone_filter(struct apply *a, struct err *e)
{
    AUTO(cursor) MDB_cursor *cur = NULL;
    zone_forget(a);
    propagate_free(a->filter);
    a->filter = NULL;
    int r = index_err(e, mdb_cursor_open(a->txn, a->ix->table[TABLE_ACL], &cur), "ACLs");
    if (r < 0)
        return r;
    MDB_val k = {1, "n"}, v;
    r = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);
    for (; r == 0 && *(char *)k.mv_data == 'n'; r = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
        uint32_t be;
        memcpy(&be, (char *)k.mv_data + 1, sizeof be);
        roaring_bitmap_add(a->rezone, ntohl(be));
    }
    return r == 0 || r == MDB_NOTFOUND ? 0 : index_err(e, r, "ACLs");
}

/* Makes a label have exactly what its node's row makes of it. */
static int rezone(struct apply *a, enum index_table t, const char *kind, enum zone zone, node_id id,
                  struct err *e)
{
    AUTO(bitmap) roaring_bitmap_t *want = roaring_bitmap_create(), *have = NULL;
    char name[LABEL_MAX];
    uint32_t label;
    bool has;
    snprintf(name, sizeof name, "%s:%u", kind, id);
    int r = has_row(a, t, id, &has, e);
    if (r < 0 || (has && (r = zone_objects(a, id, zone, want, e)) < 0))
        return r;
    r = has ? label_make(a, name, &label, e) : label_find(a, name, &label, e);
    if (r < 0)
        return r == -ENOENT ? 0 : r; /* there was never such a row */
    if ((r = label_members(a, name, &have, e)) < 0)
        return r;
    return label_set(a, label, have, want, e);
}

int zone_finish(struct apply *a, struct err *e)
{
    roaring_uint32_iterator_t it;
    for (roaring_init_iterator(a->rezone, &it); it.has_value;
         roaring_advance_uint32_iterator(&it)) {
        node_id id = it.current_value;
        int r = rezone(a, TABLE_ACL, "acl", ZONE_ACL, id, e);
        if (r < 0 || (r = rezone(a, TABLE_GUARD, "guard", ZONE_ALL, id, e)) < 0)
            return r;
    }
    return 0;
}
