/* policy/record_rules.c - what records say of places and rules: every wrong value is refused here. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/codec.h"
#include "base/err.h"
#include "policy/access_group.h"
#include "policy/apply.h"
#include "policy/principals.h"
#include "policy/propagate.h"
#include "policy/record_impl.h"

#define KEY_MAX 1024 /* bytes of a key of the lake */

int check_principal(const char *s, const char *member, struct err *e)
{
    char canonical[PRINCIPAL_MAX];
    int r = principal_parse(s, canonical, e);
    if (r == 0 && strcmp(canonical, s) != 0)
        r = err_set(e, -EBADMSG, "%s is not in its canonical form", member);
    return r;
}

/* Of a class, group, role, range or field: it is part of keys that '/' and '#' separate. */
static bool is_name(const char *s)
{
    size_t n = s ? strlen(s) : 0;
    if (n == 0 || n > RECORD_NAME_MAX || !utf8_is_valid(s, n))
        return false;
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f || *s == '#' || *s == '/')
            return false;
    return true;
}

static int bad_name(const char *place, struct err *e)
{
    return err_set(e, -EBADMSG, "%s: not a name of 1 to %d bytes without control characters, '#' "
                   "and '/'", place, RECORD_NAME_MAX);
}

static int want_name(const json_t *j, const char *key, const char **ret, struct err *e)
{
    char place[32];
    snprintf(place, sizeof place, "\"%s\"", key);
    *ret = json_string_value(json_object_get(j, key));
    return is_name(*ret) ? 0 : bad_name(place, e);
}

int check_names(const json_t *list, const char *place, size_t max, struct err *e)
{
    size_t i;
    json_t *v;
    if (!json_is_array(list) || json_array_size(list) > max)
        return err_set(e, -EBADMSG, "%s is not a list of up to %zu names", place, max);
    json_array_foreach(list, i, v) {
        char at[64];
        snprintf(at, sizeof at, "%s/%zu", place, i);
        if (!is_name(json_string_value(v)))
            return bad_name(at, e);
    }
    return 0;
}

/* Access types and actions: vendors make up their own. */
static int check_actions(const json_t *list, const char *place, struct err *e)
{
    size_t i;
    json_t *v;
    if (!json_is_array(list) || json_array_size(list) > RECORD_LIST_MAX)
        return err_set(e, -EBADMSG, "%s: not a list of up to %d strings", place, RECORD_LIST_MAX);
    json_array_foreach(list, i, v) {
        const char *s = json_string_value(v);
        if (!s || !*s || strlen(s) > RECORD_NAME_MAX)
            return err_set(e, -EBADMSG, "%s/%zu: not a string of 1 to %d bytes", place, i,
                           RECORD_NAME_MAX);
    }
    return 0;
}

/* ---- ACLs ---------------------------------------------------------------------------------- */

static bool has_type(const json_t *entry, const char *want)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(entry, "accessTypes"), i, v) {
        if (strcmp(json_string_value(v), want) == 0)
            return true;
    }
    return false;
}

bool acl_gives(const json_t *entry, const char *access)
{
    /* Accurate Video's list says modify_all_access, its answers modify_acl_access: one right */
    if (strcmp(access, "modify_all_access") == 0 && has_type(entry, "modify_acl_access"))
        return true;
    return has_type(entry, access);
}

void acl_principal(const json_t *entry, char ret[PRINCIPAL_MAX])
{
    const char *type = json_string_value(json_object_get(entry, "principalType"));
    const char *name = json_string_value(json_object_get(entry, "principal"));
    snprintf(ret, PRINCIPAL_MAX, "%s:%s", strcmp(type, "GROUP") == 0 ? "group" : "user", name);
}

static int acl_check_entry(const json_t *v, size_t i, struct err *e)
{
    const char *type = json_string_value(json_object_get(v, "principalType"));
    const char *name = json_string_value(json_object_get(v, "principal"));
    const json_t *access = json_object_get(v, "accessTypes");
    char canonical[PRINCIPAL_MAX], text[PRINCIPAL_MAX];
    if (!type || (strcmp(type, "USER") != 0 && strcmp(type, "GROUP") != 0))
        return err_set(e, -EBADMSG, "/%zu/principalType: not \"USER\" or \"GROUP\"", i);
    if (!name || strlen(name) > 255)
        return err_set(e, -EBADMSG, "/%zu/principal: missing, not a string or too long", i);
    snprintf(text, sizeof text, "user:%s", name);
    if (principal_parse(text, canonical, e) < 0)
        return err_set(e, -EBADMSG, "/%zu/principal: '%.128s' is not a usable name", i, name);
    char place[48];
    snprintf(place, sizeof place, "/%zu/accessTypes", i);
    int r = check_actions(access, place, e);
    if (r < 0)
        return r;
    const char *key;
    json_t *a;
    json_object_foreach((json_t *)v, key, a) {
        if (strcmp(key, "principalType") && strcmp(key, "principal") && strcmp(key, "accessTypes"))
            return err_set(e, -EBADMSG, "/%zu: unknown member \"%.64s\"", i, key);
    }
    return 0;
}

