/* tools/cmd_cache_warm.c - cache warm: the objects of an edit into a cache, before anybody reads them. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <roaring/roaring.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "fs/cache/disk_cache.h"
#include "fs/fuse/cache_keep.h"
#include "fs/fuse/mount_daemon.h"
#include "fs/lake/lake.h"
#include "fs/store/store.h"
#include "policy/index.h"
#include "policy/principals.h"
#include "policy/visible.h"
#include "tools/cli.h"

#define JOBS 8
#define PART_BYTES ((size_t)2 << 20)
/* Twice as many would not all be kept: what is written still counts for a moment longer. */
#define JOBS_MOST ((int)(DISK_CACHE_FILL_BYTES / PART_BYTES / 2))
#define LOOK_MS 200
#define AGAIN_MAX 64 /* objects that are fetched once more, as a mount that was writing kept us out */

struct object {
    char *key, *etag;
    uint64_t size;
};

struct warm {
    const char *edit;
    char principal[PRINCIPAL_MAX]; /* "": nobody's view, all of the edit */
    int jobs;
    struct disk_cache_options disk;

    struct lake *lake;
    struct index_lake facts;
    struct disk_cache *cache;
    struct store *store; /* of the lake, through the cache */
    struct object *objects;
    size_t n, room;
    uint64_t bytes;

    pthread_mutex_t lock; /* guards what follows */
    size_t next, n_there, n_fetched, n_gone, n_again;
    uint64_t done_bytes, fetched_bytes;
    int failed; /* a negative errno: all stop */
    struct err why;
    int working;
};

static atomic_bool interrupted;

static void on_signal(int sig)
{
    (void)sig;
    interrupted = true;
}

static void warm_done(struct warm *w)
{
    for (size_t i = 0; i < w->n; i++) {
        free(w->objects[i].key);
        free(w->objects[i].etag);
    }
    free(w->objects);
    store_close(w->store);
    disk_cache_close(w->cache);
    lake_close(w->lake);
    pthread_mutex_destroy(&w->lock);
}

/* ---- what ------------------------------------------------------------------------------------ */

struct collect {
    struct warm *w;
    struct index_read *rd;
};

static int collect_object(void *arg, const struct node *n, struct err *e)
{
    struct collect *col = arg;
    struct warm *w = col->w;
    AUTO(buf) struct buf key = {0};
    if (n->is_dir || n->is_link || n->target != NODE_NONE || n->size == 0)
        return 0; /* names below edits/ stand for objects that are members themselves */
    int r = index_object_key(col->rd, n, &key, e);
    if (r < 0)
        return r;
    if (w->n == w->room)
        w->objects = xrealloc(w->objects, w->room = w->room ? 2 * w->room : 1024, sizeof *w->objects);
    w->objects[w->n++] = (struct object){buf_take(&key), xstrdup(n->etag), n->size};
    w->bytes += n->size;
    return 0;
}

/* Leaves of `set` what the principal may open. */
static int narrow(struct cli *c, struct warm *w, struct index_read *rd, roaring_bitmap_t *set,
                  struct err *e)
{
    AUTO(principals) struct principals *people = NULL;
    AUTO(visible) struct visible v = {0};
    AUTO(who) struct who who = {0};
    if (!*w->principal)
        return 0;
    int r = cli_principals(c, &people, e);
    if (r < 0)
        return r;
    principals_expand(people, w->principal, &who);
    if ((r = visible_compute(rd, &who, clock_wall(), &v, e)) < 0)
        return r;
    roaring_bitmap_and_inplace(set, v.nodes);
    if (v.closed)
        roaring_bitmap_andnot_inplace(set, v.closed);
    return 0;
}

