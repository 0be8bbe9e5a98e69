/* fs/auth/basic.c - signing in with a name and a password (row AV1). */
/* SPDX-License-Identifier: MIT */
#include "fs/auth/basic.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/when.h"
#include "fs/auth/auth.h"
#include "fs/auth/auth_file.h"
#include "fs/auth/password.h"
#include "fs/auth/secret.h"
#include "fs/auth/throttle.h"
#include "fs/auth/users.h"

#define TAG "basic"
#define KEY_BYTES 32
#define MAC_BYTES 32
#define CACHED_MAX 256

/* Stands in for the hash of a user where the file has none at all: no password is known for it. */
static const char nobodys_hash[] =
    "$y$j9T$AdRx8p89pTrEaBiu$v9sUDYoYvvuTWSOlWnJj0Nv991cWJiblMb9FO55S.s.";

/* A password that was right: the MAC of user, stored hash and password, never the password. */
struct cached {
    unsigned char mac[MAC_BYTES];
    int64_t until_ms;
};

struct basic {
    char *path;
    unsigned char key[KEY_BYTES]; /* of every MAC here; fixed */

    pthread_mutex_t hashing; /* held while a password is hashed; taken before `lock`, never within */
    pthread_mutex_t lock;    /* guards the rest */
    bool loaded;
    struct users users;
    struct auth_file_id seen;
    struct throttle throttle;
    struct cached cached[CACHED_MAX]; /* a MAC's place is its first byte */
};

struct basic *basic_new(const char *path)
{
    struct basic *b = xcalloc(1, sizeof *b);
    b->path = xstrdup(path);
    if (RAND_bytes(b->key, sizeof b->key) != 1)
        abort(); /* nothing that depends on a secret can be done here */
    b->throttle.each = (struct throttle_rule){BASIC_USER_TRIES, BASIC_USER_REFILL_MS};
    b->throttle.all = (struct throttle_rule){BASIC_ALL_TRIES, BASIC_ALL_REFILL_MS};
    pthread_mutex_init(&b->hashing, NULL);
    pthread_mutex_init(&b->lock, NULL);
    return b;
}

void basic_free(struct basic *b)
{
    if (!b)
        return;
    users_done(&b->users);
    pthread_mutex_destroy(&b->lock);
    pthread_mutex_destroy(&b->hashing);
    free(b->path);
    OPENSSL_cleanse(b, sizeof *b);
    free(b);
}

/* A keyed hash of texts, each with its end in it. */
static void mac(const struct basic *b, const char *const *texts, unsigned char ret[MAC_BYTES])
{
    AUTO(secret_buf) struct buf all = {0};
    size_t n = 0;
    for (const char *const *t = texts; *t; t++)
        n += strlen(*t) + 1;
    buf_room(&all, n); /* at once: no copies of a password are left behind */
    for (const char *const *t = texts; *t; t++)
        buf_add(&all, *t, strlen(*t) + 1);
    if (!HMAC(EVP_sha256(), b->key, sizeof b->key, (unsigned char *)all.p, all.len, ret, NULL))
        abort();
}

static uint64_t name_hash(const struct basic *b, const char *name)
{
    unsigned char m[MAC_BYTES];
    uint64_t h;
    mac(b, (const char *const[]){"name", name, NULL}, m);
    memcpy(&h, m, sizeof h);
    return h;
}

/* Has the users as the file has them now. */
static int freshen(struct basic *b, struct err *e)
{
    struct auth_file_id now;
    struct users users;
    int r = auth_file_id(b->path, &now, e);
    if (r == 0 && b->loaded && auth_file_same(&now, &b->seen))
        return 0;
    users_done(&b->users);
    b->loaded = false;
    if (r == 0)
        r = users_load(b->path, &users, &now, e);
    if (r < 0) {
        log_warn(TAG, "%s", e->text); /* for the operator: who signs in must not know */
        return err_set(e, -EAGAIN, "passwords cannot be checked now");
    }
    b->users = users;
    b->seen = now;
    b->loaded = true;
    return 0;
}

/* What is decided about one try before its password is hashed. */
struct attempt {
    char name[PRINCIPAL_MAX];
    uint64_t hash_of_name;
    bool is_user; /* there, and not disabled */
    char hash[PASSWORD_HASH_SIZE]; /* what to compare with; of somebody, where !is_user */
    unsigned char mac[MAC_BYTES];
};

