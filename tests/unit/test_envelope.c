/* tests/unit/test_envelope.c - the frames of clips: conventions, retimes, trims, transitions. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/envelope.h"
#include "conform/otio_read.h"

/* The pieces of timelines. Values are numbers in JSON. */
#define TIME(value, rate) "{\"value\":" value ",\"rate\":" rate "}"
#define RANGE(start, duration, rate)                                                               \
    "{\"start_time\":" TIME(start, rate) ",\"duration\":" TIME(duration, rate) "}"
#define SR(start, duration, rate) ",\"source_range\":" RANGE(start, duration, rate)
#define AR(start, duration, rate) ",\"available_range\":" RANGE(start, duration, rate)
#define SEQ_STEP(first, step, available)                                                           \
    "{\"OTIO_SCHEMA\":\"ImageSequenceReference.1\",\"target_url_base\":\"/p/\",\"name_prefix\":"   \
    "\"p.\",\"name_suffix\":\".exr\",\"frame_zero_padding\":4,\"rate\":1.0,\"start_frame\":" first \
    ",\"frame_step\":" step available "}"
#define SEQ(first, available) SEQ_STEP(first, "1", available)
#define MOV(url, available)                                                                        \
    "{\"OTIO_SCHEMA\":\"ExternalReference.1\",\"target_url\":\"" url "\"" available "}"
#define CLIP(ref, more) "{\"OTIO_SCHEMA\":\"Clip.1\",\"media_reference\":" ref more "}"
#define TRACK(more, children) "{\"OTIO_SCHEMA\":\"Track.1\"" more ",\"children\":[" children "]}"
#define STACK(more, children) "{\"OTIO_SCHEMA\":\"Stack.1\"" more ",\"children\":[" children "]}"
#define GAP(duration) "{\"OTIO_SCHEMA\":\"Gap.1\"" SR("0", duration, "24") "}"
#define TRANSITION(in, out)                                                                        \
    "{\"OTIO_SCHEMA\":\"Transition.1\",\"in_offset\":" TIME(in, "24") ",\"out_offset\":" TIME(     \
        out, "24") "}"
#define TIMELINE(more, children)                                                                   \
    "{\"OTIO_SCHEMA\":\"Timeline.1\"" more ",\"tracks\":" STACK("", children) "}"
#define EFFECTS(list) ",\"effects\":[" list "]"
#define WARP(scalar) "{\"OTIO_SCHEMA\":\"LinearTimeWarp.1\",\"time_scalar\":" scalar "}"
#define FREEZE "{\"OTIO_SCHEMA\":\"FreezeFrame.1\",\"time_scalar\":0.0}"
#define RAMP "{\"OTIO_SCHEMA\":\"TimeEffect.1\",\"effect_name\":\"Ramp\"}"
#define LOOKUP(list) "{\"OTIO_SCHEMA\":\"TimeEffect.1\",\"metadata\":{\"lookup\":[" list "]}}"
#define PREMIERE ",\"metadata\":{\"PremierePro_OTIO\":{}}"

/* A plate of 100 frames that starts at 1001. */
#define PLATE SEQ("1001", AR("0", "100", "24"))
#define P24 CLIP(PLATE, SR("10", "20", "24")) /* 1011-1030 */

/* What is said of each reference: "lo-hi", " cut lo-hi" where handles make a difference, then
 * warnings; "all" where nothing is known, "hidden" where nothing is shown. */
