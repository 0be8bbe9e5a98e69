/* fs/auth/oidc.c - signing in with any OpenID provider, from a terminal (RFC 8628, OIDC Discovery). */
/* SPDX-License-Identifier: MIT */
#include "fs/auth/oidc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/err.h"
#include "fs/auth/auth_impl.h"
#include "fs/auth/discovery.h"
#include "fs/auth/fetch.h"

#define ANSWER_MAX (64u << 10)
#define TEXT_MAX 2048           /* bytes of what the user is shown */
#define INTERVAL_S 5            /* RFC 8628 3.2: where the provider names none */
#define INTERVAL_MAX_S 300
#define EXPIRES_MAX_S 3600
#define TICK_NS 100000000       /* how soon a cancelled wait ends */
#define GRANT_TYPE "urn:ietf:params:oauth:grant-type:device_code"

struct device {
    const struct auth_config *config;
    const volatile int *cancel;
    struct discovery at;
    json_t *answer; /* of the device authorization; the user's code and ours are in it */
    const char *code; /* ours: with it, whoever has it gets the token */
    int64_t end_ms;   /* clock_mono_ms() when the code is over */
    int interval_s;
};

/* A JSON value whose strings are secrets: they are wiped where they lie. */
static void wipe_json(json_t *v)
{
    const char *key;
    json_t *item;
    if (json_is_string(v))
        explicit_bzero((char *)json_string_value(v), json_string_length(v));
    json_object_foreach(v, key, item)
        wipe_json(item);
}

static void auto_secret_json(json_t **v)
{
    if (*v)
        wipe_json(*v);
    json_decref(*v);
}

static void device_done(struct device *d)
{
    discovery_done(&d->at);
    auto_secret_json(&d->answer);
}

static void auto_device(struct device *d)
{
    device_done(d);
}

static void add_field(struct buf *form, const char *key, const char *value)
{
    if (form->len > 0)
        buf_addc(form, '&');
    buf_adds(form, key);
    buf_addc(form, '=');
    percent_encode(form, value, strlen(value), /* keep_slash= */ false);
}

/* Posts a form; the answer has to be a JSON object, whatever its status. */
static int post(const struct device *d, const char *url, const struct buf *form, json_t **ret,
                long *ret_status, struct err *e)
{
    AUTO(secret_buf) struct buf text = {0};
    json_error_t je;
    struct fetch f = {.url = url, .form = buf_str(form), .ca = d->config->ca, .max = ANSWER_MAX,
                      .cancel = d->cancel};
    int r = fetch(&f, &text, ret_status, e);
    if (r < 0)
        return r;
    AUTO(secret_json) json_t *answer = json_loadb(buf_str(&text), text.len,
                                                  JSON_REJECT_DUPLICATES, &je);
    if (!json_is_object(answer))
        return err_set(e, *ret_status >= 500 ? -EAGAIN : -EBADMSG,
                       "the provider answers with status %ld and no JSON object", *ret_status);
    *ret = TAKE(answer);
    return 0;
}

/* What goes to a terminal: printable ASCII alone. NULL where the member is none. */
static const char *shown(const json_t *answer, const char *key)
{
    const json_t *v = json_object_get(answer, key);
    const char *s = json_string_value(v);
    if (!s || !*s || json_string_length(v) > TEXT_MAX)
        return NULL;
    for (size_t i = 0; i < json_string_length(v); i++)
        if (s[i] < 0x20 || s[i] > 0x7e)
            return NULL;
    return s;
}

static const char *text(const json_t *answer, const char *key)
{
    const json_t *v = json_object_get(answer, key);
    const char *s = json_string_value(v);
    return s && *s && strlen(s) == json_string_length(v) ? s : NULL;
}

/* The provider's "error", or "". Its own words go to the user, as far as they are printable. */
static const char *error_of(const json_t *answer)
{
    const char *s = shown(answer, "error");
    return s ? s : "";
}

static int refused(const json_t *answer, long status, struct err *e)
{
    const char *more = shown(answer, "error_description");
    return err_set(e, -EACCES, "the provider refuses (status %ld): %.64s%s%.256s", status,
                   error_of(answer), more ? ": " : "", more ? more : "");
}

static int seconds(const json_t *answer, const char *key, int otherwise, int most)
{
    const json_t *v = json_object_get(answer, key);
    json_int_t s = json_is_integer(v) ? json_integer_value(v) : otherwise;
    return s < 1 ? 1 : s > most ? most : (int)s;
}

