/* policy/decide_guard.c - what an asker is denied whatever it is given: by guards, by its token. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/decide_impl.h"

int add_above(struct index_read *rd, node_id id, roaring_bitmap_t *ret, struct err *e)
{
    struct node n;
    while (id != NODE_ROOT) {
        int r = index_node(rd, id, &n, e);
        if (r < 0)
            return r == -ENOENT ? err_set(e, -EBADMSG, "index: no node %u", id) : r;
        if (!roaring_bitmap_add_checked(ret, n.parent))
            return 0; /* those above it are there too */
        id = n.parent;
    }
    return 0;
}

int node_chain(struct index_read *rd, node_id id, node_id **ret, size_t *ret_n, struct err *e)
{
    struct node n;
    *ret = NULL;
    *ret_n = 0;
    for (;; id = n.parent) {
        int r = index_node(rd, id, &n, e);
        if (r < 0)
            return r;
        *RULES_GROW(*ret, *ret_n) = id;
        if (id == NODE_ROOT)
            return 0;
    }
}

/* ---- guards -------------------------------------------------------------------------------- */

/* Where the deepest guard alone counts, what it admits is no more denied by those above it. Guards
 * come by depth. */
static int judge(struct asker *a, struct index_read *rd, node_id node, uint32_t label, bool passes,
                 struct err *e)
{
    AUTO(roaring) roaring_bitmap_t *holds = NULL, *above = roaring_bitmap_create();
    if (label == 0 || (passes && !a->rules->most_specific))
        return 0;
    int r = index_label_nodes(rd, label, &holds, e);
    if (r < 0 || roaring_bitmap_is_empty(holds) || (r = add_above(rd, node, above, e)) < 0)
        return r;
    roaring_bitmap_andnot_inplace(holds, above);
    if (!passes) {
        roaring_bitmap_or_inplace(a->denied, holds);
    } else if (roaring_bitmap_intersect(a->denied, holds)) {
        roaring_bitmap_andnot_inplace(a->denied, holds);
        roaring_bitmap_andnot_inplace(a->denied, above);
    } else {
        return 0;
    }
    roaring_bitmap_or_inplace(a->edges, above);
    return 0;
}

int asker_deny(struct asker *a, struct index_read *rd, struct err *e)
{
    const struct rules *r = a->rules;
    if (a->anonymous || a->superuser)
        return 0; /* sees nothing, or is asked for nothing */
    for (size_t i = 0; i < r->n_guards;) {
        const struct rules_guard *g = &r->guards[i];
        bool passes = true; /* all guards that stand on one node */
        for (; i < r->n_guards && r->guards[i].node == g->node; i++)
            passes = passes && asker_passes(a, &r->guards[i]);
        int err = judge(a, rd, g->node, g->label, passes, e);
        if (err < 0)
            return err;
    }
    return 0;
}

/* ---- the token ----------------------------------------------------------------------------- */

struct gather {
    roaring_bitmap_t *todo, *objects;
};

static int gather_child(void *arg, const struct node *n, struct err *e)
{
    struct gather *g = arg;
    (void)e;
    roaring_bitmap_add(n->is_dir ? g->todo : g->objects, n->id);
    return 0;
}

/* "show/a/": all live objects below it; "show/a.mov": that one; "/": all. What is not there has
 * nothing. */
static int add_location(struct index_read *rd, const char *location, roaring_bitmap_t *ret,
                        struct err *e)
{
    AUTO(roaring) roaring_bitmap_t *todo = roaring_bitmap_create();
    struct gather g = {todo, ret};
    struct node n;
    node_id id;
    size_t len = strlen(location);
    bool is_dir = len > 0 && location[len - 1] == '/';
    if (len == 0)
        return 0;
    int r = index_find(rd, location, &id, e);
    if (r == 0)
        r = index_node(rd, id, &n, e);
    if (r < 0 || n.is_dir != is_dir)
        return r == -ENOENT ? 0 : r;
    roaring_bitmap_add(is_dir ? todo : ret, id);
    while (!roaring_bitmap_is_empty(todo)) {
        id = roaring_bitmap_minimum(todo);
        roaring_bitmap_remove(todo, id);
        if ((r = index_children(rd, id, "", 0, gather_child, &g, e)) < 0)
            return r;
    }
    return 0;
}

