/* fs/fuse/mount_state.c - the views a mount shows, and what the kernel knows of them. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/mount_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/when.h"
#include "fs/fuse/file_mark.h"
#include "fs/fuse/logins.h"
#include "fs/lake/lake.h"
#include "fs/view/inode.h"
#include "fs/view/view.h"
#include "policy/index.h"

#define TAG "mount"
#define NEVER_CONFIRMED INT64_MIN

/* One identity and what it sees. Two sessions of one principal may be narrowed differently, so each
 * has a view of its own. */
struct entry {
    char *principal;     /* of the mount or of the principals file; NULL: a session's */
    struct login *login; /* a reference; NULL: no session's */
    struct seen *seen;
};

struct mount_state {
    struct lake *lake;
    struct index_lake facts;
    char *principal, *principals_path;
    bool principals_must_exist, sessions_only;
    int64_t max_stale_ms, started_ns;
    struct logins *logins;

    /* Held while views are computed: so a view that a new caller asks for and a replacement of all
     * never miss each other. Taken before `lock`. */
    pthread_mutex_t compute;
    struct file_mark mark;
    struct mount_change pending; /* of replacements that an operation made */
    struct seen_source source;   /* its `principals` are guarded by `lock`, too */

    pthread_mutex_t lock; /* guards what follows; never held while something is read */
    struct entry *entries; /* changed with both locks held */
    size_t n;
    struct seen *nobody, *stale_seen;
    bool is_stale;
    uint64_t seq;
    int64_t next_change, computed_at;
    char why[200]; /* nothing is shown; empty otherwise */
    _Atomic uint64_t round; /* how often views were replaced or added */

    _Atomic int64_t confirmed_ms;

    pthread_mutex_t known_lock;
    roaring_bitmap_t *known, *opened;
    /* Inode numbers given out for content that is newer than the view it was looked up in: the
     * index was ahead for a moment. */
    struct mount_change strays;
};

/* ---- life ---------------------------------------------------------------------------------- */

int mount_state_new(struct lake *lake, const struct mount_options *o, struct mount_state **ret,
                    struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    struct index_lake facts;
    int r = index_read_begin(lake->index, &rd, e);
    if (r == 0)
        r = index_lake(rd, &facts, e);
    if (r < 0)
        return r;

    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    struct mount_state *ms = xcalloc(1, sizeof *ms);
    ms->lake = lake;
    ms->facts = facts;
    ms->principal = o->principal ? xstrdup(o->principal) : NULL;
    ms->principals_path = xstrdup(o->principals_path);
    ms->principals_must_exist = o->principals_must_exist;
    ms->max_stale_ms = o->max_stale_ms;
    ms->sessions_only = o->sessions_only;
    ms->logins = o->logins;
    ms->source.address = o->address;
    ms->started_ns = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    ms->confirmed_ms = NEVER_CONFIRMED;
    ms->is_stale = true;
    ms->next_change = WHEN_NEVER;
    ms->nobody = seen_new(view_empty(), /* stale= */ false);
    ms->stale_seen = seen_new(view_empty(), /* stale= */ true);
    ms->known = roaring_bitmap_create();
    ms->opened = roaring_bitmap_create();
    mount_change_init(&ms->pending);
    mount_change_init(&ms->strays);
    pthread_mutex_init(&ms->lock, NULL);
    pthread_mutex_init(&ms->compute, NULL);
    pthread_mutex_init(&ms->known_lock, NULL);
    if (ms->principal) {
        ms->entries = xcalloc(1, sizeof *ms->entries);
        ms->entries[0] = (struct entry){.principal = xstrdup(ms->principal),
                                          .seen = seen_ref(ms->stale_seen)};
        ms->n = 1;
    }
    *ret = ms;
    return 0;
}

static void entry_done(struct entry *entry)
{
    free(entry->principal);
    login_unref(entry->login);
    seen_unref(entry->seen);
}

