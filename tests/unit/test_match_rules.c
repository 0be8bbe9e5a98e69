/* tests/unit/test_match_rules.c - the ladder: paths, spellings, reels, stems, ties and pins. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "conform/conform.h"
#include "conform/envelope.h"
#include "conform/match.h"
#include "conform/pins.h"
#include "tests/unit/conform_world.h"

#define NFC "\xc3\xa9"  /* e with acute, one character */
#define NFD "e\xcc\x81" /* the same as two */
#define REEL(reel, start, frames)                                                                  \
    "{\"from\":\"metadata\",\"reel\":\"" reel "\",\"start\":" #start ",\"frames\":" #frames        \
    ",\"rate\":[24,1]}"
#define UMID "060a2b340101010501010d4313000000a1b2c3d4e5f60708090a0b0c0d0e0f10"

static const char lake_keys[] =
    /* paths */
    "show/a/full/clip.mov\nshow/b/full/clip.mov\nshow/b/proxy/clip.mov\n"
    "show/A/Case.mov\nold/a/case.mov\n"
    "show/s1/plates/pl.0001.exr\nshow/s1/plates/pl.0002.exr\n"
    "show/s2/plates/pl.0001.exr\nshow/s2/plates/pl.0002.exr\n"
    /* spellings */
    "n/caf" NFC ".mov\n"
    "t/twin" NFC ".mov\nt/twin" NFD ".mov\n"
    "c/Upper.MOV\nd/LOWER.mov\nd/Lower.mov\n"
    "q/Frame.0001.EXR\nq/Frame.0002.EXR\n"
    "+/a+b%20c.mov\n[x]/in[1].mov\n"
    /* stems */
    "st/take.mxf\nst/take.cdl\nst/take.nk\nst/take.json\nst/take.wav\nst/only.cdl\n"
    "st/seq.0001.dpx\nst/seq.0002.dpx\nst/seq.0001.json\n"
    "st/many.mxf\nst/many.mp4\n"
    "st/loud.MXF\n"
    /* copies and versions */
    "cp/a/same.mov\t100\ncopies/b/same.mov\t100\n"
    "cp/a/differ.mov\t100\ncp/b/differ.mov\t101\n"
    "cp/x/sq.0001.exr\t5\ncp/x/sq.0002.exr\t6\ncp/yy/sq.0001.exr\t5\ncp/yy/sq.0002.exr\t6\n"
    "ver/pl_v001/v.mov\nver/pl_v010/v.mov\nver/pl_v9/v.mov\n"
    "ver/pl_v001/o.mov\nver/other_v002/o.mov\n"
    "ver/sq_v01/w.0001.exr\nver/sq_v02/w.0001.exr\n"
    /* lengths */
    "len/short.mov\t1\t{\"from\":\"metadata\",\"frames\":10,\"rate\":[24,1]}\n"
    "len/pair.mov\t1\t{\"from\":\"metadata\",\"frames\":10,\"rate\":[24,1]}\n"
    "len2/pair.mov\t2\t{\"from\":\"metadata\",\"frames\":500,\"rate\":[24,1]}\n"
    /* reels: 86400 is 01:00:00:00 */
    "r/A001C001_LONGNAME.mov\t1\t" REEL("A001C001_LONGNAME", 86400, 240) "\n"
    "r/A001C001_SECOND.mov\t2\t" REEL("A001C001_SECOND", 90000, 240) "\n"
    "r/b.mov\t3\t" REEL("B002", 86400, 240) "\n"
    "r/b2.mov\t4\t" REEL("B002", 86400, 200) "\n"
    "r/c.mov\t5\t{\"from\":\"metadata\",\"reel\":\"C003\",\"start\":86400}\n"
    "r/e/pl.1001.exr\t6\t{\"from\":\"exr\",\"reel\":\"E005\",\"start\":86400,\"rate\":[24,1]}\n"
    "r/e/pl.1002.exr\nr/e/pl.1003.exr\nr/e/pl.1004.exr\nr/e/pl.1006.exr\nr/e/pl.1007.exr\n"
    "r/f.mov\t9\t{\"from\":\"metadata\",\"reel\":\"F006\",\"start\":86400,\"frames\":50,"
    "\"rate\":[24000,1001]}\n"
    "r/g.mov\t9\t{\"from\":\"metadata\",\"reel\":\"G007\",\"start\":90000,\"frames\":50,"
    "\"rate\":[25,1]}\n"
    "r/h.mov\t9\t{\"from\":\"metadata\",\"reel\":\"H008\",\"start\":90000,\"frames\":50,"
    "\"rate\":[30,1],\"drop\":true}\n"
    "u/named_otherwise.mxf\t7\t{\"from\":\"metadata\",\"umid\":\"" UMID "\"}\n"
    /* templates; a clip's name is sh010 */
    "tpl/sh010/sh010_bg.1001.exr\ntpl/sh010/sh010_bg.1002.exr\ntpl/sh010/ref.mov\n"
    "ShotLocker/Edits/abc/b.mov\t8\t" REEL("PRIVATE1", 86400, 240) "\n";

