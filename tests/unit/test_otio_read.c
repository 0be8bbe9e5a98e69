/* tests/unit/test_otio_read.c - what is read of a timeline, what is refused, and where. */
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
#include "conform/conform.h"
#include "conform/otio_read.h"

#define TL(children)                                                                               \
    "{\"OTIO_SCHEMA\":\"Timeline.1\",\"name\":\"cut\",\"tracks\":{\"OTIO_SCHEMA\":\"Stack.1\","    \
    "\"children\":[" children "]}}"
#define EXT(url) "{\"OTIO_SCHEMA\":\"ExternalReference.1\",\"target_url\":\"" url "\"}"
#define CLIP1(name, ref)                                                                           \
    "{\"OTIO_SCHEMA\":\"Clip.1\",\"name\":\"" name "\",\"media_reference\":" ref "}"
#define TRACK(children) "{\"OTIO_SCHEMA\":\"Track.1\",\"children\":[" children "]}"

/* `refs`: one line a reference: clip, pointer, then " !" where it is not active, " off" where the
 * clip is disabled. */
static const struct {
    const char *json;
    size_t clips;
    const char *refs;
} good[] = {
    {TL(TRACK(CLIP1("a", EXT("x")) "," CLIP1("b", "null"))), 2,
     "a /tracks/children/0/children/0/media_reference\n"
     "b /tracks/children/0/children/1\n"},
    {TL("{\"OTIO_SCHEMA\":\"Clip.2\",\"name\":\"c\",\"active_media_reference_key\":\"hi~/\","
        "\"media_references\":{\"lo\":" EXT("l") ",\"hi~/\":" EXT("h") "}}"),
     1,
     "c /tracks/children/0/media_references/hi~0~1\n"
     "c /tracks/children/0/media_references/lo !\n"},
    {TL("{\"OTIO_SCHEMA\":\"Clip.2\",\"media_references\":{\"DEFAULT_MEDIA\":" EXT("d") "}}"), 1,
     " /tracks/children/0/media_references/DEFAULT_MEDIA\n"},
    /* an active key that is not there: every reference counts */
    {TL("{\"OTIO_SCHEMA\":\"Clip.2\",\"active_media_reference_key\":\"no\","
        "\"media_references\":{\"x\":" EXT("x") "}}"),
     1, " /tracks/children/0/media_references/x\n"},
    {TL("{\"OTIO_SCHEMA\":\"Track.1\",\"enabled\":false,\"children\":[" CLIP1("o", EXT("x")) "]}"),
     1, "o /tracks/children/0/children/0/media_reference off\n"},
    {TL("{\"OTIO_SCHEMA\":\"Stack.1\",\"children\":[" TRACK(CLIP1("n", EXT("x"))) "]}"), 1,
     "n /tracks/children/0/children/0/children/0/media_reference\n"},
    {TL("{\"OTIO_SCHEMA\":\"Gap.1\"},{\"OTIO_SCHEMA\":\"Filler.1\"},null,"
        "{\"OTIO_SCHEMA\":\"Transition.1\"},{\"OTIO_SCHEMA\":\"Studio.7\",\"x\":[1]}"),
     0, ""},
    {TL("{\"OTIO_SCHEMA\":\"StudioStack.3\",\"children\":[" CLIP1("u", EXT("x")) "]}"), 1,
     "u /tracks/children/0/children/0/media_reference\n"},
    {"{\"OTIO_SCHEMA\":\"SerializableCollection.1\",\"children\":[" TL(CLIP1("p", EXT("x"))) "," TL(
         CLIP1("q", EXT("y"))) "]}",
     2,
     "p /children/0/tracks/children/0/media_reference\n"
     "q /children/1/tracks/children/0/media_reference\n"},
    {"{\"OTIO_SCHEMA\":\"Sequence.1\",\"children\":[]}", 0, ""},
    {"{\"OTIO_SCHEMA\":\"Timeline.1\",\"tracks\":null}", 0, ""},
    {"\xef\xbb\xbf" CLIP1("bom", EXT("x")), 1, "bom /media_reference\n"},
};

