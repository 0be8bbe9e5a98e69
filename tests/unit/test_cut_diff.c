/* tests/unit/test_cut_diff.c - what became of shots between two cuts. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/cut_diff.h"
#include "conform/edit_format.h"

#define RATE 24.0

static json_t *a_time(double value)
{
    return json_pack("{ss sf sf}", "OTIO_SCHEMA", "RationalTime.1", "value", value, "rate", RATE);
}

static json_t *a_range(double start, double duration)
{
    return json_pack("{ss so so}", "OTIO_SCHEMA", "TimeRange.1", "start_time", a_time(start),
                     "duration", a_time(duration));
}

/* "SHOT=MEDIA@100+24*2": a clip of SHOT that plays 24 frames from frame 100 on, at speed 2. MEDIA
 * ("SHOT.mov") and speed may be left out. A '-' before it: disabled. "_+24": a gap. */
static json_t *a_clip(const char *text)
{
    char shot[64], media[64] = "";
    double start = 0, duration = 0, speed = 1;
    bool off = *text == '-';
    text += off;
    if (sscanf(text, "_+%lf", &duration) == 1)
        return json_pack("{ss so}", "OTIO_SCHEMA", "Gap.1", "source_range", a_range(0, duration));
    size_t n = strcspn(text, "=@");
    snprintf(shot, sizeof shot, "%.*s", (int)n, text);
    if (text[n] == '=')
        snprintf(media, sizeof media, "%.*s", (int)strcspn(text + n + 1, "@"), text + n + 1);
    else
        snprintf(media, sizeof media, "%.50s.mov", shot);
    const char *at = strchr(text, '@'), *star = strchr(text, '*');
    assert_int_equal(sscanf(at, "@%lf+%lf", &start, &duration), 2);
    if (star)
        speed = strtod(star + 1, NULL);
    json_t *warps = json_array();
    if (star)
        json_array_append_new(warps, json_pack("{ss sf}", "OTIO_SCHEMA", "LinearTimeWarp.1",
                                               "time_scalar", speed));
    return json_pack("{ss ss sb so so s{ss ss so}}", "OTIO_SCHEMA", "Clip.1", "name", shot,
                     "enabled", !off, "source_range", a_range(start, duration), "effects", warps,
                     "media_reference", "OTIO_SCHEMA", "ExternalReference.1", "target_url", media,
                     "available_range", a_range(0, 1000));
}

/* Clips with a blank between, on one track; '|' begins the next track, '~' an audio track. */
static json_t *a_cut(const char *text)
{
    AUTO(free) char *copy = xstrdup(text);
    json_t *tracks = json_array(), *children = NULL;
    char *save, *word = strtok_r(copy, " ", &save);
    const char *kind = "Video";
    for (; word || !children; word = strtok_r(NULL, " ", &save)) {
        bool next = word && (*word == '|' || *word == '~');
        if (next)
            kind = *word == '~' ? "Audio" : "Video";
        if (next || !children) {
            children = json_array();
            json_array_append_new(tracks, json_pack("{ss ss so}", "OTIO_SCHEMA", "Track.1", "kind",
                                                    kind, "children", children));
        }
        if (word && !next)
            json_array_append_new(children, a_clip(word));
        if (!word)
            break;
    }
    return json_pack("{ss so s{ss so}}", "OTIO_SCHEMA", "Timeline.1", "global_start_time",
                     a_time(86400), "tracks", "OTIO_SCHEMA", "Stack.1", "children", tracks);
}

/* "SHOT:NEW SHOT:EXTENDED,MOVED": what changed, in the order that is told. */
static char *changes_of(const json_t *diff)
{
    struct buf b = {0};
    size_t i, k;
    json_t *shot, *name;
    json_array_foreach(json_object_get(diff, "shots"), i, shot) {
        const json_t *changes = json_object_get(shot, "changes");
        if (json_array_size(changes) > 0)
            buf_addf(&b, "%s%s:", b.len ? " " : "",
                     json_string_value(json_object_get(shot, "shot")));
        json_array_foreach(changes, k, name)
            buf_addf(&b, "%s%s", k > 0 ? "," : "", json_string_value(name));
    }
    buf_str(&b);
    return buf_take(&b);
}

