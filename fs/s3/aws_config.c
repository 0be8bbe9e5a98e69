/* fs/s3/aws_config.c - the text of the AWS shared files, ~/.aws/config and ~/.aws/credentials. */
/* SPDX-License-Identifier: MIT */
#include "fs/s3/aws_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

/* A slice of the text. */
struct span {
    const char *p;
    size_t n;
};

/* One "key = value", one "sub = value" indented below "key =", or, without a key, a section. */
struct entry {
    struct span kind;    /* "profile", "services", …; empty in "[default]" */
    struct span section; /* the name */
    struct span key, sub, value;
};

struct scan {
    void (*entry)(struct aws_config *c, const char *name, const struct entry *at);
    struct aws_config *config;
    const char *name; /* of the profile or services section looked for */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(struct span s)
{
    while (s.n > 0 && is_blank(s.p[0]))
        s.p++, s.n--;
    while (s.n > 0 && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

static bool span_is(struct span s, const char *text)
{
    return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static bool key_is(struct span s, const char *text)
{
    return s.n == strlen(text) && strncasecmp(s.p, text, s.n) == 0;
}

/* A comment may follow a value after a blank; a '#' within one belongs to it. */
static struct span without_comment(struct span s)
{
    for (size_t i = 1; i < s.n; i++)
        if ((s.p[i] == '#' || s.p[i] == ';') && is_blank(s.p[i - 1]))
            s.n = i;
    return trim(s);
}

static struct span without_quotes(struct span s)
{
    if (s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.n - 1] == s.p[0])
        return (struct span){s.p + 1, s.n - 2};
    return s;
}

/* Splits "[kind name]" or "[name]"; false where it is no section line. */
static bool section_parse(struct span line, struct entry *at)
{
    line = without_comment(line);
    if (line.n < 2 || line.p[line.n - 1] != ']')
        return false;
    struct span inner = trim((struct span){line.p + 1, line.n - 2});
    size_t word = 0;
    while (word < inner.n && !is_blank(inner.p[word]))
        word++;
    *at = (struct entry){0};
    if (word < inner.n) {
        at->kind = (struct span){inner.p, word};
        inner = trim((struct span){inner.p + word, inner.n - word});
    }
    at->section = without_quotes(inner);
    return at->section.n > 0;
}

static bool pair_parse(struct span line, struct span *key, struct span *value)
{
    const char *equals = memchr(line.p, '=', line.n);
    if (!equals)
        return false;
    size_t n = (size_t)(equals - line.p);
    *key = trim((struct span){line.p, n});
    *value = without_comment(trim((struct span){equals + 1, line.n - n - 1}));
    return key->n > 0;
}

/* Handles one line that is neither empty nor a comment; false where it makes no sense. */
static bool line_parse(const struct scan *s, struct span raw, struct entry *at)
{
    struct span line = trim(raw);
    if (is_blank(raw.p[0]) && at->key.n > 0) {
        /* Below a key without a value stand its parts; below others, more of the value, which
         * nothing that we read has. */
        if (at->value.n > 0)
            return true;
        struct entry part = *at;
        if (!pair_parse(line, &part.sub, &part.value))
            return false;
        s->entry(s->config, s->name, &part);
        return true;
    }
    if (line.p[0] == '[') {
        if (!section_parse(line, at))
            return false;
        s->entry(s->config, s->name, at); /* without a key: the section is there */
        return true;
    }
    if (at->section.n == 0 || !pair_parse(line, &at->key, &at->value))
        return false;
    s->entry(s->config, s->name, at);
    return true;
}

static int scan_run(const struct scan *s, const char *text, size_t n, struct err *e)
{
    struct entry at = {0};
    unsigned line = 1;
    for (size_t i = 0; i < n; line++) {
        const char *end = memchr(text + i, '\n', n - i);
        struct span raw = {text + i, end ? (size_t)(end - text) - i : n - i};
        struct span content = trim(raw);
        if (content.n > 0 && content.p[0] != '#' && content.p[0] != ';' && !line_parse(s, raw, &at))
            return err_set(e, -EBADMSG, "line %u is neither [section] nor key = value", line);
        i += raw.n + 1;
    }
    return 0;
}

static void wipe(char **s)
{
    if (*s)
        OPENSSL_cleanse(*s, strlen(*s));
    free(*s);
    *s = NULL;
}

static void put(char **to, struct span value)
{
    wipe(to); /* a later line wins */
    *to = value.n > 0 ? xstrndup(value.p, value.n) : NULL;
}

static void profile_entry(struct aws_config *c, const struct entry *at)
{
    static const char *const others[] = {"role_arn", "sso_session", "sso_start_url",
                                         "credential_process", "web_identity_token_file"};
    const struct {
        const char *key;
        char **to;
    } known[] = {
        {"aws_access_key_id", &c->key_id}, {"aws_secret_access_key", &c->secret},
        {"aws_session_token", &c->token},  {"region", &c->region},
        {"endpoint_url", &c->endpoint},    {"ca_bundle", &c->ca_bundle},
        {"services", &c->services},
    };
    for (size_t i = 0; i < COUNT(known); i++)
        if (key_is(at->key, known[i].key))
            put(known[i].to, at->value);
    for (size_t i = 0; i < COUNT(others); i++)
        if (key_is(at->key, others[i]))
            put(&c->elsewhere, (struct span){others[i], strlen(others[i])});
}

static void on_profile(struct aws_config *c, const char *profile, const struct entry *at, bool mine)
{
    if (!mine || !span_is(at->section, profile))
        return;
    c->found = true;
    if (at->sub.n == 0)
        profile_entry(c, at);
}

static void on_config(struct aws_config *c, const char *profile, const struct entry *at)
{
    on_profile(c, profile, at,
               span_is(at->kind, "profile") ||
                   (at->kind.n == 0 && strcmp(profile, "default") == 0));
}

static void on_credentials(struct aws_config *c, const char *profile, const struct entry *at)
{
    on_profile(c, profile, at, at->kind.n == 0);
}

static void on_services(struct aws_config *c, const char *services, const struct entry *at)
{
    if (span_is(at->kind, "services") && span_is(at->section, services) && key_is(at->key, "s3") &&
        key_is(at->sub, "endpoint_url"))
        put(&c->endpoint_s3, at->value);
}

int aws_config_parse(const char *text, size_t n, enum aws_config_file which, const char *profile,
                     struct aws_config *ret, struct err *e)
{
    if (n > AWS_CONFIG_BYTES_MAX)
        return err_set(e, -EBADMSG, "it is longer than %u bytes", AWS_CONFIG_BYTES_MAX);
    if (memchr(text, '\0', n))
        return err_set(e, -EBADMSG, "it is not a text");

    struct aws_config c = {0};
    struct scan s = {
        .entry = which == AWS_CONFIG_FILE_CONFIG ? on_config : on_credentials,
        .config = &c,
        .name = profile,
    };
    int r = scan_run(&s, text, n, e);
    if (r == 0 && c.services) {
        s.entry = on_services; /* its section may stand before the profile's */
        s.name = c.services;
        r = scan_run(&s, text, n, e);
    }
    if (r < 0) {
        aws_config_done(&c);
        return r;
    }
    *ret = c;
    return 0;
}

void aws_config_done(struct aws_config *c)
{
    wipe(&c->key_id);
    wipe(&c->secret);
    wipe(&c->token);
    wipe(&c->region);
    wipe(&c->endpoint);
    wipe(&c->ca_bundle);
    wipe(&c->services);
    wipe(&c->endpoint_s3);
    wipe(&c->elsewhere);
    c->found = false;
}
