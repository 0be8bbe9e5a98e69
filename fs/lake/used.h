/* fs/lake/used.h - when a grant was last made use of on this host. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_LAKE_USED_H
#define FS_LAKE_USED_H

#include <stdbool.h>
#include <stdint.h>

struct err;

/*
 * A file of the host, <state folder of the lake>/used.json: {"user:acme": {"EDIT": TIME}}. It
 * helps an operator see which grants nobody needs any more, and decides nothing: it is written
 * every few seconds and without waiting for the disk, so a crash loses some of it, and one that
 * cannot be read is an empty one.
 */
struct used;

/* What the file in the lake's state folder (`lake->dir`) holds; nothing where there is none. */
struct used *used_load(const char *dir);
struct used *used_new(void); /* of nothing */
void used_free(struct used *u); /* NULL is fine */
static inline void auto_used(struct used **u)
{
    used_free(*u);
}

/* Unix seconds at which an object of the edit was last opened by way of a grant (or an ACL) of that
 * principal, which may be a group. False: it was not, here. */
bool used_get(const struct used *u, const char *principal, const char *edit, int64_t *ret);

/* The later of two times counts. */
void used_note(struct used *u, const char *principal, const char *edit, int64_t time);
/* Adds all of `u` to the file, whoever else writes it meanwhile. */
int used_save(const struct used *u, const char *dir, struct err *e);

#endif
