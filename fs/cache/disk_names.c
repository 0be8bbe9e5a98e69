/* fs/cache/disk_names.c - of which objects a disk cache holds anything. */
/* SPDX-License-Identifier: MIT */
#include "fs/cache/disk_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/cache/disk_impl.h"

#define SETS_AT_ONCE 256u

/* A table of hashes, open addressing: they are keyed and spread by themselves. All zero: free. One that
 * was taken stays where it is, so that what lies behind it is found. */
struct disk_names {
    struct disk_cache *dc;
    struct name {
        unsigned char hash[DISK_ID_BYTES];
        bool taken;
    } *names;
    size_t mask, used, left;
};

static struct name *slot_of(const struct disk_names *n, const unsigned char *hash)
{
    static const unsigned char none[DISK_ID_BYTES];
    uint64_t at;
    memcpy(&at, hash, sizeof at);
    for (;; at++) {
        struct name *s = &n->names[at & n->mask];
        if (memcmp(s->hash, none, sizeof none) == 0 || memcmp(s->hash, hash, sizeof none) == 0)
            return s;
    }
}

static void grow(struct disk_names *n)
{
    struct name *old = n->names;
    size_t room = old ? n->mask + 1 : 0;
    n->mask = room ? 2 * room - 1 : 1023;
    n->names = xcalloc(n->mask + 1, sizeof *n->names);
    for (size_t i = 0; i < room; i++)
        *slot_of(n, old[i].hash) = old[i];
    free(old);
}

static void add(struct disk_names *n, const struct disk_object *o)
{
    static const unsigned char none[DISK_ID_BYTES];
    if (o->serial == 0 || memcmp(o->name, none, sizeof none) == 0)
        return;
    if (n->used * 2 > n->mask)
        grow(n);
    struct name *s = slot_of(n, o->name);
    if (memcmp(s->hash, none, sizeof none) != 0)
        return; /* another version of it */
    memcpy(s->hash, o->name, sizeof s->hash);
    n->used++;
    n->left++;
}

int disk_names_new(struct disk_cache *dc, struct disk_names **ret, struct err *e)
{
    size_t set_bytes = DISK_OBJECT_WAYS * sizeof(struct disk_object);
    AUTO(free) struct disk_object *room = xcalloc(SETS_AT_ONCE, set_bytes);
    struct disk_names *n = xcalloc(1, sizeof *n);
    uint64_t sets = dc->table.object_sets;
    n->dc = dc;
    grow(n);
    for (uint64_t at = 0; at < sets; at += SETS_AT_ONCE) {
        size_t k = sets - at < SETS_AT_ONCE ? (size_t)(sets - at) : SETS_AT_ONCE;
        int r = disk_read_at(dc->table.fd, room, k * set_bytes, disk_object_at(&dc->table, at, 0));
        if (r < 0) {
            disk_names_free(n);
            return err_errno(e, r, "read the table of the cache in '%s'", dc->dir);
        }
        for (size_t i = 0; i < k * DISK_OBJECT_WAYS; i++)
            add(n, &room[i]);
    }
    *ret = n;
    return 0;
}

void disk_names_free(struct disk_names *n)
{
    if (!n)
        return;
    free(n->names);
    free(n);
}

size_t disk_names_left(const struct disk_names *n)
{
    return n->left;
}

bool disk_names_take(struct disk_names *n, const char *key)
{
    struct disk_name name = disk_name_of(n->dc, key, /* etag= */ NULL);
    struct name *s = slot_of(n, name.name);
    if (s->taken || memcmp(s->hash, name.name, sizeof s->hash) != 0)
        return false;
    s->taken = true;
    n->left--;
    return true;
}
