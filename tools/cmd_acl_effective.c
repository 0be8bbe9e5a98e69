/* tools/cmd_acl_effective.c - acl effective: which lists reach a path, and from where (AV12). */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/lake/lake.h"
#include "policy/decide.h"
#include "policy/explain.h"
#include "policy/index.h"
#include "policy/principals.h"
#include "tools/change.h"
#include "tools/cli.h"
#include "tools/rule_list.h"

struct effective {
    struct changer ch;
    struct who who; /* of --as, or who is acted as; all zeros: of nobody */
    bool asks;      /* there is one */
    int64_t at;
};

/* 0, or the exit status, told already. */
static int take_who(struct cli *c, struct effective *ef, const char *as)
{
    AUTO(principals) struct principals *people = NULL;
    char name[PRINCIPAL_MAX];
    struct address address;
    struct err e;
    if (cli_at(c, &ef->at, &e) < 0)
        return cli_usage(c, "--at: %s", e.text);
    if (as && principal_parse(as, name, &e) < 0)
        return cli_usage(c, "--as: %s", e.text);
    if (cli_address(c, &address, &e) < 0)
        return cli_usage(c, "%s", e.text);
    if (!acting_is_operator(&ef->ch.as)) {
        if (as && strcmp(name, ef->ch.as.name) != 0)
            return cli_usage(c, "--as names another than --act-as");
        who_copy(&ef->ch.as.who, &ef->who);
        ef->asks = true;
        return CLI_DONE;
    }
    if (!as)
        return CLI_DONE;
    if (cli_principals(c, &people, &e) < 0)
        return cli_fail(&e);
    principals_expand(people, name, &ef->who);
    ef->who.address = address;
    ef->asks = true;
    return CLI_DONE;
}

/* Who may not change the lists there learns what it may do there itself, and no more (AV7). */
static int look(struct effective *ef, struct index_read *rd, const char *path, json_t **ret,
                struct err *e)
{
    node_id id;
    int r = index_find(rd, path, &id, e);
    if (r < 0)
        return r;
    if ((r = acting_must_see(&ef->ch.as, rd, id, path, e)) < 0 ||
        (r = explain_effective(rd, id, ef->asks ? &ef->who : NULL, ef->at, ret, e)) < 0)
        return r;
    bool all;
    if ((r = acting_reads_access(&ef->ch.as, rd, id, &all, e)) < 0 || all)
        return r;
    json_object_del(*ret, "access");
    json_object_del(*ret, "stopped");
    return 0;
}

static void print_rows(const json_t *rows, bool stopped)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) {
        AUTO(free) char *types = rule_value_text(json_object_get(row, "accessTypes"));
        printf("%s%s  %s  via %s%s", stopped ? "stopped: " : "",
               json_string_value(json_object_get(row, "principal")), types,
               json_string_value(json_object_get(row, "via")),
               json_is_true(json_object_get(row, "inherited")) ? " (inherited)" : "");
        const char *why = json_string_value(json_object_get(row, "why"));
        printf("%s%s (record %lld)\n", why ? ": " : "", why ? why : "",
               (long long)json_integer_value(json_object_get(row, "record")));
    }
}

static void print(const json_t *j)
{
    const json_t *caller = json_object_get(j, "callerAccess");
    print_rows(json_object_get(j, "access"), /* stopped= */ false);
    print_rows(json_object_get(j, "stopped"), /* stopped= */ true);
    if (caller)
        printf("caller: read %s, write %s, change access %s\n",
               json_is_true(json_object_get(caller, "read")) ? "yes" : "no",
               json_is_true(json_object_get(caller, "write")) ? "yes" : "no",
               json_is_true(json_object_get(caller, "modify_acl_access")) ? "yes" : "no");
}

static int run(struct cli *c, struct effective *ef, const char *path, const char *as)
{
    AUTO(index_read) struct index_read *rd = NULL;
    json_auto_t *j = NULL;
    struct err e;
    int status = changer_open(c, &ef->ch);
    if (status != CLI_DONE || (status = take_who(c, ef, as)) != CLI_DONE)
        return status;
    int r = index_read_begin(ef->ch.lk->index, &rd, &e);
    if (r == 0)
        r = look(ef, rd, path, &j, &e);
    if (r < 0)
        return changer_fail(&ef->ch, r, &e);
    if (c->json)
        cli_print_json(json_incref(j));
    else
        print(j);
    return CLI_DONE;
}

int cmd_acl_effective(struct cli *c, int argc, char **argv)
{
    static const struct option options[] = {{"as", required_argument, NULL, 'a'}, {0}};
    struct effective ef = {0};
    const char *as = NULL;
    opterr = 0;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1; as = optarg)
        if (o == '?')
            return cli_usage(c, "unknown option or missing value: %s", argv[optind - 1]);
    if (argc - optind != 1)
        return cli_usage(c, "acl effective takes one PATH");
    int r = run(c, &ef, argv[optind], as);
    who_done(&ef.who);
    changer_done(&ef.ch);
    return r;
}
