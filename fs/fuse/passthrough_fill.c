/* fs/fuse/passthrough_fill.c - the thread that makes plain copies, one after the other. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/passthrough_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/cache/cache.h"
#include "fs/cache/disk_cache.h"
#include "fs/fuse/backing.h"

#define QUEUE_MOST 256 /* a program that opens all there is must not keep us copying for hours */
#define PAUSE_MS 60000

/* Lock held. An error that will be there for the next one, too. */
static void pause_copies(struct passthrough *p, const char *what, int r)
{
    p->paused_until_ms = clock_mono_ms() + PAUSE_MS;
    log_warn(PASSTHROUGH_TAG, "%s: %s; no plain copies for a minute", what, strerrorname_np(-r));
}

static int make_file(struct passthrough *p, struct copy *c)
{
    unsigned slot = 0;
    AUTO(fd) int fd = open(p->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    while (p->slots[slot])
        slot++;
    int r = copy_guard_add(p->guard, slot, fd);
    if (r < 0) {
        p->off = true;
        log_error(PASSTHROUGH_TAG,
                  "the guard of plain copies is gone: no more of them on this mount");
        return r;
    }
    p->slots[slot] = true;
    p->n_copies++;
    c->slot = slot;
    c->fd = fd;
    fd = -1;
    return 0;
}

/* Reserves the room and has an empty file. */
static bool begin(struct passthrough *p, struct copy *c)
{
    LOCKED(&p->lock);
    if (p->off || p->stop || !copy_may_begin(p, c) || !copy_make_room(p, c->size, c->fd < 0))
        return false;
    int r = c->fd < 0 ? make_file(p, c) : 0;
    if (r < 0) {
        pause_copies(p, "make a plain copy", r);
        return false;
    }
    c->held = c->size;
    p->held += c->size;
    atomic_store(&p->lost, false);
    p->filling = c;
    return true;
}

struct part {
    struct cache_read rd; /* first */
    struct passthrough *p;
    char *to;
    int result;
    bool done;
};

static void on_bytes(struct cache_read *rd, int r, const struct iovec *iov, int n)
{
    struct part *part = (struct part *)rd;
    char *to = part->to;
    for (int i = 0; r == 0 && i < n; i++) {
        memcpy(to, iov[i].iov_base, iov[i].iov_len);
        to += iov[i].iov_len;
    }
    LOCKED(&part->p->lock);
    part->result = r;
    part->done = true;
    part->p->read = NULL;
    pthread_cond_broadcast(&part->p->cond);
}

static int read_part(struct passthrough *p, struct cache_file *file, uint64_t at, size_t n,
                     char *to)
{
    struct part part = {
        .rd = {.file = file, .offset = at, .length = n, .reply = on_bytes}, .p = p, .to = to};
    pthread_mutex_lock(&p->lock);
    bool go = !p->stop;
    if (go)
        p->read = &part.rd;
    pthread_mutex_unlock(&p->lock);
    if (!go)
        return -EINTR;
    cache_read_start(&part.rd);
    LOCKED(&p->lock);
    while (!part.done)
        pthread_cond_wait(&p->cond, &p->lock);
    return part.result;
}

static int write_part(struct passthrough *p, const struct copy *c, uint64_t at, size_t n,
                      const char *from)
{
    LOCKED(&p->writing);
    if (atomic_load(&p->lost))
        return -EACCES;
    while (n > 0) {
        ssize_t done = pwrite(c->fd, from, n, (off_t)at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done < 0 ? -errno : -EIO;
        from += done;
        at += (uint64_t)done;
        n -= (size_t)done;
    }
    return 0;
}

static int fill(struct passthrough *p, struct copy *c)
{
    struct cache_file *file = cache_file_open(p->f->cache, c->key, c->etag, c->size);
    int r = 0;
    for (uint64_t at = 0; r == 0 && at < c->size;) {
        size_t n = c->size - at < CACHE_READ_BYTES ? (size_t)(c->size - at) : CACHE_READ_BYTES;
        r = read_part(p, file, at, n, p->part);
        if (r < 0)
            break;
        r = write_part(p, c, at, n, p->part);
        if (r < 0 && r != -EACCES) {
            LOCKED(&p->lock);
            pause_copies(p, "write a plain copy", r);
        }
        at += n;
    }
    cache_file_close(file);
    return r;
}

/* Lock held. Its bytes are all there: the kernel may have it. */
static bool publish(struct passthrough *p, struct copy *c)
{
    if (p->stop || atomic_load(&p->lost) || !copy_may_stay(p, c))
        return false;
    if (c->id < 0) {
        c->id = backing_open(p->f->se, c->fd);
        if (c->id < 0) {
            log_warn(PASSTHROUGH_TAG,
                     "the kernel refuses files of '%s' (%s): they are read through the daemon",
                     p->dir, strerrorname_np(-c->id));
            c->id = -1;
            p->off = true;
            return false;
        }
    }
    return true;
}

static void make_copy(struct passthrough *p, struct copy *c)
{
    bool filled =
        disk_cache_has_all(p->disk, c->key, c->etag, c->size) && begin(p, c) && fill(p, c) == 0;
    LOCKED(&p->lock);
    bool began = p->filling == c;
    if (filled && publish(p, c)) {
        c->ready = true;
        c->used = ++p->now;
    } else if (began) {
        copy_empty(p, c);
    }
    p->filling = NULL;
    c->busy = false;
    copy_settle(p, c);
}

static void *work(void *arg)
{
    struct passthrough *p = arg;
    pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        struct copy *c = p->queue;
        if (!c) {
            pthread_cond_wait(&p->cond, &p->lock);
            continue;
        }
        p->queue = c->queue_next;
        if (!p->queue)
            p->queue_end = &p->queue;
        p->n_queue--;
        pthread_mutex_unlock(&p->lock);
        make_copy(p, c);
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

void copy_enqueue(struct passthrough *p, struct copy *c)
{
    if (c->ready || c->busy || p->off || p->n_queue >= QUEUE_MOST || c->size == 0 ||
        c->size > p->limit || clock_mono_ms() < p->paused_until_ms)
        return;
    c->busy = true;
    c->queue_next = NULL;
    *p->queue_end = c;
    p->queue_end = &c->queue_next;
    p->n_queue++;
    pthread_cond_broadcast(&p->cond);
}

/* ---- its life -------------------------------------------------------------------------------- */

int passthrough_start_worker(struct passthrough *p, struct err *e)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int r = pthread_create(&p->worker, NULL, work, p);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    p->working = r == 0;
    return r == 0 ? 0 : err_errno(e, -r, "start the thread that makes plain copies");
}

void passthrough_stop_worker(struct passthrough *p)
{
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    if (p->read)
        cache_read_cancel(p->read, -EINTR);
    pthread_cond_broadcast(&p->cond);
    pthread_mutex_unlock(&p->lock);
    if (p->working)
        pthread_join(p->worker, NULL);
    p->working = false;
}
