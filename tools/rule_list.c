/* tools/rule_list.c - listing and showing what the tables of rules hold. */
/* SPDX-License-Identifier: MIT */
#include "tools/rule_list.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/when.h"
#include "fs/lake/lake.h"
#include "policy/roles.h"
#include "tools/cli.h"

struct rows {
    const struct rule_shape *shape;
    json_t *list;
};

static int add_row(void *arg, const struct rule *rule, struct err *e)
{
    const struct rows *rows = arg;
    const struct rule_shape *s = rows->shape;
    char when[WHEN_TEXT_SIZE];
    json_t *row = json_pack("{ss sO sI ss ss}", s->key[0], rule->key[0], s->value, rule->value,
                            "record", (json_int_t)rule->seq, "time", when_format(rule->time, when),
                            "actor", rule->actor);
    (void)e;
    if (s->key[1])
        json_object_set_new(row, s->key[1], json_string(rule->key[1]));
    return json_array_append_new(rows->list, row);
}

/* Whoever writes a list may make up access types: they must not write lines of a report. */
static bool has_control(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || (s[0] == '\xc2' && (s[1] & 0xe0) == 0x80))
            return true;
    return false;
}

char *rule_value_text(const json_t *value)
{
    AUTO(buf) struct buf b = {0};
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *s = json_string_value(json_array_get(value, i));
        if (!s || has_control(s))
            return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
        buf_addf(&b, "%s%s", i > 0 ? ", " : "", s);
    }
    return json_is_array(value) ? buf_take(&b)
                                : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

static void print_row(const struct rule_shape *s, const json_t *row)
{
    AUTO(free) char *value = rule_value_text(json_object_get(row, s->value));
    printf("%s%s%s  %s (record %lld, by %s)\n", json_string_value(json_object_get(row, s->key[0])),
           s->key[1] ? s->between : "",
           s->key[1] ? json_string_value(json_object_get(row, s->key[1])) : "",
           *value ? value : "(none)",
           (long long)json_integer_value(json_object_get(row, "record")),
           json_string_value(json_object_get(row, "actor")));
}

int rule_list(struct cli *c, const struct rule_shape *shape)
{
    AUTO(lake) struct lake *lk = NULL;
    AUTO(index_read) struct index_read *rd = NULL;
    json_auto_t *list = json_array();
    struct rows rows = {shape, list};
    struct err e;
    size_t i;
    json_t *row;
    if (cli_lake_synced(c, &lk, &e) < 0 || index_read_begin(lk->index, &rd, &e) < 0 ||
        index_rules(rd, shape->kind, add_row, &rows, &e) < 0)
        return cli_fail(&e);
    if (c->json)
        cli_print_json(json_incref(list));
    else
        json_array_foreach(list, i, row)
            print_row(shape, row);
    return CLI_DONE;
}

int rule_warn_unknown(struct index_read *rd, enum rule_kind kind, const json_t *names,
                      const char *what, const char *consequence, struct err *e)
{
    size_t i;
    json_t *name;
    json_array_foreach(names, i, name) {
        json_auto_t *found = NULL;
        int r = index_rule(rd, kind, json_string_value(name), "", &found, NULL, e);
        if (r < 0)
            return r;
        if (!found)
            fprintf(stderr, "shotlake: there is no %s '%s' yet: %s\n", what,
                    json_string_value(name), consequence);
    }
    return 0;
}

int rule_warn_roles(void *arg, struct index_read *rd, struct err *e)
{
    const json_t *names = arg;
    size_t i;
    json_t *name;
    uint64_t bits;
    json_auto_t *others = json_array();
    json_array_foreach(names, i, name)
        if (!role_builtin(json_string_value(name), &bits))
            json_array_append(others, name);
    return rule_warn_unknown(rd, RULE_ROLE, others, "role or permission", "it gives nothing", e);
}
