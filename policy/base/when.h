/* policy/base/when.h - moments as text: RFC 3339 and whole days. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_BASE_WHEN_H
#define POLICY_BASE_WHEN_H

#include <stdint.h>

struct err;

#define WHEN_NEVER INT64_MAX /* the end of something that has no end */

enum when_day {
    WHEN_DAY_START, /* a bare date means 00:00:00 UTC of that day: --from */
    WHEN_DAY_END,   /* a bare date means through 23:59:59 UTC of that day: --until */
};

/* Parses `YYYY-MM-DD` or RFC 3339 (`2027-06-15T12:00:00Z`, `…+02:00`, fractions cut) into seconds
 * since 1970. For WHEN_DAY_END a bare date yields 24:00:00 UTC of that day, so that `t < *ret`
 * holds through its last second. 0, or -EINVAL with a sentence. */
int when_parse(const char *s, enum when_day day, int64_t *ret, struct err *e);

/* "2027-06-15T23:59:59Z"; "never" for WHEN_NEVER. */
#define WHEN_TEXT_SIZE 32
const char *when_format(int64_t t, char ret[WHEN_TEXT_SIZE]);

#endif
