/* tests/unit/test_relink.c - what a media reference becomes, and that it stays so. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "conform/conform.h"
#include "tests/unit/conform_world.h"

static const char lake_keys[] =
    "show/one.mov\na/twin.mov\nb/twin.mov\n"
    "show/p q/pl.0001.exr\nshow/p q/pl.0002.exr\nshow/p q/pl.0004.exr\n";

#define ORIGINAL(before, ref) "\"metadata\":{" before "\"shotlake\":{\"original\":{" ref "}}}"
#define KEYED(before, key, ref)                                                                    \
    "\"metadata\":{" before "\"shotlake\":{\"key\":\"" key "\",\"original\":{" ref "}}}"
#define ONE "show/one.mov"
#define FRAMES "show/p q/pl.%04d.exr"
#define RANGE(n) "\"available_range\":{\"duration\":{\"rate\":25.0,\"value\":" #n "}}"
#define EXTERNAL "\"OTIO_SCHEMA\":\"ExternalReference.1\""
#define MISSING "\"OTIO_SCHEMA\":\"MissingReference.1\""
#define IMAGES "\"OTIO_SCHEMA\":\"ImageSequenceReference.1\""
#define AT "s3://lake/show/p q/"

/* Members of the reference before and after, in their order. NULL: unchanged. */
static const struct {
    const char *before, *after;
} cases[] = {
    {EXTERNAL ",\"x\":[1],\"target_url\":\"/v/one.mov\",\"name\":\"n\"",
     EXTERNAL ",\"x\":[1],\"target_url\":\"s3://lake/show/one.mov\",\"name\":\"n\"," KEYED(
         "", ONE, EXTERNAL ",\"x\":[1],\"target_url\":\"/v/one.mov\",\"name\":\"n\"")},
    {EXTERNAL ",\"target_url\":\"s3://lake/show/one.mov\"", NULL},
    {EXTERNAL ",\"metadata\":{\"k\":1},\"target_url\":\"/v/none.mov\"", MISSING
     "," ORIGINAL("\"k\":1,", EXTERNAL ",\"metadata\":{\"k\":1},\"target_url\":\"/v/none.mov\"")},
    {EXTERNAL ",\"target_url\":\"/v/twin.mov\"",
     MISSING "," ORIGINAL("", EXTERNAL ",\"target_url\":\"/v/twin.mov\"")},
    {MISSING ",\"metadata\":{\"Resolve_OTIO\":{\"Media Url\":\"/v/one.mov\"}}",
     EXTERNAL "," KEYED(
         "\"Resolve_OTIO\":{\"Media Url\":\"/v/one.mov\"},", ONE, MISSING
         ",\"metadata\":{\"Resolve_OTIO\":{\"Media Url\":\"/v/one.mov\"}}") ",\"target_url\":\"s3:/"
                                                                            "/lake/show/one.mov\""},
    {MISSING ",\"metadata\":{\"Resolve_OTIO\":{\"Media Url\":\"/v/none.mov\"}}", NULL},
    {MISSING, NULL},
    {"\"OTIO_SCHEMA\":\"GeneratorReference.1\",\"generator_kind\":\"x\"", NULL},
    /* a sequence stays what it is, but for its place */
    {IMAGES ",\"target_url_base\":\"C:\\\\v\",\"name_prefix\":\"pl.\",\"name_suffix\":\".exr\","
            "\"start_frame\":1,\"frame_step\":1,\"rate\":1.0,\"frame_zero_padding\":4,"
            "\"missing_frame_policy\":\"hold\"," RANGE(2),
     IMAGES ",\"target_url_base\":\"" AT "\",\"name_prefix\":\"pl.\",\"name_suffix\":\".exr\","
            "\"start_frame\":1,\"frame_step\":1,\"rate\":1.0,\"frame_zero_padding\":4,"
            "\"missing_frame_policy\":\"hold\"," RANGE(2) "," KEYED(
                "", FRAMES, IMAGES ",\"target_url_base\":\"C:\\\\v\",\"name_prefix\":\"pl.\","
                           "\"name_suffix\":\".exr\",\"start_frame\":1,\"frame_step\":1,"
                           "\"rate\":1.0,\"frame_zero_padding\":4,"
                           "\"missing_frame_policy\":\"hold\"," RANGE(2))},
    {IMAGES ",\"target_url_base\":\"/v\",\"name_prefix\":\"no.\",\"name_suffix\":\".exr\","
            "\"start_frame\":1,\"frame_zero_padding\":4," RANGE(2),
     MISSING "," RANGE(2) "," ORIGINAL(
         "", IMAGES ",\"target_url_base\":\"/v\",\"name_prefix\":\"no.\",\"name_suffix\":\".exr\","
                    "\"start_frame\":1,\"frame_zero_padding\":4," RANGE(2))},
    /* a notation becomes a sequence, with its frames */
    {EXTERNAL ",\"target_url\":\"/v/pl.[0001-0002,0004].exr\"," RANGE(9), IMAGES
     "," RANGE(9) ",\"target_url_base\":\"" AT "\",\"name_prefix\":\"pl.\","
                  "\"name_suffix\":\".exr\",\"start_frame\":1,\"frame_step\":1,\"rate\":25.0,"
                  "\"frame_zero_padding\":4,\"missing_frame_policy\":\"error\",\"metadata\":{"
                  "\"shotlake\":{"
                  "\"frames\":\"0001-0002,0004\",\"key\":\"" FRAMES "\","
                  "\"original\":{" EXTERNAL
                  ",\"target_url\":\"/v/pl.[0001-0002,0004].exr\"," RANGE(9) "}}}"},
    {EXTERNAL ",\"target_url\":\"/v/pl.#.exr\"",
     IMAGES ",\"target_url_base\":\"" AT "\",\"name_prefix\":\"pl.\",\"name_suffix\":\".exr\","
            "\"start_frame\":1,\"frame_step\":1,\"rate\":24.0,\"frame_zero_padding\":4,"
            "\"missing_frame_policy\":\"error\",\"metadata\":{\"shotlake\":{\"frames\":\"*\","
            "\"key\":\"" FRAMES "\",\"original\":{" EXTERNAL ",\"target_url\":\"/v/pl.#.exr\"}}}"},
    /* missing when it was conformed first, here now */
    {MISSING "," RANGE(2) "," ORIGINAL(
         "", IMAGES
         ",\"target_url_base\":\"/v\",\"name_prefix\":\"pl.\","
         "\"name_suffix\":\".exr\",\"start_frame\":1,\"rate\":25.0,\"frame_zero_padding\":4," RANGE(
             2)),
     IMAGES "," RANGE(2) ",\"metadata\":{\"shotlake\":{\"original\":{" IMAGES
         ",\"target_url_base\":\"/v\",\"name_prefix\":\"pl.\","
         "\"name_suffix\":\".exr\",\"start_frame\":1,\"rate\":25.0,\"frame_zero_padding\":4," RANGE(
             2) "},\"key\":\"" FRAMES "\"}},\"target_url_base\":\"" AT "\",\"name_prefix\":\"pl.\",\"name_suffix\":\".exr\","
                 "\"start_frame\":1,\"rate\":25.0,\"frame_zero_padding\":4,\"frame_step\":1,"
                 "\"missing_frame_policy\":\"error\""},
};

