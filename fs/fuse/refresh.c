/* fs/fuse/refresh.c - the threads that follow the ledger and take from the kernel what was lost. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/refresh.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/cache/cache.h"
#include "fs/fuse/cache_guard.h"
#include "fs/fuse/front.h"
#include "fs/fuse/fuse_read.h"
#include "fs/fuse/usage.h"
#include "fs/lake/lake.h"
#include "fs/view/inode.h"

#define TAG "refresh"
#define TICK_MS 200
#define TICK_NEAR_MS 10 /* while a grant is about to start or end */
#define USAGE_MS 2000   /* how often at most it is written down what was opened */

/* The kernel's notice that outdates every cached name of a mount at once (protocol 7.44). */
#define NOTIFY_INC_EPOCH 8
#define NOTIFY_INC_EPOCH_MINOR 44
#define WHOLE_FILE 0

struct refresh {
    struct front *f;
    struct lake *lake;
    int64_t poll_ms;
    pthread_t poll_thread, notice_thread;
    bool noticing;

    pthread_mutex_t lock;
    pthread_cond_t poll_cond, notice_cond, ended_cond;
    bool stop_polling, stop_notices, poll_ended, wake;
};

/* ---- what the kernel is told ---------------------------------------------------------------- */

static void tell_epoch(struct front *f)
{
    struct {
        uint32_t len;
        int32_t code;
        uint64_t unique;
    } notice = {.len = sizeof notice, .code = NOTIFY_INC_EPOCH};
    if (f->proto_minor < NOTIFY_INC_EPOCH_MINOR)
        return;
    if (write(fuse_session_fd(f->se), &notice, sizeof notice) < 0)
        log_debug(TAG, "no new epoch: %s", strerrorname_np(errno));
}

/* The place and name of a node, copied: no read of the index is open while the kernel is told. */
static bool name_of(struct front *f, node_id id, node_id *ret_parent, char name[NAME_LIMIT + 1],
                    bool *ret_is_dir)
{
    AUTO(index_read) struct index_read *rd = NULL;
    struct node n;
    struct err e;
    if (index_read_begin(f->index, &rd, &e) < 0 || index_node(rd, id, &n, &e) < 0 ||
        n.name_len > NAME_LIMIT)
        return false;
    *ret_parent = n.parent;
    *ret_is_dir = n.is_dir;
    memcpy(name, n.name, n.name_len);
    name[n.name_len] = '\0';
    return true;
}

static void each(const roaring_bitmap_t *set, struct front *f, void (*fn)(struct front *, node_id))
{
    roaring_uint32_iterator_t *it = roaring_create_iterator(set);
    for (; it && it->has_value; roaring_advance_uint32_iterator(it))
        fn(f, it->current_value);
    roaring_free_uint32_iterator(it);
}

static void tell_lost_name(struct front *f, node_id id)
{
    char name[NAME_LIMIT + 1];
    node_id parent;
    bool is_dir;
    if (name_of(f, id, &parent, name, &is_dir))
        fuse_lowlevel_notify_inval_entry(f->se, inode_of(f->node_key, parent), name, strlen(name));
}

/* The next lookup of the name brings the inode of the new version. */
static void tell_changed_name(struct front *f, node_id id)
{
    char name[NAME_LIMIT + 1];
    node_id parent;
    bool is_dir;
    if (name_of(f, id, &parent, name, &is_dir) && !is_dir)
        fuse_lowlevel_notify_inval_entry(f->se, inode_of(f->node_key, parent), name, strlen(name));
}

static void drop_bytes(struct front *f, node_id id)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(buf) struct buf key = {0};
    struct node n;
    struct err e;
    if (index_read_begin(f->index, &rd, &e) == 0 && index_node(rd, id, &n, &e) == 0 &&
        index_object_key(rd, &n, &key, &e) == 0)
        cache_drop(f->cache, buf_str(&key), /* etag= */ NULL);
}

/* The new views are in force already. Names first: the kernel waits there for lookups under way,
 * so that what they bring is found by what follows. */
static void apply(struct front *f, const struct mount_change *ch)
{
    fuse_read_recheck(f);
    if (f->proto_minor != 0) {
        tell_epoch(f);
        each(ch->lost, f, tell_lost_name);
        each(ch->changed, f, tell_changed_name);
        for (size_t i = 0; i < ch->n_inodes; i++)
            fuse_lowlevel_notify_inval_inode(f->se, ch->inodes[i], WHOLE_FILE, 0);
    }
    each(ch->gone, f, drop_bytes);
    cache_guard_wake(f->guard);
}

/* ---- threads --------------------------------------------------------------------------------- */

static void wait_ms(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    pthread_cond_timedwait(cond, lock, &t);
}

