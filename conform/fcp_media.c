/* conform/fcp_media.c - values, media and retimes of Final Cut Pro 7 XML. */
/* SPDX-License-Identifier: MIT */
#include "conform/fcp_media.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conform/xml_tree.h"

static const struct edit_ratio zero = {0, 1}, unknown = {0, 0};

/* Values */

bool fcp_media_true(const struct xml_node *node, const char *path)
{
    const char *s = xml_tree_text(node, path);
    return s && strcasecmp(s, "TRUE") == 0;
}

bool fcp_media_false(const struct xml_node *node, const char *path)
{
    const char *s = xml_tree_text(node, path);
    return s && strcasecmp(s, "FALSE") == 0;
}

struct edit_ratio fcp_media_number(const struct xml_node *node, const char *path)
{
    return edit_format_number(xml_tree_text(node, path));
}

struct edit_ratio fcp_media_rate(const struct xml_node *node, struct edit_ratio outer)
{
    struct edit_ratio base = fcp_media_number(node, "rate/timebase");
    if (!base.den || base.num < base.den || base.num / 1000 > base.den)
        return outer;
    /* "29.97" without the flag is seen too */
    return fcp_media_true(node, "rate/ntsc") && base.den == 1
               ? edit_format_mul(base, edit_format_ratio(1000, 1001))
               : edit_format_rate(xml_tree_text(node, "rate/timebase"));
}

struct edit_ratio fcp_media_convert(struct edit_ratio frames, struct edit_ratio from,
                                    struct edit_ratio to)
{
    if (edit_format_timebase(from) == edit_format_timebase(to))
        return frames;
    return edit_format_div(edit_format_mul(frames, to), from);
}

const struct xml_node *fcp_media_resolve(const struct xml_tree *t, const struct xml_node *node)
{
    const char *id = xml_tree_attr(node, "id");
    if (!node || node->child || !id)
        return node;
    const struct xml_node *found = xml_tree_by_id(t, node->name, id);
    return found ? found : node;
}

struct edit_ratio fcp_media_timecode(const struct xml_node *tc, struct edit_ratio rate)
{
    struct edit_ratio frame = fcp_media_number(tc, "frame");
    const char *s = xml_tree_text(tc, "string");
    int64_t f[4], base = edit_format_timebase(rate);
    if (frame.den || !s)
        return frame.den ? frame : zero;
    for (int i = 0; i < 4; i++) {
        char *end;
        f[i] = strtol(s, &end, 10);
        if (end == s || f[i] < 0 || f[i] > 999 || (i < 3 && *end != ':' && *end != ';'))
            return zero;
        s = end + (i < 3);
    }
    const char *format = xml_tree_text(tc, "displayformat");
    int64_t minutes = f[0] * 60 + f[1], total = (minutes * 60 + f[2]) * base + f[3];
    if (format && strcasecmp(format, "DF") == 0 && base % 30 == 0)
        total -= base / 15 * (minutes - minutes / 10);
    return edit_format_ratio(total, 1);
}

/* Media */

/* The first <file> below `node`, however deep. Recursion is bounded by XML_TREE_DEPTH_MAX. */
static const struct xml_node *first_file(const struct xml_node *node)
{
    const struct xml_node *found = xml_tree_child(node, "file");
    for (const struct xml_node *c = node ? node->child : NULL; c && !found; c = c->next)
        found = first_file(c);
    return found;
}

struct fcp_media fcp_media_find(const struct xml_tree *t, const struct xml_node *item,
                                struct edit_ratio rate)
{
    const struct xml_node *file = xml_tree_child(item, "file");
    const struct xml_node *multi = fcp_media_resolve(t, xml_tree_child(item, "multiclip"));
    if (!file && multi) {
        const struct xml_node *angle = xml_tree_child(multi, "angle"), *a = angle;
        while (a && !fcp_media_true(a, "activevideoangle"))
            a = xml_tree_next(a, "angle");
        file = first_file(a ? a : angle);
    }
    struct fcp_media m = {.file = fcp_media_resolve(t, file), .rate = rate, .start = zero};
    if (!m.file)
        return m;
    m.rate = fcp_media_rate(m.file, rate);
    const struct xml_node *tc = xml_tree_child(m.file, "timecode");
    struct edit_ratio tc_rate = fcp_media_rate(tc, m.rate);
    if (tc)
        m.start = fcp_media_convert(fcp_media_timecode(tc, tc_rate), tc_rate, m.rate);
    return m;
}

json_t *fcp_media_reference(const struct fcp_media *m, const char *clip_name)
{
    if (!m->file)
        return edit_format_reference(clip_name, NULL, NULL, NULL);
    json_t *ours = json_object(), *available = NULL;
    edit_format_put_string(ours, "id", xml_tree_attr(m->file, "id"));
    edit_format_put_string(ours, "reel", xml_tree_text(m->file, "timecode/reel/name"));
    json_t *metadata = edit_format_metadata("fcp_xml", ours);
    const char *name = xml_tree_text(m->file, "name");
    const char *url = xml_tree_text(m->file, "pathurl");
    const char *drawn = xml_tree_text(m->file, "mediaSource"); /* titles, slugs */
    if (!url && drawn)
        return edit_format_generator(name, drawn, metadata);
    struct edit_ratio duration = fcp_media_number(m->file, "duration");
    if (edit_format_is_sane(duration) && edit_format_is_sane(m->start))
        available = edit_format_range(m->start, m->rate, duration, m->rate);
    return edit_format_reference(name, url, available, metadata);
}

/* One parameter of a time remap filter. */
static const struct xml_node *parameter(const struct xml_node *effect, const char *id)
{
    const struct xml_node *p = xml_tree_child(effect, "parameter");
    for (; p; p = xml_tree_next(p, "parameter")) {
        const char *s = xml_tree_text(p, "parameterid");
        if (s && strcmp(s, id) == 0)
            return p;
    }
    return NULL;
}

static struct edit_ratio remap_speed(const struct xml_node *effect)
{
    const char *variable = xml_tree_text(parameter(effect, "variablespeed"), "value");
    struct edit_ratio speed = fcp_media_number(parameter(effect, "speed"), "value");
    if (variable && strcmp(variable, "0") != 0 && strcasecmp(variable, "FALSE") != 0)
        return unknown;
    speed = edit_format_div(speed, edit_format_ratio(100, 1));
    if (fcp_media_true(parameter(effect, "reverse"), "value") && speed.num > 0)
        speed.num = -speed.num;
    return speed;
}

json_t *fcp_media_effects(const struct xml_node *item)
{
    json_t *effects = json_array();
    if (fcp_media_true(item, "stillframe"))
        json_array_append_new(effects, edit_format_warp(zero, NULL));
    const struct xml_node *filter = xml_tree_child(item, "filter");
    for (; filter; filter = xml_tree_next(filter, "filter")) {
        const struct xml_node *effect = xml_tree_child(filter, "effect");
        const char *id = xml_tree_text(effect, "effectid");
        if (!id || strcasecmp(id, "timeremap") != 0 || fcp_media_false(filter, "enabled"))
            continue;
        struct edit_ratio speed = remap_speed(effect);
        if (speed.num != speed.den || speed.den == 0)
            json_array_append_new(effects, edit_format_warp(speed, NULL));
    }
    return effects;
}
