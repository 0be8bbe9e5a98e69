/* fs/lake/dpx_header.h - reel, timecode and rate of a DPX frame, from its first bytes. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_LAKE_DPX_HEADER_H
#define FS_LAKE_DPX_HEADER_H

#include <stdbool.h>
#include <stddef.h>

struct facts;

#define DPX_HEADER_BYTES 2048 /* the generic and industry headers of SMPTE 268M */

/* Reads the headers in `data`, the start of a file, and adds what they tell to `ret`: the input
 * device is where grading systems keep the reel, the television header has timecode and rate.
 * False: this is no DPX file. */
bool dpx_header_read(const void *data, size_t n, struct facts *ret);

#endif
