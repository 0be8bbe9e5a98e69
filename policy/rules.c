/* policy/rules.c - all rules of a lake at one position of its ledger, read once and ready to ask. */
/* SPDX-License-Identifier: MIT */
#include "policy/rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/when.h"
#include "policy/propagate.h"
#include "policy/roles.h"
#include "policy/rules_impl.h"

struct load {
    struct rules *r;
    struct index_read *rd;
    struct propagate *filter;
    json_t *ends; /* {"retired:ID:VERSION": until} */
};

void rules_record_set(struct rules_record *ret, uint64_t seq, int64_t time, const char *actor)
{
    *ret = (struct rules_record){seq, time, xstrdup(actor ? actor : "")};
}

/* ---- settings ------------------------------------------------------------------------------ */

static int setting(struct load *l, const char *name, json_t **ret, struct err *e)
{
    uint64_t seq;
    *ret = NULL;
    return index_rule(l->rd, RULE_SETTING, name, "", ret, &seq, e);
}

static int flag_setting(struct load *l, const char *name, bool *ret, struct err *e)
{
    json_auto_t *j = NULL;
    int err = setting(l, name, &j, e);
    *ret = !j || !json_is_false(j);
    return err;
}

static int text_setting(struct load *l, const char *name, char **ret, struct err *e)
{
    json_auto_t *j = NULL;
    int err = setting(l, name, &j, e);
    *ret = xstrdup(json_is_string(j) ? json_string_value(j) : "");
    return err;
}

static int load_settings(struct load *l, struct err *e)
{
    struct rules *r = l->r;
    AUTO(free) char *compose = NULL;
    int err;
    if ((err = flag_setting(l, "acl.enabled", &r->acl_enabled, e)) < 0 ||
        (err = flag_setting(l, "acl.storage.enabled", &r->acl_storage_enabled, e)) < 0 ||
        (err = text_setting(l, "acl.propagate.filter", &r->filter, e)) < 0 ||
        (err = text_setting(l, "users.scope", &r->scope, e)) < 0 ||
        (err = text_setting(l, "protect.compose", &compose, e)) < 0 ||
        (err = setting(l, "roles.default", &r->default_roles, e)) < 0)
        return err;
    r->most_specific = strcmp(compose, "most_specific") == 0;
    if (!r->default_roles)
        r->default_roles = json_pack("[s]", "viewer");
    return propagate_parse(r->filter, &l->filter, e);
}

/* ---- rows ---------------------------------------------------------------------------------- */

static int add_range(void *arg, const struct rule *rule, struct err *e)
{
    struct load *l = arg;
    (void)e;
    ranges_add(l->r->ranges, rule->key[0], rule->value);
    return 0;
}

static int add_role(void *arg, const struct rule *rule, struct err *e)
{
    struct load *l = arg;
    (void)e;
    json_object_set(l->r->roles, rule->key[0], rule->value);
    return 0;
}

static int add_policy(void *arg, const struct rule *rule, struct err *e)
{
    struct load *l = arg;
    (void)e;
    struct rules_policy *p = RULES_GROW(l->r->policies, l->r->n_policies);
    p->principal = xstrdup(rule->key[0]);
    p->class_name = xstrdup(rule->key[1]);
    p->class_at = RULES_NONE;
    p->actions = json_incref(rule->value);
    rules_record_set(&p->by, rule->seq, rule->time, rule->actor);
    return 0;
}

static int add_end(void *arg, const struct edit_label *label, struct err *e)
{
    struct load *l = arg;
    (void)e;
    return json_object_set_new(l->ends, label->name, json_integer(label->until));
}

static int add_edit(void *arg, const struct edit *ed, struct err *e)
{
    struct load *l = arg;
    struct rules_edit *x = RULES_GROW(l->r->edits, l->r->n_edits);
    memcpy(x->id, ed->id, sizeof x->id);
    x->name = xstrdup(ed->name);
    x->owner = xstrdup(ed->owner);
    x->state = ed->state;
    x->propagates = l->r->bare_propagates;
    rules_record_set(&x->by, ed->seq, ed->time, ed->actor);
    return edit_labels(ed, add_end, l, e);
}

