/* tests/unit/test_jwt.c - tokens made here, good ones and each with one thing wrong. */
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

#include <openssl/hmac.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/codec.h"
#include "base/err.h"
#include "policy/jwk.h"
#include "policy/jws.h"
#include "policy/jwt.h"

#define NOW 1750000000
#define SECRET "0123456789abcdef0123456789abcdef"
#define KEYS                                                                                       \
    "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"k1\",\"alg\":\"HS256\","                                \
    "\"k\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"}]}"

static void base64url(struct buf *b, const void *data, size_t n)
{
    static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *p = data;
    for (size_t i = 0; i < n; i += 3) {
        unsigned v = (unsigned)p[i] << 16 | (i + 1 < n ? (unsigned)p[i + 1] << 8 : 0) |
                     (i + 2 < n ? p[i + 2] : 0);
        for (size_t k = 0; k < 4 && i + k <= n; k++)
            buf_addc(b, abc[v >> (18 - 6 * k) & 63]);
    }
}

static void sign(const char *header, const char *payload, struct buf *ret)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    base64url(ret, header, strlen(header));
    buf_addc(ret, '.');
    base64url(ret, payload, strlen(payload));
    HMAC(EVP_sha256(), SECRET, 32, (unsigned char *)ret->p, ret->len, mac, &n);
    buf_addc(ret, '.');
    base64url(ret, mac, n);
}

static struct jwks *keys_of(const char *text)
{
    struct jwks *keys = NULL;
    struct err e;
    if (jwks_parse(text, strlen(text), &keys, &e) < 0)
        fail_msg("%s", e.text);
    return keys;
}

static int check(const char *header, const char *payload, const struct jwt_rules *rules,
                 struct jwt_identity *id, struct err *e)
{
    AUTO(jwks) struct jwks *keys = keys_of(KEYS);
    AUTO(buf) struct buf token = {0};
    sign(header, payload, &token);
    return jwt_verify(token.p, token.len, keys, rules, NOW, id, e);
}

static const char *const superusers[] = {"Lake admins", NULL};
static const char *const superclients[] = {"ingest", NULL};
static const struct jwt_rules plain = {.algs = 1u << JWK_HS256, .issuer = "https://idp",
                                       .audience = "shotlake", .skew_s = JWT_SKEW_S,
                                       .superuser_groups = superusers,
                                       .superuser_clients = superclients};

#define HEADER "{\"alg\":\"HS256\",\"kid\":\"k1\"}"
#define CLAIMS "\"iss\":\"https://idp\",\"aud\":\"shotlake\",\"sub\":\"mia\",\"exp\":1750000600"

