/* tests/unit/test_sigv4.c - signatures against AWS's own examples and its published test suite. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/codec.h"
#include "base/when.h"
#include "fs/s3/sigv4.h"

/* "Examples: Signature Calculations" in the Amazon S3 API Reference. */
#define DOC_ID "AKIAIOSFODNN7EXAMPLE"
#define DOC_SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define DOC_HOST "examplebucket.s3.amazonaws.com"
#define DOC_TIME 1369353600 /* 2013-05-24T00:00:00Z */

static const struct {
    const char *name, *method, *target, *payload;
    struct sigv4_header extra[4];
    const char *signature;
} documented[] = {
    {"GET object",
     "GET",
     "/test.txt",
     SIGV4_EMPTY_HASH,
     {{"Range", "bytes=0-9"}, {"x-amz-content-sha256", SIGV4_EMPTY_HASH}},
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {"PUT object",
     "PUT",
     "/test%24file.text",
     "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
     {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
      {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
      {"x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"}},
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {"GET bucket lifecycle",
     "GET",
     "/?lifecycle",
     SIGV4_EMPTY_HASH,
     {{"x-amz-content-sha256", SIGV4_EMPTY_HASH}},
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {"list objects",
     "GET",
     "/?prefix=J&max-keys=2",
     SIGV4_EMPTY_HASH,
     {{"x-amz-content-sha256", SIGV4_EMPTY_HASH}},
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

static struct sigv4_signer doc_signer(char time[SIGV4_TIME_SIZE])
{
    sigv4_time(DOC_TIME, time);
    return (struct sigv4_signer){DOC_ID, DOC_SECRET, "us-east-1", "s3", time};
}

static void test_documented(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(documented); i++) {
        AUTO(buf) struct buf got = {0};
        char time[SIGV4_TIME_SIZE];
        struct sigv4_signer by = doc_signer(time);
        struct sigv4_header h[6] = {{"host", DOC_HOST}, {"x-amz-date", time}};
        size_t n = 2;
        for (size_t k = 0; documented[i].extra[k].name; k++)
            h[n++] = documented[i].extra[k];
        struct sigv4_request rq = {documented[i].method, documented[i].target, h, n,
                                   documented[i].payload};
        sigv4_authorization(&rq, &by, &got);
        if (!strstr(buf_str(&got), documented[i].signature))
            fail_msg("%s: %s", documented[i].name, buf_str(&got));
    }
}

static void test_authorization_form(void **state)
{
    (void)state;
    AUTO(buf) struct buf got = {0};
    char time[SIGV4_TIME_SIZE];
    struct sigv4_signer by = doc_signer(time);
    struct sigv4_header h[] = {{"x-amz-date", time},
                               {"Range", "bytes=0-9"},
                               {"Host", DOC_HOST},
                               {"x-amz-content-sha256", SIGV4_EMPTY_HASH}};
    struct sigv4_request rq = {"GET", "/test.txt", h, COUNT(h), SIGV4_EMPTY_HASH};
    sigv4_authorization(&rq, &by, &got);
    assert_string_equal(
        buf_str(&got),
        "AWS4-HMAC-SHA256 Credential=" DOC_ID "/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

/* "Authenticating Requests: Using Query Parameters" in the Amazon S3 API Reference. */
static void test_presigned(void **state)
{
    (void)state;
    AUTO(buf) struct buf target = {0};
    char time[SIGV4_TIME_SIZE];
    struct sigv4_signer by = doc_signer(time);
    struct sigv4_header host = {"host", DOC_HOST};
    struct sigv4_request rq = {"GET", NULL, &host, 1, SIGV4_UNSIGNED_PAYLOAD};
    buf_adds(&target, "/test.txt");
    sigv4_presign(&rq, &by, NULL, 86400, &target);
    assert_string_equal(
        buf_str(&target),
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=" DOC_ID "%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

static void test_query_order(void **state)
{
    static const struct {
        const char *query, *want;
    } cases[] = {
        {"", ""},
        {"b=1&a=2", "a=2&b=1"},
        {"a=2&a=1&a", "a=&a=1&a=2"},
        {"a-=1&a=2", "a=2&a-=1"}, /* '-' sorts before '=', yet the shorter name is first */
        {"a&&b", "a=&b="},
        {"%C3=1&Z=2&a=3", "%C3=1&Z=2&a=3"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(buf) struct buf target = {0}, got = {0}, want = {0};
        buf_addf(&target, "/?%s", cases[i].query);
        struct sigv4_header host = {"host", "h"};
        struct sigv4_request rq = {"GET", buf_str(&target), &host, 1, "p"};
        sigv4_canonical(&rq, &got);
        buf_addf(&want, "GET\n/\n%s\nhost:h\n\nhost\np", cases[i].want);
        assert_string_equal(buf_str(&got), buf_str(&want));
    }
}

/* The published suite: one folder per case. */

struct suite_case {
    char folder[4300];
    char *id, *secret, *token, *time, *region, *service;
    bool normalize, sign_body, omit_token;
    long expires_s;
    char *method, *body;
    struct buf target;
    char *lines; /* the request's text, cut into the headers' names and values */
    struct sigv4_header h[16];
    size_t n;
};

static char *slurp(const char *folder, const char *name)
{
    AUTO(free) char *path = xasprintf("%s/%s", folder, name);
    AUTO(file) FILE *f = fopen(path, "re");
    AUTO(buf) struct buf b = {0};
    if (!f)
        return NULL;
    buf_added(&b, fread(buf_room(&b, 65536), 1, 65536, f));
    return buf_take(&b);
}

/* The context files are flat enough for this: the text after "name": up to a quote or comma. */
static char *json_value(const char *json, const char *name)
{
    AUTO(free) char *quoted = xasprintf("\"%s\":", name);
    const char *p = strstr(json, quoted);
    if (!p)
        return xstrdup("");
    p += strlen(quoted);
    p += strspn(p, " \"");
    return xstrndup(p, strcspn(p, "\",\n}"));
}

/* What the suite calls normalisation, for services other than S3: RFC 3986 dot segments and
 * doubled slashes go. */
static char *normalized(const char *path)
{
    AUTO(free) char *copy = xstrdup(path);
    char *part[64], *save = NULL;
    size_t n = 0, len = strlen(path);
    AUTO(buf) struct buf b = {0};
    for (char *p = strtok_r(copy, "/", &save); p; p = strtok_r(NULL, "/", &save)) {
        if (strcmp(p, "..") == 0)
            n -= n > 0;
        else if (strcmp(p, ".") != 0)
            part[n++] = p;
    }
    for (size_t i = 0; i < n; i++)
        buf_addf(&b, "/%s", part[i]);
    if (n == 0 || path[len - 1] == '/')
        buf_addc(&b, '/');
    return buf_take(&b);
}

/* The suite's targets are raw; ours are as sent. */
static void encode_target(struct suite_case *c, const char *raw, size_t n)
{
    AUTO(free) char *text = xstrndup(raw, n);
    char *query = strchr(text, '?');
    if (query)
        *query++ = '\0';
    AUTO(free) char *path = c->normalize ? normalized(text) : xstrdup(text);
    percent_encode(&c->target, path, strlen(path), true);
    if (query)
        buf_addc(&c->target, '?');
    for (const char *p = query; p && *p; p++) {
        if (strchr("=&%", *p))
            buf_addc(&c->target, *p);
        else
            percent_encode(&c->target, p, 1, false);
    }
}

static void parse_request(struct suite_case *c)
{
    char *p = c->lines;
    char *space = strchr(p, ' '), *eol = strchr(p, '\n');
    char *version = strstr(p, " HTTP/1.1");
    c->method = xstrndup(p, (size_t)(space - p));
    encode_target(c, space + 1, (size_t)(version - space - 1));
    for (p = eol + 1; *p && *p != '\n'; p = eol + 1) {
        eol = strchr(p, '\n');
        while (eol && (eol[1] == ' ' || eol[1] == '\t'))
            eol = strchr(eol + 1, '\n'); /* a value of several lines */
        char *colon = strchr(p, ':');
        *colon = '\0';
        c->h[c->n++] = (struct sigv4_header){p, colon + 1};
        if (!eol) {
            p = "";
            break;
        }
        *eol = '\0';
    }
    c->body = xstrdup(*p == '\n' ? p + 1 : "");
}

static void load_case(struct suite_case *c)
{
    AUTO(free) char *json = slurp(c->folder, "context.json");
    AUTO(free) char *expires = json_value(json, "expiration_in_seconds");
    AUTO(free) char *normalize = json_value(json, "normalize");
    AUTO(free) char *sign_body = json_value(json, "sign_body");
    AUTO(free) char *omit = json_value(json, "omit_session_token");
    AUTO(free) char *stamp = json_value(json, "timestamp");
    int64_t t;
    struct err *none = NULL;
    c->id = json_value(json, "access_key_id");
    c->secret = json_value(json, "secret_access_key");
    c->token = json_value(json, "token");
    c->region = json_value(json, "region");
    c->service = json_value(json, "service");
    c->expires_s = strtol(expires, NULL, 10);
    c->normalize = strncmp(normalize, "true", 4) == 0;
    c->sign_body = strncmp(sign_body, "true", 4) == 0;
    c->omit_token = strncmp(omit, "true", 4) == 0;
    assert_int_equal(when_parse(stamp, WHEN_DAY_START, &t, none), 0);
    c->time = xcalloc(SIGV4_TIME_SIZE, 1);
    sigv4_time(t, c->time);
    c->lines = slurp(c->folder, "request.txt");
    parse_request(c);
}

static void free_case(struct suite_case *c)
{
    char *all[] = {c->id,      c->secret, c->token, c->time, c->region,
                   c->service, c->method, c->body,  c->lines};
    for (size_t i = 0; i < COUNT(all); i++)
        free(all[i]);
    buf_done(&c->target);
}

static void expect_file(const struct suite_case *c, const char *name, const char *got)
{
    AUTO(free) char *want = slurp(c->folder, name);
    assert_non_null(want);
    size_t n = strlen(want);
    while (n > 0 && want[n - 1] == '\n')
        want[--n] = '\0';
    if (strcmp(want, got) != 0)
        fail_msg("%s %s: wanted\n%s\ngot\n%s", c->folder, name, want, got);
}

static void check_form(const struct suite_case *c, const char *form, const struct sigv4_request *rq,
                       const struct sigv4_signer *by)
{
    AUTO(buf) struct buf canonical = {0}, text = {0}, name = {0};
    char signature[SIGV4_HASH_SIZE];
    sigv4_canonical(rq, &canonical);
    sigv4_string_to_sign(by, buf_str(&canonical), &text);
    sigv4_signature(by, buf_str(&text), signature);
    buf_addf(&name, "%s-canonical-request.txt", form);
    expect_file(c, buf_str(&name), buf_str(&canonical));
    buf_clear(&name);
    buf_addf(&name, "%s-string-to-sign.txt", form);
    expect_file(c, buf_str(&name), buf_str(&text));
    buf_clear(&name);
    buf_addf(&name, "%s-signature.txt", form);
    expect_file(c, buf_str(&name), signature);
}

static void check_case(struct suite_case *c)
{
    char hash[SIGV4_HASH_SIZE];
    const char *token = c->token[0] && !c->omit_token ? c->token : NULL;
    struct sigv4_signer by = {c->id, c->secret, c->region, c->service, c->time};
    sigv4_hash(c->body, strlen(c->body), hash);

    AUTO(buf) struct buf presigned = {0};
    struct sigv4_request query = {c->method, NULL, c->h, c->n, hash};
    buf_adds(&presigned, buf_str(&c->target));
    sigv4_presign_target(&query, &by, token, (int)c->expires_s, &presigned);
    query.target = buf_str(&presigned);
    check_form(c, "query", &query, &by);

    c->h[c->n++] = (struct sigv4_header){"X-Amz-Date", c->time};
    if (token)
        c->h[c->n++] = (struct sigv4_header){"X-Amz-Security-Token", token};
    if (c->sign_body)
        c->h[c->n++] = (struct sigv4_header){"x-amz-content-sha256", hash};
    struct sigv4_request header = {c->method, buf_str(&c->target), c->h, c->n, hash};
    check_form(c, "header", &header, &by);
}

static void test_suite(void **state)
{
    const char *vectors = getenv("SHOTLAKE_VECTORS"), *source = getenv("SHOTLAKE_SOURCE");
    AUTO(free)
    char *archive =
        vectors ? xasprintf("%s/sigv4/aws-signing-test-suite-v4.tar.gz", vectors)
                : xasprintf("%s/../shared/auth-vectors/sigv4/aws-signing-test-suite-v4.tar.gz",
                            source ? source : ".");
    char folder[] = "/tmp/test_sigv4.XXXXXX";
    unsigned ran = 0;
    (void)state;
    if (access(archive, R_OK) < 0) {
        print_message("skipped: no %s (set SHOTLAKE_VECTORS)\n", archive);
        skip();
    }
    assert_non_null(mkdtemp(folder));
    AUTO(free) char *unpack = xasprintf("tar -xzf '%s' -C '%s'", archive, folder);
    assert_int_equal(system(unpack), 0);
    AUTO(free) char *top = xasprintf("%s/tests/aws-signing-test-suite/v4", folder);
    AUTO(dir) DIR *d = opendir(top);
    assert_non_null(d);
    for (struct dirent *entry; (entry = readdir(d));) {
        if (entry->d_name[0] == '.')
            continue;
        struct suite_case c = {0};
        snprintf(c.folder, sizeof c.folder, "%s/%s", top, entry->d_name);
        load_case(&c);
        check_case(&c);
        free_case(&c);
        ran++;
    }
    AUTO(free) char *clean = xasprintf("rm -rf '%s'", folder);
    assert_int_equal(system(clean), 0);
    print_message("%u cases in two forms\n", ran);
    assert_true(ran >= 38);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documented), cmocka_unit_test(test_authorization_form),
        cmocka_unit_test(test_presigned),  cmocka_unit_test(test_query_order),
        cmocka_unit_test(test_suite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
