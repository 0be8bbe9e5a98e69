/* fs/s3/s3_request.c - one request and one attempt at it: send, receive, verify, classify. */
/* SPDX-License-Identifier: MIT */
#include "fs/s3/s3_request.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fs/s3/s3_keys.h"
#include "fs/s3/sigv4.h"

#define ERROR_BODY_MAX 16384
#define RECEIVE_BUFFER_BYTES (256L << 10)
#define CONNECT_TIMEOUT_MS 3000L
#define LOW_SPEED_BYTES 1024L
#define LOW_SPEED_S 15L
#define HEADERS_MAX 10

/* Sending */

/* The headers of an attempt; all of them are signed. */
struct head {
    struct sigv4_header header[HEADERS_MAX];
    size_t n;
};

static void head_add(struct head *h, const char *name, const char *value)
{
    assert(h->n < HEADERS_MAX);
    h->header[h->n++] = (struct sigv4_header){name, value};
}

static void list_add(struct curl_slist **list, const char *name, const char *value)
{
    AUTO(buf) struct buf line = {0};
    buf_addf(&line, "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(*list, buf_str(&line));
    assert(longer);
    *list = longer;
    OPENSSL_cleanse(line.p, line.len); /* it may be the session token */
}

/* Signs `h` and makes it the header list of the attempt. */
static void set_headers(struct s3_request *rq, const struct head *h, const char *target,
                        const char *hash, const char *time, const struct s3_request_site *site)
{
    AUTO(buf) struct buf authorization = {0};
    struct sigv4_request q = {
        .method = rq->method,
        .target = target,
        .headers = h->header,
        .n_headers = h->n,
        .payload = hash,
    };
    struct sigv4_signer by = {
        .key_id = rq->keys->id,
        .secret = rq->keys->secret,
        .region = site->region,
        .service = "s3",
        .time = time,
    };
    sigv4_authorization(&q, &by, &authorization);
    for (size_t i = 1; i < h->n; i++) /* the first is Host, which curl derives from the same URL */
        list_add(&rq->headers, h->header[i].name, h->header[i].value);
    list_add(&rq->headers, "Authorization", buf_str(&authorization));
    struct curl_slist *longer = curl_slist_append(rq->headers, "Expect:"); /* no 100-continue */
    assert(longer);
    rq->headers = longer;
    curl_easy_setopt(rq->curl, CURLOPT_HTTPHEADER, rq->headers);
}

static void sign(struct s3_request *rq, const char *target, const struct s3_request_site *site)
{
    char time[SIGV4_TIME_SIZE];
    const char *hash = rq->body ? rq->body_hash : SIGV4_EMPTY_HASH;
    AUTO(buf) struct buf range = {0}, match = {0};
    struct head h = {0};
    const char *if_match = rq->if_match ? rq->if_match : rq->have > 0 ? rq->pin : NULL;

    sigv4_time(rq->signed_s, time);
    head_add(&h, "Host", site->url.host);
    head_add(&h, "x-amz-date", time);
    head_add(&h, "x-amz-content-sha256", hash);
    if (rq->keys->token)
        head_add(&h, "x-amz-security-token", rq->keys->token);
    if (rq->data) {
        buf_addf(&range, "bytes=%" PRIu64 "-%" PRIu64, rq->offset + rq->have,
                 rq->offset + rq->length - 1);
        head_add(&h, "Range", buf_str(&range));
    }
    if (if_match) {
        buf_addf(&match, "\"%s\"", if_match);
        head_add(&h, "If-Match", buf_str(&match));
    }
    if (rq->if_absent)
        head_add(&h, "If-None-Match", "*");
    if (rq->content_type)
        head_add(&h, "Content-Type", rq->content_type);
    if (rq->content_md5)
        head_add(&h, "Content-MD5", rq->content_md5);
    set_headers(rq, &h, target, hash, time, site);
}

static void set_method(struct s3_request *rq)
{
    CURL *c = rq->curl;
    if (strcmp(rq->method, "HEAD") == 0) {
        curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    } else if (strcmp(rq->method, "PUT") == 0) {
        /* From memory, so that curl can rewind it by itself. */
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body_n);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, rq->body);
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, "PUT");
    } else if (strcmp(rq->method, "GET") != 0) {
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, rq->method);
    }
    /* On a reused connection that turns out dead, curl sends a request again without telling.
     * A create-if-absent that wins unheard would then be told that the object exists. */
    if (rq->if_absent)
        curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
}

static size_t on_header(char *line, size_t size, size_t n, void *arg);
static size_t on_body(char *data, size_t size, size_t n, void *arg);

