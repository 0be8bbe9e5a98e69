/* fs/s3/retry.h - whether and when to try again; a pure decision. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_S3_RETRY_H
#define FS_S3_RETRY_H

#include <stdbool.h>
#include <stdint.h>

/* What kind of outcome an attempt had. */
enum retry_class {
    RETRY_NEVER,       /* an answer: success, or a refusal that will be the same next time */
    RETRY_TRANSIENT,   /* no connection, a broken transfer, 500, 502, 504 */
    RETRY_THROTTLED,   /* the store asks for patience: 429, 503, SlowDown */
    RETRY_MALFORMED,   /* an answer that cannot be right; perhaps something between garbled it */
    RETRY_CONFLICT,    /* another writer was at the same key: 409 */
    RETRY_CREDENTIALS, /* the keys were refused, and others are or may soon be there */
    RETRY_CLOCK,       /* the store's clock differs from ours, and we now know by how much */
};

/* What one request remembers between its attempts. Embedded: start with {0}. */
struct retry {
    unsigned attempts;     /* in a row without progress */
    bool credentials_done; /* each of these two is worth one more attempt, not more */
    bool clock_done;
};

/* Limits of one request. */
struct retry_limit {
    unsigned attempts;   /* the first one included; 0 is like 1 */
    int64_t deadline_ms; /* an attempt that would begin at or after it is pointless */
};

#define RETRY_STOP INT64_C(-1)

/* Answers how many milliseconds to wait before the next attempt, or RETRY_STOP. Full jitter (AWS
 * Architecture Blog, "Exponential Backoff And Jitter"): anywhere between 0 and a ceiling that
 * doubles, so that clients that failed together do not come back together. `random` is any 32
 * bits. Pure but for `*state`; any thread. */
int64_t retry_wait_ms(struct retry *state, enum retry_class class, const struct retry_limit *limit,
                      int64_t now_ms, uint32_t random);

/* Bytes arrived: the store works, so earlier failures no longer count. */
void retry_progress(struct retry *state);

#endif
