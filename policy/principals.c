/* policy/principals.c - who there is: users, their uids, groups and roles, from a file. */
/* SPDX-License-Identifier: MIT */
#include "policy/principals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/codec.h"
#include "base/err.h"

#define FILE_MAX (16u << 20)
#define USERS_MAX 100000

struct user {
    char *name; /* "user:acme" */
    char **as;  /* its groups and roles, canonical */
    size_t n_as;
};

struct uid_of {
    uid_t uid;
    size_t user;
};

struct principals {
    struct user *users;
    size_t n_users;
    struct uid_of *uids;
    size_t n_uids;
    char **groups; /* canonical */
    size_t n_groups;
};

static bool name_is_good(const char *s, size_t max)
{
    size_t n = strlen(s);
    if (n == 0 || n > max || !utf8_is_valid(s, n))
        return false;
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    return true;
}

/* arn:aws[-cn|-us-gov]:iam::<12 digits>:(user|role)/<path><name>, names of [A-Za-z0-9+=,.@_-] */
static bool arn_is_good(const char *s)
{
    static const char *const partitions[] = {"arn:aws:", "arn:aws-cn:", "arn:aws-us-gov:"};
    const char *p = NULL;
    for (size_t i = 0; i < COUNT(partitions); i++)
        if (strncmp(s, partitions[i], strlen(partitions[i])) == 0)
            p = s + strlen(partitions[i]);
    if (!p || strncmp(p, "iam::", 5) != 0)
        return false;
    p += 5;
    if (strspn(p, "0123456789") != 12 || p[12] != ':')
        return false;
    p += 13;
    if (strncmp(p, "user/", 5) != 0 && strncmp(p, "role/", 5) != 0)
        return false;
    p += 5;
    size_t n = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@_-/");
    return n > 0 && p[n] == '\0' && p[n - 1] != '/' && p[0] != '/' && !strstr(p, "//");
}

int principal_parse(const char *text, char ret[PRINCIPAL_MAX], struct err *e)
{
    static const char *const kinds[] = {"user:", "group:", "role:"};
    if (strncmp(text, "arn:", 4) == 0) {
        if (strlen(text) >= PRINCIPAL_MAX || !arn_is_good(text))
            return err_set(e, -EINVAL,
                           "'%.128s' is not an IAM user or role "
                           "(arn:aws:iam::111122223333:user/NAME)",
                           text);
        strcpy(ret, text);
        return 0;
    }
    const char *kind = "user:", *name = text;
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (strncmp(text, kinds[i], strlen(kinds[i])) == 0) {
            kind = kinds[i];
            name = text + strlen(kinds[i]);
        }
    if (name == text && strchr(name, ':')) /* "gruop:vendors" must not become a user */
        return err_set(e, -EINVAL, "'%.128s': no such kind of principal: user:, group:, role: or arn:",
                       text);
    if (!name_is_good(name, 255) || strchr(name, '/'))
        return err_set(e, -EINVAL,
                       "'%.128s' is not a principal: write user:NAME, group:NAME, role:NAME or an "
                       "IAM ARN; a name has 1 to 255 bytes and no '/' or control character",
                       text);
    snprintf(ret, PRINCIPAL_MAX, "%s%s", kind, name);
    return 0;
}

static void free_strings(char **list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(list[i]);
    free(list);
}

static char **copy_strings(char *const *list, size_t n)
{
    if (n == 0)
        return NULL;
    char **copy = xcalloc(n, sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = xstrdup(list[i]);
    return copy;
}

void who_done(struct who *w)
{
    free_strings(w->as, w->n);
    free(w->affiliation);
    free_strings(w->entitlements, w->n_entitlements);
    json_decref(w->details);
    *w = (struct who){0};
}

void who_copy(const struct who *w, struct who *ret)
{
    *ret = *w;
    ret->as = copy_strings(w->as, w->n);
    ret->affiliation = w->affiliation ? xstrdup(w->affiliation) : NULL;
    ret->entitlements = copy_strings(w->entitlements, w->n_entitlements);
    ret->details = json_deep_copy(w->details);
}

static void add_unique(char ***list, size_t *n, const char *s)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp((*list)[i], s) == 0)
            return;
    *list = xrealloc(*list, *n + 1, sizeof **list);
    (*list)[(*n)++] = xstrdup(s);
}

