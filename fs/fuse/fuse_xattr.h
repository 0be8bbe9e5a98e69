/* fs/fuse/fuse_xattr.h - user.shotlake.key, .etag and .edits of what is visible. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_FUSE_XATTR_H
#define FS_FUSE_FUSE_XATTR_H

#include "fs/fuse/front.h"

struct buf;

/* Appends the value of attribute `name` of a node that the caller sees. -ENODATA where it has none,
 * -EOPNOTSUPP outside "user."; else a code for fuse_reply_error(). `.edits` holds only edits that
 * the caller has a grant for now, joined by ':'. */
int fuse_xattr_get(struct front_call *c, const struct node *n, const char *name, struct buf *ret);

/* Appends the names of its attributes, each with a NUL. */
int fuse_xattr_list(struct front_call *c, const struct node *n, struct buf *ret);

#endif
