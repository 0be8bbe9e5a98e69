/* tests/unit/test_fcp_xml.c - sequences of xmeml, their clips, media and retimes; what is refused.
 */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/edit_text.h"

#define RATE(base, ntsc) "<rate><timebase>" base "</timebase><ntsc>" ntsc "</ntsc></rate>"
#define R24 RATE("24", "FALSE")
#define DOC(video, audio)                                                                          \
    "<?xml version='1.0'?><!DOCTYPE xmeml><xmeml version='5'><sequence "                           \
    "id='s1'><name>cut</name>" R24 "<media><video>" video "</video><audio>" audio                  \
    "</audio></media></sequence></xmeml>"
#define TRACK(items) "<track>" items "</track>"
#define ITEM(name, from, to, in, out, more)                                                        \
    "<clipitem id='" name "'><name>" name "</name>" R24 "<start>" from "</start><end>" to          \
    "</end><in>" in "</in><out>" out "</out>" more "</clipitem>"
#define FILE1                                                                                      \
    "<file id='f1'><name>a.mov</name><pathurl>file://localhost/D%3a/a.mov</pathurl>" R24           \
    "<duration>100</duration><timecode><string>01:00:00:00</string><frame>86400</frame>"           \
    "<displayformat>NDF</displayformat><reel><name>R1</name></reel></timecode></file>"
#define AGAIN "<file id='f1'/>"
#define REMAP(parameters)                                                                          \
    "<filter><effect><effectid>timeremap</effectid>" parameters "</effect></filter>"
#define SET(id, value)                                                                             \
    "<parameter><parameterid>" id "</parameterid><value>" value "</value></parameter>"
#define OVER(from, to, align)                                                                      \
    "<transitionitem><start>" from "</start><end>" to "</end><alignment>" align                    \
    "</alignment><effect><name>X</name></effect></transitionitem>"
#define EXT " ext file://localhost/D%3a/a.mov (86400+100@24)"

