/* conform/aaf_segment.c - the segments of an AAF composition as clips, stacks and gaps. */
/* SPDX-License-Identifier: MIT */
#include "conform/aaf_segment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "conform/aaf_media.h"
#include "conform/aaf_warp.h"

#define INPUTS_MAX 100 /* of one effect or scope */

static const struct edit_ratio zero = {0, 1};

static struct edit_ratio number(const struct aaf_object *o, enum aaf_property p)
{
    int64_t v = 0;
    aaf_object_integer(o, p, &v);
    return edit_format_ratio(v, 1);
}

int aaf_segment_count(struct aaf_reader *r)
{
    if (++r->items <= EDIT_FORMAT_ITEMS_MAX)
        return 0;
    return err_set(r->e, -EFBIG, "more than %d clips and markers", EDIT_FORMAT_ITEMS_MAX);
}

/* Duration in the media's frames where that is a whole number, else in the edit's. */
static json_t *range_of(struct edit_ratio start, struct edit_ratio rate, struct edit_ratio length,
                        struct edit_ratio outer)
{
    struct edit_ratio own = aaf_media_convert(length, outer, rate);
    bool is_whole = own.den == 1;
    return edit_format_range(start, rate, is_whole ? own : length, is_whole ? rate : outer);
}

static json_t *range_in(struct aaf_place place, struct aaf_shown shown)
{
    return edit_format_range(shown.from, place.rate, shown.length, place.rate);
}

int aaf_segment_unwrap(struct aaf_reader *r, struct aaf_object **segment)
{
    for (int i = 0; i < AAF_CHAIN_MAX; i++) {
        struct aaf_list list __attribute__((cleanup(auto_aaf_list))) = {0};
        const struct aaf_definition *d = NULL;
        struct aaf_object *only = NULL;
        int result = 0;
        if (aaf_object_class(*segment) == AAF_SEQUENCE)
            result = aaf_list_read(*segment, AAF_COMPONENTS, &list, r->e);
        else if (aaf_object_class(*segment) == AAF_OPERATION_GROUP)
            result = aaf_list_read(*segment, AAF_OPERATION_INPUTS, &list, r->e);
        if (result == 0 && list.n == 1)
            result = aaf_file_definition(r->f, AAF_OPERATIONS,
                                         aaf_object_auid(*segment, AAF_OPERATION), &d, r->e);
        if (result < 0 || list.n != 1 || (d && d->time_warp))
            return result;
        result = aaf_list_open(&list, 0, &only, r->e);
        if (result < 0)
            return result;
        aaf_object_free(*segment);
        *segment = only;
    }
    return 0;
}

/* Stacks */

static int refuse_depth(struct aaf_reader *r, int most)
{
    return err_set(r->e, -EFBIG,
                   "compositions in compositions, more than %d deep, or in themselves", most);
}

static double value_of(const json_t *range, const char *time, const char *key)
{
    return json_number_value(json_object_get(json_object_get(range, time), key));
}

static bool is_whole(const struct edit_item *item, const json_t *range)
{
    const json_t *own = json_object_get(item->object, "source_range");
    return own && item->from.num == 0 && value_of(range, "start_time", "value") == 0 &&
           value_of(own, "duration", "value") == value_of(range, "duration", "value") &&
           value_of(own, "duration", "rate") == value_of(range, "duration", "rate");
}

/* A Stack.1 of `items`, which it empties, and `range`, which it takes; no items: a gap; one that is
 * as long as the whole: that. */
static int make_stack(struct aaf_reader *r, const char *name, struct edit_items *items,
                      struct edit_ratio rate, json_t *range, json_t **ret)
{
    int result = aaf_segment_count(r);
    if (result == 0)
        result = aaf_file_count_text(r->f, strlen(name), r->e);
    if (result == 0 && items->n == 1 && is_whole(&items->v[0], range)) {
        *ret = TAKE(items->v[0].object);
        json_decref(range);
    } else if (result == 0 && items->n > 0) {
        *ret = edit_format_stack(name, items, rate, range, /* markers= */ NULL);
    } else {
        json_decref(range);
    }
    return result;
}