void mount_state_free(struct mount_state *ms)
{
    if (!ms)
        return;
    for (size_t i = 0; i < ms->n; i++)
        entry_done(&ms->entries[i]);
    free(ms->entries);
    seen_source_done(&ms->source);
    seen_unref(ms->nobody);
    seen_unref(ms->stale_seen);
    principals_free(ms->source.principals);
    roaring_bitmap_free(ms->known);
    roaring_bitmap_free(ms->opened);
    mount_change_done(&ms->strays);
    mount_change_done(&ms->pending);
    pthread_mutex_destroy(&ms->lock);
    pthread_mutex_destroy(&ms->compute);
    pthread_mutex_destroy(&ms->known_lock);
    free(ms->principal);
    free(ms->principals_path);
    free(ms);
}

bool mount_state_is_per_caller(const struct mount_state *ms)
{
    return !ms->principal;
}

const char *mount_state_principal(const struct mount_state *ms)
{
    return ms->principal;
}

const uint8_t *mount_state_node_key(const struct mount_state *ms)
{
    return ms->facts.node_key;
}

struct index *mount_state_index(const struct mount_state *ms)
{
    return ms->lake->index;
}

int64_t mount_state_started_ns(const struct mount_state *ms)
{
    return ms->started_ns;
}

/* ---- who sees what ------------------------------------------------------------------------- */

static bool is_overdue(struct mount_state *ms)
{
    int64_t at = atomic_load(&ms->confirmed_ms);
    return at == NEVER_CONFIRMED || clock_mono_ms() - at > ms->max_stale_ms;
}

void mount_state_confirm(struct mount_state *ms, int64_t mono_ms)
{
    atomic_store(&ms->confirmed_ms, mono_ms);
}

/* Lock held. Of a session where `login` is not NULL, else of `principal`. */
static struct entry *find_entry(struct mount_state *ms, const char *principal,
                                const struct login *login)
{
    for (size_t i = 0; i < ms->n; i++) {
        const struct entry *at = &ms->entries[i];
        if (login ? at->login == login : at->principal && !strcmp(at->principal, principal))
            return &ms->entries[i];
    }
    return NULL;
}

/* A view for a caller that was not seen before. Holds `compute`, so no replacement comes between
 * the reading and the adding. */
static struct seen *add_caller(struct mount_state *ms, const char *principal, struct login *login)
{
    AUTO(index_read) struct index_read *rd = NULL;
    struct seen *s = NULL;
    struct err e;

    LOCKED(&ms->compute);
    pthread_mutex_lock(&ms->lock);
    struct entry *found = find_entry(ms, principal, login);
    if (found)
        s = seen_ref(found->seen);
    pthread_mutex_unlock(&ms->lock);
    if (s)
        return s;

    int64_t now = clock_wall();
    AUTO(free) struct seen **made = xcalloc(ms->n + 1, sizeof(struct seen *));
    for (size_t i = 0; i < ms->n; i++)
        made[i] = ms->entries[i].seen;
    int r = index_read_begin(ms->lake->index, &rd, &e);
    if (r == 0)
        r = seen_compute(&ms->source, rd, principal, login, now, made, ms->n, &s, &e);
    if (r < 0) {
        log_error(TAG, "%s", e.text);
        return seen_ref(ms->stale_seen);
    }
    LOCKED(&ms->lock);
    ms->entries = xrealloc(ms->entries, ms->n + 1, sizeof *ms->entries);
    ms->entries[ms->n++] = (struct entry){.principal = login ? NULL : xstrdup(principal),
                                          .login = login ? login_ref(login) : NULL,
                                          .seen = seen_ref(s)};
    ms->round++;
    if (view_next_change(s->view) < ms->next_change)
        ms->next_change = view_next_change(s->view);
    if (now > ms->computed_at) /* a clock that is set back behind this is noticed */
        ms->computed_at = now;
    return s;
}

/* Lock held. Of the mount, or what the principals file says of a uid. NULL: nobody. */
static const char *listed_principal(const struct mount_state *ms, uid_t uid)
{
    if (ms->principal)
        return ms->principal;
    return ms->sessions_only ? NULL : principals_by_uid(ms->source.principals, uid);
}

struct seen *mount_state_get(struct mount_state *ms, uid_t uid)
{
    AUTO(login) struct login *login = ms->logins ? logins_get(ms->logins, uid) : NULL;
    char name[PRINCIPAL_MAX] = "";
    bool overdue = is_overdue(ms);