static const struct {
    const char *name, *json;
    int handles;
    const char *want;
} cases[] = {
    /* what source_range and available_range count from */
    {"start 0", CLIP(PLATE, SR("10", "20", "24")), 0, "1011-1030"},
    {"embedded timecode", CLIP(SEQ("1001", AR("86400", "100", "24")), SR("86410", "20", "24")), 0,
     "1011-1030"},
    {"start_frame, absolute", CLIP(SEQ("1001", AR("1001", "100", "24")), SR("1011", "20", "24")), 0,
     "1011-1030"},
    {"start_frame, relative", CLIP(SEQ("1001", AR("1001", "100", "24")), SR("10", "20", "24")), 0,
     "1011-1030 [relative range]"},
    {"relative, other rate", CLIP(SEQ("1000", AR("1000", "101", "24")), SR("0", "104", "25")), 0,
     "1000-1099 [relative range]"},
    {"relative would miss it", CLIP(SEQ("1001", AR("1001", "100", "24")), SR("990", "20", "24")), 0,
     "1001-1009 [out of range]"},
    {"a movie's timecode is never relative",
     CLIP(MOV("/a.mov", AR("100", "100", "24")), SR("10", "20", "24")), 0, "0-99 [out of range]"},
    {"no source_range", CLIP(PLATE, ""), 0, "1001-1100"},
    {"null source_range", CLIP(PLATE, ",\"source_range\":null"), 0, "1001-1100"},
    {"no available_range", CLIP(SEQ("1001", ""), SR("10", "20", "24")), 0, "all"},
    {"null available_range", CLIP(SEQ("1001", ",\"available_range\":null"), SR("1", "2", "24")), 0,
     "all"},
    {"no range at all", CLIP(SEQ("1001", ""), ""), 0, "all"},
    {"no reference", CLIP("null", SR("10", "20", "24")), 0, "all"},
    {"a range that is none",
     CLIP(SEQ("1001", ",\"available_range\":{\"start_time\":3}"), SR("1", "2", "24")), 0,
     "all [bad range]"},
    {"nanoseconds since 1970",
     CLIP(MOV("/a.mov", AR("1723124086620000000", "1000000000", "1000000000.0")),
          SR("1723124086620000001", "50000", "1000000000")),
     0, "1-50000"},
    {"fractions", CLIP(PLATE, SR("9.9999", "20", "24")), 0, "1011-1030"},
    {"between frames", CLIP(PLATE, SR("9.5", "20", "24")), 0, "1010-1030"},

    /* rates */
    {"25 in 24", CLIP(SEQ("1000", AR("87399", "101", "24")), SR("91046.625", "74", "25")), 0,
     "1005-1076"},
    {"24 and 23.976 are played frame by frame",
     CLIP(SEQ("0", AR("0", "101", "24")), SR("29.970030784606934", "11", "23.976024627685547")), 0,
     "30-40"},
    {"50 in 25", CLIP(SEQ("1", AR("0", "200", "50")), SR("10", "20", "25")), 4, "13-68 cut 21-60"},
    {"the rate of the reference does not count",
     CLIP(SEQ("1", AR("0", "200", "24")), SR("10", "20", "24")), 0, "11-30"},
    {"two rates in one range",
     CLIP(PLATE, ",\"source_range\":{\"start_time\":" TIME("1", "1") ",\"duration\":" TIME(
                     "20", "24") "}"),
     0, "1025-1044"},

    /* sequences */
    {"step 2", CLIP(SEQ_STEP("1", "2", AR("0", "100", "24")), SR("10", "20", "24")), 0, "11-29"},
    {"step 2, odd ends", CLIP(SEQ_STEP("1", "2", AR("0", "100", "24")), SR("11", "20", "24")), 1,
     "11-31"},
    {"step -1", CLIP(SEQ_STEP("100", "-1", AR("0", "100", "24")), SR("10", "20", "24")), 0,
     "71-90"},
    {"notation", CLIP(MOV("/v/p.[1001-1100].exr", AR("0", "100", "24")), SR("10", "20", "24")), 0,
     "1011-1030"},
    {"notation, timecode",
     CLIP(MOV("/v/p.[1001-1100].exr", AR("86400", "100", "24")), SR("86410", "20", "24")), 0,
     "1011-1030"},
    {"notation in any order",
     CLIP(MOV("/v/p.[1051-1100,1001-1050].exr", AR("0", "100", "24")), SR("10", "20", "24")), 0,
     "1011-1030"},
    {"notation with a hole",
     CLIP(MOV("/v/p.[1001-1050,1052-1100].exr", AR("0", "99", "24")), SR("10", "20", "24")), 0,
     "all"},
    {"notation without a range",
     CLIP(MOV("/v/p.%04d.exr", AR("0", "99", "24")), SR("10", "20", "24")), 0, "all"},
    {"another number of frames",
     CLIP(MOV("/v/p.[1001-1100].exr", AR("0", "50", "24")), SR("10", "20", "24")), 0,
     "all [bad range]"},
    {"a movie counts from its first frame",
     CLIP(MOV("/a.mov", AR("86400", "100", "24")), SR("86410", "20", "24")), 0, "10-29"},
    {"a still is held", CLIP(SEQ("7", AR("0", "1", "24")), SR("0", "444", "24")), 8, "7-7"},
    {"more than there is", CLIP(PLATE, SR("90", "20", "24")), 0, "1091-1100 [out of range]"},
    {"before the first", CLIP(PLATE, SR("-5", "20", "24")), 0, "1001-1015 [out of range]"},
    {"beside it altogether", CLIP(PLATE, SR("5000", "20", "24")), 0, "1001-1100 [out of range]"},
    {"nothing", CLIP(PLATE, SR("10", "0", "24")), 0, "hidden"},
    {"less than nothing", CLIP(PLATE, SR("10", "-5", "24")), 0, "hidden"},

    /* handles */
    {"handles", P24, 8, "1003-1038 cut 1011-1030"},
    {"handles end with the media", CLIP(PLATE, SR("5", "92", "24")), 8, "1001-1100 cut 1006-1097"},
    {"handles of a double speed", CLIP(PLATE, SR("30", "10", "24") EFFECTS(WARP("2"))), 8,
     "1015-1066 cut 1031-1050"},
    {"handles of a slow clip", CLIP(PLATE, SR("40", "41", "24") EFFECTS(WARP("-0.7"))), 5,
     "1037-1073 cut 1041-1069"},
    {"handles are frames of the timeline",
     TIMELINE(",\"global_start_time\":" TIME("0", "25"),
              TRACK("", CLIP(SEQ("1", AR("0", "200", "50")), SR("20", "40", "50")))),
     8, "5-76 cut 21-60"},
    {"a start of 0 at 1 states no rate",
     TIMELINE(",\"global_start_time\":" TIME("0.0", "1.0"), TRACK("", P24)), 8,
     "1003-1038 cut 1011-1030"},

    /* retimes */
    {"2x", CLIP(PLATE, SR("10", "20", "24") EFFECTS(WARP("2"))), 0, "1011-1050"},
    {"half", CLIP(PLATE, SR("10", "21", "24") EFFECTS(WARP("0.5"))), 0, "1011-1021"},
    {"2.5x", CLIP(MOV("/a.mov", AR("0", "16450", "25")), SR("0", "171", "25") EFFECTS(WARP("2.5"))),
     0, "0-427"},
    {"retimed twice", CLIP(PLATE, SR("10", "20", "24") EFFECTS(WARP("2") "," WARP("0.5"))), 0,
     "1011-1030"},
    {"an effect that is switched off",
     CLIP(PLATE,
          SR("10", "20", "24") EFFECTS("{\"OTIO_SCHEMA\":\"LinearTimeWarp.1\",\"time_scalar\":2,"
                                       "\"enabled\":false}")),
     0, "1011-1030"},
    {"an effect of no time",
     CLIP(PLATE, SR("10", "20", "24") EFFECTS("{\"OTIO_SCHEMA\":\"Effect.1\"}")), 0, "1011-1030"},
    {"reverse", CLIP(PLATE, SR("20", "41", "24") EFFECTS(WARP("-1"))), 0, "1021-1061"},
    {"reverse by Premiere", CLIP(PLATE, SR("20", "41", "24") EFFECTS(WARP("-1")) PREMIERE), 0,
     "1021-1061 [reverse ambiguous]"},
    {"reverse in a timeline of Premiere",
     TIMELINE(PREMIERE, TRACK("", CLIP(PLATE, SR("20", "41", "24") EFFECTS(WARP("-1"))))), 0,
     "1021-1061 [reverse ambiguous]"},
    {"forwards by Premiere", CLIP(PLATE, SR("20", "41", "24") PREMIERE), 0, "1021-1061"},
    {"freeze", CLIP(PLATE, SR("20", "41", "24") EFFECTS(FREEZE)), 8, "1021-1021"},
    {"freeze wins", CLIP(PLATE, SR("20", "41", "24") EFFECTS(WARP("3") "," FREEZE)), 8,
     "1021-1021"},
    {"speed 0", CLIP(PLATE, SR("20", "41", "24") EFFECTS(WARP("0"))), 8, "1021-1021"},
    {"ramp", CLIP(PLATE, SR("20", "41", "24") EFFECTS(RAMP)), 8, "1001-1100 [unknown retime]"},
    {"a warp without its number",
     CLIP(PLATE, SR("20", "41", "24") EFFECTS("{\"OTIO_SCHEMA\":\"LinearTimeWarp.1\"}")), 8,
     "1001-1100 [unknown retime]"},
    {"a warp of a studio",
     CLIP(PLATE, SR("20", "41", "24") EFFECTS("{\"OTIO_SCHEMA\":\"StudioRetime.3\"}")), 8,
     "1001-1100 [unknown retime]"},
    {"lookup", CLIP(PLATE, SR("10", "4", "24") EFFECTS(LOOKUP("2,1.5,0,-4"))), 0, "1010-1013"},
    {"lookup that is too short", CLIP(PLATE, SR("10", "5", "24") EFFECTS(LOOKUP("2,1.5,0,-4"))), 0,
     "1001-1100 [unknown retime]"},
    {"lookup of text", CLIP(PLATE, SR("10", "2", "24") EFFECTS(LOOKUP("2,\"x\""))), 0,
     "1001-1100 [unknown retime]"},
    {"lookup and another speed",
     CLIP(PLATE, SR("10", "2", "24") EFFECTS(LOOKUP("2,2") "," WARP("2"))), 0,
     "1001-1100 [unknown retime]"},

    /* transitions */
    {"transition", TRACK("", P24 "," TRANSITION("3", "5") "," P24), 0, "1011-1035 1008-1030"},
    {"transition at both ends", TRACK("", TRANSITION("2", "9") "," P24 "," TRANSITION("9", "4")), 0,
     "1009-1034"},
    {"transition of a double speed",
     TRACK("", CLIP(PLATE, SR("30", "10", "24") EFFECTS(WARP("2"))) "," TRANSITION("3", "5")), 0,
     "1031-1060"},
    {"transition of a reversed clip",
     TRACK("", CLIP(PLATE, SR("30", "10", "24") EFFECTS(WARP("-1"))) "," TRANSITION("3", "5")), 0,
     "1026-1040"},
    {"transition of a freeze",
     TRACK("", CLIP(PLATE, SR("30", "10", "24") EFFECTS(FREEZE)) "," TRANSITION("3", "5")), 0,
     "1031-1031"},
    {"transition that is switched off",
     TRACK("", P24 ",{\"OTIO_SCHEMA\":\"Transition.1\",\"enabled\":false,\"in_offset\":" TIME(
                   "3", "24") ",\"out_offset\":" TIME("5", "24") "}"),
     0, "1011-1030"},
    {"transition into a stack", TRACK("", TRANSITION("4", "0") "," STACK(SR("2", "10", "24"), P24)),
     0, "1011-1022"},
    {"transition and handles", TRACK("", P24 "," TRANSITION("0", "5")), 8,
     "1003-1043 cut 1011-1035"},

    /* trims of what the clip is in */
    {"track trim", TRACK(SR("5", "10", "24"), P24), 0, "1016-1025"},
    {"track trim over two clips", TRACK(SR("15", "10", "24"), P24 "," P24), 0,
     "1026-1030 1011-1015"},
    {"hidden before and behind", TRACK(SR("20", "20", "24"), P24 "," P24 "," P24), 8,
     "hidden 1003-1038 cut 1011-1030 hidden"},
    {"gaps take time", TRACK(SR("30", "5", "24"), GAP("25") "," P24), 0, "1016-1020"},
    {"a track that begins late", TRACK(SR("-7", "17", "24"), P24), 0, "1011-1020"},
    {"stack trim", STACK(SR("5", "10", "24"), P24 "," TRACK("", GAP("10") "," P24)), 0,
     "1016-1025 1011-1015"},
    {"trim in trim", STACK(SR("2", "6", "24"), TRACK(SR("5", "10", "24"), P24)), 0, "1018-1023"},
    {"trim of another rate", STACK(SR("0.5", "0.25", "1"), P24), 0, "1023-1028"},
    {"trim at a transition", TRACK(SR("18", "4", "24"), P24 "," TRANSITION("3", "5") "," P24), 0,
     "1029-1032 1009-1012"},
    {"only a dissolve is left of it",
     TRACK(SR("22", "10", "24"), P24 "," TRANSITION("3", "5") "," P24), 0, "1033-1035 1013-1022"},
    {"trim of a retimed clip",
     TRACK(SR("5", "10", "24"), CLIP(PLATE, SR("10", "20", "24") EFFECTS(WARP("2")))), 0,
     "1021-1040"},
    {"trim of a reversed clip",
     TRACK(SR("0", "5", "24"), CLIP(PLATE, SR("10", "20", "24") EFFECTS(WARP("-1")))), 0,
     "1026-1030"},
    {"trim of a freeze",
     TRACK(SR("5", "10", "24"), CLIP(PLATE, SR("10", "20", "24") EFFECTS(FREEZE))), 0, "1011-1011"},
    {"trim of a lookup",
     TRACK(SR("2", "2", "24"), CLIP(PLATE, SR("10", "4", "24") EFFECTS(LOOKUP("9,9,0,-4")))), 0,
     "1010-1013"},
    {"trim of a clip without its own", TRACK(SR("5", "10", "24"), CLIP(PLATE, "")), 0, "1006-1015"},
    {"behind an unknown length nothing is hidden",
     TRACK(SR("0", "5", "24"), CLIP(SEQ("1", ""), "") "," P24), 0, "all 1011-1030"},
    {"an unknown schema trims nothing", "{\"OTIO_SCHEMA\":\"StudioBin.1\",\"children\":[" P24 "]}",
     0, "1011-1030"},
    {"null children", TRACK(SR("5", "10", "24"), "null," P24), 0, "1016-1025"},

    /* retimes of what the clip is in */
    {"track at 2x", TRACK(SR("2", "5", "24") EFFECTS(WARP("2")), P24), 0, "1013-1022"},
    {"speeds multiply",
     TRACK(SR("0", "5", "24") EFFECTS(WARP("2")),
           CLIP(PLATE, SR("10", "20", "24") EFFECTS(WARP("2")))),
     1, "1007-1034 cut 1011-1030"},
    {"stack backwards", STACK(SR("0", "5", "24") EFFECTS(WARP("-1")), P24), 0, "1011-1015"},
    {"track backwards hides nothing wrong",
     TRACK(SR("10", "20", "24") EFFECTS(WARP("-1")), P24 "," P24), 0, "1021-1030 1011-1020"},
    {"backwards twice",
     TRACK(SR("0", "5", "24") EFFECTS(WARP("-1")),
           CLIP(PLATE, SR("10", "20", "24") EFFECTS(WARP("-1")))),
     0, "1026-1030"},
    {"stack stands still", STACK(SR("5", "50", "24") EFFECTS(FREEZE), P24), 8, "1016-1016"},
    {"track stands still in its second clip",
     TRACK(SR("25", "50", "24") EFFECTS(FREEZE), P24 "," P24), 8, "hidden 1016-1016"},
    {"stack with a ramp", STACK(SR("5", "5", "24") EFFECTS(RAMP), P24), 8,
     "1001-1100 [unknown retime]"},
    {"a stack that is slowed to half of it", STACK(EFFECTS(WARP("0.5")), P24), 0, "1011-1020"},
};

