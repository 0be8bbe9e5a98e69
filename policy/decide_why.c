/* policy/decide_why.c - the decision with its reasons: guards, gates and ways. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/explain_impl.h"
#include "policy/roles.h"

/* ---- guards -------------------------------------------------------------------------------- */

/* Why a guard lets the asker pass, or not; the caller's. */
static char *guard_why(const struct asker *a, const struct rules_guard *g)
{
    if (g->everyone)
        return xstrdup("admits every caller with a name");
    if (g->group == RULES_NONE)
        return xasprintf("there is no access group '%s' at that site: nobody passes", g->name);
    const struct rules *r = a->rules;
    struct admission m = access_group_admits(r->groups[g->group].rules, r->ranges, r->scope,
                                             &a->who);
    if (m.admitted)
        return xasprintf("%s%s%s%s%s", m.by_users ? "admitted by its " : "",
                         m.by_users ? m.user_rule : "",
                         m.by_users && m.by_network ? ", and " : "",
                         m.by_network ? "at an address in its range " : "",
                         m.by_network ? m.range : "");
    return xstrdup(m.by_users     ? "named by it, but at no address in its ranges"
                   : m.by_network ? "at an address in its ranges, but not named by it"
                                  : "neither named by it nor at an address in its ranges");
}

static int guard_json(const struct ways *w, const struct rules_guard *g, bool counts, json_t *list,
                      char **ret_block, struct err *e)
{
    json_t *path = NULL;
    int r = ways_path(w->rd, g->node, &path, e);
    if (r < 0)
        return r;
    json_t *j = json_pack("{so ss ss sb sI sb}", "path", path, "group", g->name, "site", g->site,
                          "by_name", g->by_name, "record", (json_int_t)g->seq, "counts", counts);
    if (w->a) {
        AUTO(free) char *why = guard_why(w->a, g);
        bool pass = asker_passes(w->a, g);
        json_object_set_new(j, "pass", json_boolean(pass));
        json_object_set_new(j, "why", json_string(why));
        if (!pass && counts && ret_block && !*ret_block)
            *ret_block = xasprintf("access group '%s' guards %s: %s", g->name,
                                   json_string_value(json_object_get(j, "path")), why);
    }
    return json_array_append_new(list, j) < 0 ? err_set(e, -ENOMEM, "explain") : 0;
}

int ways_guards(const struct ways *w, json_t **ret, char **ret_block, struct err *e)
{
    const struct rules *rules = w->rules;
    json_auto_t *list = json_array();
    AUTO(free) node_id *chain = NULL;
    AUTO(roaring) roaring_bitmap_t *set = NULL;
    node_id deepest = NODE_NONE, at = w->node.target != NODE_NONE ? w->node.target : w->node.id;
    size_t n;
    int r = node_chain(w->rd, at, &chain, &n, e);
    if (r < 0)
        return r;
    set = roaring_bitmap_of_ptr(n, chain);
    for (size_t i = 0; i < rules->n_guards; i++)
        if (roaring_bitmap_contains(set, rules->guards[i].node))
            deepest = rules->guards[i].node;
    for (size_t i = 0; r == 0 && i < rules->n_guards; i++) {
        const struct rules_guard *g = &rules->guards[i];
        if (roaring_bitmap_contains(set, g->node))
            r = guard_json(w, g, !rules->most_specific || g->node == deepest, list, ret_block, e);
    }
    *ret = r == 0 ? json_incref(list) : NULL;
    return r;
}

/* ---- gates --------------------------------------------------------------------------------- */

static void role_gate(const struct asker *a, json_t *list, uint64_t bit, const char *name,
                      char **ret_block)
{
    bool pass = a->permissions & bit;
    json_array_append_new(list, json_pack("{ss sb ss}", "gate", "role", "pass", pass, "needs",
                                          name));
    if (!pass && !*ret_block)
        *ret_block = xasprintf("no role of the caller gives %s", name);
}

json_t *ways_gates(const struct ways *w, const char *action, char **ret_block)
{
    const struct asker *a = w->a;
    const struct rules *rules = w->rules;
    json_t *list = json_array();
    enum gives want = asker_wants(action);
    if (a->anonymous && !*ret_block)
        *ret_block = xstrdup("the caller has no name");
    if (a->anonymous || a->superuser || want == GIVES_CUSTOM)
        return list;
    role_gate(a, list, want == GIVES_READ ? ROLE(ASSET_READ)
                       : want == GIVES_WRITE ? ROLE(FILE_WRITE) : ROLE(ACCESS_WRITE),
              want == GIVES_READ ? "asset_read"
              : want == GIVES_WRITE ? "file_write" : "access_write", ret_block);
    bool original = rules->original && w->held[rules->original];
    if (strcmp(action, "read") == 0 && !w->node.is_dir && original)
        role_gate(a, list, ROLE(FILE_READ_ORIGINAL), "file_read_original", ret_block);
    else if (strcmp(action, "read") == 0 && !w->node.is_dir)
        role_gate(a, list, ROLE(FILE_READ), "file_read", ret_block);
    if (rules->acl_storage_enabled && json_array_size(rules->lake_acl) > 0) {
        bool pass = a->lake & want;
        json_array_append_new(list, json_pack("{ss sb sI}", "gate", "lake", "pass", pass, "record",
                                              (json_int_t)rules->lake_by.seq));
        if (!pass && !*ret_block)
            *ret_block = xasprintf("the lake's own list gives the caller no %s", w->action);
    }
    return list;
}

