/* conform/artefacts.h - the files that a conform makes beside the one that it was given. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_ARTEFACTS_H
#define CONFORM_ARTEFACTS_H

#include <stddef.h>

#include "fs/store/store.h"

struct conform_plan;
struct err;
struct lake;

/* Which edit they are of. */
struct artefacts_edit {
    const char *id;
    const char *name;
    const char *file; /* base name of the file that was conformed */
    int version;      /* from 1 */
};

/* Their keys; below the folder of the edit and its version:
 *   processed/STEM.otio          for those who hold the edit: only what they may see
 *   processed/STEM.shots.csv     likewise; see conform/shots.h
 *   processed/STEM.studio.otio   the editor's whole file, relinked
 *   processed/STEM.results.json  the report: what was found, missing, ambiguous, and why */
struct artefacts {
    char *manifest, *shots, *studio, *results;
    struct store_stat manifest_stat, shots_stat; /* the two that become part of the edit */
};

/* The key of the file itself; free(). Version 1 lies in ShotLocker/Edits/ID/, the others in a
 * folder of their own there, "vN/". */
char *artefacts_file_key(const struct artefacts_edit *ed);

/* Builds and uploads them. Nobody sees them before a ledger record names them. */
int artefacts_put(struct lake *lk, const struct conform_plan *plan, const struct artefacts_edit *ed,
                  struct artefacts *ret, struct err *e);
void artefacts_done(struct artefacts *a);

#endif