static int add_grant(void *arg, const struct grant *grant, struct err *e)
{
    struct load *l = arg;
    uint32_t edit = rules_edit_at(l->r, grant->edit);
    if (edit == RULES_NONE)
        return err_set(e, -EBADMSG, "index: edit %s is granted, and not there", grant->edit);
    struct rules_grant *g = RULES_GROW(l->r->grants, l->r->n_grants);
    g->principal = xstrdup(grant->principal);
    g->edit = edit;
    g->from = grant->from;
    g->until = grant->until;
    g->ranges = json_incref((json_t *)grant->ranges);
    rules_record_set(&g->by, grant->seq, grant->time, grant->actor);
    return 0;
}

static int add_acl(void *arg, const struct placed *p, struct err *e)
{
    struct load *l = arg;
    struct rules *r = l->r;
    (void)e;
    if (p->at.kind == PLACE_LAKE) {
        r->lake_acl = json_incref(p->value);
        rules_record_set(&r->lake_by, p->seq, p->time, p->actor);
    } else if (p->at.kind == PLACE_EDIT) {
        uint32_t i = rules_edit_at(r, p->at.edit);
        if (i != RULES_NONE) {
            r->edits[i].acl = json_incref(p->value);
            rules_record_set(&r->edits[i].acl_by, p->seq, p->time, p->actor);
        }
    } else {
        struct rules_acl *a = RULES_GROW(r->acls, r->n_acls);
        a->node = p->at.node;
        a->entries = json_incref(p->value);
        rules_record_set(&a->by, p->seq, p->time, p->actor);
    }
    return 0;
}

static int add_metadata(void *arg, const struct placed *p, struct err *e)
{
    struct load *l = arg;
    (void)e;
    bool passes = propagate_passes(l->filter, p->value);
    uint32_t i;
    if (p->at.kind == PLACE_EDIT && (i = rules_edit_at(l->r, p->at.edit)) != RULES_NONE)
        l->r->edits[i].propagates = passes;
    else if (p->at.kind == PLACE_NODE && passes != l->r->bare_propagates)
        roaring_bitmap_add(l->r->odd, p->at.node);
    return 0;
}

/* ---- labels -------------------------------------------------------------------------------- */

static int by_class_name(const void *a, const void *b)
{
    return strcmp(((const struct rules_class *)a)->name, ((const struct rules_class *)b)->name);
}

static uint32_t class_at(const struct rules *r, const char *name)
{
    struct rules_class key = {.name = (char *)name};
    const struct rules_class *c = r->n_classes == 0 ? NULL
        : bsearch(&key, r->classes, r->n_classes, sizeof *r->classes, by_class_name);
    return c ? (uint32_t)(c - r->classes) : RULES_NONE;
}

static uint32_t edit_of(const struct rules *r, const char *name)
{
    char id[EDIT_ID_SIZE];
    snprintf(id, sizeof id, "%s", strchr(name, ':') + 1);
    return rules_edit_at(r, id);
}

static void edit_label(struct load *l, struct rules_label *label, uint32_t number,
                       enum label_kind kind, const char *name)
{
    uint32_t i = edit_of(l->r, name);
    if (i == RULES_NONE)
        return; /* files below ShotLocker/Edits/ID/ where no such edit came yet */
    struct rules_edit *ed = &l->r->edits[i];
    label->kind = kind;
    label->of = i;
    /* what is retired of an edit that is removed has no end that could be found: it is over */
    if (kind == LABEL_RETIRED) {
        const json_t *end = json_object_get(l->ends, name);
        label->until = end ? json_integer_value(end) : INT64_MIN;
    }
    ed->labels = xrealloc(ed->labels, ed->n_labels + 1, sizeof *ed->labels);
    ed->labels[ed->n_labels++] = number;
}

