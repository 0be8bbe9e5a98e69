/* conform/aaf_warp.h - the speed of AAF's time warps. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_AAF_WARP_H
#define CONFORM_AAF_WARP_H

#include <stdbool.h>

#include "conform/aaf_file.h"
#include "conform/edit_format.h"

struct err;

/* The source frame shown at edit unit t of the effect is first + speed * t. */
struct aaf_warp {
    struct edit_ratio speed; /* 0: a still; den 0: it changes, or cannot be told */
    struct edit_ratio first;
};

/* Reads the parameters of an operation group that warps time: a straight PARAM_SPEED_OFFSET_MAP_U,
 * else SpeedRatio where there is no map at all. */
int aaf_warp_read(struct aaf_file *f, const struct aaf_object *group, struct aaf_warp *ret,
                  struct err *e);

/* The first source frame that `length` edit units from `from` on show: of reverse play the lowest,
 * as source ranges have it. */
struct edit_ratio aaf_warp_start(const struct aaf_warp *w, struct edit_ratio from,
                                 struct edit_ratio length);

#endif
