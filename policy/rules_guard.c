/* policy/rules_guard.c - access groups, and the protected places that they guard. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/rules_impl.h"

static int add_group(void *arg, const struct rule *rule, struct err *e)
{
    struct rules *r = arg;
    (void)e;
    struct rules_group *g = RULES_GROW(r->groups, r->n_groups);
    g->site = xstrdup(rule->key[0]);
    g->name = xstrdup(rule->key[1]);
    g->rules = json_incref(rule->value);
    rules_record_set(&g->by, rule->seq, rule->time, rule->actor);
    return 0;
}

static int by_site_and_name(const void *a, const void *b)
{
    const struct rules_group *x = a, *y = b;
    int c = strcmp(x->site, y->site);
    return c ? c : strcmp(x->name, y->name);
}

int rules_load_groups(struct rules *r, struct index_read *rd, struct err *e)
{
    int err = index_rules(rd, RULE_GROUP, add_group, r, e);
    if (r->n_groups)
        qsort(r->groups, r->n_groups, sizeof *r->groups, by_site_and_name);
    return err;
}

uint32_t rules_group_at(const struct rules *r, const char *site, const char *name)
{
    struct rules_group key = {.site = (char *)site, .name = (char *)name};
    const struct rules_group *g = r->n_groups == 0 ? NULL
        : bsearch(&key, r->groups, r->n_groups, sizeof *r->groups, by_site_and_name);
    return g ? (uint32_t)(g - r->groups) : RULES_NONE;
}

/* Does anybody keep access groups there? */
static bool is_site(const struct rules *r, const char *key)
{
    size_t low = 0, high = r->n_groups;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = strcmp(r->groups[mid].site, key);
        if (c == 0)
            return true;
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

/* Cuts "show/secret/" back to the nearest directory that is a site, or to "", the lake's own. */
static void cut_to_site(const struct rules *r, char *key)
{
    size_t n = strlen(key);
    if (n && key[n - 1] == '/')
        key[n - 1] = '\0';
    while (*key && !is_site(r, key)) {
        char *slash = strrchr(key, '/');
        *(slash ? slash : key) = '\0';
    }
}

struct guard_load {
    struct rules *r;
    struct index_read *rd;
};

static int depth_of(struct index_read *rd, node_id id, uint32_t *ret, struct err *e)
{
    struct node n;
    for (*ret = 0; id != NODE_ROOT; id = n.parent, ++*ret) {
        int r = index_node(rd, id, &n, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int add_guard(void *arg, const struct guard *guard, struct err *e)
{
    struct guard_load *l = arg;
    AUTO(buf) struct buf key = {0};
    uint32_t depth = 0;
    int err = index_key(l->rd, guard->site_at, &key, e);
    if (err == 0)
        err = depth_of(l->rd, guard->node, &depth, e);
    if (err < 0)
        return err;
    struct rules_guard *g = RULES_GROW(l->r->guards, l->r->n_guards);
    g->node = guard->node;
    g->depth = depth;
    g->name = xstrdup(guard->group);
    buf_str(&key);
    g->site = key.p ? buf_take(&key) : xstrdup("");
    cut_to_site(l->r, g->site);
    g->group = rules_group_at(l->r, g->site, g->name);
    g->everyone = g->group == RULES_NONE && access_group_is_everyone(g->name);
    g->by_name = guard->by_name;
    g->seq = guard->seq;
    return 0;
}

static int by_node(const void *a, const void *b)
{
    const struct rules_guard *x = a, *y = b;
    return x->node < y->node ? -1 : x->node > y->node;
}

int rules_load_guards(struct rules *r, struct index_read *rd, struct err *e)
{
    struct guard_load l = {r, rd};
    int err = index_guards(rd, add_guard, &l, e);
    if (r->n_guards)
        qsort(r->guards, r->n_guards, sizeof *r->guards, by_node);
    return err;
}

void rules_guard_label(struct rules *r, node_id node, uint32_t label)
{
    size_t low = 0, high = r->n_guards;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (r->guards[mid].node < node)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < r->n_guards && r->guards[low].node == node; low++)
        r->guards[low].label = label;
}

static int by_depth(const void *a, const void *b)
{
    const struct rules_guard *x = a, *y = b;
    return x->depth != y->depth ? (x->depth < y->depth ? -1 : 1) : by_node(a, b);
}

void rules_sort_guards(struct rules *r)
{
    if (r->n_guards)
        qsort(r->guards, r->n_guards, sizeof *r->guards, by_depth);
}

void rules_free_guards(struct rules *r)
{
    for (size_t i = 0; i < r->n_groups; i++) {
        free(r->groups[i].site);
        free(r->groups[i].name);
        free(r->groups[i].by.actor);
        json_decref(r->groups[i].rules);
    }
    for (size_t i = 0; i < r->n_guards; i++) {
        free(r->guards[i].name);
        free(r->guards[i].site);
    }
    free(r->groups);
    free(r->guards);
}
