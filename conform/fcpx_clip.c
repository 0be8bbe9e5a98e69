/* conform/fcpx_clip.c - one element of an FCPXML sequence: where it is, and its clip. */
/* SPDX-License-Identifier: MIT */
#include "conform/fcpx_clip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "conform/xml_tree.h"

#define LANE_MAX 10000 /* either way */

static const struct edit_ratio zero = {0, 1};

int fcpx_clip_refuse(struct fcpx_reader *r, const struct xml_node *node, const char *why)
{
    return err_set(r->e, -EBADMSG, "line %lu: <%.60s>: %s", node->line, node->name, why);
}

int fcpx_clip_visit(struct fcpx_reader *r, const struct xml_node *node)
{
    r->visits += node->size;
    if (r->visits <= EDIT_FORMAT_VISITS_MAX)
        return 0;
    return err_set(r->e, -EFBIG, "line %lu: <%.60s>: it is used too often", node->line, node->name);
}

int fcpx_clip_count(struct fcpx_reader *r, const struct xml_node *node)
{
    if (r->items++ < EDIT_FORMAT_ITEMS_MAX)
        return 0;
    return err_set(r->e, -EFBIG, "line %lu: more than %d clips and markers", node->line,
                   EDIT_FORMAT_ITEMS_MAX);
}

enum fcpx_story fcpx_clip_story(const struct xml_node *node)
{
    static const struct {
        const char *name;
        enum fcpx_story story;
    } names[] = {
        {"asset-clip", FCPX_STORY_LEAF},   {"video", FCPX_STORY_LEAF},
        {"audio", FCPX_STORY_LEAF},        {"title", FCPX_STORY_LEAF},
        {"clip", FCPX_STORY_HOLDER},       {"sync-clip", FCPX_STORY_HOLDER},
        {"ref-clip", FCPX_STORY_COMPOUND}, {"mc-clip", FCPX_STORY_MULTICAM},
        {"audition", FCPX_STORY_AUDITION}, {"gap", FCPX_STORY_GAP},
        {"spine", FCPX_STORY_SPINE},       {"transition", FCPX_STORY_TRANSITION},
    };
    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(node->name, names[i].name) == 0)
            return names[i].story;
    return FCPX_STORY_NONE;
}

bool fcpx_clip_is(const struct xml_node *node, const char *name)
{
    return strcmp(node->name, name) == 0;
}

enum fcpx_use fcpx_clip_use(const struct xml_node *node)
{
    const char *s = xml_tree_attr(node, "srcEnable");
    if (!s || strcmp(s, "all") == 0)
        return FCPX_USE_BOTH;
    return strcmp(s, "video") == 0   ? FCPX_USE_VIDEO
           : strcmp(s, "audio") == 0 ? FCPX_USE_AUDIO
                                     : FCPX_USE_NONE;
}

int fcpx_clip_markers(struct fcpx_reader *r, const struct xml_node *node, struct edit_ratio rate,
                      struct edit_ratio shift, json_t *markers)
{
    for (const struct xml_node *m = node ? node->child : NULL; m; m = m->next) {
        if (!fcpx_clip_is(m, "marker") && !fcpx_clip_is(m, "chapter-marker"))
            continue;
        struct edit_ratio at = edit_format_add(fcpx_media_time(m, "start", zero), shift);
        struct edit_ratio start = edit_format_mul(at, rate);
        struct edit_ratio length = edit_format_mul(fcpx_media_time(m, "duration", zero), rate);
        if (fcpx_clip_count(r, m) < 0)
            return r->e->code;
        if (!edit_format_is_sane(start) || !edit_format_is_sane(length))
            return fcpx_clip_refuse(r, m, "a time that cannot be");
        const char *todo = xml_tree_attr(m, "completed");
        const char *color = todo ? strcmp(todo, "1") == 0 ? "GREEN" : "RED" : "BLUE";
        json_array_append_new(
            markers, edit_format_marker(xml_tree_attr(m, "value"), color,
                                        edit_format_range(start, rate, length, rate), NULL));
    }
    return 0;
}

