/* tests/unit/test_propagate.c - the propagation filter: which fields pass it, what it refuses. */
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
#include "policy/propagate.h"

#define PORTAL "site:str_eq=main,kind:string_in=reel\\,day\\,unit"
#define PORTAL_FILE "site:str_eq=main,kind:string_in=reel\\\\,day\\\\,unit"

static const struct {
    const char *filter, *fields;
    bool passes;
} cases[] = {
    {"", "{}", true},
    {"", NULL, true},
    {PORTAL, "{'site':'main','kind':'reel'}", true},
    {PORTAL, "{'site':'main','kind':'day','other':'x'}", true},
    {PORTAL, "{'site':'main','kind':'unit'}", true},
    {PORTAL, "{'site':'main','kind':'takes'}", false},
    {PORTAL, "{'site':'main','kind':'reel,day'}", false},
    {PORTAL, "{'site':'main','kind':'reel\\\\,day'}", false},
    {PORTAL, "{'site':'main','kind':''}", false},
    {PORTAL, "{'site':'main'}", false},
    {PORTAL, "{'kind':'reel'}", false},
    {PORTAL, "{'site':'Main','kind':'reel'}", false},
    {PORTAL, "{'site':'mainland','kind':'reel'}", false},
    {PORTAL, "{}", false},
    {PORTAL, NULL, false},
    {PORTAL_FILE, "{'site':'main','kind':'reel'}", true},
    {PORTAL_FILE, "{'site':'main','kind':'unit'}", true},
    {PORTAL_FILE, "{'site':'main','kind':'reel\\\\'}", false},
    {PORTAL_FILE, "{'site':'other','kind':'unit'}", false},
    {"kind:string_in=reel", "{'kind':'reel'}", true},
    {"kind:string_in=reel", "{'kind':7}", false},
    {"note:str_eq=a\\,b", "{'note':'a,b'}", true},
    {"note:str_eq=a\\,b", "{'note':'a'}", false},
    {"note:str_eq=x:y=z", "{'note':'x:y=z'}", true},
    {"k:str_eq=a,k:str_eq=b", "{'k':'a'}", false},
    {"k:string_in=a\\,b,k:string_in=b\\,c", "{'k':'b'}", true},
    {"k:string_in=a\\,b,k:string_in=b\\,c", "{'k':'a'}", false},
    {"f\xc3\xbcr:str_eq=\xc3\xa9t\xc3\xa9", "{'f\xc3\xbcr':'\xc3\xa9t\xc3\xa9'}", true},
    {"two words:str_eq= x ", "{'two words':' x '}", true},
    {"two words:str_eq= x ", "{'two words':'x'}", false},
};

/* JSON with ' for ". */
static json_t *quoted(const char *text)
{
    AUTO(free) char *s = xstrdup(text);
    for (char *c = s; *c; c++)
        if (*c == '\'')
            *c = '"';
    json_t *j = json_loads(s, JSON_DECODE_ANY, NULL);
    assert_non_null(j);
    return j;
}

static void test_passes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(propagate) struct propagate *p = NULL;
        struct err e;
        json_auto_t *fields = cases[i].fields ? quoted(cases[i].fields) : NULL;
        if (propagate_parse(cases[i].filter, &p, &e) < 0)
            fail_msg("'%s': %s", cases[i].filter, e.text);
        if (propagate_passes(p, fields) != cases[i].passes)
            fail_msg("'%s' and %s", cases[i].filter, cases[i].fields);
    }
}

static const struct {
    const char *filter, *sentence; /* a part of it */
} bad[] = {
    {"site", "byte 1: not FIELD:OP=VALUE"},
    {"site=main", "byte 1: not FIELD"},
    {":str_eq=main", "byte 1: not FIELD"},
    {",", "byte 1: not FIELD"},
    {"a:str_eq=b,", "byte 12: not FIELD"},
    {"a:str_eq=b,,c:str_eq=d", "byte 12: not FIELD"},
    {"a:str_eq=b,c", "byte 12: not FIELD"},
    {"a:str_ne=b", "byte 3: neither str_eq= nor string_in="},
    {"a:STR_EQ=b", "byte 3: neither"},
    {"a:str_eq", "byte 3: neither"},
    {"a: str_eq=b", "byte 3: neither"},
    {"a:=b", "byte 3: neither"},
    {"a:str_eq=", "byte 10: no value"},
    {"a:str_eq=,c:str_eq=d", "byte 10: no value"},
    {"a:string_in=b\\,", "byte 16: no value"},
    {"a:string_in=\\,b", "byte 13: no value"},
    {"a:string_in=b\\,\\,c", "byte 16: no value"},
    {"a:str_eq=b\\", "byte 11: a '\\'"},
    {"a:str_eq=b\\c", "byte 11: a '\\'"},
    {"a:str_eq=b\\\\\\,c", "byte 11: a '\\'"},
    {"a\\b:str_eq=c", "byte 1: not FIELD"},
    {"a/b:str_eq=c", "no '#' or '/'"},
    {"a#b:str_eq=c", "no '#' or '/'"},
    {"a:str_eq=b\nc", "byte 11: a control character"},
    {"a:str_eq=\xff", "not UTF-8"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct propagate *p = NULL;
        struct err e = {0};
        if (propagate_parse(bad[i].filter, &p, &e) != -EBADMSG || p)
            fail_msg("'%s' is taken for a filter", bad[i].filter);
        if (!strstr(e.text, bad[i].sentence))
            fail_msg("'%s': %s", bad[i].filter, e.text);
    }
}

static void test_limits(void **state)
{
    (void)state;
    char text[5000];
    struct err e;
    memset(text, 'v', sizeof text);
    memcpy(text, "a:str_eq=", 9);
    text[4097] = '\0';
    struct propagate *p = NULL;
    assert_int_equal(propagate_parse(text, &p, &e), -EBADMSG);
    text[4096] = '\0';
    assert_int_equal(propagate_parse(text, &p, &e), 0);
    propagate_free(p);
    memset(text, 'n', 129);
    strcpy(text + 129, ":str_eq=v");
    p = NULL;
    assert_int_equal(propagate_parse(text, &p, &e), -EBADMSG);
    assert_int_equal(propagate_parse(text + 1, &p, &e), 0);
    propagate_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passes),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests_name("propagate", tests, NULL, NULL);
}
