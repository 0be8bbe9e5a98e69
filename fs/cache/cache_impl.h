/* fs/cache/cache_impl.h - arenas, extents and objects; for fs/cache/ only. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_CACHE_CACHE_IMPL_H
#define FS_CACHE_CACHE_IMPL_H

#include <pthread.h>
#include <sys/queue.h>

#include "fs/cache/cache.h"
#include "fs/cache/ends.h"
#include "fs/cache/readahead.h"
#include "fs/store/store.h"

#define CACHE_PAGE_BYTES 4096u
#define CACHE_FRESH_MS 10000 /* what was fetched ahead has precedence for so long */

/*
 *   object (key, etag)          arena: one block of the budget's memory
 *     └─ extents ──────────────────► [ extent | extent |   free   ]
 *          ▲                             filled from the front, emptied as a whole
 *          └─ pieces of reads
 *
 * An extent is one fetched range of an object, within one aligned block of it. A whole block fills
 * an arena; shorter extents share one. An arena is recycled as a whole when it is the least
 * recently used one and nobody uses an extent in it, so memory never fragments, is never given
 * back and never grows. The ends of files that readers come back to are copied into an arena that
 * is `kept`, where theirs is recycled.
 *
 * One mutex guards everything here. It is not held while the store is asked to read, nor while a
 * read is answered; the store's cancel is called under it, which is what makes it safe: done()
 * takes the mutex, so a read cannot end while it is being cancelled.
 */

struct object {
    char *key, *etag;
    uint64_t hash;
    uint64_t size; /* of the object; 0: not known yet */
    struct ends ends;
    unsigned refs;  /* extents and files */
    unsigned files; /* open handles */
    struct extent *extents;
    struct object *next; /* same hash bucket */
};

enum extent_state {
    EXTENT_FETCHING,
    EXTENT_READY,
    EXTENT_FAILED,
};

struct extent {
    struct store_read rd; /* first: the store hands it back */
    struct cache *cache;
    struct object *object;
    struct arena *arena;
    uint64_t offset; /* of the object */
    size_t length, have;
    uint64_t read_to; /* of the object: the end of what was asked for; 0: nothing */
    size_t spent;     /* bytes that were given to who keeps them itself */
    size_t room;      /* taken from the arena */
    enum extent_state state;
    unsigned refs; /* pieces, the fetch, and the call that starts it */
    bool hashed;   /* can be found; else it goes with its last reference */
    bool ahead;    /* begun before anybody asked for it */
    bool fresh;    /* the same, and nobody has asked yet */
    bool started;  /* store_read_start() has returned */
    bool in_ahead; /* in the list of prefetches */
    bool counted;  /* among those that the fetch thread has under way */
    bool unwanted; /* to be cancelled as soon as it is started */
    struct cache_piece *waiters;
    struct extent *hash_next;
    struct extent *object_next, *object_prev;
    struct extent *arena_next, *arena_prev;
    struct extent *start_next;
};

/* What gives way first when memory is needed; fs/DESIGN.md says why. */
enum give_way {
    GIVE_WAY_SPENT, /* whoever read it keeps it: the youngest first, it is warm in the processor's
                       caches, and memory that was never touched stays so */
    GIVE_WAY_READ,  /* longest unused first; also what was fetched ahead and nobody came for */
    GIVE_WAY_KEPT,  /* longest unused first */
    GIVE_WAY_FRESH, /* fetched ahead: the youngest first, it would be read last */
    GIVE_WAY_BEGUN, /* being read through: longest unused first */
    GIVE_WAY_NEVER, /* a read needs it, or it is being fetched */
};

struct arena {
    char *mem;
    size_t used;
    uint64_t stamp;     /* of its last use */
    int64_t touched_ms; /* the same by the clock */
    unsigned pins;      /* references of its extents */
    unsigned fresh;     /* its fresh extents */
    int64_t fresh_ms;   /* when the last of them was begun */
    bool touched;       /* its pages exist */
    bool kept;          /* holds ends of files, and gives way after what was read once */
    struct extent *extents;
};

struct extent_list {
    struct extent *first, **last;
};

struct read_list {
    struct cache_read *first, **last;
};

struct cache {
    struct store *store;
    size_t block_bytes, unit_bytes, arena_count;
    int64_t deadline_ms;

    pthread_mutex_t lock;
    pthread_cond_t watch_cond, fetch_cond, idle_cond;
    pthread_t watch_thread, fetch_thread;
    bool stopping;

    char *mem;
    struct arena *arenas;
    uint64_t clock;
    struct extent **extent_table;
    size_t extent_mask;
    struct object **object_table;
    size_t object_mask;

