/* policy/apply_class.c - the labels "class:NAME": which objects have a class in effect. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/apply_impl.h"

/* An object has its own classes if it was given a list, if only an empty one; else those of the
 * nearest directory above that was given one, and those of the enabled edits that hold it. All that a
 * record may have changed is gathered in `reclass` and found anew at its end, from the rows alone. */

/* The classes of the nearest directory at or above `dir` that was given any; NULL: none was. */
static int of_directory(struct apply *a, node_id dir, json_t **ret, struct err *e)
{
    char key[PLACE_KEY_SIZE];
    struct attr at;
    for (;;) {
        int r = attr_get(a->ix, a->txn, dir, &at, NULL, NULL, e);
        if (r == 0 && (at.flags & ATTR_RULED))
            r = place_value(a, TABLE_CLASS, key, place_node_key(dir, key), ret, e);
        if (r < 0 || *ret || dir == NODE_ROOT)
            return r;
        dir = at.parent;
    }
}

int class_edit_changes(struct apply *a, const char *edit, const roaring_bitmap_t *more,
                       struct err *e)
{
    AUTO(bitmap) roaring_bitmap_t *members = NULL;
    char key[PLACE_KEY_SIZE], name[LABEL_MAX];
    MDB_val v;
    int r = table_get(a->ix, a->txn, TABLE_CLASS, key, place_edit_key(edit, key), &v, e);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    snprintf(name, sizeof name, "edit:%s", edit);
    if ((r = label_members(a, name, &members, e)) < 0)
        return r;
    roaring_bitmap_or_inplace(a->reclass, members);
    if (more)
        roaring_bitmap_or_inplace(a->reclass, more);
    return 0;
}

/* Sets of objects by name. */
struct sets {
    struct set {
        char *name;
        roaring_bitmap_t *nodes;
    } *set;
    size_t n;
};

static void auto_sets(struct sets *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->set[i].name);
        roaring_bitmap_free(s->set[i].nodes);
    }
    free(s->set);
}

static roaring_bitmap_t *set_of(struct sets *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->set[i].name, name) == 0)
            return s->set[i].nodes;
    s->set = xrealloc(s->set, s->n + 1, sizeof *s->set);
    s->set[s->n] = (struct set){xstrdup(name), roaring_bitmap_create()};
    return s->set[s->n++].nodes;
}

static void give(struct sets *s, const json_t *names, const roaring_bitmap_t *nodes)
{
    size_t i;
    json_t *v;
    json_array_foreach(names, i, v)
        roaring_bitmap_or_inplace(set_of(s, json_string_value(v)), nodes);
}

static void give_one(struct sets *s, const json_t *names, node_id node)
{
    size_t i;
    json_t *v;
    json_array_foreach(names, i, v)
        roaring_bitmap_add(set_of(s, json_string_value(v)), node);
}

/* The objects that are looked at, by what their directories give: in node order those of one
 * directory mostly come one after the other. */
struct look {
    struct sets *want;
    roaring_bitmap_t *heirs; /* objects without a list of their own */
    node_id dir;             /* that `names` are of; NODE_NONE: none was looked at */
    json_t *names;           /* NULL: no directory above has any */
    roaring_bitmap_t *run;   /* objects of that directory, not given yet */
};

static void end_run(struct look *l)
{
    give(l->want, l->names, l->run);
    roaring_bitmap_clear(l->run);
    json_decref(l->names);
    l->names = NULL;
}

static int look_at(struct apply *a, struct look *l, node_id id, struct err *e)
{
    json_auto_t *own = NULL;
    char key[PLACE_KEY_SIZE];
    struct attr at;
    int r = attr_get(a->ix, a->txn, id, &at, NULL, NULL, e);
    if (r < 0 || (at.flags & (ATTR_DIR | ATTR_OF_EDIT)))
        return r;
    if ((at.flags & ATTR_RULED) &&
        (r = place_value(a, TABLE_CLASS, key, place_node_key(id, key), &own, e)) < 0)
        return r;
    if (own) {
        give_one(l->want, own, id);
        return 0;
    }
    if (at.parent != l->dir) {
        end_run(l);
        if ((r = of_directory(a, at.parent, &l->names, e)) < 0)
            return r;
        l->dir = at.parent;
    }
    roaring_bitmap_add(l->run, id);
    roaring_bitmap_add(l->heirs, id);
    return 0;
}

