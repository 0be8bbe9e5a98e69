/* tools/cmd_edit_diff.c - edit diff: what changed between two versions of an edit. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/lake/lake.h"
#include "policy/record.h"
#include "tools/cli.h"
#include "tools/edit_change.h"

/* "2" or "v2"; 0 where it is neither. */
static uint64_t version_of(const char *s)
{
    s += *s == 'v';
    if (strlen(s) == 0 || strlen(s) > 7 || strspn(s, "0123456789") != strlen(s))
        return 0;
    unsigned long v = strtoul(s, NULL, 10);
    return v <= RECORD_EDIT_VERSION_MAX ? v : 0;
}

int cmd_edit_diff(struct cli *c, int argc, char **argv)
{
    AUTO(lake) struct lake *lk = NULL;
    AUTO(buf) struct buf text = {0};
    json_auto_t *change = NULL;
    uint64_t from = 0, to = 0;
    struct err e;
    if (argc != 2 && argc != 4)
        return cli_usage(c, "edit diff takes an ID and two versions, or an ID for the last two");
    if (argc == 4 && (!(from = version_of(argv[2])) || !(to = version_of(argv[3]))))
        return cli_usage(c, "'%s' is no version: 1, 2, …", from ? argv[3] : argv[2]);
    if (cli_lake_synced(c, &lk, &e) < 0)
        return cli_fail(&e);
    int r = edit_change_versions(lk, argv[1], from, to, &change, &e);
    if (r == -ENOENT)
        return cli_unknown("%s", e.text);
    if (r < 0)
        return cli_fail(&e);
    if (c->json) {
        cli_print_json(json_incref(change));
        return CLI_DONE;
    }
    edit_change_text(change, &text);
    fputs(buf_str(&text), stdout);
    return CLI_DONE;
}