struct seen {
    struct buf text;
    struct envelope last;
};

static int collect(void *arg, const struct envelope *env, struct err *e)
{
    (void)e;
    struct seen *seen = arg;
    seen->last = *env;
    buf_adds(&seen->text, seen->text.len ? " " : "");
    if (!env->used)
        buf_adds(&seen->text, "hidden");
    else if (!env->known)
        buf_adds(&seen->text, "all");
    else
        buf_addf(&seen->text, "%lld-%lld", (long long)env->lo, (long long)env->hi);
    if (env->known && (env->lo != env->cut_lo || env->hi != env->cut_hi))
        buf_addf(&seen->text, " cut %lld-%lld", (long long)env->cut_lo, (long long)env->cut_hi);
    for (size_t i = 0; i < ENVELOPE_WARNINGS; i++)
        if (env->warnings & 1u << i)
            buf_addf(&seen->text, " [%s]", envelope_warning_name(i));
    return 0;
}

/* Reads and walks; fails where that fails. The caller frees seen->text. */
static void walk(const char *json, int handles, struct seen *ret)
{
    struct err e;
    json_error_t je;
    json_auto_t *root = json_loads(json, 0, &je);
    *ret = (struct seen){0};
    if (!root)
        fail_msg("%s: %s", json, je.text);
    if (envelope_of_timeline(root, handles, collect, ret, &e) < 0)
        fail_msg("%s: %s", json, e.text);
}

