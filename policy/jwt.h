/* policy/jwt.h - who a verified token speaks for, and how far (RFC 7519, 9396). */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_JWT_H
#define POLICY_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct err;
struct jwks;

#define JWT_SKEW_S 60         /* what clocks may differ, by default */
#define JWT_LIFETIME_S 86400  /* the longest life of a token that is accepted, by default */
#define JWT_GROUPS_MAX 1000   /* and entitlements */
#define JWT_NAME_MAX 128      /* bytes of a user's or a group's name */
#define JWT_TEXT_MAX 1024     /* bytes of an affiliation or an entitlement, which may be a URI */

/* A list of strings that ends with NULL; NULL itself is an empty one. */
typedef const char *const *jwt_list;

/* What a token has to be. Strings are borrowed; zeros mean what is written beside them. */
struct jwt_rules {
    unsigned algs;          /* set of 1 << enum jwk_alg */
    const char *issuer;     /* exact; NULL: any */
    const char *audience;   /* exact, one of the token's; never NULL */
    /* Claims, by their names; one that begins with '/' is a JSON pointer (RFC 6901) to where it
     * lies deeper: "/realm_access/roles". */
    const char *username;     /* NULL: "sub" */
    const char *groups;       /* a list of names, or one; NULL: "groups" */
    const char *affiliation;  /* a text, or a list of one; NULL: none is read */
    const char *entitlements; /* a list of texts, or texts joined by ';'; NULL: none are read */
    int64_t skew_s;         /* 0: none */
    int64_t lifetime_max_s; /* 0: JWT_LIFETIME_S */
    jwt_list superuser_clients; /* by "azp" or "client_id" */
    jwt_list superuser_groups;
    const json_t *expansion; /* {"a group of the token": ["groups that it brings"]}; NULL: none.
                              * One pass: what is brought brings nothing further */
};

struct jwt_identity {
    char *user;     /* without a kind: "user:" goes before it in a principal */
    char **groups;  /* each once, the token's first */
    size_t n_groups;
    char *affiliation;   /* NULL: none */
    char **entitlements; /* each once */
    size_t n_entitlements;
    bool superuser;
    int64_t expires; /* Unix seconds; the skew is not in it */
    char *id;        /* "jti", or NULL */
    json_t *details; /* "authorization_details": [{"type":"shotlake", "actions", "edits",
                      * "locations"}], checked; NULL: the token narrows nothing. It only ever takes
                      * away: who has an empty list may nothing */
};

/* Checks the claims of a verified payload at `now`. Required: exp, sub, aud, and iss where it is
 * enforced; nbf, iat and jti where they are there. `now` is inside [nbf - skew, exp + skew).
 * An authorization detail of another type than "shotlake", or with a member that is not known,
 * refuses the token: what restricts it cannot be skipped (RFC 9396 5).
 * -EBADMSG: not such a payload; -EACCES: not valid here or now. jwt_identity_done() after 0. */
int jwt_check(const char *payload, size_t n, const struct jwt_rules *rules, int64_t now,
              struct jwt_identity *ret, struct err *e);

/* jws_verify(), then jwt_check(). Pure; any thread. */
int jwt_verify(const char *token, size_t n, const struct jwks *keys, const struct jwt_rules *rules,
               int64_t now, struct jwt_identity *ret, struct err *e);

void jwt_identity_done(struct jwt_identity *id);

static inline void auto_jwt_identity(struct jwt_identity *id)
{
    jwt_identity_done(id);
}

#endif
