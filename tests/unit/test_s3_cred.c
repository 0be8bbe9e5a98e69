/* tests/unit/test_s3_cred.c - who we are and where the store is: environment, files, metadata. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/when.h"
#include "fs/s3/s3_cred.h"
#include "fs/s3/s3_keys.h"
#include "fs/s3/s3_metadata.h"

#define S3_HTTP_WORLD_IMPLEMENTATION
#include "tests/unit/s3_http_world.h"

static char folder[] = "/tmp/test_s3_cred.XXXXXX";
static char *config, *credentials;

static void write_file(const char *path, const char *text)
{
    if (!text) {
        unlink(path);
        return;
    }
    FILE *f = fopen(path, "we");
    fputs(text, f);
    fclose(f);
}

/* Sets what is in `settings` ("NAME=value|NAME=value") and nothing else of AWS. */
static void set_env(const char *settings)
{
    static const char *const all[] = {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT_URL",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_CA_BUNDLE",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    };
    for (size_t i = 0; i < COUNT(all); i++)
        unsetenv(all[i]);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    setenv("AWS_CONFIG_FILE", config, 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", credentials, 1);
    AUTO(free) char *copy = xstrdup(settings);
    char *save = NULL;
    for (char *p = strtok_r(copy, "|", &save); p; p = strtok_r(NULL, "|", &save)) {
        char *equals = strchr(p, '=');
        *equals = '\0';
        setenv(p, equals + 1, 1);
    }
}

#define ENV_KEYS "AWS_ACCESS_KEY_ID=EID|AWS_SECRET_ACCESS_KEY=ES"

static const struct {
    const char *name, *env, *config, *credentials;
    int r;
    const char *keys; /* "id secret token" */
    const char *endpoint, *region, *ca;
    const char *says;
} cases[] = {
    {"environment", ENV_KEYS, NULL, NULL, 0, "EID ES -", NULL, "us-east-1", NULL, NULL},
    {"session", ENV_KEYS "|AWS_SESSION_TOKEN=T|AWS_REGION=r1|AWS_DEFAULT_REGION=r2", NULL, NULL, 0,
     "EID ES T", NULL, "r1", NULL, NULL},
    {"default region", ENV_KEYS "|AWS_DEFAULT_REGION=r2|AWS_CA_BUNDLE=/ca",
     "[default]\nregion=r3\n", NULL, 0, "EID ES -", NULL, "r2", "/ca", NULL},
    {"endpoint order 1", ENV_KEYS "|AWS_ENDPOINT_URL=http://2|AWS_ENDPOINT_URL_S3=http://1", NULL,
     NULL, 0, "EID ES -", "http://1", "us-east-1", NULL, NULL},
    {"endpoint order 2", ENV_KEYS "|AWS_ENDPOINT_URL=http://2",
     "[default]\nendpoint_url=http://4\n", NULL, 0, "EID ES -", "http://2", "us-east-1", NULL,
     NULL},
    {"endpoint order 3", ENV_KEYS,
     "[services x]\ns3 =\n  endpoint_url = "
     "http://3\n[default]\nservices=x\nendpoint_url=http://4\n",
     NULL, 0, "EID ES -", "http://3", "us-east-1", NULL, NULL},
    {"endpoint order 4", ENV_KEYS, "[default]\nendpoint_url=http://4\nca_bundle=/b\n", NULL, 0,
     "EID ES -", "http://4", "us-east-1", "/b", NULL},
    {"ignored endpoints", ENV_KEYS "|AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true",
     "[default]\nendpoint_url=http://4\n", NULL, 0, "EID ES -", NULL, "us-east-1", NULL, NULL},
    {"credentials file", "",
     "[default]\nregion=r\naws_access_key_id=CID\naws_secret_access_key=CS\n",
     "[default]\naws_access_key_id = FID\naws_secret_access_key = FS\naws_session_token=FT\n", 0,
     "FID FS FT", NULL, "r", NULL, NULL},
    {"config file", "", "[default]\naws_access_key_id=CID\naws_secret_access_key=CS\n", NULL, 0,
     "CID CS -", NULL, "us-east-1", NULL, NULL},
    {"keys of two files do not mix", "",
     "[default]\naws_session_token=CT\naws_access_key_id=CID\naws_secret_access_key=CS\n",
     "[default]\naws_access_key_id=FID\naws_secret_access_key=FS\n", 0, "FID FS -", NULL,
     "us-east-1", NULL, NULL},
    {"profile", "AWS_PROFILE=show", "[profile show]\nregion=r\n",
     "[show]\naws_access_key_id=PID\naws_secret_access_key=PS\n"
     "[default]\naws_access_key_id=FID\naws_secret_access_key=FS\n",
     0, "PID PS -", NULL, "r", NULL, NULL},
    {"no such profile", "AWS_PROFILE=none", NULL,
     "[default]\naws_access_key_id=FID\naws_secret_access_key=FS\n", -EACCES, NULL, NULL, NULL,
     NULL, "no profile 'none'"},
    {"environment before profile", ENV_KEYS "|AWS_PROFILE=none", NULL, NULL, 0, "EID ES -", NULL,
     "us-east-1", NULL, NULL},
    {"half of a pair", "AWS_ACCESS_KEY_ID=EID", NULL, NULL, -EINVAL, NULL, NULL, NULL, NULL,
     "AWS_SECRET_ACCESS_KEY is not set"},
    {"half of a pair in a file", "", NULL, "[default]\naws_access_key_id=FID\n", -EINVAL, NULL,
     NULL, NULL, NULL, "only one of"},
    {"nothing at all", "", NULL, NULL, -EACCES, NULL, NULL, NULL, NULL, "no S3 credentials: set"},
    {"a role", "", "[default]\nrole_arn=x\nsource_profile=y\n", NULL, -EACCES, NULL, NULL, NULL,
     NULL, "gets its keys by role_arn"},
    {"a role, but keys", ENV_KEYS, "[default]\nrole_arn=x\nendpoint_url=http://4\n", NULL, 0,
     "EID ES -", "http://4", "us-east-1", NULL, NULL},
    {"nonsense in a file", ENV_KEYS, "[default]\nwhat is this SECRET\n", NULL, -EBADMSG, NULL, NULL,
     NULL, NULL, "line 2"},
    {"control characters", "AWS_ACCESS_KEY_ID=E\x01|AWS_SECRET_ACCESS_KEY=ES", NULL, NULL, -EINVAL,
     NULL, NULL, NULL, NULL, "access key id is empty or has"},
    {"unsafe container address", "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://evil/x", NULL, NULL,
     -EACCES, NULL, NULL, NULL, NULL, "must be https"},
};

static void same(const char *name, const char *got, const char *want)
{
    if ((got == NULL) != (want == NULL) || (got && strcmp(got, want) != 0))
        fail_msg("%s: wanted '%s', got '%s'", name, want ? want : "-", got ? got : "-");
}

static void test_sources(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct s3_cred *c = NULL;
        struct err e = {0};
        set_env(cases[i].env);
        write_file(config, cases[i].config);
        write_file(credentials, cases[i].credentials);
        int r = s3_cred_open(&c, &e);
        if (r != cases[i].r || (r < 0 && !strstr(e.text, cases[i].says)))
            fail_msg("%s: %d '%s'", cases[i].name, r, e.text);
        assert_null(strstr(e.text, "SECRET\n"));
        if (r < 0)
            continue;
        AUTO(s3_keys) struct s3_keys *k = s3_cred_take(c);
        AUTO(free) char *keys = xasprintf("%s %s %s", k->id, k->secret, k->token ? k->token : "-");
        same(cases[i].name, keys, cases[i].keys);
        same(cases[i].name, s3_cred_endpoint(c), cases[i].endpoint);
        same(cases[i].name, s3_cred_region(c), cases[i].region);
        same(cases[i].name, s3_cred_ca_bundle(c), cases[i].ca);
        s3_cred_close(c);
    }
}

