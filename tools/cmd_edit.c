/* tools/cmd_edit.c - edit list and show; grant and revoke. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/when.h"
#include "fs/lake/lake.h"
#include "policy/index.h"
#include "policy/principals.h"
#include "tools/cli.h"

static json_t *edit_json(const struct edit *ed)
{
    char when[WHEN_TEXT_SIZE];
    return json_pack("{ss ss ss ss sI sI sI ss ss sb}", "edit", ed->id, "name", ed->name, "file",
                     ed->file, "manifest", ed->manifest, "objects", (json_int_t)ed->objects,
                     "bytes", (json_int_t)ed->bytes, "record", (json_int_t)ed->seq, "time",
                     when_format(ed->time, when), "actor", ed->actor, "tagged", ed->tagged);
}

static int list_edit(void *arg, const struct edit *ed, struct err *e)
{
    (void)e;
    return json_array_append_new(arg, edit_json(ed));
}

int cmd_edit_list(struct cli *c, int argc, char **argv)
{
    AUTO(lake) struct lake *lk = NULL;
    struct index_read *rd = NULL;
    json_auto_t *list = json_array();
    struct err e;
    (void)argv;
    if (argc != 1)
        return cli_usage(c, "edit list takes no arguments");
    int r = cli_lake_synced(c, &lk, &e);
    if (r == 0 && (r = index_read_begin(lk->index, &rd, &e)) == 0)
        r = index_edits(rd, list_edit, list, &e);
    index_read_end(rd);
    if (r < 0)
        return cli_fail(&e);
    if (c->json) {
        cli_print_json(json_incref(list));
        return CLI_DONE;
    }
    size_t i;
    json_t *j;
    json_array_foreach(list, i, j)
        printf("%s  %8lld objects  %s  %s\n", json_string_value(json_object_get(j, "edit")),
               (long long)json_integer_value(json_object_get(j, "objects")),
               json_string_value(json_object_get(j, "time")),
               json_string_value(json_object_get(j, "name")));
    return CLI_DONE;
}

struct show {
    struct index_read *rd;
    const char *edit;
    json_t *grants, *keys;
};

static int show_grant(void *arg, const struct grant *g, struct err *e)
{
    struct show *s = arg;
    char from[WHEN_TEXT_SIZE], until[WHEN_TEXT_SIZE], when[WHEN_TEXT_SIZE];
    (void)e;
    if (strcmp(g->edit, s->edit) != 0)
        return 0;
    return json_array_append_new(
        s->grants, json_pack("{ss ss ss sI ss ss}", "principal", g->principal, "from",
                             when_format(g->from, from), "until", when_format(g->until, until),
                             "record", (json_int_t)g->seq, "time", when_format(g->time, when),
                             "actor", g->actor));
}

static int show_key(void *arg, const struct node *n, struct err *e)
{
    struct show *s = arg;
    AUTO(buf) struct buf key = {0};
    if (n->is_dir || n->target != NODE_NONE) /* its names below edits/ are no objects */
        return 0;
    int r = index_key(s->rd, n->id, &key, e);
    return r < 0 ? r : json_array_append_new(s->keys, json_string(key.p));
}

static int show(struct index_read *rd, const char *id, json_t **ret, struct err *e)
{
    AUTO(edit) struct edit ed = {0};
    char label[32];
    roaring_bitmap_t *set = NULL;
    int r = index_edit(rd, id, &ed, e);
    if (r < 0)
        return r;
    struct show s = {rd, ed.id, json_array(), json_array()};
    snprintf(label, sizeof label, "edit:%s", ed.id);
    if ((r = index_label(rd, label, &set, e)) == 0)
        r = index_nodes(rd, set, show_key, &s, e);
    if (set)
        roaring_bitmap_free(set);
    if (r == 0)
        r = index_grants(rd, NULL, show_grant, &s, e);
    *ret = edit_json(&ed);
    json_object_set_new(*ret, "grants", s.grants);
    json_object_set_new(*ret, "keys", s.keys);
    return r;
}

static void print_edit(const json_t *j)
{
    static const char *const rows[] = {"edit", "name", "file", "manifest", "time", "actor"};
    size_t i;
    json_t *g;
    for (i = 0; i < COUNT(rows); i++)
        printf("%-9s %s\n", rows[i], json_string_value(json_object_get(j, rows[i])));
    printf("%-9s %lld (%lld bytes)\n%-9s %s\n", "objects",
           (long long)json_integer_value(json_object_get(j, "objects")),
           (long long)json_integer_value(json_object_get(j, "bytes")), "tags",
           json_is_true(json_object_get(j, "tagged")) ? "complete" : "not complete yet");
    json_array_foreach(json_object_get(j, "grants"), i, g)
        printf("grant     %s from %s until %s (record %lld, by %s)\n",
               json_string_value(json_object_get(g, "principal")),
               json_string_value(json_object_get(g, "from")),
               json_string_value(json_object_get(g, "until")),
               (long long)json_integer_value(json_object_get(g, "record")),
               json_string_value(json_object_get(g, "actor")));
    json_array_foreach(json_object_get(j, "keys"), i, g)
        printf("  %s\n", json_string_value(g));
}

