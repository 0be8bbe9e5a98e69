/* tests/unit/header_text.h - OpenEXR and DPX headers made by hand, and facts as one line of text. */
/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_HEADER_TEXT_H
#define TESTS_UNIT_HEADER_TEXT_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "fs/lake/facts.h"

static inline void add_u32(struct buf *b, uint32_t v)
{
    const unsigned char le[] = {(unsigned char)v, (unsigned char)(v >> 8), (unsigned char)(v >> 16),
                                (unsigned char)(v >> 24)};
    buf_add(b, le, sizeof le);
}

static inline void exr_start(struct buf *b)
{
    buf_add(b, "\x76\x2f\x31\x01\x02\0\0\0", 8);
}

static inline void exr_add(struct buf *b, const char *name, const char *type, const void *data,
                           size_t n)
{
    buf_add(b, name, strlen(name) + 1);
    buf_add(b, type, strlen(type) + 1);
    add_u32(b, (uint32_t)n);
    buf_add(b, data, n);
}

static inline void exr_text(struct buf *b, const char *name, const char *text)
{
    exr_add(b, name, "string", text, strlen(text));
}

static inline void exr_pair(struct buf *b, const char *name, const char *type, uint32_t first,
                            uint32_t second)
{
    buf_add(b, name, strlen(name) + 1);
    buf_add(b, type, strlen(type) + 1);
    add_u32(b, 8);
    add_u32(b, first);
    add_u32(b, second);
}

/* 0x01020304 is 01:02:03:04. */
static inline void exr_timecode(struct buf *b, uint32_t bcd)
{
    exr_pair(b, "timeCode", "timecode", bcd, 0);
}

/* "reel umid HH:MM:SS:FF rate frames", '-' for what is unknown. */
static inline const char *facts_text(const struct facts *f, char ret[512])
{
    char tc[TIMECODE_TEXT_SIZE] = "-";
    if (f->has_tc)
        snprintf(tc, sizeof tc, "%02d:%02d:%02d%c%02d", f->tc.hours, f->tc.minutes, f->tc.seconds,
                 f->tc.drop ? ';' : ':', f->tc.frames);
    snprintf(ret, 512, "%s %s %s %lld/%lld %lld", f->reel[0] ? f->reel : "-",
             f->umid[0] ? f->umid : "-", tc, (long long)f->rate_num, (long long)f->rate_den,
             (long long)f->frames);
    return ret;
}

#endif
