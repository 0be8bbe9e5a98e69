/* fs/dir/dir_write.h - objects written whole or not at all, and removed. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_DIR_DIR_WRITE_H
#define FS_DIR_DIR_WRITE_H

#include <stddef.h>

struct dir_root;
struct err;
struct store_stat;

/* As store_ops.put. Also -ENOSPC: the filesystem or the quota is full, and nothing of the object
 * is there; directories made for it stay. */
int dir_write_put(struct dir_root *root, const char *key, const void *data, size_t n, int flags,
                  struct store_stat *ret, struct err *e);

/* As store_ops.remove. What is no object (a directory, a symbolic link) stays. */
int dir_write_remove(const struct dir_root *root, const char *key, struct err *e);

#endif
