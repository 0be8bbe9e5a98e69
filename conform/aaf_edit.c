/* conform/aaf_edit.c - AAF (Avid and others) as OpenTimelineIO. */
/* SPDX-License-Identifier: MIT */
#include "conform/aaf_edit.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/aaf_file.h"
#include "conform/aaf_media.h"
#include "conform/aaf_segment.h"
#include "conform/edit_format.h"
#include "conform/otio_read.h"

#define LOOKS_MAX 50000000

/* The lanes of a slot: one, or one for each slot of the scope that it is. */
struct lanes {
    int first, n; /* n 0: it is no track */
};

/* The edit that is being read: its tracks are lanes, in the order of their slots. */
struct edit {
    struct aaf_reader *r;
    const struct aaf_mob *mob;
    struct edit_ratio rate; /* of the timeline: of its first picture track, else of its first */
    struct edit_items items;
    struct lanes *lanes; /* of each slot */
    int n_lanes;
    json_t *markers;
    size_t looks; /* for clips that are marked */
};

/* Tracks */

static int kind_of(struct edit *edit, size_t i, enum aaf_kind *ret, struct aaf_object **segment)
{
    const struct aaf_slot *slot = &edit->mob->slots[i];
    struct aaf_reader *r = edit->r;
    *ret = AAF_KIND_OTHER;
    *segment = NULL;
    if (slot->events || !slot->rate.den)
        return 0;
    int result = aaf_object_open(slot->o, AAF_SEGMENT, segment, r->e);
    return result < 0 || !*segment ? result : aaf_file_kind(r->f, *segment, ret, r->e);
}

static int find_rate(struct edit *edit)
{
    for (size_t i = 0; i < edit->mob->n_slots; i++) {
        AUTO(aaf_object) struct aaf_object *segment = NULL;
        enum aaf_kind kind;
        int result = kind_of(edit, i, &kind, &segment);
        if (result < 0)
            return result;
        if (kind == AAF_KIND_PICTURE || (kind == AAF_KIND_SOUND && !edit->rate.den))
            edit->rate = edit->mob->slots[i].rate;
        if (kind == AAF_KIND_PICTURE)
            return 0;
    }
    if (!edit->rate.den)
        edit->rate = edit_format_ratio(24, 1);
    return 0;
}

/* The items of a segment on a lane of their own, from the slot's edit units to the timeline's. */
static int read_lane(struct edit *edit, struct aaf_place place, const struct aaf_object *segment)
{
    size_t first = edit->items.n;
    int result = aaf_segment_place(edit->r, place, ++edit->n_lanes, segment, &edit->items);
    for (size_t k = first; result == 0 && k < edit->items.n; k++) {
        struct edit_item *item = &edit->items.v[k];
        item->from = aaf_media_convert(item->from, place.rate, edit->rate);
        item->to = aaf_media_convert(item->to, place.rate, edit->rate);
        if (!edit_format_is_sane(item->from) || !edit_format_is_sane(item->to))
            result = err_set(edit->r->e, -EBADMSG, "a time out of range");
    }
    return result;
}

/* A slot that is a scope is the tracks in it. */
static int read_track(struct edit *edit, size_t i, struct aaf_object **segment, enum aaf_kind kind)
{
    struct aaf_place place = {edit->mob->slots[i].rate, kind == AAF_KIND_SOUND};
    struct aaf_list list __attribute__((cleanup(auto_aaf_list))) = {0};
    struct lanes *lanes = &edit->lanes[i];
    lanes->first = edit->n_lanes + 1;
    int result = aaf_segment_unwrap(edit->r, segment);
    bool scope = aaf_object_class(*segment) == AAF_NESTED_SCOPE;
    if (result == 0 && scope)
        result = aaf_list_read(*segment, AAF_SCOPE_SLOTS, &list, edit->r->e);
    else if (result == 0)
        result = read_lane(edit, place, *segment);
    for (size_t k = 0; result == 0 && k < list.n; k++) {
        AUTO(aaf_object) struct aaf_object *lane = NULL;
        result = aaf_list_open(&list, k, &lane, edit->r->e);
        if (result == 0)
            result = read_lane(edit, place, lane);
    }
    lanes->n = edit->n_lanes + 1 - lanes->first;
    return result;
}