static const struct {
    const char *name, *xml, *want;
} good[] = {
    {"a file once and again",
     DOC(TRACK(ITEM("a", "5", "15", "0", "10", FILE1) ITEM("b", "20", "30", "50", "60", AGAIN)),
         ""),
     "edit cut @0\n  V\n    gap 5\n    clip a 86400+10@24" EXT "\n    gap 5\n"
     "    clip b 86450+10@24" EXT "\n"},
    {"a centred transition hides both ends",
     DOC(TRACK(ITEM("a", "0", "-1", "0", "12", FILE1) OVER("8", "12", "center")
                   ITEM("b", "-1", "20", "4", "16", AGAIN)),
         ""),
     "edit cut @0\n  V\n    clip a 86400+10@24" EXT "\n    dissolve 2+2\n"
     "    clip b 86406+10@24" EXT "\n"},
    {"at the end, at the start",
     DOC(TRACK(ITEM("a", "0", "-1", "0", "12", FILE1) OVER("8", "12", "end-black"))
             TRACK(OVER("8", "12", "start-black") ITEM("b", "-1", "20", "4", "16", AGAIN)),
         ""),
     "edit cut @0\n  V\n    clip a 86400+12@24" EXT "\n    dissolve 4+0\n"
     "  V\n    gap 8\n    dissolve 0+4\n    clip b 86404+12@24" EXT "\n"},
    {"no transition beside -1: the source's length counts",
     DOC(TRACK(ITEM("a", "3", "-1", "0", "12", FILE1)), ""),
     "edit cut @0\n  V\n    gap 3\n    clip a 86400+12@24" EXT "\n"},
    {"an item of another rate",
     DOC(TRACK("<clipitem><name>a</name>" RATE("12", "FALSE") "<start>0</start><end>10</end>"
                                                              "<in>3</in><out>8</out>" FILE1
                                                              "</clipitem>"),
         ""),
     "edit cut @0\n  V\n    clip a 86406+10@24" EXT "\n"},
    {"one timebase plays frame by frame",
     DOC(TRACK("<clipitem><name>a</name>" RATE("24", "TRUE") "<start>0</start><end>10</end>"
                                                             "<in>3</in><out>13</out>" FILE1
                                                             "</clipitem>"),
         ""),
     "edit cut @0\n  V\n    clip a 86403+10@24" EXT "\n"},
    {"a length that is no whole number of the file's frames",
     DOC(TRACK("<clipitem><name>a</name>" RATE(
             "25", "FALSE") "<start>0</start><end>10</end>"
                            "<in>0</in><out>10</out><file id='p'><pathurl>p.mov</pathurl>" RATE(
                                "25", "FALSE") "</file></clipitem>"),
         ""),
     "edit cut @0\n  V\n    clip a 0@25+10@24 ext p.mov\n"},
    {"drop-frame timecode as text only",
     DOC(TRACK(ITEM("a", "0", "1", "0", "1",
                    "<file id='d'><pathurl>d.mov</pathurl>" RATE(
                        "30", "TRUE") "<duration>9</duration><timecode><string>00;01;00;02</string>"
                                      "<displayformat>DF</displayformat></timecode></file>")),
         ""),
     "edit cut @0\n  V\n    clip a 1800@29.97+1@24 ext d.mov (1800+9@29.97)\n"},
    {"speeds",
     DOC(TRACK(ITEM("a", "0", "9", "0", "9", FILE1 REMAP(SET("speed", "200"))) ITEM(
             "b", "9", "18", "0", "9", AGAIN REMAP(SET("speed", "50") SET("reverse", "TRUE")))
                   ITEM("c", "18", "27", "0", "9", AGAIN REMAP(SET("speed", "100")))
                       ITEM("d", "27", "36", "0", "9",
                            AGAIN REMAP(SET("variablespeed", "1") SET("speed", "9")))
                           ITEM("e", "36", "45", "0", "9", AGAIN "<stillframe>TRUE</stillframe>")
                               ITEM("f", "45", "54", "0", "9",
                                    AGAIN "<filter><enabled>FALSE</enabled><effect>"
                                          "<effectid>timeremap</effectid>" SET(
                                              "speed", "9") "</effect></filter>")),
         ""),
     "edit cut @0\n  V\n    clip a 86400+9@24" EXT " x2\n    clip b 86400+9@24" EXT " x-0.5\n"
     "    clip c 86400+9@24" EXT "\n    clip d 86400+9@24" EXT " x?\n"
     "    clip e 86400+9@24" EXT " x0\n    clip f 86400+9@24" EXT "\n"},
    {"disabled",
     DOC(TRACK(ITEM("a", "0", "9", "0", "9", FILE1 "<enabled>FALSE</enabled>")) "<track>" ITEM(
             "b", "0", "9", "0", "9", AGAIN) "<enabled>FALSE</enabled></track>",
         ""),
     "edit cut @0\n  V\n    clip a 86400+9@24" EXT " off\n  V\n    clip b 86400+9@24" EXT " off\n"},
    {"generators, slugs, offline media",
     DOC(TRACK("<generatoritem><name>Grey</name><start>0</start><end>5</end><in>100</in><out>105</"
               "out>"
               "<effect><name>Color</name></effect></generatoritem>" ITEM(
                   "t", "5", "9", "0", "4",
                   "<file id='t'><name>T</name><mediaSource>Slug</mediaSource>"
                   "</file>") ITEM("o", "9", "12", "0", "3", "<file id='o'><name>O</name></file>")
                   ITEM("n", "12", "13", "0", "1", "")),
         ""),
     "edit cut @0\n  V\n    clip Grey 100+5@24 gen Color\n    clip t 0+4@24 gen Slug\n"
     "    clip o 0+3@24 missing O\n    clip n 0+1@24 missing n\n"},
    {"a sequence in a sequence, once and again: picture and sound apart",
     DOC(TRACK(ITEM(
             "n", "0", "9", "2", "11",
             "<sequence id='s2'><name>in</name>" R24
             "<media><video>" TRACK(ITEM("a", "0", "20", "0", "20", FILE1)) "</video><audio>" TRACK(
                 ITEM("b", "0", "20", "0", "20", AGAIN)) "</audio></media></sequence>")),
         TRACK(ITEM("m", "0", "9", "2", "11", "<sequence id='s2'/>"))),
     "edit cut @0\n  V\n    stack n 2+9@24\n      V\n        clip a 86400+20@24" EXT "\n"
     "  A\n    stack m 2+9@24\n      A\n        clip b 86400+20@24" EXT "\n"},
    {"a multiclip plays its active angle",
     DOC(TRACK(ITEM(
             "m", "0", "9", "0", "9",
             "<multiclip id='m'><angle><clip>" FILE1
             "</clip></angle><angle><activevideoangle>TRUE</activevideoangle><clip><media><video>"
             "<file id='f2'><pathurl>b.mov</pathurl></file></video></media></clip></angle>"
             "</multiclip>")),
         ""),
     "edit cut @0\n  V\n    clip m 0+9@24 ext b.mov\n"},
    {"exploded channels",
     DOC(TRACK(ITEM("v", "0", "9", "0", "9", FILE1)),
         "<track currentExplodedTrackIndex='0'>" ITEM(
             "l", "0", "9", "0", "9",
             AGAIN) "</track>"
                    "<track currentExplodedTrackIndex='1'>" ITEM(
                        "r", "0", "9", "0", "9",
                        AGAIN) "</track>"
                               "<track currentExplodedTrackIndex='1'>" ITEM(
                                   "o", "0", "9", "0", "9",
                                   "<file id='f3'><pathurl>o.wav</pathurl></file>") "</track>"),
     "edit cut @0\n  V\n    clip v 86400+9@24" EXT "\n  A\n    clip l 86400+9@24" EXT "\n"
     "  A\n    clip o 0+9@24 ext o.wav\n"},
    {"cross-faded sound stays on its track",
     DOC("", TRACK(ITEM("a", "0", "12", "0", "12", FILE1) ITEM("b", "8", "20", "0", "12", AGAIN))),
     "edit cut @0\n  A\n    clip a 86400+12@24" EXT "\n    clip b 86400+12@24" EXT "\n"},
    {"markers, start, several in a project",
     "<xmeml version='4'><project><children><sequence><name>x</name>" R24 "<timecode>" R24
     "<frame>86400</frame></timecode><marker><name>m</name><in>3</in><out>-1</out></marker>"
     "<media><video>" TRACK(ITEM(
         "a", "0", "9", "0", "9",
         FILE1
         "<marker><name>n</name><in>7</in><out>9</out></marker>")) "</video></media></"
                                                                   "sequence><bin>"
                                                                   "<children><clip><name>master</"
                                                                   "name></clip><sequence><name>y</"
                                                                   "name></sequence></children>"
                                                                   "</bin></children></project></"
                                                                   "xmeml>",
     "bin\n  edit x @86400 *m@3\n    V\n      clip a 86400+9@24" EXT " *n@7\n  edit y @0\n"},
};

