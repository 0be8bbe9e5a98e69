/* tests/unit/test_conform.c - a whole timeline: items, totals and both reports. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "conform/conform.h"
#include "conform/edit_format.h"
#include "conform/envelope.h"
#include "tests/unit/conform_world.h"

static const char lake_keys[] = "show/one.mov\nshow/proxy.mov\na/twin.mov\nb/twin.mov\n"
                                "show/p/pl.0001.exr\nshow/p/pl.0002.exr\nshow/p/pl.0004.exr\n";

#define EXT(url) "{\"OTIO_SCHEMA\":\"ExternalReference.1\",\"target_url\":\"" url "\"}"
#define CLIP1(name, ref)                                                                           \
    "{\"OTIO_SCHEMA\":\"Clip.1\",\"name\":\"" name "\",\"media_reference\":" ref "},"

static const char cut[] =
    "{\"OTIO_SCHEMA\":\"Timeline.1\",\"name\":\"R1 v05\",\"tracks\":{\"OTIO_SCHEMA\":\"Stack.1\","
    "\"children\":[{\"OTIO_SCHEMA\":\"Track.1\",\"children\":[" CLIP1("sh010", EXT("/v/one.mov"))
        CLIP1("sh020", EXT("/v/one.mov")) CLIP1("sh030", EXT("/v/pl.[0001-0005].exr"))
            CLIP1("sh040", EXT("/v/none.mov")) CLIP1("sh050", EXT("/v/twin.mov")) CLIP1(
                "sh\\u001b[2J060",
                "null") "{\"OTIO_SCHEMA\":\"Clip.2\",\"name\":\"sh070\",\"active_media_reference_"
                        "key\":\"proxy\","
                        "\"media_references\":{\"full\":" EXT("/v/full.mov") ",\"proxy\":" EXT(
                            "/v/proxy.mov") "}},"
                                            "{\"OTIO_SCHEMA\":\"Clip.1\",\"name\":\"sh080\","
                                            "\"enabled\":false,\"media_reference\":" EXT(
                                                "/v/twin.mov") "},"
                                                               "{\"OTIO_SCHEMA\":\"Gap.1\"}]}]}}";

static struct conform_plan *plan_with(struct world *w, const char *text,
                                      const struct conform_options *opt)
{
    struct conform_plan *p = NULL;
    struct err e;
    if (conform_plan(&w->rd, &w->store, text, strlen(text), opt, &p, &e) < 0)
        fail_msg("%s", e.text);
    return p;
}

static struct conform_plan *plan(struct world *w, const char *text)
{
    return plan_with(w, text, NULL);
}

static void test_items(void **state)
{
    (void)state;
    static const struct {
        const char *clip;
        enum conform_status status;
        bool counts;
    } want[] = {
        {"sh010", CONFORM_FOUND, true},     {"sh020", CONFORM_FOUND, true},
        {"sh030", CONFORM_PARTLY, true},    {"sh040", CONFORM_MISSING, true},
        {"sh050", CONFORM_AMBIGUOUS, true}, {"sh\033[2J060", CONFORM_NO_MEDIA, true},
        {"sh070", CONFORM_FOUND, true},     {"sh070", CONFORM_MISSING, false},
        {"sh080", CONFORM_NO_MEDIA, true},
    };
    AUTO(world) struct world *w = world_new(&world_s3, lake_keys);
    AUTO(conform_plan) struct conform_plan *p = plan(w, cut);
    assert_string_equal(p->name, "R1 v05");
    assert_int_equal(p->clips, 8);
    assert_int_equal(p->n_items, COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++) {
        assert_string_equal(p->items[i].clip, want[i].clip);
        assert_int_equal(p->items[i].status, want[i].status);
        assert_int_equal(p->items[i].counts, want[i].counts);
    }
    assert_int_equal(roaring_bitmap_get_cardinality(p->objects), 5);
    assert_true(conform_has_missing(p));
    assert_true(conform_has_ambiguous(p));
}

/* A missing reference that the timeline does not play is a note. */
static void test_what_counts(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(&world_s3, lake_keys);
    AUTO(conform_plan)
    struct conform_plan *p =
        plan(w, "{\"OTIO_SCHEMA\":\"Clip.2\",\"media_references\":{\"DEFAULT_MEDIA\":" EXT(
                    "/v/one.mov") ",\"full\":" EXT("/v/full.mov") "}}");
    assert_false(conform_has_missing(p));
    AUTO(conform_plan)
    struct conform_plan *q =
        plan(w, "{\"OTIO_SCHEMA\":\"Clip.2\",\"media_references\":{\"DEFAULT_MEDIA\":" EXT(
                    "/v/none.mov") ",\"full\":" EXT("/v/one.mov") "}}");
    assert_true(conform_has_missing(q));
}

