/* tests/unit/bundle_zip.h - zip archives made in memory, good ones and odd ones. */
/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_BUNDLE_ZIP_H
#define TESTS_UNIT_BUNDLE_ZIP_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <zlib.h>

#include "base/buf.h"
#include "base/cleanup.h"

/* How an entry is written. The zip is put together by hand: no library writes what is wrong. */
struct zip_entry {
    const char *name, *data;
    size_t size; /* of `data`; 0: strlen */
    bool stored;
    bool descriptor; /* sizes and checksum behind the data, as a program that streams writes them */
    bool encrypted;
    bool zip64;       /* sizes in the 64-bit extra field */
    int method;       /* of the header, where it is not what was done */
    size_t says_size; /* the size that the headers tell, where it is a lie */
    bool bad_checksum;
};

static inline void zip_le(struct buf *b, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_addc(b, (char)(v >> 8 * i));
}

static inline void zip_deflate(const char *data, size_t n, struct buf *ret)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)n};
    if (deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    size_t room = deflateBound(&z, n);
    z.next_out = (Bytef *)buf_room(ret, room);
    z.avail_out = (uInt)room;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    buf_added(ret, z.total_out);
    deflateEnd(&z);
}

/* The part that a local and a central header share, then the lengths of name and extra field. */
static inline void zip_common(struct buf *b, const struct zip_entry *z, uint32_t crc, size_t packed,
                              size_t size, bool central)
{
    bool late = z->descriptor && !central;
    int method = z->method ? z->method : z->stored ? 0 : 8;
    zip_le(b, z->zip64 ? 45 : 20, 2);
    zip_le(b, (z->encrypted ? 1u : 0) | (z->descriptor ? 8u : 0), 2);
    zip_le(b, (unsigned)method, 2);
    zip_le(b, 0x58210000, 4); /* some day */
    zip_le(b, late ? 0 : crc, 4);
    zip_le(b, z->zip64 ? 0xffffffff : late ? 0 : packed, 4);
    zip_le(b, z->zip64 ? 0xffffffff : late ? 0 : size, 4);
    zip_le(b, strlen(z->name), 2);
    zip_le(b, z->zip64 ? 20 : 0, 2);
}

static inline void zip_extra(struct buf *b, const struct zip_entry *z, size_t packed, size_t size)
{
    buf_adds(b, z->name);
    if (!z->zip64)
        return;
    zip_le(b, 1, 2);
    zip_le(b, 16, 2);
    zip_le(b, size, 8);
    zip_le(b, packed, 8);
}

static inline void zip_add(struct buf *ret, struct buf *directory, const struct zip_entry *z)
{
    AUTO(buf) struct buf packed = {0};
    size_t n = z->size ? z->size : strlen(z->data), at = ret->len;
    size_t size = z->says_size ? z->says_size : n;
    uint32_t crc = (uint32_t)crc32(0, (const Bytef *)z->data, (uInt)n) ^ (z->bad_checksum ? 1 : 0);
    if (z->stored)
        buf_add(&packed, z->data, n);
    else
        zip_deflate(z->data, n, &packed);
    buf_add(ret, "PK\3\4", 4);
    zip_common(ret, z, crc, packed.len, size, false);
    zip_extra(ret, z, packed.len, size);
    buf_add(ret, packed.p, packed.len);
    if (z->descriptor) {
        buf_add(ret, "PK\7\10", 4);
        zip_le(ret, crc, 4);
        zip_le(ret, packed.len, z->zip64 ? 8 : 4);
        zip_le(ret, size, z->zip64 ? 8 : 4);
    }
    buf_add(directory, "PK\1\2", 4);
    zip_le(directory, 0x0314, 2);
    zip_common(directory, z, crc, packed.len, size, true);
    zip_le(directory, 0, 6); /* comment, disk, internal attributes */
    zip_le(directory, 0, 4);
    zip_le(directory, at, 4);
    zip_extra(directory, z, packed.len, size);
}

/* Appends a zip of `n` entries. */
static inline void zip_make(const struct zip_entry *entries, size_t n, struct buf *ret)
{
    AUTO(buf) struct buf directory = {0};
    for (size_t i = 0; i < n; i++)
        zip_add(ret, &directory, &entries[i]);
    size_t at = ret->len;
    buf_add(ret, directory.p, directory.len);
    buf_add(ret, "PK\5\6", 4);
    zip_le(ret, 0, 4);
    zip_le(ret, n < 0xffff ? n : 0xffff, 2);
    zip_le(ret, n < 0xffff ? n : 0xffff, 2);
    zip_le(ret, directory.len, 4);
    zip_le(ret, at, 4);
    zip_le(ret, 0, 2);
}

#endif
