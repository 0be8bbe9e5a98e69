/* tools/cmd_ledger.c - ledger and ledger verify. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fs/lake/lake.h"
#include "tools/cli.h"
#include "tools/rule_list.h"

/* What a record of a rule sets, where that is short; what it takes away is null. */
static void print_values(const json_t *rec)
{
    static const char *const values[] = {"classes", "actions", "gives", "ranges", "set", "fields"};
    static const char *const kept[] = {"classes", "gives", "ranges", "rules", "group"};
    for (size_t i = 0; i < COUNT(values); i++) {
        const json_t *v = json_object_get(rec, values[i]);
        bool of_names = json_is_array(v) && !json_is_object(json_array_get(v, 0));
        if (!of_names && !json_is_object(v))
            continue;
        AUTO(free) char *text = rule_value_text(v);
        printf("  %s=%s", values[i], *text ? text : "(none)");
    }
    for (size_t i = 0; i < COUNT(kept); i++)
        if (json_is_null(json_object_get(rec, kept[i])))
            printf("  %s taken away", kept[i]);
}

static int print_record(void *arg, uint64_t seq, const json_t *rec, struct err *e)
{
    static const char *const details[] = {"edit", "principal", "path", "from", "until", "name",
                                          "prefix", "site", "group", "class", "role"};
    json_t *list = arg;
    (void)e;
    if (list) {
        json_t *copy = json_copy((json_t *)rec);
        json_object_del(copy, "node_key"); /* a secret: with it inode numbers count the lake */
        return json_array_append_new(list, copy);
    }
    printf("%6" PRIu64 "  %s  %s  %s", seq, json_string_value(json_object_get(rec, "time")),
           json_string_value(json_object_get(rec, "actor")),
           json_string_value(json_object_get(rec, "op")));
    for (size_t i = 0; i < COUNT(details); i++) {
        const char *s = json_string_value(json_object_get(rec, details[i]));
        if (s && *s && strcmp(s, "1970-01-01T00:00:00Z") != 0)
            printf("  %s=%s", details[i], s);
    }
    print_values(rec);
    putchar('\n');
    return 0;
}

int cmd_ledger(struct cli *c, int argc, char **argv)
{
    AUTO(lake) struct lake *lk = NULL;
    json_auto_t *list = c->json ? json_array() : NULL;
    struct err e;
    uint64_t seq;
    if (argc > 1)
        return cli_usage(c, "no verb 'ledger %s'", argv[1]);
    if (cli_lake(c, &lk, &e) < 0 || lake_ledger(lk, print_record, list, &seq, &e) < 0)
        return cli_fail(&e);
    if (c->json)
        cli_print_json(json_incref(list));
    return CLI_DONE;
}

int cmd_ledger_verify(struct cli *c, int argc, char **argv)
{
    AUTO(lake) struct lake *lk = NULL;
    struct err e;
    uint64_t seq;
    (void)argv;
    if (argc != 1)
        return cli_usage(c, "ledger verify takes no arguments");
    /* the chain as the store has it, and that this host's index ends with a record of it */
    if (cli_lake(c, &lk, &e) < 0 || lake_ledger(lk, NULL, NULL, &seq, &e) < 0 ||
        lake_sync(lk, &e) < 0)
        return cli_fail(&e);
    if (c->json)
        cli_print_json(json_pack("{sb sI}", "verified", 1, "records", (json_int_t)seq));
    else
        printf("%" PRIu64 " records, chain verified\n", seq);
    return CLI_DONE;
}