#define CANDIDATE(key, more)                                                                       \
    "{\"key\":\"" key "\",\"size\":0,\"etag\":\"\",\"mtime\":\"1970-01-01T00:00:00Z\"" more "}"
#define CANDIDATES(key, more) ",\"candidates\":[" CANDIDATE(key, more) "]"

static void test_report_json(void **state)
{
    (void)state;
    static const char want[] =
        "{\"edit\":\"t7ory5o5hm\",\"name\":\"R1 v05\",\"clips\":8,\"found\":["
        "{\"clip\":\"sh010\",\"key\":\"show/one.mov\",\"rule\":\"name\",\"url\":\"/v/one.mov\"" CANDIDATES(
            "show/one.mov", "") "},"
        "{\"clip\":\"sh020\",\"key\":\"show/one.mov\",\"rule\":\"name\",\"url\":\"/v/one.mov\"" CANDIDATES(
            "show/one.mov", "") "},"
        "{\"clip\":\"sh030\",\"key\":\"show/p/pl.[0001-0002,0004].exr\",\"rule\":\"sequence\","
        "\"url\":\"/v/pl.[0001-0005].exr\",\"objects\":[\"show/p/pl.0001.exr\","
        "\"show/p/pl.0002.exr\",\"show/p/pl.0004.exr\"]" CANDIDATES(
            "show/p/pl.0001.exr", ",\"coverage\":{\"covered\":3,\"total\":5}") "},"
        "{\"clip\":\"sh070\",\"key\":\"show/proxy.mov\",\"rule\":\"name\",\"url\":\"/v/proxy.mov\"" CANDIDATES(
            "show/proxy.mov", "") "}"
        "],\"missing\":[{\"clip\":\"sh030\",\"url\":\"/v/pl.[0001-0005].exr\",\"reason\":"
        "\"2 of 5 frames are not in the lake\",\"missing_frames\":[3,5],\"frames_missing\":2},"
        "{\"clip\":\"sh040\",\"url\":\"/v/none.mov\",\"reason\":"
        "\"no object of this name is in the lake\"}],\"ambiguous\":[{\"clip\":\"sh050\","
        "\"url\":\"/v/twin.mov\",\"reason\":\"2 objects of the lake have this name\","
        "\"rule\":\"name\",\"candidates\":[" CANDIDATE("a/twin.mov", "") "," CANDIDATE(
            "b/twin.mov", "") "]}],\"notes\":["
        "{\"clip\":\"sh\\u001B[2J060\",\"url\":\"\",\"reason\":\"the clip has no media "
        "reference\"},"
        "{\"clip\":\"sh070\",\"url\":\"/v/full.mov\",\"reason\":"
        "\"no object of this name is in the lake\"},"
        "{\"clip\":\"sh080\",\"url\":\"\",\"reason\":\"the clip is disabled\"}],"
        "\"sidecars\":[],\"objects\":5,\"deviations\":[{\"pointer\":\"/tracks/children/0\",\"what\":\"no 'kind', "
        "which 'Track.1' must have\"}],\"deviation_count\":1,\"manifest\":null}";
    AUTO(world) struct world *w = world_new(&world_s3, lake_keys);
    AUTO(conform_plan) struct conform_plan *p = plan(w, cut);
    json_auto_t *report = conform_report_json(p, &w->rd, "t7ory5o5hm", NULL, NULL);
    AUTO(free) char *got = json_dumps(report, JSON_COMPACT);
    assert_string_equal(got, want);
}

