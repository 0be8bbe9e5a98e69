/* conform/shots.h - the list of an edit's shots as CSV, and reading it back. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_SHOTS_H
#define CONFORM_SHOTS_H

#include <stddef.h>

#include <jansson.h>

struct buf;
struct conform_plan;
struct err;
struct index_read;

#define SHOTS_MAX_BYTES (256u << 20) /* of a list that is read */

/* Appends RFC 4180 text in UTF-8, lines ended by CR LF: a header line, and a line for each found
 * reference in the order of the timeline; of what was not found there is no word.
 *   shot, clip                names
 *   plate                     its key; frames as in "show/a/plate.%04d.exr"
 *   first, last, handles      what is granted: numbers of a sequence, else counted from the first
 *   tc_in, tc_out             what the clip shows, in its media's time
 *   record_in, record_out     where it is in the timeline, from its global_start_time on
 *   speed                     1 as shot, 0 a freeze, below 0 backwards
 *   status                    found, partly
 *   objects, bytes            of the lake
 * Outs are the first frame that is not shown; cells are empty where nothing can be said. */
int shots_write(const struct conform_plan *p, struct index_read *rd, struct buf *ret,
                struct err *e);

/* Reads RFC 4180 text into [{"shot": "sh010", …}, …]: the first line names the members, all values
 * are text. -EBADMSG: no such text. */
int shots_read(const char *s, size_t n, json_t **ret, struct err *e);

#endif
