/* tests/unit/test_edit_corpus.c - real EDL, Final Cut XML, FCPXML and AAF files: counted as an
 * independent counter counts them, and read as other readers of the formats do. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

#include "conform/otio_read.h"
#include "conform/otio_strict.h"
#include "tests/unit/edit_text.h"

#define SKIPPED 77

static const char *source(void)
{
    const char *dir = getenv("SHOTLAKE_SOURCE");
    return dir ? dir : ".";
}

/* Real files have licences of their own and are not part of the tree. NULL: none here. */
static char *corpus(void)
{
    struct stat st;
    const char *dir = getenv("SHOTLAKE_CORPUS");
    char *path = dir ? xstrdup(dir) : xasprintf("%s/../shared/edits", source());
    if (stat(path, &st) == 0)
        return path;
    free(path);
    return NULL;
}

/* False where there is no such file. */
static bool slurp(const char *path, struct buf *ret)
{
    struct stat st;
    AUTO(free) char *inner = xasprintf("%s/Info.fcpxml", path);
    bool bundle = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    AUTO(file) FILE *f = fopen(bundle ? inner : path, "rb");
    size_t n;
    while (f && (n = fread(buf_room(ret, 65536), 1, 65536, f)) > 0)
        buf_added(ret, n);
    return f != NULL;
}

struct table {
    size_t edits, clips, transitions, paths;
};

/* The counter's columns, from the tree. */
static void count(const json_t *o, struct table *t)
{
    const json_t *media = json_object_get(o, "media_references");
    size_t i;
    json_t *child;
    if (otio_schema_is(o, "Clip")) {
        const json_t *cmx = json_object_get(json_object_get(o, "metadata"), "cmx_3600");
        t->edits += cmx ? json_array_size(json_object_get(cmx, "events")) : 1;
        t->clips++;
        t->paths += otio_schema_is(json_object_get(media, "DEFAULT_MEDIA"), "ExternalReference");
    }
    t->transitions += otio_schema_is(o, "Transition");
    if (otio_schema_is(o, "Timeline"))
        count(json_object_get(o, "tracks"), t);
    json_array_foreach(json_object_get(o, "children"), i, child)
    {
        count(child, t);
    }
}

/* What conform's own reader makes of the tree, and OpenTimelineIO's would make of it. */
static void check_tree(const char *path, const json_t *root, size_t clips)
{
    AUTO(otio_doc) struct otio_doc *doc = NULL;
    struct otio_deviations none;
    struct err e;
    char *text = json_dumps(root, 0);
    if (otio_read(text, strlen(text), &doc, &e) < 0)
        fail_msg("%s: %s", path, e.text);
    assert_int_equal(doc->n_clips, clips);
    if (otio_deviations(doc, text, strlen(text), true, &none, &e) < 0)
        fail_msg("%s: %s", path, e.text);
    free(text);
}

static void check_file(const char *path, const char *want)
{
    struct buf file __attribute__((cleanup(auto_buf))) = {0};
    json_t *root = NULL;
    struct err e;
    assert_true(slurp(path, &file));
    enum edit_format format = edit_format_of(buf_str(&file), file.len, path);
    assert_int_not_equal(format, EDIT_FORMAT_UNKNOWN);
    if (edit_format_convert(format, buf_str(&file), file.len, NULL, &root, &e) < 0) {
        assert_true(e.code < 0 && strlen(e.text) > 0 && !strchr(e.text, '\n'));
        print_message("%s: refused: %s\n", path, e.text);
        assert_string_equal("refused", want);
        return;
    }
    struct table t = {0};
    count(root, &t);
    AUTO(free)
    char *got = xasprintf("%zu\t%zu\t%zu\t%zu", t.edits, t.clips, t.transitions, t.paths);
    if (strcmp(got, want) != 0)
        fail_msg("%s:\n read    %s\n counted %s", path, got, want);

    check_tree(path, root, t.clips);
    print_message("%s: %s: %zu edits, %zu clips, %zu transitions, %zu with a path\n", path,
                  edit_format_name(format), t.edits, t.clips, t.transitions, t.paths);
    json_decref(root);
}

/* The columns of count_aaf.py. */
struct aaf_table {
    size_t tracks[2], clips[2], transitions, warps, paths; /* [1]: sound */
    long long first;
};

