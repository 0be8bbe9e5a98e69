/* policy/apply_label.c - labels: members as assigned, and their closure over directories. */
/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/apply_impl.h"

int label_find(struct apply *a, const char *name, uint32_t *ret, struct err *e)
{
    MDB_val v;
    int r = table_get(a->ix, a->txn, TABLE_LABEL, name, strlen(name), &v, e);
    if (r == 0)
        memcpy(ret, v.mv_data, sizeof *ret);
    return r;
}

int label_make(struct apply *a, const char *name, uint32_t *ret, struct err *e)
{
    int r = label_find(a, name, ret, e);
    if (r != -ENOENT)
        return r;
    MDB_stat st;
    if ((r = mdb_stat(a->txn, a->ix->table[TABLE_LNAME], &st)) != 0)
        return index_err(e, r, "labels");
    uint32_t id = (uint32_t)st.ms_entries + 1; /* labels are never deleted */
    r = table_put(a->ix, a->txn, TABLE_LABEL, name, strlen(name), &id, sizeof id, e);
    if (r == 0)
        r = table_put(a->ix, a->txn, TABLE_LNAME, &id, sizeof id, name, strlen(name), e);
    *ret = id;
    return r;
}

static roaring_bitmap_t *gathered(struct apply *a, uint32_t label)
{
    for (size_t i = 0; i < a->n_gather; i++)
        if (a->gather[i].label == label)
            return a->gather[i].nodes;
    a->gather = xrealloc(a->gather, a->n_gather + 1, sizeof *a->gather);
    a->gather[a->n_gather] = (struct gather){label, roaring_bitmap_create()};
    return a->gather[a->n_gather++].nodes;
}

int label_add(struct apply *a, uint32_t label, const roaring_bitmap_t *nodes, struct err *e)
{
    (void)e;
    roaring_bitmap_or_inplace(gathered(a, label), nodes);
    return 0;
}

int label_inherit(struct apply *a, node_id node, node_id parent, struct err *e)
{
    if (roaring_bitmap_is_empty(a->acl_nodes))
        return 0;
    for (node_id at = parent;;) {
        if (roaring_bitmap_contains(a->acl_nodes, at)) {
            char name[32];
            uint32_t label = 0;
            snprintf(name, sizeof name, "acl:%u", at);
            int r = label_find(a, name, &label, e);
            if (r < 0)
                return r;
            roaring_bitmap_add(gathered(a, label), node);
        }
        if (at == NODE_ROOT)
            return 0;
        struct attr attr;
        int r = attr_get(a->ix, a->txn, at, &attr, NULL, NULL, e);
        if (r < 0)
            return r;
        at = attr.parent;
    }
}

int label_touch(struct apply *a, node_id node, struct err *e)
{
    return table_numbers(a, TABLE_TAGGED, node, a->touched, e);
}

static int untag(void *arg, const char *label, struct err *e)
{
    char id[EDIT_ID_SIZE];
    return edit_of_label(label, id) ? edit_untag(arg, id, e) : 0;
}

int label_untag(struct apply *a, node_id node, struct err *e)
{
    struct index_read rd = {.ix = a->ix, .txn = a->txn};
    return index_labels_of(&rd, node, untag, a, e);
}

int label_remove(struct apply *a, uint32_t label, const roaring_bitmap_t *nodes, struct err *e)
{
    AUTO(bitmap) roaring_bitmap_t *members = NULL;
    int r = bitmap_get(a->ix, a->txn, TABLE_MEMBER, label, &members, e);
    if (r < 0)
        return r;
    roaring_bitmap_andnot_inplace(members, nodes);
    if ((r = bitmap_put(a->ix, a->txn, TABLE_MEMBER, label, members, e)) < 0)
        return r;
    roaring_uint32_iterator_t it;
    for (roaring_init_iterator(nodes, &it); it.has_value; roaring_advance_uint32_iterator(&it)) {
        node_id id = it.current_value;
        MDB_val k = {sizeof id, &id}, v = {sizeof label, &label};
        r = mdb_del(a->txn, a->ix->table[TABLE_TAGGED], &k, &v);
        if (r != 0 && r != MDB_NOTFOUND)
            return index_err(e, r, "tagged");
    }
    roaring_bitmap_add(a->touched, label);
    return 0;
}

