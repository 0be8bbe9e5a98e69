/* tests/unit/test_auth_basic.c - names and passwords: who gets in, who waits, and what is told. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <crypt.h>
#include <errno.h>
#include <pthread.h>

#include "base/when.h"
#include "fs/auth/auth.h"
#include "fs/auth/basic.h"
#include "fs/auth/password.h"
#include "fs/auth/throttle.h"
#include "fs/auth/users.h"
#include "tests/unit/auth_world.h"

/* The cheapest yescrypt hash there is: what is tested here is not its cost. */
static char *hash_of(const char *password, char salt)
{
    struct crypt_data *data = xcalloc(1, sizeof *data);
    AUTO(free) char *setting = xasprintf("$y$j75$F5Jx5fExrKuPp53xLKQ.%c1", salt);
    const char *hash = crypt_rn(password, setting, data, sizeof *data);
    assert_non_null(hash);
    char *copy = xstrdup(hash);
    free(data);
    return copy;
}

struct basic_world {
    struct auth_world w;
    struct auth *auth;
    struct err e;
    char salt; /* of mia's hash */
};

static void write_users(struct basic_world *b, const char *mias_password, const char *mias_more)
{
    AUTO(free) char *mia = hash_of(mias_password, b->salt), *ole = hash_of("ole's password", 'x');
    auth_world_write(&b->w, "users.json",
                     "{\"users\":[{\"id\":\"mia\",\"hash\":\"%s\"%s},"
                     "{\"id\":\"ole\",\"hash\":\"%s\",\"disabled\":true}]}", mia, mias_more, ole);
}

static void begin(struct basic_world *b)
{
    auth_world_init(&b->w);
    b->salt = 'a';
    if (auth_load(auth_world_write(&b->w, "auth.json", "{\"basic\":{}}"), &b->auth, &b->e) < 0)
        fail_msg("%s", b->e.text);
    write_users(b, "mia's password", ",\"groups\":[\"vfx\"],\"roles\":[\"viewer\"]");
}

static void end(struct basic_world *b)
{
    auth_free(b->auth);
    auth_world_done(&b->w);
}

static int sign_in(struct basic_world *b, const char *user, const char *password,
                   struct identity *id)
{
    json_auto_t *credential = json_pack("{ssss}", "user", user, "password", password);
    return auth_check(b->auth, credential, AUTH_NOW, id, &b->e);
}

static int try(struct basic_world *b, const char *user, const char *password)
{
    AUTO(identity) struct identity id = {0};
    return sign_in(b, user, password, &id);
}

static void test_signs_in(void **state)
{
    (void)state;
    struct basic_world b = {0};
    begin(&b);
    for (int i = 0; i < 2; i++) { /* hashed, then remembered */
        AUTO(identity) struct identity id = {0};
        if (sign_in(&b, "mia", "mia's password", &id) < 0)
            fail_msg("%s", b.e.text);
        assert_int_equal(id.who.n, 3);
        assert_string_equal(id.who.as[0], "user:mia");
        assert_string_equal(id.who.as[1], "group:vfx");
        assert_string_equal(id.who.as[2], "role:viewer");
        assert_false(id.who.superuser);
        assert_true(id.expires == WHEN_NEVER);
        assert_string_equal(id.how, "basic");
    }
    end(&b);
}

