/* fs/fuse/frame_cursor.c - which frames of a sequence come next, by those that were read. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/frame_cursor.h"

#include <string.h>

/* A frame so many strides before or behind the front is on the same way: with 16 programs that take
 * turns, the last may be 15 behind the first. */
#define SLACK 16
/* A second frame so near to the first is on its way, whatever the stride turns out to be. */
#define NEAR 8
/* Two frames alone prove a stride up to this; a longer one takes a third. */
#define STRIDE_OF_TWO 2
#define STRIDE_MAX (1 << 20)
/* Who did not read one of the last so many frames of the sequence is not going through it now. */
#define PRESENT (2 * FRAME_CURSORS)
#define FAR UINT64_MAX

static uint64_t distance(int64_t a, int64_t b)
{
    return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

static bool was_read(const struct frame_cursor *c, int64_t frame)
{
    for (unsigned i = 0; i < c->n; i++)
        if (c->recent[i] == frame)
            return true;
    return false;
}

/* How well `frame` continues the way of a cursor: the least is best, FAR is not at all. */
static uint64_t misfit(const struct frame_cursor *c, int64_t frame)
{
    if (c->n == 0)
        return FAR;
    if (was_read(c, frame))
        return 0;
    uint64_t from_front = distance(frame, c->front);
    if (c->stride == 0) {
        uint64_t from_last = distance(frame, c->recent[c->n - 1]);
        return from_last <= NEAR ? SLACK + from_last : FAR;
    }
    uint64_t stride = distance(c->stride, 0);
    bool on_before = (frame > c->front) == (c->stride > 0);
    uint64_t steps = from_front / stride;
    if (from_front % stride)
        return from_front <= NEAR ? 2 * SLACK + from_front
                                  : FAR; /* a way that changes its stride */
    if (on_before)
        return steps <= c->window + SLACK ? steps : FAR;
    return steps <= SLACK ? steps + 1 : FAR;
}

static struct frame_cursor *begin(struct frame_cursors *fc, int64_t frame)
{
    struct frame_cursor *c = &fc->cursor[0];
    for (unsigned i = 1; i < FRAME_CURSORS && c->n > 0; i++)
        if (fc->cursor[i].n == 0 || fc->cursor[i].stamp < c->stamp)
            c = &fc->cursor[i];
    *c = (struct frame_cursor){.recent = {frame}, .n = 1, .front = frame, .asked = frame};

    /* Three jumps of one length are a stride, too long to be seen by who looks near a frame. */
    int64_t step = fc->n_begun > 0 ? frame - fc->begun[0] : 0;
    if (fc->n_begun == 2 && step != 0 && distance(step, 0) <= STRIDE_MAX &&
        fc->begun[0] - fc->begun[1] == step) {
        c->stride = step;
        c->window = 1;
    }
    fc->begun[1] = fc->begun[0];
    fc->begun[0] = frame;
    if (fc->n_begun < 2)
        fc->n_begun++;
    return c;
}

static void remember(struct frame_cursor *c, int64_t frame)
{
    if (c->n == FRAME_RECENT)
        memmove(c->recent, c->recent + 1, (--c->n) * sizeof *c->recent);
    c->recent[c->n++] = frame;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The stride that the last frames prove, or 0: the greatest that leads to all of them, in the
 * direction that most pairs of them agree on. */
static int64_t proven_stride(const struct frame_cursor *c)
{
    uint64_t step = 0;
    int agree = 0, pairs = 0;
    for (unsigned i = 0; i < c->n; i++)
        for (unsigned j = i + 1; j < c->n; j++) {
            step = common_divisor(step, distance(c->recent[i], c->recent[j]));
            agree += c->recent[j] > c->recent[i] ? 1 : -1;
            pairs++;
        }
    if (pairs == 0 || (c->n == 2 && step > STRIDE_OF_TWO))
        return 0;
    if (2 * agree >= pairs)
        return (int64_t)step;
    return 2 * agree <= -pairs ? -(int64_t)step : 0;
}

/* Whether `a` lies farther along the cursor's way than `b`. */
static bool is_ahead(const struct frame_cursor *c, int64_t a, int64_t b)
{
    return c->stride < 0 ? a < b : a > b;
}

/* The frames that one of those who go through the sequence at present may have ahead of it. */
static unsigned share(const struct frame_cursors *fc, unsigned most)
{
    unsigned n = 0;
    for (unsigned i = 0; i < FRAME_CURSORS; i++) {
        const struct frame_cursor *c = &fc->cursor[i];
        n += c->stride != 0 && fc->clock - c->stamp < PRESENT;
    }
    unsigned each = n > 1 ? most / n : most;
    if (each < 2)
        each = most < 2 ? most : 2;
    return each;
}

static void follow(struct frame_cursor *c, int64_t frame, unsigned most)
{
    if (was_read(c, frame))
        return;
    remember(c, frame);
    int64_t stride = proven_stride(c);
    if (stride != 0 && stride != c->stride) {
        c->stride = stride;
        c->front = c->recent[0];
        for (unsigned i = 1; i < c->n; i++)
            if (is_ahead(c, c->recent[i], c->front))
                c->front = c->recent[i];
        c->asked = c->front;
        c->window = 1;
    } else if (c->stride != 0) {
        if (is_ahead(c, frame, c->front))
            c->front = frame;
        if (is_ahead(c, c->front, c->asked))
            c->asked = c->front;
        c->window *= 2;
    }
    if (c->window > most)
        c->window = most;
}

static void plan(struct frame_cursor *c, struct frame_plan *ret)
{
    if (c->stride == 0)
        return;
    int64_t end = c->front + (int64_t)c->window * c->stride;
    int64_t count = (end - c->asked) / c->stride;
    if (count <= 0)
        return;
    ret->stride = c->stride;
    ret->first = c->asked + c->stride;
    if (ret->first < 0)
        return;
    if (end < 0)
        count = ret->first / -c->stride + 1;
    ret->count = (unsigned)count;
    c->asked += count * c->stride;
}

void frame_cursors_next(struct frame_cursors *fc, int64_t frame, unsigned most,
                        struct frame_plan *ret)
{
    struct frame_cursor *best = &fc->cursor[0];
    uint64_t least = FAR;
    for (unsigned i = 0; i < FRAME_CURSORS; i++) {
        uint64_t m = misfit(&fc->cursor[i], frame);
        if (m < least) {
            least = m;
            best = &fc->cursor[i];
        }
    }
    if (least == FAR)
        best = begin(fc, frame);
    else
        follow(best, frame, share(fc, most));
    best->stamp = ++fc->clock;
    *ret = (struct frame_plan){.cursor = (unsigned)(best - fc->cursor)};
    plan(best, ret);
}

void frame_cursors_refused(struct frame_cursors *fc, const struct frame_plan *p, unsigned accepted)
{
    struct frame_cursor *c = &fc->cursor[p->cursor];
    int64_t asked = p->first + ((int64_t)accepted - 1) * p->stride;
    if (c->stride == p->stride && is_ahead(c, c->asked, asked))
        c->asked = asked;
}
