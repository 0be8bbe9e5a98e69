/* tests/unit/test_jwks_source.c - key sets of a provider: how often it is asked, and what of it is
 * believed. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "fs/auth/discovery.h"
#include "fs/auth/fetch.h"
#include "fs/auth/jwks_source.h"
#include "policy/jwk.h"
#include "tests/unit/auth_world.h"
#define S3_HTTP_WORLD_IMPLEMENTATION
#include "tests/unit/s3_http_world.h"

#define MINUTE 60000
#define AWAY "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\naway"

static char *ok(const char *body)
{
    return xasprintf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
}

/* The answer with a set of the keys of these numbers; the second may be 0. */
static char *set_of(unsigned char a, unsigned char b)
{
    AUTO(free) char *one = world_jwk(a), *two = b ? world_jwk(b) : xstrdup("");
    AUTO(free) char *body = xasprintf("{\"keys\":[%s%s%s]}", one, b ? "," : "", two);
    return ok(body);
}

struct provider {
    struct s3_http_world http;
    struct jwks_source *source;
    struct auth_world w;
    char *uri;
};

static void provider_start(struct provider *p, const struct s3_http_step *steps, size_t n)
{
    auth_world_init(&p->w);
    s3_http_world_start(&p->http, steps, n);
    p->uri = xasprintf("%s/keys", p->http.endpoint);
    p->source = jwks_source_new(p->uri, NULL, NULL);
}

static void provider_stop(struct provider *p)
{
    jwks_source_free(p->source);
    s3_http_world_stop(&p->http);
    free(p->uri);
    auth_world_done(&p->w);
}

static size_t asked(struct provider *p)
{
    pthread_mutex_lock(&p->http.lock);
    size_t n = p->http.at;
    pthread_mutex_unlock(&p->http.lock);
    return n;
}

/* Gets a set for a token of that key: how many keys it has, or the error. */
static int keys_for(struct jwks_source *s, unsigned char number, struct err *e)
{
    AUTO(free) char *token = world_token(number, "{}");
    AUTO(jwks_ref) struct jwks_ref keys = {0};
    int r = jwks_source_get(s, token, strlen(token), &keys, e);
    return r < 0 ? r : (int)keys.keys->n;
}

static void test_asks_seldom(void **state)
{
    (void)state;
    AUTO(free) char *one = set_of(1, 0), *two = set_of(1, 2);
    struct s3_http_step steps[] = {{.expect = "GET /keys "}, {.expect = "GET /keys "},
                                   {.expect = "GET /keys "}, {.answer = AWAY}, {.answer = AWAY},
                                   {.answer = one}};
    struct provider p;
    struct err e;
    steps[0].answer = one;
    steps[1].answer = steps[2].answer = two;
    provider_start(&p, steps, COUNT(steps));

    assert_int_equal(asked(&p), 0);
    assert_int_equal(keys_for(p.source, 1, &e), 1);
    for (int i = 0; i < 1000; i++) /* a key that is not there, over and over */
        assert_int_equal(keys_for(p.source, 9, &e), 1);
    assert_int_equal(asked(&p), 1);
    world_mono_ms += MINUTE;
    assert_int_equal(keys_for(p.source, 1, &e), 1); /* known, and fresh */
    assert_int_equal(asked(&p), 1);
    assert_int_equal(keys_for(p.source, 2, &e), 2); /* a new key: looked for, and found */
    assert_int_equal(asked(&p), 2);
    world_mono_ms += JWKS_FRESH_MS;
    assert_int_equal(keys_for(p.source, 1, &e), 2); /* no longer fresh */
    assert_int_equal(asked(&p), 3);

    world_mono_ms += JWKS_FRESH_MS; /* the provider goes away: its keys are kept */
    assert_int_equal(keys_for(p.source, 1, &e), 2);
    assert_int_equal(keys_for(p.source, 1, &e), 2);
    assert_int_equal(asked(&p), 4);
    world_mono_ms += JWKS_KEPT_MS - JWKS_FRESH_MS; /* not for ever */
    assert_int_equal(keys_for(p.source, 1, &e), -EAGAIN);
    assert_non_null(strstr(e.text, "status 503"));
    assert_int_equal(keys_for(p.source, 1, &e), -EAGAIN);
    assert_int_equal(asked(&p), 5);
    world_mono_ms += MINUTE;
    assert_int_equal(keys_for(p.source, 1, &e), 1);
    provider_stop(&p);
}

