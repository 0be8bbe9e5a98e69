/* tools/cmd_group.c - access groups: set, clear, show and list. */
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
#include "tools/place_arg.h"
#include "tools/protect.h"
#include "tools/rule_list.h"

/* SITE#GROUP: the site is a directory's key without '/' at either end, "" the root. */
struct key {
    char *site;
    const char *group; /* borrowed */
    const json_t *rules;
};

static bool key_parse(struct cli *c, const char *text, struct key *ret, int *ret_status)
{
    const char *hash = strrchr(text, '#'), *end = hash;
    if (!hash || hash[1] == '\0') {
        *ret_status = cli_usage(c, "'%s' is not SITE#GROUP", text);
        return false;
    }
    while (text < end && *text == '/')
        text++;
    while (end > text && end[-1] == '/')
        end--;
    *ret = (struct key){.site = xstrndup(text, (size_t)(end - text)), .group = hash + 1};
    return true;
}

/* ---- what comes with the first group of a site, and with its last --------------------------- */

struct site {
    struct index_read *rd;
    const char *key;
    size_t groups;
};

static int count_group(void *arg, const struct rule *r, struct err *e)
{
    struct site *s = arg;
    (void)e;
    s->groups += strcmp(r->key[0], s->key) == 0;
    return 0;
}

static int tell_shut(void *arg, const struct guard *g, struct err *e)
{
    const struct site *s = arg;
    AUTO(buf) struct buf site = {0}, path = {0};
    const struct place at = {.kind = PLACE_NODE, .node = g->node};
    bool open = true;
    int r = protect_is_open(s->rd, g->site_at, g->group, &site, &open, e);
    if (r < 0 || open || strcmp(buf_str(&site), s->key) != 0 ||
        (r = place_text(s->rd, &at, &path, e)) < 0)
        return r;
    fprintf(stderr, "shotlake: %s asks for '%s#%s' now, and there is no such access group: "
                    "nobody passes\n",
            buf_str(&path), s->key, g->group);
    return 0;
}

/* Guards ask the nearest site that has groups, so the first one of a site turns away from those
 * above, and with the last one theirs decide again. */
static int warn_site(struct index_read *rd, const struct key *k, struct err *e)
{
    struct site s = {.rd = rd, .key = k->site};
    int r = index_rules(rd, RULE_GROUP, count_group, &s, e);
    if (r < 0 || (k->rules ? s.groups != 1 : s.groups > 0))
        return r;
    if (!k->rules && *k->site)
        fprintf(stderr, "shotlake: that was the last access group of '%s': what is guarded at or "
                        "below it asks those of a directory above now\n", k->site);
    return k->rules ? index_guards(rd, tell_shut, &s, e) : 0;
}

static int warn_cleared(void *arg, struct index_read *rd, struct err *e)
{
    return warn_site(rd, arg, e);
}

/* What would keep people out who are meant to come in. */
static int warn(void *arg, struct index_read *rd, struct err *e)
{
    const struct key *k = arg;
    struct err absent;
    node_id id;
    struct node nd = {.is_dir = true};
    if (*k->site && (index_find(rd, k->site, &id, &absent) < 0 || index_node(rd, id, &nd, &absent) < 0 ||
                     !nd.is_dir))
        fprintf(stderr, "shotlake: '%s' is no directory of the lake yet: the group guards nothing\n",
                k->site);
    int r = warn_site(rd, k, e);
    if (r < 0)
        return r;
    return rule_warn_unknown(rd, RULE_RANGES, json_object_get(k->rules, "ranges"), "ranges",
                             "nobody's address is in them", e);
}

int cmd_group_set(struct cli *c, int argc, char **argv)
{
    struct key k;
    struct err e;
    int status;
    if (argc != 3)
        return cli_usage(c, "group set takes SITE#GROUP and FILE (or -)");
    if (!key_parse(c, argv[1], &k, &status))
        return status;
    AUTO(free) char *site = k.site;
    json_auto_t *rules = cli_read_json(argv[2], "group", &e);
    if (!rules)
        return cli_fail(&e);
    if (access_group_check(rules, &e) < 0) {
        err_wrap(&e, "group '%s'", argv[2]);
        return cli_fail(&e);
    }
    k.rules = rules;
    json_auto_t *body = json_pack("{ss ss ss sO}", "op", "access_group", "site", site, "group",
                                  k.group, "rules", rules);
    AUTO(free) char *done = xasprintf("access group %s#%s", site, k.group);
    return change_make(c, &(struct change){.body = body, .warn = warn, .arg = &k, .done = done});
}

static int find(struct index_read *rd, const struct key *k, json_t **ret, struct err *e)
{
    int r = index_rule(rd, RULE_GROUP, k->site, k->group, ret, NULL, e);
    return r < 0 || *ret ? r : err_set(e, -ENOENT, "no such access group: %s#%s", k->site, k->group);
}

static int must_exist(void *arg, struct index_read *rd, struct err *e)
{
    json_auto_t *rules = NULL;
    return find(rd, arg, &rules, e);
}

int cmd_group_clear(struct cli *c, int argc, char **argv)
{
    struct key k;
    int status;
    if (argc != 2)
        return cli_usage(c, "group clear takes one SITE#GROUP");
    if (!key_parse(c, argv[1], &k, &status))
        return status;
    AUTO(free) char *site = k.site;
    json_auto_t *body = json_pack("{ss ss ss sn}", "op", "access_group", "site", site, "group",
                                  k.group, "rules");
    AUTO(free) char *done = xasprintf("no access group %s#%s any more", site, k.group);
    return change_make(
        c, &(struct change){.body = body, .check = must_exist, .warn = warn_cleared, .arg = &k,
                            .done = done});
}

int cmd_group_show(struct cli *c, int argc, char **argv)
{
    AUTO(lake) struct lake *lk = NULL;
    AUTO(index_read) struct index_read *rd = NULL;
    json_auto_t *rules = NULL;
    struct key k;
    struct err e;
    int status;
    if (argc != 2)
        return cli_usage(c, "group show takes one SITE#GROUP");
    if (!key_parse(c, argv[1], &k, &status))
        return status;
    AUTO(free) char *site = k.site;
    if (cli_lake_synced(c, &lk, &e) < 0 || index_read_begin(lk->index, &rd, &e) < 0)
        return cli_fail(&e);
    int r = find(rd, &k, &rules, &e);
    if (r < 0)
        return r == -ENOENT ? cli_unknown("%s", e.text) : cli_fail(&e);
    cli_print_json(json_incref(rules)); /* JSON is the format, with --json or without */
    return CLI_DONE;
}

int cmd_group_list(struct cli *c, int argc, char **argv)
{
    (void)argv;
    if (argc != 1)
        return cli_usage(c, "group list takes no arguments");
    return rule_list(c, &(struct rule_shape){RULE_GROUP, {"site", "group"}, "rules", "#"});
}
