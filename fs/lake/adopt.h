/* fs/lake/adopt.h - a bucket that Shot Locker has managed becomes a lake with its edits (row BX13). */
/* SPDX-License-Identifier: MIT */
#ifndef FS_LAKE_ADOPT_H
#define FS_LAKE_ADOPT_H

#include <stddef.h>
#include <stdint.h>

#include "fs/lake/lake.h"

/* One edit as the bucket has it. */
struct adopt_edit {
    char id[EDIT_ID_SIZE];
    char *file;     /* key of the uploaded edit; NULL: none is there */
    char *manifest; /* key of processed/….otio; NULL: none */
    uint64_t objects, bytes; /* that its tag names, the manifest not counted */
    bool known;     /* the ledger has it already: left as it is */
};

struct adopt;

/* Reads the tags of every object that the inventory has (one request each, `jobs` at once) and the
 * folders below ShotLocker/Edits/. Changes nothing. The lake is in step and scanned. */
int adopt_read(struct lake *lk, int jobs, lake_progress_fn *progress, void *arg,
               struct adopt **ret, struct err *e);
void adopt_free(struct adopt *a); /* NULL is fine */

static inline void auto_adopt(struct adopt **a)
{
    adopt_free(*a);
}

/* The edits, by id. Borrowed. */
const struct adopt_edit *adopt_edits(const struct adopt *a, size_t *ret_n);

/* What hinders that one from becoming an edit here, or NULL. Static. */
const char *adopt_problem(const struct adopt_edit *ed);

/* Appends the record of one edit without a problem that is not known. Its objects are those that
 * its tag names now, under the id that it has. -EEXIST where another host was first. */
int adopt_write(struct lake *lk, const struct adopt *a, const struct adopt_edit *ed, struct err *e);

#endif
