/* tools/cmd_acl.c - acl set, show and list. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/when.h"
#include "fs/lake/lake.h"
#include "policy/decide.h"
#include "policy/index.h"
#include "policy/record.h"
#include "policy/roles.h"
#include "tools/acl_file.h"
#include "tools/change.h"
#include "tools/cli.h"
#include "tools/place_arg.h"

#define PLACES (PLACE_TAKES_PATH | PLACE_TAKES_EDIT | PLACE_TAKES_LAKE)

json_t *acl_file_read(const char *path, struct err *e)
{
    json_t *j = cli_read_json(path, "ACL", e);
    if (!j || acl_check(j, e) == 0)
        return j;
    err_wrap(e, "ACL '%s'", path);
    json_decref(j);
    return NULL;
}

struct acl_change {
    struct place_arg place;
    json_t *body;
};

static int name_place(void *arg, struct index_read *rd, struct err *e)
{
    struct acl_change *a = arg;
    return place_arg_name(&a->place, rd, a->body, e);
}

int cmd_acl_set(struct cli *c, int argc, char **argv)
{
    struct acl_change a;
    struct err e;
    int status;
    if (argc != 3)
        return cli_usage(c, "acl set takes PLACE and FILE (or -)");
    if (!place_arg_parse(c, argv[1], PLACES, PLACED_ACL, &a.place, &status))
        return status;
    json_auto_t *acl = acl_file_read(argv[2], &e);
    if (!acl)
        return cli_fail(&e);
    json_auto_t *body = json_pack("{ss sO}", "op", "acl", "entries", acl);
    AUTO(free) char *done = xasprintf("%zu entries", json_array_size(acl));
    a.body = body;
    return change_make(c, &(struct change){.body = body, .check = name_place, .arg = &a,
                                           .given = argv[1], .done = done, .placed = true});
}

/* ---- looking ------------------------------------------------------------------------------- */

/* The lake's own list, which is about nothing below it. */
static int lake_may(const struct acting *as, const struct asker *asker, struct index_read *rd,
                    const char *action, bool *ret, struct err *e)
{
    static const struct place lake = {.kind = PLACE_LAKE};
    char name[PRINCIPAL_MAX];
    json_auto_t *acl = NULL;
    size_t i;
    json_t *entry;
    int r = index_placed(rd, PLACED_ACL, &lake, &acl, NULL, e);
    *ret = asker_is_superuser(asker);
    if (r < 0)
        return r;
    json_array_foreach(acl, i, entry) {
        acl_principal(entry, name);
        for (size_t k = 0; k < as->who.n; k++)
            *ret |= acl_gives(entry, action) && strcmp(as->who.as[k], name) == 0;
    }
    return 0;
}

static int may(const struct acting *as, const struct asker *asker, struct index_read *rd,
               const struct place *at, const char *action, bool *ret, struct err *e)
{
    struct node nd;
    if (at->kind == PLACE_LAKE)
        return lake_may(as, asker, rd, action, ret, e);
    if (at->kind == PLACE_EDIT)
        return decide_edit(asker, rd, at->edit, action, clock_wall(), ret, e);
    int r = index_node(rd, at->node, &nd, e);
    if (r < 0)
        return r;
    return nd.is_dir ? decide_directory(asker, rd, at->node, action, clock_wall(), ret, e)
                     : decide(asker, rd, at->node, action, clock_wall(), ret, e);
}

/* What who is acted as may do there, and, if that is to change it, the list itself (AV7). A path that
 * it does not see is no path. */
