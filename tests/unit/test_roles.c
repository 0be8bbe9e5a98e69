/* tests/unit/test_roles.c - every role of the vocabulary, the scopes, the bundles, nothing else. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "policy/roles.h"

static const char *const vocabulary[] = {
    "superuser", "asset_read", "asset_write", "asset_delete", "metadata_read", "metadata_write",
    "metadata_delete", "metadata_group_read", "metadata_group_write", "metadata_group_delete",
    "timespan_read", "timespan_write", "timespan_delete", "timespan_export", "access_read",
    "access_write", "access_delete", "storage_read", "storage_write", "storage_delete",
    "storage_metadata_read", "storage_metadata_write", "storage_metadata_delete",
    "storage_file_read", "storage_file_write", "storage_file_delete", "file_read",
    "file_read_original", "file_write", "file_delete", "file_metadata_read", "file_metadata_write",
    "file_metadata_delete", "job_view", "job_read", "job_write", "job_delete", "poster_create",
    "render", "usage_read", "settings_read", "settings_read_av_safe_area",
    "settings_read_av_poster_room_overlay", "settings_read_av_poster_room_image_preset",
    "settings_read_all", "settings_write", "settings_write_av_safe_area",
    "settings_write_av_poster_room_overlay", "settings_write_av_poster_room_image_preset",
    "settings_write_all", "settings_delete", "analysis_write",
};

static uint64_t of(const char *name)
{
    uint64_t set = UINT64_MAX;
    if (!role_builtin(name, &set))
        fail_msg("'%s' is not known", name);
    return set;
}

static bool is_typed(const char *name)
{
    return strstr(name, "_av_") != NULL;
}

/* One bit each, no bit twice, and the name of the bit is the name of the role. */
static void test_vocabulary(void **state)
{
    (void)state;
    assert_int_equal(COUNT(vocabulary), 52);
    uint64_t seen = 0;
    for (size_t i = 0; i < COUNT(vocabulary); i++) {
        uint64_t set = of(vocabulary[i]);
        if (strcmp(vocabulary[i], "superuser") == 0)
            continue;
        if (is_typed(vocabulary[i])) {
            assert_int_equal(set, 0);
            continue;
        }
        if (set == 0 || (set & (set - 1)) || (seen & set))
            fail_msg("'%s': bits %llx", vocabulary[i], (unsigned long long)set);
        seen |= set;
        assert_string_equal(role_bit_name((enum role_bit)__builtin_ctzll(set)), vocabulary[i]);
    }
    assert_int_equal(of("superuser"), seen | ROLE(SUPERUSER));
    assert_string_equal(role_bit_name(ROLE_SUPERUSER), "superuser");
    assert_int_equal(seen | ROLE(SUPERUSER), (UINT64_C(1) << ROLE_BIT_COUNT) - 1);
    assert_int_equal(of("settings_read_house_style"), 0);
    assert_int_equal(of("asset_read"), ROLE(ASSET_READ));
    assert_int_equal(of("analysis_write"), ROLE(ANALYSIS_WRITE));
    assert_int_equal(of("file_read_original"), ROLE(FILE_READ_ORIGINAL));
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* Held to the names themselves: what reads, writes or deletes says so at its end. */
static void test_scopes(void **state)
{
    (void)state;
    uint64_t read = 0, write = 0, del = 0;
    for (size_t i = 0; i < COUNT(vocabulary); i++) {
        const char *s = vocabulary[i];
        if (is_typed(s))
            continue;
        if (ends_with(s, "_read") || strcmp(s, "job_view") == 0)
            read |= of(s);
        if (ends_with(s, "_write") || ends_with(s, "_export") || strcmp(s, "render") == 0 ||
            strcmp(s, "poster_create") == 0)
            write |= of(s);
        if (ends_with(s, "_delete"))
            del |= of(s);
    }
    assert_int_equal(of("read"), read);
    assert_int_equal(of("write"), write);
    assert_int_equal(of("delete"), del);
    assert_int_equal(read & write, 0);
    assert_int_equal((read | write | del) & (ROLE(SUPERUSER) | ROLE(FILE_READ_ORIGINAL)), 0);
    assert_int_equal(of("tams-api/read"), read);
    assert_int_equal(of("tams-api/write"), write);
    assert_int_equal(of("tams-api/delete"), del);
    assert_int_equal(of("shotlake/read"), read);
    assert_int_equal(of("administrator"), read | write | del);
    assert_int_equal(of("viewer"), read);
    assert_int_equal(of("editor"), read | write);
    assert_int_equal(of("store-writer"), write);
    assert_int_equal(of("store-cleanup-system"), del);
}

static void test_unknown(void **state)
{
    (void)state;
    static const char *const names[] = {
        "", "asset", "asset_", "Asset_Read", "asset_read ", "asset_reads", "settings_read_",
        "settings_write_", "settings_delete_x", "READ", "/read", "other/read", "tams-api/",
        "tams-api/viewer", "shotlake/administrator", "tams-api/asset_read", "tams-api/x/read",
        "tams-api", "Superuser", "root", "admin", "owner", "group:viewer", "role:viewer",
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        uint64_t set = 77;
        if (role_builtin(names[i], &set))
            fail_msg("'%s' is known: %llx", names[i], (unsigned long long)set);
        assert_int_equal(set, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vocabulary),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_unknown),
    };
    return cmocka_run_group_tests_name("roles", tests, NULL, NULL);
}
