/* conform/rational.c - the times and rates of timelines, exactly. */
/* SPDX-License-Identifier: MIT */
#include "conform/rational.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"

#define RATE_MAX 1e10
#define RATE_PLACES 1000000 /* of a rate that is none of the usual ones */
#define SNAP_INTEGER 1e-4   /* relative */
#define SNAP_NTSC 2e-4      /* "23.98" is written for 24000/1001, and 24 is five times as far */
#define SAME_RATE 1e-12
#define NEAR_RATES 0.0015
#define WHOLE 1e-6     /* of a frame: a double has that left of a day in samples */
#define FRAME_MAX 4e18 /* fits int64_t, with room for a sum of two */

static struct rational_rate rate_as(int64_t num, int64_t den, double stated)
{
    double exact = (double)num / (double)den;
    bool same = fabs(stated - exact) <= SAME_RATE * exact;
    return (struct rational_rate){num, den, same ? 0 : stated};
}

struct rational_rate rational_rate_of(double rate)
{
    static const int64_t ntsc[] = {24000, 30000, 48000, 60000, 120000};
    if (!(rate > 0) || rate > RATE_MAX)
        return rate_as(0, 1, 0);
    for (size_t i = 0; i < COUNT(ntsc); i++) {
        double exact = (double)ntsc[i] / 1001;
        if (fabs(rate - exact) <= SNAP_NTSC * exact)
            return rate_as(ntsc[i], 1001, rate);
    }
    double whole = round(rate);
    if (whole >= 1 && (whole > RATE_PLACES || fabs(rate - whole) <= SNAP_INTEGER * whole))
        return rate_as((int64_t)whole, 1, rate);
    int64_t num = llround(rate * RATE_PLACES), den = RATE_PLACES;
    for (int64_t p = 2; p <= 5; p += 3) /* 10^6 has no other factors */
        while (num > 0 && num % p == 0 && den % p == 0) {
            num /= p;
            den /= p;
        }
    return rate_as(num, den, rate);
}

bool rational_rate_equal(struct rational_rate a, struct rational_rate b)
{
    return a.num == b.num && a.den == b.den;
}

static double ratio(struct rational_rate to, struct rational_rate from)
{
    return ((double)to.num * (double)from.den) / ((double)to.den * (double)from.num);
}

bool rational_rate_near(struct rational_rate a, struct rational_rate b)
{
    return a.num > 0 && b.num > 0 && fabs(ratio(a, b) - 1) <= NEAR_RATES;
}

double rational_rate_ratio(struct rational_rate to, struct rational_rate from)
{
    return rational_rate_near(to, from) ? 1 : ratio(to, from);
}

static bool is_finite_number(const json_t *v)
{
    return json_is_integer(v) || (json_is_real(v) && isfinite(json_real_value(v)));
}

int rational_parse_time(const json_t *o, struct rational_time *ret, struct err *e)
{
    const json_t *value = json_object_get(o, "value"), *rate = json_object_get(o, "rate");
    *ret = (struct rational_time){.rate = {.num = 1, .den = 1}};
    if (!json_is_object(o))
        return err_set(e, -EINVAL, "a time is an object");
    if (!is_finite_number(value) || fabs(json_number_value(value)) > FRAME_MAX)
        return err_set(e, -EINVAL, "the value of a time is no usable number");
    struct rational_rate stated = rational_rate_of(json_number_value(rate));
    bool zero = json_is_integer(value) ? json_integer_value(value) == 0
                                       : fpclassify(json_real_value(value)) == FP_ZERO;
    if (stated.num > 0)
        ret->rate = stated;
    else if (!zero)
        return err_set(e, -EINVAL, "the rate of a time is no usable number");
    if (json_is_integer(value)) {
        ret->whole = json_integer_value(value);
    } else {
        double below = floor(json_real_value(value));
        ret->whole = (int64_t)below;
        ret->part = json_real_value(value) - below;
    }
    return 0;
}

int rational_parse_range(const json_t *o, struct rational_time *ret_start,
                         struct rational_time *ret_duration, struct err *e)
{
    if (!o || json_is_null(o))
        return 0;
    if (!json_is_object(o))
        return err_set(e, -EINVAL, "a range is an object");
    int r = rational_parse_time(json_object_get(o, "start_time"), ret_start, e);
    if (r == 0)
        r = rational_parse_time(json_object_get(o, "duration"), ret_duration, e);
    return r < 0 ? r : 1;
}

