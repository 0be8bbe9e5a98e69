/* fs/cache/readahead.h - which bytes to fetch for a read, and which before they are asked for. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_CACHE_READAHEAD_H
#define FS_CACHE_READAHEAD_H

#include <stdbool.h>
#include <stdint.h>

#define READAHEAD_CURSORS 2       /* sequential streams within one handle: picture and sound */
#define READAHEAD_WINDOW_BLOCKS 4 /* as many as a store that is near serves best at once */
#define READAHEAD_WINDOW_MOST 12  /* the same for one that is far */
#define READAHEAD_FRAME_BYTES (64u << 20) /* a file up to this, read from its start, is a frame */

/* What one open handle did so far. Embedded; starts as {0}. Not for two threads at once. */
struct readahead {
    struct readahead_cursor {
        uint64_t next;  /* the end of what was read */
        uint64_t block; /* the block that the last read began in */
        unsigned hits;  /* reads that continued it */
        unsigned ahead; /* blocks to fetch beyond the one being read */
        bool glanced;   /* few bytes of the start are all that was asked for */
        uint32_t stamp; /* of the last use; 0: never */
    } cursor[READAHEAD_CURSORS];
    uint32_t clock;
};

/* The first fetch of a file: a store answers a short range sooner than a long one. */
#define READAHEAD_FIRST_BYTES (256u << 10)

enum readahead_fetch {
    READAHEAD_EXACT, /* the exact range */
    READAHEAD_FIRST, /* READAHEAD_FIRST_BYTES; where the store is far the rest at the same time */
    READAHEAD_SOME,  /* about as much again: a stream may begin here */
    READAHEAD_BLOCK, /* to the end of the block */
};

struct readahead_plan {
    enum readahead_fetch fetch;
    uint64_t ahead_from, ahead_to; /* prefetch these bytes too, to the end of a block or the file */
};

/* Notes the read of [offset, offset + length) in a file of `size` bytes and says what to fetch.
 * A read from the start, or one that continues one of the last two streams, is sequential: reads
 * may come out of order by a few megabytes, as a kernel's own read-ahead sends them. A stream that
 * begins elsewhere is believed at its third read: two may meet by chance. Anything else is random
 * and fetches nothing that was not asked for. At most `window` blocks are fetched ahead of a
 * stream. Pure but for `ra`. */
void readahead_next(struct readahead *ra, uint64_t offset, uint64_t length, uint64_t size,
                    uint64_t block_bytes, unsigned window, struct readahead_plan *ret);

#endif
