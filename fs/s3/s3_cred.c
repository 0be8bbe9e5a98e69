/* fs/s3/s3_cred.c - credentials and place of the store, by the conventions of the AWS tools. */
/* SPDX-License-Identifier: MIT */
#include "fs/s3/s3_cred.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/crypto.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/when.h"
#include "fs/s3/aws_config.h"
#include "fs/s3/s3_keys.h"
#include "fs/s3/s3_metadata.h"

#define TAG "s3_cred"
#define REFRESH_AHEAD_S 300
#define REFRESH_TICK_S 20  /* how often the thread looks at the clock, and waits after a failure */
#define LOOK_EVERY_MS 1000 /* how often the files are looked at */
#define ASK_EVERY_MS 10000 /* how often a refusal leads to a fetch */

/* One of the two shared files. Everything is guarded by the lock of struct s3_cred. */
struct shared_file {
    char *path; /* NULL: no home directory */
    enum aws_config_file which;
    struct stat seen; /* when it was read; zero where it was not there */
};

struct s3_cred {
    char *endpoint, *region, *ca_bundle; /* fixed after open */
    char *profile;
    bool profile_named; /* by AWS_PROFILE: then it must exist */
    struct shared_file config, credentials;
    struct s3_metadata *metadata; /* not NULL: the keys came from there, and the thread runs */

    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t wake;  /* `want` or `stop` was set */
    struct s3_keys *keys;
    bool from_files;
    int64_t looked_ms; /* clock_mono_ms() of the last look at the files */
    bool want;         /* a fetch was asked for and has not ended */
    int64_t asked_ms;  /* clock_mono_ms() of the last time that one was asked for */
    atomic_bool stop;
    pthread_t thread;
};

static const char *env(const char *name)
{
    const char *s = getenv(name);
    return s && *s ? s : NULL;
}

/* Files */