/* -ENOENT: no such edit, or none that shows anything. */
static int collect(struct cli *c, struct warm *w, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(edit) struct edit ed = {0};
    roaring_bitmap_t *set = NULL;
    int r = index_read_begin(w->lake->index, &rd, e);
    if (r == 0)
        r = index_lake(rd, &w->facts, e);
    if (r == 0)
        r = index_edit(rd, w->edit, &ed, e);
    if (r == 0 && ed.state != EDIT_ENABLED)
        r = err_set(e, -ENOENT, "edit %s is %s: it shows nothing", w->edit,
                    edit_state_name(ed.state));
    AUTO(free) char *label = xasprintf("edit:%s", w->edit);
    if (r < 0 || (r = index_label(rd, label, &set, e)) < 0)
        return r;
    struct collect col = {w, rd};
    r = narrow(c, w, rd, set, e);
    if (r == 0)
        r = index_nodes(rd, set, collect_object, &col, e);
    roaring_bitmap_free(set);
    return r;
}

/* ---- fetching -------------------------------------------------------------------------------- */

static bool must_stop(struct warm *w)
{
    LOCKED(&w->lock);
    return interrupted || w->failed < 0;
}

/* -ECANCELED where all stop. */
static int fetch(struct warm *w, const struct object *o, char *room, struct err *e)
{
    for (uint64_t at = 0; at < o->size;) {
        size_t n = o->size - at < PART_BYTES ? (size_t)(o->size - at) : PART_BYTES;
        if (must_stop(w))
            return err_set(e, -ECANCELED, "interrupted");
        int r = store_read_wait(w->store, o->key, o->etag, at, n, room, e);
        if (r < 0)
            return r;
        at += n;
        LOCKED(&w->lock);
        w->done_bytes += n;
    }
    return 0;
}

/* One that changed since the last scan is nothing to stop for. */
static void note(struct warm *w, const struct object *o, int r, bool was_there, const struct err *e)
{
    LOCKED(&w->lock);
    if (r == 0 && was_there)
        w->done_bytes += o->size;
    if (r == 0 && was_there)
        w->n_there++;
    else if (r == 0)
        w->n_fetched++, w->fetched_bytes += o->size;
    else if (r == -ESTALE || r == -ENOENT)
        w->n_gone++;
    else if (r != -ECANCELED && w->failed == 0)
        w->failed = err_set(&w->why, r, "read '%s': %s", o->key, e->text);
}

/* Not where the disk is full: then no try is. */
static bool is_worth_another_try(struct warm *w, const struct object *o)
{
    if (disk_cache_has_all(w->cache, o->key, o->etag, o->size))
        return false;
    LOCKED(&w->lock);
    if (w->n_again == AGAIN_MAX)
        return false;
    w->n_again++;
    w->done_bytes -= o->size;
    return true;
}

static void *work(void *arg)
{
    struct warm *w = arg;
    char *room = xcalloc(1, PART_BYTES);
    for (;;) {
        struct err e;
        pthread_mutex_lock(&w->lock);
        bool over = interrupted || w->failed < 0 || w->next == w->n;
        const struct object *o = over ? NULL : &w->objects[w->next++];
        pthread_mutex_unlock(&w->lock);
        if (!o)
            break;
        bool was_there = disk_cache_has_all(w->cache, o->key, o->etag, o->size);
        int r = was_there ? 0 : fetch(w, o, room, &e);
        if (r == 0 && !was_there && is_worth_another_try(w, o))
            r = fetch(w, o, room, &e);
        note(w, o, r, was_there, &e);
    }
    explicit_bzero(room, PART_BYTES);
    free(room);
    LOCKED(&w->lock);
    w->working--;
    return NULL;
}

static void show_progress(struct warm *w)
{
    char what[100];
    pthread_mutex_lock(&w->lock);
    uint64_t done = w->done_bytes;
    snprintf(what, sizeof what, "warming: %zu of %zu objects, bytes", w->n_there + w->n_fetched, w->n);
    pthread_mutex_unlock(&w->lock);
    cli_progress(NULL, what, done, w->bytes);
}

