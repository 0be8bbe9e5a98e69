/* policy/access_group.h - access groups and named address ranges (seed 001; rows BU1-BU7). */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_ACCESS_GROUP_H
#define POLICY_ACCESS_GROUP_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/address.h"

struct err;
struct who;

/* Named ranges, read once from {"crc": [{"start": "10.0.0.0", "end": "10.0.0.255"}, …], …}. */
struct ranges;
/* One name's list, as a record has it. -EBADMSG with the place ("/0/start: …"); so is an end below
 * its start, or of another family. */
int ranges_check(const json_t *list, struct err *e);
struct ranges *ranges_new(void);
void ranges_free(struct ranges *r); /* NULL is fine */
/* `list` is checked. A name given twice: the later one counts. */
void ranges_add(struct ranges *r, const char *name, const json_t *list);
/* False for an unknown name and for no address. */
bool ranges_have(const struct ranges *r, const char *name, const struct address *a);
bool ranges_know(const struct ranges *r, const char *name);

/* The rules of one access group, as a record has them: {"users", "states", "entitlements",
 * "ranges": lists of strings or null; "satisfy_all": true, false or null; "admins": list}. Every
 * member may be absent; another one, a wrong type, a blank string is refused. -EBADMSG. */
int access_group_check(const json_t *rules, struct err *e);

/* Why, for explain: which dimensions passed. */
struct admission {
    bool admitted, by_users, by_network, satisfy_all;
    const char *user_rule; /* "users", "admins", "states", "entitlements": the first that fits */
    const char *range;     /* the range that the address is in; borrowed from `rules` */
};
/* Do checked rules admit `who`? `scope`: the default scope of user names ("bu.edu"), "" for none.
 * A caller without a name is judged too (seed 001 lets a network alone admit); that nobody
 * anonymous gets anything is the decision's business. Pure. */
struct admission access_group_admits(const json_t *rules, const struct ranges *ranges,
                                     const char *scope, const struct who *who);
/* Is it a built-in group that admits every signed-in caller? ("authenticated", and
 * "entire-bu-community" as seed 001 calls it) */
bool access_group_is_everyone(const char *group);
/* Is `who` one of the group's admins? */
bool access_group_has_admin(const json_t *rules, const char *scope, const struct who *who);

#endif
