/* conform/envelope_walk.c - the frames of all clips: trims, transitions and retimes on the way. */
/* SPDX-License-Identifier: MIT */
#include "conform/envelope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/otio_read.h"

#define DURATION_UNKNOWN (-1)
#define SPEED_MAX 1e6                   /* beyond it is no retime */
#define INSTANT (RATIONAL_TICKS / 1000) /* what a stack that stands still shows of its content */
#define ENDLESS RATIONAL_TICKS_MAX

enum kind { KIND_CLIP, KIND_SILENT, KIND_TIMELINE, KIND_TRACK, KIND_STACK, KIND_OTHER };

/* One object of the tree, in the order in which both walks come by. */
struct span {
    int64_t start, duration; /* ticks; duration DURATION_UNKNOWN where nothing states it */
    bool ranged;
};

struct walk {
    struct span *spans;
    size_t n, cap;
    size_t next; /* of the second walk */
    struct buf pointer;
    int handles;
    envelope_fn *fn;
    void *arg;
};

/* How an object is shown: in its own time, ticks from its in-point. */
struct place {
    int64_t from, to;      /* the part that is shown */
    bool whole, hidden;    /* nothing above it trims; nothing of it is left */
    bool lost;             /* its place in the timeline cannot be told */
    bool unknown;          /* something above it has a speed that cannot be read */
    bool still;            /* something above it stands still: record_in and record_out are its */
    double speed;          /* the product of those above */
    double record, factor; /* its time t is shown at record + factor * t, in seconds */
    double record_in, record_out;
    struct rational_rate rate; /* of the timeline; num 0: it states none */
    bool premiere;             /* it is Premiere's */
};

/* As otio_read() sees them. */
static enum kind kind_of(const json_t *o)
{
    static const struct {
        const char *name;
        enum kind kind;
    } kinds[] = {{"Clip", KIND_CLIP},         {"Gap", KIND_SILENT},       {"Filler", KIND_SILENT},
                 {"Transition", KIND_SILENT}, {"Track", KIND_TRACK},      {"Sequence", KIND_TRACK},
                 {"Stack", KIND_STACK},       {"Timeline", KIND_TIMELINE}};
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (otio_schema_is(o, kinds[i].name))
            return kinds[i].kind;
    return KIND_OTHER;
}

static bool is_off(const json_t *o)
{
    return json_is_false(json_object_get(o, "enabled"));
}

static size_t children_of(const json_t *o, enum kind kind)
{
    return kind == KIND_CLIP || kind == KIND_SILENT ? 0
           : kind == KIND_TIMELINE                  ? 1
                                   : json_array_size(json_object_get(o, "children"));
}

/* NULL for what is no object. */
static const json_t *child(const json_t *o, enum kind kind, size_t i)
{
    const json_t *c = kind == KIND_TIMELINE ? json_object_get(o, "tracks")
                                            : json_array_get(json_object_get(o, "children"), i);
    return json_is_object(c) ? c : NULL;
}

static const json_t *active_reference(const json_t *clip)
{
    const json_t *ref = json_object_get(clip, "media_reference");
    const char *key = otio_string(clip, "active_media_reference_key");
    if (json_is_object(ref))
        return ref;
    return json_object_get(json_object_get(clip, "media_references"), key ? key : "DEFAULT_MEDIA");
}

static int refuse(struct walk *w, const char *key, struct err *e)
{
    return err_set(e, -EBADMSG, "at '%.200s/%s': %s", buf_str(&w->pointer), key, e->text);
}

/* An offset of a transition in ticks, 0 where it is none. */
static int64_t offset_ticks(const json_t *transition, const char *key)
{
    struct rational_time t;
    struct err ignored;
    const json_t *v = json_object_get(transition, key);
    if (!otio_schema_is(transition, "Transition") || is_off(transition) ||
        rational_parse_time(v, &t, &ignored) < 0)
        return 0;
    int64_t ticks = rational_ticks(t);
    return ticks > 0 ? ticks : 0;
}

/* Refuses what stands for a time and is none, but for ranges. */
static int check_times(struct walk *w, const json_t *o, struct err *e)
{
    static const char *const keys[] = {"global_start_time", "in_offset", "out_offset"};
    bool is_transition = otio_schema_is(o, "Transition");
    struct rational_time t;
    for (size_t i = 0; i < COUNT(keys); i++) {
        const json_t *v = json_object_get(o, keys[i]);
        if (is_transition ? i == 0 : i > 0 || !otio_schema_is(o, "Timeline"))
            continue;
        if (v && !json_is_null(v) && rational_parse_time(v, &t, e) < 0)
            return refuse(w, keys[i], e);
    }
    return 0;
}

