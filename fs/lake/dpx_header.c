/* fs/lake/dpx_header.c - reel, timecode and rate of a DPX frame, from its first bytes. */
/* SPDX-License-Identifier: MIT */
#include "fs/lake/dpx_header.h"

#include <stdint.h>
#include <string.h>

#include "fs/lake/facts.h"

/* Offsets of SMPTE 268M-2003. */
#define AT_INPUT_DEVICE 1556
#define INPUT_DEVICE_BYTES 32
#define AT_FILM_RATE 1724
#define AT_TIMECODE 1920
#define AT_TV_RATE 1940
#define HEADER_LEAST 1944

static uint32_t u32(const unsigned char *p, bool big)
{
    if (big)
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static double real(const unsigned char *p, bool big)
{
    uint32_t bits = u32(p, big);
    float f;
    memcpy(&f, &bits, sizeof f);
    return f; /* all ones, for "not known", is NaN: no rate */
}

/* Eight decimal digits, HHMMSSFF. */
static void take_timecode(uint32_t bits, struct facts *ret)
{
    int part[4];
    for (int i = 0; i < 4; i++) {
        uint32_t byte = bits >> (24 - 8 * i) & 0xff;
        if (byte >> 4 > 9 || (byte & 0xf) > 9)
            return;
        part[i] = (int)((byte >> 4) * 10 + (byte & 0xf));
    }
    if (part[0] > 23 || part[1] > 59 || part[2] > 59)
        return;
    ret->tc = (struct timecode){part[0], part[1], part[2], part[3], false};
    ret->has_tc = true;
}

bool dpx_header_read(const void *data, size_t n, struct facts *ret)
{
    const unsigned char *p = data;
    if (n < 4 || (memcmp(p, "SDPX", 4) != 0 && memcmp(p, "XPDS", 4) != 0))
        return false;
    bool big = p[0] == 'S';
    if (n < HEADER_LEAST)
        return true;
    const char *device = (const char *)p + AT_INPUT_DEVICE;
    if ((unsigned char)*device != 0xff)
        facts_reel(ret, device, strnlen(device, INPUT_DEVICE_BYTES));
    facts_rate_of(ret, real(p + AT_TV_RATE, big));
    facts_rate_of(ret, real(p + AT_FILM_RATE, big));
    uint32_t timecode = u32(p + AT_TIMECODE, big);
    /* many writers leave the field zero: without a rate beside it, that says nothing */
    if (!ret->has_tc && (timecode != 0 || ret->rate_num > 0))
        take_timecode(timecode, ret);
    return true;
}
