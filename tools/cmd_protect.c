/* tools/cmd_protect.c - protected paths: set, clear, load and list. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/lake/lake.h"
#include "fs/store/store.h"
#include "policy/access_group.h"
#include "policy/index.h"
#include "tools/change.h"
#include "tools/cli.h"
#include "tools/place_arg.h"
#include "tools/protect.h"

/* ---- the site of a guard ------------------------------------------------------------------- */

struct sites {
    const char *key; /* of the guarded directory, with '/' at its end */
    size_t best;
    bool any;
};

static int see_site(void *arg, const struct rule *r, struct err *e)
{
    struct sites *s = arg;
    size_t n = strlen(r->key[0]);
    (void)e;
    bool above = n == 0 || (strncmp(s->key, r->key[0], n) == 0 && s->key[n] == '/');
    if (above && (!s->any || n > s->best)) {
        s->best = n;
        s->any = true;
    }
    return 0;
}

/* The longest site with access groups that is `key` or a directory above it; "" is the root's. */
static int site_of(struct index_read *rd, const char *key, struct buf *ret, struct err *e)
{
    struct sites s = {.key = key};
    int r = index_rules(rd, RULE_GROUP, see_site, &s, e);
    if (r == 0 && s.any)
        buf_add(ret, key, s.best);
    return r;
}

int protect_is_open(struct index_read *rd, node_id site_at, const char *group, struct buf *site,
                    bool *ret, struct err *e)
{
    AUTO(buf) struct buf key = {0};
    json_auto_t *rules = NULL;
    int r = index_key(rd, site_at, &key, e);
    if (r == 0)
        r = site_of(rd, buf_str(&key), site, e);
    if (r == 0)
        r = index_rule(rd, RULE_GROUP, buf_str(site), group, &rules, NULL, e);
    *ret = rules || access_group_is_everyone(group);
    return r;
}

/* ---- finding ------------------------------------------------------------------------------- */

/* A path to protect, or that is. */
struct protect {
    struct place_arg place;
    json_t *body;
    const char *group;     /* to be set; NULL: to be taken away */
    struct index_read *rd; /* while guards are walked */
    node_id gone;          /* a protected path that is not there now */
    bool is_protected;
};

static int see_guard(void *arg, const struct guard *g, struct err *e)
{
    struct protect *p = arg;
    AUTO(buf) struct buf key = {0};
    if (g->by_name)
        return 0;
    p->is_protected |= p->place.at.node == g->node;
    if (p->place.at.node != NODE_NONE)
        return 0;
    int r = index_key(p->rd, g->node, &key, e);
    const char *text = buf_str(&key), *want = p->place.path;
    size_t n = strlen(want);
    if (r == 0 && strncmp(text, want, n) == 0 &&
        (text[n] == '\0' || (p->gone == NODE_NONE && strcmp(text + n, "/") == 0)))
        p->gone = g->node;
    return r;
}

/* A path that is gone is found where it is protected: that holds again when it comes back. */
static int find(void *arg, struct index_read *rd, struct err *e)
{
    struct protect *p = arg;
    AUTO(buf) struct buf key = {0};
    p->rd = rd;
    p->gone = NODE_NONE;
    p->is_protected = false;
    p->place.at.node = NODE_NONE;
    int r = index_find(rd, p->place.path, &p->place.at.node, e);
    bool absent = r == -ENOENT;
    if ((r < 0 && !absent) || (r = index_guards(rd, see_guard, p, e)) < 0)
        return r;
    if (absent && p->gone == NODE_NONE)
        return err_set(e, -ENOENT, "no such path in the lake: %s", p->place.given);
    if (absent) {
        p->place.at.node = p->gone;
        p->is_protected = true;
    }
    if ((r = index_key(rd, p->place.at.node, &key, e)) < 0)
        return r;
    json_object_set_new(p->body, "path", json_string(key.len ? key.p : "/"));
    return p->group || p->is_protected
               ? 0
               : err_set(e, -EALREADY, "'%s' itself is not protected", p->place.given);
}