static int add_edit(struct asker *a, struct index_read *rd, const char *id, roaring_bitmap_t *ret,
                    struct err *e)
{
    const struct rules *r = a->rules;
    uint32_t at = rules_edit_at(r, id);
    const struct rules_edit *ed = at == RULES_NONE ? NULL : &r->edits[at];
    for (size_t i = 0; ed && i < ed->n_labels; i++) {
        AUTO(roaring) roaring_bitmap_t *set = NULL;
        if (r->labels[ed->labels[i]].kind == LABEL_LOST)
            continue;
        int err = index_label_nodes(rd, ed->labels[i], &set, e);
        if (err < 0)
            return err;
        roaring_bitmap_or_inplace(ret, set);
    }
    return 0;
}

/* What one element leaves of the lake: both conditions hold where it has both. NULL: everything. */
static int element_set(struct asker *a, struct index_read *rd, const json_t *element,
                       roaring_bitmap_t **ret, struct err *e)
{
    const json_t *edits = json_object_get(element, "edits");
    const json_t *locations = json_object_get(element, "locations");
    AUTO(roaring) roaring_bitmap_t *in_edits = roaring_bitmap_create();
    AUTO(roaring) roaring_bitmap_t *in_places = roaring_bitmap_create();
    size_t i;
    json_t *v;
    int r = 0;
    json_array_foreach(edits, i, v) {
        if (r == 0)
            r = add_edit(a, rd, json_string_value(v), in_edits, e);
    }
    json_array_foreach(locations, i, v) {
        if (r == 0)
            r = add_location(rd, json_string_value(v), in_places, e);
    }
    if (r < 0)
        return r;
    if (edits && locations)
        roaring_bitmap_and_inplace(in_edits, in_places);
    *ret = edits ? TAKE(in_edits) : locations ? TAKE(in_places) : NULL;
    return 0;
}

static bool speaks_of(const json_t *element, const char *action)
{
    const json_t *actions = json_object_get(element, "actions");
    return !actions || (action && json_has(actions, action));
}

bool details_leave_names(const json_t *details, const char *edit)
{
    size_t i;
    json_t *element;
    json_array_foreach(details, i, element) {
        const json_t *edits = json_object_get(element, "edits");
        const json_t *locations = json_object_get(element, "locations");
        bool all = !locations || json_has(locations, "/") || json_has(locations, "edits/");
        if (speaks_of(element, "read") && (edits ? json_has(edits, edit) : all))
            return true;
    }
    return !details;
}

/* A scope for each action that some element names, and the last one for all others. */
static void make_scopes(struct asker *a)
{
    json_auto_t *seen = json_object();
    size_t i, k;
    json_t *element, *action;
    json_array_foreach(a->who.details, i, element) {
        json_array_foreach(json_object_get(element, "actions"), k, action) {
            const char *name = json_string_value(action);
            if (json_object_get(seen, name))
                continue;
            json_object_set_new(seen, name, json_true());
            RULES_GROW(a->scopes, a->n_scopes)->action = name;
        }
    }
    (void)RULES_GROW(a->scopes, a->n_scopes);
}

static int find_scopes(struct asker *a, struct index_read *rd, struct err *e)
{
    bool *all = xcalloc(a->n_scopes, sizeof *all);
    size_t i;
    json_t *element;
    int r = 0;
    for (size_t s = 0; s < a->n_scopes; s++)
        a->scopes[s].within = roaring_bitmap_create();
    json_array_foreach(a->who.details, i, element) {
        AUTO(roaring) roaring_bitmap_t *set = NULL;
        if (r < 0 || (r = element_set(a, rd, element, &set, e)) < 0)
            break;
        for (size_t s = 0; s < a->n_scopes; s++) {
            if (!speaks_of(element, a->scopes[s].action))
                continue;
            all[s] = all[s] || !set;
            if (set)
                roaring_bitmap_or_inplace(a->scopes[s].within, set);
        }
    }
    for (size_t s = 0; s < a->n_scopes; s++) {
        if (!all[s])
            continue;
        roaring_bitmap_free(a->scopes[s].within);
        a->scopes[s].within = NULL;
    }
    free(all);
    return r;
}

