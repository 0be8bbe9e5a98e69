/* policy/visible.c - the one question behind every lookup: what may this principal see now? */
/* SPDX-License-Identifier: MIT */
#include "policy/visible.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/when.h"
#include "policy/decide_impl.h"

/* A set of visible nodes in the making. */
struct making {
    const struct asker *a;
    struct index_read *rd;
    roaring_bitmap_t *set;   /* nodes; at first what the labels hold, then what is left of it */
    roaring_bitmap_t *names; /* names below edits/ that are in question */
    roaring_bitmap_t *edges; /* directories that may have lost their last visible object */
    roaring_bitmap_t *out;   /* what the walk at hand finds */
};

/* ---- directories --------------------------------------------------------------------------- */

static int close_over(void *arg, const struct node *n, struct err *e)
{
    struct making *m = arg;
    if (n->is_dir)
        return 0;
    roaring_bitmap_add(m->out, n->id);
    if (!roaring_bitmap_add_checked(m->out, n->parent))
        return 0; /* a neighbour was here */
    return add_above(m->rd, n->parent, m->out, e);
}

/* The objects of the set with the directories above them, from scratch. */
static int rebuild(struct making *m, struct err *e)
{
    roaring_bitmap_t *old = m->set;
    m->set = m->out = roaring_bitmap_create();
    int r = index_nodes(m->rd, old, close_over, m, e);
    roaring_bitmap_free(old);
    return r;
}

struct child_search {
    const roaring_bitmap_t *set;
    roaring_bitmap_t *unsure; /* subdirectories whose own turn has not come */
    const roaring_bitmap_t *todo;
    bool found;
};

static int search_child(void *arg, const struct node *n, struct err *e)
{
    struct child_search *s = arg;
    (void)e;
    if (roaring_bitmap_contains(s->set, n->id)) {
        s->found = true;
        return -ECANCELED;
    }
    if (roaring_bitmap_contains(s->todo, n->id))
        roaring_bitmap_add(s->unsure, n->id);
    return 0;
}

/* Puts the directory back into the set where something below it is in there. As deep as the tree. */
static int keep_directory(struct making *m, roaring_bitmap_t *todo, node_id dir, struct err *e)
{
    AUTO(roaring) roaring_bitmap_t *unsure = roaring_bitmap_create();
    struct child_search s = {m->set, unsure, todo, false};
    roaring_uint32_iterator_t it;
    roaring_bitmap_remove(todo, dir);
    int r = index_children(m->rd, dir, "", 0, search_child, &s, e);
    if (r < 0 && !s.found)
        return r;
    for (roaring_init_iterator(unsure, &it); !s.found && it.has_value;
         roaring_advance_uint32_iterator(&it)) {
        if ((r = keep_directory(m, todo, it.current_value, e)) < 0)
            return r;
        s.found = roaring_bitmap_contains(m->set, it.current_value);
    }
    if (s.found)
        roaring_bitmap_add(m->set, dir);
    return 0;
}

/* Takes those of the edges out of the set that have nothing visible below them any more. The cost is
 * that of their children, whatever the set's size. */
static int prune(struct making *m, struct err *e)
{
    AUTO(roaring) roaring_bitmap_t *todo = roaring_bitmap_and(m->edges, m->set);
    roaring_bitmap_andnot_inplace(m->set, todo);
    roaring_bitmap_remove(todo, NODE_ROOT); /* is above all: no need to look through its children */
    while (!roaring_bitmap_is_empty(todo)) {
        int r = keep_directory(m, todo, roaring_bitmap_minimum(todo), e);
        if (r < 0)
            return r;
    }
    if (!roaring_bitmap_is_empty(m->set))
        roaring_bitmap_add(m->set, NODE_ROOT);
    return 0;
}

/* ---- what is taken away -------------------------------------------------------------------- */

static int find_file(void *arg, const struct node *n, struct err *e)
{
    struct making *m = arg;
    if (n->is_dir)
        return 0;
    roaring_bitmap_add(m->out, n->id);
    return add_above(m->rd, n->id, m->edges, e);
}

/* Takes out of a set what the edit has now. */
static int leave_present(struct making *m, const struct rules_edit *ed, roaring_bitmap_t *set,
                         struct err *e)
{
    for (size_t i = 0; i < ed->n_labels; i++) {
        AUTO(roaring) roaring_bitmap_t *now = NULL;
        if (m->a->rules->labels[ed->labels[i]].kind != LABEL_EDIT)
            continue;
        int r = index_label_nodes(m->rd, ed->labels[i], &now, e);
        if (r < 0)
            return r;
        roaring_bitmap_andnot_inplace(set, now);
    }
    return 0;
}

