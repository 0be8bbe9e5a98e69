/* policy/base/buf.h - growable bytes; the only string builder in the tree. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_BASE_BUF_H
#define POLICY_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

/* Invariant: p is NULL and cap 0, or len < cap and p[len] is '\0'. Embedded: start with {0}. */
struct buf {
    char *p;
    size_t len, cap;
};

/* Running out of memory in a builder aborts the process: lengths are bounded by the limits of the
 * parsers that call it, so only a machine that is out of memory altogether can get there. */
void buf_add(struct buf *b, const void *data, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
__attribute__((format(printf, 2, 3))) void buf_addf(struct buf *b, const char *fmt, ...);
__attribute__((format(printf, 2, 0))) void buf_addv(struct buf *b, const char *fmt, va_list ap);

/* Makes room for `n` more bytes and returns where they go; buf_added() counts what was written. */
char *buf_room(struct buf *b, size_t n);
void buf_added(struct buf *b, size_t n);

/* The bytes as a string, never NULL. Borrowed until the next change of `b`. */
const char *buf_str(const struct buf *b);

/* The caller owns the string from now on (free()); `b` is empty again. Never NULL. */
char *buf_take(struct buf *b);

void buf_clear(struct buf *b); /* empty, memory kept */
void buf_done(struct buf *b);  /* frees; safe on an empty one */

static inline void auto_buf(struct buf *b)
{
    buf_done(b);
}

/* xmalloc family: abort on exhaustion, for small fixed allocations. */
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
__attribute__((format(printf, 1, 2))) char *xasprintf(const char *fmt, ...);

#endif
