/* policy/types.h - the values that every policy file speaks of. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_TYPES_H
#define POLICY_TYPES_H

#include <stdint.h>

/* A node of the lake's tree: an object or a directory of objects. Numbers are given in ledger
 * order, so every host gives the same ones, and are never given again. 0 is no node. Vendors
 * never see them: they count the lake. */
typedef uint32_t node_id;

#define NODE_NONE 0u
#define NODE_ROOT 1u

#define NAME_LIMIT 255 /* bytes of one path component: the kernel's NAME_MAX */

/* An edit's identifier: 10 characters of [a-z0-9] (Shot Locker). It is a name, not a secret:
 * knowing it grants nothing. */
#define EDIT_ID_LEN 10
#define EDIT_ID_SIZE (EDIT_ID_LEN + 1)

#define SHA256_SIZE 32
#define SHA256_HEX_SIZE 65 /* with the NUL */

/* A principal in canonical form: "user:NAME", "group:NAME", "role:NAME" or an IAM ARN. */
#define PRINCIPAL_MAX 496 /* with the NUL; an index key holds one and an edit id */

#endif
