/* fs/auth/users.h - the file of users with passwords, read and changed. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_AUTH_USERS_H
#define FS_AUTH_USERS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "policy/types.h"

struct auth_file_id;
struct err;

#define USERS_BYTES_MAX (64u << 20)
#define USERS_MAX 100000

/* One user. */
struct user_entry {
    char name[PRINCIPAL_MAX]; /* canonical, "user:acme" */
    char *hash;
    char **as; /* canonical groups and roles */
    size_t n_as;
    bool disabled;
};

/* Sorted by name; each name once. */
struct users {
    struct user_entry *all;
    size_t n;
};

/* Reads {"users":[{"id":"acme", "hash":"$y$…", "groups":["vendors"], "roles":["viewer"],
 * "disabled":false}]}; id and hash must be there, nothing else may. -EBADMSG with the place as a
 * JSON pointer; the sentence never holds a hash. Pure. users_done() after 0. */
int users_parse(const char *text, size_t n, struct users *ret, struct err *e);
void users_done(struct users *u);
/* NULL: no such user. */
const struct user_entry *users_find(const struct users *u, const char *canonical);

static inline void auto_users(struct users *u)
{
    users_done(u);
}

/* Reads the file. It belongs to the caller or to root, and nobody else may even read it (mode
 * 0600): -EACCES otherwise. */
int users_load(const char *path, struct users *ret, struct auth_file_id *ret_id, struct err *e);

/* Changes. Each reads the file anew, changes it and puts the new one into its place at once, under a
 * lock that other writers wait for. `user` of users_add() is one element of the list as above.
 * The file is made where users_add() finds none. -EEXIST, -ENOENT: there is such a user, there is
 * none; nothing is changed on any failure. */
int users_add(const char *path, const json_t *user, struct err *e);
int users_remove(const char *path, const char *id, struct err *e);
int users_set_hash(const char *path, const char *id, const char *hash, struct err *e);

#endif
