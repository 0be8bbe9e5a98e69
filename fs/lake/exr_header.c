/* fs/lake/exr_header.c - reel, timecode and rate of an OpenEXR frame, from its first bytes. */
/* SPDX-License-Identifier: MIT */
#include "fs/lake/exr_header.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "fs/lake/facts.h"

/* A file begins with
 *
 *   76 2f 31 01 | version and flags, 4 bytes | attribute … | 00
 *   attribute: name 00 | type 00 | size, 4 bytes, little-endian | `size` bytes
 *
 * (OpenEXR, "File Layout"). Names have up to 31 bytes, or 255 by a flag. */

#define NAME_MAX_BYTES 255
#define ATTRIBUTES_MAX 4096

struct reader {
    const unsigned char *p, *end;
};

struct attribute {
    const char *name, *type; /* terminated, within the data */
    const unsigned char *value;
    size_t n;
};

static uint32_t u32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* A terminated name; NULL where it is too long or cut. */
static const char *take_name(struct reader *r)
{
    size_t left = (size_t)(r->end - r->p);
    const unsigned char *nul = memchr(r->p, 0, left < NAME_MAX_BYTES + 1 ? left
                                                                         : NAME_MAX_BYTES + 1);
    if (!nul)
        return NULL;
    const char *name = (const char *)r->p;
    r->p = nul + 1;
    return name;
}

/* False at the header's end, and where it is cut or damaged. */
static bool take_attribute(struct reader *r, struct attribute *ret)
{
    ret->name = take_name(r);
    if (!ret->name || !*ret->name)
        return false;
    ret->type = take_name(r);
    if (!ret->type || !*ret->type || r->end - r->p < 4)
        return false;
    uint32_t n = u32(r->p);
    r->p += 4;
    if (n > (size_t)(r->end - r->p))
        return false;
    ret->value = r->p;
    ret->n = n;
    r->p += n;
    return true;
}

static int bcd(uint32_t bits, int shift, uint32_t tens_mask)
{
    uint32_t units = bits >> shift & 0xf, tens = bits >> (shift + 4) & tens_mask;
    return units > 9 ? -1 : (int)(tens * 10 + units);
}

/* SMPTE 12M in the order of the 60-field television systems, as Imf::TimeCode keeps it: frames in
 * bits 0-5, drop frame in 6, seconds in 8-14, the field mark in 15, minutes in 16-22, hours in
 * 24-29. */
static void take_timecode(const struct attribute *a, struct facts *ret, bool *ret_field)
{
    if (a->n != 8 || ret->has_tc)
        return;
    uint32_t bits = u32(a->value);
    struct timecode tc = {
        .hours = bcd(bits, 24, 3),
        .minutes = bcd(bits, 16, 7),
        .seconds = bcd(bits, 8, 7),
        .frames = bcd(bits, 0, 3),
        .drop = bits >> 6 & 1,
    };
    if (tc.hours < 0 || tc.hours > 23 || tc.minutes < 0 || tc.minutes > 59 || tc.seconds < 0 ||
        tc.seconds > 59 || tc.frames < 0)
        return;
    ret->tc = tc;
    ret->has_tc = true;
    *ret_field = bits >> 15 & 1;
}

static void take_rational(const struct attribute *a, struct facts *ret)
{
    if (a->n != 8)
        return;
    int32_t num = (int32_t)u32(a->value);
    uint32_t den = u32(a->value + 4);
    if (num > 0 && den > 0)
        facts_rate_of(ret, (double)num / den);
}

static void take_text(const struct attribute *a, void (*take)(struct facts *, const char *, size_t),
                      struct facts *ret)
{
    if (strcmp(a->type, "string") == 0)
        take(ret, (const char *)a->value, a->n);
}

/* The names under which applications write a text that counts, the surest first. */
static const struct {
    const char *name;
    void (*take)(struct facts *, const char *, size_t);
} texts[] = {
    {"reelName", facts_reel},
    {"reel_name", facts_reel},
    {"com.arri.camera.ReelName", facts_reel},
    {"interim.clip.camera.reel_name", facts_reel}, /* ARRI's converters */
    {"interim.clip.reelName", facts_reel},
    {"com.red.reelName", facts_reel},
    {"nuke/input/exr/reelName", facts_reel},
    {"nuke/input/reelName", facts_reel},
    {"nuke/input/quicktime/reel", facts_reel},
    {"tape", facts_reel},
    {"owner", facts_reel}, /* camera reels stand here in plates of the usual pull services */
    {"UMID", facts_umid},
    {"umid", facts_umid},
    {"com.arri.camera.ClipUMID", facts_umid},
    {"timecode", facts_timecode},
    {"nuke/input/timecode", facts_timecode},
    {"nuke/input/frame_rate", facts_rate},
};

/* A file of 48 frames a second and more has timecode of half the rate: two frames have one number,
 * and the field mark tells which. */
static void spread_fields(struct facts *ret, bool field)
{
    if (timecode_base(ret->rate_num, ret->rate_den) > 40)
        ret->tc.frames = 2 * ret->tc.frames + field;
}

bool exr_header_read(const void *data, size_t n, struct facts *ret)
{
    static const unsigned char magic[] = {0x76, 0x2f, 0x31, 0x01};
    struct reader r = {data, (const unsigned char *)data + n};
    struct attribute a, text[COUNT(texts)] = {{0}};
    bool field = false, packed = false;
    if (n < 8 || memcmp(data, magic, sizeof magic) != 0)
        return false;
    r.p += 8;
    for (int i = 0; i < ATTRIBUTES_MAX && take_attribute(&r, &a); i++) {
        if (strcmp(a.name, "timeCode") == 0 && strcmp(a.type, "timecode") == 0)
            take_timecode(&a, ret, &field);
        if (strcmp(a.name, "framesPerSecond") == 0 && strcmp(a.type, "rational") == 0)
            take_rational(&a, ret);
        for (size_t k = 0; k < COUNT(texts); k++)
            if (strcmp(a.name, texts[k].name) == 0 && !text[k].name)
                text[k] = a;
    }
    packed = ret->has_tc;
    for (size_t k = 0; k < COUNT(texts); k++)
        if (text[k].name)
            take_text(&text[k], texts[k].take, ret);
    if (packed)
        spread_fields(ret, field);
    return true;
}