    TAILQ_HEAD(, cache_file) streams; /* files being read through, the last one last */
    size_t n_streams;
    struct cache_read *waiting;          /* reads that were not answered */
    struct read_list queue;              /* of them: without memory yet, first come first served */
    struct read_list ready;              /* to be answered */
    struct extent_list start;            /* wanted: started by whoever asked */
    struct extent_list ahead;            /* prefetches: started by the fetch thread */
    size_t ahead_bytes, n_ahead;         /* started by it and under way */
    unsigned window;                     /* blocks to fetch ahead of a stream at most */
    int64_t window_ms;                   /* when the store was asked for it */
    size_t fetching, answering, pumping; /* threads and reads at work: all 0 before it ends */
    uint64_t fetched_bytes, prefetched_bytes, wasted_bytes, served_bytes;
};

static inline void extent_list_init(struct extent_list *l)
{
    l->first = NULL;
    l->last = &l->first;
}

static inline void extent_list_add(struct extent_list *l, struct extent *x)
{
    x->start_next = NULL;
    *l->last = x;
    l->last = &x->start_next;
}

static inline struct extent *extent_list_pop(struct extent_list *l)
{
    struct extent *x = l->first;
    if (x && !(l->first = x->start_next))
        l->last = &l->first;
    return x;
}

static inline void extent_list_remove(struct extent_list *l, struct extent *x)
{
    struct extent **at = &l->first;
    while (*at != x)
        at = &(*at)->start_next;
    *at = x->start_next;
    if (!*at)
        l->last = at;
}

static inline void read_list_init(struct read_list *l)
{
    l->first = NULL;
    l->last = &l->first;
}

static inline void read_list_add(struct read_list *l, struct cache_read *rd)
{
    rd->queue_next = NULL;
    *l->last = rd;
    l->last = &rd->queue_next;
}

static inline struct cache_read *read_list_pop(struct read_list *l)
{
    struct cache_read *rd = l->first;
    if (rd && !(l->first = rd->queue_next))
        l->last = &l->first;
    return rd;
}

struct cache_file {
    struct cache *cache;
    struct object *object;
    uint64_t size;
    struct readahead readahead;
    bool was_read;     /* or is about to be, for the first time */
    bool is_kept;      /* by the reader: cache_file_is_kept() */
    int64_t stream_ms; /* when it was last read on; 0: not in the list of streams */
    TAILQ_ENTRY(cache_file) stream_link;
    unsigned refs; /* the handle and its reads */
};

void file_unref(struct cache_file *f); /* cache.c */

/* All below: called with the lock held, but where it says otherwise. */

/* arena.c - room for `n` bytes, or NULL: at most that class gives way for it. Where that is
 * GIVE_WAY_READ it is a prefetch, and these never fill more than half of the arenas. */
int arena_init(struct cache *c, size_t count, struct err *e);
void arena_done(struct cache *c);
struct arena *arena_take(struct cache *c, size_t n, enum give_way most);
void arena_touch(struct cache *c, struct arena *a);
/* Takes back the last room given where that is still possible. */
void arena_untake(struct arena *a, const struct extent *x);

/* read.c */
/* Begins the prefetch of what is missing of [from, to). True: nothing is missing any more. */
bool read_ahead(struct cache *c, struct object *o, uint64_t from, uint64_t to);
void read_pump(
    struct cache *c); /* answers what is ready, starts what is wanted; unlocks for both */
void read_start_ahead(struct cache *c, struct extent *x); /* on the fetch thread; unlocks */
void read_expire(struct cache *c, int64_t now_ms);        /* ends those whose deadline has passed */
void read_end_stream(struct cache_file *f);               /* it is closed */
void read_end(struct cache *c, struct cache_read *rd, int r); /* has a waiting read answered */

/* extent.c */
struct object *object_get(struct cache *c, const char *key, const char *etag); /* a reference */
void object_unref(struct cache *c, struct object *o);
size_t extent_room(const struct cache *c, size_t n); /* what n bytes take of an arena */
struct extent *extent_find(struct cache *c, const struct object *o, uint64_t offset);
/* A new extent of [offset, offset + n), findable, with one reference for its fetch and one for its
 * start; NULL: no memory (arena_take()). With GIVE_WAY_READ it is fetched ahead. It goes into no
 * list. */
struct extent *extent_new(struct cache *c, struct object *o, uint64_t offset, size_t n,
                          enum give_way most);
/* A copy of n bytes of `x` from `offset` on, in an arena that has room. */
void extent_copy(struct cache *c, const struct extent *x, uint64_t offset, size_t n,
                 struct arena *a);
void extent_ref(struct extent *x);
void extent_unref(struct extent *x);
void extent_used(struct extent *x);   /* no longer fresh; its arena was used */
void extent_waste(struct extent *x);  /* no longer fresh: nobody is about to read it */
void extent_forget(struct extent *x); /* cannot be found any more */
/* Forgets and cancels one that is being fetched and that nobody waits for. */
void extent_cancel(struct extent *x);
/* Takes back one that was never started, with both references of extent_new(). */
void extent_abandon(struct extent *x);
/* Makes memory come free: cancels the youngest prefetch that nobody waits for. */
void extent_cancel_one(struct cache *c);

#endif