static char *timeline(const char *members)
{
    return xasprintf("{\"OTIO_SCHEMA\":\"Clip.1\",\"media_reference\":{%s},\"odd\":NaN}", members);
}

/* The manifest of a timeline. */
static char *conform_at(struct world *w, const char *text, enum location_urls urls,
                        const char *root)
{
    const struct conform_options opt = {.handles = CONFORM_HANDLES, .location = {urls, root}};
    AUTO(conform_plan) struct conform_plan *p = NULL;
    struct buf out = {0};
    struct err e;
    if (conform_plan(&w->rd, &w->store, text, strlen(text), &opt, &p, &e) < 0)
        fail_msg("%s: %s", text, e.text);
    assert_int_equal(conform_manifest(p, &out, &e), 0);
    return buf_take(&out);
}

static char *conform(struct world *w, const char *text)
{
    return conform_at(w, text, LOCATION_S3, NULL);
}

/* The media reference on one line, without blanks between tokens. */
static char *reference_of(const char *manifest)
{
    AUTO(free) char *copy = xstrdup(manifest);
    char *nan = strstr(copy, "NaN");
    assert_non_null(nan); /* foreign tokens survive */
    memcpy(nan, "  0", 3);
    json_auto_t *root = json_loads(copy, 0, NULL);
    assert_non_null(root);
    return json_dumps(json_object_get(root, "media_reference"), JSON_COMPACT);
}

static void test_cases(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(&world_s3, lake_keys);
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(free) char *text = timeline(cases[i].before);
        AUTO(free) char *once = conform(w, text);
        AUTO(free) char *twice = conform(w, once);
        AUTO(free) char *got = reference_of(once);
        AUTO(free)
        char *want = xasprintf("{%s}", cases[i].after ? cases[i].after : cases[i].before);
        if (strcmp(got, want) != 0)
            fail_msg("case %zu:\n got  %s\n want %s", i, got, want);
        assert_string_equal(twice, once);
    }
}

