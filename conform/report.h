/* conform/report.h - what was found for a timeline; the reports themselves are in conform.h. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_REPORT_H
#define CONFORM_REPORT_H

struct buf;
struct conform_item;
struct index_read;

/* Appends the key of what was found: "show/a.mov"; of frames "show/a/plate.[1001-1010,1015].exr",
 * or first and last only where there are many runs. The item's status is FOUND or PARTLY. */
void report_key(const struct conform_item *it, struct index_read *rd, struct buf *ret);

#endif
