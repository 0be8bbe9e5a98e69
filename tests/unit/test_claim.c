/* tests/unit/test_claim.c - claims of several watchers: one holder, and the end of a dead one. */
/* SPDX-License-Identifier: MIT */
#include "tests/unit/dir_world.h"

#include <pthread.h>

#include "base/clock.h"
#include "conform/claim.h"

#define LEASE_MS 1000000 /* no beat by itself while a test runs */

static int64_t now_ms;

static int64_t mono(void)
{
    return now_ms;
}

static int setup_clock(void **state)
{
    now_ms = 5;
    clock_set(NULL, mono);
    return setup(state);
}

static int teardown_clock(void **state)
{
    clock_set(NULL, NULL);
    return teardown(state);
}

/* A watcher of the host whose state folder has that name. */
static struct claimer *watcher(struct world *w, const char *host)
{
    struct claimer *c;
    AUTO(free) char *dir = xasprintf("%s/%s", w->top, host);
    mkdir(dir, 0700);
    if (claimer_new(w->s, dir, "ann@host", LEASE_MS, &c, &w->e) < 0)
        fail_msg("%s", w->e.text);
    return c;
}

static enum claim take(struct world *w, struct claimer *c, const char *claim, unsigned want)
{
    enum claim got;
    unsigned generation = 0;
    if (claim_take(c, claim, "cut.edl", &got, &generation, &w->e) < 0)
        fail_msg("%s", w->e.text);
    assert_int_equal(generation, want);
    return got;
}

static size_t objects(struct world *w)
{
    AUTO(keys) struct keys k = {0};
    assert_int_equal(list(w, CLAIM_PREFIX, "", &k), 0);
    return k.n;
}

/* As kill -9 ends it: nothing is told to anybody, the kernel frees the lock. */
static void forget_lock_file(struct world *w, const char *host)
{
    AUTO(free) char *command = xasprintf("rm -f %s/%s/watch-*.lock", w->top, host);
    assert_int_equal(system(command), 0);
}

static void test_names_of_claims(void **state)
{
    static const struct {
        const char *kind, *name, *data;
    } cases[] = {
        {"folder", "a.edl", "x"}, {"inbox", "a.edl", "x"}, {"folder", "b.edl", "x"},
        {"folder", "a.edl", "y"}, {"folde", "ra.edl", "x"}, {"folder", "a.edl", ""},
    };
    char names[COUNT(cases)][SHA256_HEX_SIZE], again[SHA256_HEX_SIZE];
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        claim_name(cases[i].kind, cases[i].name, cases[i].data, strlen(cases[i].data), names[i]);
        claim_name(cases[i].kind, cases[i].name, cases[i].data, strlen(cases[i].data), again);
        assert_string_equal(names[i], again);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(names[i], names[k]);
    }
}

static void test_one_holder(void **state)
{
    struct world *w = *state;
    AUTO(claimer) struct claimer *a = watcher(w, "one"), *b = watcher(w, "two");
    char x[SHA256_HEX_SIZE], y[SHA256_HEX_SIZE];
    claim_name("folder", "x", "", 0, x);
    claim_name("folder", "y", "", 0, y);
    assert_int_equal(take(w, a, x, 1), CLAIM_MINE);
    assert_int_equal(take(w, b, x, 0), CLAIM_OTHERS);
    assert_int_equal(take(w, b, y, 1), CLAIM_MINE);
    assert_int_equal(take(w, a, y, 0), CLAIM_OTHERS);
    assert_int_equal(take(w, a, x, 1), CLAIM_AGAIN);
    assert_int_equal(claim_release(b, x, &w->e), 0); /* not b's: nothing happens */
    assert_int_equal(take(w, b, x, 0), CLAIM_OTHERS);
    assert_int_equal(claim_release(a, x, &w->e), 0);
    assert_int_equal(take(w, b, x, 1), CLAIM_MINE);
    assert_int_equal(claim_release(b, x, &w->e), 0);
    assert_int_equal(claim_release(b, y, &w->e), 0);
    assert_int_equal(objects(w), 0);
}

static void test_a_dead_one_of_this_host(void **state)
{
    struct world *w = *state;
    struct claimer *a = watcher(w, "one");
    AUTO(claimer) struct claimer *b = watcher(w, "one"), *c = watcher(w, "two");
    char x[SHA256_HEX_SIZE];
    claim_name("folder", "x", "", 0, x);
    assert_int_equal(take(w, a, x, 1), CLAIM_MINE);
    assert_int_equal(take(w, b, x, 0), CLAIM_OTHERS); /* it lives: its lock is held */
    claimer_free(a);
    assert_int_equal(take(w, c, x, 0), CLAIM_OTHERS); /* another host cannot know yet */
    assert_int_equal(take(w, b, x, 2), CLAIM_MINE);
    assert_int_equal(take(w, c, x, 0), CLAIM_OTHERS);
    assert_int_equal(claim_release(b, x, &w->e), 0);
    assert_int_equal(objects(w), 0); /* both generations are gone */
}