/* ---- files that name media ----------------------------------------------------------------- */

static int stop_at_object(void *arg, const struct node *n, struct err *e)
{
    (void)e;
    if (n->is_dir || n->target != NODE_NONE)
        return 0;
    *(bool *)arg = true;
    return -ECANCELED;
}

int set_has_object(struct index_read *rd, const roaring_bitmap_t *set, bool *ret, struct err *e)
{
    int r = roaring_bitmap_is_empty(set) ? 0 : index_nodes(rd, set, stop_at_object, ret, e);
    return r == -ECANCELED && *ret ? 0 : r;
}

/* Has a label an object that guards deny, or that is outside the scope? */
static int has_hidden(struct asker *a, struct index_read *rd, uint32_t label,
                      const roaring_bitmap_t *within, bool *ret, struct err *e)
{
    AUTO(roaring) roaring_bitmap_t *set = NULL, *denied = NULL, *outside = NULL;
    int r = index_label_nodes(rd, label, &set, e);
    if (r < 0)
        return r;
    denied = roaring_bitmap_and(set, a->denied);
    if ((r = set_has_object(rd, denied, ret, e)) < 0 || *ret || !within)
        return r;
    outside = roaring_bitmap_andnot(set, within);
    return set_has_object(rd, outside, ret, e);
}

static int edit_hides(struct asker *a, struct index_read *rd, const struct rules_edit *ed,
                      const roaring_bitmap_t *within, uint8_t *ret, struct err *e)
{
    const struct rules_label *labels = a->rules->labels;
    bool has_files = false;
    *ret = 0;
    for (size_t i = 0; i < ed->n_labels; i++)
        has_files = has_files || labels[ed->labels[i]].kind == LABEL_FILES;
    for (size_t i = 0; has_files && i < ed->n_labels; i++) {
        enum label_kind kind = labels[ed->labels[i]].kind;
        bool has = false;
        if (kind == LABEL_FILES || (*ret && kind != LABEL_EDIT))
            continue;
        int r = has_hidden(a, rd, ed->labels[i], within, &has, e);
        if (r < 0)
            return r;
        if (has)
            *ret |= kind == LABEL_EDIT ? HIDES_NOW | HIDES_EVER : HIDES_EVER;
    }
    return 0;
}

const struct rules_edit *asker_hides_file(const struct asker *a, const struct asker_scope *scope,
                                          const uint32_t *labels, size_t n)
{
    const struct rules_label *all = a->rules->labels;
    for (size_t i = 0; scope->hides && i < n; i++) {
        const struct rules_label *files = &all[labels[i]];
        if (files->kind != LABEL_FILES || !scope->hides[files->of])
            continue;
        enum hides by = HIDES_EVER;
        for (size_t k = 0; k < n; k++)
            if (all[labels[k]].kind == LABEL_EDIT && all[labels[k]].of == files->of)
                by = HIDES_NOW;
        if (scope->hides[files->of] & by)
            return &a->rules->edits[files->of];
    }
    return NULL;
}

int asker_narrow(struct asker *a, struct index_read *rd, struct err *e)
{
    const struct rules *rules = a->rules;
    make_scopes(a);
    int r = a->who.details ? find_scopes(a, rd, e) : 0;
    for (size_t s = 0; r == 0 && s < a->n_scopes; s++) {
        struct asker_scope *scope = &a->scopes[s];
        if (!scope->within && roaring_bitmap_is_empty(a->denied))
            continue;
        scope->hides = xcalloc(rules->n_edits + 1, sizeof *scope->hides);
        for (size_t i = 0; r == 0 && i < rules->n_edits; i++)
            r = edit_hides(a, rd, &rules->edits[i], scope->within, &scope->hides[i], e);
    }
    return r;
}
