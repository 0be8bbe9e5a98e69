/* fs/fuse/fuse_ops.h - the low-level operations, each a thin call into the view. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_FUSE_OPS_H
#define FS_FUSE_FUSE_OPS_H

#include "fs/fuse/front.h"

/* The table for fuse_session_new(); its user data is a `struct front`. */
struct fuse_lowlevel_ops fuse_ops_table(const struct front *f);

#endif