#define EXT(url) "{\"OTIO_SCHEMA\":\"ExternalReference.1\",\"target_url\":\"" url "\"}"
#define TIME(v) "{\"OTIO_SCHEMA\":\"RationalTime.1\",\"value\":" v ",\"rate\":24}"
#define RANGE(start, n)                                                                            \
    "{\"OTIO_SCHEMA\":\"TimeRange.1\",\"start_time\":" TIME(start) ",\"duration\":" TIME(n) "}"
#define LONG(url, start, n)                                                                        \
    "{\"OTIO_SCHEMA\":\"ExternalReference.1\",\"target_url\":\"" url                               \
    "\",\"available_range\":" RANGE(start, n) "}"
#define OFFLINE                                                                                    \
    "{\"OTIO_SCHEMA\":\"MissingReference.1\",\"metadata\":{\"shotlake_offline\":true}}"
#define EVENT(reel) "{\"cmx_3600\":{\"reel\":\"" reel "\"}}"

struct row {
    const char *ref, *range, *metadata; /* of a clip; NULL: none */
    enum conform_status status;
    const char *rule, *keys; /* found, or what an ambiguity is between */
};

static char *clip_text(const struct row *row)
{
    return xasprintf("{\"OTIO_SCHEMA\":\"Clip.2\",\"name\":\"sh010\",\"source_range\":%s,"
                     "\"metadata\":%s,\"media_references\":{\"DEFAULT_MEDIA\":%s}}",
                     row->range ? row->range : "null", row->metadata ? row->metadata : "{}",
                     row->ref);
}

static char *keys_of(struct world *w, const struct conform_item *it)
{
    struct buf b = {0};
    struct err e;
    bool many = it->status == CONFORM_AMBIGUOUS;
    for (size_t i = 0; i < (many ? it->n_candidates : it->n_nodes); i++) {
        if (many && it->candidates[i].rejected)
            continue;
        index_key(&w->rd, many ? it->candidates[i].node : it->nodes[i], &b, &e);
        buf_addc(&b, ' ');
    }
    if (it->n_missing_frames > 0)
        buf_addf(&b, "-%zu", it->n_missing_frames);
    return buf_take(&b);
}

static struct conform_plan *plan_row(struct world *w, const struct row *row,
                                     const struct conform_options *opt)
{
    AUTO(free) char *text = clip_text(row);
    struct conform_plan *p = NULL;
    struct err e;
    if (conform_plan(&w->rd, &w->store, text, strlen(text), opt, &p, &e) < 0)
        fail_msg("%s: %s", text, e.text);
    return p;
}

static void check_rows(const struct row *rows, size_t n, const struct conform_options *opt)
{
    AUTO(world) struct world *w = world_new(&world_s3, lake_keys);
    for (size_t i = 0; i < n; i++) {
        AUTO(conform_plan) struct conform_plan *p = plan_row(w, &rows[i], opt);
        const struct conform_item *it = &p->items[0];
        AUTO(free) char *keys = keys_of(w, it);
        if (it->status != rows[i].status || strcmp(keys, rows[i].keys) != 0 ||
            (rows[i].rule && (!it->rule || strcmp(it->rule, rows[i].rule) != 0)))
            fail_msg("row %zu, %s: status %d, rule %s, keys '%s', %s", i, rows[i].ref, it->status,
                     it->rule ? it->rule : "none", keys, it->reason ? it->reason : "");
        size_t tagged = roaring_bitmap_get_cardinality(p->objects);
        assert_int_equal(tagged, it->status == CONFORM_AMBIGUOUS ? 0 : it->n_nodes);
    }
}

