/* tools/cmd_lake.c - init, scan, and the status of a lake. */
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
static void complete_tags(struct lake *lk, int jobs)
{
    uint64_t edits = 0;
    struct err e;
    int r = lake_tag_pending(lk, jobs, cli_progress, NULL, &edits, &e);
    cli_progress_end();
    if (r < 0)
        fprintf(stderr, "shotlake: tags of an earlier edit still wait: %s\n", e.text);
    else if (edits > 0)
        fprintf(stderr, "shotlake: completed the object tags of %" PRIu64 " edits\n", edits);
}

struct scan_options {
    const char *prefix;
    bool media;
    enum lake_media what;
    int jobs; /* 0: what the store bears */
};

/* CLI_DONE, or the exit status with the reason told. */
static int scan_options(struct cli *c, int argc, char **argv, struct scan_options *ret)
{
    static const struct option options[] = {
        {"media", required_argument, NULL, 'm'}, {"jobs", required_argument, NULL, 'j'}, {0}};
    *ret = (struct scan_options){.prefix = "", .media = true, .what = LAKE_MEDIA_NEW};
    opterr = 0;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == '?')
            return cli_usage(c, "unknown option or missing value: %s", argv[optind - 1]);
        if (o == 'j') {
            if (!cli_number(optarg, 1, 64, &ret->jobs))
                return cli_usage(c, "--jobs: a number from 1 to 64");
            continue;
        }
        ret->media = strcmp(optarg, "off") != 0;
        ret->what = strcmp(optarg, "all") == 0 ? LAKE_MEDIA_ALL : LAKE_MEDIA_NEW;
        if (ret->media && ret->what == LAKE_MEDIA_NEW && strcmp(optarg, "auto") != 0)
            return cli_usage(c, "--media: auto, all or off");
    }
    if (argc - optind > 1)
        return cli_usage(c, "scan takes one PREFIX at most");
    if (optind < argc)
        ret->prefix = argv[optind] + strspn(argv[optind], "/");
    return CLI_DONE;
}

static void say_media(const struct media_report *m)
{
    if (m->looked > 0)
        printf("%" PRIu64 " media looked at, %" PRIu64 " of them with reel, timecode or UMID\n",
               m->looked, m->known);
}

static void say_media_failures(const struct media_report *m)
{
    if (m->failed > 0)
        fprintf(stderr, "shotlake: %" PRIu64 " media could not be looked at%s; the next scan tries "
                        "again. The first: %s\n",
                m->failed, m->stopped ? ", and the rest was not tried" : "", m->why);
}

int cmd_scan(struct cli *c, int argc, char **argv)
{
    AUTO(lake) struct lake *lk = NULL;
    struct scan_options o;
    struct scan_report rep;
    struct media_report media = {0};
    struct err e;
    json_auto_t *hidden = NULL;
    int status = scan_options(c, argc, argv, &o);
    if (status != CLI_DONE)
        return status;
    if (cli_lake_synced(c, &lk, &e) < 0 ||
        lake_scan(lk, o.prefix, cli_progress, NULL, &rep, &e) < 0 ||
        hidden_keys(lk, &hidden, &e) < 0)
        return cli_fail(&e);
    complete_tags(lk, o.jobs);
    if (o.media &&
        lake_scan_media(lk, o.prefix, o.what, o.jobs, cli_progress, NULL, &media, &e) < 0)
        return cli_fail(&e);
    cli_progress_end();
    say_media_failures(&media);
    if (c->json) {
        cli_print_json(json_pack(
            "{sI sI sI sI sI sO s{sI sI sI sI}}", "objects", (json_int_t)rep.objects, "bytes",
            (json_int_t)rep.bytes, "added", (json_int_t)rep.added, "changed",
            (json_int_t)rep.changed, "removed", (json_int_t)rep.removed, "hidden", hidden, "media",
            "looked", (json_int_t)media.looked, "known", (json_int_t)media.known, "logs",
            (json_int_t)media.logs, "failed", (json_int_t)media.failed));
        return CLI_DONE;
    }
    printf("%" PRIu64 " objects, %" PRIu64 " bytes: %" PRIu64 " new, %" PRIu64 " changed, %" PRIu64
           " gone\n",
           rep.objects, rep.bytes, rep.added, rep.changed, rep.removed);
    say_media(&media);
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
    int64_t now;
    uint64_t edits, grants;
    json_t *pending;
};

static int tally_edit(void *arg, const struct edit *ed, struct err *e)
{
    struct tally *t = arg;
    (void)e;
    t->edits += ed->state != EDIT_REMOVED;
    if (!edit_is_tagged(ed, t->now))
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
    struct tally t = {.now = clock_wall(), .pending = pending};
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
