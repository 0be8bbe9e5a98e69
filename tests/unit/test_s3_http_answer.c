/* tests/unit/test_s3_http_answer.c - what outcomes mean: code, sentence, and whether to retry. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/s3/s3_answer.h"

enum how {
    PLAIN,
    IF_MATCH = 1,
    IF_ABSENT = 2,
    BUCKET = 4, /* the question is about the bucket */
};

static const struct {
    int curl;
    long status;
    const char *code, *method;
    enum how how;
    int64_t date_s;
    int want;
    enum retry_class class;
    const char *says;
} cases[] = {
    {0, 403, "InvalidAccessKeyId", "GET", PLAIN, 0, -EACCES, RETRY_CREDENTIALS,
     "the store at http://h does not know the access key …TAIL"},
    {0, 403, "SignatureDoesNotMatch", "GET", PLAIN, 0, -EACCES, RETRY_CREDENTIALS,
     "rejects the secret"},
    {0, 400, "ExpiredToken", "GET", PLAIN, 0, -EACCES, RETRY_CREDENTIALS, "has expired"},
    {0, 403, "RequestTimeTooSkewed", "GET", PLAIN, 4600, -EACCES, RETRY_CLOCK, "by 3600 s"},
    {0, 403, "", "HEAD", PLAIN, 4600, -EACCES, RETRY_CLOCK, "set the clock"},
    {0, 403, "", "HEAD", PLAIN, 1100, -EACCES, RETRY_NEVER,
     "refuses HEAD of object 'k' in bucket 'b'"},
    {0, 403, "", "HEAD", PLAIN, 0, -EACCES, RETRY_NEVER, "refuses HEAD"},
    {0, 403, "AccessDenied", "PUT", PLAIN, 0, -EACCES, RETRY_NEVER, "its policy must allow it"},
    {0, 403, "AccessDenied", "GET", BUCKET, 0, -EACCES, RETRY_NEVER, "GET of bucket 'b' to"},
    {0, 403, "UserSuspended", "PUT", PLAIN, 0, -EACCES, RETRY_NEVER, "refuses"},
    {0, 403, "QuotaExceeded", "PUT", PLAIN, 0, -EIO, RETRY_NEVER, "no room"},
    {0, 403, "InvalidObjectState", "GET", PLAIN, 0, -EACCES, RETRY_NEVER, "archive"},
    {0, 401, "", "GET", PLAIN, 0, -EACCES, RETRY_NEVER, "refuses"},
    {0, 404, "NoSuchKey", "GET", PLAIN, 0, -ENOENT, RETRY_NEVER, "there is no object 'k'"},
    {0, 404, "NoSuchBucket", "GET", PLAIN, 0, -ENOTDIR, RETRY_NEVER, "no bucket 'b'"},
    {0, 404, "NoSuchTagSet", "GET", PLAIN, 0, -ENODATA, RETRY_NEVER, "no tags"},
    {0, 404, "", "HEAD", PLAIN, 0, -ENOENT, RETRY_NEVER, "there is no object 'k'"},
    {0, 404, "", "HEAD", BUCKET, 0, -ENOTDIR, RETRY_NEVER, "there is no bucket 'b'"},
    {0, 404, "", "GET", PLAIN, 0, -EBADMSG, RETRY_NEVER, "check the endpoint"},
    {0, 404, "Weird", "GET", PLAIN, 0, -EBADMSG, RETRY_NEVER, "404 (status 404 Weird)"},
    {0, 412, "PreconditionFailed", "PUT", IF_ABSENT, 0, -EEXIST, RETRY_NEVER, "exists already"},
    {0, 412, "PreconditionFailed", "GET", IF_MATCH, 0, -ESTALE, RETRY_NEVER, "has changed"},
    {0, 416, "InvalidRange", "GET", IF_MATCH, 0, -ESTALE, RETRY_NEVER, "has changed"},
    {0, 416, "InvalidRange", "GET", PLAIN, 0, -EBADMSG, RETRY_NEVER, "shorter"},
    {0, 409, "ConditionalRequestConflict", "PUT", IF_ABSENT, 0, -EIO, RETRY_CONFLICT,
     "another writer"},
    {0, 409, "OperationAborted", "PUT", PLAIN, 0, -EIO, RETRY_CONFLICT, "another writer"},
    {0, 409, "", "PUT", PLAIN, 0, -EIO, RETRY_CONFLICT, "another writer"},
    {0, 400, "RequestTimeout", "PUT", PLAIN, 0, -EIO, RETRY_TRANSIENT, "waited too long"},
    {0, 400, "BadDigest", "PUT", PLAIN, 0, -EIO, RETRY_TRANSIENT, "BadDigest"},
    {0, 400, "KeyTooLongError", "PUT", PLAIN, 0, -EINVAL, RETRY_NEVER, "cannot hold the key 'k'"},
    {0, 400, "InvalidTag", "PUT", PLAIN, 0, -EINVAL, RETRY_NEVER, "these tags"},
    {0, 400, "AuthorizationHeaderMalformed", "GET", PLAIN, 0, -EIO, RETRY_NEVER, "to 'eu-west-1'"},
    {0, 400, "Else", "GET", PLAIN, 0, -EIO, RETRY_NEVER, "status 400 Else"},
    {0, 301, "PermanentRedirect", "GET", PLAIN, 0, -EIO, RETRY_NEVER, "to 'eu-west-1'"},
    {0, 307, "", "GET", PLAIN, 0, -EIO, RETRY_NEVER, "set AWS_REGION"},
    {0, 429, "", "GET", PLAIN, 0, -EIO, RETRY_THROTTLED, "too busy"},
    {0, 503, "SlowDown", "GET", PLAIN, 0, -EIO, RETRY_THROTTLED, "too busy"},
    {0, 503, "", "HEAD", PLAIN, 0, -EIO, RETRY_THROTTLED, "too busy"},
    {0, 500, "InternalError", "GET", PLAIN, 0, -EIO, RETRY_TRANSIENT, "failed at"},
    {0, 502, "", "GET", PLAIN, 0, -EIO, RETRY_TRANSIENT, "failed at"},
    {0, 504, "", "GET", PLAIN, 0, -EIO, RETRY_TRANSIENT, "failed at"},
    {0, 501, "NotImplemented", "PUT", IF_ABSENT, 0, -EIO, RETRY_NEVER, "does not implement PUT"},
    {0, 599, "", "GET", PLAIN, 0, -EIO, RETRY_TRANSIENT, "status 599"},
    {CURLE_COULDNT_CONNECT, 0, "", "GET", PLAIN, 0, -EIO, RETRY_TRANSIENT, "cannot connect"},
    {CURLE_COULDNT_RESOLVE_HOST, 0, "", "GET", PLAIN, 0, -EIO, RETRY_TRANSIENT,
     "cannot be resolved"},
    {CURLE_OPERATION_TIMEDOUT, 0, "", "GET", PLAIN, 0, -ETIMEDOUT, RETRY_TRANSIENT,
     "does not answer"},
    {CURLE_PEER_FAILED_VERIFICATION, 0, "", "GET", PLAIN, 0, -EIO, RETRY_NEVER, "AWS_CA_BUNDLE"},
    {CURLE_PARTIAL_FILE, 206, "", "GET", PLAIN, 0, -EIO, RETRY_TRANSIENT, "broke during GET"},
    {CURLE_RECV_ERROR, 0, "", "GET", PLAIN, 0, -EIO, RETRY_TRANSIENT, "broke during GET"},
    {CURLE_WEIRD_SERVER_REPLY, 0, "", "GET", PLAIN, 0, -EBADMSG, RETRY_TRANSIENT, "not speak HTTP"},
};

