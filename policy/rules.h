/* policy/rules.h - all rules of a lake at one position of its ledger, read once and ready to ask. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_RULES_H
#define POLICY_RULES_H

#include <stdint.h>

#include "policy/types.h"

struct err;
struct index_read;

/* Immutable and refcounted; any thread. Holds no transaction: what is asked of it is asked together
 * with a snapshot of the same position, which decide.h checks. */
struct rules;
int rules_load(struct index_read *rd, struct rules **ret, struct err *e);
/* Only what can bear on one object: of edits and grants those of the edits that hold it, and all other
 * rules, which are few. Quick where edits are many (row BX4). Good for asker_new(), and for questions
 * about that object alone. `*ret` is NULL, with 0, where it takes all the rules: a directory, a name
 * below edits/, and a file of an edit, whose answer hangs on everything that the edit names. */
int rules_load_about(struct index_read *rd, node_id object, struct rules **ret, struct err *e);
struct rules *rules_ref(struct rules *r);
void rules_unref(struct rules *r); /* NULL is fine */
uint64_t rules_seq(const struct rules *r);

static inline void auto_rules(struct rules **r)
{
    rules_unref(*r);
}

#endif
