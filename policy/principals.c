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
#include "policy/principals_impl.h"

#define FILE_MAX (64u << 20)
#define ENTITLEMENT_MAX 1024

bool principal_name_is_good(const char *s)
{
    size_t n = strlen(s);
    if (n == 0 || n > 255 || !utf8_is_valid(s, n) || strchr(s, '/'))
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
    if (!principal_name_is_good(name))
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

static struct user *user_at(const struct principals *p, const json_t *place)
{
    return place ? &p->users[json_integer_value(place)] : NULL;
}

static struct user *find_user(const struct principals *p, const char *name)
{
    return p ? user_at(p, json_object_get(p->by_name, name)) : NULL;
}

void principals_expand(const struct principals *p, const char *principal, struct who *ret)
{
    *ret = (struct who){0};
    const struct user *u = find_user(p, principal);
    if (u && u->disabled)
        return;
    size_t n = u ? u->n_as : 0;
    ret->as = xcalloc(n + 1, sizeof *ret->as);
    ret->as[ret->n++] = xstrdup(principal);
    for (size_t i = 0; i < n; i++)
        ret->as[ret->n++] = xstrdup(u->as[i]);
    if (!u)
        return;
    ret->affiliation = u->affiliation ? xstrdup(u->affiliation) : NULL;
    ret->entitlements = copy_strings(u->entitlements, u->n_entitlements);
    ret->n_entitlements = u->n_entitlements;
}

const char *principals_by_uid(const struct principals *p, uid_t uid)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)uid);
    const struct user *u = p ? user_at(p, json_object_get(p->by_uid, text)) : NULL;
    return u ? u->name : NULL;
}

bool principals_has(const struct principals *p, const char *principal)
{
    const struct user *u = find_user(p, principal);
    return u ? !u->disabled : p && json_object_get(p->known, principal);
}

static struct principals *principals_new(size_t n_users)
{
    struct principals *p = xcalloc(1, sizeof *p);
    p->users = xcalloc(n_users + 1, sizeof *p->users);
    p->by_name = json_object();
    p->by_uid = json_object();
    p->known = json_object();
    return p;
}

void principals_free(struct principals *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_users; i++) {
        struct user *u = &p->users[i];
        free(u->name);
        free_strings(u->as, u->n_as);
        free(u->affiliation);
        free_strings(u->entitlements, u->n_entitlements);
    }
    free(p->users);
    json_decref(p->by_name);
    json_decref(p->by_uid);
    json_decref(p->known);
    free(p);
}

int principal_of_json(const json_t *v, const char *kind, const char *place, size_t i,
                      char ret[PRINCIPAL_MAX], struct err *e)
{
    const char *s = json_string_value(v);
    if (!s || !principal_name_is_good(s))
        return err_set(e, -EBADMSG, "/%s/%zu: '%s' name missing or not a usable string", place, i,
                       kind);
    snprintf(ret, PRINCIPAL_MAX, "%s:%s", kind, s);
    return 0;
}

int principals_user_new(struct principals *p, const char *name, const json_t *v, size_t i,
                        struct user **ret, struct err *e)
{
    const json_t *enabled = json_object_get(v, "enabled");
    if (find_user(p, name))
        return err_set(e, -EBADMSG, "/users/%zu: %s stands twice", i, name);
    if (enabled && !json_is_boolean(enabled))
        return err_set(e, -EBADMSG, "/users/%zu/enabled: not true or false", i);
    json_object_set_new(p->by_name, name, json_integer((json_int_t)p->n_users));
    *ret = &p->users[p->n_users++];
    **ret = (struct user){.name = xstrdup(name), .disabled = json_is_false(enabled)};
    return 0;
}

int principals_user_add(struct principals *p, struct user *u, const char *name, size_t i,
                        struct err *e)
{
    add_unique(&u->as, &u->n_as, name);
    if (u->n_as > PRINCIPAL_NAMES_MAX)
        return err_set(e, -EFBIG, "/users/%zu: %s has more than %d groups and roles", i, u->name,
                       PRINCIPAL_NAMES_MAX);
    if (!json_object_get(p->known, name))
        json_object_set_new(p->known, name, json_null());
    return 0;
}

int principals_user_uid(struct principals *p, struct user *u, json_int_t uid, size_t i,
                        struct err *e)
{
    char text[24];
    /* 0 is never a principal: root of the host is not a caller, and kernel threads carry it */
    if (uid <= 0 || uid >= UINT32_MAX)
        return err_set(e, -EBADMSG, "/users/%zu/uid: not a uid from 1 to 4294967294", i);
    if (u->disabled)
        return 0;
    if (principals_by_uid(p, (uid_t)uid))
        return err_set(e, -EBADMSG, "/users/%zu/uid: %lld belongs to %s already", i,
                       (long long)uid, principals_by_uid(p, (uid_t)uid));
    snprintf(text, sizeof text, "%lld", (long long)uid);
    json_object_set_new(p->by_uid, text, json_integer(u - p->users));
    return 0;
}

int principals_user_affiliation(struct user *u, const json_t *v, size_t i, struct err *e)
{
    if (!v || json_is_null(v))
        return 0;
    const char *s = json_string_value(v);
    if (!s || !principal_name_is_good(s))
        return err_set(e, -EBADMSG, "/users/%zu/affiliation: not a usable string", i);
    u->affiliation = xstrdup(s);
    return 0;
}

