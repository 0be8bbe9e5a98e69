/* tests/unit/test_s3_xml.c - the S3 documents: what stores send, and what an enemy would. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/s3/s3_xml.h"

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
#define NS " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""
#define ENTRY(key)                                                                                 \
    "<Contents><Key>" key "</Key><LastModified>2026-02-03T04:05:06.789Z</LastModified>"            \
    "<ETag>&quot;e&quot;</ETag><Size>7</Size><StorageClass>STANDARD</StorageClass>"                \
    "<Owner><ID>i</ID><DisplayName>d</DisplayName></Owner></Contents>"
#define PAGE(inner) HEAD "<ListBucketResult" NS ">" inner "</ListBucketResult>"
#define URL "<EncodingType>url</EncodingType>"

static const struct {
    const char *name, *text;
    int r;
    bool truncated;
    const char *keys; /* each followed by '|' */
} pages[] = {
    {"empty", PAGE("<IsTruncated>false</IsTruncated>"), 0, false, ""},
    {"two", PAGE(URL "<IsTruncated>true</IsTruncated>" ENTRY("a") ENTRY("b/c")), 0, true, "a|b/c|"},
    {"encoded", PAGE(URL ENTRY("a%20b+c%2Bd%C3%BC%01")), 0, false, "a b c+d\xc3\xbc\x01|"},
    {"encoding said last", PAGE(ENTRY("a+b") URL), 0, false, "a b|"},
    {"raw", PAGE(ENTRY("a+b%20\xc3\xbc\xf0\x9f\x98\x80 &amp;&lt;")), 0, false,
     "a+b%20\xc3\xbc\xf0\x9f\x98\x80 &<|"},
    {"raw bytes that are no UTF-8", PAGE(ENTRY("a\xff\x80z")), 0, false, "a\xff\x80z|"},
    {"no namespace", "<ListBucketResult>" ENTRY("a") "</ListBucketResult>", 0, false, "a|"},
    {"control in the token",
     PAGE(URL "<NextContinuationToken>a\x01&#x1;&#2;\xff</"
              "NextContinuationToken>" ENTRY("a")),
     0, false, "a|"},
    {"control in a raw key", PAGE(ENTRY("a\x01") ENTRY("b&#1;") ENTRY("c")), 0, false, "c|"},
    {"unnameable keys", PAGE(URL ENTRY("") ENTRY("a%00b") ENTRY("%zz") ENTRY("k")), 0, false, "k|"},
    {"prefix echo", PAGE("<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>" ENTRY("a")), 0,
     false, "a|"},
    {"doctype", HEAD "<!DOCTYPE a [<!ENTITY x \"y\">]><ListBucketResult/>", -EBADMSG, false, ""},
    {"external", HEAD "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><ListBucketResult/>", -EBADMSG,
     false, ""},
    {"undefined entity", PAGE(ENTRY("&x;")), -EBADMSG, false, ""},
    {"another document", "<Error/>", -EBADMSG, false, ""},
    {"nothing", "", -EBADMSG, false, ""},
    {"html", "<html><body>It works</html>", -EBADMSG, false, ""},
    {"cut off", "<ListBucketResult>" ENTRY("a"), -EBADMSG, false, ""},
    {"two roots", PAGE("") PAGE(""), -EBADMSG, false, ""},
    {"no size", PAGE("<Contents><Key>a</Key><ETag>e</ETag></Contents>"), -EBADMSG, false, ""},
    {"no etag",
     PAGE("<Contents><Key>a</Key><LastModified>2026-02-03T04:05:06Z</LastModified>"
          "<Size>1</Size></Contents>"),
     -EBADMSG, false, ""},
    {"bad size", PAGE("<Contents><Size>-1</Size></Contents>"), -EBADMSG, false, ""},
    {"huge size", PAGE("<Contents><Size>99999999999999999999</Size></Contents>"), -EBADMSG, false,
     ""},
    {"bad time", PAGE("<Contents><LastModified>yesterday</LastModified></Contents>"), -EBADMSG,
     false, ""},
    {"deep", "<a><a><a><a><a><a><a><a><a><a><a><a><a><a>", -EBADMSG, false, ""},
};

