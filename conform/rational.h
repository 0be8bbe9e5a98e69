/* conform/rational.h - the times and rates of timelines, exactly. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_RATIONAL_H
#define CONFORM_RATIONAL_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

struct err;

/* Ticks a second. A frame of every usual rate, n/1001 among them, and a sample of every usual audio
 * rate is a whole number of ticks, so that places in a composition are integers, whose sums and
 * comparisons are exact. (The number is that of the "flick" unit.) */
#define RATIONAL_TICKS 705600000
#define RATIONAL_TICKS_MAX (INT64_MAX / 4) /* about 100 years; what lies beyond is cut to it */
#define RATIONAL_TICKS_EPSILON (RATIONAL_TICKS / 100000) /* 10 us: less than that is no time */

/* Frames are compared with this tolerance: a time that went through another rate and back is off
 * by much less, and no exporter means a thousandth of a frame. */
#define RATIONAL_EPSILON 1e-3

/* Frames a second, in lowest terms; num 0: none. `stated` is the number as written where that is
 * another one (23.976), else 0. Rates are compared by num and den. */
struct rational_rate {
    int64_t num, den;
    double stated;
};

/* `whole` + `part` frames, 0 <= part < 1. Two numbers, because timelines count nanoseconds since
 * 1970 in a RationalTime, and a double has no room for them. */
struct rational_time {
    int64_t whole;
    double part;
    struct rational_rate rate;
};

/* The rate that a number means: 24000/1001 for 23.976, 23.98 or 23.976024627685547 alike; likewise
 * for 30000, 48000, 60000 and 120000; else an integer within 1e-4 of it; else itself to six places.
 * No rate (num 0): not above 0, or above 1e10. */
struct rational_rate rational_rate_of(double rate);

bool rational_rate_equal(struct rational_rate a, struct rational_rate b);

/* True where they differ by at most 0.15%: 24 and 24000/1001. Media of such a pair is played frame
 * by frame; only further apart a duration is rescaled. No rate is near nothing. */
bool rational_rate_near(struct rational_rate a, struct rational_rate b);

/* Frames of `to` in one frame of `from`; 1 where they are near. */
double rational_rate_ratio(struct rational_rate to, struct rational_rate from);

/* Reads a RationalTime: integers of 64 bits exactly, whatever the schema says. A time without a
 * rate is an error, but for 0 (its rate is then 1).
 * 0; -EINVAL with the reason: no object, or numbers that no time has (NaN is text here). */
int rational_parse_time(const json_t *o, struct rational_time *ret, struct err *e);

/* Reads a TimeRange. 1; 0 for null or NULL; -EINVAL. */
int rational_parse_range(const json_t *o, struct rational_time *ret_start,
                         struct rational_time *ret_duration, struct err *e);

/* The same moment in frames of another rate; at the ends of int64 it stays there. Exact between
 * rates that are what they were written as. Between others the written numbers count, because the
 * exporter multiplied with them: 23 h at 23.976 rescaled to 23.976024627685547 is two frames more.
 * Of two spellings of one rate a whole number of frames is the same in both: it was counted, not
 * rescaled. */
struct rational_time rational_rescale(struct rational_time t, struct rational_rate to);

/* a - b in frames of b's rate, exact where both have one rate. */
struct rational_time rational_subtract(struct rational_time a, struct rational_time b);

double rational_frames(struct rational_time t); /* as one number: for short times */

int64_t rational_ticks(struct rational_time t); /* rounded; within RATIONAL_TICKS_MAX */
int64_t rational_add_ticks(int64_t a, int64_t b);
int64_t rational_scale_ticks(int64_t ticks, double factor);
double rational_ticks_frames(int64_t ticks, struct rational_rate rate);

/* ---- the one place that decides over fractions of frames ------------------------------------ */

/* The frame that is shown at `x`; one that begins within RATIONAL_EPSILON has begun. */
int64_t rational_floor(double x);
/* The last frame that is shown before `x`; one that has only begun within RATIONAL_EPSILON is
 * not. Of "0 up to 10": 9. */
int64_t rational_last(double x);
/* Frames to be on the safe side: the next whole number, but for RATIONAL_EPSILON. */
int64_t rational_ceil(double x);
int64_t rational_round(double x); /* half away from 0 */
int rational_sign(double speed);  /* -1, 0 (stands still, within 1e-9) or 1 */

#endif
