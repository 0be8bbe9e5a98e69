/* policy/base/timecode.h - SMPTE timecode and frame rates as text, in and out. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_BASE_TIMECODE_H
#define POLICY_BASE_TIMECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMECODE_TEXT_SIZE 24 /* "HH:MM:SS:FF" with room for any hours and frames */

/* A timecode as it is written, not yet at a rate. */
struct timecode {
    int hours, minutes, seconds, frames;
    bool drop; /* written with ';' before its frames */
};

/* Reads "HH:MM:SS:FF"; ';' or ',' before the frames is drop frame, '.' is ':'. One digit will do
 * for each part, frames may have three. False for anything else; minutes and seconds are below 60,
 * hours below 24. */
bool timecode_parse(const char *s, size_t n, struct timecode *ret);

/* Frames since 00:00:00:00 at `base` frames a second as timecode counts them (30 for 30000/1001).
 * Drop frame holds at multiples of 30 only; elsewhere ';' is written by rote. -1: the frame number
 * is not below `base`, or base is not in 1…1000. A frame number that drop frame leaves out counts
 * as the one after. */
int64_t timecode_count(const struct timecode *tc, int64_t base);

/* The text of a count, with ';' for drop frame. */
const char *timecode_format(int64_t frames, int64_t base, bool drop, char ret[TIMECODE_TEXT_SIZE]);

/* What timecode counts a second at that rate: the nearest whole number. 0 where there is none. */
int64_t timecode_base(int64_t rate_num, int64_t rate_den);

/* Reads frames a second: "24", "23.976", "23.98" (24000/1001), "30000/1001", "29.97DF", "25 fps".
 * False: none, or not within 1…1000. */
bool timecode_rate_parse(const char *s, size_t n, int64_t *ret_num, int64_t *ret_den);

/* The rate that a number means, as above, in lowest terms. */
bool timecode_rate_of(double rate, int64_t *ret_num, int64_t *ret_den);

#endif
