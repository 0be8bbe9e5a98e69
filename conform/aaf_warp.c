/* conform/aaf_warp.c - the speed of AAF's time warps. */
/* SPDX-License-Identifier: MIT */
#include "conform/aaf_warp.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

#define PARAMETERS_MAX 200 /* of one effect; those behind them are not looked at */
#define SPEED_MAX 10000    /* beyond it is no retime */

static const struct edit_ratio zero = {0, 1}, unknown = {0, 0};

struct parameters {
    bool ratio_there, map_there, other_map;
    struct edit_ratio ratio, speed, first;
};

struct point {
    struct edit_ratio time, value;
};

static int read_point(const struct aaf_list *l, size_t i, struct point *ret, struct err *e)
{
    AUTO(aaf_object) struct aaf_object *o = NULL;
    AUTO(free) char *text = NULL;
    int r = aaf_list_open(l, i, &o, e);
    if (r < 0)
        return r;
    ret->time = aaf_object_ratio(o, AAF_POINT_TIME);
    aaf_object_indirect(o, AAF_POINT_VALUE, &ret->value, &text);
    return 0;
}

/* A map of record frames to source frames that is one straight line has a speed. */
static int read_map(const struct aaf_object *map, const char *interpolation, struct parameters *p,
                    struct err *e)
{
    struct aaf_list list __attribute__((cleanup(auto_aaf_list))) = {0};
    struct point a = {0}, b = {0};
    int r = aaf_list_read(map, AAF_POINTS, &list, e);
    p->map_there = true;
    p->speed = unknown;
    if (r < 0 || list.n != 2 || strcmp(interpolation, "LinearInterp") != 0)
        return r;
    r = read_point(&list, 0, &a, e);
    if (r == 0)
        r = read_point(&list, 1, &b, e);
    struct edit_ratio over = edit_format_sub(b.time, a.time);
    if (r < 0 || over.num <= 0)
        return r;
    p->speed = edit_format_div(edit_format_sub(b.value, a.value), over);
    p->first = edit_format_sub(a.value, edit_format_mul(p->speed, a.time));
    return 0;
}

static int read_parameter(struct aaf_file *f, const struct aaf_object *parameter,
                          struct parameters *p, struct err *e)
{
    const struct aaf_definition *name, *interpolation;
    AUTO(free) char *text = NULL;
    int r =
        aaf_file_definition(f, AAF_PARAMETERS, aaf_object_auid(parameter, AAF_PARAMETER), &name, e);
    if (r < 0 || !name)
        return r;
    if (strcmp(name->name, "SpeedRatio") == 0 || strcmp(name->name, "Speed Ratio") == 0) {
        p->ratio_there = true;
        aaf_object_indirect(parameter, AAF_CONSTANT, &p->ratio, &text);
        return 0;
    }
    if (strcmp(name->name, "PARAM_OFFSET_MAP_U") == 0)
        p->other_map = true;
    if (strcmp(name->name, "PARAM_SPEED_OFFSET_MAP_U") != 0)
        return 0;
    const unsigned char *id = aaf_object_auid(parameter, AAF_INTERPOLATION);
    r = aaf_file_definition(f, AAF_INTERPOLATIONS, id, &interpolation, e);
    return r < 0 ? r : read_map(parameter, interpolation ? interpolation->name : "", p, e);
}

int aaf_warp_read(struct aaf_file *f, const struct aaf_object *group, struct aaf_warp *ret,
                  struct err *e)
{
    struct aaf_list list __attribute__((cleanup(auto_aaf_list))) = {0};
    struct parameters p = {.first = zero};
    int r = aaf_list_read(group, AAF_OPERATION_PARAMETERS, &list, e);
    for (size_t i = 0; r == 0 && i < list.n && i < PARAMETERS_MAX; i++) {
        AUTO(aaf_object) struct aaf_object *parameter = NULL;
        r = aaf_list_open(&list, i, &parameter, e);
        if (r == 0)
            r = read_parameter(f, parameter, &p, e);
    }
    *ret = (struct aaf_warp){unknown, zero};
    if (r < 0)
        return r;
    if (p.map_there) {
        *ret = (struct aaf_warp){p.speed, p.first};
    } else if (p.ratio_there && !p.other_map && p.ratio.den) {
        /* SpeedRatio is record over source: its inverse is the speed; one source frame is a still
         */
        int64_t length = 0;
        aaf_object_integer(group, AAF_COMPONENT_LENGTH, &length);
        bool still = p.ratio.num == 0 || (p.ratio.den == 1 && p.ratio.num == length && length > 1);
        ret->speed = still ? zero : edit_format_div((struct edit_ratio){1, 1}, p.ratio);
    }
    struct edit_ratio s = ret->speed;
    if (!edit_format_is_sane(ret->first) || !s.den || llabs(s.num / s.den) > SPEED_MAX)
        *ret = (struct aaf_warp){unknown, zero};
    return 0;
}

struct edit_ratio aaf_warp_start(const struct aaf_warp *w, struct edit_ratio from,
                                 struct edit_ratio length)
{
    if (!w->speed.den)
        return zero;
    struct edit_ratio at = from;
    if (w->speed.num < 0 && length.num > 0) /* the last one shown */
        at = edit_format_sub(edit_format_add(from, length), (struct edit_ratio){1, 1});
    return edit_format_add(w->first, edit_format_mul(w->speed, at));
}
