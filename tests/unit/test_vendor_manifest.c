/* tests/unit/test_vendor_manifest.c - what an edit's holders are told of it: manifest and shots. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "conform/conform.h"
#include "conform/shots.h"
#include "conform/vendor.h"
#include "tests/unit/conform_world.h"

#define TIME(v) "{\"OTIO_SCHEMA\":\"RationalTime.1\",\"rate\":24,\"value\":" v "}"
#define RANGE(start, n)                                                                            \
    "{\"OTIO_SCHEMA\":\"TimeRange.1\",\"start_time\":" TIME(start) ",\"duration\":" TIME(n) "}"
/* Frames `first` to `first` + `n` - 1 with a range that starts at `ar`. */
#define SEQ_AT(name, first, ar, n, more)                                                           \
    "{\"OTIO_SCHEMA\":\"ImageSequenceReference.1\",\"target_url_base\":\"/zq/\","                  \
    "\"name_prefix\":\"" name ".\",\"name_suffix\":\".exr\",\"start_frame\":" first ","            \
    "\"frame_zero_padding\":4,\"rate\":24," more "\"available_range\":" RANGE(ar, n) "}"
#define SEQ(first, ar, n) SEQ_AT("pl", first, ar, n, "\"frame_step\":1,")
#define EXT(url) "{\"OTIO_SCHEMA\":\"ExternalReference.1\",\"target_url\":\"" url "\"}"
#define CLIP(name, more, ref)                                                                      \
    "{\"OTIO_SCHEMA\":\"Clip.1\",\"name\":\"" name "\"," more "\"media_reference\":" ref "}"
#define TRIM(start, n) "\"source_range\":" RANGE(start, n) ","
#define TRACK(more, children)                                                                      \
    "{\"OTIO_SCHEMA\":\"Track.1\",\"kind\":\"Video\"," more "\"children\":[" children "]}"
#define STACK(more, children)                                                                      \
    "{\"OTIO_SCHEMA\":\"Stack.1\"," more "\"children\":[" children "]}"
#define TIMELINE(children)                                                                         \
    "{\"OTIO_SCHEMA\":\"Timeline.1\",\"name\":\"zq\",\"tracks\":" STACK("", children) "}"
#define DISSOLVE(in, out)                                                                          \
    "{\"OTIO_SCHEMA\":\"Transition.1\",\"name\":\"zq\",\"transition_type\":\"SMPTE_Dissolve\","    \
    "\"in_offset\":" TIME(in) ",\"out_offset\":" TIME(out) "}"
#define WARP(scalar)                                                                               \
    "\"effects\":[{\"OTIO_SCHEMA\":\"LinearTimeWarp.1\",\"effect_name\":\"LinearTimeWarp\","       \
    "\"time_scalar\":" scalar ",\"metadata\":{\"zq\":1}}],"

static struct world *lake(void)
{
    struct world *w = world_new(&world_s3, "show/one.mov\nshow/two.mov\na/twin.mov\nb/twin.mov\n");
    world_add_frames(w, "show/p/pl.%04d.exr", 990, 1110);
    world_add_frames(w, "show/h/holes.%04d.exr", 1001, 1010);
    world_add_frames(w, "show/h/holes.%04d.exr", 1021, 1030);
    return w;
}
DEFINE_AUTO(world_of, struct world *, world_free);

static struct conform_plan *plan(struct world *w, const char *text,
                                 const struct conform_options *opt)
{
    struct conform_plan *p = NULL;
    struct err e;
    if (conform_plan(&w->rd, &w->store, text, strlen(text), opt, &p, &e) < 0)
        fail_msg("%s: %s", e.text, text);
    return p;
}

static char *manifest(struct world *w, const struct conform_plan *p)
{
    struct buf out = {0};
    struct err e;
    if (vendor_manifest(p, &w->rd, "abcdefghij", "R1", &out, &e) < 0)
        fail_msg("%s", e.text);
    return buf_take(&out);
}

static char *shots(struct world *w, const struct conform_plan *p)
{
    struct buf out = {0};
    struct err e;
    if (shots_write(p, &w->rd, &out, &e) < 0)
        fail_msg("%s", e.text);
    return buf_take(&out);
}

/* ---- nothing but what a holder may see ------------------------------------------------------- */

