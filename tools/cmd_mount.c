/* tools/cmd_mount.c - mount, unmount, status: a view as a file system, and its daemon. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/cache/cache.h"
#include "fs/cache/disk_cache.h"
#include "fs/fuse/control.h"
#include "fs/fuse/login_socket.h"
#include "fs/fuse/mount_daemon.h"
#include "fs/fuse/mountpoint.h"
#include "fs/lake/lake.h"
#include "fs/store/store.h"
#include "policy/principals.h"
#include "tools/cli.h"

#define POLL_MS 2000
#define MAX_STALE_MS 30000
#define SECONDS_MOST 86400
#define UNMOUNT_WAIT_MS 60000

/* ---- mount: options -------------------------------------------------------------------------- */

struct mount_args {
    char principal[PRINCIPAL_MAX];
    bool has_principal, per_caller, in_front;
    const char *owner, *auth, *login_socket;
    struct mount_daemon_options o;
};

static bool parse_seconds(const char *text, int64_t *ret_ms)
{
    char *end;
    double s = strtod(text, &end);
    if (end == text || *end || !isfinite(s) || s < 0.05 || s > SECONDS_MOST)
        return false;
    *ret_ms = (int64_t)(s * 1000);
    return true;
}

/* -o mem=256M,cache=DIR,… 0 or an exit status. */
static int parse_suboptions(struct cli *c, char *text, struct mount_args *a)
{
    enum { MEM, CACHE, CACHE_SIZE, CACHE_KEY };
    static char *const names[] = {[MEM] = "mem", [CACHE] = "cache", [CACHE_SIZE] = "cache_size",
                                  [CACHE_KEY] = "cache_key", NULL};
    char *value;
    while (*text) {
        char *whole = text;
        int name = getsubopt(&text, names, &value);
        uint64_t bytes = 0;
        if (name < 0)
            return cli_usage(c, "no mount option '%s'", whole);
        if ((name == CACHE || name == CACHE_KEY) && (!value || !*value))
            return cli_usage(c, "%s= takes a %s", names[name], name == CACHE ? "folder" : "file");
        if (name == CACHE)
            a->o.disk.dir = value;
        else if (name == CACHE_KEY)
            a->o.disk.key_path = value;
        else if (!value || !cli_size(value, &bytes) ||
                 bytes < (name == MEM ? CACHE_BUDGET_MIN_BYTES : DISK_CACHE_SIZE_MIN_BYTES))
            return name == MEM ? cli_usage(c, "mem= takes a size of at least 4M, like 256M")
                               : cli_usage(c, "cache_size= takes a size of at least 64M, like 100G");
        else if (name == MEM)
            a->o.cache_bytes = (size_t)bytes;
        else
            a->o.disk.size_bytes = bytes;
    }
    return 0;
}

static int parse_option(struct cli *c, char **argv, int option, struct mount_args *a)
{
    struct err e;
    switch (option) {
    case 'a':
        a->has_principal = true;
        return principal_parse(optarg, a->principal, &e) < 0 ? cli_usage(c, "%s", e.text) : 0;
    case 'c':
        a->per_caller = true;
        return 0;
    case 'w':
        a->owner = optarg;
        return 0;
    case 'u':
        a->auth = optarg;
        return 0;
    case 'l':
        a->login_socket = optarg;
        return 0;
    case 'S':
        a->o.view.sessions_only = true;
        return 0;
    case 'A':
        return address_parse(optarg, &a->o.view.address)
                   ? 0
                   : cli_usage(c, "--address takes an IPv4 or IPv6 address");
    case 'p':
        return parse_seconds(optarg, &a->o.poll_ms) ? 0 : cli_usage(c, "--poll takes seconds");
    case 's':
        return parse_seconds(optarg, &a->o.view.max_stale_ms)
                   ? 0
                   : cli_usage(c, "--max-stale takes seconds");
    case 'f':
        a->in_front = true;
        return 0;
    case 'o':
        return parse_suboptions(c, optarg, a);
    default:
        return cli_usage(c, "unknown option or missing value: %s", argv[optind - 1]);
    }
}