/* The slots of a scope or the inputs of an effect, each on a lane, as one stack. */
static int make_lanes(struct aaf_reader *r, struct aaf_place place, const struct aaf_object *o,
                      enum aaf_property p, const char *name, struct aaf_shown shown, json_t **ret)
{
    struct aaf_list list __attribute__((cleanup(auto_aaf_list))) = {0};
    struct edit_items items = {0};
    int result = aaf_list_read(o, p, &list, r->e);
    if (result == 0 && list.n > INPUTS_MAX)
        result = err_set(r->e, -EFBIG, "more than %d inputs of one effect", INPUTS_MAX);
    if (result == 0 && r->nested == EDIT_FORMAT_NESTED_MAX)
        result = refuse_depth(r, EDIT_FORMAT_NESTED_MAX);
    r->nested++;
    for (size_t i = 0; result == 0 && i < list.n; i++) {
        AUTO(aaf_object) struct aaf_object *lane = NULL;
        result = aaf_list_open(&list, i, &lane, r->e);
        if (result == 0)
            result = aaf_segment_place(r, place, (int)i, lane, &items);
    }
    r->nested--;
    if (result == 0)
        result = make_stack(r, name, &items, place.rate, range_in(place, shown), ret);
    edit_format_items_done(&items);
    return result;
}

/* A sequence of one component is that; of more, a stack of one track. */
static int make_sequence(struct aaf_reader *r, struct aaf_place place, const struct aaf_object *o,
                         struct aaf_shown shown, json_t **ret)
{
    struct aaf_list list __attribute__((cleanup(auto_aaf_list))) = {0};
    struct edit_items items = {0};
    int result = aaf_list_read(o, AAF_COMPONENTS, &list, r->e);
    if (result == 0 && list.n == 1) {
        AUTO(aaf_object) struct aaf_object *only = NULL;
        result = aaf_list_open(&list, 0, &only, r->e);
        return result < 0 ? result : aaf_segment_make(r, place, only, shown, ret);
    }
    if (result == 0 && r->nested == EDIT_FORMAT_NESTED_MAX)
        result = refuse_depth(r, EDIT_FORMAT_NESTED_MAX);
    r->nested++;
    if (result == 0)
        result = aaf_segment_place(r, place, 0, o, &items);
    r->nested--;
    if (result == 0)
        result = make_stack(r, "", &items, place.rate, range_in(place, shown), ret);
    edit_format_items_done(&items);
    return result;
}

/* Source clips */

/* The slot of a composition that is an edit of its own, not just a part of some media. */
static int find_composition(struct aaf_reader *r, const struct aaf_object *clip,
                            const struct aaf_mob **mob, const struct aaf_slot **slot,
                            struct aaf_object **segment)
{
    size_t n;
    int64_t id = 0;
    const unsigned char *source = aaf_object_bytes(clip, AAF_SOURCE_ID, &n);
    *segment = NULL;
    if (!source || n != AAF_MOB_ID_BYTES)
        return 0;
    aaf_object_integer(clip, AAF_SOURCE_SLOT, &id);
    int result = aaf_file_find(r->f, source, mob, r->e);
    if (result < 0 || !*mob || (*mob)->class != AAF_COMPOSITION_MOB)
        return result;
    *slot = aaf_file_slot(*mob, id);
    if (!*slot || !(*slot)->rate.den)
        return 0;
    AUTO(aaf_object) struct aaf_object *found = NULL;
    result = aaf_object_open((*slot)->o, AAF_SEGMENT, &found, r->e);
    if (result == 0 && found)
        result = aaf_segment_unwrap(r, &found);
    if (result == 0 && found && aaf_object_class(found) != AAF_SOURCE_CLIP)
        *segment = TAKE(found);
    return result;
}

static int make_nested(struct aaf_reader *r, struct aaf_place place, const struct aaf_object *clip,
                       const struct aaf_mob *mob, const struct aaf_slot *slot,
                       const struct aaf_object *segment, struct aaf_shown shown, json_t **ret)
{
    struct edit_items items = {0};
    struct aaf_place inner = {slot->rate, place.audio};
    struct edit_ratio start = edit_format_add(number(clip, AAF_SOURCE_START), shown.from);
    start = edit_format_add(aaf_media_convert(start, place.rate, slot->rate), slot->origin);
    if (!edit_format_is_sane(start))
        return err_set(r->e, -EBADMSG, "mob '%.80s': a time out of range", mob->name);
    if (r->nested == EDIT_FORMAT_NESTED_MAX)
        return refuse_depth(r, EDIT_FORMAT_NESTED_MAX);
    r->nested++;
    int result = aaf_segment_place(r, inner, 0, segment, &items);
    r->nested--;
    if (result == 0)
        result = make_stack(r, mob->name, &items, slot->rate,
                            range_of(start, slot->rate, shown.length, place.rate), ret);
    edit_format_items_done(&items);
    if (result < 0 && strncmp(r->e->text, "mob '", 5) != 0) /* the innermost says where */
        err_wrap(r->e, "mob '%.80s': slot %lld", mob->name, (long long)slot->id);
    return result;
}