/* Whatever is not of a clip with found media has "zq" in it. */
#define SECRETS                                                                                    \
    "\"metadata\":{\"zq\":\"zq\",\"shotlake\":{\"zq\":1}},\"zq\":\"zq\",\"color\":\"zq\","          \
    "\"markers\":[{\"OTIO_SCHEMA\":\"Marker.2\",\"name\":\"zq\",\"comment\":\"zq\","               \
    "\"marked_range\":" RANGE("7777", "1") "}],"
static const char secret_cut[] =
    "{\"OTIO_SCHEMA\":\"Timeline.1\"," SECRETS "\"name\":\"zq\",\"global_start_time\":" TIME("86400")
    ",\"tracks\":{\"OTIO_SCHEMA\":\"Stack.1\",\"name\":\"zq\"," SECRETS "\"children\":["
    "{\"OTIO_SCHEMA\":\"Track.1\",\"name\":\"zq\",\"kind\":\"zq\"," SECRETS "\"children\":["
    CLIP("zq gone", TRIM("5", "10") SECRETS, EXT("/zq/lost.mov")) ","
    DISSOLVE("1", "1") ","
    CLIP("zq twins", TRIM("5", "11") SECRETS, EXT("/zq/twin.mov")) ","
    DISSOLVE("2", "2") ","
    CLIP("sh010", TRIM("1010", "12") SECRETS
         "\"effects\":[{\"OTIO_SCHEMA\":\"Effect.1\",\"effect_name\":\"Blur\",\"name\":\"zq\","
         "\"metadata\":{\"zq\":1},\"zq\":2},{\"OTIO_SCHEMA\":\"ZqEffect.1\",\"zq\":1,\"enabled\":false,"
         "\"effect_name\":\"Studio\"}],", SEQ("1001", "1001", "100")) ","
    CLIP("zq off", TRIM("5", "13") "\"enabled\":false," SECRETS, EXT("/zq/two.mov")) ","
    CLIP("zq nothing", TRIM("5", "14") SECRETS, "null") ","
    CLIP("zq generated", TRIM("5", "15"), "{\"OTIO_SCHEMA\":\"GeneratorReference.1\","
         "\"generator_kind\":\"zq\",\"parameters\":{\"zq\":1}}") ","
    "{\"OTIO_SCHEMA\":\"Gap.1\",\"name\":\"zq\"," SECRETS "\"source_range\":" RANGE("0", "16") "},"
    "{\"OTIO_SCHEMA\":\"Zq.1\",\"name\":\"zq\"},"
    "{\"OTIO_SCHEMA\":\"Clip.2\",\"name\":\"sh020\"," SECRETS
    "\"active_media_reference_key\":\"zq lost\",\"media_references\":{"
    "\"zq lost\":" EXT("/zq/gone.mov") ","
    "\"zq proxy\":{\"OTIO_SCHEMA\":\"ExternalReference.1\",\"name\":\"zq\"," SECRETS
    "\"target_url\":\"/zq/one.mov\"}}}"
    "]}]}}";

static void test_names_nothing_else(void **state)
{
    (void)state;
    static const char *const stays[] = {"\"sh010\"", "\"sh020\"", "\"R1\"", "abcdefghij",
                                        "show/p/pl.%04d.exr", "s3://lake/show/one.mov", "\"Blur\"",
                                        "SMPTE_Dissolve"};
    static const char *const goes[] = {"zq", "Zq", "7777", "Marker", "lost", "twin", "two.mov",
                                       "original", "Studio", "Generator", "Missing"};
    AUTO(world_of) struct world *w = lake();
    AUTO(conform_plan) struct conform_plan *p = plan(w, secret_cut, NULL);
    AUTO(free) char *text = manifest(w, p);
    AUTO(free) char *list = shots(w, p);
    for (size_t i = 0; i < COUNT(goes); i++)
        if (strstr(text, goes[i]) || strstr(list, goes[i]))
            fail_msg("'%s' is told:\n%s\n%s", goes[i], text, list);
    for (size_t i = 0; i < COUNT(stays); i++)
        if (!strstr(text, stays[i]))
            fail_msg("'%s' is missing:\n%s", stays[i], text);
}

/* The mount in the metadata of a reference that is left as it was is somebody's path, but where the
 * address is below it. */
