/* conform/claim.h - which of several watchers works on a cut: claims in the lake. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_CLAIM_H
#define CONFORM_CLAIM_H

#include <stddef.h>
#include <stdint.h>

#include "policy/types.h"

struct claimer;
struct err;
struct store;

/* A claim is an object below .shotlake/watch/:
 *
 *   <claim>.<generation>.json   {"v": 1, "watcher": "<32 hex digits>", "who": "user@host",
 *                                "name": "<percent-encoded>", "time": "…"}; made if absent, once
 *   <watcher>.beat              a number that a watcher with claims raises from time to time
 *
 * Claims spare work, they do not guard anything: that a cut becomes one edit is decided in the
 * ledger alone (commit_options.source). So a claim may be taken over too early (its holder was only
 * slow) and all that comes of it is a second conform that is refused at its end. It must not be
 * held for ever, though, and the clocks of two hosts need not agree: a holder is gone when a lock
 * in the state folder of this host is free that it holds while it lives, or when its generation and
 * its beat were the same, as often as they were looked at, for a lease of the *onlooker's* clock.
 * Who finds that makes the next generation, which again one alone can. */
#define CLAIM_PREFIX ".shotlake/watch/"
#define CLAIM_LEASE_MS 30000
/* A cut that was taken over so often ends its watchers: somebody has to look at it. */
#define CLAIM_GENERATIONS_MAX 8

enum claim {
    CLAIM_MINE,   /* now */
    CLAIM_AGAIN,  /* it was ours before */
    CLAIM_OTHERS, /* somebody works on it: ask again */
};

/* The name of the claim on a drop: of its kind ("folder", "inbox"), name and bytes. It is the
 * source of the edit, too. */
void claim_name(const char *kind, const char *name, const void *data, size_t n,
                char ret[SHA256_HEX_SIZE]);

/* One watcher. `dir` is the state folder of the lake on this host, `who` goes into claims. A thread
 * of its own raises the beat, several times a lease. All is borrowed. */
int claimer_new(struct store *store, const char *dir, const char *who, int64_t lease_ms,
                struct claimer **ret, struct err *e);
/* Ends the beat and gives up the lock: what is still claimed is for others. NULL is fine. */
void claimer_free(struct claimer *c);

static inline void auto_claimer(struct claimer **c)
{
    claimer_free(*c);
}

/* Tries to get a claim. 0, and `*ret_generation` counts its holders where it is ours now; or that
 * the store cannot be asked. One thread. */
int claim_take(struct claimer *c, const char claim[SHA256_HEX_SIZE], const char *name,
               enum claim *ret, unsigned *ret_generation, struct err *e);

/* Ends a claim of ours: the work is done, or somebody else may try. After an error it is tried
 * again at the next call of any of these. */
int claim_release(struct claimer *c, const char claim[SHA256_HEX_SIZE], struct err *e);

#endif
