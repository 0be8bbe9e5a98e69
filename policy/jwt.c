/* policy/jwt.c - who a verified token speaks for, and how far (RFC 7519, 9396). */
/* SPDX-License-Identifier: MIT */
#include "policy/jwt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/jws.h"

#define TIME_MAX 253402300799.0 /* the end of year 9999 */

/* Not blank, no control characters, of bounded length. */
static bool is_text(const char *s, size_t n, size_t max)
{
    if (n == 0 || n > max || strlen(s) != n || s[strspn(s, " \t")] == '\0')
        return false;
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    return true;
}

static bool is_name(const json_t *v)
{
    return json_is_string(v) && is_text(json_string_value(v), json_string_length(v), JWT_NAME_MAX);
}

/* One step of a JSON pointer: the member that the text up to the next '/' names, "~1" standing for
 * a '/' and "~0" for a '~' in it. */
static json_t *step(const json_t *at, const char **path)
{
    AUTO(buf) struct buf key = {0};
    const char *p = *path;
    for (; *p && *p != '/'; p++)
        if (*p == '~' && (p[1] == '0' || p[1] == '1'))
            buf_addc(&key, *++p == '0' ? '~' : '/');
        else
            buf_addc(&key, *p);
    *path = p;
    return json_object_get(at, buf_str(&key));
}

/* The claim of that name or pointer; NULL: there is none. */
static json_t *claim(const json_t *claims, const char *name)
{
    json_t *at = (json_t *)claims;
    if (*name != '/')
        return json_object_get(claims, name);
    while (at && *name == '/') {
        name++;
        at = step(at, &name);
    }
    return at;
}

static bool in_list(jwt_list list, const char *s)
{
    for (; list && s && *list; list++)
        if (strcmp(*list, s) == 0)
            return true;
    return false;
}

/* 1: there, 0: absent, -EBADMSG: there, but no moment. */
static int read_time(const json_t *claims, const char *key, int64_t *ret, struct err *e)
{
    const json_t *v = json_object_get(claims, key);
    if (!v)
        return 0;
    double t = json_number_value(v);
    if (!json_is_number(v) || !(t >= 0) || t > TIME_MAX)
        return err_set(e, -EBADMSG, "token: \"%s\" is not a moment", key);
    *ret = (int64_t)t;
    return 1;
}

static int check_times(const json_t *claims, const struct jwt_rules *rules, int64_t now,
                       int64_t *ret_exp, struct err *e)
{
    int64_t nbf = now, iat = now, longest = rules->lifetime_max_s;
    int r = read_time(claims, "exp", ret_exp, e);
    if (r == 0)
        return err_set(e, -EACCES, "token: it has no \"exp\"");
    if (r < 0 || (r = read_time(claims, "nbf", &nbf, e)) < 0 ||
        (r = read_time(claims, "iat", &iat, e)) < 0)
        return r;
    if (now >= *ret_exp + rules->skew_s)
        return err_set(e, -EACCES, "token: it has expired");
    if (now < nbf - rules->skew_s)
        return err_set(e, -EACCES, "token: it is not valid yet");
    if (iat > now + rules->skew_s)
        return err_set(e, -EACCES, "token: it was issued in the future");
    if (*ret_exp - iat > (longest > 0 ? longest : JWT_LIFETIME_S))
        return err_set(e, -EACCES, "token: it lives longer than is allowed here");
    return 0;
}

/* "aud" is one string or a list of them (RFC 7519 4.1.3). */
static bool is_for(const json_t *aud, const char *us)
{
    size_t i;
    json_t *v;
    if (json_is_string(aud))
        return strcmp(json_string_value(aud), us) == 0;
    bool found = false;
    json_array_foreach(aud, i, v) {
        if (!json_is_string(v))
            return false;
        found |= strcmp(json_string_value(v), us) == 0;
    }
    return found;
}

static int check_parties(const json_t *claims, const struct jwt_rules *rules, struct err *e)
{
    const char *iss = json_string_value(json_object_get(claims, "iss"));
    if (rules->issuer && (!iss || strcmp(iss, rules->issuer) != 0))
        return err_set(e, -EACCES, "token: it is of another issuer");
    if (!is_for(json_object_get(claims, "aud"), rules->audience))
        return err_set(e, -EACCES, "token: it is for another audience");
    if (!is_name(json_object_get(claims, "sub")))
        return err_set(e, -EBADMSG, "token: \"sub\" is missing or not a usable name");
    return 0;
}

