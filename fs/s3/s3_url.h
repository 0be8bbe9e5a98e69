/* fs/s3/s3_url.h - one encoded URL per request, used for signing and for sending. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_S3_S3_URL_H
#define FS_S3_S3_URL_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;

/* Where the requests about one bucket go. Embedded: start with {0}, end with s3_url_site_done. */
struct s3_url_site {
    char *origin; /* "https://host[:port]", lower case, the scheme's own port left out */
    char *host;   /* what the Host header says: the origin without its scheme */
    char *base;   /* what precedes a key: "/", "/bucket/" or "/behind/a/path/bucket/" */
};

/* Splits "s3://bucket[/prefix]". `*ret_prefix` is "" or ends with exactly one '/'; its other bytes
 * are kept verbatim. 0, or -EINVAL with a sentence. The caller frees both. Any thread. */
int s3_url_parse_lake(const char *url, char **ret_bucket, char **ret_prefix, struct err *e);

/* Finds the site of `bucket`. `endpoint` is an http(s) URL, or NULL for AWS in `region`. An
 * endpoint is always addressed path-style: other stores seldom have a host name per bucket. AWS is
 * addressed by virtual host, but for a bucket with a dot, whose name no certificate covers.
 * 0, or -EINVAL with a sentence. Any thread. */
int s3_url_site_init(struct s3_url_site *ret, const char *endpoint, const char *region,
                     const char *bucket, struct err *e);
void s3_url_site_done(struct s3_url_site *site);

/* Appends the URL of `key` ("" for the bucket itself) with the encoded `query` ("" for none) to
 * `ret`. Returns how many bytes of it precede the request target, so that the signature covers
 * the very bytes that are sent. Key bytes are encoded once, '/' stays. Any thread. */
size_t s3_url_build(const struct s3_url_site *site, const char *key, const char *query,
                    struct buf *ret);

/* Appends "name=value" to a query, the value encoded, with '&' between parameters. */
void s3_url_param(struct buf *query, const char *name, const char *value);

/* True for an AWS region or another label that can stand in a host name and in a credential. */
bool s3_url_is_region(const char *s);

#endif
