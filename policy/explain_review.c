/* policy/explain_review.c - the lists that reach a node, and who holds what in the whole lake. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/when.h"
#include "policy/explain.h"
#include "policy/explain_impl.h"
#include "policy/record.h"

/* ---- effective access ---------------------------------------------------------------------- */

static void add_entries(const json_t *entries, const json_t *via, bool inherited, uint64_t seq,
                        const char *why, json_t *list)
{
    size_t i;
    json_t *entry;
    json_array_foreach(entries, i, entry) {
        char principal[PRINCIPAL_MAX];
        acl_principal(entry, principal);
        json_t *j = json_pack("{ss sO sO sb sI}", "principal", principal, "accessTypes",
                              json_object_get(entry, "accessTypes"), "via", via, "inherited",
                              inherited, "record", (json_int_t)seq);
        if (why)
            json_object_set_new(j, "why", json_string(why));
        json_array_append_new(list, j);
    }
}

/* From the node upwards: what hands its list down, and the first collection that does not. */
static int add_lists(const struct ways *w, json_t *access, json_t *stopped, struct err *e)
{
    const struct rules *rules = w->rules;
    AUTO(free) node_id *chain = NULL;
    AUTO(free) char *why = NULL;
    size_t n;
    int r = node_chain(w->rd, w->node.id, &chain, &n, e);
    if (r == 0 && !rules->acl_enabled)
        why = xstrdup("acl.enabled is off");
    for (size_t i = 0; r == 0 && i < n; i++) {
        json_auto_t *path = NULL;
        if ((r = ways_path(w->rd, chain[i], &path, e)) < 0)
            break;
        if (i > 0 && !why && !rules_propagates(rules, chain[i]))
            why = xasprintf("%s does not hand lists down: its metadata does not fit "
                            "acl.propagate.filter", json_string_value(path));
        uint32_t at = rules_acl_at(rules, chain[i]);
        if (at != RULES_NONE)
            add_entries(rules->acls[at].entries, path, i > 0, rules->acls[at].by.seq, why,
                        why ? stopped : access);
    }
    return r;
}

static void add_edit_lists(const struct ways *w, json_t *access, json_t *stopped)
{
    const struct rules *rules = w->rules;
    for (size_t i = 0; i < rules->n_edits; i++) {
        const struct rules_edit *ed = &rules->edits[i];
        bool held = false, now = false;
        for (size_t k = 0; k < ed->n_labels; k++) {
            const struct rules_label *l = &rules->labels[ed->labels[k]];
            if (!w->held[ed->labels[k]] || (l->kind != LABEL_EDIT && l->kind != LABEL_RETIRED))
                continue;
            held = true;
            now = now || w->now < l->until;
        }
        if (!held || !ed->acl)
            continue;
        const char *why = !rules->acl_enabled         ? "acl.enabled is off"
                          : ed->state != EDIT_ENABLED ? "the edit is not enabled"
                          : !ed->propagates ? "the edit's metadata does not fit acl.propagate.filter"
                          : !now            ? "the cut uses it no more"
                                            : NULL;
        AUTO(free) char *name = xasprintf("edit:%s", ed->id);
        json_auto_t *via = json_string(name);
        add_entries(ed->acl, via, true, ed->acl_by.seq, why, why ? stopped : access);
    }
}

static int caller_access(const struct asker *a, const struct ways *w, json_t *ret, struct err *e)
{
    static const char *const actions[][2] = {
        {"read", "read"}, {"write", "write"}, {"modify_acl_access", "modify_all_access"}};
    json_t *j = json_object();
    json_object_set_new(ret, "callerAccess", j);
    for (size_t i = 0; i < COUNT(actions); i++) {
        bool yes;
        int r = w->node.is_dir
                    ? decide_directory(a, w->rd, w->node.id, actions[i][1], w->now, &yes, e)
                    : decide(a, w->rd, w->node.id, actions[i][1], w->now, &yes, e);
        if (r < 0)
            return r;
        json_object_set_new(j, actions[i][0], json_boolean(yes));
    }
    return 0;
}

int explain_effective(struct index_read *rd, node_id node, const struct who *who, int64_t now,
                      json_t **ret, struct err *e)
{
    AUTO(rules) struct rules *rules = NULL;
    AUTO(asker) struct asker *a = NULL;
    AUTO(ways) struct ways w = {0};
    json_auto_t *path = NULL, *access = json_array(), *stopped = json_array(), *all = NULL;
    int r;
    if ((r = rules_load(rd, &rules, e)) < 0 ||
        (r = ways_init(&w, rd, rules, NULL, node, "read", now, e)) < 0 ||
        (r = ways_path(rd, node, &path, e)) < 0 || (r = add_lists(&w, access, stopped, e)) < 0)
        return r;
    if (!w.node.is_dir) /* an edit's list is about its objects, not about their folders */
        add_edit_lists(&w, access, stopped);
    all = json_pack("{sO sO sO}", "path", path, "access", access, "stopped", stopped);
    if (!all)
        return err_set(e, -ENOMEM, "explain");
    if (who && ((r = asker_new(rd, rules, who, &a, e)) < 0 ||
                (r = caller_access(a, &w, all, e)) < 0))
        return r;
    *ret = json_incref(all);
    return 0;
}

