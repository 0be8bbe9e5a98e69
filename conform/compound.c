/* conform/compound.c - whether the directory of a compound file is one that a recursive reader can
 * take. */
/* SPDX-License-Identifier: MIT */
#include "conform/compound.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

#define HEADER_BYTES 512
#define HEADER_TABLES 109 /* sectors of the allocation table that the header names */
#define ENTRY_BYTES 128
#define SMALL_STREAM_BYTES 4096 /* shorter ones are in the stream of small ones, as they all say   \
                                 */
#define SECTOR_LAST 0xfffffffa  /* what is above it is no sector but a mark */
#define NO_ENTRY 0xffffffff

struct file {
    const unsigned char *p;
    size_t n;
    unsigned shift;
    uint32_t sectors;
    uint32_t *table; /* sectors of the allocation table */
    size_t n_table;
    uint32_t *directory; /* sectors of the directory */
    size_t n_directory;
    struct err *e;
};

static uint32_t u32(const unsigned char *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static unsigned u16(const unsigned char *p)
{
    return p[0] | (unsigned)p[1] << 8;
}

static int damaged(struct file *f, const char *why)
{
    return err_set(f->e, -EBADMSG, "damaged compound file: %s", why);
}

/* NULL for what is not whole in the file. */
static const unsigned char *sector(const struct file *f, uint32_t number)
{
    uint64_t at = ((uint64_t)number + 1) << f->shift;
    uint64_t size = UINT64_C(1) << f->shift;
    return number <= SECTOR_LAST && at + size <= f->n ? f->p + at : NULL;
}

static int read_header(struct file *f)
{
    static const unsigned char magic[] = {0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1};
    if (f->n < HEADER_BYTES || memcmp(f->p, magic, sizeof magic) != 0)
        return err_set(f->e, -EBADMSG, "not a compound file");
    f->shift = u16(f->p + 0x1e);
    if (f->shift != 9 && f->shift != 12)
        return damaged(f, "sectors of neither 512 nor 4096 bytes");
    if (u16(f->p + 0x1c) != 0xfffe || u16(f->p + 0x20) != 6 ||
        u32(f->p + 0x38) != SMALL_STREAM_BYTES)
        return damaged(f, "a header with values of its own");
    f->sectors = (uint32_t)(f->n >> f->shift);
    if (u32(f->p + 0x2c) > f->sectors || u32(f->p + 0x40) > f->sectors ||
        u32(f->p + 0x48) > f->sectors)
        return damaged(f, "tables longer than the file");
    return 0;
}

/* Which sectors the allocation table is in: the header knows the first, a chain the others. */
static int read_table(struct file *f)
{
    size_t want = u32(f->p + 0x2c), per = (1u << f->shift) / 4 - 1;
    f->table = xcalloc(want + 1, sizeof *f->table);
    for (; f->n_table < want && f->n_table < HEADER_TABLES; f->n_table++)
        f->table[f->n_table] = u32(f->p + 0x4c + 4 * f->n_table);
    uint32_t next = u32(f->p + 0x44);
    while (f->n_table < want) {
        const unsigned char *more = sector(f, next);
        if (!more)
            return damaged(f, "its allocation table ends early");
        for (size_t i = 0; i < per && f->n_table < want; i++)
            f->table[f->n_table++] = u32(more + 4 * i);
        next = u32(more + 4 * per);
    }
    return 0;
}

static uint32_t next_sector(const struct file *f, uint32_t number)
{
    size_t per = (1u << f->shift) / 4, at = number / per;
    const unsigned char *s = at < f->n_table ? sector(f, f->table[at]) : NULL;
    return s ? u32(s + 4 * (number % per)) : NO_ENTRY;
}

static int read_directory(struct file *f)
{
    size_t most = COMPOUND_ENTRIES_MAX / ((1u << f->shift) / ENTRY_BYTES);
    most = most < f->sectors ? most : f->sectors;
    f->directory = xcalloc(most + 1, sizeof *f->directory);
    for (uint32_t s = u32(f->p + 0x30); s <= SECTOR_LAST; s = next_sector(f, s)) {
        if (!sector(f, s))
            return damaged(f, "its directory ends early");
        if (f->n_directory == f->sectors)
            return damaged(f, "its directory goes in a circle");
        if (f->n_directory == most)
            return err_set(f->e, -EFBIG, "more than %d storages and streams", COMPOUND_ENTRIES_MAX);
        f->directory[f->n_directory++] = s;
    }
    return f->n_directory > 0 ? 0 : damaged(f, "it has no directory");
}

static const unsigned char *entry(const struct file *f, uint32_t number)
{
    unsigned per = (1u << f->shift) / ENTRY_BYTES;
    return sector(f, f->directory[number / per]) + (size_t)ENTRY_BYTES * (number % per);
}

/* An entry that is still to be looked at: how deep, and among the children of which storage. */
struct link {
    uint32_t number, storage, depth;
};

struct walk {
    struct link *open;
    size_t n_open;
    uint32_t entries;
    uint32_t *children; /* of each entry */
    bool *seen;
};

static int follow(struct file *f, struct walk *w, uint32_t number, uint32_t storage, uint32_t depth)
{
    if (number == NO_ENTRY)
        return 0;
    if (number >= w->entries)
        return damaged(f, "a link out of its directory");
    if (w->seen[number])
        return damaged(f, "its directory has a circle");
    if (depth > COMPOUND_DEPTH_MAX)
        return err_set(f->e, -EFBIG, "its directory is a chain of more than %d links",
                       COMPOUND_DEPTH_MAX);
    if (++w->children[storage] > COMPOUND_CHILDREN_MAX)
        return err_set(f->e, -EFBIG, "more than %d objects in one", COMPOUND_CHILDREN_MAX);
    w->seen[number] = true;
    w->open[w->n_open++] = (struct link){number, storage, depth};
    return 0;
}

/* Every entry is opened at most once, so `open` never holds more than there are. */
static int walk_directory(struct file *f, struct walk *w)
{
    const unsigned char *root = entry(f, 0);
    /* libgsf would read what stands beside the root, and never free it */
    if (u32(root + 0x44) != NO_ENTRY || u32(root + 0x48) != NO_ENTRY)
        return damaged(f, "something stands beside its root");
    int r = follow(f, w, 0, 0, 0);
    while (r == 0 && w->n_open > 0) {
        struct link l = w->open[--w->n_open];
        const unsigned char *p = entry(f, l.number);
        unsigned kind = p[0x42];
        if (kind != 1 && kind != 2 && kind != 5)
            return damaged(f, "a directory entry of no known kind");
        if (u16(p + 0x40) > 64)
            return damaged(f, "a name without end");
        r = follow(f, w, u32(p + 0x44), l.storage, l.depth + 1);
        if (r == 0)
            r = follow(f, w, u32(p + 0x48), l.storage, l.depth + 1);
        if (r == 0 && kind != 2)
            r = follow(f, w, u32(p + 0x4c), l.number, l.depth + 1);
    }
    return r;
}

int compound_check(const void *data, size_t n, struct err *e)
{
    struct file f = {.p = data, .n = n, .e = e};
    struct walk w = {0};
    int r = read_header(&f);
    if (r == 0)
        r = read_table(&f);
    if (r == 0)
        r = read_directory(&f);
    if (r == 0) {
        w.entries = (uint32_t)(f.n_directory * ((1u << f.shift) / ENTRY_BYTES));
        w.open = xcalloc(w.entries, sizeof *w.open);
        w.children = xcalloc(w.entries, sizeof *w.children);
        w.seen = xcalloc(w.entries, sizeof *w.seen);
        r = walk_directory(&f, &w);
    }
    free(w.open);
    free(w.children);
    free(w.seen);
    free(f.table);
    free(f.directory);
    return r;
}