static int64_t mono_now;

static int64_t test_mono(void)
{
    return mono_now;
}

static int64_t test_wall(void)
{
    return 1000000;
}

static void test_files_are_read_again(void **state)
{
    (void)state;
    struct s3_cred *c;
    set_env("");
    write_file(config, NULL);
    write_file(credentials, "[default]\naws_access_key_id=ONE\naws_secret_access_key=s\n");
    clock_set(test_wall, test_mono);
    assert_int_equal(s3_cred_open(&c, NULL), 0);

    struct s3_keys *k = s3_cred_take(c);
    write_file(credentials, "[default]\naws_access_key_id=TWO22\naws_secret_access_key=s\n");
    struct s3_keys *soon = s3_cred_take(c); /* not looked at again within a second */
    assert_string_equal(soon->id, "ONE");
    assert_true(s3_cred_refused(c, k)); /* but at once where the store refuses */
    struct s3_keys *fresh = s3_cred_take(c);
    assert_string_equal(fresh->id, "TWO22");
    assert_false(s3_cred_refused(c, fresh));
    assert_string_equal(k->id, "ONE"); /* a snapshot stays what it was */

    write_file(credentials, "half a li");
    mono_now += 5000;
    struct s3_keys *kept = s3_cred_take(c);
    assert_string_equal(kept->id, "TWO22");
    write_file(credentials, "[default]\naws_access_key_id=THREE\naws_secret_access_key=s\n");
    mono_now += 5000;
    struct s3_keys *third = s3_cred_take(c);
    assert_string_equal(third->id, "THREE");
    struct s3_keys *all[] = {k, soon, fresh, kept, third};
    for (size_t i = 0; i < COUNT(all); i++)
        s3_keys_unref(all[i]);
    s3_cred_close(c);
    clock_set(NULL, NULL);
}

