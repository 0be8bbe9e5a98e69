/* conform/shot.c - which shot a clip belongs to. */
/* SPDX-License-Identifier: MIT */
#include "conform/shot.h"

#include <string.h>

#include "base/cleanup.h"
#include "conform/otio_read.h"

#define SHOT_MAX_BYTES 200

char *shot_name(const json_t *clip)
{
    const char *name = otio_string(clip, "name");
    if (!name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        name = "untitled";
    size_t n = strlen(name);
    if (n > SHOT_MAX_BYTES)
        for (n = SHOT_MAX_BYTES; n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80;)
            n--;
    char *ret = xstrndup(name, n);
    for (char *s = ret; *s; s++)
        if (*s == '/' || (unsigned char)*s < 0x20 || *s == 0x7f)
            *s = '_';
    return ret;
}
