/* tools/secret_input.h - passwords and tokens from a terminal, a pipe or a file. */
/* SPDX-License-Identifier: MIT */
#ifndef TOOLS_SECRET_INPUT_H
#define TOOLS_SECRET_INPUT_H

struct err;

#define SECRET_BYTES_MAX 65536

/* The first line of what `fd` gives, to its end or to the end of the line. `what` names it in
 * errors. -EINVAL: empty, too long, or holding a NUL. The caller frees with secret_free(). */
int secret_from_fd(int fd, const char *what, char **ret, struct err *e);

/* Asks on the terminal, without showing what is typed. -ENOTTY: there is none. */
int secret_from_terminal(const char *prompt, char **ret, struct err *e);

#endif