static void *get_unknown(void *arg)
{
    struct err e;
    return (void *)(intptr_t)keys_for(arg, 2, &e);
}

static void test_one_thread_asks(void **state)
{
    (void)state;
    AUTO(free) char *one = set_of(1, 0), *two = set_of(1, 2);
    struct s3_http_step steps[] = {{.answer = one}, {.byte_every_ms = 5}};
    struct provider p;
    struct err e;
    pthread_t threads[20];
    steps[1].answer = two;
    provider_start(&p, steps, COUNT(steps));
    assert_int_equal(keys_for(p.source, 1, &e), 1);
    world_mono_ms += MINUTE;
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, get_unknown, p.source), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *n;
        pthread_join(threads[i], &n);
        assert_int_equal((intptr_t)n, 2); /* all of them have waited for the one */
    }
    provider_stop(&p); /* fails where more requests came */
}

static void test_a_set_outlives_its_source(void **state)
{
    (void)state;
    AUTO(free) char *one = set_of(1, 0), *two = set_of(2, 3), *token = world_token(1, "{}");
    struct s3_http_step steps[] = {{.answer = one}, {.answer = two}};
    AUTO(jwks_ref) struct jwks_ref held = {0};
    struct provider p;
    struct err e;
    provider_start(&p, steps, COUNT(steps));
    assert_int_equal(jwks_source_get(p.source, token, strlen(token), &held, &e), 0);
    world_mono_ms += MINUTE;
    assert_int_equal(keys_for(p.source, 2, &e), 2);
    assert_non_null(jwks_find(held.keys, "k1"));
    provider_stop(&p);
    assert_non_null(jwks_find(held.keys, "k1"));
}

static void test_answers_that_are_not_believed(void **state)
{
    (void)state;
    AUTO(free) char *secret = ok("{\"kty\":\"oct\",\"alg\":\"HS256\",\"kid\":\"k1\",\"k\":"
                                 "\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"}");
    AUTO(free) char *not_json = ok("<html>");
    AUTO(free) char *huge = xasprintf("HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n%*s",
                                      JWKS_MAX_BYTES + 1, (int)JWKS_MAX_BYTES + 1, "");
    const struct {
        const char *answer, *sentence;
    } rows[] = {
        {"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", "status 302"},
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "status 404"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{\"keys\":[]}", "does not answer"},
        {"", "does not answer"},
        {secret, "shared secret"},
        {not_json, "not a JSON object"},
        {huge, "more than 1048576 bytes"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct s3_http_step step = {.answer = rows[i].answer, .close = true};
        struct provider p;
        struct err e;
        provider_start(&p, &step, 1);
        assert_int_equal(keys_for(p.source, 1, &e), -EAGAIN);
        if (!strstr(e.text, rows[i].sentence))
            fail_msg("row %zu: %s", i, e.text);
        provider_stop(&p);
    }
}

static void test_discovery(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence; /* NULL: good */
        int code;
    } rows[] = {
        {"{\"issuer\":\"https://idp/a\",\"jwks_uri\":\"https://keys/x\",\"more\":1}", NULL, 0},
        {"{\"issuer\":\"https://idp/a\",\"jwks_uri\":\"https://k/x\","
         "\"token_endpoint\":\"https://t/\",\"device_authorization_endpoint\":\"https://d/\"}",
         NULL, 0},
        {"{\"issuer\":\"https://idp/a/\",\"jwks_uri\":\"https://keys/x\"}", "calls itself", -EACCES},
        {"{\"issuer\":\"https://IDP/a\",\"jwks_uri\":\"https://keys/x\"}", "calls itself", -EACCES},
        {"{\"jwks_uri\":\"https://keys/x\"}", "calls itself", -EACCES},
        {"{\"issuer\":\"https://idp/a\"}", "names no key set", -EBADMSG},
        {"{\"issuer\":\"https://idp/a\",\"jwks_uri\":\"http://keys/x\"}", "jwks_uri", -EBADMSG},
        {"{\"issuer\":\"https://idp/a\",\"jwks_uri\":\"file:///etc/passwd\"}", "jwks_uri", -EBADMSG},
        {"{\"issuer\":\"https://idp/a\",\"jwks_uri\":[]}", "jwks_uri", -EBADMSG},
        {"{\"issuer\":\"https://idp/a\",\"jwks_uri\":\"https://k/\",\"token_endpoint\":\"x\"}",
         "token_endpoint", -EBADMSG},
        {"{\"issuer\":\"https://idp/a\",\"issuer\":\"x\"}", "not a JSON object", -EBADMSG},
        {"[]", "not a JSON object", -EBADMSG},
        {"", "not a JSON object", -EBADMSG},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(discovery) struct discovery d = {0};
        struct err e;
        int r = discovery_parse(rows[i].text, strlen(rows[i].text), "https://idp/a", &d, &e);
        if (r != rows[i].code || (r < 0 && !strstr(e.text, rows[i].sentence)))
            fail_msg("%s: %d %s", rows[i].text, r, r < 0 ? e.text : "");
        assert_int_equal(r == 0, d.jwks_uri != NULL);
    }
}

