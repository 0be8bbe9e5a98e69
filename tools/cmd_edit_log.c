/* tools/cmd_edit_log.c - edit log: what happened to an edit. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fs/lake/lake.h"
#include "policy/index.h"
#include "tools/cli.h"

static const char *text_of(const json_t *rec, const char *key)
{
    const char *s = json_string_value(json_object_get(rec, key));
    return s ? s : "";
}

static long long number_of(const json_t *rec, const char *key)
{
    return (long long)json_integer_value(json_object_get(rec, key));
}

static void print_version(const json_t *rec)
{
    const json_t *version = json_object_get(rec, "version");
    printf("version %lld: %lld objects, %lld bytes, %s",
           version ? (long long)json_integer_value(version) : 1, number_of(rec, "objects"),
           number_of(rec, "bytes"), text_of(rec, "file"));
    if (*text_of(rec, "retire_until"))
        printf("; what it lost until %s", text_of(rec, "retire_until"));
}

static void print_what(const json_t *rec)
{
    const char *op = text_of(rec, "op");
    if (strcmp(op, "edit") == 0) {
        print_version(rec);
        return;
    }
    fputs(op, stdout);
    if (strcmp(op, "grant") == 0 && strcmp(text_of(rec, "from"), "1970-01-01T00:00:00Z") != 0)
        printf(" to %s from %s until %s", text_of(rec, "principal"), text_of(rec, "from"),
               text_of(rec, "until"));
    else if (strcmp(op, "grant") == 0)
        printf(" to %s until %s", text_of(rec, "principal"), text_of(rec, "until"));
    else if (strcmp(op, "revoke") == 0)
        printf(" from %s", text_of(rec, "principal"));
    else if (strcmp(op, "tagged") == 0)
        printf(": %lld objects", number_of(rec, "objects"));
}

static int print_record(void *arg, json_t *rec, struct err *e)
{
    (void)e;
    if (arg)
        return json_array_append(arg, rec);
    printf("%6lld  %s  %s  ", number_of(rec, "seq"), text_of(rec, "time"), text_of(rec, "actor"));
    print_what(rec);
    puts(json_object_get(rec, "no_effect") ? " (came too late: no effect)" : "");
    return 0;
}

int cmd_edit_log(struct cli *c, int argc, char **argv)
{
    AUTO(lake) struct lake *lk = NULL;
    AUTO(edit) struct edit ed = {0};
    json_auto_t *list = c->json ? json_array() : NULL;
    struct index_read *rd = NULL;
    struct err e;
    if (argc != 2)
        return cli_usage(c, "edit log takes one ID");
    int r = cli_lake_synced(c, &lk, &e);
    if (r < 0 || (r = index_read_begin(lk->index, &rd, &e)) < 0)
        return cli_fail(&e);
    r = index_edit(rd, argv[1], &ed, &e);
    bool unknown = r == -ENOENT;
    if (r == 0)
        r = index_edit_log(rd, argv[1], print_record, list, &e);
    index_read_end(rd);
    if (unknown)
        return cli_unknown("%s", e.text);
    if (r < 0)
        return cli_fail(&e);
    if (list)
        cli_print_json(json_incref(list));
    return CLI_DONE;
}
