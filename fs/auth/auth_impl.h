/* fs/auth/auth_impl.h - what a loaded configuration is; for fs/auth/ only. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_AUTH_AUTH_IMPL_H
#define FS_AUTH_AUTH_IMPL_H

#include "fs/auth/auth_config.h"

struct basic;
struct jwks_source;

struct auth {
    struct auth_config config; /* fixed after auth_load() */
    struct jwks_source *keys;  /* NULL: tokens are not accepted */
    struct basic *basic;       /* NULL: passwords are not accepted */
};

#endif
