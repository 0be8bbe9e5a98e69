/* conform/edit_format.c - which format an edit file has, and what its reader makes of it:
 * OpenTimelineIO. */
/* SPDX-License-Identifier: MIT */
#include "conform/edit_format.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/codec.h"
#include "base/err.h"
#include "conform/aaf_edit.h"
#include "conform/edl.h"
#include "conform/fcp_xml.h"
#include "conform/fcpx_xml.h"

#define HEAD_BYTES 65536 /* looked at to tell the format */
#define RATIO_MAX INT64_C(0x3fffffffffffffff)
#define RATE_DIGITS 1000000000
#define LANE_TRACKS_MAX 100 /* what still overlaps goes to the last one, right behind its last */

/* The format */

/* The start of the file as ASCII: no byte order mark, no NULs (UTF-16 has one in each letter). */
static void read_head(const unsigned char *p, size_t n, struct buf *ret)
{
    size_t limit = n < HEAD_BYTES ? n : HEAD_BYTES;
    for (size_t i = 0; i < limit; i++)
        if (p[i] != 0 && !(ret->len == 0 && (p[i] >= 0xef || p[i] == 0xbb || p[i] == 0xbf)))
            buf_addc(ret, (char)p[i]);
}

static enum edit_format by_content(const void *data, size_t n)
{
    static const unsigned char cfb[] = {0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1};
    if (n >= sizeof cfb && memcmp(data, cfb, sizeof cfb) == 0)
        return EDIT_FORMAT_AAF;
    if (n >= 4 && memcmp(data, "PK\3\4", 4) == 0)
        return EDIT_FORMAT_ZIP;
    struct buf head __attribute__((cleanup(auto_buf))) = {0};
    read_head(data, n, &head);
    const char *s = buf_str(&head);
    s += strspn(s, " \t\r\n");
    if (*s == '{' || *s == '[')
        return EDIT_FORMAT_OTIO;
    if (*s == '<' && strstr(s, "<xmeml"))
        return EDIT_FORMAT_FCP_XML;
    if (*s == '<')
        return strstr(s, "<fcpxml") ? EDIT_FORMAT_FCPX_XML : EDIT_FORMAT_UNKNOWN;
    return edl_is(s) ? EDIT_FORMAT_EDL : EDIT_FORMAT_UNKNOWN;
}

enum edit_format edit_format_of(const void *data, size_t n, const char *file_name)
{
    static const struct {
        const char *suffix;
        enum edit_format format;
    } names[] = {
        {".otio", EDIT_FORMAT_OTIO},       {".json", EDIT_FORMAT_OTIO},
        {".otioz", EDIT_FORMAT_ZIP},       {".aaf", EDIT_FORMAT_AAF},
        {".edl", EDIT_FORMAT_EDL},         {".xml", EDIT_FORMAT_FCP_XML},
        {".fcpxml", EDIT_FORMAT_FCPX_XML}, {".fcpxmld", EDIT_FORMAT_FCPX_XML},
    };
    enum edit_format format = n > 0 ? by_content(data, n) : EDIT_FORMAT_UNKNOWN;
    const char *dot = file_name ? strrchr(file_name, '.') : NULL;
    for (size_t i = 0; format == EDIT_FORMAT_UNKNOWN && dot && i < COUNT(names); i++)
        if (strcasecmp(dot, names[i].suffix) == 0)
            format = names[i].format;
    return format;
}

const char *edit_format_name(enum edit_format format)
{
    static const char *const names[] = {"unknown", "OpenTimelineIO",      "a zip bundle", "AAF",
                                        "EDL",     "Final Cut Pro 7 XML", "FCPXML"};
    return names[format];
}

int edit_format_convert(enum edit_format format, const void *data, size_t n,
                        const struct edit_format_options *opt, json_t **ret, struct err *e)
{
    static const struct edit_format_options none;
    opt = opt ? opt : &none;
    switch (format) {
    case EDIT_FORMAT_AAF:
        return aaf_edit_read(data, n, ret, e);
    case EDIT_FORMAT_EDL:
        return edl_read(data, n, opt, ret, e);
    case EDIT_FORMAT_FCP_XML:
        return fcp_xml_read(data, n, ret, e);
    case EDIT_FORMAT_FCPX_XML:
        return fcpx_xml_read(data, n, ret, e);
    default:
        return err_set(e, -ENOTSUP, "not an AAF, EDL, Final Cut Pro XML or FCPXML file: %s",
                       edit_format_name(format));
    }
}

/* Fractions */

