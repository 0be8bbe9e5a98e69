/* fs/cache/cache.h - bytes of objects in memory, fetched once, shared by all handles, bounded. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_CACHE_CACHE_H
#define FS_CACHE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct cache;
struct cache_file;
struct cache_read;
struct err;
struct extent;
struct store;

#define CACHE_BUDGET_BYTES ((size_t)256 << 20)
#define CACHE_BUDGET_MIN_BYTES ((size_t)4 << 20)
#define CACHE_BLOCK_BYTES ((size_t)8 << 20)
#define CACHE_READ_BYTES ((size_t)1 << 20) /* the longest single read */
#define CACHE_DEADLINE_MS 30000
#define CACHE_PIECES 8 /* fetched ranges that one read may be put together from */

struct cache_options {   /* 0 in any of them: the default above */
    size_t budget_bytes; /* all data that the cache ever holds, a hard limit */
    size_t block_bytes;  /* the unit of sequential fetches; made smaller for small budgets */
    size_t unit_bytes;   /* what longer random reads are rounded to (default: pages), up to 64 KiB:
                            the unit in which the store below keeps bytes itself */
    int64_t deadline_ms; /* of one read */
};

/* A cache over `store` (borrowed; it must outlive the cache). Starts two threads: one gives
 * overdue reads up, one starts prefetches. -EINVAL: a budget under CACHE_BUDGET_MIN_BYTES. */
int cache_new(struct store *store, const struct cache_options *options, struct cache **ret,
              struct err *e);
/* Every file is closed. Ends what is still being fetched and waits for it. NULL is fine. */
void cache_free(struct cache *c);

static inline void auto_cache(struct cache **c)
{
    cache_free(*c);
}

/* One open handle of the object version (key, etag) of `size` bytes. Handles of the same version
 * share their bytes. Asks the store nothing. Never NULL. */
struct cache_file *cache_file_open(struct cache *c, const char *key, const char *etag,
                                   uint64_t size);
/* Whoever reads it keeps the bytes: the kernel in its pages. They are the first to give way here. */
void cache_file_is_kept(struct cache_file *f);
/* Prefetches that nobody waits for end. Reads under way may still be answered afterwards. */
void cache_file_close(struct cache_file *f);
const char *cache_file_etag(const struct cache_file *f); /* borrowed from `f` */
uint64_t cache_file_size(const struct cache_file *f);

/* Called exactly once for a read that was started, from any thread and without a lock held; may
 * be called before cache_read_start() returns. r = 0: `iov` holds the bytes, borrowed for the call.
 * Else a code of fs/store/store.h, or what cache_read_cancel() was given. `rd` belongs to the
 * caller again, who may free it here. */
typedef void cache_reply_fn(struct cache_read *rd, int r, const struct iovec *iov, int n);

/* One read, embedded in the caller's structure. The caller fills the first part. */
struct cache_read {
    struct cache_file *file;
    uint64_t offset; /* within the object, with `length` too */
    size_t length;   /* 1 to CACHE_READ_BYTES */
    cache_reply_fn *reply;

    /* The cache's own. Zero before the start. */
    int state;
    int result;
    int64_t deadline_ms;
    struct cache_read *next, *prev; /* among those that wait */
    struct cache_read *queue_next;  /* for memory, or for their reply */
    struct cache_piece {
        struct extent *extent;
        uint64_t from, to; /* bytes of the object */
        struct cache_read *read;
        struct cache_piece *next, *prev; /* waiters of the extent */
        bool waits;
    } piece[CACHE_PIECES];
    int n_pieces, n_waits;
};

/* Starts a read; `reply` comes as soon as the bytes asked for are there. It never fails for want of
 * memory: prefetches give way, and then it waits its turn. */
void cache_read_start(struct cache_read *rd);

/* Has `reply` called with `r` (negative) soon, from a thread of the cache. Harmless at any time
 * from the moment that `rd->file` is set until `reply` is called: then it changes nothing. */
void cache_read_cancel(struct cache_read *rd, int r);

/* Forgets what is held of an object. `etag` NULL: of all its versions. */
void cache_drop(struct cache *c, const char *key, const char *etag);

/* Fetches the first `length` bytes of the object version (key, etag) before anybody asks for them,
 * as far as what is fetched ahead may take memory; needs no handle. What is there or under way
 * already costs nothing. True: all of it is there or under way. False: not now; ask again when
 * something of what was fetched ahead has been read. Does not wait and asks the store from another
 * thread. */
bool cache_prefetch(struct cache *c, const char *key, const char *etag, uint64_t length);

/* How much is worth fetching ahead of one reader: more where the store is far. */
uint64_t cache_ahead_bytes(struct cache *c);

struct cache_stats {
    uint64_t held_bytes; /* in memory */
    uint64_t budget_bytes;
    uint64_t fetched_bytes;    /* from the store, since the start */
    uint64_t prefetched_bytes; /* of them: before somebody asked for them */
    uint64_t wasted_bytes;     /* of these: gone again before anybody did */
    uint64_t served_bytes;     /* in replies */
};
void cache_stats(struct cache *c, struct cache_stats *ret);

#endif
