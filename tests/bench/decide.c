/* tests/bench/decide.c - what a decision costs, on a made-up lake of many objects.
 *
 *   bench_decide [--objects N] [--edits N] [--principals N] [--dir FOLDER]
 *
 * The lake has shots of 1,000 frames. An edit uses ten shots, a principal holds ten edits, so that
 * it sees 100,000 objects. One shot in a hundred is below a guard, has an access list, or has a
 * class that somebody may read. Everything is measured in one process; nothing here asserts. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <time.h>

#include <sys/stat.h>

#include "policy/decide.h"
#include "policy/explain.h"
#include "policy/principals.h"
#include "policy/rules.h"
#include "policy/visible.h"
#include "tests/oracle/feed.h"

#define FRAMES 1000        /* objects of a shot */
#define SHOTS_AN_EDIT 10
#define EDITS_A_PRINCIPAL 10
#define CHUNK 1000000      /* rows of one inventory */
#define BATCH 64           /* decisions between two looks at the clock */
#define BATCHES 4000
#define WARM 1024          /* objects that are asked about again and again */

struct bench {
    struct feed feed;
    long objects, edits, principals;
    uint64_t random;
    node_id *ids; /* of every object */
    size_t n_ids;
};

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* splitmix64: the same lake and the same questions every time */
static uint64_t draw(struct bench *b, uint64_t below)
{
    uint64_t z = b->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % below;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void tell(const char *what, double *values, size_t n, double divisor, const char *unit)
{
    qsort(values, n, sizeof *values, by_value);
    printf("%-44s %12.3f %s  (of %zu: 5%% below %.3f, 95%% below %.3f)\n", what,
           values[n / 2] / divisor, unit, n, values[n / 20] / divisor,
           values[n - 1 - n / 20] / divisor);
    fflush(stdout);
}

/* ---- the lake ------------------------------------------------------------------------------ */

static void shot_folder(long shot, char ret[96])
{
    const char *guard = shot % 100 == 7 ? "__restricted/crew/" : "";
    snprintf(ret, 96, "show/R%03ld/%ssh%05ld/plate/", shot / 100, guard, shot);
}

static void frame_key(long shot, long frame, struct buf *ret)
{
    char folder[96];
    shot_folder(shot, folder);
    buf_addf(ret, "%ssh%05ld_bg01_v001.%ld.exr", folder, shot, 1001 + frame);
}

static int say(struct bench *b, json_t *body, const struct buf *payload, struct err *e)
{
    int r = body ? feed_say(&b->feed, body, payload, e) : err_set(e, -EINVAL, "no record");
    json_decref(body);
    return r;
}

static int make_objects(struct bench *b, struct err *e)
{
    AUTO(buf) struct buf rows = {0};
    for (long i = 0; i < b->objects; i++) {
        buf_adds(&rows, "[\"+\",\"");
        frame_key(i / FRAMES, i % FRAMES, &rows);
        buf_adds(&rows, "\",52428800,1000000000000000000,\"e1\"]\n");
        if ((i + 1) % CHUNK && i + 1 < b->objects)
            continue;
        int r = say(b, json_pack("{ss ss}", "op", "inventory", "prefix", ""), &rows, e);
        if (r < 0)
            return r;
        buf_clear(&rows);
    }
    return 0;
}

static void edit_id(long n, char ret[EDIT_ID_SIZE])
{
    snprintf(ret, EDIT_ID_SIZE, "e%09lu", (unsigned long)n % 1000000000);
}

static long shots(const struct bench *b)
{
    return (b->objects + FRAMES - 1) / FRAMES;
}

static int make_edit(struct bench *b, long n, struct err *e)
{
    char id[EDIT_ID_SIZE], manifest[96];
    AUTO(buf) struct buf rows = {0};
    edit_id(n, id);
    snprintf(manifest, sizeof manifest, "ShotLocker/Edits/%s/processed/cut.otio", id);
    for (long s = 0; s < SHOTS_AN_EDIT && s < shots(b); s++) {
        long shot = (n * SHOTS_AN_EDIT + s) % shots(b);
        for (long f = 0; f < FRAMES && shot * FRAMES + f < b->objects; f++) {
            buf_adds(&rows, "[\"");
            frame_key(shot, f, &rows);
            buf_adds(&rows, "\"]\n");
        }
    }
    return say(b, json_pack("{ss ss ss ss ss si si s[iis]}", "op", "edit", "edit", id, "name",
                            "cut", "file", manifest, "manifest", manifest, "objects", 1, "bytes", 1,
                            "manifest_stat", 10, 1, "m1"), &rows, e);
}

/* One shot in a hundred each has an access list, a class, and a guard (see shot_folder()). */
static int make_rules(struct bench *b, struct err *e)
{
    char folder[96];
    int r = 0;
    for (long shot = 0; r == 0 && shot < shots(b); shot++) {
        shot_folder(shot, folder);
        if (shot % 100 == 21)
            r = say(b, json_pack("{ss ss s[{ss ss s[s]}]}", "op", "acl", "path", folder, "entries",
                                 "principalType", "GROUP", "principal", "readers", "accessTypes",
                                 "read"), NULL, e);
        else if (shot % 100 == 42)
            r = say(b, json_pack("{ss ss s[s]}", "op", "class", "path", folder, "classes", "sport"),
                    NULL, e);
    }
    if (r == 0)
        r = say(b, json_pack("{ss ss ss s[s]}", "op", "policy", "principal", "group:sport", "class",
                             "sport", "actions", "read"), NULL, e);
    if (r == 0)
        r = say(b, json_pack("{ss ss ss s{s[s]}}", "op", "access_group", "site", "", "group",
                             "crew", "rules", "states", "staff"), NULL, e);
    return r;
}

static int make_grants(struct bench *b, struct err *e)
{
    int r = 0;
    for (long i = 0; r == 0 && i < b->principals * EDITS_A_PRINCIPAL; i++) {
        char id[EDIT_ID_SIZE], who[32];
        edit_id((i / EDITS_A_PRINCIPAL * 37 + i % EDITS_A_PRINCIPAL) % b->edits, id);
        snprintf(who, sizeof who, "user:vendor%ld", i / EDITS_A_PRINCIPAL);
        r = say(b, json_pack("{ss ss ss ss ss}", "op", "grant", "edit", id, "principal", who,
                             "from", "2026-01-01T00:00:00Z", "until", "2090-01-01T00:00:00Z"),
                NULL, e);
    }
    return r;
}

static int note_object(void *arg, const struct node *n, struct err *e)
{
    struct bench *b = arg;
    (void)e;
    if (n->live && b->n_ids < (size_t)b->objects)
        b->ids[b->n_ids++] = n->id;
    return 0;
}

static int make_lake(struct bench *b, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    double began = now_ns();
    int r = make_objects(b, e);
    printf("%-44s %12.3f s\n", "inventory", (now_ns() - began) / 1e9);
    began = now_ns();
    for (long i = 0; r == 0 && i < b->edits; i++)
        r = make_edit(b, i, e);
    if (r < 0 || (r = make_rules(b, e)) < 0 || (r = make_grants(b, e)) < 0)
        return r;
    printf("%-44s %12.3f s\n", "edits, rules and grants", (now_ns() - began) / 1e9);
    if ((r = index_read_begin(b->feed.ix, &rd, e)) < 0)
        return r;
    b->ids = xcalloc((size_t)b->objects, sizeof *b->ids);
    return index_inventory_each(rd, note_object, b, e);
}

/* ---- what is measured ---------------------------------------------------------------------- */

static int new_asker(struct index_read *rd, struct rules *rules, long n, struct asker **ret,
                     struct err *e)
{
    AUTO(who) struct who who = {0};
    char name[32];
    snprintf(name, sizeof name, "user:vendor%ld", n);
    who_add(&who, name);
    if (n % 2)
        who_add(&who, "group:sport");
    if (n % 4 == 0)
        who_add(&who, "group:readers");
    if (n % 3 == 0)
        who.affiliation = xstrdup("staff");
    return asker_new(rd, rules, &who, ret, e);
}

static int measure_rules(struct index_read *rd, struct rules **rules, struct err *e)
{
    double took[21];
    for (size_t i = 0; i < COUNT(took); i++) {
        rules_unref(*rules);
        *rules = NULL;
        double began = now_ns();
        int r = rules_load(rd, rules, e);
        if (r < 0)
            return r;
        took[i] = now_ns() - began;
    }
    tell("rules_load()", took, COUNT(took), 1e6, "ms");
    return 0;
}

static int measure_askers(struct bench *b, struct index_read *rd, struct rules *rules,
                          struct asker **askers, struct err *e)
{
    AUTO(free) double *took = xcalloc((size_t)b->principals, sizeof *took);
    for (long i = 0; i < b->principals; i++) {
        double began = now_ns();
        int r = new_asker(rd, rules, i, &askers[i], e);
        if (r < 0)
            return r;
        took[i] = now_ns() - began;
    }
    tell("asker_new()", took, (size_t)b->principals, 1e6, "ms");
    return 0;
}

/* Random objects of all, or of a few that stay in the processor's caches. */
static int measure_decide(struct bench *b, struct index_read *rd, struct asker **askers, bool warm,
                          struct err *e)
{
    AUTO(free) double *took = xcalloc(BATCHES, sizeof *took);
    node_id ids[BATCH];
    size_t yes = 0, pool = warm && b->n_ids > WARM ? WARM : b->n_ids;
    for (size_t i = 0; i < BATCHES; i++) {
        struct asker *a = askers[draw(b, (uint64_t)b->principals)];
        for (size_t k = 0; k < BATCH; k++)
            ids[k] = b->ids[draw(b, pool)];
        double began = now_ns();
        for (size_t k = 0; k < BATCH; k++) {
            bool may;
            int r = decide(a, rd, ids[k], "read", FEED_TIME, &may, e);
            if (r < 0)
                return r;
            yes += may;
        }
        took[i] = (now_ns() - began) / BATCH;
    }
    tell(warm ? "decide(), a few objects" : "decide(), any object", took, BATCHES, 1, "ns");
    printf("%-44s %12.2f %%\n", "  of them allowed", 100.0 * (double)yes / (BATCHES * BATCH));
    return 0;
}

static void measure_set(struct bench *b, const roaring_bitmap_t *nodes)
{
    AUTO(free) double *took = xcalloc(BATCHES, sizeof *took);
    node_id ids[BATCH];
    volatile size_t yes = 0;
    for (size_t i = 0; i < BATCHES; i++) {
        for (size_t k = 0; k < BATCH; k++)
            ids[k] = b->ids[draw(b, b->n_ids)];
        double began = now_ns();
        for (size_t k = 0; k < BATCH; k++)
            yes += roaring_bitmap_contains(nodes, ids[k]);
        took[i] = (now_ns() - began) / BATCH;
    }
    tell("test in the compiled set", took, BATCHES, 1, "ns");
}

static int measure_visible(struct bench *b, struct index_read *rd, struct asker **askers,
                           struct err *e)
{
    AUTO(free) double *took = xcalloc((size_t)b->principals, sizeof *took);
    AUTO(free) double *count = xcalloc((size_t)b->principals, sizeof *count);
    for (long i = 0; i < b->principals; i++) {
        AUTO(visible) struct visible v = {0};
        double began = now_ns();
        int r = visible_of(askers[i], rd, FEED_TIME, &v, e);
        if (r < 0)
            return r;
        took[i] = now_ns() - began;
        count[i] = (double)roaring_bitmap_get_cardinality(v.nodes);
        if (i == 0)
            measure_set(b, v.nodes);
    }
    tell("visible_of()", took, (size_t)b->principals, 1e6, "ms");
    tell("  visible nodes", count, (size_t)b->principals, 1, "");
    return 0;
}

/* As the commands do it: from the rows that bear on the object to the reasons. */
static int measure_why(struct bench *b, struct index_read *rd, struct err *e)
{
    double who_took[101], why_took[101];
    for (size_t i = 0; i < COUNT(who_took); i++) {
        AUTO(who) struct who who = {0};
        json_auto_t *list = NULL, *why = NULL;
        node_id id = b->ids[draw(b, b->n_ids)];
        who_add(&who, "user:vendor0");
        double began = now_ns();
        int r = explain_who(rd, id, FEED_TIME, &list, e);
        who_took[i] = now_ns() - began;
        began = now_ns();
        if (r == 0)
            r = explain_decision(rd, &who, id, FEED_TIME, &why, e);
        why_took[i] = now_ns() - began;
        if (r < 0)
            return r;
    }
    tell("explain_who()", who_took, COUNT(who_took), 1e6, "ms");
    tell("explain_decision()", why_took, COUNT(why_took), 1e6, "ms");
    return 0;
}

static int measure(struct bench *b, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(rules) struct rules *rules = NULL;
    AUTO(free) char *data = xasprintf("%s/data.mdb", b->feed.dir);
    struct asker **askers = xcalloc((size_t)b->principals, sizeof *askers);
    struct stat st;
    int r = index_read_begin(b->feed.ix, &rd, e);
    if (r == 0)
        r = measure_rules(rd, &rules, e);
    if (r == 0)
        r = measure_askers(b, rd, rules, askers, e);
    if (r == 0)
        r = measure_decide(b, rd, askers, /* warm= */ false, e);
    if (r == 0)
        r = measure_decide(b, rd, askers, /* warm= */ true, e);
    if (r == 0)
        r = measure_visible(b, rd, askers, e);
    if (r == 0)
        r = measure_why(b, rd, e);
    for (long i = 0; i < b->principals; i++)
        asker_free(askers[i]);
    free(askers);
    if (r == 0 && stat(data, &st) == 0)
        printf("%-44s %12.1f MiB\n", "index", (double)st.st_blocks * 512 / (1 << 20));
    return r;
}

static bool number(const char *text, long *ret)
{
    char *end;
    *ret = strtol(text, &end, 10);
    return *text && !*end && *ret > 0 && *ret <= 100000000;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"objects", required_argument, NULL, 'o'}, {"edits", required_argument, NULL, 'e'},
        {"principals", required_argument, NULL, 'p'}, {"dir", required_argument, NULL, 'd'},
        {NULL, 0, NULL, 0}};
    struct bench b = {.objects = 10000000, .edits = 1000, .principals = 200};
    const char *dir = feed_parent();
    bool good = true;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (c) {
        case 'o': good = good && number(optarg, &b.objects); break;
        case 'e': good = good && number(optarg, &b.edits); break;
        case 'p': good = good && number(optarg, &b.principals); break;
        case 'd': dir = optarg; break;
        default: good = false;
        }
    if (!good || optind < argc) {
        fprintf(stderr, "usage: %s [--objects N] [--edits N] [--principals N] [--dir FOLDER]\n",
                argv[0]);
        return 2;
    }
    struct err e;
    printf("# %ld objects, %ld edits, %ld principals\n", b.objects, b.edits, b.principals);
    int r = feed_open(&b.feed, dir, &e);
    if (r == 0)
        r = make_lake(&b, &e);
    if (r == 0)
        r = measure(&b, &e);
    if (r < 0)
        fprintf(stderr, "%s: %s\n", argv[0], e.text);
    free(b.ids);
    feed_close(&b.feed);
    return r < 0;
}
