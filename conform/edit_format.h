/* conform/edit_format.h - which format an edit file has, and what its reader makes of it:
 * OpenTimelineIO. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_EDIT_FORMAT_H
#define CONFORM_EDIT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct err;

/* Member of a MissingReference's metadata, true: there is media, but the edit names no file. */
#define EDIT_FORMAT_OFFLINE "shotlake_offline"

#define EDIT_FORMAT_ITEMS_MAX 100000 /* clips, transitions and markers, nested edits expanded */
#define EDIT_FORMAT_NESTED_MAX 32    /* edits in edits: keeps the tree below OTIO_DEPTH_MAX */
#define EDIT_FORMAT_VISITS_MAX (64u << 20) /* XML elements looked at, nested edits expanded */

enum edit_format {
    EDIT_FORMAT_UNKNOWN,
    EDIT_FORMAT_OTIO, /* JSON: conform/otio_read.h reads it */
    EDIT_FORMAT_ZIP,  /* .otioz */
    EDIT_FORMAT_AAF,
    EDIT_FORMAT_EDL,      /* CMX 3600 and its kin */
    EDIT_FORMAT_FCP_XML,  /* Final Cut Pro 7, Premiere: <xmeml> */
    EDIT_FORMAT_FCPX_XML, /* Final Cut Pro X: <fcpxml> */
};

/* Exact: times and rates of edits are fractions such as 1001/24000. den > 0 and reduced; den 0 is
 * "cannot be told", and every sum or product with it is that too. */
struct edit_ratio {
    int64_t num, den;
};

struct edit_format_options {
    struct edit_ratio rate; /* of an EDL, frames a second; den 0: 24, or what its drop-frame
                             * timecode says */
};

/* Tells the format by the bytes, and by the name (NULL is fine) only where they say nothing. */
enum edit_format edit_format_of(const void *data, size_t n, const char *file_name);
const char *edit_format_name(enum edit_format format); /* for messages; static */

/* Reads `data` into an OpenTimelineIO tree: a Timeline.1, or a SerializableCollection.1 of several.
 * `opt` may be NULL. The caller owns `*ret`.
 * -EBADMSG: not such a file (line and reason in `e`); -EFBIG: over a limit; -ENOTSUP: a format
 * that is not read here (OTIO, ZIP, unknown). */
int edit_format_convert(enum edit_format format, const void *data, size_t n,
                        const struct edit_format_options *opt, json_t **ret, struct err *e);

/* Fractions */

struct edit_ratio edit_format_ratio(int64_t num, int64_t den);
struct edit_ratio edit_format_add(struct edit_ratio a, struct edit_ratio b);
struct edit_ratio edit_format_sub(struct edit_ratio a, struct edit_ratio b);
struct edit_ratio edit_format_mul(struct edit_ratio a, struct edit_ratio b);
struct edit_ratio edit_format_div(struct edit_ratio a, struct edit_ratio b);
int edit_format_cmp(struct edit_ratio a, struct edit_ratio b); /* both can be told */

/* Reads "24", "-1.5", "1001/24000" or either with an "s" behind; den 0 where it is none. */
struct edit_ratio edit_format_number(const char *text);

/* A rate as people write it: "23.976", "23.98" and "24000/1001" are the same. Snaps to the nearest
 * of n*1000/1001 within 2e-4; den 0 where `text` is no rate from 1 to 1000. */
struct edit_ratio edit_format_rate(const char *text);

/* Frames a second as timecode counts them: 24 for 24000/1001. */
int64_t edit_format_timebase(struct edit_ratio rate);

/* True for a number of frames that a file may mean: known, and at most 10^12 either way. */
bool edit_format_is_sane(struct edit_ratio frames);

/* OpenTimelineIO objects. Every json_t argument is taken and may be NULL for "none"; strings are
 * copied, and what is not UTF-8 in them is shown as '?'. Times are frames at a rate. */

json_t *edit_format_string(const char *s);
void edit_format_put(json_t *object, const char *key, json_t *value); /* NULL: nothing */
void edit_format_put_string(json_t *object, const char *key, const char *s);
/* {`key`: object}: an application's metadata under its name. */
json_t *edit_format_metadata(const char *key, json_t *object);

json_t *edit_format_time(struct edit_ratio frames, struct edit_ratio rate);
json_t *edit_format_range(struct edit_ratio start, struct edit_ratio start_rate,
                          struct edit_ratio duration, struct edit_ratio duration_rate);

struct edit_clip {
    const char *name;
    bool disabled;
    json_t *range, *metadata, *effects, *markers;
    json_t *reference;  /* becomes DEFAULT_MEDIA */
    json_t *references; /* further ones by their keys, or NULL */
};

json_t *edit_format_clip(const struct edit_clip *clip);
/* ExternalReference.1, or MissingReference.1 where `url` is NULL. */
json_t *edit_format_reference(const char *name, const char *url, json_t *available,
                              json_t *metadata);
json_t *edit_format_generator(const char *name, const char *kind, json_t *metadata);
/* LinearTimeWarp.1; FreezeFrame.1 at 0; TimeEffect.1 where the speed cannot be told in one number,
 * which is to be read as "any of its frames". */
json_t *edit_format_warp(struct edit_ratio speed, json_t *metadata);
json_t *edit_format_marker(const char *name, const char *color, json_t *range, json_t *metadata);
json_t *edit_format_transition(const char *name, const char *type, struct edit_ratio in,
                               struct edit_ratio out, struct edit_ratio rate, json_t *metadata);
/* `stack` takes the timeline's markers. */
json_t *edit_format_timeline(const char *name, json_t *start, json_t *stack, json_t *metadata);
/* The one child itself, or a SerializableCollection.1 of them. */
json_t *edit_format_collection(json_t *children);

/* Things on tracks, in any order, by where they are. */
struct edit_item {
    int lane; /* tracks come out from the lowest lane up, video before audio */
    bool audio;
    struct edit_ratio from, to; /* frames; equal for a transition */
    json_t *object;
};

struct edit_items {
    struct edit_item *v; /* start with {0} */
    size_t n, cap;
};

void edit_format_place(struct edit_items *items, struct edit_item item); /* takes item.object */
void edit_format_items_done(struct edit_items *items);

/* A Stack.1 of Track.1 with gaps where nothing is; what overlaps in one lane goes to a further
 * track of it. Empties `items`. */
json_t *edit_format_stack(const char *name, struct edit_items *items, struct edit_ratio rate,
                          json_t *range, json_t *markers);

#endif
