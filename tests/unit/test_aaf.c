/* tests/unit/test_aaf.c - AAF files built in memory: what is read, what is refused. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/aaf_world.h"
#include "tests/unit/edit_text.h"

enum { COMPOSITION = 0x35, MASTER = 0x36, SOURCE = 0x37, EVENTS = 0x39, TIMELINE = 0x3b };
enum { PICTURE = 1, SOUND = 2, CLOCK = 3, WARP = 4, DISSOLVE = 5, RATIO = 6, MAP = 7, LINE = 8 };

/* Segments */

static struct thing *segment(unsigned class, int kind, int64_t length)
{
    struct thing *t = thing(class);
    put_definition(t, 0x0201, (unsigned)kind, true);
    put_integer(t, 0x0202, length, 8);
    return t;
}

static struct thing *clip(unsigned mob, int slot, int64_t start, int64_t length)
{
    struct thing *t = segment(0x11, PICTURE, length);
    unsigned char id[32] = {0};
    if (mob)
        name_id(mob, id, sizeof id);
    put(t, 0x1101, 0x82, id, sizeof id);
    put_integer(t, 0x1102, slot, 4);
    put_integer(t, 0x1201, start, 8);
    return t;
}

static struct thing *filler(int64_t length)
{
    return segment(0x09, PICTURE, length);
}

static struct thing *sequence_of(int kind, int64_t length, struct thing **v)
{
    struct thing *t = segment(0x0f, kind, length);
    own_some(t, 0x1001, v);
    return t;
}

static struct thing *transition(int64_t length, int64_t cut)
{
    struct thing *t = segment(0x17, PICTURE, length), *group = segment(0x0a, PICTURE, length);
    put_definition(group, 0x0b01, DISSOLVE, true);
    own(t, 0x1801, group);
    put_integer(t, 0x1802, cut, 8);
    return t;
}

static struct thing *effect(int operation, int64_t length, struct thing **parameters,
                            struct thing **inputs)
{
    struct thing *t = segment(0x0a, PICTURE, length);
    put_definition(t, 0x0b01, (unsigned)operation, true);
    if (parameters)
        own_some(t, 0x0b03, parameters);
    if (inputs)
        own_some(t, 0x0b02, inputs);
    return t;
}

static struct thing *speed_ratio(int num, int den)
{
    struct thing *t = thing(0x3d);
    put_definition(t, 0x4c01, RATIO, false);
    put_typed_ratio(t, 0x4d01, num, den);
    return t;
}

static struct thing *point(int at, int value)
{
    struct thing *t = thing(0x19);
    put_ratio(t, 0x1a03, at, 1);
    put_typed_ratio(t, 0x1a02, value, 1);
    return t;
}

static struct thing *speed_map(struct thing **points)
{
    struct thing *t = thing(0x3e);
    put_definition(t, 0x4c01, MAP, false);
    put_definition(t, 0x4e01, LINE, true);
    own_some(t, 0x4e02, points);
    return t;
}

static struct thing *timecode(int64_t start, int fps, int64_t length)
{
    struct thing *t = segment(0x14, CLOCK, length);
    put_integer(t, 0x1501, start, 8);
    put_integer(t, 0x1502, fps, 2);
    put_integer(t, 0x1503, 0, 1);
    return t;
}

/* Mobs */

static struct thing *slot_at(int id, int rate, int track, struct thing *segment_of_it)
{
    struct thing *t = thing(TIMELINE);
    put_integer(t, 0x4801, id, 4);
    put_integer(t, 0x4804, track, 4);
    put_ratio(t, 0x4b01, rate, 1);
    put_integer(t, 0x4b02, 0, 8);
    own(t, 0x4803, segment_of_it);
    return t;
}

static struct thing *slot(int id, struct thing *segment_of_it)
{
    return slot_at(id, 24, 1, segment_of_it);
}

static struct thing *mob(unsigned class, unsigned number, const char *name, struct thing **slots)
{
    struct thing *t = thing(class);
    unsigned char id[32];
    name_id(number, id, sizeof id);
    put(t, 0x4401, 0x82, id, sizeof id);
    put_text(t, 0x4402, 0x82, name);
    own_some(t, 0x4403, slots);
    return t;
}

