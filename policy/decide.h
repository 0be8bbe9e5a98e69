/* policy/decide.h - the one decision: may this asker do that with this object now, and why? */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_DECIDE_H
#define POLICY_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>
#include <roaring/roaring.h>

#include "policy/types.h"

struct err;
struct index_read;
struct rules;
struct who;

/* A principal with its attributes, held against the rules of one ledger position: its permissions,
 * which guards let it pass, what its token leaves of the lake, which edits' files would name what is
 * denied to it. All that does not depend on the object or the time is found here, once. */
struct asker;
/* `rd` must be a snapshot at rules_seq(): else -ESTALE. Copies what it needs of `who`. */
int asker_new(struct index_read *rd, struct rules *rules, const struct who *who,
              struct asker **ret, struct err *e);
void asker_free(struct asker *a); /* NULL is fine */
static inline void auto_asker(struct asker **a)
{
    asker_free(*a);
}

bool asker_is_superuser(const struct asker *a);
uint64_t asker_permissions(const struct asker *a); /* roles.h */

/* The decision about one object (not a directory or a link: those are visible or not by what is
 * below or behind them, see visible.h). `action` is "read", "write", "modify_all_access" or a custom
 * access type; "list" asks whether a READ may at least see it. Any snapshot at the asker's position.
 * Pure: the same arguments, the same answer. */
int decide(const struct asker *a, struct index_read *rd, node_id object, const char *action,
           int64_t now, bool *ret, struct err *e);

/* The same with its reasons, for people and the audit; slower. Shape: see explain.h. A new
 * reference. */
int decide_why(const struct asker *a, struct index_read *rd, node_id object, const char *action,
               int64_t now, bool *ret, json_t **ret_why, struct err *e);

/* Does a token with these authorization_details (jwt.h; NULL: none) leave its bearer the names that
 * the edit has below edits/? They belong to the edit: a token for some edits leaves theirs, one for
 * some locations all or none. */
bool details_leave_names(const json_t *details, const char *edit);

/* May the asker do that with the edit itself (its ACL, its owner)? `action` as above. */
int decide_edit(const struct asker *a, struct index_read *rd, const char *edit, const char *action,
                int64_t now, bool *ret, struct err *e);
/* With a place that has a list of its own: a directory (or the root) as a collection. */
int decide_directory(const struct asker *a, struct index_read *rd, node_id dir, const char *action,
                     int64_t now, bool *ret, struct err *e);

#endif