static int64_t media_duration(const json_t *clip)
{
    struct envelope_media m;
    envelope_read_media(active_reference(clip), &m);
    struct rational_time t = {.whole = m.length, .rate = m.rate};
    return m.known ? rational_ticks(t) : DURATION_UNKNOWN;
}

static int measure(struct walk *w, const json_t *o, struct err *e);

/* The duration of what is inside: of a track the sum, else the longest. */
static int measure_children(struct walk *w, const json_t *o, enum kind kind, int64_t *ret,
                            struct err *e)
{
    size_t len = w->pointer.len;
    bool known = kind != KIND_OTHER;
    int64_t total = 0;
    for (size_t i = 0; i < children_of(o, kind); i++) {
        const json_t *c = child(o, kind, i);
        if (!c)
            continue;
        if (kind == KIND_TIMELINE)
            buf_adds(&w->pointer, "/tracks");
        else
            buf_addf(&w->pointer, "/children/%zu", i);
        size_t at = w->n;
        int r = measure(w, c, e);
        if (r < 0)
            return r;
        w->pointer.p[w->pointer.len = len] = '\0';
        int64_t d = w->spans[at].duration;
        known = known && d != DURATION_UNKNOWN;
        total = kind == KIND_TRACK ? rational_add_ticks(total, d) : d > total ? d : total;
    }
    *ret = known ? total : DURATION_UNKNOWN;
    return 0;
}

/* The first walk: how long everything is, and whether all times are times. */
static int measure(struct walk *w, const json_t *o, struct err *e)
{
    enum kind kind = kind_of(o);
    struct rational_time start, duration;
    size_t at = w->n++;
    if (at == w->cap) {
        w->cap = w->cap ? 2 * w->cap : 256;
        w->spans = xrealloc(w->spans, w->cap, sizeof *w->spans);
    }
    bool is_transition = otio_schema_is(o, "Transition");
    int64_t inside = is_transition ? 0 : DURATION_UNKNOWN;
    int r = check_times(w, o, e);
    if (r == 0 && !is_transition)
        r = measure_children(w, o, kind, &inside, e);
    if (r < 0)
        return r;
    r = rational_parse_range(json_object_get(o, "source_range"), &start, &duration, e);
    if (r < 0)
        return refuse(w, "source_range", e);
    if (r == 0 && kind == KIND_CLIP)
        inside = media_duration(o);
    struct span *s = &w->spans[at];
    *s = (struct span){.duration = inside, .ranged = r > 0 && !is_transition};
    if (s->ranged) {
        s->start = rational_ticks(start);
        s->duration = rational_ticks(duration);
        s->duration = s->duration < 0 ? 0 : s->duration;
    }
    return 0;
}

/* ---- retimes ------------------------------------------------------------------------------ */

struct warp {
    double speed;
    bool any, unknown;
    const json_t *lookup;
    bool premiere;
};

static bool is_premiere(const json_t *o)
{
    return json_object_get(json_object_get(o, "metadata"), "PremierePro_OTIO") != NULL;
}

static void add_effect(struct warp *warp, const json_t *effect)
{
    const json_t *scalar = json_object_get(effect, "time_scalar");
    const json_t *lookup = json_object_get(json_object_get(effect, "metadata"), "lookup");
    double s = json_number_value(scalar);
    size_t ignored;
    if (!otio_schema(effect, &ignored) || otio_schema_is(effect, "Effect") || is_off(effect))
        return;
    warp->premiere = warp->premiere || is_premiere(effect);
    if (otio_schema_is(effect, "FreezeFrame"))
        warp->speed = 0;
    else if (otio_schema_is(effect, "LinearTimeWarp") && json_is_number(scalar) && s <= SPEED_MAX &&
             s >= -SPEED_MAX)
        warp->speed *= s;
    else if (otio_schema_is(effect, "TimeEffect") && json_array_size(lookup) > 0 && !warp->any)
        warp->lookup = lookup;
    else
        warp->unknown = true;      /* also a schema of some studio: it may be one of time */
    if (warp->any && warp->lookup) /* a table on top of another speed */
        warp->unknown = true;
    warp->any = true;
}

static struct warp warp_of(const json_t *o)
{
    struct warp warp = {.speed = 1};
    size_t i;
    const json_t *effect, *effects = json_object_get(o, "effects");
    json_array_foreach(effects, i, effect) add_effect(&warp, effect);
    warp.unknown = warp.unknown || !(warp.speed <= SPEED_MAX && warp.speed >= -SPEED_MAX);
    return warp;
}

/* ---- the second walk ---------------------------------------------------------------------- */

