/* fs/fuse/cache_guard.c - takes out of the cache on disk what nobody here may see any more. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/cache_guard.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <roaring/roaring.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/when.h"
#include "fs/cache/disk_cache.h"
#include "fs/cache/disk_names.h"
#include "fs/fuse/cache_keep.h"
#include "fs/fuse/mount_state.h"
#include "fs/lake/lake.h"
#include "fs/view/view.h"
#include "policy/index.h"
#include "policy/principals.h"
#include "policy/visible.h"

#define TAG "cache"
#define TICK_MS 1000
/* Reads of other processes that were under way when an object was erased may have brought it back. By
 * then they are answered, or have run into the store's deadline. */
#define SETTLE_S 120
#define SWEEP_S 86400      /* for what came and went between two looks */
#define KEEP_AGAIN_S 86400 /* how often it is noted that a principal uses the cache still */

struct cache_guard {
    struct cache_guard_options o;
    char *dir, *principals_path;
    struct index_lake lake;
    pthread_t thread;

    /* The thread's own. */
    roaring_bitmap_t *before; /* what principals could open at the last look; NULL: none yet */
    roaring_bitmap_t *warmed; /* what was warmed then; likewise */
    uint64_t round;           /* of the views at the last look */
    int64_t next;             /* look by then, whatever happens */
    int64_t sweep_at;         /* and at everything that the cache holds */
    int64_t settled_at;       /* and then, for what was brought back */
    int64_t last_s;
    bool failed;

    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool stop, wake;
};

/* What may be opened, by whom. */
struct look {
    struct cache_guard *g;
    int64_t now, next;          /* moments; `next`: when the clock changes the answer */
    roaring_bitmap_t *open;     /* by principals */
    roaring_bitmap_t *warmed;   /* through edits that were warmed */
    json_t *names, *noted;      /* of the views that are there; {name: until} of the list */
};

static void look_done(struct look *l)
{
    roaring_bitmap_free(l->open);
    roaring_bitmap_free(l->warmed);
    json_decref(l->names);
    json_decref(l->noted);
}

/* ---- what is kept ---------------------------------------------------------------------------- */

static void add_view(void *arg, const struct seen *s)
{
    struct look *l = arg;
    view_add_open(s->view, l->open);
    if (view_next_change(s->view) < l->next)
        l->next = view_next_change(s->view);
    if (s->who.n > 0)
        json_array_append_new(l->names, json_string(s->who.as[0]));
}

/* A principal that used the cache before, by what the principals file says of it now. One whose
 * sessions saw more, by their token, loses that with its last session: it is fetched again. */
static int add_principal(struct look *l, struct index_read *rd, const struct principals *people,
                         const char *name, struct err *e)
{
    AUTO(visible) struct visible v = {0};
    AUTO(who) struct who who = {0};
    principals_expand(people, name, &who);
    who.address = l->g->o.address;
    int r = who.n > 0 ? visible_compute(rd, &who, l->now, &v, e) : 0;
    if (r < 0 || !v.nodes)
        return r;
    if (v.closed)
        roaring_bitmap_andnot_inplace(v.nodes, v.closed);
    roaring_bitmap_or_inplace(l->open, v.nodes);
    if (v.next_change < l->next)
        l->next = v.next_change;
    return 0;
}

static int add_edit(struct look *l, struct index_read *rd, const char *label, struct err *e)
{
    AUTO(edit) struct edit ed = {0};
    roaring_bitmap_t *set = NULL;
    int r = index_edit(rd, label + strlen("edit:"), &ed, e);
    if (r == -ENOENT || (r == 0 && ed.state != EDIT_ENABLED))
        return 0;
    if (r < 0 || (r = index_label(rd, label, &set, e)) < 0)
        return r;
    roaring_bitmap_or_inplace(l->warmed, set);
    roaring_bitmap_free(set);
    return 0;
}

static int add_noted(struct look *l, struct index_read *rd, struct err *e)
{
    AUTO(principals) struct principals *people = NULL;
    const char *name;
    json_t *until;
    int r = principals_load(l->g->principals_path, /* may_be_absent= */ true, &people, e);
    json_object_foreach(l->noted, name, until) {
        bool is_edit = strncmp(name, "edit:", 5) == 0;
        if (r == 0)
            r = is_edit ? add_edit(l, rd, name, e) : add_principal(l, rd, people, name, e);
        if (json_integer_value(until) < l->next)
            l->next = json_integer_value(until);
    }
    return r;
}