static int show_acting(const struct acting *as, struct index_read *rd, const struct place_arg *place,
                       json_t *acl, json_t **ret, struct err *e)
{
    AUTO(asker) struct asker *asker = NULL;
    roaring_bitmap_t *sees = NULL;
    bool can_read = false, can_write = false, can_modify = false;
    const struct place *at = &place->at;
    int r = acting_asker(as, rd, &asker, e);
    if (r == 0)
        r = acting_sees(as, rd, &sees, e);
    if (r == 0 && at->kind == PLACE_NODE && at->node != NODE_ROOT &&
        !roaring_bitmap_contains(sees, at->node))
        r = err_set(e, -ENOENT, "no such path in the lake: %s", place->given);
    roaring_bitmap_free(sees);
    if (r < 0 || (r = may(as, asker, rd, at, "read", &can_read, e)) < 0 ||
        (r = may(as, asker, rd, at, "write", &can_write, e)) < 0 ||
        (r = may(as, asker, rd, at, "modify_all_access", &can_modify, e)) < 0)
        return r;
    *ret = json_pack("{s{sb sb sb}}", "callerAccess", "read", can_read, "write", can_write,
                     "modify_acl_access", can_modify);
    if (can_modify && (asker_permissions(asker) & (ROLE(ACCESS_READ) | ROLE(SUPERUSER))))
        json_object_set(*ret, "access", acl);
    return 0;
}

static int show(const struct acting *as, struct index_read *rd, struct place_arg *place,
                json_t **ret, struct err *e)
{
    json_auto_t *acl = NULL;
    int r = place_arg_find(place, rd, e);
    if (r < 0 || (r = index_placed(rd, PLACED_ACL, &place->at, &acl, NULL, e)) < 0)
        return r;
    if (!acl)
        acl = json_array();
    if (!acting_is_operator(as))
        return show_acting(as, rd, place, acl, ret, e);
    *ret = json_incref(acl);
    return 0;
}

int cmd_acl_show(struct cli *c, int argc, char **argv)
{
    AUTO(changer) struct changer ch = {0};
    AUTO(index_read) struct index_read *rd = NULL;
    struct place_arg place;
    json_t *j = NULL;
    struct err e;
    int status;
    if (argc != 2)
        return cli_usage(c, "acl show takes one PLACE");
    if (!place_arg_parse(c, argv[1], PLACES, PLACED_ACL, &place, &status))
        return status;
    if ((status = changer_open(c, &ch)) != CLI_DONE)
        return status;
    int r = index_read_begin(ch.lk->index, &rd, &e);
    if (r == 0)
        r = show(&ch.as, rd, &place, &j, &e);
    if (r < 0)
        return changer_fail(&ch, r, &e);
    cli_print_json(j); /* JSON is the format, with --json or without */
    return CLI_DONE;
}

struct list {
    struct index_read *rd;
    json_t *rows;
};

static int list_acl(void *arg, const struct placed *p, struct err *e)
{
    struct list *l = arg;
    AUTO(buf) struct buf place = {0};
    char when[WHEN_TEXT_SIZE];
    int r = place_text(l->rd, &p->at, &place, e);
    return r < 0 ? r
                 : json_array_append_new(
                       l->rows, json_pack("{ss sO sI ss ss}", "place", buf_str(&place), "entries",
                                          p->value, "record", (json_int_t)p->seq, "time",
                                          when_format(p->time, when), "actor", p->actor));
}

int cmd_acl_list(struct cli *c, int argc, char **argv)
{
    AUTO(lake) struct lake *lk = NULL;
    AUTO(index_read) struct index_read *rd = NULL;
    json_auto_t *rows = json_array();
    struct err e;
    size_t i;
    json_t *row;
    (void)argv;
    if (argc != 1)
        return cli_usage(c, "acl list takes no arguments");
    if (cli_lake_synced(c, &lk, &e) < 0 || index_read_begin(lk->index, &rd, &e) < 0)
        return cli_fail(&e);
    struct list l = {rd, rows};
    if (index_placed_each(rd, PLACED_ACL, list_acl, &l, &e) < 0)
        return cli_fail(&e);
    if (c->json)
        cli_print_json(json_incref(rows));
    else
        json_array_foreach(rows, i, row)
            printf("%s  %zu entries (record %lld, %s, by %s)\n",
                   json_string_value(json_object_get(row, "place")),
                   json_array_size(json_object_get(row, "entries")),
                   (long long)json_integer_value(json_object_get(row, "record")),
                   json_string_value(json_object_get(row, "time")),
                   json_string_value(json_object_get(row, "actor")));
    return CLI_DONE;
}
