/* fs/s3/s3_store.c - struct store over the requests of an S3 store. */
/* SPDX-License-Identifier: MIT */
#include "fs/s3/s3_store.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "fs/s3/s3_cred.h"
#include "fs/s3/s3_engine.h"
#include "fs/s3/s3_keys.h"
#include "fs/s3/s3_list.h"
#include "fs/s3/s3_read.h"
#include "fs/s3/s3_xml.h"
#include "fs/s3/sigv4.h"

#define DEADLINE_MS 30000
#define SLOWEST_BYTES_PER_MS 256 /* long transfers get this much more time */
#define ATTEMPTS 10
#define OPEN_DEADLINE_MS 12000
#define OPEN_ATTEMPTS 3
#define SHORT_READ_BYTES (512u << 10)
#define CONNECTIONS 32
#define CONNECTIONS_LEAST 4
#define SHORT_KEPT 8 /* connections that long reads leave to short ones and to metadata */
#define BULK_LEAST 4 /* near the store: more of them take each other's time */
#define TAGS_DOCUMENT_MAX 65536
#define POLICY_DOCUMENT_MAX (1u << 20)

struct s3_store {
    struct store base;
    struct s3_engine *en;
    char *bucket, *prefix; /* the prefix is "" or ends with '/' */
    unsigned parallel;
};

static struct s3_store *of(struct store *s)
{
    return (struct s3_store *)s;
}

static int64_t deadline_for(size_t bytes)
{
    return clock_mono_ms() + DEADLINE_MS + (int64_t)(bytes / SLOWEST_BYTES_PER_MS);
}

/* The key as the bucket has it; NULL where it would be too long. The caller frees. */
static char *full_key(const struct s3_store *s, const char *key, struct err *e)
{
    if (strlen(s->prefix) + strlen(key) > STORE_KEY_MAX) {
        err_set(e, -EINVAL, "key '%.64s…' is too long below the lake's prefix", key);
        return NULL;
    }
    return xasprintf("%s%s", s->prefix, key);
}

static struct s3_request request(const char *method, const char *full)
{
    return (struct s3_request){
        .method = method,
        .key = full,
        .lane = S3_LANE_META,
        .deadline_ms = deadline_for(0),
        .attempts = ATTEMPTS,
    };
}

static void set_body(struct s3_request *rq, const void *body, size_t n, char hash[SIGV4_HASH_SIZE])
{
    sigv4_hash(body, n, hash);
    rq->body = body;
    rq->body_n = n;
    rq->body_hash = hash;
}

/* A success without ETag, time or length is nothing to build on. */
static int stat_of(const struct s3_answer *a, struct store_stat *ret, struct err *e)
{
    if (a->etag[0] == '\0' || !a->has_mtime || !a->has_length)
        return err_set(e, -EBADMSG, "the store's answer lacks ETag, Last-Modified or length");
    ret->size = a->length;
    ret->mtime_ns = a->mtime_ns;
    memcpy(ret->etag, a->etag, sizeof ret->etag);
    return 0;
}

/* A 404 to HEAD has no document that says what is missing; this finds out. */
static int missing_what(struct s3_store *s, struct err *e)
{
    struct err bucket;
    struct s3_request rq = request("HEAD", "");
    int r = s3_engine_call(s->en, &rq, &bucket);
    if (r == 0)
        return -ENOENT; /* `e` says so already */
    if (e)
        *e = bucket;
    return r;
}

/* Nor has a refusal of HEAD, which may be about credentials that can be renewed: a request whose
 * failure has a document renews them, or tells what is wrong. 0 where HEAD is worth another try. */
static int refused_why(struct s3_store *s, struct err *e)
{
    struct err why;
    int r = s3_list_probe(s->en, s->prefix, deadline_for(0), ATTEMPTS, &why);
    if (r < 0 && e)
        *e = why;
    return r;
}

