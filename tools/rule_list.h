/* tools/rule_list.h - listing and showing what the tables of rules hold. */
/* SPDX-License-Identifier: MIT */
#ifndef TOOLS_RULE_LIST_H
#define TOOLS_RULE_LIST_H

#include <jansson.h>

#include "policy/index.h"

struct cli;
struct err;

/* How the rules of a kind are told. */
struct rule_shape {
    enum rule_kind kind;
    const char *key[2]; /* members of the JSON rows: "principal", "class"; the second may be NULL */
    const char *value;  /* "actions" */
    const char *between; /* the two keys, for people: "  ", "#" */
};

/* Prints all rules of a kind, a line or an object each. The exit status. */
int rule_list(struct cli *c, const struct rule_shape *shape);

/* A list of strings as "a, b", any other value as JSON on one line; free(). */
char *rule_value_text(const json_t *value);

/* Prints "there is no WHAT 'NAME' yet: CONSEQUENCE" on stderr for each name of `names` (strings) that is
 * no key of the kind. */
int rule_warn_unknown(struct index_read *rd, enum rule_kind kind, const json_t *names,
                      const char *what, const char *consequence, struct err *e);
/* The same of an array of names of roles, for those that neither shotlake knows nor a record makes: the
 * `warn` of a change. */
int rule_warn_roles(void *arg, struct index_read *rd, struct err *e);

#endif
