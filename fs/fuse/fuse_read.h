/* fs/fuse/fuse_read.h - open files, and reads that wait without a thread. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_FUSE_READ_H
#define FS_FUSE_FUSE_READ_H

#include "fs/fuse/front.h"

/* The handle of an open file: one version of one node. */
struct fuse_read_file;

/* A handle of `n`, which the caller sees; `is_kept`: the kernel keeps what it reads. 0 or a code for fuse_reply_error(). */
int fuse_read_open(struct front_call *c, const struct node *n, bool is_kept,
                   struct fuse_read_file **ret);
void fuse_read_close(struct fuse_read_file *file);

/* Answers a READ request, now or when its bytes are in; also when it is interrupted. What the
 * caller sees is asked now and once more right before the answer. */
void fuse_read_start(struct front *f, fuse_req_t req, struct fuse_read_file *file, off_t offset,
                     size_t n);

/* After views were replaced: reads of what is no longer visible are answered EACCES at once. An
 * invalidation would otherwise wait for their pages, as long as the store takes. */
void fuse_read_recheck(struct front *f);

/* Ends all parked reads and waits until each was answered. No new one may come. */
void fuse_read_end_all(struct front *f);

#endif
