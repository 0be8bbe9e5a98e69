/* tests/unit/test_auth.c - credentials become identities, or are refused with a sentence. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "fs/auth/auth.h"
#include "policy/principals.h"
#include "tests/unit/auth_world.h"

#define CLAIMS "\"iss\":\"https://idp\",\"aud\":\"shotlake\",\"sub\":\"mia\",\"exp\":1750000600"
#define JWT "\"alg\":[\"EdDSA\"],\"issuer\":\"https://idp\",\"audience\":\"shotlake\"," \
            "\"jwk\":\"keys.json\""

static struct auth *load(struct auth_world *w, const char *config)
{
    struct auth *a = NULL;
    struct err e;
    if (auth_load(auth_world_write(w, "auth.json", "%s", config), &a, &e) < 0)
        fail_msg("%s: %s", config, e.text);
    return a;
}

static void write_keys(struct auth_world *w, unsigned char number)
{
    AUTO(free) char *jwk = world_jwk(number);
    auth_world_write(w, "keys.json", "{\"keys\":[%s]}", jwk);
}

static int check_token(struct auth *a, const char *token, struct identity *id, struct err *e)
{
    json_auto_t *credential = json_pack("{ss}", "token", token);
    return auth_check(a, credential, AUTH_NOW, id, e);
}

static int check(struct auth *a, unsigned char key, const char *payload, struct identity *id,
                 struct err *e)
{
    AUTO(free) char *token = world_token(key, payload);
    return check_token(a, token, id, e);
}

/* "a b c" of what the identity acts as. */
static void assert_acts_as(const struct identity *id, const char *want)
{
    AUTO(buf) struct buf got = {0};
    for (size_t i = 0; i < id->who.n; i++) {
        buf_adds(&got, i ? " " : "");
        buf_adds(&got, id->who.as[i]);
    }
    assert_string_equal(buf_str(&got), want);
}

static void test_token(void **state)
{
    (void)state;
    struct auth_world w;
    struct err e;
    auth_world_init(&w);
    write_keys(&w, 1);
    {
        AUTO(auth) struct auth *a = load(&w, "{\"jwt\":{" JWT ",\"affiliation\":\"primary\","
                                             "\"entitlements\":\"/x/rights\","
                                             "\"superuser_groups\":[\"Lake admins\"],"
                                             "\"group_expansion\":{\"vfx\":[\"av_viewer\"]}}}");
        AUTO(identity) struct identity id = {0};
        if (check(a, 1, "{" CLAIMS ",\"jti\":\"t1\",\"groups\":[\"vfx\",\"/roto\",\"/a/b\"],"
                        "\"primary\":\"staff\",\"x\":{\"rights\":\"urn:a;urn:b\"},"
                        "\"authorization_details\":[{\"type\":\"shotlake\","
                        "\"actions\":[\"read\"]}]}", &id, &e) < 0)
            fail_msg("%s", e.text);
        assert_acts_as(&id, "user:mia group:vfx group:roto group:av_viewer");
        assert_string_equal(id.who.affiliation, "staff");
        assert_int_equal(id.who.n_entitlements, 2);
        assert_string_equal(id.who.entitlements[1], "urn:b");
        assert_int_equal(json_array_size(id.who.details), 1);
        assert_false(id.who.superuser);
        assert_int_equal(id.who.address.family, 0);
        assert_int_equal(id.expires, 1750000600);
        assert_string_equal(id.id, "t1");
        assert_string_equal(id.how, "token");

        AUTO(identity) struct identity super = {0};
        assert_int_equal(check(a, 1, "{" CLAIMS ",\"groups\":\"Lake admins\"}", &super, &e), 0);
        assert_true(super.who.superuser);
        assert_null(super.who.affiliation);
        assert_null(super.who.details);
    }
    auth_world_done(&w);
}

