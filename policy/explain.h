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
 *   {"allow": bool, "principal", "path", "at", "record": head,
 *    "by":  [{"rule":"grant","edit","name","principal","from","until","record","actor"},
 *             and "retiring": until then it stays, but the cut uses it no more,
 *            {"rule":"acl","path","principal","access":[…],"record"}],
 *    "not": [the same with "why": "expired 2026-…", "starts 2027-…", "gives no read",
 *            "the edit is disabled", "the cut uses it no more; …", "not granted to …"]}
 * and of a name that an edit has below edits/ "link": where it leads, or "object": the key of the
 * object that it is another name of.
 * "allow" is what visible_compute() says; "by" is empty where it is false. A new reference in
 * `*ret`. */
int explain_decision(struct index_read *rd, const struct who *who, node_id node, int64_t now,
                     json_t **ret, struct err *e);

/* The same for people, one reason a line. */
void explain_text(const json_t *decision, struct buf *ret);

/* Who may see a node now: [{"principal","rule",…}] with one element for each grant and ACL entry
 * that reaches it; groups and roles are named as such. */
int explain_who(struct index_read *rd, node_id node, int64_t now, json_t **ret, struct err *e);

/* The same for people, one way in a line. */
void explain_who_text(const json_t *list, struct buf *ret);

#endif
