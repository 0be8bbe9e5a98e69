/* tools/place_arg.c - a place as the command line names it: a path, edit:ID or lake:. */
/* SPDX-License-Identifier: MIT */
#include "tools/place_arg.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/record.h"
#include "tools/cli.h"

bool place_arg_parse(struct cli *c, const char *text, unsigned takes, enum placed_table table,
                     struct place_arg *ret, int *ret_status)
{
    static const char edit[] = "edit:";
    *ret = (struct place_arg){.given = text, .table = table};
    if ((takes & PLACE_TAKES_LAKE) && strcmp(text, "lake:") == 0) {
        ret->at.kind = PLACE_LAKE;
        return true;
    }
    if ((takes & PLACE_TAKES_EDIT) && strncmp(text, edit, strlen(edit)) == 0) {
        const char *id = text + strlen(edit);
        ret->at.kind = PLACE_EDIT;
        if (!edit_id_is_valid(id)) {
            *ret_status = cli_unknown("no such edit: '%s' (a key of that name is '/%s')", id, text);
            return false;
        }
        memcpy(ret->at.edit, id, EDIT_ID_SIZE);
        return true;
    }
    if (*text == '\0') {
        *ret_status = cli_usage(c, "an empty PATH: write '/' for all of the lake");
        return false;
    }
    ret->path = text + (*text == '/');
    return true;
}

struct gone {
    struct index_read *rd;
    const char *path;
    size_t n;
    node_id ret;
};

static int match_gone(void *arg, const struct placed *p, struct err *e)
{
    struct gone *g = arg;
    AUTO(buf) struct buf key = {0};
    if (p->at.kind != PLACE_NODE)
        return 0;
    int r = index_key(g->rd, p->at.node, &key, e);
    if (r < 0 || key.len < g->n || memcmp(buf_str(&key), g->path, g->n) != 0)
        return r;
    /* "a" is the object before it is the directory "a/" */
    if (key.len == g->n || (g->ret == NODE_NONE && strcmp(key.p + g->n, "/") == 0))
        g->ret = p->at.node;
    return 0;
}

static int find_path(struct place_arg *p, struct index_read *rd, struct err *e)
{
    int r = index_find(rd, p->path, &p->at.node, e);
    if (r != -ENOENT)
        return r;
    struct gone g = {rd, p->path, strlen(p->path), NODE_NONE};
    if ((r = index_placed_each(rd, p->table, match_gone, &g, e)) < 0)
        return r;
    if (g.ret == NODE_NONE)
        return err_set(e, -ENOENT, "no such path in the lake: %s", p->given);
    p->at.node = g.ret;
    return 0;
}

static int find_edit(struct place_arg *p, struct index_read *rd, struct err *e)
{
    AUTO(edit) struct edit ed = {0};
    int r = index_edit(rd, p->at.edit, &ed, e);
    if (r == 0 && ed.state == EDIT_REMOVED)
        return err_set(e, -ENOENT, "edit %s was removed", p->at.edit);
    return r;
}

int place_arg_find(struct place_arg *p, struct index_read *rd, struct err *e)
{
    return p->path ? find_path(p, rd, e) : p->at.kind == PLACE_EDIT ? find_edit(p, rd, e) : 0;
}

int place_arg_name(struct place_arg *p, struct index_read *rd, json_t *body, struct err *e)
{
    AUTO(buf) struct buf key = {0};
    int r = place_arg_find(p, rd, e);
    if (r < 0)
        return r;
    if (p->at.kind == PLACE_LAKE)
        return json_object_set_new(body, "lake", json_true());
    if (p->at.kind == PLACE_EDIT)
        return json_object_set_new(body, "edit", json_string(p->at.edit));
    if ((r = index_key(rd, p->at.node, &key, e)) < 0)
        return r;
    return json_object_set_new(body, "path", json_string(key.len ? key.p : "/"));
}

int place_text(struct index_read *rd, const struct place *at, struct buf *ret, struct err *e)
{
    if (at->kind == PLACE_LAKE)
        buf_adds(ret, "lake:");
    else if (at->kind == PLACE_EDIT)
        buf_addf(ret, "edit:%s", at->edit);
    if (at->kind != PLACE_NODE)
        return 0;
    AUTO(buf) struct buf key = {0};
    int r = index_key(rd, at->node, &key, e);
    const char *text = buf_str(&key);
    bool unlike = strncmp(text, "edit:", 5) == 0 || strcmp(text, "lake:") == 0;
    buf_addf(ret, "%s%s", unlike || *text == '\0' ? "/" : "", text);
    return r;
}