static int read_tracks(struct edit *edit)
{
    for (size_t i = 0; i < edit->mob->n_slots; i++) {
        AUTO(aaf_object) struct aaf_object *segment = NULL;
        enum aaf_kind kind;
        int result = kind_of(edit, i, &kind, &segment);
        if (result == 0 && kind != AAF_KIND_OTHER)
            result = read_track(edit, i, &segment, kind);
        if (result < 0)
            return err_wrap(edit->r->e, "slot %lld", (long long)edit->mob->slots[i].id);
    }
    return 0;
}

/* The first timecode of track 1 is the edit's own. */
static json_t *start_of(const struct edit *edit)
{
    for (size_t i = 0; i < edit->mob->n_timecodes; i++) {
        const struct aaf_timecode *t = &edit->mob->timecodes[i];
        if (t->track == 1)
            return edit_format_time(t->start, t->rate);
    }
    return NULL;
}

/* Markers */

/* Avid writes the colour among attributes of its own. */
static int marker_color(const struct aaf_reader *r, const struct aaf_object *marker,
                        const char **ret)
{
    static const char *const colors[] = {"RED",  "PINK",   "ORANGE",  "YELLOW", "GREEN", "CYAN",
                                         "BLUE", "PURPLE", "MAGENTA", "BLACK",  "WHITE"};
    enum aaf_property p;
    *ret = "RED";
    for (size_t i = 0; aaf_object_private(marker, &i, &p);) {
        struct aaf_list list __attribute__((cleanup(auto_aaf_list))) = {0};
        int result = aaf_list_read(marker, p, &list, r->e);
        for (size_t k = 0; result == 0 && k < list.n && k < AAF_COMMENTS_MAX; k++) {
            AUTO(aaf_object) struct aaf_object *tag = NULL;
            struct edit_ratio number;
            result = aaf_list_open(&list, k, &tag, r->e);
            AUTO(free) char *name = result == 0 ? aaf_object_string(tag, AAF_TAG_NAME) : NULL;
            AUTO(free) char *value = NULL;
            if (!name || strcmp(name, "_ATN_CRM_COLOR") != 0 ||
                !aaf_object_indirect(tag, AAF_TAG_VALUE, &number, &value) || !value)
                continue;
            for (size_t c = 0; c < COUNT(colors); c++)
                *ret = strcasecmp(colors[c], value) == 0 ? colors[c] : *ret;
        }
        if (result < 0)
            return result;
    }
    return 0;
}

/* The lane that a marker is on: it names a slot, and its own slot the number of the track. An
 * export of some tracks only leaves numbers of tracks that are not there: 0. */
static int marked_lane(const struct edit *edit, const struct aaf_slot *events,
                       const struct aaf_object *marker)
{
    size_t n;
    const unsigned char *ids = aaf_object_bytes(marker, AAF_MARKED_SLOTS, &n);
    if (!ids || n < 4)
        return 0;
    int64_t id = ids[0] | ids[1] << 8 | ids[2] << 16 | (int64_t)ids[3] << 24;
    for (size_t i = 0; i < edit->mob->n_slots; i++) {
        const struct lanes *lanes = &edit->lanes[i];
        int64_t track = edit->mob->slots[i].track;
        if (edit->mob->slots[i].id != id || lanes->n == 0)
            continue;
        if (lanes->n == 1 && (events->track == track || events->track == 0))
            return lanes->first;
        if (lanes->n > 1 && events->track >= 1 && events->track <= lanes->n)
            return lanes->first + (int)events->track - 1;
    }
    return 0;
}

/* The clip of a lane that is shown at `at`; NULL where there is none, or looking for it takes too
 * long. */