/* Every object below `top` (or `top` itself where it is one), live or not. */
int label_subtree(struct apply *a, node_id top, roaring_bitmap_t *ret, struct err *e)
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
        roaring_bitmap_remove(todo, dir);
        uint32_t be = htonl(dir);
        MDB_val k = {sizeof be, &be}, v;
        r = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);
        for (; r == 0 && memcmp(k.mv_data, &be, sizeof be) == 0;
             r = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
            node_id id;
            memcpy(&id, v.mv_data, sizeof id);
            char mark = ((char *)k.mv_data)[k.mv_size - 1]; /* see enum node_kind */
            if (mark != '\0')
                roaring_bitmap_add(mark == '/' ? todo : ret, id);
        }
        if (r != 0 && r != MDB_NOTFOUND)
            return index_err(e, r, "nodes");
    }
    return 0;
}

/* Live members and every directory above them. */
static int make_closed(struct apply *a, uint32_t label, const roaring_bitmap_t *members,
                       struct err *e)
{
    AUTO(bitmap) roaring_bitmap_t *closed = roaring_bitmap_create();
    roaring_uint32_iterator_t it;
    node_id last_parent = NODE_NONE;
    for (roaring_init_iterator(members, &it); it.has_value; roaring_advance_uint32_iterator(&it)) {
        node_id id = it.current_value;
        struct attr at;
        int r = attr_get(a->ix, a->txn, id, &at, NULL, NULL, e);
        if (r < 0)
            return r;
        if (!attr_is_live(&at))
            continue;
        roaring_bitmap_add(closed, id);
        if (at.parent == last_parent)
            continue;
        last_parent = at.parent;
        for (node_id dir = at.parent; roaring_bitmap_add_checked(closed, dir); dir = at.parent)
            if ((r = attr_get(a->ix, a->txn, dir, &at, NULL, NULL, e)) < 0)
                return r;
    }
    return bitmap_put(a->ix, a->txn, TABLE_CLOSED, label, closed, e);
}

static int store_gathered(struct apply *a, const struct gather *g, struct err *e)
{
    AUTO(bitmap) roaring_bitmap_t *members = NULL;
    int r = bitmap_get(a->ix, a->txn, TABLE_MEMBER, g->label, &members, e);
    if (r < 0)
        return r;
    roaring_bitmap_or_inplace(members, g->nodes);
    if ((r = bitmap_put(a->ix, a->txn, TABLE_MEMBER, g->label, members, e)) < 0)
        return r;
    roaring_uint32_iterator_t it;
    for (roaring_init_iterator(g->nodes, &it); it.has_value; roaring_advance_uint32_iterator(&it)) {
        node_id id = it.current_value;
        r = table_put(a->ix, a->txn, TABLE_TAGGED, &id, sizeof id, &g->label, sizeof g->label, e);
        if (r < 0)
            return r;
    }
    roaring_bitmap_add(a->touched, g->label);
    return 0;
}

int label_finish(struct apply *a, struct err *e)
{
    for (size_t i = 0; i < a->n_gather; i++) {
        int r = store_gathered(a, &a->gather[i], e);
        if (r < 0)
            return r;
    }
    roaring_uint32_iterator_t it;
    for (roaring_init_iterator(a->touched, &it); it.has_value;
         roaring_advance_uint32_iterator(&it)) {
        AUTO(bitmap) roaring_bitmap_t *members = NULL;
        int r = bitmap_get(a->ix, a->txn, TABLE_MEMBER, it.current_value, &members, e);
        if (r == 0)
            r = make_closed(a, it.current_value, members, e);
        if (r < 0)
            return r;
    }
    return 0;
}