static int add_label(void *arg, uint32_t number, const char *name, struct err *e)
{
    static const struct {
        const char *prefix;
        enum label_kind kind;
    } kinds[] = {{"edit:", LABEL_EDIT},   {"retired:", LABEL_RETIRED}, {"untag:", LABEL_LOST},
                 {"past:", LABEL_LOST},  
                 {"files:", LABEL_FILES}, {"acl:", LABEL_ACL},         {"class:", LABEL_CLASS},
                 {"guard:", LABEL_GUARD}};
    struct load *l = arg;
    struct rules *r = l->r;
    if (number > 1u << 30)
        return err_set(e, -EBADMSG, "index: label number %u", number);
    while (r->n_labels <= number)
        *RULES_GROW(r->labels, r->n_labels) =
            (struct rules_label){LABEL_OTHER, RULES_NONE, WHEN_NEVER};
    struct rules_label *label = &r->labels[number];
    for (size_t i = 0; i < COUNT(kinds); i++) {
        size_t n = strlen(kinds[i].prefix);
        if (strncmp(name, kinds[i].prefix, n) != 0)
            continue;
        node_id node = (node_id)strtoul(name + n, NULL, 10);
        if (kinds[i].kind == LABEL_GUARD) {
            rules_guard_label(r, node, number);
        } else if (kinds[i].kind == LABEL_CLASS) {
            *RULES_GROW(r->classes, r->n_classes) = (struct rules_class){xstrdup(name + n), number};
        } else if (kinds[i].kind == LABEL_ACL) {
            label->of = rules_acl_at(r, node);
            if (label->of != RULES_NONE) {
                label->kind = LABEL_ACL;
                r->acls[label->of].label = number;
            }
        } else {
            edit_label(l, label, number, kinds[i].kind, name);
        }
    }
    return 0;
}

static int by_acl_node(const void *a, const void *b)
{
    const struct rules_acl *x = a, *y = b;
    return x->node < y->node ? -1 : x->node > y->node;
}

static int load_labels(struct load *l, struct err *e)
{
    struct rules *r = l->r;
    if (r->n_acls)
        qsort(r->acls, r->n_acls, sizeof *r->acls, by_acl_node);
    int err = index_labels(l->rd, add_label, l, e);
    if (r->n_classes)
        qsort(r->classes, r->n_classes, sizeof *r->classes, by_class_name);
    for (size_t i = 0; i < r->n_classes; i++) {
        struct rules_label *label = &r->labels[r->classes[i].label];
        label->kind = LABEL_CLASS;
        label->of = (uint32_t)i;
        if (strcmp(r->classes[i].name, "original") == 0)
            r->original = r->classes[i].label;
    }
    for (size_t i = 0; i < r->n_policies; i++)
        r->policies[i].class_at = class_at(r, r->policies[i].class_name);
    rules_sort_guards(r);
    return err;
}

/* ---- the edits of one object ---------------------------------------------------------------- */

/* The edits that hold an object: now, retired, or once. */
struct holders {
    char (*ids)[EDIT_ID_SIZE]; /* by id */
    size_t n;
    bool is_file;
};

static void auto_holders(struct holders *h)
{
    free(h->ids);
}

static int by_id(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int add_holder(void *arg, const char *label, struct err *e)
{
    static const char *const kinds[] = {"edit:", "retired:", "untag:", "past:"};
    struct holders *h = arg;
    (void)e;
    h->is_file = h->is_file || strncmp(label, "files:", 6) == 0;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        size_t n = strlen(kinds[i]);
        if (strncmp(label, kinds[i], n) == 0)
            snprintf(*RULES_GROW(h->ids, h->n), sizeof *h->ids, "%.*s", EDIT_ID_LEN, label + n);
    }
    return 0;
}

/* Of an edit of which nothing but a label came yet there is no row, and nothing to decide by. */
static int load_edits(struct load *l, const struct holders *of, struct err *e)
{
    int err = of ? 0 : index_edits(l->rd, add_edit, l, e);
    for (size_t i = 0; of && err >= 0 && i < of->n; i++) {
        AUTO(edit) struct edit ed = {0};
        if (i > 0 && strcmp(of->ids[i], of->ids[i - 1]) == 0)
            continue;
        err = index_edit(l->rd, of->ids[i], &ed, e);
        if (err == 0)
            err = add_edit(l, &ed, e);
        else if (err == -ENOENT)
            err = 0;
    }
    if (err < 0)
        return err;
    return of ? index_grants_of(l->rd, (const char (*)[EDIT_ID_SIZE])of->ids, of->n, add_grant, l, e)
              : index_grants(l->rd, NULL, add_grant, l, e);
}

