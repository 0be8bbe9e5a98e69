/* tools/cmd_acl.c - acl set and show. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/lake/lake.h"
#include "policy/index.h"
#include "policy/record.h"
#include "tools/cli.h"

static json_t *read_acl(const char *path, struct err *e)
{
    json_error_t je;
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *f = is_stdin ? stdin : fopen(path, "re");
    if (!f) {
        err_errno(e, -errno, "open '%s'", path);
        return NULL;
    }
    json_t *j = json_loadf(f, JSON_REJECT_DUPLICATES, &je);
    if (!is_stdin)
        fclose(f);
    if (!j)
        err_set(e, -EBADMSG, "ACL '%s': line %d column %d: %s", path, je.line, je.column, je.text);
    else if (acl_check(j, e) < 0)
        err_wrap(e, "ACL '%s'", path);
    else
        return j;
    json_decref(j);
    return NULL;
}

struct gone {
    struct index_read *rd;
    const char *path;
    size_t n;
    node_id *ret;
};

static int match_gone(void *arg, const struct placed *a, struct err *e)
{
    struct gone *g = arg;
    if (a->at.kind != PLACE_NODE)
        return 0;
    AUTO(buf) struct buf key = {0};
    int r = index_key(g->rd, a->at.node, &key, e);
    if (r < 0 || key.len < g->n || memcmp(buf_str(&key), g->path, g->n) != 0)
        return r;
    /* "a" is the object before it is the directory "a/" */
    if (key.len == g->n || (*g->ret == NODE_NONE && strcmp(key.p + g->n, "/") == 0))
        *g->ret = a->at.node;
    return 0;
}

/* What `path` is: live, or gone with an ACL. That must be within reach for as long as it stands,
 * since it gives again what it gave when the path comes back. */
static int find(struct index_read *rd, const char *path, node_id *ret, struct err *e)
{
    int r = index_find(rd, path, ret, e);
    if (r != -ENOENT)
        return r;
    struct err why = *e;
    const char *key = path + (*path == '/');
    struct gone g = {rd, key, strlen(key), ret};
    *ret = NODE_NONE;
    if ((r = index_placed_each(rd, PLACED_ACL, match_gone, &g, e)) < 0)
        return r;
    if (*ret != NODE_NONE)
        return 0;
    *e = why;
    return -ENOENT;
}

struct path {
    const char *given;
    json_t *body; /* gets the path's key, as the snapshot in hand has it */
};

static int path_must_exist(void *arg, struct index_read *rd, struct err *e)
{
    struct path *p = arg;
    node_id id;
    AUTO(buf) struct buf key = {0};
    int r = find(rd, p->given, &id, e);
    if (r == 0)
        r = index_key(rd, id, &key, e);
    if (r < 0)
        return r;
    json_object_set_new(p->body, "path", json_string(key.len ? key.p : "/"));
    return 0;
}

int cmd_acl_set(struct cli *c, int argc, char **argv)
{
    AUTO(lake) struct lake *lk = NULL;
    struct err e;
    uint64_t seq;
    if (argc != 3)
        return cli_usage(c, "acl set takes PATH and FILE (or -)");
    if (argv[1][0] == '\0') /* an unset variable of a script must not open the whole lake */
        return cli_usage(c, "an empty PATH: write '/' for all of the lake");
    json_auto_t *acl = read_acl(argv[2], &e);
    if (!acl)
        return cli_fail(&e);
    json_auto_t *body = json_pack("{ss sO}", "op", "acl", "entries", acl);
    struct path p = {argv[1], body};
    int r = cli_lake_synced(c, &lk, &e);
    if (r < 0)
        return cli_fail(&e);
    r = lake_append(lk, body, path_must_exist, &p, &seq, &e);
    if (r == -ENOENT)
        return cli_unknown("%s", e.text);
    if (r < 0)
        return cli_fail(&e);
    if (c->json)
        cli_print_json(json_incref(acl));
    else
        printf("%s: %zu entries (ledger record %" PRIu64 ")\n",
               json_string_value(json_object_get(body, "path")), json_array_size(acl), seq);
    return CLI_DONE;
}

int cmd_acl_show(struct cli *c, int argc, char **argv)
{
    AUTO(lake) struct lake *lk = NULL;
    struct index_read *rd = NULL;
    json_auto_t *acl = NULL;
    node_id id;
    uint64_t seq;
    struct err e;
    if (argc != 2)
        return cli_usage(c, "acl show takes one PATH");
    int r = cli_lake_synced(c, &lk, &e);
    if (r < 0 || (r = index_read_begin(lk->index, &rd, &e)) < 0)
        return cli_fail(&e);
    int found = find(rd, argv[1], &id, &e);
    r = found == 0 ? index_placed(rd, PLACED_ACL, &(struct place){.node = id}, &acl, &seq, &e) : found;
    index_read_end(rd);
    if (found == -ENOENT)
        return cli_unknown("%s", e.text);
    if (r < 0)
        return cli_fail(&e);
    cli_print_json(acl ? json_incref(acl) : json_array()); /* JSON is the format, with --json or without */
    return CLI_DONE;
}