static int head_full(struct s3_store *s, const char *full, struct store_stat *ret, struct err *e)
{
    struct s3_request rq = request("HEAD", full);
    int r = s3_engine_call(s->en, &rq, e);
    if (r == -EACCES || (r == -EIO && rq.answer.status == 400)) {
        r = refused_why(s, e);
        if (r < 0)
            return r;
        rq = request("HEAD", full);
        r = s3_engine_call(s->en, &rq, e);
    }
    if (r == -ENOENT)
        return missing_what(s, e);
    return r < 0 ? r : stat_of(&rq.answer, ret, e);
}

static int op_head(struct store *st, const char *key, struct store_stat *ret, struct err *e)
{
    AUTO(free) char *full = full_key(of(st), key, e);
    return full ? head_full(of(st), full, ret, e) : -EINVAL;
}

static int get_full(struct s3_store *s, const char *full, size_t max, struct buf *ret,
                    struct store_stat *ret_st, struct err *e)
{
    struct s3_request rq = request("GET", full);
    struct store_stat st;
    size_t before = ret->len;
    rq.sink = ret;
    rq.sink_max = max;
    rq.deadline_ms = deadline_for(max < SIZE_MAX / 2 ? max : 0);
    int r = s3_engine_call(s->en, &rq, e);
    if (r == 0)
        r = stat_of(&rq.answer, &st, e);
    if (r == 0 && st.size != ret->len - before)
        r = err_set(e, -EBADMSG, "the store sent %zu of the %" PRIu64 " bytes of '%.200s'",
                    ret->len - before, st.size, full);
    if (r < 0 && ret->p) {
        ret->len = before;
        ret->p[before] = '\0';
    }
    if (r == 0 && ret_st)
        *ret_st = st;
    return r;
}

static int op_get(struct store *st, const char *key, size_t max, struct buf *ret,
                  struct store_stat *ret_st, struct err *e)
{
    AUTO(free) char *full = full_key(of(st), key, e);
    return full ? get_full(of(st), full, max, ret, ret_st, e) : -EINVAL;
}

static int op_list(struct store *st, const char *prefix, const char *after, store_list_fn *fn,
                   void *arg, struct err *e)
{
    struct s3_store *s = of(st);
    AUTO(free) char *full = full_key(s, prefix, e);
    AUTO(free) char *start = full ? full_key(s, after, e) : NULL;
    if (!start)
        return -EINVAL;
    return s3_list_run(s->en, full, *after ? start : "", strlen(s->prefix), fn, arg, e);
}

/* Writing */

/* A create-if-absent whose first attempt broke off may have made the very object that a later
 * attempt finds there. 0 where the object has our bytes; else -EEXIST, which `e` says already. */
static int was_ours(struct s3_store *s, const char *full, const void *data, size_t n,
                    struct store_stat *ret, struct err *e)
{
    AUTO(buf) struct buf there = {0};
    struct err why;
    int r = get_full(s, full, n, &there, ret, &why);
    if (r == -EFBIG || (r == 0 && (there.len != n || memcmp(buf_str(&there), data, n) != 0)))
        return -EEXIST;
    if (r == -ENOENT) /* made and removed again meanwhile: nobody can tell by whom */
        return err_set(e, -EIO, "whether '%.200s' was written is not known", full);
    if (r < 0 && e)
        *e = why;
    return r;
}

static int op_put(struct store *st, const char *key, const void *data, size_t n, int flags,
                  struct store_stat *ret, struct err *e)
{
    struct s3_store *s = of(st);
    struct store_stat written = {.size = n}, now;
    char hash[SIGV4_HASH_SIZE];
    AUTO(free) char *full = full_key(s, key, e);
    if (!full)
        return -EINVAL;

    struct s3_request rq = request("PUT", full);
    set_body(&rq, n > 0 ? data : "", n, hash);
    rq.content_type = "application/octet-stream";
    rq.if_absent = (flags & STORE_PUT_IF_ABSENT) != 0;
    rq.deadline_ms = deadline_for(n);
    int r = s3_engine_call(s->en, &rq, e);
    if (r == -EEXIST && rq.unclear)
        r = was_ours(s, full, rq.body, n, &written, e);
    else if (r == 0)
        memcpy(written.etag, rq.answer.etag, sizeof written.etag);
    if (r < 0 || !ret)
        return r;

