/* policy/base/clock.c - wall and monotonic time, replaceable in tests. */
/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <stddef.h>
#include <time.h>

static int64_t (*wall_fn)(void);
static int64_t (*mono_fn)(void);

int64_t clock_wall(void)
{
    if (wall_fn)
        return wall_fn();
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec;
}

int64_t clock_mono_ms(void)
{
    if (mono_fn)
        return mono_fn();
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void clock_set(int64_t (*wall)(void), int64_t (*mono_ms)(void))
{
    wall_fn = wall;
    mono_fn = mono_ms;
}
