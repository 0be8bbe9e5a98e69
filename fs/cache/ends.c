/* fs/cache/ends.c - the parts of a file that its readers come back to, by its name. */
/* SPDX-License-Identifier: MIT */
#include "fs/cache/ends.h"

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

/* What holds many frames and an index of them, often at the end. */
static const char *const containers[] = {"avi", "braw", "crm", "m4v", "mkv", "mov", "mp4",
                                         "mts", "mxf",  "nev", "r3d", "rmf", "webm"};

struct ends ends_of(const char *key, uint64_t size)
{
    const char *dot = strrchr(key, '.');
    struct ends none = {0, 0};
    if (!dot || strchr(dot, '/'))
        return none;
    if (!strcasecmp(dot + 1, "exr"))
        return (struct ends){.head = size < ENDS_FRAME_BYTES ? size : ENDS_FRAME_BYTES};
    for (size_t i = 0; i < COUNT(containers); i++)
        if (!strcasecmp(dot + 1, containers[i])) {
            uint64_t head = size < ENDS_HEAD_BYTES ? size : ENDS_HEAD_BYTES, rest = size - head;
            return (struct ends){.head = head,
                                 .tail = rest < ENDS_TAIL_BYTES ? rest : ENDS_TAIL_BYTES};
        }
    return none;
}