static const struct conform_options plain = {.handles = 0};

static void test_paths(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {EXT("/jobs/show/b/full/clip.mov"), NULL, NULL, CONFORM_FOUND, "path",
         "show/b/full/clip.mov "},
        {EXT("D:\\\\raid\\\\B\\\\FULL\\\\clip.mov"), NULL, NULL, CONFORM_FOUND, "path",
         "show/b/full/clip.mov "},
        {EXT("/x/full/clip.mov"), NULL, NULL, CONFORM_AMBIGUOUS, "path",
         "show/a/full/clip.mov show/b/full/clip.mov "},
        {EXT("/x//b//proxy//clip.mov"), NULL, NULL, CONFORM_FOUND, "path",
         "show/b/proxy/clip.mov "},
        {EXT("/x/proxy/clip.mov"), NULL, NULL, CONFORM_FOUND, "path", "show/b/proxy/clip.mov "},
        {EXT("/x/clip.mov"), NULL, NULL, CONFORM_AMBIGUOUS, "name",
         "show/a/full/clip.mov show/b/full/clip.mov show/b/proxy/clip.mov "},
        /* as long a path in the very spelling goes before another spelling of it */
        {EXT("/y/a/case.mov"), NULL, NULL, CONFORM_FOUND, "path", "old/a/case.mov "},
        {EXT("/y/show/a/case.mov"), NULL, NULL, CONFORM_FOUND, "path", "show/A/Case.mov "},
        {EXT("file:///j/s2/plates/pl.%04d.exr"), NULL, NULL, CONFORM_FOUND, "path",
         "show/s2/plates/pl.0001.exr show/s2/plates/pl.0002.exr "},
        {EXT("/j/plates/pl.%04d.exr"), NULL, NULL, CONFORM_AMBIGUOUS, "path",
         "show/s1/plates/pl.0001.exr show/s2/plates/pl.0001.exr "},
    };
    check_rows(rows, COUNT(rows), &plain);
}

static void test_spellings(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {EXT("/x/caf" NFD ".mov"), NULL, NULL, CONFORM_FOUND, "name", "n/caf" NFC ".mov "},
        {EXT("/x/caf" NFC ".mov"), NULL, NULL, CONFORM_FOUND, "name", "n/caf" NFC ".mov "},
        {EXT("/x/twin" NFD ".mov"), NULL, NULL, CONFORM_FOUND, "name", "t/twin" NFD ".mov "},
        {EXT("/x/TWIN" NFD ".mov"), NULL, NULL, CONFORM_AMBIGUOUS, "name",
         "t/twin" NFC ".mov t/twin" NFD ".mov "},
        {EXT("/x/upper.mov"), NULL, NULL, CONFORM_FOUND, "name", "c/Upper.MOV "},
        {EXT("/x/Lower.mov"), NULL, NULL, CONFORM_FOUND, "name", "d/Lower.mov "},
        {EXT("/x/lower.mov"), NULL, NULL, CONFORM_AMBIGUOUS, "name", "d/LOWER.mov d/Lower.mov "},
        {EXT("/x/frame.[0001-0002].exr"), NULL, NULL, CONFORM_FOUND, "sequence",
         "q/Frame.0001.EXR q/Frame.0002.EXR "},
        {EXT("/x/a+b%20c.mov"), NULL, NULL, CONFORM_FOUND, "name", "+/a+b%20c.mov "},
        {EXT("file:///x/a+b%2520c.mov"), NULL, NULL, CONFORM_FOUND, "name", "+/a+b%20c.mov "},
        {EXT("/x/a b c.mov"), NULL, NULL, CONFORM_MISSING, NULL, ""},
        {EXT("/[x]/in[1].mov"), NULL, NULL, CONFORM_FOUND, "path", "[x]/in[1].mov "},
    };
    check_rows(rows, COUNT(rows), &plain);
}

