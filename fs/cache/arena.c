/* fs/cache/arena.c - the budget as blocks of memory that are recycled as a whole. */
/* SPDX-License-Identifier: MIT */
#include "fs/cache/cache_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"

#define END_SLACK 65536u /* who has read so near to the end has read it all */
#define KEPT_PART 8      /* of the arenas at most one in so many is for what is kept */

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
    a->touched_ms = clock_mono_ms();
}

void arena_untake(struct arena *a, const struct extent *x)
{
    if (x->rd.data + x->room == a->mem + a->used)
        a->used -= x->room;
}

/* The fullest arena in use that still has room: small extents fill gaps before they open another
 * arena. */
static struct arena *with_room(struct cache *c, size_t n, bool kept)
{
    struct arena *best = NULL;
    for (size_t i = 0; i < c->arena_count; i++) {
        struct arena *a = &c->arenas[i];
        if (a->used > 0 && a->kept == kept && c->block_bytes - a->used >= n &&
            (!best || a->used > best->used))
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

/* Of what is fetched ahead, that which nobody came for within a while is like what was read. */
static bool is_fresh(const struct arena *a, int64_t now_ms)
{
    return a->fresh > 0 && now_ms - a->fresh_ms < CACHE_FRESH_MS;
}

/* Somebody has it open, has read from it a moment ago, and not to its end: more is read of it next.
 */
static bool is_begun(const struct arena *a, int64_t now_ms)
{
    if (now_ms - a->touched_ms >= CACHE_FRESH_MS)
        return false;
    for (const struct extent *x = a->extents; x; x = x->arena_next)
        if (x->hashed && x->object->files > 0 && x->read_to > 0 &&
            x->read_to + END_SLACK < x->offset + x->length)
            return true;
    return false;
}

/* All that it holds was read, by who keeps it. */
static bool is_spent(const struct arena *a)
{
    for (const struct extent *x = a->extents; x; x = x->arena_next)
        if (x->hashed && x->spent < x->length)
            return false;
    return a->extents != NULL;
}

static enum give_way class_of(const struct arena *a, int64_t now_ms)
{
    if (a->pins > 0)
        return GIVE_WAY_NEVER;
    if (is_fresh(a, now_ms))
        return GIVE_WAY_FRESH;
    if (a->kept)
        return GIVE_WAY_KEPT;
    if (is_spent(a))
        return GIVE_WAY_SPENT;
    return is_begun(a, now_ms) ? GIVE_WAY_BEGUN : GIVE_WAY_READ;
}

/* The next one to give way, of the classes up to `most`; NULL: none. */
static struct arena *next_victim(struct cache *c, enum give_way most)
{
    int64_t now_ms = clock_mono_ms();
    struct arena *best = NULL;
    enum give_way best_class = GIVE_WAY_NEVER;
    for (size_t i = 0; i < c->arena_count; i++) {
        struct arena *a = &c->arenas[i];
        enum give_way class = class_of(a, now_ms);
        if (class > most || class > best_class)
            continue;
        bool sooner = best && (class == GIVE_WAY_FRESH   ? a->fresh_ms > best->fresh_ms
                               : class == GIVE_WAY_SPENT ? a->stamp > best->stamp
                                                         : a->stamp < best->stamp);
        if (class < best_class || sooner) {
            best = a;
            best_class = class;
        }
    }
    return best;
}

/* Frees the extents: an arena without pins has no other user. */
static void empty(struct arena *a)
{
    for (struct extent *x = a->extents, *next; x; x = next) {
        next = x->arena_next;
        extent_forget(x);
    }
    a->kept = false;
}

/* ---- what is kept of an arena that gives way ------------------------------------------------- */

static bool has_ends(const struct arena *a)
{
    for (const struct extent *x = a->extents; x; x = x->arena_next)
        if (x->object->ends.head > 0 || x->object->ends.tail > 0)
            return true;
    return false;
}

/* What it holds is lost, so it must not be what is to be kept next. */
static struct arena *least_recent_without_ends(struct cache *c)
{
    int64_t now_ms = clock_mono_ms();
    struct arena *best = NULL;
    for (size_t i = 0; i < c->arena_count; i++) {
        struct arena *a = &c->arenas[i];
        if (class_of(a, now_ms) == GIVE_WAY_READ && (!best || a->stamp < best->stamp) &&
            !has_ends(a))
            best = a;
    }
    return best;
}

static struct arena *least_recent_kept(struct cache *c)
{
    struct arena *best = NULL;
    for (size_t i = 0; i < c->arena_count; i++) {
        struct arena *a = &c->arenas[i];
        if (a->kept && a->pins == 0 && (!best || a->stamp < best->stamp))
            best = a;
    }
    return best;
}

static size_t count_kept(const struct cache *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->arena_count; i++)
        n += c->arenas[i].kept;
    return n;
}

/* Room among the kept ones: theirs, then a further arena, then the place of the least recent. */
static struct arena *room_to_keep(struct cache *c, size_t n)
{
    struct arena *a = with_room(c, extent_room(c, n), /* kept= */ true);
    if (a)
        return a;
    if (count_kept(c) < c->arena_count / KEPT_PART) {
        a = unused(c);
        if (!a)
            a = least_recent_without_ends(c);
    } else {
        a = least_recent_kept(c);
    }
    if (!a)
        return NULL;
    empty(a);
    a->kept = a->touched = true;
    return a;
}

static void keep(struct cache *c, struct extent *x, uint64_t from, uint64_t to)
{
    uint64_t end = x->offset + x->length;
    if (from < x->offset)
        from = x->offset;
    if (to > end)
        to = end;
    size_t n = from < to ? (size_t)(to - from) : 0;
    if (n == 0 || n > c->block_bytes / 2)
        return;
    struct arena *a = room_to_keep(c, n);
    if (a) {
        extent_copy(c, x, from, n, a);
        arena_touch(c, a);
    }
}

/* Saves the ends of files out of an arena before it is emptied. */
static void keep_ends(struct cache *c, struct arena *a)
{
    if (a->kept || c->arena_count < KEPT_PART)
        return;
    a->pins++; /* is not taken itself for what is kept */
    for (struct extent *x = a->extents; x; x = x->arena_next) {
        const struct object *o = x->object;
        if (x->state != EXTENT_READY || !x->hashed || (x->fresh && o->ends.tail == 0))
            continue; /* of frames that were read only: there may be many others */
        if (o->ends.head > 0)
            keep(c, x, 0, o->ends.head);
        if (o->ends.tail > 0)
            keep(c, x, o->size - o->ends.tail, o->size);
    }
    a->pins--;
}

/* ---- taking ---------------------------------------------------------------------------------- */

static size_t count_fresh(const struct cache *c)
{
    int64_t now_ms = clock_mono_ms();
    size_t n = 0;
    for (size_t i = 0; i < c->arena_count; i++)
        n += is_fresh(&c->arenas[i], now_ms);
    return n;
}

struct arena *arena_take(struct cache *c, size_t n, enum give_way most)
{
    struct arena *a = NULL;
    if (most == GIVE_WAY_READ && count_fresh(c) >= c->arena_count / 2)
        return NULL;
    if (n < c->block_bytes)
        a = with_room(c, n, /* kept= */ false);
    if (!a)
        a = unused(c);
    if (!a || !a->touched) {
        struct arena *victim = next_victim(c, a ? GIVE_WAY_SPENT : most);
        if (victim) {
            a = victim;
            keep_ends(c, a);
            empty(a);
        }
    }
    if (a) {
        a->kept = false;
        a->touched = true;
        arena_touch(c, a);
    }
    return a;
}
