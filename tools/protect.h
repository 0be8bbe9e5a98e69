/* tools/protect.h - whether anybody can pass a guard: where its access group is looked up. */
/* SPDX-License-Identifier: MIT */
#ifndef SHOTLAKE_TOOLS_PROTECT_H
#define SHOTLAKE_TOOLS_PROTECT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/index.h"

/* Of a guard whose group is looked up from the directory `site_at`: appends the key of its site to
 * `site` (nothing: the root's), and sets whether its group exists there (row BU1). 0 or an error of
 * the index. */
int protect_is_open(struct index_read *rd, node_id site_at, const char *group, struct buf *site,
                    bool *ret, struct err *e);

#endif
