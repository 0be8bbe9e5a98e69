/* conform/edl_event.c - edits of a list as clips on tracks. */
/* SPDX-License-Identifier: MIT */
#include "conform/edl_event.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"

#define CHANNELS_MAX 16
#define LANE_OTHER 1000 /* tracks that are neither V nor A */

void edl_event_done(struct edl_event *ev)
{
    char *text[] = {ev->number, ev->reel,        ev->channels, ev->type,  ev->clip_name, ev->path,
                    ev->tc[0],  ev->source_file, ev->tc[1],    ev->tc[2], ev->tc[3]};
    for (size_t i = 0; i < COUNT(text); i++)
        free(text[i]);
    json_decref(ev->comments);
    json_decref(ev->markers);
    json_decref(ev->lines);
}

/* "V", "A", "AA", "B", "A2/V", "AA/V", "VA1A2", "V2": the tracks' names, each once. */
static size_t read_channels(const char *s, char *ret[CHANNELS_MAX])
{
    size_t n = 0, audio = 0;
    while (*s && n + 2 <= CHANNELS_MAX) {
        char c = (char)toupper((unsigned char)*s++);
        size_t digits = strspn(s, "0123456789");
        if (c == '/' || c == '+' || c == ',')
            continue;
        if ((c != 'V' && c != 'A' && c != 'B') || digits > 3) { /* any other name is a track's */
            while (n > 0)
                free(ret[--n]);
            return 0;
        }
        long number = digits ? strtol(s, NULL, 10) : 0;
        s += digits;
        if (c == 'V' || c == 'B')
            ret[n++] = number > 1 ? xasprintf("V%ld", number) : xstrdup("V");
        if (c == 'A' || c == 'B')
            ret[n++] = xasprintf("A%ld", number ? number : (long)++audio);
    }
    return n;
}

static bool is_media_file(const char *s)
{
    static const char known[] =
        " mov mxf mp4 m4v avi mkv mpg mpeg mts r3d ari arx arri braw crm cine dng exr dpx cin tif "
        "tiff tga sgi png jpg jpeg jp2 j2c heic psd bmp wav bwf aif aiff mp3 m4a aac ogg flac ";
    const char *dot = strrchr(s, '.');
    if (!dot || strlen(dot) > 6 || strpbrk(dot, " \t"))
        return false;
    AUTO(free) char *key = xasprintf(" %s ", dot + 1);
    return strcasestr(known, key) != NULL;
}

static const char *media_path(const struct edl_event *ev)
{
    if (ev->path)
        return ev->path;
    if (ev->source_file && (strpbrk(ev->source_file, "/\\") || is_media_file(ev->source_file)))
        return ev->source_file;
    return ev->clip_name && is_media_file(ev->clip_name) ? ev->clip_name : NULL;
}

static json_t *make_reference(const struct edl_event *ev, const char *name)
{
    if (strcasecmp(ev->reel, "BL") == 0 || strcasecmp(ev->reel, "BLACK") == 0)
        return edit_format_generator(name, "black", NULL);
    if (strcasecmp(ev->reel, "BARS") == 0)
        return edit_format_generator(name, "SMPTEBars", NULL);
    return edit_format_reference(name, media_path(ev), NULL, NULL);
}

/* Speed and first source frame. Without M2 the columns themselves say how many frames of the
 * source the record takes; no source at all says nothing. */
static json_t *make_effects(const struct edl_event *ev, int64_t *start)
{
    int64_t source = ev->time[EDL_SRC_OUT] - ev->time[EDL_SRC_IN];
    int64_t record = ev->time[EDL_REC_OUT] - ev->time[EDL_REC_IN];
    struct edit_ratio speed = {1, 1};
    *start = source < 0 ? ev->time[EDL_SRC_OUT] : ev->time[EDL_SRC_IN];
    if (ev->freeze)
        speed.num = 0;
    else if (ev->has_speed)
        speed = ev->speed;
    else if (source != 0 && record != 0)
        speed = edit_format_ratio(source, record);
    json_t *effects = json_array();
    if (speed.num != speed.den)
        json_array_append_new(effects, edit_format_warp(speed, NULL));
    return effects;
}

static json_t *make_clip(const struct edl_timeline *t, const struct edl_event *ev, bool markers)
{
    static const char *const column[] = {"source_tc_in", "source_tc_out", "record_tc_in",
                                         "record_tc_out"};
    json_t *cmx = json_object(), *original = json_object();
    for (size_t i = 0; i < 4; i++)
        edit_format_put_string(original, column[i], ev->tc[i]);
    edit_format_put_string(cmx, "reel", ev->reel);
    if (ev->drop)
        json_object_set_new(cmx, "drop", json_true());
    edit_format_put(cmx, "events", json_copy(ev->lines));
    edit_format_put_string(cmx, "clip_name", ev->clip_name);
    edit_format_put_string(cmx, "source_file", ev->source_file);
    edit_format_put(cmx, "original_timecode", original);
    if (json_array_size(ev->comments) > 0)
        edit_format_put(cmx, "comments", json_copy(ev->comments));

    const char *path = media_path(ev);
    const char *slash = path ? strrchr(path, strchr(path, '/') ? '/' : '\\') : NULL;
    AUTO(free)
    char *name = xstrdup(ev->clip_name ? ev->clip_name
                         : slash       ? slash + 1
                         : path        ? path
                                       : ev->reel);
    size_t len = strlen(name);
    if (ev->freeze && len > 3 && strcmp(name + len - 3, " FF") == 0)
        name[len - 3] = '\0'; /* editors mark a freeze by it; it is no part of the name */
    int64_t start;
    json_t *effects = make_effects(ev, &start);
    struct edit_clip clip = {
        .name = name,
        .range = edit_format_range(
            edit_format_ratio(start, 1), t->rate,
            edit_format_ratio(ev->time[EDL_REC_OUT] - ev->time[EDL_REC_IN], 1), t->rate),
        .metadata = edit_format_metadata("cmx_3600", cmx),
        .effects = effects,
        .markers = markers ? json_deep_copy(ev->markers) : NULL,
        .reference = make_reference(ev, name),
    };
    return edit_format_clip(&clip);
}

