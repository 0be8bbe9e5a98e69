/* policy/base/codec.h - strict hex, base64url, percent-encoding and UTF-8. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_BASE_CODEC_H
#define POLICY_BASE_CODEC_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* Writes 2*n lower-case digits and a NUL into `ret`. */
void hex_encode(const void *data, size_t n, char *ret);

/* Reads exactly 2*n lower-case hex digits of `s` (nothing may follow). 0 or -EINVAL. */
int hex_decode(const char *s, void *ret, size_t n);

/* Percent-encodes every byte but the unreserved ones of RFC 3986 (and '/' where `keep_slash`),
 * with upper-case digits, as AWS Signature Version 4 wants it. */
void percent_encode(struct buf *b, const char *s, size_t n, bool keep_slash);

/* Decodes %XX once; '+' stays '+'. -EINVAL on a stray '%' or on %00; `b` then holds a part. */
int percent_decode(struct buf *b, const char *s, size_t n);

/* Appends the bytes of unpadded base64url text (RFC 4648 section 5, as RFC 7515 wants it): no '=',
 * no white space, no other alphabet, and the bits that a last character has over are zero, so that
 * one value has one spelling. -EINVAL; `b` then holds a part. */
int base64url_decode(struct buf *b, const char *s, size_t n);

/* True for well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates) without NUL. */
bool utf8_is_valid(const char *s, size_t n);

#endif