/* n / d, rounded down; d > 0. The quotient's part is below 1 also where the division rounds up. */
static struct rational_time divide(__int128 n, __int128 d, double part)
{
    __int128 whole = n / d, rest = n % d;
    if (rest < 0) {
        whole--;
        rest += d;
    }
    part += (double)rest / (double)d;
    double carry = floor(part);
    if (whole > INT64_MAX / 2 || whole < -(INT64_MAX / 2) || fabs(carry) > FRAME_MAX)
        return (struct rational_time){.whole = n < 0 ? -(INT64_MAX / 2) : INT64_MAX / 2};
    return (struct rational_time){.whole = (int64_t)whole + (int64_t)carry, .part = part - carry};
}

/* With the numbers as they were written. A long double has room for every whole frame. */
static struct rational_time rescale_stated(struct rational_time t, struct rational_rate to)
{
    long double a = t.rate.num, b = to.num;
    a = t.rate.stated > 0 ? t.rate.stated : a / t.rate.den;
    b = to.stated > 0 ? to.stated : b / to.den;
    long double v = ((long double)t.whole + t.part) * b / a, below = floorl(v);
    if (fabsl(v) > FRAME_MAX)
        return divide((__int128)(v < 0 ? -FRAME_MAX : FRAME_MAX) * 2, 1, 0);
    return (struct rational_time){.whole = (int64_t)below, .part = (double)(v - below)};
}

/* The largest product has 62 bits of frames, 40 of one rate and 20 of the other: 122. */
static struct rational_time rescale_exactly(struct rational_time t, struct rational_rate to)
{
    return divide((__int128)t.whole * to.num * t.rate.den, (__int128)to.den * t.rate.num,
                  t.part * ratio(to, t.rate));
}

struct rational_time rational_rescale(struct rational_time t, struct rational_rate to)
{
    bool counted = rational_rate_equal(t.rate, to) && fabs(t.part - round(t.part)) < WHOLE;
    bool exact = !(t.rate.stated > 0) && !(to.stated > 0);
    struct rational_time r = t;
    if (!counted)
        r = exact ? rescale_exactly(t, to) : rescale_stated(t, to);
    r.rate = to;
    return r;
}

struct rational_time rational_subtract(struct rational_time a, struct rational_time b)
{
    a = rational_rescale(a, b.rate);
    struct rational_time r = divide((__int128)a.whole - b.whole, 1, a.part - b.part);
    r.rate = b.rate;
    return r;
}

double rational_frames(struct rational_time t)
{
    return (double)t.whole + t.part;
}

static int64_t within(__int128 ticks)
{
    return ticks > RATIONAL_TICKS_MAX    ? RATIONAL_TICKS_MAX
           : ticks < -RATIONAL_TICKS_MAX ? -RATIONAL_TICKS_MAX
                                         : (int64_t)ticks;
}

int64_t rational_ticks(struct rational_time t)
{
    struct rational_time ticks =
        rescale_exactly(t, (struct rational_rate){.num = RATIONAL_TICKS, .den = 1});
    return within((__int128)ticks.whole + llround(ticks.part));
}

int64_t rational_add_ticks(int64_t a, int64_t b)
{
    return within((__int128)a + b);
}

int64_t rational_scale_ticks(int64_t ticks, double factor)
{
    double d = (double)ticks * factor;
    if (fabs(factor - 1) < 1e-12)
        return ticks;
    return fabs(d) < (double)RATIONAL_TICKS_MAX ? llround(d)
           : d < 0                              ? -RATIONAL_TICKS_MAX
                                                : RATIONAL_TICKS_MAX;
}

double rational_ticks_frames(int64_t ticks, struct rational_rate rate)
{
    return (double)ticks * ratio(rate, (struct rational_rate){.num = RATIONAL_TICKS, .den = 1});
}

static int64_t to_frame(double x)
{
    return x > FRAME_MAX ? (int64_t)FRAME_MAX : x < -FRAME_MAX ? -(int64_t)FRAME_MAX : (int64_t)x;
}

int64_t rational_floor(double x)
{
    return to_frame(floor(x + RATIONAL_EPSILON));
}

int64_t rational_last(double x)
{
    return to_frame(ceil(x - RATIONAL_EPSILON) - 1);
}

int64_t rational_ceil(double x)
{
    return to_frame(ceil(x - RATIONAL_EPSILON));
}

int64_t rational_round(double x)
{
    return to_frame(round(x));
}

int rational_sign(double speed)
{
    return fabs(speed) < 1e-9 ? 0 : speed < 0 ? -1 : 1;
}
