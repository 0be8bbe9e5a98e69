/* tools/cmd_iam.c - iam sync: grants to IAM principals as the bucket's own policy. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "fs/lake/lake.h"
#include "fs/s3/s3_store.h"
#include "policy/iam_policy.h"
#include "policy/index.h"
#include "tools/cli.h"

#define IDS_A_TAG 23 /* what fits in one ShotLockerAccess tag: fs/lake/tags.c */
#define TRIES 5      /* against another writer of the same policy */

struct grants {
    struct index_read *rd;
    struct iam_grant *v;
    size_t n;
    size_t most; /* edits that one object is in */
};

static void grants_done(struct grants *g)
{
    for (size_t i = 0; i < g->n; i++) {
        free((char *)g->v[i].edit);
        free((char *)g->v[i].arn);
    }
    free(g->v);
}

static int add_grant(void *arg, const struct grant *grant, struct err *e)
{
    struct grants *g = arg;
    AUTO(edit) struct edit ed = {0};
    if (strncmp(grant->principal, "arn:", 4) != 0)
        return 0;
    int r = index_edit(g->rd, grant->edit, &ed, e);
    if (r < 0 || ed.state != EDIT_ENABLED) /* the grants of a disabled edit rest */
        return r;
    g->v = xrealloc(g->v, g->n + 1, sizeof *g->v);
    g->v[g->n++] = (struct iam_grant){xstrdup(grant->edit), xstrdup(grant->principal), grant->from,
                                      grant->until};
    return 0;
}

static int count_edit(void *arg, const char *label, struct err *e)
{
    char id[EDIT_ID_SIZE];
    (void)e;
    *(size_t *)arg += edit_of_label(label, id);
    return 0;
}

static int count_edits_of(void *arg, const struct node *n, struct err *e)
{
    struct grants *g = arg;
    size_t edits = 0;
    int r = n->is_dir ? 0 : index_labels_of(g->rd, n->id, count_edit, &edits, e);
    g->most = edits > g->most ? edits : g->most;
    return r;
}

static int count_all(void *arg, const struct edit *ed, struct err *e)
{
    (void)ed;
    (void)e;
    ++*(size_t *)arg;
    return 0;
}

/* How many tags an object of these edits may need for its ids. */
static int find_most(struct grants *g, struct err *e)
{
    size_t edits = 0;
    int r = index_edits(g->rd, count_all, &edits, e);
    g->most = edits;
    if (r < 0 || edits <= IDS_A_TAG)
        return r; /* no object can be in more */
    g->most = 0;
    for (size_t i = 0; r == 0 && i < g->n; i++) {
        char label[32];
        roaring_bitmap_t *set = NULL;
        if (i > 0 && strcmp(g->v[i].edit, g->v[i - 1].edit) == 0)
            continue;
        snprintf(label, sizeof label, "edit:%s", g->v[i].edit);
        r = index_label(g->rd, label, &set, e);
        if (r == 0)
            r = index_nodes(g->rd, set, count_edits_of, g, e);
        if (set)
            roaring_bitmap_free(set);
    }
    return r;
}

static int read_grants(struct lake *lk, struct grants *g, struct err *e)
{
    int r = index_read_begin(lk->index, &g->rd, e);
    if (r == 0)
        r = index_grants(g->rd, NULL, add_grant, g, e);
    if (r == 0)
        r = find_most(g, e);
    index_read_end(g->rd);
    g->rd = NULL;
    return r;
}

/* Writes the policy and looks whether it is what the bucket has now. 1: it is not, since somebody
 * else wrote at the same time. */
static int write_policy(struct store *s, const struct buf *want, struct err *e)
{
    AUTO(buf) struct buf now = {0};
    int r = s3_policy_put(s, buf_str(want), want->len, e);
    if (r == 0)
        r = s3_policy_get(s, &now, e);
    if (r < 0)
        return r;
    json_auto_t *a = json_loadb(buf_str(&now), now.len, 0, NULL);
    json_auto_t *b = json_loadb(buf_str(want), want->len, 0, NULL);
    return (!a && !b) || json_equal(a, b) ? 0 : 1;
}

