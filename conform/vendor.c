/* conform/vendor.c - the manifest for those who hold an edit: what they may see of it, no more. */
/* SPDX-License-Identifier: MIT */
#include "conform/vendor.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/conform.h"
#include "conform/envelope.h"
#include "conform/json_text.h"
#include "conform/otio_read.h"
#include "conform/sequence.h"
#include "policy/index.h"

#define EXACT_MAX (1LL << 53) /* integers up to here are exact as a double */

struct build {
    const struct conform_plan *p;
    struct index_read *rd;
    const char *edit, *name;
    size_t clip, ref; /* the next ones of the plan's document: the walk is its reader's */
    size_t kept;      /* clips so far that stay clips */
    struct err *e;
    int r;
};

/* ---- values that are read, not copied -------------------------------------------------------- */

/* A member that is text; NULL where it is none, or a token that JSON has not. */
static const char *text_of(const struct build *b, const json_t *o, const char *key)
{
    const char *s = otio_string(o, key), *mark = b->p->doc->mark;
    return s && strncmp(s, mark, strlen(mark)) != 0 ? s : NULL;
}

static json_t *number(double v)
{
    bool is_long = v > (double)EXACT_MAX || v < -(double)EXACT_MAX;
    return is_long && v < 9e18 && v > -9e18 ? json_integer((json_int_t)v) : json_real(v);
}

static json_t *new_time(json_t *value, double rate)
{
    return json_pack("{ss sf so}", "OTIO_SCHEMA", "RationalTime.1", "rate", rate, "value", value);
}

/* A RationalTime; NULL: none that can be read. An unusable one of a medium is passed over by the
 * reader, but would be refused where a gap has it for its own. */
static json_t *time_of(const json_t *o)
{
    const json_t *value = json_object_get(o, "value"), *rate = json_object_get(o, "rate");
    struct rational_time time;
    struct err ignored;
    if (!json_is_number(rate) || rational_parse_time(o, &time, &ignored) < 0)
        return NULL;
    return new_time(json_is_integer(value) ? json_integer(json_integer_value(value))
                                           : json_real(json_real_value(value)),
                    json_number_value(rate));
}

static json_t *new_range(json_t *start, json_t *duration)
{
    return json_pack("{ss so so}", "OTIO_SCHEMA", "TimeRange.1", "duration", duration, "start_time",
                     start);
}

/* A TimeRange; NULL: none. */
static json_t *range_of(const json_t *o)
{
    json_t *start = time_of(json_object_get(o, "start_time"));
    json_t *duration = time_of(json_object_get(o, "duration"));
    if (start && duration)
        return new_range(start, duration);
    json_decref(start);
    json_decref(duration);
    return NULL;
}

static json_t *or_null(json_t *v)
{
    return v ? v : json_null();
}

static double rate_number(struct rational_rate rate)
{
    return rate.stated > 0 ? rate.stated : rate.den > 0 ? (double)rate.num / (double)rate.den : 0;
}

static json_t *rational_json(struct rational_time t)
{
    bool exact = t.part == 0 && (t.whole > EXACT_MAX || t.whole < -EXACT_MAX);
    return new_time(exact ? json_integer(t.whole) : number((double)t.whole + t.part),
                    rate_number(t.rate));
}

/* ---- objects --------------------------------------------------------------------------------- */

static json_t *effect_of(const struct build *b, const json_t *o, bool named)
{
    static const char *const known[] = {"Effect", "TimeEffect", "LinearTimeWarp", "FreezeFrame"};
    const char *schema = NULL;
    size_t n;
    for (size_t i = 0; i < COUNT(known); i++)
        if (otio_schema_is(o, known[i]))
            schema = known[i];
    if (!otio_schema(o, &n))
        return NULL;
    const json_t *scalar = json_object_get(o, "time_scalar");
    bool has_scalar = schema && (schema[0] == 'L' || schema[0] == 'F');
    if (!schema || (has_scalar && schema[0] == 'L' && !json_is_number(scalar))) {
        schema = "TimeEffect"; /* who knows what it does to time: its speed is not known here */
        has_scalar = named = false;
    }
    AUTO(free) char *version = xasprintf("%s.1", schema);
    const char *name = named ? text_of(b, o, "effect_name") : NULL;
    json_t *effect =
        json_pack("{ss s{} ss ss sb}", "OTIO_SCHEMA", version, "metadata", "name", "",
                  "effect_name", name ? name : "", "enabled",
                  !json_is_false(json_object_get(o, "enabled")));
    if (has_scalar)
        json_object_set_new(effect, "time_scalar",
                            json_real(schema[0] == 'F' ? 0 : json_number_value(scalar)));
    return effect;
}