static struct thing *with_comment(struct thing *m, const char *name, const char *value)
{
    struct thing *tag = thing(0x3f);
    struct buf b = {0};
    wide(&b, value);
    put_text(tag, 0x5001, 0x82, name);
    put_typed(tag, 0x5003, 0x01100200, buf_str(&b), b.len);
    buf_done(&b);
    own_some(m, 0x4406, ALL(tag));
    return m;
}

/* A source mob: of a file (`url`), of an import (class 0x4a) or of a tape (0x2e, no url). */
static struct thing *source_mob(unsigned number, const char *name, unsigned description,
                                const char *url, int64_t length, struct thing **slots)
{
    struct thing *m = mob(SOURCE, number, name, slots), *d = thing(description);
    if (url) {
        struct thing *locator = thing(0x32);
        put_text(locator, 0x4001, 0x82, url);
        own_some(d, 0x2f01, ALL(locator));
    }
    if (length) {
        put_ratio(d, 0x3001, 24, 1);
        put_integer(d, 0x3002, length, 8);
    }
    own(m, 0x4701, d);
    return m;
}

static struct thing *top(struct thing **slots)
{
    static const unsigned char usage[] = {2, 1,    1,    0x0d, 1, 1, 0, 7,
                                          6, 0x0e, 0x2b, 0x34, 4, 1, 1, 1};
    struct thing *m = mob(COMPOSITION, 1, "cut", slots);
    put(m, 0x4408, 0x82, usage, sizeof usage);
    return m;
}

/* Master 2 -> file 3, which begins at frame 10 of tape 4, whose timecode begins at 86400. */
#define MEDIA                                                                                      \
    mob(MASTER, 2, "a", ALL(slot(1, clip(3, 1, 0, 100)))),                                         \
        source_mob(3, "a.file", 0x28, "file:///v/a.mxf", 100, ALL(slot(1, clip(4, 2, 10, 100)))),  \
        source_mob(4, "TAPE1", 0x2e, NULL, 0,                                                      \
                   ALL(slot(1, timecode(86400, 24, 9999)), slot(2, clip(0, 0, 0, 9999))))
#define EXT " ext file:///v/a.mxf (86410+100@24)"

/* Files */

static void own_definitions(struct thing *dictionary, unsigned property, unsigned first,
                            struct thing **v)
{
    unsigned char ids[8 * 16];
    for (unsigned i = 0; v[i]; i++)
        name_id(first + i, ids + 16 * i, 16);
    own_all(dictionary, property, ids, 16, v);
}

static struct thing *make_dictionary(void)
{
    struct thing *t = thing(0x22);
    own_definitions(t, 0x2605, PICTURE,
                    ALL(definition("Picture", 0), definition("SoundMasterTrack", 0),
                        definition("Timecode", 0)));
    own_definitions(t, 0x2603, WARP,
                    ALL(definition("Motion Control", 1), definition("Video Dissolve", 0)));
    own_definitions(t, 0x2604, RATIO,
                    ALL(definition("SpeedRatio", 0), definition("PARAM_SPEED_OFFSET_MAP_U", 0)));
    own_definitions(t, 0x2609, LINE, ALL(definition("LinearInterp", 0)));
    return t;
}

/* The script of a file of mobs numbered from 1 on. */
static struct buf make_script(struct thing **mobs)
{
    struct buf script = {0}, all = {0};
    struct thing *content = thing(0x18), *header = thing(0x2f), *root = thing(0);
    unsigned char ids[16 * 32];
    for (unsigned i = 0; mobs[i]; i++)
        name_id(i + 1, ids + (size_t)32 * i, 32);
    own_all(content, 0x1901, ids, 32, mobs);
    own(header, 0x3b03, content);
    own(header, 0x3b04, make_dictionary());
    own(root, 2, header);
    /* the root is no storage of its own: its stream and what is below */
    le(&all, 0x204c, 2);
    le(&all, root->count, 2);
    buf_add(&all, buf_str(&root->heads), root->heads.len);
    buf_add(&all, buf_str(&root->values), root->values.len);
    script_stream(&script, "properties", &all);
    buf_add(&script, buf_str(&root->kids), root->kids.len);
    buf_done(&all);
    buf_done(&root->heads);
    buf_done(&root->values);
    buf_done(&root->kids);
    free(root);
    return script;
}

