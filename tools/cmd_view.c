/* tools/cmd_view.c - view, explain, who: the decision, asked by people. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/lake/lake.h"
#include "policy/decide.h"
#include "policy/explain.h"
#include "policy/index.h"
#include "policy/principals.h"
#include "policy/rules.h"
#include "policy/visible.h"
#include "tools/change.h"
#include "tools/cli.h"

/* What the three verbs need: a lake in step, a snapshot, a moment, who is asked about, and who asks. */
struct ask {
    struct changer ch;
    struct index_read *rd;
    struct principals *people;
    struct who who;
    char name[PRINCIPAL_MAX];
    int64_t at;
    const char *action;
};

static void ask_done(struct ask *a)
{
    index_read_end(a->rd);
    who_done(&a->who);
    principals_free(a->people);
    changer_done(&a->ch);
}

static bool asks_about_itself(const struct ask *a)
{
    return !acting_is_operator(&a->ch.as) && strcmp(a->ch.as.name, a->name) == 0;
}

/* 0, or the exit status, told already. */
static int ask_who(struct cli *c, struct ask *a)
{
    struct err e;
    bool known = false;
    if (index_knows(a->rd, a->name, &known, &e) < 0)
        return cli_fail(&e);
    if (!known && !principals_has(a->people, a->name))
        return cli_unknown("no such principal: %s (neither the ledger nor the principals file "
                           "names it)",
                           a->name);
    principals_expand(a->people, a->name, &a->who);
    return cli_address(c, &a->who.address, &e) < 0 ? cli_usage(c, "%s", e.text) : CLI_DONE;
}

