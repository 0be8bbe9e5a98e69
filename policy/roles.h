/* policy/roles.h - what a role lets one do at all: the gate before every rule (rows TA1, TA2, AV3). */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_ROLES_H
#define POLICY_ROLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One bit a permission of Accurate Video's role list (seed 003); ROLE_SUPERUSER beside them.
 * A set of them is a uint64_t. */
enum role_bit {
    ROLE_ASSET_READ, ROLE_ASSET_WRITE, ROLE_ASSET_DELETE,
    ROLE_METADATA_READ, ROLE_METADATA_WRITE, ROLE_METADATA_DELETE,
    ROLE_METADATA_GROUP_READ, ROLE_METADATA_GROUP_WRITE, ROLE_METADATA_GROUP_DELETE,
    ROLE_TIMESPAN_READ, ROLE_TIMESPAN_WRITE, ROLE_TIMESPAN_DELETE, ROLE_TIMESPAN_EXPORT,
    ROLE_ACCESS_READ, ROLE_ACCESS_WRITE, ROLE_ACCESS_DELETE,
    ROLE_STORAGE_READ, ROLE_STORAGE_WRITE, ROLE_STORAGE_DELETE,
    ROLE_STORAGE_METADATA_READ, ROLE_STORAGE_METADATA_WRITE, ROLE_STORAGE_METADATA_DELETE,
    ROLE_STORAGE_FILE_READ, ROLE_STORAGE_FILE_WRITE, ROLE_STORAGE_FILE_DELETE,
    ROLE_FILE_READ, ROLE_FILE_READ_ORIGINAL, ROLE_FILE_WRITE, ROLE_FILE_DELETE,
    ROLE_FILE_METADATA_READ, ROLE_FILE_METADATA_WRITE, ROLE_FILE_METADATA_DELETE,
    ROLE_JOB_VIEW, ROLE_JOB_READ, ROLE_JOB_WRITE, ROLE_JOB_DELETE,
    ROLE_POSTER_CREATE, ROLE_RENDER, ROLE_USAGE_READ,
    ROLE_SETTINGS_READ, ROLE_SETTINGS_READ_ALL, ROLE_SETTINGS_WRITE, ROLE_SETTINGS_WRITE_ALL,
    ROLE_SETTINGS_DELETE, ROLE_ANALYSIS_WRITE,
    ROLE_SUPERUSER, /* everything, and no rule is asked */
    ROLE_BIT_COUNT
};
#define ROLE(bit) (UINT64_C(1) << ROLE_##bit)

/* The permissions of a name that shotlake itself knows: one of Accurate Video's roles, a scope
 * ("read", "tams-api/read", "shotlake/read"; also write, delete) or a bundle of TAMS (administrator,
 * viewer, editor, store-writer, store-cleanup-system). False: no such name. Case-sensitive. */
bool role_builtin(const char *name, uint64_t *ret);
/* "asset_read"; static. */
const char *role_bit_name(enum role_bit bit);

#endif