static void test_a_silent_one_of_another_host(void **state)
{
    struct world *w = *state;
    struct claimer *a = watcher(w, "one");
    AUTO(claimer) struct claimer *b = watcher(w, "two"), *c = watcher(w, "three");
    char x[SHA256_HEX_SIZE];
    claim_name("folder", "x", "", 0, x);
    assert_int_equal(take(w, a, x, 1), CLAIM_MINE);
    assert_int_equal(take(w, b, x, 0), CLAIM_OTHERS);
    now_ms += LEASE_MS - 1;
    assert_int_equal(take(w, b, x, 0), CLAIM_OTHERS);
    assert_int_equal(take(w, c, x, 0), CLAIM_OTHERS); /* a lease by its own watch alone */
    now_ms += 1;
    assert_int_equal(take(w, c, x, 0), CLAIM_OTHERS);
    assert_int_equal(take(w, b, x, 2), CLAIM_MINE);
    assert_int_equal(take(w, c, x, 0), CLAIM_OTHERS);
    now_ms += LEASE_MS - 1; /* the new generation has a lease of its own */
    assert_int_equal(take(w, c, x, 0), CLAIM_OTHERS);
    assert_int_equal(claim_release(a, x, &w->e), 0); /* it wakes up: b's claim stands */
    assert_int_equal(take(w, c, x, 0), CLAIM_OTHERS);
    assert_int_equal(claim_release(b, x, &w->e), 0);
    assert_int_equal(objects(w), 0);
    claimer_free(a);
}

static char *only_beat(struct world *w)
{
    AUTO(keys) struct keys k = {0};
    char *found = NULL;
    assert_int_equal(list(w, CLAIM_PREFIX, "", &k), 0);
    for (size_t i = 0; i < k.n; i++)
        if (strstr(k.key[i], ".beat"))
            found = xstrdup(k.key[i]);
    return found;
}

static void test_a_beat_renews(void **state)
{
    struct world *w = *state;
    AUTO(free) char *dir = xasprintf("%s/one", w->top);
    struct claimer *a;
    AUTO(claimer) struct claimer *b = watcher(w, "two");
    char x[SHA256_HEX_SIZE];
    AUTO(free) char *key = NULL;
    claim_name("folder", "x", "", 0, x);
    mkdir(dir, 0700);
    assert_int_equal(claimer_new(w->s, dir, "ann@host", 40, &a, &w->e), 0);
    assert_int_equal(take(w, a, x, 1), CLAIM_MINE);
    for (int i = 0; i < 3000 && !(key = only_beat(w)); i++) /* its thread raises it by itself */
        usleep(10000);
    assert_non_null(key);
    for (int i = 0; i < 5; i++) { /* whatever it says, as long as it says something else */
        assert_int_equal(take(w, b, x, 0), CLAIM_OTHERS);
        AUTO(free) char *before = get(w, key), *after = xstrdup(before); /* or one beat later */
        for (int k = 0; k < 3000 && strcmp(before, after) == 0; k++) {
            usleep(10000);
            free(after);
            after = get(w, key);
        }
        assert_string_not_equal(before, after);
        now_ms += LEASE_MS;
    }
    assert_int_equal(claim_release(a, x, &w->e), 0);
    claimer_free(a);
    assert_int_equal(objects(w), 0); /* its beat went with it */
}

static void test_generations_count(void **state)
{
    struct world *w = *state;
    char x[SHA256_HEX_SIZE];
    claim_name("folder", "x", "", 0, x);
    for (unsigned i = 1; i <= 12; i++) {
        struct claimer *a = watcher(w, "one");
        assert_int_equal(take(w, a, x, i), CLAIM_MINE);
        claimer_free(a);
    }
    assert_int_equal(objects(w), 12);
    AUTO(claimer) struct claimer *b = watcher(w, "one");
    assert_int_equal(take(w, b, x, 13), CLAIM_MINE);
    assert_int_equal(claim_release(b, x, &w->e), 0);
    assert_int_equal(objects(w), 0);
}