static void test_references(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        AUTO(otio_doc) struct otio_doc *doc = NULL;
        struct buf b __attribute__((cleanup(auto_buf))) = {0};
        struct err e;
        if (otio_read(good[i].json, strlen(good[i].json), &doc, &e) < 0)
            fail_msg("case %zu: %s", i, e.text);
        for (size_t k = 0; k < doc->n_refs; k++) {
            const struct otio_clip *c = &doc->clips[doc->refs[k].clip];
            buf_addf(&b, "%s %s%s%s\n", c->name, doc->refs[k].pointer,
                     doc->refs[k].active ? "" : " !", c->enabled ? "" : " off");
        }
        assert_int_equal(doc->n_clips, good[i].clips);
        assert_string_equal(buf_str(&b), good[i].refs);
    }
}

#define TEXT(s) s, sizeof s - 1

static const struct {
    const char *json;
    size_t n;
    const char *says; /* part of the sentence */
} bad[] = {
    {TEXT(""), "line 1"},
    {TEXT("nonsense"), "line 1, column"},
    {TEXT("[]"), "an array"},
    {TEXT("{}"), "no OTIO_SCHEMA"},
    {TEXT("{\"OTIO_SCHEMA\":7}"), "no OTIO_SCHEMA"},
    {TEXT("{\"OTIO_SCHEMA\":\"BogusName.3\"}"), "'BogusName.3'"},
    {TEXT("{\"OTIO_SCHEMA\":\"Gap.1\"}"), "'Gap.1'"},
    {TEXT("{\"OTIO_SCHEMA\":\"Timeline.1\",\n \"a\": {\"b\": [0, {\"x\":1,\"x\":2}]}}"),
     "line 2, column 27, at '/a/b/1/x': duplicate object key"},
    /* the same name in other letters */
    {TEXT("{\"a\":1,\n\"\\u0061\":2}"), "line 2, column 9, at '/\\u0061': duplicate object key"},
    {TEXT("{\"OTIO_SCHEMA\":\"Gap.1\",\r\n\"OTIO_SCHEMA\":\"Clip.1\"}"),
     "line 2, column 14, at '/OTIO_SCHEMA': duplicate object key"},
    {TEXT("{\"OTIO_SCHEMA\":\"Timeline.1\",\"tracks\":"), "at '/tracks'"},
    {TEXT("{\"OTIO_SCHEMA\":\"Timeline.1\"} x"), "end of file expected"},
    {TEXT("{\"OTIO_SCHEMA\":\"Timeline.1\"}\n{}"), "line 2, column 1, at '': end of file expected"},
    {TEXT("{\"OTIO_SCHEMA\":\"Timeline.1\",}"), "line 1, column 29"},
    {TEXT("{\"a\":1 /* one */}"), "line 1, column 8"},
    {TEXT("{\"a\":1 // one\n}"), "line 1, column 8"},
    {TEXT("{'a':1}"), "line 1, column 2"},
    {TEXT("{\"a\":[NaN, 1,]}"), "line 1, column 14, at '/a/2'"},
    {TEXT("{\"a\":nan}"), "invalid token"},
    {TEXT("{\"a\":1,\"b\":{NaN:1}}"), "expected"},
    {TEXT("{\"a\":1,99999999999999999999:1}"), "too big integer"},
    {TEXT("{\"a\":1e400}"), "at '/a': real number overflow"},
    {TEXT("{\"a\":\"\\ud800\"}"), "at '/a'"},
    {TEXT("{\"a\":\"\\udc00\"}"), "at '/a': invalid Unicode"},
    {TEXT("{\"a\":\"\\ud800\\u0041\"}"), "at '/a': invalid Unicode"},
    {TEXT("{\"a\":\"x\\u0000y\"}"), "at '/a': \\u0000"},
    {TEXT("{\"a\\u0000b\":1}"), "line 1, column"},
    {TEXT("{\"a\":\"x\0y\"}"), "column 8, at '/a': a NUL byte"},
    {TEXT("{\"a\":\0}"), "a NUL byte"},
    {TEXT("{\"a\":\"\xc3(\"}"), "column 7, at '/a': bytes that are not UTF-8"},
    {TEXT("{\"a\":\"\\\xff\"}"), "not UTF-8"},
    {TEXT("{\"a\":\"\xed\xa0\x80\"}"), "not UTF-8"},
    {TEXT("\xff\xfe{\0}\0"), "UTF-16"},
    {TEXT("\xfe\xff\0{\0}"), "UTF-16"},
    {TEXT("{\0\"\0"), "UTF-16"},
    {TEXT(TL("7")), "at '/tracks/children/0': a clip or a track is an object, this is a number"},
    {TEXT(TL("{}")), "at '/tracks/children/0': an object without OTIO_SCHEMA"},
    {TEXT(TL(CLIP1("a", "\"x\""))), "children/0/media_reference': a media reference is an object"},
    {TEXT(TL("{\"OTIO_SCHEMA\":\"Clip.2\",\"media_references\":[]}")), "media_references is an"},
    {TEXT(TL("{\"OTIO_SCHEMA\":\"Track.1\",\"children\":{}}")), "children is an array"},
    {TEXT("{\"OTIO_SCHEMA\":\"Timeline.1\",\"tracks\":[]}"), "at '/tracks'"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        /* an exact copy, so that a read past its end is seen */
        AUTO(free) char *copy = xcalloc(bad[i].n ? bad[i].n : 1, 1);
        struct otio_doc *doc = NULL;
        struct err e;
        memcpy(copy, bad[i].json, bad[i].n);
        assert_int_equal(otio_read(copy, bad[i].n, &doc, &e), -EBADMSG);
        if (!strstr(e.text, bad[i].says) || strchr(e.text, '\n'))
            fail_msg("case %zu: %s", i, e.text);
        assert_null(doc);
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct otio_doc *doc = NULL;
    struct err e;
    assert_int_equal(otio_read("", (size_t)CONFORM_FILE_MAX + 1, &doc, &e), -EFBIG);

    struct buf b __attribute__((cleanup(auto_buf))) = {0};
    for (int i = 0; i < 257; i++)
        buf_adds(&b, "[");
    assert_int_equal(otio_read(b.p, b.len, &doc, &e), -EBADMSG);
    assert_non_null(strstr(e.text, "column 257"));
    assert_non_null(strstr(e.text, "256 levels"));

    /* 256 are read, and then it is no timeline */
    b.len = 256;
    for (int i = 0; i < 256; i++)
        buf_adds(&b, "]");
    assert_int_equal(otio_read(b.p, b.len, &doc, &e), -EBADMSG);
    assert_non_null(strstr(e.text, "not a timeline"));

    buf_clear(&b);
    buf_adds(&b, "[");
    for (unsigned i = 0; i < OTIO_TOKENS_MAX; i++)
        buf_add(&b, "0,", 2);
    assert_int_equal(otio_read(b.p, b.len, &doc, &e), -EFBIG);
}

/* What was not changed comes back byte for byte. */
static void test_write_back(void **state)
{
    (void)state;
    static const char text[] = "{\n"
                               "    \"OTIO_SCHEMA\": \"Timeline.1\",\n"
                               "    \"z\": NaN,\n"
                               "    \"a\": [\n"
                               "        Inf,\n"
                               "        -Infinity,\n"
                               "        -NaN,\n"
                               "        170141183460469231731687303715884105728,\n"
                               "        -9223372036854775809,\n"
                               "        9223372036854775807,\n"
                               "        -9223372036854775808,\n"
                               "        24.0,\n"
                               "        23.976023976023978,\n"
                               "        0.1,1e-300\n"
                               "    ],\n"
                               "    \"s\": \"NaN \\\" Infinity shotlake-token-:NaN\",\n"
                               "    \"u\": \"Viel gl\xc3\xbc"
                               "ck\"\n"
                               "}\n";
    AUTO(otio_doc) struct otio_doc *doc = NULL;
    struct buf out __attribute__((cleanup(auto_buf))) = {0};
    struct err e;
    assert_int_equal(otio_read(text, strlen(text), &doc, &e), 0);
    assert_int_equal(otio_write(doc, &out, &e), 0);
    assert_string_equal(out.p, text);
}

/* A file that spells our mark cannot put tokens into what we write: the mark is random. */
static void test_mark_is_fresh(void **state)
{
    (void)state;
    AUTO(otio_doc) struct otio_doc *a = NULL, *b = NULL;
    struct err e;
    assert_int_equal(otio_read(TEXT(TL("")), &a, &e), 0);
    assert_int_equal(otio_read(TEXT(TL("")), &b, &e), 0);
    assert_string_not_equal(a->mark, b->mark);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_references),    cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_limits),        cmocka_unit_test(test_write_back),
        cmocka_unit_test(test_mark_is_fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