/* The members that every item has. Takes `range`. */
static json_t *new_item(const struct build *b, const char *schema, const char *name, json_t *range,
                        const json_t *effects_of, bool named)
{
    json_t *effects = json_array();
    size_t i;
    const json_t *o;
    json_array_foreach(json_object_get(effects_of, "effects"), i, o)
    {
        json_t *effect = effect_of(b, o, named);
        if (effect)
            json_array_append_new(effects, effect);
    }
    return json_pack("{ss s{} ss so so s[] sb}", "OTIO_SCHEMA", schema, "metadata", "name", name,
                     "source_range", or_null(range), "effects", effects, "markers", "enabled",
                     !json_is_false(json_object_get(effects_of, "enabled")));
}

/* As long as `o` is: its source_range, or else (a clip) its media's. */
static json_t *new_gap(const struct build *b, const json_t *o, const json_t *ref)
{
    json_t *duration = time_of(json_object_get(json_object_get(o, "source_range"), "duration"));
    if (!duration)
        duration = time_of(json_object_get(json_object_get(ref, "available_range"), "duration"));
    if (!duration)
        duration = new_time(json_real(0), 24);
    double rate = json_number_value(json_object_get(duration, "rate"));
    json_t *range = new_range(new_time(json_real(0), rate), duration);
    return new_item(b, "Gap.1", "", range, NULL, false);
}

/* ---- references ------------------------------------------------------------------------------ */

/* The frames of a runs text: "-0003-0002,0005". */
static void runs_hull(const char *runs, int64_t *ret_first, int64_t *ret_last)
{
    const char *comma = strrchr(runs, ',');
    char *end;
    *ret_first = strtoll(runs, NULL, 10);
    *ret_last = strtoll(comma ? comma + 1 : runs, &end, 10);
    if (*end == '-')
        *ret_last = strtoll(end + 1, NULL, 10);
}

bool vendor_frames(const struct conform_item *it, int64_t *ret_first, int64_t *ret_last)
{
    if (it->has_use) {
        *ret_first = it->use_first;
        *ret_last = it->use_last;
    } else if (it->frames) {
        runs_hull(it->frames, ret_first, ret_last);
    } else {
        return false;
    }
    return true;
}

/* A sequence's range cut to the frames that are granted, and the number that it then starts at. */
static json_t *cut_range(const struct conform_item *it, const struct envelope_media *m,
                         int64_t *ret_start)
{
    int64_t step = llabs(m->step), skip = (it->use_first - m->first) / step;
    int64_t n = (it->use_last - it->use_first) / step + 1;
    *ret_start = it->use_first;
    if (m->step < 0) { /* counts down: the highest number comes first */
        skip = (m->first - it->use_last) / step;
        *ret_start = it->use_last;
    }
    struct rational_time start = m->start;
    start.whole += skip * step;
    struct rational_time duration = {.whole = n * step, .rate = m->rate};
    return new_range(rational_json(start), rational_json(duration));
}

static void copy_integer(json_t *to, const json_t *from, const char *key, json_int_t otherwise)
{
    const json_t *v = json_object_get(from, key);
    json_object_set_new(to, key, json_integer(json_is_integer(v) ? json_integer_value(v)
                                                                 : otherwise));
}

static void copy_text(const struct build *b, json_t *to, const json_t *from, const char *key)
{
    const char *s = text_of(b, from, key);
    json_object_set_new(to, key, json_string(s ? s : ""));
}

static const char *policy_of(const json_t *ref)
{
    static const char *const known[] = {"error", "hold", "black"};
    const char *s = otio_string(ref, "missing_frame_policy");
    for (size_t i = 0; s && i < COUNT(known); i++)
        if (strcmp(s, known[i]) == 0)
            return known[i];
    return "error";
}

/* True where the range of a sequence is known and only a part of it is granted. */
static bool is_cut(const struct conform_item *it, const struct envelope_media *m)
{
    return it->sequence && it->part && m->known && m->numbered && m->step != 0;
}

