/* fs/auth/users.c - the file of users with passwords, read. */
/* SPDX-License-Identifier: MIT */
#include "fs/auth/users.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/auth/auth_file.h"
#include "fs/auth/password.h"
#include "fs/auth/secret.h"
#include "policy/principals.h"

#define NAMES_MAX 1000 /* groups, or roles, of a user */

static const char *plain(const json_t *v)
{
    const char *s = json_string_value(v);
    return s && strlen(s) == json_string_length(v) ? s : NULL;
}

/* "kind:NAME"; a kind of its own or an ARN in the name is refused. */
static int canonical(const char *kind, const json_t *v, char ret[PRINCIPAL_MAX])
{
    struct err e;
    const char *name = plain(v);
    AUTO(free) char *text = name ? xasprintf("%s:%s", kind, name) : NULL;
    return name && !strchr(name, ':') ? principal_parse(text, ret, &e) : -EINVAL;
}

static int read_names(struct user_entry *u, const json_t *list, const char *kind, size_t at,
                      struct err *e)
{
    size_t i;
    json_t *v;
    if (!list)
        return 0;
    if (!json_is_array(list) || json_array_size(list) > NAMES_MAX)
        return err_set(e, -EBADMSG, "/users/%zu/%ss: not a list of at most %d names", at, kind,
                       NAMES_MAX);
    u->as = xrealloc(u->as, u->n_as + json_array_size(list) + 1, sizeof *u->as);
    json_array_foreach(list, i, v) {
        char name[PRINCIPAL_MAX];
        if (canonical(kind, v, name) < 0)
            return err_set(e, -EBADMSG, "/users/%zu/%ss/%zu: not the name of a %s", at, kind, i,
                           kind);
        u->as[u->n_as++] = xstrdup(name);
    }
    return 0;
}

static int check_members(const json_t *user, size_t at, struct err *e)
{
    static const char *const known[] = {"id", "hash", "groups", "roles", "disabled"};
    const char *key;
    json_t *v;
    if (!json_is_object(user))
        return err_set(e, -EBADMSG, "/users/%zu: not an object", at);
    json_object_foreach((json_t *)user, key, v) {
        size_t i = 0;
        while (i < COUNT(known) && strcmp(known[i], key) != 0)
            i++;
        if (i == COUNT(known))
            return err_set(e, -EBADMSG, "/users/%zu/%.64s: not a known member", at, key);
    }
    return 0;
}

static int read_user(const json_t *user, size_t at, struct user_entry *u, struct err *e)
{
    const json_t *disabled = json_object_get(user, "disabled");
    const char *hash = plain(json_object_get(user, "hash"));
    int r = check_members(user, at, e);
    if (r < 0)
        return r;
    if (canonical("user", json_object_get(user, "id"), u->name) < 0)
        return err_set(e, -EBADMSG, "/users/%zu/id: missing, or not a name that a user can have",
                       at);
    if (!hash || !password_hash_is_good(hash))
        return err_set(e, -EBADMSG, "/users/%zu/hash: missing, or not a password hash that is "
                                    "taken here ($y$, $2b$, $6$)", at);
    if (disabled && !json_is_boolean(disabled))
        return err_set(e, -EBADMSG, "/users/%zu/disabled: neither true nor false", at);
    u->hash = xstrdup(hash);
    u->disabled = json_is_true(disabled);
    r = read_names(u, json_object_get(user, "groups"), "group", at, e);
    return r < 0 ? r : read_names(u, json_object_get(user, "roles"), "role", at, e);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct user_entry *)a)->name, ((const struct user_entry *)b)->name);
}

static int read_all(const json_t *list, struct users *u, struct err *e)
{
    size_t n = json_array_size(list), i;
    json_t *v;
    if (!json_is_array(list) || n > USERS_MAX)
        return err_set(e, -EBADMSG, "/users: not a list of at most %d users", USERS_MAX);
    u->all = xcalloc(n + 1, sizeof *u->all);
    json_array_foreach(list, i, v) {
        int r = read_user(v, i, &u->all[u->n++], e);
        if (r < 0)
            return r;
    }
    qsort(u->all, u->n, sizeof *u->all, by_name);
    for (i = 1; i < u->n; i++)
        if (by_name(&u->all[i - 1], &u->all[i]) == 0)
            return err_set(e, -EBADMSG, "/users: '%.128s' is there twice", u->all[i].name);
    return 0;
}

int users_parse(const char *text, size_t n, struct users *ret, struct err *e)
{
    AUTO(users) struct users u = {0};
    json_error_t je;
    json_auto_t *j = json_loadb(text, n, JSON_REJECT_DUPLICATES, &je);
    if (!j) /* what the parser says would quote the text, and that may be a hash */
        return err_set(e, -EBADMSG, "line %d column %d: not JSON", je.line, je.column);
    if (!json_is_object(j) || json_object_size(j) != 1)
        return err_set(e, -EBADMSG, "/: not an object with \"users\" and nothing else");
    int r = read_all(json_object_get(j, "users"), &u, e);
    if (r < 0)
        return r;
    *ret = u;
    u = (struct users){0};
    return 0;
}

void users_done(struct users *u)
{
    for (size_t i = 0; i < u->n; i++) {
        secret_free(u->all[i].hash);
        for (size_t k = 0; k < u->all[i].n_as; k++)
            free(u->all[i].as[k]);
        free(u->all[i].as);
    }
    free(u->all);
    *u = (struct users){0};
}

const struct user_entry *users_find(const struct users *u, const char *name)
{
    for (size_t lo = 0, hi = u->n; lo < hi;) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(name, u->all[mid].name);
        if (c == 0)
            return &u->all[mid];
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

int users_load(const char *path, struct users *ret, struct auth_file_id *ret_id, struct err *e)
{
    AUTO(secret_buf) struct buf text = {0};
    int r = auth_file_read(path, USERS_BYTES_MAX, &text, ret_id, e);
    if (r < 0)
        return r;
    if (ret_id->st.st_uid != geteuid() && ret_id->st.st_uid != 0)
        return err_set(e, -EACCES, "'%s' belongs to another user (uid %u)", path,
                       ret_id->st.st_uid);
    if (ret_id->st.st_mode & 077)
        return err_set(e, -EACCES, "'%s' is open to others (mode %04o, not 0600)", path,
                       ret_id->st.st_mode & 07777);
    r = users_parse(buf_str(&text), text.len, ret, e);
    return r < 0 ? err_wrap(e, "'%s'", path) : 0;
}
