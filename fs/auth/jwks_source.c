/* fs/auth/jwks_source.c - where the keys of tokens come from, and how fresh they are. */
/* SPDX-License-Identifier: MIT */
#include "fs/auth/jwks_source.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/auth/auth_file.h"
#include "fs/auth/discovery.h"
#include "fs/auth/fetch.h"
#include "fs/auth/secret.h"
#include "policy/jwk.h"
#include "policy/jws.h"

#define TAG "jwks"
#define NEVER_MS INT64_MIN

/* A set that callers may still hold when the source has a newer one. */
struct held {
    atomic_uint refs;
    struct jwks *keys;
};

struct jwks_source {
    char *where; /* a path, a URI, or NULL: by discovery */
    char *issuer, *ca;
    bool is_file;

    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t done;  /* `busy` went */
    bool busy;            /* somebody fetches, without the lock */
    struct held *set;     /* NULL: none yet */
    struct auth_file_id seen; /* of the file that `set` is from */
    int64_t tried_ms, had_ms; /* clock_mono_ms() of the last fetch, and of the last that succeeded */
    struct err why;       /* of the last fetch, where it failed */
};

static struct held *hold(struct held *h)
{
    atomic_fetch_add(&h->refs, 1);
    return h;
}

static void let_go(struct held *h)
{
    if (!h || atomic_fetch_sub(&h->refs, 1) > 1)
        return;
    jwks_free(h->keys);
    free(h);
}

struct jwks_source *jwks_source_new(const char *keys, const char *issuer, const char *ca)
{
    struct jwks_source *s = xcalloc(1, sizeof *s);
    s->where = keys ? xstrdup(keys) : NULL;
    s->issuer = issuer ? xstrdup(issuer) : NULL;
    s->ca = ca ? xstrdup(ca) : NULL;
    s->is_file = keys && !strstr(keys, "://");
    s->tried_ms = s->had_ms = NEVER_MS;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->done, NULL);
    return s;
}

void jwks_source_free(struct jwks_source *s)
{
    if (!s)
        return;
    let_go(s->set);
    pthread_cond_destroy(&s->done);
    pthread_mutex_destroy(&s->lock);
    free(s->where);
    free(s->issuer);
    free(s->ca);
    free(s);
}

/* The set becomes the current one; takes `keys`. */
static void adopt(struct jwks_source *s, struct jwks *keys)
{
    struct held *h = xcalloc(1, sizeof *h);
    atomic_init(&h->refs, 1);
    h->keys = keys;
    let_go(s->set);
    s->set = h;
    if (keys->skipped > 0)
        log_debug(TAG, "%zu keys are used, %zu are not (%s)", keys->n, keys->skipped, keys->why);
}

/* Files */

static int read_file(struct jwks_source *s, struct err *e)
{
    AUTO(buf) struct buf text = {0};
    struct auth_file_id now;
    struct jwks *keys;
    int r = auth_file_id(s->where, &now, e);
    if (r == 0 && s->set && auth_file_same(&now, &s->seen))
        return 0;
    let_go(s->set);
    s->set = NULL;
    if (r == 0)
        r = auth_file_read(s->where, JWKS_MAX_BYTES, &text, &now, e);
    if (r == 0 && (r = jwks_parse(buf_str(&text), text.len, &keys, e)) < 0)
        err_wrap(e, "'%s'", s->where);
    buf_wipe(&text); /* it may hold shared secrets */
    if (r < 0) {
        e->code = -EAGAIN;
        return -EAGAIN;
    }
    adopt(s, keys);
    s->seen = now;
    return 0;
}

/* URIs */

static int fetch_keys(const struct jwks_source *s, struct jwks **ret, struct err *e)
{
    AUTO(buf) struct buf text = {0};
    AUTO(free) char *uri = NULL;
    AUTO(jwks) struct jwks *keys = NULL;
    long status = 0;
    int r = 0;
    if (!s->where) {
        AUTO(discovery) struct discovery d = {0};
        if ((r = discovery_fetch(s->issuer, s->ca, NULL, &d, e)) < 0)
            return r;
        uri = TAKE(d.jwks_uri);
    }
    struct fetch f = {.url = uri ? uri : s->where, .ca = s->ca, .max = JWKS_MAX_BYTES};
    if ((r = fetch(&f, &text, &status, e)) < 0)
        return err_wrap(e, "key set");
    if (status != 200)
        return err_set(e, -EAGAIN, "key set: '%.256s' answers with status %ld", f.url, status);
    if ((r = jwks_parse(buf_str(&text), text.len, &keys, e)) < 0)
        return r;
    for (size_t i = 0; i < keys->n; i++)
        if (keys->keys[i].secret) /* whoever can read the URI could sign */
            return err_set(e, -EBADMSG, "key set: '%.256s' publishes a shared secret", f.url);
    *ret = TAKE(keys);
    return 0;
}

static bool older(int64_t moment_ms, int64_t than_ms, int64_t now_ms)
{
    return moment_ms == NEVER_MS || now_ms - moment_ms >= than_ms;
}

/* Fetches without the lock, which the caller holds before and after. */
static void refresh(struct jwks_source *s)
{
    struct jwks *keys = NULL;
    struct err e;
    s->busy = true;
    s->tried_ms = clock_mono_ms();
    pthread_mutex_unlock(&s->lock);
    int r = fetch_keys(s, &keys, &e);
    pthread_mutex_lock(&s->lock);
    s->busy = false;
    if (r == 0) {
        s->had_ms = clock_mono_ms();
        adopt(s, keys);
    } else {
        s->why = e;
        log_debug(TAG, "%s", e.text);
    }
    pthread_cond_broadcast(&s->done);
}

static int from_uri(struct jwks_source *s, const char *token, size_t n, struct err *e)
{
    for (;;) {
        int64_t now = clock_mono_ms();
        bool usable = s->set && !older(s->had_ms, JWKS_KEPT_MS, now);
        bool has_key = usable && jws_has_key(token, n, s->set->keys);
        if (has_key && !older(s->had_ms, JWKS_FRESH_MS, now))
            return 0;
        if (s->busy) {
            if (has_key)
                return 0; /* not fresh, but somebody sees to that */
            pthread_cond_wait(&s->done, &s->lock);
            continue;
        }
        if (older(s->tried_ms, JWKS_RETRY_MS, now)) {
            refresh(s);
            continue;
        }
        if (usable)
            return 0;
        return err_set(e, -EAGAIN, "the key set cannot be had now: %.400s", s->why.text);
    }
}

int jwks_source_get(struct jwks_source *s, const char *token, size_t n, struct jwks_ref *ret,
                    struct err *e)
{
    LOCKED(&s->lock);
    int r = s->is_file ? read_file(s, e) : from_uri(s, token, n, e);
    if (r < 0)
        return r;
    struct held *h = hold(s->set);
    *ret = (struct jwks_ref){.keys = h->keys, .held = h};
    return 0;
}

void jwks_ref_done(struct jwks_ref *r)
{
    let_go(r->held);
    *r = (struct jwks_ref){0};
}
