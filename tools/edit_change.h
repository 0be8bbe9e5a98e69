/* tools/edit_change.h - what two versions of an edit differ in: shots and objects. */
/* SPDX-License-Identifier: MIT */
#ifndef TOOLS_EDIT_CHANGE_H
#define TOOLS_EDIT_CHANGE_H

#include <stdint.h>

#include <jansson.h>

struct buf;
struct conform_plan;
struct err;
struct lake;

/* Both answer
 *   {"edit", "from": version, "to": version, "shots": […], "counts": {…},
 *    "won": [key, …], "won_bytes", "lost": [key, …], "lost_bytes"}
 * with shots and counts as conform/cut_diff.h has them, and bytes as the lake has the objects now.
 * A new reference in `*ret`. -ENOENT: no such edit or version. */

/* Version `from` to version `to`, from what the lake holds of them; `from` may be the later one. Both
 * 0: the last two. */
int edit_change_versions(struct lake *lk, const char *edit, uint64_t from, uint64_t to,
                         json_t **ret, struct err *e);

/* The last version to what would be the next one. */
int edit_change_plan(struct lake *lk, const char *edit, const struct conform_plan *plan,
                     json_t **ret, struct err *e);

/* For people. */
void edit_change_text(const json_t *change, struct buf *ret);

#endif
