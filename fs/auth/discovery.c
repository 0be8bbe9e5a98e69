/* fs/auth/discovery.c - what an OpenID provider tells of itself (OpenID Connect Discovery 1.0). */
/* SPDX-License-Identifier: MIT */
#include "fs/auth/discovery.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/auth/fetch.h"

static int read_url(const json_t *doc, const char *key, char **ret, struct err *e)
{
    const json_t *v = json_object_get(doc, key);
    if (!v)
        return 0;
    if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v) ||
        !fetch_url_is_safe(json_string_value(v)))
        return err_set(e, -EBADMSG, "discovery: \"%s\" is not an https URL", key);
    *ret = xstrdup(json_string_value(v));
    return 0;
}

int discovery_parse(const char *text, size_t n, const char *issuer, struct discovery *ret,
                    struct err *e)
{
    AUTO(discovery) struct discovery d = {0};
    json_error_t je;
    json_auto_t *doc = json_loadb(text, n, JSON_REJECT_DUPLICATES, &je);
    if (!json_is_object(doc))
        return err_set(e, -EBADMSG, "discovery: the answer of '%.128s' is not a JSON object",
                       issuer);
    const char *own = json_string_value(json_object_get(doc, "issuer"));
    if (!own || strcmp(own, issuer) != 0)
        return err_set(e, -EACCES, "discovery: '%.128s' calls itself '%.128s'", issuer,
                       own ? own : "nothing");
    int r = read_url(doc, "jwks_uri", &d.jwks_uri, e);
    if (r == 0)
        r = read_url(doc, "token_endpoint", &d.token, e);
    if (r == 0)
        r = read_url(doc, "device_authorization_endpoint", &d.device, e);
    if (r < 0)
        return r;
    if (!d.jwks_uri)
        return err_set(e, -EBADMSG, "discovery: '%.128s' names no key set (\"jwks_uri\")", issuer);
    *ret = d;
    d = (struct discovery){0};
    return 0;
}

int discovery_fetch(const char *issuer, const char *ca, const volatile int *cancel,
                    struct discovery *ret, struct err *e)
{
    AUTO(buf) struct buf text = {0};
    size_t n = strlen(issuer);
    long status = 0;
    AUTO(free) char *url = xasprintf("%s%s.well-known/openid-configuration", issuer,
                                     n > 0 && issuer[n - 1] == '/' ? "" : "/");
    struct fetch f = {.url = url, .ca = ca, .max = DISCOVERY_MAX_BYTES, .cancel = cancel};
    int r = fetch(&f, &text, &status, e);
    if (r < 0)
        return err_wrap(e, "discovery");
    if (status != 200)
        return err_set(e, -EAGAIN, "discovery: '%.256s' answers with status %ld", url, status);
    return discovery_parse(buf_str(&text), text.len, issuer, ret, e);
}

void discovery_done(struct discovery *d)
{
    free(d->jwks_uri);
    free(d->token);
    free(d->device);
    *d = (struct discovery){0};
}
