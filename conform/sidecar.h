/* conform/sidecar.h - what belongs to found media by rules: grades, look-up tables, references. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_SIDECAR_H
#define CONFORM_SIDECAR_H

#include <stddef.h>

#include "policy/types.h"

struct err;
struct index_read;
struct sequence;
struct sidecars;

#define SIDECARS_BYTES_MAX (1u << 20)
#define SIDECARS_RULES_MAX 100
#define SIDECARS_PATH_MAX 1024     /* bytes of a rule's path */
#define SIDECARS_MATCHES_MAX 1000  /* objects that one rule finds for one medium */
#define SIDECARS_LOOKED_MAX 100000 /* names of one folder that a '*' is tried on */

/* Reads [{"name": NAME, "for": "plate" | "movie" | "audio" | "*", "path": PATH}, …]. PATH is
 * relative to the folder of the media: components between '/'; "{stem}" is the media's name without
 * its extension (of a sequence what is before the number, without separators at its end), "{shot}"
 * the clip's shot, '*' any text within its component; ".." leads up, never out of the lake.
 * -EBADMSG: line, or JSON pointer and reason; -EFBIG over a limit above. */
int sidecars_parse(const char *s, size_t n, struct sidecars **ret, struct err *e);
void sidecars_free(struct sidecars *s); /* NULL is fine */

/* What was found for a clip. Borrowed. */
struct sidecar_media {
    node_id node;                    /* the object, or one frame */
    const struct sequence *sequence; /* NULL: one object */
    const char *shot;                /* of the clip: taken as it stands, whatever is in it */
};

/* `rule` is the rule's name, valid as long as the rules. */
typedef int sidecar_fn(void *arg, node_id node, const char *rule, struct err *e);

/* Calls `fn` for the objects that the rules find for one medium, rule by rule. What is below
 * .shotlake/ and ShotLocker/Edits/ is never one. Asks the index only.
 * 0; an error of the index; what `fn` returned below 0. */
int sidecars_find(const struct sidecars *s, struct index_read *rd, const struct sidecar_media *m,
                  sidecar_fn *fn, void *arg, struct err *e);

static inline void auto_sidecars(struct sidecars **s)
{
    sidecars_free(*s);
}

#endif
