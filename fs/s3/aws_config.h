/* fs/s3/aws_config.h - the text of the AWS shared files, ~/.aws/config and ~/.aws/credentials. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_S3_AWS_CONFIG_H
#define FS_S3_AWS_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

struct err;

#define AWS_CONFIG_BYTES_MAX (1u << 20) /* of a file */

/* Which of the two files: they name their sections differently. */
enum aws_config_file {
    AWS_CONFIG_FILE_CONFIG,      /* [default], [profile NAME], [services NAME] */
    AWS_CONFIG_FILE_CREDENTIALS, /* [NAME] */
};

/* What one file says about one profile; NULL where it says nothing. Embedded: start with {0}. */
struct aws_config {
    bool found; /* the profile has a section */
    char *key_id, *secret, *token;
    char *region, *endpoint, *ca_bundle;
    char *services;    /* the name of its services section */
    char *endpoint_s3; /* the s3 endpoint_url in that section */
    char *elsewhere;   /* a way to get keys that we do not have: "role_arn", "sso_session", … */
};

/* Reads `n` bytes of a file for `profile` into `*ret`, which is empty. 0, or -EBADMSG with the
 * line number; a line is never quoted, because it may hold a secret. Pure; any thread.
 * Source: "Shared config and credentials files", AWS SDKs and Tools Reference Guide. */
int aws_config_parse(const char *text, size_t n, enum aws_config_file which, const char *profile,
                     struct aws_config *ret, struct err *e);

/* Frees and wipes; safe on an empty one. */
void aws_config_done(struct aws_config *c);

#endif
