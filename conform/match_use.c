/* conform/match_use.c - what the cut uses, against what media is known to hold. */
/* SPDX-License-Identifier: MIT */
#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "conform/envelope.h"
#include "conform/match_impl.h"

#define ENDLESS (INT64_C(1) << 40) /* frames: more than a day of anything */

static struct rational_rate rate_of(int64_t num, int64_t den, struct rational_rate otherwise)
{
    if (num <= 0 || den <= 0)
        return otherwise;
    return rational_rate_of((double)num / (double)den);
}

/* What a clip uses as source timecode: its ranges, as they are. Where they count from 0 that is
 * 00:00:00:00, which hardly any media holds. False: it cannot be told. */
static bool use_in_timecode(const struct match_input *in, struct envelope_use *ret)
{
    struct envelope_media m;
    if (!in->env || !in->env->use)
        return false;
    *ret = *in->env->use;
    envelope_read_media(in->ref, &m);
    if (!ret->ranged) {
        if (!m.known)
            return false;
        ret->ranged = true;
        ret->start = m.start;
        ret->duration = (struct rational_time){.whole = m.length, .rate = m.rate};
    }
    return ret->start.rate.num > 0 && ret->duration.rate.num > 0;
}

/* All timecode there is, as one long piece of media: nothing is cut to its ends. */
static struct envelope_media day_of(int64_t num, int64_t den, struct rational_rate clip)
{
    struct envelope_media day = {.known = true, .length = ENDLESS, .step = 1};
    day.rate = rate_of(num, den, clip);
    /* an EDL's rate is a guess between 24 and 23.976: timecode counts frames in either */
    if (rational_rate_near(day.rate, clip))
        day.rate = clip;
    day.start.rate = day.rate;
    return day;
}

bool match_timecode(struct query *q, int64_t rate_num, int64_t rate_den, int64_t *ret_first,
                    int64_t *ret_last, const char **ret_why)
{
    struct envelope_use use;
    struct envelope env = {0};
    *ret_why = "the edit states no timecode";
    if (!use_in_timecode(q->in, &use))
        return false;
    struct envelope_media day = day_of(rate_num, rate_den, use.start.rate);
    envelope_frames(&day, &use, &env);
    *ret_first = env.cut_lo;
    *ret_last = env.cut_hi;
    return !(env.warnings & (ENVELOPE_UNKNOWN_RETIME | ENVELOPE_OUT_OF_RANGE));
}

/* An edit list without drop frame numbers the frames of a drop-frame tape otherwise than the tape does:
 * by 01:00:00:00 they are 108 frames apart, and which of the two it meant nobody can tell. */
static bool counts_alike(const struct query *q, const struct media *facts)
{
    const json_t *cmx = json_object_get(json_object_get(q->in->clip, "metadata"), "cmx_3600");
    return !cmx || !facts->drop || json_is_true(json_object_get(cmx, "drop"));
}

bool match_use_timecode(struct query *q, const struct media *facts, int64_t first, int64_t lowest,
                        int64_t highest, bool numbered, struct find *f, const char **ret_why)
{
    struct envelope_use use;
    struct envelope env = {0};
    int64_t lo, hi, start = facts->start + (lowest - first), length = highest - lowest + 1;
    *ret_why = "its timecode is not known";
    if (facts->start < 0 ||
        !match_timecode(q, facts->rate_num, facts->rate_den, &lo, &hi, ret_why))
        return false;
    *ret_why = "its timecode is drop-frame, and the edit's is not";
    if (!counts_alike(q, facts))
        return false;
    *ret_why = "its timecode does not hold what the cut uses";
    if (lo < start || hi >= start + length)
        return false;
    use_in_timecode(q->in, &use);
    struct envelope_media media = day_of(facts->rate_num, facts->rate_den, use.start.rate);
    media.start.whole = start;
    media.length = length;
    media.first = numbered ? lowest : 0;
    media.numbered = numbered;
    envelope_frames(&media, &use, &env);
    *ret_why = "what the cut uses of it is too long";
    if (env.hi - env.lo >= SEQUENCE_FRAMES_MAX)
        return false;
    f->has_use = true;
    f->use_first = env.lo;
    f->use_last = env.hi;
    f->warnings = env.warnings;
    return true;
}

bool match_covers(struct query *q, const struct find *f, const char **ret_why)
{
    AUTO(media) struct media facts = {.start = -1};
    const struct envelope *env = q->in->env;
    struct envelope_media m;
    struct err ignored;
    if (f->sequence || f->has_use || !env || !env->known || env->numbered ||
        index_media(q->m->rd, f->node, &facts, &ignored) < 0 || facts.frames < 1)
        return true;
    envelope_read_media(q->in->ref, &m);
    struct rational_rate rate = rate_of(facts.rate_num, facts.rate_den, m.rate);
    if (!m.known || !rational_rate_near(rate, m.rate)) /* frames of another length */
        return true;
    *ret_why = "it is shorter than what the cut uses";
    if (env->cut_hi - env->cut_lo >= facts.frames)
        return false;
    /* a reference that counts from 0 does not state the media's timecode */
    if (facts.start < 0 || m.start.whole == 0) {
        return env->cut_hi < facts.frames;
    }
    int64_t first = m.start.whole + env->cut_lo, last = m.start.whole + env->cut_hi;
    *ret_why = "its timecode does not hold what the cut uses";
    return first >= facts.start && last < facts.start + facts.frames;
}