    pthread_mutex_lock(&ms->lock);
    const char *who = login ? NULL : listed_principal(ms, uid);
    struct entry *entry = login || who ? find_entry(ms, who, login) : NULL;
    struct seen *s = NULL;
    if (overdue || ms->is_stale)
        s = seen_ref(ms->stale_seen);
    else if (!login && !who)
        s = seen_ref(ms->nobody);
    else if (entry)
        s = seen_ref(entry->seen);
    else if (who)
        snprintf(name, sizeof name, "%s", who);
    pthread_mutex_unlock(&ms->lock);
    return s ? s : add_caller(ms, name, login);
}

void mount_state_touch(struct mount_state *ms, uid_t uid)
{
    if (ms->logins)
        logins_touch(ms->logins, uid);
}

bool mount_state_principal_of(struct mount_state *ms, uid_t uid, char ret[PRINCIPAL_MAX])
{
    LOCKED(&ms->lock);
    const char *name = listed_principal(ms, uid);
    if (name)
        snprintf(ret, PRINCIPAL_MAX, "%s", name);
    return name != NULL;
}

bool mount_state_is_current(struct mount_state *ms, uid_t uid, const struct seen *s)
{
    AUTO(seen) struct seen *now = mount_state_get(ms, uid);
    return now == s;
}

void mount_state_note_known(struct mount_state *ms, const struct seen *s, const struct node *n)
{
    uint32_t version = view_version_of(n);
    bool is_stray = version != view_version(s->view, n->id);
    LOCKED(&ms->known_lock);
    roaring_bitmap_add(ms->known, n->id);
    if (is_stray)
        mount_change_add_inode(&ms->strays,
                               inode_of_version(ms->facts.node_key, n->id, version));
}

void mount_state_note_opened(struct mount_state *ms, node_id id)
{
    LOCKED(&ms->known_lock);
    roaring_bitmap_add(ms->opened, id);
}

/* ---- replacing views ----------------------------------------------------------------------- */

/* Reads the principals file again where it changed: 1; 0: as it was. A file that cannot be read
 * grants nothing: the error makes the mount stale until the file is right again. */
static int reload_principals(struct mount_state *ms, struct err *e)
{
    struct file_mark mark = file_mark_of(ms->principals_path);
    if (ms->source.principals && file_mark_same(&mark, &ms->mark))
        return 0;
    struct principals *new = NULL;
    int r = principals_load(ms->principals_path, !ms->principals_must_exist, &new, e);
    LOCKED(&ms->lock);
    principals_free(ms->source.principals);
    ms->source.principals = r == 0 ? new : NULL; /* NULL: asked again at the next refresh */
    ms->mark = mark;
    return r < 0 ? r : 1;
}

static int64_t earliest_change(struct seen **seen, size_t n)
{
    int64_t at = WHEN_NEVER;
    for (size_t i = 0; i < n; i++)
        if (view_next_change(seen[i]->view) < at)
            at = view_next_change(seen[i]->view);
    return at;
}

static void add_inodes(struct mount_state *ms, const roaring_bitmap_t *set, struct seen **old,
                       struct mount_change *ch)
{
    roaring_uint32_iterator_t *it = roaring_create_iterator(set);
    for (; it && it->has_value; roaring_advance_uint32_iterator(it))
        for (size_t i = 0; i < ms->n; i++) {
            node_id id = it->current_value;
            uint32_t version = view_version(old[i]->view, id);
            if (version != 0 || view_has(old[i]->view, id))
                mount_change_add_inode(ch, inode_of_version(ms->facts.node_key, id, version));
        }
    roaring_free_uint32_iterator(it);
}

/* Leaves of a change only what the kernel or the block cache may hold. */
static void keep_known(struct mount_state *ms, struct seen **old, struct seen **now,
                       struct mount_change *ch)
{
    LOCKED(&ms->known_lock);
    roaring_bitmap_t *gone = roaring_bitmap_and(ch->lost, ms->opened);
    for (size_t i = 0; i < ms->n; i++)
        roaring_bitmap_andnot_inplace(gone, view_nodes(now[i]->view));
    roaring_bitmap_or_inplace(ch->gone, gone);
    roaring_bitmap_andnot_inplace(ms->opened, gone);
    roaring_bitmap_free(gone);

