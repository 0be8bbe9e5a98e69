/* fs/store/store.h - the interface that everything above speaks: keys, bytes, tags. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_STORE_STORE_H
#define FS_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct store;

#define STORE_KEY_MAX 1024  /* bytes of a key (S3) */
#define STORE_ETAG_MAX 128  /* bytes of an ETag without its quotes, NUL included */
#define STORE_TAGS_MAX 10   /* tags an object may carry (S3) */
#define STORE_TAG_KEY_MAX 128
#define STORE_TAG_VALUE_MAX 256
#define STORE_META_MAX 32 /* metadata that are told of an object: more, and longer ones, are not */
#define STORE_META_KEY_MAX 64
#define STORE_META_VALUE_MAX 256

/* The error codes of every operation, the same for every store:
 *   -ENOENT     no such object
 *   -EEXIST     put with STORE_PUT_IF_ABSENT found one; `*ret` untouched
 *   -ESTALE     the object is no longer the one named by the ETag
 *   -EACCES     the store refuses the credentials or the right
 *   -ENOTDIR    no such bucket, or the lake's directory is gone (never mistaken for -ENOENT)
 *   -EINVAL     a key that this store cannot hold
 *   -ENOSPC     a put or put_tags for which there is no room
 *   -EFBIG      get: longer than the caller bears
 *   -ETIMEDOUT  the store did not answer within the deadline
 *   -ECANCELED  store_read_cancel()
 *   -EBADMSG    an answer that cannot be right
 *   -EIO        anything else
 * A -ETIMEDOUT or -EIO put may have happened or not: the caller looks. */

struct store_stat {
    uint64_t size;
    int64_t mtime_ns; /* nanoseconds since 1970 */
    char etag[STORE_ETAG_MAX];
};

struct store_tag {
    char key[STORE_TAG_KEY_MAX + 1];
    char value[STORE_TAG_VALUE_MAX + 1];
};

struct store_tags {
    size_t n;
    struct store_tag tag[STORE_TAGS_MAX];
};

/* What whoever wrote the object said of it: S3's x-amz-meta-* in lower case and without that
 * beginning; of a file the extended attributes user.*, but for the tags. Values are bytes of
 * anybody's making, terminated. */
struct store_meta {
    size_t n;
    struct {
        char key[STORE_META_KEY_MAX + 1];
        char value[STORE_META_VALUE_MAX + 1];
    } item[STORE_META_MAX];
};

enum store_put_flags {
    STORE_PUT_IF_ABSENT = 1, /* create-if-absent: of any number of writers exactly one wins */
};

/* One object of a listing; a negative return ends the listing with that code. `key` and `st` are
 * borrowed for the call. `key` may hold any byte but NUL. */
typedef int store_list_fn(void *arg, const char *key, const struct store_stat *st, struct err *e);

/* One asynchronous ranged read, embedded in the caller's own structure. The caller fills the first
 * part and leaves the struct and everything it points to alone until done() was called. */
struct store_read {
    const char *key;
    const char *etag;     /* NULL: any version; else a changed object is -ESTALE, never mixed bytes */
    uint64_t offset;
    size_t length;        /* > 0 and within the object */
    char *data;           /* `length` bytes */
    int64_t deadline_ms;  /* clock_mono_ms() at which to give up; 0: the store's default */
    struct store_meta *meta; /* NULL, or filled in by the time that done() says 0 */

    /* Bytes [0, have) of data are there; called in order, from the store's thread; may be NULL.
     * Not called where a failed attempt is tried again: what was reported stays true. */
    void (*progress)(struct store_read *rd, size_t have);
    /* Exactly once. 0: all `length` bytes are there. Called without any lock of the store held, from
     * the store's thread or, before store_read_start() returns, from the caller's. */
    void (*done)(struct store_read *rd, int r, const struct err *e);

    void *store_private;
};

/* What a store has done since it was opened, for who watches it. Counters, but for the last four. */
struct store_stats {
    uint64_t requests;   /* sent, repetitions included */
    uint64_t retries;    /* of them: because an earlier attempt had failed */
    uint64_t hedges;     /* of them: beside one for the same bytes that was slow */
    uint64_t hedge_wins; /* of these: were there first */
    uint64_t bytes;      /* of ranged reads that have arrived, those that came twice included */
    uint64_t cancelled;  /* requests that were ended because nobody wanted them any more */
    uint32_t connections;   /* open */
    uint32_t active;        /* requests under way */
    uint32_t long_reads;    /* how many reads of whole blocks at once are worth while now */
    uint32_t first_byte_us; /* from a request to the first byte of its answer, lately */
};

