/* fs/cache/arena.c - the budget as blocks of memory that are recycled as a whole. */
/* SPDX-License-Identifier: MIT */
#include "fs/cache/cache_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/buf.h"
#include "base/err.h"

int arena_init(struct cache *c, size_t count, struct err *e)
{
    size_t bytes = count * c->block_bytes;
    c->mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                  -1, 0);
    if (c->mem == MAP_FAILED) {
        c->mem = NULL;
        return err_errno(e, -errno, "reserve %zu bytes for the cache", bytes);
    }
    /* Both are wishes: large pages make filling it cheaper, a dump must not hold the bytes. */
    madvise(c->mem, bytes, MADV_HUGEPAGE);
    madvise(c->mem, bytes, MADV_DONTDUMP);
    c->arena_count = count;
    c->arenas = xcalloc(count, sizeof *c->arenas);
    for (size_t i = 0; i < count; i++)
        c->arenas[i].mem = c->mem + i * c->block_bytes;
    return 0;
}

void arena_done(struct cache *c)
{
    if (c->mem)
        munmap(c->mem, c->arena_count * c->block_bytes);
    free(c->arenas);
}

void arena_touch(struct cache *c, struct arena *a)
{
    a->stamp = ++c->clock;
}

void arena_untake(struct arena *a, const struct extent *x)
{
    if (x->rd.data + x->room == a->mem + a->used)
        a->used -= x->room;
}

/* The fullest arena in use that still has room: small extents fill gaps before they open another
 * arena. */
static struct arena *with_room(struct cache *c, size_t n)
{
    struct arena *best = NULL;
    for (size_t i = 0; i < c->arena_count; i++) {
        struct arena *a = &c->arenas[i];
        if (a->used > 0 && c->block_bytes - a->used >= n && (!best || a->used > best->used))
            best = a;
    }
    return best;
}

/* An unused one, with pages before one without: memory is touched only when it is needed. */
static struct arena *unused(struct cache *c)
{
    struct arena *best = NULL;
    for (size_t i = 0; i < c->arena_count; i++) {
        struct arena *a = &c->arenas[i];
        if (a->used == 0 && a->pins == 0 && (!best || (a->touched && !best->touched)))
            best = a;
    }
    return best;
}

static struct arena *least_recent(struct cache *c, bool ahead)
{
    struct arena *best = NULL;
    for (size_t i = 0; i < c->arena_count; i++) {
        struct arena *a = &c->arenas[i];
        if (a->pins > 0 || (ahead && a->fresh > 0))
            continue;
        if (!best || a->stamp < best->stamp)
            best = a;
    }
    return best;
}

static size_t count_fresh(const struct cache *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->arena_count; i++)
        n += c->arenas[i].fresh > 0;
    return n;
}

struct arena *arena_take(struct cache *c, size_t n, bool ahead)
{
    struct arena *a = NULL;
    if (ahead && count_fresh(c) >= c->arena_count / 2)
        return NULL;
    if (n < c->block_bytes)
        a = with_room(c, n);
    if (!a)
        a = unused(c);
    if (!a && (a = least_recent(c, ahead))) {
        for (struct extent *x = a->extents, *next; x; x = next) {
            next = x->arena_next;
            extent_forget(x); /* frees it: an arena without pins has no user */
        }
    }
    if (a) {
        a->touched = true;
        arena_touch(c, a);
    }
    return a;
}
