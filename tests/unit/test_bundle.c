/* tests/unit/test_bundle.c - timelines out of zips and folders, and the zips that are refused. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/err.h"
#include "conform/bundle.h"
#include "conform/conform.h"
#include "tests/unit/bundle_zip.h"

#define OTIO "{\"OTIO_SCHEMA\":\"Timeline.1\"}"
#define TIMELINE                                                                                   \
    {                                                                                              \
        .name = "content.otio", .data = OTIO                                                       \
    }
#define VERSION                                                                                    \
    {                                                                                              \
        .name = "version.txt", .data = "1.0.0"                                                     \
    }

/* `says` NULL: the timeline comes out; else part of the sentence. */
static const struct {
    const char *name;
    struct zip_entry entry[4];
    int want;
    const char *says;
} cases[] = {
    {"as OpenTimelineIO writes it",
     {VERSION, TIMELINE, {.name = "media/a.mov", .data = "bytes", .stored = true}},
     0,
     NULL},
    {"no version", {TIMELINE}, 0, NULL},
    {"stored", {{.name = "content.otio", .data = OTIO, .stored = true}}, 0, NULL},
    {"data descriptor",
     {{.name = "content.otio", .data = OTIO, .descriptor = true}, VERSION},
     0,
     NULL},
    {"zip64", {{.name = "content.otio", .data = OTIO, .zip64 = true}, VERSION}, 0, NULL},
    {"zip64 and descriptor",
     {{.name = "content.otio", .data = OTIO, .zip64 = true, .descriptor = true}},
     0,
     NULL},
    {"media of one name twice",
     {TIMELINE, {.name = "media/a", .data = "1"}, {.name = "media/a", .data = "2"}},
     0,
     NULL},
    {"version 1.9", {TIMELINE, {.name = "version.txt", .data = "1.9.7\r\n"}}, 0, NULL},
    {"version 1", {TIMELINE, {.name = "version.txt", .data = "1"}}, 0, NULL},

    {"empty", {{0}}, -EBADMSG, "no content.otio"},
    {"other files only", {VERSION, {.name = "media/a", .data = "x"}}, -EBADMSG, "no content.otio"},
    {"two timelines",
     {TIMELINE, VERSION, {.name = "content.otio", .data = "{}"}},
     -EBADMSG,
     "two files 'content.otio'"},
    {"two versions", {TIMELINE, VERSION, VERSION}, -EBADMSG, "two files 'version.txt'"},
    {"case twin", {TIMELINE, {.name = "Content.OTIO", .data = "{}"}}, -EBADMSG, "'Content.OTIO'"},
    {"climbs out",
     {TIMELINE, {.name = "../content.otio", .data = "{}"}},
     -EBADMSG,
     "'../content.otio' where only 'content.otio' may be"},
    {"absolute", {{.name = "/content.otio", .data = OTIO}}, -EBADMSG, "'/content.otio'"},
    {"backslash", {{.name = "..\\content.otio", .data = OTIO}}, -EBADMSG, "'..\\content.otio'"},
    {"a folder deep", {{.name = "cut/content.otio", .data = OTIO}}, -EBADMSG, "'cut/content.otio'"},
    {"version 2", {TIMELINE, {.name = "version.txt", .data = "2.0.0"}}, -EBADMSG, "of version 1"},
    {"version 10", {TIMELINE, {.name = "version.txt", .data = "10.0"}}, -EBADMSG, "of version 1"},
    {"encrypted",
     {{.name = "content.otio", .data = OTIO, .encrypted = true}},
     -EBADMSG,
     "'content.otio' in the bundle is encrypted"},
    {"another method",
     {{.name = "content.otio", .data = OTIO, .method = 12}},
     -EBADMSG,
     "packed by method 12"},
    {"claims too much",
     {{.name = "content.otio", .data = OTIO, .says_size = (size_t)CONFORM_FILE_MAX + 1}},
     -EFBIG,
     "has 268435457 bytes, more than 268435456"},
    {"bomb by its word",
     {{.name = "content.otio", .data = OTIO, .says_size = 100u << 20}},
     -EFBIG,
     "more than 400 times"},
    {"says less than it has",
     {{.name = "content.otio", .data = OTIO, .says_size = 5}},
     -EBADMSG,
     "content.otio"},
    {"says more than it has",
     {{.name = "content.otio", .data = OTIO, .says_size = 500}},
     -EBADMSG,
     "content.otio"},
    {"checksum",
     {{.name = "content.otio", .data = OTIO, .bad_checksum = true}},
     -EBADMSG,
     "content.otio: CRC error"},
    {"long version",
     {TIMELINE, {.name = "version.txt", .data = OTIO OTIO OTIO, .stored = true}},
     -EFBIG,
     "'version.txt' in the bundle has 84 bytes"},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(buf) struct buf zip = {0}, got = {0};
        struct err e = {0};
        size_t n = 0;
        while (n < COUNT(cases[i].entry) && cases[i].entry[n].name)
            n++;
        zip_make(cases[i].entry, n, &zip);
        int r = bundle_read(zip.p, zip.len, &got, &e);
        if (r != cases[i].want || (r < 0 && !strstr(e.text, cases[i].says)))
            fail_msg("%s: %d %s", cases[i].name, r, e.text);
        if (r == 0)
            assert_string_equal(buf_str(&got), OTIO);
    }
}