static void test_damaged_claim(void **state)
{
    static const char *const texts[] = {"", "nonsense", "{}", "{\"watcher\": \"../../x\"}",
                                        "{\"watcher\": 5}"};
    struct world *w = *state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        AUTO(claimer) struct claimer *a = watcher(w, "one");
        char x[SHA256_HEX_SIZE], data[4];
        snprintf(data, sizeof data, "%zu", i);
        claim_name("folder", "x", data, strlen(data), x);
        AUTO(free) char *key = xasprintf(CLAIM_PREFIX "%s.1.json", x);
        put(w, key, texts[i]);
        assert_int_equal(take(w, a, x, 0), CLAIM_OTHERS);
        now_ms += LEASE_MS;
        assert_int_equal(take(w, a, x, 2), CLAIM_MINE);
        assert_int_equal(claim_release(a, x, &w->e), 0);
        assert_int_equal(objects(w), 0);
    }
}

struct racer {
    struct claimer *c;
    pthread_t thread;
    const char *claim;
    enum claim got;
    unsigned generation;
    int r;
};

static void *race(void *arg)
{
    struct racer *x = arg;
    struct err e;
    x->r = claim_take(x->c, x->claim, "cut.edl", &x->got, &x->generation, &e);
    return NULL;
}

/* Each round: everybody wants the claim at once, a new one or one to take over. */
static void test_race(void **state)
{
    struct world *w = *state;
    struct racer x[4] = {0};
    char claim[SHA256_HEX_SIZE], host[16], data[16];
    for (size_t i = 0; i < COUNT(x); i++) {
        snprintf(host, sizeof host, "host%zu", i);
        x[i].c = watcher(w, host);
        x[i].claim = claim;
    }
    for (int round = 0; round < 20; round++) {
        snprintf(data, sizeof data, "%d", round / 2);
        claim_name("folder", "x", data, strlen(data), claim);
        int won = 0;
        for (size_t i = 0; i < COUNT(x); i++)
            assert_int_equal(pthread_create(&x[i].thread, NULL, race, &x[i]), 0);
        for (size_t i = 0; i < COUNT(x); i++)
            pthread_join(x[i].thread, NULL);
        for (size_t i = 0; i < COUNT(x); i++) {
            assert_int_equal(x[i].r, 0);
            assert_true(x[i].got != CLAIM_AGAIN || round % 2 == 1);
            won += x[i].got == CLAIM_MINE;
        }
        assert_int_equal(won, 1);
        for (size_t i = 0; i < COUNT(x); i++) /* all have seen it: a lease later it is worn */
            race(&x[i]);
        now_ms += LEASE_MS;
    }
    for (size_t i = 0; i < COUNT(x); i++)
        claimer_free(x[i].c);
}

static void test_lock_that_is_gone(void **state)
{
    struct world *w = *state;
    struct claimer *a = watcher(w, "one");
    AUTO(claimer) struct claimer *b = watcher(w, "one");
    char x[SHA256_HEX_SIZE];
    claim_name("folder", "x", "", 0, x);
    assert_int_equal(take(w, a, x, 1), CLAIM_MINE);
    forget_lock_file(w, "one"); /* no lock to try says nothing: the lease decides */
    assert_int_equal(take(w, b, x, 0), CLAIM_OTHERS);
    now_ms += LEASE_MS;
    assert_int_equal(take(w, b, x, 2), CLAIM_MINE);
    claimer_free(a);
}

static void test_old_locks_are_swept(void **state)
{
    struct world *w = *state;
    const struct timespec old[2] = {{.tv_sec = 1700000000}, {.tv_sec = 1700000000}};
    struct claimer *alive = watcher(w, "one");
    AUTO(free) char *dead = xasprintf("%s/one/watch-dead.lock", w->top);
    AUTO(free) char *command = xasprintf("touch %s", dead);
    assert_int_equal(system(command), 0);
    struct claimer *again = watcher(w, "one");
    assert_int_equal(access(dead, F_OK), 0); /* young: a claim may stand on it */
    claimer_free(again);
    assert_int_equal(utimensat(AT_FDCWD, dead, old, 0), 0);
    again = watcher(w, "one");
    assert_int_equal(access(dead, F_OK), -1);
    claimer_free(again);
    claimer_free(alive);
}

#define CLAIM_TEST(name) cmocka_unit_test_setup_teardown(name, setup_clock, teardown_clock)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_claims),
        CLAIM_TEST(test_one_holder),
        CLAIM_TEST(test_a_dead_one_of_this_host),
        CLAIM_TEST(test_a_silent_one_of_another_host),
        CLAIM_TEST(test_a_beat_renews),
        CLAIM_TEST(test_generations_count),
        CLAIM_TEST(test_damaged_claim),
        CLAIM_TEST(test_race),
        CLAIM_TEST(test_lock_that_is_gone),
        CLAIM_TEST(test_old_locks_are_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
