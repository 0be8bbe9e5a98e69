/* tests/unit/test_users.c - the file of users: what is refused, and changes that lose nothing. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>

#include <jansson.h>

#include "fs/auth/auth_file.h"
#include "fs/auth/users.h"
#include "tests/unit/auth_world.h"

#define HASH "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
#define OTHER "$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"
#define USER(id) "{\"id\":\"" id "\",\"hash\":\"" HASH "\"}"

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text, *place; /* NULL: good */
    } rows[] = {
        {"{\"users\":[]}", NULL},
        {"{\"users\":[" USER("mia") "," USER("ole@studio.example") "]}", NULL},
        {"{\"users\":[{\"id\":\"mia\",\"hash\":\"" HASH "\",\"groups\":[\"a\",\"b\"],"
         "\"roles\":[\"viewer\"],\"disabled\":true}]}", NULL},
        {"", "line 1"},
        {"[]", "/:"},
        {"{}", "/:"},
        {"{\"users\":[],\"more\":1}", "/:"},
        {"{\"users\":{}}", "/users:"},
        {"{\"users\":[1]}", "/users/0:"},
        {"{\"users\":[" USER("mia") ",{\"hash\":\"" HASH "\"}]}", "/users/1/id:"},
        {"{\"users\":[" USER("") "]}", "/users/0/id:"},
        {"{\"users\":[" USER("a/b") "]}", "/users/0/id:"},
        {"{\"users\":[" USER("group:a") "]}", "/users/0/id:"},
        {"{\"users\":[" USER("arn:aws:iam::111122223333:user/x") "]}", "/users/0/id:"},
        {"{\"users\":[" USER("a\\u0000b") "]}", "line 1"},
        {"{\"users\":[" USER("mia") "," USER("mia") "]}", "/users: 'user:mia' is there twice"},
        {"{\"users\":[{\"id\":\"mia\",\"id\":\"mia\",\"hash\":\"" HASH "\"}]}", "line 1"},
        {"{\"users\":[{\"id\":\"mia\"}]}", "/users/0/hash:"},
        {"{\"users\":[{\"id\":\"mia\",\"hash\":\"secret\"}]}", "/users/0/hash:"},
        {"{\"users\":[{\"id\":\"mia\",\"hash\":\"" HASH "\",\"group\":[]}]}", "/users/0/group:"},
        {"{\"users\":[{\"id\":\"mia\",\"hash\":\"" HASH "\",\"groups\":\"a\"}]}",
         "/users/0/groups:"},
        {"{\"users\":[{\"id\":\"mia\",\"hash\":\"" HASH "\",\"groups\":[\"a\",1]}]}",
         "/users/0/groups/1:"},
        {"{\"users\":[{\"id\":\"mia\",\"hash\":\"" HASH "\",\"roles\":[\"a/b\"]}]}",
         "/users/0/roles/0:"},
        {"{\"users\":[{\"id\":\"mia\",\"hash\":\"" HASH "\",\"disabled\":0}]}",
         "/users/0/disabled:"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(users) struct users u = {0};
        struct err e;
        int r = users_parse(rows[i].text, strlen(rows[i].text), &u, &e);
        if (r != (rows[i].place ? -EBADMSG : 0))
            fail_msg("%s: %d", rows[i].text, r);
        if (r < 0 && strncmp(e.text, rows[i].place, strlen(rows[i].place)) != 0)
            fail_msg("%s: %s", rows[i].text, e.text);
        if (r < 0 && (strstr(e.text, "CCCCC") || strstr(e.text, "secret")))
            fail_msg("%s tells a hash: %s", rows[i].text, e.text);
    }
}

static void test_find(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = {0};
    AUTO(users) struct users u = {0};
    struct err e;
    buf_adds(&text, "{\"users\":[");
    for (int i = 0; i < 1000; i++)
        buf_addf(&text, "%s{\"id\":\"u%d\",\"hash\":\"" HASH "\"}", i ? "," : "", i * 7919 % 1000);
    buf_adds(&text, "]}");
    assert_int_equal(users_parse(buf_str(&text), text.len, &u, &e), 0);
    for (int i = 0; i < 1000; i++) {
        AUTO(free) char *name = xasprintf("user:u%d", i);
        assert_string_equal(users_find(&u, name)->name, name);
    }
    assert_null(users_find(&u, "user:u1000"));
    assert_null(users_find(&u, "u1"));
    assert_null(users_find(&u, ""));
}

