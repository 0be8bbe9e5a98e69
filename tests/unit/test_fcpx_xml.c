/* tests/unit/test_fcpx_xml.c - story elements of FCPXML on tracks, their media; what is refused. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/edit_text.h"

#define RESOURCES                                                                                  \
    "<format id='r1' frameDuration='1001/24000s'/><format id='r0' frameDuration='1/25s'/>"         \
    "<asset id='a' name='A' src='file:///a.mov' start='3600s' duration='100s' hasVideo='1' "       \
    "hasAudio='1' format='r0'/>"                                                                   \
    "<asset id='b' name='B' src='file:///b.mov' duration='100s' hasVideo='1' format='r0'/>"        \
    "<asset id='w' name='W' src='file:///w.wav' duration='100s' hasAudio='1'/>"                    \
    "<effect id='e' name='Gen'/>"
#define DOC(more, spine)                                                                           \
    "<?xml version='1.0'?><!DOCTYPE fcpxml><fcpxml version='1.9'><resources>" RESOURCES more       \
    "</resources><library><event><asset-clip ref='b' duration='9s'/><project name='P'>"            \
    "<sequence format='r0' tcStart='0s'><spine>" spine                                             \
    "</spine></sequence></project></event></library></fcpxml>"
#define COMPOUND                                                                                   \
    "<media id='c' name='C'><sequence format='r0' duration='10s' tcStart='5s'><spine>"             \
    "<asset-clip name='in' ref='a' offset='5s' duration='10s'>"                                    \
    "<asset-clip name='wav' lane='-1' ref='w' offset='3600s' duration='10s'/></asset-clip>"        \
    "</spine></sequence></media>"
#define MULTICAM                                                                                   \
    "<media id='m'><multicam format='r0'>"                                                         \
    "<mc-angle angleID='1'><asset-clip name='x' ref='a' offset='0s' duration='10s'/></mc-angle>"   \
    "<mc-angle angleID='2'><asset-clip name='y' ref='b' offset='0s' duration='10s'/></mc-angle>"   \
    "<mc-angle angleID='3'><asset-clip name='z' ref='w' offset='0s' duration='10s'/></mc-angle>"   \
    "</multicam></media>"
#define AEXT " ext file:///a.mov (90000+2500@25)"
#define BEXT " ext file:///b.mov (0+2500@25)"
#define WEXT " ext file:///w.wav (0+2500@25)"
#define MAP(points) "<timeMap>" points "</timeMap>"
#define PT(time, value) "<timept time='" time "' value='" value "' interp='linear'/>"

static const struct {
    const char *name, *xml, *want;
} good[] = {
    {"clips, the browser's left out",
     DOC("", "<asset-clip name='x' ref='a' offset='0s' start='3601s' duration='2s'/>"
             "<gap offset='2s' duration='1s' start='3600s'/>"
             "<asset-clip ref='b' offset='3s' duration='1s' enabled='0'/>"),
     "edit P @0\n  V\n    clip x 90025+50@25" AEXT "\n    gap 25\n    clip B 0+25@25" BEXT
     " off\n"},
    {"no start: the asset's; no offset: one after another",
     DOC("", "<asset-clip ref='a' duration='2s'/><asset-clip ref='b' duration='1s'/>"),
     "edit P @0\n  V\n    clip A 90000+50@25" AEXT "\n    clip B 0+25@25" BEXT "\n"},
    {"lanes",
     DOC("", "<asset-clip name='x' ref='a' offset='0s' start='3610s' duration='4s'>"
             "<asset-clip lane='1' ref='b' offset='3611s' duration='1s'/>"
             "<asset-clip lane='-1' ref='w' offset='3612s' duration='4s'/>"
             "<spine lane='2' offset='3612s'><asset-clip ref='b' offset='0s' duration='1s'/>"
             "<asset-clip ref='b' offset='1s' duration='1s'/></spine></asset-clip>"),
     "edit P @0\n  V\n    clip x 90250+100@25" AEXT "\n  V\n    gap 25\n    clip B 0+25@25" BEXT
     "\n  V\n    gap 50\n    clip B 0+25@25" BEXT "\n    clip B 0+25@25" BEXT
     "\n  A\n    gap 50\n    clip W 0+100@25" WEXT "\n"},
    {"a clip shows a stretch of what is in it",
     DOC("", "<clip name='c' offset='0s' start='2s' duration='3s'>"
             "<video ref='b' offset='0s' duration='100s'>"
             "<audio lane='-1' ref='w' offset='0s' duration='100s'/></video>"
             "<asset-clip lane='1' ref='b' offset='4s' duration='9s'/></clip>"),
     "edit P @0\n  V\n    clip c 50+75@25" BEXT "\n  V\n    gap 50\n    clip B 0+225@25" BEXT
     "\n  A\n    clip c 50+75@25" WEXT "\n"},
    {"sound alone in a clip",
     DOC("", "<gap offset='0s' duration='9s'><clip name='s' lane='-1' offset='1s' duration='2s'>"
             "<gap offset='0s' duration='50s'><audio lane='-1' ref='w' offset='0s' "
             "duration='60s'/></gap></clip></gap>"),
     "edit P @0\n  A\n    gap 25\n    clip s 0+50@25" WEXT "\n"},
    {"transitions: at a cut, at the start, at the end",
     DOC("", "<transition offset='0s' duration='1s'/><asset-clip ref='a' offset='0s' "
             "duration='4s'/><transition offset='7/2s' duration='1s'/><asset-clip ref='b' "
             "offset='4s' duration='2s'/><transition offset='5s' duration='1s'/>"),
     "edit P @0\n  V\n    dissolve 0+25\n    clip A 90000+100@25" AEXT
     "\n    dissolve 12.5+12.5\n    clip B 0+50@25" BEXT "\n    dissolve 25+0\n"},
    {"a compound: all, picture, sound",
     DOC(COMPOUND, "<ref-clip name='c' ref='c' offset='0s' duration='10s'/>"
                   "<ref-clip name='p' ref='c' offset='10s' start='6s' duration='2s' "
                   "srcEnable='video'><ref-clip name='s' lane='-1' ref='c' offset='6s' "
                   "duration='2s' srcEnable='audio'/></ref-clip>"),
     "edit P @0\n  V\n"
     "    stack c 0+250@25\n      V\n        clip in 90000+250@25" AEXT
     "\n      A\n        clip wav 0+250@25" WEXT "\n"
     "    stack p 25+50@25\n      V\n        clip in 90000+250@25" AEXT "\n"
     "  A\n    gap 250\n    stack s 0+50@25\n      A\n        clip wav 0+250@25" WEXT
     "\n      A\n        clip in 90000+250@25" AEXT "\n"},
    {"a multicam plays the angles in use",
     DOC(MULTICAM, "<mc-clip name='m' ref='m' offset='0s' start='1s' duration='2s'>"
                   "<mc-source angleID='2' srcEnable='video'/>"
                   "<mc-source angleID='3' srcEnable='audio'/></mc-clip>"),
     "edit P @0\n  V\n    stack m 25+50@25\n      V\n        clip y 0+250@25" BEXT
     "\n      A\n        clip z 0+250@25" WEXT "\n"},
    {"an audition plays its pick",
     DOC("", "<audition offset='0s'><asset-clip ref='b' duration='2s'/><asset-clip ref='a' "
             "duration='2s'/></audition><asset-clip ref='a' duration='1s'/>"),
     "edit P @0\n  V\n    clip B 0+50@25" BEXT "\n    clip A 90000+25@25" AEXT "\n"},
    {"a synchronized clip",
     DOC("", "<sync-clip name='y' offset='0s' start='2s' duration='3s'><spine><asset-clip name='p' "
             "ref='b' offset='0s' duration='50s'/></spine>"
             "<asset-clip name='t' lane='-1' ref='w' offset='2s' duration='3s'/></sync-clip>"),
     "edit P @0\n  V\n    clip p 50+75@25" BEXT "\n  A\n    clip t 0+75@25" WEXT "\n"},
    {"speeds",
     DOC("",
         "<asset-clip name='f' ref='b' offset='0s' duration='5s'>" MAP(PT("0s", "0s") PT(
             "5s",
             "10s")) "</asset-clip>"
                     "<asset-clip name='r' ref='b' offset='5s' duration='4s'>" MAP(
                         PT("0s", "9s") PT(
                             "4s",
                             "5s")) "</asset-clip>"
                                    "<asset-clip name='h' ref='b' offset='9s' duration='4s'>" MAP(
                                        PT("0s", "9s") PT(
                                            "4s",
                                            "9s")) "</asset-clip>"
                                                   "<asset-clip name='v' ref='b' offset='13s' "
                                                   "duration='4s'>" MAP(
                                                       PT("0s", "0s") PT("1s", "2s") PT(
                                                           "4s",
                                                           "3s")) "</asset-clip>"
                                                                  "<clip name='s' offset='17s' "
                                                                  "start='2s' duration='20s'>" MAP(
                                                                      PT("0s", "0s") PT(
                                                                          "100s",
                                                                          "50s")) "<video ref='b' "
                                                                                  "offset='0s' "
                                                                                  "duration='9s'/>"
                                                                                  "</"
                                                                                  "clip><asset-"
                                                                                  "clip name='n' "
                                                                                  "ref='b' "
                                                                                  "offset='37s' "
                                                                                  "duration='1s'>"
                                                                                  "<conform-rate "
                                                                                  "srcFrameRate='"
                                                                                  "24'/></"
                                                                                  "asset-clip>"
                                                                                  "<asset-clip "
                                                                                  "name='o' "
                                                                                  "ref='b' "
                                                                                  "offset='38s' "
                                                                                  "duration='1s'>"
                                                                                  "<conform-rate "
                                                                                  "scaleEnabled='0'"
                                                                                  " srcFrameRate='"
                                                                                  "24'/></"
                                                                                  "asset-clip>"),
     "edit P @0\n  V\n    clip f 0+125@25" BEXT " x2\n    clip r 125+100@25" BEXT " x-1\n"
     "    clip h 225+100@25" BEXT " x0\n    clip v 0+100@25" BEXT " x?\n"
     "    clip s 25+500@25" BEXT " x0.5\n    clip n 0+25@25" BEXT " x?\n    clip o 0+25@25" BEXT
     "\n"},
    {"titles, generators, assets that are not there",
     DOC("", "<title name='T' ref='e' offset='0s' duration='1s'/><video name='G' ref='e' "
             "offset='1s' duration='1s'/><asset-clip name='N' ref='none' offset='2s' "
             "duration='1s'/>"),
     "edit P @0\n  V\n    clip T 0+25@25 gen title\n    clip G 0+25@25 gen generator\n"
     "    clip N 0+25@25 missing N\n"},
    {"representations",
     DOC("<asset id='q' name='Q' duration='4s' hasVideo='1' format='r0'><media-rep "
         "kind='original-media' src='file:///q.mov'/><media-rep kind='proxy-media' "
         "src='file:///p.mov'/></asset>",
         "<asset-clip ref='q' duration='1s'/>"),
     "edit P @0\n  V\n    clip Q 0+25@25 [proxy-media] ext file:///p.mov (0+100@25) "
     "ext file:///q.mov (0+100@25)\n"},
    {"23.976 and a start",
     "<fcpxml version='1.10'><resources>" RESOURCES "<asset id='n' name='N' src='n.mov' "
     "start='0s' duration='1001/24s' hasVideo='1' format='r1'/></resources><project name='P'>"
     "<sequence format='r1' tcStart='3600s'><spine><asset-clip ref='n' offset='3600s' "
     "start='1001/24000s' duration='2002/24000s'><marker start='1001/24000s' duration='1/24s' "
     "value='m'/></asset-clip></spine></sequence></project></fcpxml>",
     "edit P @86313.6863137\n  V\n    clip N 1+2@23.976 ext n.mov (0+1000@23.976) *m@1\n"},
    {"clips of no project",
     "<fcpxml version='1.8'><resources>" RESOURCES "</resources><asset-clip ref='b' "
     "duration='3s' format='r0'/><event><asset-clip ref='a' duration='1s' format='r0'/></event>"
     "</fcpxml>",
     "bin\n  clip B 0+75@25" BEXT "\n  clip A 90000+25@25" AEXT "\n"},
};

static const struct {
    const char *name, *xml, *why;
} bad[] = {
    {"another document", "<xmeml/>", "line 1: <xmeml>: a document of Final Cut Pro X begins"},
    {"nothing in it", "<fcpxml><resources/></fcpxml>", "line 1: <fcpxml>: no project and no clip"},
    {"itself",
     DOC("<media id='i'><sequence><spine><ref-clip ref='i' duration='1s'/></spine>"
         "</sequence></media>",
         "<ref-clip ref='i' duration='1s'/>"),
     "line 1: <ref-clip>: compounds in compounds"},
    {"a compound that is not there", DOC("", "\n<ref-clip ref='no' duration='1s'/>"),
     "line 2: <ref-clip>: it refers to a compound that is not in the document"},
    {"a time that is none", DOC("", "<asset-clip ref='b' offset='0s' duration='1/0s'/>"),
     "line 1: <asset-clip>: offset, start and duration say not where it is"},
    {"too far", DOC("", "<asset-clip ref='b' offset='99999999999999s' duration='1s'/>"),
     "line 1: <asset-clip>: offset, start and duration"},
    {"no duration", DOC("", "<clip name='x'/>"), "line 1: <clip>: offset, start and duration"},
    {"a transition over nothing", DOC("", "<transition offset='5s' duration='1s'/>"),
     "line 1: <transition>: it lies over no cut"},
    {"a marker nowhere",
     DOC("", "<asset-clip ref='b' duration='1s'><marker start='x'/>"
             "</asset-clip>"),
     "line 1: <marker>: a time that cannot be"},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        AUTO(free)
        char *got = text_of(EDIT_FORMAT_FCPX_XML, good[i].xml, strlen(good[i].xml), NULL);
        if (strcmp(got, good[i].want) != 0)
            fail_msg("%s:\n%s\nwanted\n%s", good[i].name, got, good[i].want);
    }
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        AUTO(free) char *got = text_of(EDIT_FORMAT_FCPX_XML, bad[i].xml, strlen(bad[i].xml), NULL);
        AUTO(free) char *want = xasprintf("refused: %s", bad[i].why);
        if (strncmp(got, want, strlen(want)) != 0)
            fail_msg("%s: %s", bad[i].name, got);
    }
}

/* A small file that doubles with each compound is refused, and soon. */
static void test_doubling(void **state)
{
    (void)state;
    struct buf xml = {0};
    buf_adds(&xml, "<fcpxml><resources>");
    for (int i = 0; i < 31; i++)
        buf_addf(&xml,
                 "<media id='d%d'><sequence duration='2s'><spine><ref-clip ref='d%d'/>"
                 "<ref-clip ref='d%d'/></spine></sequence></media>",
                 i, i + 1, i + 1);
    buf_adds(&xml, "<media id='d31'><sequence duration='2s'/></media>"
                   "</resources><ref-clip ref='d0'/></fcpxml>");
    AUTO(free) char *got = text_of(EDIT_FORMAT_FCPX_XML, xml.p, xml.len, NULL);
    assert_string_equal(got, "refused: line 1: more than 100000 clips and markers\n");
    buf_done(&xml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_doubling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
