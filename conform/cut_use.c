/* conform/cut_use.c - the shots of one cut: which media, which frames, when. */
/* SPDX-License-Identifier: MIT */
#include "conform/cut_use.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/envelope.h"
#include "conform/location.h"
#include "conform/media_url.h"
#include "conform/otio_read.h"
#include "conform/rational.h"
#include "conform/reference.h"
#include "conform/sequence.h"
#include "conform/shot.h"

#define FRAMES_MAX 1e15

/* ---- the clips that count ------------------------------------------------------------------- */

struct clips {
    const json_t **v;
    size_t n, cap;
};

static void add_clip(struct clips *c, const json_t *clip)
{
    if (c->n == c->cap)
        c->v = xrealloc(c->v, c->cap = c->cap ? 2 * c->cap : 256, sizeof *c->v);
    c->v[c->n++] = clip;
}

/* The clips below `o` that are enabled: with picture, and those of audio tracks. otio_read() has
 * bounded the depth. */
static void gather(const json_t *o, bool audio, struct clips *picture, struct clips *sound)
{
    size_t i;
    json_t *child;
    if (json_is_false(json_object_get(o, "enabled")))
        return;
    if (otio_schema_is(o, "Clip"))
        add_clip(audio ? sound : picture, o);
    const char *kind = otio_string(o, "kind");
    audio |= kind && strcmp(kind, "Audio") == 0;
    if (json_is_object(json_object_get(o, "tracks")))
        gather(json_object_get(o, "tracks"), audio, picture, sound);
    json_array_foreach(json_object_get(o, "children"), i, child)
        gather(child, audio, picture, sound);
}

static int by_address(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)*(const json_t *const *)a, y = (uintptr_t)*(const json_t *const *)b;
    return x < y ? -1 : x > y;
}

/* ---- one clip ------------------------------------------------------------------------------- */

/* Of frames without their range: a longer plate of one name is the same medium. */
static char *file_name(const char *url)
{
    struct media_url u;
    struct sequence s;
    struct err ignored;
    bool ok = media_url_parse(url, &u, &ignored) == 0 && u.name && *u.name;
    char *name = xstrdup(ok ? u.name : url);
    if (ok && sequence_parse_name(name, &s, &ignored) > 0) {
        free(name);
        name = xasprintf("%s#%s", s.prefix, s.suffix);
        sequence_done(&s);
    }
    media_url_done(&u);
    return name;
}

/* What the editor named, not what it was relinked to: addresses differ with the flavour of URLs and
 * with where the lake is. */
static char *media_of(const json_t *clip, const json_t *ref)
{
    const json_t *original = location_original(ref);
    struct reference what = reference_read(original ? original : ref);
    const json_t *cmx = json_object_get(json_object_get(clip, "metadata"), "cmx_3600");
    const char *reel = otio_string(cmx, "reel");
    if (what.kind == REFERENCE_URL)
        return file_name(what.url);
    if (what.kind == REFERENCE_SEQUENCE) {
        const char *prefix = otio_string(what.object, "name_prefix");
        const char *suffix = otio_string(what.object, "name_suffix");
        return xasprintf("%s#%s", prefix ? prefix : "", suffix ? suffix : "");
    }
    return reel ? xstrdup(reel) : NULL;
}

/* Whole frames of the source from what the clip itself says. */
static void read_source(const struct envelope *env, int handles, struct cut_use *u)
{
    struct rational_time start, duration;
    struct err ignored;
    if (rational_parse_range(json_object_get(env->clip, "source_range"), &start, &duration,
                             &ignored) <= 0)
        return;
    double speed = fabs(env->speed), rate = (double)start.rate.num / (double)start.rate.den;
    double scale = rational_rate_ratio(start.rate, duration.rate);
    double frames = rational_frames(duration) * scale * speed;
    if (!(rate > 0) || !(frames < FRAMES_MAX) || !(handles * speed < FRAMES_MAX) ||
        start.whole > INT64_MAX / 4 || start.whole < -(INT64_MAX / 4))
        return; /* nothing that can be counted with */
    int64_t more = rational_ceil(handles * speed);
    u->source_span.known = true;
    u->source_span.rate = rate;
    u->source_span.first = start.whole;
    u->source_span.last = start.whole + rational_last(start.part + frames);
    if (u->source_span.last < u->source_span.first)
        u->source_span.last = u->source_span.first;
    u->source_span.granted_first = u->source_span.first - more;
    u->source_span.granted_last = u->source_span.last + more;
}

