/* fs/cache/disk_names.h - of which objects a disk cache holds anything. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_CACHE_DISK_NAMES_H
#define FS_CACHE_DISK_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct disk_cache;
struct disk_names;
struct err;

/* The objects that the cache has entries of, of all lakes, as it is now. A name cannot be read back
 * from it, as the cache knows hashes only; it can be asked for. After disk_store_new(). One thread. */
int disk_names_new(struct disk_cache *dc, struct disk_names **ret, struct err *e);
void disk_names_free(struct disk_names *n); /* NULL is fine */
size_t disk_names_left(const struct disk_names *n);
/* True where a version of that object is among them; then it is not any more. */
bool disk_names_take(struct disk_names *n, const char *key);

static inline void auto_disk_names(struct disk_names **n)
{
    disk_names_free(*n);
}

#endif
