/* conform/fcpx_xml.c - FCPXML 1.x, the documents of Final Cut Pro X, as OpenTimelineIO. */
/* SPDX-License-Identifier: MIT */
#include "conform/fcpx_xml.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/edit_format.h"
#include "conform/fcpx_clip.h"
#include "conform/fcpx_media.h"
#include "conform/xml_tree.h"

#define STORY_DEPTH_MAX 600 /* elements in elements, compounds expanded: bounds the stack */

static const struct edit_ratio zero = {0, 1}, unknown = {0, 0};

/* Reads an element with all that is in it and connected to it; tells where it was. */
static int read_story(struct fcpx_build *b, const struct xml_node *node, const struct fcpx_place *p,
                      struct fcpx_stretch *ret);

/* What is connected to a leaf or a gap, which is at `s` itself. */
static int read_children(struct fcpx_build *b, const struct xml_node *node,
                         const struct fcpx_place *around, const struct fcpx_stretch *s)
{
    struct fcpx_place p = *around;
    struct edit_ratio shift = edit_format_sub(s->begin, s->start);
    p.offset = s->start;
    p.lane = fcpx_clip_lane(node, around);
    p.disabled = fcpx_clip_disabled(node, around);
    if (p.retime.has) /* the map stays the clip's, its values become this element's times */
        p.retime.value = edit_format_add(p.retime.value, edit_format_sub(around->origin, shift));
    else
        p.origin = shift;
    for (const struct xml_node *c = node->child; c; c = c->next) {
        struct fcpx_stretch at;
        int r = fcpx_clip_story(c) != FCPX_STORY_NONE ? read_story(b, c, &p, &at) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

/* Compounds */

static json_t *read_sequence(struct fcpx_reader *r, const struct xml_node *sequence,
                             enum fcpx_use use, struct edit_ratio outer);
static int read_spine(struct fcpx_build *b, const struct xml_node *spine,
                      const struct fcpx_place *around, struct edit_ratio begin);

/* The angles that a multicam clip uses, as a Stack.1; NULL: refused. */
static json_t *read_angles(struct fcpx_build *outer, const struct xml_node *clip,
                           const struct xml_node *multicam)
{
    struct fcpx_reader *r = outer->r;
    struct fcpx_build b = {.r = r, .use = outer->use, .markers = json_array()};
    struct fcpx_place p = {.offset = zero};
    int result = fcpx_clip_visit(r, multicam);
    b.rate = fcpx_media_rate(r->tree, xml_tree_attr(multicam, "format"), outer->rate);
    p.origin = edit_format_sub(zero, fcpx_media_time(multicam, "tcStart", zero));
    const struct xml_node *source = xml_tree_child(clip, "mc-source");
    for (; source && result == 0; source = xml_tree_next(source, "mc-source")) {
        const char *id = xml_tree_attr(source, "angleID");
        const struct xml_node *angle = xml_tree_child(multicam, "mc-angle");
        while (id && angle &&
               strcmp(id, xml_tree_attr(angle, "angleID") ? xml_tree_attr(angle, "angleID") : "") !=
                   0)
            angle = xml_tree_next(angle, "mc-angle");
        enum fcpx_use use = fcpx_clip_use(source);
        b.use = outer->use == FCPX_USE_BOTH ? use : outer->use;
        if (use != FCPX_USE_BOTH && use != b.use)
            continue;
        if (id && angle)
            result = read_spine(&b, angle, &p, zero);
        p.lane++;
    }
    if (result == 0)
        return edit_format_stack("", &b.items, b.rate, NULL, b.markers);
    edit_format_items_done(&b.items);
    json_decref(b.markers);
    return NULL;
}

static bool has_picture(const json_t *stack)
{
    size_t i;
    json_t *track;
    json_array_foreach(json_object_get(stack, "children"), i, track)
    {
        if (strcmp(json_string_value(json_object_get(track, "kind")), "Video") == 0)
            return true;
    }
    return false;
}

/* The Stack.1 of a ref-clip or mc-clip and when its time begins. */
static json_t *make_stack(struct fcpx_build *b, const struct xml_node *node, enum fcpx_use use,
                          struct edit_ratio *ret_begin, struct edit_ratio *ret_length)
{
    const char *ref = xml_tree_attr(node, "ref");
    const struct xml_node *media = ref ? xml_tree_by_id(b->r->tree, "media", ref) : NULL;
    const struct xml_node *sequence = xml_tree_child(media, "sequence");
    const struct xml_node *multicam = xml_tree_child(media, "multicam");
    if (!sequence && !multicam) {
        fcpx_clip_refuse(b->r, node, "it refers to a compound that is not in the document");
        return NULL;
    }
    *ret_begin = fcpx_media_time(sequence ? sequence : multicam, "tcStart", zero);
    *ret_length = fcpx_media_time(sequence, "duration", unknown);
    if (b->r->nested == EDIT_FORMAT_NESTED_MAX) {
        fcpx_clip_refuse(b->r, node, "compounds in compounds, more than 32 deep, or in themselves");
        return NULL;
    }
    b->r->nested++;
    json_t *stack =
        sequence ? read_sequence(b->r, sequence, use, b->rate) : read_angles(b, node, multicam);
    b->r->nested--;
    return stack;
}

static int read_compound(struct fcpx_build *b, const struct xml_node *node,
                         const struct fcpx_place *p, struct fcpx_stretch *s)
{
    struct edit_ratio begin, length;
    enum fcpx_use use = fcpx_clip_use(node);
    if (fcpx_clip_count(b->r, node) < 0)
        return b->r->e->code;
    bool none =
        use == FCPX_USE_NONE || (use != FCPX_USE_BOTH && b->use != FCPX_USE_BOTH && use != b->use);
    json_t *stack = make_stack(b, node, use == FCPX_USE_BOTH ? b->use : use, &begin, &length);
    if (!stack)
        return b->r->e->code;
    int r = fcpx_clip_stretch(b, node, p, begin, length, s);
    if (r == 0)
        r = fcpx_clip_markers(b->r, node, b->rate, edit_format_sub(zero, begin),
                              json_object_get(stack, "markers"));
    if (r < 0 || none || fcpx_clip_hidden(p, s)) {
        json_decref(stack);
        return r;
    }
    struct fcpx_retime own = fcpx_media_retime(node, b->rate);
    struct fcpx_asset as_media = {.start = begin};
    struct edit_ratio start = edit_format_sub(fcpx_clip_start(&as_media, p, s, &own), begin);
    struct edit_ratio shown = edit_format_sub(s->to, s->from);
    start = edit_format_mul(start, b->rate);
    if (!edit_format_is_sane(start)) {
        json_decref(stack);
        return fcpx_clip_refuse(b->r, node, "a time that cannot be");
    }
    edit_format_put(stack, "source_range",
                    edit_format_range(start, b->rate, edit_format_mul(shown, b->rate), b->rate));
    edit_format_put_string(stack, "name", xml_tree_attr(node, "name"));
    edit_format_put(stack, "enabled", json_boolean(!fcpx_clip_disabled(node, p)));
    if (own.has && (own.speed.num != own.speed.den || own.speed.den == 0))
        json_array_append_new(json_object_get(stack, "effects"), edit_format_warp(own.speed, NULL));
    fcpx_clip_put(b, s, fcpx_clip_lane(node, p), !has_picture(stack), stack);
    return 0;
}

/* Holders, spines, transitions */

/* A clip shows a stretch of what is in it; what is connected to it is not cut. */
static int read_holder(struct fcpx_build *b, const struct xml_node *node,
                       const struct fcpx_place *p, const struct fcpx_stretch *s)
{
    struct fcpx_place in = {
        .origin = edit_format_sub(s->begin, s->start),
        .offset = zero,
        .lane = fcpx_clip_lane(node, p),
        .disabled = fcpx_clip_disabled(node, p),
    };
    struct fcpx_place on = in;
    in.cut = true;
    in.from = s->from;
    in.to = s->to;
    in.content = true;
    in.owner = node;
    in.retime = fcpx_media_retime(node, b->rate);
    on.cut = p->cut;
    on.from = p->from;
    on.to = p->to;
    for (const struct xml_node *c = node->child; c; c = c->next) {
        bool connected =
            xml_tree_attr(c, "lane") && !fcpx_clip_is(c, "audio") && !fcpx_clip_is(c, "video");
        struct fcpx_stretch at;
        int r = fcpx_clip_story(c) != FCPX_STORY_NONE ? read_story(b, c, connected ? &on : &in, &at)
                                                      : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

static bool is_sound(const struct fcpx_build *b, const struct xml_node *node)
{
    if (!node || b->use == FCPX_USE_AUDIO)
        return node != NULL;
    if (fcpx_clip_is(node, "audio") || fcpx_clip_use(node) == FCPX_USE_AUDIO)
        return true;
    const char *ref = xml_tree_attr(node, "ref");
    return fcpx_clip_is(node, "asset-clip") && !fcpx_media_asset(b->r->tree, ref, b->rate).video;
}

/* A transition lies over the cut that follows `cut` seconds of the spine. */
static int read_transition(struct fcpx_build *b, const struct xml_node *node,
                           const struct fcpx_place *p, struct edit_ratio cut,
                           const struct xml_node *beside)
{
    struct edit_ratio at = fcpx_media_time(node, "offset", cut);
    struct edit_ratio end = edit_format_add(at, fcpx_media_time(node, "duration", zero));
    struct edit_ratio in = edit_format_mul(edit_format_sub(cut, at), b->rate);
    struct edit_ratio out = edit_format_mul(edit_format_sub(end, cut), b->rate);
    struct edit_ratio place = edit_format_add(p->origin, cut);
    if (fcpx_clip_count(b->r, node) < 0)
        return b->r->e->code;
    if (!edit_format_is_sane(in) || !edit_format_is_sane(out) || in.num < 0 || out.num < 0 ||
        !edit_format_is_sane(edit_format_mul(place, b->rate)))
        return fcpx_clip_refuse(b->r, node, "it lies over no cut");
    struct fcpx_stretch s = {.from = place, .to = place};
    if (p->cut && (edit_format_cmp(place, p->from) < 0 || edit_format_cmp(place, p->to) > 0))
        return 0;
    fcpx_clip_put(b, &s, p->lane, is_sound(b, beside),
                  edit_format_transition(xml_tree_attr(node, "name"), "SMPTE_Dissolve", in, out,
                                         b->rate, NULL));
    return 0;
}

static const struct xml_node *next_story(const struct xml_node *node)
{
    for (node = node->next; node; node = node->next)
        if (fcpx_clip_story(node) != FCPX_STORY_NONE &&
            fcpx_clip_story(node) != FCPX_STORY_TRANSITION)
            return node;
    return NULL;
}

/* One after another; `begin` is where the spine's own time starts. */
static int read_spine(struct fcpx_build *b, const struct xml_node *spine,
                      const struct fcpx_place *around, struct edit_ratio begin)
{
    struct fcpx_place p = *around;
    const struct xml_node *before = NULL;
    p.offset = begin;
    for (const struct xml_node *c = spine->child; c; c = c->next) {
        enum fcpx_story story = fcpx_clip_story(c);
        int r = 0;
        if (story == FCPX_STORY_TRANSITION) {
            const struct xml_node *next = next_story(c);
            if (!before && next)
                p.offset = fcpx_media_time(next, "offset", p.offset);
            r = read_transition(b, c, &p, p.offset, next ? next : before);
        } else if (story != FCPX_STORY_NONE) {
            struct fcpx_stretch at = {.end = zero};
            r = read_story(b, c, &p, &at);
            p.offset = edit_format_sub(at.end, p.origin);
            before = c;
        }
        if (r < 0)
            return r;
    }
    return 0;
}

/* A spine in another element: a connected storyline, or the inside of a synchronized clip. */
static int read_storyline(struct fcpx_build *b, const struct xml_node *node,
                          const struct fcpx_place *around, struct fcpx_stretch *ret)
{
    struct fcpx_place p = *around;
    struct edit_ratio offset = fcpx_media_time(node, "offset", around->offset);
    p.lane = fcpx_clip_lane(node, around);
    p.disabled = fcpx_clip_disabled(node, around);
    if (!edit_format_is_sane(offset))
        return fcpx_clip_refuse(b->r, node, "a time that cannot be");
    if (p.retime.has)
        p.retime.value = edit_format_sub(p.retime.value, offset);
    else
        p.origin = edit_format_add(p.origin, offset);
    ret->end = edit_format_add(around->origin, offset);
    return read_spine(b, node, &p, zero);
}

/* The pick of an audition stands where the audition stands. */
static int read_audition(struct fcpx_build *b, const struct xml_node *node,
                         const struct fcpx_place *around, struct fcpx_stretch *ret)
{
    struct fcpx_place p = *around;
    const struct xml_node *pick = node->child;
    while (pick && (fcpx_clip_story(pick) == FCPX_STORY_NONE ||
                    fcpx_clip_story(pick) == FCPX_STORY_TRANSITION))
        pick = pick->next;
    if (!pick)
        return 0;
    p.offset = fcpx_media_time(node, "offset", around->offset);
    if (!xml_tree_attr(pick, "lane"))
        p.lane = fcpx_clip_lane(node, around);
    p.disabled = fcpx_clip_disabled(node, around);
    return read_story(b, pick, &p, ret);
}

static int read_gap(struct fcpx_build *b, const struct xml_node *node, const struct fcpx_place *p,
                    struct fcpx_stretch *ret)
{
    int r = fcpx_clip_stretch(b, node, p, zero, zero, ret);
    if (r == 0)
        r = fcpx_clip_markers(b->r, node, b->rate, edit_format_sub(ret->begin, ret->start),
                              b->markers);
    return r == 0 ? read_children(b, node, p, ret) : r;
}

static int read_one(struct fcpx_build *b, const struct xml_node *node, const struct fcpx_place *p,
                    struct fcpx_stretch *ret)
{
    int r;
    switch (fcpx_clip_story(node)) {
    case FCPX_STORY_LEAF:
        r = fcpx_clip_leaf(b, node, p, ret);
        return r == 0 ? read_children(b, node, p, ret) : r;
    case FCPX_STORY_HOLDER:
        r = fcpx_clip_stretch(b, node, p, zero, unknown, ret);
        return r == 0 ? read_holder(b, node, p, ret) : r;
    case FCPX_STORY_COMPOUND:
    case FCPX_STORY_MULTICAM:
        r = read_compound(b, node, p, ret);
        return r == 0 ? read_children(b, node, p, ret) : r;
    case FCPX_STORY_AUDITION:
        return read_audition(b, node, p, ret);
    case FCPX_STORY_GAP:
        return read_gap(b, node, p, ret);
    case FCPX_STORY_SPINE:
        return read_storyline(b, node, p, ret);
    default: /* a transition that is in no spine joins nothing */
        return 0;
    }
}

static int read_story(struct fcpx_build *b, const struct xml_node *node, const struct fcpx_place *p,
                      struct fcpx_stretch *ret)
{
    *ret = (struct fcpx_stretch){.start = zero, .begin = p->origin, .end = p->origin};
    if (b->r->depth == STORY_DEPTH_MAX)
        return fcpx_clip_refuse(b->r, node, "clips in clips, more than 600 deep");
    b->r->depth++;
    int r = read_one(b, node, p, ret);
    b->r->depth--;
    return r;
}

/* The document */

static json_t *read_sequence(struct fcpx_reader *r, const struct xml_node *sequence,
                             enum fcpx_use use, struct edit_ratio outer)
{
    struct fcpx_build b = {.r = r, .use = use, .markers = json_array()};
    struct edit_ratio begin = fcpx_media_time(sequence, "tcStart", zero);
    const struct xml_node *spine = xml_tree_child(sequence, "spine");
    struct fcpx_place p = {.origin = edit_format_sub(zero, begin)};
    int result = fcpx_clip_visit(r, sequence);
    b.rate = fcpx_media_rate(r->tree, xml_tree_attr(sequence, "format"), outer);
    if (result == 0 && !edit_format_is_sane(edit_format_mul(begin, b.rate)))
        result = fcpx_clip_refuse(r, sequence, "a tcStart that cannot be");
    if (result == 0 && spine)
        result = read_spine(&b, spine, &p, begin);
    if (result == 0)
        return edit_format_stack("", &b.items, b.rate, NULL, b.markers);
    edit_format_items_done(&b.items);
    json_decref(b.markers);
    return NULL;
}

static int add_timeline(struct fcpx_reader *r, const struct xml_node *sequence, const char *name,
                        json_t *ret)
{
    struct edit_ratio rate =
        fcpx_media_rate(r->tree, xml_tree_attr(sequence, "format"), edit_format_ratio(24, 1));
    json_t *stack = read_sequence(r, sequence, FCPX_USE_BOTH, rate);
    if (!stack)
        return r->e->code;
    struct edit_ratio begin = fcpx_media_time(sequence, "tcStart", zero);
    json_t *start = edit_format_time(edit_format_mul(begin, rate), rate);
    json_array_append_new(ret, edit_format_timeline(name, start, stack, NULL));
    return 0;
}

static bool is_shelf(const struct xml_node *node)
{
    return fcpx_clip_is(node, "library") || fcpx_clip_is(node, "event") ||
           fcpx_clip_is(node, "fcpxml");
}

static int find_projects(struct fcpx_reader *r, const struct xml_node *node, json_t *ret)
{
    for (const struct xml_node *c = node->child; c; c = c->next) {
        const struct xml_node *sequence = fcpx_clip_is(c, "project") ? xml_tree_child(c, "sequence")
                                          : fcpx_clip_is(c, "sequence") ? c
                                                                        : NULL;
        int result = 0;
        if (sequence)
            result = add_timeline(r, sequence, xml_tree_attr(c, "name"), ret);
        else if (is_shelf(c))
            result = find_projects(r, c, ret);
        if (result < 0)
            return result;
    }
    return 0;
}

/* Clips that are in no project: what an editor drags out of the browser. */
static int find_clips(struct fcpx_reader *r, const struct xml_node *node, json_t *ret)
{
    const struct fcpx_place nowhere = {.origin = zero, .offset = zero};
    for (const struct xml_node *c = node->child; c; c = c->next) {
        struct fcpx_build b = {.r = r, .markers = json_array()};
        struct fcpx_stretch at;
        int result = 0;
        b.rate = fcpx_media_rate(r->tree, xml_tree_attr(c, "format"), edit_format_ratio(24, 1));
        if (is_shelf(c))
            result = find_clips(r, c, ret);
        else if (fcpx_clip_story(c) != FCPX_STORY_NONE)
            result = read_story(&b, c, &nowhere, &at);
        for (size_t i = 0; result == 0 && i < b.items.n; i++)
            json_array_append(ret, b.items.v[i].object);
        edit_format_items_done(&b.items);
        json_decref(b.markers);
        if (result < 0)
            return result;
    }
    return 0;
}

int fcpx_xml_read(const void *data, size_t n, json_t **ret, struct err *e)
{
    AUTO(xml_tree) struct xml_tree *tree = NULL;
    struct err own;
    struct fcpx_reader r = {.e = e ? e : &own};
    int result = xml_tree_parse(data, n, &tree, r.e);
    if (result < 0)
        return result;
    r.tree = tree;
    const struct xml_node *root = xml_tree_root(tree);
    if (!fcpx_clip_is(root, "fcpxml"))
        return fcpx_clip_refuse(&r, root, "a document of Final Cut Pro X begins with <fcpxml>");
    json_t *found = json_array();
    result = find_projects(&r, root, found);
    if (result == 0 && json_array_size(found) == 0)
        result = find_clips(&r, root, found);
    if (result == 0 && json_array_size(found) == 0)
        result = fcpx_clip_refuse(&r, root, "no project and no clip in it");
    if (result < 0) {
        json_decref(found);
        return result;
    }
    *ret = edit_format_collection(found);
    return 0;
}
