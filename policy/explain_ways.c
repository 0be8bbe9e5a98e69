/* policy/explain_ways.c - every grant, list, class and owner that reaches a node, and why not. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/when.h"
#include "policy/explain_impl.h"
#include "policy/record.h"

int ways_path(struct index_read *rd, node_id id, json_t **ret, struct err *e)
{
    AUTO(buf) struct buf path = {0};
    buf_addc(&path, '/');
    int r = index_key(rd, id, &path, e);
    if (r == 0 && !(*ret = json_string(path.p)))
        r = err_set(e, -EBADMSG, "index: a key that is not UTF-8");
    return r;
}

/* The lists of a collection and of those above it that hand theirs down as far as here. */
static int hold_lists(struct ways *w, struct err *e)
{
    AUTO(free) node_id *chain = NULL;
    size_t n;
    int r = node_chain(w->rd, w->node.id, &chain, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        if (i > 0 && !rules_propagates(w->rules, chain[i]))
            break;
        uint32_t at = rules_acl_at(w->rules, chain[i]);
        if (at != RULES_NONE && w->rules->acls[at].label)
            w->held[w->rules->acls[at].label] = true;
    }
    return r;
}

static int hold(struct ways *w, struct err *e)
{
    const struct rules *rules = w->rules;
    if (w->collection)
        return hold_lists(w, e);
    for (uint32_t i = 0; i < rules->n_labels; i++) {
        AUTO(roaring) roaring_bitmap_t *set = NULL;
        if (rules->labels[i].kind == LABEL_OTHER || rules->labels[i].kind == LABEL_GUARD)
            continue;
        int r = index_label_nodes(w->rd, i, &set, e);
        if (r < 0)
            return r;
        w->held[i] = roaring_bitmap_contains(set, w->node.id);
    }
    return 0;
}

static int hold_object(struct ways *w, struct err *e)
{
    size_t n;
    int r = index_label_numbers(w->rd, w->node.id, NULL, 0, &n, e);
    AUTO(free) uint32_t *labels = xcalloc(n + 1, sizeof *labels);
    if (r == 0)
        r = index_label_numbers(w->rd, w->node.id, labels, n, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++)
        if (labels[i] < w->rules->n_labels)
            w->held[labels[i]] = true;
    return r;
}

int ways_init(struct ways *w, struct index_read *rd, const struct rules *rules,
              const struct asker *a, node_id node, const char *action, int64_t now, struct err *e)
{
    bool read = asker_wants(action) == GIVES_READ;
    *w = (struct ways){.rd = rd, .rules = rules, .a = a, .now = now,
                       .action = read ? "read" : action, .by = json_array(),
                       .not_by = json_array()};
    w->held = xcalloc(rules->n_labels + 1, sizeof *w->held);
    int r = index_node(rd, node, &w->node, e);
    if (r < 0)
        return r == -ENOENT ? err_set(e, r, "index: no node %u", node) : r;
    w->collection = w->node.is_dir && !read;
    return w->node.is_dir || w->node.target != NODE_NONE ? hold(w, e) : hold_object(w, e);
}

void ways_done(struct ways *w)
{
    free(w->held);
    free(w->blocked);
    json_decref(w->by);
    json_decref(w->not_by);
}

/* ---- one way ------------------------------------------------------------------------------- */

static bool concerns(const struct ways *w, const char *principal)
{
    return !w->a || asker_is(w->a, principal);
}

struct below {
    const struct ways *w;
    node_id last; /* the parent that was looked at last, with its answer */
    bool found;
};

static int look_below(void *arg, const struct node *n, struct err *e)
{
    struct below *b = arg;
    AUTO(free) node_id *chain = NULL;
    size_t len;
    if (n->is_dir || n->parent == b->last)
        return 0;
    b->last = n->parent;
    int r = node_chain(b->w->rd, n->parent, &chain, &len, e);
    for (size_t i = 0; r == 0 && i < len; i++)
        b->found = b->found || chain[i] == b->w->node.id;
    return r == 0 && b->found ? -ECANCELED : r;
}

/* Is any of what these labels hold seen, and the node itself or below it? That is what shows a
 * directory. Nodes below it are younger than it. */
