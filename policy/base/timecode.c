/* policy/base/timecode.c - SMPTE timecode and frame rates as text, in and out. */
/* SPDX-License-Identifier: MIT */
#include "base/timecode.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE_MAX 1000

/* One to `max` digits; -1: none, or more. */
static int number(const char **p, const char *end, int max)
{
    int v = 0, n = 0;
    for (; *p < end && isdigit((unsigned char)**p); ++*p, n++) {
        if (n == max)
            return -1;
        v = v * 10 + (**p - '0');
    }
    return n > 0 ? v : -1;
}

bool timecode_parse(const char *s, size_t n, struct timecode *ret)
{
    const char *p = s, *end = s + n;
    int part[4];
    char before = ':';
    while (p < end && isspace((unsigned char)*p))
        p++;
    while (end > p && isspace((unsigned char)end[-1]))
        end--;
    for (int i = 0; i < 4; i++) {
        if (i > 0 && (p == end || !strchr(":;.,", *p) || *p == '\0'))
            return false;
        if (i > 0)
            before = *p++;
        part[i] = number(&p, end, i == 3 ? 3 : 2);
        if (part[i] < 0)
            return false;
    }
    if (p != end || part[0] > 23 || part[1] > 59 || part[2] > 59)
        return false;
    *ret = (struct timecode){part[0], part[1], part[2], part[3], before == ';' || before == ','};
    return true;
}

/* How many frame numbers a minute leaves out in drop frame. */
static int64_t dropped(int64_t base)
{
    return base % 30 == 0 ? base / 15 : 0;
}

int64_t timecode_count(const struct timecode *tc, int64_t base)
{
    if (base < 1 || base > BASE_MAX || tc->frames >= base)
        return -1;
    int64_t minutes = tc->hours * 60 + tc->minutes, frames = tc->frames;
    int64_t drop = tc->drop ? dropped(base) : 0;
    if (tc->minutes % 10 != 0 && tc->seconds == 0 && frames < drop)
        frames = drop;
    return (minutes * 60 + tc->seconds) * base + frames - drop * (minutes - minutes / 10);
}

const char *timecode_format(int64_t frames, int64_t base, bool drop, char ret[TIMECODE_TEXT_SIZE])
{
    int64_t skip = drop ? dropped(base) : 0;
    if (skip > 0) {
        int64_t minute = 60 * base - skip, ten = 10 * minute + skip;
        int64_t tens = frames / ten, rest = frames % ten;
        frames += 9 * skip * tens;
        if (rest >= 60 * base)
            frames += skip * ((rest - skip) / minute);
    }
    int64_t seconds = frames / base;
    snprintf(ret, TIMECODE_TEXT_SIZE, "%02d:%02d:%02d%c%02d", (int)(seconds / 3600 % 1000),
             (int)(seconds / 60 % 60), (int)(seconds % 60), skip > 0 ? ';' : ':',
             (int)(frames % base));
    return ret;
}

int64_t timecode_base(int64_t rate_num, int64_t rate_den)
{
    if (rate_num < 1 || rate_den < 1)
        return 0;
    int64_t base = (rate_num + rate_den / 2) / rate_den;
    return base <= BASE_MAX ? base : 0;
}

static int64_t divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

bool timecode_rate_of(double rate, int64_t *ret_num, int64_t *ret_den)
{
    static const int64_t video[] = {24, 30, 48, 60, 120};
    if (!(rate >= 0.999 && rate <= BASE_MAX))
        return false;
    for (size_t i = 0; i < sizeof video / sizeof *video; i++) {
        double d = rate - (double)video[i] * 1000 / 1001;
        if (d < 0.0061 && d > -0.0061) {
            *ret_num = video[i] * 1000;
            *ret_den = 1001;
            return true;
        }
    }
    int64_t milli = (int64_t)(rate * 1000 + 0.5), g = divisor(milli, 1000);
    *ret_num = milli / g;
    *ret_den = 1000 / g;
    return true;
}

bool timecode_rate_parse(const char *s, size_t n, int64_t *ret_num, int64_t *ret_den)
{
    char text[32], *end;
    while (n > 0 && isspace((unsigned char)*s))
        s++, n--;
    if (n == 0 || n >= sizeof text || !isdigit((unsigned char)*s)) /* strtod takes "nan" too */
        return false;
    memcpy(text, s, n);
    text[n] = '\0';
    if (strpbrk(text, "xXpP") && !strcasestr(text, "fps"))
        return false;
    double rate = strtod(text, &end);
    if (*end == '/') {
        char *tail;
        double den = isdigit((unsigned char)end[1]) ? strtod(end + 1, &tail) : 0;
        if (den < 1)
            return false;
        rate /= den;
        end = tail;
    }
    end += strspn(end, " ");
    if (*end && strcasecmp(end, "fps") && strcasecmp(end, "df") && strcasecmp(end, "ndf"))
        return false;
    return timecode_rate_of(rate, ret_num, ret_den);
}
