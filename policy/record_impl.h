/* policy/record_impl.h - how members of a record are asked for; for record*.c only. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_RECORD_IMPL_H
#define POLICY_RECORD_IMPL_H

#include "policy/record.h"

/* Each is 0, or -EBADMSG with a sentence that names the member. */

/* record.c */
int want_text(const json_t *j, const char *key, const char **ret, struct err *e);
int want_edit(struct record *rec, struct err *e);
int want_principal(struct record *rec, struct err *e);

/* record_rules.c */
/* A canonical principal, as `member` has it. */
int check_principal(const char *s, const char *member, struct err *e);
/* A list of names, at most `max`; `place` begins the sentence: "\"ranges\"". */
int check_names(const json_t *list, const char *place, size_t max, struct err *e);
/* Where an ACL, classes, metadata or a guard stands, and what; a rule of the lake. */
int want_placed(struct record *rec, struct err *e);
int want_rule(struct record *rec, struct err *e);

#endif