static void set_transport(struct s3_request *rq, const struct s3_request_site *site)
{
    CURL *c = rq->curl;
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L); /* "." and ".." are ordinary bytes of a key */
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L); /* a cancelled lookup of a name is not awaited */
    curl_easy_setopt(c, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(c, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER_BYTES);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED_BYTES);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, LOW_SPEED_S);
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "shotlake");
    if (site->ca_bundle)
        curl_easy_setopt(c, CURLOPT_CAINFO, site->ca_bundle);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, rq);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, rq);
    curl_easy_setopt(c, CURLOPT_PRIVATE, rq);
}

void s3_request_begin(struct s3_request *rq, CURL *c, const struct s3_request_site *site,
                      struct s3_keys *keys, int64_t now_s)
{
    AUTO(buf) struct buf url = {0};
    size_t target = s3_url_build(&site->url, rq->key, rq->query ? rq->query : "", &url);

    rq->curl = c;
    rq->keys = s3_keys_ref(keys);
    rq->signed_s = now_s;
    rq->answer = (struct s3_answer){.meta = rq->meta};
    rq->headers_over = false;
    rq->refusal = 0;
    if (rq->filled && rq->have < *rq->filled)
        rq->have = *rq->filled;
    assert(!rq->data || rq->have < rq->length);
    rq->begun_at = rq->have;
    if (rq->sink && rq->sink->len > rq->sink_start) { /* what a broken attempt left */
        rq->sink->len = rq->sink_start;
        rq->sink->p[rq->sink->len] = '\0';
    }
    curl_easy_reset(c);
    set_transport(rq, site);
    set_method(rq);
    curl_easy_setopt(c, CURLOPT_URL, buf_str(&url)); /* curl copies it */
    sign(rq, buf_str(&url) + target, site);
}

/* Receiving */

static void refuse(struct s3_request *rq, int r, enum retry_class class, const char *why)
{
    rq->refusal =
        err_set(&rq->last, r, "the store's answer to %s of '%.200s' %s", rq->method, rq->key, why);
    rq->refusal_class = class;
}

static bool is_success(const struct s3_request *rq)
{
    return rq->answer.status >= 200 && rq->answer.status < 300;
}

/* Whether the body that follows is what a ranged read asked for: exactly the missing bytes, of
 * the version whose bytes we have. Nothing else is ever copied. */
static void check_range(struct s3_request *rq)
{
    const struct s3_answer *a = &rq->answer;
    const char *pinned = rq->if_match ? rq->if_match : rq->have > 0 ? rq->pin : NULL;
    uint64_t first = rq->offset + rq->have, last = rq->offset + rq->length - 1;

    if (a->etag[0] == '\0')
        refuse(rq, -EBADMSG, RETRY_MALFORMED, "has no ETag");
    else if (pinned && strcmp(a->etag, pinned) != 0)
        refuse(rq, -ESTALE, RETRY_NEVER, "is another version than the one that was asked for");
    else if (a->status == 206 &&
             (!a->has_range || a->range_first != first || a->range_last != last))
        refuse(rq, -EBADMSG, RETRY_MALFORMED, "is another range than the one that was asked for");
    else if (a->status == 200 && (first != 0 || !a->has_length || a->length != rq->length))
        refuse(rq, -EBADMSG, RETRY_MALFORMED, "is not the range that was asked for");
    else if (a->status != 206 && a->status != 200)
        refuse(rq, -EBADMSG, RETRY_MALFORMED, "has neither status 206 nor 200");
    else if (a->has_length && a->length != last - first + 1)
        refuse(rq, -EBADMSG, RETRY_MALFORMED, "has another length than its range");
    else if (!pinned)
        memcpy(rq->pin, a->etag, sizeof rq->pin);
}

static void check_headers(struct s3_request *rq)
{
    if (!is_success(rq))
        return;
    if (rq->answer.malformed)
        refuse(rq, -EBADMSG, RETRY_MALFORMED, "has malformed headers");
    else if (rq->data)
        check_range(rq);
    else if (rq->sink && rq->answer.status != 200)
        refuse(rq, -EBADMSG, RETRY_MALFORMED, "is not the whole of it");
    else if (rq->sink && rq->answer.has_length && rq->answer.length > rq->sink_max)
        refuse(rq, -EFBIG, RETRY_NEVER, "is larger than it may be");
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
    struct s3_request *rq = arg;
    n *= size;
    if (rq->headers_over) /* trailers: nothing in them counts */
        return n;
    if (n > 2 || (n > 0 && line[0] != '\r' && line[0] != '\n')) {
        s3_answer_header(&rq->answer, line, n);
        return n;
    }
    curl_easy_getinfo(rq->curl, CURLINFO_RESPONSE_CODE, &rq->answer.status);
    rq->headers_over = rq->answer.status >= 200; /* after 100 Continue come the real ones */
    if (rq->headers_over)
        check_headers(rq);
    return rq->refusal == 0 ? n : 0;
}

static void report(struct s3_request *rq, int64_t now_ms)
{
    rq->reported = rq->have;
    rq->reported_ms = now_ms;
    if (rq->progress)
        rq->progress(rq, rq->have);
}

