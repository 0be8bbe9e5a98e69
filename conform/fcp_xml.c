/* conform/fcp_xml.c - Final Cut Pro 7 XML (xmeml 4 and 5) as OpenTimelineIO. */
/* SPDX-License-Identifier: MIT */
#include "conform/fcp_xml.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/edit_format.h"
#include "conform/fcp_media.h"
#include "conform/xml_tree.h"

#define LOOKS_MAX 10000000 /* comparisons of two audio tracks; then both are kept */

struct reader {
    const struct xml_tree *tree;
    size_t items, visits; /* a small file can use a thing a million times: what it costs is kept */
    unsigned nested;
    struct err *e;
};

/* Where the items of one track go. */
struct track {
    struct reader *r;
    struct edit_items *items;
    struct edit_ratio rate; /* of the sequence */
    struct edit_ratio end;  /* of what is on the track so far */
    int lane;
    bool audio, disabled;
};

/* What of a sequence is played. */
enum use { USE_BOTH, USE_VIDEO, USE_AUDIO };

static const struct edit_ratio zero = {0, 1}, unknown = {0, 0};

static int refuse(struct reader *r, const struct xml_node *node, const char *why)
{
    return err_set(r->e, -EBADMSG, "line %lu: <%.60s>: %s", node->line, node->name, why);
}

/* Counts what it costs to read `node` once more. */
static int visit(struct reader *r, const struct xml_node *node)
{
    r->visits += node->size;
    if (r->visits <= EDIT_FORMAT_VISITS_MAX)
        return 0;
    return err_set(r->e, -EFBIG, "line %lu: <%.60s>: it is used too often", node->line, node->name);
}

static int count_items(struct reader *r, const struct xml_node *node, size_t n)
{
    r->items += n;
    if (r->items <= EDIT_FORMAT_ITEMS_MAX)
        return 0;
    return err_set(r->e, -EFBIG, "line %lu: more than %d clips and markers", node->line,
                   EDIT_FORMAT_ITEMS_MAX);
}

static json_t *make_markers(const struct xml_node *node, struct edit_ratio rate)
{
    json_t *markers = json_array();
    const struct xml_node *m = xml_tree_child(node, "marker");
    for (; m; m = xml_tree_next(m, "marker")) {
        struct edit_ratio in = fcp_media_number(m, "in"), out = fcp_media_number(m, "out");
        if (!edit_format_is_sane(in))
            continue;
        bool range = edit_format_is_sane(out) && edit_format_cmp(out, in) > 0;
        json_t *ours = json_object();
        edit_format_put_string(ours, "comment", xml_tree_text(m, "comment"));
        json_t *marked = edit_format_range(in, rate, range ? edit_format_sub(out, in) : zero, rate);
        json_array_append_new(markers, edit_format_marker(xml_tree_text(m, "name"), "RED", marked,
                                                          edit_format_metadata("fcp_xml", ours)));
    }
    return markers;
}

static struct edit_ratio cut_point(const struct xml_node *transition)
{
    struct edit_ratio start = fcp_media_number(transition, "start"),
                      end = fcp_media_number(transition, "end");
    const char *align = xml_tree_text(transition, "alignment");
    if (!start.den || !end.den)
        return unknown;
    if (align && strncmp(align, "start", 5) == 0)
        return start;
    if (align && strncmp(align, "end", 3) == 0)
        return end;
    struct edit_ratio sum = edit_format_add(start, end);
    return sum.den ? edit_format_ratio(sum.num / (2 * sum.den), 1) : unknown;
}

static bool is_item(const struct xml_node *node)
{
    return strcmp(node->name, "clipitem") == 0 || strcmp(node->name, "generatoritem") == 0;
}

static bool is_transition(const struct xml_node *node)
{
    return node && strcmp(node->name, "transitionitem") == 0;
}

/* The next item or transition of a track behind `node`. */
static const struct xml_node *next_item(const struct xml_node *node)
{
    for (node = node->next; node; node = node->next)
        if (is_item(node) || is_transition(node))
            return node;
    return NULL;
}

/* Where an item is on its track, and its first source frame at its own rate. */
struct timing {
    struct edit_ratio from, to, in, rate;
};