static void test_stems(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {EXT("/x/take.mov"), NULL, NULL, CONFORM_FOUND, "stem", "st/take.mxf "},
        {EXT("/x/take.aif"), NULL, NULL, CONFORM_FOUND, "stem", "st/take.wav "},
        {EXT("/x/take.exr"), NULL, NULL, CONFORM_MISSING, NULL, ""},
        {EXT("/x/take"), NULL, NULL, CONFORM_MISSING, NULL, ""},
        {EXT("/x/only.mov"), NULL, NULL, CONFORM_MISSING, NULL, ""},
        {EXT("/x/take.cdl"), NULL, NULL, CONFORM_FOUND, "name", "st/take.cdl "},
        {EXT("/x/seq.[0001-0002].exr"), NULL, NULL, CONFORM_FOUND, "stem",
         "st/seq.0001.dpx st/seq.0002.dpx "},
        {EXT("/x/seq.%04d.mov"), NULL, NULL, CONFORM_MISSING, NULL, ""},
        {EXT("/x/many.mov"), NULL, NULL, CONFORM_AMBIGUOUS, "stem", "st/many.mxf st/many.mp4 "},
        {EXT("/x/LOUD.mp4"), NULL, NULL, CONFORM_FOUND, "stem", "st/loud.MXF "},
    };
    check_rows(rows, COUNT(rows), &plain);
}

static void test_ties(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {EXT("/x/same.mov"), NULL, NULL, CONFORM_FOUND, "name", "cp/a/same.mov "},
        {EXT("/x/differ.mov"), NULL, NULL, CONFORM_AMBIGUOUS, "name",
         "cp/a/differ.mov cp/b/differ.mov "},
        {EXT("/w/sq.%04d.exr"), NULL, NULL, CONFORM_FOUND, "sequence",
         "cp/x/sq.0001.exr cp/x/sq.0002.exr "},
        {EXT("/x/v.mov"), NULL, NULL, CONFORM_AMBIGUOUS, "name",
         "ver/pl_v001/v.mov ver/pl_v010/v.mov ver/pl_v9/v.mov "},
    };
    static const struct row newest[] = {
        {EXT("/x/v.mov"), NULL, NULL, CONFORM_FOUND, "name", "ver/pl_v010/v.mov "},
        {EXT("/x/o.mov"), NULL, NULL, CONFORM_AMBIGUOUS, "name",
         "ver/pl_v001/o.mov ver/other_v002/o.mov "},
        {EXT("/x/w.0001.exr"), NULL, NULL, CONFORM_FOUND, "name", "ver/sq_v02/w.0001.exr "},
        {EXT("/x/w.%04d.exr"), NULL, NULL, CONFORM_FOUND, "sequence", "ver/sq_v02/w.0001.exr "},
        {EXT("/x/differ.mov"), NULL, NULL, CONFORM_AMBIGUOUS, "name",
         "cp/a/differ.mov cp/b/differ.mov "},
    };
    static const struct row preferred[] = {
        {EXT("/x/differ.mov"), NULL, NULL, CONFORM_FOUND, "name", "cp/b/differ.mov "},
        {EXT("/x/clip.mov"), NULL, NULL, CONFORM_FOUND, "name", "show/b/proxy/clip.mov "},
        {EXT("/x/v.mov"), NULL, NULL, CONFORM_AMBIGUOUS, "name",
         "ver/pl_v001/v.mov ver/pl_v010/v.mov ver/pl_v9/v.mov "},
        {EXT("/x/a/full/clip.mov"), NULL, NULL, CONFORM_FOUND, "path", "show/a/full/clip.mov "},
    };
    struct conform_options opt = plain;
    check_rows(rows, COUNT(rows), &opt);
    opt.match.newest_version = true;
    check_rows(newest, COUNT(newest), &opt);
    opt.match = (struct match_options){
        .prefer = {"none/", "show/b/proxy", "show/b", "cp/b/"}, .n_prefer = 4};
    check_rows(preferred, COUNT(preferred), &opt);
}

static void test_lengths(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {LONG("/x/short.mov", "0", "100"), RANGE("0", "10"), NULL, CONFORM_FOUND, "name",
         "len/short.mov "},
        {LONG("/x/short.mov", "0", "100"), RANGE("0", "11"), NULL, CONFORM_MISSING, NULL, ""},
        {LONG("/x/pair.mov", "0", "100"), RANGE("20", "40"), NULL, CONFORM_FOUND, "name",
         "len2/pair.mov "},
        {LONG("/x/pair.mov", "0", "100"), RANGE("0", "5"), NULL, CONFORM_AMBIGUOUS, "name",
         "len/pair.mov len2/pair.mov "},
        /* what the reference addresses is what it means */
        {LONG("s3://lake/len/short.mov", "0", "100"), RANGE("0", "11"), NULL, CONFORM_FOUND,
         "address", "len/short.mov "},
    };
    check_rows(rows, COUNT(rows), &plain);
}

