/* policy/change.c - who may change what: the gate before a principal's own records. */
/* SPDX-License-Identifier: MIT */
#include "policy/change.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/access_group.h"
#include "policy/decide_impl.h"
#include "policy/index.h"
#include "policy/roles.h"

#define MODIFY "modify_all_access"

struct change {
    const struct asker *a;
    struct index_read *rd;
    const json_t *body;
    int64_t now;
    struct err *e;
};

static const char *member(const struct change *c, const char *name)
{
    const char *s = json_string_value(json_object_get(c->body, name));
    return s ? s : "";
}

/* "grant of edit x: needs access_write" */
static int refuse(const struct change *c, const char *needs)
{
    AUTO(buf) struct buf b = {0};
    buf_adds(&b, member(c, "op"));
    if (*member(c, "edit"))
        buf_addf(&b, " of edit %s", member(c, "edit"));
    else if (*member(c, "path"))
        buf_addf(&b, " of %.256s", member(c, "path"));
    else if (json_is_true(json_object_get(c->body, "lake")))
        buf_adds(&b, " of the lake");
    else if (*member(c, "group"))
        buf_addf(&b, " %.128s#%.128s", member(c, "site"), member(c, "group"));
    else if (*member(c, "class"))
        buf_addf(&b, " of %s for class %.128s", member(c, "principal"), member(c, "class"));
    else if (*member(c, "name"))
        buf_addf(&b, " %.128s", member(c, "name"));
    else if (*member(c, "role"))
        buf_addf(&b, " %.128s", member(c, "role"));
    return err_set(c->e, -EACCES, "%s: needs %s", buf_str(&b), needs);
}

/* ---- what may be missing ------------------------------------------------------------------- */

/* All of the permissions. */
static int need_roles(const struct change *c, uint64_t set)
{
    for (unsigned bit = 0; bit < ROLE_BIT_COUNT; bit++) {
        uint64_t one = UINT64_C(1) << bit;
        if ((set & one) && !c->a->superuser && !(c->a->permissions & one))
            return refuse(c, role_bit_name((enum role_bit)bit));
    }
    return 0;
}

static int need_superuser(const struct change *c)
{
    return c->a->superuser ? 0 : refuse(c, "superuser");
}

/* The lake's own list, where it has one, stands before whatever happens in it. */
static int need_lake(const struct change *c, const char *action)
{
    if (c->a->superuser || (c->a->lake & asker_wants(action)))
        return 0;
    AUTO(free) char *needs = xasprintf("%s in the lake's list", action);
    return refuse(c, needs);
}

/* A change that is about no object and no edit is outside of every token that is about some. */
static int need_whole_token(const struct change *c, const char *action)
{
    size_t i;
    json_t *element;
    json_array_foreach(c->a->who.details, i, element) {
        const json_t *actions = json_object_get(element, "actions");
        if ((!actions || json_has(actions, action)) && !json_object_get(element, "edits") &&
            !json_object_get(element, "locations"))
            return 0;
    }
    return c->a->who.details ? refuse(c, "a token that is not narrowed to less") : 0;
}

static int need_edit(const struct change *c, const char *action)
{
    bool may;
    int r = need_lake(c, action);
    if (r < 0 || (r = decide_edit(c->a, c->rd, member(c, "edit"), action, c->now, &may, c->e)) < 0)
        return r;
    if (may)
        return 0;
    AUTO(free) char *needs = xasprintf("%s in the edit's list, or its owner", action);
    return refuse(c, needs);
}

/* The node that a path names, as replay will read it: an object and a directory of one name are
 * told apart by the '/' at the end. NODE_NONE: there is none. */
static int node_of_path(const struct change *c, node_id *ret)
{
    const char *path = member(c, "path");
    AUTO(buf) struct buf key = {0};
    int r = index_find(c->rd, path, ret, c->e);
    if (r == 0)
        r = index_key(c->rd, *ret, &key, c->e);
    if (r < 0 && r != -ENOENT)
        return r;
    if (r == -ENOENT || strcmp(*ret == NODE_ROOT ? "/" : buf_str(&key), path) != 0)
        *ret = NODE_NONE;
    return 0;
}

