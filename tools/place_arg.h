/* tools/place_arg.h - a place as the command line names it: a path, edit:ID or lake:. */
/* SPDX-License-Identifier: MIT */
#ifndef TOOLS_PLACE_ARG_H
#define TOOLS_PLACE_ARG_H

#include <stdbool.h>

#include <jansson.h>

#include "policy/index.h"

struct buf;
struct cli;
struct err;

/* Which kinds of place a verb takes. */
enum place_takes {
    PLACE_TAKES_PATH = 1,
    PLACE_TAKES_EDIT = 2,
    PLACE_TAKES_LAKE = 4,
};

struct place_arg {
    const char *given;  /* borrowed */
    const char *path;   /* where it is one: without the '/' in front; borrowed */
    struct place at;    /* of a path: when it was found */
    enum placed_table table; /* a path that is gone counts where this table has a row of it */
};

/* "edit:ID" and "lake:" where the verb takes them, else a path ("/edit:x" is a key). False: `*ret_status`
 * is the exit status, told already. An empty path is refused: '/' is all of the lake, and an unset
 * variable of a script must not mean that. */
bool place_arg_parse(struct cli *c, const char *text, unsigned takes, enum placed_table table,
                     struct place_arg *ret, int *ret_status);

/* Looks for it; a path may be gone, if something stands on it: that must stay within reach, since it
 * holds again when the path comes back. -ENOENT: no such path, or edit (also: it was removed). */
int place_arg_find(struct place_arg *p, struct index_read *rd, struct err *e);

/* The same, and says in the body of a record what it is: "path" as the lake has it ("/": the root),
 * "edit", or "lake". */
int place_arg_name(struct place_arg *p, struct index_read *rd, json_t *body, struct err *e);

/* Appends a place for people, which these verbs take again: "show/a/", "/", "edit:ID", "lake:". */
int place_text(struct index_read *rd, const struct place *at, struct buf *ret, struct err *e);

#endif