int acl_check(const json_t *entries, struct err *e)
{
    if (!json_is_array(entries))
        return err_set(e, -EBADMSG, "an ACL is a list of {principalType, principal, accessTypes}");
    if (json_array_size(entries) > RECORD_ACL_MAX)
        return err_set(e, -EFBIG, "an ACL of more than %d entries", RECORD_ACL_MAX);
    size_t i;
    json_t *v;
    json_array_foreach(entries, i, v) {
        int r = acl_check_entry(v, i, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- places -------------------------------------------------------------------------------- */

static int check_path(const char *path, struct err *e)
{
    char probe[KEY_MAX + 2];
    size_t n = strlen(path);
    if (strcmp(path, "/") == 0)
        return 0;
    if (n > KEY_MAX)
        return err_set(e, -EBADMSG, "\"path\" has more than %d bytes", KEY_MAX);
    /* a directory's key is good where a child's would be */
    snprintf(probe, sizeof probe, "%s%s", path, n > 0 && path[n - 1] == '/' ? "x" : "");
    return key_problem(probe) ? err_set(e, -EBADMSG, "\"path\" cannot be a path") : 0;
}

/* Exactly one of "path", "edit" and "lake", of those that the op allows. */
static int want_place(struct record *rec, struct err *e)
{
    const json_t *path = json_object_get(rec->json, "path");
    const json_t *edit = json_object_get(rec->json, "edit");
    const json_t *lake = json_object_get(rec->json, "lake");
    bool has_edit = rec->op != RECORD_PROTECT, has_lake = rec->op == RECORD_ACL;
    if (!!path + !!edit + !!lake != 1 || (edit && !has_edit) || (lake && !has_lake))
        return err_set(e, -EBADMSG, "\"%s\" is about exactly one place: \"path\"%s%s", rec->op_name,
                       has_edit ? ", \"edit\"" : "", has_lake ? ", \"lake\"" : "");
    if (edit)
        return want_edit(rec, e);
    if (lake) {
        rec->lake = json_is_true(lake);
        return rec->lake ? 0 : err_set(e, -EBADMSG, "\"lake\" is not true");
    }
    int r = want_text(rec->json, "path", &rec->path, e);
    return r < 0 ? r : check_path(rec->path, e);
}

static int check_fields(const json_t *fields, struct err *e)
{
    const char *key;
    json_t *v;
    if (!json_is_object(fields) || json_object_size(fields) > RECORD_LIST_MAX)
        return err_set(e, -EBADMSG, "\"fields\" is not an object of up to %d texts",
                       RECORD_LIST_MAX);
    json_object_foreach((json_t *)fields, key, v) {
        if (!is_name(key))
            return bad_name("\"fields\": a field's name", e);
        if (!json_is_string(v) || json_string_length(v) > RECORD_TEXT_MAX)
            return err_set(e, -EBADMSG, "\"fields\"/%s: not a string of up to %d bytes", key,
                           RECORD_TEXT_MAX);
    }
    return 0;
}

/* A member that must be there, if only as null: what is left out by mistake takes nothing away. */
static int want_value(struct record *rec, const char *key, json_t **ret, struct err *e)
{
    json_t *v = json_object_get(rec->json, key);
    *ret = json_is_null(v) ? NULL : v;
    return v ? 0 : err_set(e, -EBADMSG, "\"%s\" is missing", key);
}

int want_placed(struct record *rec, struct err *e)
{
    json_t *v = NULL;
    int r = want_place(rec, e);
    if (r < 0)
        return r;
    switch (rec->op) {
    case RECORD_ACL:
        v = json_object_get(rec->json, "entries");
        r = acl_check(v, e);
        rec->value = json_array_size(v) > 0 ? v : NULL;
        return r;
    case RECORD_CLASS:
        r = want_value(rec, "classes", &rec->value, e);
        return r == 0 && rec->value ? check_names(rec->value, "\"classes\"", RECORD_LIST_MAX, e) : r;
    case RECORD_METADATA:
        v = json_object_get(rec->json, "fields");
        r = check_fields(v, e);
        rec->value = json_object_size(v) > 0 ? v : NULL;
        return r;
    default: /* RECORD_PROTECT */
        r = want_value(rec, "group", &rec->value, e);
        if (r == 0 && rec->value)
            r = want_name(rec->json, "group", &rec->key[0], e);
        return r;
    }
}

/* ---- settings ------------------------------------------------------------------------------ */

static int check_filter(const json_t *v, struct err *e)
{
    AUTO(propagate) struct propagate *p = NULL;
    const char *s = json_string_value(v);
    if (!s || strlen(s) > RECORD_TEXT_MAX)
        return err_set(e, -EBADMSG, "not a string of up to %d bytes", RECORD_TEXT_MAX);
    return propagate_parse(s, &p, e);
}

static int check_bool(const json_t *v, struct err *e)
{
    return json_is_boolean(v) ? 0 : err_set(e, -EBADMSG, "not true or false");
}

static int check_compose(const json_t *v, struct err *e)
{
    const char *s = json_string_value(v);
    if (s && (strcmp(s, "all") == 0 || strcmp(s, "most_specific") == 0))
        return 0;
    return err_set(e, -EBADMSG, "not \"all\" or \"most_specific\"");
}

static int check_roles(const json_t *v, struct err *e)
{
    return check_names(v, "its value", RECORD_LIST_MAX, e);
}

/* What stands behind the '@' of a user's name. */
static int check_scope(const json_t *v, struct err *e)
{
    const char *s = json_string_value(v);
    if (s && (!*s || (is_name(s) && !strpbrk(s, "@ "))))
        return 0;
    return err_set(e, -EBADMSG, "not a scope like \"example.edu\", and not empty");
}

/* Every setting there is, and what it is where nobody set it. */
static const struct setting {
    const char *key, *value;
    int (*check)(const json_t *v, struct err *e);
} settings[] = {
    {"acl.enabled", "true", check_bool},
    {"acl.storage.enabled", "true", check_bool},
    {"acl.propagate.filter", "\"\"", check_filter},
    {"protect.compose", "\"all\"", check_compose},
    {"roles.default", "[\"viewer\"]", check_roles},
    {"users.scope", "\"\"", check_scope},
};

static const struct setting *setting_of(const char *key)
{
    for (size_t i = 0; i < COUNT(settings); i++)
        if (strcmp(settings[i].key, key) == 0)
            return &settings[i];
    return NULL;
}

json_t *setting_default(const char *key)
{
    const struct setting *s = setting_of(key);
    return s ? json_loads(s->value, JSON_DECODE_ANY, NULL) : NULL;
}

static int want_settings(struct record *rec, struct err *e)
{
    const char *key;
    json_t *v;
    rec->value = json_object_get(rec->json, "set");
    if (json_object_size(rec->value) == 0)
        return err_set(e, -EBADMSG, "\"set\" is not an object with settings");
    json_object_foreach(rec->value, key, v) {
        const struct setting *s = setting_of(key);
        if (!s)
            return err_set(e, -EBADMSG, "there is no setting '%.128s'", key);
        if (!json_is_null(v) && s->check(v, e) < 0)
            return err_wrap(e, "setting '%s'", key);
    }
    return 0;
}

/* ---- rules --------------------------------------------------------------------------------- */

static int want_policy(struct record *rec, struct err *e)
{
    json_t *actions = json_object_get(rec->json, "actions");
    int r = want_principal(rec, e);
    if (r < 0 || (r = want_name(rec->json, "class", &rec->key[1], e)) < 0)
        return r;
    rec->key[0] = rec->principal;
    rec->value = json_array_size(actions) > 0 ? actions : NULL;
    return check_actions(actions, "\"actions\"", e);
}

static int want_access_group(struct record *rec, struct err *e)
{
    int r = want_text(rec->json, "site", &rec->key[0], e);
    if (r < 0 || (r = want_name(rec->json, "group", &rec->key[1], e)) < 0)
        return r;
    const char *site = rec->key[0];
    if (*site && (strlen(site) > KEY_MAX || key_problem(site)))
        return err_set(e, -EBADMSG, "\"site\" is not empty and no directory without '/' at its end");
    r = want_value(rec, "rules", &rec->value, e);
    if (r == 0 && rec->value && (r = access_group_check(rec->value, e)) < 0)
        err_wrap(e, "\"rules\"");
    return r;
}

int want_rule(struct record *rec, struct err *e)
{
    int r;
    rec->key[1] = "";
    switch (rec->op) {
    case RECORD_POLICY:
        return want_policy(rec, e);
    case RECORD_ACCESS_GROUP:
        return want_access_group(rec, e);
    case RECORD_RANGES:
        if ((r = want_name(rec->json, "name", &rec->key[0], e)) < 0 ||
            (r = want_value(rec, "ranges", &rec->value, e)) < 0 || !rec->value)
            return r;
        return ranges_check(rec->value, e) < 0 ? err_wrap(e, "\"ranges\"") : 0;
    case RECORD_ROLE:
        if ((r = want_name(rec->json, "role", &rec->key[0], e)) < 0 ||
            (r = want_value(rec, "gives", &rec->value, e)) < 0 || !rec->value)
            return r;
        return check_names(rec->value, "\"gives\"", RECORD_LIST_MAX, e);
    default: /* RECORD_SETTINGS */
        return want_settings(rec, e);
    }
}
