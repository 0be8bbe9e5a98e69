/* fs/lake/exr_header.h - reel, timecode and rate of an OpenEXR frame, from its first bytes. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_LAKE_EXR_HEADER_H
#define FS_LAKE_EXR_HEADER_H

#include <stdbool.h>
#include <stddef.h>

struct facts;

#define EXR_HEADER_BYTES 65536 /* of a file that are looked at: longer headers tell what fits */

/* Reads the attributes of the first part's header in `data`, the start of a file, and adds what
 * they tell to `ret`. Which attributes count is a table in exr_header.c. A header that goes on
 * beyond `n`, or is damaged, tells what stands before that. False: this is no OpenEXR file. */
bool exr_header_read(const void *data, size_t n, struct facts *ret);

#endif