/* Notes who uses the cache, once a day. */
static void note_users(const struct look *l)
{
    json_auto_t *late = json_array();
    int64_t until = l->now + CACHE_KEEP_PRINCIPAL_S;
    size_t i;
    json_t *name;
    struct err e;
    json_array_foreach(l->names, i, name) {
        const json_t *old = json_object_get(l->noted, json_string_value(name));
        if (!old || json_integer_value(old) < until - KEEP_AGAIN_S)
            json_array_append(late, name);
    }
    if (json_array_size(late) > 0 &&
        cache_keep_note(l->g->dir, l->g->lake.id, late, until, &e) < 0)
        log_debug(TAG, "%s", e.text);
}

/* ---- what goes ------------------------------------------------------------------------------- */

struct sweep {
    struct cache_guard *g;
    struct index_read *rd;
    struct disk_names *names; /* NULL: erase without a look whether there is anything */
    struct look *l;
    struct buf key;
    uint64_t erased;
    bool keeps; /* these stay */
    int failed; /* the first that could not be erased; the others are, all the same */
    struct err why;
};

static int sweep_node(void *arg, const struct node *n, struct err *e)
{
    struct sweep *s = arg;
    if (n->is_dir || n->is_link)
        return 0;
    /* Another name of what may be opened by its own is no reason to fetch that again. */
    if (!s->keeps && n->target != NODE_NONE && roaring_bitmap_contains(s->l->open, n->target))
        return 0;
    buf_clear(&s->key);
    int r = index_object_key(s->rd, n, &s->key, e);
    if (r < 0)
        return r;
    bool is_there = !s->names || disk_names_take(s->names, buf_str(&s->key));
    if (s->keeps || !is_there)
        return 0;
    s->erased++;
    struct err why;
    r = disk_cache_erase_soon(s->g->o.disk, buf_str(&s->key), /* etag= */ NULL, &why);
    if (r < 0 && s->failed == 0) {
        s->failed = r;
        s->why = why;
    }
    return 0;
}

/* What was erased is so on the disk; then what could not be is told. */
static int settle(const struct sweep *s, struct err *e)
{
    int r = disk_cache_sync(s->g->o.disk, e);
    if (r == 0 && s->failed < 0)
        *e = s->why;
    return r < 0 ? r : s->failed;
}

static int erase_lost(struct sweep *s, const roaring_bitmap_t *lost, struct err *e)
{
    int r = index_nodes(s->rd, lost, sweep_node, s, e);
    return r < 0 ? r : settle(s, e);
}

/* Everything of this lake that the cache holds: first what stays is taken from the list, so that the
 * lake is walked only where something is left. What stays there then is another lake's. */
static int erase_unseen(struct sweep *s, struct err *e)
{
    int r = disk_names_new(s->g->o.disk, &s->names, e);
    roaring_bitmap_t *kept = roaring_bitmap_or(s->l->open, s->l->warmed);
    s->keeps = true;
    if (r == 0 && disk_names_left(s->names) > 0)
        r = index_nodes(s->rd, kept, sweep_node, s, e);
    roaring_bitmap_free(kept);
    s->keeps = false;
    for (node_id id = NODE_ROOT; r == 0 && disk_names_left(s->names) > 0; id++) {
        struct node n;
        r = index_node(s->rd, id, &n, e);
        if (r == -ENOENT) { /* the last one was before it */
            r = 0;
            break;
        }
        if (r == 0)
            r = sweep_node(s, &n, e);
    }
    disk_names_free(TAKE(s->names));
    return r == 0 && s->erased > 0 ? settle(s, e) : r;
}

/* What was warmed is kept for a while only, and as long as its edit is there. */
static bool warmed_less(const struct cache_guard *g, const struct look *l)
{
    if (!g->warmed)
        return false;
    roaring_bitmap_t *less = roaring_bitmap_andnot(g->warmed, l->warmed);
    roaring_bitmap_andnot_inplace(less, l->open);
    bool is_less = !roaring_bitmap_is_empty(less);
    roaring_bitmap_free(less);
    return is_less;
}

