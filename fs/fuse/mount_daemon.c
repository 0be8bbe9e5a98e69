/* fs/fuse/mount_daemon.c - a mount with all that it needs, to its end. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/mount_daemon.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/auth/auth.h"
#include "fs/cache/cache.h"
#include "fs/fuse/cache_guard.h"
#include "fs/fuse/control.h"
#include "fs/fuse/front.h"
#include "fs/fuse/fuse_session.h"
#include "fs/fuse/login_socket.h"
#include "fs/fuse/logins.h"
#include "fs/fuse/mountpoint.h"
#include "fs/fuse/refresh.h"
#include "fs/fuse/usage.h"
#include "fs/lake/lake.h"
#include "fs/store/store.h"

#define TAG "mount"
#define END_WAIT_MS 2000

struct mount_daemon {
    const struct mount_daemon_options *o;
    struct mount_state *state;
    struct cache *cache;
    struct disk_cache *disk; /* NULL: no cache on disk; the same of the next two */
    struct store *disk_store;
    struct cache_guard *guard;
    struct front front;
    struct session *session;
    struct refresh *refresh;
    struct control *control;
    struct auth *auth;     /* NULL: nobody can sign in */
    struct logins *logins; /* the same */
    struct login_socket *login_socket;
    struct usage *usage;
};

static void free_wiped(void *p)
{
    if (p)
        explicit_bzero(p, malloc_usable_size(p));
    free(p);
}

void mount_daemon_harden(void)
{
    struct rlimit none = {0, 0};
    json_set_alloc_funcs(malloc, free_wiped); /* its parser keeps copies of credentials */
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void mount_daemon_block_signals(void)
{
    session_block_signals();
}

/* NULL without a cache on disk. */
static json_t *disk_answer(struct mount_daemon *d)
{
    struct disk_cache_stats st;
    struct err e;
    if (!d->disk || disk_cache_stats(d->disk, &st, &e) < 0)
        return NULL;
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "dir", d->o->disk.dir,
                     "size_bytes", (json_int_t)st.size_bytes, "held_bytes",
                     (json_int_t)st.held_bytes, "objects", (json_int_t)st.objects, "hits_bytes",
                     (json_int_t)st.hits_bytes, "misses_bytes", (json_int_t)st.misses_bytes,
                     "damaged", (json_int_t)st.damaged, "write_errors",
                     (json_int_t)st.write_errors);
}

/* What `status` prints. Counts are those of the views, never of the lake. */
static json_t *answer(void *arg)
{
    struct mount_daemon *d = arg;
    struct mount_figures f;
    struct cache_stats st;
    mount_state_figures(d->state, &f);
    cache_stats(d->cache, &st);
    json_t *disk = disk_answer(d);
    if (disk) /* what memory got of the disk did not come from the store */
        st.fetched_bytes = (uint64_t)json_integer_value(json_object_get(disk, "misses_bytes"));
    const char *principal = mount_state_principal(d->state);
    return json_pack("{s:s, s:s, s:s?, s:i, s:I, s:I, s:I, s:o, s:b, s:s, s:I, s:I, s:I, s:I, s:I, "
                     "s:I, s:I, s:I, s:o?}",
                     "mountpoint", d->o->mountpoint, "mode", principal ? "principal" : "per-caller",
                     "principal", principal, "pid", (int)getpid(), "views", (json_int_t)f.views,
                     "sessions", (json_int_t)f.sessions, "record", (json_int_t)f.seq,
                     "confirmed_seconds_ago",
                     f.confirmed_ms_ago < 0 ? json_null()
                                            : json_real((double)f.confirmed_ms_ago / 1000),
                     "stale", f.stale, "why", f.why, "objects", (json_int_t)f.objects, "bytes",
                     (json_int_t)f.bytes, "memory_bytes", (json_int_t)st.held_bytes,
                     "memory_budget_bytes", (json_int_t)st.budget_bytes, "fetched_bytes",
                     (json_int_t)st.fetched_bytes, "prefetched_bytes",
                     (json_int_t)st.prefetched_bytes, "wasted_bytes", (json_int_t)st.wasted_bytes,
                     "served_bytes", (json_int_t)st.served_bytes, "disk", disk);
}

/* Mounting before the first grant is legal, and a misspelt name looks the same: it is said. */
static void warn_unknown(struct lake *lake, const struct mount_options *o)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(principals) struct principals *p = NULL;
    struct err e;
    bool known = true;
    if (!o->principal || index_read_begin(lake->index, &rd, &e) < 0 ||
        index_knows(rd, o->principal, &known, &e) < 0 ||
        principals_load(o->principals_path, /* may_be_absent= */ true, &p, &e) < 0)
        return;
    if (!known && !principals_has(p, o->principal))
        log_warn(TAG, "neither the ledger nor the principals file knows %s yet", o->principal);
}

/* Who can sign in, before anything is mounted: a wrong configuration is the caller's to see. */
static int prepare_logins(struct mount_daemon *d, struct err *e)
{
    if (!d->o->auth_path)
        return 0;
    int r = auth_load(d->o->auth_path, &d->auth, e);
    if (r < 0)
        return r;
    struct login_limits limits = {.idle_s = auth_idle_s(d->auth),
                                  .max_s = auth_session_max_s(d->auth)};
    d->logins = logins_new(&limits);
    return 0;
}

