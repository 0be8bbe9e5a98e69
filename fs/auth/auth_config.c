/* fs/auth/auth_config.c - the configuration of signing in: a JSON text into a struct, strictly. */
/* SPDX-License-Identifier: MIT */
#include "fs/auth/auth_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/auth/fetch.h"
#include "policy/jwk.h"

#define SKEW_MAX_S 300
#define LIFETIME_LIMIT_S (366 * 86400)

/* A part being read: an object of the configuration, and its pointer for the sentences. */
struct part {
    const json_t *json;
    const char *place;
    struct err *e;
    int r; /* of the first failure */
};

static void bad(struct part *p, const char *key, const char *what)
{
    if (p->r == 0)
        p->r = err_set(p->e, -EBADMSG, "%s/%.64s: %s", p->place, key, what);
}

static void only(struct part *p, const char *const *known)
{
    const char *key;
    json_t *v;
    if (!json_is_object(p->json)) {
        if (p->r == 0)
            p->r = err_set(p->e, -EBADMSG, "%s: not an object", *p->place ? p->place : "/");
        return;
    }
    json_object_foreach((json_t *)p->json, key, v) {
        const char *const *k = known;
        while (*k && strcmp(*k, key) != 0)
            k++;
        if (!*k)
            bad(p, key, "not a known member");
    }
}

/* Each reader leaves `otherwise` where there is no such member. */
static const char *text(struct part *p, const char *key, const char *otherwise)
{
    const json_t *v = json_object_get(p->json, key);
    const char *s = json_string_value(v);
    if (!v)
        return otherwise;
    if (s && *s && strlen(s) == json_string_length(v))
        return s;
    bad(p, key, "not a text, or an empty one");
    return otherwise;
}

static bool truth(struct part *p, const char *key, bool otherwise)
{
    const json_t *v = json_object_get(p->json, key);
    if (v && !json_is_boolean(v))
        bad(p, key, "neither true nor false");
    return v ? json_is_true(v) : otherwise;
}

static int64_t number(struct part *p, const char *key, int64_t least, int64_t most,
                      int64_t otherwise)
{
    const json_t *v = json_object_get(p->json, key);
    if (!v)
        return otherwise;
    if (json_is_integer(v) && json_integer_value(v) >= least && json_integer_value(v) <= most)
        return json_integer_value(v);
    AUTO(free) char *what = xasprintf("not a whole number from %lld to %lld", (long long)least,
                                      (long long)most);
    bad(p, key, what);
    return otherwise;
}

static bool are_texts(const json_t *list)
{
    size_t i;
    json_t *v;
    if (!json_is_array(list) || json_array_size(list) > AUTH_LIST_MAX)
        return false;
    json_array_foreach(list, i, v)
        if (!json_is_string(v) || json_string_length(v) == 0 ||
            strlen(json_string_value(v)) != json_string_length(v))
            return false;
    return true;
}

static jwt_list list(struct part *p, const char *key)
{
    const json_t *v = json_object_get(p->json, key);
    size_t i;
    json_t *item;
    if (!v)
        return NULL;
    if (!are_texts(v)) {
        bad(p, key, "not a list of at most 1000 texts");
        return NULL;
    }
    const char **all = xcalloc(json_array_size(v) + 1, sizeof *all);
    json_array_foreach(v, i, item)
        all[i] = json_string_value(item);
    return all;
}

static const json_t *expansion(struct part *p, const char *key)
{
    const json_t *v = json_object_get(p->json, key);
    const char *group;
    json_t *gives;
    if (v && (!json_is_object(v) || json_object_size(v) > AUTH_LIST_MAX))
        bad(p, key, "not an object of at most 1000 groups");
    json_object_foreach((json_t *)v, group, gives)
        if (!are_texts(gives))
            bad(p, key, "what a group brings is not a list of at most 1000 texts");
    return v;
}

/* "alg": a name or a list of names; without it RS256, which every OpenID provider must offer. */
static unsigned algs(struct part *p)
{
    const json_t *v = json_object_get(p->json, "alg");
    size_t n = json_is_array(v) ? json_array_size(v) : 1;
    unsigned set = 0;
    if (!v)
        return 1u << JWK_RS256;
    if (n == 0)
        bad(p, "alg", "an empty list: no token could be valid");
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_is_array(v) ? json_array_get(v, i) : v);
        enum jwk_alg alg;
        if (name && jwk_alg_of(name, &alg))
            set |= 1u << alg;
        else
            bad(p, "alg", "not the name of a signature algorithm that is known here");
    }
    return set;
}

static char *in_folder(const char *folder, const char *path)
{
    return *path == '/' ? xstrdup(path) : xasprintf("%s/%s", folder, path);
}

static void read_oidc(struct part *p, struct auth_config *c)
{
    static const char *const known[] = {"issuer", "client_id", "scope", "token", NULL};
    only(p, known);
    c->issuer = text(p, "issuer", NULL);
    c->client_id = text(p, "client_id", NULL);
    c->scope = text(p, "scope", "openid");
    const char *token = text(p, "token", "id_token");
    c->is_id_token = strcmp(token, "id_token") == 0;
    if (!c->is_id_token && strcmp(token, "access_token") != 0)
        bad(p, "token", "neither \"id_token\" nor \"access_token\"");
    if (!c->issuer)
        bad(p, "issuer", "missing");
    else if (!fetch_url_is_safe(c->issuer))
        bad(p, "issuer", "not an https URL (http is for this host alone)");
    if (!c->client_id)
        bad(p, "client_id", "missing");
}