/* What the options mean together. */
static int check_args(struct cli *c, const struct mount_args *a)
{
    if (a->has_principal == a->per_caller)
        return cli_usage(c, "either --as PRINCIPAL or --per-caller");
    if (a->has_principal && (a->auth || a->login_socket || a->o.view.sessions_only))
        return cli_usage(c, "nobody signs in on an --as mount");
    if (a->per_caller && a->owner && geteuid() != 0)
        return cli_usage(c, "--owner is for root");
    if (!a->o.disk.dir && (a->o.disk.size_bytes || a->o.disk.key_path))
        return cli_usage(c, "cache_size= and cache_key= are about the folder of cache=");
    if (a->o.view.max_stale_ms <= a->o.poll_ms)
        return cli_usage(c, "--max-stale must be longer than --poll");
    if (!c->lake_url || !*c->lake_url)
        return cli_usage(c, "no lake named: --lake or SHOTLAKE_LAKE");
    return 0;
}

static int parse_mount(struct cli *c, int argc, char **argv, struct mount_args *a)
{
    static const struct option options[] = {
        {"as", required_argument, NULL, 'a'},        {"per-caller", no_argument, NULL, 'c'},
        {"owner", required_argument, NULL, 'w'},     {"poll", required_argument, NULL, 'p'},
        {"max-stale", required_argument, NULL, 's'}, {"auth", required_argument, NULL, 'u'},
        {"login-socket", required_argument, NULL, 'l'}, {"sessions-only", no_argument, NULL, 'S'},
        {"address", required_argument, NULL, 'A'},   {NULL, 0, NULL, 0},
    };
    int option, r;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "fo:", options, NULL)) != -1)
        if ((r = parse_option(c, argv, option, a)) != 0)
            return r;
    if (argc - optind != 1)
        return cli_usage(c, "mount takes one mountpoint");
    if ((r = check_args(c, a)) != 0)
        return r;
    a->o.view.principal = a->has_principal ? a->principal : NULL;
    return 0;
}

/* Whom the mount lets in: a name, or a number that need not have one. */
static int find_owner(const char *owner, struct mount_daemon_options *o, struct err *e)
{
    char *end;
    o->uid = geteuid();
    o->gid = getegid();
    if (!owner)
        return 0;
    struct passwd *pw = getpwnam(owner);
    unsigned long uid = strtoul(owner, &end, 10);
    bool is_number = *owner >= '0' && *owner <= '9' && !*end && uid < UINT32_MAX;
    if (!pw && is_number)
        pw = getpwuid((uid_t)uid);
    if (!pw && !is_number)
        return err_set(e, -ENOENT, "no user '%s'", owner);
    uid_t want = pw ? pw->pw_uid : (uid_t)uid;
    if (o->uid != 0 && want != o->uid)
        return err_set(e, -EPERM, "only root mounts for another user");
    o->uid = want;
    o->gid = pw ? pw->pw_gid : (gid_t)uid;
    return 0;
}

/* ---- mount: the mountpoint ------------------------------------------------------------------- */

/* A directory without a live mount of ours; what a killed daemon left there is cleaned. */
static int check_mountpoint(const char *path, char **ret, struct err *e)
{
    AUTO(free) char *resolved = NULL;
    struct mountpoint mp;
    struct stat st;
    int r = mountpoint_resolve(path, &resolved, e);
    if (r < 0)
        return r;
    if (mountpoint_find(resolved, &mp, e) == 0 && mp.is_ours) {
        if (!mountpoint_is_dead(resolved, &mp))
            return err_set(e, -EBUSY, "'%s' is a mount of shotlake already", resolved);
        r = mountpoint_unmount(resolved, /* lazy= */ true, e);
        if (r < 0)
            return r;
        fprintf(stderr, "shotlake: cleaned the mount that a dead daemon left at '%s'\n", resolved);
    }
    if (stat(resolved, &st) < 0)
        return err_errno(e, -errno, "mountpoint '%s'", resolved);
    if (!S_ISDIR(st.st_mode))
        return err_set(e, -ENOTDIR, "mountpoint '%s' is not a directory", resolved);
    *ret = TAKE(resolved);
    return 0;
}