void s3_request_report_late(struct s3_request *rq, int64_t now_ms)
{
    if (rq->have > rq->reported && now_ms - rq->reported_ms >= S3_REQUEST_PROGRESS_MS)
        report(rq, now_ms);
}

/* Puts the next `n` bytes where they belong, but for those that another request has brought. */
static void put(struct s3_request *rq, const char *data, size_t n)
{
    size_t there = rq->filled && *rq->filled > rq->have ? *rq->filled - rq->have : 0;
    if (there < n)
        memcpy(rq->data + rq->have + there, data + there, n - there);
    rq->have += n;
    if (rq->filled && *rq->filled < rq->have)
        *rq->filled = rq->have;
}

static size_t take_range(struct s3_request *rq, const char *data, size_t n)
{
    if (n > rq->length - rq->have) {
        bool all = rq->have == rq->length; /* then another attempt would have nothing to ask for */
        refuse(rq, -EBADMSG, all ? RETRY_NEVER : RETRY_MALFORMED, "is longer than its range");
        return 0;
    }
    bool first = rq->have == 0;
    put(rq, data, n);
    retry_progress(&rq->retry);
    if (first || rq->have == rq->length || rq->have - rq->reported >= S3_REQUEST_PROGRESS_BYTES)
        report(rq, clock_mono_ms());
    return n;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct s3_request *rq = arg;
    n *= size;
    if (!is_success(rq)) {
        size_t room = ERROR_BODY_MAX - rq->error_body.len;
        buf_add(&rq->error_body, data, n < room ? n : room);
        return n;
    }
    if (rq->data)
        return take_range(rq, data, n);
    if (rq->sink && n > rq->sink_max - (rq->sink->len - rq->sink_start)) {
        refuse(rq, -EFBIG, RETRY_NEVER, "is larger than it may be");
        return 0;
    }
    if (rq->sink)
        buf_add(rq->sink, data, n);
    return n;
}

/* Judging */

static bool surely_unsent(CURLcode outcome)
{
    return outcome == CURLE_COULDNT_CONNECT || outcome == CURLE_COULDNT_RESOLVE_HOST ||
           outcome == CURLE_COULDNT_RESOLVE_PROXY || outcome == CURLE_SSL_CONNECT_ERROR;
}

static int judge(struct s3_request *rq, CURLcode outcome, const struct s3_request_site *site,
                 enum retry_class *ret_class)
{
    struct s3_asked q = {
        .method = rq->method,
        .origin = site->url.origin,
        .bucket = site->bucket,
        .region = site->region,
        .key = rq->key,
        .key_tail = s3_keys_tail(rq->keys),
        .if_match = rq->if_match || rq->have > 0,
        .if_absent = rq->if_absent,
        .now_s = rq->signed_s,
    };
    int r;
    rq->answer.curl = outcome;
    if (outcome == CURLE_OK)
        s3_xml_error_parse(buf_str(&rq->error_body), rq->error_body.len, &rq->answer.error);
    *ret_class = s3_answer_judge(&rq->answer, &q, &r, &rq->last);
    if (outcome == CURLE_OK ? rq->answer.status >= 500 : !surely_unsent(outcome))
        rq->unclear = true;
    return r;
}

/* Of an answer without a length the end may be missing when all its bytes are there. */
static bool has_all(const struct s3_request *rq)
{
    return rq->data && rq->headers_over && is_success(rq) && rq->have == rq->length;
}

int s3_request_end(struct s3_request *rq, CURLcode outcome, const struct s3_request_site *site,
                   enum retry_class *ret_class)
{
    int r = 0;
    *ret_class = RETRY_NEVER;
    if (rq->refusal == 0 && has_all(rq))
        outcome = CURLE_OK;
    if (outcome == CURLE_OK && rq->answer.status == 0)
        curl_easy_getinfo(rq->curl, CURLINFO_RESPONSE_CODE, &rq->answer.status);
    if (rq->refusal == 0 && outcome == CURLE_OK && is_success(rq) && rq->data &&
        rq->have < rq->length)
        refuse(rq, -EBADMSG, RETRY_MALFORMED, "is shorter than its range");
    if (rq->refusal < 0) {
        r = rq->refusal;
        *ret_class = rq->refusal_class;
    } else if (outcome != CURLE_OK || !is_success(rq)) {
        r = judge(rq, outcome, site, ret_class);
    }
    s3_request_drop(rq);
    return r;
}

void s3_request_drop(struct s3_request *rq)
{
    for (struct curl_slist *h = rq->headers; h; h = h->next)
        OPENSSL_cleanse(h->data, strlen(h->data));
    curl_slist_free_all(rq->headers);
    rq->headers = NULL;
    s3_keys_unref(rq->keys);
    rq->keys = NULL;
    buf_done(&rq->error_body);
}
