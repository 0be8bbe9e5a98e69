/* conform/shot.h - which shot a clip belongs to. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_SHOT_H
#define CONFORM_SHOT_H

#include <jansson.h>

/* The shot's name, usable as a file name: no '/', no control characters, not "." or "..", 1 to 200
 * bytes of UTF-8; "untitled" where the clip says nothing. The caller frees it. */
char *shot_name(const json_t *clip);

#endif
