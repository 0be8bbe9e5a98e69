/* tests/unit/test_auth_config.c - configurations of signing in: what is meant, and what is refused. */
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
#include "fs/auth/auth_config.h"
#include "policy/jwk.h"

static int parse(const char *text, struct auth_config *c, struct err *e)
{
    return auth_config_parse(text, strlen(text), "/etc/lake", c, e);
}

static void test_everything(void **state)
{
    (void)state;
    AUTO(auth_config) struct auth_config c = {0};
    struct err e;
    if (parse("{\"jwt\":{\"alg\":[\"RS256\",\"ES256\"],\"issuer\":\"https://idp\","
              "\"audience\":\"lake\",\"jwk\":\"keys.json\",\"username\":\"name\",\"groups\":\"/a/b\","
              "\"affiliation\":\"aff\",\"entitlements\":\"ent\",\"superuser_client_ids\":[\"ci\"],"
              "\"superuser_groups\":[\"x\",\"y\"],\"group_expansion\":{\"vfx\":[\"viewer\"]},"
              "\"skew\":0,\"max_lifetime\":3600},"
              "\"oidc\":{\"issuer\":\"https://other\",\"client_id\":\"cli\",\"scope\":\"openid groups\","
              "\"token\":\"access_token\"},"
              "\"basic\":{\"users\":\"/srv/users\"},\"session\":{\"idle\":60,\"max\":120},"
              "\"ca\":\"ca.pem\"}", &c, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(c.rules.algs, 1u << JWK_RS256 | 1u << JWK_ES256);
    assert_string_equal(c.rules.issuer, "https://idp");
    assert_string_equal(c.rules.audience, "lake");
    assert_string_equal(c.rules.username, "name");
    assert_string_equal(c.rules.groups, "/a/b");
    assert_string_equal(c.rules.affiliation, "aff");
    assert_string_equal(c.rules.entitlements, "ent");
    assert_string_equal(c.rules.superuser_clients[0], "ci");
    assert_null(c.rules.superuser_clients[1]);
    assert_string_equal(c.rules.superuser_groups[1], "y");
    assert_int_equal(json_object_size(c.rules.expansion), 1);
    assert_int_equal(c.rules.skew_s, 0);
    assert_int_equal(c.rules.lifetime_max_s, 3600);
    assert_string_equal(c.keys, "/etc/lake/keys.json");
    assert_string_equal(c.issuer, "https://other");
    assert_string_equal(c.client_id, "cli");
    assert_string_equal(c.scope, "openid groups");
    assert_false(c.is_id_token);
    assert_string_equal(c.users, "/srv/users");
    assert_string_equal(c.ca, "/etc/lake/ca.pem");
    assert_int_equal(c.idle_s, 60);
    assert_int_equal(c.session_max_s, 120);
}

static void test_what_is_left_out(void **state)
{
    (void)state;
    AUTO(auth_config) struct auth_config none = {0}, oidc = {0}, uri = {0}, any = {0}, basic = {0};
    struct err e;
    assert_int_equal(parse("{}", &none, &e), 0);
    assert_false(none.has_jwt || none.has_oidc || none.has_basic);
    assert_int_equal(none.idle_s, 28800);
    assert_int_equal(none.session_max_s, 86400);

    assert_int_equal(parse("{\"oidc\":{\"issuer\":\"https://idp\",\"client_id\":\"cli\"}}", &oidc, &e),
                     0);
    assert_true(oidc.has_jwt && oidc.is_id_token);
    assert_int_equal(oidc.rules.algs, 1u << JWK_RS256);
    assert_string_equal(oidc.rules.issuer, "https://idp");
    assert_string_equal(oidc.rules.audience, "cli"); /* whom an id_token is for */
    assert_string_equal(oidc.rules.username, "sub");
    assert_string_equal(oidc.scope, "openid");
    assert_int_equal(oidc.rules.skew_s, 60);
    assert_null(oidc.keys);

    assert_int_equal(parse("{\"jwt\":{\"alg\":\"EdDSA\",\"issuer\":\"x\",\"audience\":\"lake\","
                           "\"jwk\":\"https://idp/keys\"}}", &uri, &e), 0);
    assert_int_equal(uri.rules.algs, 1u << JWK_EDDSA);
    assert_string_equal(uri.keys, "https://idp/keys");

    assert_int_equal(parse("{\"jwt\":{\"issuer_enforced\":false,\"issuer\":\"x\","
                           "\"audience\":\"lake\",\"jwk\":\"k\"}}", &any, &e), 0);
    assert_null(any.rules.issuer);

    assert_int_equal(parse("{\"basic\":{}}", &basic, &e), 0);
    assert_string_equal(basic.users, "/etc/lake/users.json");
    assert_false(basic.has_jwt);
}

#define J "\"issuer\":\"x\",\"audience\":\"a\",\"jwk\":\"k\""
#define O "\"issuer\":\"https://idp\",\"client_id\":\"c\""

static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *place;
    } rows[] = {
        {"", "line 1"},
        {"{\"jwt\":{},\"jwt\":{}}", "line 1"},
        {"[]", "/:"},
        {"{\"jwks\":{}}", "/jwks:"},
        {"{\"jwt\":[]}", "/jwt:"},
        {"{\"jwt\":{" J ",\"superuser_group\":[]}}", "/jwt/superuser_group:"},
        {"{\"jwt\":{\"audience\":\"a\",\"jwk\":\"k\"}}", "/jwt/issuer:"},
        {"{\"jwt\":{\"issuer_enforced\":0," J "}}", "/jwt/issuer_enforced:"},
        {"{\"jwt\":{\"issuer\":\"x\",\"jwk\":\"k\"}}", "/jwt/audience:"},
        {"{\"jwt\":{\"issuer\":\"x\",\"jwk\":\"k\",\"audience\":\"\"}}", "/jwt/audience:"},
        {"{\"jwt\":{\"issuer\":\"x\",\"jwk\":\"k\",\"audience\":[\"a\"]}}", "/jwt/audience:"},
        {"{\"jwt\":{\"issuer\":\"x\",\"audience\":\"a\"}}", "/jwt/jwk:"},
        {"{\"jwt\":{\"issuer\":\"x\",\"audience\":\"a\",\"jwk\":\"http://idp/k\"}}", "/jwt/jwk:"},
        {"{\"jwt\":{\"issuer\":\"x\",\"audience\":\"a\",\"jwk\":\"ftp://idp/k\"}}", "/jwt/jwk:"},
        {"{\"jwt\":{" J ",\"alg\":\"none\"}}", "/jwt/alg:"},
        {"{\"jwt\":{" J ",\"alg\":[]}}", "/jwt/alg:"},
        {"{\"jwt\":{" J ",\"alg\":[\"RS256\",\"rs256\"]}}", "/jwt/alg:"},
        {"{\"jwt\":{" J ",\"alg\":{}}}", "/jwt/alg:"},
        {"{\"jwt\":{" J ",\"skew\":301}}", "/jwt/skew:"},
        {"{\"jwt\":{" J ",\"skew\":-1}}", "/jwt/skew:"},
        {"{\"jwt\":{" J ",\"skew\":1.5}}", "/jwt/skew:"},
        {"{\"jwt\":{" J ",\"max_lifetime\":0}}", "/jwt/max_lifetime:"},
        {"{\"jwt\":{" J ",\"superuser_groups\":\"admins\"}}", "/jwt/superuser_groups:"},
        {"{\"jwt\":{" J ",\"superuser_groups\":[\"\"]}}", "/jwt/superuser_groups:"},
        {"{\"jwt\":{" J ",\"superuser_client_ids\":[1]}}", "/jwt/superuser_client_ids:"},
        {"{\"jwt\":{" J ",\"group_expansion\":[]}}", "/jwt/group_expansion:"},
        {"{\"jwt\":{" J ",\"group_expansion\":{\"a\":\"b\"}}}", "/jwt/group_expansion:"},
        {"{\"oidc\":{\"client_id\":\"c\"}}", "/oidc/issuer:"},
        {"{\"oidc\":{\"issuer\":\"http://idp\",\"client_id\":\"c\"}}", "/oidc/issuer:"},
        {"{\"oidc\":{\"issuer\":\"https://idp\"}}", "/oidc/client_id:"},
        {"{\"oidc\":{" O ",\"token\":\"refresh_token\"}}", "/oidc/token:"},
        {"{\"oidc\":{" O ",\"token\":\"access_token\"}}", "/jwt/audience:"},
        {"{\"oidc\":{" O ",\"client_secret\":\"x\"}}", "/oidc/client_secret:"},
        {"{\"oidc\":null}", "/oidc:"},
        {"{\"basic\":{\"users\":1}}", "/basic/users:"},
        {"{\"basic\":{\"file\":\"x\"}}", "/basic/file:"},
        {"{\"session\":{\"idle\":0}}", "/session/idle:"},
        {"{\"session\":{\"max\":9999999}}", "/session/max:"},
        {"{\"session\":{\"life\":1}}", "/session/life:"},
        {"{\"ca\":[]}", "/ca:"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(auth_config) struct auth_config c = {0};
        struct err e;
        int r = parse(rows[i].text, &c, &e);
        if (r != -EBADMSG)
            fail_msg("%s: %d", rows[i].text, r);
        if (strncmp(e.text, rows[i].place, strlen(rows[i].place)) != 0)
            fail_msg("%s: %s", rows[i].text, e.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_what_is_left_out),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
