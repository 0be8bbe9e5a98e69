/* conform/location.h - how a manifest names an object of the lake, and reading that back. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_LOCATION_H
#define CONFORM_LOCATION_H

#include <stdbool.h>

#include <jansson.h>

struct buf;
struct err;
struct sequence;
struct store;

/* Applications read different forms of address. */
enum location_urls {
    LOCATION_S3,       /* the store's own: s3://bucket/key, or file: in a directory lake */
    LOCATION_MOUNT,    /* a bare path below the mount: Resolve, Kdenlive */
    LOCATION_FILE,     /* file:///mount/key, percent-encoded: Premiere, Hiero, RV */
    LOCATION_RELATIVE, /* from the edit's folder in the mount, /edits/NAME/: ../../key */
};

#define LOCATION_ROOT "/mnt/lake"
#define LOCATION_ROOT_MAX 1024

struct location_style {
    enum location_urls urls;
    const char *root; /* where the lake is mounted; NULL: LOCATION_ROOT */
};

/* Reads "s3", "mount", "file" or "relative"; -EINVAL with a sentence. */
int location_parse_urls(const char *text, enum location_urls *ret, struct err *e);
/* -EINVAL: not an absolute path that every application could be given. */
int location_check_root(const char *root, struct err *e);
/* -EINVAL: a mount's root for addresses that have none. */
int location_check_style(const struct location_style *style, struct err *e);

/* Appends the address of a key, or of a folder's key ("show/a/", or "" for the lake itself). */
void location_address(struct store *store, const struct location_style *style, const char *key,
                      struct buf *ret);

/* Appends the key that stands for frames: "show/a/plate.%04d.exr". `key` is that of any of them. */
void location_pattern(const char *key, const struct sequence *s, struct buf *ret);

/* Sets what says where the media is: an ExternalReference's target_url or (a pattern; `s` not NULL)
 * an ImageSequenceReference's base, prefix and suffix; in metadata.shotlake "key" and, where the
 * address has it, the mount's "root". */
void location_set_address(json_t *ref, const char *address, const struct sequence *s);
void location_set_key(json_t *ref, const struct location_style *style, const char *key);

/* metadata.shotlake of a reference, made where it is not there. Borrowed. */
json_t *location_metadata(json_t *ref);

/* The key in metadata.shotlake, where the reference's address still ends in it: an application that
 * relinks a clip leaves the metadata as it was. NULL: none, or another. Borrowed. It is what the
 * file says, no more: whether there is such an object, and whose it is, is for the caller to ask. */
const char *location_key(const json_t *ref);

/* reference_original(), where it is of this media: an application that relinked the reference since
 * has left it there. Borrowed; NULL: none. */
const json_t *location_original(const json_t *ref);

/* The mount's path in metadata.shotlake, where the reference's address is still below it; NULL else.
 * Borrowed. */
const char *location_root(const json_t *ref);

/* The same reference at another address: a new object, or NULL where its place in the lake is not
 * known. References that a manifest left alone because they were addresses of `store` have one. */
json_t *location_moved(const json_t *ref, struct store *store, const struct location_style *style);

#endif
