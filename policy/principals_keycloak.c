/* policy/principals_keycloak.c - the principals of a Keycloak realm, from its export. */
/* SPDX-License-Identifier: MIT */
#include "policy/principals_impl.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

#define DEPTH_MAX 32 /* of groups in groups */
/* The roles of this client are plain names, like those of the realm. Those of every other one are
 * "CLIENT:ROLE": what it calls a superuser is none of ours. */
#define OWN_CLIENT "shotlake"

#define NO_GROUP SIZE_MAX

struct group {
    char *name;    /* "group:grips" */
    size_t parent; /* NO_GROUP at the top */
    json_t *roles; /* canonical */
};

struct realm {
    struct principals *p;
    struct group *groups;
    size_t n_groups;
    json_t *by_path;    /* "/crew/grips" -> its place in `groups` */
    json_t *path_of;    /* "group:grips" -> "/crew/grips" */
    json_t *composites; /* canonical role -> the canonical roles that it brings along */
};

static void realm_done(struct realm *rm)
{
    for (size_t i = 0; i < rm->n_groups; i++) {
        free(rm->groups[i].name);
        json_decref(rm->groups[i].roles);
    }
    free(rm->groups);
    json_decref(rm->by_path);
    json_decref(rm->path_of);
    json_decref(rm->composites);
}

static inline void auto_realm(struct realm *rm)
{
    realm_done(rm);
}

/* 1: a role of another client whose name fits nothing here (an IAM ARN, say); it gives nothing. */
static int role_of_json(const json_t *v, const char *client, const char *place, size_t i,
                        char ret[PRINCIPAL_MAX], struct err *e)
{
    if (!client || strcmp(client, OWN_CLIENT) == 0)
        return principal_of_json(v, "role", place, i, ret, e);
    const char *s = json_string_value(v);
    if (!s)
        return err_set(e, -EBADMSG, "/%s/%zu: the name of a role is not a string", place, i);
    AUTO(free) char *name = xasprintf("%s:%s", client, s);
    if (!principal_name_is_good(name))
        return 1;
    snprintf(ret, PRINCIPAL_MAX, "role:%s", name);
    return 0;
}

static int add_roles_of(json_t *to, const json_t *list, const char *client, const char *place,
                        size_t i, struct err *e)
{
    if (list && !json_is_array(list))
        return err_set(e, -EBADMSG, "/%s/%zu: its roles are not a list", place, i);
    size_t k;
    json_t *v;
    json_array_foreach(list, k, v) {
        char name[PRINCIPAL_MAX];
        int r = role_of_json(v, client, place, i, name, e);
        if (r < 0)
            return r;
        if (r == 0)
            json_array_append_new(to, json_string(name));
    }
    return 0;
}

/* The roles of the realm, a list, and those of clients, a list each; either may be absent. */
static int add_roles(json_t *to, const json_t *realm, const json_t *clients, const char *place,
                     size_t i, struct err *e)
{
    int r = add_roles_of(to, realm, /* client= */ NULL, place, i, e);
    if (r < 0)
        return r;
    if (clients && !json_is_object(clients))
        return err_set(e, -EBADMSG, "/%s/%zu: its roles of clients are not an object", place, i);
    const char *client;
    json_t *list;
    json_object_foreach((json_t *)clients, client, list) {
        if ((r = add_roles_of(to, list, client, place, i, e)) < 0)
            return r;
    }
    return 0;
}

/* What each role of a list is made of. */
static int read_composites(struct realm *rm, const json_t *list, const char *client,
                           struct err *e)
{
    const char *place = client ? "roles/client" : "roles/realm";
    if (list && !json_is_array(list))
        return err_set(e, -EBADMSG, "/%s: not a list of roles", place);
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v) {
        char name[PRINCIPAL_MAX];
        int r = role_of_json(json_object_get(v, "name"), client, place, i, name, e);
        if (r < 0)
            return r;
        if (r > 0)
            continue;
        const json_t *parts = json_object_get(v, "composites");
        json_auto_t *brings = json_array();
        r = add_roles(brings, json_object_get(parts, "realm"), json_object_get(parts, "client"),
                      place, i, e);
        if (r < 0)
            return r;
        json_object_set_new(rm->p->known, name, json_null());
        if (json_array_size(brings) > 0)
            json_object_set(rm->composites, name, brings);
    }
    return 0;
}

