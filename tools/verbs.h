/* tools/verbs.h - the table of verbs. */
/* SPDX-License-Identifier: MIT */
#ifndef TOOLS_VERBS_H
#define TOOLS_VERBS_H

#include <stddef.h>

#include "base/cleanup.h"
#include "tools/cli.h"

/* In the order of the help. A verb of one word stands behind those of two that begin with it. */
extern const struct cli_verb cli_verbs[];
extern const size_t cli_verb_count;

#endif