static void test_judge(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct s3_answer a = {.curl = cases[i].curl,
                              .status = cases[i].status,
                              .date_s = cases[i].date_s,
                              .error.region = "eu-west-1"};
        struct s3_asked q = {
            .method = cases[i].method,
            .origin = "http://h",
            .bucket = "b",
            .region = "us-east-1",
            .key = cases[i].how & BUCKET ? "" : "k",
            .key_tail = "TAIL",
            .if_match = cases[i].how & IF_MATCH,
            .if_absent = cases[i].how & IF_ABSENT,
            .now_s = 1000,
        };
        struct err e;
        int got = 0;
        snprintf(a.error.code, sizeof a.error.code, "%s", cases[i].code);
        enum retry_class class = s3_answer_judge(&a, &q, &got, &e);
        if (got != cases[i].want || class != cases[i].class || !strstr(e.text, cases[i].says) ||
            strpbrk(e.text, "{}"))
            fail_msg("%ld %s: %d, class %d, '%s'", cases[i].status, cases[i].code, got, (int)class,
                     e.text);
    }
}

static void feed(struct s3_answer *a, const char *lines)
{
    while (*lines) {
        size_t n = strcspn(lines, "|");
        s3_answer_header(a, lines, n);
        lines += n + (lines[n] == '|');
    }
}

