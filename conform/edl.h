/* conform/edl.h - edit decision lists (CMX 3600, File_32, File_129) as OpenTimelineIO. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_EDL_H
#define CONFORM_EDL_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct edit_format_options;
struct err;

#define EDL_BYTES_MAX (16u << 20)
#define EDL_LINE_MAX 4096    /* bytes */
#define EDL_EVENTS_MAX 50000 /* edit lines */
#define EDL_NOTES_MAX 500000 /* comments and locators */

/* Does the text (NUL-terminated, any line ends) look like a list: a TITLE:, an FCM: or an edit line
 * among its first? */
bool edl_is(const char *text);

/* Reads a list into a Timeline.1, or a SerializableCollection.1 where it has several TITLEs.
 *
 * Each edit line makes a clip on every track that its channels name ("AA/V": V, A1, A2); a zero-
 * length line before a transition, and a cut that goes on where the transition's clip ends, join
 * the clip that they continue. metadata.cmx_3600.events has one entry for each line.
 *   source_range   start: the source column; duration: that of the record columns
 *   effects        M2 and stills; without M2 what source and record duration say
 *   reference      a path or media file name in FROM CLIP, FROM FILE, SOURCE FILE or
 *                  FROM CLIP NAME (in this order), frame notations kept; black and bars are
 *                  generators; all else a MissingReference with the clip's name
 *   metadata       cmx_3600.{reel, events, clip_name, source_file, comments, original_timecode}
 * Source columns may be frame numbers. ';' in a timecode is drop-frame: 29.97 or 59.94.
 *
 * `opt->rate` as in edit_format.h. -EBADMSG: no edit in it, or a line that is no edit, with its
 * number; -EFBIG: over a limit above. The caller owns `*ret`. */
int edl_read(const void *data, size_t n, const struct edit_format_options *opt, json_t **ret,
             struct err *e);

#endif
