/* fs/fuse/cache_guard.h - takes out of the cache on disk what nobody here may see any more. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_CACHE_GUARD_H
#define FS_FUSE_CACHE_GUARD_H

#include "base/address.h"

struct cache_guard;
struct disk_cache;
struct err;
struct lake;
struct mount_state;

struct cache_guard_options {
    struct lake *lake; /* the first three are borrowed until the stop, the rest until the start */
    struct mount_state *state;
    struct disk_cache *disk;
    const char *dir; /* of the cache */
    const char *principals_path;
    struct address address; /* where the callers are */
};

/* Starts a thread. It looks once at everything that the cache holds of the lake, so that what was
 * revoked while no daemon ran goes; then again whenever views were replaced or time changes what
 * somebody sees. Kept is what may be opened by a view of this mount, by a principal that has used the
 * cache of late (cache_keep.h), or through an edit that was warmed. What the principals have lost, all
 * of them, is erased at once, warmed or not. While the policy is unknown nothing is erased: nothing is
 * shown then either. */
int cache_guard_start(const struct cache_guard_options *o, struct cache_guard **ret, struct err *e);
/* Views were replaced. Any thread; NULL is fine. */
void cache_guard_wake(struct cache_guard *g);
void cache_guard_stop(struct cache_guard *g); /* NULL is fine */

#endif