/* In a directory lake addresses are percent-encoded; a sequence's parts too, as they are joined. */
static void test_directory_lake(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(&world_file, "s p/a b%.01.exr\ns p/a b%.02.exr\n");
    AUTO(free) char *text = timeline(EXTERNAL ",\"target_url\":\"/v/a b%.[01-02].exr\"");
    AUTO(free) char *once = conform(w, text);
    AUTO(free) char *twice = conform(w, once);
    assert_non_null(strstr(once, "\"target_url_base\":\"file:///srv/my%20lake/s%20p/\""));
    assert_non_null(strstr(once, "\"name_prefix\":\"a%20b%25.\""));
    assert_string_equal(twice, once);
}

/* Media that was found and then goes away: the first original stays. */
static void test_first_original_stays(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(&world_s3, lake_keys);
    AUTO(world) struct world *empty = world_new(&world_s3, "");
    AUTO(free) char *text = timeline(EXTERNAL ",\"target_url\":\"/v/one.mov\"");
    AUTO(free) char *found = conform(w, text);
    AUTO(free) char *gone = conform(empty, found);
    AUTO(free) char *back = conform(w, gone);
    AUTO(free) char *got = reference_of(gone);
    assert_string_equal(got, "{" MISSING
                             "," ORIGINAL("", EXTERNAL ",\"target_url\":\"/v/one.mov\"") "}");
    AUTO(free) char *again = reference_of(back);
    assert_non_null(strstr(again, "\"target_url\":\"s3://lake/show/one.mov\""));
    assert_non_null(strstr(again, "\"original\":{" EXTERNAL ",\"target_url\":\"/v/one.mov\"}"));
}

/* An application relinks a clip of a manifest and leaves our metadata: neither the original nor the
 * frames there are of the new media. */
static void test_relinked_by_an_application(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(&world_s3, "show/one.mov\np/x.0001.exr\np/x.0002.exr\n"
                                                       "r/y.1001.exr\nr/y.1002.exr\n");
    AUTO(free) char *other =
        timeline(EXTERNAL ",\"target_url\":\"/v/other.mov\"," KEYED(
            "", ONE, EXTERNAL ",\"target_url\":\"/v/one.mov\""));
    AUTO(free) char *gone = conform(w, other);
    AUTO(free) char *again = conform(w, gone);
    assert_null(strstr(gone, "s3://lake/show/one.mov"));
    assert_string_equal(again, gone);
    for (int i = 0; i < 2; i++) { /* another folder and name; another folder */
        AUTO(free) char *images =
            timeline(i ? IMAGES ",\"target_url_base\":\"s3://lake/r\",\"name_prefix\":\"y.\","
                                "\"name_suffix\":\".exr\",\"start_frame\":1001," RANGE(2)
                                ",\"frame_zero_padding\":4,\"metadata\":{\"shotlake\":{\"frames\":"
                                "\"0001-0002\",\"key\":\"p/y.%04d.exr\"}}"
                       : IMAGES ",\"target_url_base\":\"/v/r\",\"name_prefix\":\"y.\","
                                "\"name_suffix\":\".exr\",\"start_frame\":1001," RANGE(2)
                                ",\"frame_zero_padding\":4,\"metadata\":{\"shotlake\":{\"frames\":"
                                "\"0001-0002\",\"key\":\"p/x.%04d.exr\"}}");
        AUTO(free) char *moved = conform(w, images);
        AUTO(free) char *stable = conform(w, moved);
        assert_non_null(strstr(moved, "\"s3://lake/r/\""));
        assert_string_equal(stable, moved);
    }
}

/* Every form of address, its own fixed point, and the way back from it to the same object: also
 * where the name alone would be ambiguous. */
