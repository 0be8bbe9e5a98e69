/* fs/cache/disk_table.c - the two files of a disk cache: layout, header, locks. */
/* SPDX-License-Identifier: MIT */
#include "fs/cache/disk_impl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"

#define TAG "cache"
#define OBJECTS_A_SLOT 2u /* objects of one block each fill their sets unevenly */
#define ZERO_BYTES ((size_t)1 << 20)
#define SET_BYTES (DISK_SLOT_WAYS * DISK_CACHE_BLOCK_BYTES)
#define SETS_MAX (DISK_CACHE_SIZE_MAX_BYTES / SET_BYTES)

/* ---- places -------------------------------------------------------------------------------- */

uint64_t disk_object_at(const struct disk_table *t, uint64_t set, unsigned way)
{
    return t->object_start + (set * DISK_OBJECT_WAYS + way) * sizeof(struct disk_object);
}

uint64_t disk_slot_at(const struct disk_table *t, uint64_t set, unsigned way)
{
    return t->slot_start + (set * DISK_SLOT_WAYS + way) * sizeof(struct disk_slot);
}

uint64_t disk_data_at(uint64_t set, unsigned way)
{
    return (set * DISK_SLOT_WAYS + way) * DISK_CACHE_BLOCK_BYTES;
}

uint64_t disk_object_set(const struct disk_table *t, const unsigned char *name)
{
    uint64_t n;
    memcpy(&n, name, sizeof n);
    return n % t->object_sets;
}

/* The blocks of an object go round all sets, so that large ones fill them evenly. */
uint64_t disk_slot_set(const struct disk_table *t, uint64_t serial, uint32_t block, int choice)
{
    uint64_t half = choice ? serial >> 32 : serial & UINT32_MAX;
    return (half + block) % t->slot_sets;
}

static void lay_out(struct disk_table *t, uint64_t slot_sets, uint64_t object_sets)
{
    t->slot_sets = slot_sets;
    t->object_sets = object_sets;
    t->object_start = DISK_HEADER_BYTES;
    t->slot_start = disk_object_at(t, object_sets, 0);
    t->end = disk_slot_at(t, slot_sets, 0);
}

uint64_t disk_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME_COARSE, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- bytes --------------------------------------------------------------------------------- */

