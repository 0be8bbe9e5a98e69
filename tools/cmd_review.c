/* tools/cmd_review.c - access review: who holds what, since when, until when, last used when. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/when.h"
#include "fs/lake/lake.h"
#include "fs/lake/used.h"
#include "policy/decide.h"
#include "policy/explain.h"
#include "policy/index.h"
#include "policy/principals.h"
#include "policy/roles.h"
#include "tools/change.h"
#include "tools/cli.h"
#include "tools/rule_list.h"

struct review {
    char principal[PRINCIPAL_MAX]; /* "": all */
    const char *edit;              /* NULL: all */
    int64_t at;
};

static const char *text(const json_t *row, const char *name)
{
    const char *s = json_string_value(json_object_get(row, name));
    return s ? s : "";
}

/* Of others only what is about edits that it may change, which is whose access it may change. */
static int may_know(const struct acting *as, const struct asker *asker, struct index_read *rd,
                    const json_t *row, int64_t at, bool *ret, struct err *e)
{
    *ret = !asker || asker_is_superuser(asker);
    for (size_t i = 0; i < as->who.n; i++)
        *ret |= strcmp(as->who.as[i], text(row, "principal")) == 0;
    if (*ret || !*text(row, "edit") || !(asker_permissions(asker) & ROLE(ACCESS_READ)))
        return 0;
    return decide_edit(asker, rd, text(row, "edit"), "modify_all_access", at, ret, e);
}

static int select_rows(const struct review *rv, const struct acting *as, struct index_read *rd,
                       const struct used *used, json_t *all, json_t *ret, struct err *e)
{
    AUTO(asker) struct asker *asker = NULL;
    size_t i;
    json_t *row;
    int r = acting_asker(as, rd, &asker, e);
    json_array_foreach(all, i, row) {
        char when[WHEN_TEXT_SIZE];
        int64_t last;
        bool known = false;
        if ((*rv->principal && strcmp(rv->principal, text(row, "principal")) != 0) ||
            (rv->edit && strcmp(rv->edit, text(row, "edit")) != 0))
            continue;
        if (r < 0 || (r = may_know(as, asker, rd, row, rv->at, &known, e)) < 0)
            return r;
        if (!known)
            continue;
        if (used_get(used, text(row, "principal"), text(row, "edit"), &last))
            json_object_set_new(row, "used", json_string(when_format(last, when)));
        json_array_append(ret, row);
    }
    return r;
}

static void print(const json_t *rows)
{
    static const char *const what[] = {"edit", "path", "class"};
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) {
        AUTO(free) char *access = rule_value_text(json_object_get(row, "access"));
        printf("%s  %s", text(row, "principal"), text(row, "rule"));
        for (size_t k = 0; k < COUNT(what); k++)
            if (*text(row, what[k]))
                printf(" %s", text(row, what[k]));
        if (json_object_get(row, "access"))
            printf(" (%s)", access);
        printf("  since %s", text(row, "since"));
        if (*text(row, "until"))
            printf(" until %s", text(row, "until"));
        if (json_object_get(row, "ranges")) {
            AUTO(free) char *ranges = rule_value_text(json_object_get(row, "ranges"));
            printf(" only at addresses in %s", ranges);
        }
        if (json_is_false(json_object_get(row, "active")))
            fputs(" (not now)", stdout);
        if (*text(row, "edit")) /* of other rules nobody notes it */
            printf("  %s%s", *text(row, "used") ? "used " : "not used here", text(row, "used"));
        printf("  by %s\n", text(row, "actor"));
    }
}

/* A name that was mistyped must not read as "holds nothing"; who is acted as gets no answer from which
 * to learn what there is. CLI_DONE or the exit status. */
static int must_know(struct cli *c, const struct acting *as, struct index_read *rd,
                     const struct review *rv)
{
    AUTO(principals) struct principals *people = NULL;
    AUTO(edit) struct edit edit = {0};
    struct err e;
    bool known = !*rv->principal;
    if (!acting_is_operator(as))
        return CLI_DONE;
    if (!known && (cli_principals(c, &people, &e) < 0 ||
                   index_knows(rd, rv->principal, &known, &e) < 0))
        return cli_fail(&e);
    if (!known && !principals_has(people, rv->principal))
        return cli_unknown("no such principal: %s (neither the ledger nor the principals file "
                           "names it)", rv->principal);
    int r = rv->edit ? index_edit(rd, rv->edit, &edit, &e) : 0;
    return r == -ENOENT ? cli_unknown("no such edit: '%s'", rv->edit)
           : r < 0      ? cli_fail(&e) : CLI_DONE;
}

static int run(struct cli *c, struct review *rv)
{
    AUTO(changer) struct changer ch = {0};
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(used) struct used *used = NULL;
    json_auto_t *all = NULL, *rows = json_array();
    struct err e;
    int status = changer_open(c, &ch);
    if (status != CLI_DONE)
        return status;
    used = used_load(ch.lk->dir);
    int r = index_read_begin(ch.lk->index, &rd, &e);
    if (r == 0 && (status = must_know(c, &ch.as, rd, rv)) != CLI_DONE)
        return status;
    if (r == 0)
        r = access_review(rd, rv->at, &all, &e);
    if (r == 0)
        r = select_rows(rv, &ch.as, rd, used, all, rows, &e);
    if (r < 0)
        return changer_fail(&ch, r, &e);
    if (c->json)
        cli_print_json(json_incref(rows));
    else
        print(rows);
    return CLI_DONE;
}

int cmd_access_review(struct cli *c, int argc, char **argv)
{
    static const struct option options[] = {
        {"principal", required_argument, NULL, 'p'}, {"edit", required_argument, NULL, 'e'}, {0}};
    struct review rv = {0};
    struct err e;
    opterr = 0;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == '?')
            return cli_usage(c, "unknown option or missing value: %s", argv[optind - 1]);
        if (o == 'e')
            rv.edit = optarg;
        else if (principal_parse(optarg, rv.principal, &e) < 0)
            return cli_usage(c, "--principal: %s", e.text);
    }
    if (argc != optind)
        return cli_usage(c, "access review takes options only");
    if (cli_at(c, &rv.at, &e) < 0)
        return cli_usage(c, "--at: %s", e.text);
    return run(c, &rv);
}
