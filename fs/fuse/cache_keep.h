/* fs/fuse/cache_keep.h - for whom a cache on disk is kept: a list of names in its folder. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_CACHE_KEEP_H
#define FS_FUSE_CACHE_KEEP_H

#include <stdint.h>

#include <jansson.h>

struct err;

/*
 * DIR/keep: a JSON object, for each lake (its id) an object of names: principals whose mounts have used
 * the cache ("user:acme"), edits that were warmed ("edit:ID"), each with the moment until which that
 * counts. What none of them shows is not kept when a daemon starts. A list that is lost or damaged is an
 * empty one: then more is fetched again, and nothing is kept that should not be.
 */
#define CACHE_KEEP_PRINCIPAL_S (30 * 86400)
#define CACHE_KEEP_EDIT_S 86400
#define CACHE_KEEP_MAX 1000 /* names of a lake; more are not taken */

/* `lake` is its id (struct index_lake). Notes each member of `names` (an array of strings) until `until`, and forgets what is over. Any
 * number of processes. */
int cache_keep_note(const char *dir, const char *lake, const json_t *names, int64_t until,
                    struct err *e);
/* {name: until} of what counts at `now`; a new reference, never NULL. */
json_t *cache_keep_names(const char *dir, const char *lake, int64_t now);

#endif
