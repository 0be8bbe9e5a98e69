/* policy/jws.h - is this token signed by one of these keys? (RFC 7515, compact form) */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_JWS_H
#define POLICY_JWS_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;
struct jwks;

#define JWS_MAX_BYTES 16384

/* Verifies a compact token and appends its payload bytes to `ret`. `algs` is a set of
 * 1 << enum jwk_alg: what the configuration allows; the key pins the one that it must be.
 *
 * The header may hold alg, kid and typ ("JWT" or "at+jwt", in any case) and nothing that changes
 * how the token is to be read or where its key comes from: "crit", "b64", "zip", "jku", "jwk",
 * "x5u", "x5c" are refused whatever they say; unknown members are ignored (RFC 7515 4).
 * -EBADMSG: malformed; -EACCES: well-formed, but not signed by a key of the set. The sentence says
 * what was wrong, for the operator; a caller who sent the token is told neither. On any failure
 * nothing is appended. Pure; any thread. */
int jws_verify(const char *token, size_t n, const struct jwks *keys, unsigned algs,
               struct buf *ret, struct err *e);

/* True where the set has the key that the token's header asks for: otherwise a newer set is worth a
 * look. Verifies nothing. True also for what is no token, since no set helps there. Pure. */
bool jws_has_key(const char *token, size_t n, const struct jwks *keys);

#endif