static const struct {
    const char *name, *xml, *why;
} bad[] = {
    {"another document", "<a>\n</a>", "line 1: <a>: a Final Cut Pro 7 document begins with"},
    {"no sequence", "<xmeml><bin/></xmeml>", "line 1: <xmeml>: no sequence in it"},
    {"not XML", "hello", "line 1: "},
    {"itself", DOC(TRACK(ITEM("a", "0", "9", "0", "9", "<sequence id='s1'/>")), ""),
     "line 1: <sequence>: sequences in sequences"},
    {"nowhere", DOC(TRACK("\n<clipitem><in>3</in></clipitem>"), ""),
     "line 2: <clipitem>: its start, end, in and out say not where it is"},
    {"backwards", DOC(TRACK(ITEM("a", "9", "0", "0", "9", "")), ""), "line 1: <clipitem>: its"},
    {"far away", DOC(TRACK(ITEM("a", "0", "9999999999999", "0", "9", "")), ""),
     "line 1: <clipitem>: its"},
    {"a transition nowhere", DOC(TRACK(OVER("9", "3", "center")), ""),
     "line 1: <transitionitem>: its start and end"},
    {"laughs", "<!DOCTYPE xmeml [<!ENTITY a 'ha'>]><xmeml>&a;</xmeml>",
     "line 1: a document type with declarations"},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        AUTO(free)
        char *got = text_of(EDIT_FORMAT_FCP_XML, good[i].xml, strlen(good[i].xml), NULL);
        if (strcmp(got, good[i].want) != 0)
            fail_msg("%s:\n%s", good[i].name, got);
    }
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        AUTO(free) char *got = text_of(EDIT_FORMAT_FCP_XML, bad[i].xml, strlen(bad[i].xml), NULL);
        AUTO(free) char *want = xasprintf("refused: %s", bad[i].why);
        if (strncmp(got, want, strlen(want)) != 0)
            fail_msg("%s: %s", bad[i].name, got);
    }
}

static void test_metadata(void **state)
{
    (void)state;
    static const char xml[] =
        DOC(TRACK(ITEM("a", "0", "9", "0", "9", FILE1 "<masterclipid>m1</masterclipid>")), "");
    json_t *root = NULL;
    struct err e;
    assert_int_equal(edit_format_convert(EDIT_FORMAT_FCP_XML, xml, strlen(xml), NULL, &root, &e),
                     0);
    char *all = json_dumps(root, JSON_COMPACT);
    assert_non_null(strstr(all, "{\"fcp_xml\":{\"id\":\"f1\",\"reel\":\"R1\"}}"));
    assert_non_null(strstr(all, "{\"fcp_xml\":{\"id\":\"a\",\"masterclipid\":\"m1\"}}"));
    assert_non_null(strstr(all, "{\"fcp_xml\":{\"id\":\"s1\"}}"));
    free(all);
    json_decref(root);
}

/* A small file that doubles with each sequence is refused, and soon. */
static void test_doubling(void **state)
{
    (void)state;
    struct buf xml = {0};
    buf_adds(&xml, "<xmeml>");
    for (int i = 0; i < 31; i++)
        buf_addf(&xml,
                 "<sequence id='d%d'><media><video><track>"
                 "<clipitem><start>0</start><end>1</end><sequence id='d%d'/></clipitem>"
                 "<clipitem><start>1</start><end>2</end><sequence id='d%d'/></clipitem>"
                 "</track></video></media></sequence>",
                 i, i + 1, i + 1);
    buf_adds(&xml, "</xmeml>");
    AUTO(free) char *got = text_of(EDIT_FORMAT_FCP_XML, xml.p, xml.len, NULL);
    assert_string_equal(got, "refused: line 1: more than 100000 clips and markers\n");
    buf_done(&xml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_doubling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
