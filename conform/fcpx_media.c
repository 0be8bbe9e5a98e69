/* conform/fcpx_media.c - what an FCPXML document says of media: formats, assets, retimes. */
/* SPDX-License-Identifier: MIT */
#include "conform/fcpx_media.h"

#include <string.h>

#include "conform/xml_tree.h"

static const struct edit_ratio zero = {0, 1}, one = {1, 1}, unknown = {0, 0};

struct edit_ratio fcpx_media_time(const struct xml_node *node, const char *name,
                                  struct edit_ratio otherwise)
{
    const char *s = xml_tree_attr(node, name);
    return s ? edit_format_number(s) : otherwise;
}

struct edit_ratio fcpx_media_rate(const struct xml_tree *t, const char *id,
                                  struct edit_ratio otherwise)
{
    const struct xml_node *format = id ? xml_tree_by_id(t, "format", id) : NULL;
    struct edit_ratio frame = fcpx_media_time(format, "frameDuration", unknown);
    struct edit_ratio rate = edit_format_div(one, frame);
    bool usable = rate.den && rate.num > 0 && rate.num / 1000000 <= rate.den;
    return usable ? rate : otherwise;
}

static bool is_set(const struct xml_node *node, const char *name)
{
    const char *s = xml_tree_attr(node, name);
    return s && strcmp(s, "1") == 0;
}

struct fcpx_asset fcpx_media_asset(const struct xml_tree *t, const char *id,
                                   struct edit_ratio otherwise)
{
    struct fcpx_asset a = {.rate = otherwise, .start = zero, .duration = unknown, .video = true};
    a.node = id ? xml_tree_by_id(t, "asset", id) : NULL;
    if (!a.node)
        return a;
    a.rate = fcpx_media_rate(t, xml_tree_attr(a.node, "format"), otherwise);
    a.start = fcpx_media_time(a.node, "start", zero);
    a.duration = fcpx_media_time(a.node, "duration", unknown);
    a.audio = is_set(a.node, "hasAudio");
    a.video = is_set(a.node, "hasVideo") || !a.audio; /* says neither: a picture */
    return a;
}

static json_t *available_range(const struct fcpx_asset *a)
{
    struct edit_ratio start = edit_format_mul(a->start, a->rate);
    struct edit_ratio duration = edit_format_mul(a->duration, a->rate);
    if (!edit_format_is_sane(start) || !edit_format_is_sane(duration))
        return NULL;
    return edit_format_range(start, a->rate, duration, a->rate);
}

static json_t *make_metadata(const struct fcpx_asset *a)
{
    json_t *ours = json_object();
    edit_format_put_string(ours, "id", xml_tree_attr(a->node, "id"));
    edit_format_put_string(ours, "uid", xml_tree_attr(a->node, "uid"));
    const struct xml_node *md = xml_tree_find(a->node, "metadata/md");
    for (; md; md = xml_tree_next(md, "md")) {
        const char *key = xml_tree_attr(md, "key");
        if (key && strcmp(key, "com.apple.proapps.studio.reel") == 0)
            edit_format_put_string(ours, "reel", xml_tree_attr(md, "value"));
    }
    return edit_format_metadata("fcpx_xml", ours);
}

json_t *fcpx_media_reference(const struct fcpx_asset *a, const char *name, json_t **ret_more)
{
    *ret_more = NULL;
    if (!a->node)
        return edit_format_reference(name, NULL, NULL, NULL);
    const char *own = xml_tree_attr(a->node, "name"), *url = xml_tree_attr(a->node, "src");
    const struct xml_node *rep = xml_tree_child(a->node, "media-rep");
    for (; rep; rep = xml_tree_next(rep, "media-rep")) {
        const char *kind = xml_tree_attr(rep, "kind"), *src = xml_tree_attr(rep, "src");
        if (!src)
            continue;
        if (!kind || strcmp(kind, "original-media") == 0) {
            url = url ? url : src;
            continue;
        }
        *ret_more = *ret_more ? *ret_more : json_object();
        edit_format_put(*ret_more, kind,
                        edit_format_reference(own ? own : name, src, available_range(a), NULL));
    }
    return edit_format_reference(own ? own : name, url, available_range(a), make_metadata(a));
}

/* One line through all points of the map, or an unknown speed. */
static struct fcpx_retime read_map(const struct xml_node *map)
{
    const struct xml_node *p = xml_tree_child(map, "timept"), *next = xml_tree_next(p, "timept");
    struct fcpx_retime r = {.has = true, .speed = unknown};
    if (!next)
        return r;
    r.at = fcpx_media_time(p, "time", unknown);
    r.value = fcpx_media_time(p, "value", unknown);
    for (; next; p = next, next = xml_tree_next(next, "timept")) {
        struct edit_ratio time = edit_format_sub(fcpx_media_time(next, "time", unknown),
                                                 fcpx_media_time(p, "time", unknown));
        struct edit_ratio value = edit_format_sub(fcpx_media_time(next, "value", unknown),
                                                  fcpx_media_time(p, "value", unknown));
        struct edit_ratio speed = edit_format_div(value, time);
        bool first = r.speed.den == 0;
        if (!speed.den || (!first && edit_format_cmp(speed, r.speed) != 0)) {
            r.speed = unknown;
            return r;
        }
        r.speed = speed;
    }
    return r;
}

struct fcpx_retime fcpx_media_retime(const struct xml_node *clip, struct edit_ratio rate)
{
    struct fcpx_retime none = {.speed = one};
    const struct xml_node *map = xml_tree_child(clip, "timeMap");
    const struct xml_node *conform = xml_tree_child(clip, "conform-rate");
    const char *scale = xml_tree_attr(conform, "scaleEnabled");
    struct edit_ratio source = edit_format_rate(xml_tree_attr(conform, "srcFrameRate"));
    if (map)
        return read_map(map);
    /* Media that is slowed or sped up to the sequence's rate: the document does not say which of
     * its frames are played. Within one timebase (24 and 23.98) they are the same. */
    if (conform && (!scale || strcmp(scale, "0") != 0) && source.den &&
        edit_format_timebase(source) != edit_format_timebase(rate))
        return (struct fcpx_retime){.has = true, .speed = unknown};
    return none;
}

struct edit_ratio fcpx_media_played(const struct fcpx_retime *r, struct edit_ratio from,
                                    struct edit_ratio to)
{
    if (!r->has)
        return from;
    struct edit_ratio t = r->speed.num < 0 ? to : from;
    return edit_format_add(r->value, edit_format_mul(edit_format_sub(t, r->at), r->speed));
}