static double seconds(int64_t ticks)
{
    return (double)ticks / RATIONAL_TICKS;
}

/* When a place is shown, without its transitions. */
static void record_of(const struct place *at, int64_t duration, double *ret_in, double *ret_out)
{
    int64_t from = at->from < 0 ? 0 : at->from;
    int64_t to = duration != DURATION_UNKNOWN && at->to > duration ? duration : at->to;
    double a = at->record + at->factor * seconds(from), b = at->record + at->factor * seconds(to);
    *ret_in = at->still ? at->record_in : a < b ? a : b;
    *ret_out = at->still ? at->record_out : a < b ? b : a;
}

/* From the time of a stack or track to the time of its content. */
static struct place enter(const struct place *at, const struct span *s, const struct warp *warp)
{
    struct place in = *at;
    int sign = rational_sign(warp->speed);
    bool no_end = sign < 0 && s->duration == DURATION_UNKNOWN;
    in.speed = at->speed * warp->speed;
    in.unknown = at->unknown || warp->unknown || warp->lookup;
    if (warp->unknown || warp->lookup || no_end || sign == 0) {
        record_of(at, s->duration, &in.record_in, &in.record_out);
        in.still = true;
        in.lost = at->lost || s->duration == DURATION_UNKNOWN;
        in.whole = sign != 0 || warp->unknown || warp->lookup;
        in.from = in.whole ? -ENDLESS : s->start;
        in.to = in.whole ? ENDLESS : s->start + INSTANT;
        return in;
    }
    in.factor = at->factor / warp->speed;
    in.record = at->record - in.factor * seconds(s->start);
    in.whole = at->whole && !s->ranged && !warp->any;
    if (sign > 0) {
        in.from = rational_scale_ticks(at->from, warp->speed);
        in.to = rational_scale_ticks(at->to, warp->speed);
    } else {
        in.record += at->factor * seconds(s->duration);
        in.from = rational_scale_ticks(s->duration - at->to, -warp->speed);
        in.to = rational_scale_ticks(s->duration - at->from, -warp->speed);
    }
    in.from = in.whole ? -ENDLESS : rational_add_ticks(in.from, s->start);
    in.to = in.whole ? ENDLESS : rational_add_ticks(in.to, s->start);
    return in;
}

/* The place of a child that begins at `begin` and shows `head` and `tail` more in transitions. */
static struct place child_place(const struct place *in, int64_t begin, bool lost, int64_t duration,
                                int64_t head, int64_t tail)
{
    struct place c = *in;
    int64_t end = duration == DURATION_UNKNOWN ? ENDLESS : rational_add_ticks(duration, tail);
    c.lost = in->lost || lost;
    c.from = -head;
    c.to = end;
    if (!lost) {
        int64_t from = rational_add_ticks(in->from, -begin);
        int64_t to = rational_add_ticks(in->to, -begin);
        c.from = from > c.from ? from : c.from;
        c.to = to < c.to ? to : c.to;
        c.record = in->record + in->factor * seconds(begin);
    }
    c.hidden = in->hidden || c.to - c.from <= RATIONAL_TICKS_EPSILON;
    return c;
}

static int visit(struct walk *w, const json_t *o, const struct place *at, struct err *e);

static int visit_children(struct walk *w, const json_t *o, enum kind kind, const struct place *in,
                          struct err *e)
{
    int64_t begin = 0;
    bool lost = kind == KIND_OTHER; /* who knows how an unknown schema arranges its children? */
    for (size_t i = 0; i < children_of(o, kind); i++) {
        const json_t *c = child(o, kind, i);
        if (!c)
            continue;
        int64_t d = w->spans[w->next].duration, head = 0, tail = 0;
        if (kind == KIND_TRACK) {
            head = i > 0 ? offset_ticks(child(o, kind, i - 1), "in_offset") : 0;
            tail = offset_ticks(child(o, kind, i + 1), "out_offset");
        }
        struct place at = child_place(in, begin, lost, d, head, tail);
        int r = visit(w, c, &at, e);
        if (r < 0)
            return r;
        if (kind == KIND_TRACK) {
            lost = lost || d == DURATION_UNKNOWN;
            begin = lost ? begin : rational_add_ticks(begin, d);
        }
    }
    return 0;
}

static void set_record(const struct place *at, const struct span *s, struct rational_rate rate,
                       struct envelope *ret)
{
    double in, out, frames = rational_rate_ratio(rate, (struct rational_rate){.num = 1, .den = 1});
    ret->record_rate = rate;
    ret->record_known = !at->lost && s->duration != DURATION_UNKNOWN && rate.num > 0;
    if (!ret->record_known)
        return;
    record_of(at, s->duration, &in, &out);
    ret->record_in = rational_round(in * frames);
    ret->record_out = rational_round(out * frames);
}

