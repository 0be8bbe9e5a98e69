/* fs/cache/ends.h - the parts of a file that its readers come back to, by its name. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_CACHE_ENDS_H
#define FS_CACHE_ENDS_H

#include <stdint.h>

#define ENDS_HEAD_BYTES ((uint64_t)1 << 20) /* of a container: its header, or where that lies */
#define ENDS_TAIL_BYTES                                                                            \
    ((uint64_t)1 << 20)                       /* index, footer, or the header of what was recorded \
                                               */
#define ENDS_FRAME_BYTES ((uint64_t)64 << 10) /* of an OpenEXR frame: header and offset table */

/* The file's first `head` and last `tail` bytes; 0 of both for what is read once from the front. */
struct ends {
    uint64_t head, tail;
};

/* Those of the object `key` of `size` bytes. Together never more than the object. Pure. */
struct ends ends_of(const char *key, uint64_t size);

#endif
