/* policy/decide.c - the one decision: may this asker do that with this object now? */
/* SPDX-License-Identifier: MIT */
#include "policy/decide.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/decide_impl.h"
#include "policy/record.h"

#define LABELS_AT_HAND 64 /* more than nearly every object has */

/* ---- an object ----------------------------------------------------------------------------- */

static bool policies_give(const struct asker *a, uint32_t class_at, const char *action)
{
    for (size_t i = 0; i < a->who.n; i++) {
        size_t first, n = rules_policies_of(a->rules, a->who.as[i], &first);
        for (size_t k = first; k < first + n; k++)
            if (a->rules->policies[k].class_at == class_at &&
                json_has(a->rules->policies[k].actions, action))
                return true;
    }
    return false;
}

/* Access types of one's own are few, and asked for by programs that can wait: their names are
 * compared. */
static bool gives_custom(const struct asker *a, const struct rules_label *l, const char *action)
{
    switch (l->kind) {
    case LABEL_EDIT:
    case LABEL_RETIRED:
        return asker_acl_gives(a, a->rules->edits[l->of].acl, action);
    case LABEL_ACL:
        return asker_acl_gives(a, a->rules->acls[l->of].entries, action);
    case LABEL_CLASS:
        return policies_give(a, l->of, action);
    default:
        return false;
    }
}

bool asker_label_gives(const struct asker *a, uint32_t number, const char *action, int64_t now)
{
    const struct rules_label *l = &a->rules->labels[number];
    unsigned gives = a->gives[number];
    enum gives want = asker_wants(action);
    if (gives == 0 || now >= l->until)
        return false;
    if (want == GIVES_CUSTOM)
        return (gives & GIVES_CUSTOM) && gives_custom(a, l, action);
    return (gives & want) ||
           (want == GIVES_READ && (gives & GIVES_TIMED) && asker_holds(a, l->of, now));
}

/* Does something give it, and nothing hide it? */
static bool weigh(const struct asker *a, const struct asker_scope *scope, const uint32_t *labels,
                  size_t n, const char *action, int64_t now)
{
    const struct rules *r = a->rules;
    bool given = a->superuser, original = false;
    for (size_t i = 0; i < n; i++) {
        original = original || labels[i] == r->original;
        given = given || asker_label_gives(a, labels[i], action, now);
    }
    return given && !asker_hides_file(a, scope, labels, n) &&
           (strcmp(action, "read") != 0 || asker_opens(a, original));
}

int asker_labels(const struct asker *a, struct index_read *rd, node_id object, uint32_t *at_hand,
                 size_t cap, uint32_t **ret, size_t *ret_n, struct err *e)
{
    *ret = at_hand;
    int r = index_label_numbers(rd, object, at_hand, cap, ret_n, e);
    if (r == 0 && *ret_n > cap) {
        cap = *ret_n;
        *ret = xcalloc(cap, sizeof **ret);
        r = index_label_numbers(rd, object, *ret, cap, ret_n, e);
    }
    for (size_t i = 0; r == 0 && i < *ret_n; i++)
        if ((*ret)[i] >= a->rules->n_labels)
            r = err_set(e, -EBADMSG, "index: node %u has a label %u that is not there", object,
                        (*ret)[i]);
    return r;
}

int decide(const struct asker *a, struct index_read *rd, node_id object, const char *action,
           int64_t now, bool *ret, struct err *e)
{
    const struct asker_scope *scope = asker_scope(a, action);
    uint32_t at_hand[LABELS_AT_HAND], *labels = at_hand;
    size_t n = 0;
    struct node node;
    assert(a->rules->about == NODE_NONE || a->rules->about == object);
    int r = asker_check(a, rd, e);
    if (r < 0)
        return r;
    *ret = false;
    if (a->anonymous || (scope->within && !roaring_bitmap_contains(scope->within, object)))
        return 0;
    if (!a->superuser &&
        (!roaring_bitmap_contains(a->reach, object) || !asker_gates(a, action) ||
         roaring_bitmap_contains(a->denied, object)))
        return 0;
    r = asker_labels(a, rd, object, at_hand, COUNT(at_hand), &labels, &n, e);
    bool given = r == 0 && weigh(a, scope, labels, n, action, now);
    if (labels != at_hand)
        free(labels);
    if (r < 0 || !given)
        return r;
    if (!a->superuser) {
        *ret = true; /* what is in reach and has a label is a live object */
        return 0;
    }
    r = index_node(rd, object, &node, e);
    *ret = r == 0 && node.live && !node.is_dir && node.target == NODE_NONE;
    return r == -ENOENT ? 0 : r;
}

