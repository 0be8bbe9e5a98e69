/* conform/link_rows.h - the links that an edit's holders find in a folder a shot. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_LINK_ROWS_H
#define CONFORM_LINK_ROWS_H

struct buf;
struct conform_plan;
struct err;
struct index_read;

#define LINK_ROWS_SHOTS "shots.csv" /* a file beside the shots' folders: none of them has its name */

/* Appends the rows ["shot", "name", "key"] of an edit's payload (see policy/record.h), a line each:
 * for each found media reference its object, or of a frame sequence the folder of the frames (key
 * with '/' at its end), once a shot. A link is called what it leads to; the second one of a name
 * in a shot has "-2" in it. `manifest` is the name of the other file beside the folders. */
int link_rows(const struct conform_plan *p, struct index_read *rd, const char *manifest,
              struct buf *ret, struct err *e);

#endif