static void *notice(void *arg)
{
    struct refresh *rf = arg;
    struct front *f = rf->f;
    pthread_mutex_lock(&rf->lock);
    while (!rf->stop_notices) {
        struct mount_change ch;
        struct err e;
        rf->wake = false;
        pthread_mutex_unlock(&rf->lock);

        mount_change_init(&ch);
        (void)mount_state_refresh(f->state, &ch, &e); /* it logs, and shows nothing */
        if (!mount_change_is_empty(&ch))
            apply(f, &ch);
        mount_change_done(&ch);

        bool near = mount_state_until_change(f->state, 2) < 2;
        pthread_mutex_lock(&rf->lock);
        if (!rf->stop_notices && !rf->wake)
            wait_ms(&rf->notice_cond, &rf->lock, near ? TICK_NEAR_MS : TICK_MS);
    }
    pthread_mutex_unlock(&rf->lock);
    return NULL;
}

/* Lock held. What was opened meanwhile is written down: this thread may be held up. */
static void await_poll(struct refresh *rf)
{
    int64_t left, until = clock_mono_ms() + rf->poll_ms;
    while (!rf->stop_polling && (left = until - clock_mono_ms()) > 0) {
        wait_ms(&rf->poll_cond, &rf->lock, left < USAGE_MS ? left : USAGE_MS);
        pthread_mutex_unlock(&rf->lock);
        usage_flush(rf->f->usage, USAGE_MS);
        pthread_mutex_lock(&rf->lock);
    }
}

static void *poll_head(void *arg)
{
    struct refresh *rf = arg;
    bool failing = false;
    pthread_mutex_lock(&rf->lock);
    while (!rf->stop_polling) {
        struct err e;
        pthread_mutex_unlock(&rf->lock);
        int64_t asked_ms = clock_mono_ms(); /* before: the answer may be as old as the question */
        int r = lake_sync(rf->lake, &e);
        if (r < 0 && !failing)
            log_warn(TAG, "cannot follow the ledger: %s", e.text);
        else if (r == 0 && failing)
            log_info(TAG, "following the ledger again");
        failing = r < 0;
        pthread_mutex_lock(&rf->lock);
        if (r == 0) {
            mount_state_confirm(rf->f->state, asked_ms);
            rf->wake = true;
            pthread_cond_signal(&rf->notice_cond);
        }
        await_poll(rf);
    }
    rf->poll_ended = true;
    pthread_cond_signal(&rf->ended_cond);
    pthread_mutex_unlock(&rf->lock);
    return NULL;
}

static void init_conds(struct refresh *rf)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&rf->poll_cond, &attr);
    pthread_cond_init(&rf->notice_cond, &attr);
    pthread_cond_init(&rf->ended_cond, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&rf->lock, NULL);
}

/* Frees what no thread uses any more. */
static void destroy(struct refresh *rf)
{
    pthread_cond_destroy(&rf->poll_cond);
    pthread_cond_destroy(&rf->notice_cond);
    pthread_cond_destroy(&rf->ended_cond);
    pthread_mutex_destroy(&rf->lock);
    free(rf);
}

int refresh_start(struct front *f, struct lake *lake, int64_t poll_ms, struct refresh **ret,
                  struct err *e)
{
    struct refresh *rf = xcalloc(1, sizeof *rf);
    sigset_t all, old;
    rf->f = f;
    rf->lake = lake;
    rf->poll_ms = poll_ms;
    init_conds(rf);

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int r = pthread_create(&rf->notice_thread, NULL, notice, rf);
    rf->noticing = r == 0;
    if (r == 0)
        r = pthread_create(&rf->poll_thread, NULL, poll_head, rf);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (r != 0) {
        refresh_stop_notices(rf);
        destroy(rf);
        return err_errno(e, -r, "start the threads that follow the ledger");
    }
    *ret = f->refresh = rf;
    return 0;
}

void refresh_wake(struct refresh *rf)
{
    if (!rf)
        return;
    LOCKED(&rf->lock);
    rf->wake = true;
    pthread_cond_signal(&rf->notice_cond);
}

void refresh_stop_notices(struct refresh *rf)
{
    if (!rf->noticing)
        return;
    pthread_mutex_lock(&rf->lock);
    rf->stop_notices = true;
    pthread_cond_signal(&rf->notice_cond);
    pthread_mutex_unlock(&rf->lock);
    pthread_join(rf->notice_thread, NULL);
    rf->noticing = false;
}

bool refresh_free(struct refresh *rf, int64_t wait)
{
    if (!rf)
        return true;
    refresh_stop_notices(rf);
    pthread_mutex_lock(&rf->lock);
    rf->stop_polling = true;
    pthread_cond_signal(&rf->poll_cond);
    for (int64_t until = clock_mono_ms() + wait; !rf->poll_ended && clock_mono_ms() < until;)
        wait_ms(&rf->ended_cond, &rf->lock, 100);
    bool ended = rf->poll_ended;
    pthread_mutex_unlock(&rf->lock);
    if (!ended)
        return false;
    pthread_join(rf->poll_thread, NULL);
    destroy(rf);
    return true;
}
