/* policy/media.h - what is known of an object's media: reel, timecode, rate, UMID. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_MEDIA_H
#define POLICY_MEDIA_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

struct err;

#define MEDIA_REEL_MAX 128 /* bytes of a reel name */
#define MEDIA_UMID_MAX 128 /* hex digits of a UMID: a basic one has 64, an extended one 128 */

/* Facts as a scan found them and the ledger keeps them:
 *   {"from": "exr+ale:rushes/day1.ale", "reel": "A001C003", "umid": "060a…",
 *    "start": 86400, "drop": true, "rate": [24000, 1001], "frames": 240}
 * Only "from" is always there: the sources, '+' between them, of "metadata", "exr", "dpx" and
 * "ale:KEY"; "none" says that the object was looked at and told nothing. Where no rate is known
 * that the timecode could be counted at, "timecode" has it as text instead of "start". */
struct media {
    const char *reel, *umid; /* NULL: unknown; `umid` is lower-case hex */
    const char *from;
    const char *timecode; /* "01:00:00:00" of a `start` that is unknown for want of a rate; or NULL */
    int64_t start;  /* of the first frame, in frames since 00:00:00:00; -1: unknown */
    int64_t frames; /* how many there are; 0: unknown, as for a single frame of a sequence */
    int64_t rate_num, rate_den; /* frames a second; 0: unknown */
    bool drop;      /* the timecode is written in drop frame; `start` is a count all the same */
    json_t *json;   /* owns the strings; media_done() */
};

/* Checks facts and fills `*ret`, which takes a reference of `facts` (or of nothing on failure).
 * Members that are not known are let be. -EBADMSG names the member that is wrong. */
int media_parse(json_t *facts, struct media *ret, struct err *e);

/* The JSON of what is known; `from` may not be NULL. `m->json` is not looked at. The result passes
 * media_parse(), or it is NULL and the sentence says why not. The caller owns it. */
json_t *media_json(const struct media *m, struct err *e);

/* True where it tells something that a clip could be matched by. */
bool media_is_known(const struct media *m);

void media_done(struct media *m); /* safe on an empty one */

static inline void auto_media(struct media *m)
{
    media_done(m);
}

#endif