static void test_one_sentence_for_all(void **state)
{
    (void)state;
    static const struct {
        const char *user, *password;
    } rows[] = {
        {"mia", "wrong"}, {"mia", ""}, {"mia", "mia's password "}, {"ole", "ole's password"},
        {"ole", "wrong"}, {"eve", "wrong"}, {"", "wrong"}, {"user:mia", "mia's password"},
        {"arn:aws:iam::111122223333:user/mia", "x"}, {"a/b", "x"}, {"Mia", "mia's password"},
    };
    AUTO(free) char *long_one = xasprintf("%*s", PASSWORD_MAX + 1, "x");
    struct basic_world b = {0};
    begin(&b);
    for (size_t i = 0; i <= COUNT(rows); i++) {
        const char *user = i < COUNT(rows) ? rows[i].user : "mia";
        int r = try(&b, user, i < COUNT(rows) ? rows[i].password : long_one);
        if (r != -EACCES)
            fail_msg("'%s': %d", user, r);
        assert_string_equal(b.e.text, "wrong name or password");
    }
    json_auto_t *nul = json_pack("{ss%ss}", "user", "mia\0x", (size_t)5, "password", "x");
    struct identity id;
    assert_int_equal(auth_check(b.auth, nul, AUTH_NOW, &id, &b.e), -EACCES);
    end(&b);
}

static void test_wrong_tries_run_out(void **state)
{
    (void)state;
    static const char *const users[] = {"mia", "nobody"}; /* told nothing by the difference */
    for (size_t u = 0; u < COUNT(users); u++) {
        struct basic_world b = {0};
        begin(&b);
        for (int i = 0; i < BASIC_USER_TRIES; i++)
            assert_int_equal(try(&b, users[u], "wrong"), -EACCES);
        assert_int_equal(try(&b, users[u], "wrong"), -EAGAIN);
        assert_int_equal(try(&b, users[u], "mia's password"), -EAGAIN);
        assert_string_equal(b.e.text, "too many wrong passwords; wait a while");
        world_mono_ms += BASIC_USER_REFILL_MS; /* one more */
        assert_int_equal(try(&b, users[u], "wrong"), -EACCES);
        assert_int_equal(try(&b, users[u], "wrong"), -EAGAIN);
        end(&b);
    }
}

static void test_right_ones_cost_no_try(void **state)
{
    (void)state;
    struct basic_world b = {0};
    begin(&b);
    for (int i = 0; i < 3 * BASIC_USER_TRIES; i++) {
        b.salt = (char)('a' + i); /* another hash of it, which nothing is remembered of */
        write_users(&b, "mia's password", "");
        assert_int_equal(try(&b, "mia", "mia's password"), 0);
    }
    /* Known to be right, it gets in although somebody else guesses. */
    for (int i = 0; i < BASIC_USER_TRIES; i++)
        assert_int_equal(try(&b, "mia", "wrong"), -EACCES);
    assert_int_equal(try(&b, "mia", "wrong"), -EAGAIN);
    assert_int_equal(try(&b, "mia", "mia's password"), 0);
    world_mono_ms += BASIC_USER_REFILL_MS - 1;
    assert_int_equal(try(&b, "mia", "wrong"), -EAGAIN);
    world_mono_ms += BASIC_CACHED_MS; /* no longer known; every try has come back */
    b.salt++;
    assert_int_equal(try(&b, "mia", "mia's password"), 0);
    end(&b);
}

static void test_the_file_counts_at_once(void **state)
{
    (void)state;
    struct basic_world b = {0};
    begin(&b);
    assert_int_equal(try(&b, "mia", "mia's password"), 0);
    write_users(&b, "another password", "");
    assert_int_equal(try(&b, "mia", "mia's password"), -EACCES); /* though remembered */
    AUTO(identity) struct identity id = {0};
    assert_int_equal(sign_in(&b, "mia", "another password", &id), 0);
    assert_int_equal(id.who.n, 1); /* no longer in her group */
    write_users(&b, "another password", ",\"disabled\":true");
    assert_int_equal(try(&b, "mia", "another password"), -EACCES);
    auth_world_write(&b.w, "users.json", "{\"users\":[]}");
    assert_int_equal(try(&b, "mia", "another password"), -EACCES);
    auth_world_write(&b.w, "users.json", "{");
    assert_int_equal(try(&b, "mia", "another password"), -EAGAIN);
    assert_string_equal(b.e.text, "passwords cannot be checked now");
    write_users(&b, "another password", "");
    assert_int_equal(chmod(b.w.path, 0640), 0); /* a file that others read tells them the hashes */
    assert_int_equal(try(&b, "mia", "another password"), -EAGAIN);
    unlink(b.w.path);
    assert_int_equal(try(&b, "mia", "another password"), -EAGAIN);
    end(&b);
}

