/* conform/media_url.c - what the text of a media reference names: scheme, path, last component. */
/* SPDX-License-Identifier: MIT */
#include "conform/media_url.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/codec.h"
#include "base/err.h"
#include "fs/store/store.h"

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* "X:" before a separator or the end: a drive, never a scheme. */
static bool is_drive(const char *s)
{
    return is_alpha(s[0]) && s[1] == ':' && (s[2] == '/' || s[2] == '\\' || s[2] == '\0');
}

/* Length of "scheme:" with at least two letters, 0 where there is none (RFC 3986, 3.1). */
static size_t scheme_length(const char *s)
{
    size_t n = 0;
    if (!is_alpha(s[0]))
        return 0;
    while (is_alpha(s[n]) || (s[n] >= '0' && s[n] <= '9') || s[n] == '+' || s[n] == '-' ||
           s[n] == '.')
        n++;
    return s[n] == ':' && n >= 2 ? n + 1 : 0;
}

/* "%04d" inside a URL is a frame notation: decoded it would be a control byte. */
static bool is_frame_notation(const char *s)
{
    return s[0] == '%' && s[1] == '0' && s[2] >= '1' && s[2] <= '9' && s[3] == 'd';
}

char *media_url_decode(const char *text)
{
    struct buf out __attribute__((cleanup(auto_buf))) = {0};
    const char *from = text, *p = text;
    for (; *p; p++) {
        if (!is_frame_notation(p))
            continue;
        if (percent_decode(&out, from, (size_t)(p - from)) < 0)
            return NULL;
        buf_add(&out, p, 4);
        from = p + 4;
        p += 3;
    }
    if (percent_decode(&out, from, (size_t)(p - from)) < 0 || strcmp(buf_str(&out), text) == 0)
        return NULL;
    return buf_take(&out);
}

static const char *last_component(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void turn_backslashes(char *path)
{
    bool windows = is_drive(path) || strncmp(path, "\\\\", 2) == 0 || !strchr(path, '/');
    for (; windows && *path; path++)
        if (*path == '\\')
            *path = '/';
}

/* Where the path of a file: or http: URL ends. A '#' of a frame notation is no fragment: one of
 * several, or right before the extension. */
static size_t path_length(const char *s)
{
    size_t i = 0;
    for (; s[i] && s[i] != '?'; i++) {
        bool notation = s[i + 1] == '#' || s[i + 1] == '.' || (i > 0 && s[i - 1] == '#');
        if (s[i] == '#' && !notation)
            break;
    }
    return i;
}

/* What follows "file:" as a path, still encoded. */
static char *file_path(const char *s)
{
    AUTO(free) char *cut = xstrndup(s, path_length(s));
    const char *p = cut;
    if (strncmp(p, "//", 2) == 0) {
        const char *host = p + 2, *slash = strchr(host, '/');
        size_t n = slash ? (size_t)(slash - host) : strlen(host);
        bool local = n == 0 || (n == 9 && strncasecmp(host, "localhost", 9) == 0);
        if (local)
            p = host + n;
        else if (is_alpha(host[0]) && (host[1] == ':' || strncasecmp(host + 1, "%3a", 3) == 0))
            p = host; /* a drive in the host's place */
    }
    bool drive =
        p[0] == '/' && is_alpha(p[1]) && (p[2] == ':' || strncasecmp(p + 2, "%3a", 3) == 0);
    return xstrdup(drive ? p + 1 : p);
}

static void set_paths(struct media_url *u, char *path, char *alt)
{
    if (u->kind == MEDIA_URL_FILE || u->kind == MEDIA_URL_PATH) {
        turn_backslashes(path);
        if (alt)
            turn_backslashes(alt);
    }
    u->path = path;
    u->name = last_component(path);
    u->alt_path = alt;
    u->alt_name = alt ? last_component(alt) : NULL;
}

static void set_url_path(struct media_url *u, char *encoded)
{
    char *decoded = media_url_decode(encoded);
    if (decoded)
        set_paths(u, decoded, encoded);
    else
        set_paths(u, encoded, NULL);
}

int media_url_parse(const char *text, struct media_url *ret, struct err *e)
{
    *ret = (struct media_url){0};
    size_t scheme = is_drive(text) ? 0 : scheme_length(text);
    if (strncasecmp(text, "s3://", 5) == 0) {
        ret->kind = MEDIA_URL_S3;
        set_paths(ret, xstrdup(text + 5), NULL);
        return 0;
    }
    if (strstr(text, "%00"))
        return err_set(e, -EINVAL, "the path holds an encoded NUL");
    if (*text == '\0') {
        set_paths(ret, xstrdup(""), NULL);
    } else if (scheme == 5 && strncasecmp(text, "file:", 5) == 0) {
        ret->kind = MEDIA_URL_FILE;
        set_url_path(ret, file_path(text + 5));
    } else if (strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0) {
        ret->kind = MEDIA_URL_HTTP;
        const char *host = strstr(text, "//") + 2, *path = strchr(host, '/');
        set_url_path(ret, path ? xstrndup(path, path_length(path)) : xstrdup(""));
    } else if (scheme > 0 && strncmp(text + scheme, "//", 2) == 0) {
        ret->kind = MEDIA_URL_OTHER;
        set_paths(ret, xstrdup(text + scheme), NULL);
    } else { /* a colon alone is a legal byte of a file name */
        ret->kind = MEDIA_URL_PATH;
        set_paths(ret, xstrdup(text), media_url_decode(text));
    }
    return 0;
}

void media_url_done(struct media_url *u)
{
    free(u->path);
    free(u->alt_path);
    *u = (struct media_url){0};
}

int media_url_of_lake(struct store *store, struct media_url *ret, struct err *e)
{
    struct buf b __attribute__((cleanup(auto_buf))) = {0};
    store_address(store, "x", &b);
    if (b.len < 2 || b.p[b.len - 1] != 'x')
        return err_set(e, -EINVAL, "lake '%s' has no address for its objects", store->url);
    b.p[--b.len] = '\0';
    return media_url_parse(b.p, ret, e);
}

const char *media_url_key(const struct media_url *u, const struct media_url *lake)
{
    bool file = u->kind == MEDIA_URL_FILE || u->kind == MEDIA_URL_PATH;
    if (u->kind != lake->kind && !(file && lake->kind == MEDIA_URL_FILE))
        return NULL;
    size_t n = lake->path ? strlen(lake->path) : 0;
    return n > 0 && u->path && strncmp(u->path, lake->path, n) == 0 ? u->path + n : NULL;
}