/* ---- mount: the daemon ----------------------------------------------------------------------- */

/* A scan would take what a mount, or a cache, inside the lake's own directory holds for objects of the
 * lake; and a daemon that reads its cache through its own mount waits for itself. */
static int must_be_outside(const struct lake *lake, const struct mount_daemon_options *o,
                           struct err *e)
{
    AUTO(free) char *cache = o->disk.dir ? cli_real_path(o->disk.dir) : NULL;
    if (cache && cli_is_below(cache, o->mountpoint))
        return err_set(e, -EINVAL, "cache '%s' is below the mountpoint", cache);
    int r = cli_must_be_outside(lake, "mountpoint", o->mountpoint, e);
    return r == 0 && cache ? cli_must_be_outside(lake, "cache", cache, e) : r;
}

static int run(struct cli *c, const struct mount_daemon_options *o, struct err *e)
{
    AUTO(lake) struct lake *lake = NULL;
    int r = cli_lake(c, &lake, e);
    if (r == 0)
        r = must_be_outside(lake, o, e);
    return r < 0 ? r : mount_daemon_run(lake, o, e);
}

/* The pipe to the parent: nothing and an end: it died; READY: it serves; else why it does not. */
#define READY "\n"

static void detach(void *arg)
{
    int *pipe_fd = arg;
    AUTO(fd) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    log_set(LOG_LEVEL_INFO, /* to_syslog= */ true);
    if (null >= 0) {
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
    }
    ssize_t n = write(*pipe_fd, READY, 1);
    (void)n;
    close(*pipe_fd);
    *pipe_fd = -1;
}

/* In a process of its own: neither LMDB nor libcurl survives a fork, so it comes before both. */
static _Noreturn void be_daemon(struct cli *c, struct mount_daemon_options *o, int pipe_fd)
{
    struct err e;
    setsid();
    if (chdir("/") < 0) {
        /* stays where it is: that directory cannot be unmounted meanwhile, nothing else */
    }
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    o->on_ready = detach;
    o->arg = &pipe_fd;
    int r = run(c, o, &e);
    if (r < 0 && pipe_fd >= 0) {
        ssize_t n = write(pipe_fd, e.text, strlen(e.text));
        (void)n;
    } else if (r < 0) {
        log_error("mount", "%s", e.text);
    }
    _exit(r < 0 ? CLI_FAILED : CLI_DONE);
}

static int await_daemon(pid_t pid, int pipe_fd, struct err *e)
{
    AUTO(buf) struct buf said = {0};
    ssize_t n;
    while ((n = read(pipe_fd, buf_room(&said, 1024), 1024)) > 0 || (n < 0 && errno == EINTR)) {
        if (n < 0)
            continue;
        buf_added(&said, (size_t)n);
        if (said.p[0] == READY[0])
            return 0;
    }
    waitpid(pid, NULL, 0);
    if (said.len > 0)
        return err_set(e, -EIO, "%s", said.p);
    return err_set(e, -EIO, "the daemon died before it served the mount");
}

static int start_daemon(struct cli *c, struct mount_daemon_options *o, struct err *e)
{
    int fd[2];
    if (pipe2(fd, O_CLOEXEC) < 0)
        return err_errno(e, -errno, "make a pipe");
    pid_t pid = fork();
    if (pid < 0)
        return err_errno(e, -errno, "start the daemon");
    if (pid == 0) {
        close(fd[0]);
        be_daemon(c, o, fd[1]);
    }
    close(fd[1]);
    int r = await_daemon(pid, fd[0], e);
    close(fd[0]);
    return r;
}

