/* tools/cmd_adopt.c - adopt: a bucket that Shot Locker has managed, as it stands. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/when.h"
#include "fs/lake/adopt.h"
#include "fs/lake/lake.h"
#include "fs/s3/s3_store.h"
#include "policy/iam_policy.h"
#include "policy/index.h"
#include "policy/principals.h"
#include "tools/cli.h"

struct run {
    struct lake *lk;
    bool dry;
    json_t *edits, *left, *grants; /* of the report */
};

static void leave(struct run *run, const char *what, const char *why)
{
    json_array_append_new(run->left, json_pack("{ss ss}", "what", what, "why", why));
}

static int take_edits(struct run *run, const struct adopt *a, struct err *e)
{
    size_t n;
    const struct adopt_edit *ed = adopt_edits(a, &n);
    for (size_t i = 0; i < n; i++) {
        const char *why = adopt_problem(&ed[i]);
        if (ed[i].known)
            continue;
        if (why) {
            leave(run, ed[i].id, why);
            continue;
        }
        int r = run->dry ? 0 : adopt_write(run->lk, a, &ed[i], e);
        if (r < 0 && r != -EEXIST)
            return r;
        json_array_append_new(run->edits,
                              json_pack("{ss sI sI ss?}", "edit", ed[i].id, "objects",
                                        (json_int_t)ed[i].objects, "bytes",
                                        (json_int_t)ed[i].bytes, "file", ed[i].file));
    }
    return 0;
}

/* True where the index, or this run, has the edit. */
static bool has_edit(const struct run *run, struct index_read *rd, const char *id)
{
    AUTO(edit) struct edit ed = {0};
    struct err ignored;
    size_t i;
    json_t *j;
    json_array_foreach(run->edits, i, j)
        if (strcmp(json_string_value(json_object_get(j, "edit")), id) == 0)
            return true;
    return index_edit(rd, id, &ed, &ignored) == 0 && ed.state != EDIT_REMOVED;
}

struct word {
    const char *principal;
    bool found;
};

static int is_word(void *arg, json_t *record, struct err *e)
{
    struct word *w = arg;
    const char *op = json_string_value(json_object_get(record, "op"));
    const char *principal = json_string_value(json_object_get(record, "principal"));
    (void)e;
    w->found |= op && principal && strcmp(principal, w->principal) == 0 &&
                (strcmp(op, "grant") == 0 || strcmp(op, "revoke") == 0);
    return 0;
}

/* 1: the ledger ever granted the edit to them, or revoked it, and says what holds; 0: it did not.
 * The policy is then only a copy, and an older one until the next sync: a revoke must not be undone
 * by adopting again. */
static int is_there(struct run *run, const char *edit, const char *principal, bool *ret_edit,
                    struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    struct word word = {.principal = principal};
    int r = index_read_begin(run->lk->index, &rd, e);
    if (r < 0)
        return r;
    *ret_edit = has_edit(run, rd, edit);
    r = index_edit_log(rd, edit, is_word, &word, e);
    return r < 0 ? r : word.found;
}

static int take_grant(void *arg, const struct iam_grant *g, struct err *e)
{
    struct run *run = arg;
    char canonical[PRINCIPAL_MAX], from[WHEN_TEXT_SIZE], until[WHEN_TEXT_SIZE];
    struct err why;
    bool known = false;
    bool is_principal = principal_parse(g->arn, canonical, &why) == 0;
    int r = is_there(run, g->edit, is_principal ? canonical : g->arn, &known, e);
    if (r != 0)
        return r < 0 ? r : 0;
    if (!known || !is_principal) {
        leave(run, g->edit, known ? why.text : "a grant of it, but no such edit");
        return 0;
    }
    json_auto_t *body = json_pack("{ss ss ss ss ss}", "op", "grant", "edit", g->edit, "principal",
                                  canonical, "from", when_format(0, from), "until",
                                  when_format(g->until, until));
    r = run->dry ? 0 : lake_append(run->lk, body, NULL, NULL, NULL, e);
    if (r == 0)
        json_array_append_new(run->grants, json_pack("{ss ss ss}", "edit", g->edit, "principal",
                                                     canonical, "until", until));
    return r;
}