    /* The object is there; what a look at it adds is its time, and what another writer has made
     * of it since is not ours to report. */
    if (written.mtime_ns == 0) {
        r = head_full(s, full, &now, /* e= */ NULL);
        if (r == 0 && (written.etag[0] == '\0' || strcmp(now.etag, written.etag) == 0))
            written = now;
        else
            written.mtime_ns = s3_engine_now_s(s->en) * 1000000000;
    }
    if (written.etag[0] == '\0')
        return err_set(e, -EBADMSG, "the store gives no ETag for '%.200s'", full);
    *ret = written;
    return 0;
}

static int op_remove(struct store *st, const char *key, struct err *e)
{
    AUTO(free) char *full = full_key(of(st), key, e);
    if (!full)
        return -EINVAL;
    struct s3_request rq = request("DELETE", full);
    int r = s3_engine_call(of(st)->en, &rq, e);
    return r == -ENOENT ? 0 : r;
}

/* Tags */

static int op_get_tags(struct store *st, const char *key, struct store_tags *ret, struct err *e)
{
    AUTO(buf) struct buf body = {0};
    AUTO(free) char *full = full_key(of(st), key, e);
    if (!full)
        return -EINVAL;
    struct s3_request rq = request("GET", full);
    rq.query = "tagging=";
    rq.sink = &body;
    rq.sink_max = TAGS_DOCUMENT_MAX;
    int r = s3_engine_call(of(st)->en, &rq, e);
    if (r == -ENODATA) { /* some stores say it so */
        ret->n = 0;
        return 0;
    }
    if (r == -EFBIG)
        return err_set(e, -EBADMSG, "the tags of '%.200s' cannot be read: too long", full);
    return r < 0 ? r : s3_xml_tags_parse(buf_str(&body), body.len, ret, e);
}

static void md5_base64(const struct buf *b, char ret[25])
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    ret[0] = '\0'; /* a library in FIPS mode has no MD5; AWS is the only store that insists */
    if (EVP_Digest(buf_str(b), b->len, hash, &n, EVP_md5(), NULL) == 1 && n == 16)
        EVP_EncodeBlock((unsigned char *)ret, hash, (int)n);
}

static int op_put_tags(struct store *st, const char *key, const struct store_tags *tags,
                       struct err *e)
{
    AUTO(buf) struct buf body = {0};
    char md5[25], hash[SIGV4_HASH_SIZE];
    AUTO(free) char *full = full_key(of(st), key, e);
    if (!full)
        return -EINVAL;
    if (tags->n > STORE_TAGS_MAX)
        return err_set(e, -EINVAL, "an object can have %d tags, not %zu", STORE_TAGS_MAX, tags->n);
    s3_xml_tags_format(tags, &body);
    md5_base64(&body, md5);
    struct s3_request rq = request("PUT", full);
    rq.query = "tagging=";
    set_body(&rq, buf_str(&body), body.len, hash);
    rq.content_type = "application/xml";
    rq.content_md5 = md5[0] ? md5 : NULL;
    return s3_engine_call(of(st)->en, &rq, e);
}

/* Reading */

static void op_read_start(struct store *st, struct store_read *rd)
{
    struct s3_store *s = of(st);
    char etag[STORE_ETAG_MAX];
    struct err e;
    size_t n_prefix = strlen(s->prefix), n_key = strlen(rd->key);

    rd->store_private = NULL;
    if (n_key == 0 || n_prefix + n_key > STORE_KEY_MAX ||
        (rd->etag && s3_xml_etag_parse(rd->etag, strlen(rd->etag), etag) < 0)) {
        int r = err_set(&e, -EINVAL, "no object has the key '%.64s' and this ETag", rd->key);
        rd->done(rd, r, &e);
        return;
    }
    AUTO(buf) struct buf full = {0};
    buf_adds(&full, s->prefix);
    buf_adds(&full, rd->key);
    struct s3_request like = request("GET", buf_str(&full));
    like.lane = rd->length > SHORT_READ_BYTES ? S3_LANE_BULK : S3_LANE_SHORT;
    like.deadline_ms = rd->deadline_ms ? rd->deadline_ms : deadline_for(rd->length);
    s3_read_start(s->en, rd, &like);
}