/* How users sign in, and where; both NULL where nobody does. Absolute: the daemon goes to "/". */
static int find_login(struct cli *c, const struct mount_args *a, const char *mountpoint,
                      char **ret_auth, char **ret_socket, struct err *e)
{
    if (a->has_principal)
        return 0;
    AUTO(free) char *auth = cli_auth_path(c, a->auth);
    if (!auth)
        return a->login_socket || a->o.view.sessions_only
                   ? err_set(e, -EINVAL, "nobody could sign in: no --auth FILE")
                   : 0;
    AUTO(free) char *path = a->login_socket ? xstrdup(a->login_socket)
                                            : login_socket_path(mountpoint, geteuid() == 0);
    if (!path)
        return err_set(e, -EINVAL, "where do users sign in? --login-socket PATH");
    *ret_auth = cli_absolute(auth);
    *ret_socket = cli_absolute(path);
    return 0;
}

int cmd_mount(struct cli *c, int argc, char **argv)
{
    struct mount_args a = {.o = {.poll_ms = POLL_MS, .view = {.max_stale_ms = MAX_STALE_MS}}};
    AUTO(free) char *mountpoint = NULL;
    AUTO(free) char *principals = NULL;
    AUTO(free) char *principals_path = NULL;
    AUTO(free) char *state = NULL;
    AUTO(free) char *auth = NULL;
    AUTO(free) char *login_socket = NULL;
    AUTO(free) char *cache = NULL;
    AUTO(free) char *cache_key = NULL;
    struct err e;

    int r = parse_mount(c, argc, argv, &a);
    if (r != 0)
        return r;
    if (find_owner(a.owner, &a.o, &e) < 0 || check_mountpoint(argv[optind], &mountpoint, &e) < 0)
        return cli_fail(&e);
    principals = cli_principals_path(c, &a.o.view.principals_must_exist);
    a.o.view.principals_path = principals_path = cli_absolute(principals);
    a.o.mountpoint = mountpoint;
    a.o.state = c->state = state = cli_absolute(c->state);
    if (a.o.disk.dir) {
        a.o.disk.dir = cache = cli_absolute(a.o.disk.dir);
        a.o.disk.key_path = cache_key = cli_cache_key_path(c, a.o.disk.key_path);
    }
    if (find_login(c, &a, mountpoint, &auth, &login_socket, &e) < 0)
        return cli_fail(&e);
    a.o.auth_path = auth;
    a.o.login_socket = login_socket;

    mount_daemon_harden();
    mount_daemon_block_signals();
    if (a.in_front) {
        log_set(c->verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, /* to_syslog= */ false);
        r = run(c, &a.o, &e);
    } else {
        r = start_daemon(c, &a.o, &e);
    }
    return r < 0 ? cli_fail(&e) : CLI_DONE;
}

/* ---- unmount --------------------------------------------------------------------------------- */

static int unmount_and_wait(struct cli *c, const char *path, bool lazy, struct err *e)
{
    struct mountpoint mp;
    json_t *status = NULL;
    struct err none;
    AUTO(fd) int fd = -1;
    int r = mountpoint_find(path, &mp, e);
    if (r < 0)
        return r;
    if (!mp.is_ours)
        return err_set(e, -EINVAL, "'%s' is not a mount of shotlake", path);
    if (control_ask(c->state, path, &status, &fd, &none) == 0)
        json_decref(status);
    else
        lazy = lazy || mountpoint_is_dead(path, &mp);
    r = mountpoint_unmount(path, lazy, e);
    if (r == -EBUSY)
        return err_set(e, r, "'%s' is in use: close what is open there, or use --lazy", path);
    if (r < 0 || fd < 0 || lazy)
        return r;
    return control_wait(fd, UNMOUNT_WAIT_MS)
               ? 0
               : err_set(e, -ETIMEDOUT, "'%s' is unmounted, but its daemon still runs", path);
}

