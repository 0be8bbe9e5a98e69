/* tests/unit/test_s3_url.c - lake addresses, endpoints, and the bytes of request URLs. */
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
#include "fs/s3/s3_url.h"

static const struct {
    const char *url, *bucket, *prefix; /* bucket NULL: refused */
} lakes[] = {
    {"s3://lake", "lake", ""},
    {"s3://lake/", "lake", ""},
    {"s3://lake///", "lake", ""},
    {"s3://lake/show", "lake", "show/"},
    {"s3://lake/show/", "lake", "show/"},
    {"s3://lake/show/a b%20+//", "lake", "show/a b%20+/"},
    {"s3://lake//odd", "lake", "/odd/"},
    {"s3://my.lake-1_X/p", "my.lake-1_X", "p/"},
    {"s3://", NULL, NULL},
    {"s3:///p", NULL, NULL},
    {"s3://..", NULL, NULL},
    {"s3://a b", NULL, NULL},
    {"s3://a@b", NULL, NULL},
    {"s3://a?b", NULL, NULL},
    {"S3://lake", NULL, NULL},
    {"file:///lake", NULL, NULL},
    {"lake", NULL, NULL},
};

static void test_lakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lakes); i++) {
        AUTO(free) char *bucket = NULL, *prefix = NULL;
        struct err e;
        int r = s3_url_parse_lake(lakes[i].url, &bucket, &prefix, &e);
        if (r != (lakes[i].bucket ? 0 : -EINVAL))
            fail_msg("'%s': %d", lakes[i].url, r);
        if (r == 0) {
            assert_string_equal(bucket, lakes[i].bucket);
            assert_string_equal(prefix, lakes[i].prefix);
        }
    }
}

static const struct {
    const char *endpoint, *region, *bucket, *key, *query;
    const char *url, *host; /* url NULL: refused */
} urls[] = {
    {NULL, "us-east-1", "lake", "a/b", "", "https://lake.s3.us-east-1.amazonaws.com/a/b",
     "lake.s3.us-east-1.amazonaws.com"},
    {NULL, "cn-north-1", "lake", "", "x=1", "https://lake.s3.cn-north-1.amazonaws.com.cn/?x=1",
     "lake.s3.cn-north-1.amazonaws.com.cn"},
    {NULL, "eu-west-1", "my.lake", "k", "", "https://s3.eu-west-1.amazonaws.com/my.lake/k",
     "s3.eu-west-1.amazonaws.com"},
    {NULL, "eu-west-1", "MyLake", "k", "", "https://s3.eu-west-1.amazonaws.com/MyLake/k",
     "s3.eu-west-1.amazonaws.com"},
    {"http://127.0.0.1:8000", "r", "lake", "k",
     "tagging=", "http://127.0.0.1:8000/lake/k?tagging=", "127.0.0.1:8000"},
    {"http://S3.Studio.Example/", "r", "lake", "k", "", "http://s3.studio.example/lake/k",
     "s3.studio.example"},
    {"http://h:80", "r", "lake", "k", "", "http://h/lake/k", "h"},
    {"HTTPS://h:0443/", "r", "lake", "k", "", "https://h/lake/k", "h"},
    {"https://h:80", "r", "lake", "k", "", "https://h:80/lake/k", "h:80"},
    {"http://[::1]:9000", "r", "lake", "k", "", "http://[::1]:9000/lake/k", "[::1]:9000"},
    {"http://h/behind/path//", "r", "lake", "k", "", "http://h/behind/path/lake/k", "h"},
    {"http://h", "r", "b", "a b+c%20;ü", "", "http://h/b/a%20b%2Bc%2520%3B%C3%BC", "h"},
    {"http://h", "r", "b", "/a//b/./../..", "", "http://h/b//a//b/./../..", "h"},
    {"http://h", "r", "b", "?#&=\x01\x7f\xff", "", "http://h/b/%3F%23%26%3D%01%7F%FF", "h"},
    {"h:8000", "r", "b", "k", "", NULL, NULL},
    {"ftp://h", "r", "b", "k", "", NULL, NULL},
    {"http://", "r", "b", "k", "", NULL, NULL},
    {"http://u:secret@h", "r", "b", "k", "", NULL, NULL},
    {"http://h:0", "r", "b", "k", "", NULL, NULL},
    {"http://h:65536", "r", "b", "k", "", NULL, NULL},
    {"http://h:", "r", "b", "k", "", NULL, NULL},
    {"http://h:1x", "r", "b", "k", "", NULL, NULL},
    {"http://h?secret", "r", "b", "k", "", NULL, NULL},
    {"http://h/a b", "r", "b", "k", "", NULL, NULL},
    {"http://h\r\nX: y", "r", "b", "k", "", NULL, NULL},
    {"http://[::1", "r", "b", "k", "", NULL, NULL},
    {"http://[]", "r", "b", "k", "", NULL, NULL},
    {"http://[::1]x", "r", "b", "k", "", NULL, NULL},
    {"http://h", "", "b", "k", "", NULL, NULL},
    {"http://h", "us/east", "b", "k", "", NULL, NULL},
    {"http://h", "r", "b/c", "k", "", NULL, NULL},
};

static void test_urls(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(urls); i++) {
        struct s3_url_site site = {0};
        AUTO(buf) struct buf b = {0};
        struct err e;
        int r = s3_url_site_init(&site, urls[i].endpoint, urls[i].region, urls[i].bucket, &e);
        if (r != (urls[i].url ? 0 : -EINVAL))
            fail_msg("'%s': %d", urls[i].endpoint, r);
        if (r < 0) {
            assert_null(strstr(e.text, "secret"));
            continue;
        }
        size_t at = s3_url_build(&site, urls[i].key, urls[i].query, &b);
        assert_string_equal(buf_str(&b), urls[i].url);
        assert_string_equal(site.host, urls[i].host);
        assert_int_equal(at, strlen(site.origin));
        assert_int_equal(buf_str(&b)[at], '/');
        s3_url_site_done(&site);
    }
}

static void test_params(void **state)
{
    (void)state;
    AUTO(buf) struct buf q = {0};
    s3_url_param(&q, "prefix", "a/b c+ü&=");
    s3_url_param(&q, "empty", "");
    assert_string_equal(buf_str(&q), "prefix=a%2Fb%20c%2B%C3%BC%26%3D&empty=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lakes),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_params),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