/* ---- edits and directories ----------------------------------------------------------------- */

bool json_has(const json_t *list, const char *text)
{
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v)
        if (strcmp(json_string_value(v), text) == 0)
            return true;
    return false;
}

/* A directory's key ("show/a/") is inside a location; so is everything inside "/". */
static bool is_below(const json_t *locations, const char *dir)
{
    size_t i;
    json_t *v;
    json_array_foreach(locations, i, v) {
        const char *l = json_string_value(v);
        bool all = strcmp(l, "/") == 0;
        l += *l == '/';
        size_t n = strlen(l);
        if (all || (n > 0 && l[n - 1] == '/' && strncmp(dir, l, n) == 0))
            return true;
    }
    return false;
}

bool asker_token_leaves(const struct asker *a, const char *action, const char *edit,
                        const char *dir)
{
    const char *name = asker_wants(action) == GIVES_READ ? "read" : action;
    size_t i;
    json_t *element;
    json_array_foreach(a->who.details, i, element) {
        const json_t *actions = json_object_get(element, "actions");
        const json_t *edits = json_object_get(element, "edits");
        const json_t *locations = json_object_get(element, "locations");
        if (actions && !json_has(actions, name))
            continue;
        if (edits && (!edit || !json_has(edits, edit)))
            continue;
        if (!locations || (dir && is_below(locations, dir)))
            return true;
    }
    return !a->who.details;
}

int decide_edit(const struct asker *a, struct index_read *rd, const char *edit, const char *action,
                int64_t now, bool *ret, struct err *e)
{
    (void)now;
    assert(a->rules->about == NODE_NONE);
    int r = asker_check(a, rd, e);
    if (r < 0)
        return r;
    *ret = false;
    uint32_t at = rules_edit_at(a->rules, edit);
    if (a->anonymous || at == RULES_NONE || !asker_token_leaves(a, action, edit, NULL))
        return 0;
    const struct rules_edit *ed = &a->rules->edits[at];
    *ret = a->superuser ||
           (ed->state != EDIT_REMOVED &&
            ((*ed->owner && asker_is(a, ed->owner)) ||
             (a->rules->acl_enabled &&
              asker_acl_gives(a, ed->acl, asker_wants(action) == GIVES_READ ? "read" : action))));
    return 0;
}

/* Do the guards on the chain let the asker pass: all of them, or the deepest? */
static bool guards_pass(const struct asker *a, const node_id *chain, size_t n)
{
    const struct rules *r = a->rules;
    AUTO(roaring) roaring_bitmap_t *set = roaring_bitmap_of_ptr(n, chain);
    bool passes = true;
    node_id last = NODE_NONE;
    for (size_t i = 0; i < r->n_guards; i++) {
        const struct rules_guard *g = &r->guards[i];
        if (!roaring_bitmap_contains(set, g->node))
            continue;
        bool here = asker_passes(a, g);
        passes = here && (passes || (r->most_specific && g->node != last));
        last = g->node;
    }
    return passes;
}

int decide_directory(const struct asker *a, struct index_read *rd, node_id dir, const char *action,
                     int64_t now, bool *ret, struct err *e)
{
    const char *name = asker_wants(action) == GIVES_READ ? "read" : action;
    AUTO(free) node_id *chain = NULL;
    AUTO(buf) struct buf key = {0};
    size_t n;
    (void)now;
    assert(a->rules->about == NODE_NONE);
    int r = asker_check(a, rd, e);
    if (r < 0 || (r = index_key(rd, dir, &key, e)) < 0 ||
        (r = node_chain(rd, dir, &chain, &n, e)) < 0)
        return r;
    *ret = false;
    if (a->anonymous || !asker_token_leaves(a, action, NULL, buf_str(&key)))
        return 0;
    if (a->superuser) {
        *ret = true;
        return 0;
    }
    if (!a->rules->acl_enabled || !asker_gates(a, action) || !guards_pass(a, chain, n))
        return 0;
    for (size_t i = 0; i < n && !*ret; i++) {
        if (i > 0 && !rules_propagates(a->rules, chain[i]))
            break;
        uint32_t at = rules_acl_at(a->rules, chain[i]);
        *ret = at != RULES_NONE && asker_acl_gives(a, a->rules->acls[at].entries, name);
    }
    return 0;
}
