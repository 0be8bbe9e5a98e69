/* tests/fuzz/fuzz_payload.c - any bytes as the payloads of records: the index stays consistent.
 *
 * The input is cut at lines of "=". Each part is applied as an inventory, or where it is none as
 * facts of media, or else as the payload of an edit that "bob" gets, to a new index with an ACL for
 * "ann" on its root. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <ftw.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/apply.h"
#include "policy/hash.h"
#include "policy/index.h"
#include "policy/principals.h"
#include "policy/record.h"
#include "policy/visible.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define ID32 "0123456789abcdef0123456789abcdef"
#define PARTS_MAX 8

struct part {
    const char *p;
    size_t n;
};

static void must(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static int give(void *arg, const char *hash, struct buf *ret, struct err *e)
{
    const struct part *part = arg;
    (void)hash, (void)e;
    buf_add(ret, part->p, part->n);
    return 0;
}

static struct index_head head_of(struct index *ix)
{
    AUTO(index_read) struct index_read *rd = NULL;
    struct index_head head = {0};
    struct err e = {0};
    must(index_read_begin(ix, &rd, &e) == 0 && index_head(rd, &head, &e) == 0, "no head");
    return head;
}

/* Takes `body`. */
static int apply(struct index *ix, json_t *body, struct part *part)
{
    AUTO(buf) struct buf b = {0};
    struct index_head head = head_of(ix);
    char hash[SHA256_HEX_SIZE];
    struct err e = {0};
    if (part) {
        hash_sha256_hex(part->p, part->n, hash);
        json_object_set_new(body, "payload", json_string(hash));
    }
    if (record_format(body, head.seq + 1, head.hash, ID32, 1, "a@h", &b, &e) < 0)
        must(0, e.text);
    json_decref(body);
    int r = apply_record(ix, b.p, b.len, give, part, &e);
    must(r == 0 || (r == -EBADMSG && *e.text) || r == -EINVAL, "a bad refusal");
    must(head_of(ix).seq == head.seq + (r == 0), "a refused record moved the head");
    return r;
}

static void apply_part(struct index *ix, struct part *part, int number)
{
    char id[EDIT_ID_SIZE];
    snprintf(id, sizeof id, "edit%06u", (unsigned)number % 1000000u);
    if (apply(ix, json_pack("{ss ss}", "op", "inventory", "prefix", ""), part) == 0)
        return;
    if (apply(ix, json_pack("{ss}", "op", "media"), part) == 0)
        return;
    if (apply(ix, json_pack("{ss ss ss ss ss si si s[iis]}", "op", "edit", "edit", id, "name", "n",
                            "file", "f", "manifest", "m/cut.otio", "objects", 1, "bytes", 1,
                            "manifest_stat", 1, 1, "e"), part) == 0)
        apply(ix, json_pack("{ss ss ss ss ss}", "op", "grant", "edit", id, "principal", "user:bob",
                            "from", "1970-01-01", "until", "2099-01-01"), NULL);
}

struct count {
    struct index_read *rd;
    struct index_totals totals;
    json_t *keys;
    size_t names; /* that edits have */
};

static bool is_in(node_id id, const node_id *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == id)
            return true;
    return false;
}

/* Every question that can find the object does, and its facts are found from both ends. */
static void check_object(struct index_read *rd, const struct node *n, struct err *e)
{
    AUTO(free) node_id *by_name = NULL, *by_reel = NULL, *by_umid = NULL;
    AUTO(media) struct media m = {0};
    size_t names, found;
    must(index_by_name(rd, n->name, n->name_len, &by_name, &names, e) == 0, e->text);
    must(is_in(n->id, by_name, names), "a name that does not find its object");
    int r = index_media(rd, n->id, &m, e);
    must(r == 0 || r == -ENOENT, "facts that cannot be read");
    if (m.reel) {
        must(index_by_reel(rd, m.reel, strlen(m.reel), true, &by_reel, &found, e) == 0, e->text);
        must(is_in(n->id, by_reel, found), "a reel that does not find its object");
    }
    if (m.umid) {
        must(index_by_umid(rd, m.umid, &by_umid, &found, e) == 0, e->text);
        must(is_in(n->id, by_umid, found), "a UMID that does not find its object");
    }
}