int disk_read_at(int fd, void *p, size_t n, uint64_t at)
{
    for (char *to = p; n > 0;) {
        ssize_t got = pread(fd, to, n, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EIO;
        to += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return 0;
}

int disk_write_at(int fd, const void *p, size_t n, uint64_t at)
{
    for (const char *from = p; n > 0;) {
        ssize_t put = pwrite(fd, from, n, (off_t)at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? -errno : -ENOSPC;
        from += put;
        at += (uint64_t)put;
        n -= (size_t)put;
    }
    return 0;
}

/* ---- locks --------------------------------------------------------------------------------- */

/* Open file description locks: they belong to this handle, whatever thread or process, and go with
 * it when a process is killed. 0, -EAGAIN, or another code. */
static int lock_range(int fd, short type, uint64_t at, uint64_t n)
{
    struct flock l = {
        .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)at, .l_len = (off_t)n};
    if (fcntl(fd, F_OFD_SETLK, &l) == 0)
        return 0;
    return errno == EACCES ? -EAGAIN : -errno;
}

static pthread_mutex_t *mutex_of(struct disk_table *t, uint64_t at)
{
    return &t->lock[at / sizeof(struct disk_object) * 2654435761u % 4294967291u % DISK_LOCKS];
}

void disk_lock_threads(struct disk_table *t, uint64_t at)
{
    pthread_mutex_lock(mutex_of(t, at));
}

void disk_unlock_threads(struct disk_table *t, uint64_t at)
{
    pthread_mutex_unlock(mutex_of(t, at));
}

int disk_lock(struct disk_table *t, uint64_t at, size_t n, int wait_ms)
{
    pthread_mutex_lock(mutex_of(t, at));
    for (int r;; wait_ms--) {
        r = lock_range(t->fd, F_WRLCK, at, n);
        if (r == 0)
            return 0;
        if (r != -EAGAIN || wait_ms <= 0) {
            pthread_mutex_unlock(mutex_of(t, at));
            return r == -EAGAIN ? -EBUSY : r;
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

void disk_unlock(struct disk_table *t, uint64_t at, size_t n)
{
    lock_range(t->fd, F_UNLCK, at, n);
    pthread_mutex_unlock(mutex_of(t, at));
}

/* ---- header -------------------------------------------------------------------------------- */

void disk_header_sum(const struct disk_header *h, unsigned char ret[16])
{
    unsigned char full[EVP_MAX_MD_SIZE];
    if (EVP_Digest(h, offsetof(struct disk_header, sum), full, NULL, EVP_sha256(), NULL) != 1)
        abort();
    memcpy(ret, full, 16);
}

const char *disk_header_fault(const struct disk_header *h, uint64_t file_bytes)
{
    unsigned char sum[16];
    struct disk_table t;
    disk_header_sum(h, sum);
    if (h->magic != DISK_MAGIC)
        return "it is not a cache of ours";
    if (memcmp(sum, h->sum, sizeof sum) != 0)
        return "its header is damaged";
    if (h->version != DISK_VERSION || h->header_bytes != DISK_HEADER_BYTES ||
        h->block_bytes != DISK_CACHE_BLOCK_BYTES || h->unit_bytes != DISK_CACHE_UNIT_BYTES)
        return "it is of another version";
    if (h->slot_sets < DISK_CACHE_SIZE_MIN_BYTES / SET_BYTES || h->slot_sets > SETS_MAX ||
        h->object_sets == 0 || h->object_sets > SETS_MAX * OBJECTS_A_SLOT)
        return "its sizes cannot be";
    lay_out(&t, h->slot_sets, h->object_sets);
    if (file_bytes < t.end)
        return "its table is cut off";
    return NULL;
}

/* Why the table that is there cannot be used with these keys and this size (0: its own), or NULL. */
static const char *table_fault(int fd, uint64_t slot_sets, struct disk_keys *keys,
                               struct disk_header *ret)
{
    unsigned char check[DISK_CHECK_BYTES];
    struct stat st;
    if (fstat(fd, &st) < 0 || disk_read_at(fd, ret, sizeof *ret, 0) < 0)
        return "its header cannot be read";
    const char *fault = disk_header_fault(ret, (uint64_t)st.st_size);
    if (fault)
        return fault;
    if (disk_keys_derive(keys, ret->salt, check) < 0 || memcmp(check, ret->check, sizeof check) != 0)
        return "it was made with another key";
    if (slot_sets && slot_sets != ret->slot_sets)
        return "it is of another size";
    return NULL;
}

/* Zeros that are written, and not a hole: later writes then need no room, and what makes one durable
 * is one page and not the file system's journal. */
static int write_zeros(int fd, uint64_t n)
{
    AUTO(free) char *zeros = xcalloc(1, ZERO_BYTES);
    for (uint64_t at = 0; at < n; at += ZERO_BYTES) {
        uint64_t left = n - at;
        int r = disk_write_at(fd, zeros, left < ZERO_BYTES ? (size_t)left : ZERO_BYTES, at);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The header goes last: a table that was not finished is none. */
static int make_table(struct disk_table *t, const char *dir, uint64_t slot_sets,
                      struct disk_keys *keys, struct err *e)
{
    struct disk_header h = {
        .magic = DISK_MAGIC,
        .version = DISK_VERSION,
        .header_bytes = DISK_HEADER_BYTES,
        .block_bytes = DISK_CACHE_BLOCK_BYTES,
        .unit_bytes = DISK_CACHE_UNIT_BYTES,
        .slot_sets = slot_sets,
        .object_sets = slot_sets * DISK_SLOT_WAYS * OBJECTS_A_SLOT / DISK_OBJECT_WAYS,
    };
    if (RAND_bytes(h.salt, sizeof h.salt) != 1)
        return err_set(e, -EIO, "no random bytes for the cache in '%s'", dir);
    int r = disk_keys_derive(keys, h.salt, h.check);
    if (r < 0)
        return err_set(e, r, "cannot derive the keys of the cache in '%s'", dir);
    disk_header_sum(&h, h.sum);
    lay_out(t, h.slot_sets, h.object_sets);
    if (ftruncate(t->fd, 0) < 0 || ftruncate(t->data_fd, 0) < 0)
        r = -errno;
    if (r == 0)
        r = write_zeros(t->fd, t->end);
    if (r == 0 && fsync(t->fd) < 0)
        r = -errno;
    if (r == 0)
        r = disk_write_at(t->fd, &h, sizeof h, 0);
    if (r == 0 && fsync(t->fd) < 0)
        r = -errno;
    if (r < 0) {
        int ignored = ftruncate(t->fd, 0); /* no half a table that takes the room */
        (void)ignored;
        return err_errno(e, r, "make the table of the cache in '%s' (%" PRIu64 " bytes)", dir,
                         t->end);
    }
    return 0;
}

/* ---- opening ------------------------------------------------------------------------------- */

static int open_file(int dir_fd, const struct disk_cache_options *o, const char *name, int *ret,
                     struct err *e)
{
    struct stat st;
    int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (o->only_existing ? 0 : O_CREAT);
    AUTO(fd) int fd = openat(dir_fd, name, flags, 0600);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(e, -errno, "open '%s/%s'", o->dir, name);
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
        return err_set(e, -EACCES, "'%s/%s' is not a file of ours that is closed to others", o->dir,
                       name);
    *ret = fd;
    fd = -1;
    return 0;
}

/* What is there cannot be used. */
static int remake(struct disk_table *t, const struct disk_cache_options *o, const char *fault,
                  bool alone, struct disk_keys *keys, struct err *e)
{
    struct stat st;
    uint64_t size = o->size_bytes ? o->size_bytes : DISK_CACHE_SIZE_BYTES;
    if (o->only_existing)
        return err_set(e, -ENOENT, "there is no cache in '%s' that can be used: %s", o->dir, fault);
    if (!alone)
        return err_set(e, -EBUSY,
                       "the cache in '%s' is in use by another process, and cannot be made anew "
                       "(%s): use its key and size, or another folder",
                       o->dir, fault);
    if (fstat(t->fd, &st) == 0 && st.st_size > 0)
        log_warn(TAG, "the cache in '%s' is thrown away: %s", o->dir, fault);
    return make_table(t, o->dir, size / SET_BYTES, keys, e);
}

/* Whoever is alone has the header's lock for writing and may remake everything; then, and where
 * others are here, for reading as long as the cache is open. */
static int join(struct disk_table *t, const struct disk_cache_options *o, struct disk_keys *keys,
                struct err *e)
{
    struct disk_header h;
    struct flock shared = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = DISK_HEADER_BYTES};
    int r = o->only_existing ? -EAGAIN : lock_range(t->fd, F_WRLCK, 0, DISK_HEADER_BYTES);
    bool alone = r == 0;

    if (r < 0 && r != -EAGAIN)
        return err_errno(e, r, "lock the cache in '%s'", o->dir);
    if (!alone && fcntl(t->fd, F_OFD_SETLKW, &shared) < 0)
        return err_errno(e, -errno, "lock the cache in '%s'", o->dir);
    const char *fault = table_fault(t->fd, o->size_bytes / SET_BYTES, keys, &h);
    if (!fault)
        lay_out(t, h.slot_sets, h.object_sets);
    else if ((r = remake(t, o, fault, alone, keys, e)) < 0)
        return r;
    if (alone && fcntl(t->fd, F_OFD_SETLKW, &shared) < 0)
        return err_errno(e, -errno, "lock the cache in '%s'", o->dir);
    return 0;
}

/* A cache has no data without a table: whose file that is, nobody knows, and it is not ours to empty.
 * The data first, as whoever makes a cache begins with the table. */
static int refuse_foreign(int dir_fd, const char *dir, struct err *e)
{
    struct stat data, table;
    if (fstatat(dir_fd, "data", &data, AT_SYMLINK_NOFOLLOW) < 0 || data.st_size == 0 ||
        fstatat(dir_fd, "table", &table, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    return err_set(e, -EEXIST,
                   "'%s/data' is not of a cache, which has a file 'table' beside it: use an empty "
                   "folder, or remove that file",
                   dir);
}

int disk_table_open(struct disk_table *t, int dir_fd, const struct disk_cache_options *o,
                    struct disk_keys *keys, struct err *e)
{
    t->fd = t->data_fd = -1;
    int r = o->only_existing ? 0 : refuse_foreign(dir_fd, o->dir, e);
    if (r == 0)
        r = open_file(dir_fd, o, "table", &t->fd, e);
    if (r == 0)
        r = open_file(dir_fd, o, "data", &t->data_fd, e);
    if (r == 0)
        r = join(t, o, keys, e);
    if (r < 0) {
        disk_table_close(t);
        return r;
    }
    for (size_t i = 0; i < DISK_LOCKS; i++)
        pthread_mutex_init(&t->lock[i], NULL);
    return 0;
}

void disk_table_close(struct disk_table *t)
{
    if (t->fd >= 0)
        close(t->fd);
    if (t->data_fd >= 0)
        close(t->data_fd);
    t->fd = t->data_fd = -1;
}
