/* fs/cache/disk_cache.h - bytes of objects on disk, encrypted, shared by the daemons of one user. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_CACHE_DISK_CACHE_H
#define FS_CACHE_DISK_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct disk_cache;
struct err;
struct store;

#define DISK_CACHE_BLOCK_BYTES ((size_t)1 << 20)
#define DISK_CACHE_UNIT_BYTES ((size_t)64 << 10)
#define DISK_CACHE_SIZE_BYTES ((uint64_t)10 << 30)
#define DISK_CACHE_SIZE_MIN_BYTES ((uint64_t)64 << 20)
#define DISK_CACHE_SIZE_MAX_BYTES ((uint64_t)64 << 40)
/* What may wait to be written; what is read beyond that is not kept. A program that wants all it
 * reads to be kept (warm) has no more than this under way. */
#define DISK_CACHE_FILL_BYTES ((size_t)32 << 20)

struct disk_cache_options {
    const char *dir;      /* made if absent, 0700; refused where others may enter it, or not ours */
    uint64_t size_bytes;  /* at most so much data; 0: what the cache in `dir` has, else
                             DISK_CACHE_SIZE_BYTES. Rounded down to 16 MiB */
    const char *key_path; /* file of the master key, made if absent, 0600 */
    bool only_existing;   /* makes nothing and throws nothing away: for who only looks */
};

/* Opens the cache in `dir`, or makes one. What cannot be used (another key, version or size, damage)
 * is thrown away with a warning; it never fails an open, but where another process has it open.
 *   -EINVAL  a size that cannot be, or a path that is none
 *   -EACCES  the folder or the key file is another user's, or open to others
 *   -EBUSY   another process uses it with another key or size
 *   -EBADMSG the key file does not hold a key
 *   -EEXIST  there is a file named `data` that is not of a cache
 *   -ENOSPC  no room for the table
 *   -ENOENT  with only_existing: no cache here, or one that cannot be used with this key and size
 * Any other: what the system said. Any number of processes, and handles of one, may share a folder. */
int disk_cache_open(const struct disk_cache_options *o, struct disk_cache **ret, struct err *e);
/* Its stores are closed. NULL is fine. */
void disk_cache_close(struct disk_cache *dc);

/* A store whose reads look into the cache first and fill it. Everything else is the inner store's.
 * Borrows both; closing it closes neither. Has threads of its own, and never blocks whoever starts a
 * read. One a cache: it also says to the functions below which lake their keys are of, so it comes
 * before them. What cannot be cached is read all the same: the cache never fails a read. */
struct store *disk_store_new(struct disk_cache *dc, struct store *inner);
/* How much may wait to be written (else DISK_CACHE_FILL_BYTES): readers' memory is held meanwhile. Before
 * the first read. */
void disk_store_set_fill(struct store *s, size_t bytes);

/* Every unit of the version is there now. O(blocks), and looks into the table only: what is damaged
 * counts until somebody reads it. */
bool disk_cache_has_all(struct disk_cache *dc, const char *key, const char *etag, uint64_t size);

/* Crypto-erases what is held of an object, all its versions (`etag` NULL) or one: its key is gone
 * from the table, durably, before this returns. A read that is under way in this process does not
 * bring it back; one that starts later may. */
int disk_cache_erase(struct disk_cache *dc, const char *key, const char *etag, struct err *e);
/* For many: the same without the wait for the disk, which disk_cache_sync() makes up for. */
int disk_cache_erase_soon(struct disk_cache *dc, const char *key, const char *etag, struct err *e);
int disk_cache_sync(struct disk_cache *dc, struct err *e);
/* Everything, also for the other processes that have it open. Durable. */
int disk_cache_clear(struct disk_cache *dc, struct err *e);

struct disk_cache_stats {
    uint64_t size_bytes, held_bytes, objects; /* of the cache, whoever filled it */
    uint64_t hits_bytes, misses_bytes;        /* asked of this handle, since it was opened */
    uint64_t damaged;                         /* units that were not what was written */
    uint64_t write_errors;
};
/* O(size): it walks the table. */
int disk_cache_stats(struct disk_cache *dc, struct disk_cache_stats *ret, struct err *e);

#endif