static void test_reels(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* cut to 8 characters: the timecode tells the takes apart */
        {OFFLINE, RANGE("86410", "100"), EVENT("A001C001"), CONFORM_FOUND, "reel",
         "r/A001C001_LONGNAME.mov "},
        {OFFLINE, RANGE("90000", "240"), EVENT("a001c001"), CONFORM_FOUND, "reel",
         "r/A001C001_SECOND.mov "},
        {OFFLINE, RANGE("90000", "241"), EVENT("A001C001"), CONFORM_MISSING, NULL, ""},
        {OFFLINE, RANGE("86399", "10"), EVENT("A001C001"), CONFORM_MISSING, NULL, ""},
        {OFFLINE, RANGE("86410", "100"), EVENT("A001C00"), CONFORM_MISSING, NULL, ""},
        /* only an edit list cuts reels */
        {OFFLINE, RANGE("86410", "100"), "{\"fcp_xml\":{\"reel\":\"A001C001\"}}", CONFORM_MISSING,
         NULL, ""},
        {OFFLINE, RANGE("86410", "100"), "{\"ALE\":{\"Tape\":\"A001C001_LONGNAME\"}}",
         CONFORM_FOUND, "reel", "r/A001C001_LONGNAME.mov "},
        {OFFLINE, RANGE("86400", "10"), EVENT("B002"), CONFORM_AMBIGUOUS, "reel",
         "r/b.mov r/b2.mov "},
        {OFFLINE, RANGE("86600", "40"), EVENT("B002"), CONFORM_FOUND, "reel", "r/b.mov "},
        {OFFLINE, RANGE("86400", "10"), EVENT("C003"), CONFORM_MISSING, NULL, ""},
        {OFFLINE, RANGE("86400", "10"), EVENT("AX"), CONFORM_MISSING, NULL, ""},
        {OFFLINE, RANGE("86400", "10"), EVENT("PRIVATE1"), CONFORM_MISSING, NULL, ""},
        {OFFLINE, NULL, EVENT("B002"), CONFORM_MISSING, NULL, ""},
        /* 23.976 against 24 counts alike; 01:00:00:00 at 25 is not that many frames at 24 */
        {OFFLINE, RANGE("86400", "50"), EVENT("F006"), CONFORM_FOUND, "reel", "r/f.mov "},
        {OFFLINE, RANGE("86400", "51"), EVENT("F006"), CONFORM_MISSING, NULL, ""},
        {OFFLINE, RANGE("86400", "48"), EVENT("G007"), CONFORM_FOUND, "reel", "r/g.mov "},
        {OFFLINE, RANGE("86400", "49"), EVENT("G007"), CONFORM_MISSING, NULL, ""},
        /* drop frame is only held against drop frame */
        {OFFLINE, RANGE("72000", "30"), EVENT("H008"), CONFORM_MISSING, NULL, ""},
        {OFFLINE, RANGE("72000", "30"), "{\"cmx_3600\":{\"reel\":\"H008\",\"drop\":true}}",
         CONFORM_FOUND, "reel", "r/h.mov "},
        {OFFLINE, RANGE("72000", "30"), "{\"ALE\":{\"Tape\":\"H008\"}}", CONFORM_FOUND, "reel",
         "r/h.mov "},
        /* frames: 86400 is 1001 */
        {OFFLINE, RANGE("86401", "2"), EVENT("E005"), CONFORM_FOUND, "reel",
         "r/e/pl.1002.exr r/e/pl.1003.exr "},
        {OFFLINE, RANGE("86403", "4"), EVENT("E005"), CONFORM_PARTLY, "reel",
         "r/e/pl.1004.exr r/e/pl.1006.exr r/e/pl.1007.exr -1"},
        {OFFLINE, RANGE("86405", "3"), EVENT("E005"), CONFORM_MISSING, NULL, ""},
        /* a file that is named goes before the reel */
        {EXT("/x/case.mov"), RANGE("86600", "40"), EVENT("B002"), CONFORM_FOUND, "name",
         "old/a/case.mov "},
        {EXT("/x/gone.mov"), RANGE("86600", "40"), EVENT("B002"), CONFORM_FOUND, "reel",
         "r/b.mov "},
    };
    check_rows(rows, COUNT(rows), &plain);
}

