/* tests/unit/test_jose_vectors.c - Wycheproof's JOSE vectors, the examples of the RFCs, and a set of
 * attacks, against the verifier. */
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
#include <unistd.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/jwk.h"
#include "policy/jws.h"
#include "policy/jwt.h"

#define ALL_ALGS ((1u << JWK_ALG_COUNT) - 1)

static char *vectors(const char *file)
{
    const char *dir = getenv("SHOTLAKE_VECTORS"), *source = getenv("SHOTLAKE_SOURCE");
    char *path = dir ? xasprintf("%s/%s", dir, file)
                     : xasprintf("%s/../shared/auth-vectors/%s", source ? source : ".", file);
    if (access(path, R_OK) < 0) {
        print_message("SKIP: no vectors at %s (set SHOTLAKE_VECTORS)\n", path);
        free(path);
        skip();
    }
    return path;
}

static json_t *load(const char *path)
{
    json_error_t je;
    json_t *j = json_load_file(path, JSON_ALLOW_NUL, &je);
    if (!j)
        fail_msg("%s: %s", path, je.text);
    return j;
}

/* What a verifier gets of a key pair. */
static void strip_private(json_t *key)
{
    static const char *const parts[] = {"d", "p", "q", "dp", "dq", "qi"};
    for (size_t i = 0; i < COUNT(parts); i++)
        json_object_del(key, parts[i]);
}

static bool verifies(const json_t *key, const char *token, size_t n)
{
    AUTO(jwks) struct jwks *keys = NULL;
    AUTO(buf) struct buf payload = {0};
    struct err e;
    char *text = json_dumps(key, JSON_COMPACT);
    int r = jwks_parse(text, strlen(text), &keys, &e);
    free(text);
    return r == 0 && jws_verify(token, n, keys, ALL_ALGS, &payload, &e) == 0;
}

