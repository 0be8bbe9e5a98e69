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
     EXTERNAL ",\"x\":[1],\"target_url\":\"s3://lake/show/one.mov\",\"name\":\"n\"," ORIGINAL(
         "", EXTERNAL ",\"x\":[1],\"target_url\":\"/v/one.mov\",\"name\":\"n\"")},
    {EXTERNAL ",\"target_url\":\"s3://lake/show/one.mov\"", NULL},
    {EXTERNAL ",\"metadata\":{\"k\":1},\"target_url\":\"/v/none.mov\"", MISSING
     "," ORIGINAL("\"k\":1,", EXTERNAL ",\"metadata\":{\"k\":1},\"target_url\":\"/v/none.mov\"")},
    {EXTERNAL ",\"target_url\":\"/v/twin.mov\"",
     MISSING "," ORIGINAL("", EXTERNAL ",\"target_url\":\"/v/twin.mov\"")},
    {MISSING ",\"metadata\":{\"Resolve_OTIO\":{\"Media Url\":\"/v/one.mov\"}}",
     EXTERNAL "," ORIGINAL(
         "\"Resolve_OTIO\":{\"Media Url\":\"/v/one.mov\"},", MISSING
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
            "\"missing_frame_policy\":\"hold\"," RANGE(2) "," ORIGINAL(
                "", IMAGES ",\"target_url_base\":\"C:\\\\v\",\"name_prefix\":\"pl.\","
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
                  "\"frames\":\"0001-0002,0004\",\"original\":{" EXTERNAL
                  ",\"target_url\":\"/v/pl.[0001-0002,0004].exr\"," RANGE(9) "}}}"},
    {EXTERNAL ",\"target_url\":\"/v/pl.#.exr\"",
     IMAGES ",\"target_url_base\":\"" AT "\",\"name_prefix\":\"pl.\",\"name_suffix\":\".exr\","
            "\"start_frame\":1,\"frame_step\":1,\"rate\":24.0,\"frame_zero_padding\":4,"
            "\"missing_frame_policy\":\"error\",\"metadata\":{\"shotlake\":{\"frames\":\"*\","
            "\"original\":{" EXTERNAL ",\"target_url\":\"/v/pl.#.exr\"}}}"},
    /* missing when it was conformed first, here now */
    {MISSING "," RANGE(2) "," ORIGINAL(
         "", IMAGES
         ",\"target_url_base\":\"/v\",\"name_prefix\":\"pl.\","
         "\"name_suffix\":\".exr\",\"start_frame\":1,\"rate\":25.0,\"frame_zero_padding\":4," RANGE(
             2)),
     IMAGES "," RANGE(2) "," ORIGINAL(
         "", IMAGES
         ",\"target_url_base\":\"/v\",\"name_prefix\":\"pl.\","
         "\"name_suffix\":\".exr\",\"start_frame\":1,\"rate\":25.0,\"frame_zero_padding\":4," RANGE(
             2)) ",\"target_url_base\":\"" AT "\",\"name_prefix\":\"pl.\",\"name_suffix\":\".exr\","
                 "\"start_frame\":1,\"rate\":25.0,\"frame_zero_padding\":4,\"frame_step\":1,"
                 "\"missing_frame_policy\":\"error\""},
};

static char *timeline(const char *members)
{
    return xasprintf("{\"OTIO_SCHEMA\":\"Clip.1\",\"media_reference\":{%s},\"odd\":NaN}", members);
}

/* The manifest of a timeline. */
static char *conform(struct world *w, const char *text)
{
    AUTO(conform_plan) struct conform_plan *p = NULL;
    struct buf out = {0};
    struct err e;
    if (conform_plan(&w->rd, &w->store, text, strlen(text), NULL, &p, &e) < 0)
        fail_msg("%s: %s", text, e.text);
    assert_int_equal(conform_manifest(p, &out, &e), 0);
    return buf_take(&out);
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
    assert_non_null(strstr(once, "\"target_url_base\": \"file:///srv/my%20lake/s%20p/\""));
    assert_non_null(strstr(once, "\"name_prefix\": \"a%20b%25.\""));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_directory_lake),
        cmocka_unit_test(test_first_original_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