static int need_node(const struct change *c, node_id id)
{
    struct node n;
    bool may = false;
    int r = id == NODE_NONE ? 0 : index_node(c->rd, id, &n, c->e);
    if (r == 0 && id != NODE_NONE)
        r = n.is_dir ? decide_directory(c->a, c->rd, id, MODIFY, c->now, &may, c->e)
                     : decide(c->a, c->rd, id, MODIFY, c->now, &may, c->e);
    if (r < 0)
        return r;
    return may ? 0 : refuse(c, MODIFY " there");
}

/* MODIFY where the body's "path" or "edit" is. */
static int need_place(const struct change *c, node_id *ret)
{
    *ret = NODE_NONE;
    if (*member(c, "edit"))
        return need_edit(c, MODIFY);
    int r = node_of_path(c, ret);
    return r < 0 ? r : need_node(c, *ret);
}

/* ---- edits and their grants ---------------------------------------------------------------- */

static int change_grant(const struct change *c)
{
    int r = need_roles(c, ROLE(ACCESS_WRITE));
    return r < 0 ? r : need_edit(c, MODIFY);
}

static int change_revoke(const struct change *c)
{
    if (!c->a->superuser && !(c->a->permissions & (ROLE(ACCESS_WRITE) | ROLE(ACCESS_DELETE))))
        return refuse(c, "access_write or access_delete");
    return need_edit(c, MODIFY);
}

/* Who ingests an edit owns it: nobody else is made its owner. */
static int change_edit(const struct change *c)
{
    const char *owner = member(c, "owner");
    int r = need_roles(c, ROLE(ASSET_WRITE) | ROLE(TIMESPAN_WRITE));
    if (r < 0)
        return r;
    if (rules_edit_at(c->a->rules, member(c, "edit")) != RULES_NONE)
        return need_edit(c, "write");
    if ((r = need_lake(c, "write")) < 0 || (r = need_whole_token(c, "write")) < 0)
        return r;
    if (*owner && !c->a->superuser && strcmp(owner, c->a->who.as[0]) != 0)
        return refuse(c, "to be the owner that it names");
    return 0;
}

static int change_state(const struct change *c)
{
    int r = need_roles(c, ROLE(ASSET_WRITE));
    return r < 0 ? r : need_edit(c, "write");
}

static int change_remove(const struct change *c)
{
    int r = need_roles(c, ROLE(ASSET_DELETE));
    return r < 0 ? r : need_edit(c, MODIFY);
}

/* ---- what the lake holds ------------------------------------------------------------------- */

static int change_tagged(const struct change *c)
{
    int r = need_roles(c, ROLE(ASSET_WRITE));
    if (r < 0 || (r = need_lake(c, "write")) < 0)
        return r;
    return need_whole_token(c, "write");
}

static int change_files(const struct change *c)
{
    int r = need_roles(c, ROLE(STORAGE_FILE_WRITE));
    if (r < 0 || (r = need_lake(c, "write")) < 0)
        return r;
    return need_whole_token(c, "write");
}

/* ---- what stands on places ----------------------------------------------------------------- */

static int change_lake_acl(const struct change *c)
{
    int r = need_roles(c, ROLE(STORAGE_WRITE));
    if (r < 0 || (r = need_whole_token(c, MODIFY)) < 0)
        return r;
    /* an empty list lets everybody through its gate, but nobody change it */
    return c->a->superuser || asker_acl_gives(c->a, c->a->rules->lake_acl, MODIFY)
               ? 0
               : refuse(c, MODIFY " in the lake's list");
}

static int change_acl(const struct change *c)
{
    node_id id;
    if (json_is_true(json_object_get(c->body, "lake")))
        return change_lake_acl(c);
    int r = need_roles(c, ROLE(ACCESS_WRITE));
    return r < 0 ? r : need_place(c, &id);
}

