/* fs/lake/ale.h - Avid Log Exchange: a bin's clips with their reels and timecodes. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_LAKE_ALE_H
#define FS_LAKE_ALE_H

#include <stddef.h>

#include "fs/lake/facts.h"

struct err;

#define ALE_MAX_BYTES (16u << 20)
#define ALE_COLUMNS_MAX 1024
#define ALE_ROWS_MAX 500000

/* One clip of a log. Texts are borrowed for the call; "" where there is none. */
struct ale_row {
    const char *name;   /* column Name */
    const char *source; /* the file's name, without folders: Source File, Source File Path or UNC */
    struct facts facts; /* reel, timecode, rate, frames, UMID */
};

/* A negative return ends the reading with that code. */
typedef int ale_row_fn(void *arg, const struct ale_row *row, struct err *e);

/* Reads a log (Heading, Column, Data; tab separated; lines end in LF, CR or both; blank lines
 * between are let be). -EBADMSG with the line: it is none, or passes a limit; rows before that
 * were told. */
int ale_parse(const void *data, size_t n, ale_row_fn *fn, void *arg, struct err *e);

#endif