/* A start or end of -1 is hidden by the transition beside it: there the cut point counts, and the
 * source runs on from the transition's start. */
static bool read_timing(const struct track *t, const struct xml_node *item,
                        const struct xml_node *before, struct timing *ret)
{
    const struct xml_node *after = next_item(item);
    struct edit_ratio in = fcp_media_number(item, "in"), out = fcp_media_number(item, "out");
    ret->rate = fcp_media_rate(item, t->rate);
    ret->from = fcp_media_number(item, "start");
    ret->to = fcp_media_number(item, "end");
    ret->in = in.den && in.num >= 0 ? in : zero;
    if (ret->from.den && ret->from.num < 0 && is_transition(before)) {
        ret->from = cut_point(before);
        struct edit_ratio hidden = edit_format_sub(ret->from, fcp_media_number(before, "start"));
        ret->in = edit_format_add(ret->in, fcp_media_convert(hidden, t->rate, ret->rate));
    }
    if (ret->to.den && ret->to.num < 0 && is_transition(after))
        ret->to = cut_point(after);
    struct edit_ratio length = fcp_media_convert(edit_format_sub(out, in), ret->rate, t->rate);
    bool from = ret->from.den && ret->from.num >= 0, to = ret->to.den && ret->to.num >= 0;
    if (from && !to)
        ret->to = edit_format_add(ret->from, length);
    if (to && !from)
        ret->from = edit_format_sub(ret->to, length);
    return edit_format_is_sane(ret->from) && edit_format_is_sane(ret->to) &&
           edit_format_is_sane(ret->in) && edit_format_cmp(ret->from, ret->to) <= 0;
}

static json_t *read_sequence(struct reader *r, const struct xml_node *sequence,
                             struct edit_ratio outer, enum use use, json_t *range);

/* Duration in the media's frames where that is a whole number, else in the sequence's. */
static json_t *source_range(const struct track *t, const struct timing *at, struct edit_ratio start,
                            struct edit_ratio rate)
{
    struct edit_ratio shown = edit_format_sub(at->to, at->from);
    struct edit_ratio own = fcp_media_convert(shown, t->rate, rate);
    bool whole = own.den == 1;
    return edit_format_range(start, rate, whole ? own : shown, whole ? rate : t->rate);
}

/* The item's metadata under our name. */
static json_t *make_metadata(const struct xml_node *item)
{
    json_t *ours = json_object();
    edit_format_put_string(ours, "id", xml_tree_attr(item, "id"));
    edit_format_put_string(ours, "masterclipid", xml_tree_text(item, "masterclipid"));
    return edit_format_metadata("fcp_xml", ours);
}

static json_t *make_object(struct track *t, const struct xml_node *item, const struct timing *at)
{
    const char *name = xml_tree_text(item, "name");
    bool generator = strcmp(item->name, "generatoritem") == 0;
    bool disabled = t->disabled || fcp_media_false(item, "enabled");
    const struct xml_node *nested = fcp_media_resolve(t->r->tree, xml_tree_child(item, "sequence"));
    if (nested && !generator) {
        json_t *range = source_range(t, at, at->in, at->rate);
        enum use use = t->audio ? USE_AUDIO : USE_VIDEO; /* its other half is on other tracks */
        json_t *stack = read_sequence(t->r, nested, at->rate, use, range);
        if (!stack)
            return NULL;
        edit_format_put(stack, "name", edit_format_string(name ? name : ""));
        edit_format_put(stack, "enabled", json_boolean(!disabled));
        edit_format_put(stack, "effects", fcp_media_effects(item));
        edit_format_put(stack, "metadata", make_metadata(item));
        return stack;
    }
    struct fcp_media m = fcp_media_find(t->r->tree, item, at->rate);
    if (m.file && visit(t->r, m.file) < 0)
        return NULL;
    struct edit_ratio start = edit_format_add(m.start, fcp_media_convert(at->in, at->rate, m.rate));
    if (!edit_format_is_sane(start)) {
        refuse(t->r, item, "a time out of range");
        return NULL;
    }
    const char *drawn = xml_tree_text(item, "effect/name");
    struct edit_clip clip = {
        .name = name,
        .disabled = disabled,
        .range = source_range(t, at, start, m.rate),
        .metadata = make_metadata(item),
        .effects = fcp_media_effects(item),
        .markers = make_markers(item, at->rate),
        .reference = generator ? edit_format_generator(drawn, drawn ? drawn : "generator", NULL)
                               : fcp_media_reference(&m, name),
    };
    return edit_format_clip(&clip);
}