    /* The kernel knows the root without a lookup. */
    roaring_bitmap_add(ms->known, NODE_ROOT);
    roaring_bitmap_and_inplace(ch->lost, ms->known);
    roaring_bitmap_and_inplace(ch->changed, ms->known);
    roaring_bitmap_andnot_inplace(ch->changed, ch->lost);
    add_inodes(ms, ch->lost, old, ch);
    add_inodes(ms, ch->changed, old, ch);
    mount_change_add(ch, &ms->strays);
    ms->strays.n_inodes = 0;
    if (ms->principal) /* with many callers another one may still know it */
        roaring_bitmap_andnot_inplace(ms->known, ch->lost);
}

/* `compute` held. Puts `seen[i]` (references taken) in the place of each entry's view. */
static void publish(struct mount_state *ms, struct seen **seen, bool stale, uint64_t seq,
                    int64_t now, struct mount_change *ret)
{
    struct seen **old = xcalloc(ms->n, sizeof(struct seen *));
    pthread_mutex_lock(&ms->lock);
    for (size_t i = 0; i < ms->n; i++) {
        old[i] = ms->entries[i].seen;
        ms->entries[i].seen = seen[i];
    }
    ms->is_stale = stale;
    if (!stale)
        ms->why[0] = '\0';
    ms->seq = seq;
    ms->round++;
    ms->computed_at = now;
    ms->next_change = earliest_change(seen, ms->n);
    pthread_mutex_unlock(&ms->lock);

    for (size_t i = 0; i < ms->n; i++)
        if (old[i] != seen[i])
            mount_change_add_views(ret, old[i]->view, seen[i]->view);
    keep_known(ms, old, seen, ret);
    for (size_t i = 0; i < ms->n; i++)
        seen_unref(old[i]);
    free(old);
}

/* `compute` held. Shows nothing from now on. */
static void go_stale(struct mount_state *ms, const char *why, struct mount_change *ret)
{
    pthread_mutex_lock(&ms->lock);
    snprintf(ms->why, sizeof ms->why, "%.*s", (int)sizeof ms->why - 1, why);
    for (char *s = ms->why; *s; s++)
        if ((unsigned char)*s > 0x7e) /* cut short, it might not be UTF-8 any more */
            *s = '?';
    pthread_mutex_unlock(&ms->lock);
    if (ms->is_stale)
        return;
    log_error(TAG, "nothing is shown: %s", why);
    struct seen **seen = xcalloc(ms->n, sizeof(struct seen *));
    for (size_t i = 0; i < ms->n; i++)
        seen[i] = seen_ref(ms->stale_seen);
    publish(ms, seen, /* stale= */ true, 0, clock_wall(), ret);
    free(seen);
}

/* `compute` held. All views anew from one snapshot, or an error and nothing changed. */
static int recompute(struct mount_state *ms, struct index_read *rd, uint64_t seq, int64_t now,
                     struct mount_change *ret, struct err *e)
{
    AUTO(free) struct seen **seen = xcalloc(ms->n, sizeof(struct seen *));
    for (size_t i = 0; i < ms->n; i++) {
        const struct entry *at = &ms->entries[i];
        int r = seen_compute(&ms->source, rd, at->principal, at->login, now, seen, i, &seen[i], e);
        if (r < 0) {
            while (i-- > 0)
                seen_unref(seen[i]);
            return r;
        }
    }
    publish(ms, seen, /* stale= */ false, seq, now, ret);
    return 0;
}

static int refresh(struct mount_state *ms, struct mount_change *ret, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    struct index_head head;
    int64_t now = clock_wall();

    if (is_overdue(ms))
        return err_set(e, -ETIMEDOUT, "the ledger's head was not confirmed for %" PRId64 " s",
                       ms->max_stale_ms / 1000);
    int changed = reload_principals(ms, e);
    if (changed < 0)
        return changed;
    int r = index_read_begin(ms->lake->index, &rd, e);
    if (r == 0)
        r = index_head(rd, &head, e);
    if (r < 0)
        return r;
    if (!ms->is_stale && !changed && head.seq == ms->seq && now < ms->next_change &&
        now >= ms->computed_at)
        return 0;
    bool was_stale = ms->is_stale;
    r = recompute(ms, rd, head.seq, now, ret, e);
    if (r == 0 && was_stale)
        log_info(TAG, "showing the views of record %" PRIu64, head.seq);
    return r;
}

