/* tools/cmd_view.c - view, explain, who: the decision, asked by an operator. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/lake/lake.h"
#include "policy/explain.h"
#include "policy/index.h"
#include "policy/principals.h"
#include "policy/visible.h"
#include "tools/cli.h"

/* What the three verbs need: a lake in step, a snapshot, a moment, and who asks. */
struct ask {
    struct lake *lk;
    struct index_read *rd;
    struct principals *people;
    struct who who;
    int64_t at;
};

static void ask_done(struct ask *a)
{
    index_read_end(a->rd);
    who_done(&a->who);
    principals_free(a->people);
    lake_close(a->lk);
}

/* `principal` may be NULL. CLI_DONE or the exit status, already told. */
static int ask_open(struct cli *c, const char *principal, struct ask *a)
{
    char name[PRINCIPAL_MAX];
    struct err e;
    bool known = false;
    if (principal && principal_parse(principal, name, &e) < 0)
        return cli_usage(c, "%s", e.text);
    if (cli_at(c, &a->at, &e) < 0)
        return cli_usage(c, "--at: %s", e.text);
    if (cli_principals(c, &a->people, &e) < 0 || cli_lake_synced(c, &a->lk, &e) < 0 ||
        index_read_begin(a->lk->index, &a->rd, &e) < 0)
        return cli_fail(&e);
    if (!principal)
        return CLI_DONE;
    if (index_knows(a->rd, name, &known, &e) < 0)
        return cli_fail(&e);
    if (!known && !principals_has(a->people, name))
        return cli_unknown("no such principal: %s (neither the ledger nor the principals file "
                           "names it)",
                           name);
    principals_expand(a->people, name, &a->who);
    return CLI_DONE;
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
            return cli_unknown("%s sees no such path: %s", who_name(&a->who), path);
        if (r < 0 || index_key(a->rd, id, &below, &e) < 0)
            return cli_fail(&e);
    }
    struct paths p = {.rd = a->rd};
    int r = index_nodes(a->rd, v.nodes, add_path, &p, &e);
    if (p.n > 0)
        qsort(p.key, p.n, sizeof *p.key, by_bytes);
    if (r == 0)
        print_paths(c, &p, buf_str(&below));
    for (size_t i = 0; i < p.n; i++)
        free(p.key[i]);
    free(p.key);
    return r < 0 ? cli_fail(&e) : CLI_DONE;
}

int cmd_view(struct cli *c, int argc, char **argv)
{
    struct ask a = {0};
    if (argc != 2 && argc != 3)
        return cli_usage(c, "view takes PRINCIPAL and maybe a PATH");
    int r = ask_open(c, argv[1], &a);
    if (r == CLI_DONE)
        r = view(c, &a, argc == 3 ? argv[2] : NULL);
    ask_done(&a);
    return r;
}

static int find(struct ask *a, const char *path, node_id *ret)
{
    struct err e;
    int r = index_find_shown(a->rd, path, ret, &e);
    if (r == -ENOENT)
        return cli_unknown("%s", e.text);
    return r < 0 ? cli_fail(&e) : CLI_DONE;
}

int cmd_explain(struct cli *c, int argc, char **argv)
{
    struct ask a = {0};
    node_id id = NODE_NONE;
    struct err e;
    json_auto_t *j = NULL;
    if (argc != 3)
        return cli_usage(c, "explain takes PRINCIPAL and PATH");
    int r = ask_open(c, argv[1], &a);
    if (r == CLI_DONE)
        r = find(&a, argv[2], &id);
    if (r == CLI_DONE && explain_decision(a.rd, &a.who, id, a.at, &j, &e) < 0)
        r = cli_fail(&e);
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

int cmd_who(struct cli *c, int argc, char **argv)
{
    struct ask a = {0};
    node_id id = NODE_NONE;
    struct err e;
    json_auto_t *list = NULL;
    if (argc != 2)
        return cli_usage(c, "who takes one PATH");
    int r = ask_open(c, NULL, &a);
    if (r == CLI_DONE)
        r = find(&a, argv[1], &id);
    if (r == CLI_DONE && explain_who(a.rd, id, a.at, &list, &e) < 0)
        r = cli_fail(&e);
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
