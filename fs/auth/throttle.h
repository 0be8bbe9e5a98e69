/* fs/auth/throttle.h - how many wrong tries are let through: one token bucket a name, one for all. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_AUTH_THROTTLE_H
#define FS_AUTH_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#define THROTTLE_BUCKETS 4096 /* names that share one, by a keyed hash, share their tries */

/* A bucket of `tries`, that one comes back to every `refill_ms`. */
struct throttle_rule {
    int tries;
    int64_t refill_ms;
};

struct throttle_bucket {
    int64_t full_ms; /* when it is full again; the past: it is */
};

struct throttle {
    struct throttle_rule each, all;
    struct throttle_bucket buckets[THROTTLE_BUCKETS], total;
};

/* Takes a try of the bucket that `hash` falls into, and of the common one. False: one of them has
 * none, and nothing is taken. `now_ms` never goes back. The caller locks. */
bool throttle_take(struct throttle *t, uint64_t hash, int64_t now_ms);
/* Gives the try back: it was none of a guesser. */
void throttle_return(struct throttle *t, uint64_t hash);

#endif