/* `principal` may be NULL. CLI_DONE or the exit status, already told. */
static int ask_open(struct cli *c, const char *principal, struct ask *a)
{
    struct address address;
    struct err e;
    a->action = c->action ? c->action : "list";
    if (principal && principal_parse(principal, a->name, &e) < 0)
        return cli_usage(c, "%s", e.text);
    if (!*a->action)
        return cli_usage(c, "--action takes an action");
    if (cli_address(c, &address, &e) < 0)
        return cli_usage(c, "%s", e.text);
    if (cli_at(c, &a->at, &e) < 0)
        return cli_usage(c, "--at: %s", e.text);
    int r = changer_open(c, &a->ch);
    if (r != CLI_DONE)
        return r;
    if (cli_principals(c, &a->people, &e) < 0 || index_read_begin(a->ch.lk->index, &a->rd, &e) < 0)
        return cli_fail(&e);
    return principal ? ask_who(c, a) : CLI_DONE;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct paths {
    struct index_read *rd;
    char **key;
    size_t n, cap;
};

static int add_path(void *arg, const struct node *n, struct err *e)
{
    struct paths *p = arg;
    struct buf key = {0};
    if (n->id == NODE_ROOT)
        return 0;
    int r = index_key(p->rd, n->id, &key, e);
    if (r < 0) {
        buf_done(&key);
        return r;
    }
    if (p->n == p->cap)
        p->key = xrealloc(p->key, p->cap = p->cap ? 2 * p->cap : 1024, sizeof *p->key);
    p->key[p->n++] = buf_take(&key);
    return 0;
}

/* Is the key at or below the path? "a/b.mov" is not below the object "a/b". */
static bool is_below(const char *key, const char *below)
{
    size_t n = strlen(below);
    return n == 0 || (strncmp(key, below, n) == 0 && (below[n - 1] == '/' || key[n] == '\0'));
}

static void print_paths(struct cli *c, const struct paths *p, const char *below)
{
    json_t *list = c->json ? json_array() : NULL;
    for (size_t i = 0; i < p->n; i++) {
        if (!is_below(p->key[i], below))
            continue;
        if (list)
            json_array_append_new(list, json_string(p->key[i]));
        else
            puts(p->key[i]);
    }
    if (list)
        cli_print_json(list);
}

/* Keeps of what is seen the objects with which the action is allowed, too. */
struct allowed {
    struct index_read *rd;
    const struct asker *asker;
    const char *action;
    int64_t at;
    roaring_bitmap_t *ret;
};

static int keep_allowed(void *arg, const struct node *n, struct err *e)
{
    struct allowed *al = arg;
    bool yes = false;
    if (n->is_dir || n->target != NODE_NONE)
        return 0;
    int r = decide(al->asker, al->rd, n->id, al->action, al->at, &yes, e);
    if (yes)
        roaring_bitmap_add(al->ret, n->id);
    return r;
}

static int narrow(const struct ask *a, struct visible *v, struct err *e)
{
    AUTO(rules) struct rules *rules = NULL;
    AUTO(asker) struct asker *asker = NULL;
    if (strcmp(a->action, "list") == 0)
        return 0;
    int r = rules_load(a->rd, &rules, e);
    if (r < 0 || (r = asker_new(a->rd, rules, &a->who, &asker, e)) < 0)
        return r;
    struct allowed al = {a->rd, asker, a->action, a->at, roaring_bitmap_create()};
    r = index_nodes(a->rd, v->nodes, keep_allowed, &al, e);
    roaring_bitmap_free(v->nodes);
    v->nodes = al.ret;
    return r;
}

static int view(struct cli *c, struct ask *a, const char *path)
{
    AUTO(visible) struct visible v = {0};
    AUTO(buf) struct buf below = {0};
    struct err e;
    if (visible_compute(a->rd, &a->who, a->at, &v, &e) < 0)
        return cli_fail(&e);
    if (path) {
        node_id id;
        int r = index_find_shown(a->rd, path, &id, &e);
        if (r == -ENOENT || (r == 0 && id != NODE_ROOT && !roaring_bitmap_contains(v.nodes, id)))
            return cli_unknown("%s sees no such path: %s", a->name, path);
        if (r < 0 || index_key(a->rd, id, &below, &e) < 0)
            return cli_fail(&e);
    }
    struct paths p = {.rd = a->rd};
    int r = narrow(a, &v, &e);
    if (r == 0)
        r = index_nodes(a->rd, v.nodes, add_path, &p, &e);
    if (p.n > 0)
        qsort(p.key, p.n, sizeof *p.key, by_bytes);
    if (r == 0)
        print_paths(c, &p, buf_str(&below));
    for (size_t i = 0; i < p.n; i++)
        free(p.key[i]);
    free(p.key);
    return r < 0 ? cli_fail(&e) : CLI_DONE;
}

/* Who is acted as may ask for a view of its own; for others' it takes a superuser. */
static int may_view(struct ask *a)
{
    AUTO(asker) struct asker *asker = NULL;
    struct err e;
    if (asks_about_itself(a))
        return CLI_DONE;
    if (acting_asker(&a->ch.as, a->rd, &asker, &e) < 0)
        return cli_fail(&e);
    if (!asker || asker_is_superuser(asker))
        return CLI_DONE;
    err_set(&e, -EACCES, "%s: not allowed: the view of %s: needs superuser", a->ch.as.name, a->name);
    cli_fail(&e);
    return CLI_DENIED;
}

int cmd_view(struct cli *c, int argc, char **argv)
{
    struct ask a = {0};
    if (argc != 2 && argc != 3)
        return cli_usage(c, "view takes PRINCIPAL and maybe a PATH");
    int r = ask_open(c, argv[1], &a);
    if (r == CLI_DONE)
        r = may_view(&a);
    if (r == CLI_DONE)
        r = view(c, &a, argc == 3 ? argv[2] : NULL);
    ask_done(&a);
    return r;
}

/* The node of a path that who is acted as sees. `*ret_all`: it may read of others' access there. */
static int find(struct ask *a, const char *path, node_id *ret, bool *ret_all)
{
    struct err e;
    int r = index_find_shown(a->rd, path, ret, &e);
    if (r == -ENOENT && !acting_is_operator(&a->ch.as))
        err_set(&e, r, "no such path in the lake: %s", path);
    if (r == 0 && (r = acting_must_see(&a->ch.as, a->rd, *ret, path, &e)) == 0)
        r = acting_reads_access(&a->ch.as, a->rd, *ret, ret_all, &e);
    if (r == -ENOENT)
        return cli_unknown("%s", e.text);
    return r < 0 ? cli_fail(&e) : CLI_DONE;
}

static int denied(const struct ask *a, const char *path)
{
    struct err e;
    err_set(&e, -EACCES, "%s: not allowed: the access of others to %s: needs access_read and "
            "modify_all_access there", a->ch.as.name, path);
    cli_fail(&e);
    return CLI_DENIED;
}

/* What somebody may know about itself: that it may, and by what; not what keeps others, or it, out. */
static void only_own(json_t *decision)
{
    static const char *const kept[] = {"allow", "principal", "path",   "at",  "record",
                                       "by",    "action",    "link",   "object", "closed"};
    const char *name;
    json_t *v;
    void *next;
    json_object_foreach_safe(decision, next, name, v) {
        bool keep = false;
        for (size_t i = 0; i < COUNT(kept); i++)
            keep |= strcmp(name, kept[i]) == 0;
        if (!keep)
            json_object_del(decision, name);
    }
}

static int explain(struct ask *a, const char *path, json_t **ret)
{
    node_id id = NODE_NONE;
    bool all = false;
    struct err e;
    int r = find(a, path, &id, &all);
    if (r != CLI_DONE)
        return r;
    if (!all && !asks_about_itself(a))
        return denied(a, path);
    if (explain_action(a->rd, &a->who, id, a->action, a->at, ret, &e) < 0)
        return cli_fail(&e);
    if (!all)
        only_own(*ret);
    return CLI_DONE;
}

int cmd_explain(struct cli *c, int argc, char **argv)
{
    struct ask a = {0};
    json_auto_t *j = NULL;
    if (argc != 3)
        return cli_usage(c, "explain takes PRINCIPAL and PATH");
    int r = ask_open(c, argv[1], &a);
    if (r == CLI_DONE)
        r = explain(&a, argv[2], &j);
    ask_done(&a);
    if (r != CLI_DONE)
        return r;
    AUTO(buf) struct buf text = {0};
    if (c->json) {
        cli_print_json(json_incref(j));
    } else {
        explain_text(j, &text);
        fputs(buf_str(&text), stdout);
    }
    return CLI_DONE;
}

static int who_sees(struct ask *a, const char *path, json_t **ret)
{
    node_id id = NODE_NONE;
    bool all = false;
    struct err e;
    int r = find(a, path, &id, &all);
    if (r != CLI_DONE)
        return r;
    if (!all)
        return denied(a, path);
    return explain_who(a->rd, id, a->at, ret, &e) < 0 ? cli_fail(&e) : CLI_DONE;
}

int cmd_who(struct cli *c, int argc, char **argv)
{
    struct ask a = {0};
    json_auto_t *list = NULL;
    if (argc != 2)
        return cli_usage(c, "who takes one PATH");
    int r = ask_open(c, NULL, &a);
    if (r == CLI_DONE)
        r = who_sees(&a, argv[1], &list);
    ask_done(&a);
    if (r != CLI_DONE)
        return r;
    AUTO(buf) struct buf text = {0};
    if (c->json) {
        cli_print_json(json_incref(list));
    } else {
        explain_who_text(list, &text);
        fputs(buf_str(&text), stdout);
    }
    return CLI_DONE;
}