static void test_hashes(void **state)
{
    (void)state;
    static const struct {
        const char *hash;
        bool good;
    } rows[] = {
        {"$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", true},
        {"$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", true},
        {"$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", false}, /* for days */
        {"$2b$05$CCCCCCCCCCCCCCCCCCCCC.", false},
        {"$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO/O817G3uBnIFNjnQJuesI68OTLiBFdcbYEdF"
         "CoEOfaS35inz1", true},
        {"$6$rounds=999999999$saltstring$x", false},
        {"$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/", false},
        {"$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8", false},
        {"password", false},
        {"ab1PqPYmvBqLk", false}, /* DES */
        {"*", false},
        {"", false},
    };
    char hash[PASSWORD_HASH_SIZE];
    struct err e;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (password_hash_is_good(rows[i].hash) != rows[i].good)
            fail_msg("%s", rows[i].hash);
    assert_true(password_is(rows[0].hash, "U*U"));
    assert_false(password_is(rows[0].hash, "U*V"));
    assert_false(password_is("password", "password"));
    assert_false(password_is("", ""));
    assert_int_equal(password_hash("correct horse", hash, &e), 0);
    assert_true(strncmp(hash, "$y$", 3) == 0 && password_hash_is_good(hash));
    assert_true(password_is(hash, "correct horse"));
    assert_false(password_is(hash, "correct horsf"));
    AUTO(free) char *long_one = xasprintf("%*s", PASSWORD_MAX + 1, "x");
    assert_int_equal(password_hash("short", hash, &e), -EINVAL);
    assert_int_equal(password_hash(long_one, hash, &e), -EINVAL);
}

static void test_throttle(void **state)
{
    (void)state;
    struct throttle *t = xcalloc(1, sizeof *t);
    t->each = (struct throttle_rule){2, 1000};
    t->all = (struct throttle_rule){3, 100};
    assert_true(throttle_take(t, 1, 5000));
    assert_true(throttle_take(t, 1, 5000));
    assert_false(throttle_take(t, 1, 5000));
    assert_true(throttle_take(t, 1 + THROTTLE_BUCKETS + 1, 5000)); /* another bucket */
    assert_false(throttle_take(t, 3, 5000));  /* all of them together */
    assert_true(throttle_take(t, 3, 5100));
    assert_false(throttle_take(t, 3, 5100));
    throttle_return(t, 3);
    assert_true(throttle_take(t, 3, 5100));
    assert_false(throttle_take(t, 1, 5999));
    assert_true(throttle_take(t, 1, 6000));
    assert_false(throttle_take(t, 1, 6000));
    assert_true(throttle_take(t, 1, 1000000)); /* never more than a bucket of them */
    assert_true(throttle_take(t, 1, 1000000));
    assert_false(throttle_take(t, 1, 1000000));
    free(t);
}

static void *sign_in_often(void *arg)
{
    struct basic_world *shared = arg;
    for (int i = 0; i < 20; i++) {
        struct basic_world b = {.auth = shared->auth};
        AUTO(identity) struct identity id = {0};
        if (sign_in(&b, "mia", "mia's password", &id) < 0 || id.who.n != 3)
            return "refused";
        __atomic_fetch_add(&world_mono_ms, BASIC_CACHED_MS / 10, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct basic_world b = {0};
    pthread_t threads[4];
    begin(&b);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_in_often, &b), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *bad;
        pthread_join(threads[i], &bad);
        assert_null(bad);
    }
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signs_in),
        cmocka_unit_test(test_one_sentence_for_all),
        cmocka_unit_test(test_wrong_tries_run_out),
        cmocka_unit_test(test_right_ones_cost_no_try),
        cmocka_unit_test(test_the_file_counts_at_once),
        cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_throttle),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