static void read_media(const struct envelope *env, struct cut_use *u)
{
    struct envelope_media m;
    if (!env->known)
        return;
    envelope_read_media(env->ref, &m);
    u->media_start = m.start.whole;
    u->numbered = env->numbered;
    u->media_span = (struct cut_span){.known = true,
                                      .rate = (double)m.rate.num / (double)m.rate.den,
                                      .first = env->cut_lo,
                                      .last = env->cut_hi,
                                      .granted_first = env->lo,
                                      .granted_last = env->hi};
}

static void format_tc(int64_t frames, int64_t base, char ret[CUT_TC_SIZE])
{
    bool negative = frames < 0;
    uint64_t n = negative ? -(uint64_t)frames : (uint64_t)frames, fps = (uint64_t)base;
    snprintf(ret, CUT_TC_SIZE, "%s%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64,
             negative ? "-" : "", n / fps / 3600 % 1000, n / fps / 60 % 60, n / fps % 60, n % fps);
}

/* Timecode counts whole frames a second, without dropping any: the file does not say whether. */
static void read_record(const struct envelope *env, struct cut_use *u)
{
    int64_t base = (int64_t)llround((double)env->record_rate.num / (double)env->record_rate.den);
    u->record_known = env->record_known && base > 0;
    if (!u->record_known)
        return;
    u->record[0] = env->record_in;
    u->record[1] = env->record_out;
    for (int i = 0; i < 2; i++)
        format_tc(u->record[i], base, u->record_tc[i]);
}

/* ---- all of them ---------------------------------------------------------------------------- */

struct reading {
    struct clips wanted; /* by address */
    const json_t *last;  /* the clip before: the first reference of a clip is what it plays */
    int handles;
    struct cut *cut;
    size_t cap;
};

static int on_reference(void *arg, const struct envelope *env, struct err *e)
{
    struct reading *r = arg;
    struct cut *c = r->cut;
    (void)e;
    if (env->clip == r->last)
        return 0;
    r->last = env->clip;
    if (!env->used || otio_schema_is(env->ref, "GeneratorReference") || r->wanted.n == 0 ||
        !bsearch(&env->clip, r->wanted.v, r->wanted.n, sizeof *r->wanted.v, by_address))
        return 0;
    if (c->n == r->cap)
        c->v = xrealloc(c->v, r->cap = r->cap ? 2 * r->cap : 256, sizeof *c->v);
    struct cut_use *u = &c->v[c->n++];
    *u = (struct cut_use){.shot = shot_name(env->clip), .media = media_of(env->clip, env->ref),
                          .speed = env->speed, .place = c->n};
    read_source(env, r->handles, u);
    read_media(env, u);
    read_record(env, u);
    return 0;
}

/* By record time; of what begins at once, and where no time is known, as the file has it. */
static int by_time(const void *x, const void *y)
{
    const struct cut_use *a = x, *b = y;
    if (a->record_known && b->record_known && a->record[0] != b->record[0])
        return a->record[0] < b->record[0] ? -1 : 1;
    return a->place < b->place ? -1 : a->place > b->place;
}

int cut_read(const json_t *tree, int handles, struct cut *ret, struct err *e)
{
    struct clips picture = {0}, sound = {0};
    gather(tree, /* audio= */ false, &picture, &sound);
    struct reading r = {.wanted = picture.n > 0 ? picture : sound, .handles = handles, .cut = ret};
    if (r.wanted.n > 0)
        qsort(r.wanted.v, r.wanted.n, sizeof *r.wanted.v, by_address);
    int result = envelope_of_timeline(tree, handles, on_reference, &r, e);
    bool ordered = true; /* several timelines each have times of their own */
    for (size_t i = 0; i < ret->n; i++)
        ordered &= ret->v[i].record_known;
    if (ret->n > 0 && ordered && otio_schema_is(tree, "Timeline"))
        qsort(ret->v, ret->n, sizeof *ret->v, by_time);
    for (size_t i = 0; i < ret->n; i++)
        ret->v[i].place = i;
    free(picture.v);
    free(sound.v);
    return result;
}

void cut_done(struct cut *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->v[i].shot);
        free(c->v[i].media);
    }
    free(c->v);
    *c = (struct cut){0};
}
