/* tests/unit/test_copy_guard.c - files are emptied when the process that guards them is gone. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fs/fuse/copy_guard.h"

#define N_BYTES 10

static int new_file(void)
{
    int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "0123456789", N_BYTES, 0), N_BYTES);
    return fd;
}

static off_t size_of(int fd)
{
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    return st.st_size;
}

static void await_empty(int fd)
{
    for (int i = 0; i < 30000 && size_of(fd) > 0; i++)
        usleep(1000);
    assert_int_equal(size_of(fd), 0);
}

/* A process that guards the files and is killed, right after it has said so. */
static void be_killed(const int *fds)
{
    struct copy_guard *g;
    struct err e;
    if (copy_guard_start(&g, &e) < 0)
        _exit(1);
    for (unsigned i = 0; i < 4; i++)
        if (copy_guard_add(g, i == 3 ? 1 : i * (COPY_GUARD_SLOTS - 1) / 2, fds[i]) < 0)
            _exit(1);
    copy_guard_remove(g, 0);
    raise(SIGKILL);
}

static void test_a_killed_process_leaves_nothing(void **state)
{
    (void)state;
    int fds[4], status;
    for (size_t i = 0; i < COUNT(fds); i++)
        fds[i] = new_file();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        be_killed(fds);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    for (size_t i = 1; i < COUNT(fds); i++)
        await_empty(fds[i]);
    assert_int_equal(size_of(fds[0]), N_BYTES); /* given up before */
    for (size_t i = 0; i < COUNT(fds); i++)
        close(fds[i]);
}

static void test_it_ends_with_its_user(void **state)
{
    (void)state;
    struct copy_guard *g;
    struct err e;
    AUTO(fd) int fd = new_file();
    AUTO(fd) int other = new_file();
    assert_int_equal(copy_guard_start(&g, &e), 0);
    assert_int_equal(copy_guard_add(g, 5, fd), 0);
    assert_int_equal(copy_guard_add(g, 6, other), 0);
    copy_guard_remove(g, 6);
    assert_int_equal(size_of(fd), N_BYTES);
    copy_guard_stop(g); /* waits */
    assert_int_equal(size_of(fd), 0);
    assert_int_equal(size_of(other), N_BYTES);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* Nothing that the process has open is held by the guard: a lock or a pipe would outlive it. */
static void test_it_holds_nothing_else(void **state)
{
    (void)state;
    struct copy_guard *g;
    struct err e;
    int pipe_fds[2];
    char byte;
    assert_int_equal(pipe2(pipe_fds, O_NONBLOCK), 0);
    assert_int_equal(copy_guard_start(&g, &e), 0);
    close(pipe_fds[1]);
    ssize_t n = -1;
    for (int i = 0; i < 30000 && n < 0; i++) {
        n = read(pipe_fds[0], &byte, 1);
        usleep(1000);
    }
    assert_int_equal(n, 0); /* no writer is left */
    copy_guard_stop(g);
    close(pipe_fds[0]);
}

static void test_a_guard_that_is_gone_is_told_of(void **state)
{
    (void)state;
    struct copy_guard *g;
    struct err e;
    AUTO(fd) int fd = new_file();
    assert_int_equal(copy_guard_start(&g, &e), 0);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    AUTO(file) FILE *children = fopen(path, "r");
    int pid = 0;
    if (!children || fscanf(children, "%d", &pid) != 1)
        skip();
    assert_int_equal(kill(pid, SIGKILL), 0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(copy_guard_add(g, 0, fd), -EPIPE);
    copy_guard_remove(g, 0);
    copy_guard_stop(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_killed_process_leaves_nothing),
        cmocka_unit_test(test_it_ends_with_its_user),
        cmocka_unit_test(test_it_holds_nothing_else),
        cmocka_unit_test(test_a_guard_that_is_gone_is_told_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
