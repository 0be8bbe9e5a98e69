/* fs/s3/s3_pace.h - what the store's answers took, and what to ask for next; a pure decision. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_S3_S3_PACE_H
#define FS_S3_S3_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many long reads at once are worth while, in how many pieces, and when one of them is so slow
 * that a second request for the same bytes is.
 *
 * Connections. A few that carry bytes at the same time fill a line: `least` of them. One that waits
 * L for its first byte and then carries for T does so T / (L + T) of its time, so it takes
 * least * (1 + L / T). L is the smallest of the last half minute, since what lies above is our own
 * bytes in front of it, and more connections would only make it longer. T comes from the measured
 * rate of one connection. Where a connection is slower than the line (the window of a long way, a
 * store that shares itself out), nothing but trying tells: now and then the number is raised, and
 * stays where the whole became faster for it. On a long way that is usual, and what is read may be
 * over before trying has told: there it begins high, and goes down where nothing is lost by it.
 *
 * Slowness. Durations are counted in classes of size, on a scale of quarter octaves; old ones fade.
 * A request is late that takes longer than 99 of 100 of its class. Second requests are one in
 * twenty at most, whatever happens: a store that is slow for everybody must not get twice the work.
 */
#define S3_PACE_CLASSES 8
#define S3_PACE_STEPS 72
#define S3_PACE_NEVER INT64_MAX

struct s3_pace_class {
    uint16_t count[S3_PACE_STEPS];
    unsigned total;
};

struct s3_pace {
    unsigned least, most; /* long reads at once */

    uint32_t first_us[2]; /* smallest time to first byte: of this and the last quarter minute */
    int64_t first_turn_ms;
    uint32_t first_mean_us;
    double bytes, carry_us; /* faded sums of long requests; their ratio is a connection's rate */
    double read_bytes;      /* mean length of a long read, before it was cut */

    bool far;        /* so far that one connection cannot fill the line: `extra` began high */
    unsigned extra;  /* connections that trying has found worth while */
    int trying;      /* 0, or by how much `extra` differs from what it was before */
    double try_from; /* bytes a millisecond before that */
    int64_t window_ms, last_ms, try_pause_ms;
    int64_t try_at_ms; /* of the next try, or when the present one began */
    bool look_down;
    uint64_t window_bytes;
    unsigned window_requests, window_full;

    struct s3_pace_class class[S3_PACE_CLASSES];
    unsigned asked, asked_twice; /* requests that could have a second one, and that had; faded */
};

/* What a request that came to its end in one attempt took. */
struct s3_pace_sample {
    size_t bytes;      /* of a ranged read; else 0 */
    uint32_t first_us; /* from the request sent to the answer's first byte */
    uint32_t total_us; /* from its start to its end, a new connection included */
    uint32_t carry_us; /* from the first byte to the last */
    bool bulk;
    bool full; /* about as many long reads were under way as may be */
};

/* `least` and `most` long reads at once; 1 <= least <= most. */
void s3_pace_init(struct s3_pace *p, unsigned least, unsigned most);

void s3_pace_note(struct s3_pace *p, const struct s3_pace_sample *s, int64_t now_ms);

/* A request has lost to its second one: it would have taken so long at least. */
void s3_pace_note_late(struct s3_pace *p, size_t bytes, uint32_t total_us);

/* The store asks for patience. */
void s3_pace_throttled(struct s3_pace *p, int64_t now_ms);

/* How many long reads may be under way now. */
unsigned s3_pace_bulk(const struct s3_pace *p);

/* A long read of `length` bytes starts, where `waiting` (this one included) share the `room` for so
 * many requests: how long its pieces are to be; `length` where it stays whole. */
size_t s3_pace_piece(struct s3_pace *p, size_t length, unsigned room, unsigned waiting);

/* After how many milliseconds a request of `bytes` is late; S3_PACE_NEVER where too little is
 * known. */
int64_t s3_pace_late_ms(const struct s3_pace *p, size_t bytes);

/* A request starts that could have a second one. */
void s3_pace_asked(struct s3_pace *p);

/* Whether a request of `bytes`, which is late and has brought `have` of them in `took_ms`, is worth
 * a second one: not where at its pace it is done in the time that others take, and not where more
 * than one in twenty were asked twice. If so, it counts as made. */
bool s3_pace_ask_twice(struct s3_pace *p, size_t bytes, size_t have, int64_t took_ms);

#endif
