/* conform/json_text.c - JSON values as text, in the layout of the file that they go into. */
/* SPDX-License-Identifier: MIT */
#include "conform/json_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"

void json_text_string(const char *s, size_t n, struct buf *ret)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
    buf_addc(ret, '"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        const char *at = c ? strchr(plain, c) : NULL;
        if (at)
            buf_addf(ret, "\\%c", letter[at - plain]);
        else if (c < 0x20)
            buf_addf(ret, "\\u%04x", c);
        else
            buf_addc(ret, (char)c);
    }
    buf_addc(ret, '"');
}

/* 17 digits always read back as the same number; usually fewer do. */
static void write_real(double v, struct buf *ret)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    buf_adds(ret, text);
    if (!strpbrk(text, ".en")) /* stays a real when it is read again */
        buf_adds(ret, ".0");
}

static void write_string(const json_t *v, const char *mark, struct buf *ret)
{
    const char *s = json_string_value(v);
    size_t n = mark ? strlen(mark) : 0;
    if (mark && strncmp(s, mark, n) == 0)
        buf_adds(ret, s + n);
    else
        json_text_string(s, json_string_length(v), ret);
}

/* What stands in front of member `i`. */
static void separate(size_t i, const struct json_text_style *style, const char *inner,
                     struct buf *ret)
{
    if (i > 0)
        buf_addc(ret, ',');
    if (inner)
        buf_adds(ret, inner);
    else if (i > 0)
        buf_adds(ret, style->comma);
}

static void write_members(const json_t *v, const struct json_text_style *style, const char *indent,
                          struct buf *ret)
{
    AUTO(free) char *inner = strchr(indent, '\n') ? xasprintf("%s%s", indent, style->unit) : NULL;
    size_t i = 0;
    if (json_is_array(v)) {
        const json_t *member;
        json_array_foreach(v, i, member)
        {
            separate(i, style, inner, ret);
            json_text_write(member, style, inner ? inner : "", ret);
        }
    } else {
        const char *key;
        json_t *member;
        json_object_foreach((json_t *)v, key, member)
        {
            separate(i++, style, inner, ret);
            json_text_string(key, strlen(key), ret);
            buf_adds(ret, style->colon);
            json_text_write(member, style, inner ? inner : "", ret);
        }
    }
    if (inner && i > 0)
        buf_adds(ret, indent);
}

/* Recursion is as deep as the value: OTIO_DEPTH_MAX for what was read. */
void json_text_write(const json_t *v, const struct json_text_style *style, const char *indent,
                     struct buf *ret)
{
    if (style->verbatim && v == style->verbatim) {
        buf_add(ret, style->bytes, style->n_bytes);
        return;
    }
    switch (json_typeof(v)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        buf_addc(ret, json_is_array(v) ? '[' : '{');
        write_members(v, style, indent, ret);
        buf_addc(ret, json_is_array(v) ? ']' : '}');
        return;
    case JSON_STRING:
        write_string(v, style->mark, ret);
        return;
    case JSON_INTEGER:
        buf_addf(ret, "%lld", (long long)json_integer_value(v));
        return;
    case JSON_REAL:
        write_real(json_real_value(v), ret);
        return;
    case JSON_TRUE:
    case JSON_FALSE:
        buf_adds(ret, json_is_true(v) ? "true" : "false");
        return;
    case JSON_NULL:
        buf_adds(ret, "null");
        return;
    }
}