/* SHOTLAKE_KEEP names a folder where the corpus of fuzz_aaf comes from. */
static void keep(const char *name, const char *suffix, const void *data, size_t n)
{
    const char *dir = getenv("SHOTLAKE_KEEP");
    AUTO(free) char *path = xasprintf("%s/%s%s", dir ? dir : "", name, suffix);
    AUTO(file) FILE *f = dir ? fopen(path, "wb") : NULL;
    if (f)
        assert_int_equal(fwrite(data, 1, n, f), n);
}

static char *read_mobs(const char *name, struct thing **mobs)
{
    struct buf script = make_script(mobs);
    AUTO(free) unsigned char *file = NULL, *wide_file = NULL;
    const unsigned char *p = (const unsigned char *)buf_str(&script);
    size_t n, wide_n;
    script_build(p, script.len, 512, &file, &n);
    script_build(p, script.len, 4096, &wide_file, &wide_n);
    keep(name, ".script", p, script.len);
    keep(name, ".aaf", file, n);
    buf_done(&script);
    char *got = text_of(EDIT_FORMAT_AAF, (char *)file, n, NULL);
    AUTO(free) char *same = text_of(EDIT_FORMAT_AAF, (char *)wide_file, wide_n, NULL);
    assert_string_equal(got, same);
    return got;
}

static void check(const char *name, const char *want, struct thing **mobs)
{
    AUTO(free) char *got = read_mobs(name, mobs);
    if (strcmp(got, want) != 0)
        fail_msg("%s:\n%s\nwanted:\n%s", name, got, want);
}

#define V1(...) ALL(slot(1, sequence_of(PICTURE, 0, ALL(__VA_ARGS__))))

static void test_media(void **state)
{
    (void)state;
    check("chain",
          "edit cut @0\n  V\n    clip a 86415+10@24" EXT "\n    gap 3\n"
          "    clip a 86410+7@24" EXT "\n",
          ALL(top(V1(clip(2, 1, 5, 10), filler(3), clip(2, 1, 0, 7))), MEDIA));
    check("no_timecode", "edit cut @0\n  V\n    clip a 5+10@24 ext b.mov (0+50@24)\n",
          ALL(top(V1(clip(2, 1, 5, 10))), mob(MASTER, 2, "a", ALL(slot(1, clip(3, 1, 0, 50)))),
              source_mob(3, "", 0x28, "b.mov", 0, ALL(slot(1, clip(0, 0, 0, 50))))));
    check("offline",
          "edit cut @0\n  V\n    clip a 5+10@24 missing a (0+50@24)\n"
          "    clip urn:smpte:umid:09000000.00000000.00000000.00000000.00000000.00000000.00000000."
          "00000077 2+3@24 missing urn:smpte:umid:09000000.00000000.00000000.00000000.00000000."
          "00000000.00000000.00000077\n",
          ALL(top(V1(clip(2, 1, 5, 10), clip(9, 1, 2, 3))),
              mob(MASTER, 2, "a", ALL(slot(1, clip(8, 1, 0, 50))))));
    check("black", "edit cut @0\n  V\n    gap 4\n    clip a 86410+1@24" EXT "\n",
          ALL(top(V1(clip(0, 0, 0, 4), clip(2, 1, 0, 1))), MEDIA));
    check("comments",
          "edit cut @0\n  V\n    clip a 0+1@24 [urn:smpte:umid:03000000.00000000.00000000.00000000."
          "00000000.00000000.00000000.00000077] ext m.mxf (0+9@24) [import] ext c.mov (0+9@24)"
          " ext /mnt/take 1.mov (0+9@24)\n",
          ALL(top(V1(clip(2, 1, 0, 1))),
              with_comment(mob(MASTER, 2, "a", ALL(slot(1, clip(3, 1, 0, 9)))), "UNC Path",
                           "/mnt/take 1.mov"),
              source_mob(3, "", 0x28, "m.mxf", 9, ALL(slot(1, clip(4, 1, 0, 9)))),
              source_mob(4, "", 0x4a, "c.mov", 0, ALL(slot(1, clip(0, 0, 0, 9))))));
    check(
        "subclip", "edit cut @0\n  V\n    clip sub 86437+2@24" EXT "\n",
        ALL(top(V1(clip(5, 1, 7, 2))), MEDIA, mob(COMPOSITION, 5, "sub", V1(clip(2, 1, 20, 30)))));
}