/* Vectors whose expectation is not kept, each for its reason. */
static bool is_exception(const char *file, json_int_t id, const char **why)
{
    static const struct {
        const char *file;
        int id;
        const char *why;
    } rows[] = {
        {"json_web_signature_test.json", 346, "a PS384 token for a key that says PS256"},
        {"json_web_signature_test.json", 350, "a PS384 token for a key that says PS256"},
        {"json_web_signature_test.json", 347, "a key of the unregistered algorithm ES521"},
        {"json_web_signature_test.json", 351, "a key of the unregistered algorithm ES521"},
        {"json_web_signature_test.json", 367, "the same bytes as the valid 357"},
        {"json_web_signature_test.json", 370, "the same bytes as the valid 357"},
        {"json_web_signature_test.json", 372, "'?' is no base64url"},
        {"json_web_signature_test.json", 373, "'?' is no base64url"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (strcmp(file, rows[i].file) == 0 && rows[i].id == id) {
            *why = rows[i].why;
            return true;
        }
    return false;
}

static unsigned check_group(const char *file, const json_t *group, unsigned *excepted)
{
    const json_t *key = json_object_get(group, "public");
    json_auto_t *mine = json_deep_copy(key ? key : json_object_get(group, "private"));
    unsigned n = 0;
    size_t i;
    json_t *t;
    json_array_foreach(json_object_get(group, "tests"), i, t) {
        const json_t *jws = json_object_get(t, "jws");
        if (!jws)
            continue; /* encryption: nothing here reads it */
        json_int_t id = json_integer_value(json_object_get(t, "tcId"));
        bool want = strcmp(json_string_value(json_object_get(t, "result")), "valid") == 0;
        const char *why;
        if (is_exception(file, id, &why)) {
            want = !want;
            ++*excepted;
        }
        char *text = json_is_string(jws) ? xstrdup(json_string_value(jws)) : json_dumps(jws, 0);
        if (verifies(mine, text, strlen(text)) != want)
            fail_msg("%s %lld (%s): not %s", file, (long long)id,
                     json_string_value(json_object_get(t, "comment")), want ? "valid" : "refused");
        free(text);
        n++;
    }
    return n;
}

static void check_wycheproof(const char *file, unsigned want, unsigned want_excepted)
{
    AUTO(free) char *name = xasprintf("wycheproof/%s", file);
    AUTO(free) char *path = vectors(name);
    json_auto_t *doc = load(path);
    unsigned n = 0, excepted = 0;
    size_t i;
    json_t *group;
    json_array_foreach(json_object_get(doc, "testGroups"), i, group)
        n += check_group(file, group, &excepted);
    print_message("%s: %u vectors, %u of them wrong themselves\n", file, n, excepted);
    assert_int_equal(n, want);
    assert_int_equal(excepted, want_excepted);
}

static void test_wycheproof_jws(void **state)
{
    (void)state;
    check_wycheproof("json_web_signature_test.json", 401, 8);
}

static void test_wycheproof_jwk(void **state)
{
    (void)state;
    check_wycheproof("json_web_key_test.json", 26, 0);
}

static void test_wycheproof_jose(void **state)
{
    (void)state;
    check_wycheproof("json_web_crypto_test.json", 49, 0);
}

/* Gives a key the "alg" that an RFC's example leaves out: the one that it verifies with. */
static void set_alg(json_t *key, const char *token)
{
    for (int alg = 0; alg < JWK_ALG_COUNT; alg++) {
        json_auto_t *try = json_deep_copy(key);
        json_object_set_new(try, "alg", json_string(jwk_alg_name((enum jwk_alg)alg)));
        if (verifies(try, token, strlen(token))) {
            json_object_update(key, try);
            return;
        }
    }
}

static void test_rfc_examples(void **state)
{
    (void)state;
    static const struct {
        const char *token, *key;
        bool valid;
    } rows[] = {
        {"rfc7515_A.1", "rfc7515_A.1", true}, {"rfc7515_A.2", "rfc7515_A.2", true},
        {"rfc7515_A.3", "rfc7515_A.3", true}, {"rfc7515_A.4", "rfc7515_A.4", true},
        {"rfc7515_A.5", "rfc7515_A.1", false}, /* "alg":"none" */
        {"rfc7520_4.1", "rfc7520_3.4", true}, {"rfc7520_4.2", "rfc7520_3.4", true},
        {"rfc7520_4.3", "rfc7520_3.2", true}, {"rfc7520_4.4", "rfc7520_3.5", true},
        {"rfc7515_A.3", "rfc7515_A.2", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(free) char *token_name = xasprintf("rfc-jose/%s.jwsc", rows[i].token);
        AUTO(free) char *key_name = xasprintf("rfc-jose/%s.jwk", rows[i].key);
        AUTO(free) char *token_path = vectors(token_name), *key_path = vectors(key_name);
        json_auto_t *key = load(key_path);
        AUTO(file) FILE *f = fopen(token_path, "r");
        char token[4096];
        assert_non_null(f);
        token[fread(token, 1, sizeof token - 1, f)] = '\0';
        token[strcspn(token, "\n")] = '\0';
        strip_private(key);
        json_object_del(key, "key_ops"); /* of the pair: "sign" */
        if (!json_object_get(key, "alg"))
            set_alg(key, token);
        if (verifies(key, token, strlen(token)) != rows[i].valid)
            fail_msg("%s with the key of %s: not %s", rows[i].token, rows[i].key,
                     rows[i].valid ? "valid" : "refused");
    }
}

static void test_attacks(void **state)
{
    (void)state;
    AUTO(free) char *set_path = vectors("jwt-attacks/jwks.json");
    AUTO(free) char *path = vectors("jwt-attacks/jwt-attacks.json");
    json_auto_t *set = load(set_path), *doc = load(path);
    AUTO(jwks) struct jwks *keys = NULL;
    AUTO(free) char *text = json_dumps(set, JSON_COMPACT);
    struct err e;
    struct jwt_rules rules = {
        .algs = 1u << JWK_RS256 | 1u << JWK_ES256 | 1u << JWK_EDDSA,
        .issuer = json_string_value(json_object_get(doc, "issuer")),
        .audience = json_string_value(json_object_get(doc, "audience")),
        .skew_s = json_integer_value(json_object_get(doc, "leeway")),
        .lifetime_max_s = json_integer_value(json_object_get(doc, "max_lifetime")),
    };
    assert_int_equal(jwks_parse(text, strlen(text), &keys, &e), 0);
    assert_int_equal(keys->n, 3);       /* rsa1, ec1, ed1 */
    assert_int_equal(keys->skipped, 2); /* weak1, enc1 */
    size_t i, n = 0;
    json_t *v;
    json_array_foreach(json_object_get(doc, "vectors"), i, v) {
        AUTO(jwt_identity) struct jwt_identity id = {0};
        const json_t *token = json_object_get(v, "token");
        bool want = strcmp(json_string_value(json_object_get(v, "expect")), "accept") == 0;
        int r = jwt_verify(json_string_value(token), json_string_length(token), keys, &rules,
                           json_integer_value(json_object_get(doc, "now")), &id, &e);
        if ((r == 0) != want)
            fail_msg("%lld %s: %s", (long long)json_integer_value(json_object_get(v, "id")),
                     json_string_value(json_object_get(v, "name")), r == 0 ? "accepted" : e.text);
        n++;
    }
    print_message("%zu tokens\n", n);
    assert_true(n >= 104);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wycheproof_jws),  cmocka_unit_test(test_wycheproof_jwk),
        cmocka_unit_test(test_wycheproof_jose), cmocka_unit_test(test_rfc_examples),
        cmocka_unit_test(test_attacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