static void test_keys_by_discovery(void **state)
{
    (void)state;
    struct s3_http_world http;
    struct auth_world w;
    struct err e;
    AUTO(free) char *keys = set_of(1, 2);
    auth_world_init(&w);
    s3_http_world_start(&http, NULL, 0);
    AUTO(free) char *body = xasprintf("{\"issuer\":\"%s/realm\",\"jwks_uri\":\"%s/keys\"}",
                                      http.endpoint, http.endpoint);
    AUTO(free) char *document = ok(body), *issuer = xasprintf("%s/realm", http.endpoint);
    struct s3_http_step steps[] = {
        {.expect = "GET /realm/.well-known/openid-configuration "}, {.expect = "GET /keys "}};
    steps[0].answer = document;
    steps[1].answer = keys;
    pthread_mutex_lock(&http.lock);
    http.steps = steps;
    http.n = COUNT(steps);
    pthread_mutex_unlock(&http.lock);
    struct jwks_source *s = jwks_source_new(NULL, issuer, NULL);
    assert_int_equal(keys_for(s, 1, &e), 2);
    assert_int_equal(keys_for(s, 2, &e), 2);
    jwks_source_free(s);
    s3_http_world_stop(&http);
    auth_world_done(&w);
}

static void test_urls(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool safe;
    } rows[] = {
        {"https://idp.example/realms/a", true},
        {"https://idp.example:8443", true},
        {"HTTPS://idp.example/", true},
        {"http://127.0.0.1:8080/x", true},
        {"http://127.9.9.9/", true},
        {"http://localhost:3000", true},
        {"http://[::1]:3000/", true},
        {"http://idp.example/", false},
        {"http://127.0.0.1.evil.example/", false},
        {"http://localhost.evil.example/", false},
        {"http://128.0.0.1/", false},
        {"http://127.0.0.1@evil.example/", false},
        {"https://user@idp.example/", false},
        {"https://user:secret@idp.example/", false},
        {"https://idp.example/#x", false},
        {"https://idp.example/ x", false},
        {"https://idp.example/\nx", false},
        {"https://idp.\xc3\xa9xample/", false},
        {"ftp://idp.example/", false},
        {"file:///etc/passwd", false},
        {"idp.example", false},
        {"", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (fetch_url_is_safe(rows[i].url) != rows[i].safe)
            fail_msg("%s", rows[i].url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_asks_seldom),
        cmocka_unit_test(test_one_thread_asks),
        cmocka_unit_test(test_a_set_outlives_its_source),
        cmocka_unit_test(test_answers_that_are_not_believed),
        cmocka_unit_test(test_discovery),
        cmocka_unit_test(test_keys_by_discovery),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
