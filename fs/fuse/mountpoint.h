/* fs/fuse/mountpoint.h - what the system knows of a mount: where, whose, alive or dead. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_MOUNTPOINT_H
#define FS_FUSE_MOUNTPOINT_H

#include <stdbool.h>
#include <sys/types.h>

struct err;

#define MOUNTPOINT_TYPE "fuse.shotlake"

/* The absolute path of a mountpoint without symbolic links: also of one whose daemon is dead, or
 * that refuses its administrator, which realpath(3) cannot enter. The caller frees `*ret`. */
int mountpoint_resolve(const char *path, char **ret, struct err *e);

struct mountpoint {
    unsigned major, minor; /* of its device */
    bool is_ours;          /* of our type */
    uid_t user;            /* of a FUSE mount: whom it lets in */
    gid_t group;
};
/* The uppermost mount at exactly `path` (as resolved). 0, -ENOENT: none there. Asks the mounted
 * file system nothing, so it cannot hang. */
int mountpoint_find(const char *path, struct mountpoint *ret, struct err *e);

/* True where a FUSE mount has lost its daemon. Asks as the user that the mount lets in. */
bool mountpoint_is_dead(const char *path, const struct mountpoint *mp);

/* Detaches a mount: with umount(2), or by fusermount3 where that is not ours to do. `lazy`: now,
 * whatever still uses it. -EBUSY: in use. */
int mountpoint_unmount(const char *path, bool lazy, struct err *e);

/* Has the kernel read ahead a megabyte on that mount. A wish: silent where it may not be. */
void mountpoint_set_readahead(const struct mountpoint *mp, unsigned kib);

#endif