static int from_directories(struct apply *a, struct sets *want, roaring_bitmap_t *heirs,
                            struct err *e)
{
    AUTO(bitmap) roaring_bitmap_t *run = roaring_bitmap_create();
    struct look l = {.want = want, .heirs = heirs, .dir = NODE_NONE, .run = run};
    roaring_uint32_iterator_t it;
    int r = 0;
    for (roaring_init_iterator(a->reclass, &it); r == 0 && it.has_value;
         roaring_advance_uint32_iterator(&it))
        r = look_at(a, &l, it.current_value, e);
    end_run(&l);
    return r;
}

/* What the edit's classes are to those of `heirs` that it holds. */
static int from_edit(struct apply *a, const char *edit, const json_t *names,
                     const roaring_bitmap_t *heirs, struct sets *want, struct err *e)
{
    AUTO(bitmap) roaring_bitmap_t *members = NULL;
    json_auto_t *row = NULL;
    char name[LABEL_MAX];
    int r = edit_row(a, edit, &row, e);
    if (r < 0)
        return r;
    if (strcmp(json_string_value(json_object_get(row, "state")), "enabled") != 0)
        return 0;
    snprintf(name, sizeof name, "edit:%s", edit);
    if ((r = label_members(a, name, &members, e)) < 0)
        return r;
    roaring_bitmap_and_inplace(members, heirs);
    give(want, names, members);
    return 0;
}

static int from_edits(struct apply *a, const roaring_bitmap_t *heirs, struct sets *want,
                      struct err *e)
{
    AUTO(cursor) MDB_cursor *cur = NULL;
    int r = index_err(e, mdb_cursor_open(a->txn, a->ix->table[TABLE_CLASS], &cur), "classes");
    if (r < 0)
        return r;
    MDB_val k = {1, "e"}, v;
    r = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);
    for (; r == 0 && k.mv_size == 1 + EDIT_ID_LEN && *(char *)k.mv_data == 'e';
         r = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
        json_auto_t *row = json_loadb(v.mv_data, v.mv_size, 0, NULL);
        char id[EDIT_ID_SIZE];
        snprintf(id, sizeof id, "%.*s", EDIT_ID_LEN, (char *)k.mv_data + 1);
        int f = from_edit(a, id, json_object_get(row, "value"), heirs, want, e);
        if (f < 0)
            return f;
    }
    return r == 0 || r == MDB_NOTFOUND ? 0 : index_err(e, r, "classes");
}

/* Every class that has a label gets a set, if an empty one: who had it may have lost it. */
static int old_classes(struct apply *a, struct sets *ret, struct err *e)
{
    AUTO(cursor) MDB_cursor *cur = NULL;
    int r = index_err(e, mdb_cursor_open(a->txn, a->ix->table[TABLE_LABEL], &cur), "labels");
    if (r < 0)
        return r;
    size_t n = strlen("class:");
    MDB_val k = {n, "class:"}, v;
    r = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);
    for (; r == 0 && k.mv_size > n && memcmp(k.mv_data, "class:", n) == 0;
         r = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
        AUTO(free) char *name = xstrndup((char *)k.mv_data + n, k.mv_size - n);
        set_of(ret, name);
    }
    return r == 0 || r == MDB_NOTFOUND ? 0 : index_err(e, r, "labels");
}

static int make_so(struct apply *a, const struct set *set, struct err *e)
{
    AUTO(bitmap) roaring_bitmap_t *have = NULL;
    char name[LABEL_MAX];
    uint32_t label;
    snprintf(name, sizeof name, "class:%s", set->name);
    int r = label_make(a, name, &label, e);
    if (r < 0 || (r = label_members(a, name, &have, e)) < 0)
        return r;
    roaring_bitmap_and_inplace(have, a->reclass);
    return label_set(a, label, have, set->nodes, e);
}

int class_finish(struct apply *a, struct err *e)
{
    __attribute__((cleanup(auto_sets))) struct sets want = {0};
    AUTO(bitmap) roaring_bitmap_t *heirs = roaring_bitmap_create();
    if (roaring_bitmap_is_empty(a->reclass))
        return 0;
    int r = old_classes(a, &want, e);
    if (r < 0 || (r = from_directories(a, &want, heirs, e)) < 0 ||
        (r = from_edits(a, heirs, &want, e)) < 0)
        return r;
    for (size_t i = 0; r == 0 && i < want.n; i++)
        r = make_so(a, &want.set[i], e);
    return r;
}