static void test_tail(void **state)
{
    static const struct {
        const char *id, *tail;
    } ids[] = {{"AKIAIOSFODNN7EXAMPLE", "MPLE"}, {"abcd", "cd"}, {"a", ""}};
    (void)state;
    for (size_t i = 0; i < COUNT(ids); i++) {
        struct s3_keys *k;
        assert_int_equal(s3_keys_new(ids[i].id, "s", "", WHEN_NEVER, &k, NULL), 0);
        assert_string_equal(s3_keys_tail(k), ids[i].tail);
        assert_null(k->token);
        s3_keys_unref(k);
    }
}

/* Metadata */

static void test_safe_addresses(void **state)
{
    static const struct {
        const char *url;
        bool safe;
    } urls[] = {
        {"https://any.example/x", true},     {"http://127.0.0.1/x", true},
        {"http://127.9.9.9:80/x", true},     {"http://localhost/x", true},
        {"http://[::1]:8080/x", true},       {"http://169.254.170.2/x", true},
        {"http://169.254.170.23/x", true},   {"http://[fd00:ec2::23]/x", true},
        {"http://169.254.169.254/x", false}, {"http://example/x", false},
        {"http://127.0.0.1@evil/x", false},  {"http://127.0.0.1.evil/x", false},
        {"http://localhost.evil/x", false},  {"ftp://127.0.0.1/x", false},
        {"https://u:p@host/x", false},       {"", false},
        {"file:///etc/passwd", false},       {"http://128.0.0.1/x", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(urls); i++)
        if (s3_metadata_url_is_safe(urls[i].url) != urls[i].safe)
            fail_msg("'%s'", urls[i].url);
}

static void test_metadata_documents(void **state)
{
    static const struct {
        const char *json;
        int r;
        const char *token;
        int64_t expires;
    } docs[] = {
        {"{\"AccessKeyId\":\"I\",\"SecretAccessKey\":\"S\",\"Token\":\"T\","
         "\"Expiration\":\"2026-02-03T04:05:06Z\",\"Code\":\"Success\",\"Type\":\"x\"}",
         0, "T", 1770091506},
        {"{\"AccessKeyId\":\"I\",\"SecretAccessKey\":\"S\"}", 0, NULL, WHEN_NEVER},
        {"{\"AccessKeyId\":\"I\",\"SecretAccessKey\":\"S\",\"Code\":\"Failed\"}", -EBADMSG, NULL,
         0},
        {"{\"AccessKeyId\":\"I\",\"SecretAccessKey\":\"S\",\"Expiration\":\"soon\"}", -EBADMSG,
         NULL, 0},
        {"{\"AccessKeyId\":\"I\\r\\nX: y\",\"SecretAccessKey\":\"S\"}", -EBADMSG, NULL, 0},
        {"{\"AccessKeyId\":1,\"SecretAccessKey\":\"S\"}", -EBADMSG, NULL, 0},
        {"{\"AccessKeyId\":\"I\"}", -EBADMSG, NULL, 0},
        {"[]", -EBADMSG, NULL, 0},
        {"", -EBADMSG, NULL, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(docs); i++) {
        struct s3_keys *k = NULL;
        int r = s3_metadata_parse(docs[i].json, strlen(docs[i].json), &k, NULL);
        if (r != docs[i].r)
            fail_msg("%s: %d", docs[i].json, r);
        if (r < 0)
            continue;
        same(docs[i].json, k->token, docs[i].token);
        assert_true(k->expires_s == docs[i].expires);
        s3_keys_unref(k);
    }
}

#define OK(length, body) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n" body
#define KEYS(id)                                                                                   \
    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"AccessKeyId\":\"" id "\","                     \
    "\"SecretAccessKey\":\"S\",\"Token\":\"T\",\"Expiration\":\"2999-01-01T00:00:00Z\"}"

static void test_instance(void **state)
{
    static const struct s3_http_step steps[] = {
        {"PUT /latest/api/token HTTP", OK("5", "TOKEN"), false, 0, NULL},
        {"X-aws-ec2-metadata-token: TOKEN", OK("5", "role\n"), false, 0, NULL},
        {"GET /latest/meta-data/iam/security-credentials/role HTTP", KEYS("FIRST"), true, 0, NULL},
        {"X-aws-ec2-metadata-token-ttl-seconds: ", OK("5", "TOKEN"), false, 0, NULL},
        {"GET /latest/meta-data/iam/security-credentials/ HTTP", OK("4", "role"), false, 0, NULL},
        {"GET /latest/meta-data/iam/security-credentials/role HTTP", KEYS("SECOND"), true, 0, NULL},
    };
    (void)state;
    struct s3_http_world w;
    struct s3_cred *c;
    struct err e;
    write_file(config, NULL);
    write_file(credentials, NULL);
    s3_http_world_start(&w, steps, COUNT(steps));
    set_env("http_proxy=http://127.0.0.1:1"); /* never used for keys */
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", w.endpoint, 1);
    setenv("AWS_EC2_METADATA_DISABLED", "false", 1);
    if (s3_cred_open(&c, &e) < 0)
        fail_msg("%s", e.text);
    struct s3_keys *first = s3_cred_take(c), *second;
    assert_string_equal(first->id, "FIRST");
    assert_string_equal(first->token, "T");
    assert_true(s3_cred_refused(c, first));
    while (s3_cred_is_fetching(c))
        usleep(10000);
    second = s3_cred_take(c);
    assert_string_equal(second->id, "SECOND");
    assert_true(s3_cred_refused(c, first)); /* others are there already: nothing is fetched */
    assert_false(s3_cred_is_fetching(c));
    s3_keys_unref(first);
    s3_keys_unref(second);
    s3_cred_close(c);
    s3_http_world_stop(&w);
    unsetenv("http_proxy");
}

static void test_container(void **state)
{
    static const struct s3_http_step steps[] = {
        {"\r\nAuthorization: Bearer abc\r\n", KEYS("CONTAINER"), true, 0, NULL}};
    (void)state;
    struct s3_http_world w;
    struct s3_cred *c;
    struct err e;
    AUTO(free) char *token = xasprintf("%s/token", folder);
    write_file(token, "Bearer abc\n");
    s3_http_world_start(&w, steps, COUNT(steps));
    set_env("AWS_CONTAINER_AUTHORIZATION_TOKEN=not this");
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", w.endpoint, 1);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token, 1);
    if (s3_cred_open(&c, &e) < 0)
        fail_msg("%s", e.text);
    struct s3_keys *k = s3_cred_take(c);
    assert_string_equal(k->id, "CONTAINER");
    s3_keys_unref(k);
    s3_cred_close(c);
    s3_http_world_stop(&w);
    unlink(token);
}

static void test_metadata_that_refuses(void **state)
{
    static const struct s3_http_step steps[] = {
        {"PUT", "HTTP/1.1 403 F\r\nContent-Length: 0\r\n\r\n", false, 0, NULL}};
    (void)state;
    struct s3_http_world w;
    struct s3_cred *c;
    struct err e;
    s3_http_world_start(&w, steps, COUNT(steps));
    set_env("");
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", w.endpoint, 1);
    setenv("AWS_EC2_METADATA_DISABLED", "false", 1);
    assert_int_equal(s3_cred_open(&c, &e), -EACCES);
    assert_non_null(strstr(e.text, "no S3 credentials"));
    assert_non_null(strstr(e.text, "status 403"));
    s3_http_world_stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_files_are_read_again),
        cmocka_unit_test(test_tail),
        cmocka_unit_test(test_safe_addresses),
        cmocka_unit_test(test_metadata_documents),
        cmocka_unit_test(test_instance),
        cmocka_unit_test(test_container),
        cmocka_unit_test(test_metadata_that_refuses),
    };
    if (!mkdtemp(folder))
        return 1;
    config = xasprintf("%s/config", folder);
    credentials = xasprintf("%s/credentials", folder);
    int r = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(config);
    unlink(credentials);
    rmdir(folder);
    free(config);
    free(credentials);
    return r;
}