static void test_rates(void **state)
{
    (void)state;
    check("sound", "edit cut @0\n  A\n    clip a 86401+12@24 ext a.wav (86400+24@24)\n",
          ALL(top(ALL(slot(1, sequence_of(SOUND, 12, ALL(clip(2, 1, 1, 12)))))),
              mob(MASTER, 2, "a", ALL(slot(1, clip(3, 1, 0, 24)))),
              source_mob(3, "", 0x2c, "a.wav", 0, ALL(slot_at(1, 48000, 1, clip(4, 1, 0, 48000)))),
              source_mob(4, "T", 0x2e, NULL, 0,
                         ALL(slot(1, clip(0, 0, 0, 99)), slot(2, timecode(86400, 24, 99))))));
    check("two_clocks", "edit cut @86400\n  V\n    clip a 90003+2@25 ext a.mxf (90000+50@25)\n",
          ALL(top(ALL(slot_at(2, 25, 1, timecode(86400, 25, 9)),
                      slot_at(1, 25, 1, sequence_of(PICTURE, 2, ALL(clip(2, 1, 3, 2)))))),
              mob(MASTER, 2, "a", ALL(slot_at(1, 25, 1, clip(3, 1, 0, 50)))),
              source_mob(
                  3, "", 0x28, "a.mxf", 0,
                  ALL(slot_at(1, 25, 1, clip(0, 0, 0, 50)), slot_at(2, 25, 2, timecode(1, 24, 50)),
                      slot_at(3, 25, 3, sequence_of(CLOCK, 50, ALL(timecode(90000, 25, 50))))))));
    check("half_rate", "edit cut @0\n  V\n    clip a 3+5@12 ext a.mxf (0+50@12)\n",
          ALL(top(V1(clip(2, 1, 6, 10))), mob(MASTER, 2, "a", ALL(slot(1, clip(3, 1, 0, 100)))),
              source_mob(3, "", 0x28, "a.mxf", 100, ALL(slot_at(1, 12, 1, clip(0, 0, 0, 50))))));
}

static void test_effects(void **state)
{
    (void)state;
    check("double", "edit cut @0\n  V\n    clip a 86413+8@24" EXT " x2\n",
          ALL(top(V1(effect(WARP, 8, ALL(speed_map(ALL(point(0, 0), point(8, 16)))),
                            ALL(clip(2, 1, 3, 16))))),
              MEDIA));
    check("reverse", "edit cut @0\n  V\n    clip a 86413+8@24" EXT " x-1\n",
          ALL(top(V1(effect(WARP, 8, ALL(speed_map(ALL(point(0, 7), point(8, -1)))),
                            ALL(clip(2, 1, 3, 8))))),
              MEDIA));
    check("still", "edit cut @0\n  V\n    clip a 86413+8@24" EXT " x0\n",
          ALL(top(V1(effect(WARP, 8, ALL(speed_map(ALL(point(0, 0), point(8, 0)))),
                            ALL(clip(2, 1, 3, 1))))),
              MEDIA));
    check("ratio",
          "edit cut @0\n  V\n    clip a 86413+8@24" EXT " x0.5\n"
          "    clip a 86413+5@24" EXT " x0\n",
          ALL(top(V1(effect(WARP, 8, ALL(speed_ratio(2, 1)), ALL(clip(2, 1, 3, 4))),
                     effect(WARP, 5, ALL(speed_ratio(5, 1)), ALL(clip(2, 1, 3, 1))))),
              MEDIA));
    check("curve", "edit cut @0\n  V\n    clip a 86413+8@24" EXT " x?\n",
          ALL(top(V1(effect(
                  WARP, 8,
                  ALL(speed_ratio(2, 1), speed_map(ALL(point(0, 0), point(2, 4), point(8, 16)))),
                  ALL(clip(2, 1, 3, 16))))),
              MEDIA));
    check("under",
          "edit cut @0\n  V\n    clip a 86410+6@24" EXT "\n    dissolve 2+2\n"
          "    clip a 86417+6@24" EXT " x2\n",
          ALL(top(V1(clip(2, 1, 0, 8), transition(4, 2),
                     effect(WARP, 8, ALL(speed_ratio(1, 2)), ALL(clip(2, 1, 3, 16))))),
              MEDIA));
    check("title", "edit cut @0\n  V\n    clip Video Dissolve 0+8@24 gen Video Dissolve\n",
          ALL(top(V1(effect(DISSOLVE, 8, NULL, NULL)))));
    check(
        "inputs",
        "edit cut @0\n  V\n    stack Video Dissolve 0+8@24\n      V\n        clip a 86410+8@24" EXT
        "\n      V\n        clip a 86450+8@24" EXT "\n",
        ALL(top(V1(effect(DISSOLVE, 8, NULL, ALL(clip(2, 1, 0, 8), clip(2, 1, 40, 8))))), MEDIA));
}