/* The memory over the disk over the store; or over the store alone. */
static int prepare_caches(struct mount_daemon *d, struct lake *lake, struct err *e)
{
    const struct mount_daemon_options *o = d->o;
    struct cache_options cache = {.budget_bytes = o->cache_bytes};
    int r = o->disk.dir ? disk_cache_open(&o->disk, &d->disk, e) : 0;
    if (r < 0)
        return r;
    if (d->disk) {
        d->disk_store = disk_store_new(d->disk, lake->store);
        cache.unit_bytes = DISK_CACHE_UNIT_BYTES; /* the disk keeps whole units only */
    }
    return cache_new(d->disk ? d->disk_store : lake->store, &cache, &d->cache, e);
}

/* The first view is computed before anything is mounted: errors are the caller's to see. */
static int prepare(struct mount_daemon *d, struct lake *lake, struct err *e)
{
    const struct mount_daemon_options *o = d->o;
    struct mount_options view = o->view;
    struct mount_change none;

    int r = prepare_logins(d, e);
    int64_t asked_ms = clock_mono_ms();
    if (r == 0)
        r = lake_sync(lake, e);
    view.logins = d->logins;
    if (r == 0)
        r = mount_state_new(lake, &view, &d->state, e);
    if (r < 0)
        return r;
    d->usage = usage_new(lake->index, lake->dir);
    mount_state_confirm(d->state, asked_ms);
    mount_change_init(&none);
    r = mount_state_refresh(d->state, &none, e);
    mount_change_done(&none);
    if (r == 0)
        r = prepare_caches(d, lake, e);
    if (r == 0)
        warn_unknown(lake, &o->view);
    return r;
}

static void stop_notices(void *arg)
{
    struct mount_daemon *d = arg;
    if (d->refresh)
        refresh_stop_notices(d->refresh);
}

/* Of two mounts at one place that start at once, the second finds the first. */
static int mount_once(struct mount_daemon *d, struct err *e)
{
    const char *path = d->o->mountpoint;
    struct mountpoint mp;
    AUTO(fd) int lock = control_lock(d->o->state, e);
    if (lock < 0)
        return lock;
    if (mountpoint_find(path, &mp, e) == 0 && mp.is_ours)
        return err_set(e, -EBUSY, "'%s' is a mount of shotlake already", path);
    int r = session_mount(&d->front, path, &d->session, e);
    return r < 0 ? r : control_start(d->o->state, path, answer, d, &d->control, e);
}

static void look_now(void *arg)
{
    struct mount_daemon *d = arg;
    refresh_wake(d->refresh);
}

static int let_in(struct mount_daemon *d, struct err *e)
{
    struct login_socket_options o = {.path = d->o->login_socket,
                                     .auth = d->auth,
                                     .logins = d->logins,
                                     .state = d->state,
                                     .on_change = look_now,
                                     .arg = d};
    return d->auth ? login_socket_start(&o, &d->login_socket, e) : 0;
}

static int start_guard(struct mount_daemon *d, struct lake *lake, struct err *e)
{
    struct cache_guard_options o = {.lake = lake,
                                    .state = d->state,
                                    .disk = d->disk,
                                    .dir = d->o->disk.dir,
                                    .principals_path = d->o->view.principals_path,
                                    .address = d->o->view.address};
    return cache_guard_start(&o, &d->guard, e);
}

static int serve(struct mount_daemon *d, struct lake *lake, struct err *e)
{
    const struct mount_daemon_options *o = d->o;
    front_init(&d->front, d->state, d->cache, o->uid, o->gid);
    d->front.usage = d->usage;
    d->front.on_ready = o->on_ready;
    d->front.ready_arg = o->arg;
    int r = mount_once(d, e);
    if (r == 0 && d->disk)
        r = start_guard(d, lake, e);
    d->front.guard = d->guard;
    if (r == 0)
        r = refresh_start(&d->front, lake, o->poll_ms, &d->refresh, e);
    if (r == 0)
        r = let_in(d, e);
    if (r == 0)
        r = session_loop(d->session, stop_notices, d, e);
    return r;
}

/* From the outside in: first the kernel lets go, then the threads, then what they used. */
static void end(struct mount_daemon *d)
{
    bool idle = login_socket_stop(d->login_socket, END_WAIT_MS);
    stop_notices(d);
    session_end(d->session);
    bool ended = idle && refresh_free(d->refresh, END_WAIT_MS); /* who signs in wakes it */
    control_stop(d->control);
    cache_guard_stop(d->guard);
    if (!ended) {
        log_info(TAG, "the network still holds a request up: ending without it");
        _exit(0);
    }
    usage_flush(d->usage, /* least_ms= */ 0);
    usage_free(d->usage);
    if (d->front.magic)
        front_done(&d->front);
    cache_free(d->cache);
    store_close(d->disk_store);
    disk_cache_close(d->disk);
    mount_state_free(d->state);
    logins_free(d->logins);
    auth_free(d->auth);
}

int mount_daemon_run(struct lake *lake, const struct mount_daemon_options *o, struct err *e)
{
    struct mount_daemon d = {.o = o};
    int r = prepare(&d, lake, e);
    if (r == 0)
        r = serve(&d, lake, e);
    end(&d);
    if (r == 0)
        log_info(TAG, "'%s' is unmounted", o->mountpoint);
    return r;
}