/* Handles are cut to what the media has, and what is used is reported. */
static void test_reel_handles(void **state)
{
    (void)state;
    static const struct row row = {.ref = OFFLINE,
                                   .range = RANGE("86401", "1"),
                                   .metadata = EVENT("E005")};
    struct conform_options opt = {.handles = 2};
    AUTO(world) struct world *w = world_new(&world_s3, lake_keys);
    AUTO(conform_plan) struct conform_plan *p = plan_row(w, &row, &opt);
    assert_int_equal(p->items[0].status, CONFORM_FOUND);
    assert_string_equal(p->items[0].frames, "1001-1004");
    assert_true(p->items[0].has_use && p->items[0].part);
    assert_int_equal(p->items[0].use_first, 1001);
    assert_int_equal(p->items[0].use_last, 1004);
    opt.whole = true;
    AUTO(conform_plan) struct conform_plan *all = plan_row(w, &row, &opt);
    assert_string_equal(all->items[0].frames, "1001-1004,1006-1007");
}

static void test_umids(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {EXT("/x/gone.mov"), NULL, "{\"AAF\":{\"MobID\":\"urn:smpte:umid:" UMID "\"}}",
         CONFORM_FOUND, "umid", "u/named_otherwise.mxf "},
        {EXT("/x/case.mov"), NULL,
         "{\"shotlake_source\":{\"umid\":\"060A2B34.01010105.01010D43.13000000.A1B2C3D4.E5F60708."
         "090A0B0C.0D0E0F10\"}}",
         CONFORM_FOUND, "umid", "u/named_otherwise.mxf "},
        {EXT("/x/gone.mov"), NULL, "{\"AAF\":{\"MobID\":\"060a2b34\"}}", CONFORM_MISSING, NULL, ""},
    };
    check_rows(rows, COUNT(rows), &plain);
}

static void test_roots(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {EXT("/Volumes/raid/full/clip.mov"), NULL, NULL, CONFORM_FOUND, "address",
         "show/b/full/clip.mov "},
        {EXT("file:///Volumes/raid/full/clip.mov"), NULL, NULL, CONFORM_FOUND, "address",
         "show/b/full/clip.mov "},
        {EXT("s:\\\\x\\\\plates\\\\pl.[0001-0002].exr"), NULL, NULL, CONFORM_FOUND, "address",
         "show/s2/plates/pl.0001.exr show/s2/plates/pl.0002.exr "},
        {EXT("/Volumes/raid2/full/clip.mov"), NULL, NULL, CONFORM_AMBIGUOUS, "path",
         "show/a/full/clip.mov show/b/full/clip.mov "},
        {EXT("/top/n/caf" NFC ".mov"), NULL, NULL, CONFORM_FOUND, "address", "n/caf" NFC ".mov "},
        {EXT("/priv/x.mov"), NULL, NULL, CONFORM_MISSING, NULL, ""},
    };
    struct conform_options opt = plain;
    opt.match.roots[0] = (struct match_root){"/Volumes/raid", "show/b/"};
    opt.match.roots[1] = (struct match_root){"S:\\x", "show/s2"};
    opt.match.roots[2] = (struct match_root){"file:///top/", ""};
    opt.match.roots[3] = (struct match_root){"/priv", ".shotlake"};
    opt.match.n_roots = 4;
    check_rows(rows, COUNT(rows), &opt);
}

/* A path of one frame, of which more is used: taken as it says, with a warning where the next frame
 * is there. */
static void test_lone_frame(void **state)
{
    (void)state;
    static const struct {
        struct row row;
        unsigned warnings;
    } cases[] = {
        {{LONG("/x/seq.0001.dpx", "0", "2"), RANGE("0", "2"), NULL, CONFORM_FOUND, "name",
          "st/seq.0001.dpx "}, ENVELOPE_LONE_FRAME},
        {{LONG("/x/seq.0001.dpx", "0", "1"), RANGE("0", "1"), NULL, CONFORM_FOUND, "name",
          "st/seq.0001.dpx "}, 0},
        {{LONG("/x/seq.0002.dpx", "0", "2"), RANGE("0", "2"), NULL, CONFORM_FOUND, "name",
          "st/seq.0002.dpx "}, 0},
        {{LONG("/x/seq.[0001-0002].dpx", "0", "2"), RANGE("0", "2"), NULL, CONFORM_FOUND, "sequence",
          "st/seq.0001.dpx st/seq.0002.dpx "}, 0},
    };
    AUTO(world) struct world *w = world_new(&world_s3, lake_keys);
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(conform_plan) struct conform_plan *p = plan_row(w, &cases[i].row, &plain);
        check_rows(&cases[i].row, 1, &plain);
        if (p->items[0].warnings != cases[i].warnings)
            fail_msg("case %zu: warnings %#x", i, p->items[0].warnings);
    }
}