static void count_aaf(const json_t *o, bool top, bool sound, bool warped, struct aaf_table *t)
{
    const json_t *reference =
        json_object_get(json_object_get(o, "media_references"), "DEFAULT_MEDIA");
    const json_t *start = json_object_get(json_object_get(o, "source_range"), "start_time");
    size_t i, warps = json_array_size(json_object_get(o, "effects"));
    json_t *child;
    if (otio_schema_is(o, "Clip")) {
        t->clips[sound]++;
        t->paths += otio_schema_is(reference, "ExternalReference");
        if (!sound && !warped && warps == 0 && !otio_schema_is(reference, "GeneratorReference"))
            t->first += llround(json_number_value(json_object_get(start, "value")));
    }
    if (otio_schema_is(o, "Track")) {
        sound = strcmp(json_string_value(json_object_get(o, "kind")), "Audio") == 0;
        t->tracks[sound] += top;
    }
    t->warps += warps;
    t->transitions += otio_schema_is(o, "Transition");
    if (otio_schema_is(o, "Timeline"))
        count_aaf(json_object_get(o, "tracks"), true, sound, warped, t);
    top = top && otio_schema_is(o, "Stack");
    json_array_foreach(json_object_get(o, "children"), i, child)
    {
        count_aaf(child, top, sound, warped || warps > 0, t);
    }
}

static void check_aaf(const char *path, const char *want)
{
    struct buf file __attribute__((cleanup(auto_buf))) = {0};
    json_t *root = NULL;
    struct err e;
    struct aaf_table t = {0};
    assert_true(slurp(path, &file));
    assert_int_equal(edit_format_of(buf_str(&file), file.len, "x"), EDIT_FORMAT_AAF);
    if (edit_format_convert(EDIT_FORMAT_AAF, buf_str(&file), file.len, NULL, &root, &e) < 0)
        fail_msg("%s: %s", path, e.text);
    count_aaf(root, false, false, false, &t);
    AUTO(free)
    char *got = xasprintf("%zu\t%zu\t%zu\t%zu\t%zu\t%zu\t%zu\t%lld", t.tracks[0], t.tracks[1],
                          t.clips[0], t.clips[1], t.transitions, t.warps, t.paths, t.first);
    if (strcmp(got, want) != 0)
        fail_msg("%s:\n read    %s\n counted %s", path, got, want);
    check_tree(path, root, t.clips[0] + t.clips[1]);
    json_decref(root);
}

/* Runs a counter over the corpus; how many files it listed. */
static size_t check_all(const char *counter, const char *dir,
                        void (*check)(const char *path, const char *want))
{
    AUTO(free)
    char *command = xasprintf("/usr/bin/python3 '%s/tests/oracle/%s' '%s'", source(), counter, dir);
    FILE *table = popen(command, "r");
    char line[4096];
    size_t files = 0;
    assert_non_null(table);
    while (fgets(line, sizeof line, table)) {
        line[strcspn(line, "\n")] = '\0';
        char *tab = strchr(line, '\t');
        assert_non_null(tab);
        *tab = '\0';
        check(line, tab + 1);
        files++;
    }
    assert_int_equal(pclose(table), 0);
    print_message("%zu files\n", files);
    return files;
}

static void test_counts(void **state)
{
    assert_true(check_all("count_edits.py", *state, check_file) > 0);
}

static void test_aaf_counts(void **state)
{
    if (check_all("count_aaf.py", *state, check_aaf) == 0) {
        print_message("no AAF files in %s\n", (char *)*state);
        skip();
    }
}

/* What the tests of OpenTimelineIO's adapters say about their own files (cmx_3600, fcp_xml and
 * fcpx_xml): `want` is in the lines of edit_text.h, one piece after the other. */