static void test_accepts(void **state)
{
    (void)state;
    AUTO(jwt_identity) struct jwt_identity id = {0};
    struct err e;
    if (check(HEADER, "{" CLAIMS ",\"groups\":[\"vfx\",\"comp\",\"vfx\"],\"jti\":\"t1\"}", &plain, &id,
              &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(id.user, "mia");
    assert_int_equal(id.n_groups, 2);
    assert_string_equal(id.groups[1], "comp");
    assert_false(id.superuser);
    assert_int_equal(id.expires, 1750000600);
    assert_string_equal(id.id, "t1");
    assert_null(id.details);
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *name, *header, *payload, *word;
    } rows[] = {
        {"none", "{\"alg\":\"none\",\"kid\":\"k1\"}", "{" CLAIMS "}", "alg"},
        {"another case of the name", "{\"alg\":\"hs256\",\"kid\":\"k1\"}", "{" CLAIMS "}", "alg"},
        {"an algorithm that is off", "{\"alg\":\"HS384\",\"kid\":\"k1\"}", "{" CLAIMS "}", "allowed"},
        {"crit", "{\"alg\":\"HS256\",\"kid\":\"k1\",\"crit\":[\"exp\"]}", "{" CLAIMS "}", "crit"},
        {"b64", "{\"alg\":\"HS256\",\"kid\":\"k1\",\"b64\":true}", "{" CLAIMS "}", "b64"},
        {"jku", "{\"alg\":\"HS256\",\"kid\":\"k1\",\"jku\":\"https://x\"}", "{" CLAIMS "}", "jku"},
        {"two algs", "{\"alg\":\"HS256\",\"alg\":\"HS256\",\"kid\":\"k1\"}", "{" CLAIMS "}", "header"},
        {"kid of nobody", "{\"alg\":\"HS256\",\"kid\":\"K1\"}", "{" CLAIMS "}", "kid"},
        {"typ", "{\"alg\":\"HS256\",\"kid\":\"k1\",\"typ\":\"logout+jwt\"}", "{" CLAIMS "}", "typ"},
        {"two subs", HEADER, "{" CLAIMS ",\"sub\":\"eve\"}", "payload"},
        {"trailing", HEADER, "{" CLAIMS "} x", "payload"},
        {"issuer", HEADER, "{\"iss\":\"https://idp/\",\"aud\":\"shotlake\",\"sub\":\"mia\","
                           "\"exp\":1750000600}", "issuer"},
        {"audience", HEADER, "{\"iss\":\"https://idp\",\"aud\":[\"shotlake2\"],\"sub\":\"mia\","
                             "\"exp\":1750000600}", "audience"},
        {"no audience", HEADER, "{\"iss\":\"https://idp\",\"sub\":\"mia\",\"exp\":1750000600}",
         "audience"},
        {"no exp", HEADER, "{\"iss\":\"https://idp\",\"aud\":\"shotlake\",\"sub\":\"mia\"}", "exp"},
        {"expired", HEADER, "{\"iss\":\"https://idp\",\"aud\":\"shotlake\",\"sub\":\"mia\","
                            "\"exp\":1749999940}", "expired"},
        {"not yet", HEADER, "{" CLAIMS ",\"nbf\":1750000061}", "not valid yet"},
        {"issued later", HEADER, "{" CLAIMS ",\"iat\":1750000061}", "future"},
        {"lives a year", HEADER, "{\"iss\":\"https://idp\",\"aud\":\"shotlake\",\"sub\":\"mia\","
                                 "\"exp\":1781536000}", "longer"},
        {"blank name", HEADER, "{\"iss\":\"https://idp\",\"aud\":\"shotlake\",\"sub\":\" \","
                               "\"exp\":1750000600}", "sub"},
        {"line break in a group", HEADER, "{" CLAIMS ",\"groups\":[\"a\\nb\"]}", "group"},
        {"groups that are none", HEADER, "{" CLAIMS ",\"groups\":{\"a\":1}}", "groups"},
        {"a foreign detail", HEADER,
         "{" CLAIMS ",\"authorization_details\":[{\"type\":\"payment\"}]}", "type"},
        {"an unknown restriction", HEADER,
         "{" CLAIMS ",\"authorization_details\":[{\"type\":\"shotlake\",\"shots\":[\"a\"]}]}", "shots"},
        {"details of no list", HEADER, "{" CLAIMS ",\"authorization_details\":{}}", "list"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(jwt_identity) struct jwt_identity id = {0};
        struct err e = {0};
        int r = check(rows[i].header, rows[i].payload, &plain, &id, &e);
        if (r != -EACCES && r != -EBADMSG)
            fail_msg("%s: %d", rows[i].name, r);
        if (!strstr(e.text, rows[i].word))
            fail_msg("%s: '%s' does not say '%s'", rows[i].name, e.text, rows[i].word);
        assert_null(id.user);
    }
}

/* Every bit of a token counts: no flip of one leaves it valid. */
static void test_every_bit_counts(void **state)
{
    (void)state;
    AUTO(jwks) struct jwks *keys = keys_of(KEYS);
    AUTO(buf) struct buf token = {0};
    sign(HEADER, "{" CLAIMS "}", &token);
    for (size_t i = 0; i < 8 * token.len; i++) {
        AUTO(jwt_identity) struct jwt_identity id = {0};
        struct err e;
        token.p[i / 8] = (char)(token.p[i / 8] ^ 1 << i % 8);
        if (jwt_verify(token.p, token.len, keys, &plain, NOW, &id, &e) == 0)
            fail_msg("bit %zu of the token does not count", i);
        token.p[i / 8] = (char)(token.p[i / 8] ^ 1 << i % 8);
    }
    for (size_t n = 0; n < token.len; n++) {
        AUTO(jwt_identity) struct jwt_identity id = {0};
        struct err e;
        if (jwt_verify(token.p, n, keys, &plain, NOW, &id, &e) == 0)
            fail_msg("its first %zu bytes are enough", n);
    }
}

static void test_superusers(void **state)
{
    (void)state;
    static const struct {
        const char *claims;
        bool superuser;
    } rows[] = {
        {",\"groups\":[\"Lake admins\"]", true},
        {",\"groups\":\"Lake admins\"", true},
        {",\"groups\":[\"lake admins\"]", false},
        {",\"azp\":\"ingest\"", true},
        {",\"client_id\":\"ingest\"", true},
        {",\"client_id\":\"ingest2\"", false},
        {",\"client_id\":[\"ingest\"]", false},
        {",\"groups\":[\"crew\"]", false}, /* that the expansion makes of it is not the issuer's word */
    };
    json_auto_t *expansion = json_pack("{s[s]}", "crew", "Lake admins");
    struct jwt_rules rules = plain;
    rules.expansion = expansion;
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(jwt_identity) struct jwt_identity id = {0};
        AUTO(free) char *payload = xasprintf("{" CLAIMS "%s}", rows[i].claims);
        struct err e;
        if (check(HEADER, payload, &rules, &id, &e) < 0)
            fail_msg("%s: %s", rows[i].claims, e.text);
        if (id.superuser != rows[i].superuser)
            fail_msg("%s: superuser %d", rows[i].claims, id.superuser);
    }
}

static void test_expansion_and_details(void **state)
{
    (void)state;
    AUTO(jwt_identity) struct jwt_identity id = {0};
    json_auto_t *expansion = json_pack("{s[ss] s[s]}", "vfx", "av_viewer", "comp", "comp", "roto");
    struct jwt_rules rules = plain;
    struct err e;
    rules.expansion = expansion;
    rules.username = "preferred_username";
    rules.groups = "cognito:groups";
    if (check(HEADER, "{" CLAIMS ",\"preferred_username\":\"mia.k\",\"cognito:groups\":[\"vfx\"],"
                      "\"authorization_details\":[{\"type\":\"shotlake\",\"actions\":[\"read\"],"
                      "\"edits\":[\"t7ory5o5hm\"]}]}", &rules, &id, &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(id.user, "mia.k");
    assert_int_equal(id.n_groups, 3); /* vfx, av_viewer, comp; not roto: one pass */
    assert_string_equal(id.groups[2], "comp");
    assert_int_equal(json_array_size(id.details), 1);
}

static void test_claims_lie_anywhere(void **state)
{
    (void)state;
    static const struct {
        const char *groups, *claims; /* the name of the claim, and the token's */
        size_t n;
    } rows[] = {
        {"/realm_access/roles", "\"realm_access\":{\"roles\":[\"a\",\"b\"]}", 2},
        {"/a~1b/~0", "\"a/b\":{\"~\":\"x\"}", 1},
        {"https://studio.example/groups", "\"https://studio.example/groups\":[\"a\"]", 1},
        {"/realm_access/roles", "\"realm_access\":[\"roles\"]", 0},
        {"/realm_access/roles", "\"/realm_access/roles\":[\"a\"]", 0},
        {"/x/y", "\"x\":null", 0},
        {"realm_access.roles", "\"realm_access\":{\"roles\":[\"a\"]}", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(jwt_identity) struct jwt_identity id = {0};
        AUTO(free) char *payload = xasprintf("{" CLAIMS ",%s}", rows[i].claims);
        struct jwt_rules rules = plain;
        struct err e;
        rules.groups = rows[i].groups;
        if (check(HEADER, payload, &rules, &id, &e) < 0)
            fail_msg("%s: %s", rows[i].groups, e.text);
        if (id.n_groups != rows[i].n)
            fail_msg("%s: %zu groups", rows[i].groups, id.n_groups);
    }
}

static void test_affiliation_and_entitlements(void **state)
{
    (void)state;
    static const struct {
        const char *claims, *affiliation; /* "": none; NULL: the token is refused */
        size_t n;
        const char *last; /* entitlement */
    } rows[] = {
        {"", "", 0, NULL},
        {",\"aff\":\"staff\",\"ent\":[\"urn:a\",\"urn:b;c\"]", "staff", 2, "urn:b;c"},
        {",\"aff\":[\"staff\"],\"ent\":\"urn:a;urn:b\"", "staff", 2, "urn:b"},
        {",\"aff\":\"\",\"ent\":\"\"", "", 0, NULL},
        {",\"aff\":null,\"ent\":null", "", 0, NULL},
        {",\"aff\":[],\"ent\":[]", "", 0, NULL},
        {",\"ent\":\";urn:a;;urn:a;\"", "", 1, "urn:a"},
        {",\"aff\":[\"staff\",\"student\"]", NULL, 0, NULL},
        {",\"aff\":1", NULL, 0, NULL},
        {",\"aff\":\" \"", NULL, 0, NULL},
        {",\"ent\":{}", NULL, 0, NULL},
        {",\"ent\":[1]", NULL, 0, NULL},
        {",\"ent\":[\"\"]", NULL, 0, NULL},
        {",\"ent\":\"a;\\u0001\"", NULL, 0, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(jwt_identity) struct jwt_identity id = {0};
        AUTO(free) char *payload = xasprintf("{" CLAIMS "%s}", rows[i].claims);
        struct jwt_rules rules = plain;
        struct err e;
        rules.affiliation = "aff";
        rules.entitlements = "ent";
        int r = check(HEADER, payload, &rules, &id, &e);
        if (r != (rows[i].affiliation ? 0 : -EBADMSG))
            fail_msg("%s: %d", rows[i].claims, r);
        if (r < 0)
            continue;
        assert_string_equal(id.affiliation ? id.affiliation : "", rows[i].affiliation);
        assert_int_equal(id.n_entitlements, rows[i].n);
        if (rows[i].n > 0)
            assert_string_equal(id.entitlements[rows[i].n - 1], rows[i].last);
    }
}

static void test_key_is_there(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        bool there;
    } rows[] = {
        {HEADER, true},
        {"{\"alg\":\"HS256\",\"kid\":\"k2\"}", false},
        {"{\"alg\":\"HS256\"}", true}, /* the only key of the set */
        /* what no newer set could make valid */
        {"{\"alg\":\"HS256\",\"kid\":\"k2\",\"jku\":\"https://x/\"}", true},
        {"{\"kid\":1}", true},
        {"no JSON", true},
    };
    AUTO(jwks) struct jwks *keys = keys_of(KEYS);
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(buf) struct buf token = {0};
        sign(rows[i].header, "{}", &token);
        if (jws_has_key(token.p, token.len, keys) != rows[i].there)
            fail_msg("%s", rows[i].header);
    }
    assert_true(jws_has_key("no token", 8, keys));
}

static void test_key_sets(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
        size_t n, skipped;
    } rows[] = {
        {"{\"keys\":[]}", 0, 0, 0},
        {"{\"keys\":{}}", -EBADMSG, 0, 0},
        {"[]", -EBADMSG, 0, 0},
        {"{\"keys\":[],\"keys\":[]}", -EBADMSG, 0, 0},
        {"{\"keys\":[1]}", -EBADMSG, 0, 0},
        {"{\"keys\":[{\"kty\":\"new\",\"kid\":\"a\"}]}", 0, 0, 1},
        {"{\"keys\":[{\"kty\":\"new\",\"kid\":\"a\"},{\"kty\":\"new\",\"kid\":\"a\"}]}", -EBADMSG, 0, 0},
        {"{\"keys\":[{\"kty\":\"oct\"},{\"kty\":\"RSA\"}]}", -EBADMSG, 0, 0},
        {"{\"keys\":[{\"kty\":\"RSA\",\"d\":\"AQAB\"}]}", -EBADMSG, 0, 0},
        {"{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"c2hvcnQ\"}", 0, 0, 1},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"}", 0, 0, 1},
        {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"RS256\",\"x\":\"AAAA\"}", 0, 0, 1},
        {KEYS, 0, 1, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(jwks) struct jwks *keys = NULL;
        struct err e;
        int r = jwks_parse(rows[i].text, strlen(rows[i].text), &keys, &e);
        if (r != rows[i].code)
            fail_msg("%s: %d", rows[i].text, r);
        if (r == 0 && (keys->n != rows[i].n || keys->skipped != rows[i].skipped))
            fail_msg("%s: %zu keys, %zu skipped (%s)", rows[i].text, keys->n, keys->skipped,
                     keys->why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),          cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_every_bit_counts), cmocka_unit_test(test_superusers),
        cmocka_unit_test(test_expansion_and_details), cmocka_unit_test(test_key_sets),
        cmocka_unit_test(test_claims_lie_anywhere),
        cmocka_unit_test(test_affiliation_and_entitlements), cmocka_unit_test(test_key_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
