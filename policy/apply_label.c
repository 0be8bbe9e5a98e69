/* policy/apply_label.c - labels: members as assigned, and their closure over directories. */
/* SPDX-License-Identifier: MIT */
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

roaring_bitmap_t *label_gather(struct apply *a, uint32_t label)
{
    for (size_t i = a->n_gather; i > 0; i--) /* mostly the last one again */
        if (a->gather[i - 1].label == label)
            return a->gather[i - 1].nodes;
    a->gather = xrealloc(a->gather, a->n_gather + 1, sizeof *a->gather);
    a->gather[a->n_gather] = (struct gather){label, roaring_bitmap_create()};
    return a->gather[a->n_gather++].nodes;
}

int label_add(struct apply *a, uint32_t label, const roaring_bitmap_t *nodes, struct err *e)
{
    (void)e;
    roaring_bitmap_or_inplace(label_gather(a, label), nodes);
    return 0;
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

int label_members(struct apply *a, const char *name, roaring_bitmap_t **ret, struct err *e)
{
    uint32_t label;
    int r = label_find(a, name, &label, e);
    if (r == 0)
        return bitmap_get(a->ix, a->txn, TABLE_MEMBER, label, ret, e);
    if (r == -ENOENT)
        *ret = roaring_bitmap_create();
    return r == -ENOENT ? 0 : r;
}

int label_set(struct apply *a, uint32_t label, const roaring_bitmap_t *have,
              const roaring_bitmap_t *want, struct err *e)
{
    AUTO(bitmap) roaring_bitmap_t *more = roaring_bitmap_andnot(want, have);
    AUTO(bitmap) roaring_bitmap_t *less = roaring_bitmap_andnot(have, want);
    int r = roaring_bitmap_is_empty(less) ? 0 : label_remove(a, label, less, e);
    return r < 0 || roaring_bitmap_is_empty(more) ? r : label_add(a, label, more, e);
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

static int store_all(struct apply *a, struct err *e)
{
    int r = 0;
    zone_forget(a); /* it knows these bitmaps */
    for (size_t i = 0; i < a->n_gather; i++) {
        if (r == 0)
            r = store_gathered(a, &a->gather[i], e);
        roaring_bitmap_free(a->gather[i].nodes);
    }
    a->n_gather = 0;
    return r;
}

static int store_names(struct apply *a, struct err *e)
{
    AUTO(bitmap) roaring_bitmap_t *names = NULL;
    if (roaring_bitmap_is_empty(a->names))
        return 0;
    int r = names_get(a->ix, a->txn, &names, e);
    if (r < 0)
        return r;
    roaring_bitmap_or_inplace(names, a->names);
    return names_put(a->ix, a->txn, names, e);
}

int label_finish(struct apply *a, struct err *e)
{
    int r;
    /* what rules make is found from stored members, and may make more of them */
    if ((r = store_all(a, e)) < 0 || (r = zone_finish(a, e)) < 0 || (r = class_finish(a, e)) < 0 ||
        (r = store_all(a, e)) < 0 || (r = store_names(a, e)) < 0)
        return r;
    roaring_uint32_iterator_t it;
    for (roaring_init_iterator(a->touched, &it); it.has_value;
         roaring_advance_uint32_iterator(&it)) {
        AUTO(bitmap) roaring_bitmap_t *members = NULL;
        r = bitmap_get(a->ix, a->txn, TABLE_MEMBER, it.current_value, &members, e);
        if (r == 0)
            r = make_closed(a, it.current_value, members, e);
        if (r < 0)
            return r;
    }
    return 0;
}