/* What a store implements. Every slot may be called from any number of threads at once. Keys are
 * relative to the lake's prefix. Slots block, but for read_start and read_cancel. */
struct store_ops {
    int (*head)(struct store *s, const char *key, struct store_stat *ret, struct err *e);
    /* Appends the whole object to `ret`, refusing with -EFBIG one that is longer than `max`. */
    int (*get)(struct store *s, const char *key, size_t max, struct buf *ret, struct store_stat *ret_st,
               struct err *e);
    /* Every object whose key starts with `prefix` and is bytewise greater than `after` ("" for
     * all), in bytewise order. */
    int (*list)(struct store *s, const char *prefix, const char *after, store_list_fn *fn, void *arg,
                struct err *e);
    /* Writes the object whole or not at all and durably. `ret` may be NULL. */
    int (*put)(struct store *s, const char *key, const void *data, size_t n, int flags,
               struct store_stat *ret, struct err *e);
    int (*remove)(struct store *s, const char *key, struct err *e); /* absent: 0 */
    int (*get_tags)(struct store *s, const char *key, struct store_tags *ret, struct err *e);
    /* Replaces all tags. */
    int (*put_tags)(struct store *s, const char *key, const struct store_tags *tags, struct err *e);
    void (*read_start)(struct store *s, struct store_read *rd);
    /* Asks a read to end soon; done() still comes, with -ECANCELED or whatever was first. Harmless
     * at any time between start and the return of done(). */
    void (*read_cancel)(struct store *s, struct store_read *rd);
    /* The address of a key as a timeline would name it: s3://bucket/prefix/key (verbatim) or
     * file:///dir/key (percent-encoded). */
    void (*address)(struct store *s, const char *key, struct buf *ret);
    /* How many blocking calls at once are worth while (threads of a tagging pool). */
    int (*parallel)(struct store *s);
    void (*close)(struct store *s);
    /* NULL where there is nothing to tell. Never blocks. */
    void (*stats)(struct store *s, struct store_stats *ret);
};

/* First member of every store. */
struct store {
    const struct store_ops *ops;
    char *url;   /* canonical lake URL, without credentials: what operators are told */
    char *place; /* the same with the endpoint, where there is one: two lakes of one URL at two
                    endpoints have an index each. NULL: the URL is enough */
};

/* The dispatchers; they also refuse keys over STORE_KEY_MAX, empty ones, and NULL. */
int store_head(struct store *s, const char *key, struct store_stat *ret, struct err *e);
int store_get(struct store *s, const char *key, size_t max, struct buf *ret,
              struct store_stat *ret_st, struct err *e);
int store_list(struct store *s, const char *prefix, const char *after, store_list_fn *fn, void *arg,
               struct err *e);
int store_put(struct store *s, const char *key, const void *data, size_t n, int flags,
              struct store_stat *ret, struct err *e);
int store_remove(struct store *s, const char *key, struct err *e);
int store_get_tags(struct store *s, const char *key, struct store_tags *ret, struct err *e);
int store_put_tags(struct store *s, const char *key, const struct store_tags *tags, struct err *e);
void store_read_start(struct store *s, struct store_read *rd);
void store_read_cancel(struct store *s, struct store_read *rd);
void store_address(struct store *s, const char *key, struct buf *ret);
int store_parallel(struct store *s);
void store_stats(struct store *s, struct store_stats *ret); /* zeros where it has none */
void store_close(struct store *s); /* NULL is fine; no read may be under way */

/* A blocking ranged read over read_start. 0 or a code of the table above. */
int store_read_wait(struct store *s, const char *key, const char *etag, uint64_t offset,
                    size_t length, char *data, struct err *e);
/* The same from the object's start, with its metadata from the same answer. */
int store_read_start_of(struct store *s, const char *key, const char *etag, size_t length,
                        char *data, struct store_meta *ret_meta, struct err *e);

/* Adds one, where it fits into what is told. */
void store_meta_add(struct store_meta *m, const char *key, size_t key_n, const char *value,
                    size_t value_n);
/* The value of the metadatum `key`, or NULL. */
const char *store_meta_get(const struct store_meta *m, const char *key);

static inline void auto_store(struct store **s)
{
    store_close(*s);
}

/* fs/s3/s3_store.c and fs/dir/dir_store.c. `url` is s3://bucket[/prefix] or file:///dir. */
int s3_store_open(const char *url, struct store **ret, struct err *e);
int dir_store_open(const char *url, struct store **ret, struct err *e);

#endif