static struct edit_ratio later(struct edit_ratio a, struct edit_ratio b)
{
    return edit_format_cmp(a, b) > 0 ? a : b;
}

int fcpx_clip_stretch(struct fcpx_build *b, const struct xml_node *node, const struct fcpx_place *p,
                      struct edit_ratio start, struct edit_ratio duration, struct fcpx_stretch *ret)
{
    ret->start = fcpx_media_time(node, "start", start);
    ret->begin = edit_format_add(p->origin, fcpx_media_time(node, "offset", p->offset));
    ret->end = edit_format_add(ret->begin, fcpx_media_time(node, "duration", duration));
    ret->from = ret->begin;
    ret->to = ret->end;
    if (!edit_format_is_sane(edit_format_mul(ret->start, b->rate)) ||
        !edit_format_is_sane(edit_format_mul(ret->from, b->rate)) ||
        !edit_format_is_sane(edit_format_mul(ret->to, b->rate)) ||
        edit_format_cmp(ret->from, ret->to) > 0)
        return fcpx_clip_refuse(b->r, node, "offset, start and duration say not where it is");
    if (p->cut) {
        /* in a retimed clip offset and duration are of what is played, not of the sequence */
        ret->from = p->retime.has ? p->from : later(ret->from, p->from);
        if (p->retime.has || edit_format_cmp(ret->to, p->to) > 0)
            ret->to = p->to;
    }
    return 0;
}

bool fcpx_clip_hidden(const struct fcpx_place *p, const struct fcpx_stretch *s)
{
    return p->cut && edit_format_cmp(s->from, s->to) >= 0;
}

int fcpx_clip_lane(const struct xml_node *node, const struct fcpx_place *p)
{
    const char *s = xml_tree_attr(node, "lane");
    long lane = s ? strtol(s, NULL, 10) : 0;
    lane = lane > LANE_MAX ? LANE_MAX : lane < -LANE_MAX ? -LANE_MAX : lane;
    if (p->content && p->lane != 0)
        return p->lane; /* a connected clip is on one lane with all that is in it */
    lane += p->lane;
    return (int)(lane > LANE_MAX ? LANE_MAX : lane < -LANE_MAX ? -LANE_MAX : lane);
}

bool fcpx_clip_disabled(const struct xml_node *node, const struct fcpx_place *p)
{
    const char *s = xml_tree_attr(node, "enabled");
    return p->disabled || (s && strcmp(s, "0") == 0);
}

void fcpx_clip_put(struct fcpx_build *b, const struct fcpx_stretch *s, int lane, bool audio,
                   json_t *object)
{
    edit_format_place(&b->items, (struct edit_item){
                                     .lane = lane,
                                     .audio = audio,
                                     .from = edit_format_mul(s->from, b->rate),
                                     .to = edit_format_mul(s->to, b->rate),
                                     .object = object,
                                 });
}

/* Leaves */

struct edit_ratio fcpx_clip_start(const struct fcpx_asset *a, const struct fcpx_place *p,
                                  const struct fcpx_stretch *s, const struct fcpx_retime *retime)
{
    struct edit_ratio from = edit_format_sub(s->from, p->origin);
    struct edit_ratio to = edit_format_sub(s->to, p->origin);
    struct edit_ratio offset = edit_format_sub(s->begin, p->origin);
    if (retime->has && !retime->speed.den)
        return a->start;
    if (!retime->has) /* `from` of the parent's time, in the element's */
        return edit_format_add(s->start, edit_format_sub(from, offset));
    if (retime == &p->retime) /* the clip around it: its map is of the parent's time */
        return edit_format_add(s->start,
                               edit_format_sub(fcpx_media_played(retime, from, to), offset));
    struct edit_ratio shift = edit_format_sub(s->start, offset);
    return fcpx_media_played(retime, edit_format_add(from, shift), edit_format_add(to, shift));
}

