/* tests/unit/test_oidc.c - the device flow against a provider that answers from a script. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "fs/auth/auth.h"
#include "fs/auth/oidc.h"
#include "tests/unit/auth_world.h"
#define S3_HTTP_WORLD_IMPLEMENTATION
#include "tests/unit/s3_http_world.h"

#define STEPS_MAX 12
#define DEVICE "{\"device_code\":\"dc/1+2\",\"user_code\":\"WDJB-MJHT\",\"verification_uri\":" \
               "\"https://idp/device\",\"verification_uri_complete\":\"https://idp/device?u=W\"," \
               "\"expires_in\":600,\"interval\":5}"
#define TOKEN_FORM "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&" \
                   "device_code=dc%2F1%2B2&client_id=cli%20ent"
#define PENDING "{\"error\":\"authorization_pending\"}"
#define TOKENS "{\"id_token\":\"the.id.token\",\"access_token\":\"the.access.token\"}"

/* A second goes by whenever somebody looks at the clock: waiting takes no time. */
static int64_t hurrying_ms;

static int64_t hurry(void)
{
    return __atomic_add_fetch(&hurrying_ms, 1000, __ATOMIC_SEQ_CST);
}

/* What is asked after discovery: a form that must be there, and the answer's status and body. */
struct exchange {
    const char *form;
    int status;
    const char *body;
};

struct flow {
    struct auth_world w;
    struct s3_http_world http;
    struct s3_http_step steps[STEPS_MAX];
    char *answers[STEPS_MAX];
    struct auth *auth;
    size_t prompts;
    char shown[256]; /* "URI CODE COMPLETE EXPIRES" */
    volatile int cancel;
    bool cancels; /* when it is shown the code */
};

static void begin(struct flow *f, const char *token, const struct exchange *x, size_t n)
{
    struct err e;
    auth_world_init(&f->w);
    clock_set(world_get_wall, hurry);
    s3_http_world_start(&f->http, NULL, 0);
    const char *at = f->http.endpoint;
    AUTO(free) char *document = xasprintf(
        "{\"issuer\":\"%s\",\"jwks_uri\":\"%s/keys\",\"token_endpoint\":\"%s/token\","
        "\"device_authorization_endpoint\":\"%s/device\"}", at, at, at, at);
    f->answers[0] = xasprintf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(document),
                              document);
    f->steps[0] = (struct s3_http_step){.expect = "GET /.well-known/openid-configuration ",
                                        .answer = f->answers[0]};
    for (size_t i = 0; i < n; i++) {
        f->answers[i + 1] = xasprintf("HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s",
                                      x[i].status, strlen(x[i].body), x[i].body);
        f->steps[i + 1] = (struct s3_http_step){.expect = x[i].form, .answer = f->answers[i + 1],
                                                .refuse = "GET"};
    }
    pthread_mutex_lock(&f->http.lock);
    f->http.steps = f->steps;
    f->http.n = n + 1;
    pthread_mutex_unlock(&f->http.lock);
    auth_world_write(&f->w, "auth.json", "{\"jwt\":{\"audience\":\"a\"},\"oidc\":{\"issuer\":\"%s\","
                     "\"client_id\":\"cli ent\",\"scope\":\"openid groups\",\"token\":\"%s\"}}", at,
                     token);
    if (auth_load(f->w.path, &f->auth, &e) < 0)
        fail_msg("%s", e.text);
}

static void end(struct flow *f)
{
    auth_free(f->auth);
    s3_http_world_stop(&f->http);
    for (size_t i = 0; i < STEPS_MAX; i++)
        free(f->answers[i]);
    auth_world_done(&f->w);
}

static void prompt(void *arg, const struct oidc_prompt *p)
{
    struct flow *f = arg;
    f->prompts++;
    snprintf(f->shown, sizeof f->shown, "%s %s %s %d", p->uri, p->code,
             p->uri_complete ? p->uri_complete : "-", p->expires_in);
    if (f->cancels)
        f->cancel = 1;
}

static int login(struct flow *f, char **token, struct err *e)
{
    return oidc_device_login(f->auth, prompt, f, &f->cancel, token, e);
}

static void test_agrees(void **state)
{
    (void)state;
    static const struct exchange talk[] = {
        {"client_id=cli%20ent&scope=openid%20groups", 200, DEVICE},
        {TOKEN_FORM, 400, PENDING},
        {TOKEN_FORM, 400, "{\"error\":\"slow_down\"}"},
        {TOKEN_FORM, 503, "<html>away</html>"}, /* asked again, later */
        {TOKEN_FORM, 400, PENDING},
        {TOKEN_FORM, 200, TOKENS},
    };
    static const char *const kinds[] = {"id_token", "access_token"};
    static const char *const tokens[] = {"the.id.token", "the.access.token"};
    for (size_t i = 0; i < COUNT(kinds); i++) {
        AUTO(secret) char *token = NULL;
        struct flow f = {0};
        struct err e;
        begin(&f, kinds[i], talk, COUNT(talk));
        if (login(&f, &token, &e) < 0)
            fail_msg("%s", e.text);
        assert_string_equal(token, tokens[i]);
        assert_int_equal(f.prompts, 1);
        assert_string_equal(f.shown, "https://idp/device WDJB-MJHT https://idp/device?u=W 600");
        end(&f);
    }
}

