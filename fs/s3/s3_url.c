/* fs/s3/s3_url.c - one encoded URL per request, used for signing and for sending. */
/* SPDX-License-Identifier: MIT */
#include "fs/s3/s3_url.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/codec.h"
#include "base/err.h"
#include "fs/store/store.h"

#define BUCKET_MAX 255 /* Ceph's limit; AWS stops at 63 */
#define HOST_MAX 253   /* RFC 1035 */
#define REGION_MAX 63

static const char host_bytes[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_";

static bool bucket_is_valid(const char *s, size_t n)
{
    if (n < 1 || n > BUCKET_MAX || (n <= 2 && s[0] == '.'))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)s[i]) && !strchr(".-_", s[i]))
            return false;
    return true;
}

int s3_url_parse_lake(const char *url, char **ret_bucket, char **ret_prefix, struct err *e)
{
    static const char scheme[] = "s3://";
    if (strncmp(url, scheme, strlen(scheme)) != 0)
        return err_set(e, -EINVAL,
                       "lake '%s': an S3 lake is written s3://bucket or s3://bucket/prefix", url);
    const char *bucket = url + strlen(scheme);
    size_t n = strcspn(bucket, "/");
    if (!bucket_is_valid(bucket, n))
        return err_set(e, -EINVAL, "lake '%s': '%.*s' is not a bucket name", url, (int)n, bucket);

    const char *prefix = bucket[n] ? bucket + n + 1 : "";
    size_t len = strlen(prefix);
    while (len > 0 && prefix[len - 1] == '/')
        len--;
    /* Some room must be left for the keys below it. */
    if (len >= STORE_KEY_MAX / 2)
        return err_set(e, -EINVAL, "lake '%.64s…': a prefix may have %d bytes", url,
                       STORE_KEY_MAX / 2);
    *ret_bucket = xstrndup(bucket, n);
    *ret_prefix = len > 0 ? xasprintf("%.*s/", (int)len, prefix) : xstrdup("");
    return 0;
}

/* True where "bucket.s3.…" is a host name that a wildcard certificate covers. */
static bool is_host_label(const char *bucket)
{
    size_t n = strlen(bucket);
    return n <= 63 && strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

bool s3_url_is_region(const char *s)
{
    size_t n = strlen(s);
    return n > 0 && n <= REGION_MAX &&
           strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == n;
}

/* Checks "host", "1.2.3.4" or "[v6]" of `n` bytes, already in lower case. */
static bool host_is_valid(const char *s, size_t n)
{
    if (n == 0 || n > HOST_MAX)
        return false;
    if (s[0] != '[')
        return strspn(s, host_bytes) >= n;
    AUTO(free) char *inner = xstrndup(s + 1, n - 1);
    struct in6_addr address;
    size_t last = strlen(inner);
    if (last == 0 || inner[last - 1] != ']')
        return false;
    inner[last - 1] = '\0';
    return inet_pton(AF_INET6, inner, &address) == 1;
}

/* Reads ":port" at the end of an authority. `*ret` is 0 where there is none. */
static bool port_is_valid(const char *s, long *ret)
{
    *ret = 0;
    if (*s == '\0')
        return true;
    size_t n = strspn(s + 1, "0123456789");
    if (*s != ':' || n == 0 || n > 5 || s[1 + n] != '\0')
        return false;
    *ret = strtol(s + 1, NULL, 10);
    return *ret >= 1 && *ret <= 65535;
}

static int bad_endpoint(const char *endpoint, struct err *e)
{
    /* A user name or a query in it may be a secret, so such an address is not shown. */
    return err_set(e, -EINVAL, "endpoint '%s': write it as http://host:port or https://host",
                   strpbrk(endpoint, "@?#") ? "…" : endpoint);
}

/* Fills origin and host of `site` and hands back the endpoint's path without slashes at its end. */
static int split_endpoint(const char *endpoint, struct s3_url_site *site, char **ret_path,
                          struct err *e)
{
    bool tls = strncasecmp(endpoint, "https://", 8) == 0;
    if (!tls && strncasecmp(endpoint, "http://", 7) != 0)
        return bad_endpoint(endpoint, e);
    const char *authority = endpoint + (tls ? 8 : 7);
    size_t n = strcspn(authority, "/?#");
    AUTO(free) char *name = xstrndup(authority, n);
    for (char *p = name; *p; p++)
        *p = (char)tolower((unsigned char)*p);

    size_t host = name[0] == '[' ? strcspn(name, "]") + 1 : strcspn(name, ":");
    long port;
    if (host > n || !host_is_valid(name, host) || !port_is_valid(name + host, &port))
        return bad_endpoint(endpoint, e);
    const char *path = authority + n;
    size_t len = strlen(path);
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)path[i]) && !strchr("/-._~", path[i]))
            return bad_endpoint(endpoint, e);
    while (len > 0 && path[len - 1] == '/')
        len--;

    if (port == 0 || port == (tls ? 443 : 80))
        site->host = xasprintf("%.*s", (int)host, name);
    else
        site->host = xasprintf("%.*s:%ld", (int)host, name, port);
    site->origin = xasprintf("%s://%s", tls ? "https" : "http", site->host);
    *ret_path = xstrndup(path, len);
    return 0;
}

int s3_url_site_init(struct s3_url_site *ret, const char *endpoint, const char *region,
                     const char *bucket, struct err *e)
{
    struct s3_url_site site = {0};
    AUTO(free) char *path = NULL;
    if (!bucket_is_valid(bucket, strlen(bucket)))
        return err_set(e, -EINVAL, "'%s' is not a bucket name", bucket);
    if (!s3_url_is_region(region))
        return err_set(e, -EINVAL, "'%s' is not a region: check AWS_REGION", region);

    if (endpoint) {
        int r = split_endpoint(endpoint, &site, &path, e);
        if (r < 0)
            return r;
        site.base = xasprintf("%s/%s/", path, bucket);
    } else {
        const char *domain = strncmp(region, "cn-", 3) == 0 ? "amazonaws.com.cn" : "amazonaws.com";
        bool by_path = !is_host_label(bucket);
        site.host = by_path ? xasprintf("s3.%s.%s", region, domain)
                            : xasprintf("%s.s3.%s.%s", bucket, region, domain);
        site.origin = xasprintf("https://%s", site.host);
        site.base = by_path ? xasprintf("/%s/", bucket) : xstrdup("/");
    }
    *ret = site;
    return 0;
}

void s3_url_site_done(struct s3_url_site *site)
{
    free(site->origin);
    free(site->host);
    free(site->base);
    *site = (struct s3_url_site){0};
}

size_t s3_url_build(const struct s3_url_site *site, const char *key, const char *query,
                    struct buf *ret)
{
    size_t start = ret->len;
    buf_adds(ret, site->origin);
    size_t target = ret->len - start;
    buf_adds(ret, site->base);
    percent_encode(ret, key, strlen(key), /* keep_slash= */ true);
    if (*query)
        buf_addf(ret, "?%s", query);
    return target;
}

void s3_url_param(struct buf *query, const char *name, const char *value)
{
    if (query->len > 0)
        buf_addc(query, '&');
    buf_addf(query, "%s=", name);
    percent_encode(query, value, strlen(value), /* keep_slash= */ false);
}
