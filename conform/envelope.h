/* conform/envelope.h - which frames of its media does each clip of a timeline use? */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_ENVELOPE_H
#define CONFORM_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "conform/rational.h"

struct envelope_use;
struct err;

/* The first is the oddest: exporters disagree about what source_range counts from. */
enum envelope_warning {
    ENVELOPE_RELATIVE_RANGE = 1,    /* source_range is read as counted from the first frame */
    ENVELOPE_UNKNOWN_RETIME = 2,    /* a speed that cannot be read: all of the media */
    ENVELOPE_REVERSE_AMBIGUOUS = 4, /* backwards, by an application that writes either end */
    ENVELOPE_OUT_OF_RANGE = 8,      /* more is used than available_range has */
    ENVELOPE_BAD_RANGE = 16,        /* available_range cannot be used: all of the media */
    ENVELOPE_UNKNOWN_RANGE = 32,    /* not told where the media begins: all of it (set by conform) */
    ENVELOPE_LONE_FRAME = 64,       /* one frame of a sequence, and more than one is used (likewise) */
};
#define ENVELOPE_WARNINGS 7

/* "relative range" and so on, for the bit 1 << i. Static. */
const char *envelope_warning_name(size_t i);

/* What one media reference of one clip gives to the timeline. */
struct envelope {
    const json_t *clip; /* the object in the tree; borrowed */
    const json_t *ref;  /* likewise; NULL where the clip has none */
    bool used;          /* false: the trims of what the clip is in hide it; nothing else is set */
    bool known;         /* false: what it uses cannot be told, so take all that is named */
    bool numbered;  /* frame numbers of a sequence; else frames counted from the media's first */
    int64_t lo, hi; /* first and last frame with handles */
    int64_t cut_lo, cut_hi; /* without, but with what transitions show */
    double speed;           /* of the clip and all that it is in; 0 stands still, < 0 backwards */
    unsigned warnings;      /* enum envelope_warning */
    bool record_known;      /* its place: frames of `record_rate`, from global_start_time */
    struct rational_rate record_rate;
    int64_t record_in, record_out; /* record_out is not shown any more; transitions left out */
    const struct envelope_use *use; /* what it was made of, for other media; NULL where not used */
};

/* A result below 0 ends the walk and is its result. `env` is valid during the call. */
typedef int envelope_fn(void *arg, const struct envelope *env, struct err *e);

/* Calls `fn` for every media reference of every clip in the order of otio_doc.refs (see
 * otio_read.h), once for a clip without one; so the i-th call is the i-th of those. Clips that are
 * disabled are told like the rest. `handles`: frames of the timeline to add at either end.
 *
 * Used is what the trims of all stacks and tracks around the clip leave of it, with what
 * transitions beside it show. Retimes multiply, those of stacks and tracks too.
 * 0; -EBADMSG with a JSON pointer in `e`: a source_range, an offset of a transition or a
 * global_start_time that is no time; what `fn` returned. Borrows `timeline`, whose nesting
 * otio_read() has bounded. */
int envelope_of_timeline(const json_t *timeline, int handles, envelope_fn *fn, void *arg,
                         struct err *e);

/* ---- the arithmetic, for one reference ------------------------------------------------------ */

/* What a media reference has. */
struct envelope_media {
    bool known;                 /* its range is stated and can be used; else only `warnings` is */
    bool numbered;              /* a sequence */
    struct rational_time start; /* of available_range, in `rate` */
    struct rational_rate rate;
    int64_t length;      /* frames of `rate` */
    int64_t first, step; /* of a sequence: frame k is named first + step * (k / |step|) */
    unsigned warnings;
};

/* Reads a reference (NULL is fine) as conform/reference.h does. A notation in a URL numbers frames
 * like an ImageSequenceReference; where its list has holes, or as many frames as available_range
 * has not, nobody can say which frame is shown when: not known. available_range's rate counts, not
 * the reference's own, which exporters fill with 1.0. */
void envelope_read_media(const json_t *ref, struct envelope_media *ret);

/* How a clip uses it. */
struct envelope_use {
    bool ranged;                /* false: no source_range; all of the media */
    struct rational_time start; /* source_range */
    struct rational_time duration;
    bool whole;           /* all of it is shown */
    int64_t from, to;     /* not whole: the part that is, in ticks of the timeline from the clip's
                           * in-point: below 0 and beyond the duration in a transition */
    double speed;         /* the clip's own */
    double outer_speed;   /* the product of those above it */
    bool unknown_retime;  /* of the clip or above it */
    const json_t *lookup; /* a table of frame offsets, one a frame of the clip; NULL: none */
    bool either_end;      /* source_range of reversed clips starts at either end (Premiere) */
    int handles;          /* of frames of record_rate */
    struct rational_rate record_rate;
};

/* Sets known, numbered, lo, hi, cut_lo, cut_hi, speed and warnings of `ret`.
 *
 * With off = source_range.start - available_range.start and d the duration, both in available
 * frames (the duration rescaled only where the rates differ by more than 0.15%), and s the speed:
 *     lo = floor(off), hi = last frame before off + d * |s|
 * which holds forwards, and backwards where source_range starts at the lowest frame, as it does in
 * what Avid, Hiero and Flame write. A freeze shows lo. The result is cut to available_range: what
 * lies outside is held or black; a clip that misses it altogether gets all of it, with a warning.
 * source_range is absolute, but where a sequence's available_range starts at its first number and
 * source_range below that: then it counts from there.
 * Handles are timeline frames: handles * |s| media frames are added to either end. */
void envelope_frames(const struct envelope_media *m, const struct envelope_use *use,
                     struct envelope *ret);

#endif
