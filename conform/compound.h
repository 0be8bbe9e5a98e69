/* conform/compound.h - whether the directory of a compound file is one that a recursive reader can
 * take. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_COMPOUND_H
#define CONFORM_COMPOUND_H

#include <stddef.h>

struct err;

#define COMPOUND_ENTRIES_MAX 1000000 /* storages and streams */
#define COMPOUND_CHILDREN_MAX 20000  /* of one storage: finding one is a walk over them */
#define COMPOUND_DEPTH_MAX 8000      /* links that follow one another: each costs stack */

/* Looks at the header, the sectors of the directory, and the links between its entries, which are a
 * binary tree for the children of each storage. libgsf sorts the children of a storage by insertion
 * and follows links by recursion; this comes before it.
 *
 *   header   512 bytes: sector size, where the allocation table and the directory begin
 *   sectors  512 or 4096 bytes each, chained by the allocation table
 *   entry    128 bytes: name, kind, links to left, right and first child
 *
 * -EBADMSG: not a compound file, or damaged; -EFBIG: over a limit. */
int compound_check(const void *data, size_t n, struct err *e);

#endif
