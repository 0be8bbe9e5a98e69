/* tools/acl_file.h - an access list as a file has it. */
/* SPDX-License-Identifier: MIT */
#ifndef TOOLS_ACL_FILE_H
#define TOOLS_ACL_FILE_H

#include <jansson.h>

struct err;

/* The checked list of a JSON file, or of stdin for "-"; a new reference. NULL: `e` says why. */
json_t *acl_file_read(const char *path, struct err *e);

#endif