static void test_templates(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {OFFLINE, RANGE("0", "24"), NULL, CONFORM_FOUND, "template",
         "tpl/sh010/sh010_bg.1001.exr tpl/sh010/sh010_bg.1002.exr "},
        /* only where no other rule finds anything, and never for sound */
        {EXT("/x/clip_of_nobody.mov"), NULL, NULL, CONFORM_FOUND, "template",
         "tpl/sh010/sh010_bg.1001.exr tpl/sh010/sh010_bg.1002.exr "},
        {EXT("/x/only.mxf"), NULL, NULL, CONFORM_FOUND, "template",
         "tpl/sh010/sh010_bg.1001.exr tpl/sh010/sh010_bg.1002.exr "},
        {EXT("/x/b.mov"), NULL, NULL, CONFORM_FOUND, "name", "r/b.mov "},
        {EXT("/x/sound.wav"), NULL, NULL, CONFORM_MISSING, NULL, ""},
        {EXT("/x/pl.[0001-0002].exr"), NULL, NULL, CONFORM_AMBIGUOUS, NULL,
         "show/s1/plates/pl.0001.exr show/s2/plates/pl.0001.exr "},
    };
    struct conform_options opt = plain;
    opt.match.templates[opt.match.n_templates++] = ".shotlake/{shot}.####.exr";
    opt.match.templates[opt.match.n_templates++] = "tpl/{seq}/absent_{shot}.####.exr";
    opt.match.templates[opt.match.n_templates++] = "tpl/{shot}/{shot}_bg.####.exr";
    opt.match.templates[opt.match.n_templates++] = "tpl/{shot}/ref.mov";
    check_rows(rows, COUNT(rows), &opt);
    static const struct row one[] = {
        {OFFLINE, NULL, NULL, CONFORM_FOUND, "template", "tpl/sh010/ref.mov "},
    };
    opt = plain;
    opt.match.templates[opt.match.n_templates++] = "tpl/{seq}/ref.mov";
    check_rows(one, COUNT(one), &opt);
}

static void test_pins(void **state)
{
    (void)state;
    static const char text[] =
        "{\"pins\":[{\"clip\":\"other\",\"url\":\"/x/clip.mov\",\"key\":\"show/a/full/clip.mov\"},"
        "{\"clip\":\"sh010\",\"url\":\"/x/clip.mov\",\"key\":\"show/b/proxy/clip.mov\"},"
        "{\"url\":\"/j/plates/pl.%04d.exr\",\"key\":\"show/s1/plates/pl.0002.exr\"},"
        "{\"url\":\"/k/pl.[0001-0003].exr\",\"key\":\"show/s2/plates/pl.%04d.exr\"},"
        "{\"url\":\"/x/none.mov\",\"key\":\"show/none.mov\"},"
        "{\"url\":\"/x/secret.mov\",\"key\":\".shotlake/secret.mov\"},"
        "{\"url\":\"/x/edit.mov\",\"key\":\"ShotLocker/Edits/abc/b.mov\"},"
        "{\"url\":\"/x/same.mov\",\"key\":\"copies/b/same.mov\",\"reason\":\"mine\"}]}";
    static const struct row rows[] = {
        {EXT("/x/clip.mov"), NULL, NULL, CONFORM_FOUND, "pin", "show/b/proxy/clip.mov "},
        {EXT("/j/plates/pl.%04d.exr"), NULL, NULL, CONFORM_FOUND, "pin",
         "show/s1/plates/pl.0001.exr show/s1/plates/pl.0002.exr "},
        {EXT("/k/pl.[0001-0003].exr"), NULL, NULL, CONFORM_PARTLY, "pin",
         "show/s2/plates/pl.0001.exr show/s2/plates/pl.0002.exr -1"},
        {EXT("/x/none.mov"), NULL, NULL, CONFORM_MISSING, NULL, ""},
        {EXT("/x/secret.mov"), NULL, NULL, CONFORM_MISSING, NULL, ""},
        {EXT("/x/edit.mov"), NULL, NULL, CONFORM_MISSING, NULL, ""},
        {EXT("/x/same.mov"), NULL, NULL, CONFORM_FOUND, "pin", "copies/b/same.mov "},
        {EXT("/x/v.mov"), NULL, NULL, CONFORM_AMBIGUOUS, "name",
         "ver/pl_v001/v.mov ver/pl_v010/v.mov ver/pl_v9/v.mov "},
    };
    AUTO(pins) struct pins *pins = NULL;
    struct err e;
    assert_int_equal(pins_parse(text, strlen(text), &pins, &e), 0);
    struct conform_options opt = plain;
    opt.match.pins = pins;
    check_rows(rows, COUNT(rows), &opt);
}