static void op_read_cancel(struct store *st, struct store_read *rd)
{
    s3_engine_cancel(of(st)->en, &rd->store_private);
}

static void op_stats(struct store *st, struct store_stats *ret)
{
    s3_engine_stats(of(st)->en, ret);
}

/* The rest */

static void op_address(struct store *st, const char *key, struct buf *ret)
{
    buf_addf(ret, "s3://%s/%s%s", of(st)->bucket, of(st)->prefix, key);
}

static int op_parallel(struct store *st)
{
    return (int)of(st)->parallel;
}

static void op_close(struct store *st)
{
    struct s3_store *s = of(st);
    s3_engine_free(s->en);
    free(s->bucket);
    free(s->prefix);
    free(s->base.url);
    free(s->base.place);
    free(s);
}

static const struct store_ops ops = {
    .head = op_head,
    .get = op_get,
    .list = op_list,
    .put = op_put,
    .remove = op_remove,
    .get_tags = op_get_tags,
    .put_tags = op_put_tags,
    .read_start = op_read_start,
    .read_cancel = op_read_cancel,
    .address = op_address,
    .parallel = op_parallel,
    .close = op_close,
    .stats = op_stats,
};

/* Opening */

/* How many connections there may be. */
static int connections_of(const struct s3_store_options *o, unsigned *ret, struct err *e)
{
    const char *text = getenv("SHOTLAKE_CONNECTIONS");
    char *end;
    *ret = o->connections ? o->connections : CONNECTIONS;
    if (o->connections || !text || !*text)
        return 0;
    unsigned long n = strtoul(text, &end, 10);
    if (*end || text[0] < '0' || text[0] > '9' || n < CONNECTIONS_LEAST ||
        n > S3_ENGINE_CONNECTIONS_MAX)
        return err_set(e, -EINVAL,
                       "SHOTLAKE_CONNECTIONS is '%s': it must be a number from %d to %d", text,
                       CONNECTIONS_LEAST, S3_ENGINE_CONNECTIONS_MAX);
    *ret = (unsigned)n;
    return 0;
}

static struct s3_engine_limits limits_of(unsigned connections, unsigned bulk)
{
    unsigned others = connections >= 4 * SHORT_KEPT ? SHORT_KEPT : (connections + 3) / 4;
    if (bulk == 0)
        bulk = connections - others;
    return (struct s3_engine_limits){
        .connections = connections,
        .bulk = bulk,
        .bulk_least = bulk < BULK_LEAST ? bulk : BULK_LEAST,
    };
}

static int start_engine(struct s3_store *s, const struct s3_store_options *o, struct err *e)
{
    struct s3_cred *cred;
    struct s3_request_site site = {0};
    unsigned connections;
    int r = connections_of(o, &connections, e);
    if (r == 0)
        r = s3_cred_open(&cred, e);
    if (r < 0)
        return r;
    struct s3_engine_limits limits = limits_of(connections, o->bulk_reads);
    r = s3_url_site_init(&site.url, s3_cred_endpoint(cred), s3_cred_region(cred), s->bucket, e);
    if (r < 0) {
        s3_cred_close(cred);
        return r;
    }
    if (s3_cred_endpoint(cred))
        s->base.place = xasprintf("%s %s", s->base.url, s3_cred_endpoint(cred));
    site.bucket = xstrdup(s->bucket);
    site.region = xstrdup(s3_cred_region(cred));
    site.ca_bundle = s3_cred_ca_bundle(cred) ? xstrdup(s3_cred_ca_bundle(cred)) : NULL;
    return s3_engine_new(site, cred, &limits, &s->en, e);
}

int s3_store_open_with(const char *url, const struct s3_store_options *options, struct store **ret,
                       struct err *e)
{
    static const struct s3_store_options defaults;
    const struct s3_store_options *o = options ? options : &defaults;
    AUTO(store) struct store *guard = NULL;
    struct err local;
    if (!e)
        e = &local; /* err_wrap needs one */