static int leaves(const struct ways *w, roaring_bitmap_t *set, bool *ret, struct err *e)
{
    struct below b = {w, NODE_NONE, false};
    roaring_bitmap_and_inplace(set, w->seen);
    *ret = roaring_bitmap_contains(set, w->node.id);
    if (!*ret || !w->node.is_dir)
        return 0;
    roaring_bitmap_remove_range_closed(set, 0, w->node.id);
    int r = index_nodes(w->rd, set, look_below, &b, e);
    *ret = b.found;
    return r == -ECANCELED && b.found ? 0 : r;
}

/* Files what is known of one way. `why` is what is wrong with it by itself, NULL: nothing; `only` the
 * label that it goes through, 0: those of `edit`. Takes `j`. */
static int add_way(struct ways *w, json_t *j, const char *why, uint32_t only, uint32_t edit,
                   struct err *e)
{
    bool whole = w->node.is_dir || w->node.target != NODE_NONE;
    if (!j)
        return err_set(e, -ENOMEM, "explain");
    why = why ? why : w->block;
    if (!why && w->a && whole && !w->collection) {
        AUTO(roaring) roaring_bitmap_t *set = roaring_bitmap_create();
        bool left = false;
        int r = 0;
        for (uint32_t i = 0; r == 0 && i < w->rules->n_labels; i++) {
            AUTO(roaring) roaring_bitmap_t *more = NULL;
            const struct rules_label *l = &w->rules->labels[i];
            bool part = only ? i == only
                : (l->kind == LABEL_EDIT || l->kind == LABEL_RETIRED) && l->of == edit &&
                  w->now < l->until;
            if (!part || !w->held[i])
                continue;
            if ((r = index_label_nodes(w->rd, i, &more, e)) == 0)
                roaring_bitmap_or_inplace(set, more);
        }
        if (r == 0)
            r = leaves(w, set, &left, e);
        if (r < 0) {
            json_decref(j);
            return r;
        }
        why = left ? NULL : "what it would show here is held back from the caller";
    }
    if (why)
        json_object_set_new(j, "why", json_string(why));
    return json_array_append_new(why ? w->not_by : w->by, j);
}

static int64_t reach_of(const struct ways *w, uint32_t edit)
{
    const struct rules_edit *ed = &w->rules->edits[edit];
    int64_t until = INT64_MIN;
    for (size_t i = 0; i < ed->n_labels; i++) {
        const struct rules_label *l = &w->rules->labels[ed->labels[i]];
        if (w->held[ed->labels[i]] && (l->kind == LABEL_EDIT || l->kind == LABEL_RETIRED) &&
            l->until > until)
            until = l->until;
    }
    return until;
}

static bool is_at(const struct ways *w, const struct rules_grant *g)
{
    size_t i;
    json_t *name;
    json_array_foreach(g->ranges, i, name)
        if (!w->a || ranges_have(w->rules->ranges, json_string_value(name), &w->a->who.address))
            return true;
    return !g->ranges;
}

static int grant_way(struct ways *w, const struct rules_grant *g, int64_t reach, struct err *e)
{
    const struct rules_edit *ed = &w->rules->edits[g->edit];
    char from[WHEN_TEXT_SIZE], until[WHEN_TEXT_SIZE], end[WHEN_TEXT_SIZE];
    when_format(g->from, from);
    when_format(g->until, until);
    when_format(reach, end);
    json_t *j = json_pack("{ss ss ss ss ss ss sI ss}", "rule", "grant", "edit", ed->id, "name",
                          ed->name, "principal", g->principal, "from", from, "until", until,
                          "record", (json_int_t)g->by.seq, "actor", g->by.actor);
    bool gone = reach <= w->now;
    if (g->ranges)
        json_object_set(j, "ranges", g->ranges);
    if (reach != WHEN_NEVER && !gone)
        json_object_set_new(j, "retiring", json_string(end));
    AUTO(free) char *why =
        w->now < g->from     ? xasprintf("starts %s", from)
        : w->now >= g->until ? xasprintf("expired %s", until)
        : ed->state != EDIT_ENABLED ? xasprintf("the edit is %s", edit_state_name(ed->state))
        : gone               ? xasprintf("the cut uses it no more; retired until %s", end)
        : !is_at(w, g)       ? xstrdup("the caller is at no address of its ranges")
        : strcmp(w->action, "read") != 0 ? xasprintf("gives no %s", w->action) : NULL;
    return add_way(w, j, why, 0, g->edit, e);
}