static void test_pages(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(pages); i++) {
        struct s3_xml_page page = {0};
        struct err e;
        AUTO(buf) struct buf keys = {0};
        int r = s3_xml_page_parse(pages[i].text, strlen(pages[i].text), &page, &e);
        if (r != pages[i].r)
            fail_msg("%s: %d %s", pages[i].name, r, r < 0 ? e.text : "");
        if (r < 0)
            continue;
        for (size_t k = 0; k < page.n; k++) {
            buf_addf(&keys, "%s|", page.entry[k].key);
            assert_int_equal(page.entry[k].st.size, 7);
            assert_string_equal(page.entry[k].st.etag, "e");
            assert_true(page.entry[k].st.mtime_ns == INT64_C(1770091506789000000));
        }
        if (strcmp(buf_str(&keys), pages[i].keys) != 0)
            fail_msg("%s: '%s'", pages[i].name, buf_str(&keys));
        assert_int_equal(page.truncated, pages[i].truncated);
        if (page.n > 0)
            assert_string_equal(page.last, page.entry[page.n - 1].key);
        else
            assert_null(page.last);
        s3_xml_page_done(&page);
    }
}

static void test_page_limits(void **state)
{
    (void)state;
    for (size_t n = S3_XML_PAGE_MAX; n <= S3_XML_PAGE_MAX + 1; n++) {
        AUTO(buf) struct buf b = {0};
        struct s3_xml_page page = {0};
        buf_adds(&b, "<ListBucketResult>");
        for (size_t i = 0; i < n; i++)
            buf_adds(&b, ENTRY("k"));
        buf_adds(&b, "</ListBucketResult>");
        int r = s3_xml_page_parse(b.p, b.len, &page, NULL);
        assert_int_equal(r, n <= S3_XML_PAGE_MAX ? 0 : -EBADMSG);
        s3_xml_page_done(&page);
    }
    for (size_t n = 1024; n <= 4096; n += 1024) { /* keys in their longest form, and longer */
        AUTO(buf) struct buf b = {0};
        struct s3_xml_page page = {0};
        buf_adds(&b, "<ListBucketResult>" URL "<Contents><Key>");
        for (size_t i = 0; i < n; i++)
            buf_adds(&b, "%FF");
        buf_adds(&b, "</Key></Contents></ListBucketResult>");
        assert_int_equal(s3_xml_page_parse(b.p, b.len, &page, NULL), -EBADMSG);
    }
}

static const struct {
    const char *text;
    int r;
    int64_t want;
} times[] = {
    {"1970-01-01T00:00:00Z", 0, 0},
    {"2009-10-12T17:50:30.000Z", 0, INT64_C(1255369830000000000)},
    {"2009-10-12T17:50:30.1Z", 0, INT64_C(1255369830100000000)},
    {"2009-10-12T17:50:30.123456789Z", 0, INT64_C(1255369830123456789)},
    {"2009-10-12T17:50:30.1234567899Z", 0, INT64_C(1255369830123456789)},
    {"2009-10-12T17:50:30+02:00", 0, INT64_C(1255362630000000000)},
    {"2009-10-12", -EINVAL, 0},
    {"2009-10-12T17:50:30", -EINVAL, 0},
    {"2009-10-12T17:50:30.Z", -EINVAL, 0},
    {"9999-10-12T17:50:30Z", -EINVAL, 0},
    {"", -EINVAL, 0},
};

static void test_times(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(times); i++) {
        int64_t got = 0;
        assert_int_equal(s3_xml_time_parse(times[i].text, &got), times[i].r);
        assert_true(got == times[i].want);
    }
}

static const struct {
    const char *text;
    int r;
    const char *want;
} etags[] = {
    {"\"abc-2\"", 0, "abc-2"}, {"abc", 0, "abc"},         {"\"\"", -EINVAL, ""},
    {"", -EINVAL, ""},         {"a\"b", -EINVAL, ""},     {"a\r\nX: y", -EINVAL, ""},
    {"a b", -EINVAL, ""},      {"\xc3\xbc", -EINVAL, ""}, {"\"", -EINVAL, ""},
};

static void test_etags(void **state)
{
    (void)state;
    char got[STORE_ETAG_MAX], longest[STORE_ETAG_MAX + 1];
    for (size_t i = 0; i < COUNT(etags); i++) {
        assert_int_equal(s3_xml_etag_parse(etags[i].text, strlen(etags[i].text), got), etags[i].r);
        if (etags[i].r == 0)
            assert_string_equal(got, etags[i].want);
    }
    memset(longest, 'e', sizeof longest);
    assert_int_equal(s3_xml_etag_parse(longest, STORE_ETAG_MAX, got), -EINVAL);
    assert_int_equal(s3_xml_etag_parse(longest, STORE_ETAG_MAX - 1, got), 0);
}