/* Every candidate of the rule is told, with its coverage and why it was refused. */
static void test_evidence(void **state)
{
    (void)state;
    static const struct row row = {.ref = EXT("/x/b/full/clip.mov")};
    static const struct row upper = {.ref = EXT("/x/upper.mov")};
    AUTO(world) struct world *w = world_new(&world_s3, lake_keys);
    AUTO(conform_plan) struct conform_plan *p = plan_row(w, &row, &plain);
    json_auto_t *report = conform_report_json(p, &w->rd, NULL, NULL, NULL);
    const json_t *found = json_array_get(json_object_get(report, "found"), 0);
    const json_t *list = json_object_get(found, "candidates");
    assert_int_equal(json_integer_value(json_object_get(found, "components")), 3);
    assert_null(json_object_get(found, "note"));
    assert_int_equal(json_array_size(list), 2); /* the third shares no two components */
    const json_t *first = json_array_get(list, 0), *second = json_array_get(list, 1);
    assert_string_equal(json_string_value(json_object_get(first, "key")), "show/b/full/clip.mov");
    assert_null(json_object_get(first, "rejected"));
    assert_string_equal(json_string_value(json_object_get(second, "rejected")),
                        "another is nearer to what the edit says");
    AUTO(conform_plan) struct conform_plan *q = plan_row(w, &upper, &plain);
    assert_string_equal(q->items[0].note, "its name differs in case or Unicode spelling");
}

/* What was found by reel is found by address the second time: the same objects and bytes. */
static void test_fixed_point(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {.ref = OFFLINE, .range = RANGE("86401", "2"), .metadata = EVENT("E005")},
        {.ref = OFFLINE, .range = RANGE("86403", "4"), .metadata = EVENT("E005")},
        {.ref = OFFLINE, .range = RANGE("86410", "9"), .metadata = EVENT("A001C001")},
        {.ref = OFFLINE, .range = RANGE("86399", "9"), .metadata = EVENT("A001C001")},
        {.ref = EXT("/x/seq.[0001-0002].exr")},
        {.ref = EXT("/x/frame.[0001-0003].exr")},
        {.ref = EXT("/x/b/full/clip.mov")},
    };
    AUTO(world) struct world *w = world_new(&world_s3, lake_keys);
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(buf) struct buf one = {0};
        AUTO(buf) struct buf two = {0};
        struct err e;
        AUTO(conform_plan) struct conform_plan *p = plan_row(w, &rows[i], &plain), *q = NULL;
        assert_int_equal(conform_manifest(p, &one, &e), 0);
        assert_int_equal(conform_plan(&w->rd, &w->store, one.p, one.len, &plain, &q, &e), 0);
        assert_int_equal(conform_manifest(q, &two, &e), 0);
        assert_string_equal(buf_str(&one), buf_str(&two));
        assert_true(roaring_bitmap_equals(p->objects, q->objects));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),     cmocka_unit_test(test_spellings),
        cmocka_unit_test(test_stems),     cmocka_unit_test(test_ties),
        cmocka_unit_test(test_lengths),   cmocka_unit_test(test_reels),
        cmocka_unit_test(test_reel_handles), cmocka_unit_test(test_umids),
        cmocka_unit_test(test_roots),     cmocka_unit_test(test_lone_frame), cmocka_unit_test(test_templates), cmocka_unit_test(test_pins),
        cmocka_unit_test(test_evidence),  cmocka_unit_test(test_fixed_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
