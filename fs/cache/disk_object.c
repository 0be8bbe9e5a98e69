/* fs/cache/disk_object.c - the entries of a disk cache's table: one a version, with its key. */
/* SPDX-License-Identifier: MIT */
#include "fs/cache/disk_impl.h"

#include <errno.h>
#include <string.h>

#include <openssl/rand.h>

#include "base/err.h"

#define TOUCH_MS 60000 /* how exactly it is known when an entry was used */
#define SET_BYTES (DISK_OBJECT_WAYS * sizeof(struct disk_object))

struct disk_name disk_name_of(struct disk_cache *dc, const char *key, const char *etag)
{
    struct disk_name n;
    disk_hash(dc->keys, dc->lake, sizeof dc->lake, key, strlen(key), NULL, 0, n.name);
    disk_hash(dc->keys, dc->lake, sizeof dc->lake, key, strlen(key), etag, etag ? strlen(etag) : 0,
              n.id);
    return n;
}

static atomic_uint *erased_of(struct disk_cache *dc, const struct disk_name *name)
{
    return &dc->erased[name->name[8] % DISK_LOCKS];
}

unsigned disk_erased(struct disk_cache *dc, const struct disk_name *name)
{
    return atomic_load(erased_of(dc, name));
}

static int read_set(struct disk_cache *dc, uint64_t set, struct disk_object *ret)
{
    return disk_read_at(dc->table.fd, ret, SET_BYTES, disk_object_at(&dc->table, set, 0));
}

static int write_entry(struct disk_cache *dc, uint64_t set, unsigned way,
                       const struct disk_object *o)
{
    return disk_write_at(dc->table.fd, o, sizeof *o, disk_object_at(&dc->table, set, way));
}

/* The way of the version in `set`, or -1. */
static int way_of(const struct disk_object *set, const struct disk_name *name)
{
    for (unsigned i = 0; i < DISK_OBJECT_WAYS; i++)
        if (set[i].serial && memcmp(set[i].id, name->id, DISK_ID_BYTES) == 0)
            return (int)i;
    return -1;
}

/* One that is free, or the one that was not used for longest. A stamp of the future is damage, or a
 * clock that was set back. */
static unsigned victim(const struct disk_object *set)
{
    uint64_t now = disk_now(), oldest = UINT64_MAX;
    unsigned way = 0;
    for (unsigned i = 0; i < DISK_OBJECT_WAYS; i++) {
        uint64_t stamp = set[i].stamp > now ? 0 : set[i].stamp + 1;
        if (set[i].serial == 0)
            return i;
        if (stamp < oldest) {
            oldest = stamp;
            way = i;
        }
    }
    return way;
}

static int load(struct disk_cache *dc, struct disk_work *w, const struct disk_object *o)
{
    return disk_cipher_load(w->cipher, dc->keys, o->id, 2 * DISK_ID_BYTES, o->serial, &o->wrapped);
}

/* Without a lock: should another take the entry meanwhile, its stamp is a moment off. */
static void touch(struct disk_cache *dc, uint64_t set, unsigned way, uint64_t stamp)
{
    uint64_t now = disk_now();
    if (stamp <= now && now - stamp < TOUCH_MS)
        return;
    disk_write_at(dc->table.fd, &now, sizeof now,
                  disk_object_at(&dc->table, set, way) + offsetof(struct disk_object, stamp));
}

int disk_object_find(struct disk_cache *dc, struct disk_work *w, const struct disk_name *name,
                     uint64_t *ret_serial)
{
    struct disk_object set[DISK_OBJECT_WAYS];
    uint64_t at = disk_object_set(&dc->table, name->name);
    int r = read_set(dc, at, set);
    int way = r == 0 ? way_of(set, name) : -1;
    if (way < 0)
        return r < 0 ? r : -ENOENT;
    if (w && load(dc, w, &set[way]) < 0)
        return -ENOENT; /* damaged, or half written just now */
    touch(dc, at, (unsigned)way, set[way].stamp);
    *ret_serial = set[way].serial;
    return 0;
}

/* A new entry in `way`, in place of what is there. The set is locked. */
static int make(struct disk_cache *dc, struct disk_work *w, const struct disk_name *name,
                uint64_t set, unsigned way, uint64_t *ret_serial)
{
    struct disk_object o = {.stamp = disk_now()};
    memcpy(o.id, name->id, DISK_ID_BYTES);
    memcpy(o.name, name->name, DISK_ID_BYTES);
    do {
        if (RAND_bytes((unsigned char *)&o.serial, sizeof o.serial) != 1)
            return -EIO;
    } while (o.serial == 0);
    int r = disk_cipher_make(w->cipher, dc->keys, o.id, 2 * DISK_ID_BYTES, o.serial, &o.wrapped);
    if (r == 0)
        r = write_entry(dc, set, way, &o);
    if (r == 0)
        *ret_serial = o.serial;
    return r;
}

int disk_object_get(struct disk_cache *dc, struct disk_work *w, const struct disk_name *name,
                    unsigned erased, uint64_t *ret_serial)
{
    struct disk_object set[DISK_OBJECT_WAYS];
    uint64_t at = disk_object_set(&dc->table, name->name);
    uint64_t start = disk_object_at(&dc->table, at, 0);
    int r = disk_lock(&dc->table, start, SET_BYTES, /* wait_ms= */ 0);
    if (r < 0)
        return r;
    /* Erasing raises the number, then takes the lock: it comes before this look or after the write. */
    r = disk_erased(dc, name) != erased ? -ECANCELED : read_set(dc, at, set);
    if (r == 0) {
        int way = way_of(set, name);
        if (way >= 0 && load(dc, w, &set[way]) == 0) {
            *ret_serial = set[way].serial;
        } else {
            if (way >= 0)
                atomic_fetch_add(&dc->damaged, 1);
            r = make(dc, w, name, at, way >= 0 ? (unsigned)way : victim(set), ret_serial);
        }
    }
    disk_unlock(&dc->table, start, SET_BYTES);
    return r;
}

/* Other processes are not waited for, nor a stopped one: they write only whole entries of their own
 * making, so what is zero here stays zero or becomes another entry. A set that cannot be read is
 * overwritten as a whole: the key may be in it, and the others are no more than bytes to fetch. */
int disk_object_erase(struct disk_cache *dc, const struct disk_name *name, bool all_versions,
                      struct err *e)
{
    static const struct disk_object none;
    struct disk_object set[DISK_OBJECT_WAYS];
    uint64_t at = disk_object_set(&dc->table, name->name);
    uint64_t start = disk_object_at(&dc->table, at, 0);
    int found = 0;

    atomic_fetch_add(erased_of(dc, name), 1);
    disk_lock_threads(&dc->table, start);
    int r = 0;
    bool is_lost = read_set(dc, at, set) < 0;
    for (unsigned i = 0; r == 0 && i < DISK_OBJECT_WAYS; i++) {
        if (!is_lost && memcmp(all_versions ? set[i].name : set[i].id,
                               all_versions ? name->name : name->id, DISK_ID_BYTES) != 0)
            continue;
        r = write_entry(dc, at, i, &none);
        found++;
    }
    disk_unlock_threads(&dc->table, start);
    if (r < 0)
        return err_errno(e, r, "erase an object's key in the cache in '%s'", dc->dir);
    return found;
}