static void test_report_text(void **state)
{
    (void)state;
    static const char want[] =
        "R1 v05: 8 clips, 4 references found (5 objects), 2 missing, 1 ambiguous, 3 notes\n"
        "\n"
        "Missing\n"
        "  sh030                         /v/pl.[0001-0005].exr\n"
        "                                2 of 5 frames are not in the lake: 0003,0005\n"
        "  sh040                         /v/none.mov\n"
        "                                no object of this name is in the lake\n"
        "\n"
        "Ambiguous (nothing of it is granted)\n"
        "  sh050                         /v/twin.mov\n"
        "                                2 objects of the lake have this name\n"
        "                                  a/twin.mov\n"
        "                                  b/twin.mov\n"
        "\n"
        "Notes\n"
        "  sh?[2J060                     the clip has no media reference\n"
        "  sh070                         /v/full.mov\n"
        "                                no object of this name is in the lake\n"
        "  sh080                         the clip is disabled\n"
        "\n"
        "Deviations: 1, for which OpenTimelineIO refuses the file\n"
        "  /tracks/children/0\n"
        "                                no 'kind', which 'Track.1' must have\n"
        "\n"
        "Found by name\n"
        "    2 clips       1 object    show/one.mov\n"
        "    1 clip        1 object    show/proxy.mov\n"
        "\n"
        "Found by sequence\n"
        "    1 clip        3 objects   show/p/pl.[0001-0002,0004].exr\n";
    AUTO(world) struct world *w = world_new(&world_s3, lake_keys);
    AUTO(conform_plan) struct conform_plan *p = plan(w, cut);
    struct buf text __attribute__((cleanup(auto_buf))) = {0};
    conform_report_text(p, &w->rd, &text);
    assert_string_equal(buf_str(&text), want);
}

/* Of many deviations the first are listed; strict takes none. */
static void test_deviations(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(&world_s3, lake_keys);
    struct buf b __attribute__((cleanup(auto_buf))) = {0};
    struct buf report __attribute__((cleanup(auto_buf))) = {0};
    buf_adds(&b, "\xef\xbb\xbf{\"OTIO_SCHEMA\":\"Stack.1\",\n\"children\":[null");
    for (int i = 0; i < 119; i++)
        buf_adds(&b, ",{\"OTIO_SCHEMA\":\"Gap.1\",\"enabled\":0}");
    buf_adds(&b, "]}");
    AUTO(conform_plan) struct conform_plan *p = plan(w, b.p), *none = NULL;
    json_auto_t *json = conform_report_json(p, &w->rd, NULL, NULL, NULL);
    assert_int_equal(json_array_size(json_object_get(json, "deviations")), OTIO_DEVIATIONS_KEPT);
    assert_int_equal(json_integer_value(json_object_get(json, "deviation_count")), 121);
    conform_report_text(p, &w->rd, &report);
    assert_non_null(strstr(report.p,
                           "\nDeviations: 121, for which OpenTimelineIO refuses the "
                           "file\n  (the file)\n                                the file begins "
                           "with a byte order mark\n  /children/0\n"));
    assert_non_null(strstr(report.p, "\n  and more\n"));

    struct conform_options strict = {.strict = true};
    struct err e;
    assert_int_equal(conform_plan(&w->rd, &w->store, b.p, b.len, &strict, &none, &e), -EBADMSG);
    assert_string_equal(e.text, "line 1, at '': the file begins with a byte order mark (--strict)");
    assert_int_equal(conform_plan(&w->rd, &w->store, b.p + 3, b.len - 3, &strict, &none, &e),
                     -EBADMSG);
    assert_string_equal(e.text, "line 2, at '/children/0': a clip, gap, stack, track or transition "
                                "is wanted, this is null (--strict)");
    assert_null(none);
}