static int add_group(struct jwt_identity *id, const json_t *name, struct err *e)
{
    if (!is_name(name))
        return err_set(e, -EBADMSG, "token: the name of a group is not usable");
    for (size_t i = 0; i < id->n_groups; i++)
        if (strcmp(id->groups[i], json_string_value(name)) == 0)
            return 0;
    if (id->n_groups == JWT_GROUPS_MAX)
        return err_set(e, -EBADMSG, "token: more than %d groups", JWT_GROUPS_MAX);
    id->groups = xrealloc(id->groups, id->n_groups + 1, sizeof *id->groups);
    id->groups[id->n_groups++] = xstrdup(json_string_value(name));
    return 0;
}

/* A list of names, or one name. */
static int add_groups(struct jwt_identity *id, const json_t *names, struct err *e)
{
    size_t i;
    json_t *v;
    int r = 0;
    if (json_is_string(names))
        return add_group(id, names, e);
    if (!json_is_array(names))
        return err_set(e, -EBADMSG, "token: its groups are neither a list nor a name");
    json_array_foreach(names, i, v)
        if (r == 0)
            r = add_group(id, v, e);
    return r;
}

static int read_groups(const json_t *claims, const struct jwt_rules *rules,
                       struct jwt_identity *id, struct err *e)
{
    const json_t *own = claim(claims, rules->groups ? rules->groups : "groups");
    int r = own ? add_groups(id, own, e) : 0;
    size_t n = id->n_groups;
    for (size_t i = 0; r == 0 && i < n; i++) {
        const json_t *more = json_object_get(rules->expansion, id->groups[i]);
        if (more)
            r = add_groups(id, more, e);
    }
    for (size_t i = 0; i < n; i++) /* what the issuer says, not what the expansion adds */
        id->superuser |= in_list(rules->superuser_groups, id->groups[i]);
    return r;
}

static int read_affiliation(const json_t *claims, const struct jwt_rules *rules,
                            struct jwt_identity *id, struct err *e)
{
    const json_t *v = rules->affiliation ? claim(claims, rules->affiliation) : NULL;
    if (json_is_array(v) && json_array_size(v) == 0)
        return 0;
    if (json_is_array(v) && json_array_size(v) > 1)
        return err_set(e, -EBADMSG, "token: it has more than one affiliation");
    if (json_is_array(v))
        v = json_array_get(v, 0);
    if (!v || json_is_null(v) || (json_is_string(v) && json_string_length(v) == 0))
        return 0;
    if (!json_is_string(v) || !is_text(json_string_value(v), json_string_length(v), JWT_TEXT_MAX))
        return err_set(e, -EBADMSG, "token: its affiliation is not usable");
    id->affiliation = xstrdup(json_string_value(v));
    return 0;
}

static int add_entitlement(struct jwt_identity *id, const char *s, size_t n, struct err *e)
{
    AUTO(free) char *text = xstrndup(s, n);
    if (!is_text(text, n, JWT_TEXT_MAX))
        return err_set(e, -EBADMSG, "token: an entitlement is not usable");
    for (size_t i = 0; i < id->n_entitlements; i++)
        if (strcmp(id->entitlements[i], text) == 0)
            return 0;
    if (id->n_entitlements == JWT_GROUPS_MAX)
        return err_set(e, -EBADMSG, "token: more than %d entitlements", JWT_GROUPS_MAX);
    id->entitlements = xrealloc(id->entitlements, id->n_entitlements + 1, sizeof(char *));
    id->entitlements[id->n_entitlements++] = TAKE(text);
    return 0;
}

/* Each item of a list is one entitlement; one text is cut at ';', as Shibboleth joins them. */
static int read_entitlements(const json_t *claims, const struct jwt_rules *rules,
                             struct jwt_identity *id, struct err *e)
{
    const json_t *v = rules->entitlements ? claim(claims, rules->entitlements) : NULL;
    const char *s = json_string_value(v);
    size_t i;
    json_t *item;
    int r = 0;
    if (!v || json_is_null(v))
        return 0;
    if (s && strlen(s) != json_string_length(v))
        return err_set(e, -EBADMSG, "token: an entitlement is not usable");
    for (; r == 0 && s && *s; s += *s == ';') {
        size_t n = strcspn(s, ";");
        r = n > 0 ? add_entitlement(id, s, n, e) : 0;
        s += n;
    }
    if (!json_is_string(v) && !json_is_array(v))
        return err_set(e, -EBADMSG, "token: its entitlements are neither a list nor a text");
    json_array_foreach(v, i, item) {
        if (r == 0 && !json_is_string(item))
            r = err_set(e, -EBADMSG, "token: an entitlement is not a text");
        else if (r == 0)
            r = add_entitlement(id, json_string_value(item), json_string_length(item), e);
    }
    return r;
}