static const struct {
    const char *file, *rate;
    const char *want[12];
} known[] = {
    {"OpenTimelineIO+otio-cmx3600-adapter/screening_example.edl",
     NULL,
     {"clip ZZ100_501 (LAY3) 86501+31@24", "clip ZZ100_502A (LAY3) 86557+50@24",
      "clip ZZ100_503A (LAY1) 86601+28@24", "clip ZZ100_504C (LAY1) 86641+115@24",
      "*ANIM FIX NEEDED@86438", "clip ZZ100_504B (LAY1) 86753+101@24",
      "clip ZZ100_507C (LAY2) 86501+161@24", "clip ZZ100_508 (LAY2) 86628+170@24", "*@86773",
      "clip ZZ100_510 (LAY1) 86722+136@24", "clip ZZ100_510B (LAY1) 86501+257@24"}},
    {"OpenTimelineIO+otio-cmx3600-adapter/dissolve_test.edl",
     NULL,
     {"clip clip_A 86501+9@24", "dissolve 0+10", "clip clip_B 86600+11@24"}},
    {"OpenTimelineIO+otio-cmx3600-adapter/dissolve_test_2.edl",
     NULL,
     {"clip clip_A 86501+5@24", "dissolve 0+10", "clip clip_B 86596+15@24"}},
    {"OpenTimelineIO+otio-cmx3600-adapter/wipe_test.edl",
     NULL,
     {"clip clip_A 86501+9@24", "wipe 0+10", "clip clip_B 86600+11@24"}},
    {"OpenTimelineIO+otio-cmx3600-adapter/25fps.edl",
     "25",
     {"+161@25", "+200@25", "+86@25", "+49@25"}},
    {"OpenTimelineIO+otio-cmx3600-adapter/gap_test.edl",
     NULL,
     {"clip shot1 14400+24@24", "gap 16", "clip shot2 1987200+24@24", "gap 38",
      "clip shot3 864000+24@24"}},
    {"OpenTimelineIO+otio-cmx3600-adapter/nucoda_example.edl",
     NULL,
     {"clip take_1 86501+31@24 ext S:\\path\\to\\ZZ100_501.take_1.0001.exr",
      "clip take_2 86557+50@24 ext S:\\path\\to\\ZZ100_502A.take_2.0101.exr"}},
    {"OpenTimelineIO+otio-cmx3600-adapter/speed_effects_small.edl",
     NULL,
     {"clip Z682_156 (LAY3) 86661+17@24", " x0", "clip Z686_5A (LAY2) (47.56 FPS) 86544+36@24",
      " x1.98333"}},
    {"OpenTimelineIO+otio-fcp-adapter/premiere_example.xml",
     NULL,
     {"edit sc01_sh010_layerA @0 *My MArker 1@113 *dsf@492 *@298\n  V\n    gap 536\n"
      "    clip sc01_sh010_anim.mov 0+100@30",
      "\n  V\n    gap 13\n    clip sc01_sh010_anim.mov 0+100@30",
      "    gap 52\n    clip sc01_sh020_anim.mov 0+157@30", "    clip sc01_sh030_anim.mov 0+235@30",
      " *@73\n    dissolve 19+0\n    gap 79\n"
      "    stack sc01_sh010_anim 0+320@30\n",
      "\n  V\n    gap 15\n    clip test_title 108000+941@30",
      "\n  V\n    gap 956\n    clip sc01_master_layerA_sh030_temp.mov 133+208@30",
      "    dissolve 12+13\n    clip sc01_sh010_anim.mov 18+82@30",
      "\n  A\n    gap 13\n    clip sc01_sh010_anim.mov 0+100@30",
      "    gap 423\n    clip sc01_sh010_anim.mov 0+100@30",
      "\n  A\n    gap 335\n    clip sc01_placeholder.wav 8497+170@30",
      "\n  A\n    gap 153\n    clip track_08.wav 6896+198@30"}},
    {"OpenTimelineIO+otio-fcp-adapter/premiere_example.xml",
     NULL,
     {"    gap 131\n    stack sc01_sh010_anim 0+294@30\n",
      "\n  A\n    gap 956\n    clip sc01_master_layerA_sh030_temp.mov 133+221@30",
      "\n    clip sc01_sh010_anim.mov 6+94@30"}},
    {"OpenTimelineIO+otio-fcpx-xml-adapter/fcpx_example.fcpxml",
     NULL,
     {"  edit OpenTimeline_Project @0", "\n    V\n      clip IMG_0715 0+300@30",
      "\n      gap 2100\n      stack compound_clip_1 109+900@30", "\n      clip IMG_0233 0+300@30",
      "\n      clip IMG_0687 376+300@30", "\n      clip IMG_0268 232+300@30",
      "\n      stack compound_clip_1 57+300@30", "\n    V\n      gap 600\n      clip IMG_0513 ",
      "\n      gap 600\n      dissolve 0+30\n      clip IMG_0268 0+285@30",
      "\n      dissolve 15+15\n      clip IMG_0740 15+285@30",
      "\n    V\n      gap 1937\n      clip IMG_0857 ", "\n    A\n      clip IMG_0715 0+300@30"}},
    /* and of its AAF adapter */
    {"OpenTimelineIO+otio-aaf-adapter/transitions.aaf",
     NULL,
     {"edit OTIO TEST - transitions.Exported.01 @86400\n  V\n    dissolve 0+12\n"
      "    clip tech.fux (loop)-HD.mp4 86400+117@24",
      "\n    dissolve 48+0\n    clip t-hawk (loop)-HD.mp4 86523+77@24",
      "\n    dissolve 12+12\n    gap 53\n    dissolve 24+24\n    clip KOLL-HD.mp4 55+144@24",
      "\n    clip brokchrd (loop)-HD.mp4 86400+130@24", "\n    dissolve 48+0\n  A\n"}},
    {"OpenTimelineIO+otio-aaf-adapter/misc_speed_effects.aaf",
     NULL,
     {"    clip Frame Debugger 0h.mov 24+8@24",
      "ext /Users/joshm/Desktop/DemoClips/Frame Debugger 0h.mov (0+120@24)\n", " x0\n", " 0+8@24",
      " x2\n", " x0.5\n", " x3\n", " x0.375\n", " x14.375\n", " x-1\n", " 86432+16@24", " x?\n"}},
    {"OpenTimelineIO+otio-aaf-adapter/misc_speed_effects.aaf",
     NULL,
     {"@24) x0.375\n    clip Frame Debugger 1h.mov 86424+8@24", "(86400+120@24) x-1\n"}},
    {"OpenTimelineIO+otio-aaf-adapter/nesting_test.aaf",
     NULL,
     {"  V\n    clip Frame Debugger 0h.mov 24+16@24", "\n    stack  0+16@24\n      V\n",
      "        clip Frame Debugger 0h.mov 40+8@24", "        clip Frame Debugger 1h.mov 86424+8@24",
      "\n    clip Frame Debugger 1h.mov 86432+16@24"}},
    {"OpenTimelineIO+otio-aaf-adapter/2997fps.aaf",
     NULL,
     {"edit OTIO_2997fps_test.Exported.01 @0\n  V\n", " 0+28@29.97", " 24+84@29.97", "\n  A\n",
      " 0+28@29.97", " 0+84@29.97", "\n  A\n"}},
    {"OpenTimelineIO+otio-aaf-adapter/test_muted_clip.aaf",
     NULL,
     {"  V\n    clip Frame Debugger 0h.mov 0+120@24", " off\n"}},
    {"OpenTimelineIO+otio-aaf-adapter/multiple_top_level_mobs.aaf",
     NULL,
     {"bin\n  edit nestTest2 @0\n", "  edit testNest30_2 @0\n"}},
    {"OpenTimelineIO+otio-aaf-adapter/multitrack.aaf",
     NULL,
     {"*v1 red tech@86775", "*v2 green hawk@86583", "\n  V\n    gap 1198\n    clip KOLL-HD.mp4 "}},
};

static void test_known(void **state)
{
    for (size_t i = 0; i < COUNT(known); i++) {
        struct buf file __attribute__((cleanup(auto_buf))) = {0};
        AUTO(free) char *path = xasprintf("%s/%s", (char *)*state, known[i].file);
        if (!slurp(path, &file)) {
            print_message("%s: not here\n", path);
            continue;
        }
        AUTO(free)
        char *text = text_of(edit_format_of(buf_str(&file), file.len, path), buf_str(&file),
                             file.len, known[i].rate);
        const char *at = text;
        for (size_t k = 0; k < COUNT(known[i].want) && known[i].want[k]; k++) {
            const char *found = strstr(at, known[i].want[k]);
            if (!found)
                fail_msg("%s: not there in its place: '%s'\n%s", known[i].file, known[i].want[k],
                         text);
            at = found + 1;
        }
    }
}

int main(void)
{
    AUTO(free) char *dir = corpus();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_counts, dir),
        cmocka_unit_test_prestate(test_aaf_counts, dir),
        cmocka_unit_test_prestate(test_known, dir),
    };
    if (!dir) {
        printf("1..0 # SKIP no edits: SHOTLAKE_CORPUS names no folder\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
