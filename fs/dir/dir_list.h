/* fs/dir/dir_list.h - the objects below a directory in the bytewise order of their keys. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_DIR_DIR_LIST_H
#define FS_DIR_DIR_LIST_H

#include "fs/store/store.h"

struct dir_root;
struct err;

/* As store_ops.list. An entry that vanishes meanwhile is not listed; a directory that cannot be
 * read is an error, never taken for an empty one: who compares the listing with an index would
 * take everything below it for deleted. */
int dir_list(const struct dir_root *root, const char *prefix, const char *after, store_list_fn *fn,
             void *arg, struct err *e);

#endif