static struct edit_ratio reduce(__int128 num, __int128 den)
{
    static const struct edit_ratio unknown;
    if (den == 0)
        return unknown;
    if (den < 0) {
        num = -num;
        den = -den;
    }
    __int128 a = num < 0 ? -num : num, b = den;
    while (b != 0) {
        __int128 rest = a % b;
        a = b;
        b = rest;
    }
    num /= a;
    den /= a;
    if (num > RATIO_MAX || num < -RATIO_MAX || den > RATIO_MAX)
        return unknown;
    return (struct edit_ratio){(int64_t)num, (int64_t)den};
}

struct edit_ratio edit_format_ratio(int64_t num, int64_t den)
{
    return reduce(num, den);
}

struct edit_ratio edit_format_add(struct edit_ratio a, struct edit_ratio b)
{
    return reduce((__int128)a.num * b.den + (__int128)b.num * a.den, (__int128)a.den * b.den);
}

struct edit_ratio edit_format_sub(struct edit_ratio a, struct edit_ratio b)
{
    return reduce((__int128)a.num * b.den - (__int128)b.num * a.den, (__int128)a.den * b.den);
}

struct edit_ratio edit_format_mul(struct edit_ratio a, struct edit_ratio b)
{
    return reduce((__int128)a.num * b.num, (__int128)a.den * b.den);
}

struct edit_ratio edit_format_div(struct edit_ratio a, struct edit_ratio b)
{
    if (b.den == 0)
        return b;
    return reduce((__int128)a.num * b.den, (__int128)a.den * b.num);
}

int edit_format_cmp(struct edit_ratio a, struct edit_ratio b)
{
    __int128 x = (__int128)a.num * b.den, y = (__int128)b.num * a.den;
    return (x > y) - (x < y);
}

/* Digits with at most one point, as many as fit; the end in `*s`. */
static struct edit_ratio read_decimal(const char **s)
{
    int64_t num = 0, den = 1;
    bool point = false, any = false;
    for (; isdigit((unsigned char)**s) || (**s == '.' && !point); (*s)++) {
        if (**s == '.') {
            point = true;
            continue;
        }
        any = true;
        if (num > RATIO_MAX / 20 || den > RATIO_MAX / 20)
            return (struct edit_ratio){0, 0};
        num = num * 10 + (**s - '0');
        den *= point ? 10 : 1;
    }
    return any ? reduce(num, den) : (struct edit_ratio){0, 0};
}

struct edit_ratio edit_format_number(const char *text)
{
    static const struct edit_ratio unknown;
    if (!text)
        return unknown;
    const char *s = text + strspn(text, " \t");
    bool negative = *s == '-';
    s += *s == '-' || *s == '+';
    struct edit_ratio r = read_decimal(&s);
    if (*s == '/') {
        s++;
        r = edit_format_div(r, read_decimal(&s));
    }
    s += *s == 's';
    if (s[strspn(s, " \t")] != '\0')
        return unknown;
    r.num = negative ? -r.num : r.num;
    return r;
}

struct edit_ratio edit_format_rate(const char *text)
{
    static const int64_t ntsc[] = {24000, 30000, 48000, 60000, 120000};
    static const struct edit_ratio unknown;
    struct edit_ratio r = edit_format_number(text);
    if (r.den == 0 || r.num < r.den || r.num / 1000 > r.den)
        return unknown;
    if (r.den > RATE_DIGITS) /* 23.976024627685547: more digits than say anything */
        r = reduce(r.num / (r.den / RATE_DIGITS), RATE_DIGITS);
    for (size_t i = 0; i < COUNT(ntsc); i++) {
        struct edit_ratio off =
            edit_format_sub(edit_format_div(r, reduce(ntsc[i], 1001)), (struct edit_ratio){1, 1});
        off.num = off.num < 0 ? -off.num : off.num;
        if (off.den && edit_format_cmp(off, reduce(2, 10000)) <= 0)
            return reduce(ntsc[i], 1001);
    }
    return r;
}

int64_t edit_format_timebase(struct edit_ratio rate)
{
    return rate.den ? (rate.num + rate.den - 1) / rate.den : 0;
}

bool edit_format_is_sane(struct edit_ratio frames)
{
    const int64_t most = INT64_C(1000000000000);
    return frames.den > 0 && frames.num / frames.den <= most && frames.num / frames.den >= -most;
}

static double to_double(struct edit_ratio r)
{
    return r.den ? (double)r.num / (double)r.den : 0;
}

/* OpenTimelineIO objects */