static int check_strings(const json_t *list, const char *key, struct err *e)
{
    size_t i;
    json_t *v;
    if (!json_is_array(list))
        return err_set(e, -EBADMSG, "token: \"%s\" of its authorization details is no list", key);
    json_array_foreach(list, i, v)
        if (!json_is_string(v) || json_string_length(v) == 0)
            return err_set(e, -EBADMSG, "token: \"%s\" of its authorization details holds what is "
                                        "no text", key);
    return 0;
}

static int check_detail(const json_t *detail, struct err *e)
{
    const char *type = json_string_value(json_object_get(detail, "type"));
    if (!type || strcmp(type, "shotlake") != 0)
        return err_set(e, -EACCES, "token: an authorization detail of a type that is not known");
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)detail, key, v) {
        if (strcmp(key, "type") == 0)
            continue;
        if (strcmp(key, "actions") != 0 && strcmp(key, "edits") != 0 &&
            strcmp(key, "locations") != 0)
            return err_set(e, -EACCES, "token: an authorization detail with \"%.64s\", which is not "
                                       "known", key);
        int r = check_strings(v, key, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_details(const json_t *claims, struct jwt_identity *id, struct err *e)
{
    json_t *details = json_object_get(claims, "authorization_details");
    size_t i;
    json_t *v;
    if (!details)
        return 0;
    if (!json_is_array(details))
        return err_set(e, -EBADMSG, "token: \"authorization_details\" is not a list");
    json_array_foreach(details, i, v) {
        int r = check_detail(v, e);
        if (r < 0)
            return r;
    }
    id->details = json_incref(details);
    return 0;
}

static int read_identity(const json_t *claims, const struct jwt_rules *rules,
                         struct jwt_identity *id, struct err *e)
{
    const json_t *user = claim(claims, rules->username ? rules->username : "sub");
    if (!is_name(user))
        return err_set(e, -EBADMSG, "token: the claim with the user's name is missing or not usable");
    id->user = xstrdup(json_string_value(user));
    const json_t *jti = json_object_get(claims, "jti");
    if (jti && !is_name(jti))
        return err_set(e, -EBADMSG, "token: \"jti\" is not usable");
    id->id = jti ? xstrdup(json_string_value(jti)) : NULL;
    id->superuser =
        in_list(rules->superuser_clients, json_string_value(json_object_get(claims, "azp"))) ||
        in_list(rules->superuser_clients, json_string_value(json_object_get(claims, "client_id")));
    int r = read_groups(claims, rules, id, e);
    if (r == 0)
        r = read_affiliation(claims, rules, id, e);
    if (r == 0)
        r = read_entitlements(claims, rules, id, e);
    return r < 0 ? r : read_details(claims, id, e);
}

int jwt_check(const char *payload, size_t n, const struct jwt_rules *rules, int64_t now,
              struct jwt_identity *ret, struct err *e)
{
    AUTO(jwt_identity) struct jwt_identity id = {0};
    json_error_t je;
    json_auto_t *claims = json_loadb(payload, n, JSON_REJECT_DUPLICATES, &je);
    if (!json_is_object(claims))
        return err_set(e, -EBADMSG, "token: its payload is not a JSON object");
    int r = check_times(claims, rules, now, &id.expires, e);
    if (r == 0)
        r = check_parties(claims, rules, e);
    if (r == 0)
        r = read_identity(claims, rules, &id, e);
    if (r < 0)
        return r;
    *ret = id;
    id = (struct jwt_identity){0};
    return 0;
}

int jwt_verify(const char *token, size_t n, const struct jwks *keys, const struct jwt_rules *rules,
               int64_t now, struct jwt_identity *ret, struct err *e)
{
    AUTO(buf) struct buf payload = {0};
    int r = jws_verify(token, n, keys, rules->algs, &payload, e);
    return r < 0 ? r : jwt_check(buf_str(&payload), payload.len, rules, now, ret, e);
}

void jwt_identity_done(struct jwt_identity *id)
{
    free(id->user);
    free(id->id);
    free(id->affiliation);
    for (size_t i = 0; i < id->n_entitlements; i++)
        free(id->entitlements[i]);
    free(id->entitlements);
    for (size_t i = 0; i < id->n_groups; i++)
        free(id->groups[i]);
    free(id->groups);
    json_decref(id->details);
    *id = (struct jwt_identity){0};
}