/* Two thousand clips of one plate and one pattern over a thousand folders. */
static void test_many_clips(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(&world_s3, "");
    world_add_frames(w, "show/p/plate.%04d.exr", 1, 200);
    struct buf b __attribute__((cleanup(auto_buf))) = {0};
    buf_adds(&b, "{\"OTIO_SCHEMA\":\"Track.1\",\"children\":[{\"OTIO_SCHEMA\":\"Gap.1\"}");
    for (int i = 0; i < 2000; i++)
        buf_addf(&b, ",{\"OTIO_SCHEMA\":\"Clip.1\",\"name\":\"c%d\",\"media_reference\":%s}", i,
                 EXT("/v/plate.[0001-0200].exr"));
    buf_adds(&b, "]}");
    AUTO(conform_plan) struct conform_plan *p = plan(w, b.p);
    assert_int_equal(p->n_items, 2000);
    assert_int_equal(roaring_bitmap_get_cardinality(p->objects), 200);
    assert_int_equal(w->rd.asked, 1);
}

/* ---- the frames that a cut uses -------------------------------------------------------------- */

#define AT(value) "{\"value\":" value ",\"rate\":24}"
#define RANGE(key, start, duration)                                                                \
    "\"" key "\":{\"start_time\":" AT(start) ",\"duration\":" AT(duration) "}"
#define USED(name, start, duration, more, ref)                                                     \
    "{\"OTIO_SCHEMA\":\"Clip.1\",\"name\":\"" name "\"," RANGE("source_range", start, duration)    \
        more ",\"media_reference\":" ref "}"
#define PLATE                                                                                      \
    "{\"OTIO_SCHEMA\":\"ImageSequenceReference.1\",\"target_url_base\":\"/v\",\"name_prefix\":"    \
    "\"pl.\",\"name_suffix\":\".exr\",\"frame_zero_padding\":4,\"start_frame\":1001," RANGE(       \
        "available_range", "0", "100") "}"
#define NOTED                                                                                      \
    "{\"OTIO_SCHEMA\":\"ExternalReference.1\",\"target_url\":\"/v/pl.[1001-1100].exr\"," RANGE(    \
        "available_range", "0", "100") "}"
#define MOVIE                                                                                      \
    "{\"OTIO_SCHEMA\":\"ExternalReference.1\",\"target_url\":\"/v/one.mov\"," RANGE(               \
        "available_range", "0", "100") "}"
#define TRACK(more, children) "{\"OTIO_SCHEMA\":\"Track.1\"" more ",\"children\":[" children "]}"
#define RAMP ",\"effects\":[{\"OTIO_SCHEMA\":\"TimeEffect.1\"}]"

static const struct {
    const char *name, *text;
    int handles;
    bool whole;
    uint64_t objects;
    const char *frames[3]; /* found of each item; NULL where it is no sequence */
} uses[] = {
    {"handles", TRACK("", USED("a", "10", "20", "", PLATE)), 8, false, 36, {"1003-1038"}},
    {"no handles", TRACK("", USED("a", "10", "20", "", PLATE)), 0, false, 20, {"1011-1030"}},
    {"handles end with the media",
     TRACK("", USED("a", "10", "20", "", PLATE)),
     500,
     false,
     100,
     {"1001-1100"}},
    {"whole", TRACK("", USED("a", "10", "20", "", PLATE)), 8, true, 100, {"1001-1100"}},
    {"a notation", TRACK("", USED("a", "10", "20", "", NOTED)), 8, false, 36, {"1003-1038"}},
    {"each clip its own",
     TRACK("", USED("a", "10", "20", "",
                    PLATE) "," USED("b", "25", "5", "", NOTED) "," USED("c", "90", "5", "", PLATE)),
     0,
     false,
     25,
     {"1011-1030", "1026-1030", "1091-1095"}},
    {"a clip that is trimmed away",
     TRACK("," RANGE("source_range", "0", "20"),
           USED("a", "10", "20", "", PLATE) "," USED("b", "60", "5", "", PLATE)),
     0,
     false,
     20,
     {"1011-1030", NULL}},
    {"a clip that is trimmed away, whole",
     TRACK("," RANGE("source_range", "20", "5"),
           USED("a", "10", "20", "", PLATE) "," USED("b", "60", "5", "", MOVIE)),
     0,
     true,
     1,
     {NULL, NULL}},
    {"a movie is one object", TRACK("", USED("a", "10", "20", "", MOVIE)), 8, false, 1, {NULL}},
    {"a speed that cannot be read",
     TRACK("", USED("a", "10", "20", RAMP, PLATE)),
     8,
     false,
     100,
     {"1001-1100"}},
};