static void test_forms_of_address(void **state)
{
    (void)state;
    static const struct {
        enum location_urls urls;
        const char *root, *object, *base, *prefix;
    } forms[] = {
        {LOCATION_S3, NULL, "s3://lake/a/tw in%.mov", "s3://lake/a #b/", "p%20."},
        {LOCATION_MOUNT, NULL, "/mnt/lake/a/tw in%.mov", "/mnt/lake/a #b/", "p%20."},
        {LOCATION_MOUNT, "/Volumes/my lake/", "/Volumes/my lake/a/tw in%.mov",
         "/Volumes/my lake/a #b/", "p%20."},
        {LOCATION_FILE, "/my lake", "file:///my%20lake/a/tw%20in%25.mov",
         "file:///my%20lake/a%20%23b/", "p%2520."},
        {LOCATION_RELATIVE, NULL, "../../a/tw in%.mov", "../../a #b/", "p%20."},
    };
    AUTO(world) struct world *w =
        world_new(&world_s3, "a/tw in%.mov\nb/tw in%.mov\na #b/p%20.01.exr\nc/p%20.01.exr\n");
    AUTO(free) char *object = timeline(EXTERNAL ",\"target_url\":\"s3://lake/a/tw in%.mov\"");
    AUTO(free) char *frames =
        timeline(EXTERNAL ",\"target_url\":\"s3://lake/a #b/p%20.[01-01].exr\"");
    for (size_t i = 0; i < COUNT(forms); i++) {
        AUTO(free) char *once = conform_at(w, object, forms[i].urls, forms[i].root);
        AUTO(free) char *twice = conform_at(w, once, forms[i].urls, forms[i].root);
        AUTO(free) char *want = xasprintf("\"target_url\":\"%s\"", forms[i].object);
        assert_non_null(strstr(once, want));
        assert_string_equal(twice, once);
        AUTO(free) char *f_once = conform_at(w, frames, forms[i].urls, forms[i].root);
        AUTO(free) char *f_twice = conform_at(w, f_once, forms[i].urls, forms[i].root);
        AUTO(free) char *base = xasprintf("\"target_url_base\":\"%s\",\"name_prefix\":\"%s\"",
                                          forms[i].base, forms[i].prefix);
        assert_non_null(strstr(f_once, base));
        assert_string_equal(f_twice, f_once);
        AUTO(free) char *back = conform(w, once);
        AUTO(free) char *f_back = conform(w, f_once);
        assert_non_null(strstr(back, "\"target_url\":\"s3://lake/a/tw in%.mov\""));
        assert_non_null(strstr(f_back, "\"target_url_base\":\"s3://lake/a #b/\""));
    }
}

#define STATED(url, more)                                                                          \
    EXTERNAL ",\"metadata\":{\"shotlake\":{" more "}},\"target_url\":\"" url "\""

/* The stated key counts only where the address still ends in it, and never reaches what is
 * shotlake's own. */
static void test_stated_key(void **state)
{
    (void)state;
    static const struct {
        const char *ref;
        const char *found; /* NULL: nothing, or an ambiguity */
    } stated[] = {
        {STATED("/x/a/twin.mov", "\"key\":\"a/twin.mov\""), "a/twin.mov"},
        {STATED("/x/b/twin.mov", "\"key\":\"a/twin.mov\""), "b/twin.mov"},
        {STATED("/x/aa/twin.mov", "\"key\":\"a/twin.mov\""), NULL},
        {STATED("/x/one.mov", "\"key\":\"a/twin.mov\""), "show/one.mov"},
        {STATED("/x/gone/twin.mov", "\"key\":\"gone/twin.mov\""), NULL},
        {STATED("/x/c/twin.mov", "\"key\":7"), NULL},
        {STATED("/x/top.mov", "\"key\":\"top.mov\""), NULL},
        {STATED("/x/top.mov", "\"key\":\"top.mov\",\"root\":\"/x\""), "top.mov"},
        {STATED("/y/x/top.mov", "\"key\":\"top.mov\",\"root\":\"/x\""), NULL},
        {STATED("../../top.mov", "\"key\":\"top.mov\""), "top.mov"},
        {STATED("/x/.shotlake/ledger/1.json", "\"key\":\".shotlake/ledger/1.json\""), NULL},
    };
    AUTO(world) struct world *w = world_new(
        &world_s3,
        "show/one.mov\na/twin.mov\nb/twin.mov\ntop.mov\nz/top.mov\n.shotlake/ledger/1.json\n");
    for (size_t i = 0; i < COUNT(stated); i++) {
        AUTO(free) char *text = timeline(stated[i].ref);
        AUTO(free) char *out = conform(w, text);
        AUTO(free) char *want = xasprintf("\"target_url\":\"s3://lake/%s\"",
                                          stated[i].found ? stated[i].found : "");
        if (!strstr(out, stated[i].found ? want : MISSING))
            fail_msg("case %zu: %s", i, out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_directory_lake),
        cmocka_unit_test(test_first_original_stays),
        cmocka_unit_test(test_forms_of_address),
        cmocka_unit_test(test_relinked_by_an_application),
        cmocka_unit_test(test_stated_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
