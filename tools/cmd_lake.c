/* tools/cmd_lake.c - init, scan, and the status of a lake. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/lake/lake.h"
#include "fs/store/store.h"
#include "policy/index.h"
#include "tools/cli.h"

int cmd_init(struct cli *c, int argc, char **argv)
{
    AUTO(lake) struct lake *lk = NULL;
    struct err e;
    (void)argv;
    if (argc != 1)
        return cli_usage(c, "init takes no arguments");
    int r = cli_lake(c, &lk, &e);
    if (r < 0 || (r = lake_init(lk, &e)) < 0)
        return cli_fail(&e);
    if (c->json)
        cli_print_json(json_pack("{ss sb}", "lake", lk->store->url, "created", r == 0));
    else
        printf("%s: %s\n", lk->store->url, r == 0 ? "ledger made" : "has a ledger already");
    return CLI_DONE;
}

static int hidden_json(void *arg, const char *key, const char *reason, struct err *e)
{
    (void)e;
    return json_array_append_new(arg, json_pack("{ss ss}", "key", key, "reason", reason));
}

static int hidden_keys(struct lake *lk, json_t **ret, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    int r = index_read_begin(lk->index, &rd, e);
    if (r < 0)
        return r;
    *ret = json_array();
    return index_hidden(rd, hidden_json, *ret, e);
}

/* Completes what an interrupted conform left behind, and says so. The inventory is taken by then:
 * that the tags must wait is no failure of the scan. */
static void complete_tags(struct lake *lk)
{
    uint64_t edits = 0;
    struct err e;
    int r = lake_tag_pending(lk, 0, cli_progress, NULL, &edits, &e);
    cli_progress_end();
    if (r < 0)
        fprintf(stderr, "shotlake: tags of an earlier edit still wait: %s\n", e.text);
    else if (edits > 0)
        fprintf(stderr, "shotlake: completed the object tags of %" PRIu64 " edits\n", edits);
}

int cmd_scan(struct cli *c, int argc, char **argv)
{
    AUTO(lake) struct lake *lk = NULL;
    struct scan_report rep;
    struct err e;
    json_auto_t *hidden = NULL;
    if (argc > 2)
        return cli_usage(c, "scan takes one PREFIX at most");
    const char *prefix = argc == 2 ? argv[1] : "";
    prefix += strspn(prefix, "/");
    if (cli_lake_synced(c, &lk, &e) < 0 ||
        lake_scan(lk, prefix, cli_progress, NULL, &rep, &e) < 0 ||
        hidden_keys(lk, &hidden, &e) < 0)
        return cli_fail(&e);
    complete_tags(lk);
    if (c->json) {
        cli_print_json(json_pack("{sI sI sI sI sI sO}", "objects", (json_int_t)rep.objects,
                                 "bytes", (json_int_t)rep.bytes, "added", (json_int_t)rep.added,
                                 "changed", (json_int_t)rep.changed, "removed",
                                 (json_int_t)rep.removed, "hidden", hidden));
        return CLI_DONE;
    }
    printf("%" PRIu64 " objects, %" PRIu64 " bytes: %" PRIu64 " new, %" PRIu64 " changed, %" PRIu64
           " gone\n",
           rep.objects, rep.bytes, rep.added, rep.changed, rep.removed);
    size_t i;
    json_t *h;
    if (json_array_size(hidden) > 0)
        printf("%zu keys cannot be shown as a path:\n", json_array_size(hidden));
    json_array_foreach(hidden, i, h)
        printf("  '%s' %s\n", json_string_value(json_object_get(h, "key")),
               json_string_value(json_object_get(h, "reason")));
    return CLI_DONE;
}

struct tally {
    uint64_t edits, grants;
    json_t *pending;
};

static int tally_edit(void *arg, const struct edit *ed, struct err *e)
{
    struct tally *t = arg;
    (void)e;
    t->edits++;
    if (!ed->tagged)
        json_array_append_new(t->pending, json_string(ed->id));
    return 0;
}

static int tally_grant(void *arg, const struct grant *g, struct err *e)
{
    (void)g;
    (void)e;
    ((struct tally *)arg)->grants++;
    return 0;
}

static int skip_key(void *arg, const char *key, const char *reason, struct err *e)
{
    (void)key;
    (void)reason;
    (void)e;
    ++*(uint64_t *)arg;
    return 0;
}

int cmd_status_lake(struct cli *c)
{
    AUTO(lake) struct lake *lk = NULL;
    AUTO(index_read) struct index_read *rd = NULL;
    json_auto_t *pending = json_array();
    struct tally t = {.pending = pending};
    struct index_totals totals;
    struct index_head head;
    struct err e;
    uint64_t hidden = 0;
    int r = cli_lake_synced(c, &lk, &e);
    if (r < 0 || (r = index_read_begin(lk->index, &rd, &e)) < 0 ||
        (r = index_head(rd, &head, &e)) < 0 || (r = index_totals(rd, &totals, &e)) < 0 ||
        (r = index_edits(rd, tally_edit, &t, &e)) < 0 ||
        (r = index_grants(rd, NULL, tally_grant, &t, &e)) < 0 ||
        (r = index_hidden(rd, skip_key, &hidden, &e)) < 0) {
        index_read_end(TAKE(rd)); /* before the lake goes */
        return cli_fail(&e);
    }
    index_read_end(TAKE(rd));
    if (c->json) {
        cli_print_json(json_pack(
            "{ss sI sI sI sI sI sI sO}", "lake", lk->store->url, "record", (json_int_t)head.seq,
            "objects", (json_int_t)totals.objects, "bytes", (json_int_t)totals.bytes, "hidden",
            (json_int_t)hidden, "edits", (json_int_t)t.edits, "grants", (json_int_t)t.grants,
            "untagged", pending));
        return CLI_DONE;
    }
    printf("lake      %s\nrecord    %" PRIu64 "\nobjects   %" PRIu64 " (%" PRIu64
           " bytes)\nhidden    %" PRIu64 " keys that cannot be a path\nedits     %" PRIu64
           "\ngrants    %" PRIu64 "\n",
           lk->store->url, head.seq, totals.objects, totals.bytes, hidden, t.edits, t.grants);
    size_t i;
    json_t *id;
    json_array_foreach(pending, i, id)
        printf("edit %s: its object tags are not complete; the next scan or conform completes "
               "them\n",
               json_string_value(id));
    return CLI_DONE;
}