static void test_names_stay_users(void **state)
{
    (void)state;
    static const struct {
        const char *sub, *as; /* NULL: refused */
    } rows[] = {
        {"mia@studio.example", "user:mia@studio.example"},
        {"group:vfx", "user:group:vfx"},
        {"arn:aws:iam::111122223333:role/x", NULL},
        {"a/b", NULL},
    };
    struct auth_world w;
    auth_world_init(&w);
    write_keys(&w, 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(auth) struct auth *a = load(&w, "{\"jwt\":{" JWT "}}");
        AUTO(identity) struct identity id = {0};
        AUTO(free) char *payload = xasprintf("{\"iss\":\"https://idp\",\"aud\":\"shotlake\","
                                             "\"exp\":1750000600,\"sub\":\"%s\"}", rows[i].sub);
        struct err e;
        int r = check(a, 1, payload, &id, &e);
        assert_int_equal(r, rows[i].as ? 0 : -EBADMSG);
        if (rows[i].as)
            assert_acts_as(&id, rows[i].as);
    }
    auth_world_done(&w);
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *name, *credential;
        int code;
    } rows[] = {
        {"nothing", "{}", -EBADMSG},
        {"no object", "[]", -EBADMSG},
        {"a token that is none", "{\"token\":\"x\"}", -EBADMSG},
        {"an empty token", "{\"token\":\"\"}", -EBADMSG},
        {"a number", "{\"token\":1}", -EBADMSG},
        {"both", "{\"token\":\"x\",\"user\":\"mia\",\"password\":\"y\"}", -EBADMSG},
        {"no password", "{\"user\":\"mia\"}", -EBADMSG},
        {"more", "{\"user\":\"mia\",\"password\":\"y\",\"z\":1}", -EBADMSG},
        {"a way that is not configured", "{\"user\":\"mia\",\"password\":\"y\"}", -EOPNOTSUPP},
    };
    struct auth_world w;
    struct err e;
    auth_world_init(&w);
    write_keys(&w, 1);
    {
        AUTO(auth) struct auth *a = load(&w, "{\"jwt\":{" JWT "}}");
        AUTO(auth) struct auth *none = load(&w, "{}");
        for (size_t i = 0; i < COUNT(rows); i++) {
            json_auto_t *credential = json_loads(rows[i].credential, 0, NULL);
            struct identity id;
            int r = auth_check(a, credential, AUTH_NOW, &id, &e);
            if (r != rows[i].code)
                fail_msg("%s: %d", rows[i].name, r);
        }
        struct identity id;
        AUTO(free) char *good = world_token(1, "{" CLAIMS "}");
        assert_int_equal(check_token(none, good, &id, &e), -EOPNOTSUPP);
        assert_int_equal(check(a, 2, "{" CLAIMS "}", &id, &e), -EACCES); /* another's key */
        json_auto_t *credential = json_pack("{ss}", "token", good);
        assert_int_equal(auth_check(a, credential, 1750000660, &id, &e), -EACCES); /* too late */
        assert_non_null(strstr(e.text, "expired"));
        assert_null(strstr(e.text, "mia"));
    }
    auth_world_done(&w);
}

static void test_key_file_changes(void **state)
{
    (void)state;
    struct auth_world w;
    struct err e;
    auth_world_init(&w);
    write_keys(&w, 1);
    {
        AUTO(auth) struct auth *a = load(&w, "{\"jwt\":{" JWT "}}");
        AUTO(identity) struct identity first = {0}, third = {0};
        struct identity none;
        assert_int_equal(check(a, 1, "{" CLAIMS "}", &first, &e), 0);
        write_keys(&w, 2);
        assert_int_equal(check(a, 1, "{" CLAIMS "}", &none, &e), -EACCES);
        assert_int_equal(check(a, 2, "{" CLAIMS "}", &third, &e), 0);
        auth_world_write(&w, "keys.json", "no keys");
        assert_int_equal(check(a, 2, "{" CLAIMS "}", &none, &e), -EAGAIN);
        assert_non_null(strstr(e.text, "keys.json"));
        unlink(w.path);
        assert_int_equal(check(a, 2, "{" CLAIMS "}", &none, &e), -EAGAIN);
    }
    auth_world_done(&w);
}

static void test_load_fails(void **state)
{
    (void)state;
    struct auth_world w;
    struct auth *a = NULL;
    struct err e;
    auth_world_init(&w);
    assert_int_equal(auth_load(w.dir, &a, &e), -EBADMSG); /* a folder */
    AUTO(free) char *absent = xasprintf("%s/absent.json", w.dir);
    assert_int_equal(auth_load(absent, &a, &e), -ENOENT);
    assert_int_equal(auth_load(auth_world_write(&w, "auth.json", "{\"jwt\":{\"algo\":1}}"), &a, &e),
                     -EBADMSG);
    assert_non_null(strstr(e.text, "auth.json': /jwt/algo: not a known member"));
    assert_null(a);
    auth_world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token),   cmocka_unit_test(test_names_stay_users),
        cmocka_unit_test(test_refuses), cmocka_unit_test(test_key_file_changes),
        cmocka_unit_test(test_load_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