static void test_ends(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct exchange talk[3];
        size_t n;
        int code;
        const char *sentence;
        size_t prompts;
    } rows[] = {
        {"declined", {{NULL, 200, DEVICE}, {NULL, 400, "{\"error\":\"access_denied\"}"}}, 2, -EACCES,
         "declined", 1},
        {"over", {{NULL, 200, DEVICE}, {NULL, 400, "{\"error\":\"expired_token\"}"}}, 2, -ETIMEDOUT,
         "in time", 1},
        {"over by our clock", {{NULL, 200, "{\"device_code\":\"d\",\"user_code\":\"c\","
          "\"verification_uri\":\"https://idp/\",\"expires_in\":3,\"interval\":5}"}}, 1, -ETIMEDOUT,
         "in time", 1},
        {"another error", {{NULL, 200, DEVICE}, {NULL, 400, "{\"error\":\"invalid_grant\","
          "\"error_description\":\"no such code\"}"}}, 2, -EACCES, "invalid_grant: no such code", 1},
        {"an error that would write on the terminal", {{NULL, 400, "{\"error\":\"x\\u001b[2J\"}"}},
         1, -EACCES, "refuses (status 400): ", 0},
        {"unknown client", {{NULL, 401, "{\"error\":\"invalid_client\"}"}}, 1, -EACCES,
         "invalid_client", 0},
        {"no id_token", {{NULL, 200, DEVICE}, {NULL, 200, "{\"access_token\":\"x\"}"}}, 2, -EBADMSG,
         "openid", 1},
        {"no code", {{NULL, 200, "{\"device_code\":\"d\",\"verification_uri\":\"https://idp/\","
          "\"expires_in\":9}"}}, 1, -EBADMSG, "lacks", 0},
        {"a code that would write on the terminal", {{NULL, 200, "{\"device_code\":\"d\","
          "\"user_code\":\"\\u001b]0;x\",\"verification_uri\":\"https://idp/\",\"expires_in\":9}"}},
         1, -EBADMSG, "lacks", 0},
        {"an address without TLS", {{NULL, 200, "{\"device_code\":\"d\",\"user_code\":\"c\","
          "\"verification_uri\":\"http://idp/\",\"expires_in\":9}"}}, 1, -EBADMSG, "lacks", 0},
        {"a program as the address", {{NULL, 200, "{\"device_code\":\"d\",\"user_code\":\"c\","
          "\"verification_uri\":\"https://idp/\",\"verification_uri_complete\":\"file:///bin/x\","
          "\"expires_in\":9}"}}, 1, -EBADMSG, "lacks", 0},
        {"no lifetime", {{NULL, 200, "{\"device_code\":\"d\",\"user_code\":\"c\","
          "\"verification_uri\":\"https://idp/\"}"}}, 1, -EBADMSG, "lacks", 0},
        {"not JSON", {{NULL, 200, "<html>"}}, 1, -EBADMSG, "no JSON object", 0},
        {"a redirect", {{NULL, 302, ""}}, 1, -EBADMSG, "status 302", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *token = NULL;
        struct flow f = {0};
        struct err e;
        begin(&f, "id_token", rows[i].talk, rows[i].n);
        int r = login(&f, &token, &e);
        if (r != rows[i].code || !strstr(e.text, rows[i].sentence) || f.prompts != rows[i].prompts)
            fail_msg("%s: %d '%s', %zu prompts", rows[i].name, r, r < 0 ? e.text : "", f.prompts);
        assert_null(token);
        assert_null(strstr(e.text, "dc/1")); /* whoever has that code gets the token */
        end(&f);
    }
}

static void test_is_cancelled(void **state)
{
    (void)state;
    static const struct exchange talk[] = {{NULL, 200, DEVICE}};
    char *token = NULL;
    struct flow f = {.cancels = true};
    struct err e;
    begin(&f, "id_token", talk, COUNT(talk));
    assert_int_equal(login(&f, &token, &e), -EINTR);
    assert_int_equal(f.prompts, 1);
    end(&f);
}

static void test_is_not_offered(void **state)
{
    (void)state;
    struct auth_world w;
    struct auth *a = NULL;
    char *token = NULL;
    struct err e;
    auth_world_init(&w);
    assert_int_equal(auth_load(auth_world_write(&w, "auth.json", "{}"), &a, &e), 0);
    assert_int_equal(oidc_device_login(a, prompt, NULL, NULL, &token, &e), -EOPNOTSUPP);
    auth_free(a);
    auth_world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_is_cancelled),
        cmocka_unit_test(test_is_not_offered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
