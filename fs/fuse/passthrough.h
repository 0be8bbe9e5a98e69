/* fs/fuse/passthrough.h - plain copies of wholly cached files, which the kernel reads by itself. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_PASSTHROUGH_H
#define FS_FUSE_PASSTHROUGH_H

#include <stdint.h>

#include <jansson.h>

#include "fs/fuse/front.h"

struct copy_guard;
struct disk_cache;
struct err;
struct passthrough;

#define PASSTHROUGH_BYTES ((uint64_t)1 << 30)
#define PASSTHROUGH_BYTES_MIN ((uint64_t)1 << 20)
#define PASSTHROUGH_HORIZON_S 3600

struct passthrough_options {
    struct disk_cache *disk;  /* what is wholly there may be copied; borrowed */
    struct copy_guard *guard; /* borrowed */
    const char *dir;          /* its folder; the copies are files there that have no name */
    uint64_t size_bytes;      /* of all copies together; 0: the default above */
    int64_t horizon_s;        /* no copy where a view changes by the clock before that has passed */
};

/* For a mount of one principal, before it is mounted and as root. Borrows the front and its cache;
 * starts a thread. -EOPNOTSUPP: no unnamed files in that folder. */
int passthrough_new(struct front *f, const struct passthrough_options *o, struct passthrough **ret,
                    struct err *e);

/* Empties all copies: from then on no descriptor and no map reads a byte of them. No request is
 * answered any more, and the session is still there. NULL is fine. */
void passthrough_end(struct passthrough *p);
void passthrough_free(struct passthrough *p); /* after that; NULL is fine */

/* The kernel has said what it can do: whether there will be any passthrough is logged. */
void passthrough_greeted(struct passthrough *p);

/* Answers an OPEN request for `n`, which the caller may open, with `fi` or with a copy; has a copy
 * made where there could be one. As fuse_reply_open(): -ENOENT where no release will come. */
int passthrough_reply_open(struct passthrough *p, fuse_req_t req, const struct front_call *c,
                           fuse_ino_t ino, const struct node *n, const struct fuse_file_info *fi);
/* A handle of the inode was released. NULL is fine. */
void passthrough_closed(struct passthrough *p, fuse_ino_t ino);

/* The views may have been replaced: the copies of what may be read no longer, or is another version
 * now, are emptied before this returns. Where it may be read again, what still has it open has it
 * filled again. NULL is fine. */
void passthrough_recheck(struct passthrough *p);

/* For `status`: a new object, {copies, bytes, opens}. NULL where `p` is. */
json_t *passthrough_figures(struct passthrough *p);

#endif