static void test_headers(void **state)
{
    (void)state;
    struct s3_answer a = {0};
    feed(&a, "HTTP/1.1 206 Partial Content\r\n|etag:  \"abc\" \r\n|CONTENT-LENGTH: 10\r\n|"
             "Content-Range: bytes 5-14/100\r\n|Date: Tue, 03 Feb 2026 04:05:06 GMT\r\n|"
             "Last-Modified: Thu, 01 Jan 1970 00:00:01 GMT\r\n|X-Other: 1\r\n|no colon\r\n");
    assert_false(a.malformed);
    assert_string_equal(a.etag, "abc");
    assert_true(a.has_length && a.length == 10);
    assert_true(a.has_range && a.range_first == 5 && a.range_last == 14 && a.range_total == 100);
    assert_true(a.date_s == 1770091506);
    assert_true(a.has_mtime && a.mtime_ns == 1000000000);
    feed(&a, "HTTP/1.1 200 OK\r\n");
    assert_true(!a.has_length && !a.has_range && a.etag[0] == '\0');
}

static void test_metadata(void **state)
{
    (void)state;
    struct store_meta *m = xcalloc(1, sizeof *m);
    struct s3_answer a = {.meta = m}, nobody = {0};
    static const char first[] = "HTTP/1.1 100 Continue\r\n|x-amz-meta-reel: early\r\n";
    static const char lines[] =
        "HTTP/1.1 206 Partial Content\r\n|X-Amz-Meta-Shotlake-Reel:  A001 C2 \r\n|x-amz-meta-: x\r\n|"
        "x-amz-meta-empty:\r\n|x-amz-meta-colon: 01:00:00:00\r\n|x-amz-metadata: no\r\n|"
        "x-amz-meta-none\r\n|ETag: \"abc\"\r\n";
    feed(&a, first);
    feed(&a, lines);
    assert_int_equal(m->n, 3);
    assert_string_equal(store_meta_get(m, "shotlake-reel"), "A001 C2");
    assert_string_equal(store_meta_get(m, "empty"), "");
    assert_string_equal(store_meta_get(m, "colon"), "01:00:00:00");
    assert_null(store_meta_get(m, "reel")); /* of an answer that was none yet */
    assert_string_equal(a.etag, "abc");
    feed(&nobody, lines);
    assert_string_equal(nobody.etag, "abc");
    AUTO(buf) struct buf line = {0};
    buf_adds(&line, "x-amz-meta-");
    for (int i = 0; i <= STORE_META_KEY_MAX; i++)
        buf_addc(&line, 'k');
    buf_adds(&line, ": v\r\n");
    s3_answer_header(&a, line.p, line.len);
    assert_int_equal(m->n, 3);
    free(m);
}

static void test_malformed_headers(void **state)
{
    static const char *const lines[] = {
        "Content-Length: ten",
        "Content-Length: -1",
        "Content-Length:",
        "Content-Length: 1 2",
        "Content-Length: 99999999999999999999",
        "Content-Range: bytes */100",
        "Content-Range: bytes 5-4/100",
        "Content-Range: bytes 0-100/100",
        "Content-Range: 0-9/10",
        "Content-Range: bytes 0-9",
        "Content-Range: bytes 0-9/10 ",
        "Content-Range: bytes 0-9/10x",
        "ETag:",
        "ETag: \"a b\"",
        "ETag: \"a\"b\"",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct s3_answer a = {0};
        s3_answer_header(&a, lines[i], strlen(lines[i]));
        /* Blanks at the end are no part of a value. */
        bool fine = strcmp(lines[i], "Content-Range: bytes 0-9/10 ") == 0;
        if (a.malformed == fine)
            fail_msg("'%s'", lines[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge),
        cmocka_unit_test(test_headers), cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_malformed_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