    struct s3_store *s = xcalloc(1, sizeof *s);
    s->base.ops = &ops;
    guard = &s->base;
    s->parallel = o->parallel ? o->parallel : 12;
    int r = s3_url_parse_lake(url, &s->bucket, &s->prefix, e);
    if (r < 0)
        return r;
    size_t n = strlen(s->prefix);
    s->base.url =
        xasprintf("s3://%s%s%.*s", s->bucket, n > 0 ? "/" : "", n > 0 ? (int)n - 1 : 0, s->prefix);
    r = start_engine(s, o, e);
    if (r == 0)
        r = s3_list_probe(s->en, s->prefix, clock_mono_ms() + OPEN_DEADLINE_MS, OPEN_ATTEMPTS, e);
    if (r < 0)
        return err_wrap(e, "lake '%s'", s->base.url);
    *ret = TAKE(guard);
    return 0;
}

int s3_store_open(const char *url, struct store **ret, struct err *e)
{
    return s3_store_open_with(url, /* options= */ NULL, ret, e);
}

int s3_presign_get(struct store *st, const char *key, int expires_s, struct buf *ret, struct err *e)
{
    struct s3_store *s = of(st);
    const struct s3_request_site *site = s3_engine_site(s->en);
    char time[SIGV4_TIME_SIZE];
    AUTO(buf) struct buf url = {0}, target = {0};
    assert(st->ops == &ops);
    if (expires_s < 1 || expires_s > S3_PRESIGN_MAX_S)
        return err_set(e, -EINVAL, "a presigned URL lives for 1 to %d seconds", S3_PRESIGN_MAX_S);
    AUTO(free) char *full = *key ? full_key(s, key, e) : NULL;
    if (!full)
        return *key ? -EINVAL : err_set(e, -EINVAL, "an empty key names no object");

    size_t at = s3_url_build(&site->url, full, "", &url);
    buf_adds(&target, buf_str(&url) + at);
    sigv4_time(s3_engine_now_s(s->en), time);
    AUTO(s3_keys) struct s3_keys *keys = s3_cred_take(s3_engine_cred(s->en));
    struct sigv4_header host = {"host", site->url.host};
    struct sigv4_request rq = {
        .method = "GET",
        .headers = &host,
        .n_headers = 1,
        .payload = SIGV4_UNSIGNED_PAYLOAD,
    };
    struct sigv4_signer by = {
        .key_id = keys->id,
        .secret = keys->secret,
        .region = site->region,
        .service = "s3",
        .time = time,
    };
    sigv4_presign(&rq, &by, keys->token, expires_s, &target);
    buf_add(ret, buf_str(&url), at);
    buf_adds(ret, buf_str(&target));
    return 0;
}

/* The bucket's policy */

int s3_policy_get(struct store *st, struct buf *ret, struct err *e)
{
    assert(st->ops == &ops);
    struct s3_request rq = request("GET", "");
    rq.query = "policy=";
    rq.sink = ret;
    rq.sink_max = POLICY_DOCUMENT_MAX;
    int r = s3_engine_call(of(st)->en, &rq, e);
    return r == -ENODATA ? 0 : r;
}

int s3_policy_put(struct store *st, const char *policy, size_t n, struct err *e)
{
    char hash[SIGV4_HASH_SIZE];
    assert(st->ops == &ops);
    struct s3_request rq = request(n > 0 ? "PUT" : "DELETE", "");
    rq.query = "policy=";
    if (n > 0) {
        set_body(&rq, policy, n, hash);
        rq.content_type = "application/json";
    }
    int r = s3_engine_call(of(st)->en, &rq, e);
    return r == -ENODATA && n == 0 ? 0 : r;
}

const char *s3_store_bucket(struct store *st)
{
    assert(st->ops == &ops);
    return of(st)->bucket;
}

const char *s3_store_prefix(struct store *st)
{
    assert(st->ops == &ops);
    return of(st)->prefix;
}
