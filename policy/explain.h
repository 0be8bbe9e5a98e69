/* policy/explain.h - why may, or may not, this principal see that path? */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_EXPLAIN_H
#define POLICY_EXPLAIN_H

#include <stdint.h>

#include <jansson.h>

#include "policy/types.h"

struct buf;
struct err;
struct index_read;
struct who;

/* The derivation of one decision, for operators only:
 *   {"allow": bool, "principal", "path", "at", "record": head, "action",
 *    "by":  [{"rule":"grant","edit","name","principal","from","until","record","actor"},
 *             and "retiring": until then it stays, but the cut uses it no more; and "ranges",
 *            {"rule":"acl","path","principal","access":[…],"record"},
 *            {"rule":"edit-acl","edit","name","principal","access":[…],"record"},
 *            {"rule":"class","class","principal","access":[…],"record"},
 *            {"rule":"owner","edit","name","principal","record"}, of an edit's files,
 *            {"rule":"superuser","principal"}],
 *    "not": [the same with "why": "expired 2026-…", "starts 2027-…", "gives no read",
 *            "the edit is disabled", "the cut uses it no more; …", what a guard or a gate says; and
 *            {"rule":"edit",…,"why":"not granted to …"}],
 *    "guards": [{"path","group","site","by_name","record","counts","pass","why"}]; those that do not
 *            count stand above a deeper one while protect.compose is "most_specific",
 *    "gates": [{"gate":"token","pass"}, {"gate":"role","pass","needs"},
 *              {"gate":"lake","pass","record"}],
 *    "stricter": where a rule alone would allow it and a guard or a gate does not, both}
 * "closed": true of what is seen and may not be opened, where "action" is "list";
 * and of a name that an edit has below edits/ "link": where it leads, or "object": the key of the
 * object that it is another name of.
 * "by" is empty where "allow" is false. A new reference in `*ret`. */

/* Does the caller see the node? "action" is "list", "allow" what visible_of() says. */
int explain_decision(struct index_read *rd, const struct who *who, node_id node, int64_t now,
                     json_t **ret, struct err *e);
/* The same for any action of decide.h; of a directory others than "list" and "read" are about itself
 * as a collection. "allow" is what decide(), visible_of() or decide_directory() says. */
int explain_action(struct index_read *rd, const struct who *who, node_id node, const char *action,
                   int64_t now, json_t **ret, struct err *e);

/* The same for people, one reason a line. */
void explain_text(const json_t *decision, struct buf *ret);

/* Who may see a node now: [{"principal","rule",…}] with one element for each grant, ACL entry, class
 * policy and owner that reaches it; groups and roles are named as such. Superusers see everything and
 * are not told, nor are gates of roles and tokens, which only somebody who asks has. Where guards
 * count, each element has "if": ["access group G admits it", …]. */
int explain_who(struct index_read *rd, node_id node, int64_t now, json_t **ret, struct err *e);

/* The same for people, one way in a line. */
void explain_who_text(const json_t *list, struct buf *ret);

/* The lists that reach a node, its own and inherited ones (AV12):
 *   {"path", "callerAccess": {"read","write","modify_acl_access"} of `who` (NULL: without),
 *    "access":  [{"principal","accessTypes","via": path or "edit:ID","inherited": bool,"record"}],
 *    "stopped": [the same with "why": what keeps it from reaching the node]} */
int explain_effective(struct index_read *rd, node_id node, const struct who *who, int64_t now,
                      json_t **ret, struct err *e);

/* Who holds what in the whole lake: [{"rule": "grant", "acl", "edit-acl", "lake-acl", "class" or
 * "owner", "principal", and of each what explain_decision() has of it, "since": when its record was
 * made, "actor": by whom, "until" (grants), "active": whether it counts at `now`, as far as that does
 * not depend on who asks}]. ACL entries are told whatever they give: who may change a list may give
 * themselves the rest. */
int access_review(struct index_read *rd, int64_t now, json_t **ret, struct err *e);

#endif