int cmd_unmount(struct cli *c, int argc, char **argv)
{
    static const struct option options[] = {{"lazy", no_argument, NULL, 'z'}, {NULL, 0, NULL, 0}};
    AUTO(free) char *path = NULL;
    struct err e;
    bool lazy = false;
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "z", options, NULL)) != -1) {
        if (option != 'z')
            return cli_usage(c, "unmount knows --lazy only");
        lazy = true;
    }
    if (argc - optind != 1)
        return cli_usage(c, "unmount takes one mountpoint");
    if (mountpoint_resolve(argv[optind], &path, &e) < 0 || unmount_and_wait(c, path, lazy, &e) < 0)
        return cli_fail(&e);
    return CLI_DONE;
}

/* ---- status ---------------------------------------------------------------------------------- */

static json_int_t number(const json_t *st, const char *name)
{
    return json_integer_value(json_object_get(st, name));
}

static void print_status(const json_t *st)
{
    const char *principal = json_string_value(json_object_get(st, "principal"));
    const json_t *confirmed = json_object_get(st, "confirmed_seconds_ago");
    bool stale = json_is_true(json_object_get(st, "stale"));

    printf("mountpoint   %s\n", json_string_value(json_object_get(st, "mountpoint")));
    printf("view         %s\n", principal ? principal : "of each caller");
    if (!principal)
        printf("signed in    %" JSON_INTEGER_FORMAT "\n", number(st, "sessions"));
    printf("daemon       pid %" JSON_INTEGER_FORMAT "\n", number(st, "pid"));
    printf("ledger       record %" JSON_INTEGER_FORMAT, number(st, "record"));
    if (json_is_number(confirmed))
        printf(", confirmed %.1f s ago", json_number_value(confirmed));
    puts(stale ? ", STALE: nothing is shown" : "");
    const char *why = json_string_value(json_object_get(st, "why"));
    if (why && *why)
        printf("because      %s\n", why);
    printf("visible      %" JSON_INTEGER_FORMAT " objects, %" JSON_INTEGER_FORMAT " bytes\n",
           number(st, "objects"), number(st, "bytes"));
    printf("memory       %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " bytes\n",
           number(st, "memory_bytes"), number(st, "memory_budget_bytes"));
    printf("read         %" JSON_INTEGER_FORMAT " bytes from the store, %" JSON_INTEGER_FORMAT
           " bytes served\n",
           number(st, "fetched_bytes"), number(st, "served_bytes"));
    const json_t *disk = json_object_get(st, "disk");
    if (!json_is_object(disk))
        return;
    printf("disk         %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " bytes in '%s'\n",
           number(disk, "held_bytes"), number(disk, "size_bytes"),
           json_string_value(json_object_get(disk, "dir")));
    printf("disk reads   %" JSON_INTEGER_FORMAT " bytes found, %" JSON_INTEGER_FORMAT
           " not; %" JSON_INTEGER_FORMAT " damaged, %" JSON_INTEGER_FORMAT " writes failed\n",
           number(disk, "hits_bytes"), number(disk, "misses_bytes"), number(disk, "damaged"),
           number(disk, "write_errors"));
}

int cmd_status(struct cli *c, int argc, char **argv)
{
    AUTO(free) char *path = NULL;
    json_t *status = NULL;
    struct mountpoint mp;
    struct err e;
    if (argc == 1)
        return cmd_status_lake(c);
    if (argc != 2 || argv[1][0] == '-')
        return cli_usage(c, "status takes one mountpoint, or nothing");
    if (mountpoint_resolve(argv[1], &path, &e) < 0)
        return cli_fail(&e);
    if (mountpoint_find(path, &mp, &e) < 0)
        return cli_fail(&e);
    if (!mp.is_ours) {
        err_set(&e, -EINVAL, "'%s' is not a mount of shotlake", path);
        return cli_fail(&e);
    }
    if (control_ask(c->state, path, &status, NULL, &e) < 0) {
        if (mountpoint_is_dead(path, &mp))
            err_set(&e, -ENOTCONN, "the daemon of '%s' is dead: unmount it", path);
        return cli_fail(&e);
    }
    if (c->json) {
        cli_print_json(status);
    } else {
        print_status(status);
        json_decref(status);
    }
    return CLI_DONE;
}
