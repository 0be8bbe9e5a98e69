/* fs/auth/jwks_source.h - where the keys of tokens come from, and how fresh they are. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_AUTH_JWKS_SOURCE_H
#define FS_AUTH_JWKS_SOURCE_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct jwks;
struct jwks_source;

#define JWKS_FRESH_MS (15 * 60 * 1000)       /* a URI's set is used that long without a look */
#define JWKS_RETRY_MS (60 * 1000)            /* a provider is asked at most that often */
#define JWKS_KEPT_MS (24 * 60 * 60 * 1000)   /* and a set is used that long while it is away */

/* A set in use; jwks_ref_done() when it is no longer. */
struct jwks_ref {
    const struct jwks *keys;
    void *held;
};

/* Keys of a file, of a URI, or, where `keys` is NULL, of the URI that the discovery document of
 * `issuer` names. `ca` as in fetch.h. Copies the strings; fetches nothing yet. */
struct jwks_source *jwks_source_new(const char *keys, const char *issuer, const char *ca);
void jwks_source_free(struct jwks_source *s); /* NULL is fine */

/* The keys to verify `token` with. A file is read again when it has changed. A URI is fetched the
 * first time, when its set is no longer fresh, and when the token asks for a key that the set does
 * not have - but never twice within JWKS_RETRY_MS, and by one thread at a time: whoever brings a
 * thousand tokens with unknown keys causes one fetch. A set that cannot be had anew is used for
 * JWKS_KEPT_MS; a file that cannot be read, or is none, is used no longer.
 * 0, or -EAGAIN: there is no set now. May take FETCH_TIMEOUT_S twice over. Thread-safe. */
int jwks_source_get(struct jwks_source *s, const char *token, size_t n, struct jwks_ref *ret,
                    struct err *e);
void jwks_ref_done(struct jwks_ref *r);

static inline void auto_jwks_ref(struct jwks_ref *r)
{
    jwks_ref_done(r);
}

#endif
