/* policy/propagate.h - which collections hand their ACL down (seed 003, acl.propagate.filter; AV11). */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_PROPAGATE_H
#define POLICY_PROPAGATE_H

#include <stdbool.h>

#include <jansson.h>

struct err;
struct propagate;

/* "source:str_eq=portal,type:string_in=series\,season": conditions joined by ',' must all hold;
 * "\," (or "\\,", as it stands in a properties file) separates the items of a string_in. An empty
 * text lets everything through. -EBADMSG with the place in the text. */
int propagate_parse(const char *text, struct propagate **ret, struct err *e);
void propagate_free(struct propagate *p); /* NULL is fine */
/* Does a collection with these fields ({name: string}, NULL: none) hand its ACL down? */
bool propagate_passes(const struct propagate *p, const json_t *fields);

static inline void auto_propagate(struct propagate **p)
{
    propagate_free(*p);
}

#endif