static int fetch_all(struct warm *w, struct err *e)
{
    pthread_t thread[JOBS_MOST];
    sigset_t mask, old;
    int n = 0, r = 0;
    sigfillset(&mask);
    pthread_sigmask(SIG_SETMASK, &mask, &old);
    for (; n < w->jobs && r == 0; n += r == 0) {
        pthread_mutex_lock(&w->lock);
        w->working++;
        pthread_mutex_unlock(&w->lock);
        r = pthread_create(&thread[n], NULL, work, w);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    for (bool working = n > 0; working;) {
        struct timespec t = {.tv_nsec = LOOK_MS * 1000000L};
        nanosleep(&t, NULL);
        show_progress(w);
        LOCKED(&w->lock);
        working = w->working > (r != 0);
    }
    for (int i = 0; i < n; i++)
        pthread_join(thread[i], NULL);
    cli_progress_end();
    if (n == 0)
        return err_errno(e, -r, "start a thread");
    if (w->failed < 0)
        *e = w->why;
    return w->failed;
}

/* ---- the verb -------------------------------------------------------------------------------- */

static int parse(struct cli *c, int argc, char **argv, struct warm *w)
{
    static const struct option options[] = {{"cache", required_argument, NULL, 'd'},
                                            {"cache-size", required_argument, NULL, 's'},
                                            {"cache-key", required_argument, NULL, 'k'},
                                            {"as", required_argument, NULL, 'a'},
                                            {"jobs", required_argument, NULL, 'j'},
                                            {0}};
    struct err e;
    opterr = 0;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == '?' || !*optarg)
            return cli_usage(c, "unknown option or missing value: %s", argv[optind - 1]);
        if (o == 'd')
            w->disk.dir = optarg;
        if (o == 'k')
            w->disk.key_path = optarg;
        if (o == 's' && (!cli_size(optarg, &w->disk.size_bytes) ||
                         w->disk.size_bytes < DISK_CACHE_SIZE_MIN_BYTES))
            return cli_usage(c, "--cache-size takes a size of at least 64M, like 100G");
        if (o == 'a' && principal_parse(optarg, w->principal, &e) < 0)
            return cli_usage(c, "%s", e.text);
        if (o == 'j' && !cli_number(optarg, 1, JOBS_MOST, &w->jobs))
            return cli_usage(c, "--jobs takes a number from 1 to %d", JOBS_MOST);
    }
    if (argc - optind != 1)
        return cli_usage(c, "cache warm takes one EDIT");
    if (!w->disk.dir)
        return cli_usage(c, "which cache? --cache DIR");
    w->edit = argv[optind];
    return 0;
}

/* How much the cache will hold: what was asked for, else what is there. */
static int room_of(const struct warm *w, uint64_t *ret, struct err *e)
{
    struct disk_cache_options o = w->disk;
    struct disk_cache *dc = NULL;
    struct disk_cache_stats st;
    *ret = o.size_bytes ? o.size_bytes : DISK_CACHE_SIZE_BYTES;
    o.only_existing = true;
    if (o.size_bytes || disk_cache_open(&o, &dc, e) < 0)
        return 0; /* where it cannot be opened at all, the real open says so */
    int r = disk_cache_stats(dc, &st, e);
    disk_cache_close(dc);
    *ret = st.size_bytes;
    return r;
}

/* An edit that does not fit is refused before a cache is made for it, or made anew in another size. */
static int open_cache(struct warm *w, struct err *e)
{
    uint64_t room;
    AUTO(free) char *real = cli_real_path(w->disk.dir);
    int r = cli_must_be_outside(w->lake, "cache", real, e);
    if (r < 0 || (r = room_of(w, &room, e)) < 0)
        return r;
    if (w->bytes > room)
        return err_set(e, -ENOSPC, "edit %s has %" PRIu64 " bytes, the cache '%s' room for %" PRIu64
                       ": give it more with --cache-size", w->edit, w->bytes, w->disk.dir, room);
    if ((r = disk_cache_open(&w->disk, &w->cache, e)) < 0)
        return r;
    w->store = disk_store_new(w->cache, w->lake->store);
    return 0;
}