/* `compute` held. What the sessions that are over have shown is lost, as by a revoke. */
static void forget_sessions(struct mount_state *ms, struct mount_change *ret)
{
    AUTO(free) struct seen **seen = xcalloc(ms->n + 1, sizeof(struct seen *));
    size_t n = 0;
    logins_sweep(ms->logins);
    for (size_t i = 0; i < ms->n; i++) {
        const struct entry *at = &ms->entries[i];
        bool is_over = at->login && atomic_load(&at->login->over);
        seen[i] = seen_ref(is_over ? ms->nobody : at->seen);
        n += is_over;
    }
    if (n == 0) {
        for (size_t i = 0; i < ms->n; i++)
            seen_unref(seen[i]);
        return;
    }
    publish(ms, seen, ms->is_stale, ms->seq, ms->computed_at, ret);
    LOCKED(&ms->lock);
    n = 0;
    for (size_t i = 0; i < ms->n; i++)
        if (ms->entries[i].seen == ms->nobody)
            entry_done(&ms->entries[i]);
        else
            ms->entries[n++] = ms->entries[i];
    ms->n = n;
}

int mount_state_refresh(struct mount_state *ms, struct mount_change *ret, struct err *e)
{
    LOCKED(&ms->compute);
    if (ms->logins)
        forget_sessions(ms, ret);
    int r = refresh(ms, ret, e);
    if (r < 0)
        go_stale(ms, e->text, ret);
    mount_change_add(ret, &ms->pending);
    mount_change_done(&ms->pending);
    mount_change_init(&ms->pending);
    return r;
}

void mount_state_catch_up(struct mount_state *ms)
{
    struct mount_change ch;
    struct err e;
    mount_change_init(&ch);
    LOCKED(&ms->compute);
    /* Not by computing into `pending` itself: keep_known() leaves only what is known still. A
     * failure is for mount_state_refresh() to deal with. */
    if (refresh(ms, &ch, &e) == 0)
        mount_change_add(&ms->pending, &ch);
    mount_change_done(&ch);
}

/* ---- for the cache on disk ----------------------------------------------------------------- */

int mount_state_each(struct mount_state *ms, mount_state_fn *fn, void *arg)
{
    LOCKED(&ms->lock);
    if (ms->is_stale || is_overdue(ms))
        return -EIO;
    for (size_t i = 0; i < ms->n; i++)
        fn(arg, ms->entries[i].seen);
    return 0;
}

uint64_t mount_state_round(struct mount_state *ms)
{
    return atomic_load(&ms->round);
}

/* ---- figures ------------------------------------------------------------------------------- */

int64_t mount_state_until_change(struct mount_state *ms, int64_t limit)
{
    LOCKED(&ms->lock);
    int64_t now = clock_wall();
    if (ms->next_change == WHEN_NEVER || ms->next_change - now > limit)
        return limit;
    return ms->next_change > now ? ms->next_change - now : 0;
}

void mount_state_figures(struct mount_state *ms, struct mount_figures *ret)
{
    int64_t at = atomic_load(&ms->confirmed_ms);
    LOCKED(&ms->lock);
    *ret = (struct mount_figures){
        .seq = ms->seq,
        .views = ms->n,
        .sessions = ms->logins ? logins_count(ms->logins) : 0,
        .confirmed_ms_ago = at == NEVER_CONFIRMED ? -1 : clock_mono_ms() - at,
        .stale = ms->is_stale || is_overdue(ms),
    };
    memcpy(ret->why, ms->why, sizeof ret->why);
    for (size_t i = 0; i < ms->n; i++) {
        struct view_totals t;
        view_totals(ms->entries[i].seen->view, &t);
        ret->objects += t.objects;
        ret->bytes += t.bytes;
    }
}
