/* fs/s3/s3_metadata.h - keys from the machine or container that we run on. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_S3_S3_METADATA_H
#define FS_S3_S3_METADATA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct err;
struct s3_keys;
struct s3_metadata;

/* Finds out from the environment whether and where metadata is served:
 *   AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI, with AWS_CONTAINER_AUTHORIZATION_TOKEN or
 *   _TOKEN_FILE; else EC2's instance metadata at AWS_EC2_METADATA_SERVICE_ENDPOINT, unless
 *   AWS_EC2_METADATA_DISABLED is "true".
 * 0 with `*ret` NULL where there is none; -EACCES for an address to which no secret may be sent.
 * Sends nothing. Call before other threads change the environment. */
int s3_metadata_find(struct s3_metadata **ret, struct err *e);
void s3_metadata_free(struct s3_metadata *m); /* NULL is fine */

/* Fetches keys; blocks for a few seconds at most and returns soon after `*stop` (may be NULL) is
 * set. -EACCES where nothing answers or the answer holds no keys. One thread at a time. */
int s3_metadata_fetch(struct s3_metadata *m, const atomic_bool *stop, struct s3_keys **ret,
                      struct err *e);

/* Parses the answer, a JSON object with AccessKeyId, SecretAccessKey, Token and Expiration. 0 or
 * -EBADMSG. Pure; any thread. */
int s3_metadata_parse(const char *json, size_t n, struct s3_keys **ret, struct err *e);

/* Whether a full URI may be asked: https, or http to this host or to the fixed addresses of ECS
 * and EKS. Source: "Container credential provider", AWS SDKs and Tools Reference Guide. */
bool s3_metadata_url_is_safe(const char *url);

#endif
