/* fs/s3/s3_list.h - a listing: pages in order, the next one under way while one is worked on. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_S3_S3_LIST_H
#define FS_S3_S3_LIST_H

#include <stddef.h>

#include "fs/store/store.h"

struct s3_engine;

/* Calls `fn` for every key that starts with `prefix` and is bytewise greater than `after` (""),
 * in bytewise order; both are full keys, and `skip` bytes are left out at the start of the keys
 * that `fn` sees. A store that answers out of order or with foreign keys gives -EBADMSG. Else the
 * codes of store.h, or what `fn` returned. Blocks; any thread but the engine's. */
int s3_list_run(struct s3_engine *en, const char *prefix, const char *after, size_t skip,
                store_list_fn *fn, void *arg, struct err *e);

/* Asks for a page of one key and drops it: do bucket and credentials work? The codes of store.h.
 * Blocks for `attempts` attempts at most, up to `deadline_ms` of clock_mono_ms(). */
int s3_list_probe(struct s3_engine *en, const char *prefix, int64_t deadline_ms, unsigned attempts,
                  struct err *e);

#endif
