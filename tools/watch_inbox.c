/* tools/watch_inbox.c - cuts dropped into the lake itself, directly below ShotLocker/Edits/. */
/* SPDX-License-Identifier: MIT */
#include "tools/watch.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "conform/bundle.h"
#include "conform/conform.h"
#include "conform/edit_format.h"
#include "fs/lake/lake.h"
#include "policy/hash.h"

#define LIST_SKIP 1000 /* keys of a folder that are read before the rest of it is jumped over */

struct inbox {
    struct watch_place pub; /* first */
    struct store *store;    /* the lake's */
};

static struct store *store_of(struct watch_place *p)
{
    return ((struct inbox *)p)->store;
}

static char *key_of(const char *folder, const char *name)
{
    return xasprintf(LAKE_EDITS_PREFIX "%s%s%s", folder, *folder ? "/" : "", name);
}

/* ---- looking --------------------------------------------------------------------------------- */

static void look_of(const struct store_stat *st, struct settle_look *ret)
{
    uint8_t hash[SHA256_SIZE];
    *ret = (struct settle_look){.size = st->size, .mtime_ns = st->mtime_ns};
    hash_sha256(st->etag, strlen(st->etag), hash); /* an ETag stands for the bytes */
    memcpy(&ret->id, hash, sizeof ret->id);
}

struct listing {
    struct settle *settle;
    struct buf folder; /* the one that the last keys were in, with its '/'; "" for none */
    int in_folder;
    bool jump;
};

static int on_key(void *arg, const char *key, const struct store_stat *st, struct err *e)
{
    struct listing *l = arg;
    const char *name = key + strlen(LAKE_EDITS_PREFIX), *slash = strchr(name, '/');
    if (!slash) {
        struct settle_look look;
        look_of(st, &look);
        if (settle_is_cut(name, /* is_dir= */ false))
            settle_see(l->settle, name, &look);
        return 0;
    }
    size_t n = (size_t)(slash - name) + 1;
    if (l->folder.len != n || memcmp(buf_str(&l->folder), name, n) != 0) {
        buf_clear(&l->folder);
        buf_add(&l->folder, name, n);
        l->in_folder = 0;
    }
    if (++l->in_folder != LIST_SKIP) /* what is left after a jump is gone through */
        return 0;
    l->jump = true;
    return err_set(e, -ECANCELED, "the rest of this folder does not matter");
}

/* A listing goes through every edit's folder as well, which is some keys each. done/ may have
 * thousands: of a folder of that size the rest is jumped over. */
static int inbox_look(struct watch_place *p, struct err *e)
{
    AUTO(buf) struct buf after = {0};
    struct listing l = {.settle = p->settle};
    settle_begin(p->settle);
    int r;
    do {
        l.jump = false;
        r = store_list(store_of(p), LAKE_EDITS_PREFIX, buf_str(&after), on_key, &l, e);
        buf_clear(&after);
        /* the last character that a key can begin its next part with */
        buf_addf(&after, LAKE_EDITS_PREFIX "%s\xf4\x8f\xbf\xbf", buf_str(&l.folder));
    } while (l.jump);
    buf_done(&l.folder);
    return r;
}

/* ---- one cut --------------------------------------------------------------------------------- */

/* Of a zip bundle the timeline is conformed, and the whole of it moved. */
static int unpack(struct dropped *cut, struct err *e)
{
    size_t stem = strlen(cut->name);
    if (edit_format_of(buf_str(&cut->data), cut->data.len, cut->name) != EDIT_FORMAT_ZIP)
        return 0;
    cut->raw = cut->data;
    cut->data = (struct buf){0};
    const char *dot = strrchr(cut->name, '.');
    free(cut->file);
    cut->file = xasprintf("%.*s.otio", (int)(dot ? (size_t)(dot - cut->name) : stem), cut->name);
    int r = bundle_read(cut->raw.p, cut->raw.len, &cut->data, e);
    if (r == -EBADMSG || r == -EFBIG) {
        buf_done(&cut->data);
        cut->refused = xstrdup(e->text);
        return 0;
    }
    return r;
}

static const struct buf *bytes_of(const struct dropped *cut)
{
    return cut->raw.p ? &cut->raw : &cut->data;
}

static int inbox_fetch(struct watch_place *p, const char *name, const struct settle_look *look,
                       struct dropped *ret, struct err *e)
{
    AUTO(dropped) struct dropped cut = {.name = xstrdup(name), .file = xstrdup(name)};
    AUTO(free) char *key = key_of("", name);
    struct store_stat st;
    int r = store_get(store_of(p), key, CONFORM_FILE_MAX, &cut.data, &st, e);
    if (r == -EFBIG) {
        buf_done(&cut.data);
        cut.refused = xasprintf("it has more than %u bytes", CONFORM_FILE_MAX);
        r = store_head(store_of(p), key, &st, e);
    }
    if (r < 0)
        return r;
    look_of(&st, &cut.look);
    if (cut.look.size != look->size || cut.look.id != look->id)
        return -EAGAIN;
    snprintf(cut.etag, sizeof cut.etag, "%s", st.etag);
    if (!cut.refused && (r = unpack(&cut, e)) < 0)
        return r;
    *ret = cut;
    cut = (struct dropped){0};
    return 0;
}

