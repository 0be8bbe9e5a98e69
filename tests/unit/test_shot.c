/* tests/unit/test_shot.c - the shot's name of a clip, from what editors and their tools write. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "conform/shot.h"

static void test_code(void **state)
{
    static const struct {
        const char *text;
        bool is;
    } cases[] = {
        {"079_HA_0010", true}, {"HSM_SATL_0010", true}, {"sq100-s010", true}, {"SH010", true},
        {"103_CTE_1000_PC01_V001", true}, {"010_020", true}, {"a.b_1", true}, {"AB_1", true},
        {"FIX", false}, {"v2", false}, {"ASC_SAT", false}, {"ASC_SAT 1.0", false},
        {"ANIM FIX 010_020", false}, {"1E01", false}, {"1001", false}, {"", false}, {"_010_", false},
        {"079_HA_0010?", false}, {"a/b_1", false}, {"R\xc3\xa9_1", false},
        {"1234567890123456789012345678901234567890123456789012345678901234_1", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (shot_is_code(cases[i].text) != cases[i].is)
            fail_msg("'%s' is %sa code", cases[i].text, cases[i].is ? "" : "not ");
}

#define COMMENTS(list) "{'name':'n_1','metadata':{'cmx_3600':{'comments':[" list "]}}}"
#define MARKERS(list) "{'name':'n_1','markers':[" list "]}"
#define NAME(s) "{'name':'" s "'}"

static const struct {
    const char *clip, *want; /* ' stands for " */
} cases[] = {
    /* what we said ourselves comes first */
    {"{'name':'n','metadata':{'shotlake':{'shot':'x y'},'cmx_3600':{'comments':['A_1']}}}", "x y"},
    /* comments of a list */
    {COMMENTS("'079_HA_0010'"), "079_HA_0010"},
    {COMMENTS("'ASC_SAT 1.0','AVX2 EFFECT, RESIZE','  079_HA_0010 '"), "079_HA_0010"},
    {COMMENTS("'SHOT: Any name at all'"), "Any name at all"},
    {COMMENTS("'Shot:','B_2'"), "B_2"},
    {COMMENTS("'COMMENT: 079_HA_0010'"), "079_HA_0010"},
    {COMMENTS("'COMMENT: look at 079_HA_0010'"), "n_1"},
    {COMMENTS("'103_CTE_1000_PC01_V001'"), "103_CTE_1000"},
    {COMMENTS("1,null,'A_1'"), "A_1"},
    /* comments before markers, a marker's name before its comment */
    {"{'markers':[{'name':'M_1'}],'metadata':{'cmx_3600':{'comments':['C_1']}}}", "C_1"},
    {MARKERS("{'name':'ANIM FIX NEEDED'},{'name':'010_020'}"), "010_020"},
    {MARKERS("{'name':'note','comment':'010_020'}"), "010_020"},
    {MARKERS("{'name':'','comment':'996-1104 // 8-8 Match to edit'}"), "n_1"},
    /* names */
    {NAME("AGM_104_065_010_PL01_v001.[1001-1058].exr"), "AGM_104_065_010"},
    {NAME("AGM_104_065_010_PL01_v001.%04d.exr"), "AGM_104_065_010"},
    {NAME("AGM_104_065_010_PL01_v001.####.exr"), "AGM_104_065_010"},
    {NAME("AGM_104_065_010_PL01_v001.1001.exr"), "AGM_104_065_010"},
    {NAME("AGM_104_065_010_PL01_v001"), "AGM_104_065_010"},
    {NAME("AGM_104_065_010_fg2"), "AGM_104_065_010"},
    {NAME("AGM_104_065_010_v003.mov"), "AGM_104_065_010"},
    {NAME("AGM_104_065_010.v003.mov"), "AGM_104_065_010"},
    {NAME("AGM_104_065_010.v003"), "AGM_104_065_010"},
    {NAME("sh010.mov"), "sh010"},
    {NAME("sh010_1001"), "sh010_1001"},
    {NAME("sh010_comp_v12.mov"), "sh010_comp"},
    {NAME("output.[1001-1099].tif"), "output"},
    {NAME("V502-5_SC79 EB*"), "V502-5_SC79 EB*"},
    {NAME("ZZ100_501 (LAY3)"), "ZZ100_501 (LAY3)"},
    {NAME("Mr.Robot.S01E01"), "Mr.Robot.S01E01"},
    {NAME("a.b.c"), "a.b"},
    /* nothing is left of these: they stay */
    {NAME("[1001-1099]"), "[1001-1099]"},
    {NAME("_v003"), "_v003"},
    {NAME(".mov"), ".mov"},
    {NAME("%04d"), "%04d"},
    {NAME("####.exr"), "####"},
    {NAME("#"), "#"},
    {NAME("d"), "d"},
    {NAME("]"), "]"},
    {NAME("1001"), "1001"},
    /* file names */
    {NAME("a/b\\nc"), "a_b_c"},
    {NAME("."), "untitled"},
    {NAME(".."), "untitled"},
    {NAME(""), "untitled"},
    {"{}", "untitled"},
    {"{'name':7,'markers':5,'metadata':[]}", "untitled"},
};

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(free) char *text = xstrdup(cases[i].clip);
        for (char *s = text; (s = strchr(s, '\''));)
            *s = '"';
        json_auto_t *clip = json_loads(text, 0, NULL);
        assert_non_null(clip);
        AUTO(free) char *got = shot_name(clip);
        if (strcmp(got, cases[i].want) != 0)
            fail_msg("%s: '%s', not '%s'", cases[i].clip, got, cases[i].want);
    }
}

/* 200 bytes at most, cut between characters. */
static void test_long(void **state)
{
    (void)state;
    struct buf b = {0};
    for (int i = 0; i < 150; i++)
        buf_adds(&b, "\xc3\xa9");
    buf_addc(&b, 'x');
    json_auto_t *clip = json_pack("{ss}", "name", b.p);
    AUTO(free) char *even = shot_name(clip);
    assert_int_equal(strlen(even), 200);
    AUTO(free) char *shifted = xasprintf("x%s", b.p);
    json_auto_t *other = json_pack("{ss}", "name", shifted);
    AUTO(free) char *odd = shot_name(other);
    assert_int_equal(strlen(odd), 199);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_long),
    };
    return cmocka_run_group_tests_name("shot", tests, NULL, NULL);
}
