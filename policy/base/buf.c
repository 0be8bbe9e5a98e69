/* policy/base/buf.c - growable bytes; the only string builder in the tree. */
/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void out_of_memory(void)
{
    static const char text[] = "shotlake: out of memory\n";
    fwrite(text, 1, sizeof text - 1, stderr);
    abort();
}

void *xcalloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p)
        out_of_memory();
    return p;
}

void *xrealloc(void *p, size_t n, size_t size)
{
    p = reallocarray(p, n ? n : 1, size ? size : 1);
    if (!p)
        out_of_memory();
    return p;
}

char *xstrndup(const char *s, size_t n)
{
    n = strnlen(s, n);
    char *p = xcalloc(n + 1, 1);
    memcpy(p, s, n);
    return p;
}

char *xstrdup(const char *s)
{
    return xstrndup(s, strlen(s));
}

char *xasprintf(const char *fmt, ...)
{
    struct buf b = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_addv(&b, fmt, ap);
    va_end(ap);
    return buf_take(&b);
}

char *buf_room(struct buf *b, size_t n)
{
    if (n >= SIZE_MAX / 2 - b->len)
        out_of_memory();
    if (b->len + n + 1 > b->cap) {
        size_t cap = b->cap ? b->cap : 64;
        while (cap < b->len + n + 1)
            cap *= 2;
        b->p = xrealloc(b->p, cap, 1);
        b->cap = cap;
        b->p[b->len] = '\0';
    }
    return b->p + b->len;
}

void buf_added(struct buf *b, size_t n)
{
    assert(b->len + n < b->cap);
    b->len += n;
    b->p[b->len] = '\0';
}

void buf_add(struct buf *b, const void *data, size_t n)
{
    char *to = buf_room(b, n);
    if (n)
        memcpy(to, data, n);
    buf_added(b, n);
}

void buf_adds(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_addv(struct buf *b, const char *fmt, va_list ap)
{
    assert(fmt);
    va_list again;
    va_copy(again, ap);
    char none[1];
    int n = vsnprintf(none, 0, fmt, again);
    va_end(again);
    assert(n >= 0);
    char *to = buf_room(b, (size_t)n);
    vsnprintf(to, (size_t)n + 1, fmt, ap);
    buf_added(b, (size_t)n);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_addv(b, fmt, ap);
    va_end(ap);
}

const char *buf_str(const struct buf *b)
{
    return b->p ? b->p : "";
}

char *buf_take(struct buf *b)
{
    buf_room(b, 0);
    char *p = b->p;
    *b = (struct buf){0};
    return p;
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    if (b->p)
        b->p[0] = '\0';
}

void buf_done(struct buf *b)
{
    free(b->p);
    *b = (struct buf){0};
}
