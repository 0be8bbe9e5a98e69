/* conform/location.c - how a manifest names an object of the lake, and reading that back. */
/* SPDX-License-Identifier: MIT */
#include "conform/location.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/codec.h"
#include "base/err.h"
#include "conform/media_url.h"
#include "conform/otio_read.h"
#include "conform/reference.h"
#include "conform/sequence.h"
#include "fs/store/store.h"

#define RELATIVE_ROOT "../../"

int location_parse_urls(const char *text, enum location_urls *ret, struct err *e)
{
    static const char *const names[] = {
        [LOCATION_S3] = "s3",
        [LOCATION_MOUNT] = "mount",
        [LOCATION_FILE] = "file",
        [LOCATION_RELATIVE] = "relative",
    };
    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *ret = (enum location_urls)i;
            return 0;
        }
    return err_set(e, -EINVAL, "--urls takes s3, mount, file or relative");
}

int location_check_root(const char *root, struct err *e)
{
    size_t n = strlen(root);
    if (*root != '/' || n > LOCATION_ROOT_MAX || !utf8_is_valid(root, n))
        return err_set(e, -EINVAL, "--mount-root takes an absolute path of up to %d bytes of UTF-8",
                       LOCATION_ROOT_MAX);
    for (const char *s = root; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return err_set(e, -EINVAL, "--mount-root has a control character");
    return 0;
}

int location_check_style(const struct location_style *style, struct err *e)
{
    if (style->root && style->urls != LOCATION_MOUNT && style->urls != LOCATION_FILE)
        return err_set(e, -EINVAL, "--mount-root belongs to --urls mount and --urls file");
    return 0;
}

/* The mount's path without a '/' at its end. */
static char *root_of(const struct location_style *style)
{
    char *root = xstrdup(style->root ? style->root : LOCATION_ROOT);
    for (size_t n = strlen(root); n > 0 && root[n - 1] == '/'; n--)
        root[n - 1] = '\0';
    return root;
}

void location_address(struct store *store, const struct location_style *style, const char *key,
                      struct buf *ret)
{
    AUTO(free) char *root = root_of(style);
    AUTO(free) char *path = xasprintf("%s/%s", root, key);
    switch (style->urls) {
    case LOCATION_S3:
        store_address(store, key, ret);
        return;
    case LOCATION_MOUNT:
        buf_adds(ret, path);
        return;
    case LOCATION_FILE:
        buf_adds(ret, "file://");
        percent_encode(ret, path, strlen(path), /* keep_slash= */ true);
        return;
    case LOCATION_RELATIVE:
        buf_addf(ret, RELATIVE_ROOT "%s", key);
        return;
    }
}

static void add_name(const struct sequence *s, struct buf *ret)
{
    buf_addf(ret, "%s%%0%dd%s", s->prefix, s->pad > 0 ? s->pad : 1, s->suffix);
}

void location_pattern(const char *key, const struct sequence *s, struct buf *ret)
{
    const char *slash = strrchr(key, '/');
    buf_add(ret, key, slash ? (size_t)(slash + 1 - key) : 0);
    add_name(s, ret);
}

json_t *location_metadata(json_t *ref)
{
    json_t *metadata = json_object_get(ref, "metadata");
    if (!json_is_object(metadata)) {
        json_object_set_new(ref, "metadata", json_object());
        metadata = json_object_get(ref, "metadata");
    }
    json_t *ours = json_object_get(metadata, "shotlake");
    if (!json_is_object(ours)) {
        json_object_set_new(metadata, "shotlake", json_object());
        ours = json_object_get(metadata, "shotlake");
    }
    return ours;
}

static bool is_file_url(const char *address)
{
    return strncmp(address, "file:", 5) == 0;
}

static void set_part(json_t *ref, const char *key, const char *text, bool encode)
{
    struct buf b __attribute__((cleanup(auto_buf))) = {0};
    if (encode)
        percent_encode(&b, text, strlen(text), /* keep_slash= */ false);
    else
        buf_adds(&b, text);
    json_object_set_new(ref, key, json_stringn(buf_str(&b), b.len));
}

/* OpenTimelineIO joins base, prefix, number and suffix as they stand: where addresses are
 * percent-encoded all of them are. */
void location_set_address(json_t *ref, const char *address, const struct sequence *s)
{
    if (!s) {
        json_object_set_new(ref, "target_url", json_string(address));
        return;
    }
    const char *slash = strrchr(address, '/');
    json_object_set_new(ref, "target_url_base",
                        json_stringn(address, slash ? (size_t)(slash + 1 - address) : 0));
    set_part(ref, "name_prefix", s->prefix, is_file_url(address));
    set_part(ref, "name_suffix", s->suffix, is_file_url(address));
}

void location_set_key(json_t *ref, const struct location_style *style, const char *key)
{
    json_t *ours = location_metadata(ref);
    json_object_set_new(ours, "key", json_string(key));
    if (style->urls == LOCATION_MOUNT || style->urls == LOCATION_FILE) {
        AUTO(free) char *root = root_of(style);
        json_object_set_new(ours, "root", json_string(root));
    } else {
        json_object_del(ours, "root");
    }
}

/* ---- reading it back ------------------------------------------------------------------------- */

/* The file name of a sequence as location_pattern() has it, in one of two readings. False: it has
 * no such name. */
static bool sequence_of(const json_t *ref, bool decode, struct sequence *ret)
{
    struct err ignored;
    if (sequence_parse_reference(ref, ret, &ignored) < 0)
        return false;
    char *prefix = decode ? media_url_decode(ret->prefix) : NULL;
    char *suffix = decode ? media_url_decode(ret->suffix) : NULL;
    if (prefix) {
        free(ret->prefix);
        ret->prefix = prefix;
    }
    if (suffix) {
        free(ret->suffix);
        ret->suffix = suffix;
    }
    return !strchr(ret->prefix, '/') && !strchr(ret->suffix, '/');
}

/* Where a reference says that its media is, as one path with the pattern of a sequence for the
 * frames. */
static bool path_of(const json_t *ref, struct buf *ret)
{
    bool is_sequence = otio_schema_is(ref, "ImageSequenceReference");
    const char *url = otio_string(ref, is_sequence ? "target_url_base" : "target_url");
    struct media_url u;
    struct sequence s = {0};
    struct err ignored;
    if (!url || otio_schema_is(ref, "MissingReference"))
        return false;
    bool ok = true;
    if (is_file_url(url)) {
        ok = media_url_parse(url, &u, &ignored) == 0;
        buf_adds(ret, ok ? u.path : "");
        media_url_done(&u);
    } else {
        buf_adds(ret, url);
    }
    if (ok && is_sequence) {
        if (ret->len > 0 && ret->p[ret->len - 1] != '/')
            buf_addc(ret, '/');
        ok = sequence_of(ref, is_file_url(url), &s);
        if (ok)
            add_name(&s, ret);
        sequence_done(&s);
    }
    return ok;
}

const char *location_key(const json_t *ref)
{
    struct buf path __attribute__((cleanup(auto_buf))) = {0};
    const json_t *ours = json_object_get(json_object_get(ref, "metadata"), "shotlake");
    const char *key = otio_string(ours, "key"), *root = otio_string(ours, "root");
    if (!key || !path_of(ref, &path) || path.len <= strlen(key))
        return NULL;
    size_t before = path.len - strlen(key);
    if (strcmp(path.p + before, key) != 0 || path.p[before - 1] != '/')
        return NULL;
    if (strchr(key, '/'))
        return key;
    /* a file name alone says little: only where nothing else can be meant */
    path.p[before] = '\0';
    if (strcmp(path.p, RELATIVE_ROOT) == 0)
        return key;
    path.p[before - 1] = '\0';
    return root && strcmp(path.p, root) == 0 ? key : NULL;
}

const char *location_root(const json_t *ref)
{
    struct buf path __attribute__((cleanup(auto_buf))) = {0};
    const json_t *ours = json_object_get(json_object_get(ref, "metadata"), "shotlake");
    const char *root = otio_string(ours, "root");
    size_t n = root ? strlen(root) : 0;
    if (!root || !path_of(ref, &path))
        return NULL;
    return path.len > n && strncmp(path.p, root, n) == 0 && path.p[n] == '/' ? root : NULL;
}

const json_t *location_original(const json_t *ref)
{
    struct buf path __attribute__((cleanup(auto_buf))) = {0};
    const json_t *ours = json_object_get(json_object_get(ref, "metadata"), "shotlake");
    const json_t *original = reference_original(ref);
    const char *key = otio_string(ours, "key");
    if (!original || otio_schema_is(ref, "MissingReference"))
        return original;
    if (!key || !path_of(ref, &path) || path.len < strlen(key))
        return NULL;
    size_t before = path.len - strlen(key);
    bool own = strcmp(path.p + before, key) == 0 && (before == 0 || path.p[before - 1] == '/');
    return own ? original : NULL;
}

/* The key of what is an address of the store itself; free(). */
static char *key_at_store(const json_t *ref, struct store *store)
{
    bool is_sequence = otio_schema_is(ref, "ImageSequenceReference");
    const char *url = otio_string(ref, is_sequence ? "target_url_base" : "target_url");
    struct media_url u = {0}, lake = {0};
    struct buf key __attribute__((cleanup(auto_buf))) = {0};
    struct sequence s = {0};
    struct err ignored;
    if (!url || otio_schema_is(ref, "MissingReference"))
        return NULL;
    const char *at = NULL;
    if (media_url_of_lake(store, &lake, &ignored) == 0 && media_url_parse(url, &u, &ignored) == 0)
        at = media_url_key(&u, &lake);
    buf_adds(&key, at ? at : "");
    if (at && is_sequence) {
        if (key.len > 0 && key.p[key.len - 1] != '/')
            buf_addc(&key, '/');
        if (sequence_of(ref, is_file_url(url), &s))
            add_name(&s, &key);
        else
            at = NULL;
    }
    sequence_done(&s);
    media_url_done(&u);
    media_url_done(&lake);
    return at && key.len > 0 && key.p[key.len - 1] != '/' ? buf_take(&key) : NULL;
}

json_t *location_moved(const json_t *ref, struct store *store, const struct location_style *style)
{
    struct buf address __attribute__((cleanup(auto_buf))) = {0};
    const char *stated = location_key(ref);
    AUTO(free) char *key = stated ? xstrdup(stated) : key_at_store(ref, store);
    bool is_sequence = otio_schema_is(ref, "ImageSequenceReference");
    struct sequence s = {0};
    if (!key)
        return NULL;
    const char *url = otio_string(ref, is_sequence ? "target_url_base" : "target_url");
    json_t *moved = json_deep_copy(ref);
    if (is_sequence) {
        sequence_of(ref, is_file_url(url), &s); /* has been read for its key already */
        char *name = strrchr(key, '/') ? strrchr(key, '/') + 1 : key;
        AUTO(free) char *folder = xstrndup(key, (size_t)(name - key));
        location_address(store, style, folder, &address);
    } else {
        location_address(store, style, key, &address);
    }
    location_set_address(moved, buf_str(&address), is_sequence ? &s : NULL);
    if (!json_equal(moved, ref))
        location_set_key(moved, style, key);
    sequence_done(&s);
    return moved;
}