/* ---- the whole ----------------------------------------------------------------------------- */

/* What later rows refer to comes first. */
static int load_rows(struct load *l, const struct holders *of, struct err *e)
{
    struct rules *r = l->r;
    int err = load_settings(l, e);
    if (err < 0)
        return err;
    r->bare_propagates = propagate_passes(l->filter, NULL);
    if ((err = load_edits(l, of, e)) < 0 ||
        (err = index_placed_each(l->rd, PLACED_ACL, add_acl, l, e)) < 0 ||
        (err = index_placed_each(l->rd, PLACED_METADATA, add_metadata, l, e)) < 0 ||
        (err = index_rules(l->rd, RULE_RANGES, add_range, l, e)) < 0 ||
        (err = index_rules(l->rd, RULE_ROLE, add_role, l, e)) < 0 ||
        (err = index_rules(l->rd, RULE_POLICY, add_policy, l, e)) < 0 ||
        (err = rules_load_groups(r, l->rd, e)) < 0 || (err = rules_load_guards(r, l->rd, e)) < 0)
        return err;
    return load_labels(l, e);
}

static int load(struct index_read *rd, const struct holders *of, node_id about, struct rules **ret,
                struct err *e)
{
    AUTO(rules) struct rules *r = xcalloc(1, sizeof *r);
    AUTO(propagate) struct propagate *filter = NULL;
    json_auto_t *ends = json_object();
    struct load l = {r, rd, NULL, ends};
    struct index_head head;
    atomic_init(&r->refs, 1);
    r->ranges = ranges_new();
    r->roles = json_object();
    r->odd = roaring_bitmap_create();
    int err = index_head(rd, &head, e);
    if (err == 0)
        err = load_rows(&l, of, e);
    filter = l.filter;
    if (err < 0)
        return err_wrap(e, "read the rules");
    r->seq = head.seq;
    r->about = about;
    *ret = TAKE(r);
    return 0;
}

int rules_load(struct index_read *rd, struct rules **ret, struct err *e)
{
    return load(rd, NULL, NODE_NONE, ret, e);
}

int rules_load_about(struct index_read *rd, node_id object, struct rules **ret, struct err *e)
{
    AUTO(holders) struct holders of = {0};
    struct node n;
    *ret = NULL;
    int r = index_node(rd, object, &n, e);
    if (r < 0)
        return r == -ENOENT ? err_set(e, r, "index: no node %u", object) : r;
    if (n.is_dir || n.target != NODE_NONE)
        return 0;
    r = index_labels_of(rd, object, add_holder, &of, e);
    if (r < 0 || of.is_file)
        return r;
    if (of.n > 0)
        qsort(of.ids, of.n, sizeof *of.ids, by_id);
    return load(rd, &of, object, ret, e);
}

static void free_edits(struct rules *r)
{
    for (size_t i = 0; i < r->n_edits; i++) {
        struct rules_edit *ed = &r->edits[i];
        free(ed->name);
        free(ed->owner);
        free(ed->by.actor);
        json_decref(ed->acl);
        free(ed->acl_by.actor);
        free(ed->labels);
    }
    for (size_t i = 0; i < r->n_grants; i++) {
        free(r->grants[i].principal);
        free(r->grants[i].by.actor);
        json_decref(r->grants[i].ranges);
    }
    free(r->edits);
    free(r->grants);
}

static void rules_free(struct rules *r)
{
    free_edits(r);
    rules_free_guards(r);
    for (size_t i = 0; i < r->n_acls; i++) {
        json_decref(r->acls[i].entries);
        free(r->acls[i].by.actor);
    }
    for (size_t i = 0; i < r->n_classes; i++)
        free(r->classes[i].name);
    for (size_t i = 0; i < r->n_policies; i++) {
        free(r->policies[i].principal);
        free(r->policies[i].class_name);
        json_decref(r->policies[i].actions);
        free(r->policies[i].by.actor);
    }
    free(r->acls);
    free(r->classes);
    free(r->policies);
    free(r->labels);
    ranges_free(r->ranges);
    json_decref(r->roles);
    json_decref(r->lake_acl);
    free(r->lake_by.actor);
    roaring_bitmap_free(r->odd);
    json_decref(r->default_roles);
    free(r->scope);
    free(r->filter);
    free(r);
}