static struct edit_item *marked_clip(struct edit *edit, int lane, struct edit_ratio at)
{
    for (size_t i = 0; lane > 0 && i < edit->items.n && edit->looks < LOOKS_MAX; i++) {
        edit->looks++;
        struct edit_item *item = &edit->items.v[i];
        if (item->lane == lane && edit_format_cmp(item->from, at) <= 0 &&
            edit_format_cmp(at, item->to) < 0 && otio_schema_is(item->object, "Clip"))
            return item;
    }
    return NULL;
}

static json_t *marked_range(double start, double rate, double length)
{
    return json_pack("{s:s, s:{s:s, s:f, s:f}, s:{s:s, s:f, s:f}}", "OTIO_SCHEMA", "TimeRange.1",
                     "duration", "OTIO_SCHEMA", "RationalTime.1", "rate", rate, "value", length,
                     "start_time", "OTIO_SCHEMA", "RationalTime.1", "rate", rate, "value", start);
}

static int add_marker(struct edit *edit, const struct aaf_slot *slot,
                      const struct aaf_object *marker)
{
    struct aaf_reader *r = edit->r;
    int64_t position = 0, length = 1;
    const char *color = NULL;
    AUTO(free) char *comment = aaf_object_string(marker, AAF_EVENT_COMMENT);
    aaf_object_integer(marker, AAF_EVENT_POSITION, &position);
    aaf_object_integer(marker, AAF_COMPONENT_LENGTH, &length);
    struct edit_ratio at =
        aaf_media_convert(edit_format_ratio(position, 1), slot->rate, edit->rate);
    int result = aaf_segment_count(r);
    if (result == 0)
        result = aaf_file_count_text(r->f, comment ? strlen(comment) : 0, r->e);
    if (result == 0)
        result = marker_color(r, marker, &color);
    if (result < 0)
        return result;
    if (!edit_format_is_sane(at) || length < 0 || length > INT32_MAX)
        return err_set(r->e, -EBADMSG, "a marker with a time out of range");
    struct edit_item *item = marked_clip(edit, marked_lane(edit, slot, marker), at);
    json_t *markers = edit->markers, *range;
    struct edit_ratio span = edit_format_ratio(length > 0 ? length : 1, 1);
    if (item) {
        /* in the clip's own time, as its source range is */
        const json_t *start =
            json_object_get(json_object_get(item->object, "source_range"), "start_time");
        double rate = json_number_value(json_object_get(start, "rate"));
        struct edit_ratio past = edit_format_sub(at, item->from);
        double seconds =
            (double)past.num / (double)past.den * (double)edit->rate.den / (double)edit->rate.num;
        range = marked_range(json_number_value(json_object_get(start, "value")) + seconds * rate,
                             rate, (double)span.num);
        markers = json_object_get(item->object, "markers");
    } else {
        range = edit_format_range(at, edit->rate, span, edit->rate);
    }
    json_array_append_new(markers, edit_format_marker(comment ? comment : "", color, range, NULL));
    return 0;
}

static bool is_marker(const struct aaf_object *o)
{
    return aaf_object_class(o) == AAF_DESCRIPTIVE_MARKER ||
           aaf_object_class(o) == AAF_COMMENT_MARKER;
}

static int read_events(struct edit *edit, const struct aaf_slot *slot)
{
    struct aaf_reader *r = edit->r;
    AUTO(aaf_object) struct aaf_object *segment = NULL;
    struct aaf_list list __attribute__((cleanup(auto_aaf_list))) = {0};
    if (!slot->rate.den)
        return 0;
    int result = aaf_object_open(slot->o, AAF_SEGMENT, &segment, r->e);
    if (result < 0 || !segment)
        return result;
    if (is_marker(segment))
        return add_marker(edit, slot, segment);
    result = aaf_list_read(segment, AAF_COMPONENTS, &list, r->e);
    for (size_t i = 0; result == 0 && i < list.n; i++) {
        AUTO(aaf_object) struct aaf_object *event = NULL;
        result = aaf_list_open(&list, i, &event, r->e);
        if (result == 0 && is_marker(event))
            result = add_marker(edit, slot, event);
    }
    return result;
}