/* Edits' files go where they name what is denied. They are few. */
static int take_files(struct making *m, const uint8_t *hides, struct err *e)
{
    const struct rules *r = m->a->rules;
    AUTO(roaring) roaring_bitmap_t *found = m->out = roaring_bitmap_create();
    for (size_t i = 0; i < r->n_labels; i++) {
        AUTO(roaring) roaring_bitmap_t *files = NULL;
        if (r->labels[i].kind != LABEL_FILES || !hides[r->labels[i].of])
            continue;
        int err = index_label_nodes(m->rd, (uint32_t)i, &files, e);
        if (err == 0 && !(hides[r->labels[i].of] & HIDES_NOW)) /* names nothing of before */
            err = leave_present(m, &r->edits[r->labels[i].of], files, e);
        if (err < 0)
            return err;
        roaring_bitmap_and_inplace(files, m->set);
        if ((err = index_nodes(m->rd, files, find_file, m, e)) < 0)
            return err;
    }
    roaring_bitmap_andnot_inplace(m->set, found);
    return 0;
}

static int find_folder(void *arg, const struct node *n, struct err *e)
{
    struct making *m = arg;
    return add_above(m->rd, n->id, m->edges, e);
}

/* A token for some edits leaves the names of these. */
static int narrow_names(struct making *m, struct err *e)
{
    const struct rules *rules = m->a->rules;
    for (size_t i = 0; m->a->who.details && i < rules->n_edits; i++) {
        const struct rules_edit *ed = &rules->edits[i];
        int r = details_leave_names(m->a->who.details, ed->id) ? 0 : leave_present(m, ed, m->names, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Leaves of the set the objects that are not denied, and the directories above them. The names that
 * edits have are put aside: what they stand for must be settled first. */
static int take_away(struct making *m, struct err *e)
{
    const struct asker_scope *scope = asker_scope(m->a, "read");
    AUTO(roaring) roaring_bitmap_t *all_names = NULL;
    int r = index_edit_names(m->rd, &all_names, e);
    if (r < 0)
        return r;
    roaring_bitmap_and_inplace(m->names, m->set);
    roaring_bitmap_and_inplace(m->names, all_names);
    roaring_bitmap_andnot_inplace(m->set, m->names);
    uint64_t before = roaring_bitmap_get_cardinality(m->set);
    if ((r = index_nodes(m->rd, m->names, find_folder, m, e)) < 0 ||
        (r = narrow_names(m, e)) < 0 ||
        (scope->hides && (r = take_files(m, scope->hides, e)) < 0))
        return r;
    if (scope->within)
        roaring_bitmap_and_inplace(m->set, scope->within);
    roaring_bitmap_or_inplace(m->edges, m->a->edges);
    roaring_bitmap_andnot_inplace(m->set, m->a->denied);
    uint64_t left = roaring_bitmap_get_cardinality(m->set);
    /* whichever is less: to look at what is left, or above what went */
    return scope->within || left <= before - left ? rebuild(m, e) : prune(m, e);
}

/* ---- names and closed objects -------------------------------------------------------------- */

static int find_object(void *arg, const struct node *n, struct err *e)
{
    struct making *m = arg;
    (void)e;
    if (!n->is_dir)
        roaring_bitmap_add(m->out, n->id);
    return 0;
}

/* Objects of the set that the asker may see and not open. */
static int find_closed(struct making *m, roaring_bitmap_t *closed, struct err *e)
{
    bool plain = asker_opens(m->a, false), original = asker_opens(m->a, true);
    AUTO(roaring) roaring_bitmap_t *originals = NULL, *in_question = NULL;
    if (plain && original)
        return 0;
    int r = index_label_nodes(m->rd, m->a->rules->original, &originals, e);
    if (r < 0)
        return r;
    in_question = plain      ? roaring_bitmap_and(m->set, originals)
                  : original ? roaring_bitmap_andnot(m->set, originals)
                             : roaring_bitmap_copy(m->set);
    m->out = closed;
    return index_nodes(m->rd, in_question, find_object, m, e);
}

struct naming {
    struct making *m;
    roaring_bitmap_t *kept, *closed;
};

static int keep_name(void *arg, const struct node *n, struct err *e)
{
    struct naming *g = arg;
    if (!n->live || !roaring_bitmap_contains(g->m->set, n->target))
        return 0;
    roaring_bitmap_add(g->kept, n->id);
    if (!n->is_link && roaring_bitmap_contains(g->closed, n->target))
        roaring_bitmap_add(g->closed, n->id);
    return add_above(g->m->rd, n->id, g->kept, e);
}

/* Leaves of what labels hold (closed over directories) what the asker may see of it, with the
 * directories above; `closed` gets what of it may not be opened. */
static int reduce(const struct asker *a, struct index_read *rd, roaring_bitmap_t **set,
                  roaring_bitmap_t *closed, struct err *e)
{
    AUTO(roaring) roaring_bitmap_t *names = roaring_bitmap_copy(*set);
    AUTO(roaring) roaring_bitmap_t *edges = roaring_bitmap_create();
    AUTO(roaring) roaring_bitmap_t *kept = roaring_bitmap_create();
    struct making m = {a, rd, *set, names, edges, NULL};
    struct naming g = {&m, kept, closed};
    int r = take_away(&m, e);
    if (r == 0)
        r = find_closed(&m, closed, e);
    if (r == 0)
        r = index_nodes(rd, names, keep_name, &g, e);
    roaring_bitmap_or_inplace(m.set, kept);
    *set = m.set;
    return r;
}

/* ---- what is given ------------------------------------------------------------------------- */

static void changes_at(struct visible *v, int64_t now, int64_t t)
{
    if (t > now && t < v->next_change)
        v->next_change = t;
}

/* Everything that the labels of an asker hold at that moment. */
static int add_labels(const struct asker *a, struct index_read *rd, int64_t now,
                      struct visible *ret, struct err *e)
{
    for (size_t i = 0; i < a->n_grants; i++) {
        changes_at(ret, now, a->grants[i].from);
        changes_at(ret, now, a->grants[i].until);
    }
    for (uint32_t i = 0; i < a->rules->n_labels; i++) {
        AUTO(roaring) roaring_bitmap_t *set = NULL;
        if (!a->gives[i] || !asker_label_gives(a, i, "read", now))
            continue;
        changes_at(ret, now, a->rules->labels[i].until);
        int r = index_label_nodes(rd, i, &set, e);
        if (r < 0)
            return r;
        roaring_bitmap_or_inplace(ret->nodes, set);
    }
    return 0;
}

static int add_live(void *arg, const struct node *n, struct err *e)
{
    struct visible *v = arg;
    (void)e;
    if (n->live)
        roaring_bitmap_add(v->nodes, n->id);
    return 0;
}

static int add_everything(struct index_read *rd, struct visible *ret, struct err *e)
{
    AUTO(roaring) roaring_bitmap_t *names = NULL;
    struct making m = {.rd = rd, .set = ret->nodes};
    int r = index_inventory_each(rd, add_live, ret, e);
    if (r < 0 || (r = index_edit_names(rd, &names, e)) < 0)
        return r;
    r = rebuild(&m, e);
    ret->nodes = m.set;
    roaring_bitmap_or_inplace(ret->nodes, names);
    return r;
}

int visible_of(const struct asker *a, struct index_read *rd, int64_t now, struct visible *ret,
               struct err *e)
{
    AUTO(visible) struct visible v = {roaring_bitmap_create(), roaring_bitmap_create(), WHEN_NEVER,
                                      a->rules->seq};
    assert(a->rules->about == NODE_NONE);
    int r = asker_check(a, rd, e);
    if (r == 0 && !a->anonymous && (a->superuser || asker_gates(a, "list"))) {
        r = a->superuser ? add_everything(rd, &v, e) : add_labels(a, rd, now, &v, e);
        if (r == 0)
            r = reduce(a, rd, &v.nodes, v.closed, e);
    }
    if (r < 0)
        return r;
    *ret = v;
    v.nodes = v.closed = NULL;
    return 0;
}

int visible_compute(struct index_read *rd, const struct who *who, int64_t now, struct visible *ret,
                    struct err *e)
{
    AUTO(rules) struct rules *rules = NULL;
    AUTO(asker) struct asker *a = NULL;
    int r;
    if ((r = rules_load(rd, &rules, e)) < 0 || (r = asker_new(rd, rules, who, &a, e)) < 0)
        return r;
    return visible_of(a, rd, now, ret, e);
}

void visible_done(struct visible *v)
{
    if (v->nodes)
        roaring_bitmap_free(v->nodes);
    if (v->closed)
        roaring_bitmap_free(v->closed);
    *v = (struct visible){0};
}
