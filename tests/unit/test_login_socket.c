/* tests/unit/test_login_socket.c - many clients of a login socket, and its end under them. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/auth/auth.h"
#include "fs/fuse/login_socket.h"
#include "fs/fuse/logins.h"
#include "fs/fuse/mount_state.h"

#define CLIENTS 12
#define ROUNDS 20
#define FIRST_UID 61300

/* glibc frees what is thread-local of a thread that has ended when it takes its stack for the next
 * one. The kernel orders the two, by the word that it clears at a thread's end; TSan cannot see it. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:_dl_deallocate_tls\n";
}

static char dir[] = "/tmp/shotlake-login-XXXXXX";
static char *path;
static atomic_int changes;
static sem_t hanging, hang; /* a check has begun to; it may end */

/* ---- what the socket asks, made up ---------------------------------------------------------- */

/* The token is the user's name; "hang" waits for the test. */
int auth_check(struct auth *a, const json_t *credential, int64_t now, struct identity *ret,
               struct err *e)
{
    AUTO(free) char *name = NULL;
    const char *token = json_string_value(json_object_get(credential, "token"));
    (void)a;
    if (token && !strcmp(token, "hang")) {
        sem_post(&hanging);
        sem_wait(&hang);
    }
    if (!token || !strcmp(token, "wrong"))
        return err_set(e, -EACCES, "no");
    *ret = (struct identity){.expires = now + 1000, .how = "token"};
    name = xasprintf("user:%s", token);
    who_add(&ret->who, name);
    return 0;
}

void identity_done(struct identity *id)
{
    who_done(&id->who);
}

bool mount_state_principal_of(struct mount_state *ms, uid_t uid, char ret[PRINCIPAL_MAX])
{
    (void)ms;
    snprintf(ret, PRINCIPAL_MAX, "user:listed%u", uid);
    return true;
}

static void count_change(void *arg)
{
    (void)arg;
    changes++;
}

static struct login_socket *start(struct logins *lg)
{
    struct login_socket_options o = {.path = path, .logins = lg, .on_change = count_change};
    struct login_socket *ls = NULL;
    struct err e;
    if (login_socket_start(&o, &ls, &e) < 0)
        fail_msg("%s", e.text);
    return ls;
}

/* ---- clients -------------------------------------------------------------------------------- */

/* Root is nobody here, so a test of root is many users; another user is itself. Of this thread
 * alone: what the C library offers would change all of them. */
static uid_t become(unsigned i)
{
    uid_t uid = FIRST_UID + i;
    if (geteuid() != 0)
        return geteuid();
    return syscall(SYS_setresuid, uid, uid, uid) == 0 ? uid : 0;
}

static int ask(const char *text, json_t **ret)
{
    struct err e;
    int r;
    *ret = NULL;
    do
        r = login_socket_ask(path, /* owner= */ 0, text, strlen(text), ret, &e);
    while (r == -EUSERS);
    return r;
}

static bool is_about(json_t *answer, uid_t uid, const char *principal)
{
    json_auto_t *owned = answer;
    const char *name =
        json_string_value(json_object_get(json_object_get(owned, "session"), "principal"));
    return json_integer_value(json_object_get(owned, "uid")) == uid &&
           (principal ? name && !strcmp(name, principal) : !name);
}

/* NULL, or what went wrong: cmocka's assertions are for the main thread. */
static void *one_client(void *arg)
{
    unsigned i = (unsigned)(uintptr_t)arg;
    uid_t uid = become(i);
    bool alone = uid == FIRST_UID + i; /* not where all clients are one user */
    AUTO(free) char *login = xasprintf("{\"op\":\"login\",\"token\":\"u%u\"}", alone ? i : 0);
    AUTO(free) char *name = xasprintf("user:u%u", alone ? i : 0);
    json_t *answer;
    for (int round = 0; round < ROUNDS; round++) {
        if (ask("garbage", &answer) != -EIO)
            return "garbage";
        if (ask(login, &answer) < 0 || !is_about(answer, uid, name))
            return "login";
        if (ask("{\"op\":\"login\",\"token\":\"wrong\"}", &answer) != -EACCES)
            return "a wrong token";
        if (!alone)
            continue;
        if (ask("{\"op\":\"login\",\"token\":\"other\"}", &answer) != -EBUSY)
            return "another principal";
        if (ask("{\"op\":\"session\"}", &answer) < 0 || !is_about(answer, uid, name))
            return "session";
        if (ask("{\"op\":\"logout\"}", &answer) < 0 || !is_about(answer, uid, NULL))
            return "logout";
        if (ask("{\"op\":\"logout\"}", &answer) != -ESRCH)
            return "logout again";
    }
    return NULL;
}

static void test_many_clients(void **state)
{
    (void)state;
    struct login_limits limits = {0};
    struct logins *lg = logins_new(&limits);
    struct login_socket *ls = start(lg);
    pthread_t threads[CLIENTS];
    void *wrong;
    for (uintptr_t i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, one_client, (void *)i), 0);
    for (size_t i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], &wrong);
        if (wrong)
            fail_msg("client %zu: %s", i, (char *)wrong);
    }
    if (geteuid() == 0)
        assert_int_equal(logins_count(lg), 0);
    assert_true(changes >= CLIENTS * ROUNDS);
    assert_true(login_socket_stop(ls, 5000));
    assert_int_equal(access(path, F_OK), -1);
    logins_free(lg);
}

static atomic_bool stopped;

static void *knocks(void *arg)
{
    json_t *answer;
    become((unsigned)(uintptr_t)arg);
    while (!stopped)
        if (ask("{\"op\":\"session\"}", &answer) == 0)
            json_decref(answer);
    return NULL;
}

static void test_ends_under_clients(void **state)
{
    (void)state;
    struct login_limits limits = {0};
    struct logins *lg = logins_new(&limits);
    pthread_t threads[CLIENTS];
    stopped = false;
    for (uintptr_t i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, knocks, (void *)i), 0);
    for (int i = 0; i < 20; i++) {
        struct login_socket *ls = start(lg);
        usleep(2000);
        assert_true(login_socket_stop(ls, 5000));
    }
    stopped = true;
    for (size_t i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    logins_free(lg);
}

static void *hangs(void *arg)
{
    json_t *answer;
    become((unsigned)(uintptr_t)arg);
    if (ask("{\"op\":\"login\",\"token\":\"hang\"}", &answer) == 0)
        json_decref(answer);
    return NULL;
}

/* The last of the tests: what it leaves behind has to stay. */
static void test_does_not_wait_for_a_provider(void **state)
{
    (void)state;
    static struct logins *lg;
    static struct login_socket *ls;
    struct login_limits limits = {0};
    pthread_t thread;
    lg = logins_new(&limits);
    ls = start(lg);
    assert_int_equal(pthread_create(&thread, NULL, hangs, NULL), 0);
    sem_wait(&hanging);
    assert_false(login_socket_stop(ls, 50));
    sem_post(&hang);
    pthread_join(thread, NULL);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(dir) || chmod(dir, 0711) < 0)
        return -1;
    path = xasprintf("%s/s", dir);
    return sem_init(&hang, 0, 0) < 0 || sem_init(&hanging, 0, 0) < 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_clients),
        cmocka_unit_test(test_ends_under_clients),
        cmocka_unit_test(test_does_not_wait_for_a_provider),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
