/* fs/s3/s3_xml.h - the S3 documents that we read and write, over expat, with hard limits. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_S3_S3_XML_H
#define FS_S3_S3_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/store/store.h"

struct buf;

/* Every parser takes a whole document as the store sent it and trusts nothing in it: a document
 * type, an entity, more than S3_XML_DEPTH_MAX levels or more text than an S3 value can have ends
 * the parse with -EBADMSG. Unknown elements are skipped. Any thread; arguments are borrowed.
 * Source: the Amazon S3 API Reference. */

#define S3_XML_BYTES_MAX (16u << 20) /* of a document */
#define S3_XML_DEPTH_MAX 12
#define S3_XML_PAGE_MAX 1000 /* keys in one page of a listing */

/* One page of ListObjectsV2. */
struct s3_xml_page {
    struct s3_xml_entry {
        char *key; /* decoded; never empty */
        struct store_stat st;
    } * entry;
    size_t n;
    bool truncated; /* more keys follow the last one */
    char *last;     /* the key of the last entry; NULL if there is none */
};

/* Parses ListBucketResult in either form: keys percent-encoded (where the answer says so; '+' is a
 * blank, as AWS and MinIO write it) or raw. A key that no store_ops caller could name (empty, with
 * a NUL byte or over STORE_KEY_MAX) has no entry. The continuation token is not looked at: a lake
 * may hold keys whose bytes XML cannot express, and stores put them into the token; asking for
 * what follows `last` always works. 0 or -EBADMSG; the caller ends with s3_xml_page_done. */
int s3_xml_page_parse(const char *data, size_t n, struct s3_xml_page *ret, struct err *e);
void s3_xml_page_done(struct s3_xml_page *page);

/* Parses a Tagging document. 0 or -EBADMSG. */
int s3_xml_tags_parse(const char *data, size_t n, struct store_tags *ret, struct err *e);

/* Appends the Tagging document for `tags`. Every byte that XML gives a meaning is escaped. */
void s3_xml_tags_format(const struct store_tags *tags, struct buf *ret);

/* What an Error document says. Longer texts are cut. */
struct s3_xml_error {
    char code[64];     /* "NoSuchKey" */
    char message[200]; /* one line for people */
    char region[64];   /* where the bucket really is, or "" */
};

/* Parses an Error document. 0, or -EBADMSG where it is none; `*ret` is then empty. */
int s3_xml_error_parse(const char *data, size_t n, struct s3_xml_error *ret);

/* "2009-10-12T17:50:30.123Z" in nanoseconds since 1970; any number of decimals, of which nine
 * count. 0 or -EINVAL. */
int s3_xml_time_parse(const char *s, int64_t *ret);

/* Copies an ETag without its quotes. Only printable ASCII without '"' passes, because the value
 * goes back into a header. 0 or -EINVAL. */
int s3_xml_etag_parse(const char *s, size_t n, char ret[STORE_ETAG_MAX]);

#endif