static void token_gate(json_t *gates, bool pass, char **ret_block)
{
    json_array_insert_new(gates, 0, json_pack("{ss sb}", "gate", "token", "pass", pass));
    if (!pass && !*ret_block)
        *ret_block = xstrdup("outside of what the caller's token is narrowed to");
}

/* Is it a file of an edit that names what is denied? */
static const struct rules_edit *hidden_by(const struct ways *w, const char *action)
{
    AUTO(free) uint32_t *labels = xcalloc(w->rules->n_labels + 1, sizeof *labels);
    size_t n = 0;
    for (size_t i = 0; i < w->rules->n_labels; i++)
        if (w->held[i])
            labels[n++] = (uint32_t)i;
    return asker_hides_file(w->a, asker_scope(w->a, action), labels, n);
}

/* Whose rule would have shown it, where somebody else's is stricter. */
static void add_stricter(const struct ways *w, json_t *why)
{
    const json_t *first = NULL, *j;
    size_t i;
    for (i = 0; !first && i < json_array_size(w->not_by); i++) {
        j = json_array_get(w->not_by, i);
        if (w->block && json_string_value(json_object_get(j, "why")) &&
            strcmp(json_string_value(json_object_get(j, "why")), w->block) == 0)
            first = j;
    }
    const char *rule = json_string_value(json_object_get(first, "rule"));
    if (!rule)
        return;
    const char *whose = strcmp(rule, "grant") == 0 || strcmp(rule, "owner") == 0
                            ? "Shot Locker's grant"
                        : strcmp(rule, "class") == 0 ? "TAMS's policy on classes"
                                                     : "Accurate Video's list";
    AUTO(free) char *text = xasprintf("%s alone would allow it; what denies it counts too: %s",
                                      whose, w->block);
    json_object_set_new(why, "stricter", json_string(text));
}

int ways_why(struct ways *w, json_t *gates, json_t *guards, json_t **ret, struct err *e)
{
    w->block = w->blocked;
    int r = ways_find(w, e);
    if (r < 0)
        return r;
    *ret = json_pack("{sO sO sO sO}", "by", w->by, "not", w->not_by, "guards", guards, "gates",
                     gates);
    if (!*ret)
        return err_set(e, -ENOMEM, "explain");
    if (!w->a->superuser)
        add_stricter(w, *ret);
    return 0;
}

int ways_barriers(struct ways *w, const char *action, bool token, json_t **ret_gates,
                  json_t **ret_guards, struct err *e)
{
    json_auto_t *gates = ways_gates(w, action, &w->blocked), *guards = NULL;
    /* of what is only seen through what is below or behind it, that is asked */
    bool through = (w->node.is_dir || w->node.target != NODE_NONE) && !w->collection;
    if (w->a->who.details)
        token_gate(gates, token, &w->blocked);
    if (w->a->anonymous || w->a->superuser) {
        guards = json_array();
    } else {
        int r = ways_guards(w, &guards, through ? NULL : &w->blocked, e);
        if (r < 0)
            return r;
    }
    *ret_gates = json_incref(gates);
    *ret_guards = json_incref(guards);
    return 0;
}

int decide_why(const struct asker *a, struct index_read *rd, node_id object, const char *action,
               int64_t now, bool *ret, json_t **ret_why, struct err *e)
{
    AUTO(ways) struct ways w = {0};
    json_auto_t *gates = NULL, *guards = NULL, *why = NULL;
    const struct asker_scope *scope = asker_scope(a, action);
    bool allow;
    int r = decide(a, rd, object, action, now, &allow, e);
    if (r < 0 || (r = ways_init(&w, rd, a->rules, a, object, action, now, e)) < 0 ||
        (r = ways_barriers(&w, action,
                           !scope->within || roaring_bitmap_contains(scope->within, object),
                           &gates, &guards, e)) < 0)
        return r;
    const struct rules_edit *hides = hidden_by(&w, action);
    if (!w.blocked && hides)
        w.blocked = xasprintf("the files of edit %s name what the caller may not see", hides->id);
    if (!w.blocked && (!w.node.live || w.node.is_dir || w.node.target != NODE_NONE))
        w.blocked = xstrdup("it is no object that is there");
    if ((r = ways_why(&w, gates, guards, &why, e)) < 0)
        return r;
    /* two ways to one answer: a difference is a bug that must not pass as an explanation */
    if (allow != (json_array_size(w.by) > 0))
        return err_set(e, -EBADMSG, "the index contradicts itself about node %u; delete its folder, "
                       "it is rebuilt from the lake", object);
    *ret = allow;
    *ret_why = json_incref(why);
    return 0;
}
