/* tools/cmd_media.c - media: what a scan found out about an object. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/timecode.h"
#include "fs/lake/lake.h"
#include "policy/index.h"
#include "tools/cli.h"

/* The facts of the node, or those of the lowest frame of its sequence that has any; `*ret_of` is
 * whose they are. -ENOENT: none. */
static int facts_of(struct index_read *rd, node_id id, struct media *ret, node_id *ret_of,
                    struct err *e)
{
    AUTO(buf) struct buf pattern = {0};
    AUTO(free) node_id *ids = NULL;
    struct node n, other;
    int64_t lowest = 0, frame;
    size_t found = 0;
    *ret_of = id;
    int r = index_media(rd, id, ret, e);
    if (r != -ENOENT)
        return r;
    if ((r = index_node(rd, id, &n, e)) < 0)
        return r;
    if (!frame_pattern(n.name, n.name_len, &pattern, NULL, NULL))
        return -ENOENT;
    if ((r = index_by_pattern(rd, pattern.p, pattern.len, &ids, &found, e)) < 0)
        return r;
    *ret_of = NODE_NONE;
    for (size_t i = 0; i < found; i++) {
        AUTO(media) struct media m = {0};
        if ((r = index_node(rd, ids[i], &other, e)) < 0)
            return r;
        buf_clear(&pattern);
        if (other.parent != n.parent || index_media(rd, ids[i], &m, e) < 0 ||
            !frame_pattern(other.name, other.name_len, &pattern, &frame, NULL))
            continue;
        if (*ret_of == NODE_NONE || frame < lowest) {
            *ret_of = ids[i];
            lowest = frame;
        }
    }
    return *ret_of == NODE_NONE ? -ENOENT : index_media(rd, *ret_of, ret, e);
}

static void print_text(const struct media *m)
{
    char text[TIMECODE_TEXT_SIZE];
    int64_t base = timecode_base(m->rate_num, m->rate_den);
    printf("from      %s\n", m->from);
    if (m->reel)
        printf("reel      %s\n", m->reel);
    if (m->start >= 0 && base > 0)
        printf("timecode  %s (frame %lld)\n", timecode_format(m->start, base, m->drop, text),
               (long long)m->start);
    else if (m->timecode)
        printf("timecode  %s (at an unknown rate)\n", m->timecode);
    if (m->rate_num > 0)
        printf("rate      %lld/%lld\n", (long long)m->rate_num, (long long)m->rate_den);
    if (m->frames > 0)
        printf("frames    %lld\n", (long long)m->frames);
    if (m->umid)
        printf("umid      %s\n", m->umid);
}

/* CLI_DONE or the exit status, already told. */
static int answer(struct cli *c, struct index_read *rd, const char *path)
{
    AUTO(media) struct media m = {0};
    AUTO(buf) struct buf key = {0};
    struct err e;
    node_id id, of;
    struct node n;
    int r = index_find(rd, path, &id, &e);
    if (r == -ENOENT || (r == 0 && index_node(rd, id, &n, &e) == 0 && n.is_dir))
        return cli_unknown("no such object in the lake: %s", path);
    if (r < 0)
        return cli_fail(&e);
    r = facts_of(rd, id, &m, &of, &e);
    if ((r < 0 && r != -ENOENT) || (r == 0 && index_key(rd, of, &key, &e) < 0))
        return cli_fail(&e);
    if (c->json) {
        cli_print_json(r == 0 ? json_pack("{ss sO}", "object", key.p, "media", m.json)
                              : json_pack("{sn sn}", "object", "media"));
    } else if (r == 0) {
        printf("object    %s\n", key.p);
        print_text(&m);
    } else {
        puts("nothing is known: no medium, or no scan has looked at it yet");
    }
    return CLI_DONE;
}

int cmd_media(struct cli *c, int argc, char **argv)
{
    AUTO(lake) struct lake *lk = NULL;
    struct index_read *rd = NULL;
    struct err e;
    if (argc != 2)
        return cli_usage(c, "media takes one PATH");
    if (cli_lake_synced(c, &lk, &e) < 0 || index_read_begin(lk->index, &rd, &e) < 0)
        return cli_fail(&e);
    int status = answer(c, rd, argv[1]);
    index_read_end(rd); /* before the lake goes */
    return status;
}