static json_t *diff_of(const json_t *before, const json_t *after, const char *earlier)
{
    json_auto_t *set = json_object();
    struct cut_diff_options opt = {.handles = 8, .earlier = set};
    json_t *diff = NULL;
    struct err e;
    if (earlier) {
        json_auto_t *tree = a_cut(earlier);
        assert_int_equal(cut_shots(tree, set, &e), 0);
    }
    if (cut_diff(before, after, &opt, &diff, &e) < 0)
        fail_msg("%s", e.text);
    return diff;
}

static const struct {
    const char *name, *before, *after, *earlier, *want;
} cases[] = {
    {"nothing", "a@100+24 b@50+24", "a@100+24 b@50+24", NULL, ""},
    {"empty cuts", "", "", NULL, ""},
    {"new", "a@100+24", "a@100+24 b@50+24", NULL, "b:NEW"},
    {"omitted", "a@100+24 b@50+24", "b@50+24", NULL, "a:OMITTED"},
    {"reinstated", "a@100+24", "a@100+24 b@50+24", "b@50+24 c@1+1", "b:REINSTATED"},
    {"new, though others are known", "a@100+24", "a@100+24 b@50+24", "c@50+24", "b:NEW"},
    {"disabled is omitted", "a@100+24 b@50+24", "a@100+24 -b@50+24", NULL, "b:OMITTED"},
    {"trimmed at the head", "a@100+24", "a@104+20", NULL, "a:TRIMMED"},
    {"trimmed at the tail", "a@100+24", "a@100+20", NULL, "a:TRIMMED"},
    {"longer, in the handles", "a@100+24", "a@92+40", NULL, "a:TRIMMED"},
    {"longer than the head's handles", "a@100+24", "a@91+33", NULL, "a:EXTENDED"},
    {"longer than the tail's handles", "a@100+24", "a@100+33", NULL, "a:EXTENDED"},
    {"slipped in the handles", "a@100+24", "a@108+24", NULL, "a:TRIMMED"},
    {"slipped out of them", "a@100+24", "a@109+24", NULL, "a:EXTENDED"},
    {"handles end where the media does", "a@2+24", "a@0+26", NULL, "a:TRIMMED"},
    {"other media", "a=x.mov@100+24", "a=y.mov@100+24", NULL, "a:EXTENDED"},
    {"the same file elsewhere", "a=/one/x.mov@100+24", "a=s3://two/x.mov@100+24", NULL, ""},
    {"the same file in another spelling", "a=file:///v/x%2By.mov@100+24", "a=/v/x+y.mov@100+24",
     NULL, ""},
    {"the same frames in another notation", "a=/v/p.[0001-1000].exr@100+24",
     "a=p.%04d.exr@100+24", NULL, ""},
    {"a longer plate of one name", "a=p.[0001-1000].exr@100+24", "a=p.[0001-1020].exr@100+24",
     NULL, ""},
    {"retimed, fewer frames", "a@100+24*2", "a@100+24", NULL, "a:RETIMED"},
    {"retimed, more frames", "a@100+24", "a@100+24*2", NULL, "a:EXTENDED,RETIMED"},
    {"handles are retimed too", "a@100+24*2", "a@84+32*2", NULL, "a:TRIMMED"},
    {"and end", "a@100+24*2", "a@82+33*2", NULL, "a:EXTENDED"},
    {"a ripple moves nothing", "a@1+24 b@1+24 c@1+24", "n@1+9 a@1+24 b@1+24 c@1+24", NULL,
     "n:NEW"},
    {"nor does a hole", "a@1+24 b@1+24 c@1+24", "a@1+24 c@1+24", NULL, "b:OMITTED"},
    {"one moved", "a@1+24 b@1+24 c@1+24 d@1+24", "b@1+24 c@1+24 d@1+24 a@1+24", NULL, "a:MOVED"},
    {"one moved up", "a@1+24 b@1+24 c@1+24 d@1+24", "d@1+24 a@1+24 b@1+24 c@1+24", NULL,
     "d:MOVED"},
    {"swapped", "a@1+24 b@1+24", "b@1+24 a@1+24", NULL, "b:MOVED"},
    {"moved and trimmed", "a@1+24 b@1+24 c@1+24", "b@1+24 c@1+24 a@3+20", NULL,
     "a:TRIMMED,MOVED"},
    {"twice the same", "a@100+24 b@1+24 a@300+24", "a@100+24 b@1+24 a@300+24", NULL, ""},
    {"twice, the first went", "a@100+24 b@1+24 a@300+24", "b@1+24 a@304+20", NULL,
     "a:TRIMMED a:OMITTED"},
    {"twice, another came", "a@300+24", "a@100+24 a@300+24", NULL, "a:NEW"},
    {"twice, in the other order", "a@100+24 a@300+24", "a@300+24 a@100+24", NULL, "a:MOVED"},
    {"twice, of two files", "a=x@1+24 a=y@1+24", "a=y@1+24 a=z@1+24", NULL, "a:MOVED a:EXTENDED"},
    {"two tracks", "a@1+24 | _+10 b@1+24", "_+5 a@1+24 | _+15 b@1+24", NULL, ""},
    {"another track at the same time", "a@1+24 b@1+24", "a@1+24 | _+24 b@1+24", NULL, ""},
    {"sound is no shot", "a@1+24 ~ s@1+24", "a@1+24 ~ t@1+24", NULL, ""},
    {"but where there is no picture", "~ s@1+24", "~ t@1+24", NULL, "t:NEW s:OMITTED"},
};