static bool is_cached(const struct basic *b, const struct attempt *t)
{
    const struct cached *c = &b->cached[t->mac[0]];
    return CRYPTO_memcmp(c->mac, t->mac, MAC_BYTES) == 0 && clock_mono_ms() < c->until_ms;
}

/* An unknown name is compared with the hash of one and the same user every time: the kinds of hashes
 * that a file mixes cost different times, and with a kind of its own it would be found out. */
static void begin(const struct basic *b, const char *password, struct attempt *t)
{
    const struct users *all = &b->users;
    const struct user_entry *u = users_find(all, t->name);
    t->is_user = u && !u->disabled;
    if (!u && all->n > 0)
        u = &all->all[t->hash_of_name / THROTTLE_BUCKETS % all->n];
    strcpy(t->hash, u ? u->hash : nobodys_hash);
    mac(b, (const char *const[]){"password", t->name, t->hash, password, NULL}, t->mac);
}

/* 1: right, and known so since before; 0: to be hashed, and where `takes_try` it may be; negative:
 * not now. */
static int admit(struct basic *b, const char *password, bool takes_try, struct attempt *t,
                 struct err *e)
{
    LOCKED(&b->lock);
    int r = freshen(b, e);
    if (r < 0)
        return r;
    begin(b, password, t);
    if (t->is_user && is_cached(b, t))
        return 1;
    if (takes_try && !throttle_take(&b->throttle, t->hash_of_name, clock_mono_ms()))
        return err_set(e, -EAGAIN, "too many wrong passwords; wait a while");
    return 0;
}

static void remember(struct basic *b, const struct attempt *t)
{
    LOCKED(&b->lock);
    struct cached *c = &b->cached[t->mac[0]];
    memcpy(c->mac, t->mac, MAC_BYTES);
    c->until_ms = clock_mono_ms() + BASIC_CACHED_MS;
    throttle_return(&b->throttle, t->hash_of_name);
}

/* The groups and roles of now: they may have changed while the password was hashed. */
static int identify(struct basic *b, const struct attempt *t, struct identity *ret)
{
    LOCKED(&b->lock);
    const struct user_entry *u = users_find(&b->users, t->name);
    if (!u || u->disabled || strcmp(u->hash, t->hash) != 0)
        return -EACCES;
    who_add(&ret->who, u->name);
    for (size_t i = 0; i < u->n_as; i++)
        who_add(&ret->who, u->as[i]);
    ret->expires = WHEN_NEVER;
    ret->how = "basic";
    return 0;
}

/* A try is taken when the hashing begins, not while it waits for its turn: however many sign in at
 * once, right passwords use up nothing. */
static int hash(struct basic *b, const char *password, struct attempt *t, struct err *e)
{
    LOCKED(&b->hashing);
    int r = admit(b, password, /* takes_try= */ true, t, e);
    if (r == 0 && password_is(t->hash, password) && t->is_user) {
        remember(b, t);
        r = 1;
    }
    return r;
}

static int check(struct basic *b, const char *password, struct attempt *t, struct identity *ret,
                 struct err *e)
{
    int r = admit(b, password, /* takes_try= */ false, t, e);
    if (r == 0)
        r = hash(b, password, t, e);
    if (r == 1)
        r = identify(b, t, ret) == 0;
    return r < 0 ? r : r ? 0 : err_set(e, -EACCES, "wrong name or password");
}

int basic_check(struct basic *b, const json_t *user, const json_t *password, struct identity *ret,
                struct err *e)
{
    struct attempt t = {0};
    const char *name = json_string_value(user), *secret = json_string_value(password);
    size_t n = json_string_length(password);
    AUTO(free) char *text = xasprintf("user:%s", name);
    /* What no user can have is refused the same way, without a hash: it tells nothing of anyone. */
    if (strlen(name) != json_string_length(user) || strlen(secret) != n || n > PASSWORD_MAX ||
        strchr(name, ':') || principal_parse(text, t.name, e) < 0)
        return err_set(e, -EACCES, "wrong name or password");
    t.hash_of_name = name_hash(b, t.name);
    int r = check(b, secret, &t, ret, e);
    explicit_bzero(&t, sizeof t);
    return r;
}
