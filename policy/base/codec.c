/* policy/base/codec.c - strict hex, base64url, percent-encoding and UTF-8. */
/* SPDX-License-Identifier: MIT */
#include "base/codec.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"

void hex_encode(const void *data, size_t n, char *ret)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *d = data;
    for (size_t i = 0; i < n; i++) {
        ret[2 * i] = digits[d[i] >> 4];
        ret[2 * i + 1] = digits[d[i] & 15];
    }
    ret[2 * n] = '\0';
}

static int digit(char c, bool upper)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (upper && c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int hex_decode(const char *s, void *ret, size_t n)
{
    if (strlen(s) != 2 * n)
        return -EINVAL;
    uint8_t *d = ret;
    for (size_t i = 0; i < n; i++) {
        int hi = digit(s[2 * i], false), lo = digit(s[2 * i + 1], false);
        if (hi < 0 || lo < 0)
            return -EINVAL;
        d[i] = (uint8_t)(hi << 4 | lo);
    }
    return 0;
}

static bool unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void percent_encode(struct buf *b, const char *s, size_t n, bool keep_slash)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (unreserved(c) || (keep_slash && c == '/'))
            buf_addc(b, (char)c);
        else
            buf_addf(b, "%%%02X", c);
    }
}

int percent_decode(struct buf *b, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i] != '%') {
            buf_addc(b, s[i]);
            continue;
        }
        if (n - i < 3)
            return -EINVAL;
        int hi = digit(s[i + 1], true), lo = digit(s[i + 2], true);
        if (hi < 0 || lo < 0 || (hi | lo) == 0)
            return -EINVAL;
        buf_addc(b, (char)(hi << 4 | lo));
        i += 2;
    }
    return 0;
}

bool utf8_is_valid(const char *s, size_t n)
{
    const uint8_t *p = (const uint8_t *)s, *end = p + n;
    while (p < end) {
        uint8_t c = *p++;
        int more;
        uint32_t v, least;
        if (c == 0)
            return false;
        if (c < 0x80)
            continue;
        if ((c & 0xe0) == 0xc0)
            more = 1, v = c & 0x1f, least = 0x80;
        else if ((c & 0xf0) == 0xe0)
            more = 2, v = c & 0x0f, least = 0x800;
        else if ((c & 0xf8) == 0xf0)
            more = 3, v = c & 0x07, least = 0x10000;
        else
            return false;
        if (end - p < more)
            return false;
        while (more--) {
            if ((*p & 0xc0) != 0x80)
                return false;
            v = v << 6 | (*p++ & 0x3f);
        }
        if (v < least || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
            return false;
    }
    return true;
}

static int base64url_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

int base64url_decode(struct buf *b, const char *s, size_t n)
{
    unsigned bits = 0, held = 0;
    if (n % 4 == 1)
        return -EINVAL;
    for (size_t i = 0; i < n; i++) {
        int v = base64url_value(s[i]);
        if (v < 0)
            return -EINVAL;
        bits = bits << 6 | (unsigned)v;
        held += 6;
        if (held >= 8) {
            held -= 8;
            buf_addc(b, (char)(bits >> held & 0xff));
        }
        bits &= (1u << held) - 1;
    }
    return bits == 0 ? 0 : -EINVAL;
}
