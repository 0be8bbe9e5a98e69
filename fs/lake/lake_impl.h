/* fs/lake/lake_impl.h - what the files of fs/lake share. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_LAKE_LAKE_IMPL_H
#define FS_LAKE_LAKE_IMPL_H

#include <pthread.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "fs/lake/lake.h"
#include "fs/store/store.h"
#include "policy/index.h"

#define PAYLOAD_MAX (512u << 20) /* bytes of an unpacked payload */

struct lake_private {
    struct lake pub; /* first: the public face */
    pthread_mutex_t lock; /* one sync or append of this process at a time */
    bool head_checked;    /* the store was seen to hold the record that the index ends with */
    bool end_checked;     /* the store was seen to hold no record beyond the one that is missing */
    int64_t checked_ms;   /* when both were looked at last */
    bool probed;          /* the store was seen to hold to create-if-absent */
    /* The payload written last: the record that names it is applied next, without fetching it. */
    char payload_hash[SHA256_HEX_SIZE];
    struct buf payload;
};

/* Does the store hold what that name says? 0, -EBADMSG, or that it cannot be read. */
int lake_payload_check(struct lake *lk, const char *hash, struct err *e);
/* An apply_payload_fn; `lk` is the lake. Called with the lock held. */
int lake_payload_fetch(void *lk, const char *hash, struct buf *ret, struct err *e);

/* lake_sync() with the lock held. */
int lake_sync_locked(struct lake_private *lp, struct err *e);

#endif
