/* conform/shot.h - which shot a clip belongs to. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_SHOT_H
#define CONFORM_SHOT_H

#include <stdbool.h>

#include <jansson.h>

/* A shot code is one word of letters, digits, '_', '-' and '.' that begins and ends with a letter or
 * digit, has a digit, and has a '_' or '-' or ends in letters and three digits or more:
 * "079_HA_0010", "sq100-s010", "SH010"; not "FIX", "v2", "ASC_SAT". */
bool shot_is_code(const char *s);

/* The shot's name, usable as a file name: no '/', no control characters, not "." or "..", 1 to 200
 * bytes of UTF-8; "untitled" where the clip says nothing. The first that is there counts:
 *   1. metadata.shotlake.shot
 *   2. a comment of an edit decision list: "*SHOT: name", or "*079_HA_0010" and
 *      "*COMMENT: 079_HA_0010" where it is a shot code and nothing else
 *   3. a marker on the clip ("*LOC: 01:00:00:00 GREEN 079_HA_0010"): its name, or its comment, that
 *      is a shot code and nothing else
 *   4. the clip's name, without
 *        a frame notation, or one number:  "A.[1001-1099].exr" "A.%04d.exr" "A.####.exr" "A.1001.exr"
 *        the extension:                    "A.mov"
 *        the version:                      "A_v003" "A.v003"
 *        the plate:                        "A_PL01" (BG, EL, FG, PC, PL, RF and a number)
 * In 2 and 3 too the version and plate of a code are left out. The caller frees it. */
char *shot_name(const json_t *clip);

#endif
