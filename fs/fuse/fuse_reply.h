/* fs/fuse/fuse_reply.h - what the kernel sees: attributes, and the only mapping of errors. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_FUSE_REPLY_H
#define FS_FUSE_FUSE_REPLY_H

#include "fs/fuse/front.h"

/* Answers a request with the error `r` (negative). Only these leave the mount:
 *   ENOENT   not visible, or not there: the two are one
 *   EACCES   an open file that was revoked; a visible object that the store refuses
 *   ESTALE   the object is no longer the version that was opened
 *   EROFS, EISDIR, ENOTDIR, ENODATA, EOPNOTSUPP, ERANGE, EINTR, EINVAL, ELOOP   what they say
 *   EIO      everything else: store or policy out of reach */
void fuse_reply_error(fuse_req_t req, int r);

/* What a failed read of the store means to the reader of a visible object: a code for
 * fuse_reply_error(). */
int fuse_reply_code_of_store(int r);

/* Attributes of a visible node. */
void fuse_reply_fill_stat(const struct front_call *c, const struct node *n, struct stat *ret);

/* The same as an entry of a directory, with how long the kernel may keep it. */
void fuse_reply_fill_entry(const struct front_call *c, const struct node *n,
                           struct fuse_entry_param *ret);

/* How long the kernel may keep what is seen now: until the clock changes the view, at most
 * FRONT_TIMEOUT_S; 0 where callers share the kernel's caches. */
double fuse_reply_timeout(const struct front_call *c);

#endif
