/* fs/fuse/held.h - by which grants a caller sees an object. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_HELD_H
#define FS_FUSE_HELD_H

#include <stdint.h>

#include "policy/types.h"

struct err;
struct index_read;
struct who;

/* Calls `fn` for each grant of an edit that one of the caller's names holds at `now` and that shows
 * the object (or the other name of one): an edit may come more than once. A negative return ends it
 * with that code. What is visible without a grant has none. */
typedef int held_fn(void *arg, const char *edit, const char *principal, struct err *e);
int held_each(struct index_read *rd, const struct who *who, node_id id, int64_t now, held_fn *fn,
              void *arg, struct err *e);

#endif