static bool names_nothing(const struct aaf_object *clip)
{
    static const unsigned char none[AAF_MOB_ID_BYTES];
    size_t n;
    const unsigned char *id = aaf_object_bytes(clip, AAF_SOURCE_ID, &n);
    return !id || n != AAF_MOB_ID_BYTES || memcmp(id, none, n) == 0;
}

static int make_media(struct aaf_reader *r, struct aaf_place place, const struct aaf_object *o,
                      struct aaf_shown shown, json_t **ret)
{
    struct aaf_media m;
    size_t n;
    int result = aaf_media_find(r->f, o, shown.from, place.rate, place.audio, &m, r->e);
    AUTO(free) char *id = aaf_file_umid(aaf_object_bytes(o, AAF_SOURCE_ID, &n));
    const char *name = m.clip && *m.clip->name ? m.clip->name : id;
    json_t *reference = NULL, *others = NULL;
    if (result == 0)
        result = aaf_media_references(r->f, &m, name, &reference, &others, r->e);
    if (result == 0) {
        struct edit_clip clip = {
            .name = name,
            .range = range_of(m.at, m.rate, shown.length, place.rate),
            .reference = reference,
            .references = others,
        };
        *ret = edit_format_clip(&clip);
    }
    aaf_media_done(&m);
    return result;
}

/* A clip of no mob is black or silence. */
static int make_clip(struct aaf_reader *r, struct aaf_place place, const struct aaf_object *o,
                     struct aaf_shown shown, json_t **ret)
{
    const struct aaf_mob *mob = NULL;
    const struct aaf_slot *slot = NULL;
    AUTO(aaf_object) struct aaf_object *segment = NULL;
    if (names_nothing(o))
        return 0;
    int result = find_composition(r, o, &mob, &slot, &segment);
    if (result < 0)
        return result;
    if (segment)
        return make_nested(r, place, o, mob, slot, segment, shown, ret);
    result = aaf_segment_count(r);
    return result < 0 ? result : make_media(r, place, o, shown, ret);
}

/* Effects */

static void add_effect(json_t *object, const char *name, json_t *warp)
{
    json_t *ours = json_object();
    edit_format_put_string(ours, "Effect", name);
    if (warp)
        json_array_append_new(json_object_get(object, "effects"), warp);
    json_t *metadata = json_object_get(object, "metadata");
    if (*name && !json_object_get(metadata, "AAF"))
        edit_format_put(metadata, "AAF", ours);
    else
        json_decref(ours);
}

/* What an effect with one input shows: the input, at another speed where it warps time. */
static int make_input(struct aaf_reader *r, struct aaf_place place, const struct aaf_object *group,
                      const struct aaf_object *input, const struct aaf_definition *operation,
                      struct aaf_shown shown, json_t **ret)
{
    struct aaf_warp warp;
    bool warps = operation && operation->time_warp;
    int result = 0;
    if (warps) {
        result = aaf_warp_read(r->f, group, &warp, r->e);
        shown.from = aaf_warp_start(&warp, shown.from, shown.length);
        if (result == 0 && !edit_format_is_sane(shown.from))
            result =
                err_set(r->e, -EBADMSG, "effect '%.80s': a time out of range", operation->name);
    }
    if (result == 0)
        result = aaf_segment_make(r, place, input, shown, ret);
    if (result == 0 && *ret)
        add_effect(*ret, operation ? operation->name : "",
                   warps ? edit_format_warp(warp.speed, NULL) : NULL);
    return result;
}

/* A title, a matte: drawn by the application. */
static int make_drawn(struct aaf_reader *r, struct aaf_place place,
                      const struct aaf_definition *operation, struct aaf_shown shown, json_t **ret)
{
    const char *name = operation && *operation->name ? operation->name : "effect";
    if (aaf_segment_count(r) < 0 || aaf_file_count_text(r->f, 2 * strlen(name), r->e) < 0)
        return r->e->code;
    struct edit_clip clip = {
        .name = name,
        .range = range_in(place, shown),
        .reference = edit_format_generator(name, name, NULL),
    };
    *ret = edit_format_clip(&clip);
    return 0;
}

