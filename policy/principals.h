/* policy/principals.h - who there is: users, their uids, groups and roles, from a file. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_PRINCIPALS_H
#define POLICY_PRINCIPALS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <jansson.h>

#include "base/address.h"
#include "policy/types.h"

struct err;
struct principals;

/* Canonical form of what an operator wrote: "acme" is "user:acme"; user:, group:, role: and
 * "arn:aws:iam::111122223333:user/x" (also role/, aws-cn, aws-us-gov, paths) stay. Refused: other
 * kinds, empty names, control bytes, '/' outside an ARN, invalid UTF-8, more than 255 bytes of name.
 * 0 or -EINVAL. */
int principal_parse(const char *text, char ret[PRINCIPAL_MAX], struct err *e);

/* Who asks: a principal with everything it acts as (itself first, then its groups and roles) and what
 * else rules look at. All zeros: an anonymous caller. */
struct who {
    char **as; /* canonical names, each once */
    size_t n;
    char *affiliation;      /* "faculty"; NULL: none (seed 001's "states") */
    char **entitlements;    /* exact strings */
    size_t n_entitlements;
    struct address address; /* where the caller is, from whoever attested it; family 0: not known */
    bool superuser;         /* by its token; a role gives it too */
    json_t *details;        /* its token's authorization_details (jwt.h), or NULL: nothing narrowed */
};
void who_done(struct who *w);
/* A copy of its own. */
void who_copy(const struct who *w, struct who *ret);
/* Adds a canonical name, unless it is there. */
void who_add(struct who *w, const char *name);
/* For sentences: the principal itself, or "nobody" for an anonymous caller. Borrowed. */
static inline const char *who_name(const struct who *w)
{
    return w->n > 0 ? w->as[0] : "nobody";
}
static inline void auto_who(struct who *w)
{
    who_done(w);
}

/* Reads the principals file (JSON, the shape of Accurate Video's principals.json and more):
 *   {"users":  [{"id": "acme", "uid": 1001, "groups": ["vendors"], "roles": ["viewer"],
 *                "affiliation": "staff", "entitlements": ["urn:…"], "enabled": true}],
 *    "groups": [{"id": "vendors", "name": "…", "members": ["acme"]}]}
 * "uid" may be a list. A uid belongs to one user at most. Unknown members are ignored; a duplicate
 * member, a wrong type or a second user with the same id or uid is an error that names the place.
 *
 * Or the export of a Keycloak realm, which has "realm" at its top. Of its users: username, groups
 * (a group is named by the last part of its path, and a member of it is one of those above too),
 * realmRoles, clientRoles (role:CLIENT:ROLE; the client "shotlake" has plain names), attributes
 * "uid", "affiliation" and "entitlements"; service accounts are users. The roles of groups go to
 * their members, composite roles bring theirs along. Two groups with one name are refused.
 *
 * A user with "enabled": false is nobody: without name, groups or uid. Limits: 64 MiB, 100000 users,
 * as many groups, 1000 groups and roles of one user (-EFBIG).
 * A file that does not exist is an empty one where `may_be_absent`. */
int principals_load(const char *path, bool may_be_absent, struct principals **ret, struct err *e);
int principals_parse(const char *json, size_t n, struct principals **ret, struct err *e);
void principals_free(struct principals *p);

static inline void auto_principals(struct principals **p)
{
    principals_free(*p);
}

/* The principal with its groups, roles and attributes. `principal` is canonical. `p` may be NULL:
 * itself only. A disabled user: an anonymous caller. */
void principals_expand(const struct principals *p, const char *principal, struct who *ret);

/* The user of a uid, or NULL. Borrowed. */
const char *principals_by_uid(const struct principals *p, uid_t uid);

/* True where the file names the user (and does not disable it), the group or the role. */
bool principals_has(const struct principals *p, const char *principal);

#endif
