/* fs/cache/disk_impl.h - the files of a disk cache and what guards them; for fs/cache/disk_* only. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_CACHE_DISK_IMPL_H
#define FS_CACHE_DISK_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "fs/cache/disk_cache.h"
#include "fs/cache/disk_crypt.h"

/*
 *   table   0 ┌────────────────────────────┐    data    0 ┌──────────────────┐
 *             │ header, checksum           │              │ slot 0           │ 1 MiB: 16 units
 *        4096 ├────────────────────────────┤        1 MiB ├──────────────────┤ of 64 KiB, each
 *             │ object sets, of 32 entries │              │ slot 1           │ encrypted
 *             ├────────────────────────────┤              │ …                │
 *             │ slot sets, of 16 slots     │              └──────────────────┘
 *             └────────────────────────────┘              sparse; slot i is at i MiB
 *
 * A version of an object (lake, key, ETag) has an entry in the set that its key chooses, with a
 * random serial number and a random key, wrapped by the master key. A block of it has a slot in one
 * of two sets that the serial number and the block choose: whichever had more room. What a set has no
 * room for displaces what was not used for longest. An entry that is gone takes its blocks with it:
 * without the serial number nothing finds them, without the key nothing reads them.
 *
 * All numbers are in the order of bytes of the machine: the folder does not leave it.
 */

#define DISK_MAGIC 0x45484341434b4c53ull /* "SLKCACHE"; in the other order of bytes: something else */
#define DISK_VERSION 1u
#define DISK_HEADER_BYTES 4096u
#define DISK_UNITS ((unsigned)(DISK_CACHE_BLOCK_BYTES / DISK_CACHE_UNIT_BYTES))
#define DISK_SLOT_WAYS 16u
#define DISK_OBJECT_WAYS 32u
#define DISK_OBJECT_MAX_BYTES ((uint64_t)DISK_CACHE_BLOCK_BYTES << 32) /* blocks have 32 bits */
#define DISK_LOCKS 64u
#define DISK_QUIET_MS 60000  /* without writes after one that failed */
#define DISK_WARN_MS 3600000 /* between two lines that say so */

struct disk_header {
    uint64_t magic;
    uint32_t version, header_bytes;
    uint32_t block_bytes, unit_bytes;
    uint64_t slot_sets, object_sets;
    unsigned char salt[DISK_SALT_BYTES];
    unsigned char check[DISK_CHECK_BYTES]; /* what only the right master key gives for the salt */
    unsigned char sum[16];                 /* of all before: SHA-256, cut off */
};

struct disk_object {
    unsigned char id[DISK_ID_BYTES];   /* of lake, key and ETag. All zero: free */
    unsigned char name[DISK_ID_BYTES]; /* of lake and key, so that all versions can be found */
    uint64_t serial;                   /* never 0 */
    uint64_t stamp;
    struct disk_wrapped wrapped;
    uint32_t unused;
};

struct disk_slot {
    uint64_t serial; /* of the object; 0: free */
    uint64_t stamp;
    uint32_t block;
    uint16_t bits;       /* units that are there */
    uint16_t short_unit; /* which of them is shorter, being the object's last; DISK_UNITS: none */
    uint32_t short_bytes;
    uint32_t unused;
    unsigned char tag[DISK_UNITS][DISK_TAG_BYTES];
};

_Static_assert(sizeof(struct disk_header) == 40 + DISK_SALT_BYTES + DISK_CHECK_BYTES + 16, "layout");
_Static_assert(sizeof(struct disk_object) == 112, "layout");
_Static_assert(sizeof(struct disk_slot) == 288, "layout");

struct disk_table {
    int fd, data_fd;
    uint64_t slot_sets, object_sets;
    uint64_t object_start, slot_start, end;
    /* By set, for the threads of this handle; other handles are kept off by locks on the file. */
    pthread_mutex_t lock[DISK_LOCKS];
};

struct disk_cache {
    struct disk_keys *keys; /* in memory that is not dumped */
    struct disk_table table;
    char *dir;
    _Atomic(int64_t) quiet_until_ms, warn_after_ms;
    atomic_uint_fast64_t hits_bytes, misses_bytes, damaged, write_errors;
    /* By name: raised before an object is erased, so that a fill which began before it is refused. */
    atomic_uint erased[DISK_LOCKS];
    unsigned char lake[DISK_ID_BYTES];
    bool has_lake;
};