static void set_sequence(const struct build *b, json_t *to, const json_t *ref,
                         const struct conform_item *it)
{
    struct envelope_media m;
    int64_t start = it->sequence->start;
    envelope_read_media(ref, &m);
    json_t *range = is_cut(it, &m) ? cut_range(it, &m, &start)
                                   : range_of(json_object_get(ref, "available_range"));
    double rate = json_number_value(json_object_get(ref, "rate"));
    json_object_set_new(to, "OTIO_SCHEMA", json_string("ImageSequenceReference.1"));
    json_object_set_new(to, "available_range", or_null(range));
    copy_text(b, to, ref, "target_url_base");
    copy_text(b, to, ref, "name_prefix");
    copy_text(b, to, ref, "name_suffix");
    if (is_cut(it, &m))
        json_object_set_new(to, "start_frame", json_integer(start));
    else
        copy_integer(to, ref, "start_frame", start);
    copy_integer(to, ref, "frame_step", 1);
    json_object_set_new(to, "rate", json_real(rate > 0 ? rate : 24));
    copy_integer(to, ref, "frame_zero_padding", it->sequence->pad);
    json_object_set_new(to, "missing_frame_policy", json_string(policy_of(ref)));
    if (!is_cut(it, &m)) /* nobody can say which frame is when: then the list of them counts */
        json_object_set_new(location_metadata(to), "frames", json_string(it->frames));
}

/* A found reference: where its media is, and how much of it. */
static json_t *new_reference(struct build *b, const json_t *ref, const struct conform_item *it)
{
    struct buf key __attribute__((cleanup(auto_buf))) = {0};
    struct buf place __attribute__((cleanup(auto_buf))) = {0};
    int r = index_key(b->rd, it->first, &key, b->e);
    if (r < 0)
        b->r = r;
    if (it->sequence)
        location_pattern(buf_str(&key), it->sequence, &place);
    else
        buf_add(&place, key.p, key.len);
    json_t *to = json_pack("{ss s{s{ss}} ss}", "OTIO_SCHEMA", "ExternalReference.1", "metadata",
                           "shotlake", "key", buf_str(&place), "name", "");
    const char *root = location_root(ref);
    if (it->sequence) {
        set_sequence(b, to, ref, it);
    } else {
        json_object_set_new(to, "available_range",
                            or_null(range_of(json_object_get(ref, "available_range"))));
        copy_text(b, to, ref, "target_url");
    }
    if (root)
        json_object_set_new(location_metadata(to), "root", json_string(root));
    return to;
}

/* ---- clips ----------------------------------------------------------------------------------- */

/* The found references of a clip, in the plan's order: the one that plays first. */
struct found {
    const struct conform_item *first;
    const json_t *first_ref;
    json_t *list; /* new references */
};

/* What the clip shows. Where source_range counts from the first frame of the media it is made to
 * count as available_range does, and where there is none it is spelled out: both depend on the
 * media's first frame, which a cut range has not any more. */
static json_t *clip_range(const json_t *clip, const struct found *f)
{
    struct envelope_media m;
    struct rational_time start, duration;
    struct err ignored;
    const json_t *stated = json_object_get(clip, "source_range");
    envelope_read_media(f->first_ref, &m);
    if (!is_cut(f->first, &m))
        return range_of(stated);
    int r = rational_parse_range(stated, &start, &duration, &ignored);
    if (r == 0) {
        struct rational_time all = {.whole = m.length, .rate = m.rate};
        return new_range(rational_json(m.start), rational_json(all));
    }
    if (r < 0 || !(f->first->warnings & ENVELOPE_RELATIVE_RANGE))
        return range_of(stated);
    double at = rational_frames(rational_rescale(m.start, start.rate));
    return new_range(new_time(json_real(rational_frames(start) + at), rate_number(start.rate)),
                     rational_json(duration));
}

static void set_references(json_t *clip, const struct found *f, bool several)
{
    if (!several) {
        json_object_set(clip, "media_reference", json_array_get(f->list, 0));
        return;
    }
    /* the editor's names of the references are the studio's own words */
    json_t *dict = json_object(), *ref;
    size_t i;
    json_array_foreach(f->list, i, ref)
    {
        AUTO(free) char *key = i > 0 ? xasprintf("MEDIA_%zu", i + 1) : xstrdup("DEFAULT_MEDIA");
        json_object_set(dict, key, ref);
    }
    json_object_set_new(clip, "media_references", dict);
    json_object_set_new(clip, "active_media_reference_key", json_string("DEFAULT_MEDIA"));
}

