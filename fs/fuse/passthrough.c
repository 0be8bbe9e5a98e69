/* fs/fuse/passthrough.c - plain copies of wholly cached files, which the kernel reads by itself.
 *
 * What the kernel asks for: all that have an inode open at one time are served in one way, from its
 * pages or from one file, and an open that does not fit fails with EIO. So every open inode is
 * counted here, and how an inode is first opened stands until its last handle is released.
 *
 * What we ask for: a copy that may be read no longer is emptied. A descriptor that reads it is then
 * at the end of its file, and a map of it raises SIGBUS, whoever has it. A map outlives its
 * descriptor and is in no count, which is why a copy is given up only when it may be leased: a
 * write lease is granted for a file that nobody else has open or mapped.
 *
 *   none -> busy (queued, filled) -> ready -> emptied -> none
 *                                     ^----------'   filled again, for those that still have it
 *
 * A copy only ever grows from its first byte on, so whoever reads it meanwhile finds an early end
 * and never a hole. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/passthrough_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/when.h"
#include "fs/cache/cache.h"
#include "fs/fuse/backing.h"
#include "fs/view/inode.h"
#include "fs/view/view.h"

#define DESCRIPTORS_WANTED (4 * PASSTHROUGH_COPIES)
#define RETRY_MS 1000

/* ---- whether it may be ----------------------------------------------------------------------- */

static bool is_visible(struct passthrough *p, const struct seen *s, const struct copy *c)
{
    return !s->stale && view_may_open(s->view, c->node) &&
           inode_of_version(p->f->node_key, c->node, view_version(s->view, c->node)) == c->ino;
}

bool copy_may_stay(struct passthrough *p, const struct copy *c)
{
    AUTO(seen) struct seen *s = mount_state_get(p->f->state, p->f->uid);
    return is_visible(p, s, c);
}

bool copy_may_begin(struct passthrough *p, const struct copy *c)
{
    AUTO(seen) struct seen *s = mount_state_get(p->f->state, p->f->uid);
    int64_t next = view_next_change(s->view);
    return is_visible(p, s, c) && (next == WHEN_NEVER || next - clock_wall() > p->horizon_s);
}

/* ---- the table ------------------------------------------------------------------------------- */

static struct copy **bucket_of(struct passthrough *p, fuse_ino_t ino)
{
    return &p->buckets[(ino ^ ino >> 32) % PASSTHROUGH_BUCKETS];
}

static struct copy *find(struct passthrough *p, fuse_ino_t ino)
{
    struct copy *c = *bucket_of(p, ino);
    while (c && c->ino != ino)
        c = c->next;
    return c;
}

static struct copy *add(struct passthrough *p, fuse_ino_t ino, const struct node *n)
{
    struct copy **at = bucket_of(p, ino), *c = xcalloc(1, sizeof *c);
    *c = (struct copy){.next = *at, .ino = ino, .node = n->id, .size = n->size, .fd = -1, .id = -1};
    return *at = c;
}

void copy_empty(struct passthrough *p, struct copy *c)
{
    if (c == p->filling)
        atomic_store(&p->lost, true);
    LOCKED(&p->writing);
    c->ready = false;
    p->held -= c->held;
    c->held = 0;
    if (c->fd >= 0 && ftruncate(c->fd, 0) < 0)
        log_error(PASSTHROUGH_TAG, "cannot empty a plain copy: %s", strerrorname_np(errno));
}

/* Lock held. Of a copy that is neither busy nor open. */
static void give_up(struct passthrough *p, struct copy *c)
{
    if (c->fd < 0)
        return;
    copy_empty(p, c);
    if (c->id >= 0)
        backing_close(p->f->se, c->id);
    copy_guard_remove(p->guard, c->slot);
    p->slots[c->slot] = false;
    close(c->fd);
    p->n_copies--;
    c->id = c->fd = -1;
}

static void free_copy(struct copy *c)
{
    free(c->key);
    free(c->etag);
    free(c);
}

void copy_settle(struct passthrough *p, struct copy *c)
{
    if (c->busy || c->passed > 0 || c->ready)
        return;
    give_up(p, c);
    if (c->cached > 0)
        return;
    struct copy **at = bucket_of(p, c->ino);
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    free_copy(c);
}

