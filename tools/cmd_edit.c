/* tools/cmd_edit.c - edit list and show; grant and revoke. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
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
#include "tools/change.h"
#include "tools/cli.h"
#include "tools/rule_list.h"

static json_t *edit_json(const struct edit *ed)
{
    char when[WHEN_TEXT_SIZE];
    json_t *j = json_pack("{ss ss sI ss ss ss ss ss ss sI sI sI ss ss sb}", "edit", ed->id, "name",
                     ed->name, "version", (json_int_t)ed->version, "state",
                     edit_state_name(ed->state), "file", ed->file, "manifest", ed->manifest, "shots",
                     ed->shots, "studio", ed->studio, "results", ed->results, "objects",
                     (json_int_t)ed->objects,
                     "bytes", (json_int_t)ed->bytes, "record", (json_int_t)ed->seq, "time",
                     when_format(ed->time, when), "actor", ed->actor, "tagged",
                     edit_is_tagged(ed, clock_wall()));
    json_object_set_new(j, "owner", json_string(ed->owner));
    return j;
}

static int list_edit(void *arg, const struct edit *ed, struct err *e)
{
    (void)e;
    return ed->state == EDIT_REMOVED ? 0 : json_array_append_new(arg, edit_json(ed));
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
        printf("%s  v%-3lld %-8s %8lld objects  %s  %s\n",
               json_string_value(json_object_get(j, "edit")),
               (long long)json_integer_value(json_object_get(j, "version")),
               json_string_value(json_object_get(j, "state")),
               (long long)json_integer_value(json_object_get(j, "objects")),
               json_string_value(json_object_get(j, "time")),
               json_string_value(json_object_get(j, "name")));
    return CLI_DONE;
}

struct show {
    struct index_read *rd;
    const char *edit;
    json_t *grants, *keys, *retiring, *versions;
};

static int show_grant(void *arg, const struct grant *g, struct err *e)
{
    struct show *s = arg;
    char from[WHEN_TEXT_SIZE], until[WHEN_TEXT_SIZE], when[WHEN_TEXT_SIZE];
    (void)e;
    if (strcmp(g->edit, s->edit) != 0)
        return 0;
    json_t *j = json_pack("{ss ss ss sI ss ss}", "principal", g->principal, "from",
                          when_format(g->from, from), "until", when_format(g->until, until),
                          "record", (json_int_t)g->seq, "time", when_format(g->time, when), "actor",
                          g->actor);
    if (g->ranges)
        json_object_set_new(j, "ranges", json_deep_copy(g->ranges));
    return json_array_append_new(s->grants, j);
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

/* One label of the edit: its objects, apart by how long they stay. */
static int show_label(void *arg, const struct edit_label *label, struct err *e)
{
    struct show *s = arg;
    roaring_bitmap_t *set = NULL;
    char end[WHEN_TEXT_SIZE];
    if (label->until <= clock_wall())
        return 0;
    int r = index_label(s->rd, label->name, &set, e);
    if (r < 0)
        return r;
    json_t *all = s->keys;
    if (label->until != WHEN_NEVER) {
        s->keys = json_array();
        json_array_append_new(s->retiring, json_pack("{ss so}", "until", when_format(label->until, end),
                                                     "keys", s->keys));
    }
    r = index_nodes(s->rd, set, show_key, s, e);
    s->keys = all;
    roaring_bitmap_free(set);
    return r;
}

static int show_version(void *arg, json_t *rec, struct err *e)
{
    static const char *const kept[] = {"time", "actor", "name", "file", "manifest", "objects",
                                       "bytes", "retire_until"};
    struct show *s = arg;
    (void)e;
    if (strcmp(json_string_value(json_object_get(rec, "op")), "edit") != 0 ||
        json_object_get(rec, "no_effect"))
        return 0;
    const json_t *version = json_object_get(rec, "version");
    json_t *j = json_pack("{sI sO}", "version", version ? json_integer_value(version) : 1, "record",
                          json_object_get(rec, "seq"));
    for (size_t i = 0; i < COUNT(kept); i++)
        if (json_object_get(rec, kept[i]))
            json_object_set(j, kept[i], json_object_get(rec, kept[i]));
    return json_array_append_new(s->versions, j);
}