/* {name: null} of the names in a list. */
static void add_classes(json_t *set, const json_t *list)
{
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v)
        json_object_set_new(set, json_string_value(v), json_null());
}

struct inheriting {
    const struct change *c;
    json_t *set;
};

static int on_label(void *arg, const char *label, struct err *e)
{
    struct inheriting *in = arg;
    struct place at = {.kind = PLACE_EDIT};
    json_auto_t *list = NULL;
    uint64_t seq;
    if (strncmp(label, "edit:", 5) != 0 || !edit_of_label(label, at.edit))
        return 0;
    uint32_t edit = rules_edit_at(in->c->a->rules, at.edit);
    if (edit == RULES_NONE || in->c->a->rules->edits[edit].state != EDIT_ENABLED)
        return 0;
    int r = index_placed(in->c->rd, PLACED_CLASSES, &at, &list, &seq, e);
    add_classes(in->set, list);
    return r;
}

/* What a node has where nothing is set on it: of the nearest directory above, and of edits. */
static int inherited(const struct change *c, const struct node *n, json_t *set)
{
    struct node above = *n;
    while (above.id != NODE_ROOT) {
        json_auto_t *list = NULL;
        struct place at = {.kind = PLACE_NODE, .node = above.parent};
        uint64_t seq;
        int r = index_placed(c->rd, PLACED_CLASSES, &at, &list, &seq, c->e);
        if (r < 0 || (r = index_node(c->rd, above.parent, &above, c->e)) < 0)
            return r;
        if (list) {
            add_classes(set, list);
            break;
        }
    }
    struct inheriting in = {c, set};
    return n->is_dir ? 0 : index_labels_of(c->rd, n->id, on_label, &in, c->e);
}

/* The classes in effect: `own` where there is a list, what is inherited otherwise. */
static int classes_with(const struct change *c, node_id id, const json_t *own, json_t **ret)
{
    struct node n;
    json_auto_t *set = json_object();
    add_classes(set, own);
    int r = 0;
    if (!json_is_array(own) && id != NODE_NONE) {
        r = index_node(c->rd, id, &n, c->e);
        if (r == 0)
            r = inherited(c, &n, set);
    }
    *ret = TAKE(set);
    return r;
}

static bool may_set(const struct asker *a, const char *class)
{
    for (size_t i = 0; i < a->who.n; i++) {
        size_t first, n = rules_policies_of(a->rules, a->who.as[i], &first);
        for (size_t k = first; k < first + n; k++)
            if (strcmp(a->rules->policies[k].class_name, class) == 0 &&
                json_has(a->rules->policies[k].actions, "write"))
                return true;
    }
    return false;
}

/* A policy for each class that one of the sets has and the other has not. */
static int need_policies(const struct change *c, json_t *set, const json_t *other)
{
    const char *class;
    json_t *v;
    json_object_foreach(set, class, v) {
        if (json_object_get(other, class) || may_set(c->a, class))
            continue;
        AUTO(free) char *needs = xasprintf("a policy that gives write for class %s", class);
        return refuse(c, needs);
    }
    return 0;
}

/* Counted is what is in effect before and after: a list of one's own also takes away what would be
 * inherited. */
static int change_class(const struct change *c)
{
    struct place at = {.kind = PLACE_EDIT};
    json_auto_t *own = NULL, *before = NULL, *after = NULL;
    uint64_t seq;
    node_id id;
    int r = need_roles(c, ROLE(ACCESS_WRITE));
    if (r < 0 || (r = need_place(c, &id)) < 0)
        return r;
    if (c->a->superuser)
        return 0;
    if (id != NODE_NONE)
        at = (struct place){.kind = PLACE_NODE, .node = id};
    else
        snprintf(at.edit, sizeof at.edit, "%s", member(c, "edit"));
    if ((r = index_placed(c->rd, PLACED_CLASSES, &at, &own, &seq, c->e)) < 0 ||
        (r = classes_with(c, id, own, &before)) < 0 ||
        (r = classes_with(c, id, json_object_get(c->body, "classes"), &after)) < 0 ||
        (r = need_policies(c, before, after)) < 0)
        return r;
    return need_policies(c, after, before);
}

