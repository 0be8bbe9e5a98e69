/* tools/secret_input.c - passwords and tokens from a terminal, a pipe or a file. */
/* SPDX-License-Identifier: MIT */
#include "tools/secret_input.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/auth/secret.h"

int secret_from_fd(int fd, const char *what, char **ret, struct err *e)
{
    AUTO(secret_buf) struct buf text = {0};
    char *room = buf_room(&text, SECRET_BYTES_MAX + 2); /* once: growing leaves copies behind */
    for (ssize_t n = 1; n > 0 && text.len <= SECRET_BYTES_MAX && !memchr(room, '\n', text.len);) {
        n = read(fd, room + text.len, SECRET_BYTES_MAX + 1 - text.len);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n < 0)
            return err_errno(e, -errno, "read %s", what);
        else
            buf_added(&text, (size_t)n);
    }
    const char *end = memchr(room, '\n', text.len);
    size_t n = end ? (size_t)(end - room) : text.len;
    if (end && n > 0 && room[n - 1] == '\r')
        n--;
    if (n == 0 || n > SECRET_BYTES_MAX || memchr(room, '\0', n))
        return err_set(e, -EINVAL, "%s: empty, too long, or no text", what);
    *ret = xstrndup(room, n);
    return 0;
}

/* What a signal that ends us in the middle of a question must put back. */
static struct {
    int fd;
    struct termios shown;
} asking;

static void show_again(int number)
{
    tcsetattr(asking.fd, TCSANOW, &asking.shown);
    signal(number, SIG_DFL);
    raise(number); /* it is blocked until the handler returns */
}

/* Asks while no typed character is shown. */
static int ask_hidden(int fd, const char *prompt, char **ret, struct err *e)
{
    struct termios hidden = asking.shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    if (tcsetattr(fd, TCSAFLUSH, &hidden) < 0 || dprintf(fd, "%s", prompt) < 0)
        return err_errno(e, -errno, "ask on the terminal");
    return secret_from_fd(fd, "the password", ret, e);
}

int secret_from_terminal(const char *prompt, char **ret, struct err *e)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGQUIT, SIGHUP};
    struct sigaction old[COUNT(ending)], ours = {.sa_handler = show_again};
    AUTO(fd) int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || tcgetattr(fd, &asking.shown) < 0)
        return err_set(e, -ENOTTY, "no terminal to ask for a password");
    asking.fd = fd;
    for (size_t i = 0; i < COUNT(ending); i++)
        sigaction(ending[i], &ours, &old[i]);
    int r = ask_hidden(fd, prompt, ret, e);
    tcsetattr(fd, TCSAFLUSH, &asking.shown);
    for (size_t i = 0; i < COUNT(ending); i++)
        sigaction(ending[i], &old[i], NULL);
    dprintf(fd, "\n");
    return r;
}