static struct world *plates(void)
{
    struct world *w = world_new(&world_s3, "show/one.mov\n");
    world_add_frames(w, "show/p/pl.%04d.exr", 1001, 1100);
    return w;
}

static void test_uses(void **state)
{
    (void)state;
    AUTO(world) struct world *w = plates();
    for (size_t i = 0; i < COUNT(uses); i++) {
        struct conform_options opt = {.handles = uses[i].handles, .whole = uses[i].whole};
        struct buf manifest __attribute__((cleanup(auto_buf))) = {0};
        struct err e;
        AUTO(conform_plan) struct conform_plan *p = plan_with(w, uses[i].text, &opt);
        if (roaring_bitmap_get_cardinality(p->objects) != uses[i].objects)
            fail_msg("%s: %llu objects", uses[i].name,
                     (unsigned long long)roaring_bitmap_get_cardinality(p->objects));
        for (size_t k = 0; k < p->n_items; k++) {
            const char *want = uses[i].frames[k], *got = p->items[k].frames;
            if (!want != !got || (want && strcmp(want, got) != 0))
                fail_msg("%s: item %zu: %s", uses[i].name, k, got ? got : "none");
        }
        assert_false(conform_has_missing(p));
        /* the manifest still names the whole sequence, and uses the same of it */
        assert_int_equal(conform_manifest(p, &manifest, &e), 0);
        AUTO(conform_plan) struct conform_plan *q = plan_with(w, buf_str(&manifest), &opt);
        assert_true(roaring_bitmap_equals(p->objects, q->objects));
    }
}

/* What the lake lacks is missed where the cut uses it, and only there. */
static void test_missing_frames(void **state)
{
    (void)state;
    static const struct conform_options none = {0};
    AUTO(world) struct world *w = world_new(&world_s3, "");
    world_add_frames(w, "show/p/pl.%04d.exr", 1001, 1015);
    world_add_frames(w, "show/p/pl.%04d.exr", 1017, 1050);
    AUTO(conform_plan)
    struct conform_plan *p =
        plan_with(w,
                  TRACK("", USED("a", "10", "20", "", PLATE) "," USED(
                                "b", "20", "9", "", PLATE) "," USED("c", "60", "9", "", PLATE)),
                  &none);
    assert_int_equal(p->items[0].status, CONFORM_PARTLY);
    assert_int_equal(p->items[0].n_missing_frames, 1);
    assert_int_equal(p->items[0].missing_frames[0], 1016);
    assert_string_equal(p->items[0].reason, "1 of 20 frames are not in the lake");
    assert_int_equal(p->items[1].status, CONFORM_FOUND);
    assert_int_equal(p->items[2].status, CONFORM_MISSING);
    assert_string_equal(p->items[2].reason,
                        "no frame that the cut uses of this sequence is in the lake");
}

