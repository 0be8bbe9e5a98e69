/* fs/auth/fetch.h - one HTTP exchange with an identity provider, bounded in every way. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_AUTH_FETCH_H
#define FS_AUTH_FETCH_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;

#define FETCH_TIMEOUT_S 10 /* for the whole exchange, the connection included */

/* True for a URL that we talk to: https, or http to a loopback address; no user, password or
 * fragment in it, and nothing that is not printable ASCII. */
bool fetch_url_is_safe(const char *url);

struct fetch {
    const char *url;
    const char *form;            /* what is posted; NULL: a GET */
    const char *ca;              /* a file of PEM certificates that alone are trusted; NULL: the
                                  * system's */
    size_t max;                  /* bytes of an answer */
    const volatile int *cancel;  /* may be NULL */
};

/* Sends a request and appends the answer's body. No redirect is followed, no cookie kept; a
 * certificate that does not verify fails. `*ret_status` is the HTTP status of whatever came. The
 * room of `ret` is made once where the answer may be secret (a form was posted), so that one
 * buf_wipe() leaves no copy.
 * -EACCES: the URL is not safe, or the server's certificate; -EFBIG: over `max`; -EINTR: cancelled;
 * -EAGAIN: no whole answer. The sentence names the host, never a query or a form. Any thread. */
int fetch(const struct fetch *f, struct buf *ret, long *ret_status, struct err *e);

#endif
