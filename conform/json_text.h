/* conform/json_text.h - JSON values as text, in the layout of the file that they go into. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_JSON_TEXT_H
#define CONFORM_JSON_TEXT_H

#include <stddef.h>

#include <jansson.h>

struct buf;

/* How a text is laid out. Start with JSON_TEXT_STYLE, which is OpenTimelineIO's own. */
struct json_text_style {
    const char *unit;  /* what one level adds to the indentation */
    const char *colon; /* between a key and its value, ':' in it */
    const char *comma; /* what follows a ',' where several members share a line */
    const char *mark;  /* strings that begin with it are tokens: see conform/otio_text.h; or NULL */
    /* One value that is not written but copied from where it was read; NULL: none. */
    const json_t *verbatim;
    const char *bytes;
    size_t n_bytes;
};
#define JSON_TEXT_STYLE {.unit = "    ", .colon = ": ", .comma = " "}

/* Appends `v`. `indent` is the white space in front of the line that it begins on, with its line
 * break ("\n    "); one without a line break puts everything on that line. Keys keep their order,
 * and a number is the shortest text that reads as the same one. */
void json_text_write(const json_t *v, const struct json_text_style *style, const char *indent,
                     struct buf *ret);

/* Appends a string in quotes. */
void json_text_string(const char *s, size_t n, struct buf *ret);

#endif