static int read_markers(struct edit *edit)
{
    for (size_t i = 0; i < edit->mob->n_slots; i++) {
        const struct aaf_slot *slot = &edit->mob->slots[i];
        int result = slot->events ? read_events(edit, slot) : 0;
        if (result < 0)
            return err_wrap(edit->r->e, "slot %lld", (long long)slot->id);
    }
    return 0;
}

/* Edits */

static int read_edit(struct aaf_reader *r, const struct aaf_mob *mob, json_t *timelines)
{
    struct edit edit = {.r = r, .mob = mob, .markers = json_array()};
    edit.lanes = xcalloc(mob->n_slots + 1, sizeof *edit.lanes);
    int result = find_rate(&edit);
    if (result == 0)
        result = read_tracks(&edit);
    if (result == 0)
        result = read_markers(&edit);
    if (result == 0)
        result = aaf_file_count_text(r->f, strlen(mob->name), r->e);
    free(edit.lanes);
    if (result < 0) {
        edit_format_items_done(&edit.items);
        json_decref(edit.markers);
        return err_wrap(r->e, "mob '%.80s'", mob->name);
    }
    AUTO(free) char *id = aaf_file_umid(mob->id);
    json_t *ours = json_object();
    edit_format_put_string(ours, "MobID", id);
    json_t *stack = edit_format_stack("", &edit.items, edit.rate, /* range= */ NULL, edit.markers);
    json_array_append_new(timelines, edit_format_timeline(mob->name, start_of(&edit), stack,
                                                          edit_format_metadata("AAF", ours)));
    return 0;
}

static bool is_top_level(const struct aaf_mob *mob)
{
    static const unsigned char usage[] = {0x02, 0x01, 0x01, 0x0d, 0x01, 0x01, 0x00, 0x07};
    const unsigned char *id = aaf_object_auid(mob->o, AAF_MOB_USAGE);
    return mob->class == AAF_COMPOSITION_MOB && id && memcmp(id, usage, sizeof usage) == 0;
}

enum choice { CHOICE_TOP_LEVEL, CHOICE_COMPOSITIONS, CHOICE_MASTERS, CHOICES };

static bool is_chosen(const struct aaf_mob *mob, enum choice choice)
{
    return choice == CHOICE_TOP_LEVEL      ? is_top_level(mob)
           : choice == CHOICE_COMPOSITIONS ? mob->class == AAF_COMPOSITION_MOB
                                           : mob->class == AAF_MASTER_MOB;
}

static int read_edits(struct aaf_reader *r, json_t *timelines)
{
    for (enum choice choice = 0; choice < CHOICES && json_array_size(timelines) == 0; choice++)
        for (size_t i = 0; i < aaf_file_count(r->f); i++) {
            const struct aaf_mob *mob = NULL;
            int result = aaf_file_mob(r->f, i, &mob, r->e);
            if (result == 0 && is_chosen(mob, choice))
                result = read_edit(r, mob, timelines);
            if (result < 0)
                return result;
        }
    if (json_array_size(timelines) > 0)
        return 0;
    return err_set(r->e, -EBADMSG, "no composition in it");
}

int aaf_edit_read(const void *data, size_t n, json_t **ret, struct err *e)
{
    struct err own;
    struct aaf_reader r = {.e = e ? e : &own};
    AUTO(aaf_file) struct aaf_file *f = NULL;
    int result = aaf_file_open(data, n, &f, r.e);
    if (result < 0)
        return result;
    r.f = f;
    json_t *timelines = json_array();
    result = read_edits(&r, timelines);
    if (result < 0) {
        json_decref(timelines);
        return result;
    }
    *ret = edit_format_collection(timelines);
    return 0;
}
