/* conform/commit.c - makes a plan true: uploads, one ledger record, tags. */
/* SPDX-License-Identifier: MIT */
#include "conform/commit.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/codec.h"
#include "base/err.h"
#include "base/when.h"
#include "conform/conform.h"
#include "conform/link_rows.h"
#include "fs/store/store.h"
#include "policy/apply.h"
#include "policy/hash.h"
#include "policy/index.h"

#define NAME_MAX_BYTES 255
#define UPDATE_TRIES_MAX 100 /* names of one file that interrupted updates left */

/* "cut" of "cut.otio". */
static char *stem_of(const char *file)
{
    char *stem = xstrdup(file), *dot = strrchr(stem, '.');
    if (dot && dot != stem)
        *dot = '\0';
    return stem;
}

static int edit_name(const struct conform_plan *plan, const struct commit_options *opt, char **ret,
                     struct err *e)
{
    const char *name = opt->name ? opt->name : plan->name;
    AUTO(free) char *stem = stem_of(opt->file);
    if (!opt->name && *ret) /* an update's name stays */
        return 0;
    if (!name || !*name)
        name = stem;
    size_t n = strlen(name);
    if (n == 0 || n > NAME_MAX_BYTES || !utf8_is_valid(name, n))
        return err_set(e, -EINVAL, "the edit's name must be 1 to %d bytes of UTF-8 (use --name)",
                       NAME_MAX_BYTES);
    for (const char *s = name; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return err_set(e, -EINVAL, "the edit's name has a control character (use --name)");
    free(*ret);
    *ret = xstrdup(name);
    return 0;
}

/* What an update follows: its version and name. */
static int find_edit(struct lake *lk, const struct commit_options *opt, struct commit_result *res,
                     struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(edit) struct edit ed = {0};
    int r;
    res->version = 1;
    if (!opt->update)
        return 0;
    if ((r = index_read_begin(lk->index, &rd, e)) < 0 || (r = index_edit(rd, opt->update, &ed, e)) < 0)
        return r;
    if (ed.state == EDIT_REMOVED)
        return err_set(e, -ENOENT, "edit %s was removed", ed.id);
    memcpy(res->edit, ed.id, sizeof res->edit);
    res->version = ed.version + 1;
    res->name = xstrdup(ed.name);
    return 0;
}

/* Does the lake hold exactly these bytes there? */
static int is_same_file(struct lake *lk, const char *key, const struct commit_options *opt,
                        bool *ret, struct err *e)
{
    AUTO(buf) struct buf there = {0};
    int r = store_get(lk->store, key, opt->size + 1, &there, NULL, e);
    *ret = r == 0 && there.len == opt->size && memcmp(there.p, opt->data, opt->size) == 0;
    return r == -EFBIG ? 0 : r;
}

/* Another file of that name in the next version's folder: an update that was interrupted, or one
 * that is at it right now. Neither is overwritten; the next free name of "cut.otio", "cut-2.otio"
 * is taken. The same bytes are taken over: that is how an interrupted update goes on. */
static int next_name(struct lake *lk, const char *key, const struct commit_options *opt, int tries,
                     struct commit_result *res, bool *ret_same, struct err *e)
{
    int r = is_same_file(lk, key, opt, ret_same, e);
    if (r < 0 || *ret_same)
        return r;
    if (tries > UPDATE_TRIES_MAX)
        return err_set(e, -EEXIST, "edit %s: %d files of that name wait in the folder of version %"
                       PRIu64, res->edit, tries, res->version);
    AUTO(free) char *stem = stem_of(opt->file);
    free(res->file);
    res->file = xasprintf("%s-%d%s", stem, tries, opt->file + strlen(stem));
    return 0;
}

/* Draws an id and claims it by being the first to put the file there; an update claims a name. */
static int upload_file(struct lake *lk, const struct commit_options *opt,
                       struct commit_result *res, char **ret_key, struct err *e)
{
    bool same = false;
    res->file = xstrdup(opt->file);
    for (int tries = 2;; tries++) {
        if (!opt->update)
            hash_edit_id(res->edit);
        const struct artefacts_edit ed = {
            .id = res->edit, .file = res->file, .version = (int)res->version};
        AUTO(free) char *key = artefacts_file_key(&ed);
        if (key_problem(key))
            return err_set(e, -EINVAL, "'%s' cannot be a file name in the lake", opt->file);
        int r = store_put(lk->store, key, opt->data, opt->size, STORE_PUT_IF_ABSENT, NULL, e);
        if (r == -EEXIST && opt->update)
            r = next_name(lk, key, opt, tries, res, &same, e);
        else if (r == -EEXIST)
            continue;
        else
            same = r == 0;
        if (r < 0)
            return err_wrap(e, "upload the edit");
        if (!same)
            continue;
        *ret_key = TAKE(key);
        return 0;
    }
}

struct objects {
    struct index_read *rd;
    struct buf rows;
    uint64_t n, bytes;
    uint64_t named; /* besides these */
};

static int add_object(void *arg, const struct node *n, struct err *e)
{
    struct objects *o = arg;
    AUTO(buf) struct buf key = {0};
    int r = index_key(o->rd, n->id, &key, e);
    if (r < 0)
        return r;
    json_auto_t *row = json_pack("[s]", key.p);
    char *text = row ? json_dumps(row, JSON_COMPACT) : NULL;
    if (!text)
        return err_set(e, -EBADMSG, "key '%s' is not UTF-8", key.p);
    buf_adds(&o->rows, text);
    buf_addc(&o->rows, '\n');
    free(text);
    o->n++;
    o->bytes += n->size;
    return 0;
}

static int add_named(void *arg, const struct node *n, struct err *e)
{
    struct objects *o = arg;
    AUTO(buf) struct buf key = {0};
    int r = index_key(o->rd, n->id, &key, e);
    if (r < 0)
        return r;
    json_auto_t *row = json_pack("[ns]", key.p);
    AUTO(free) char *text = row ? json_dumps(row, JSON_COMPACT) : NULL;
    if (!text)
        return err_set(e, -EBADMSG, "key '%s' is not UTF-8", key.p);
    buf_addf(&o->rows, "%s\n", text);
    o->named++;
    return 0;
}

/* Candidates that are not of the edit: its report names them, and is to be hidden from whom they are
 * hidden from. */
static int list_named(const struct conform_plan *plan, struct objects *o, struct err *e)
{
    roaring_bitmap_t *named = roaring_bitmap_create();
    for (size_t i = 0; i < plan->n_items; i++)
        for (size_t k = 0; k < plan->items[i].n_candidates; k++)
            roaring_bitmap_add(named, plan->items[i].candidates[k].node);
    roaring_bitmap_andnot_inplace(named, plan->objects);
    int r = index_nodes(o->rd, named, add_named, o, e);
    roaring_bitmap_free(named);
    return r;
}

/* The edit's payload: its objects, the links that its holders get to them, and what else its report
 * names. */
static int list_objects(struct lake *lk, const struct conform_plan *plan, const char *manifest,
                        struct objects *o, struct err *e)
{
    const char *slash = strrchr(manifest, '/');
    int r = index_read_begin(lk->index, &o->rd, e);
    if (r < 0)
        return r;
    r = index_nodes(o->rd, plan->objects, add_object, o, e);
    if (r == 0)
        r = link_rows(plan, o->rd, slash ? slash + 1 : manifest, &o->rows, e);
    if (r == 0)
        r = list_named(plan, o, e);
    index_read_end(o->rd);
    return r;
}

struct next {
    const struct commit_result *res;
    const struct commit_options *opt;
    const struct conform_plan *plan;
    const json_t *body;
};

/* Is the version still the next one, and is there no edit of its source? Asked in the very snapshot
 * that the record would follow: of two hosts that conform one source, one alone gets past this. */
static int is_next(void *arg, struct index_read *rd, struct err *e)
{
    const struct next *next = arg;
    const struct commit_result *res = next->res;
    AUTO(edit) struct edit ed = {0}, same = {0};
    int r = index_edit(rd, res->edit, &ed, e);
    if (r == 0 && ed.state == EDIT_REMOVED)
        return err_set(e, -ENOENT, "edit %s was removed", res->edit);
    if (r == 0 && ed.version + 1 != res->version)
        return res->version == 1
                   ? err_set(e, -EEXIST, "edit %s exists already", res->edit)
                   : err_set(e, -EEXIST, "edit %s has version %" PRIu64 " meanwhile: look at it, and "
                             "update again", res->edit, ed.version);
    if (r < 0 && (r != -ENOENT || res->version != 1))
        return r;
    const struct commit_options *opt = next->opt;
    r = opt->source ? index_edit_of_source(rd, opt->source, &same, e) : -ENOENT;
    if (r != -ENOENT)
        return r < 0 ? r : err_set(e, -EALREADY, "it is edit %s already", same.id);
    return opt->check ? opt->check(opt->check_arg, rd, next->body, next->plan, e) : 0;
}

/* [size, mtime_ns, etag], as a scan would find it. */
static json_t *stat_json(const struct store_stat *st)
{
    return json_pack("[IIs]", (json_int_t)st->size, (json_int_t)st->mtime_ns, st->etag);
}

static int append_edit(struct lake *lk, const struct conform_plan *plan,
                       const struct commit_options *opt, const char *file,
                       struct commit_result *res, struct err *e)
{
    struct objects o = {0};
    const struct artefacts *a = &res->artefacts;
    char payload[SHA256_HEX_SIZE], until[WHEN_TEXT_SIZE];
    int r = list_objects(lk, plan, a->manifest, &o, e);
    if (r == 0)
        r = lake_payload_put(lk, buf_str(&o.rows), o.rows.len, payload, e);
    buf_done(&o.rows);
    if (r < 0)
        return r;
    /* manifest and shots are part of the edit: its holders get them with the media */
    json_auto_t *body = json_pack(
        "{ss ss ss ss ss ss ss ss sI sI ss so so}", "op", "edit", "edit", res->edit, "name",
        res->name, "file", file, "manifest", a->manifest, "studio", a->studio, "results",
        a->results, "shots", a->shots, "objects", (json_int_t)o.n, "bytes", (json_int_t)o.bytes,
        "payload", payload, "manifest_stat", stat_json(&a->manifest_stat), "shots_stat",
        stat_json(&a->shots_stat));
    if (!body)
        return err_set(e, -EINVAL, "cannot build the edit's record");
    json_object_set_new(body, "handles", json_integer(opt->handles));
    if (o.named > 0)
        json_object_set_new(body, "named", json_integer((json_int_t)o.named));
    json_object_set_new(body, "version", json_integer((json_int_t)res->version));
    if (opt->retire_until && res->version > 1)
        json_object_set_new(body, "retire_until",
                            json_string(when_format(opt->retire_until, until)));
    if (opt->source)
        json_object_set_new(body, "source", json_string(opt->source));
    if (opt->owner && res->version == 1)
        json_object_set_new(body, "owner", json_string(opt->owner));
    struct next next = {res, opt, plan, body};
    return lake_append_as(lk, opt->actor ? opt->actor : lk->actor, body, is_next, &next, NULL, e);
}

/* Everything beside the file that was uploaded. */
static int put_artefacts(struct lake *lk, const struct conform_plan *plan,
                         struct commit_result *res, struct err *e)
{
    const struct artefacts_edit ed = {
        .id = res->edit, .name = res->name, .file = res->file, .version = (int)res->version};
    return artefacts_put(lk, plan, &ed, &res->artefacts, e);
}

int commit_plan(struct lake *lk, const struct conform_plan *plan, const struct commit_options *opt,
                struct commit_result *ret, struct err *e)
{
    struct commit_result res = {0};
    AUTO(free) char *file = NULL;
    int r;
    if ((r = find_edit(lk, opt, &res, e)) < 0 || (r = edit_name(plan, opt, &res.name, e)) < 0 ||
        (r = upload_file(lk, opt, &res, &file, e)) < 0 ||
        (r = put_artefacts(lk, plan, &res, e)) < 0 ||
        (r = append_edit(lk, plan, opt, file, &res, e)) < 0) {
        commit_result_done(&res);
        return r;
    }
    struct err late;
    if (lake_tag_edit(lk, res.edit, opt->jobs, opt->progress, opt->progress_arg, &res.tags,
                      &late) < 0) {
        res.tags_pending = true;
        snprintf(res.tags_why, sizeof res.tags_why, "%s", late.text);
    }
    *ret = res;
    return 0;
}

void commit_result_done(struct commit_result *res)
{
    free(res->name);
    free(res->file);
    artefacts_done(&res->artefacts);
    *res = (struct commit_result){0};
}