static bool same_text(const char *a, const char *b)
{
    return !a || !b || strcmp(a, b) == 0;
}

/* Is `b` the next frames of what `a` plays, on the same tracks and right behind it? */
static bool continues(const struct edl_event *a, const struct edl_event *b)
{
    int64_t played = a->time[EDL_REC_OUT] - a->time[EDL_REC_IN];
    if (a->has_speed || b->has_speed || a->freeze || b->freeze)
        return false;
    if (a->time[EDL_SRC_OUT] - a->time[EDL_SRC_IN] != played ||
        a->time[EDL_SRC_OUT] != b->time[EDL_SRC_IN] || a->time[EDL_REC_OUT] != b->time[EDL_REC_IN])
        return false;
    if (b->time[EDL_SRC_OUT] - b->time[EDL_SRC_IN] != b->time[EDL_REC_OUT] - b->time[EDL_REC_IN])
        return false;
    return strcmp(a->reel, b->reel) == 0 && strcmp(a->channels, b->channels) == 0 &&
           same_text(a->clip_name, b->clip_name) && same_text(media_path(a), media_path(b));
}

/* Zero-length lines and what goes on behind a transition belong to the clip before them. */
static void join_events(struct edl_timeline *t)
{
    struct edl_event *last = NULL;
    for (size_t i = 0; i < t->n; i++) {
        struct edl_event *ev = &t->v[i];
        bool empty = ev->time[EDL_REC_IN] == ev->time[EDL_REC_OUT];
        if (ev->transition < 0 && last && (empty || last->transition >= 0) && continues(last, ev)) {
            last->time[EDL_SRC_OUT] = ev->time[EDL_SRC_OUT];
            last->time[EDL_REC_OUT] = ev->time[EDL_REC_OUT];
            json_array_extend(last->lines, ev->lines);
            json_array_extend(last->comments, ev->comments);
            json_array_extend(last->markers, ev->markers);
            ev->joined = true;
        } else {
            last = ev;
        }
    }
}

/* Tracks */

static json_t *make_transition(const struct edl_timeline *t, const struct edl_event *ev,
                               const struct edl_event *from)
{
    bool wipe = toupper((unsigned char)*ev->type) == 'W';
    const char *type = wipe ? "SMPTE_Wipe" : "SMPTE_Dissolve";
    json_t *cmx = json_object();
    edit_format_put_string(cmx, "transition", ev->type);
    edit_format_put(cmx, "events", json_pack("[s]", ev->number));
    AUTO(free)
    char *name = from && from->clip_name && ev->clip_name
                     ? xasprintf("%s from %s to %s", type, from->clip_name, ev->clip_name)
                     : xstrdup(type);
    struct edit_ratio zero = {0, 1};
    return edit_format_transition(name, type, zero, edit_format_ratio(ev->transition, 1), t->rate,
                                  edit_format_metadata("cmx_3600", cmx));
}

/* Puts the edit on one track; its markers are on the first of them only. */
static void place(const struct edl_timeline *t, struct edit_items *items, size_t i,
                  struct edit_item item, bool markers)
{
    const struct edl_event *ev = &t->v[i];
    item.from = item.to = edit_format_ratio(ev->time[EDL_REC_IN] - t->origin, 1);
    if (ev->transition >= 0) {
        item.object = make_transition(t, ev, i > 0 ? ev - 1 : NULL);
        edit_format_place(items, item);
    }
    item.to = edit_format_ratio(ev->time[EDL_REC_OUT] - t->origin, 1);
    item.object = make_clip(t, ev, markers);
    edit_format_place(items, item);
}

/* Places the edit on each of its tracks. */
static void place_all(struct edl_timeline *t, struct edit_items *items, size_t i)
{
    char *channel[CHANNELS_MAX];
    size_t n = read_channels(t->v[i].channels, channel);
    for (size_t k = 0; k < n; k++) {
        int number = (int)strtol(channel[k] + 1, NULL, 10);
        struct edit_item item = {.lane = number > 1 ? number : 1, .audio = *channel[k] == 'A'};
        place(t, items, i, item, k == 0);
        free(channel[k]);
    }
    if (n == 0)
        place(t, items, i, (struct edit_item){.lane = LANE_OTHER}, true);
    t->items += n + (n == 0);
}

json_t *edl_event_timeline(struct edl_timeline *t)
{
    struct edit_items items = {0};
    t->origin = INT64_MAX;
    join_events(t);
    for (size_t i = 0; i < t->n; i++)
        if (t->v[i].time[EDL_REC_IN] < t->origin)
            t->origin = t->v[i].time[EDL_REC_IN];
    for (size_t i = 0; i < t->n && t->items <= EDIT_FORMAT_ITEMS_MAX; i++)
        if (!t->v[i].joined)
            place_all(t, &items, i);
    if (t->items > EDIT_FORMAT_ITEMS_MAX) {
        edit_format_items_done(&items);
        return NULL;
    }
    json_t *stack = edit_format_stack("tracks", &items, t->rate, NULL, NULL);
    json_t *start = edit_format_time(edit_format_ratio(t->origin, 1), t->rate);
    return edit_format_timeline(t->title, start, stack, NULL);
}
