/* policy/rules.h - all rules of a lake at one position of its ledger, read once and ready to ask. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_RULES_H
#define POLICY_RULES_H

#include <stdint.h>

struct err;
struct index_read;

/* Immutable and refcounted; any thread. Holds no transaction: what is asked of it is asked together
 * with a snapshot of the same position, which decide.h checks. */
struct rules;
int rules_load(struct index_read *rd, struct rules **ret, struct err *e);
struct rules *rules_ref(struct rules *r);
void rules_unref(struct rules *r); /* NULL is fine */
uint64_t rules_seq(const struct rules *r);

static inline void auto_rules(struct rules **r)
{
    rules_unref(*r);
}

#endif