/* Lock held. Nobody has it open, and nobody has it mapped. */
static bool is_idle(const struct copy *c)
{
    if (!c->ready || c->busy || c->passed > 0)
        return false;
    bool alone = fcntl(c->fd, F_SETLEASE, F_WRLCK) == 0;
    if (alone)
        (void)fcntl(c->fd, F_SETLEASE, F_UNLCK);
    return alone;
}

/* Lock held. Gives up the one that was opened longest ago. */
static bool evict_one(struct passthrough *p)
{
    for (uint64_t after = 0;;) {
        struct copy *oldest = NULL;
        for (size_t i = 0; i < PASSTHROUGH_BUCKETS; i++)
            for (struct copy *c = p->buckets[i]; c; c = c->next)
                if (c->ready && c->used > after && (!oldest || c->used < oldest->used))
                    oldest = c;
        if (!oldest)
            return false;
        after = oldest->used;
        if (is_idle(oldest)) {
            oldest->ready = false;
            copy_settle(p, oldest);
            return true;
        }
    }
}

bool copy_make_room(struct passthrough *p, uint64_t size, bool is_new)
{
    if (size > p->limit)
        return false;
    while (p->held + size > p->limit || (is_new && p->n_copies >= p->most))
        if (!evict_one(p))
            return false;
    return true;
}

/* ---- opens ----------------------------------------------------------------------------------- */

enum way {
    WAY_PAGES,  /* as everywhere else */
    WAY_COPY,   /* the kernel reads the copy */
    WAY_ASKING, /* the inode is open with a copy, which this handle does not read */
};

/* Lock held. Counts the handle. */
static enum way choose(struct passthrough *p, struct copy *c, bool may, int flags)
{
    /* Direct I/O of a file system below would ask for aligned reads. */
    bool fits = may && c->ready && !(flags & O_DIRECT) && !p->off;
    if (c->passed > 0 || (fits && c->cached == 0)) {
        c->passed++;
        c->used = ++p->now;
        p->opens += fits;
        return fits ? WAY_COPY : WAY_ASKING;
    }
    c->cached++;
    return WAY_PAGES;
}

/* Lock held. */
static bool learn_name(struct copy *c, const struct front_call *call, const struct node *n)
{
    AUTO(buf) struct buf key = {0};
    struct err e;
    if (c->key)
        return true;
    if (index_object_key(call->rd, n, &key, &e) < 0)
        return false;
    c->key = xstrdup(buf_str(&key));
    c->etag = xstrdup(n->etag);
    return true;
}

int passthrough_reply_open(struct passthrough *p, fuse_req_t req, const struct front_call *call,
                           fuse_ino_t ino, const struct node *n, const struct fuse_file_info *fi)
{
    pthread_mutex_lock(&p->lock);
    struct copy *c = find(p, ino);
    if (!c)
        c = add(p, ino, n);
    bool may = copy_may_begin(p, c);
    enum way way = choose(p, c, may, fi->flags);
    int id = c->id;
    if (may && learn_name(c, call, n))
        copy_enqueue(p, c);
    pthread_mutex_unlock(&p->lock);

    int r = way == WAY_PAGES ? fuse_reply_open(req, fi)
                             : backing_reply_open(req, fi->fh, id, way == WAY_ASKING);
    if (r == -ENOENT)
        passthrough_closed(p, ino);
    return r;
}

/* Of an inode's handles either all are counted in `cached` or all in `passed`. */
void passthrough_closed(struct passthrough *p, fuse_ino_t ino)
{
    if (!p)
        return;
    LOCKED(&p->lock);
    struct copy *c = find(p, ino);
    if (!c)
        return;
    if (c->passed > 0)
        c->passed--;
    else if (c->cached > 0)
        c->cached--;
    copy_settle(p, c);
}

/* Lock held. What is open with a copy that was emptied may have it back where the right is back:
 * the store was out of reach, say, and nothing was shown for a minute. */
static void restore(struct passthrough *p, struct copy *c)
{
    int64_t now = clock_mono_ms();
    if (now < c->retry_ms)
        return;
    c->retry_ms = now + RETRY_MS;
    copy_enqueue(p, c);
}

