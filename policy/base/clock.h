/* policy/base/clock.h - wall and monotonic time, replaceable in tests. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_BASE_CLOCK_H
#define POLICY_BASE_CLOCK_H

#include <stdint.h>

/* Seconds since 1970 UTC. */
int64_t clock_wall(void);

/* Milliseconds of a clock that never goes back and counts suspended time (CLOCK_BOOTTIME):
 * a laptop that slept must not believe that its policy is fresh. */
int64_t clock_mono_ms(void);

/* Tests: both clocks answer from `wall` and `mono_ms` from now on; NULL restores the real ones. */
void clock_set(int64_t (*wall)(void), int64_t (*mono_ms)(void));

#endif