static bool knows(void *arg, const char *edit)
{
    AUTO(edit) struct edit ed = {0};
    struct err ignored;
    return index_edit(arg, edit, &ed, &ignored) == 0;
}

static int sync_policy(struct lake *lk, bool dry, struct iam_policy_report *report,
                       struct buf *policy, struct err *e)
{
    int r = 1;
    for (int try = 0; r == 1 && try < TRIES; try++) {
        AUTO(buf) struct buf current = {0};
        struct grants g = {0};
        buf_clear(policy);
        r = lake_sync(lk, e);
        if (r == 0)
            r = read_grants(lk, &g, e);
        if (r == 0)
            r = s3_policy_get(lk->store, &current, e);
        struct iam_policy ask = {
            .current = buf_str(&current),
            .current_n = current.len,
            .bucket = s3_store_bucket(lk->store),
            .prefix = s3_store_prefix(lk->store),
            .grants = g.v,
            .n_grants = g.n,
            .tags = (unsigned)((g.most + IDS_A_TAG - 1) / IDS_A_TAG),
            .now = clock_wall(),
        };
        ask.tags = ask.tags > 0 ? ask.tags : 1;
        AUTO(index_read) struct index_read *rd = NULL;
        if (r == 0)
            r = index_read_begin(lk->index, &rd, e);
        ask.knows = knows;
        ask.arg = rd;
        if (r == 0)
            r = iam_policy_merge(&ask, policy, report, e);
        index_read_end(TAKE(rd)); /* never held across a wait for the store */
        grants_done(&g);
        if (r == 0 && report->changed && !dry)
            r = write_policy(lk->store, policy, e);
    }
    return r == 1 ? err_set(e, -EIO, "another writer changed the bucket's policy %d times meanwhile; "
                                     "run this again", TRIES)
                  : r;
}

static void print(struct cli *c, const struct iam_policy_report *report, const struct buf *policy,
                  bool dry)
{
    if (c->json) {
        cli_print_json(json_pack("{sb sb sI sI sI sI sI so}", "changed", report->changed, "dry_run",
                                 dry, "statements", (json_int_t)report->statements, "added",
                                 (json_int_t)report->added, "removed", (json_int_t)report->removed,
                                 "kept", (json_int_t)report->kept, "foreign",
                                 (json_int_t)report->foreign, "policy",
                                 policy->len > 0 ? json_loadb(policy->p, policy->len, 0, NULL)
                                                 : json_null()));
        return;
    }
    printf("%s%zu statements of ours (%zu added, %zu removed, %zu as they were), %zu of others\n",
           dry && report->changed ? "would be: " : "", report->statements, report->added,
           report->removed, report->kept, report->foreign);
}

int cmd_iam_sync(struct cli *c, int argc, char **argv)
{
    static const struct option options[] = {{"dry-run", no_argument, NULL, 'd'}, {0}};
    AUTO(lake) struct lake *lk = NULL;
    AUTO(buf) struct buf policy = {0};
    struct iam_policy_report report = {0};
    bool dry = false;
    struct err e;
    opterr = 0;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o != 'd')
            return cli_usage(c, "unknown option: %s", argv[optind - 1]);
        dry = true;
    }
    if (argc != optind)
        return cli_usage(c, "iam sync takes no arguments");
    if (c->lake_url && strncmp(c->lake_url, "s3://", 5) != 0)
        return cli_usage(c, "iam sync needs a lake in S3: a directory has no IAM");
    int r = cli_lake_synced(c, &lk, &e);
    if (r == 0)
        r = sync_policy(lk, dry, &report, &policy, &e);
    if (r < 0)
        return cli_fail(&e);
    print(c, &report, &policy, dry);
    return CLI_DONE;
}