void passthrough_recheck(struct passthrough *p)
{
    if (!p)
        return;
    LOCKED(&p->lock);
    AUTO(seen) struct seen *s = mount_state_get(p->f->state, p->f->uid);
    for (size_t i = 0; i < PASSTHROUGH_BUCKETS; i++)
        for (struct copy *c = p->buckets[i], *next; c; c = next) {
            next = c->next;
            if (c->fd < 0)
                continue;
            bool visible = is_visible(p, s, c);
            if (!visible && (c->ready || c == p->filling)) {
                copy_empty(p, c);
                copy_settle(p, c);
            } else if (visible && !c->ready) {
                restore(p, c);
            }
        }
}

void passthrough_greeted(struct passthrough *p)
{
    if (!p || backing_is_offered(p->f))
        return;
    p->off = true;
    log_warn(PASSTHROUGH_TAG,
             "this kernel has no FUSE passthrough (Linux 6.9 and later has): files are read "
             "through the daemon");
}

json_t *passthrough_figures(struct passthrough *p)
{
    if (!p)
        return NULL;
    LOCKED(&p->lock);
    return json_pack("{s:I, s:I, s:I}", "copies", (json_int_t)p->n_copies, "bytes",
                     (json_int_t)p->held, "opens", (json_int_t)p->opens);
}

/* ---- beginning and end ----------------------------------------------------------------------- */

/* Each copy is an open file. */
static size_t count_of_copies(void)
{
    struct rlimit lim;
    if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
        return PASSTHROUGH_COPIES / 4;
    if (lim.rlim_cur < DESCRIPTORS_WANTED) {
        lim.rlim_cur = lim.rlim_max < DESCRIPTORS_WANTED ? lim.rlim_max : DESCRIPTORS_WANTED;
        setrlimit(RLIMIT_NOFILE, &lim);
    }
    return lim.rlim_cur / 4 < PASSTHROUGH_COPIES ? (size_t)lim.rlim_cur / 4 : PASSTHROUGH_COPIES;
}

int passthrough_new(struct front *f, const struct passthrough_options *o, struct passthrough **ret,
                    struct err *e)
{
    AUTO(fd) int trial = open(o->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (trial < 0)
        return err_errno(e, -errno, "passthrough needs a file without a name in '%s'", o->dir);
    struct passthrough *p = xcalloc(1, sizeof *p);
    p->f = f;
    p->disk = o->disk;
    p->guard = o->guard;
    p->dir = xstrdup(o->dir);
    p->limit = o->size_bytes ? o->size_bytes : PASSTHROUGH_BYTES;
    p->horizon_s = o->horizon_s;
    p->most = count_of_copies();
    p->queue_end = &p->queue;
    p->part = xcalloc(1, CACHE_READ_BYTES);
    pthread_mutex_init(&p->lock, NULL);
    pthread_mutex_init(&p->writing, NULL);
    pthread_cond_init(&p->cond, NULL);
    int r = passthrough_start_worker(p, e);
    if (r < 0) {
        passthrough_end(p);
        passthrough_free(p);
        return r;
    }
    *ret = p;
    return 0;
}

void passthrough_end(struct passthrough *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < PASSTHROUGH_BUCKETS; i++)
        for (struct copy *c = p->buckets[i]; c; c = c->next)
            copy_empty(p, c);
    pthread_mutex_unlock(&p->lock);
    passthrough_stop_worker(p);
    LOCKED(&p->lock);
    for (size_t i = 0; i < PASSTHROUGH_BUCKETS; i++)
        while (p->buckets[i]) {
            struct copy *c = p->buckets[i];
            p->buckets[i] = c->next;
            give_up(p, c);
            free_copy(c);
        }
}

void passthrough_free(struct passthrough *p)
{
    if (!p)
        return;
    pthread_cond_destroy(&p->cond);
    pthread_mutex_destroy(&p->lock);
    pthread_mutex_destroy(&p->writing);
    explicit_bzero(p->part, CACHE_READ_BYTES);
    free(p->part);
    free(p->dir);
    free(p);
}