/* What one worker needs for itself. */
struct disk_work {
    struct disk_cipher *cipher;
    unsigned char *room; /* a block */
    bool failed;         /* the last read met a unit that was not what was written */
};

/* Of a version: what the table knows it by. */
struct disk_name {
    unsigned char id[DISK_ID_BYTES], name[DISK_ID_BYTES];
};

/* disk_table.c - all return 0 or a negative errno; a caller that caches turns that into a miss. */
/* Opens both files below `dir_fd`, remaking them where they are not this cache. Fills in the keys'
 * part that depends on the table. */
int disk_table_open(struct disk_table *t, int dir_fd, const struct disk_cache_options *o,
                    struct disk_keys *keys, struct err *e);
void disk_table_close(struct disk_table *t);
/* What is wrong with a header, or NULL. `file_bytes` is the length of its file. */
const char *disk_header_fault(const struct disk_header *h, uint64_t file_bytes);
void disk_header_sum(const struct disk_header *h, unsigned char ret[16]);

uint64_t disk_now(void); /* for stamps: milliseconds since 1970, by the wall clock */
uint64_t disk_object_at(const struct disk_table *t, uint64_t set, unsigned way); /* in the table */
uint64_t disk_slot_at(const struct disk_table *t, uint64_t set, unsigned way);
uint64_t disk_data_at(uint64_t set, unsigned way); /* in the data */
uint64_t disk_object_set(const struct disk_table *t, const unsigned char *name);
uint64_t disk_slot_set(const struct disk_table *t, uint64_t serial, uint32_t block, int choice);
int disk_read_at(int fd, void *p, size_t n, uint64_t at); /* exactly n, or -EIO */
int disk_write_at(int fd, const void *p, size_t n, uint64_t at);
/* `at` is where the set begins in the table. Waits for threads of this handle, and up to `wait_ms`
 * for other handles: -EBUSY, and nothing is locked. */
int disk_lock(struct disk_table *t, uint64_t at, size_t n, int wait_ms);
void disk_unlock(struct disk_table *t, uint64_t at, size_t n);
void disk_lock_threads(struct disk_table *t, uint64_t at); /* of this handle only */
void disk_unlock_threads(struct disk_table *t, uint64_t at);

/* disk_object.c */
struct disk_name disk_name_of(struct disk_cache *dc, const char *key, const char *etag);
/* The entry's serial number, and its key in `w`. -ENOENT: none. */
int disk_object_find(struct disk_cache *dc, struct disk_work *w, const struct disk_name *name,
                     uint64_t *ret_serial);
/* The same, made where there is none. `erased` is disk_erased() from before the bytes were asked
 * for: -ECANCELED where it has changed. */
int disk_object_get(struct disk_cache *dc, struct disk_work *w, const struct disk_name *name,
                    unsigned erased, uint64_t *ret_serial);
unsigned disk_erased(struct disk_cache *dc, const struct disk_name *name);
/* How many entries went. Not yet durable. */
int disk_object_erase(struct disk_cache *dc, const struct disk_name *name, bool all_versions,
                      struct err *e);

/* disk_block.c */
/* The slot of a block. -ENOENT: none. */
int disk_block_find(struct disk_cache *dc, uint64_t serial, uint32_t block, struct disk_slot *ret,
                    uint64_t *ret_set, unsigned *ret_way);
/* How many bytes of unit `unit` the slot has, from its start. */
size_t disk_unit_bytes(const struct disk_slot *s, unsigned unit);
/* Puts what is held of [offset, offset + n), from its start on, into `data`; after each part `tell`
 * is called, which says whether to go on. Returns how many bytes are there: whole units, or all. */
typedef bool disk_tell_fn(void *arg, size_t have);
size_t disk_block_read(struct disk_cache *dc, struct disk_work *w, const struct disk_name *name,
                       uint64_t offset, size_t n, char *data, disk_tell_fn *tell, void *arg);
/* Keeps the whole units of [offset, offset + n), and the last one as far as it goes: those that are
 * not there, or with `anew` all. What cannot be written is counted, and then nothing is for a while. */
struct disk_fill {
    const struct disk_name *name;
    unsigned erased;
    bool anew;
    uint64_t offset;
    size_t n;
    const char *data;
};
void disk_block_write(struct disk_cache *dc, struct disk_work *w, const struct disk_fill *f);
bool disk_is_quiet(const struct disk_cache *dc); /* nothing is written now */

int disk_work_init(struct disk_work *w);
void disk_work_done(struct disk_work *w);

#endif
