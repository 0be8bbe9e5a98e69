/* fs/s3/s3_pace.c - what the store's answers took, and what to ask for next; a pure decision. */
/* SPDX-License-Identifier: MIT */
#include "fs/s3/s3_pace.h"

#include <string.h>

#define FADE 0.875          /* what is left of a sum at the next sample */
#define FIRST_TURN_MS 15000 /* half of the time for which a smallest first byte holds */
#define FIRST_UNKNOWN UINT32_MAX
#define NEAR_US 5000       /* a store nearer than this has no latency worth cutting reads for */
#define FAR_BEGIN 16u      /* connections to a far store, before trying has told */
#define CARRY_LEAST_US 500 /* shorter carries are the length of a socket's buffer */
#define PIECE_LEAST_BYTES ((size_t)2 << 20)
#define PIECE_ALIGN_BYTES ((size_t)64 << 10)
#define PIECES_MOST 4u

#define WINDOW_MS 250
#define IDLE_MS 2000    /* between the ends of two requests */
#define WINDOW_ROUNDS 3 /* requests of each connection in a window, at least */
#define FASTER 1.15     /* the whole must gain so much for more connections to stay */
#define NO_SLOWER 0.95
#define TRY_MOST_MS 3000
#define TRY_PAUSE_MS 1000
#define TRY_PAUSE_MOST_MS 60000
#define TRY_FORGET_MS 60000 /* what was tried so long ago says nothing any more */

#define SMALLEST_CLASS_BYTES ((size_t)64 << 10)
#define FEW 32 /* samples that do not make a class yet */
#define CLASS_FULL 512
#define LATE_LEAST_MS 25
#define ASKED_PER_TWICE 20
#define ASKED_FADE_AT 4096

void s3_pace_init(struct s3_pace *p, unsigned least, unsigned most)
{
    memset(p, 0, sizeof *p);
    p->least = least;
    p->most = most;
    p->first_us[0] = p->first_us[1] = FIRST_UNKNOWN;
    p->try_pause_ms = TRY_PAUSE_MS;
}

/* Classes and their scale */

static struct s3_pace_class *class_of(const struct s3_pace *p, size_t bytes)
{
    unsigned i = 0;
    for (size_t n = SMALLEST_CLASS_BYTES; n < bytes && i + 1 < S3_PACE_CLASSES; n *= 2)
        i++;
    return (struct s3_pace_class *)&p->class[i];
}

/* Four steps an octave, from 64 us on. */
static unsigned step_of(uint32_t us)
{
    unsigned octave = 0;
    while (octave < 17 && (us >> octave) >= 128)
        octave++;
    uint32_t part = us >> octave < 64 ? 0 : ((us >> octave) - 64) / 16;
    return octave * 4 + (part > 3 ? 3 : part);
}

/* The end of a step. */
static uint64_t step_us(unsigned step)
{
    return (uint64_t)(64 + 16 * (step % 4 + 1)) << step / 4;
}

static void count(struct s3_pace_class *c, uint32_t us)
{
    c->count[step_of(us)]++;
    if (++c->total < CLASS_FULL)
        return;
    c->total = 0;
    for (unsigned i = 0; i < S3_PACE_STEPS; i++)
        c->total += c->count[i] /= 2;
}

/* The time that all but `most` of the class are below. */
static uint64_t all_but(const struct s3_pace_class *c, unsigned most)
{
    unsigned over = 0;
    for (unsigned i = S3_PACE_STEPS; i-- > 0;) {
        over += c->count[i];
        if (over > most)
            return step_us(i);
    }
    return 0;
}

int64_t s3_pace_late_ms(const struct s3_pace *p, size_t bytes)
{
    const struct s3_pace_class *c = class_of(p, bytes);
    if (c->total < FEW)
        return S3_PACE_NEVER;
    uint64_t rare = all_but(c, c->total / 100) / 1000, usual = all_but(c, c->total / 2) / 1000;
    uint64_t late = rare > 2 * usual ? rare : 2 * usual;
    return (int64_t)(late > LATE_LEAST_MS ? late : LATE_LEAST_MS);
}