/* So that the next mount does not take it for what nobody may see. */
static int keep(struct warm *w, struct err *e)
{
    AUTO(free) char *label = xasprintf("edit:%s", w->edit);
    bool is_theirs = *w->principal;
    json_auto_t *names = json_pack("[s]", is_theirs ? w->principal : label);
    int64_t until = clock_wall() + (is_theirs ? CACHE_KEEP_PRINCIPAL_S : CACHE_KEEP_EDIT_S);
    return cache_keep_note(w->disk.dir, w->facts.id, names, until, e);
}

/* What is there now: of more than the cache has room for in one place, some is displaced again. */
static size_t count_kept(struct warm *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++)
        n += disk_cache_has_all(w->cache, w->objects[i].key, w->objects[i].etag, w->objects[i].size);
    return n;
}

static int report(struct cli *c, struct warm *w, size_t kept)
{
    struct disk_cache_stats st;
    struct err e;
    if (c->json)
        cli_print_json(json_pack("{ss sI sI sI sI sI sI sI sb}", "edit", w->edit, "objects",
                                 (json_int_t)w->n, "bytes", (json_int_t)w->bytes, "there",
                                 (json_int_t)w->n_there, "fetched", (json_int_t)w->n_fetched,
                                 "fetched_bytes", (json_int_t)w->fetched_bytes, "changed",
                                 (json_int_t)w->n_gone, "kept", (json_int_t)kept, "interrupted",
                                 (int)interrupted));
    else
        printf("%zu of %zu objects are in the cache: %zu were there, %zu fetched (%" PRIu64
               " bytes)\n",
               kept, w->n, w->n_there, w->n_fetched, w->fetched_bytes);
    if (interrupted) {
        fputs("shotlake: interrupted: run it again to go on\n", stderr);
        return CLI_FAILED;
    }
    if (w->n_gone > 0)
        fprintf(stderr, "shotlake: %zu objects are not those of the last scan: run 'scan'\n",
                w->n_gone);
    if (kept + w->n_gone < w->n)
        fprintf(stderr, "shotlake: %zu objects are not wholly kept: %s\n", w->n - kept - w->n_gone,
                disk_cache_stats(w->cache, &st, &e) == 0 && st.write_errors > 0
                    ? "their disk is full, or fails"
                    : "give the cache more room");
    return kept < w->n ? CLI_MISSING : CLI_DONE;
}

int cmd_cache_warm(struct cli *c, int argc, char **argv)
{
    struct warm w = {.jobs = JOBS};
    struct sigaction on = {.sa_handler = on_signal};
    struct err e;
    int r = parse(c, argc, argv, &w);
    if (r != 0)
        return r;
    AUTO(free) char *dir = cli_absolute(w.disk.dir);
    AUTO(free) char *key = cli_cache_key_path(c, w.disk.key_path);
    w.disk.dir = dir;
    w.disk.key_path = key;
    pthread_mutex_init(&w.lock, NULL);
    mount_daemon_harden(); /* it has the cache's key in memory, too */
    r = cli_lake_synced(c, &w.lake, &e);
    if (r == 0 && (r = collect(c, &w, &e)) == -ENOENT) {
        warm_done(&w);
        return cli_unknown("%s", e.text);
    }
    if (r == 0)
        r = open_cache(&w, &e);
    if (r == 0)
        r = keep(&w, &e);
    sigaction(SIGINT, &on, NULL);
    sigaction(SIGTERM, &on, NULL);
    if (r == 0)
        r = fetch_all(&w, &e);
    int status = r < 0 ? cli_fail(&e) : report(c, &w, count_kept(&w));
    warm_done(&w);
    return status;
}