static void test_roots(void **state)
{
    (void)state;
#define ROOTED(url, root)                                                                          \
    "{\"OTIO_SCHEMA\":\"ExternalReference.1\",\"target_url\":\"" url "\",\"metadata\":{"           \
    "\"shotlake\":{\"key\":\"show/one.mov\",\"root\":\"" root "\"}}}"
    static const struct {
        const char *cut;
        bool told;
    } cases[] = {
        {CLIP("a", "", ROOTED("s3://lake/show/one.mov", "/zq")), false},
        {CLIP("a", "", ROOTED("/mnt/show/one.mov", "/m")), false},
        {CLIP("a", "", ROOTED("/mnt/show/one.mov", "/mnt")), true},
        {CLIP("a", "", ROOTED("file:///mnt/show/one.mov", "/mnt")), true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool file = strstr(cases[i].cut, "file:") != NULL, store = strstr(cases[i].cut, "s3:") != NULL;
        const struct conform_options opt = {
            .location = {store ? LOCATION_S3 : file ? LOCATION_FILE : LOCATION_MOUNT,
                         store ? NULL : "/mnt"}};
        AUTO(world_of) struct world *w = lake();
        AUTO(conform_plan) struct conform_plan *p = plan(w, cases[i].cut, &opt);
        AUTO(free) char *text = manifest(w, p);
        if ((strstr(text, "\"root\"") != NULL) != cases[i].told)
            fail_msg("case %zu: %s", i, text);
    }
}

/* Every child is in its place, as long as it was. */
static void test_structure(void **state)
{
    (void)state;
    static const struct {
        const char *schema;
        double duration; /* of source_range; -1: none */
    } want[] = {
        {"Gap.1", 10}, {"Gap.1", 11},  {"Transition.1", -1}, {"Clip.1", 12}, {"Gap.1", 13},
        {"Gap.1", 14}, {"Gap.1", 15},  {"Gap.1", 16},        {"Gap.1", 0},   {"Clip.2", -1},
    };
    AUTO(world_of) struct world *w = lake();
    AUTO(conform_plan) struct conform_plan *p = plan(w, secret_cut, NULL);
    AUTO(free) char *text = manifest(w, p);
    json_auto_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const json_t *tracks = json_object_get(json_object_get(root, "tracks"), "children");
    const json_t *children = json_object_get(json_array_get(tracks, 0), "children");
    assert_int_equal(json_array_size(children), COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++) {
        const json_t *o = json_array_get(children, i), *range = json_object_get(o, "source_range");
        const json_t *d = json_object_get(json_object_get(range, "duration"), "value");
        assert_string_equal(json_string_value(json_object_get(o, "OTIO_SCHEMA")), want[i].schema);
        assert_true((d ? json_number_value(d) : -1) == want[i].duration);
    }
    const json_t *start = json_object_get(root, "global_start_time");
    assert_int_equal(json_integer_value(json_object_get(start, "value")), 86400);
}

/* A sequence has the range that is granted: 1010 to 1021, the dissolve, two handles. */
static void test_granted_range(void **state)
{
    (void)state;
    const struct conform_options opt = {.handles = 2};
    AUTO(world_of) struct world *w = lake();
    AUTO(conform_plan) struct conform_plan *p = plan(w, secret_cut, &opt);
    AUTO(free) char *text = manifest(w, p);
    AUTO(free) char *list = shots(w, p);
    json_auto_t *root = json_loads(text, 0, NULL);
    const json_t *tracks = json_object_get(json_object_get(root, "tracks"), "children");
    const json_t *clip =
        json_array_get(json_object_get(json_array_get(tracks, 0), "children"), 3);
    const json_t *ref = json_object_get(clip, "media_reference");
    const json_t *ar = json_object_get(ref, "available_range");
    const json_t *ours = json_object_get(json_object_get(clip, "metadata"), "shotlake");
    assert_int_equal(json_integer_value(json_object_get(ref, "start_frame")), 1006);
    assert_true(json_number_value(json_object_get(json_object_get(ar, "start_time"), "value")) ==
                1006);
    assert_true(json_number_value(json_object_get(json_object_get(ar, "duration"), "value")) == 18);
    AUTO(free) char *frames = json_dumps(ours, JSON_COMPACT);
    assert_string_equal(frames, "{\"shot\":\"sh010\",\"frames\":[1006,1023],\"handles\":2}");
    assert_string_equal(
        list, "shot,clip,plate,first,last,handles,tc_in,tc_out,record_in,record_out,speed,status,"
              "objects,bytes\r\n"
              "sh010,sh010,show/p/pl.%04d.exr,1006,1023,2,00:00:42:02,00:00:42:14,01:00:00:21,"
              "01:00:01:09,1,found,18,0\r\n"
              "sh020,sh020,show/one.mov,,,,,,,,,found,1,0\r\n");
}

/* ---- it leads to the same objects ------------------------------------------------------------ */

static const char *const same[] = {
    TIMELINE(TRACK("", CLIP("a", TRIM("1010", "10"), SEQ("1001", "1001", "100")))),
    TIMELINE(TRACK("", CLIP("embedded", TRIM("86410", "10"), SEQ("1001", "86400", "100")))),
    TIMELINE(TRACK("", CLIP("relative", TRIM("20", "10"), SEQ("1001", "1001", "100")))),
    TIMELINE(TRACK("", CLIP("relative near 0", TRIM("2", "10"), SEQ("1001", "1001", "100")))),
    TIMELINE(TRACK("", CLIP("zero", TRIM("20", "10"), SEQ("1001", "0", "100")))),
    TIMELINE(TRACK("", CLIP("all", "", SEQ("1001", "1001", "100")))),
    TIMELINE(TRACK("", CLIP("faster", TRIM("1010", "10") WARP("2.5"), SEQ("1001", "1001", "100")))),
    TIMELINE(TRACK("", CLIP("back", TRIM("1050", "10") WARP("-2"), SEQ("1001", "1001", "100")))),
    TIMELINE(TRACK("", CLIP("frozen", TRIM("1050", "10") WARP("0"), SEQ("1001", "1001", "100")))),
    TIMELINE(TRACK("", CLIP("ramp", TRIM("1050", "10") "\"effects\":[{\"OTIO_SCHEMA\":"
                            "\"TimeEffect.1\",\"metadata\":{\"lookup\":[0,1,-3,0,5,0,9,0,0,0]}}],",
                            SEQ("1001", "1001", "100")))),
    TIMELINE(TRACK("", CLIP("studio's", TRIM("1050", "10") "\"effects\":[{\"OTIO_SCHEMA\":"
                            "\"Zq.1\"}],", SEQ("1001", "1001", "100")))),
    TIMELINE(TRACK("", CLIP("beyond", TRIM("1090", "30"), SEQ("1001", "1001", "100")))),
    TIMELINE(TRACK("", CLIP("before", TRIM("900", "300"), SEQ("1001", "1001", "100")))),
    TIMELINE(TRACK("", CLIP("elsewhere", TRIM("5000", "3"), SEQ("1001", "1001", "100")))),
    TIMELINE(TRACK("", CLIP("steps", TRIM("1010", "9"),
                            SEQ_AT("pl", "1001", "1001", "100", "\"frame_step\":2,")))),
    TIMELINE(TRACK("", CLIP("down", TRIM("10", "9"),
                            SEQ_AT("pl", "1100", "0", "100", "\"frame_step\":-1,")))),
    TIMELINE(TRACK("", CLIP("holes", TRIM("1005", "20"),
                            SEQ_AT("holes", "1001", "1001", "30", "")))),
    TIMELINE(TRACK("", CLIP("late", TRIM("1011", "15"),
                            SEQ_AT("holes", "1001", "1001", "30", "")))),
    TIMELINE(TRACK("", CLIP("list", TRIM("3", "4"), EXT("/zq/pl.[1001-1050].exr")))),
    TIMELINE(TRACK("", CLIP("list with holes", TRIM("3", "4"), EXT("/zq/pl.[1001-1010,1020].exr")))),
    TIMELINE(TRACK("", CLIP("any", TRIM("3", "4"), EXT("/zq/pl.%04d.exr")))),
    TIMELINE(TRACK("", CLIP("l", TRIM("1010", "10"), SEQ("1001", "1001", "40")) ","
                       DISSOLVE("5", "6") "," CLIP("zq", TRIM("0", "10"), EXT("/zq/lost.mov")))),
    TIMELINE(TRACK("\"source_range\":" RANGE("12", "5") ",",
                   CLIP("zq", TRIM("0", "10"), "null") ","
                   CLIP("in", TRIM("1010", "10"), SEQ("1001", "1001", "100")))),
    TIMELINE(TRACK("", STACK(TRIM("4", "3") WARP("2"),
                             TRACK("", CLIP("n", TRIM("1010", "20"), SEQ("1001", "1001", "90")))))),
    STACK("", TRACK("", CLIP("s", TRIM("1010", "10"), SEQ("1001", "1001", "100")))),
    TRACK("", CLIP("t", TRIM("1010", "10"), SEQ("1001", "1001", "100"))),
    CLIP("c", TRIM("1010", "10"), SEQ("1001", "1001", "100")),
    CLIP("c", "", "null"),
    "{\"OTIO_SCHEMA\":\"SerializableCollection.1\",\"children\":["
    TIMELINE(TRACK("", CLIP("x", TRIM("1010", "10"), SEQ("1001", "1001", "100")))) ","
    CLIP("y", "", EXT("/zq/one.mov")) "]}",
    "{\"OTIO_SCHEMA\":\"Timeline.1\",\"tracks\":null}",
    secret_cut,
};

static void test_same_objects(void **state)
{
    (void)state;
    static const struct conform_options how[] = {
        {.handles = CONFORM_HANDLES},
        {.handles = 0, .location = {LOCATION_RELATIVE, NULL}},
        {.handles = 3, .location = {LOCATION_FILE, "/m n"}},
        {.handles = 5, .whole = true, .location = {LOCATION_MOUNT, NULL}},
    };
    AUTO(world_of) struct world *w = lake();
    for (size_t i = 0; i < COUNT(same); i++)
        for (size_t k = 0; k < COUNT(how); k++) {
            AUTO(conform_plan) struct conform_plan *p = plan(w, same[i], &how[k]);
            AUTO(free) char *once = manifest(w, p);
            struct conform_options strict = how[k]; /* it is what OpenTimelineIO reads */
            strict.strict = true;
            AUTO(conform_plan) struct conform_plan *q = plan(w, once, &strict);
            AUTO(free) char *twice = manifest(w, q);
            if (!roaring_bitmap_equals(p->objects, q->objects))
                fail_msg("case %zu, options %zu: other objects\n%s\n%s", i, k, same[i], once);
            AUTO(conform_plan) struct conform_plan *r = plan(w, twice, &how[k]);
            if (!roaring_bitmap_equals(p->objects, r->objects))
                fail_msg("case %zu, options %zu: other objects, twice\n%s", i, k, twice);
        }
}

/* ---- CSV ------------------------------------------------------------------------------------- */

static void test_csv(void **state)
{
    (void)state;
    static const char *const bad[] = {"a,b\r\n1\r\n", "a\r\n\"1", "a\r\n\"1\"x\r\n", "a\nb\r\n",
                                      "a\r\n\xff\r\n", "a\r\nx\"y\r\n"};
    AUTO(world_of) struct world *w = lake();
    AUTO(conform_plan)
    struct conform_plan *p = plan(
        w, TIMELINE(TRACK("", CLIP("a \\\"b\\\",\\r\\nc\xc3\xbc", "", EXT("/zq/one.mov")))), NULL);
    AUTO(free) char *text = shots(w, p);
    json_auto_t *rows = NULL;
    struct err e;
    assert_int_equal(shots_read(text, strlen(text), &rows, &e), 0);
    assert_int_equal(json_array_size(rows), 1);
    const json_t *row = json_array_get(rows, 0);
    assert_int_equal(json_object_size(row), 14);
    assert_string_equal(json_string_value(json_object_get(row, "clip")), "a \"b\",\r\nc\xc3\xbc");
    assert_string_equal(json_string_value(json_object_get(row, "bytes")), "0");
    for (size_t i = 0; i < COUNT(bad); i++) {
        json_t *none = NULL;
        assert_int_equal(shots_read(bad[i], strlen(bad[i]), &none, &e), -EBADMSG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_nothing_else),
        cmocka_unit_test(test_roots),
        cmocka_unit_test(test_structure),
        cmocka_unit_test(test_granted_range),
        cmocka_unit_test(test_same_objects),
        cmocka_unit_test(test_csv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
