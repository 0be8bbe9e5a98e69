/* fs/s3/s3_cred.h - credentials and place of the store, by the conventions of the AWS tools. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_S3_S3_CRED_H
#define FS_S3_S3_CRED_H

#include <stdbool.h>

struct err;
struct s3_cred;
struct s3_keys;

/* Where keys come from, the first that has any:
 *   1. AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
 *   2. the profile AWS_PROFILE ("default") in AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials),
 *      then in AWS_CONFIG_FILE (~/.aws/config); both are read again when they change
 *   3. container or instance metadata (s3_metadata.h), refreshed by a thread before they expire
 * The endpoint: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, the s3 endpoint_url of the profile's
 * services section, the profile's endpoint_url (the last two not with
 * AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true); else AWS itself. The region: AWS_REGION,
 * AWS_DEFAULT_REGION, the profile, us-east-1. Certificates: AWS_CA_BUNDLE, the profile, the
 * system's. Source: "Configuration settings", AWS SDKs and Tools Reference Guide. */

/* Reads environment and files, asks the metadata service where there are no keys in either (a few
 * seconds at most). -EACCES where there are none at all, -EINVAL or -EBADMSG for settings that
 * make no sense. Call before other threads change the environment. */
int s3_cred_open(struct s3_cred **ret, struct err *e);
void s3_cred_close(struct s3_cred *c); /* NULL is fine */

const char *s3_cred_endpoint(const struct s3_cred *c); /* NULL: AWS. Borrowed, fixed at open */
const char *s3_cred_region(const struct s3_cred *c);
const char *s3_cred_ca_bundle(const struct s3_cred *c); /* NULL: the system's */

/* The keys of now; the caller ends with s3_keys_unref. Never waits for the network. Any thread. */
struct s3_keys *s3_cred_take(struct s3_cred *c);

/* The store refused `used`. Looks for others and answers whether trying again is worth while:
 * because others are there already, or because they are being fetched. Any thread. */
bool s3_cred_refused(struct s3_cred *c, const struct s3_keys *used);

/* Whether a fetch that s3_cred_refused() asked for is still under way. Any thread. */
bool s3_cred_is_fetching(struct s3_cred *c);

#endif
