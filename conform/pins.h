/* conform/pins.h - answers to what was ambiguous: which media a clip or a URL means. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_PINS_H
#define CONFORM_PINS_H

#include <stddef.h>

struct err;
struct pins;

#define PINS_BYTES_MAX (16u << 20)
#define PINS_MAX 100000
#define PINS_TEXT_MAX 4096 /* bytes of each text */

/* Reads {"pins": [{"clip": NAME, "url": URL, "key": KEY}, …]}; of "clip" and "url" one is enough,
 * and where both are given both must be the clip's. KEY is a key of the lake: of an object, of one
 * frame of a sequence, or with a frame notation in its name ("show/p/plate.%04d.exr"). Members of
 * other names are let be, so that entries of a report's "ambiguous" list can be taken as they are,
 * with a "key" added.
 * -EBADMSG: line, or JSON pointer and reason; -EFBIG over a limit above. */
int pins_parse(const char *s, size_t n, struct pins **ret, struct err *e);
void pins_free(struct pins *p); /* NULL is fine */

/* The key for a clip and what its reference names; the first pin that fits. NULL: none; `p` may be
 * NULL. Borrowed. */
const char *pins_find(const struct pins *p, const char *clip, const char *url);

static inline void auto_pins(struct pins **p)
{
    pins_free(*p);
}

#endif