void s3_pace_note_late(struct s3_pace *p, size_t bytes, uint32_t total_us)
{
    count(class_of(p, bytes), total_us);
}

void s3_pace_asked(struct s3_pace *p)
{
    if (++p->asked < ASKED_FADE_AT)
        return;
    p->asked /= 2;
    p->asked_twice /= 2;
}

bool s3_pace_ask_twice(struct s3_pace *p, size_t bytes, size_t have, int64_t took_ms)
{
    const struct s3_pace_class *c = class_of(p, bytes);
    double usual_ms = (double)all_but(c, c->total / 2) / 1000;
    if ((double)took_ms * (double)(bytes - have) < usual_ms * (double)have)
        return false;
    if ((p->asked_twice + 1) * ASKED_PER_TWICE > p->asked)
        return false;
    p->asked_twice++;
    return true;
}

/* Connections */

static uint32_t first_us(const struct s3_pace *p)
{
    uint32_t us = p->first_us[0] < p->first_us[1] ? p->first_us[0] : p->first_us[1];
    return us == FIRST_UNKNOWN ? 0 : us;
}

/* For how long a connection carries a long read; 0: not known. */
static double carry_us(const struct s3_pace *p)
{
    if (p->bytes <= 0 || p->carry_us <= 0 || p->read_bytes <= 0)
        return 0;
    return p->read_bytes * p->carry_us / p->bytes;
}

static bool is_far(const struct s3_pace *p)
{
    return first_us(p) >= NEAR_US;
}

/* What latency alone asks for. */
static unsigned by_latency(const struct s3_pace *p)
{
    double carry = carry_us(p);
    if (carry <= 0 || !is_far(p))
        return p->least;
    double n = p->least * (1 + first_us(p) / carry);
    return n > p->most ? p->most : (unsigned)(n + 0.5);
}

unsigned s3_pace_bulk(const struct s3_pace *p)
{
    unsigned n = by_latency(p) + p->extra;
    return n > p->most ? p->most : n;
}

size_t s3_pace_piece(struct s3_pace *p, size_t length, unsigned room, unsigned waiting)
{
    p->read_bytes =
        p->read_bytes <= 0 ? (double)length : p->read_bytes * FADE + (double)length * (1 - FADE);
    unsigned pieces = waiting > 0 ? room / waiting : room;
    if (!is_far(p) || s3_pace_bulk(p) <= p->least)
        return length;
    if (pieces > PIECES_MOST)
        pieces = PIECES_MOST;
    if (pieces > length / PIECE_LEAST_BYTES)
        pieces = (unsigned)(length / PIECE_LEAST_BYTES);
    if (pieces < 2)
        return length;
    size_t piece = (length + pieces - 1) / pieces;
    return (piece + PIECE_ALIGN_BYTES - 1) / PIECE_ALIGN_BYTES * PIECE_ALIGN_BYTES;
}

/* Trying */

static void window_begin(struct s3_pace *p, int64_t now_ms)
{
    p->window_ms = now_ms;
    p->window_bytes = 0;
    p->window_requests = p->window_full = 0;
}

static void try_begin(struct s3_pace *p, int by, double rate, int64_t now_ms)
{
    p->try_at_ms = now_ms;
    p->trying = by;
    p->try_from = rate;
    p->extra = (unsigned)((int)p->extra + by);
}

static void try_end(struct s3_pace *p, bool keep, int64_t now_ms)
{
    if (keep)
        p->try_pause_ms = TRY_PAUSE_MS;
    else
        p->extra = (unsigned)((int)p->extra - p->trying);
    p->trying = 0;
    p->try_at_ms = now_ms + p->try_pause_ms;
    if (!keep && p->try_pause_ms < TRY_PAUSE_MOST_MS)
        p->try_pause_ms *= 2;
}

