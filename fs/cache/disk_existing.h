/* fs/cache/disk_existing.h - a disk cache that is there already, for who only looks at it. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_CACHE_DISK_EXISTING_H
#define FS_CACHE_DISK_EXISTING_H

struct disk_cache;
struct err;

/* disk_cache_open() for who does not want a cache made, or one with another key thrown away. -ENOENT:
 * no cache there, or no key. -EINVAL: not with that key, or what is there is no cache. */
int disk_cache_open_existing(const char *dir, const char *key_path, struct disk_cache **ret,
                             struct err *e);

#endif
