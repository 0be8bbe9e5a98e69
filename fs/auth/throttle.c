/* fs/auth/throttle.c - how many wrong tries are let through: one token bucket a name, one for all. */
/* SPDX-License-Identifier: MIT */
#include "fs/auth/throttle.h"

/* A try puts off the moment when the bucket is full again by one refill; none is left when that is
 * a whole bucket away. */
static bool has_one(const struct throttle_bucket *b, const struct throttle_rule *r, int64_t now_ms)
{
    return b->full_ms <= now_ms + (r->tries - 1) * r->refill_ms;
}

static void take(struct throttle_bucket *b, const struct throttle_rule *r, int64_t now_ms)
{
    b->full_ms = (b->full_ms > now_ms ? b->full_ms : now_ms) + r->refill_ms;
}

bool throttle_take(struct throttle *t, uint64_t hash, int64_t now_ms)
{
    struct throttle_bucket *b = &t->buckets[hash % THROTTLE_BUCKETS];
    if (!has_one(b, &t->each, now_ms) || !has_one(&t->total, &t->all, now_ms))
        return false;
    take(b, &t->each, now_ms);
    take(&t->total, &t->all, now_ms);
    return true;
}

void throttle_return(struct throttle *t, uint64_t hash)
{
    t->buckets[hash % THROTTLE_BUCKETS].full_ms -= t->each.refill_ms;
    t->total.full_ms -= t->all.refill_ms;
}