static json_t *new_clip(struct build *b, const json_t *o, const struct found *f)
{
    bool several = json_is_object(json_object_get(o, "media_references"));
    const char *name = text_of(b, o, "name");
    json_t *clip = new_item(b, several ? "Clip.2" : "Clip.1", name ? name : "", clip_range(o, f), o,
                            /* named= */ true);
    json_t *ours = location_metadata(clip);
    int64_t first, last;
    json_object_set_new(ours, "shot", json_string(f->first->shot));
    if (vendor_frames(f->first, &first, &last)) {
        json_object_set_new(ours, "frames",
                            json_pack("[II]", (json_int_t)first, (json_int_t)last));
        json_object_set_new(ours, "handles", json_integer(b->p->handles));
    }
    set_references(clip, f, several);
    b->kept++;
    return clip;
}

static json_t *build_clip(struct build *b, const json_t *o)
{
    const struct otio_doc *doc = b->p->doc;
    struct found f = {.list = json_array()};
    size_t clip = b->clip++;
    if (clip >= doc->n_clips || doc->clips[clip].object != o) {
        b->r = err_set(b->e, -EIO, "the timeline changed while its manifest was made");
        return f.list;
    }
    const json_t *playing = b->ref < doc->n_refs ? doc->refs[b->ref].object : NULL;
    for (; b->ref < doc->n_refs && doc->refs[b->ref].clip == clip; b->ref++) {
        const struct conform_item *it = &b->p->items[b->ref];
        if (!conform_is_found(it))
            continue;
        if (!f.first) {
            f.first = it;
            f.first_ref = doc->refs[b->ref].object;
        }
        json_array_append_new(f.list, new_reference(b, doc->refs[b->ref].object, it));
    }
    json_t *item = f.first ? new_clip(b, o, &f) : new_gap(b, o, playing);
    json_decref(f.list);
    return item;
}

/* ---- compositions ---------------------------------------------------------------------------- */

static json_t *build_item(struct build *b, const json_t *o);

static json_t *new_transition(const json_t *o)
{
    const char *type = otio_string(o, "transition_type");
    bool dissolve = type && strcmp(type, "SMPTE_Dissolve") == 0;
    json_t *in = time_of(json_object_get(o, "in_offset"));
    json_t *out = time_of(json_object_get(o, "out_offset"));
    json_t *t = json_pack("{ss s{} ss ss so so}", "OTIO_SCHEMA", "Transition.1", "metadata", "name",
                          "", "transition_type",
                          dissolve ? "SMPTE_Dissolve" : "Custom_Transition", "in_offset",
                          in ? in : new_time(json_real(0), 24), "out_offset",
                          out ? out : new_time(json_real(0), 24));
    if (json_is_false(json_object_get(o, "enabled")))
        json_object_set_new(t, "enabled", json_false());
    return t;
}

/* Transitions wait for their neighbours: they stay beside what has media. */
static json_t *build_children(struct build *b, const json_t *o, bool in_track)
{
    json_t *children = json_array();
    const json_t *child, *waiting = NULL;
    bool before = false;
    size_t i;
    json_array_foreach(json_object_get(o, "children"), i, child)
    {
        if (!json_is_object(child))
            continue;
        if (otio_schema_is(child, "Transition")) {
            if (waiting && before)
                json_array_append_new(children, new_transition(waiting));
            waiting = in_track ? child : NULL;
            continue;
        }
        size_t kept = b->kept;
        json_t *item = build_item(b, child);
        bool has_media = b->kept > kept;
        if (waiting && (before || has_media))
            json_array_append_new(children, new_transition(waiting));
        json_array_append_new(children, item);
        waiting = NULL;
        before = has_media;
    }
    if (waiting && before)
        json_array_append_new(children, new_transition(waiting));
    return children;
}

static const char *kind_of(const json_t *track)
{
    static const char *const known[] = {"Video", "Audio", "Subtitle"};
    const char *kind = otio_string(track, "kind");
    for (size_t i = 0; kind && i < COUNT(known); i++)
        if (strcmp(kind, known[i]) == 0)
            return known[i];
    return kind ? "Other" : "Video";
}