int principals_user_entitlements(struct user *u, const json_t *list, size_t i, struct err *e)
{
    if (!list || json_is_null(list))
        return 0;
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n > PRINCIPAL_NAMES_MAX)
        return err_set(e, -EBADMSG, "/users/%zu/entitlements: not a list of up to %d strings", i,
                       PRINCIPAL_NAMES_MAX);
    u->entitlements = xcalloc(n + 1, sizeof *u->entitlements);
    for (size_t k = 0; k < n; k++) {
        const char *s = json_string_value(json_array_get(list, k));
        if (!s || !*s || strlen(s) > ENTITLEMENT_MAX)
            return err_set(e, -EBADMSG, "/users/%zu/entitlements/%zu: not 1 to %d bytes of text", i,
                           k, ENTITLEMENT_MAX);
        u->entitlements[u->n_entitlements++] = xstrdup(s);
    }
    return 0;
}

static int add_names(struct principals *p, struct user *u, const json_t *list, const char *kind,
                     size_t i, struct err *e)
{
    if (!list)
        return 0;
    if (!json_is_array(list))
        return err_set(e, -EBADMSG, "/users/%zu/%ss: not a list", i, kind);
    size_t k;
    json_t *v;
    json_array_foreach(list, k, v) {
        char name[PRINCIPAL_MAX];
        int r = principal_of_json(v, kind, "users", i, name, e);
        if (r < 0 || (r = principals_user_add(p, u, name, i, e)) < 0)
            return r;
    }
    return 0;
}

static int add_uids(struct principals *p, struct user *u, const json_t *uid, size_t i,
                    struct err *e)
{
    if (!uid)
        return 0;
    bool is_list = json_is_array(uid);
    for (size_t k = 0; k < (is_list ? json_array_size(uid) : 1); k++) {
        const json_t *one = is_list ? json_array_get(uid, k) : uid;
        json_int_t number = json_is_integer(one) ? json_integer_value(one) : -1;
        int r = principals_user_uid(p, u, number, i, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int add_user(struct principals *p, const json_t *v, size_t i, struct err *e)
{
    char name[PRINCIPAL_MAX];
    struct user *u;
    const json_t *id = json_object_get(v, "id");
    int r = principal_of_json(id ? id : json_object_get(v, "username"), "user", "users", i, name,
                              e);
    if (r < 0 || (r = principals_user_new(p, name, v, i, &u, e)) < 0 ||
        (r = add_names(p, u, json_object_get(v, "groups"), "group", i, e)) < 0 ||
        (r = add_names(p, u, json_object_get(v, "roles"), "role", i, e)) < 0 ||
        (r = principals_user_affiliation(u, json_object_get(v, "affiliation"), i, e)) < 0 ||
        (r = principals_user_entitlements(u, json_object_get(v, "entitlements"), i, e)) < 0)
        return r;
    return add_uids(p, u, json_object_get(v, "uid"), i, e);
}

static int add_group(struct principals *p, const json_t *v, size_t i, struct err *e)
{
    char name[PRINCIPAL_MAX];
    int r = principal_of_json(json_object_get(v, "id"), "group", "groups", i, name, e);
    if (r < 0)
        return r;
    json_object_set_new(p->known, name, json_null());
    const json_t *members = json_object_get(v, "members");
    if (members && !json_is_array(members))
        return err_set(e, -EBADMSG, "/groups/%zu/members: not a list", i);
    size_t k;
    json_t *m;
    json_array_foreach(members, k, m) {
        char user[PRINCIPAL_MAX];
        if ((r = principal_of_json(m, "user", "groups", i, user, e)) < 0)
            return r;
        struct user *u = find_user(p, user);
        if (!u)
            return err_set(e, -EBADMSG, "/groups/%zu/members/%zu: no user '%s'", i, k, user + 5);
        if ((r = principals_user_add(p, u, name, (size_t)(u - p->users), e)) < 0)
            return r;
    }
    return 0;
}

static int fill(struct principals *p, const json_t *root, struct err *e)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(root, "users"), i, v) {
        int r = add_user(p, v, i, e);
        if (r < 0)
            return r;
    }
    json_array_foreach(json_object_get(root, "groups"), i, v) {
        int r = add_group(p, v, i, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_shape(const json_t *root, struct err *e)
{
    const json_t *users = json_object_get(root, "users"), *groups = json_object_get(root, "groups");
    if (!json_is_object(root) || (users && !json_is_array(users)) ||
        (groups && !json_is_array(groups)))
        return err_set(e, -EBADMSG, "not an object with lists \"users\" and \"groups\"");
    if (json_array_size(users) > PRINCIPALS_MAX || json_array_size(groups) > PRINCIPALS_MAX)
        return err_set(e, -EFBIG, "more than %d users or groups", PRINCIPALS_MAX);
    return 0;
}

int principals_parse(const char *text, size_t n, struct principals **ret, struct err *e)
{
    json_error_t je;
    json_auto_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &je);
    if (!root)
        return err_set(e, -EBADMSG, "line %d column %d: %s", je.line, je.column, je.text);
    int r = check_shape(root, e);
    if (r < 0)
        return r;
    size_t n_users = json_array_size(json_object_get(root, "users"));
    AUTO(principals) struct principals *p = principals_new(n_users);
    r = json_object_get(root, "realm") ? principals_keycloak(p, root, e) : fill(p, root, e);
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
