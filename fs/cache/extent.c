/* fs/cache/extent.c - fetched ranges, the objects they belong to, and how both are found. */
/* SPDX-License-Identifier: MIT */
#include "fs/cache/cache_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

/* FNV-1a: keys of the lake come from its owner, nobody is kept out by a table here. */
static uint64_t hash_bytes(uint64_t h, const char *s)
{
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001b3u;
    return h * 0x100000001b3u;
}

/* ---- objects ------------------------------------------------------------------------------- */

struct object *object_get(struct cache *c, const char *key, const char *etag)
{
    uint64_t h = hash_bytes(hash_bytes(0xcbf29ce484222325u, key), etag);
    struct object **bucket = &c->object_table[h & c->object_mask], *o;
    for (o = *bucket; o; o = o->next)
        if (o->hash == h && !strcmp(o->key, key) && !strcmp(o->etag, etag))
            break;
    if (!o) {
        o = xcalloc(1, sizeof *o);
        o->key = xstrdup(key);
        o->etag = xstrdup(etag);
        o->hash = h;
        o->next = *bucket;
        *bucket = o;
    }
    o->refs++;
    return o;
}

void object_unref(struct cache *c, struct object *o)
{
    if (--o->refs > 0)
        return;
    struct object **at = &c->object_table[o->hash & c->object_mask];
    while (*at != o)
        at = &(*at)->next;
    *at = o->next;
    free(o->key);
    free(o->etag);
    free(o);
}

/* ---- extents ------------------------------------------------------------------------------- */

static struct extent **bucket_of(struct cache *c, const struct object *o, uint64_t offset)
{
    uint64_t h = (o->hash ^ offset / c->block_bytes) * 0x9e3779b97f4a7c15u;
    return &c->extent_table[(h >> 32) & c->extent_mask];
}

struct extent *extent_find(struct cache *c, const struct object *o, uint64_t offset)
{
    struct extent *best = NULL;
    for (struct extent *x = *bucket_of(c, o, offset); x; x = x->hash_next)
        if (x->object == o && x->offset <= offset && offset - x->offset < x->length &&
            (!best || x->offset + x->length > best->offset + best->length))
            best = x;
    return best;
}

static void link_extent(struct cache *c, struct extent *x)
{
    struct extent **bucket = bucket_of(c, x->object, x->offset);
    x->hash_next = *bucket;
    *bucket = x;
    x->hashed = true;

    x->object_next = x->object->extents;
    if (x->object_next)
        x->object_next->object_prev = x;
    x->object->extents = x;

    x->arena_next = x->arena->extents;
    if (x->arena_next)
        x->arena_next->arena_prev = x;
    x->arena->extents = x;
}

/* Extents start on a page. */
size_t extent_room(const struct cache *c, size_t n)
{
    size_t room = (n + CACHE_PAGE_BYTES - 1) / CACHE_PAGE_BYTES * CACHE_PAGE_BYTES;
    return room < c->block_bytes ? room : c->block_bytes;
}

/* Takes its room of the arena. Nothing finds it yet. */
static struct extent *make(struct cache *c, struct object *o, uint64_t offset, size_t n,
                           struct arena *a)
{
    struct extent *x = xcalloc(1, sizeof *x);
    x->cache = c;
    x->object = o;
    o->refs++;
    x->arena = a;
    x->offset = offset;
    x->length = n;
    x->room = extent_room(c, n);
    x->rd.data = a->mem + a->used;
    a->used += x->room;
    return x;
}

struct extent *extent_new(struct cache *c, struct object *o, uint64_t offset, size_t n,
                          enum give_way most)
{
    bool ahead = most == GIVE_WAY_READ;
    struct arena *a = arena_take(c, extent_room(c, n), most);
    if (!a)
        return NULL;
    struct extent *x = make(c, o, offset, n, a);
    x->refs = 2;
    a->pins += 2;
    x->ahead = x->fresh = ahead;
    if (ahead) {
        a->fresh++;
        a->fresh_ms = clock_mono_ms();
    }
    x->rd = (struct store_read){.key = o->key,
                                .etag = o->etag,
                                .offset = offset,
                                .length = n,
                                .data = x->rd.data,
                                .deadline_ms = clock_mono_ms() + c->deadline_ms};
    link_extent(c, x);
    c->fetching++;
    return x;
}

void extent_copy(struct cache *c, const struct extent *from, uint64_t offset, size_t n,
                 struct arena *a)
{
    struct extent *x = make(c, from->object, offset, n, a);
    memcpy(x->rd.data, from->rd.data + (offset - from->offset), n);
    x->have = n;
    x->read_to = from->read_to;
    x->state = EXTENT_READY;
    link_extent(c, x);
}

void extent_ref(struct extent *x)
{
    x->refs++;
    x->arena->pins++;
}

static void set_used(struct extent *x)
{
    if (x->fresh)
        x->arena->fresh--;
    x->fresh = false;
}

void extent_used(struct extent *x)
{
    set_used(x);
    arena_touch(x->cache, x->arena);
}

void extent_waste(struct extent *x)
{
    if (x->fresh)
        x->cache->wasted_bytes += x->have;
    set_used(x);
}

static void destroy(struct extent *x)
{
    struct arena *a = x->arena;
    assert(!x->waiters && x->state != EXTENT_FETCHING);
    if (x->arena_next)
        x->arena_next->arena_prev = x->arena_prev;
    if (x->arena_prev)
        x->arena_prev->arena_next = x->arena_next;
    else
        a->extents = x->arena_next;
    arena_untake(a, x);
    if (!a->extents)
        a->used = 0;
    object_unref(x->cache, x->object);
    free(x);
}

void extent_unref(struct extent *x)
{
    x->arena->pins--;
    if (--x->refs == 0 && !x->hashed)
        destroy(x);
}

void extent_forget(struct extent *x)
{
    if (!x->hashed)
        return;
    struct extent **at = bucket_of(x->cache, x->object, x->offset);
    while (*at != x)
        at = &(*at)->hash_next;
    *at = x->hash_next;
    x->hashed = false;
    extent_waste(x);

    if (x->object_next)
        x->object_next->object_prev = x->object_prev;
    if (x->object_prev)
        x->object_prev->object_next = x->object_next;
    else
        x->object->extents = x->object_next;
    if (x->refs == 0)
        destroy(x);
}

void extent_cancel(struct extent *x)
{
    struct cache *c = x->cache;
    if (x->state != EXTENT_FETCHING || x->waiters)
        return;
    x->unwanted = true;
    if (x->started)
        store_read_cancel(c->store, &x->rd);
    extent_forget(x);
}

void extent_abandon(struct extent *x)
{
    assert(!x->started && !x->waiters);
    x->cache->fetching--;
    x->state = EXTENT_FAILED;
    extent_forget(x);
    extent_unref(x);
    extent_unref(x);
}

void extent_cancel_one(struct cache *c)
{
    struct extent *youngest = NULL;
    for (size_t i = 0; i < c->arena_count; i++)
        for (struct extent *x = c->arenas[i].extents; x; x = x->arena_next)
            if (x->hashed && x->state == EXTENT_FETCHING && !x->waiters &&
                (!youngest || x->arena->stamp > youngest->arena->stamp))
                youngest = x;
    if (youngest)
        extent_cancel(youngest);
}