static int show(struct index_read *rd, const char *id, json_t **ret, struct err *e)
{
    AUTO(edit) struct edit ed = {0};
    int r = index_edit(rd, id, &ed, e);
    if (r < 0)
        return r;
    if (ed.state == EDIT_REMOVED)
        return err_set(e, -ENOENT, "edit %s was removed; 'shotlake edit log %s' tells of it", id, id);
    struct show s = {rd, ed.id, json_array(), json_array(), json_array(), json_array()};
    if ((r = edit_labels(&ed, show_label, &s, e)) == 0 &&
        (r = index_edit_log(rd, id, show_version, &s, e)) == 0)
        r = index_grants(rd, NULL, show_grant, &s, e);
    *ret = edit_json(&ed);
    json_object_set_new(*ret, "grants", s.grants);
    json_object_set_new(*ret, "versions", s.versions);
    json_object_set_new(*ret, "retiring", s.retiring);
    json_object_set_new(*ret, "keys", s.keys);
    return r;
}

static void print_grant(const json_t *g)
{
    const char *from = json_string_value(json_object_get(g, "from"));
    bool at_once = strcmp(from, "1970-01-01T00:00:00Z") == 0;
    const json_t *list = json_object_get(g, "ranges");
    AUTO(free) char *ranges = rule_value_text(list);
    printf("grant     %s%s%s until %s%s%s (record %lld, by %s)\n",
           json_string_value(json_object_get(g, "principal")), at_once ? "" : " from ",
           at_once ? "" : from, json_string_value(json_object_get(g, "until")),
           list ? " within " : "", list ? ranges : "",
           (long long)json_integer_value(json_object_get(g, "record")),
           json_string_value(json_object_get(g, "actor")));
}

static void print_edit(const json_t *j)
{
    static const char *const rows[] = {"edit",   "name",    "state", "file", "manifest", "shots",
                                       "studio", "results", "owner", "time", "actor"};
    size_t i, k;
    json_t *g, *key;
    for (i = 0; i < COUNT(rows); i++) {
        const char *s = json_string_value(json_object_get(j, rows[i]));
        if (*s) /* an edit of an older shotlake has no such files */
            printf("%-9s %s\n", rows[i], s);
    }
    printf("%-9s %lld (%lld bytes)\n%-9s %s\n", "objects",
           (long long)json_integer_value(json_object_get(j, "objects")),
           (long long)json_integer_value(json_object_get(j, "bytes")), "tags",
           json_is_true(json_object_get(j, "tagged")) ? "complete" : "not complete yet");
    json_array_foreach(json_object_get(j, "versions"), i, g)
        printf("version   %lld of %s by %s (record %lld): %lld objects, %s\n",
               (long long)json_integer_value(json_object_get(g, "version")),
               json_string_value(json_object_get(g, "time")),
               json_string_value(json_object_get(g, "actor")),
               (long long)json_integer_value(json_object_get(g, "record")),
               (long long)json_integer_value(json_object_get(g, "objects")),
               json_string_value(json_object_get(g, "file")));
    json_array_foreach(json_object_get(j, "grants"), i, g)
        print_grant(g);
    json_array_foreach(json_object_get(j, "keys"), i, g)
        printf("  %s\n", json_string_value(g));
    json_array_foreach(json_object_get(j, "retiring"), i, g) {
        printf("until %s, no longer in the cut:\n", json_string_value(json_object_get(g, "until")));
        json_array_foreach(json_object_get(g, "keys"), k, key)
            printf("  %s\n", json_string_value(key));
    }
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

/* Of an edit that a change is about. */
struct about {
    const char *edit;
    enum edit_state state; /* when it was looked at */
    const json_t *ranges;  /* of a grant; NULL: none */
};

static int edit_must_stand(void *arg, struct index_read *rd, struct err *e)
{
    struct about *a = arg;
    AUTO(edit) struct edit ed = {0};
    int r = index_edit(rd, a->edit, &ed, e);
    if (r == 0 && ed.state == EDIT_REMOVED)
        return err_set(e, -ENOENT, "edit %s was removed", a->edit);
    a->state = ed.state;
    return r;
}

static int warn_rests(void *arg, struct index_read *rd, struct err *e)
{
    const struct about *a = arg;
    if (a->state == EDIT_DISABLED)
        fprintf(stderr, "shotlake: edit %s is disabled: the grant rests until it is enabled\n",
                a->edit);
    return rule_warn_unknown(rd, RULE_RANGES, a->ranges, "ranges", "nobody's address is in them", e);
}

struct grant_args {
    char principal[PRINCIPAL_MAX];
    int64_t from, until;
    bool has_until;
    json_t *ranges; /* NULL: from anywhere */
};

/* "a,b" */
static json_t *names(const char *text)
{
    json_t *list = json_array();
    while (*text) {
        size_t n = strcspn(text, ",");
        json_array_append_new(list, json_stringn(text, n));
        text += n + (text[n] == ',');
    }
    return list;
}

static int take_grant(struct cli *c, struct grant_args *g, int argc, char **argv)
{
    static const struct option options[] = {{"until", required_argument, NULL, 'u'},
                                            {"from", required_argument, NULL, 'f'},
                                            {"ranges", required_argument, NULL, 'r'},
                                            {0}};
    struct err e;
    opterr = 0;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'u' && when_parse(optarg, WHEN_DAY_END, &g->until, &e) < 0)
            return cli_usage(c, "--until: %s", e.text);
        if (o == 'f' && when_parse(optarg, WHEN_DAY_START, &g->from, &e) < 0)
            return cli_usage(c, "--from: %s", e.text);
        if (o == '?')
            return cli_usage(c, "unknown option or missing value: %s", argv[optind - 1]);
        g->has_until |= o == 'u';
        if (o != 'r')
            continue;
        if (!*optarg) /* an unset variable of a script must not mean "from anywhere" */
            return cli_usage(c, "--ranges takes names");
        json_decref(g->ranges);
        g->ranges = names(optarg);
    }
    if (argc - optind != 2)
        return cli_usage(c, "grant takes EDIT and PRINCIPAL");
    if (!g->has_until)
        return cli_usage(c, "a grant needs an end: --until WHEN");
    if (principal_parse(argv[optind + 1], g->principal, &e) < 0)
        return cli_usage(c, "%s", e.text);
    if (g->until <= g->from || g->until <= clock_wall())
        return cli_usage(c, "--until lies %s: such a grant gives nothing",
                         g->until <= g->from ? "before --from" : "in the past");
    return CLI_DONE;
}

