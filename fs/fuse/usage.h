/* fs/fuse/usage.h - what is opened on a mount, noted for the review of grants. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_USAGE_H
#define FS_FUSE_USAGE_H

#include <stdint.h>

#include "policy/types.h"

struct index;
struct seen;
struct usage;

/* Both are borrowed: the index, and the folder that used.h keeps its file in. */
struct usage *usage_new(struct index *index, const char *dir);
void usage_free(struct usage *u); /* NULL is fine; what was not flushed is lost */

/* Somebody who sees that has opened a node. Quick: which grants it was by is found later. More
 * than a few thousand between two flushes are not all noted. Any thread; NULL is fine. */
void usage_opened(struct usage *u, struct seen *s, node_id id);

/* Finds the grants, and writes them down once `least_ms` have passed since the last time. One
 * thread; NULL is fine. */
void usage_flush(struct usage *u, int64_t least_ms);

#endif