static int inbox_is_there(struct watch_place *p, const struct dropped *cut, struct err *e)
{
    AUTO(free) char *key = key_of("", cut->name);
    struct store_stat st;
    int r = store_head(store_of(p), key, &st, e);
    if (r == -ENOENT)
        return 0;
    return r < 0 ? r : strcmp(st.etag, cut->etag) == 0;
}

static int inbox_can_finish(struct watch_place *p, struct err *e)
{
    (void)p, (void)e; /* the store says so when it is asked to */
    return 0;
}

static int inbox_report(struct watch_place *p, const char *name, const struct buf *text,
                        struct err *e)
{
    AUTO(buf) struct buf to = {0};
    watch_report_name(name, &to);
    AUTO(free) char *key = key_of("", buf_str(&to));
    return store_put(store_of(p), key, buf_str(text), text->len, 0, NULL, e);
}

/* Is it the copy of this cut that a watcher made who ended before it could remove the cut? */
static int is_copy(struct store *s, const char *key, const struct dropped *cut, struct err *e)
{
    AUTO(buf) struct buf data = {0};
    const struct buf *own = bytes_of(cut);
    int r = store_get(s, key, CONFORM_FILE_MAX, &data, NULL, e);
    if (r == -ENOENT || r == -EFBIG)
        return 0;
    return r < 0 ? r : data.len == own->len && memcmp(buf_str(&data), buf_str(own), own->len) == 0;
}

static int copy_to(struct store *s, const struct dropped *cut, const char *folder, char **ret,
                   struct err *e)
{
    const struct buf *own = bytes_of(cut);
    for (int turn = 0; turn < WATCH_TURNS; turn++) {
        AUTO(buf) struct buf moved = {0};
        watch_moved_name(cut->name, turn, &moved);
        AUTO(free) char *key = key_of(folder, buf_str(&moved));
        int r = store_put(s, key, buf_str(own), own->len, STORE_PUT_IF_ABSENT, NULL, e);
        if (r == -EEXIST && (r = is_copy(s, key, cut, e)) == 0)
            continue;
        if (r < 0)
            return r;
        *ret = buf_take(&moved);
        return 0;
    }
    return err_set(e, -EEXIST, "'" LAKE_EDITS_PREFIX "%s/' is full of objects of the name '%s'",
                   folder, cut->name);
}

static int inbox_finish(struct watch_place *p, const struct dropped *cut, const char *folder,
                        char **ret, struct err *e)
{
    AUTO(free) char *moved = NULL, *key = key_of("", cut->name);
    int r = inbox_is_there(p, cut, e);
    if (r <= 0) {
        struct store_stat st;
        return r < 0 ? r : store_head(store_of(p), key, &st, e) == -ENOENT ? 0 : -EAGAIN;
    }
    if (bytes_of(cut)->len == 0) /* no bytes to copy: it stays, and its report with it */
        return 0;
    if ((r = copy_to(store_of(p), cut, folder, &moved, e)) < 0)
        return r;
    /* A store has no "remove if it is still that": the moment between looking and removing is as
     * short as it can be. */
    r = inbox_is_there(p, cut, e);
    if (r == 0)
        return -EAGAIN;
    if (r < 0 || (r = store_remove(store_of(p), key, e)) < 0)
        return r;
    *ret = TAKE(moved);
    return 0;
}

static int inbox_wake_fd(struct watch_place *p)
{
    (void)p;
    return -1;
}

static bool inbox_woken(struct watch_place *p)
{
    (void)p;
    return false;
}

static void inbox_close(struct watch_place *p)
{
    free(p);
}

int watch_inbox_open(struct lake *lk, int64_t quiet_ms, struct watch_place **ret, struct err *e)
{
    static const struct watch_place_ops ops = {
        .look = inbox_look,
        .fetch = inbox_fetch,
        .is_there = inbox_is_there,
        .can_finish = inbox_can_finish,
        .report = inbox_report,
        .finish = inbox_finish,
        .wake_fd = inbox_wake_fd,
        .woken = inbox_woken,
        .close = inbox_close,
    };
    (void)e;
    /* An object of an S3 store is whole when it is there; a file of a directory may grow. */
    bool whole = strncmp(lk->store->url, "s3://", 5) == 0;
    struct inbox *in = xcalloc(1, sizeof *in);
    in->pub = (struct watch_place){.ops = &ops, .kind = "inbox", .in_lake = true,
                                   .where = xasprintf("%s/" LAKE_EDITS_PREFIX, lk->store->url),
                                   .settle = settle_new(whole ? 0 : quiet_ms)};
    in->store = lk->store;
    *ret = &in->pub;
    return 0;
}
