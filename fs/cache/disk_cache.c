/* fs/cache/disk_cache.c - a disk cache: opened, asked, erased, counted. */
/* SPDX-License-Identifier: MIT */
#include "fs/cache/disk_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/cache/disk_impl.h"

/* ---- opening ------------------------------------------------------------------------------- */

static int open_dir(const char *dir, bool make, int *ret, struct err *e)
{
    struct stat st;
    if (!dir || !*dir)
        return err_set(e, -EINVAL, "a cache needs a folder");
    if (make && mkdir(dir, 0700) < 0 && errno != EEXIST)
        return err_errno(e, -errno, "make the folder '%s' for the cache", dir);
    AUTO(fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(e, -errno, "open the cache folder '%s'", dir);
    if (st.st_uid != geteuid())
        return err_set(e, -EACCES, "the cache folder '%s' belongs to user %u, not to us", dir,
                       (unsigned)st.st_uid);
    if (st.st_mode & 077)
        return err_set(e, -EACCES, "the cache folder '%s' is open to others: chmod 700 it", dir);
    *ret = fd;
    fd = -1;
    return 0;
}

static int check_size(uint64_t n, struct err *e)
{
    if (n && (n < DISK_CACHE_SIZE_MIN_BYTES || n > DISK_CACHE_SIZE_MAX_BYTES))
        return err_set(e, -EINVAL,
                       "a cache of %" PRIu64 " bytes cannot be: from %" PRIu64 " MiB to %" PRIu64
                       " TiB",
                       n, DISK_CACHE_SIZE_MIN_BYTES >> 20, DISK_CACHE_SIZE_MAX_BYTES >> 40);
    return 0;
}

int disk_cache_open(const struct disk_cache_options *o, struct disk_cache **ret, struct err *e)
{
    AUTO(fd) int dir_fd = -1;
    int r = check_size(o->size_bytes, e);
    if (r == 0 && (!o->key_path || !*o->key_path))
        r = err_set(e, -EINVAL, "a cache needs a file for its key");
    if (r == 0)
        r = open_dir(o->dir, !o->only_existing, &dir_fd, e);
    if (r < 0)
        return r;

    struct disk_cache *dc = xcalloc(1, sizeof *dc);
    dc->dir = xstrdup(o->dir);
    dc->table.fd = dc->table.data_fd = -1;
    r = o->only_existing ? disk_keys_load_existing(o->key_path, &dc->keys, e)
                         : disk_keys_load(o->key_path, &dc->keys, e);
    if (r == 0)
        r = disk_table_open(&dc->table, dir_fd, o, dc->keys, e);
    if (r < 0) {
        disk_cache_close(dc);
        return r;
    }
    *ret = dc;
    return 0;
}

void disk_cache_close(struct disk_cache *dc)
{
    if (!dc)
        return;
    disk_table_close(&dc->table);
    disk_keys_free(dc->keys);
    free(dc->dir);
    free(dc);
}

/* ---- asking -------------------------------------------------------------------------------- */

bool disk_cache_has_all(struct disk_cache *dc, const char *key, const char *etag, uint64_t size)
{
    struct disk_name name = disk_name_of(dc, key, etag);
    struct disk_slot s;
    uint64_t serial, set;
    unsigned way;
    if (size == 0)
        return true;
    if (size > DISK_OBJECT_MAX_BYTES || disk_object_find(dc, /* w= */ NULL, &name, &serial) < 0)
        return false;
    for (uint64_t at = 0; at < size; at += DISK_CACHE_BLOCK_BYTES) {
        uint64_t left = size - at;
        if (disk_block_find(dc, serial, (uint32_t)(at / DISK_CACHE_BLOCK_BYTES), &s, &set, &way) < 0)
            return false;
        for (unsigned i = 0; i < DISK_UNITS && i * DISK_CACHE_UNIT_BYTES < left; i++) {
            uint64_t want = left - i * DISK_CACHE_UNIT_BYTES;
            if (want > DISK_CACHE_UNIT_BYTES)
                want = DISK_CACHE_UNIT_BYTES;
            if (disk_unit_bytes(&s, i) < want)
                return false;
        }
    }
    return true;
}

static int compare_serials(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The serial numbers of all objects, in order. */
static int live_serials(struct disk_cache *dc, uint64_t **ret, size_t *ret_n)
{
    const struct disk_table *t = &dc->table;
    struct disk_object set[DISK_OBJECT_WAYS];
    size_t n = 0, room = 256;
    AUTO(free) uint64_t *all = xcalloc(room, sizeof *all);
    for (uint64_t at = 0; at < t->object_sets; at++) {
        int r = disk_read_at(t->fd, set, sizeof set, disk_object_at(t, at, 0));
        if (r < 0)
            return r;
        for (unsigned i = 0; i < DISK_OBJECT_WAYS; i++) {
            if (set[i].serial == 0)
                continue;
            if (n == room)
                all = xrealloc(all, room *= 2, sizeof *all);
            all[n++] = set[i].serial;
        }
    }
    qsort(all, n, sizeof *all, compare_serials);
    *ret = TAKE(all);
    *ret_n = n;
    return 0;
}

/* What no entry leads to any more is not held: nobody can read it. */
static int count_held(struct disk_cache *dc, const uint64_t *serials, size_t n, uint64_t *ret)
{
    const struct disk_table *t = &dc->table;
    struct disk_slot set[DISK_SLOT_WAYS];
    uint64_t held = 0;
    for (uint64_t at = 0; at < t->slot_sets; at++) {
        int r = disk_read_at(t->fd, set, sizeof set, disk_slot_at(t, at, 0));
        if (r < 0)
            return r;
        for (unsigned i = 0; i < DISK_SLOT_WAYS; i++) {
            if (!bsearch(&set[i].serial, serials, n, sizeof *serials, compare_serials))
                continue;
            for (unsigned unit = 0; unit < DISK_UNITS; unit++)
                held += disk_unit_bytes(&set[i], unit);
        }
    }
    *ret = held;
    return 0;
}

int disk_cache_stats(struct disk_cache *dc, struct disk_cache_stats *ret, struct err *e)
{
    AUTO(free) uint64_t *serials = NULL;
    uint64_t held = 0;
    size_t n = 0;
    int r = live_serials(dc, &serials, &n);
    if (r == 0)
        r = count_held(dc, serials, n, &held);
    if (r < 0)
        return err_errno(e, r, "read the table of the cache in '%s'", dc->dir);
    *ret = (struct disk_cache_stats){
        .size_bytes = dc->table.slot_sets * DISK_SLOT_WAYS * DISK_CACHE_BLOCK_BYTES,
        .held_bytes = held,
        .objects = n,
        .hits_bytes = atomic_load(&dc->hits_bytes),
        .misses_bytes = atomic_load(&dc->misses_bytes),
        .damaged = atomic_load(&dc->damaged),
        .write_errors = atomic_load(&dc->write_errors),
    };
    return 0;
}

/* ---- erasing ------------------------------------------------------------------------------- */

int disk_cache_sync(struct disk_cache *dc, struct err *e)
{
    if (fdatasync(dc->table.fd) < 0)
        return err_errno(e, -errno, "write the table of the cache in '%s' to the disk", dc->dir);
    return 0;
}

/* How many entries went. */
static int erase(struct disk_cache *dc, const char *key, const char *etag, struct err *e)
{
    if (!dc->has_lake)
        return err_set(e, -EINVAL, "'%s' is in no lake that the cache in '%s' knows", key, dc->dir);
    struct disk_name name = disk_name_of(dc, key, etag);
    return disk_object_erase(dc, &name, /* all_versions= */ !etag, e);
}

int disk_cache_erase_soon(struct disk_cache *dc, const char *key, const char *etag, struct err *e)
{
    int r = erase(dc, key, etag, e);
    return r < 0 ? r : 0;
}

int disk_cache_erase(struct disk_cache *dc, const char *key, const char *etag, struct err *e)
{
    int r = erase(dc, key, etag, e);
    return r > 0 ? disk_cache_sync(dc, e) : r;
}

static int clear_objects(struct disk_cache *dc)
{
    struct disk_table *t = &dc->table;
    static const struct disk_object none[DISK_OBJECT_WAYS];
    int r = 0;
    for (size_t i = 0; i < DISK_LOCKS; i++)
        atomic_fetch_add(&dc->erased[i], 1);
    for (uint64_t set = 0; r == 0 && set < t->object_sets; set++) {
        uint64_t at = disk_object_at(t, set, 0);
        disk_lock_threads(t, at);
        r = disk_write_at(t->fd, none, sizeof none, at);
        disk_unlock_threads(t, at);
    }
    return r;
}

/* The keys are gone already: this gives back the room. Whoever writes to a set just now, in another
 * process, is not waited for long: its block is one that nothing leads to. */
static int clear_slots(struct disk_cache *dc)
{
    struct disk_table *t = &dc->table;
    static const struct disk_slot none[DISK_SLOT_WAYS];
    int r = 0;
    for (uint64_t set = 0; r == 0 && set < t->slot_sets; set++) {
        uint64_t at = disk_slot_at(t, set, 0);
        if (disk_lock(t, at, sizeof none, /* wait_ms= */ 20) < 0)
            continue;
        r = disk_write_at(t->fd, none, sizeof none, at);
        /* Where the file system cannot, the blocks stay as they are until they are used again. */
        fallocate(t->data_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  (off_t)disk_data_at(set, 0), (off_t)(DISK_SLOT_WAYS * DISK_CACHE_BLOCK_BYTES));
        disk_unlock(t, at, sizeof none);
    }
    return r;
}

int disk_cache_clear(struct disk_cache *dc, struct err *e)
{
    int r = clear_objects(dc);
    if (r == 0 && fdatasync(dc->table.fd) < 0)
        r = -errno;
    if (r == 0)
        r = clear_slots(dc);
    return r == 0 ? 0 : err_errno(e, r, "clear the cache in '%s'", dc->dir);
}
