/* fs/cache/readahead.c - which bytes to fetch for a read, and which before they are asked for. */
/* SPDX-License-Identifier: MIT */
#include "fs/cache/readahead.h"

#include <stddef.h>

/* A stream that was continued twice may jump this far and still be one. */
#define SLACK_PROVEN (4u << 20)
/* One that was continued once: so far back for what was overtaken, and no farther on than that. */
#define SLACK_BACK (1u << 20)

static bool continues(const struct readahead_cursor *c, uint64_t offset, uint64_t length)
{
    if (c->stamp == 0)
        return false;
    /* A stream of one read: the next must follow it but for one request of its kind that it
     * overtook. */
    if (c->hits == 0)
        return offset >= c->next && offset - c->next <= length;
    if (c->hits == 1)
        return offset + SLACK_BACK >= c->next && offset <= c->next + 2 * length;
    return offset + SLACK_PROVEN >= c->next && offset <= c->next + SLACK_PROVEN;
}

static struct readahead_cursor *pick(struct readahead *ra, uint64_t offset, uint64_t length,
                                     bool *ret_continues)
{
    struct readahead_cursor *oldest = &ra->cursor[0];
    for (int i = 0; i < READAHEAD_CURSORS; i++) {
        struct readahead_cursor *c = &ra->cursor[i];
        if (continues(c, offset, length)) {
            *ret_continues = true;
            return c;
        }
        if (c->stamp < oldest->stamp)
            oldest = c;
    }
    *ret_continues = false;
    return oldest;
}

/* 0, 1, 2, 4, up to the window: doubled by a read that continues a proven stream, and by every block
 * entered from then on. */
static void widen(struct readahead_cursor *c, uint64_t block, unsigned window)
{
    bool entered = block > c->block;
    if (entered)
        c->block = block;
    if (c->ahead == 0)
        c->ahead = 1;
    else if (entered)
        c->ahead *= 2;
    if (c->ahead > window)
        c->ahead = window;
}

/* Few bytes from the start, which may be all that is ever asked for: a header, a thumbnail. */
static bool is_glance(uint64_t offset, uint64_t end, uint64_t size, uint64_t block_bytes)
{
    return offset == 0 && end <= READAHEAD_FIRST_BYTES && size > 2 * READAHEAD_FIRST_BYTES &&
           block_bytes > 2 * READAHEAD_FIRST_BYTES;
}

void readahead_next(struct readahead *ra, uint64_t offset, uint64_t length, uint64_t size,
                    uint64_t block_bytes, unsigned window, struct readahead_plan *ret)
{
    uint64_t block = offset / block_bytes, end = offset + length;
    bool goes_on;
    struct readahead_cursor *c = pick(ra, offset, length, &goes_on);

    bool proven = goes_on && c->hits > 0;
    if (goes_on) {
        c->hits++;
        if (proven)
            widen(c, block, window);
        if (end > c->next)
            c->next = end;
    } else {
        *c = (struct readahead_cursor){.next = end, .block = block, .hits = offset == 0 ? 2 : 0};
    }
    c->stamp = ++ra->clock;

    ret->fetch = proven || offset == 0 ? READAHEAD_BLOCK
                 : goes_on             ? READAHEAD_SOME
                                       : READAHEAD_EXACT;
    ret->ahead_from = ret->ahead_to = 0;
    if (ret->fetch != READAHEAD_BLOCK)
        return;
    uint64_t from = (block + 1) * block_bytes, to = from + c->ahead * block_bytes;
    if (size <= READAHEAD_FRAME_BYTES && (offset == 0 || c->glanced))
        to = size;
    c->glanced = !goes_on && is_glance(offset, end, size, block_bytes);
    if (c->glanced) {
        ret->fetch = READAHEAD_FIRST;
        from = READAHEAD_FIRST_BYTES;
        if (window <= READAHEAD_WINDOW_BLOCKS)
            return; /* the store is near: the next read asks for the rest soon enough */
    }
    if (to > size)
        to = size;
    if (from < to) {
        ret->ahead_from = from;
        ret->ahead_to = to;
    }
}