/* Real bytes that unpack to a thousand times their number. */
static void test_bomb(void **state)
{
    (void)state;
    AUTO(buf) struct buf zip = {0}, got = {0}, blanks = {0};
    struct err e;
    memset(buf_room(&blanks, 8u << 20), ' ', 8u << 20);
    buf_added(&blanks, 8u << 20);
    struct zip_entry entry = {.name = "content.otio", .data = blanks.p, .size = blanks.len};
    zip_make(&entry, 1, &zip);
    assert_true(zip.len < 16384);
    assert_int_equal(bundle_read(zip.p, zip.len, &got, &e), -EFBIG);
    assert_non_null(strstr(e.text, "400 times"));
    assert_int_equal(got.len, 0);

    /* the same, but the headers say that it is small: what comes out is bounded by what they say */
    entry.says_size = 1000;
    buf_clear(&zip);
    zip_make(&entry, 1, &zip);
    assert_int_equal(bundle_read(zip.p, zip.len, &got, &e), -EBADMSG);
    assert_true(got.len <= 2u << 20);
}

/* A list of files that takes more to read than the whole of any real bundle's. */
static void test_many_entries(void **state)
{
    (void)state;
    AUTO(buf) struct buf zip = {0}, got = {0};
    AUTO(free) struct zip_entry *entries = xcalloc(60001, sizeof *entries);
    char(*name)[640] = xcalloc(60000, sizeof *name);
    struct err e;
    for (size_t i = 0; i < 60000; i++) {
        snprintf(name[i], sizeof name[i], "media/%0600zu", i);
        entries[i] = (struct zip_entry){.name = name[i] + 540, .data = "", .stored = true};
    }
    entries[60000] = (struct zip_entry)TIMELINE;
    zip_make(entries, 60001, &zip);
    assert_int_equal(bundle_read(zip.p, zip.len, &got, &e), 0);
    assert_string_equal(buf_str(&got), OTIO);

    for (size_t i = 0; i < 60000; i++)
        entries[i].name = name[i];
    buf_clear(&zip);
    zip_make(entries, 60001, &zip);
    assert_int_equal(bundle_read(zip.p, zip.len, &got, &e), -EFBIG);
    assert_non_null(strstr(e.text, "the list of files"));
    free(name);
}