static void test_changes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        json_auto_t *before = a_cut(cases[i].before), *after = a_cut(cases[i].after);
        json_auto_t *diff = diff_of(before, after, cases[i].earlier);
        AUTO(free) char *got = changes_of(diff);
        if (strcmp(got, cases[i].want) != 0)
            fail_msg("%s: '%s', not '%s'", cases[i].name, got, cases[i].want);
    }
}

/* Every position is told, and that the counts are those of the list. */
static void test_report(void **state)
{
    (void)state;
    json_auto_t *before = a_cut("a@100+24 b@50+24 c@0+24"), *after = a_cut("a@95+30 b@50+24 d@7+1");
    json_auto_t *diff = diff_of(before, after, NULL);
    const json_t *shot = json_array_get(json_object_get(diff, "shots"), 0);
    json_auto_t *want = json_pack(
        "{ss s[s] s{s[ii] sf sf s[ss] s[ii]} s{s[ii] sf sf s[ss] s[ii]}}", "shot", "a", "changes",
        "TRIMMED", "old", "source", 100, 123, "rate", RATE, "speed", 1.0, "record", "01:00:00:00",
        "01:00:01:00", "record_frames", 86400, 86424, "new", "source", 95, 124, "rate", RATE,
        "speed", 1.0, "record", "01:00:00:00", "01:00:01:06", "record_frames", 86400, 86430);
    AUTO(free) char *got = json_dumps(shot, JSON_SORT_KEYS);
    AUTO(free) char *wanted = json_dumps(want, JSON_SORT_KEYS);
    assert_string_equal(got, wanted);
    AUTO(buf) struct buf text = {0};
    cut_diff_text(diff, &text);
    assert_string_equal(buf_str(&text),
                        "TRIMMED  a  frames 100-123 at 01:00:00:00-01:00:01:00 -> frames 95-124 at "
                        "01:00:00:00-01:00:01:06\n"
                        "NEW  d  frames 7-7 at 01:00:02:06-01:00:02:07\n"
                        "OMITTED  c  frames 0-23 at 01:00:02:00-01:00:03:00\n"
                        "1 NEW, 1 OMITTED, 0 REINSTATED, 0 EXTENDED, 1 TRIMMED, 0 RETIMED, 0 MOVED, "
                        "1 UNCHANGED\n");
}