json_t *edit_format_string(const char *s)
{
    if (utf8_is_valid(s, strlen(s)))
        return json_string(s);
    AUTO(free) char *copy = xstrdup(s);
    for (char *p = copy; *p; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    return json_string(copy);
}

void edit_format_put(json_t *object, const char *key, json_t *value)
{
    /* as everywhere, running out of memory while building ends the process: a tree that lacks
     * something would be taken for the whole edit */
    if (value && json_object_set_new(object, key, value) < 0)
        abort();
}

void edit_format_put_string(json_t *object, const char *key, const char *s)
{
    if (s && *s)
        edit_format_put(object, key, edit_format_string(s));
}

json_t *edit_format_metadata(const char *key, json_t *object)
{
    json_t *metadata = json_object();
    if (json_object_size(object) > 0)
        edit_format_put(metadata, key, object);
    else
        json_decref(object);
    return metadata;
}

static json_t *new_object(const char *schema, const char *name, json_t *metadata)
{
    json_t *o = json_object();
    edit_format_put(o, "OTIO_SCHEMA", json_string(schema));
    edit_format_put(o, "metadata", metadata ? metadata : json_object());
    edit_format_put(o, "name", edit_format_string(name ? name : ""));
    return o;
}

static void put_item(json_t *o, json_t *range, json_t *effects, json_t *markers, bool enabled)
{
    edit_format_put(o, "source_range", range ? range : json_null());
    edit_format_put(o, "effects", effects ? effects : json_array());
    edit_format_put(o, "markers", markers ? markers : json_array());
    edit_format_put(o, "enabled", json_boolean(enabled));
}

json_t *edit_format_time(struct edit_ratio frames, struct edit_ratio rate)
{
    json_t *o = json_object();
    edit_format_put(o, "OTIO_SCHEMA", json_string("RationalTime.1"));
    edit_format_put(o, "rate", json_real(to_double(rate)));
    edit_format_put(o, "value", json_real(to_double(frames)));
    return o;
}

json_t *edit_format_range(struct edit_ratio start, struct edit_ratio start_rate,
                          struct edit_ratio duration, struct edit_ratio duration_rate)
{
    json_t *o = json_object();
    edit_format_put(o, "OTIO_SCHEMA", json_string("TimeRange.1"));
    edit_format_put(o, "duration", edit_format_time(duration, duration_rate));
    edit_format_put(o, "start_time", edit_format_time(start, start_rate));
    return o;
}

json_t *edit_format_clip(const struct edit_clip *clip)
{
    json_t *o = new_object("Clip.2", clip->name, clip->metadata);
    json_t *references = clip->references ? clip->references : json_object();
    put_item(o, clip->range, clip->effects, clip->markers, !clip->disabled);
    edit_format_put(references, "DEFAULT_MEDIA", clip->reference);
    edit_format_put(o, "media_references", references);
    edit_format_put(o, "active_media_reference_key", json_string("DEFAULT_MEDIA"));
    return o;
}

json_t *edit_format_reference(const char *name, const char *url, json_t *available,
                              json_t *metadata)
{
    json_t *o = new_object(url ? "ExternalReference.1" : "MissingReference.1", name, metadata);
    edit_format_put(o, "available_range", available ? available : json_null());
    edit_format_put(o, "available_image_bounds", json_null());
    if (url)
        edit_format_put(o, "target_url", edit_format_string(url));
    else /* offline media is missing media; a MissingReference of an application may be a title */
        json_object_set_new(json_object_get(o, "metadata"), EDIT_FORMAT_OFFLINE, json_true());
    return o;
}

json_t *edit_format_generator(const char *name, const char *kind, json_t *metadata)
{
    json_t *o = new_object("GeneratorReference.1", name, metadata);
    edit_format_put(o, "available_range", json_null());
    edit_format_put(o, "available_image_bounds", json_null());
    edit_format_put(o, "generator_kind", edit_format_string(kind));
    edit_format_put(o, "parameters", json_object());
    return o;
}

json_t *edit_format_warp(struct edit_ratio speed, json_t *metadata)
{
    const char *name = speed.den == 0   ? "TimeEffect"
                       : speed.num == 0 ? "FreezeFrame"
                                        : "LinearTimeWarp";
    AUTO(free) char *schema = xasprintf("%s.1", name);
    json_t *o = new_object(schema, "", metadata);
    edit_format_put(o, "effect_name", json_string(name));
    if (speed.den)
        edit_format_put(o, "time_scalar", json_real(to_double(speed)));
    return o;
}

json_t *edit_format_marker(const char *name, const char *color, json_t *range, json_t *metadata)
{
    json_t *o = new_object("Marker.2", name, metadata);
    edit_format_put(o, "color", json_string(color));
    edit_format_put(o, "marked_range", range);
    return o;
}

json_t *edit_format_transition(const char *name, const char *type, struct edit_ratio in,
                               struct edit_ratio out, struct edit_ratio rate, json_t *metadata)
{
    json_t *o = new_object("Transition.1", name, metadata);
    edit_format_put(o, "in_offset", edit_format_time(in, rate));
    edit_format_put(o, "out_offset", edit_format_time(out, rate));
    edit_format_put(o, "transition_type", json_string(type));
    return o;
}

json_t *edit_format_timeline(const char *name, json_t *start, json_t *stack, json_t *metadata)
{
    json_t *o = new_object("Timeline.1", name, metadata);
    edit_format_put(o, "global_start_time", start ? start : json_null());
    edit_format_put(o, "tracks", stack);
    return o;
}

json_t *edit_format_collection(json_t *children)
{
    if (json_array_size(children) == 1) {
        json_t *only = json_incref(json_array_get(children, 0));
        json_decref(children);
        return only;
    }
    json_t *o = new_object("SerializableCollection.1", "", NULL);
    edit_format_put(o, "children", children);
    return o;
}

/* Tracks */

void edit_format_place(struct edit_items *items, struct edit_item item)
{
    if (items->n == items->cap) {
        items->cap = items->cap ? 2 * items->cap : 64;
        items->v = xrealloc(items->v, items->cap, sizeof *items->v);
    }
    items->v[items->n++] = item;
}

void edit_format_items_done(struct edit_items *items)
{
    for (size_t i = 0; i < items->n; i++)
        json_decref(items->v[i].object);
    free(items->v);
    *items = (struct edit_items){0};
}

static int compare_items(const void *x, const void *y)
{
    const struct edit_item *const *a = x, *const *b = y;
    int r = (*a)->audio - (*b)->audio;
    if (r == 0)
        r = ((*a)->lane > (*b)->lane) - ((*a)->lane < (*b)->lane);
    if (r == 0)
        r = edit_format_cmp((*a)->from, (*b)->from);
    return r ? r : (*a > *b) - (*a < *b); /* one array: the order in which they were placed */
}

struct open_track {
    json_t *children;
    struct edit_ratio end;
};

/* The tracks of one lane, the next item put on the first that is free where it begins. */
struct lane {
    struct open_track *v;
    size_t n, cap;
};

static struct open_track *free_track(struct lane *lane, const struct edit_item *item,
                                     json_t *tracks, size_t *number)
{
    for (size_t i = 0; i < lane->n; i++)
        if (edit_format_cmp(lane->v[i].end, item->from) <= 0)
            return &lane->v[i];
    if (lane->n == LANE_TRACKS_MAX)
        return &lane->v[lane->n - 1];
    if (lane->n == lane->cap) {
        lane->cap = lane->cap ? 2 * lane->cap : 4;
        lane->v = xrealloc(lane->v, lane->cap, sizeof *lane->v);
    }
    AUTO(free) char *name = xasprintf("%c%zu", item->audio ? 'A' : 'V', ++*number);
    json_t *track = new_object("Track.1", name, NULL);
    struct open_track *t = &lane->v[lane->n++];
    *t = (struct open_track){.children = json_array(), .end = {0, 1}};
    if (item->from.num < 0)
        t->end = item->from;
    put_item(track, NULL, NULL, NULL, true);
    edit_format_put(track, "kind", json_string(item->audio ? "Audio" : "Video"));
    edit_format_put(track, "children", t->children);
    if (json_array_append_new(tracks, track) < 0)
        abort();
    return t;
}

static void put_on_track(struct open_track *t, struct edit_item *item, struct edit_ratio rate)
{
    if (edit_format_cmp(item->from, t->end) > 0) {
        json_t *gap = new_object("Gap.1", "", NULL);
        struct edit_ratio zero = {0, 1};
        put_item(gap, edit_format_range(zero, rate, edit_format_sub(item->from, t->end), rate),
                 NULL, NULL, true);
        if (json_array_append_new(t->children, gap) < 0)
            abort();
    }
    if (json_array_append_new(t->children, item->object) < 0)
        abort();
    item->object = NULL;
    t->end = item->to;
}

json_t *edit_format_stack(const char *name, struct edit_items *items, struct edit_ratio rate,
                          json_t *range, json_t *markers)
{
    AUTO(free) struct edit_item **sorted = xcalloc(items->n + 1, sizeof *sorted);
    json_t *stack = new_object("Stack.1", name, NULL), *tracks = json_array();
    struct lane lane = {0};
    size_t number = 0;
    for (size_t i = 0; i < items->n; i++)
        sorted[i] = &items->v[i];
    qsort(sorted, items->n, sizeof *sorted, compare_items);
    for (size_t i = 0; i < items->n; i++) {
        const struct edit_item *before = i > 0 ? sorted[i - 1] : NULL;
        if (before && before->audio != sorted[i]->audio)
            number = 0;
        if (before && (before->audio != sorted[i]->audio || before->lane != sorted[i]->lane))
            lane.n = 0;
        put_on_track(free_track(&lane, sorted[i], tracks, &number), sorted[i], rate);
    }
    free(lane.v);
    edit_format_items_done(items);
    put_item(stack, range, NULL, markers, true);
    edit_format_put(stack, "children", tracks);
    return stack;
}