static int read_roles(struct realm *rm, const json_t *roles, struct err *e)
{
    json_t *clients = json_object_get(roles, "client");
    if ((roles && !json_is_object(roles)) || (clients && !json_is_object(clients)))
        return err_set(e, -EBADMSG, "/roles: not objects of lists of roles");
    int r = read_composites(rm, json_object_get(roles, "realm"), /* client= */ NULL, e);
    const char *client;
    json_t *list;
    json_object_foreach(clients, client, list) {
        if (r == 0)
            r = read_composites(rm, list, client, e);
    }
    return r;
}

static int read_groups(struct realm *rm, const json_t *list, size_t parent, const char *above,
                       int depth, struct err *e);

/* A group is known by the last part of its path, since a name has no '/': two of one name would be
 * one group to every rule, so they are refused. */
static int read_group(struct realm *rm, const json_t *v, size_t i, size_t parent, const char *above,
                      int depth, struct err *e)
{
    char name[PRINCIPAL_MAX];
    int r = principal_of_json(json_object_get(v, "name"), "group", "groups", i, name, e);
    if (r < 0)
        return err_wrap(e, "below '%s/'", above);
    AUTO(free) char *path = xasprintf("%s/%s", above, name + strlen("group:"));
    const char *other = json_string_value(json_object_get(rm->path_of, name));
    if (other)
        return err_set(e, -EBADMSG, "groups '%.128s' and '%.128s' would both be %.128s", other,
                       path, name);
    if (rm->n_groups == PRINCIPALS_MAX)
        return err_set(e, -EFBIG, "more than %d groups", PRINCIPALS_MAX);
    size_t number = rm->n_groups++;
    rm->groups = xrealloc(rm->groups, rm->n_groups, sizeof *rm->groups);
    rm->groups[number] = (struct group){xstrdup(name), parent, json_array()};
    json_object_set_new(rm->path_of, name, json_string(path));
    json_object_set_new(rm->by_path, path, json_integer((json_int_t)number));
    json_object_set_new(rm->p->known, name, json_null());
    r = add_roles(rm->groups[number].roles, json_object_get(v, "realmRoles"),
                  json_object_get(v, "clientRoles"), "groups", i, e);
    if (r < 0)
        return err_wrap(e, "group '%.128s'", path);
    return read_groups(rm, json_object_get(v, "subGroups"), number, path, depth + 1, e);
}

