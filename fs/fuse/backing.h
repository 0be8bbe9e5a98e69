/* fs/fuse/backing.h - files that the kernel reads by itself: what libfuse does not speak yet. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_BACKING_H
#define FS_FUSE_BACKING_H

#include "fs/fuse/front.h"

/* libfuse 3.14 knows the protocol up to 7.38; passthrough came with 7.40 (Linux 6.9). Its greeting
 * is completed on the way, and the rest is an ioctl and an answer of our own. */

/* In the place of fuse_session_mount(): the session serves `fd`, which it takes, and the kernel is
 * asked for passthrough where it offers that. -1: refused, and `fd` is the caller's. The session's
 * user data is the front. */
int backing_attach(struct fuse_session *se, int fd);

/* Whether this kernel has it. Known once the session's init() is called. */
bool backing_is_offered(const struct front *f);

/* The kernel may read the regular file `fd` from now on: its number, or a negative errno: -EPERM
 * without CAP_SYS_ADMIN on the host, -ELOOP for a file of a stacked file system. */
int backing_open(struct fuse_session *se, int fd);
/* Open files keep what they have. */
void backing_close(struct fuse_session *se, int id);

/* Answers an OPEN request: the kernel reads the file `id` itself; with `ask` it asks for each read,
 * which is how a file is opened whose inode has other openers with `id`. As fuse_reply_open(). */
int backing_reply_open(fuse_req_t req, uint64_t fh, int id, bool ask);

#endif
