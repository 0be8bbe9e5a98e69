/* policy/roles.c - the names of roles, scopes and bundles, and the permissions that they give. */
/* SPDX-License-Identifier: MIT */
#include "policy/roles.h"

#include <assert.h>
#include <string.h>

#include "base/cleanup.h"

/* What a scope takes in: seed 002 has three for everything that seed 003 names one by one. */
enum scope { NONE = 0, READ = 1, WRITE = 2, DELETE = 4 };

static const struct {
    const char *name;
    enum scope scope;
} bits[] = {
    [ROLE_ASSET_READ] = {"asset_read", READ},
    [ROLE_ASSET_WRITE] = {"asset_write", WRITE},
    [ROLE_ASSET_DELETE] = {"asset_delete", DELETE},
    [ROLE_METADATA_READ] = {"metadata_read", READ},
    [ROLE_METADATA_WRITE] = {"metadata_write", WRITE},
    [ROLE_METADATA_DELETE] = {"metadata_delete", DELETE},
    [ROLE_METADATA_GROUP_READ] = {"metadata_group_read", READ},
    [ROLE_METADATA_GROUP_WRITE] = {"metadata_group_write", WRITE},
    [ROLE_METADATA_GROUP_DELETE] = {"metadata_group_delete", DELETE},
    [ROLE_TIMESPAN_READ] = {"timespan_read", READ},
    [ROLE_TIMESPAN_WRITE] = {"timespan_write", WRITE},
    [ROLE_TIMESPAN_DELETE] = {"timespan_delete", DELETE},
    [ROLE_TIMESPAN_EXPORT] = {"timespan_export", WRITE},
    [ROLE_ACCESS_READ] = {"access_read", READ},
    [ROLE_ACCESS_WRITE] = {"access_write", WRITE},
    [ROLE_ACCESS_DELETE] = {"access_delete", DELETE},
    [ROLE_STORAGE_READ] = {"storage_read", READ},
    [ROLE_STORAGE_WRITE] = {"storage_write", WRITE},
    [ROLE_STORAGE_DELETE] = {"storage_delete", DELETE},
    [ROLE_STORAGE_METADATA_READ] = {"storage_metadata_read", READ},
    [ROLE_STORAGE_METADATA_WRITE] = {"storage_metadata_write", WRITE},
    [ROLE_STORAGE_METADATA_DELETE] = {"storage_metadata_delete", DELETE},
    [ROLE_STORAGE_FILE_READ] = {"storage_file_read", READ},
    [ROLE_STORAGE_FILE_WRITE] = {"storage_file_write", WRITE},
    [ROLE_STORAGE_FILE_DELETE] = {"storage_file_delete", DELETE},
    [ROLE_FILE_READ] = {"file_read", READ},
    [ROLE_FILE_READ_ORIGINAL] = {"file_read_original", NONE},
    [ROLE_FILE_WRITE] = {"file_write", WRITE},
    [ROLE_FILE_DELETE] = {"file_delete", DELETE},
    [ROLE_FILE_METADATA_READ] = {"file_metadata_read", READ},
    [ROLE_FILE_METADATA_WRITE] = {"file_metadata_write", WRITE},
    [ROLE_FILE_METADATA_DELETE] = {"file_metadata_delete", DELETE},
    [ROLE_JOB_VIEW] = {"job_view", READ},
    [ROLE_JOB_READ] = {"job_read", READ},
    [ROLE_JOB_WRITE] = {"job_write", WRITE},
    [ROLE_JOB_DELETE] = {"job_delete", DELETE},
    [ROLE_POSTER_CREATE] = {"poster_create", WRITE},
    [ROLE_RENDER] = {"render", WRITE},
    [ROLE_USAGE_READ] = {"usage_read", READ},
    [ROLE_SETTINGS_READ] = {"settings_read", READ},
    [ROLE_SETTINGS_READ_ALL] = {"settings_read_all", NONE},
    [ROLE_SETTINGS_WRITE] = {"settings_write", WRITE},
    [ROLE_SETTINGS_WRITE_ALL] = {"settings_write_all", NONE},
    [ROLE_SETTINGS_DELETE] = {"settings_delete", DELETE},
    [ROLE_ANALYSIS_WRITE] = {"analysis_write", WRITE},
    [ROLE_SUPERUSER] = {"superuser", NONE},
};
static_assert(COUNT(bits) == ROLE_BIT_COUNT, "every permission has a name");
static_assert(ROLE_BIT_COUNT <= 64, "a set of permissions is a uint64_t");

/* A scope alone is a name too, also as it stands in a token: "tams-api/read". */
static const struct {
    const char *name;
    int scopes; /* of enum scope */
    bool is_scope;
} bundles[] = {
    {"read", READ, true},
    {"write", WRITE, true},
    {"delete", DELETE, true},
    {"administrator", READ | WRITE | DELETE, false},
    {"viewer", READ, false},
    {"editor", READ | WRITE, false},
    {"store-writer", WRITE, false},
    {"store-cleanup-system", DELETE, false},
};

static bool has_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static uint64_t of_scopes(int scopes)
{
    uint64_t set = 0;
    for (size_t i = 0; i < COUNT(bits); i++)
        if (bits[i].scope & scopes)
            set |= UINT64_C(1) << i;
    return set;
}

/* A typed settings role names settings that shotlake does not have: known, and worth nothing. */
static bool is_typed(const char *name)
{
    return (has_prefix(name, "settings_read_") && name[strlen("settings_read_")]) ||
           (has_prefix(name, "settings_write_") && name[strlen("settings_write_")]);
}

bool role_builtin(const char *name, uint64_t *ret)
{
    if (strcmp(name, "superuser") == 0) {
        *ret = (UINT64_C(1) << ROLE_BIT_COUNT) - 1;
        return true;
    }
    for (size_t i = 0; i < COUNT(bits); i++)
        if (strcmp(name, bits[i].name) == 0) {
            *ret = UINT64_C(1) << i;
            return true;
        }
    const char *slash = strchr(name, '/');
    bool scoped = has_prefix(name, "tams-api/") || has_prefix(name, "shotlake/");
    for (size_t i = 0; i < COUNT(bundles); i++)
        if (strcmp(scoped && bundles[i].is_scope ? slash + 1 : name, bundles[i].name) == 0) {
            *ret = of_scopes(bundles[i].scopes);
            return true;
        }
    if (!is_typed(name))
        return false;
    *ret = 0;
    return true;
}

const char *role_bit_name(enum role_bit bit)
{
    return bits[bit].name;
}
