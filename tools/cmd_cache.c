/* tools/cmd_cache.c - cache status and clear: a folder that mounts keep bytes in. */
/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fs/cache/disk_cache.h"
#include "tools/cli.h"

/* DIR [--cache-key FILE]: 0, or the exit status, told already. */
static int open_named(struct cli *c, int argc, char **argv, const char **ret_dir,
                      struct disk_cache **ret)
{
    static const struct option options[] = {{"cache-key", required_argument, NULL, 'k'}, {0}};
    const char *key = NULL;
    struct err e;
    opterr = 0;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o != 'k' || !*optarg)
            return cli_usage(c, "unknown option or missing value: %s", argv[optind - 1]);
        key = optarg;
    }
    if (argc - optind != 1 || !*argv[optind])
        return cli_usage(c, "%s takes one folder", c->verb->name);
    AUTO(free) char *key_path = cli_cache_key_path(c, key);
    *ret_dir = argv[optind];
    struct disk_cache_options o = {
        .dir = argv[optind], .key_path = key_path, .only_existing = true};
    return disk_cache_open(&o, ret, &e) < 0 ? cli_fail(&e) : 0;
}

int cmd_cache_status(struct cli *c, int argc, char **argv)
{
    struct disk_cache *dc = NULL;
    struct disk_cache_stats st;
    const char *dir;
    struct err e;
    int status = open_named(c, argc, argv, &dir, &dc);
    if (status != 0)
        return status;
    int r = disk_cache_stats(dc, &st, &e);
    disk_cache_close(dc);
    if (r < 0)
        return cli_fail(&e);
    if (c->json) {
        cli_print_json(json_pack("{ss sI sI sI}", "dir", dir, "size_bytes",
                                 (json_int_t)st.size_bytes, "held_bytes", (json_int_t)st.held_bytes,
                                 "objects", (json_int_t)st.objects));
        return CLI_DONE;
    }
    printf("%" PRIu64 " of %" PRIu64 " bytes, of %" PRIu64 " objects\n", st.held_bytes,
           st.size_bytes, st.objects);
    return CLI_DONE;
}

int cmd_cache_clear(struct cli *c, int argc, char **argv)
{
    struct disk_cache *dc = NULL;
    const char *dir;
    struct err e;
    int status = open_named(c, argc, argv, &dir, &dc);
    if (status != 0)
        return status;
    int r = disk_cache_clear(dc, &e);
    disk_cache_close(dc);
    if (r < 0)
        return cli_fail(&e);
    if (c->json)
        cli_print_json(json_pack("{ss sb}", "dir", dir, "cleared", 1));
    else
        printf("the cache '%s' is empty\n", dir);
    return CLI_DONE;
}
