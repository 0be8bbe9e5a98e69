/* fs/fuse/fuse_dir.h - open directories: a listing that stays the same while it is read. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_FUSE_DIR_H
#define FS_FUSE_FUSE_DIR_H

#include "fs/fuse/front.h"

/* The handle of an open directory. It keeps the view that it was opened under, so that positions
 * mean the same until the reader starts over; what was lost since is left out. */
struct fuse_dir;

struct fuse_dir *fuse_dir_open(struct front_call *c, const struct node *n); /* never NULL */
void fuse_dir_close(struct fuse_dir *dir);

/* Appends entries from position `offset` on to `out` of `size` bytes; `plus`: with attributes, each
 * one noted as known to the kernel. Returns the bytes used, 0 at the end, or a code for
 * fuse_reply_error(). */
ssize_t fuse_dir_read(struct front_call *c, fuse_req_t req, struct fuse_dir *dir, off_t offset,
                      char *out, size_t size, bool plus);

#endif
