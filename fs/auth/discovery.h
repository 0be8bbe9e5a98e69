/* fs/auth/discovery.h - what an OpenID provider tells of itself (OpenID Connect Discovery 1.0). */
/* SPDX-License-Identifier: MIT */
#ifndef FS_AUTH_DISCOVERY_H
#define FS_AUTH_DISCOVERY_H

#include <stddef.h>

struct err;

#define DISCOVERY_MAX_BYTES (256u << 10)

/* URLs, each safe to talk to (fetch.h). Own. */
struct discovery {
    char *jwks_uri, *token, *device; /* the last two NULL where it does not offer them */
};

/* Fetches and checks the document of `issuer`, whose own name for itself must be exactly that: a
 * provider that speaks for somebody else is refused (section 4.3).
 * -EACCES: certificate, or another issuer; -EBADMSG: no such document; -EAGAIN, -EINTR, -EFBIG. */
int discovery_fetch(const char *issuer, const char *ca, const volatile int *cancel,
                    struct discovery *ret, struct err *e);
/* The same of a document at hand. Pure. */
int discovery_parse(const char *text, size_t n, const char *issuer, struct discovery *ret,
                    struct err *e);
void discovery_done(struct discovery *d);

static inline void auto_discovery(struct discovery *d)
{
    discovery_done(d);
}

#endif
