/* policy/decide_asker.c - an asker: all of a decision that does not depend on the object. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/decide_impl.h"
#include "policy/record.h"
#include "policy/roles.h"

bool asker_is(const struct asker *a, const char *principal)
{
    return json_object_get(a->names, principal) != NULL;
}

bool asker_passes(const struct asker *a, const struct rules_guard *g)
{
    return g->everyone || (g->group != RULES_NONE && a->admits[g->group]);
}

bool asker_is_superuser(const struct asker *a)
{
    return a->superuser;
}

uint64_t asker_permissions(const struct asker *a)
{
    return a->permissions;
}

/* What an access type as rules name it gives. */
static enum gives gives_named(const char *type)
{
    return strcmp(type, "read") == 0                ? GIVES_READ
           : strcmp(type, "write") == 0             ? GIVES_WRITE
           : strcmp(type, "modify_all_access") == 0 ? GIVES_MODIFY
                                                    : GIVES_CUSTOM;
}

enum gives asker_wants(const char *action)
{
    return strcmp(action, "list") == 0 ? GIVES_READ : gives_named(action);
}

const struct asker_scope *asker_scope(const struct asker *a, const char *action)
{
    const char *name = asker_wants(action) == GIVES_READ ? "read" : action;
    const struct asker_scope *s = a->scopes;
    while (s->action && strcmp(s->action, name) != 0)
        s++;
    return s;
}

bool asker_gates(const struct asker *a, const char *action)
{
    enum gives want = asker_wants(action);
    uint64_t need = want == GIVES_READ     ? ROLE(ASSET_READ)
                    : want == GIVES_WRITE  ? ROLE(FILE_WRITE)
                    : want == GIVES_MODIFY ? ROLE(ACCESS_WRITE)
                                           : 0;
    return want == GIVES_CUSTOM || ((a->permissions & need) && (a->lake & want));
}

bool asker_opens(const struct asker *a, bool original)
{
    return a->permissions & (original ? ROLE(FILE_READ_ORIGINAL) : ROLE(FILE_READ));
}

bool asker_acl_gives(const struct asker *a, const json_t *entries, const char *action)
{
    size_t i;
    json_t *entry;
    json_array_foreach(entries, i, entry) {
        char principal[PRINCIPAL_MAX];
        acl_principal(entry, principal);
        if (asker_is(a, principal) && acl_gives(entry, action))
            return true;
    }
    return false;
}

