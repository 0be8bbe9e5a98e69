/* tools/cli.c - what every verb of the command line shares. */
/* SPDX-License-Identifier: MIT */
#include "tools/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/err.h"
#include "base/when.h"
#include "fs/store/store.h"
#include "policy/principals.h"

int cli_fail(const struct err *e)
{
    cli_progress_end();
    fprintf(stderr, "shotlake: %s\n", e->text);
    return CLI_FAILED;
}

int cli_usage(struct cli *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("shotlake: ", stderr);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    if (c->verb)
        fprintf(stderr, "\nusage: shotlake %s %s\n", c->verb->name, c->verb->args);
    else
        fputs("\ntry 'shotlake --help'\n", stderr);
    return CLI_USAGE;
}

bool cli_number(const char *s, int least, int most, int *ret)
{
    char *end;
    errno = 0;
    long v = strtol(s, &end, 10);
    if (end == s || *end || errno != 0 || v < least || v > most)
        return false;
    *ret = (int)v;
    return true;
}

bool cli_size(const char *s, uint64_t *ret_bytes)
{
    static const char units[] = "KMGT";
    char *end;
    errno = 0;
    unsigned long long n = strtoull(s, &end, 10);
    if (end == s || *s < '0' || *s > '9' || errno)
        return false;
    const char *unit = *end ? strchr(units, *end & ~0x20) : NULL;
    if (*end && (!unit || end[1]))
        return false;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    if (n > (uint64_t)INT64_MAX >> shift)
        return false;
    *ret_bytes = (uint64_t)n << shift;
    return true;
}

char *cli_absolute(const char *path)
{
    AUTO(free) char *here = *path == '/' ? NULL : getcwd(NULL, 0);
    return here ? xasprintf("%s/%s", here, path) : xstrdup(path);
}

char *cli_real_path(const char *path)
{
    char *real = realpath(path, NULL);
    if (real)
        return real;
    AUTO(free) char *whole = cli_absolute(path);
    for (size_t n = strlen(whole); n > 1 && whole[n - 1] == '/'; n--)
        whole[n - 1] = '\0';
    char *last = strrchr(whole, '/');
    if (!last || last == whole)
        return TAKE(whole);
    *last = '\0';
    AUTO(free) char *parent = realpath(whole, NULL);
    return xasprintf("%s/%s", parent ? parent : whole, last + 1);
}

bool cli_is_below(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

int cli_must_be_outside(const struct lake *lake, const char *what, const char *path, struct err *e)
{
    static const char start[] = "file://";
    const char *url = lake->store->url;
    AUTO(buf) struct buf decoded = {0};
    AUTO(free) char *dir = NULL;
    if (strncmp(url, start, strlen(start)) != 0 ||
        percent_decode(&decoded, url + strlen(start), strlen(url + strlen(start))) < 0 ||
        !(dir = realpath(buf_str(&decoded), NULL)))
        return 0; /* not a directory of this host */
    if (cli_is_below(path, dir))
        return err_set(e, -EINVAL, "%s '%s' is in the lake's own directory", what, path);
    return 0;
}

char *cli_cache_key_path(struct cli *c, const char *named)
{
    if (named)
        return cli_absolute(named);
    AUTO(free) char *own = xasprintf("%s/cache.key", c->state);
    return cli_absolute(own);
}

int cli_unknown(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("shotlake: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    return CLI_UNKNOWN;
}

int cli_store(struct cli *c, struct store **ret, struct err *e)
{
    const char *url = c->lake_url;
    if (!url || !*url)
        return err_set(e, -EINVAL,
                       "no lake named: use --lake or SHOTLAKE_LAKE (s3://bucket[/prefix] or "
                       "file:///dir)");
    if (strncmp(url, "s3://", 5) == 0)
        return s3_store_open(url, ret, e);
    if (strncmp(url, "file://", 7) == 0)
        return dir_store_open(url, ret, e);
    return err_set(e, -EINVAL, "'%.128s' is not a lake: s3://bucket[/prefix] or file:///dir", url);
}

int cli_lake(struct cli *c, struct lake **ret, struct err *e)
{
    struct store *store = NULL;
    int r = cli_store(c, &store, e);
    return r < 0 ? r : lake_open(store, c->state, ret, e);
}

int cli_lake_synced(struct cli *c, struct lake **ret, struct err *e)
{
    AUTO(lake) struct lake *lk = NULL;
    int r = cli_lake(c, &lk, e);
    if (r < 0 || (r = lake_sync(lk, e)) < 0)
        return r;
    *ret = TAKE(lk);
    return 0;
}

char *cli_principals_path(struct cli *c, bool *ret_must_exist)
{
    *ret_must_exist = c->principals && *c->principals;
    return *ret_must_exist ? xstrdup(c->principals) : xasprintf("%s/principals.json", c->state);
}

int cli_principals(struct cli *c, struct principals **ret, struct err *e)
{
    bool must_exist;
    AUTO(free) char *path = cli_principals_path(c, &must_exist);
    return principals_load(path, !must_exist, ret, e);
}

int cli_at(struct cli *c, int64_t *ret, struct err *e)
{
    if (c->at)
        return when_parse(c->at, WHEN_DAY_START, ret, e);
    *ret = clock_wall();
    return 0;
}

void cli_print_json(json_t *v)
{
    json_dumpf(v, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    putchar('\n');
    json_decref(v);
}

int cli_address(struct cli *c, struct address *ret, struct err *e)
{
    *ret = (struct address){0};
    if (c->address && !address_parse(c->address, ret))
        return err_set(e, -EINVAL, "--address: '%.64s' is no IPv4 or IPv6 address", c->address);
    return 0;
}

json_t *cli_read_json(const char *path, const char *what, struct err *e)
{
    json_error_t je;
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *f = is_stdin ? stdin : fopen(path, "re");
    if (!f) {
        err_errno(e, -errno, "open '%s'", path);
        return NULL;
    }
    json_t *j = json_loadf(f, JSON_REJECT_DUPLICATES, &je);
    if (!is_stdin)
        fclose(f);
    if (!j)
        err_set(e, -EBADMSG, "%s '%s': line %d column %d: %s", what, path, je.line, je.column,
                je.text);
    return j;
}

static bool progress_shown;

void cli_progress(void *arg, const char *what, uint64_t done, uint64_t total)
{
    static int64_t last_ms;
    (void)arg;
    if (!isatty(STDERR_FILENO))
        return;
    int64_t now = clock_mono_ms();
    if (done != total && now - last_ms < 100)
        return;
    last_ms = now;
    progress_shown = true;
    if (total)
        fprintf(stderr, "\r\033[K%s %llu of %llu", what, (unsigned long long)done,
                (unsigned long long)total);
    else
        fprintf(stderr, "\r\033[K%s %llu", what, (unsigned long long)done);
    fflush(stderr);
}

void cli_progress_end(void)
{
    if (progress_shown)
        fputs("\r\033[K", stderr);
    progress_shown = false;
}