static void try_next(struct s3_pace *p, double rate, int64_t now_ms)
{
    unsigned n = s3_pace_bulk(p), step = n / 2 > 1 ? n / 2 : 1;
    if (p->trying > 0) {
        bool keep = rate >= p->try_from * FASTER;
        try_end(p, keep, now_ms);
        if (!keep || s3_pace_bulk(p) == p->most)
            return;
    } else if (p->trying < 0) {
        try_end(p, rate >= p->try_from * NO_SLOWER, now_ms);
        return;
    } else if (now_ms < p->try_at_ms) {
        return;
    }
    /* What was once worth while need not be for ever: every other look goes down. */
    p->look_down = p->trying == 0 && !p->look_down && p->extra > 0;
    if (p->look_down)
        try_begin(p, -(int)((p->extra + 1) / 2), rate, now_ms);
    else if (n < p->most)
        try_begin(p, (int)(step < p->most - n ? step : p->most - n), rate, now_ms);
}

/* What holds before anything was tried. The first look then goes up: it costs nothing. */
static void begin_anew(struct s3_pace *p, int64_t now_ms)
{
    unsigned begin = FAR_BEGIN < p->most ? FAR_BEGIN : p->most;
    p->far = is_far(p);
    p->extra = p->far && begin > p->least ? begin - p->least : 0;
    p->trying = 0;
    p->look_down = p->far;
    p->try_pause_ms = TRY_PAUSE_MS;
    p->try_at_ms = now_ms + TRY_PAUSE_MS;
}

/* A window counts where the connections had work nearly all the time. */
static void note_window(struct s3_pace *p, const struct s3_pace_sample *s, int64_t now_ms)
{
    if (p->try_at_ms > 0 && p->trying == 0 && now_ms - p->try_at_ms > TRY_FORGET_MS)
        begin_anew(p, now_ms);
    bool idle = now_ms - p->last_ms > IDLE_MS;
    p->last_ms = now_ms;
    if (idle) {
        window_begin(p, now_ms);
        return;
    }
    p->window_bytes += s->bytes;
    p->window_requests++;
    p->window_full += s->full;
    int64_t took = now_ms - p->window_ms;
    if (took < WINDOW_MS || p->window_requests < WINDOW_ROUNDS * s3_pace_bulk(p))
        return;
    if (p->window_full >= p->window_requests - p->window_requests / 4)
        try_next(p, (double)p->window_bytes / (double)took, now_ms);
    else if (p->trying != 0 && now_ms - p->try_at_ms > TRY_MOST_MS)
        try_end(p, /* keep= */ false, now_ms); /* there is too little to do to tell */
    window_begin(p, now_ms);
}

void s3_pace_throttled(struct s3_pace *p, int64_t now_ms)
{
    if (p->trying > 0)
        p->extra -= (unsigned)p->trying;
    p->extra /= 2;
    p->trying = 0;
    p->try_pause_ms = TRY_PAUSE_MOST_MS;
    p->try_at_ms = now_ms + p->try_pause_ms;
}

static void note_first(struct s3_pace *p, uint32_t us, int64_t now_ms)
{
    if (now_ms - p->first_turn_ms >= FIRST_TURN_MS) {
        bool long_ago = now_ms - p->first_turn_ms >= 2 * FIRST_TURN_MS;
        p->first_us[1] = long_ago ? FIRST_UNKNOWN : p->first_us[0];
        p->first_us[0] = FIRST_UNKNOWN;
        p->first_turn_ms = now_ms;
    }
    if (us < p->first_us[0])
        p->first_us[0] = us;
}

void s3_pace_note(struct s3_pace *p, const struct s3_pace_sample *s, int64_t now_ms)
{
    uint32_t mean = p->first_mean_us;
    p->first_mean_us = mean == 0 ? s->first_us : mean - mean / 8 + s->first_us / 8;
    note_first(p, s->first_us, now_ms);
    if (is_far(p) != p->far)
        begin_anew(p, now_ms);
    if (s->bytes == 0)
        return;
    count(class_of(p, s->bytes), s->total_us);
    if (!s->bulk)
        return;
    p->bytes = p->bytes * FADE + (double)s->bytes;
    p->carry_us =
        p->carry_us * FADE + (s->carry_us > CARRY_LEAST_US ? s->carry_us : CARRY_LEAST_US);
    note_window(p, s, now_ms);
}
