/* conform/sequence.h - numbered frames: the notations that name them, and their numbers. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_SEQUENCE_H
#define CONFORM_SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct buf;
struct err;

#define SEQUENCE_FRAMES_MAX 1000000       /* frames that one reference may name */
#define SEQUENCE_NUMBER_MAX 999999999999L /* a frame's number, either sign */
#define SEQUENCE_PAD_MAX 18               /* what policy/index.h's patterns can hold */
#define SEQUENCE_PAD_ANY (-1)             /* the notation does not say: "name.#.exr" */

struct sequence_range {
    int64_t first, last, step; /* step > 0, first <= last */
};

/* File names `prefix` number `suffix`. A number has at least `pad` digits, zeros in front; the
 * sign of a negative one is not counted (OpenTimelineIO's rule). */
struct sequence {
    char *prefix, *suffix;
    int pad;
    bool known;                    /* false: the range is not stated; all frames that there are */
    struct sequence_range *ranges; /* as written: may overlap */
    size_t n_ranges;
    uint64_t n_frames; /* sum of the ranges, at most SEQUENCE_FRAMES_MAX */
    int64_t start;     /* the first number as stated */
};

/* Reads a file name (no directories) with a frame notation: `[0001-0005]`, `[1001-1010,1015]`,
 * `%04d`, `####`, `@@@@`, `$F4`, `{:04d}`; the last five may be followed by " 1001-1098".
 * 1: it has one, `*ret` is filled; 0: a plain name; -EINVAL: it has one that cannot be used, with
 * the reason in `e`. sequence_done() after 1. */
int sequence_parse_name(const char *name, struct sequence *ret, struct err *e);

/* Reads an ImageSequenceReference's names and numbers. `metadata.shotlake.frames`, as relinking
 * writes it, goes before available_range; durations are rounded, in available_range's own rate.
 * A null range is `known` false. 0, or -EINVAL with the reason. sequence_done() also after a
 * failure. */
int sequence_parse_reference(const json_t *ref, struct sequence *ret, struct err *e);

/* metadata.shotlake.frames of an ImageSequenceReference, or NULL: it has none, or an application
 * relinked it since, which leaves the metadata as it was: it is of the frames that "key" has there.
 * Borrowed. */
const char *sequence_stated_frames(const json_t *ref);

void sequence_done(struct sequence *s);
struct sequence *sequence_copy(const struct sequence *s);
void sequence_free(struct sequence *s); /* NULL is fine */

/* Appends the file name of a frame. */
void sequence_name(const struct sequence *s, int64_t frame, struct buf *ret);

/* The wanted frames, rising, each once. `*ret` is malloc'ed; NULL where the range is not known. */
size_t sequence_frames(const struct sequence *s, int64_t **ret);

/* The same names with the wanted frames from `first` to `last` only, which may leave none. The
 * range is known. sequence_free(). */
struct sequence *sequence_within(const struct sequence *s, int64_t first, int64_t last);

/* True where the sequence writes `number` (its sign left out) in `width` digits. */
bool sequence_width(const struct sequence *s, int64_t number, int width);

/* The number of the file name's middle, `n` digits without sign, where its width is one that the
 * sequence writes. */
bool sequence_number(const struct sequence *s, const char *digits, size_t n, int64_t *ret);

/* Appends rising frames as "1001-1010,1015", padded. More than `max_runs` runs: "first-last". */
void sequence_runs(const int64_t *frames, size_t n, int pad, size_t max_runs, struct buf *ret);

/* The same of the wanted frames, without making a list of them: timelines name long sequences many
 * times. Nothing where the range is not known. */
void sequence_ranges(const struct sequence *s, size_t max_runs, struct buf *ret);

/* Appends the wanted frames in the same notation, as stated; "*" where the range is not known. */
void sequence_format(const struct sequence *s, struct buf *ret);

#endif
