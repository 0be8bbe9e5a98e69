/* policy/base/when.c - moments as text: RFC 3339 and whole days. */
/* SPDX-License-Identifier: MIT */
#include "base/when.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"

#define WHEN_LAST 253402300799 /* 9999-12-31T23:59:59Z: the last that has a text */

/* Reads exactly `n` digits and moves on. */
static bool number(const char **s, int n, int *ret)
{
    *ret = 0;
    for (int i = 0; i < n; i++, (*s)++) {
        if (**s < '0' || **s > '9')
            return false;
        *ret = *ret * 10 + (**s - '0');
    }
    return true;
}

static bool literal(const char **s, char c)
{
    if (**s != c)
        return false;
    (*s)++;
    return true;
}

static bool date(const char **s, struct tm *tm)
{
    if (!number(s, 4, &tm->tm_year) || !literal(s, '-') || !number(s, 2, &tm->tm_mon) ||
        !literal(s, '-') || !number(s, 2, &tm->tm_mday))
        return false;
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y = tm->tm_year;
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    if (y < 1970 || tm->tm_mon < 1 || tm->tm_mon > 12 || tm->tm_mday < 1 ||
        tm->tm_mday > days[tm->tm_mon - 1] + (leap && tm->tm_mon == 2))
        return false;
    tm->tm_year -= 1900;
    tm->tm_mon -= 1;
    return true;
}

/* "Z" or "+hh:mm"; seconds east of UTC. */
static bool zone(const char **s, int *ret)
{
    *ret = 0;
    if (literal(s, 'Z') || literal(s, 'z'))
        return true;
    int sign = **s == '+' ? 1 : **s == '-' ? -1 : 0, h, m;
    if (sign == 0)
        return false;
    (*s)++;
    if (!number(s, 2, &h) || !literal(s, ':') || !number(s, 2, &m) || h > 23 || m > 59)
        return false;
    *ret = sign * (h * 3600 + m * 60);
    return true;
}

int when_parse(const char *text, enum when_day day, int64_t *ret, struct err *e)
{
    struct tm tm = {0};
    const char *s = text;
    int east = 0;

    if (!date(&s, &tm))
        goto bad;
    if (*s == '\0') {
        int64_t t = timegm(&tm) + (day == WHEN_DAY_END ? 86400 : 0);
        *ret = t < WHEN_LAST ? t : WHEN_LAST;
        return 0;
    }
    if (!literal(&s, 'T') && !literal(&s, 't') && !literal(&s, ' '))
        goto bad;
    if (!number(&s, 2, &tm.tm_hour) || !literal(&s, ':') || !number(&s, 2, &tm.tm_min) ||
        !literal(&s, ':') || !number(&s, 2, &tm.tm_sec) || tm.tm_hour > 23 || tm.tm_min > 59 ||
        tm.tm_sec > 60)
        goto bad;
    if (literal(&s, '.')) {
        if (*s < '0' || *s > '9')
            goto bad;
        while (*s >= '0' && *s <= '9')
            s++;
    }
    if (!zone(&s, &east) || *s != '\0')
        goto bad;
    int64_t t = timegm(&tm) - east;
    if (t < 0 || t > WHEN_LAST)
        goto bad;
    *ret = t;
    return 0;
bad:
    return err_set(e, -EINVAL,
                   "'%.64s' is not a time: write YYYY-MM-DD or RFC 3339 (2027-06-15T12:00:00Z)",
                   text);
}

const char *when_format(int64_t t, char ret[WHEN_TEXT_SIZE])
{
    struct tm tm;
    time_t tt = t;
    if (t == WHEN_NEVER || !gmtime_r(&tt, &tm))
        snprintf(ret, WHEN_TEXT_SIZE, "never");
    else
        strftime(ret, WHEN_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return ret;
}
