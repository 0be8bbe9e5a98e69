/* conform/media_url.h - what the text of a media reference names: scheme, path, last component. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_MEDIA_URL_H
#define CONFORM_MEDIA_URL_H

#include <stdbool.h>

struct err;
struct store;

enum media_url_kind {
    MEDIA_URL_EMPTY,
    MEDIA_URL_S3,    /* s3://bucket/key: every byte of the key stands for itself */
    MEDIA_URL_FILE,  /* file: in any of the forms that applications write */
    MEDIA_URL_PATH,  /* a bare POSIX, Windows or UNC path, absolute or relative */
    MEDIA_URL_HTTP,  /* http(s): the path of it */
    MEDIA_URL_OTHER, /* another scheme: names an entity of some system, not a file */
};

/* Paths have '/' between components. `name` and `alt_name` point into the paths and are "" where
 * the path ends in '/'. The other reading is kept because exporters disagree about percent signs:
 * of a file: URL the text as it stands, of a bare path the decoded text. */
struct media_url {
    enum media_url_kind kind;
    char *path; /* "bucket/key"; "/show/a.exr"; "C:/show/a.exr"; "//host/share/a.exr" */
    const char *name;
    char *alt_path; /* NULL where both readings are the same, and for s3: */
    const char *alt_name;
};

/* Reads `text`. Percent signs are decoded once, '+' stays '+', "%04d" stays a frame notation.
 * -EINVAL: it holds %00. media_url_done() also after a failure. */
int media_url_parse(const char *text, struct media_url *ret, struct err *e);
void media_url_done(struct media_url *u);

/* Decodes percent signs as media_url_parse() does; a stray '%' leaves the text as it is. NULL
 * where nothing changes; else malloc'ed. */
char *media_url_decode(const char *text);

/* The address that every object of the lake starts with, parsed. */
int media_url_of_lake(struct store *store, struct media_url *ret, struct err *e);

/* The key that `u` addresses in the lake (borrowed from `u`), or NULL where it is not in it. In a
 * directory lake a bare absolute path is an address too. */
const char *media_url_key(const struct media_url *u, const struct media_url *lake);

#endif