static int read_groups(struct realm *rm, const json_t *list, size_t parent, const char *above,
                       int depth, struct err *e)
{
    if (list && !json_is_array(list))
        return err_set(e, -EBADMSG, "the groups below '%.128s/' are not a list", above);
    if (depth > DEPTH_MAX && json_array_size(list) > 0)
        return err_set(e, -EFBIG, "groups below '%.128s/' are more than %d deep", above, DEPTH_MAX);
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v) {
        int r = read_group(rm, v, i, parent, above, depth, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int user_add_all(struct realm *rm, struct user *u, const json_t *names, size_t i,
                        struct err *e)
{
    size_t k;
    json_t *v;
    json_array_foreach(names, k, v) {
        int r = principals_user_add(rm->p, u, json_string_value(v), i, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* A member of a group is one of every group above it, and has the roles of all of them. */
static int user_add_groups(struct realm *rm, struct user *u, const json_t *paths, size_t i,
                           struct err *e)
{
    if (paths && !json_is_array(paths))
        return err_set(e, -EBADMSG, "/users/%zu/groups: not a list", i);
    size_t k;
    json_t *v;
    json_array_foreach(paths, k, v) {
        const char *path = json_string_value(v);
        const json_t *number = path ? json_object_get(rm->by_path, path) : NULL;
        if (!number)
            return err_set(e, -EBADMSG, "/users/%zu/groups/%zu: no group '%.128s'", i, k,
                           path ? path : "");
        size_t g = (size_t)json_integer_value(number);
        for (; g != NO_GROUP; g = rm->groups[g].parent) {
            int r = principals_user_add(rm->p, u, rm->groups[g].name, i, e);
            if (r < 0 || (r = user_add_all(rm, u, rm->groups[g].roles, i, e)) < 0)
                return r;
        }
    }
    return 0;
}

/* The values of an attribute as a list of strings, without the empty ones that a cleared form
 * leaves; NULL where it has none. A new reference. */
static int attribute(const json_t *user, const char *name, size_t i, json_t **ret, struct err *e)
{
    json_t *v = json_object_get(json_object_get(user, "attributes"), name);
    json_auto_t *list = json_array();
    for (size_t k = 0; k < (json_is_array(v) ? json_array_size(v) : v != NULL); k++) {
        json_t *one = json_is_array(v) ? json_array_get(v, k) : v;
        if (!json_is_string(one))
            return err_set(e, -EBADMSG, "/users/%zu/attributes/%s: not strings", i, name);
        if (json_string_length(one) > 0)
            json_array_append(list, one);
    }
    *ret = json_array_size(list) > 0 ? TAKE(list) : NULL;
    return 0;
}

/* Digits alone: -1 where there is anything else, or too much of them. */
static json_int_t uid_of_text(const char *s)
{
    size_t n = strspn(s, "0123456789");
    return n > 0 && n <= 10 && s[n] == '\0' ? (json_int_t)strtoll(s, NULL, 10) : -1;
}

static int user_add_attributes(struct realm *rm, struct user *u, const json_t *v, size_t i,
                               struct err *e)
{
    json_auto_t *uids = NULL, *affiliation = NULL, *entitlements = NULL;
    int r = attribute(v, "uid", i, &uids, e);
    if (r < 0 || (r = attribute(v, "affiliation", i, &affiliation, e)) < 0 ||
        (r = attribute(v, "entitlements", i, &entitlements, e)) < 0 ||
        (r = principals_user_affiliation(u, json_array_get(affiliation, 0), i, e)) < 0 ||
        (r = principals_user_entitlements(u, entitlements, i, e)) < 0)
        return r;
    if (json_array_size(affiliation) > 1)
        return err_set(e, -EBADMSG, "/users/%zu/attributes/affiliation: more than one", i);
    size_t k;
    json_t *uid;
    json_array_foreach(uids, k, uid) {
        if ((r = principals_user_uid(rm->p, u, uid_of_text(json_string_value(uid)), i, e)) < 0)
            return r;
    }
    return 0;
}

static int add_user(struct realm *rm, const json_t *v, size_t i, struct err *e)
{
    char name[PRINCIPAL_MAX];
    struct user *u;
    int r = principal_of_json(json_object_get(v, "username"), "user", "users", i, name, e);
    if (r < 0 || (r = principals_user_new(rm->p, name, v, i, &u, e)) < 0)
        return r;
    if (u->disabled)
        return 0;
    json_auto_t *roles = json_array();
    if ((r = user_add_groups(rm, u, json_object_get(v, "groups"), i, e)) < 0 ||
        (r = add_roles(roles, json_object_get(v, "realmRoles"), json_object_get(v, "clientRoles"),
                       "users", i, e)) < 0 ||
        (r = user_add_all(rm, u, roles, i, e)) < 0)
        return r;
    /* the list grows while it is walked, and each name is in it once: so cycles end */
    for (size_t k = 0; k < u->n_as; k++)
        if ((r = user_add_all(rm, u, json_object_get(rm->composites, u->as[k]), i, e)) < 0)
            return r;
    return user_add_attributes(rm, u, v, i, e);
}

int principals_keycloak(struct principals *p, const json_t *export, struct err *e)
{
    AUTO(realm) struct realm rm = {p, NULL, 0, json_object(), json_object(), json_object()};
    if (!json_is_string(json_object_get(export, "realm")))
        return err_set(e, -EBADMSG, "/realm: not the name of a realm");
    int r = read_roles(&rm, json_object_get(export, "roles"), e);
    if (r < 0 || (r = read_groups(&rm, json_object_get(export, "groups"), NO_GROUP, "", 1, e)) < 0)
        return r;
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(export, "users"), i, v) {
        if ((r = add_user(&rm, v, i, e)) < 0)
            return r;
    }
    return 0;
}
