/* conform/envelope.c - which frames of its media does each clip of a timeline use? */
/* SPDX-License-Identifier: MIT */
#include "conform/envelope.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/media_url.h"
#include "conform/reference.h"
#include "conform/sequence.h"

const char *envelope_warning_name(size_t i)
{
    static const char *const names[ENVELOPE_WARNINGS] = {
        "relative range", "unknown retime", "reverse ambiguous",
        "out of range",   "bad range",      "unknown range: all frames",
        "one frame of a sequence"};
    return i < ENVELOPE_WARNINGS ? names[i] : "?";
}

/* ---- the media ---------------------------------------------------------------------------- */

static int by_first(const void *a, const void *b)
{
    const struct sequence_range *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* The frames of a list as one run: false where it has holes. A list is as written: "5,3,4" is 3 to
 * 5. */
static bool one_run(const struct sequence *s, int64_t *ret_first, int64_t *ret_step,
                    int64_t *ret_count)
{
    if (!s->known || s->n_ranges == 0)
        return false;
    if (s->n_ranges == 1) { /* an ImageSequenceReference may count down */
        const struct sequence_range *r = s->ranges;
        bool down = s->start != r->first;
        *ret_first = down ? r->last : r->first;
        *ret_step = down ? -r->step : r->step;
        *ret_count = (int64_t)s->n_frames;
        return true;
    }
    AUTO(free) struct sequence_range *r = xcalloc(s->n_ranges, sizeof *r);
    memcpy(r, s->ranges, s->n_ranges * sizeof *r);
    qsort(r, s->n_ranges, sizeof *r, by_first);
    int64_t last = r[0].last;
    bool holes = false;
    for (size_t i = 1; i < s->n_ranges; i++) {
        holes = holes || r[i].first > last + 1 || r[i].step != 1;
        last = r[i].last > last ? r[i].last : last;
    }
    *ret_first = r[0].first;
    *ret_step = 1;
    *ret_count = last - r[0].first + 1;
    return !holes;
}

/* Takes the numbers of `s`, if they are as many as available_range has frames. */
static void take_numbers(const struct sequence *s, struct envelope_media *m)
{
    int64_t count = 0;
    m->numbered = true;
    m->known = one_run(s, &m->first, &m->step, &count) && m->known;
    if (!m->known)
        return;
    int64_t step = llabs(m->step);
    if (llabs(m->length - count * step) > step) {
        m->known = false;
        m->warnings |= ENVELOPE_BAD_RANGE;
    }
    m->length = count * step;
}

/* A sequence in the notation of a file name, in either reading of its percent signs. */
static void read_url(const char *url, struct envelope_media *m)
{
    struct media_url u;
    struct sequence s;
    struct err ignored;
    if (media_url_parse(url, &u, &ignored) == 0 && u.name) {
        int has = sequence_parse_name(u.name, &s, &ignored);
        if (has == 0 && u.alt_name)
            has = sequence_parse_name(u.alt_name, &s, &ignored);
        if (has > 0) {
            take_numbers(&s, m);
            sequence_done(&s);
        } else if (has < 0) {
            m->known = false;
        }
    }
    media_url_done(&u);
}

void envelope_read_media(const json_t *ref, struct envelope_media *ret)
{
    struct reference what = reference_read(ref);
    const json_t *object = what.kind == REFERENCE_SEQUENCE ? what.object : ref;
    struct rational_time start, duration;
    struct sequence s;
    struct err ignored;
    *ret = (struct envelope_media){.rate = {.num = 0, .den = 1}, .first = 0, .step = 1};
    int r = rational_parse_range(json_object_get(object, "available_range"), &start, &duration,
                                 &ignored);
    if (r > 0) {
        ret->rate = duration.rate;
        ret->start = rational_rescale(start, duration.rate);
        ret->length = rational_round(rational_frames(duration));
    }
    ret->known = r > 0 && ret->length > 0;
    ret->warnings = r < 0 ? ENVELOPE_BAD_RANGE : 0;
    if (what.kind == REFERENCE_URL)
        read_url(what.url, ret);
    if (what.kind != REFERENCE_SEQUENCE)
        return;
    if (sequence_parse_reference(what.object, &s, &ignored) == 0) {
        take_numbers(&s, ret);
    } else {
        ret->known = false;
        ret->warnings |= ENVELOPE_BAD_RANGE;
    }
    sequence_done(&s);
}

/* ---- the arithmetic ----------------------------------------------------------------------- */

/* What is played, in frames counted from the media's first: from `a` up to, not with, `b`. */
struct played {
    double a, b;
};

/* Where source_range starts, counted from the media's first frame. */
static double offset_of(const struct envelope_media *m, const struct envelope_use *use,
                        struct envelope *ret)
{
    if (!use->ranged)
        return 0;
    double off = rational_frames(rational_subtract(use->start, m->start));
    double relative = rational_frames(rational_rescale(use->start, m->rate));
    bool counts_numbers =
        m->numbered && m->first != 0 && rational_round(rational_frames(m->start)) == m->first;
    if (!counts_numbers || rational_floor(off) >= 0 || rational_floor(relative) < 0 ||
        rational_floor(relative) >= m->length)
        return off;
    ret->warnings |= ENVELOPE_RELATIVE_RANGE;
    return relative;
}

/* Hiero and Nuke Studio write a TimeWarp as one offset a frame: frame i shows off + i + lookup[i].
 * False where the table does not cover what is shown. */
static bool play_lookup(const json_t *lookup, double off, double from, double to, double scale,
                        struct played *ret)
{
    int64_t first = rational_floor(from), last = rational_last(to);
    if (first < 0 || last < first || last >= (int64_t)json_array_size(lookup))
        return false;
    *ret = (struct played){.a = INFINITY, .b = -INFINITY};
    for (int64_t i = first; i <= last; i++) {
        const json_t *v = json_array_get(lookup, (size_t)i);
        double at = off + (double)i * scale + json_number_value(v);
        if (!json_is_number(v))
            return false;
        ret->a = fmin(ret->a, at);
        ret->b = fmax(ret->b, at);
    }
    ret->b = (double)rational_floor(ret->b) + 1;
    return true;
}

/* False: nobody can say what is played. */
static bool play(const struct envelope_media *m, const struct envelope_use *use, double off,
                 struct played *ret)
{
    struct rational_rate rate = use->ranged ? use->duration.rate : m->rate;
    double frames = use->ranged ? rational_frames(use->duration) : (double)m->length;
    double from = use->whole ? 0 : rational_ticks_frames(use->from, rate);
    double to = use->whole ? frames : rational_ticks_frames(use->to, rate);
    double scale = rational_rate_ratio(m->rate, rate);
    if (use->unknown_retime)
        return false;
    if (use->lookup)
        return play_lookup(use->lookup, off, from, to, scale, ret);
    double s = use->speed * scale;
    switch (rational_sign(use->speed)) {
    case 0:
        *ret = (struct played){off, off};
        break;
    case 1:
        *ret = (struct played){off + from * s, off + to * s};
        break;
    default: /* the last of the clip is the lowest of the media */
        *ret = (struct played){off - (frames - to) * s, off - (frames - from) * s};
    }
    return true;
}

static int64_t clamp(int64_t v, int64_t length)
{
    return v < 0 ? 0 : v >= length ? length - 1 : v;
}

/* Media frames of the handles on one side. A clip rate that is not the media's is rounded to whole
 * frames first: 8 handles are 8 frames of something. */
static int64_t handles_of(const struct envelope_media *m, const struct envelope_use *use)
{
    struct rational_rate record = use->record_rate.num > 0 ? use->record_rate : m->rate;
    int64_t frames = rational_round(use->handles * rational_rate_ratio(m->rate, record));
    double speed = use->lookup ? use->outer_speed : use->speed * use->outer_speed;
    if (use->handles > 0 && frames == 0)
        frames = 1;
    return rational_ceil((double)frames * (rational_sign(speed) < 0 ? -speed : speed));
}

/* The number of frame `k`. */
static int64_t number_of(const struct envelope_media *m, int64_t k)
{
    return m->numbered ? m->first + m->step * (k / llabs(m->step)) : k;
}

static void set_numbers(const struct envelope_media *m, int64_t lo, int64_t hi, int64_t *ret_lo,
                        int64_t *ret_hi)
{
    bool down = m->numbered && m->step < 0;
    *ret_lo = number_of(m, down ? hi : lo);
    *ret_hi = number_of(m, down ? lo : hi);
}

void envelope_frames(const struct envelope_media *m, const struct envelope_use *use,
                     struct envelope *ret)
{
    struct played played;
    ret->known = m->known;
    ret->numbered = m->numbered;
    ret->speed = use->speed * use->outer_speed;
    ret->warnings = m->warnings | (use->unknown_retime ? ENVELOPE_UNKNOWN_RETIME : 0);
    if (!m->known)
        return;
    double off = offset_of(m, use, ret);
    int64_t lo = 0, hi = m->length - 1;
    if (play(m, use, off, &played)) {
        lo = rational_floor(played.a);
        hi = rational_last(played.b);
        hi = hi < lo ? lo : hi;
    } else {
        ret->warnings |= ENVELOPE_UNKNOWN_RETIME;
    }
    if (use->either_end && rational_sign(ret->speed) < 0)
        ret->warnings |= ENVELOPE_REVERSE_AMBIGUOUS;
    if (m->length > 1 && (lo < 0 || hi >= m->length)) /* one frame is a still: it is held */
        ret->warnings |= ENVELOPE_OUT_OF_RANGE;
    if (hi < 0 || lo >= m->length) {
        lo = 0;
        hi = m->length - 1;
    }
    lo = clamp(lo, m->length);
    hi = clamp(hi, m->length);
    set_numbers(m, lo, hi, &ret->cut_lo, &ret->cut_hi);
    int64_t handles = handles_of(m, use);
    set_numbers(m, clamp(lo - handles, m->length), clamp(hi + handles, m->length), &ret->lo,
                &ret->hi);
}
