/* tests/unit/edit_text.h - a converted edit as short lines, for comparing. */
/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_EDIT_TEXT_H
#define TESTS_UNIT_EDIT_TEXT_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/edit_format.h"

/* One line an object, two blanks a level:
 *   edit NAME @START          V or A for a track           gap 12
 *   clip NAME 10+20@24 ext URL (AVAILABLE) x2 *MARKER@5 off
 *   dissolve 5+5              stack NAME 0+9@24            bin */
static inline double text_number(const json_t *time, const char *key)
{
    return json_number_value(json_object_get(time, key));
}

static inline void text_range(const json_t *range, struct buf *ret)
{
    const json_t *start = json_object_get(range, "start_time");
    const json_t *duration = json_object_get(range, "duration");
    buf_addf(ret, "%.12g", text_number(start, "value"));
    if (text_number(start, "rate") != text_number(duration, "rate"))
        buf_addf(ret, "@%.6g", text_number(start, "rate"));
    buf_addf(ret, "+%.12g@%.6g", text_number(duration, "value"), text_number(duration, "rate"));
}

static inline void text_reference(const json_t *ref, struct buf *ret)
{
    const char *schema = json_string_value(json_object_get(ref, "OTIO_SCHEMA"));
    const json_t *available = json_object_get(ref, "available_range");
    if (strcmp(schema, "ExternalReference.1") == 0)
        buf_addf(ret, " ext %s", json_string_value(json_object_get(ref, "target_url")));
    else if (strcmp(schema, "GeneratorReference.1") == 0)
        buf_addf(ret, " gen %s", json_string_value(json_object_get(ref, "generator_kind")));
    else
        buf_addf(ret, " missing %s", json_string_value(json_object_get(ref, "name")));
    if (json_is_object(available)) {
        buf_adds(ret, " (");
        text_range(available, ret);
        buf_addc(ret, ')');
    }
}

/* References, effects, markers, and whether it is disabled. */
static inline void text_rest(const json_t *o, struct buf *ret)
{
    const char *key;
    json_t *v;
    size_t i;
    json_object_foreach(json_object_get(o, "media_references"), key, v)
    {
        if (strcmp(key, "DEFAULT_MEDIA") != 0)
            buf_addf(ret, " [%s]", key);
        text_reference(v, ret);
    }
    json_array_foreach(json_object_get(o, "effects"), i, v)
    {
        const json_t *scalar = json_object_get(v, "time_scalar");
        if (scalar)
            buf_addf(ret, " x%.6g", json_number_value(scalar));
        else
            buf_adds(ret, " x?");
    }
    json_array_foreach(json_object_get(o, "markers"), i, v)
    {
        const json_t *range = json_object_get(v, "marked_range");
        buf_addf(ret, " *%s@%.12g", json_string_value(json_object_get(v, "name")),
                 text_number(json_object_get(range, "start_time"), "value"));
    }
    if (json_is_false(json_object_get(o, "enabled")))
        buf_adds(ret, " off");
}

static inline void text_add(const json_t *o, int level, struct buf *ret)
{
    const char *schema = json_string_value(json_object_get(o, "OTIO_SCHEMA"));
    const char *name = json_string_value(json_object_get(o, "name"));
    const json_t *range = json_object_get(o, "source_range"), *tracks = o;
    buf_addf(ret, "%*s", 2 * level, "");
    if (strncmp(schema, "Timeline", 8) == 0) {
        buf_addf(ret, "edit %s @%.12g", name,
                 text_number(json_object_get(o, "global_start_time"), "value"));
        tracks = json_object_get(o, "tracks");
        text_rest(tracks, ret);
    } else if (strncmp(schema, "Track", 5) == 0) {
        buf_addc(ret, json_string_value(json_object_get(o, "kind"))[0]);
    } else if (strncmp(schema, "Gap", 3) == 0) {
        buf_addf(ret, "gap %.12g", text_number(json_object_get(range, "duration"), "value"));
    } else if (strncmp(schema, "Transition", 10) == 0) {
        const char *type = json_string_value(json_object_get(o, "transition_type"));
        buf_addf(ret, "%s %.12g+%.12g", strcmp(type, "SMPTE_Wipe") == 0 ? "wipe" : "dissolve",
                 text_number(json_object_get(o, "in_offset"), "value"),
                 text_number(json_object_get(o, "out_offset"), "value"));
    } else if (strncmp(schema, "Serializable", 12) == 0) {
        buf_adds(ret, "bin");
    } else {
        buf_addf(ret, "%s %s", strncmp(schema, "Clip", 4) == 0 ? "clip" : "stack", name);
        if (json_is_object(range)) {
            buf_addc(ret, ' ');
            text_range(range, ret);
        }
        text_rest(o, ret);
    }
    buf_addc(ret, '\n');
    json_t *child;
    size_t i;
    json_array_foreach(json_object_get(tracks, "children"), i, child)
    {
        text_add(child, level + 1, ret);
    }
}

/* Converts `data` and returns its lines, or "refused: " and the sentence. The caller frees. */
static inline char *text_of(enum edit_format format, const char *data, size_t n, const char *rate)
{
    struct edit_format_options opt = {.rate = edit_format_rate(rate)};
    struct buf text = {0};
    json_t *root = NULL;
    struct err e;
    if (edit_format_convert(format, data, n, &opt, &root, &e) < 0)
        buf_addf(&text, "refused: %s\n", e.text);
    else
        text_add(root, 0, &text);
    json_decref(root);
    return buf_take(&text);
}

#endif