size_t asker_first_grant(const struct asker *a, uint32_t edit)
{
    size_t low = 0, high = a->n_grants;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (a->grants[mid].edit < edit)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

bool asker_holds(const struct asker *a, uint32_t edit, int64_t now)
{
    for (size_t i = asker_first_grant(a, edit); i < a->n_grants && a->grants[i].edit == edit; i++)
        if (a->grants[i].from <= now && now < a->grants[i].until)
            return true;
    return false;
}

int asker_check(const struct asker *a, struct index_read *rd, struct err *e)
{
    struct index_head head;
    int r = index_head(rd, &head, e);
    if (r == 0 && head.seq != a->rules->seq)
        r = err_set(e, -ESTALE, "the lake's rules have changed; ask again");
    return r;
}

/* ---- what each label gives ----------------------------------------------------------------- */

/* What a list of actions or access types gives. */
static unsigned gives_of(const json_t *actions)
{
    unsigned all = 0;
    size_t i;
    json_t *action;
    json_array_foreach(actions, i, action)
        all |= gives_named(json_string_value(action));
    return all;
}

/* What the entries of an ACL that name the asker give. */
static unsigned gives_of_acl(const struct asker *a, const json_t *entries)
{
    unsigned all = 0;
    size_t i;
    json_t *entry;
    json_array_foreach(entries, i, entry) {
        char principal[PRINCIPAL_MAX];
        acl_principal(entry, principal);
        if (!asker_is(a, principal))
            continue;
        all |= gives_of(json_object_get(entry, "accessTypes"));
        if (acl_gives(entry, "modify_all_access")) /* has another name in lists */
            all |= GIVES_MODIFY;
    }
    return all;
}

/* What the asker has of an edit's objects, and of its files. To write to an edit, or to say who may
 * see it, is no right over the media of others that it uses. */
static void give_edit(struct asker *a, const struct rules_edit *ed, uint32_t at)
{
    const struct rules *r = a->rules;
    unsigned objects = 0, files = 0;
    size_t first = asker_first_grant(a, at);
    if (ed->state == EDIT_ENABLED) {
        if (r->acl_enabled && ed->propagates)
            objects = gives_of_acl(a, ed->acl) & (GIVES_READ | GIVES_CUSTOM);
        if (first < a->n_grants && a->grants[first].edit == at)
            objects |= GIVES_TIMED;
    }
    if (ed->state != EDIT_REMOVED && *ed->owner && asker_is(a, ed->owner))
        files = GIVES_READ;
    for (size_t i = 0; i < ed->n_labels; i++) {
        enum label_kind kind = r->labels[ed->labels[i]].kind;
        if (kind == LABEL_EDIT || kind == LABEL_RETIRED)
            a->gives[ed->labels[i]] = (uint8_t)objects;
        else if (kind == LABEL_FILES)
            a->gives[ed->labels[i]] = (uint8_t)files;
    }
}

static void give_policies(struct asker *a, const char *principal)
{
    size_t first, n = rules_policies_of(a->rules, principal, &first);
    for (size_t i = first; i < first + n; i++) {
        const struct rules_policy *p = &a->rules->policies[i];
        if (p->class_at != RULES_NONE)
            a->gives[a->rules->classes[p->class_at].label] |= (uint8_t)gives_of(p->actions);
    }
}

static void give_all(struct asker *a)
{
    const struct rules *r = a->rules;
    a->gives = xcalloc(r->n_labels + 1, 1);
    for (size_t i = 0; i < r->n_edits; i++)
        give_edit(a, &r->edits[i], (uint32_t)i);
    for (size_t i = 0; r->acl_enabled && i < r->n_acls; i++)
        if (r->acls[i].label)
            a->gives[r->acls[i].label] = (uint8_t)gives_of_acl(a, r->acls[i].entries);
    for (size_t i = 0; i < a->who.n; i++)
        give_policies(a, a->who.as[i]);
}

static int find_reach(struct asker *a, struct index_read *rd, struct err *e)
{
    AUTO(roaring) roaring_bitmap_t *names = NULL;
    int r = index_edit_names(rd, &names, e);
    for (uint32_t i = 0; r == 0 && i < a->rules->n_labels; i++) {
        AUTO(roaring) roaring_bitmap_t *set = NULL;
        if (a->gives[i] && (r = index_label_nodes(rd, i, &set, e)) == 0)
            roaring_bitmap_or_inplace(a->reach, set);
    }
    if (r == 0)
        roaring_bitmap_andnot_inplace(a->reach, names); /* they are no objects */
    return r;
}

/* ---- who it is ----------------------------------------------------------------------------- */

/* Where a grant holds from certain addresses only: is the asker at one of them? */
static bool is_at(const struct asker *a, const json_t *ranges)
{
    size_t i;
    json_t *name;
    json_array_foreach(ranges, i, name)
        if (ranges_have(a->rules->ranges, json_string_value(name), &a->who.address))
            return true;
    return !ranges;
}

static int by_edit(const void *a, const void *b)
{
    const struct asker_grant *x = a, *y = b;
    return x->edit < y->edit ? -1 : x->edit > y->edit;
}

static void take_grants(struct asker *a)
{
    for (size_t i = 0; i < a->who.n; i++) {
        size_t first, n = rules_grants_of(a->rules, a->who.as[i], &first);
        for (size_t k = first; k < first + n; k++) {
            const struct rules_grant *g = &a->rules->grants[k];
            if (is_at(a, g->ranges))
                *RULES_GROW(a->grants, a->n_grants) =
                    (struct asker_grant){g->edit, g->from, g->until};
        }
    }
    if (a->n_grants)
        qsort(a->grants, a->n_grants, sizeof *a->grants, by_edit);
}

static void take_permissions(struct asker *a)
{
    uint64_t all;
    a->permissions = rules_permissions(a->rules, a->who.as, a->who.n);
    a->superuser = a->who.superuser || (a->permissions & ROLE(SUPERUSER));
    if (a->superuser && role_builtin("superuser", &all))
        a->permissions |= all;
    a->lake = GIVES_READ | GIVES_WRITE | GIVES_MODIFY;
    if (a->rules->acl_storage_enabled && json_array_size(a->rules->lake_acl) > 0)
        a->lake = gives_of_acl(a, a->rules->lake_acl);
}

int asker_new(struct index_read *rd, struct rules *rules, const struct who *who,
              struct asker **ret, struct err *e)
{
    AUTO(asker) struct asker *a = xcalloc(1, sizeof *a);
    a->rules = rules_ref(rules);
    who_copy(who, &a->who);
    a->names = json_object();
    a->reach = roaring_bitmap_create();
    a->denied = roaring_bitmap_create();
    a->edges = roaring_bitmap_create();
    int r = asker_check(a, rd, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < a->who.n; i++)
        json_object_set_new(a->names, a->who.as[i], json_true());
    a->anonymous = a->who.n == 0;
    a->admits = xcalloc(rules->n_groups + 1, sizeof *a->admits);
    for (size_t i = 0; !a->anonymous && i < rules->n_groups; i++)
        a->admits[i] = access_group_admits(rules->groups[i].rules, rules->ranges, rules->scope,
                                           &a->who).admitted;
    if (!a->anonymous)
        take_permissions(a);
    take_grants(a);
    give_all(a);
    if ((r = find_reach(a, rd, e)) < 0 || (r = asker_deny(a, rd, e)) < 0 ||
        (r = asker_narrow(a, rd, e)) < 0)
        return err_wrap(e, "rules for %s", a->anonymous ? "an anonymous caller" : a->who.as[0]);
    *ret = TAKE(a);
    return 0;
}

void asker_free(struct asker *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->n_scopes; i++) {
        if (a->scopes[i].within)
            roaring_bitmap_free(a->scopes[i].within);
        free(a->scopes[i].hides);
    }
    free(a->scopes);
    free(a->admits);
    free(a->gives);
    free(a->grants);
    json_decref(a->names);
    roaring_bitmap_free(a->reach);
    roaring_bitmap_free(a->denied);
    roaring_bitmap_free(a->edges);
    who_done(&a->who);
    rules_unref(a->rules);
    free(a);
}