static int check_node(void *arg, const struct node *n, struct err *e)
{
    struct count *c = arg;
    AUTO(buf) struct buf key = {0};
    node_id found = NODE_NONE;
    if (n->id == NODE_ROOT)
        return 0;
    must(n->live, "a dead node is shown");
    must(index_key(c->rd, n->id, &key, e) == 0, "a node without a key");
    must(index_find_shown(c->rd, key.p, &found, e) == 0 && found == n->id,
         "a key of another node");
    must(n->target == NODE_NONE || strncmp(key.p, "edits/", 6) == 0, "an edit's name elsewhere");
    if (n->is_link) {
        AUTO(buf) struct buf text = {0};
        must(index_link(c->rd, n, &text, e) == 0 && text.len == n->size, "a link of another length");
    }
    must(strncmp(key.p, ".shotlake/", 10) != 0, "what is private is shown");
    size_t len = key.len - (key.p[key.len - 1] == '/');
    key.p[len] = '\0'; /* a folder and an object of one name must not both be shown */
    must(key_problem(key.p) == 0, "no path");
    must(!json_object_get(c->keys, key.p), "a path is shown twice");
    json_object_set_new(c->keys, key.p, json_true());
    c->totals.objects += !n->is_dir && n->target == NODE_NONE;
    c->totals.bytes += n->target == NODE_NONE ? n->size : 0;
    c->names += n->target != NODE_NONE;
    if (!n->is_dir && n->target == NODE_NONE)
        check_object(c->rd, n, e);
    return 0;
}

static struct count count_shown(struct index_read *rd, const char *principal)
{
    AUTO(visible) struct visible v = {0};
    AUTO(who) struct who who = {0};
    json_auto_t *keys = json_object();
    struct count c = {.rd = rd, .keys = keys};
    struct err e = {0};
    principals_expand(NULL, principal, &who);
    must(visible_compute(rd, &who, 1, &v, &e) == 0, e.text);
    must(index_nodes(rd, v.nodes, check_node, &c, &e) == 0, e.text);
    c.keys = NULL;
    return c;
}

static void check(struct index *ix)
{
    AUTO(index_read) struct index_read *rd = NULL;
    struct index_totals totals;
    struct err e = {0};
    must(index_read_begin(ix, &rd, &e) == 0, e.text);
    struct count c = count_shown(rd, "user:ann");
    must(index_totals(rd, &totals, &e) == 0, e.text);
    must(totals.objects == c.totals.objects && totals.bytes == c.totals.bytes,
         "an ACL on the root does not show all live objects");
    must(c.names == 0, "an ACL shows an edit's names");
    count_shown(rd, "user:bob");
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char dir[] = "/dev/shm/shotlake-fuzz-XXXXXX";
    struct index *ix = NULL;
    struct err e = {0};
    must(mkdtemp(dir) != NULL && index_open(dir, &ix, &e) == 0, "no index on /dev/shm");
    apply(ix, json_pack("{ss ss ss}", "op", "init", "lake", ID32, "node_key", ID32), NULL);
    apply(ix, json_pack("{ss ss s[{ss ss s[s]}]}", "op", "acl", "path", "/", "entries",
                        "principalType", "USER", "principal", "ann", "accessTypes", "read"), NULL);
    const char *p = (const char *)data, *end = p + n;
    for (int i = 0; i < PARTS_MAX && p < end; i++) {
        const char *cut = memmem(p, (size_t)(end - p), "=\n", 2);
        struct part part = {p, (size_t)((cut ? cut : end) - p)};
        apply_part(ix, &part, i);
        p = cut ? cut + 2 : end;
    }
    check(ix);
    index_close(ix);
    nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
