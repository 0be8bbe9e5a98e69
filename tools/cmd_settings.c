/* tools/cmd_settings.c - settings of the lake: set, clear and show. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/lake/lake.h"
#include "policy/index.h"
#include "tools/change.h"
#include "tools/cli.h"
#include "tools/rule_list.h"

enum kind {
    KIND_BOOL,
    KIND_TEXT,
    KIND_LIST, /* of names, joined by ',' */
};

/* What there is to set; record.h has what each means, and checks the values. */
static const struct setting {
    const char *key;
    enum kind kind;
    const char *standard; /* as it would be given here */
} settings[] = {
    {"acl.enabled", KIND_BOOL, "true"},
    {"acl.propagate.filter", KIND_TEXT, ""},
    {"acl.storage.enabled", KIND_BOOL, "true"},
    {"protect.compose", KIND_TEXT, "all"},
    {"roles.default", KIND_LIST, "viewer"},
    {"users.scope", KIND_TEXT, ""},
};

static const struct setting *setting_of(const char *key)
{
    for (size_t i = 0; i < COUNT(settings); i++)
        if (strcmp(settings[i].key, key) == 0)
            return &settings[i];
    return NULL;
}

/* NULL: it cannot be one. */
static json_t *value_of(const struct setting *s, const char *text)
{
    if (s->kind == KIND_BOOL)
        return !strcmp(text, "true") ? json_true() : !strcmp(text, "false") ? json_false() : NULL;
    if (s->kind == KIND_TEXT)
        return json_string(text);
    json_t *list = json_array();
    while (*text) {
        size_t n = strcspn(text, ",");
        if (json_array_append_new(list, json_stringn(text, n)) < 0) {
            json_decref(list);
            return NULL;
        }
        text += n + (text[n] == ',');
    }
    return list;
}

static char *setting_text(const json_t *value)
{
    return json_is_string(value) ? xstrdup(json_string_value(value)) : rule_value_text(value);
}

static int unknown_key(const char *key)
{
    AUTO(buf) struct buf keys = {0};
    for (size_t i = 0; i < COUNT(settings); i++)
        buf_addf(&keys, "%s%s", i > 0 ? ", " : "", settings[i].key);
    return cli_unknown("no such setting: %s (there are %s)", key, buf_str(&keys));
}

static int change(struct cli *c, const struct setting *s, json_t *value)
{
    json_auto_t *body = json_pack("{ss s{so}}", "op", "settings", "set", s->key, value);
    AUTO(free) char *text = json_is_null(value) ? xstrdup(s->standard) : setting_text(value);
    AUTO(free) char *done = xasprintf("%s is %s%s", s->key, *text ? text : "(empty)",
                                      json_is_null(value) ? " (the default)" : "");
    lake_check_fn *warn = strcmp(s->key, "roles.default") == 0 ? rule_warn_roles : NULL;
    return change_make(c, &(struct change){.body = body, .warn = warn, .arg = value, .done = done});
}

int cmd_settings_set(struct cli *c, int argc, char **argv)
{
    if (argc != 3)
        return cli_usage(c, "settings set takes KEY and VALUE");
    const struct setting *s = setting_of(argv[1]);
    if (!s)
        return unknown_key(argv[1]);
    json_t *value = value_of(s, argv[2]);
    if (!value)
        return cli_usage(c, "%s takes %s", s->key, s->kind == KIND_BOOL ? "true or false" : "UTF-8");
    return change(c, s, value);
}

int cmd_settings_clear(struct cli *c, int argc, char **argv)
{
    if (argc != 2)
        return cli_usage(c, "settings clear takes one KEY");
    const struct setting *s = setting_of(argv[1]);
    return s ? change(c, s, json_null()) : unknown_key(argv[1]);
}

static int see(void *arg, const struct rule *r, struct err *e)
{
    (void)e;
    return json_object_set(arg, r->key[0], r->value);
}

static void print(const struct setting *s, const json_t *set)
{
    AUTO(free) char *text = set ? setting_text(set) : xstrdup(s->standard);
    printf("%-21s %s%s\n", s->key, *text ? text : "(empty)", set ? "" : " (the default)");
}

int cmd_settings_show(struct cli *c, int argc, char **argv)
{
    AUTO(lake) struct lake *lk = NULL;
    AUTO(index_read) struct index_read *rd = NULL;
    json_auto_t *set = json_object(), *rows = json_array();
    struct err e;
    (void)argv;
    if (argc != 1)
        return cli_usage(c, "settings show takes no arguments");
    if (cli_lake_synced(c, &lk, &e) < 0 || index_read_begin(lk->index, &rd, &e) < 0 ||
        index_rules(rd, RULE_SETTING, see, set, &e) < 0)
        return cli_fail(&e);
    for (size_t i = 0; i < COUNT(settings); i++) {
        const struct setting *s = &settings[i];
        json_t *v = json_object_get(set, s->key);
        if (!c->json) {
            print(s, v);
            continue;
        }
        json_array_append_new(rows, json_pack("{ss so sb}", "key", s->key, "value",
                                              v ? json_incref(v) : value_of(s, s->standard),
                                              "default", v == NULL));
    }
    if (c->json)
        cli_print_json(json_incref(rows));
    return CLI_DONE;
}