static int make_group(struct aaf_reader *r, struct aaf_place place, const struct aaf_object *o,
                      struct aaf_shown shown, json_t **ret)
{
    const struct aaf_definition *operation = NULL;
    struct aaf_list list __attribute__((cleanup(auto_aaf_list))) = {0};
    const unsigned char *id = aaf_object_auid(o, AAF_OPERATION);
    int result = aaf_file_definition(r->f, AAF_OPERATIONS, id, &operation, r->e);
    const char *name = operation ? operation->name : "";
    if (result == 0)
        result = aaf_file_count_text(r->f, strlen(name), r->e);
    if (result == 0)
        result = aaf_list_read(o, AAF_OPERATION_INPUTS, &list, r->e);
    if (result < 0)
        return result;
    if (list.n == 0)
        return make_drawn(r, place, operation, shown, ret);
    if (list.n == 1) {
        AUTO(aaf_object) struct aaf_object *input = NULL;
        result = aaf_list_open(&list, 0, &input, r->e);
        return result < 0 ? result : make_input(r, place, o, input, operation, shown, ret);
    }
    result = make_lanes(r, place, o, AAF_OPERATION_INPUTS, name, shown, ret);
    if (result == 0 && *ret) /* of several inputs a warp says not which it is of */
        add_effect(*ret, name,
                   operation && operation->time_warp
                       ? edit_format_warp((struct edit_ratio){0, 0}, NULL)
                       : NULL);
    return result;
}

/* Choices */

static bool is_empty(const struct aaf_object *o)
{
    return !o || aaf_object_class(o) == AAF_FILLER || aaf_object_class(o) == AAF_SCOPE_REFERENCE;
}

static int make_selector(struct aaf_reader *r, struct aaf_place place, const struct aaf_object *o,
                         struct aaf_shown shown, json_t **ret)
{
    AUTO(aaf_object) struct aaf_object *selected = NULL;
    AUTO(aaf_object) struct aaf_object *muted = NULL;
    struct aaf_list list __attribute__((cleanup(auto_aaf_list))) = {0};
    int result = aaf_object_open(o, AAF_SELECTED, &selected, r->e);
    if (result == 0 && !is_empty(selected))
        return aaf_segment_make(r, place, selected, shown, ret);
    if (result == 0)
        result = aaf_list_read(o, AAF_ALTERNATES, &list, r->e);
    if (result == 0 && list.n > 0)
        result = aaf_list_open(&list, 0, &muted, r->e);
    if (result < 0 || !muted)
        return result;
    result = aaf_segment_make(r, place, muted, shown, ret);
    if (result == 0 && *ret)
        edit_format_put(*ret, "enabled", json_false());
    return result;
}

static int make_choice(struct aaf_reader *r, struct aaf_place place, const struct aaf_object *o,
                       struct aaf_shown shown, json_t **ret)
{
    AUTO(aaf_object) struct aaf_object *first = NULL;
    struct aaf_list list __attribute__((cleanup(auto_aaf_list))) = {0};
    int result = aaf_list_read(o, AAF_CHOICES, &list, r->e);
    if (result == 0 && list.n > 0)
        result = aaf_list_open(&list, 0, &first, r->e);
    return result < 0 || !first ? result : aaf_segment_make(r, place, first, shown, ret);
}

int aaf_segment_make(struct aaf_reader *r, struct aaf_place place, const struct aaf_object *segment,
                     struct aaf_shown shown, json_t **ret)
{
    *ret = NULL;
    if (r->depth == AAF_SEGMENT_DEPTH_MAX)
        return err_set(r->e, -EFBIG, "segments in segments, more than %d deep",
                       AAF_SEGMENT_DEPTH_MAX);
    r->depth++;
    int result = 0;
    switch (aaf_object_class(segment)) {
    case AAF_SOURCE_CLIP:
        result = make_clip(r, place, segment, shown, ret);
        break;
    case AAF_SEQUENCE:
        result = make_sequence(r, place, segment, shown, ret);
        break;
    case AAF_NESTED_SCOPE:
        result = make_lanes(r, place, segment, AAF_SCOPE_SLOTS, "", shown, ret);
        break;
    case AAF_OPERATION_GROUP:
        result = make_group(r, place, segment, shown, ret);
        break;
    case AAF_SELECTOR:
        result = make_selector(r, place, segment, shown, ret);
        break;
    case AAF_ESSENCE_GROUP:
        result = make_choice(r, place, segment, shown, ret);
        break;
    default: /* filler, a reference to another slot of a scope, timecode, edge code */
        break;
    }
    r->depth--;
    return result;
}

/* Tracks */

/* A component that waits for the one behind it: a transition there takes from its end. */
struct part {
    struct aaf_object *o;
    struct edit_ratio from, to; /* on the track */
    struct edit_ratio head;     /* of it, under the transition before */
};