static int take_policy(struct run *run, struct err *e)
{
    AUTO(buf) struct buf policy = {0};
    size_t skipped = 0;
    if (strncmp(run->lk->store->url, "s3://", 5) != 0)
        return 0; /* a directory has none */
    int r = s3_policy_get(run->lk->store, &policy, e);
    if (r == 0)
        r = iam_policy_grants(buf_str(&policy), policy.len, take_grant, run, &skipped, e);
    if (skipped > 0)
        leave(run, "bucket policy", "it has statements with a Sid of Shot Locker's that say "
                                    "something else than it writes");
    return r;
}

static int adopt(struct run *run, int jobs, struct err *e)
{
    AUTO(adopt) struct adopt *a = NULL;
    struct scan_report scan;
    int r = lake_init(run->lk, e); /* 1 where there is a ledger already */
    if (r >= 0)
        r = lake_scan(run->lk, "", cli_progress, NULL, &scan, e);
    if (r >= 0)
        r = adopt_read(run->lk, jobs, cli_progress, NULL, &a, e);
    if (r >= 0)
        r = take_edits(run, a, e);
    if (r >= 0)
        r = take_policy(run, e);
    cli_progress_end();
    return r;
}

static void print(struct cli *c, const struct run *run)
{
    size_t i;
    json_t *j;
    if (c->json) {
        cli_print_json(json_pack("{sb sO sO sO}", "dry_run", run->dry, "edits", run->edits,
                                 "grants", run->grants, "left", run->left));
        return;
    }
    printf("%s%zu edits and %zu grants adopted\n", run->dry ? "would be: " : "",
           json_array_size(run->edits), json_array_size(run->grants));
    json_array_foreach(run->edits, i, j)
        printf("edit   %s  %8lld objects  %s\n", json_string_value(json_object_get(j, "edit")),
               (long long)json_integer_value(json_object_get(j, "objects")),
               json_string_value(json_object_get(j, "file")));
    json_array_foreach(run->grants, i, j)
        printf("grant  %s  until %s  %s\n", json_string_value(json_object_get(j, "edit")),
               json_string_value(json_object_get(j, "until")),
               json_string_value(json_object_get(j, "principal")));
    json_array_foreach(run->left, i, j)
        printf("left   %s: %s\n", json_string_value(json_object_get(j, "what")),
               json_string_value(json_object_get(j, "why")));
}

int cmd_adopt(struct cli *c, int argc, char **argv)
{
    static const struct option options[] = {
        {"dry-run", no_argument, NULL, 'd'}, {"jobs", required_argument, NULL, 'j'}, {0}};
    AUTO(lake) struct lake *lk = NULL;
    json_auto_t *edits = json_array(), *left = json_array(), *grants = json_array();
    struct run run = {.edits = edits, .left = left, .grants = grants};
    int jobs = 0;
    struct err e;
    opterr = 0;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'd')
            run.dry = true;
        else if (o == 'j' && !cli_number(optarg, 1, 64, &jobs))
            return cli_usage(c, "--jobs takes a number from 1 to 64");
        else if (o != 'j')
            return cli_usage(c, "unknown option or missing value: %s", argv[optind - 1]);
    }
    if (argc != optind)
        return cli_usage(c, "adopt takes no arguments");
    int r = cli_lake(c, &lk, &e);
    run.lk = lk;
    if (r < 0 || (r = adopt(&run, jobs, &e)) < 0)
        return cli_fail(&e);
    print(c, &run);
    return json_array_size(left) > 0 ? CLI_MISSING : CLI_DONE;
}
