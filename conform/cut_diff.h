/* conform/cut_diff.h - what changed from one cut to the next, shot by shot. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_CUT_DIFF_H
#define CONFORM_CUT_DIFF_H

#include <jansson.h>

struct buf;
struct err;

/* What may have become of a shot, one bit each; an unchanged one has none. */
enum cut_change {
    CUT_NEW = 1,        /* was in no version that is known */
    CUT_OMITTED = 2,    /* is in the cut no more */
    CUT_REINSTATED = 4, /* was in an earlier version, but not in the last */
    CUT_EXTENDED = 8,   /* uses frames beyond what was granted, handles included; or other media */
    CUT_TRIMMED = 16,   /* uses other frames, all within what was granted */
    CUT_RETIMED = 32,   /* plays at another speed */
    CUT_MOVED = 64,     /* comes before or after others than it did; a ripple moves nothing */
};
#define CUT_CHANGES 7

/* "NEW" and so on, for the bit 1 << i. Static. */
const char *cut_change_name(size_t i);

struct cut_diff_options {
    int handles;           /* with which `before` was conformed */
    const json_t *earlier; /* an object whose keys are the shots of versions before it; may be NULL */
};

/* Compares two trees that otio_read() has read:
 *   {"shots": [{"shot", "changes": ["EXTENDED", …], "old": {…}, "new": {…}, "media": [old, new]}],
 *    "counts": {"NEW": n, …, "UNCHANGED": n}}
 * "old" and "new" are {"source": [first, last], "rate", "speed", "record": [in, out],
 * "record_frames": [in, out]}, each where it is known; first and last are frames of the media, or
 * numbers of a sequence, without handles; "media" is there where the file is another one. Shots are
 * in the order of the new cut, omitted ones behind them; all are listed, unchanged ones with no
 * changes.
 *
 * Clips that are enabled, shown and not generators count; those of audio tracks only where there is
 * no picture. A shot (conform/shot.h) that is in a cut several times is told several times: what
 * plays the same media, and most of the same frames, is the same.
 * A new reference in `*ret`; -EBADMSG: a time that cannot be read. */
int cut_diff(const json_t *before, const json_t *after, const struct cut_diff_options *opt,
             json_t **ret, struct err *e);

/* Adds the names of the shots in a tree as keys of `set`. */
int cut_shots(const json_t *tree, json_t *set, struct err *e);

/* The comparison for people: a line for each shot that changed, and one with the counts. */
void cut_diff_text(const json_t *diff, struct buf *ret);

#endif