static int flush(struct aaf_reader *r, struct aaf_place place, int lane, struct part *part,
                 struct edit_items *items)
{
    json_t *object = NULL;
    AUTO(aaf_object) struct aaf_object *o = TAKE(part->o);
    if (!o)
        return 0;
    if (edit_format_cmp(part->to, part->from) < 0)
        part->to = part->from;
    struct aaf_shown shown = {part->head, edit_format_sub(part->to, part->from)};
    part->head = zero;
    int result = aaf_segment_make(r, place, o, shown, &object);
    if (object)
        edit_format_place(items,
                          (struct edit_item){lane, place.audio, part->from, part->to, object});
    return result;
}

static int place_transition(struct aaf_reader *r, struct aaf_place place, int lane,
                            const struct aaf_object *o, struct edit_ratio at,
                            struct edit_items *items)
{
    AUTO(aaf_object) struct aaf_object *group = NULL;
    const struct aaf_definition *operation = NULL;
    struct edit_ratio length = number(o, AAF_COMPONENT_LENGTH), in = number(o, AAF_CUT_POINT);
    int result = aaf_segment_count(r);
    if (result == 0)
        result = aaf_object_open(o, AAF_TRANSITION_OPERATION, &group, r->e);
    if (result == 0 && group)
        result = aaf_file_definition(r->f, AAF_OPERATIONS, aaf_object_auid(group, AAF_OPERATION),
                                     &operation, r->e);
    if (result == 0)
        result = aaf_file_count_text(r->f, operation ? strlen(operation->name) : 0, r->e);
    if (result < 0)
        return result;
    const char *name = operation ? operation->name : "";
    json_t *object =
        edit_format_transition(name, strstr(name, "Wipe") ? "SMPTE_Wipe" : "SMPTE_Dissolve", in,
                               edit_format_sub(length, in), place.rate, NULL);
    edit_format_place(items, (struct edit_item){lane, place.audio, at, at, object});
    return 0;
}

/* One component; `at` is where it begins, and then where it ends. */
static int place_part(struct aaf_reader *r, struct aaf_place place, int lane,
                      struct aaf_object *component, struct edit_ratio *at, struct part *before,
                      struct edit_items *items)
{
    AUTO(aaf_object) struct aaf_object *o = component;
    struct edit_ratio length = number(o, AAF_COMPONENT_LENGTH), cut = zero;
    bool over = aaf_object_class(o) == AAF_TRANSITION;
    if (over)
        cut = number(o, AAF_CUT_POINT);
    if (!edit_format_is_sane(length) || length.num < 0 || cut.num < 0 ||
        edit_format_cmp(cut, length) > 0)
        return err_set(r->e, -EBADMSG, "a segment with a length that cannot be");
    if (!over) {
        int result = flush(r, place, lane, before, items);
        *before = (struct part){TAKE(o), edit_format_add(*at, before->head),
                                edit_format_add(*at, length), before->head};
        *at = before->to;
        if (result == 0 && !edit_format_is_sane(*at))
            result = err_set(r->e, -EBADMSG, "a sequence with a length that cannot be");
        return result;
    }
    *at = edit_format_sub(*at, length); /* it lies over both of its neighbours */
    if (!edit_format_is_sane(*at) || at->num < 0)
        return err_set(r->e, -EBADMSG, "a transition that begins before its track");
    struct edit_ratio point = edit_format_add(*at, cut);
    before->to = point;
    int result = flush(r, place, lane, before, items);
    before->head = cut;
    return result < 0 ? result : place_transition(r, place, lane, o, point, items);
}

int aaf_segment_place(struct aaf_reader *r, struct aaf_place place, int lane,
                      const struct aaf_object *segment, struct edit_items *items)
{
    struct aaf_list list __attribute__((cleanup(auto_aaf_list))) = {0};
    struct part part = {.head = zero};
    struct edit_ratio at = zero;
    int result = 0;
    if (aaf_object_class(segment) != AAF_SEQUENCE) {
        json_t *object = NULL;
        struct aaf_shown all = {zero, number(segment, AAF_COMPONENT_LENGTH)};
        if (!edit_format_is_sane(all.length) || all.length.num < 0)
            return err_set(r->e, -EBADMSG, "a segment with a length that cannot be");
        result = aaf_segment_make(r, place, segment, all, &object);
        if (object)
            edit_format_place(items,
                              (struct edit_item){lane, place.audio, zero, all.length, object});
        return result;
    }
    result = aaf_list_read(segment, AAF_COMPONENTS, &list, r->e);
    for (size_t i = 0; result == 0 && i < list.n; i++) {
        struct aaf_object *component = NULL;
        result = aaf_list_open(&list, i, &component, r->e);
        if (result == 0)
            result = place_part(r, place, lane, component, &at, &part, items);
    }
    if (result == 0)
        result = flush(r, place, lane, &part, items);
    aaf_object_free(part.o);
    return result;
}