int cmd_edit_show(struct cli *c, int argc, char **argv)
{
    AUTO(lake) struct lake *lk = NULL;
    struct index_read *rd = NULL;
    json_auto_t *j = NULL;
    struct err e;
    if (argc != 2)
        return cli_usage(c, "edit show takes one ID");
    int r = cli_lake_synced(c, &lk, &e);
    if (r < 0 || (r = index_read_begin(lk->index, &rd, &e)) < 0)
        return cli_fail(&e);
    r = show(rd, argv[1], &j, &e);
    index_read_end(rd);
    if (r == -ENOENT)
        return cli_unknown("%s", e.text);
    if (r < 0)
        return cli_fail(&e);
    if (c->json)
        cli_print_json(json_incref(j));
    else
        print_edit(j);
    return CLI_DONE;
}

static int edit_must_exist(void *arg, struct index_read *rd, struct err *e)
{
    AUTO(edit) struct edit ed = {0};
    return index_edit(rd, arg, &ed, e);
}

/* Appends a change and maps "no such …" to its exit status. */
static int append(struct cli *c, json_t *body, lake_check_fn *check, void *arg, const char *done)
{
    AUTO(lake) struct lake *lk = NULL;
    struct err e;
    uint64_t seq;
    if (!body)
        return cli_usage(c, "an argument is not UTF-8");
    int r = cli_lake_synced(c, &lk, &e);
    if (r < 0)
        return cli_fail(&e); /* also -ENOENT: no lake is not "no such edit" */
    r = lake_append(lk, body, check, arg, &seq, &e);
    if (r == -ENOENT)
        return cli_unknown("%s", e.text);
    if (r < 0)
        return cli_fail(&e);
    if (c->json) {
        json_object_set_new(body, "record", json_integer((json_int_t)seq));
        cli_print_json(json_incref(body));
    } else {
        printf("%s (ledger record %" PRIu64 ")\n", done, seq);
    }
    return CLI_DONE;
}

int cmd_grant(struct cli *c, int argc, char **argv)
{
    static const struct option options[] = {
        {"until", required_argument, NULL, 'u'}, {"from", required_argument, NULL, 'f'}, {0}};
    char principal[PRINCIPAL_MAX], from_text[WHEN_TEXT_SIZE], until_text[WHEN_TEXT_SIZE];
    int64_t from = 0, until = 0;
    bool has_until = false;
    struct err e;
    opterr = 0;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'u' && when_parse(optarg, WHEN_DAY_END, &until, &e) < 0)
            return cli_usage(c, "--until: %s", e.text);
        if (o == 'f' && when_parse(optarg, WHEN_DAY_START, &from, &e) < 0)
            return cli_usage(c, "--from: %s", e.text);
        if (o == '?')
            return cli_usage(c, "unknown option or missing value: %s", argv[optind - 1]);
        has_until |= o == 'u';
    }
    if (argc - optind != 2)
        return cli_usage(c, "grant takes EDIT and PRINCIPAL");
    if (!has_until)
        return cli_usage(c, "a grant needs an end: --until WHEN");
    if (principal_parse(argv[optind + 1], principal, &e) < 0)
        return cli_usage(c, "%s", e.text);
    if (until <= from || until <= clock_wall())
        return cli_usage(c, "--until lies %s: such a grant gives nothing",
                         until <= from ? "before --from" : "in the past");
    json_auto_t *body = json_pack("{ss ss ss ss ss}", "op", "grant", "edit", argv[optind],
                                  "principal", principal, "from", when_format(from, from_text),
                                  "until", when_format(until, until_text));
    AUTO(free) char *done =
        from > clock_wall()
            ? xasprintf("%s will see edit %s from %s until %s", principal, argv[optind], from_text,
                        until_text)
            : xasprintf("%s sees edit %s until %s", principal, argv[optind], until_text);
    return append(c, body, edit_must_exist, argv[optind], done);
}

struct revoke {
    const char *edit, *principal;
};

static int grant_must_exist(void *arg, struct index_read *rd, struct err *e)
{
    struct revoke *v = arg;
    struct grant g;
    int r = edit_must_exist((void *)v->edit, rd, e);
    if (r == 0 && (r = index_grant(rd, v->edit, v->principal, &g, e)) == -ENOENT)
        return err_set(e, r, "edit %s is not granted to %s", v->edit, v->principal);
    return r;
}

int cmd_revoke(struct cli *c, int argc, char **argv)
{
    char principal[PRINCIPAL_MAX];
    struct err e;
    if (argc != 3)
        return cli_usage(c, "revoke takes EDIT and PRINCIPAL");
    if (principal_parse(argv[2], principal, &e) < 0)
        return cli_usage(c, "%s", e.text);
    struct revoke v = {argv[1], principal};
    json_auto_t *body =
        json_pack("{ss ss ss}", "op", "revoke", "edit", argv[1], "principal", principal);
    AUTO(free) char *done = xasprintf("%s no longer holds edit %s", principal, argv[1]);
    return append(c, body, grant_must_exist, &v, done);
}