static char *shared_path(const char *variable, const char *name)
{
    const char *path = env(variable), *home = env("HOME");
    if (path)
        return xstrdup(path);
    return home ? xasprintf("%s/.aws/%s", home, name) : NULL;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool file_changed(const struct shared_file *f)
{
    struct stat now;
    if (!f->path || stat(f->path, &now) < 0)
        now = (struct stat){0};
    return !same_file(&now, &f->seen);
}

/* Reads the whole file. The caller wipes and frees. 0 with `*ret` NULL where there is none. */
static int file_read(struct shared_file *f, char **ret, size_t *ret_n, struct err *e)
{
    struct stat st;
    *ret = NULL;
    f->seen = (struct stat){0};
    AUTO(fd) int fd = f->path ? open(f->path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0 && (!f->path || errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(e, -errno, "open '%s'", f->path);
    if (!S_ISREG(st.st_mode) || st.st_size > AWS_CONFIG_BYTES_MAX)
        return err_set(e, -EBADMSG, "'%s' is no file of credentials", f->path);
    f->seen = st;
    char *text = xcalloc((size_t)st.st_size + 1, 1);
    size_t n = 0;
    while (n < (size_t)st.st_size) {
        ssize_t got = read(fd, text + n, (size_t)st.st_size - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    *ret = text;
    *ret_n = n;
    return 0;
}

static int file_load(struct shared_file *f, const char *profile, struct aws_config *ret,
                     struct err *e)
{
    char *text;
    size_t n = 0;
    struct err why;
    *ret = (struct aws_config){0};
    int r = file_read(f, &text, &n, e);
    if (r < 0 || !text)
        return r;
    r = aws_config_parse(text, n, f->which, profile, ret, &why);
    OPENSSL_cleanse(text, n);
    free(text);
    return r < 0 ? err_set(e, r, "'%s': %s", f->path, why.text) : 0;
}

/* Keys of one file; they are never put together from two. 0 with `*ret` NULL where it has none. */
static int file_keys(const struct shared_file *f, const struct aws_config *c, struct s3_keys **ret,
                     struct err *e)
{
    struct err why;
    *ret = NULL;
    if (!c->key_id && !c->secret)
        return 0;
    if (!c->key_id || !c->secret)
        return err_set(e, -EINVAL,
                       "'%s': the profile has only one of aws_access_key_id and "
                       "aws_secret_access_key",
                       f->path);
    int r = s3_keys_new(c->key_id, c->secret, c->token, WHEN_NEVER, ret, &why);
    return r < 0 ? err_set(e, r, "'%s': %s", f->path, why.text) : 0;
}

/* Reads both files; `ret_config` (may be NULL) gets what the config file says beside the keys. */
static int load_files(struct s3_cred *c, struct s3_keys **ret, struct aws_config *ret_config,
                      struct err *e)
{
    struct aws_config config, credentials = {0};
    *ret = NULL;
    int r = file_load(&c->config, c->profile, &config, e);
    if (r == 0)
        r = file_load(&c->credentials, c->profile, &credentials, e);
    if (r == 0)
        r = file_keys(&c->credentials, &credentials, ret, e);
    if (r == 0 && !*ret)
        r = file_keys(&c->config, &config, ret, e);
    if (r == 0 && c->profile_named && !config.found && !credentials.found)
        r = err_set(e, -EACCES, "there is no profile '%s' (AWS_PROFILE) in '%s' or '%s'",
                    c->profile, c->config.path ? c->config.path : "-",
                    c->credentials.path ? c->credentials.path : "-");
    aws_config_done(&credentials);
    if (r < 0 || !ret_config)
        aws_config_done(&config);
    else
        *ret_config = config;
    return r;
}

/* The place */

static bool is_true(const char *s)
{
    return s && strcasecmp(s, "true") == 0;
}

static void set_place(struct s3_cred *c, const struct aws_config *f)
{
    bool ignore = is_true(env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"));
    const char *endpoints[] = {env("AWS_ENDPOINT_URL_S3"), env("AWS_ENDPOINT_URL"),
                               ignore ? NULL : f->endpoint_s3, ignore ? NULL : f->endpoint};
    const char *regions[] = {env("AWS_REGION"), env("AWS_DEFAULT_REGION"), f->region, "us-east-1"};
    const char *bundle = env("AWS_CA_BUNDLE") ? env("AWS_CA_BUNDLE") : f->ca_bundle;

    for (size_t i = 0; i < COUNT(endpoints) && !c->endpoint; i++)
        c->endpoint = endpoints[i] ? xstrdup(endpoints[i]) : NULL;
    for (size_t i = 0; i < COUNT(regions) && !c->region; i++)
        c->region = regions[i] ? xstrdup(regions[i]) : NULL;
    c->ca_bundle = bundle ? xstrdup(bundle) : NULL;
}

/* The environment's keys. 0 with `*ret` NULL where it has none. */
static int env_keys(struct s3_keys **ret, struct err *e)
{
    const char *id = env("AWS_ACCESS_KEY_ID"), *secret = env("AWS_SECRET_ACCESS_KEY");
    *ret = NULL;
    if (!id && !secret)
        return 0;
    if (!id || !secret)
        return err_set(e, -EINVAL, "%s is not set, but %s is: set both",
                       id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID",
                       id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY");
    struct err why;
    int r = s3_keys_new(id, secret, env("AWS_SESSION_TOKEN"), WHEN_NEVER, ret, &why);
    return r < 0 ? err_set(e, r, "AWS_ACCESS_KEY_ID and its like: %s", why.text) : 0;
}

/* Metadata: a thread, so that nobody who signs a request ever waits for them */

static bool is_due(const struct s3_cred *c)
{
    int64_t expires = c->keys->expires_s;
    return c->want || (expires != WHEN_NEVER && clock_wall() >= expires - REFRESH_AHEAD_S);
}

static void wait_tick(struct s3_cred *c)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += REFRESH_TICK_S;
    pthread_cond_timedwait(&c->wake, &c->lock, &until);
}

static void *refresh(void *arg)
{
    struct s3_cred *c = arg;
    struct err e;
    LOCKED(&c->lock);
    while (!c->stop) {
        if (!is_due(c)) {
            wait_tick(c);
            continue;
        }
        struct s3_keys *fresh = NULL;
        pthread_mutex_unlock(&c->lock);
        int r = s3_metadata_fetch(c->metadata, &c->stop, &fresh, &e);
        pthread_mutex_lock(&c->lock);
        c->want = false;
        if (r == 0) {
            s3_keys_unref(c->keys);
            c->keys = fresh;
            /* A service that hands out keys about to expire is not asked in a tight loop. */
            if (!is_due(c))
                continue;
        } else {
            log_debug(TAG, "keys not refreshed: %s", e.text);
        }
        if (!c->stop && !c->want)
            wait_tick(c);
    }
    return NULL;
}

static int start_metadata(struct s3_cred *c, struct err *e)
{
    struct err why;
    struct s3_metadata *m;
    int r = s3_metadata_find(&m, e);
    if (r < 0)
        return r;
    if (!m || s3_metadata_fetch(m, /* stop= */ NULL, &c->keys, &why) < 0) {
        r = err_set(e, -EACCES,
                    "no S3 credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or put "
                    "them into the profile '%s' of '%s'%s%s",
                    c->profile, c->credentials.path ? c->credentials.path : "~/.aws/credentials",
                    m ? "; " : "", m ? why.text : "");
        s3_metadata_free(m);
        return r;
    }
    c->metadata = m;
    sigset_t all, before; /* signals are for the program's own threads */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&c->thread, NULL, refresh, c);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        c->metadata = NULL;
        s3_metadata_free(m);
        return err_set(e, -EIO, "cannot start the thread that refreshes S3 credentials");
    }
    return 0;
}

/* Life */

int s3_cred_open(struct s3_cred **ret, struct err *e)
{
    struct s3_cred *c = xcalloc(1, sizeof *c);
    struct aws_config file = {0};
    struct s3_keys *of_files = NULL;
    const char *profile = env("AWS_PROFILE");

    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->wake, NULL);
    c->asked_ms = INT64_MIN / 2;
    c->profile = xstrdup(profile ? profile : "default");
    c->config.which = AWS_CONFIG_FILE_CONFIG;
    c->config.path = shared_path("AWS_CONFIG_FILE", "config");
    c->credentials.which = AWS_CONFIG_FILE_CREDENTIALS;
    c->credentials.path = shared_path("AWS_SHARED_CREDENTIALS_FILE", "credentials");

    int r = env_keys(&c->keys, e);
    /* With keys in the environment a missing profile is no reason to stop. */
    c->profile_named = profile && !c->keys;
    if (r == 0)
        r = load_files(c, &of_files, &file, e);
    if (r == -EACCES && c->keys)
        r = 0; /* a daemon that may not read its home directory has what it needs */
    if (r == 0) {
        set_place(c, &file);
        if (!c->keys && of_files) {
            c->keys = TAKE(of_files);
            c->from_files = true;
        }
        c->looked_ms = clock_mono_ms();
        if (!c->keys && file.elsewhere)
            r = err_set(e, -EACCES,
                        "profile '%s' gets its keys by %s, which is not supported: write keys into "
                        "a profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
                        c->profile, file.elsewhere);
        else if (!c->keys)
            r = start_metadata(c, e);
    }
    aws_config_done(&file);
    s3_keys_unref(of_files);
    if (r < 0) {
        s3_cred_close(c);
        return r;
    }
    *ret = c;
    return 0;
}

void s3_cred_close(struct s3_cred *c)
{
    if (!c)
        return;
    if (c->metadata) {
        pthread_mutex_lock(&c->lock);
        c->stop = true;
        pthread_cond_signal(&c->wake);
        pthread_mutex_unlock(&c->lock);
        pthread_join(c->thread, NULL);
        s3_metadata_free(c->metadata);
    }
    s3_keys_unref(c->keys);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    free(c->config.path);
    free(c->credentials.path);
    free(c->profile);
    free(c->endpoint);
    free(c->region);
    free(c->ca_bundle);
    free(c);
}

const char *s3_cred_endpoint(const struct s3_cred *c)
{
    return c->endpoint;
}

const char *s3_cred_region(const struct s3_cred *c)
{
    return c->region;
}

const char *s3_cred_ca_bundle(const struct s3_cred *c)
{
    return c->ca_bundle;
}

/* Reads the files again. Files that are half written or gone leave the keys as they are. The lock
 * is held: local files of a few lines take microseconds. */
static void reload(struct s3_cred *c)
{
    struct err e;
    struct s3_keys *fresh = NULL;
    if (load_files(c, &fresh, /* ret_config= */ NULL, &e) < 0) {
        log_debug(TAG, "keys not read again: %s", e.text);
        s3_keys_unref(fresh);
        return;
    }
    if (fresh) {
        s3_keys_unref(c->keys);
        c->keys = fresh;
    }
}

struct s3_keys *s3_cred_take(struct s3_cred *c)
{
    LOCKED(&c->lock);
    int64_t now = clock_mono_ms();
    if (c->from_files && now - c->looked_ms >= LOOK_EVERY_MS) {
        c->looked_ms = now;
        if (file_changed(&c->credentials) || file_changed(&c->config))
            reload(c);
    }
    return s3_keys_ref(c->keys);
}

bool s3_cred_refused(struct s3_cred *c, const struct s3_keys *used)
{
    LOCKED(&c->lock);
    if (c->from_files && s3_keys_equal(c->keys, used))
        reload(c);
    if (!s3_keys_equal(c->keys, used))
        return true;
    if (!c->metadata)
        return false;
    int64_t now = clock_mono_ms();
    if (!c->want && now - c->asked_ms < ASK_EVERY_MS)
        return false;
    if (!c->want)
        c->asked_ms = now;
    c->want = true;
    pthread_cond_signal(&c->wake);
    return true;
}

bool s3_cred_is_fetching(struct s3_cred *c)
{
    LOCKED(&c->lock);
    return c->want;
}