static struct thing *selector(struct thing *selected, struct thing *alternate)
{
    struct thing *t = segment(0x0e, PICTURE, 8);
    own(t, 0x0f01, selected);
    own_some(t, 0x0f02, ALL(alternate));
    return t;
}

static struct thing *scope(struct thing **slots)
{
    struct thing *t = segment(0x0b, PICTURE, 20);
    own_some(t, 0x0c01, slots);
    return t;
}

static void test_structure(void **state)
{
    (void)state;
    check("transitions",
          "edit cut @0\n  V\n    clip a 86410+20@24" EXT "\n    dissolve 4+4\n"
          "    clip a 86466+10@24" EXT "\n    clip a 86410+2@24" EXT "\n",
          ALL(top(V1(clip(2, 1, 0, 24), transition(8, 4), clip(2, 1, 52, 14), clip(2, 1, 0, 2))),
              MEDIA));
    check("muted",
          "edit cut @0\n  V\n    clip a 86410+8@24" EXT " off\n"
          "    clip a 86411+8@24" EXT "\n",
          ALL(top(V1(selector(filler(8), clip(2, 1, 0, 8)),
                     selector(clip(2, 1, 1, 8), clip(2, 1, 9, 8)))),
              MEDIA));
    check(
        "scope",
        "edit cut @0\n  V\n    clip a 86410+20@24" EXT "\n"
        "  V\n    gap 5\n    clip a 86420+10@24" EXT "\n",
        ALL(top(ALL(slot(1, scope(ALL(sequence_of(PICTURE, 20, ALL(clip(2, 1, 0, 20))),
                                      sequence_of(PICTURE, 20,
                                                  ALL(segment(0x0d, PICTURE, 5), clip(2, 1, 10, 10),
                                                      segment(0x0d, PICTURE, 5)))))))),
            MEDIA));
    check("nested",
          "edit cut @0\n  V\n    stack inner 6+9@24\n      V\n        clip a 86410+8@24" EXT
          "\n        clip a 86430+8@24" EXT "\n",
          ALL(top(V1(clip(5, 1, 6, 9))), MEDIA,
              mob(COMPOSITION, 5, "inner", V1(clip(2, 1, 0, 8), clip(2, 1, 20, 8)))));
    check("other_data", "edit cut @0\n",
          ALL(top(ALL(slot(1, sequence_of(CLOCK, 8, ALL(clip(2, 1, 0, 8)))))), MEDIA));
    check("several",
          "bin\n  edit x @0\n    V\n      clip a 86410+1@24" EXT "\n"
          "  edit y @0\n    V\n      clip a 86411+1@24" EXT "\n",
          ALL(mob(COMPOSITION, 1, "x", V1(clip(2, 1, 0, 1))), MEDIA,
              mob(COMPOSITION, 5, "y", V1(clip(2, 1, 1, 1)))));
    check("masters", "edit m @0\n  V\n    clip f 0+9@24 ext f.mov (0+9@24)\n",
          ALL(mob(MASTER, 1, "m", ALL(slot(1, clip(2, 1, 0, 9)))),
              source_mob(2, "f", 0x28, "f.mov", 9, ALL(slot(1, clip(0, 0, 0, 9))))));
}

static void test_essence_group(void **state)
{
    (void)state;
    struct thing *group = segment(0x05, PICTURE, 9);
    own_some(group, 0x0501, ALL(clip(3, 1, 0, 9), clip(4, 1, 0, 9)));
    check("choices",
          "edit cut @0\n  V\n    clip a 2+1@24 [urn:smpte:umid:04000000.00000000.00000000.00000000."
          "00000000.00000000.00000000.00000077] ext low.mov (0+9@24) ext high.mov (0+9@24)\n",
          ALL(top(V1(clip(2, 1, 2, 1))), mob(MASTER, 2, "a", ALL(slot(1, group))),
              source_mob(3, "", 0x28, "high.mov", 9, ALL(slot(1, clip(0, 0, 0, 9)))),
              source_mob(4, "", 0x28, "low.mov", 9, ALL(slot(1, clip(0, 0, 0, 9))))));
}

