/* fs/fuse/passthrough_impl.h - the table of plain copies; for passthrough*.c only. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_PASSTHROUGH_IMPL_H
#define FS_FUSE_PASSTHROUGH_IMPL_H

#include <stdatomic.h>

#include "fs/fuse/copy_guard.h"
#include "fs/fuse/passthrough.h"

#define PASSTHROUGH_TAG "passthrough"
#define PASSTHROUGH_BUCKETS 1024
#define PASSTHROUGH_COPIES COPY_GUARD_SLOTS

struct cache_read;

/* An inode that is open or has a copy, or both. */
struct copy {
    struct copy *next; /* in its bucket */
    fuse_ino_t ino;
    node_id node;
    unsigned cached, passed; /* handles in the kernel's pages, and with our file */

    int fd;              /* -1: no copy */
    unsigned slot;       /* of the guard */
    int id;              /* the kernel's; -1: not yet */
    bool ready;          /* all bytes are there */
    uint64_t size, held; /* held: what it counts as in the sum of all */
    uint64_t used;       /* when it was opened last, by the counter `now` */

    bool busy;        /* queued or being filled */
    char *key, *etag; /* from the first time that it was wanted */
    int64_t retry_ms; /* when to try again to fill one that is open and was emptied */
    struct copy *queue_next;
};

struct passthrough {
    struct front *f;
    struct disk_cache *disk;
    struct copy_guard *guard;
    char *dir;
    uint64_t limit;
    int64_t horizon_s;
    size_t most; /* copies, as each is an open file */

    pthread_mutex_t lock; /* guards all that follows; taken before `writing` */
    pthread_cond_t cond;
    struct copy *buckets[PASSTHROUGH_BUCKETS];
    struct copy *queue, **queue_end;
    size_t n_queue, n_copies;
    bool slots[PASSTHROUGH_COPIES];
    uint64_t held, now, opens;
    int64_t paused_until_ms; /* after an error of the folder */
    bool off;                /* no more copies on this mount */
    bool stop;

    pthread_t worker;
    bool working;
    struct copy *filling;    /* whose bytes the worker writes */
    struct cache_read *read; /* what it waits for */
    char *part;              /* the worker's own */
    pthread_mutex_t writing; /* held for each write to a copy, and while one is emptied */
    atomic_bool lost;        /* the one that is being filled must not go on */
};

/* All with the lock held. */

/* It may be read now, in this version. The views are asked under the lock, so that of this and a
 * replacement that comes between, passthrough_recheck() is the later one. */
bool copy_may_stay(struct passthrough *p, const struct copy *c);
/* The same, and nothing that is known now ends it soon. */
bool copy_may_begin(struct passthrough *p, const struct copy *c);

/* Nobody reads a byte of it from here on. */
void copy_empty(struct passthrough *p, struct copy *c);
/* Forgets what is neither open nor of use. `c` may be gone. */
void copy_settle(struct passthrough *p, struct copy *c);
/* Gives up others for a copy of `size` bytes. */
bool copy_make_room(struct passthrough *p, uint64_t size, bool is_new);

/* Has the worker make the copy of the object that is named in it, where there could be one. */
void copy_enqueue(struct passthrough *p, struct copy *c);

/* Without the lock. */
int passthrough_start_worker(struct passthrough *p, struct err *e);
void passthrough_stop_worker(struct passthrough *p);

#endif