/* A track, or what shows its children at once. */
static json_t *build_composition(struct build *b, const json_t *o)
{
    bool is_track = otio_schema_is(o, "Track") || otio_schema_is(o, "Sequence");
    json_t *range = range_of(json_object_get(o, "source_range"));
    json_t *item = new_item(b, is_track ? "Track.1" : "Stack.1", "", range, o, /* named= */ false);
    json_object_set_new(item, "children", build_children(b, o, is_track));
    if (is_track)
        json_object_set_new(item, "kind", json_string(kind_of(o)));
    return item;
}

/* Something inside a composition. Recursion is bounded by OTIO_DEPTH_MAX. */
static json_t *build_item(struct build *b, const json_t *o)
{
    if (otio_schema_is(o, "Clip"))
        return build_clip(b, o);
    if (otio_schema_is(o, "Timeline")) {
        const json_t *tracks = json_object_get(o, "tracks");
        return json_is_object(tracks) ? build_item(b, tracks) : new_gap(b, o, NULL);
    }
    bool silent = otio_schema_is(o, "Gap") || otio_schema_is(o, "Filler") ||
                  otio_schema_is(o, "Transition");
    if (silent || !json_is_array(json_object_get(o, "children")))
        return new_gap(b, o, NULL);
    return build_composition(b, o);
}

static json_t *wrapped(struct build *b, const char *schema, json_t *child)
{
    json_t *item = new_item(b, schema, "", NULL, NULL, false);
    json_object_set_new(item, "children", json_pack("[o]", child));
    if (strcmp(schema, "Track.1") == 0)
        json_object_set_new(item, "kind", json_string("Video"));
    return item;
}

/* Top level: a timeline, whatever of it the file has. */
static json_t *build_timeline(struct build *b, const json_t *o)
{
    bool is_timeline = otio_schema_is(o, "Timeline");
    const json_t *tracks = is_timeline ? json_object_get(o, "tracks") : o;
    json_t *stack = NULL;
    if (json_is_object(tracks)) {
        bool is_clip = otio_schema_is(tracks, "Clip");
        json_t *item = build_item(b, tracks);
        const char *schema = otio_string(item, "OTIO_SCHEMA");
        if (is_clip || !schema || strcmp(schema, "Gap.1") == 0)
            item = wrapped(b, "Track.1", item);
        schema = otio_string(item, "OTIO_SCHEMA");
        stack = strcmp(schema, "Stack.1") == 0 ? item : wrapped(b, "Stack.1", item);
    } else {
        stack = new_item(b, "Stack.1", "", NULL, NULL, false);
        json_object_set_new(stack, "children", json_array());
    }
    json_t *start = time_of(json_object_get(o, "global_start_time"));
    return json_pack("{ss s{s{ss}} ss so so}", "OTIO_SCHEMA", "Timeline.1", "metadata", "shotlake",
                     "edit", b->edit, "name", b->name, "global_start_time",
                     or_null(start), "tracks", stack);
}

static json_t *build_root(struct build *b, const json_t *o)
{
    bool is_collection = otio_schema_is(o, "SerializableCollection") ||
                         otio_schema_is(o, "SerializeableCollection");
    if (!is_collection)
        return build_timeline(b, o);
    json_t *children = json_array();
    const json_t *child;
    size_t i;
    json_array_foreach(json_object_get(o, "children"), i, child) if (json_is_object(child))
        json_array_append_new(children, build_root(b, child));
    return json_pack("{ss s{s{ss}} ss so}", "OTIO_SCHEMA", "SerializableCollection.1", "metadata",
                     "shotlake", "edit", b->edit, "name", b->name, "children", children);
}

int vendor_manifest(const struct conform_plan *p, struct index_read *rd, const char *edit,
                    const char *name, struct buf *ret, struct err *e)
{
    static const struct json_text_style style = JSON_TEXT_STYLE;
    struct build b = {.p = p, .rd = rd, .edit = edit, .name = name, .e = e};
    json_auto_t *root = build_root(&b, p->doc->root);
    if (b.r < 0)
        return err_wrap(e, "make the vendors' manifest");
    if (!root)
        return err_set(e, -EIO, "make the vendors' manifest: it cannot be written as JSON");
    json_text_write(root, &style, "\n", ret);
    buf_addc(ret, '\n');
    return 0;
}
