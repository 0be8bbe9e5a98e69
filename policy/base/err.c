/* policy/base/err.c - a failure: a negative errno for the program, a sentence for the operator. */
/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void clean(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = '?';
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
    assert(code < 0);
    if (!e)
        return code;
    char text[sizeof e->text]; /* an argument may be e->text itself */
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    clean(text);
    strcpy(e->text, text);
    e->code = code;
    return code;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    assert(e); /* without it the code would be lost */
    char inner[sizeof e->text];
    strcpy(inner, e->text);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    /* what does not fit is cut: the outermost context says most */
    strncat(e->text, ": ", sizeof e->text - strlen(e->text) - 1);
    strncat(e->text, inner, sizeof e->text - strlen(e->text) - 1);
    clean(e->text);
    return e->code;
}

int err_errno(struct err *e, int code, const char *fmt, ...)
{
    assert(code < 0);
    if (!e)
        return code;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof e->text) {
        char why[128];
        snprintf(e->text + n, sizeof e->text - (size_t)n, ": %s",
                 strerror_r(-code, why, sizeof why));
    }
    clean(e->text);
    e->code = code;
    return code;
}
