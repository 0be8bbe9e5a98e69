/* policy/principals_impl.h - the principals of a file while it is read; for principals*.c only. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_PRINCIPALS_IMPL_H
#define POLICY_PRINCIPALS_IMPL_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "policy/types.h"

struct err;

#define PRINCIPALS_MAX 100000 /* users, and groups */
#define PRINCIPAL_NAMES_MAX 1000 /* that one user acts as; and entitlements */

struct user {
    char *name; /* "user:acme" */
    char **as;  /* its groups and roles, canonical, each once */
    size_t n_as;
    char *affiliation; /* NULL: none */
    char **entitlements;
    size_t n_entitlements;
    bool disabled; /* nobody: acts as nothing, and no uid is its own */
};

/* Names are found through jansson's hash tables: a studio's file may have 100,000 of them. */
struct principals {
    struct user *users; /* room for all of the file's from the start, so that they stay in place */
    size_t n_users;
    json_t *by_name; /* canonical user -> its place in `users` */
    json_t *by_uid;  /* the same of a uid in decimal */
    json_t *known;   /* canonical groups and roles -> null */
};

/* Is it a usable name: 1 to 255 bytes of UTF-8 without control characters or '/'? */
bool principal_name_is_good(const char *s);

/* "kind:NAME" of a JSON string. -EBADMSG with the place "/place/i". */
int principal_of_json(const json_t *v, const char *kind, const char *place, size_t i,
                      char ret[PRINCIPAL_MAX], struct err *e);

/* A user of that canonical name at /users/i, which `principals_user_add` and the others may fill.
 * `v`: its "enabled" is read. -EBADMSG where the name stands twice. Borrowed. */
int principals_user_new(struct principals *p, const char *name, const json_t *v, size_t i,
                        struct user **ret, struct err *e);
/* The user acts as that group or role too, which the file knows from then on. -EFBIG. */
int principals_user_add(struct principals *p, struct user *u, const char *name, size_t i,
                        struct err *e);
/* -EBADMSG: not a usable uid, or another user's. A disabled user's is checked and forgotten. */
int principals_user_uid(struct principals *p, struct user *u, json_int_t uid, size_t i,
                        struct err *e);
/* A string (or null), and a list of strings; "" fits no rule and is refused. */
int principals_user_affiliation(struct user *u, const json_t *v, size_t i, struct err *e);
int principals_user_entitlements(struct user *u, const json_t *list, size_t i, struct err *e);

/* Fills `p` from the export of a Keycloak realm (principals_keycloak.c). */
int principals_keycloak(struct principals *p, const json_t *export, struct err *e);

#endif
