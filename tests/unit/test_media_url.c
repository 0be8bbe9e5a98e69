/* tests/unit/test_media_url.c - the forms in which applications name media. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conform/media_url.h"
#include "tests/unit/conform_world.h"

static const struct {
    const char *text;
    enum media_url_kind kind;
    const char *path, *name, *alt; /* alt: the other reading's name, NULL: none */
} cases[] = {
    {"s3://lake/show/a%20b+c.exr", MEDIA_URL_S3, "lake/show/a%20b+c.exr", "a%20b+c.exr", NULL},
    {"s3://lake/a?b#c", MEDIA_URL_S3, "lake/a?b#c", "a?b#c", NULL},
    {"file:///show/take+1.exr", MEDIA_URL_FILE, "/show/take+1.exr", "take+1.exr", NULL},
    {"file:///show/a%20b.mov", MEDIA_URL_FILE, "/show/a b.mov", "a b.mov", "a%20b.mov"},
    {"file:///show/a%2520b.mov", MEDIA_URL_FILE, "/show/a%20b.mov", "a%20b.mov", "a%2520b.mov"},
    {"file://localhost/D%3a/media/sc01.mov", MEDIA_URL_FILE, "D:/media/sc01.mov", "sc01.mov",
     "sc01.mov"},
    {"file:///X:/jobs/a.mov", MEDIA_URL_FILE, "X:/jobs/a.mov", "a.mov", NULL},
    {"file://S:/path/a.mov", MEDIA_URL_FILE, "S:/path/a.mov", "a.mov", NULL},
    {"file://server/share/a.mov", MEDIA_URL_FILE, "//server/share/a.mov", "a.mov", NULL},
    {"file:///jumpcut//Users/Shared/Avid%20MediaFiles/V01.mxf", MEDIA_URL_FILE,
     "/jumpcut//Users/Shared/Avid MediaFiles/V01.mxf", "V01.mxf", "V01.mxf"},
    {"file://localhost///vdisk/v003.{:04d}.exr", MEDIA_URL_FILE, "///vdisk/v003.{:04d}.exr",
     "v003.{:04d}.exr", NULL},
    {"FILE:/show/a.mov", MEDIA_URL_FILE, "/show/a.mov", "a.mov", NULL},
    {"file:///show/a.mov?x=1", MEDIA_URL_FILE, "/show/a.mov", "a.mov", NULL},
    {"file:///show/a.mov#t=1", MEDIA_URL_FILE, "/show/a.mov", "a.mov", NULL},
    {"file:///show/p.####.exr", MEDIA_URL_FILE, "/show/p.####.exr", "p.####.exr", NULL},
    {"file:///show/p.%04d.exr", MEDIA_URL_FILE, "/show/p.%04d.exr", "p.%04d.exr", NULL},
    {"file:///my%20show/p%20q.%04d.exr", MEDIA_URL_FILE, "/my show/p q.%04d.exr", "p q.%04d.exr",
     "p%20q.%04d.exr"},
    {"file:///show/100%.mov", MEDIA_URL_FILE, "/show/100%.mov", "100%.mov", NULL},
    {"/Users/j/Panel 3.3.5.png", MEDIA_URL_PATH, "/Users/j/Panel 3.3.5.png", "Panel 3.3.5.png",
     NULL},
    {"/show/a%20b.mov", MEDIA_URL_PATH, "/show/a%20b.mov", "a%20b.mov", "a b.mov"},
    {"/show/a?b#c.mov", MEDIA_URL_PATH, "/show/a?b#c.mov", "a?b#c.mov", NULL},
    {"C:\\show\\a.mov", MEDIA_URL_PATH, "C:/show/a.mov", "a.mov", NULL},
    {"C:/show/mixed\\a.mov", MEDIA_URL_PATH, "C:/show/mixed/a.mov", "a.mov", NULL},
    {"\\\\host\\share\\a.mov", MEDIA_URL_PATH, "//host/share/a.mov", "a.mov", NULL},
    {"dir\\a.mov", MEDIA_URL_PATH, "dir/a.mov", "a.mov", NULL},
    {"/show/odd\\name.mov", MEDIA_URL_PATH, "/show/odd\\name.mov", "odd\\name.mov", NULL},
    {"./rel/a.mov", MEDIA_URL_PATH, "./rel/a.mov", "a.mov", NULL},
    {"a.mov", MEDIA_URL_PATH, "a.mov", "a.mov", NULL},
    {"take 1: best.mov", MEDIA_URL_PATH, "take 1: best.mov", "take 1: best.mov", NULL},
    {"reel:a.mov", MEDIA_URL_PATH, "reel:a.mov", "reel:a.mov", NULL},
    {"/show/dir/", MEDIA_URL_PATH, "/show/dir/", "", NULL},
    {"https://host/b/a%20b.mov?sig=x", MEDIA_URL_HTTP, "/b/a b.mov", "a b.mov", "a%20b.mov"},
    {"https://host", MEDIA_URL_HTTP, "", "", NULL},
    {"bal:///entity/1", MEDIA_URL_OTHER, "///entity/1", "1", NULL},
    {"", MEDIA_URL_EMPTY, "", "", NULL},
};

static void test_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct media_url u;
        struct err e;
        assert_int_equal(media_url_parse(cases[i].text, &u, &e), 0);
        if (u.kind != cases[i].kind || strcmp(u.path, cases[i].path) != 0)
            fail_msg("%s: kind %d, path '%s'", cases[i].text, u.kind, u.path);
        assert_string_equal(u.name, cases[i].name);
        assert_int_equal(u.alt_name != NULL, cases[i].alt != NULL);
        if (cases[i].alt)
            assert_string_equal(u.alt_name, cases[i].alt);
        media_url_done(&u);
    }
}

static void test_encoded_nul_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"file:///a%00.mov", "/show/%00", "https://h/%00"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct media_url u;
        struct err e;
        assert_int_equal(media_url_parse(bad[i], &u, &e), -EINVAL);
        media_url_done(&u);
    }
}

static void test_key_in_lake(void **state)
{
    (void)state;
    static const struct {
        const struct store_ops *ops;
        const char *url, *key;
    } rows[] = {
        {&world_s3, "s3://lake/show/a%20b.exr", "show/a%20b.exr"},
        {&world_s3, "s3://lakeside/show/a.exr", NULL},
        {&world_s3, "s3://other/show/a.exr", NULL},
        {&world_s3, "/lake/show/a.exr", NULL},
        {&world_s3, "lake/show/a.exr", NULL},
        {&world_file, "file:///srv/my%20lake/show/a%20b.exr", "show/a b.exr"},
        {&world_file, "file://localhost/srv/my lake/a+b.exr", "a+b.exr"},
        {&world_file, "/srv/my lake/show/a%20b.exr", "show/a%20b.exr"},
        {&world_file, "/srv/my lakeside/a.exr", NULL},
        {&world_file, "s3:///srv/my lake/a.exr", NULL},
        {&world_file, "a.exr", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(world) struct world *w = world_new(rows[i].ops, "");
        struct media_url u, lake;
        struct err e;
        assert_int_equal(media_url_of_lake(&w->store, &lake, &e), 0);
        assert_int_equal(media_url_parse(rows[i].url, &u, &e), 0);
        const char *key = media_url_key(&u, &lake);
        if (!key != !rows[i].key || (key && strcmp(key, rows[i].key) != 0))
            fail_msg("%s: '%s'", rows[i].url, key ? key : "(none)");
        media_url_done(&u);
        media_url_done(&lake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_encoded_nul_is_refused),
        cmocka_unit_test(test_key_in_lake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