static void test_cases(void **state)
{
    (void)state;
    bool failed = false;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct seen seen;
        walk(cases[i].json, cases[i].handles, &seen);
        const char *want = cases[i].want;
        if (strcmp(buf_str(&seen.text), want) != 0) {
            print_error("%s:\n got  %s\n want %s\n", cases[i].name, buf_str(&seen.text), want);
            failed = true;
        }
        buf_done(&seen.text);
    }
    assert_false(failed);
}

/* The same frames by OpenTimelineIO's rule for playing: frame i shows floor(off + i * s). */
static void test_against_playing(void **state)
{
    (void)state;
    static const double speeds[] = {.1, .25, 1 / 3., .5, .7, .75, 1, 1.1, 1.5, 2, 2.5, 3.3, 10};
    struct envelope_media m = {.known = true,
                               .rate = {.num = 24, .den = 1},
                               .start = {.rate = {.num = 24, .den = 1}},
                               .length = 1000,
                               .step = 1};
    for (size_t k = 0; k < COUNT(speeds); k++)
        for (int64_t start = 0; start < 20; start++)
            for (int64_t n = 1; n < 60; n++) {
                struct envelope got = {0};
                struct envelope_use use = {
                    .ranged = true,
                    .whole = true,
                    .start = {start, .25 * (double)(start % 4), {.num = 24, .den = 1}},
                    .duration = {n, 0, {.num = 24, .den = 1}},
                    .speed = speeds[k],
                    .outer_speed = 1};
                double off = rational_frames(use.start);
                envelope_frames(&m, &use, &got);
                assert_int_equal(got.lo, rational_floor(off));
                int64_t last = rational_floor(off + (double)(n - 1) * speeds[k]);
                int64_t over = got.hi - (last < 999 ? last : 999);
                assert_true(over >= 0 && over <= (speeds[k] > 1 ? rational_ceil(speeds[k]) : 1));
            }
}

