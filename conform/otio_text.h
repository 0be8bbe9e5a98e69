/* conform/otio_text.h - the bytes of a timeline made into strict JSON, and back. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_OTIO_TEXT_H
#define CONFORM_OTIO_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct err;

#define OTIO_DEPTH_MAX 256          /* nested objects and arrays */
#define OTIO_TOKENS_MAX (10u << 20) /* keys and values: bounds the memory of the tree */
#define OTIO_MARK_SIZE 64

/* Timelines hold what JSON and the parser cannot: OpenTimelineIO writes NaN and Infinity, and
 * application metadata has integers of 128 bits and more. Such a token becomes a string that
 * starts with `mark`; the mark is drawn at random for each text, so that no file can hold it. */
struct otio_text {
    const char *json; /* strict text: the input itself (borrowed) or `changed` */
    size_t len;
    size_t replaced; /* tokens that became strings */
    char mark[OTIO_MARK_SIZE];
    const char *source; /* the input without its byte order mark */
    size_t source_len;
    struct buf changed;
};

/* Scans `n` bytes and fills `*ret`, which borrows `s`; otio_text_done() also after a failure.
 * Refuses, with line, column and JSON pointer in `e`: UTF-16 and UTF-32, NUL, invalid UTF-8,
 * nesting over OTIO_DEPTH_MAX (-EBADMSG); more than OTIO_TOKENS_MAX keys and values (-EFBIG).
 * The grammar itself is left to the JSON parser. */
int otio_text_open(const char *s, size_t n, struct otio_text *ret, struct err *e);
void otio_text_done(struct otio_text *t);

/* Refuses the text with `reason` at byte `offset` of t->json, told as line, column and pointer of
 * the file as it was given. Returns -EBADMSG. */
int otio_text_refuse(const struct otio_text *t, size_t offset, const char *reason, struct err *e);

/* The line (from 1) of `n` bytes of JSON that otio_text_open() took, in which the value at `pointer`
 * begins; 0 where that cannot be told: a key on the way is written with escapes. */
size_t otio_text_line(const char *s, size_t n, const char *pointer);

/* Appends "/key" to a JSON pointer (RFC 6901: "~" is "~0", "/" is "~1"). */
void otio_text_pointer(struct buf *pointer, const char *key, size_t n);

#endif
