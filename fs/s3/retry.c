/* fs/s3/retry.c - whether and when to try again; a pure decision. */
/* SPDX-License-Identifier: MIT */
#include "fs/s3/retry.h"

#include <stddef.h>

#define CEILING_MS 5000
#define MALFORMED_COST 3 /* a store that answers nonsense twice will do so ten times */

/* The first ceiling per class. A throttled client must slow down at once, a conflict is over as
 * soon as the other writer is done. */
static int64_t first_ceiling_ms(enum retry_class class)
{
    switch (class) {
    case RETRY_THROTTLED:
        return 400;
    case RETRY_CONFLICT:
        return 40;
    default:
        return 100;
    }
}

static bool is_allowed(struct retry *state, enum retry_class class, const struct retry_limit *limit)
{
    bool *once = class == RETRY_CREDENTIALS ? &state->credentials_done
                 : class == RETRY_CLOCK     ? &state->clock_done
                                            : NULL;
    if (class == RETRY_NEVER || (once && *once))
        return false;
    if (once) {
        *once = true; /* does not use up an attempt: nothing is wrong with the store */
        return true;
    }
    state->attempts += class == RETRY_MALFORMED ? MALFORMED_COST : 1;
    return state->attempts < limit->attempts;
}

int64_t retry_wait_ms(struct retry *state, enum retry_class class, const struct retry_limit *limit,
                      int64_t now_ms, uint32_t random)
{
    if (!is_allowed(state, class, limit))
        return RETRY_STOP;
    int64_t wait = 0;
    if (class != RETRY_CREDENTIALS && class != RETRY_CLOCK) {
        int64_t ceiling = first_ceiling_ms(class);
        for (unsigned i = 1; i < state->attempts && ceiling < CEILING_MS; i++)
            ceiling *= 2;
        if (ceiling > CEILING_MS)
            ceiling = CEILING_MS;
        wait = (int64_t)((uint64_t)random * (uint64_t)(ceiling + 1) >> 32);
    }
    return now_ms + wait < limit->deadline_ms ? wait : RETRY_STOP;
}

void retry_progress(struct retry *state)
{
    state->attempts = 0;
}
