/* tests/unit/test_edl.c - edit lines, their notes and what tracks they make; what is refused. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conform/edl.h"
#include "tests/unit/edit_text.h"

#define H "TITLE: CUT\nFCM: NON-DROP FRAME\n"
#define V(n, reel, times) n "  " reel " V     C        " times "\n"
#define DAY "01:00:00:00 01:00:01:00 "

static const struct {
    const char *name, *rate, *edl, *want;
} good[] = {
    {"one cut", NULL, H V("001", "R1", DAY "10:00:00:00 10:00:01:00"),
     "edit CUT @864000\n  V\n    clip R1 86400+24@24 missing R1\n"},
    {"no title, no FCM", NULL, V("1", "R1", DAY "00:00:00:00 00:00:01:00"),
     "edit  @0\n  V\n    clip R1 86400+24@24 missing R1\n"},
    {"a gap between", NULL,
     H V("001", "A", DAY "00:00:00:00 00:00:01:00") V("002", "B", DAY "00:00:02:00 00:00:03:00"),
     "edit CUT @0\n  V\n    clip A 86400+24@24 missing A\n    gap 24\n"
     "    clip B 86400+24@24 missing B\n"},
    {"not in record order", NULL,
     H V("001", "B", DAY "00:00:01:00 00:00:02:00") V("002", "A", DAY "00:00:00:00 00:00:01:00"),
     "edit CUT @0\n  V\n    clip A 86400+24@24 missing A\n    clip B 86400+24@24 missing B\n"},
    {"one over the other", NULL,
     H V("001", "A", DAY "00:00:00:00 00:00:01:00") V("002", "B", "0 12 6 18"),
     "edit CUT @0\n  V\n    clip A 86400+24@24 missing A\n  V\n    gap 6\n"
     "    clip B 0+12@24 missing B\n"},
    {"channels", NULL,
     H "001 A AA/V C 0 9 0 9\n002 B B C 0 9 9 18\n003 C A2 C 0 9 18 27\n004 D V2 C 0 9 0 9\n"
       "005 E VA1A2 C 0 9 27 36\n006 F NONE C 0 9 0 9\n",
     "edit CUT @0\n"
     "  V\n    clip A 0+9@24 missing A\n    clip B 0+9@24 missing B\n    gap 9\n"
     "    clip E 0+9@24 missing E\n"
     "  V\n    clip D 0+9@24 missing D\n"
     "  V\n    clip F 0+9@24 missing F\n"
     "  A\n    clip A 0+9@24 missing A\n    clip B 0+9@24 missing B\n    gap 9\n"
     "    clip E 0+9@24 missing E\n"
     "  A\n    clip A 0+9@24 missing A\n    gap 9\n    clip C 0+9@24 missing C\n"
     "    clip E 0+9@24 missing E\n"},
    {"a dissolve as a pair", NULL,
     H "001 A V C 0 9 0 9\n002 A V C 9 9 9 9\n002 B V D 010 100 110 9 19\n"
       "* FROM CLIP NAME: one\n* TO CLIP NAME: two\n003 B V C 110 111 19 20\n",
     "edit CUT @0\n  V\n    clip A 0+9@24 missing A\n    dissolve 0+10\n"
     "    clip two 100+11@24 missing two\n"},
    {"a pair whose first line stays", NULL,
     H "001 A V C 0 9 0 9\n002 X V C 50 50 9 9\n002 B V D 010 100 110 9 19\n",
     "edit CUT @0\n  V\n    clip A 0+9@24 missing A\n    clip X 50+0@24 missing X\n"
     "    dissolve 0+10\n    clip B 100+10@24 missing B\n"},
    {"a wipe from a whole edit", NULL, H "003 A V C 0 9 0 9\n003 B V W019 030 5 35 9 39\n",
     "edit CUT @0\n  V\n    clip A 0+9@24 missing A\n    wipe 0+30\n"
     "    clip B 5+30@24 missing B\n"},
    {"black and bars", NULL, H "1 BL V C 0 9 0 9\n2 BLACK V C 0 9 9 18\n3 BARS V C 0 9 18 27\n",
     "edit CUT @0\n  V\n    clip BL 0+9@24 gen black\n    clip BLACK 0+9@24 gen black\n"
     "    clip BARS 0+9@24 gen SMPTEBars\n"},
    {"M2: fast, slow by its columns, backwards, frozen, still", NULL,
     H "001 A V C 0 48 0 24\nM2   A   048.0   00:00:00:00\n002 B V C 0 12 24 48\n"
       "003 C V C 0 24 48 72\nM2 C -024.0 00:00:00:00\n004 D V C 9 10 72 96\n"
       "M2 D 000.0 00:00:00:09\n* FROM CLIP NAME: hold FF\n* * FREEZE FRAME\n"
       "005 E V C 0 1 96 120\n* FROM CLIP IS A STILL\n006 F V C 20 10 120 130\n",
     "edit CUT @0\n  V\n    clip A 0+24@24 missing A x2\n    clip B 0+24@24 missing B x0.5\n"
     "    clip C 0+24@24 missing C x-1\n    clip hold 9+24@24 missing hold x0\n"
     "    clip E 0+24@24 missing E x0\n    clip F 10+10@24 missing F x-1\n"},
    {"M2 of the clip that a dissolve comes from", NULL,
     H "001 A V C 0 9 0 9\n001 B V D 005 9 18 9 18\nM2 A 012.0 0\n",
     "edit CUT @0\n  V\n    clip A 0+9@24 missing A x0.5\n    dissolve 0+5\n"
     "    clip B 9+9@24 missing B\n"},
    {"what names media, and what does not", NULL,
     H "001 A V C 0 9 0 9\n* FROM CLIP NAME: shot\n* FROM FILE: S:\\p\\a.0001.exr\n"
       "002 B V C 0 9 9 18\n*FROM CLIP: /p/f.[1001-1009].exr\n"
       "003 C V C 0 9 18 27\n* SOURCE FILE: TAPE7\n* FROM CLIP NAME: SH_010.MOV\n"
       "004 D V C 0 9 27 36\n* SOURCE FILE: (NULL)\nFROM CLIP NAME: d (LAY1.2)\n"
       "005 E V C 0 9 36 45\n* SOURCE FILE: b.mxf\n* FROM CLIP NAME: c.mov\n",
     "edit CUT @0\n  V\n    clip shot 0+9@24 ext S:\\p\\a.0001.exr\n"
     "    clip f.[1001-1009].exr 0+9@24 ext /p/f.[1001-1009].exr\n"
     "    clip SH_010.MOV 0+9@24 ext SH_010.MOV\n"
     "    clip d (LAY1.2) 0+9@24 missing d (LAY1.2)\n    clip c.mov 0+9@24 ext b.mxf\n"},
    {"locators", NULL,
     H V("001", "A", DAY "00:00:00:00 00:00:01:00") "* LOC: 00:00:00:12 GREEN   fix this\n* LOC: 7 "
                                                    "odd\n* LOC: none\n",
     "edit CUT @0\n  V\n    clip A 86400+24@24 missing A *fix this@12 *@7\n"},
    {"drop-frame", NULL, "001 R V C 00:00:59;28 00:01:00;02 01:00:00;00 01:00:00;02\n",
     "edit  @107892\n  V\n    clip R 1798+2@29.97 missing R\n"},
    {"drop-frame at 59.94", NULL, "001 R V C 00:00:59;59 00:01:00;04 01:00:00;00 01:00:00;01\n",
     "edit  @215784\n  V\n    clip R 3599+1@59.9401 missing R\n"},
    {"FCM alone", NULL, "FCM: DROP FRAME\n001 R V C 00:01:00:02 00:01:00:03 0 1\n",
     "edit  @0\n  V\n    clip R 1800+1@29.97 missing R\n"},
    {"FCM by rote", "25", "FCM: DROP FRAME\n001 R V C 00:01:00:02 00:01:00:24 0 22\n",
     "edit  @0\n  V\n    clip R 1502+22@25 missing R\n"},
    {"23.976", "23.98", H V("001", "R", DAY "00:00:00:00 00:00:01:00"),
     "edit CUT @0\n  V\n    clip R 86400+24@23.976 missing R\n"},
    {"past midnight", NULL, H V("1", "R", "23:59:59:00 00:00:01:00 23:59:59:00 00:00:01:00"),
     "edit CUT @2073576\n  V\n    clip R 2073576+48@24 missing R\n"},
    {"CR, CRLF, NUL, control-Z, blanks", NULL,
     "TITLE: x \r\r\n \t\r001 A V C 0 9 0 9 \r* FROM CLIP NAME:  n \r\x1a\x1a\r",
     "edit x @0\n  V\n    clip n 0+9@24 missing n\n"},
    {"File_32", NULL,
     "TITLE: x\n000001  A_REEL_OF_32_CHARACTERS_IN_ALL__   V     C        " DAY
     "00:00:00:00 00:00:01:00 \n",
     "edit x @0\n  V\n    clip A_REEL_OF_32_CHARACTERS_IN_ALL__ 86400+24@24 missing "
     "A_REEL_OF_32_CHARACTERS_IN_ALL__\n"},
    {"a reel with blanks, tabs", NULL, "001\tMY REEL\tV\tC\t0\t9\t0\t9\n",
     "edit  @0\n  V\n    clip MY REEL 0+9@24 missing MY REEL\n"},
    {"ISO-8859-1", NULL, "TITLE: caf\xe9\n1 A V C 0 9 0 9\n",
     "edit caf\xc3\xa9 @0\n  V\n    clip A 0+9@24 missing A\n"},
    {"two titles", NULL, "TITLE: a\n1 A V C 0 9 0 9\nTITLE: b\n1 B V C 0 9 0 9\n",
     "bin\n  edit a @0\n    V\n      clip A 0+9@24 missing A\n"
     "  edit b @0\n    V\n      clip B 0+9@24 missing B\n"},
    {"a mark before it", NULL, "\xef\xbb\xbfTITLE: x\n1 A V C 0 9 0 9\n",
     "edit x @0\n  V\n    clip A 0+9@24 missing A\n"},
};

static const struct {
    const char *name, *rate, *edl, *why;
} bad[] = {
    {"nothing", NULL, "", "no edit in the list"},
    {"a title", NULL, H, "no edit in the list"},
    {"frame 24 of 24", NULL, H V("001", "R", "00:00:00:24 00:00:01:00 00:00:00:00 00:00:01:00"),
     "line 3: timecode 00:00:00:24 cannot be in a list of 24 frames a second; give its rate"},
    {"minute 60", NULL, H V("001", "R", "00:60:00:00 00:00:01:00 00:00:00:00 00:00:01:00"),
     "line 3: timecode 00:60:00:00 cannot be"},
    {"no type", NULL, H "001 R V X 00:00:00:00 00:00:01:00 00:00:00:00 00:00:01:00\n",
     "line 3: not an edit that can be read: '001"},
    {"a column short", NULL, "\r\n\r001 R V C 00:00:00:00 00:00:01:00 00:00:00:00\n",
     "line 3: not an edit that can be read: '001"},
    {"a dissolve of no length", NULL, H "001 R V D 0 9 0 9\n", "line 3: a transition without"},
    {"backwards record", NULL, H "001 R V C 0 9 9 0\n", "line 3: the edit ends before it begins"},
    {"drop-frame at 25", "25", "001 R V C 00:00:59;20 00:01:00;02 0 9\n",
     "drop-frame timecode in a list of 25 frames a second"},
    {"UTF-16", NULL, "\xff\xfeT", "line 1: the list is UTF-16"},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        AUTO(free)
        char *got = text_of(EDIT_FORMAT_EDL, good[i].edl, strlen(good[i].edl), good[i].rate);
        if (strcmp(got, good[i].want) != 0)
            fail_msg("%s:\n%s", good[i].name, got);
    }
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        AUTO(free)
        char *got = text_of(EDIT_FORMAT_EDL, bad[i].edl, strlen(bad[i].edl), bad[i].rate);
        AUTO(free) char *want = xasprintf("refused: %s", bad[i].why);
        if (strncmp(got, want, strlen(want)) != 0 || strchr(got, '\n') != strrchr(got, '\n'))
            fail_msg("%s: %s", bad[i].name, got);
    }
}

static void test_metadata(void **state)
{
    (void)state;
    static const char edl[] = H "001 R1 V C 0 9 0 9\n* FROM CLIP NAME: n\n* SOURCE FILE: TAPE\n"
                                "* ASC_SAT 0.9\n002 R1 V C 9 9 9 9\n002 R2 V D 004 0 9 9 18\n"
                                "* SOURCE FILE: T1\n* SOURCE FILE: T2\n003 R2 V C 9 12 18 21\n";
    json_t *root = NULL;
    struct err e;
    struct edit_format_options opt = {0};
    assert_int_equal(edl_read(edl, strlen(edl), &opt, &root, &e), 0);
    const json_t *track =
        json_array_get(json_object_get(json_object_get(root, "tracks"), "children"), 0);
    static const char *const want[] = {
        "{\"reel\":\"R1\",\"events\":[\"001\",\"002\"],\"clip_name\":\"n\",\"source_file\":"
        "\"TAPE\","
        "\"original_timecode\":{\"source_tc_in\":\"0\",\"source_tc_out\":\"9\","
        "\"record_tc_in\":\"0\",\"record_tc_out\":\"9\"},\"comments\":[\"ASC_SAT 0.9\"]}",
        "{\"transition\":\"D\",\"events\":[\"002\"]}",
        "{\"reel\":\"R2\",\"events\":[\"002\",\"003\"],\"source_file\":\"T2\","
        "\"original_timecode\":{\"source_tc_in\":\"0\",\"source_tc_out\":\"9\","
        "\"record_tc_in\":\"9\",\"record_tc_out\":\"18\"}}",
    };
    for (size_t i = 0; i < COUNT(want); i++) {
        const json_t *item = json_array_get(json_object_get(track, "children"), i);
        const json_t *cmx = json_object_get(json_object_get(item, "metadata"), "cmx_3600");
        char *got = json_dumps(cmx, JSON_COMPACT);
        assert_string_equal(got, want[i]);
        free(got);
    }
    json_decref(root);
}

static void test_limits(void **state)
{
    (void)state;
    struct buf text = {0};
    json_t *root = NULL;
    struct err e;
    struct edit_format_options opt = {0};
    buf_adds(&text, "1 A V C 0 9 0 9\n*");
    memset(buf_room(&text, EDL_LINE_MAX), 'x', EDL_LINE_MAX);
    buf_added(&text, EDL_LINE_MAX);
    assert_int_equal(edl_read(text.p, text.len, &opt, &root, &e), -EFBIG);
    assert_string_equal(e.text, "line 2: longer than 4096 bytes");
    buf_clear(&text);
    for (int i = 0; i <= EDL_EVENTS_MAX; i++)
        buf_adds(&text, "1 A V C 0 9 0 9\n");
    assert_int_equal(edl_read(text.p, text.len, &opt, &root, &e), -EFBIG);
    assert_string_equal(e.text, "line 50001: more than 50000 edits");
    buf_clear(&text);
    for (int i = 0; i < 20000; i++)
        buf_adds(&text, "1 A VA1A2A3A4A5 C 0 9 0 9\n");
    assert_int_equal(edl_read(text.p, text.len, &opt, &root, &e), -EFBIG);
    assert_string_equal(e.text, "line 20000: more than 100000 clips");
    assert_null(root);
    buf_done(&text);
}

static void test_is(void **state)
{
    (void)state;
    assert_true(edl_is("\r\n TITLE: x"));
    assert_true(edl_is("* note\rFCM: DROP FRAME"));
    assert_true(edl_is("001  R V C 0 9 0 9"));
    assert_false(edl_is(""));
    assert_false(edl_is("001 is a number\n"));
    assert_false(edl_is("Heading\nFIELD_DELIM\tTABS\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),   cmocka_unit_test(test_bad), cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_limits), cmocka_unit_test(test_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