static char *content(const char *path)
{
    AUTO(buf) struct buf text = {0};
    struct auth_file_id id;
    struct err e;
    if (auth_file_read(path, 1 << 20, &text, &id, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(id.st.st_mode & 07777, 0600);
    return buf_take(&text);
}

static json_t *user(const char *id)
{
    return json_pack("{ssss}", "id", id, "hash", HASH);
}

static void test_changes(void **state)
{
    (void)state;
    struct auth_world w;
    struct err e;
    auth_world_init(&w);
    AUTO(free) char *path = xasprintf("%s/users.json", w.dir);
    json_auto_t *mia = user("mia"), *ole = user("ole"), *bad = user("a/b");

    assert_int_equal(users_remove(path, "mia", &e), -ENOENT); /* and no file is made */
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(users_add(path, mia, &e), 0);
    assert_int_equal(users_add(path, ole, &e), 0);
    AUTO(free) char *before = content(path);
    assert_int_equal(users_add(path, mia, &e), -EEXIST);
    assert_int_equal(users_add(path, bad, &e), -EBADMSG);
    assert_int_equal(users_remove(path, "eve", &e), -ENOENT);
    assert_int_equal(users_set_hash(path, "eve", OTHER, &e), -ENOENT);
    assert_int_equal(users_set_hash(path, "mia", "clear text", &e), -EBADMSG);
    AUTO(free) char *after = content(path);
    assert_string_equal(before, after);

    assert_int_equal(users_set_hash(path, "mia", OTHER, &e), 0);
    assert_int_equal(users_remove(path, "ole", &e), 0);
    AUTO(users) struct users u = {0};
    struct auth_file_id id;
    assert_int_equal(users_load(path, &u, &id, &e), 0);
    assert_int_equal(u.n, 1);
    assert_string_equal(u.all[0].hash, OTHER);
    auth_world_done(&w);
}

static void test_files_that_are_not_touched(void **state)
{
    (void)state;
    struct auth_world w;
    struct err e;
    auth_world_init(&w);
    json_auto_t *mia = user("mia");
    const char *path = auth_world_write(&w, "users.json", "{\"users\":[]}");
    assert_int_equal(chmod(path, 0604), 0);
    assert_int_equal(users_add(path, mia, &e), -EACCES);
    assert_non_null(strstr(e.text, "mode 0604"));
    assert_int_equal(chmod(path, 0600), 0);
    if (geteuid() == 0) { /* what another user can change is none of root's users */
        assert_int_equal(chown(path, 12345, 12345), 0);
        assert_int_equal(users_add(path, mia, &e), -EACCES);
        assert_int_equal(chown(path, 0, 0), 0);
    }
    auth_world_write(&w, "users.json", "{\"users\":[");
    assert_int_equal(users_add(path, mia, &e), -EBADMSG);
    AUTO(free) char *kept = content(path);
    assert_string_equal(kept, "{\"users\":[");
    auth_world_done(&w);
}

struct writer {
    const char *path;
    int number;
    int failed;
};

static void *add_many(void *arg)
{
    struct writer *wr = arg;
    for (int i = 0; i < 10; i++) {
        AUTO(free) char *id = xasprintf("w%d-%d", wr->number, i);
        json_auto_t *one = user(id);
        struct err e;
        wr->failed += users_add(wr->path, one, &e) < 0;
        if (i % 2)
            wr->failed += users_set_hash(wr->path, id, OTHER, &e) < 0;
    }
    return NULL;
}

static void test_writers_lose_nothing(void **state)
{
    (void)state;
    struct auth_world w;
    struct err e;
    pthread_t threads[4];
    struct writer writers[COUNT(threads)];
    auth_world_init(&w);
    AUTO(free) char *path = xasprintf("%s/users.json", w.dir);
    for (size_t i = 0; i < COUNT(threads); i++) {
        writers[i] = (struct writer){.path = path, .number = (int)i};
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, &writers[i]), 0);
    }
    for (size_t i = 0; i < COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(writers[i].failed, 0);
    }
    AUTO(users) struct users u = {0};
    struct auth_file_id id;
    assert_int_equal(users_load(path, &u, &id, &e), 0);
    assert_int_equal(u.n, 10 * COUNT(threads));
    size_t others = 0;
    for (size_t i = 0; i < u.n; i++)
        others += strcmp(u.all[i].hash, OTHER) == 0;
    assert_int_equal(others, 5 * COUNT(threads));
    auth_world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_files_that_are_not_touched),
        cmocka_unit_test(test_writers_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