/* One name on more clips than can be compared with each other. */
static void test_many_of_one_name(void **state)
{
    (void)state;
    struct buf b = {0};
    for (int i = 0; i < 1500; i++)
        buf_addf(&b, "a@%d+10 ", i % 900);
    json_auto_t *before = a_cut(b.p);
    json_auto_t *diff = diff_of(before, before, NULL);
    const json_t *counts = json_object_get(diff, "counts");
    assert_int_equal(json_integer_value(json_object_get(counts, "UNCHANGED")), 1500);
    buf_done(&b);
}

/* ---- a real pair ---------------------------------------------------------------------------- */

/* Real files are no part of the tree. NULL: none here. */
static json_t *real_cut(const char *name)
{
    const char *dir = getenv("SHOTLAKE_CORPUS"), *top = getenv("SHOTLAKE_SOURCE");
    AUTO(free) char *path = dir ? xasprintf("%s/%s", dir, name)
                                : xasprintf("%s/../shared/edits/%s", top ? top : ".", name);
    AUTO(file) FILE *f = fopen(path, "rb");
    AUTO(buf) struct buf b = {0};
    json_t *tree = NULL;
    struct err e;
    size_t n;
    if (!f)
        return NULL;
    while ((n = fread(buf_room(&b, 65536), 1, 65536, f)) > 0)
        buf_added(&b, n);
    if (edit_format_convert(EDIT_FORMAT_EDL, b.p, b.len, NULL, &tree, &e) < 0)
        fail_msg("%s: %s", path, e.text);
    return tree;
}

/* The shots with a code that changed so, each once, in the order that is told. */
static char *coded(const json_t *diff, const char *change)
{
    struct buf b = {0};
    size_t i, k;
    json_t *shot, *name;
    json_array_foreach(json_object_get(diff, "shots"), i, shot) {
        const char *s = json_string_value(json_object_get(shot, "shot"));
        json_array_foreach(json_object_get(shot, "changes"), k, name)
            if (strncmp(s, "079_HA_", 7) == 0 && strcmp(json_string_value(name), change) == 0)
                buf_addf(&b, "%s%s", b.len ? " " : "", s + 7);
    }
    buf_str(&b);
    return buf_take(&b);
}

static void test_real_pair(void **state)
{
    (void)state;
    json_auto_t *before = real_cut("GPLgithub+sg-otio/edls/079_HA_V05.edl");
    json_auto_t *after = real_cut("GPLgithub+sg-otio/edls/079_HA_006.edl");
    if (!before || !after) {
        print_message("skipped: the edits are not here; SHOTLAKE_CORPUS names their folder\n");
        skip();
    }
    json_auto_t *diff = diff_of(before, after, NULL);
    AUTO(buf) struct buf text = {0};
    cut_diff_text(diff, &text);
    print_message("%s", buf_str(&text));
    AUTO(free) char *new = coded(diff, "NEW");
    AUTO(free) char *omitted = coded(diff, "OMITTED");
    AUTO(free) char *extended = coded(diff, "EXTENDED");
    AUTO(free) char *trimmed = coded(diff, "TRIMMED");
    AUTO(free) char *moved = coded(diff, "MOVED");
    AUTO(free) char *retimed = coded(diff, "RETIMED");
    assert_string_equal(new, "0105 0265 0272");
    assert_string_equal(omitted, "0210 0260 0340 0460");
    assert_string_equal(extended, "0010"); /* other media */
    assert_string_equal(trimmed, "0160 0490");
    assert_string_equal(moved, "");
    assert_string_equal(retimed, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_report),
        cmocka_unit_test(test_many_of_one_name),
        cmocka_unit_test(test_real_pair),
    };
    return cmocka_run_group_tests_name("cut_diff", tests, NULL, NULL);
}