/* Device authorization (RFC 8628 3.1, 3.2). */
static int begin(struct device *d, struct oidc_prompt *ret, struct err *e)
{
    AUTO(buf) struct buf form = {0};
    long status = 0;
    add_field(&form, "client_id", d->config->client_id);
    add_field(&form, "scope", d->config->scope);
    int r = post(d, d->at.device, &form, &d->answer, &status, e);
    if (r < 0)
        return r;
    if (status != 200)
        return refused(d->answer, status, e);
    *ret = (struct oidc_prompt){
        .uri = shown(d->answer, "verification_uri"),
        .uri_complete = shown(d->answer, "verification_uri_complete"),
        .code = shown(d->answer, "user_code"),
        .expires_in = seconds(d->answer, "expires_in", 0, EXPIRES_MAX_S),
    };
    d->code = text(d->answer, "device_code");
    if (!ret->uri || !ret->code || !d->code || !fetch_url_is_safe(ret->uri) ||
        (ret->uri_complete && !fetch_url_is_safe(ret->uri_complete)) ||
        !json_object_get(d->answer, "expires_in"))
        return err_set(e, -EBADMSG, "the provider's answer lacks what a device needs: a code, an "
                                    "https address to enter it at, and how long it holds");
    d->interval_s = seconds(d->answer, "interval", INTERVAL_S, INTERVAL_MAX_S);
    d->end_ms = clock_mono_ms() + ret->expires_in * INT64_C(1000);
    return 0;
}

/* 0 after the interval; -EINTR, -ETIMEDOUT. */
static int wait_interval(const struct device *d, struct err *e)
{
    int64_t until_ms = clock_mono_ms() + d->interval_s * INT64_C(1000);
    while (clock_mono_ms() < until_ms) {
        struct timespec tick = {0, TICK_NS};
        if (d->cancel && *d->cancel)
            return err_set(e, -EINTR, "interrupted");
        if (clock_mono_ms() >= d->end_ms)
            return err_set(e, -ETIMEDOUT, "nobody has agreed in time; sign in again");
        nanosleep(&tick, NULL);
    }
    return 0;
}

static int take_token(const struct device *d, const json_t *answer, char **ret, struct err *e)
{
    const char *key = d->config->is_id_token ? "id_token" : "access_token";
    const char *token = text(answer, key);
    if (!token)
        return err_set(e, -EBADMSG, "the provider gives no %s%s", key,
                       d->config->is_id_token ? "; \"scope\" has to hold openid" : "");
    *ret = xstrdup(token);
    return 0;
}

/* One question for the token (RFC 8628 3.4, 3.5). 1: not yet. */
static int ask(struct device *d, char **ret, struct err *e)
{
    AUTO(secret_buf) struct buf form = {0};
    AUTO(secret_json) json_t *answer = NULL;
    long status = 0;
    buf_room(&form, 3 * (strlen(d->code) + strlen(d->config->client_id)) + 256);
    add_field(&form, "grant_type", GRANT_TYPE);
    add_field(&form, "device_code", d->code);
    add_field(&form, "client_id", d->config->client_id);
    int r = post(d, d->at.token, &form, &answer, &status, e);
    if (r == -EAGAIN) { /* away or overloaded: ask less often (3.5) */
        d->interval_s = d->interval_s > INTERVAL_MAX_S / 2 ? INTERVAL_MAX_S : 2 * d->interval_s;
        return 1;
    }
    if (r < 0)
        return r;
    if (status == 200)
        return take_token(d, answer, ret, e);
    const char *error = error_of(answer);
    if (strcmp(error, "authorization_pending") == 0)
        return 1;
    if (strcmp(error, "slow_down") == 0) {
        d->interval_s += 5;
        return 1;
    }
    if (strcmp(error, "access_denied") == 0)
        return err_set(e, -EACCES, "the provider says that you have declined");
    if (strcmp(error, "expired_token") == 0)
        return err_set(e, -ETIMEDOUT, "nobody has agreed in time; sign in again");
    return refused(answer, status, e);
}

int oidc_device_login(struct auth *a, oidc_prompt_fn *fn, void *arg, const volatile int *cancel,
                      char **ret_token, struct err *e)
{
    const struct auth_config *c = &a->config;
    AUTO(device) struct device d = {.config = c, .cancel = cancel};
    struct oidc_prompt prompt;
    if (!c->has_oidc)
        return err_set(e, -EOPNOTSUPP, "no OpenID provider is configured (\"oidc\")");
    int r = discovery_fetch(c->issuer, c->ca, cancel, &d.at, e);
    if (r < 0)
        return r;
    if (!d.at.device || !d.at.token)
        return err_set(e, -EOPNOTSUPP, "'%.128s' offers no device flow", c->issuer);
    if ((r = begin(&d, &prompt, e)) < 0)
        return r;
    fn(arg, &prompt);
    do
        if ((r = wait_interval(&d, e)) == 0)
            r = ask(&d, ret_token, e);
    while (r == 1);
    return r;
}