static int warn_shut(void *arg, struct index_read *rd, struct err *e)
{
    const struct protect *p = arg;
    AUTO(buf) struct buf site = {0};
    struct node nd;
    bool open = false;
    int r = index_node(rd, p->place.at.node, &nd, e);
    if (r == 0)
        r = protect_is_open(rd, nd.is_dir ? nd.id : nd.parent, p->group, &site, &open, e);
    if (r == 0 && !open)
        fprintf(stderr, "shotlake: there is no access group '%s#%s' yet: nobody passes\n",
                buf_str(&site), p->group);
    return r;
}

static bool parse(struct cli *c, const char *given, struct protect *ret, int *ret_status)
{
    *ret = (struct protect){0};
    return place_arg_parse(c, given, PLACE_TAKES_PATH, PLACED_ACL, &ret->place, ret_status);
}

int cmd_protect_set(struct cli *c, int argc, char **argv)
{
    struct protect p;
    int status;
    if (argc != 3)
        return cli_usage(c, "protect set takes PATH and GROUP");
    if (!parse(c, argv[1], &p, &status))
        return status;
    json_auto_t *body = json_pack("{ss ss}", "op", "protect", "group", argv[2]);
    AUTO(free) char *done = xasprintf("only who access group %s admits", argv[2]);
    p.body = body;
    p.group = argv[2];
    return change_make(c, &(struct change){.body = body, .check = find, .warn = warn_shut, .arg = &p,
                                           .given = argv[1], .done = done, .placed = true});
}

int cmd_protect_clear(struct cli *c, int argc, char **argv)
{
    struct protect p;
    int status;
    if (argc != 2)
        return cli_usage(c, "protect clear takes one PATH");
    if (!parse(c, argv[1], &p, &status))
        return status;
    json_auto_t *body = json_pack("{ss sn}", "op", "protect", "group");
    p.body = body;
    return change_make(c, &(struct change){.body = body, .check = find, .arg = &p, .given = argv[1],
                                           .done = "not protected by itself any more",
                                           .placed = true});
}

/* ---- listing ------------------------------------------------------------------------------- */

struct list {
    struct index_read *rd;
    json_t *rows;
};

static int add_guard(void *arg, const struct guard *g, struct err *e)
{
    struct list *l = arg;
    AUTO(buf) struct buf path = {0};
    AUTO(buf) struct buf site = {0};
    const struct place at = {.kind = PLACE_NODE, .node = g->node};
    bool open = false;
    int r = place_text(l->rd, &at, &path, e);
    if (r == 0)
        r = protect_is_open(l->rd, g->site_at, g->group, &site, &open, e);
    if (r < 0)
        return r;
    json_t *row = json_pack("{ss ss ss ss sb}", "path", buf_str(&path), "group", g->group, "site",
                            buf_str(&site), "by", g->by_name ? "name" : "protect", "known", open);
    if (!g->by_name)
        json_object_set_new(row, "record", json_integer((json_int_t)g->seq));
    return json_array_append_new(l->rows, row);
}

int cmd_protect_list(struct cli *c, int argc, char **argv)
{
    AUTO(lake) struct lake *lk = NULL;
    AUTO(index_read) struct index_read *rd = NULL;
    json_auto_t *rows = json_array();
    struct err e;
    size_t i;
    json_t *row;
    (void)argv;
    if (argc != 1)
        return cli_usage(c, "protect list takes no arguments");
    if (cli_lake_synced(c, &lk, &e) < 0 || index_read_begin(lk->index, &rd, &e) < 0)
        return cli_fail(&e);
    struct list l = {rd, rows};
    if (index_guards(rd, add_guard, &l, &e) < 0)
        return cli_fail(&e);
    if (c->json)
        cli_print_json(json_incref(rows));
    else
        json_array_foreach(rows, i, row)
            printf("%s  %s#%s%s\n", json_string_value(json_object_get(row, "path")),
                   json_string_value(json_object_get(row, "site")),
                   json_string_value(json_object_get(row, "group")),
                   json_is_true(json_object_get(row, "known"))
                       ? ""
                       : " (there is no such access group: nobody passes)");
    return CLI_DONE;
}
