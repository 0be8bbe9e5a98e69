/* tools/cmd_edit_state.c - edit disable, enable and remove. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/lake/lake.h"
#include "policy/index.h"
#include "tools/change.h"
#include "tools/cli.h"

struct state_change {
    const char *edit;
    enum edit_state to;
};

static int may_change(void *arg, struct index_read *rd, struct err *e)
{
    const struct state_change *ch = arg;
    AUTO(edit) struct edit ed = {0};
    int r = index_edit(rd, ch->edit, &ed, e);
    if (r < 0)
        return r;
    if (ed.state == EDIT_REMOVED)
        return err_set(e, -ENOENT, "edit %s was removed", ch->edit);
    if (ed.state == ch->to)
        return err_set(e, -EALREADY, "edit %s is %s already", ch->edit, edit_state_name(ch->to));
    return 0;
}

/* The ledger has it, so it holds; the store's tags follow. */
static void follow_with_tags(struct cli *c, const char *edit)
{
    AUTO(lake) struct lake *lk = NULL;
    struct tags_report rep;
    struct err e;
    int r = cli_lake(c, &lk, &e);
    if (r == 0)
        r = lake_tag_edit(lk, edit, 0, cli_progress, NULL, &rep, &e);
    cli_progress_end();
    if (r < 0)
        fprintf(stderr,
                "shotlake: the change holds, but the object tags are not complete (%s); the next "
                "scan or conform completes them\n",
                e.text);
}

static int change_state(struct cli *c, int argc, char **argv, const char *op, enum edit_state to,
                        const char *done)
{
    if (argc != 2)
        return cli_usage(c, "edit %s takes one ID", op);
    struct state_change ch = {argv[1], to};
    json_auto_t *body = json_pack("{ss ss}", "op", op, "edit", argv[1]);
    AUTO(free) char *text = xasprintf("edit %s %s", argv[1], done);
    int r = change_make(
        c, &(struct change){.body = body, .check = may_change, .arg = &ch, .done = text});
    if (r == CLI_DONE)
        follow_with_tags(c, argv[1]);
    return r;
}

int cmd_edit_disable(struct cli *c, int argc, char **argv)
{
    return change_state(c, argc, argv, "disable", EDIT_DISABLED,
                        "is disabled: nobody sees anything through it, its grants rest");
}

int cmd_edit_enable(struct cli *c, int argc, char **argv)
{
    return change_state(c, argc, argv, "enable", EDIT_ENABLED,
                        "is enabled: its grants hold again");
}

int cmd_edit_remove(struct cli *c, int argc, char **argv)
{
    return change_state(c, argc, argv, "remove", EDIT_REMOVED,
                        "is removed and its grants ended; its files stay in the lake below "
                        "ShotLocker/Edits");
}
