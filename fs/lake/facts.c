/* fs/lake/facts.c - facts of media gathered from their sources, each checked as it comes. */
/* SPDX-License-Identifier: MIT */
#include "fs/lake/facts.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/codec.h"
#include "fs/store/store.h"

#define UMID_MIN 32 /* hex digits: half a basic UMID is its material number */

static void trim(const char **s, size_t *n)
{
    while (*n > 0 && isspace((unsigned char)**s)) {
        ++*s;
        --*n;
    }
    while (*n > 0 && (isspace((unsigned char)(*s)[*n - 1]) || (*s)[*n - 1] == '\0'))
        --*n;
}

void facts_reel(struct facts *f, const char *s, size_t n)
{
    trim(&s, &n);
    if (f->reel[0] || n == 0 || n > MEDIA_REEL_MAX || !utf8_is_valid(s, n))
        return;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
            return;
    memcpy(f->reel, s, n);
    f->reel[n] = '\0';
}

void facts_umid(struct facts *f, const char *s, size_t n)
{
    static const char urn[] = "urn:smpte:umid:";
    char text[MEDIA_UMID_MAX + 1];
    size_t len = 0;
    trim(&s, &n);
    if (n > strlen(urn) && strncasecmp(s, urn, strlen(urn)) == 0)
        s += strlen(urn), n -= strlen(urn);
    else if (n > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
        s += 2, n -= 2;
    for (; n > 0; s++, n--) {
        if (strchr(" .:-", *s) && *s != '\0')
            continue;
        if (!isxdigit((unsigned char)*s) || len == MEDIA_UMID_MAX)
            return;
        text[len++] = (char)tolower((unsigned char)*s);
    }
    text[len] = '\0';
    if (f->umid[0] || len < UMID_MIN || len % 2 != 0 || strspn(text, "0") >= len)
        return;
    memcpy(f->umid, text, len);
    f->umid[len] = '\0';
}

void facts_timecode(struct facts *f, const char *s, size_t n)
{
    if (!f->has_tc)
        f->has_tc = timecode_parse(s, n, &f->tc);
}

void facts_rate(struct facts *f, const char *s, size_t n)
{
    if (f->rate_num == 0)
        timecode_rate_parse(s, n, &f->rate_num, &f->rate_den);
}

void facts_rate_of(struct facts *f, double rate)
{
    if (f->rate_num == 0)
        timecode_rate_of(rate, &f->rate_num, &f->rate_den);
}

void facts_frames(struct facts *f, const char *s, size_t n)
{
    char text[16];
    trim(&s, &n);
    if (f->frames > 0 || n == 0 || n >= sizeof text - 4)
        return;
    memcpy(text, s, n);
    text[n] = '\0';
    if (text[strspn(text, "0123456789")] == '\0')
        f->frames = atoll(text);
}

void facts_of_meta(const struct store_meta *meta, struct facts *ret)
{
    static const struct {
        const char *name;
        void (*take)(struct facts *f, const char *s, size_t n);
    } names[] = {
        /* ours come first: what is written for this program is meant for it */
        {"shotlake-reel", facts_reel}, {"shotlake-timecode", facts_timecode},
        {"shotlake-rate", facts_rate}, {"shotlake-frames", facts_frames},
        {"shotlake-umid", facts_umid}, {"reel", facts_reel},
        {"reelname", facts_reel},      {"reel-name", facts_reel},
        {"tape", facts_reel},          {"timecode", facts_timecode},
        {"umid", facts_umid},          {"fps", facts_rate},
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        const char *v = store_meta_get(meta, names[i].name);
        if (v)
            names[i].take(ret, v, strlen(v));
    }
}

void facts_merge(struct facts *f, const struct facts *other, const char *source, struct buf *from)
{
    bool told = false;
    if (!f->reel[0] && other->reel[0]) {
        memcpy(f->reel, other->reel, sizeof f->reel);
        told = true;
    }
    if (!f->umid[0] && other->umid[0]) {
        memcpy(f->umid, other->umid, sizeof f->umid);
        told = true;
    }
    if (!f->has_tc && other->has_tc) {
        f->tc = other->tc;
        f->has_tc = told = true;
    }
    if (f->rate_num == 0 && other->rate_num > 0) {
        f->rate_num = other->rate_num;
        f->rate_den = other->rate_den;
        told = true;
    }
    if (f->frames == 0 && other->frames > 0) {
        f->frames = other->frames;
        told = true;
    }
    if (told)
        buf_addf(from, "%s%s", from->len > 0 ? "+" : "", source);
}

void facts_media(const struct facts *f, const struct buf *from, struct media *ret,
                 char timecode[TIMECODE_TEXT_SIZE])
{
    int64_t base = timecode_base(f->rate_num, f->rate_den);
    *ret = (struct media){
        .reel = f->reel[0] ? f->reel : NULL,
        .umid = f->umid[0] ? f->umid : NULL,
        .from = from->len > 0 ? from->p : "none",
        .start = -1,
        .frames = f->frames,
        .rate_num = f->rate_num,
        .rate_den = f->rate_den,
    };
    if (!f->has_tc)
        return;
    ret->start = timecode_count(&f->tc, base);
    ret->drop = ret->start >= 0 && f->tc.drop && base % 30 == 0;
    if (ret->start >= 0)
        return;
    snprintf(timecode, TIMECODE_TEXT_SIZE, "%02d:%02d:%02d%c%02d", f->tc.hours, f->tc.minutes,
             f->tc.seconds, f->tc.drop ? ';' : ':', f->tc.frames);
    ret->timecode = timecode;
}