void who_add(struct who *w, const char *name)
{
    add_unique(&w->as, &w->n, name);
}

static struct user *find_user(const struct principals *p, const char *name)
{
    for (size_t i = 0; i < p->n_users; i++)
        if (strcmp(p->users[i].name, name) == 0)
            return &p->users[i];
    return NULL;
}

void principals_expand(const struct principals *p, const char *principal, struct who *ret)
{
    *ret = (struct who){0};
    add_unique(&ret->as, &ret->n, principal);
    const struct user *u = p ? find_user(p, principal) : NULL;
    for (size_t i = 0; u && i < u->n_as; i++)
        add_unique(&ret->as, &ret->n, u->as[i]);
}

const char *principals_by_uid(const struct principals *p, uid_t uid)
{
    for (size_t i = 0; p && i < p->n_uids; i++)
        if (p->uids[i].uid == uid)
            return p->users[p->uids[i].user].name;
    return NULL;
}

bool principals_has(const struct principals *p, const char *principal)
{
    if (!p)
        return false;
    if (find_user(p, principal))
        return true;
    for (size_t i = 0; i < p->n_groups; i++)
        if (strcmp(p->groups[i], principal) == 0)
            return true;
    return false;
}

void principals_free(struct principals *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_users; i++) {
        free(p->users[i].name);
        for (size_t k = 0; k < p->users[i].n_as; k++)
            free(p->users[i].as[k]);
        free(p->users[i].as);
    }
    for (size_t i = 0; i < p->n_groups; i++)
        free(p->groups[i]);
    free(p->users);
    free(p->uids);
    free(p->groups);
    free(p);
}

/* "kind:NAME" from a JSON string; the place is for the sentence. */
static int canonical(const json_t *v, const char *kind, const char *place, size_t i,
                     char ret[PRINCIPAL_MAX], struct err *e)
{
    const char *s = json_string_value(v);
    if (!s || !name_is_good(s, 255) || strchr(s, '/'))
        return err_set(e, -EBADMSG, "/%s/%zu: '%s' name missing or not a usable string", place, i,
                       kind);
    snprintf(ret, PRINCIPAL_MAX, "%s:%s", kind, s);
    return 0;
}

static int add_names(struct user *u, const json_t *list, const char *kind, size_t i, struct err *e)
{
    if (!list)
        return 0;
    if (!json_is_array(list))
        return err_set(e, -EBADMSG, "/users/%zu/%ss: not a list", i, kind);
    size_t k;
    json_t *v;
    json_array_foreach(list, k, v) {
        char name[PRINCIPAL_MAX];
        int r = canonical(v, kind, "users", i, name, e);
        if (r < 0)
            return r;
        add_unique(&u->as, &u->n_as, name);
    }
    return 0;
}

static int add_uid(struct principals *p, const json_t *v, size_t i, struct err *e)
{
    json_int_t uid = json_is_integer(v) ? json_integer_value(v) : -1;
    /* 0 is never a principal: root of the host is not a caller, and kernel threads carry it */
    if (uid <= 0 || uid >= UINT32_MAX)
        return err_set(e, -EBADMSG, "/users/%zu/uid: not a uid from 1 to 4294967294", i);
    if (principals_by_uid(p, (uid_t)uid))
        return err_set(e, -EBADMSG, "/users/%zu/uid: %lld belongs to %s already", i,
                       (long long)uid, principals_by_uid(p, (uid_t)uid));
    p->uids = xrealloc(p->uids, p->n_uids + 1, sizeof *p->uids);
    p->uids[p->n_uids++] = (struct uid_of){(uid_t)uid, p->n_users - 1};
    return 0;
}