static int tell(struct walk *w, const json_t *clip, const json_t *ref, const struct place *at,
                const struct span *s, struct err *e)
{
    struct envelope env = {.clip = clip, .ref = ref, .used = !at->hidden, .speed = 1};
    struct warp warp = warp_of(clip);
    struct envelope_media m;
    struct envelope_use use = {.whole = at->from == 0 && at->to == s->duration,
                               .from = at->from,
                               .to = at->to,
                               .speed = warp.speed,
                               .outer_speed = at->speed,
                               .unknown_retime = warp.unknown || at->unknown,
                               .lookup = warp.lookup,
                               .handles = w->handles};
    if (at->hidden)
        return w->fn(w->arg, &env, e);
    envelope_read_media(ref, &m);
    use.ranged = rational_parse_range(json_object_get(clip, "source_range"), &use.start,
                                      &use.duration, NULL) > 0;
    use.either_end = at->premiere || warp.premiere || is_premiere(clip) || is_premiere(ref);
    use.record_rate = at->rate.num > 0 ? at->rate : use.ranged ? use.duration.rate : m.rate;
    if (s->duration == DURATION_UNKNOWN) /* no range at all */
        m.known = false;
    envelope_frames(&m, &use, &env);
    set_record(at, s, use.record_rate, &env);
    env.use = &use;
    return w->fn(w->arg, &env, e);
}

/* Every reference, in the order of otio_doc.refs. */
static int visit_clip(struct walk *w, const json_t *clip, const struct place *at,
                      const struct span *s, struct err *e)
{
    json_t *dict = json_object_get(clip, "media_references"), *value;
    const json_t *one = json_object_get(clip, "media_reference");
    const char *active = otio_string(clip, "active_media_reference_key"), *key;
    active = active ? active : "DEFAULT_MEDIA";
    const json_t *first = json_object_get(dict, active);
    size_t told = 0;
    int r = 0;
    if (json_is_object(one) && ++told)
        r = tell(w, clip, one, at, s, e);
    if (r >= 0 && json_is_object(first) && ++told)
        r = tell(w, clip, first, at, s, e);
    json_object_foreach(dict, key, value)
    {
        if (r >= 0 && json_is_object(value) && strcmp(key, active) != 0 && ++told)
            r = tell(w, clip, value, at, s, e);
    }
    return r < 0 || told > 0 ? r : tell(w, clip, NULL, at, s, e);
}

/* A timeline begins a time of its own; what it says holds for all in it. */
static void begin_timeline(const json_t *o, struct place *in)
{
    struct rational_time start;
    struct err ignored;
    in->premiere = is_premiere(o);
    in->rate = (struct rational_rate){.num = 0, .den = 1};
    in->lost = in->still = false;
    in->record = 0;
    in->factor = 1;
    if (rational_parse_time(json_object_get(o, "global_start_time"), &start, &ignored) < 0)
        return;
    in->record = seconds(rational_ticks(start));
    if (start.rate.num > start.rate.den) /* 0 at 1 is what an empty RationalTime is */
        in->rate = start.rate;
}

static int visit(struct walk *w, const json_t *o, const struct place *at, struct err *e)
{
    enum kind kind = kind_of(o);
    const struct span s = w->spans[w->next++];
    if (kind == KIND_CLIP)
        return visit_clip(w, o, at, &s, e);
    if (kind == KIND_SILENT)
        return 0;
    struct warp warp = warp_of(o);
    struct place in = enter(at, &s, &warp);
    if (kind == KIND_TIMELINE)
        begin_timeline(o, &in);
    return visit_children(w, o, kind, &in, e);
}

int envelope_of_timeline(const json_t *timeline, int handles, envelope_fn *fn, void *arg,
                         struct err *e)
{
    struct walk w = {.fn = fn, .arg = arg, .handles = handles};
    struct err mine;
    e = e ? e : &mine;
    int r = measure(&w, timeline, e);
    if (r == 0) {
        int64_t d = w.spans[0].duration;
        struct place at = {.to = d == DURATION_UNKNOWN ? ENDLESS : d,
                           .whole = true,
                           .hidden = d != DURATION_UNKNOWN && d <= RATIONAL_TICKS_EPSILON,
                           .speed = 1,
                           .factor = 1,
                           .rate = {.num = 0, .den = 1}};
        r = visit(&w, timeline, &at, e);
    }
    free(w.spans);
    buf_done(&w.pointer);
    return r < 0 ? r : 0;
}