static struct thing *marker(int64_t position, const char *comment, int described)
{
    struct thing *t = segment(0x41, CLOCK, 1), *tag = thing(0x3f);
    struct buf b = {0};
    put_integer(t, 0x0601, position, 8);
    put_text(t, 0x0602, 0x82, comment);
    put_integer(t, 0x6102, described, 4);
    wide(&b, "Green");
    put_text(tag, 0x5001, 0x82, "_ATN_CRM_COLOR");
    put_typed(tag, 0x5003, 0x01100200, buf_str(&b), b.len);
    buf_done(&b);
    own_some(t, 0xffd5, ALL(tag));
    return t;
}

static void test_markers(void **state)
{
    (void)state;
    struct thing *events = thing(EVENTS);
    put_integer(events, 0x4801, 1000, 4);
    put_integer(events, 0x4804, 1, 4);
    put_ratio(events, 0x4901, 24, 1);
    own(events, 0x4803,
        sequence_of(CLOCK, 0,
                    ALL(marker(2, "in a", 1), marker(12, "in b", 1), marker(3, "nowhere", 7))));
    AUTO(free)
    char *got = read_mobs(
        "markers",
        ALL(top(ALL(slot(1, sequence_of(PICTURE, 20, ALL(clip(2, 1, 0, 10), clip(2, 1, 50, 10)))),
                    events)),
            MEDIA));
    assert_string_equal(got, "edit cut @0 *nowhere@3\n  V\n    clip a 86410+10@24" EXT
                             " *in a@86412\n    clip a 86460+10@24" EXT " *in b@86462\n");
}

/* What the tree says beside the text. */
static void test_metadata(void **state)
{
    (void)state;
    struct buf script = make_script(
        ALL(top(V1(clip(2, 1, 5, 10))),
            with_comment(mob(MASTER, 2, "a", ALL(slot(1, clip(3, 1, 0, 100)))), "Scene", "12\xe9"),
            source_mob(3, "", 0x28, "a.mxf", 100, ALL(slot(1, clip(4, 2, 10, 100)))),
            source_mob(4, "TAPE1", 0x2e, NULL, 0,
                       ALL(slot(1, timecode(86400, 24, 9999)), slot(2, clip(0, 0, 0, 9999))))));
    AUTO(free) unsigned char *file = NULL;
    size_t n;
    struct err e;
    json_t *root = NULL;
    script_build((const unsigned char *)buf_str(&script), script.len, 512, &file, &n);
    buf_done(&script);
    assert_int_equal(edit_format_convert(EDIT_FORMAT_AAF, file, n, NULL, &root, &e), 0);
    json_t *track = json_array_get(json_object_get(json_object_get(root, "tracks"), "children"), 0);
    json_t *shown = json_array_get(json_object_get(track, "children"), 0);
    json_t *reference =
        json_object_get(json_object_get(shown, "media_references"), "DEFAULT_MEDIA");
    json_t *got = json_object_get(reference, "metadata");
    json_t *want = json_pack(
        "{s:{s:s, s:s, s:s, s:{s:s}}, s:{s:s, s:s, s:i, s:i}}", "AAF", "Name", "a", "MobID",
        "urn:smpte:umid:02000000.00000000.00000000.00000000.00000000.00000000.00000000.00000077",
        "TapeName", "TAPE1", "UserComments", "Scene", "12\xc3\xa9", "shotlake_source", "reel",
        "TAPE1", "umid",
        "urn:smpte:umid:03000000.00000000.00000000.00000000.00000000.00000000.00000000.00000077",
        "start", 86415, "rate", 24);
    assert_true(json_equal(got, want));
    json_decref(want);
    json_decref(root);
}

/* Refused */

