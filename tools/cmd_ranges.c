/* tools/cmd_ranges.c - named address ranges: set, load, clear and list. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/lake/lake.h"
#include "policy/access_group.h"
#include "policy/index.h"
#include "tools/change.h"
#include "tools/cli.h"
#include "tools/rule_list.h"

int cmd_ranges_set(struct cli *c, int argc, char **argv)
{
    struct err e;
    if (argc != 3)
        return cli_usage(c, "ranges set takes NAME and FILE (or -)");
    json_auto_t *list = cli_read_json(argv[2], "ranges", &e);
    if (!list)
        return cli_fail(&e);
    if (ranges_check(list, &e) < 0) {
        err_wrap(&e, "ranges '%s'", argv[2]);
        return cli_fail(&e);
    }
    json_auto_t *body = json_pack("{ss ss sO}", "op", "ranges", "name", argv[1], "ranges", list);
    AUTO(free) char *done = xasprintf("%s is %zu ranges of addresses", argv[1],
                                      json_array_size(list));
    return change_make(c, &(struct change){.body = body, .done = done});
}

static int must_exist(void *arg, struct index_read *rd, struct err *e)
{
    json_auto_t *list = NULL;
    int r = index_rule(rd, RULE_RANGES, arg, "", &list, NULL, e);
    return r < 0 || list ? r : err_set(e, -ENOENT, "no such ranges: %s", (const char *)arg);
}

int cmd_ranges_clear(struct cli *c, int argc, char **argv)
{
    if (argc != 2)
        return cli_usage(c, "ranges clear takes one NAME");
    json_auto_t *body = json_pack("{ss ss sn}", "op", "ranges", "name", argv[1], "ranges");
    AUTO(free) char *done = xasprintf("no address is in %s any more", argv[1]);
    return change_make(
        c, &(struct change){.body = body, .check = must_exist, .arg = argv[1], .done = done});
}

int cmd_ranges_list(struct cli *c, int argc, char **argv)
{
    (void)argv;
    if (argc != 1)
        return cli_usage(c, "ranges list takes no arguments");
    return rule_list(c, &(struct rule_shape){RULE_RANGES, {"name", NULL}, "ranges", ""});
}

/* ---- all at once --------------------------------------------------------------------------- */

static json_t *read_all(const char *path, struct err *e)
{
    json_auto_t *all = cli_read_json(path, "ranges", e);
    const char *name;
    json_t *list;
    if (!all)
        return NULL;
    if (!json_is_object(all)) {
        err_set(e, -EBADMSG, "ranges '%s': not an object {NAME: [{\"start\", \"end\"}, …]}", path);
        return NULL;
    }
    json_object_foreach(all, name, list)
        if (ranges_check(list, e) < 0) {
            err_wrap(e, "ranges '%s': /%s", path, name);
            return NULL;
        }
    return json_incref(all);
}

static int see(void *arg, const struct rule *r, struct err *e)
{
    (void)e;
    return json_object_set(arg, r->key[0], r->value);
}

static int append(struct changer *ch, const char *name, json_t *list, int *n, struct err *e)
{
    json_auto_t *body = json_pack("{ss ss sO}", "op", "ranges", "name", name, "ranges", list);
    int r = changer_append(ch, &(struct change){.body = body}, NULL, e);
    *n += r == 0;
    return r < 0 ? err_wrap(e, "'%s', after %d changes", name, *n) : 0;
}

/* Names that the file does not have go first: with them what only they admitted. */
static int replace(struct changer *ch, json_t *all, int *n, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    json_auto_t *now = json_object(), *none = json_null();
    const char *name;
    json_t *list;
    int r = index_read_begin(ch->lk->index, &rd, e);
    if (r == 0)
        r = index_rules(rd, RULE_RANGES, see, now, e);
    index_read_end(TAKE(rd));
    json_object_foreach(now, name, list)
        if (r == 0 && !json_object_get(all, name))
            r = append(ch, name, none, n, e);
    json_object_foreach(all, name, list)
        if (r == 0 && !json_equal(list, json_object_get(now, name)))
            r = append(ch, name, list, n, e);
    return r;
}

int cmd_ranges_load(struct cli *c, int argc, char **argv)
{
    AUTO(changer) struct changer ch = {0};
    struct err e;
    int n = 0;
    if (argc != 2)
        return cli_usage(c, "ranges load takes one FILE (or -)");
    json_auto_t *all = read_all(argv[1], &e);
    if (!all)
        return cli_fail(&e);
    int status = changer_open(c, &ch);
    if (status != CLI_DONE)
        return status;
    int r = replace(&ch, all, &n, &e);
    if (r < 0)
        return changer_fail(&ch, r, &e);
    if (c->json)
        cli_print_json(json_pack("{sI sI}", "names", (json_int_t)json_object_size(all), "changed",
                                 (json_int_t)n));
    else
        printf("%zu names, %d changed\n", json_object_size(all), n);
    return CLI_DONE;
}