static size_t count_markers(const struct xml_node *node)
{
    size_t n = 0;
    for (const struct xml_node *m = xml_tree_child(node, "marker"); m; n++)
        m = xml_tree_next(m, "marker");
    return n;
}

static int read_item(struct track *t, const struct xml_node *item, const struct xml_node *before)
{
    struct timing at;
    if (count_items(t->r, item, 1 + count_markers(item)) < 0)
        return t->r->e->code;
    if (!read_timing(t, item, before, &at))
        return refuse(t->r, item, "its start, end, in and out say not where it is");
    json_t *object = make_object(t, item, &at);
    if (!object)
        return t->r->e->code;
    if (edit_format_cmp(at.from, t->end) < 0) /* cross-faded sound: one behind the other */
        at.from = t->end;
    if (edit_format_cmp(at.to, at.from) < 0)
        at.to = at.from;
    t->end = at.to;
    edit_format_place(t->items, (struct edit_item){t->lane, t->audio, at.from, at.to, object});
    return 0;
}

static int read_transition(struct track *t, const struct xml_node *node)
{
    struct edit_ratio start = fcp_media_number(node, "start"), end = fcp_media_number(node, "end");
    struct edit_ratio cut = cut_point(node);
    if (count_items(t->r, node, 1) < 0)
        return t->r->e->code;
    if (!edit_format_is_sane(start) || !edit_format_is_sane(end) || !edit_format_is_sane(cut) ||
        edit_format_cmp(start, cut) > 0 || edit_format_cmp(cut, end) > 0)
        return refuse(t->r, node, "its start and end say not where it is");
    const char *category = xml_tree_text(node, "effect/effectcategory");
    bool wipe = category && strcasecmp(category, "Wipe") == 0;
    json_t *object = edit_format_transition(
        xml_tree_text(node, "effect/name"), wipe ? "SMPTE_Wipe" : "SMPTE_Dissolve",
        edit_format_sub(cut, start), edit_format_sub(end, cut), t->rate, NULL);
    edit_format_place(t->items, (struct edit_item){t->lane, t->audio, cut, cut, object});
    return 0;
}

/* Tracks and sequences */

static int read_track(struct track *t, const struct xml_node *track)
{
    const struct xml_node *before = NULL;
    t->disabled = fcp_media_false(track, "enabled");
    t->end = zero;
    for (const struct xml_node *c = track->child; c; c = c->next) {
        int r = 0;
        if (is_item(c))
            r = read_item(t, c, before);
        else if (is_transition(c))
            r = read_transition(t, c);
        else
            continue;
        if (r < 0)
            return r;
        before = c;
    }
    return 0;
}

/* What an item plays, as an id: of its file or its sequence. */
static const char *media_id(const struct xml_node *item)
{
    const char *id = xml_tree_attr(xml_tree_child(item, "file"), "id");
    return id ? id : xml_tree_attr(xml_tree_child(item, "sequence"), "id");
}

/* A further channel of the track before it, which names nothing that the first does not. */
static bool is_exploded_copy(const struct xml_node *track, const struct xml_node *first)
{
    size_t looks = 0;
    const char *index = xml_tree_attr(track, "currentExplodedTrackIndex");
    if (!first || !index || strcmp(index, "0") == 0)
        return false;
    const struct xml_node *item = xml_tree_child(track, "clipitem");
    for (; item; item = xml_tree_next(item, "clipitem")) {
        const char *id = media_id(item);
        const struct xml_node *same = xml_tree_child(first, "clipitem");
        while (id && same && (!media_id(same) || strcmp(media_id(same), id) != 0)) {
            same = xml_tree_next(same, "clipitem");
            looks++;
        }
        if (!id || !same || looks > LOOKS_MAX)
            return false;
    }
    return true;
}