static json_t *make_clip(struct fcpx_build *b, const struct xml_node *node,
                         const struct fcpx_place *p, const struct fcpx_stretch *s,
                         const struct fcpx_asset *a)
{
    struct fcpx_retime own = fcpx_media_retime(node, b->rate);
    const struct fcpx_retime *retime = own.has || !p->owner ? &own : &p->retime;
    struct edit_ratio start = edit_format_mul(fcpx_clip_start(a, p, s, retime), a->rate);
    struct edit_ratio length = edit_format_mul(edit_format_sub(s->to, s->from), a->rate);
    if (!edit_format_is_sane(start) || !edit_format_is_sane(length)) {
        fcpx_clip_refuse(b->r, node, "a time that cannot be");
        return NULL;
    }
    bool part =
        p->owner && !fcpx_clip_is(node, "asset-clip"); /* a component: the clip has the name */
    const char *name = xml_tree_attr(part ? p->owner : node, "name");
    const char *ref = xml_tree_attr(node, "ref");
    if (!name || !*name)
        name = xml_tree_attr(a->node, "name");
    const struct xml_node *effect = ref ? xml_tree_by_id(b->r->tree, "effect", ref) : NULL;
    struct edit_clip clip = {
        .name = name,
        .disabled = fcpx_clip_disabled(node, p),
        .range = edit_format_range(start, a->rate, length, a->rate),
        .effects = json_array(),
        .markers = json_array(),
    };
    if (retime->has && (retime->speed.num != retime->speed.den || retime->speed.den == 0))
        json_array_append_new(clip.effects, edit_format_warp(retime->speed, NULL));
    if (!a->node && (effect || fcpx_clip_is(node, "title")))
        clip.reference =
            edit_format_generator(xml_tree_attr(effect, "name"),
                                  fcpx_clip_is(node, "title") ? "title" : "generator", NULL);
    else
        clip.reference = fcpx_media_reference(a, name, &clip.references);
    const struct xml_node *parent =
        fcpx_clip_is(node->parent, "gap") ? node->parent->parent : node->parent;
    int r = fcpx_clip_markers(b->r, node, a->rate, zero, clip.markers);
    if (r == 0 && p->owner == parent)
        r = fcpx_clip_markers(b->r, p->owner, a->rate, zero, clip.markers);
    json_t *object = edit_format_clip(&clip);
    if (r == 0)
        return object;
    json_decref(object);
    return NULL;
}

int fcpx_clip_leaf(struct fcpx_build *b, const struct xml_node *node, const struct fcpx_place *p,
                   struct fcpx_stretch *s)
{
    struct fcpx_asset a = fcpx_media_asset(b->r->tree, xml_tree_attr(node, "ref"), b->rate);
    int r =
        fcpx_clip_stretch(b, node, p, fcpx_clip_is(node, "title") ? zero : a.start, a.duration, s);
    if (r == 0 && a.node)
        r = fcpx_clip_visit(b->r, a.node);
    if (r < 0)
        return r;
    enum fcpx_use use = fcpx_clip_use(node);
    bool picture = fcpx_clip_is(node, "audio")        ? false
                   : fcpx_clip_is(node, "asset-clip") ? a.video
                                                      : true;
    bool sound = fcpx_clip_is(node, "audio") || (fcpx_clip_is(node, "asset-clip") && a.audio);
    picture = picture && use != FCPX_USE_AUDIO && use != FCPX_USE_NONE && b->use != FCPX_USE_AUDIO;
    sound = sound && use != FCPX_USE_VIDEO && use != FCPX_USE_NONE && b->use != FCPX_USE_VIDEO;
    if ((!picture && !sound) || fcpx_clip_hidden(p, s))
        return 0;
    if (fcpx_clip_count(b->r, node) < 0)
        return b->r->e->code;
    json_t *object = make_clip(b, node, p, s, &a);
    if (!object)
        return b->r->e->code;
    fcpx_clip_put(b, s, fcpx_clip_lane(node, p), !picture, object);
    return 0;
}