static int grant(struct cli *c, const char *edit, const struct grant_args *g)
{
    char from[WHEN_TEXT_SIZE], until[WHEN_TEXT_SIZE];
    json_auto_t *body = json_pack("{ss ss ss ss ss}", "op", "grant", "edit", edit, "principal",
                                  g->principal, "from", when_format(g->from, from), "until",
                                  when_format(g->until, until));
    if (body && g->ranges)
        json_object_set(body, "ranges", g->ranges);
    AUTO(free) char *done =
        g->from > clock_wall()
            ? xasprintf("%s will see edit %s from %s until %s", g->principal, edit, from, until)
            : xasprintf("%s sees edit %s until %s", g->principal, edit, until);
    struct about about = {.edit = edit, .ranges = g->ranges};
    return change_make(c, &(struct change){.body = body, .check = edit_must_stand,
                                           .warn = warn_rests, .arg = &about, .done = done});
}

int cmd_grant(struct cli *c, int argc, char **argv)
{
    struct grant_args g = {0};
    int r = take_grant(c, &g, argc, argv);
    if (r == CLI_DONE)
        r = grant(c, argv[optind], &g);
    json_decref(g.ranges);
    return r;
}

struct revoke {
    struct about about;
    const char *principal;
};

static int grant_must_exist(void *arg, struct index_read *rd, struct err *e)
{
    struct revoke *v = arg;
    struct grant g;
    int r = edit_must_stand(&v->about, rd, e);
    if (r == 0 && (r = index_grant(rd, v->about.edit, v->principal, &g, e)) == -ENOENT)
        return err_set(e, r, "edit %s is not granted to %s", v->about.edit, v->principal);
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
    struct revoke v = {{.edit = argv[1]}, principal};
    json_auto_t *body =
        json_pack("{ss ss ss}", "op", "revoke", "edit", argv[1], "principal", principal);
    AUTO(free) char *done = xasprintf("%s no longer holds edit %s", principal, argv[1]);
    return change_make(
        c, &(struct change){.body = body, .check = grant_must_exist, .arg = &v, .done = done});
}