static void test_refused(void **state)
{
    (void)state;
    struct thing *deep = clip(2, 1, 0, 1), *lone = thing(0x18);
    for (int i = 0; i < 110; i++)
        deep = selector(deep, filler(1));
    check("too_deep", "refused: mob 'cut': slot 1: segments in segments, more than 100 deep\n",
          ALL(top(V1(filler(1), deep)), MEDIA));
    check("circle",
          "refused: mob 'cut': slot 1: mob 'b': sources of sources, more than 32 deep or in a"
          " circle\n",
          ALL(top(V1(clip(2, 1, 0, 1))), mob(MASTER, 2, "b", ALL(slot(1, clip(3, 1, 0, 1)))),
              mob(MASTER, 3, "c", ALL(slot(1, clip(2, 1, 0, 1))))));
    AUTO(free)
    char *got = read_mobs("itself", ALL(top(V1(clip(1, 1, 0, 1), clip(1, 1, 0, 1)))));
    assert_non_null(
        strstr(got, "compositions in compositions, more than 32 deep, or in themselves"));
    check("negative", "refused: mob 'cut': slot 1: a segment with a length that cannot be\n",
          ALL(top(V1(clip(2, 1, 0, -1))), MEDIA));
    check("early", "refused: mob 'cut': slot 1: a transition that begins before its track\n",
          ALL(top(V1(clip(2, 1, 0, 2), transition(4, 2))), MEDIA));
    check("far", "refused: mob 'cut': slot 1: mob 'a': slot 1: a time out of range\n",
          ALL(top(V1(clip(2, 1, INT64_MAX / 2, 2))), MEDIA));
    check("nothing", "refused: no composition in it\n",
          ALL(source_mob(1, "", 0x28, "a", 1, ALL(slot(1, clip(0, 0, 0, 1))))));
    struct buf script = {0};
    script_thing(&script, "x", lone);
    AUTO(free) unsigned char *file = NULL;
    size_t n;
    script_build((const unsigned char *)buf_str(&script), script.len, 512, &file, &n);
    AUTO(free) char *empty = text_of(EDIT_FORMAT_AAF, (char *)file, n, NULL);
    assert_string_equal(empty, "refused: not an AAF file: an object without properties\n");
    buf_done(&script);
}

/* A small file comes back many times: what it costs is bounded. */
static void test_multiplies(void **state)
{
    (void)state;
    struct thing *mobs[9] = {0};
    for (unsigned i = 0; i < 7; i++) {
        struct thing *again[21] = {0};
        for (unsigned k = 0; k < 20; k++)
            again[k] = clip(i + 2, 1, 0, 1);
        struct thing **slots = ALL(slot(1, sequence_of(PICTURE, 20, again)));
        mobs[i] = i == 0 ? top(slots) : mob(COMPOSITION, i + 1, "n", slots);
    }
    mobs[7] = mob(MASTER, 8, "m", ALL(slot(1, clip(0, 0, 0, 1))));
    AUTO(free) char *got = read_mobs("multiplies", mobs);
    assert_non_null(strstr(got, "refused: "));
    assert_non_null(strstr(got, "more than 100000 clips and markers"));
}

/* Prefixes of a file, and files with a byte changed, are read or refused. */
static void test_damage(void **state)
{
    (void)state;
    struct buf script =
        make_script(ALL(top(V1(clip(2, 1, 0, 24), transition(8, 4), clip(2, 1, 2, 14))), MEDIA));
    AUTO(free) unsigned char *file = NULL;
    size_t n, refused = 0;
    script_build((const unsigned char *)buf_str(&script), script.len, 512, &file, &n);
    buf_done(&script);
    for (size_t i = 0; i < n; i += 61) {
        AUTO(free) unsigned char *part = xcalloc(i + 1, 1);
        memcpy(part, file, i);
        AUTO(free) char *got = text_of(EDIT_FORMAT_AAF, (char *)part, i, NULL);
        refused += strncmp(got, "refused: ", 9) == 0;
        assert_true(i < n / 2 ? strncmp(got, "refused: ", 9) == 0 : got[0] != '\0');
    }
    assert_true(refused > 0);
    for (size_t i = 0; i < n; i += 13) {
        unsigned char was = file[i];
        file[i] ^= (unsigned char)(i % 3 ? 0xff : 0x01);
        AUTO(free) char *got = text_of(EDIT_FORMAT_AAF, (char *)file, n, NULL);
        assert_true(strncmp(got, "refused: ", 9) == 0 || strstr(got, "edit") || strstr(got, "bin"));
        file[i] = was;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_media),         cmocka_unit_test(test_rates),
        cmocka_unit_test(test_effects),       cmocka_unit_test(test_structure),
        cmocka_unit_test(test_essence_group), cmocka_unit_test(test_markers),
        cmocka_unit_test(test_metadata),      cmocka_unit_test(test_refused),
        cmocka_unit_test(test_multiplies),    cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
