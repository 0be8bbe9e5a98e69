/* fs/s3/s3_metadata.c - keys from the machine or container that we run on. */
/* SPDX-License-Identifier: MIT */
#include "fs/s3/s3_metadata.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <jansson.h>
#include <openssl/crypto.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/when.h"
#include "fs/s3/s3_keys.h"

#define ANSWER_MAX 65536
#define TOKEN_FILE_MAX 16384
#define CONNECT_TIMEOUT_MS 1000
#define TIMEOUT_MS 2000
#define INSTANCE_ENDPOINT "http://169.254.169.254"
#define CONTAINER_ENDPOINT "http://169.254.170.2"
#define ROLE_PATH "/latest/meta-data/iam/security-credentials/"

struct s3_metadata {
    bool is_container;
    char *url;       /* of the container's keys, or the instance service's origin */
    char *auth;      /* the Authorization header's value, or NULL */
    char *auth_file; /* a file that holds it, read every time because it is replaced; or NULL */
};

static const char *env(const char *name)
{
    const char *s = getenv(name);
    return s && *s ? s : NULL;
}

static bool host_is_local(const char *host)
{
    static const char *const fixed[] = {"localhost", "169.254.170.2", "169.254.170.23", "[::1]",
                                        "[fd00:ec2::23]"};
    struct in_addr a;
    for (size_t i = 0; i < COUNT(fixed); i++)
        if (strcasecmp(host, fixed[i]) == 0)
            return true;
    return inet_pton(AF_INET, host, &a) == 1 && ntohl(a.s_addr) >> 24 == 127;
}

bool s3_metadata_url_is_safe(const char *url)
{
    /* The parser that sending uses, so that both see the same host. */
    CURLU *u = curl_url();
    char *scheme = NULL, *host = NULL, *user = NULL;
    bool safe = false;
    if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_USER, &user, 0) != CURLUE_OK)
        safe = strcmp(scheme, "https") == 0 || (strcmp(scheme, "http") == 0 && host_is_local(host));
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_url_cleanup(u);
    return safe;
}

int s3_metadata_find(struct s3_metadata **ret, struct err *e)
{
    const char *relative = env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    const char *disabled = env("AWS_EC2_METADATA_DISABLED");
    const char *instance = env("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *auth = env("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    const char *auth_file = env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");

    *ret = NULL;
    if (!relative && !full && disabled && strcasecmp(disabled, "true") == 0)
        return 0;
    if (!relative && full && !s3_metadata_url_is_safe(full))
        return err_set(e, -EACCES,
                       "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or http to this host");
    struct s3_metadata *m = xcalloc(1, sizeof *m);
    m->is_container = relative || full;
    if (relative)
        m->url = xasprintf(CONTAINER_ENDPOINT "%s%s", *relative == '/' ? "" : "/", relative);
    else
        m->url = xstrdup(full ? full : instance ? instance : INSTANCE_ENDPOINT);
    if (!m->is_container)
        for (size_t n = strlen(m->url); n > 0 && m->url[n - 1] == '/'; n--)
            m->url[n - 1] = '\0';
    if (m->is_container && auth_file)
        m->auth_file = xstrdup(auth_file);
    else if (m->is_container && auth)
        m->auth = xstrdup(auth);
    *ret = m;
    return 0;
}

void s3_metadata_free(struct s3_metadata *m)
{
    if (!m)
        return;
    if (m->auth)
        OPENSSL_cleanse(m->auth, strlen(m->auth));
    free(m->url);
    free(m->auth);
    free(m->auth_file);
    free(m);
}

/* One exchange */

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct buf *b = arg;
    if (b->len + size * n > ANSWER_MAX)
        return 0;
    buf_room(b, ANSWER_MAX - b->len); /* once, so that growing leaves no copy of a secret behind */
    buf_add(b, data, size * n);
    return size * n;
}

static int on_progress(void *arg, curl_off_t dt, curl_off_t dn, curl_off_t ut, curl_off_t un)
{
    const atomic_bool *stop = arg;
    (void)dt, (void)dn, (void)ut, (void)un;
    return stop && *stop;
}

static void wipe_buf(struct buf *b)
{
    if (b->p)
        OPENSSL_cleanse(b->p, b->cap);
    buf_done(b);
}

/* Sends one request with one header of its own (NULL: none). 0 with a 200's body in `ret`; else
 * -EACCES with a sentence that names the host at most. */
static int exchange(const char *method, const char *url, const char *header,
                    const atomic_bool *stop, struct buf *ret, struct err *e)
{
    CURL *c = curl_easy_init();
    struct curl_slist *headers = header ? curl_slist_append(NULL, header) : NULL;
    long status = 0;
    if (!c)
        return err_set(e, -EACCES, "out of memory");
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_NOPROXY, "*"); /* link-local: a proxy would see the keys */
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, ret);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, (void *)stop);

    CURLcode r = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(c);
    for (struct curl_slist *h = headers; h; h = h->next)
        OPENSSL_cleanse(h->data, strlen(h->data));
    curl_slist_free_all(headers);
    if (r != CURLE_OK)
        return err_set(e, -EACCES, "the metadata service does not answer (%s)",
                       curl_easy_strerror(r));
    if (status != 200)
        return err_set(e, -EACCES, "the metadata service answers with status %ld", status);
    return 0;
}