/* Cut anywhere, and with any byte changed: refused with a sentence, or the same timeline. */
static void test_damage(void **state)
{
    (void)state;
    static const struct zip_entry entries[] = {VERSION, TIMELINE};
    AUTO(buf) struct buf zip = {0};
    zip_make(entries, 2, &zip);
    for (size_t i = 0; i < 2 * zip.len; i++) {
        AUTO(buf) struct buf got = {0};
        struct err e = {0};
        size_t n = i < zip.len ? i : zip.len;
        AUTO(free) char *copy = xcalloc(n ? n : 1, 1);
        memcpy(copy, zip.p, n);
        if (i >= zip.len)
            copy[i - zip.len] ^= 0x55;
        int r = bundle_read(copy, n, &got, &e);
        assert_true(i >= zip.len || r == -EBADMSG);
        if (r < 0)
            assert_true(strlen(e.text) > 0 && !strchr(e.text, '\n'));
        else
            assert_string_equal(buf_str(&got), OTIO);
    }
}

static void put(const char *dir, const char *name, const void *data, size_t n)
{
    AUTO(free) char *path = xasprintf("%s/%s", dir, name);
    AUTO(file) FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
}

/* What `path` below `dir` gives: "NAME: BYTES", or the sentence. */
static char *load(const char *dir, const char *path)
{
    AUTO(free) char *full = xasprintf("%s/%s", dir, path), *name = NULL;
    AUTO(buf) struct buf got = {0};
    struct err e;
    if (bundle_load(full, &got, &name, &e) < 0)
        return xstrdup(e.text);
    return xasprintf("%s: %s", name, buf_str(&got));
}

static void test_files(void **state)
{
    (void)state;
    static const struct zip_entry entries[] = {VERSION, TIMELINE};
    static const struct {
        const char *path, *want;
    } files[] = {
        {"a.b.otioz", "a.b.otio: " OTIO},   {"plain", "plain.otio: " OTIO}, /* a zip by its bytes */
        {"cut.edl", "cut.edl: TITLE: x"},   {"not.otioz", "no zip that can be read"},
        {"text.otioz", "text.otioz: {}"}, /* a timeline by its bytes */
        {"none.otio", "No such file"},      {"c.otiod", "c.otio: {\"c\":1}"},
        {"c.otiod//", "c.otio: {\"c\":1}"}, {"x.fcpxmld", "x.fcpxml: <fcpxml/>"},
        {"new.otiod", "not of version 1"},  {"empty", "is a folder without content.otio"},
        {"loop.otiod", "is no plain file"}, {"link.otiod", "is a symbolic link"},
    };
    char dir[] = "/tmp/test_bundle.XXXXXX";
    assert_non_null(mkdtemp(dir));
    AUTO(buf) struct buf zip = {0};
    zip_make(entries, 2, &zip);
    put(dir, "a.b.otioz", zip.p, zip.len);
    put(dir, "plain", zip.p, zip.len);
    put(dir, "cut.edl", "TITLE: x", 8);
    put(dir, "not.otioz", "?", 1);
    put(dir, "text.otioz", "{}", 2);
    static const char *const folders[] = {"c.otiod",   "x.fcpxmld",  "new.otiod",
                                          "empty",     "loop.otiod", "loop.otiod/content.otio",
                                          "link.otiod"};
    for (size_t i = 0; i < COUNT(folders); i++) {
        AUTO(free) char *path = xasprintf("%s/%s", dir, folders[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    put(dir, "c.otiod/content.otio", "{\"c\":1}", 7);
    put(dir, "c.otiod/version.txt", "1.0.0", 5);
    put(dir, "x.fcpxmld/Info.fcpxml", "<fcpxml/>", 9);
    put(dir, "new.otiod/content.otio", "{}", 2);
    put(dir, "new.otiod/version.txt", "3", 1);
    AUTO(free) char *link = xasprintf("%s/link.otiod/content.otio", dir);
    assert_int_equal(symlink("../c.otiod/content.otio", link), 0);
    for (size_t i = 0; i < COUNT(files); i++) {
        AUTO(free) char *got = load(dir, files[i].path);
        if (!strstr(got, files[i].want))
            fail_msg("%s: %s", files[i].path, got);
    }
    AUTO(free) char *clean = xasprintf("rm -rf '%s'", dir);
    assert_int_equal(system(clean), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),        cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_many_entries), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