/* ---- review -------------------------------------------------------------------------------- */

/* Completes a row and files it. Takes `j`. */
static void add_row(json_t *list, json_t *j, const struct rules_record *by, bool active)
{
    char since[WHEN_TEXT_SIZE];
    json_object_set_new(j, "record", json_integer((json_int_t)by->seq));
    json_object_set_new(j, "since", json_string(when_format(by->time, since)));
    json_object_set_new(j, "actor", json_string(by->actor));
    json_object_set_new(j, "active", json_boolean(active));
    json_array_append_new(list, j);
}

static void review_grants(const struct rules *rules, int64_t now, json_t *list)
{
    for (size_t i = 0; i < rules->n_grants; i++) {
        const struct rules_grant *g = &rules->grants[i];
        const struct rules_edit *ed = &rules->edits[g->edit];
        char from[WHEN_TEXT_SIZE], until[WHEN_TEXT_SIZE];
        json_t *j = json_pack("{ss ss ss ss ss ss}", "rule", "grant", "principal", g->principal,
                              "edit", ed->id, "name", ed->name, "from", when_format(g->from, from),
                              "until", when_format(g->until, until));
        if (g->ranges)
            json_object_set(j, "ranges", g->ranges);
        add_row(list, j, &g->by,
                g->from <= now && now < g->until && ed->state == EDIT_ENABLED);
    }
}

/* `key` and `value` say what the list stands on; NULL: the lake. */
static void review_list(const json_t *entries, const char *rule, const char *key, const char *value,
                        const char *name, const struct rules_record *by, bool active, json_t *list)
{
    size_t i;
    json_t *entry;
    json_array_foreach(entries, i, entry) {
        char principal[PRINCIPAL_MAX];
        acl_principal(entry, principal);
        json_t *j = json_pack("{ss ss sO}", "rule", rule, "principal", principal, "access",
                              json_object_get(entry, "accessTypes"));
        if (key)
            json_object_set_new(j, key, json_string(value));
        if (name)
            json_object_set_new(j, "name", json_string(name));
        add_row(list, j, by, active);
    }
}

static int review_lists(const struct rules *rules, struct index_read *rd, json_t *list,
                        struct err *e)
{
    for (size_t i = 0; i < rules->n_acls; i++) {
        const struct rules_acl *a = &rules->acls[i];
        json_auto_t *path = NULL;
        int r = ways_path(rd, a->node, &path, e);
        if (r < 0)
            return r;
        review_list(a->entries, "acl", "path", json_string_value(path), NULL, &a->by,
                    rules->acl_enabled, list);
    }
    for (size_t i = 0; i < rules->n_edits; i++) {
        const struct rules_edit *ed = &rules->edits[i];
        review_list(ed->acl, "edit-acl", "edit", ed->id, ed->name, &ed->acl_by,
                    rules->acl_enabled && ed->propagates && ed->state == EDIT_ENABLED, list);
    }
    review_list(rules->lake_acl, "lake-acl", NULL, NULL, NULL, &rules->lake_by,
                rules->acl_storage_enabled, list);
    return 0;
}

int access_review(struct index_read *rd, int64_t now, json_t **ret, struct err *e)
{
    AUTO(rules) struct rules *rules = NULL;
    json_auto_t *list = json_array();
    int r = rules_load(rd, &rules, e);
    if (r < 0)
        return r;
    review_grants(rules, now, list);
    if ((r = review_lists(rules, rd, list, e)) < 0)
        return r;
    for (size_t i = 0; i < rules->n_policies; i++) {
        const struct rules_policy *p = &rules->policies[i];
        add_row(list, json_pack("{ss ss ss sO}", "rule", "class", "principal", p->principal,
                                "class", p->class_name, "access", p->actions), &p->by, true);
    }
    for (size_t i = 0; i < rules->n_edits; i++) {
        const struct rules_edit *ed = &rules->edits[i];
        if (*ed->owner)
            add_row(list, json_pack("{ss ss ss ss}", "rule", "owner", "principal", ed->owner,
                                    "edit", ed->id, "name", ed->name), &ed->by,
                    ed->state != EDIT_REMOVED);
    }
    *ret = json_incref(list);
    return 0;
}