static bool is_header_value(const char *s)
{
    for (; *s; s++)
        if (*s < 0x20 || *s > 0x7e)
            return false;
    return true;
}

/* Reads the container's token from its file into `ret`. */
static int read_auth_file(const char *path, struct buf *ret, struct err *e)
{
    AUTO(file) FILE *f = fopen(path, "re");
    if (!f)
        return err_errno(e, -errno, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE '%s'", path);
    size_t n = fread(buf_room(ret, TOKEN_FILE_MAX), 1, TOKEN_FILE_MAX, f);
    buf_added(ret, n);
    while (ret->len > 0 && strchr("\r\n", ret->p[ret->len - 1]))
        ret->p[--ret->len] = '\0';
    return 0;
}

static int fetch_container(struct s3_metadata *m, const atomic_bool *stop, struct buf *ret,
                           struct err *e)
{
    struct buf auth = {0}, header = {0};
    int r = 0;
    if (m->auth_file)
        r = read_auth_file(m->auth_file, &auth, e);
    else if (m->auth)
        buf_adds(&auth, m->auth);
    if (r == 0 && !is_header_value(buf_str(&auth)))
        r = err_set(e, -EACCES, "the container's authorization token is malformed");
    if (r == 0 && auth.len > 0)
        buf_addf(&header, "Authorization: %s", buf_str(&auth));
    if (r == 0)
        r = exchange("GET", m->url, header.len > 0 ? buf_str(&header) : NULL, stop, ret, e);
    wipe_buf(&auth);
    wipe_buf(&header);
    return r;
}

/* Version 2 of the instance service: a PUT yields a session token, without which nothing is told.
 * Source: "Use the Instance Metadata Service", Amazon EC2 User Guide. */
static int fetch_instance(struct s3_metadata *m, const atomic_bool *stop, struct buf *ret,
                          struct err *e)
{
    struct buf token = {0}, header = {0}, role = {0}, url = {0};
    buf_addf(&url, "%s/latest/api/token", m->url);
    int r = exchange("PUT", buf_str(&url), "X-aws-ec2-metadata-token-ttl-seconds: 21600", stop,
                     &token, e);
    if (r == 0 && !is_header_value(buf_str(&token)))
        r = err_set(e, -EACCES, "the metadata service's token is malformed");
    if (r == 0) {
        buf_addf(&header, "X-aws-ec2-metadata-token: %s", buf_str(&token));
        buf_clear(&url);
        buf_addf(&url, "%s" ROLE_PATH, m->url);
        r = exchange("GET", buf_str(&url), buf_str(&header), stop, &role, e);
    }
    if (r == 0) {
        size_t n = strcspn(buf_str(&role), "\r\n");
        if (n == 0 || strspn(buf_str(&role), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                             "0123456789+=,.@_-") != n)
            r = err_set(e, -EACCES, "the metadata service names no role for this instance");
        else
            buf_add(&url, buf_str(&role), n);
    }
    if (r == 0)
        r = exchange("GET", buf_str(&url), buf_str(&header), stop, ret, e);
    wipe_buf(&token);
    wipe_buf(&header);
    buf_done(&role);
    buf_done(&url);
    return r;
}

int s3_metadata_fetch(struct s3_metadata *m, const atomic_bool *stop, struct s3_keys **ret,
                      struct err *e)
{
    struct buf json = {0};
    int r =
        m->is_container ? fetch_container(m, stop, &json, e) : fetch_instance(m, stop, &json, e);
    if (r == 0)
        r = s3_metadata_parse(buf_str(&json), json.len, ret, e);
    wipe_buf(&json);
    return r;
}

int s3_metadata_parse(const char *json, size_t n, struct s3_keys **ret, struct err *e)
{
    const char *id = NULL, *secret = NULL, *token = "", *expires = NULL, *code = "Success";
    int64_t expires_s = WHEN_NEVER;
    json_t *root = json_loadb(json, n, JSON_REJECT_DUPLICATES, NULL);
    int r =
        root ? json_unpack(root, "{s:s, s:s, s?s, s?s, s?s}", "AccessKeyId", &id, "SecretAccessKey",
                           &secret, "Token", &token, "Expiration", &expires, "Code", &code)
             : -1;
    if (r < 0 || strcmp(code, "Success") != 0)
        r = err_set(e, -EBADMSG, "the metadata service's answer holds no keys");
    else if (expires && when_parse(expires, WHEN_DAY_START, &expires_s, NULL) < 0)
        r = err_set(e, -EBADMSG, "the metadata service's keys have a malformed expiry");
    else if (s3_keys_new(id, secret, token, expires_s, ret, e) < 0)
        r = err_set(e, -EBADMSG, "the metadata service's keys are malformed");
    json_decref(root);
    return r;
}
