/* fs/lake/facts.h - facts of media gathered from their sources, each checked as it comes. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_LAKE_FACTS_H
#define FS_LAKE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/timecode.h"
#include "policy/media.h"

struct buf;
struct store_meta;

/* What one source says, or several together. Start with {0}: nothing is known. */
struct facts {
    char reel[MEDIA_REEL_MAX + 1], umid[MEDIA_UMID_MAX + 1]; /* "": unknown */
    struct timecode tc;
    bool has_tc;
    int64_t rate_num, rate_den; /* 0: unknown */
    int64_t frames;             /* 0: unknown */
};

/* Each takes a text of anybody's making (`n` bytes) and keeps what it means; what it cannot mean
 * (a reel that is not UTF-8 or holds control characters, a timecode that is none) is let be, and
 * so is what is known already. */
void facts_reel(struct facts *f, const char *s, size_t n);
void facts_umid(struct facts *f, const char *s, size_t n); /* hex digits; "urn:smpte:umid:", '.' */
void facts_timecode(struct facts *f, const char *s, size_t n);
void facts_rate(struct facts *f, const char *s, size_t n);
void facts_rate_of(struct facts *f, double rate);
void facts_frames(struct facts *f, const char *s, size_t n);

/* Object metadata: shotlake-reel, shotlake-timecode, shotlake-rate, shotlake-frames and
 * shotlake-umid, and the names that others use. */
void facts_of_meta(const struct store_meta *meta, struct facts *ret);

/* Takes from `other` what `f` does not know. Where that was something, its source is added to
 * `from`, the sources of `f` with '+' between. */
void facts_merge(struct facts *f, const struct facts *other, const char *source,
                 struct buf *from);

/* As the ledger keeps them; an empty `from` is "none". The strings are borrowed from the arguments.
 */
void facts_media(const struct facts *f, const struct buf *from, struct media *ret,
                 char timecode[TIMECODE_TEXT_SIZE]);

#endif