static int erase(struct cache_guard *g, struct look *l, struct index_read *rd, struct err *e)
{
    struct sweep s = {.g = g, .rd = rd, .l = l};
    roaring_bitmap_t *lost = g->before ? roaring_bitmap_andnot(g->before, l->open) : NULL;
    int r = 0;
    if (lost && !roaring_bitmap_is_empty(lost)) {
        r = erase_lost(&s, lost, e);
        g->settled_at = l->now + SETTLE_S;
    }
    if (lost)
        roaring_bitmap_free(lost);
    if (g->settled_at > l->now && g->sweep_at > g->settled_at)
        g->sweep_at = g->settled_at;
    if (warmed_less(g, l))
        g->sweep_at = l->now;
    if (r == 0 && l->now >= g->sweep_at) {
        r = erase_unseen(&s, e);
        if (r == 0)
            g->sweep_at = g->settled_at > l->now ? g->settled_at : l->now + SWEEP_S;
    }
    if (s.erased > 0)
        log_info(TAG, "nothing is kept any more of what nobody here may see objects=%llu",
                 (unsigned long long)s.erased);
    buf_done(&s.key);
    return r;
}

static void replace(roaring_bitmap_t **set, const roaring_bitmap_t *by)
{
    if (*set)
        roaring_bitmap_free(*set);
    *set = by ? roaring_bitmap_copy(by) : NULL;
}

static int look(struct cache_guard *g, struct look *l, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    uint64_t round = mount_state_round(g->o.state);
    if (mount_state_each(g->o.state, add_view, l) < 0)
        return 0; /* the policy is unknown: wait */
    int r = index_read_begin(g->o.lake->index, &rd, e);
    if (r == 0)
        r = add_noted(l, rd, e);
    if (r == 0)
        r = erase(g, l, rd, e);
    if (r < 0)
        return r;
    replace(&g->before, l->open);
    replace(&g->warmed, l->warmed);
    g->round = round;
    g->next = l->next < g->sweep_at ? l->next : g->sweep_at;
    note_users(l);
    return 0;
}

static bool is_due(const struct cache_guard *g, int64_t now)
{
    return !g->before || mount_state_round(g->o.state) != g->round || now >= g->next ||
           now < g->last_s; /* the clock was set back */
}

static void tick(struct cache_guard *g)
{
    struct err e;
    int64_t now = clock_wall();
    if (!is_due(g, now))
        return;
    g->last_s = now;
    struct look l = {.g = g,
                     .now = now,
                     .next = WHEN_NEVER,
                     .open = roaring_bitmap_create(),
                     .warmed = roaring_bitmap_create(),
                     .names = json_array(),
                     .noted = cache_keep_names(g->dir, g->lake.id, now)};
    int r = look(g, &l, &e);
    if (r < 0 && !g->failed)
        log_warn(TAG, "cannot erase what was revoked: %s", e.text);
    g->failed = r < 0;
    look_done(&l);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void *run(void *arg)
{
    struct cache_guard *g = arg;
    pthread_mutex_lock(&g->lock);
    while (!g->stop) {
        g->wake = false;
        pthread_mutex_unlock(&g->lock);
        tick(g);
        pthread_mutex_lock(&g->lock);
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        t.tv_sec += TICK_MS / 1000;
        if (!g->stop && !g->wake)
            pthread_cond_timedwait(&g->cond, &g->lock, &t);
    }
    pthread_mutex_unlock(&g->lock);
    return NULL;
}

static void destroy(struct cache_guard *g)
{
    replace(&g->before, NULL);
    replace(&g->warmed, NULL);
    pthread_cond_destroy(&g->cond);
    pthread_mutex_destroy(&g->lock);
    free(g->dir);
    free(g->principals_path);
    free(g);
}

int cache_guard_start(const struct cache_guard_options *o, struct cache_guard **ret, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    struct index_lake lake;
    int r = index_read_begin(o->lake->index, &rd, e);
    if (r < 0 || (r = index_lake(rd, &lake, e)) < 0)
        return r;
    struct cache_guard *g = xcalloc(1, sizeof *g);
    pthread_condattr_t attr;
    sigset_t all, old;
    g->o = *o;
    g->lake = lake;
    g->dir = xstrdup(o->dir);
    g->principals_path = xstrdup(o->principals_path);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&g->cond, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&g->lock, NULL);

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    r = pthread_create(&g->thread, NULL, run, g);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (r != 0) {
        destroy(g);
        return err_errno(e, -r, "start the thread that guards the cache");
    }
    *ret = g;
    return 0;
}

void cache_guard_wake(struct cache_guard *g)
{
    if (!g)
        return;
    LOCKED(&g->lock);
    g->wake = true;
    pthread_cond_signal(&g->cond);
}

void cache_guard_stop(struct cache_guard *g)
{
    if (!g)
        return;
    pthread_mutex_lock(&g->lock);
    g->stop = true;
    pthread_cond_signal(&g->cond);
    pthread_mutex_unlock(&g->lock);
    pthread_join(g->thread, NULL);
    destroy(g);
}