static int add_user(struct principals *p, const json_t *v, size_t i, struct err *e)
{
    char name[PRINCIPAL_MAX];
    const json_t *id = json_object_get(v, "id");
    int r = canonical(id ? id : json_object_get(v, "username"), "user", "users", i, name, e);
    if (r < 0)
        return r;
    if (find_user(p, name))
        return err_set(e, -EBADMSG, "/users/%zu: %s stands twice", i, name);
    p->users = xrealloc(p->users, p->n_users + 1, sizeof *p->users);
    struct user *u = &p->users[p->n_users++];
    *u = (struct user){.name = xstrdup(name)};
    if ((r = add_names(u, json_object_get(v, "groups"), "group", i, e)) < 0 ||
        (r = add_names(u, json_object_get(v, "roles"), "role", i, e)) < 0)
        return r;
    const json_t *uid = json_object_get(v, "uid");
    if (!json_is_array(uid))
        return uid ? add_uid(p, uid, i, e) : 0;
    size_t k;
    json_t *one;
    json_array_foreach(uid, k, one) {
        if ((r = add_uid(p, one, i, e)) < 0)
            return r;
    }
    return 0;
}

static int add_group(struct principals *p, const json_t *v, size_t i, struct err *e)
{
    char name[PRINCIPAL_MAX];
    int r = canonical(json_object_get(v, "id"), "group", "groups", i, name, e);
    if (r < 0)
        return r;
    add_unique(&p->groups, &p->n_groups, name);
    const json_t *members = json_object_get(v, "members");
    if (members && !json_is_array(members))
        return err_set(e, -EBADMSG, "/groups/%zu/members: not a list", i);
    size_t k;
    json_t *m;
    json_array_foreach(members, k, m) {
        char user[PRINCIPAL_MAX];
        if ((r = canonical(m, "user", "groups", i, user, e)) < 0)
            return r;
        struct user *u = find_user(p, user);
        if (!u)
            return err_set(e, -EBADMSG, "/groups/%zu/members/%zu: no user '%s'", i, k, user + 5);
        add_unique(&u->as, &u->n_as, name);
    }
    return 0;
}

static int fill(struct principals *p, const json_t *root, struct err *e)
{
    const json_t *users = json_object_get(root, "users"), *groups = json_object_get(root, "groups");
    if (!json_is_object(root) || (users && !json_is_array(users)) ||
        (groups && !json_is_array(groups)))
        return err_set(e, -EBADMSG, "not an object with lists \"users\" and \"groups\"");
    if (json_array_size(users) > USERS_MAX || json_array_size(groups) > USERS_MAX)
        return err_set(e, -EFBIG, "more than %d users or groups", USERS_MAX);
    size_t i;
    json_t *v;
    json_array_foreach(users, i, v) {
        int r = add_user(p, v, i, e);
        if (r < 0)
            return r;
    }
    json_array_foreach(groups, i, v) {
        int r = add_group(p, v, i, e);
        if (r < 0)
            return r;
    }
    for (i = 0; i < p->n_users; i++)
        for (size_t k = 0; k < p->users[i].n_as; k++)
            add_unique(&p->groups, &p->n_groups, p->users[i].as[k]);
    return 0;
}

int principals_parse(const char *text, size_t n, struct principals **ret, struct err *e)
{
    json_error_t je;
    json_auto_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &je);
    if (!root)
        return err_set(e, -EBADMSG, "line %d column %d: %s", je.line, je.column, je.text);
    AUTO(principals) struct principals *p = xcalloc(1, sizeof *p);
    int r = fill(p, root, e);
    if (r < 0)
        return r;
    *ret = TAKE(p);
    return 0;
}

int principals_load(const char *path, bool may_be_absent, struct principals **ret, struct err *e)
{
    AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && may_be_absent)
        return principals_parse("{}", 2, ret, e);
    if (fd < 0)
        return err_errno(e, -errno, "open principals file '%s'", path);
    AUTO(buf) struct buf b = {0};
    for (;;) {
        ssize_t got = read(fd, buf_room(&b, 65536), 65536);
        if (got < 0)
            return err_errno(e, -errno, "read principals file '%s'", path);
        if (got == 0)
            break;
        buf_added(&b, (size_t)got);
        if (b.len > FILE_MAX)
            return err_set(e, -EFBIG, "principals file '%s' is over %u bytes", path, FILE_MAX);
    }
    int r = principals_parse(buf_str(&b), b.len, ret, e);
    return r < 0 ? err_wrap(e, "principals file '%s'", path) : 0;
}
