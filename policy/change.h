/* policy/change.h - who may change what: the gate before a principal's own records (TA6, AV5, AV6). */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_CHANGE_H
#define POLICY_CHANGE_H

#include <stdint.h>

#include <jansson.h>

struct asker;
struct err;
struct index_read;

/* May the asker append this record ({"op": …}, as lake_append() takes it) at this position? 0, or
 * -EACCES with a sentence that names what is missing ("grant of edit x: needs access_write").
 * Asked again at every try of an append, with the snapshot that it would follow. Who holds the
 * lake's credentials and acts as nobody is not asked. */
int change_allowed(const struct asker *a, struct index_read *rd, const json_t *body, int64_t now,
                   struct err *e);

#endif