static void test_tags_survive(void **state)
{
    (void)state;
    struct store_tags got,
        tags = {3, {{"ShotLockerAccess", "ab12:cd34"}, {"<&>\"'", "\t\n\r ü"}, {"empty", ""}}};
    AUTO(buf) struct buf b = {0};
    s3_xml_tags_format(&tags, &b);
    assert_int_equal(s3_xml_tags_parse(b.p, b.len, &got, NULL), 0);
    assert_int_equal(got.n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(got.tag[i].key, tags.tag[i].key);
        assert_string_equal(got.tag[i].value, tags.tag[i].value);
    }
}

#define TAG(k, v) "<Tag><Key>" k "</Key><Value>" v "</Value></Tag>"
#define SET(inner) "<Tagging" NS "><TagSet>" inner "</TagSet></Tagging>"

static void test_tags_refused(void **state)
{
    static const struct {
        const char *text;
        int r;
        size_t n;
    } cases[] = {
        {SET(""), 0, 0},
        {"<Tagging/>", 0, 0},
        {SET(TAG("a", "b")), 0, 1},
        {SET(TAG("a", "b") TAG("c", "") TAG("d", "") TAG("e", "") TAG("f", "") TAG("g", "")
                 TAG("h", "") TAG("i", "") TAG("j", "") TAG("k", "") TAG("l", "")),
         -EBADMSG, 0},
        {"<Error><Code>NoSuchKey</Code></Error>", -EBADMSG, 0},
        {SET(TAG("\xff", "b")), -EBADMSG, 0},
        {"", -EBADMSG, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct store_tags got = {0};
        assert_int_equal(s3_xml_tags_parse(cases[i].text, strlen(cases[i].text), &got, NULL),
                         cases[i].r);
        assert_int_equal(got.n, cases[i].n);
    }
    AUTO(buf) struct buf b = {0};
    buf_adds(&b, "<Tagging><TagSet><Tag><Key>");
    for (int i = 0; i <= STORE_TAG_KEY_MAX; i++)
        buf_addc(&b, 'k');
    buf_adds(&b, "</Key></Tag></TagSet></Tagging>");
    struct store_tags got;
    assert_int_equal(s3_xml_tags_parse(b.p, b.len, &got, NULL), -EBADMSG);
}

static void test_errors(void **state)
{
    static const struct {
        const char *text, *code, *region;
    } cases[] = {
        {HEAD "<Error><Code>NoSuchKey</Code><Message>none</Message><Key>k\x01&#x1;</Key></Error>",
         "NoSuchKey", ""},
        {"<Error><Code>PermanentRedirect</Code><Region>eu-west-1</Region></Error>",
         "PermanentRedirect", "eu-west-1"},
        {"<Error><Message>no code</Message></Error>", "", ""},
        {"<html><Error><Code>x</Code></Error></html>", "", ""},
        {"<!DOCTYPE x><Error><Code>x</Code></Error>", "", ""},
        {"not a document", "", ""},
        {"", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct s3_xml_error got;
        int r = s3_xml_error_parse(cases[i].text, strlen(cases[i].text), &got);
        assert_int_equal(r, cases[i].code[0] ? 0 : -EBADMSG);
        assert_string_equal(got.code, cases[i].code);
        assert_string_equal(got.region, cases[i].region);
    }
    AUTO(buf) struct buf b = {0};
    struct s3_xml_error got;
    buf_adds(&b, "<Error><Code>Long</Code><Message>");
    for (int i = 0; i < 9000; i++)
        buf_addc(&b, 'm');
    buf_adds(&b, "</Message></Error>");
    assert_int_equal(s3_xml_error_parse(b.p, b.len, &got), 0);
    assert_int_equal(strlen(got.message), sizeof got.message - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),        cmocka_unit_test(test_page_limits),
        cmocka_unit_test(test_times),        cmocka_unit_test(test_etags),
        cmocka_unit_test(test_tags_survive), cmocka_unit_test(test_tags_refused),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