static void read_keys(struct part *p, struct auth_config *c, const char *folder)
{
    const char *keys = text(p, "jwk", NULL);
    if (!keys && !c->has_oidc)
        bad(p, "jwk", "missing: the file or URI of the key set, unless \"oidc\" tells of one");
    else if (keys && strstr(keys, "://") && !fetch_url_is_safe(keys))
        bad(p, "jwk", "not an https URL (http is for this host alone)");
    else if (keys)
        c->keys = strstr(keys, "://") ? xstrdup(keys) : in_folder(folder, keys);
}

static void read_jwt(struct part *p, struct auth_config *c, const char *folder)
{
    static const char *const known[] = {
        "alg", "issuer", "issuer_enforced", "audience", "jwk", "username", "groups",
        "affiliation", "entitlements", "superuser_client_ids", "superuser_groups",
        "group_expansion", "skew", "max_lifetime", NULL};
    if (p->json)
        only(p, known);
    const char *issuer = text(p, "issuer", c->issuer);
    bool enforced = truth(p, "issuer_enforced", true);
    if (enforced && !issuer)
        bad(p, "issuer", "missing, and it is enforced");
    c->rules = (struct jwt_rules){
        .algs = algs(p),
        .issuer = enforced ? issuer : NULL,
        /* an id_token is for the client that asked for it (OpenID Connect Core 2) */
        .audience = text(p, "audience", c->is_id_token ? c->client_id : NULL),
        .username = text(p, "username", "sub"),
        .groups = text(p, "groups", "groups"),
        .affiliation = text(p, "affiliation", NULL),
        .entitlements = text(p, "entitlements", NULL),
        .skew_s = number(p, "skew", 0, SKEW_MAX_S, JWT_SKEW_S),
        .lifetime_max_s = number(p, "max_lifetime", 1, LIFETIME_LIMIT_S, JWT_LIFETIME_S),
        .superuser_clients = list(p, "superuser_client_ids"),
        .superuser_groups = list(p, "superuser_groups"),
        .expansion = expansion(p, "group_expansion"),
    };
    if (!c->rules.audience)
        bad(p, "audience", "missing: a token for somebody else must not sign in here");
    read_keys(p, c, folder);
}

static void read_basic(struct part *p, struct auth_config *c, const char *folder)
{
    static const char *const known[] = {"users", NULL};
    only(p, known);
    c->users = in_folder(folder, text(p, "users", "users.json"));
}

static void read_session(struct part *p, struct auth_config *c)
{
    static const char *const known[] = {"idle", "max", NULL};
    if (p->json)
        only(p, known);
    c->idle_s = number(p, "idle", 1, AUTH_SESSION_LIMIT_S, AUTH_IDLE_S);
    c->session_max_s = number(p, "max", 1, AUTH_SESSION_LIMIT_S, AUTH_SESSION_MAX_S);
}

static int read_all(struct auth_config *c, const char *folder, struct err *e)
{
    static const char *const known[] = {"jwt", "oidc", "basic", "session", "ca", NULL};
    struct part top = {.json = c->json, .place = "", .e = e};
    only(&top, known);
    if (top.r < 0)
        return top.r;
    const char *ca = text(&top, "ca", NULL);
    struct part oidc = {.json = json_object_get(c->json, "oidc"), .place = "/oidc", .e = e,
                        .r = top.r};
    c->ca = ca ? in_folder(folder, ca) : NULL;
    if ((c->has_oidc = oidc.json))
        read_oidc(&oidc, c);
    struct part jwt = {.json = json_object_get(c->json, "jwt"), .place = "/jwt", .e = e,
                       .r = oidc.r};
    if ((c->has_jwt = jwt.json || c->has_oidc))
        read_jwt(&jwt, c, folder);
    struct part basic = {.json = json_object_get(c->json, "basic"), .place = "/basic", .e = e,
                         .r = jwt.r};
    if ((c->has_basic = basic.json))
        read_basic(&basic, c, folder);
    struct part session = {.json = json_object_get(c->json, "session"), .place = "/session",
                           .e = e, .r = basic.r};
    read_session(&session, c);
    return session.r;
}

int auth_config_parse(const char *text, size_t n, const char *folder, struct auth_config *ret,
                      struct err *e)
{
    AUTO(auth_config) struct auth_config c = {0};
    json_error_t je;
    if (n > AUTH_CONFIG_BYTES_MAX)
        return err_set(e, -EBADMSG, "it is longer than %u bytes", AUTH_CONFIG_BYTES_MAX);
    c.json = json_loadb(text, n, JSON_REJECT_DUPLICATES, &je);
    if (!c.json)
        return err_set(e, -EBADMSG, "line %d column %d: %s", je.line, je.column, je.text);
    int r = read_all(&c, folder, e);
    if (r < 0)
        return r;
    *ret = c;
    c = (struct auth_config){0};
    return 0;
}

void auth_config_done(struct auth_config *c)
{
    free((void *)c->rules.superuser_clients);
    free((void *)c->rules.superuser_groups);
    free(c->keys);
    free(c->users);
    free(c->ca);
    json_decref(c->json);
    *c = (struct auth_config){0};
}