static void test_use_reports(void **state)
{
    (void)state;
    static const char want_json[] =
        "[{\"clip\":\"a\",\"key\":\"show/p/pl.[1001-1015].exr\",\"rule\":\"sequence\",\"url\":"
        "\"/v/pl.[1001-1100].exr\",\"frames\":[1001,1015],\"handles\":8,\"warnings\":"
        "[\"out of range\"],\"objects\":15" CANDIDATES(
            "show/p/pl.1001.exr", ",\"coverage\":{\"covered\":15,\"total\":15}") "},{\"clip\":\"b\",\"key\":\"show/one.mov\",\"rule\":"
        "\"name\",\"url\":\"/v/one.mov\",\"frames\":[2,37],\"handles\":8" CANDIDATES("show/one.mov",
                                                                                       "") "}]";
    static const char want_text[] = "\nFrames to check\n"
                                    "  a                             /v/pl.[1001-1100].exr\n"
                                    "                                it uses more frames than the "
                                    "reference has\n\n";
    AUTO(world) struct world *w = plates();
    struct buf text __attribute__((cleanup(auto_buf))) = {0};
    AUTO(conform_plan)
    struct conform_plan *p =
        plan(w, TRACK("", USED("a", "-3", "10", "", PLATE) "," USED("b", "10", "20", "", MOVIE)));
    json_auto_t *report = conform_report_json(p, &w->rd, NULL, NULL, NULL);
    json_t *found = json_object_get(report, "found"), *first = json_array_get(found, 0);
    size_t n = json_array_size(json_object_get(first, "objects"));
    json_object_set_new(first, "objects", json_integer((json_int_t)n));
    AUTO(free) char *got = json_dumps(found, JSON_COMPACT);
    assert_string_equal(got, want_json);
    conform_report_text(p, &w->rd, &text);
    assert_non_null(strstr(buf_str(&text), want_text));
}

#define UNPLACED                                                                                   \
    "{\"OTIO_SCHEMA\":\"ExternalReference.1\",\"target_url\":\"/v/pl.[1001-1100].exr\"}"
#define OFFLINE                                                                                    \
    "{\"OTIO_SCHEMA\":\"MissingReference.1\",\"metadata\":{\"" EDIT_FORMAT_OFFLINE "\":true}}"

/* Where the media begins is not told: all of it is taken, and the report says so. A clip without a
 * source_range uses all of its media, and an explicit wish for all needs no word. */
static void test_unplaced(void **state)
{
    (void)state;
    static const struct conform_options whole = {.whole = true};
    static const char used[] = TRACK("", USED("a", "10", "20", "", UNPLACED));
    static const char all[] =
        TRACK("", "{\"OTIO_SCHEMA\":\"Clip.1\",\"name\":\"a\",\"media_reference\":" UNPLACED "}");
    AUTO(world) struct world *w = plates();
    AUTO(conform_plan) struct conform_plan *p = plan(w, used);
    assert_int_equal(p->items[0].n_nodes, 100);
    assert_int_equal(p->items[0].warnings, ENVELOPE_UNKNOWN_RANGE);
    AUTO(conform_plan) struct conform_plan *q = plan_with(w, used, &whole);
    assert_int_equal(q->items[0].warnings, 0);
    AUTO(conform_plan) struct conform_plan *r = plan(w, all);
    assert_int_equal(r->items[0].n_nodes, 100);
    assert_int_equal(r->items[0].warnings, 0);
}

/* An edit that plays media and names no file for it (an EDL with reels only) lacks media. */
static void test_offline(void **state)
{
    (void)state;
    AUTO(world) struct world *w = plates();
    AUTO(conform_plan)
    struct conform_plan *p = plan(w, TRACK("", USED("a", "1", "2", "", OFFLINE)));
    assert_int_equal(p->items[0].status, CONFORM_MISSING);
    assert_true(conform_has_missing(p));
}

/* A time that is none is refused, with its place. */
static void test_bad_time(void **state)
{
    (void)state;
    static const char text[] = TRACK("", USED("a", "NaN", "20", "", PLATE));
    AUTO(world) struct world *w = plates();
    struct conform_plan *p = NULL;
    struct err e;
    assert_int_equal(conform_plan(&w->rd, &w->store, text, strlen(text), NULL, &p, &e), -EBADMSG);
    assert_string_equal(e.text, "at '/children/0/source_range': the value of a time is no usable "
                                "number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items),          cmocka_unit_test(test_what_counts),
        cmocka_unit_test(test_report_json),    cmocka_unit_test(test_report_text),
        cmocka_unit_test(test_many_clips),     cmocka_unit_test(test_uses),
        cmocka_unit_test(test_missing_frames), cmocka_unit_test(test_use_reports),
        cmocka_unit_test(test_unplaced),       cmocka_unit_test(test_offline),
        cmocka_unit_test(test_bad_time),       cmocka_unit_test(test_deviations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