static int change_metadata(const struct change *c)
{
    node_id id;
    int r = need_roles(c, ROLE(ACCESS_WRITE));
    return r < 0 ? r : need_place(c, &id);
}

/* The guard that a record put on a node; NULL: none. */
static const struct rules_guard *guard_on(const struct rules *r, node_id id)
{
    for (size_t i = 0; i < r->n_guards; i++)
        if (r->guards[i].node == id && !r->guards[i].by_name)
            return &r->guards[i];
    return NULL;
}

static int change_protect(const struct change *c)
{
    node_id id;
    int r = need_roles(c, ROLE(ACCESS_WRITE));
    if (r < 0 || (r = node_of_path(c, &id)) < 0)
        return r;
    const struct rules *rules = c->a->rules;
    const struct rules_guard *g = id != NODE_NONE ? guard_on(rules, id) : NULL;
    if (!g)
        return need_node(c, id);
    if (c->a->superuser ||
        (g->group != RULES_NONE &&
         access_group_has_admin(rules->groups[g->group].rules, rules->scope, &c->a->who)))
        return need_whole_token(c, MODIFY);
    return refuse(c, "an admin of the access group that guards it, or superuser");
}

/* ---- rules --------------------------------------------------------------------------------- */

static int change_rule(const struct change *c)
{
    int r = need_superuser(c);
    return r < 0 ? r : need_whole_token(c, MODIFY);
}

static int change_ranges(const struct change *c)
{
    int r = need_roles(c, ROLE(SETTINGS_READ) | ROLE(SETTINGS_READ_ALL) | ROLE(SETTINGS_WRITE) |
                              ROLE(SETTINGS_WRITE_ALL));
    return r < 0 ? r : need_whole_token(c, MODIFY);
}

/* Only what is there already: with the first group of a site the site begins, and with its last it
 * ends, and then groups of another one decide. */
static int change_group(const struct change *c)
{
    const struct rules *rules = c->a->rules;
    int r = need_roles(c, ROLE(ACCESS_WRITE));
    if (r < 0 || (r = need_whole_token(c, MODIFY)) < 0)
        return r;
    uint32_t at = rules_group_at(rules, member(c, "site"), member(c, "group"));
    bool kept = at != RULES_NONE && json_is_object(json_object_get(c->body, "rules"));
    if (c->a->superuser ||
        (kept && access_group_has_admin(rules->groups[at].rules, rules->scope, &c->a->who)))
        return 0;
    /* one sentence: a site's name is a directory's, and that there is a group tells of it */
    return refuse(c, "superuser, or one of the admins where it changes an access group");
}

static const struct {
    const char *op;
    int (*check)(const struct change *c);
} ops[] = {
    {"access_group", change_group}, {"acl", change_acl},
    {"class", change_class},        {"disable", change_state},
    {"edit", change_edit},          {"enable", change_state},
    {"grant", change_grant},        {"init", change_rule},
    {"inventory", change_files},    {"media", change_files},
    {"metadata", change_metadata},  {"policy", change_rule},
    {"protect", change_protect},    {"ranges", change_ranges},
    {"remove", change_remove},      {"revoke", change_revoke},
    {"role", change_rule},          {"settings", change_rule},
    {"tagged", change_tagged},
};

int change_allowed(const struct asker *a, struct index_read *rd, const json_t *body, int64_t now,
                   struct err *e)
{
    struct change c = {a, rd, body, now, e};
    int r = asker_check(a, rd, e);
    if (r < 0)
        return r;
    if (a->anonymous)
        return refuse(&c, "somebody who has signed in");
    if (a->superuser && !a->who.details)
        return 0;
    for (size_t i = 0; i < COUNT(ops); i++)
        if (strcmp(ops[i].op, member(&c, "op")) == 0)
            return ops[i].check(&c);
    return change_rule(&c); /* an op that nobody thought of here is nobody else's */
}
