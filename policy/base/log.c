/* policy/base/log.c - one line per event on stderr or in the system log. */
/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <syslog.h>

static _Atomic enum log_level max_level = LOG_LEVEL_WARN;
static _Atomic bool use_syslog;

void log_set(enum log_level level, bool to_syslog)
{
    max_level = level;
    use_syslog = to_syslog;
    if (to_syslog)
        openlog("shotlake", LOG_PID, LOG_DAEMON);
}

void log_line(enum log_level level, const char *tag, const char *fmt, ...)
{
    static const int priority[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
    if (level > max_level)
        return;
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *s = text; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = '?';
    if (use_syslog)
        syslog(priority[level], "%s: %s", tag, text);
    else
        fprintf(stderr, "shotlake: %s: %s\n", tag, text);
}