struct rules *rules_ref(struct rules *r)
{
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

void rules_unref(struct rules *r)
{
    if (r && atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) == 1)
        rules_free(r);
}

uint64_t rules_seq(const struct rules *r)
{
    return r->seq;
}

/* ---- questions ----------------------------------------------------------------------------- */

bool rules_propagates(const struct rules *r, node_id dir)
{
    return roaring_bitmap_contains(r->odd, dir) ? !r->bare_propagates : r->bare_propagates;
}

static int id_order(const void *key, const void *edit)
{
    return strcmp(key, ((const struct rules_edit *)edit)->id);
}

uint32_t rules_edit_at(const struct rules *r, const char *id)
{
    const struct rules_edit *ed = r->n_edits == 0 ? NULL
        : bsearch(id, r->edits, r->n_edits, sizeof *r->edits, id_order);
    return ed ? (uint32_t)(ed - r->edits) : RULES_NONE;
}

uint32_t rules_acl_at(const struct rules *r, node_id node)
{
    struct rules_acl key = {.node = node};
    const struct rules_acl *a = r->n_acls == 0 ? NULL
        : bsearch(&key, r->acls, r->n_acls, sizeof *r->acls, by_acl_node);
    return a ? (uint32_t)(a - r->acls) : RULES_NONE;
}

/* The rows of an array sorted by a name: where it starts (or would), and how many there are. */
static size_t rows_of(const void *array, size_t n, size_t size, size_t name_at, const char *name,
                      size_t *ret_first)
{
    size_t low = 0, high = n, count = 0;
#define NAME_OF(i) (*(char *const *)((const char *)array + (i) * size + name_at))
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(NAME_OF(mid), name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    while (low + count < n && strcmp(NAME_OF(low + count), name) == 0)
        count++;
#undef NAME_OF
    *ret_first = low;
    return count;
}

size_t rules_grants_of(const struct rules *r, const char *principal, size_t *ret_first)
{
    return rows_of(r->grants, r->n_grants, sizeof *r->grants,
                   offsetof(struct rules_grant, principal), principal, ret_first);
}

size_t rules_policies_of(const struct rules *r, const char *principal, size_t *ret_first)
{
    return rows_of(r->policies, r->n_policies, sizeof *r->policies,
                   offsetof(struct rules_policy, principal), principal, ret_first);
}

/* Adds what a role and all that it brings give; `seen` keeps cycles from going round. False: nobody
 * knows a role of that name. Not recursive: chains may be of any length. */
static bool add_permissions(const struct rules *r, const char *name, json_t *seen, uint64_t *bits)
{
    json_auto_t *todo = json_array();
    bool known = false;
    json_array_append_new(todo, json_string(name));
    for (size_t i = 0; i < json_array_size(todo); i++) {
        const char *at = json_string_value(json_array_get(todo, i));
        uint64_t gives;
        bool builtin = role_builtin(at, &gives);
        const json_t *bundle = json_object_get(r->roles, at);
        if (i == 0)
            known = builtin || bundle;
        if (json_object_get(seen, at))
            continue;
        json_object_set_new(seen, at, json_true());
        if (builtin)
            *bits |= gives;
        json_array_extend(todo, (json_t *)bundle);
    }
    return known;
}

uint64_t rules_permissions(const struct rules *r, char *const *names, size_t n)
{
    json_auto_t *seen = json_object();
    bool known = false;
    uint64_t bits = 0;
    size_t k;
    json_t *role;
    for (size_t i = 0; i < n; i++) {
        bool is_role = strncmp(names[i], "group:", 6) == 0 || strncmp(names[i], "role:", 5) == 0;
        if (is_role && add_permissions(r, strchr(names[i], ':') + 1, seen, &bits))
            known = true;
    }
    if (known)
        return bits;
    json_array_foreach(r->default_roles, k, role)
        add_permissions(r, json_string_value(role), seen, &bits);
    return bits;
}