static int read_tracks(struct reader *r, const struct xml_node *kind, bool audio,
                       struct edit_ratio rate, struct edit_items *items)
{
    struct track t = {.r = r, .items = items, .rate = rate, .audio = audio};
    const struct xml_node *track = xml_tree_child(kind, "track"), *first = NULL;
    for (; track; track = xml_tree_next(track, "track")) {
        if (is_exploded_copy(track, first))
            continue;
        first = track;
        t.lane++;
        int result = read_track(&t, track);
        if (result < 0)
            return result;
    }
    return 0;
}

/* A sequence as a Stack.1; takes `range`. NULL: refused. */
static json_t *read_sequence(struct reader *r, const struct xml_node *sequence,
                             struct edit_ratio outer, enum use use, json_t *range)
{
    struct edit_ratio rate = fcp_media_rate(sequence, outer);
    struct edit_items items = {0};
    int result = 0;
    if (r->nested++ == EDIT_FORMAT_NESTED_MAX)
        result = refuse(r, sequence, "sequences in sequences, more than 32 deep, or in themselves");
    if (result == 0)
        result = visit(r, sequence);
    if (result == 0)
        result = count_items(r, sequence, count_markers(sequence));
    if (result == 0 && use != USE_AUDIO)
        result = read_tracks(r, xml_tree_find(sequence, "media/video"), false, rate, &items);
    if (result == 0 && use != USE_VIDEO)
        result = read_tracks(r, xml_tree_find(sequence, "media/audio"), true, rate, &items);
    r->nested--;
    if (result < 0) {
        edit_format_items_done(&items);
        json_decref(range);
        return NULL;
    }
    return edit_format_stack("", &items, rate, range, make_markers(sequence, rate));
}

static int add_timeline(struct reader *r, const struct xml_node *sequence, json_t *timelines)
{
    struct edit_ratio rate = fcp_media_rate(sequence, edit_format_ratio(24, 1));
    const struct xml_node *tc = xml_tree_child(sequence, "timecode");
    json_t *stack = read_sequence(r, sequence, rate, USE_BOTH, NULL), *start = NULL,
           *ours = json_object();
    if (!stack) {
        json_decref(ours);
        return r->e->code;
    }
    struct edit_ratio tc_rate = fcp_media_rate(tc, rate), frame = fcp_media_timecode(tc, tc_rate);
    if (tc && edit_format_is_sane(frame))
        start = edit_format_time(frame, tc_rate);
    edit_format_put_string(ours, "id", xml_tree_attr(sequence, "id"));
    json_array_append_new(timelines,
                          edit_format_timeline(xml_tree_text(sequence, "name"), start, stack,
                                               edit_format_metadata("fcp_xml", ours)));
    return 0;
}

/* Every sequence that is not in another. Recursion is bounded by XML_TREE_DEPTH_MAX. */
static int find_sequences(struct reader *r, const struct xml_node *node, json_t *timelines)
{
    for (const struct xml_node *c = node->child; c; c = c->next) {
        int result = 0;
        if (strcmp(c->name, "sequence") == 0)
            result = add_timeline(r, c, timelines);
        else if (strcmp(c->name, "clip") != 0)
            result = find_sequences(r, c, timelines);
        if (result < 0)
            return result;
    }
    return 0;
}

int fcp_xml_read(const void *data, size_t n, json_t **ret, struct err *e)
{
    AUTO(xml_tree) struct xml_tree *tree = NULL;
    struct err own;
    struct reader r = {.e = e ? e : &own};
    int result = xml_tree_parse(data, n, &tree, r.e);
    if (result < 0)
        return result;
    r.tree = tree;
    const struct xml_node *root = xml_tree_root(tree);
    if (strcmp(root->name, "xmeml") != 0)
        return refuse(&r, root, "a Final Cut Pro 7 document begins with <xmeml>");
    json_t *timelines = json_array();
    result = find_sequences(&r, root, timelines);
    if (result == 0 && json_array_size(timelines) == 0)
        result = refuse(&r, root, "no sequence in it");
    if (result < 0) {
        json_decref(timelines);
        return result;
    }
    *ret = edit_format_collection(timelines);
    return 0;
}
