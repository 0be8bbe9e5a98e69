/* fs/auth/oidc.h - signing in with any OpenID provider, from a terminal (RFC 8628, OIDC Discovery). */
/* SPDX-License-Identifier: MIT */
#ifndef FS_AUTH_OIDC_H
#define FS_AUTH_OIDC_H

#include "fs/auth/secret.h"

struct auth;
struct err;

/* What the user has to do; all borrowed for the call. */
struct oidc_prompt {
    const char *uri, *code, *uri_complete; /* the last may be NULL */
    int expires_in;                        /* seconds */
};
typedef void oidc_prompt_fn(void *arg, const struct oidc_prompt *p);

/* Runs the device flow of the provider that the configuration's "oidc" names until the user has
 * agreed, said no (-EACCES), the code is over (-ETIMEDOUT) or `*cancel` is set (-EINTR; may be NULL,
 * set by a signal handler). `*ret_token` is what auth_check() takes; free it with secret_free(). */
int oidc_device_login(struct auth *a, oidc_prompt_fn *fn, void *arg, const volatile int *cancel,
                      char **ret_token, struct err *e);

#endif