static void test_record(void **state)
{
    (void)state;
    static const struct {
        const char *name, *json;
        bool known;
        int64_t in, out;
    } records[] = {
        {"first", TIMELINE("", TRACK("", P24)), true, 0, 20},
        {"behind a gap", TIMELINE("", TRACK("", GAP("48") "," P24)), true, 48, 68},
        {"an hour", TIMELINE(",\"global_start_time\":" TIME("86400", "24"), TRACK("", P24)), true,
         86400, 86420},
        {"transitions are left out", TIMELINE("", TRACK("", P24 "," TRANSITION("3", "5") "," P24)),
         true, 20, 40},
        {"trimmed", TIMELINE("", TRACK(SR("5", "10", "24"), P24)), true, 0, 10},
        {"in a stack at 2x",
         TIMELINE("", TRACK("", GAP("100") "," STACK(SR("4", "6", "24") EFFECTS(WARP("2")),
                                                     TRACK("", GAP("10") "," P24)))),
         true, 103, 106},
        {"in a track backwards",
         TIMELINE("", TRACK(SR("0", "40", "24") EFFECTS(WARP("-1")), GAP("20") "," P24)), true, 0,
         20},
        {"standing still",
         TIMELINE("", TRACK("", GAP("7") "," STACK(SR("5", "50", "24") EFFECTS(FREEZE), P24))),
         true, 7, 57},
        {"behind an unknown length", TIMELINE("", TRACK("", CLIP(SEQ("1", ""), "") "," P24)), false,
         0, 0},
        {"in a bin", "{\"OTIO_SCHEMA\":\"SerializableCollection.1\",\"children\":[" P24 "]}", false,
         0, 0},
        {"a timeline in a bin",
         "{\"OTIO_SCHEMA\":\"SerializableCollection.1\",\"children\":[" TIMELINE(
             "", TRACK("", GAP("2") "," P24)) "]}",
         true, 2, 22},
    };
    for (size_t i = 0; i < COUNT(records); i++) {
        struct seen seen;
        walk(records[i].json, 0, &seen);
        bool known = seen.last.record_known;
        if (known != records[i].known || (known && (seen.last.record_in != records[i].in ||
                                                    seen.last.record_out != records[i].out)))
            fail_msg("%s: %d %lld-%lld", records[i].name, known, (long long)seen.last.record_in,
                     (long long)seen.last.record_out);
        buf_done(&seen.text);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *json, *want;
    } bad[] = {
        {TIMELINE("", TRACK("", GAP("1") "," CLIP(PLATE, SR("\"NaN\"", "1", "24")))),
         "at '/tracks/children/0/children/1/source_range': the value of a time is no usable "
         "number"},
        {TRACK(",\"source_range\":7", P24), "at '/source_range': a range is an object"},
        {TRACK(",\"source_range\":{}", P24), "at '/source_range': a time is an object"},
        {TRACK("", P24 ",{\"OTIO_SCHEMA\":\"Transition.1\",\"in_offset\":3}"),
         "at '/children/1/in_offset': a time is an object"},
        {TIMELINE(",\"global_start_time\":\"01:00:00:00\"", P24),
         "at '/global_start_time': a time is an object"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct err e;
        struct seen seen = {0};
        json_auto_t *root = json_loads(bad[i].json, 0, NULL);
        assert_non_null(root);
        assert_int_equal(envelope_of_timeline(root, 0, collect, &seen, &e), -EBADMSG);
        assert_string_equal(e.text, bad[i].want);
        assert_int_equal(seen.text.len, 0);
    }
}

/* The i-th call is the i-th reference of the reader. */
static int compare(void *arg, const struct envelope *env, struct err *e)
{
    (void)e;
    struct otio_doc *doc = ((void **)arg)[0];
    size_t *i = ((void **)arg)[1];
    assert_true(*i < doc->n_refs);
    assert_ptr_equal(env->ref, doc->refs[*i].object);
    assert_ptr_equal(env->clip, doc->clips[doc->refs[*i].clip].object);
    ++*i;
    return 0;
}

static void test_order(void **state)
{
    (void)state;
    static const char json[] = TIMELINE(
        "", TRACK("", P24 ",{\"OTIO_SCHEMA\":\"Clip.2\",\"active_media_reference_key\":\"b\","
                          "\"media_references\":{\"a\":" PLATE ",\"b\":" PLATE ",\"c\":" PLATE
                          ",\"d\":null}},null," CLIP("null", "") "," GAP(
                              "3")) ","
                                    "{\"OTIO_SCHEMA\":\"Studio.1\",\"children\":[" P24
                                    ",{\"OTIO_SCHEMA\":\"Clip.2\","
                                    "\"media_references\":{\"a\":" PLATE "}}]}");
    AUTO(otio_doc) struct otio_doc *doc = NULL;
    struct err e;
    size_t n = 0;
    void *arg[] = {NULL, &n};
    assert_int_equal(otio_read(json, strlen(json), &doc, &e), 0);
    arg[0] = doc;
    assert_int_equal(envelope_of_timeline(doc->root, 0, compare, arg, &e), 0);
    assert_int_equal(n, doc->n_refs);
    assert_int_equal(n, 7);
}

static int stop(void *arg, const struct envelope *env, struct err *e)
{
    (void)env;
    return ++*(int *)arg == 2 ? err_set(e, -ECANCELED, "enough") : 0;
}

static void test_stop(void **state)
{
    (void)state;
    struct err e;
    int n = 0;
    json_auto_t *root = json_loads(TRACK("", P24 "," P24 "," P24), 0, NULL);
    assert_int_equal(envelope_of_timeline(root, 0, stop, &n, &e), -ECANCELED);
    assert_int_equal(n, 2);
    assert_string_equal(e.text, "enough");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),  cmocka_unit_test(test_against_playing),
        cmocka_unit_test(test_record), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_order),  cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
