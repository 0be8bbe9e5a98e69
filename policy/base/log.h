/* policy/base/log.h - one line per event on stderr or in the system log. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_BASE_LOG_H
#define POLICY_BASE_LOG_H

#include <stdbool.h>

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
};

/* Lines up to `level` are written; the default is LOG_LEVEL_WARN. `to_syslog`: a daemon without a
 * terminal. Libraries log at debug only; fronts and tools log what an operator must know. */
void log_set(enum log_level level, bool to_syslog);

/* "tag: sentence key=value". Control bytes are replaced; tokens, signatures and query strings are
 * never given to it. Any thread. */
__attribute__((format(printf, 3, 4))) void log_line(enum log_level level, const char *tag,
                                                    const char *fmt, ...);

#define log_error(tag, ...) log_line(LOG_LEVEL_ERROR, tag, __VA_ARGS__)
#define log_warn(tag, ...) log_line(LOG_LEVEL_WARN, tag, __VA_ARGS__)
#define log_info(tag, ...) log_line(LOG_LEVEL_INFO, tag, __VA_ARGS__)
#define log_debug(tag, ...) log_line(LOG_LEVEL_DEBUG, tag, __VA_ARGS__)

#endif