static int grant_ways(struct ways *w, struct err *e)
{
    for (size_t i = 0; i < w->rules->n_grants; i++) {
        const struct rules_grant *g = &w->rules->grants[i];
        int64_t reach = reach_of(w, g->edit);
        if (reach == INT64_MIN || !concerns(w, g->principal))
            continue;
        int r = grant_way(w, g, reach, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- lists --------------------------------------------------------------------------------- */

/* `stop`: what keeps the list from the node; NULL: nothing. */
static int acl_way(struct ways *w, const struct rules_acl *acl, const json_t *entry,
                   const char *stop, struct err *e)
{
    char principal[PRINCIPAL_MAX];
    json_t *path = NULL;
    acl_principal(entry, principal);
    if (!concerns(w, principal))
        return 0;
    int r = ways_path(w->rd, acl->node, &path, e);
    if (r < 0)
        return r;
    json_t *j = json_pack("{ss so ss sO sI}", "rule", "acl", "path", path, "principal", principal,
                          "access", json_object_get(entry, "accessTypes"), "record",
                          (json_int_t)acl->by.seq);
    AUTO(free) char *why = !acl_gives(entry, w->action) ? xasprintf("gives no %s", w->action)
                           : !w->rules->acl_enabled ? xstrdup("acl.enabled is off")
                           : stop ? xstrdup(stop) : NULL;
    return add_way(w, j, why, acl->label, 0, e);
}

/* Lists on and above the node that acl.propagate.filter keeps from it: who wonders why they give
 * nothing is told. What shows a directory is below it, where it must hand lists down itself. */
static int stopped_ways(struct ways *w, struct err *e)
{
    const struct rules *rules = w->rules;
    AUTO(free) node_id *chain = NULL;
    AUTO(free) char *stop = NULL;
    size_t n, k;
    json_t *entry;
    int r = node_chain(w->rd, w->node.id, &chain, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        json_auto_t *path = NULL;
        bool asked = i > 0 || (w->node.is_dir && !w->collection);
        if (!stop && asked && !rules_propagates(rules, chain[i])) {
            if ((r = ways_path(w->rd, chain[i], &path, e)) < 0)
                return r;
            stop = xasprintf("%s does not hand lists down: its metadata does not fit "
                             "acl.propagate.filter", json_string_value(path));
        }
        uint32_t at = stop ? rules_acl_at(rules, chain[i]) : RULES_NONE;
        if (at == RULES_NONE || (rules->acls[at].label && w->held[rules->acls[at].label]))
            continue;
        json_array_foreach(rules->acls[at].entries, k, entry)
            if ((r = acl_way(w, &rules->acls[at], entry, stop, e)) < 0)
                return r;
    }
    return r;
}

static int edit_acl_way(struct ways *w, uint32_t edit, const json_t *entry, struct err *e)
{
    const struct rules_edit *ed = &w->rules->edits[edit];
    char principal[PRINCIPAL_MAX];
    bool own = strcmp(w->action, "write") == 0 || strcmp(w->action, "modify_all_access") == 0;
    acl_principal(entry, principal);
    if (!concerns(w, principal))
        return 0;
    json_t *j = json_pack("{ss ss ss ss sO sI}", "rule", "edit-acl", "edit", ed->id, "name",
                          ed->name, "principal", principal, "access",
                          json_object_get(entry, "accessTypes"), "record",
                          (json_int_t)ed->acl_by.seq);
    AUTO(free) char *why =
        !acl_gives(entry, w->action)  ? xasprintf("gives no %s", w->action)
        : !w->rules->acl_enabled      ? xstrdup("acl.enabled is off")
        : own                         ? xstrdup("is about the edit, not about its media")
        : ed->state != EDIT_ENABLED   ? xasprintf("the edit is %s", edit_state_name(ed->state))
        : !ed->propagates             ? xstrdup("acl.propagate.filter stops it at the edit")
        : reach_of(w, edit) <= w->now ? xstrdup("the cut uses it no more") : NULL;
    return add_way(w, j, why, 0, edit, e);
}

static int list_ways(struct ways *w, struct err *e)
{
    const struct rules *rules = w->rules;
    size_t k;
    json_t *entry;
    int r = 0;
    for (size_t i = 0; i < rules->n_acls; i++) {
        if (!rules->acls[i].label || !w->held[rules->acls[i].label])
            continue;
        json_array_foreach(rules->acls[i].entries, k, entry)
            if ((r = acl_way(w, &rules->acls[i], entry, NULL, e)) < 0)
                return r;
    }
    if (w->a && w->node.target == NODE_NONE && (r = stopped_ways(w, e)) < 0)
        return r;
    for (uint32_t i = 0; i < rules->n_edits; i++) {
        if (!rules->edits[i].acl || reach_of(w, i) == INT64_MIN)
            continue;
        json_array_foreach(rules->edits[i].acl, k, entry)
            if ((r = edit_acl_way(w, i, entry, e)) < 0)
                return r;
    }
    return 0;
}

/* ---- classes, owners ----------------------------------------------------------------------- */

static int class_ways(struct ways *w, struct err *e)
{
    for (size_t i = 0; i < w->rules->n_policies; i++) {
        const struct rules_policy *p = &w->rules->policies[i];
        uint32_t label = p->class_at == RULES_NONE ? 0 : w->rules->classes[p->class_at].label;
        if (!label || !w->held[label] || !concerns(w, p->principal))
            continue;
        json_t *j = json_pack("{ss ss ss sO sI}", "rule", "class", "class", p->class_name,
                              "principal", p->principal, "access", p->actions, "record",
                              (json_int_t)p->by.seq);
        AUTO(free) char *why = json_has(p->actions, w->action) ? NULL
                                                               : xasprintf("gives no %s", w->action);
        int r = add_way(w, j, why, label, 0, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int owner_ways(struct ways *w, struct err *e)
{
    const struct rules *rules = w->rules;
    for (uint32_t i = 0; i < rules->n_labels; i++) {
        if (rules->labels[i].kind != LABEL_FILES || !w->held[i])
            continue;
        const struct rules_edit *ed = &rules->edits[rules->labels[i].of];
        if (!*ed->owner || !concerns(w, ed->owner))
            continue;
        json_t *j = json_pack("{ss ss ss ss sI}", "rule", "owner", "edit", ed->id, "name", ed->name,
                              "principal", ed->owner, "record", (json_int_t)ed->by.seq);
        const char *why = ed->state == EDIT_REMOVED          ? "the edit is removed"
                          : strcmp(w->action, "read") != 0 ? "an owner reads the edit's files"
                                                             : NULL;
        int r = add_way(w, j, why, i, 0, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Edits that hold it and that the caller was never given. */
static int missing_grants(struct ways *w, struct err *e)
{
    for (uint32_t i = 0; i < w->rules->n_edits; i++) {
        const struct rules_edit *ed = &w->rules->edits[i];
        bool held = false;
        for (size_t k = 0; k < ed->n_labels; k++)
            held = held || (w->held[ed->labels[k]] &&
                            w->rules->labels[ed->labels[k]].kind == LABEL_EDIT);
        for (size_t k = 0; held && k < w->rules->n_grants; k++)
            held = w->rules->grants[k].edit != i || !concerns(w, w->rules->grants[k].principal);
        if (!held)
            continue;
        AUTO(free) char *why = xasprintf("not granted to %s",
                                         w->a->anonymous ? "anybody without a name"
                                                         : w->a->who.as[0]);
        json_t *j = json_pack("{ss ss ss sI ss}", "rule", "edit", "edit", ed->id, "name", ed->name,
                              "record", (json_int_t)ed->by.seq, "why", why);
        if (json_array_append_new(w->not_by, j) < 0)
            return err_set(e, -ENOMEM, "explain");
    }
    return 0;
}

int ways_find(struct ways *w, struct err *e)
{
    int r = 0;
    if (w->a && w->a->superuser) {
        json_t *j = json_pack("{ss ss}", "rule", "superuser", "principal", w->a->who.as[0]);
        if (w->block)
            json_object_set_new(j, "why", json_string(w->block));
        return json_array_append_new(w->block ? w->not_by : w->by, j);
    }
    if (!w->collection)
        r = grant_ways(w, e);
    if (r == 0)
        r = list_ways(w, e);
    if (r == 0 && !w->collection)
        r = class_ways(w, e);
    if (r == 0 && !w->collection)
        r = owner_ways(w, e);
    return r == 0 && w->a && !w->collection ? missing_grants(w, e) : r;
}
