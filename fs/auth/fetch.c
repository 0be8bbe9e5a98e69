/* fs/auth/fetch.c - one HTTP exchange with an identity provider, bounded in every way. */
/* SPDX-License-Identifier: MIT */
#include "fs/auth/fetch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

DEFINE_AUTO(curl, CURL *, curl_easy_cleanup);
DEFINE_AUTO(curlu, CURLU *, curl_url_cleanup);

static void auto_curl_text(char **s)
{
    curl_free(*s);
}

static void init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool host_is_loopback(const char *host)
{
    struct in_addr a;
    /* curl answers "localhost" by itself; it asks no name server that could say otherwise */
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (inet_pton(AF_INET, host, &a) == 1 && ntohl(a.s_addr) >> 24 == 127);
}

/* The parts of a URL as the parser sees them that sending uses. False: it is not safe. */
static bool split(const char *url, char **ret_host, bool *ret_is_local)
{
    AUTO(curlu) CURLU *u = curl_url();
    AUTO(curl_text) char *scheme = NULL, *host = NULL, *other = NULL;
    for (const char *s = url; *s; s++)
        if (*s <= 0x20 || *s > 0x7e)
            return false;
    if (!u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        return false;
    if (curl_url_get(u, CURLUPART_USER, &other, 0) == CURLUE_OK ||
        curl_url_get(u, CURLUPART_PASSWORD, &other, 0) == CURLUE_OK || strchr(url, '#'))
        return false;
    *ret_is_local = host_is_loopback(host);
    if (strcmp(scheme, "https") != 0 && !(strcmp(scheme, "http") == 0 && *ret_is_local))
        return false;
    *ret_host = TAKE(host);
    return true;
}

bool fetch_url_is_safe(const char *url)
{
    AUTO(curl_text) char *host = NULL;
    bool is_local;
    return split(url, &host, &is_local);
}

struct answer {
    struct buf *body;
    size_t max;
    bool too_long;
};

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct answer *a = arg;
    if (size * n > a->max - a->body->len) {
        a->too_long = true;
        return 0;
    }
    buf_add(a->body, data, size * n);
    return size * n;
}

static int on_progress(void *arg, curl_off_t dt, curl_off_t dn, curl_off_t ut, curl_off_t un)
{
    const volatile int *cancel = arg;
    (void)dt, (void)dn, (void)ut, (void)un;
    return cancel && *cancel;
}

static void set_options(CURL *c, const struct fetch *f, bool is_local, struct answer *a)
{
    curl_easy_setopt(c, CURLOPT_URL, f->url);
    if (f->form) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(f->form));
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, f->form);
    }
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, is_local ? "http,https" : "https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)FETCH_TIMEOUT_S);
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "shotlake");
    if (is_local) /* what a proxy calls localhost is another host */
        curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
    if (f->ca) {
        curl_easy_setopt(c, CURLOPT_CAINFO, f->ca);
        curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
    }
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, a);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, (void *)f->cancel);
}

int fetch(const struct fetch *f, struct buf *ret, long *ret_status, struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    AUTO(curl_text) char *host = NULL;
    bool is_local = false;
    pthread_once(&once, init);
    if (!split(f->url, &host, &is_local))
        return err_set(e, -EACCES, "'%.128s' is not an https URL (http is for this host alone)",
                       f->url);
    AUTO(curl) CURL *c = curl_easy_init();
    struct answer a = {.body = ret, .max = ret->len + f->max};
    if (!c)
        return err_set(e, -EAGAIN, "%.128s: out of memory", host);
    if (f->form)
        buf_room(ret, f->max);
    set_options(c, f, is_local, &a);
    CURLcode r = curl_easy_perform(c);
    if (a.too_long)
        return err_set(e, -EFBIG, "%.128s answers with more than %zu bytes", host, f->max);
    if (r == CURLE_ABORTED_BY_CALLBACK)
        return err_set(e, -EINTR, "interrupted");
    if (r == CURLE_PEER_FAILED_VERIFICATION || r == CURLE_SSL_CACERT_BADFILE)
        return err_set(e, -EACCES, "%.128s: %s", host, curl_easy_strerror(r));
    if (r != CURLE_OK)
        return err_set(e, -EAGAIN, "%.128s does not answer (%s)", host, curl_easy_strerror(r));
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, ret_status);
    return 0;
}
