/* fs/s3/s3_answer.c - what an attempt's outcome means: a code, a sentence, whether to try again. */
/* SPDX-License-Identifier: MIT */
#include "fs/s3/s3_answer.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

/* One line of the tables below. In a sentence {name} stands for a part of the question or of the
 * answer; nothing secret has a name. */
struct rule {
    const char *code; /* S3's error code */
    int status;       /* or, without a code, the HTTP status */
    int r;
    enum retry_class class;
    const char *say;
};

#define REFUSED                                                                                      \
    "the store at {origin} refuses {method} of {what} to the access key …{tail}: its policy must " \
    "allow it"
#define BAD_KEY "the store at {origin} cannot hold the key '{key}'"
#define BUSY "the store at {origin} is too busy for {method} of {what}"
#define CONFLICT "another writer is at {what} of the store at {origin}"
#define ILL "the store at {origin} failed at {method} of {what} ({code})"
#define OLD_SESSION                                                                                \
    "the session of the access key …{tail} has expired at the store at {origin}: renew it"
#define REGION                                                                                     \
    "bucket '{bucket}' is not in region '{region}' of the store at {origin}: set AWS_REGION to "   \
    "'{there}'"
#define FULL "the store at {origin} has no room left for {what} ({code})"

static const struct rule by_code[] = {
    {"InvalidAccessKeyId", 0, -EACCES, RETRY_CREDENTIALS,
     "the store at {origin} does not know the access key …{tail}: check AWS_ACCESS_KEY_ID or the "
     "profile"},
    {"SignatureDoesNotMatch", 0, -EACCES, RETRY_CREDENTIALS,
     "the store at {origin} rejects the secret of the access key …{tail}: check "
     "AWS_SECRET_ACCESS_KEY or the profile"},
    {"InvalidToken", 0, -EACCES, RETRY_CREDENTIALS,
     "the store at {origin} rejects the session token of the access key …{tail}: check "
     "AWS_SESSION_TOKEN or the profile"},
    {"ExpiredToken", 0, -EACCES, RETRY_CREDENTIALS, OLD_SESSION},
    {"TokenRefreshRequired", 0, -EACCES, RETRY_CREDENTIALS, OLD_SESSION},
    {"RequestTimeTooSkewed", 0, -EACCES, RETRY_CLOCK,
     "this host's clock differs from that of the store at {origin} by {skew} s: set the clock"},
    {"RequestExpired", 0, -EACCES, RETRY_CLOCK,
     "this host's clock differs from that of the store at {origin} by {skew} s: set the clock"},
    {"AccessDenied", 0, -EACCES, RETRY_NEVER, REFUSED},
    {"InvalidObjectState", 0, -EACCES, RETRY_NEVER,
     "{what} is in the archive of the store at {origin}: restore it first"},
    {"NoSuchBucket", 0, -ENOTDIR, RETRY_NEVER, "the store at {origin} has no bucket '{bucket}'"},
    {"InvalidBucketName", 0, -ENOTDIR, RETRY_NEVER,
     "the store at {origin} has no bucket '{bucket}': it cannot have that name"},
    {"NoSuchKey", 0, -ENOENT, RETRY_NEVER, "there is no {what} in the store at {origin}"},
    {"NoSuchBucketPolicy", 0, -ENODATA, RETRY_NEVER, "{what} has no policy"},
    {"NoSuchTagSet", 0, -ENODATA, RETRY_NEVER, "{what} has no tags"},
    {"NoSuchTagSetError", 0, -ENODATA, RETRY_NEVER, "{what} has no tags"},
    {"KeyTooLongError", 0, -EINVAL, RETRY_NEVER, BAD_KEY},
    {"InvalidURI", 0, -EINVAL, RETRY_NEVER, BAD_KEY},
    {"InvalidObjectName", 0, -EINVAL, RETRY_NEVER, BAD_KEY},
    {"XMinioInvalidObjectName", 0, -EINVAL, RETRY_NEVER, BAD_KEY},
    {"InvalidTag", 0, -EINVAL, RETRY_NEVER,
     "the store at {origin} cannot hold these tags on {what}"},
    {"ConditionalRequestConflict", 0, -EIO, RETRY_CONFLICT, CONFLICT},
    {"OperationAborted", 0, -EIO, RETRY_CONFLICT, CONFLICT},
    {"ConcurrentModification", 0, -EIO, RETRY_CONFLICT, CONFLICT},
    {"SlowDown", 0, -EIO, RETRY_THROTTLED, BUSY},
    {"SlowDownRead", 0, -EIO, RETRY_THROTTLED, BUSY},
    {"SlowDownWrite", 0, -EIO, RETRY_THROTTLED, BUSY},
    {"RequestTimeout", 0, -EIO, RETRY_TRANSIENT,
     "the store at {origin} waited too long for the rest of {method} of {what}"},
    {"BadDigest", 0, -EIO, RETRY_TRANSIENT, ILL},
    {"IncompleteBody", 0, -EIO, RETRY_TRANSIENT, ILL},
    {"XAmzContentSHA256Mismatch", 0, -EIO, RETRY_TRANSIENT, ILL},
    {"InternalError", 0, -EIO, RETRY_TRANSIENT, ILL},
    {"QuotaExceeded", 0, -EIO, RETRY_NEVER, FULL},
    {"XMinioStorageFull", 0, -EIO, RETRY_NEVER, FULL},
    {"PermanentRedirect", 0, -EIO, RETRY_NEVER, REGION},
    {"TemporaryRedirect", 0, -EIO, RETRY_NEVER, REGION},
    {"AuthorizationHeaderMalformed", 0, -EIO, RETRY_NEVER, REGION},
};

static const struct rule by_status[] = {
    {NULL, 401, -EACCES, RETRY_NEVER, REFUSED},
    {NULL, 403, -EACCES, RETRY_NEVER, REFUSED},
    /* Only an S3 error document proves that an object is not there; HEAD, which has none, is
     * judged apart. A wrong endpoint answers 404 to everything. */
    {NULL, 404, -EBADMSG, RETRY_NEVER,
     "{origin} answers 404 ({code}) but not as an S3 store does: check the endpoint"},
    {NULL, 409, -EIO, RETRY_CONFLICT, CONFLICT},
    {NULL, 429, -EIO, RETRY_THROTTLED, BUSY},
    {NULL, 500, -EIO, RETRY_TRANSIENT, ILL},
    {NULL, 501, -EIO, RETRY_NEVER, "the store at {origin} does not implement {method} ({code})"},
    {NULL, 502, -EIO, RETRY_TRANSIENT, ILL},
    {NULL, 503, -EIO, RETRY_THROTTLED, BUSY},
    {NULL, 504, -EIO, RETRY_TRANSIENT, ILL},
};

static const struct rule by_curl[] = {
    {NULL, CURLE_COULDNT_RESOLVE_HOST, -EIO, RETRY_TRANSIENT,
     "the host name in {origin} cannot be resolved: check the endpoint"},
    {NULL, CURLE_COULDNT_RESOLVE_PROXY, -EIO, RETRY_TRANSIENT,
     "the name of the proxy before {origin} cannot be resolved: check https_proxy and http_proxy"},
    {NULL, CURLE_COULDNT_CONNECT, -EIO, RETRY_TRANSIENT,
     "cannot connect to the store at {origin}: check that it runs and that the endpoint is right"},
    {NULL, CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT, RETRY_TRANSIENT,
     "the store at {origin} does not answer"},
    {NULL, CURLE_PEER_FAILED_VERIFICATION, -EIO, RETRY_NEVER,
     "the certificate of {origin} is not trusted: set AWS_CA_BUNDLE to the file of its authority"},
    {NULL, CURLE_SSL_CACERT_BADFILE, -EIO, RETRY_NEVER,
     "the file of certificates cannot be read: check AWS_CA_BUNDLE"},
    {NULL, CURLE_SSL_CONNECT_ERROR, -EIO, RETRY_TRANSIENT,
     "no TLS connection to {origin}: check whether the endpoint is http:// or https://"},
    {NULL, CURLE_GOT_NOTHING, -EIO, RETRY_TRANSIENT, "the store at {origin} hung up unanswered"},
    {NULL, CURLE_WEIRD_SERVER_REPLY, -EBADMSG, RETRY_TRANSIENT, "{origin} does not speak HTTP"},
    {NULL, CURLE_UNSUPPORTED_PROTOCOL, -EBADMSG, RETRY_TRANSIENT, "{origin} does not speak HTTP"},
};

/* Sentences */

static int64_t skew_of(const struct s3_answer *a, const struct s3_asked *q)
{
    return a->date_s != 0 ? a->date_s - q->now_s : 0;
}

static void add_part(struct buf *b, const char *name, size_t n, const struct s3_answer *a,
                     const struct s3_asked *q)
{
    const struct {
        const char *name, *value;
    } parts[] = {
        {"method", q->method},
        {"origin", q->origin},
        {"bucket", q->bucket},
        {"region", q->region},
        {"key", q->key},
        {"tail", q->key_tail},
        {"there", a->error.region[0] ? a->error.region : "its own"},
    };
    for (size_t i = 0; i < COUNT(parts); i++)
        if (strlen(parts[i].name) == n && memcmp(parts[i].name, name, n) == 0)
            return buf_adds(b, parts[i].value);

    if (n == strlen("what") && memcmp(name, "what", n) == 0) {
        if (q->key[0])
            buf_addf(b, "object '%.200s' in bucket '%s'", q->key, q->bucket);
        else
            buf_addf(b, "bucket '%s'", q->bucket);
    } else if (n == strlen("skew") && memcmp(name, "skew", n) == 0) {
        buf_addf(b, "%lld", llabs((long long)skew_of(a, q)));
    } else { /* "code" */
        buf_addf(b, "status %ld%s%s", a->status, a->error.code[0] ? " " : "", a->error.code);
    }
}

static int say(const char *text, int r, const struct s3_answer *a, const struct s3_asked *q,
               struct err *e)
{
    AUTO(buf) struct buf b = {0};
    while (*text) {
        size_t n = strcspn(text, "{");
        buf_add(&b, text, n);
        text += n;
        if (*text) {
            n = strcspn(text, "}");
            add_part(&b, text + 1, n - 1, a, q);
            text += n + 1;
        }
    }
    return err_set(e, r, "%s", buf_str(&b));
}

/* Judgement */

static const struct rule *find(const struct rule *rules, size_t n, const char *code, long status)
{
    for (size_t i = 0; i < n; i++)
        if (code ? strcmp(rules[i].code, code) == 0 : rules[i].status == status)
            return &rules[i];
    return NULL;
}

static enum retry_class apply(const struct rule *rule, const struct s3_answer *a,
                              const struct s3_asked *q, int *ret, struct err *e)
{
    *ret = say(rule->say, rule->r, a, q, e);
    return rule->class;
}

static enum retry_class judge_transfer(const struct s3_answer *a, const struct s3_asked *q,
                                       int *ret, struct err *e)
{
    const struct rule *rule = find(by_curl, COUNT(by_curl), NULL, a->curl);
    if (rule)
        return apply(rule, a, q, ret, e);
    *ret = err_set(e, -EIO, "the connection to the store at %s broke during %s (%s)", q->origin,
                   q->method, curl_easy_strerror((CURLcode)a->curl));
    return RETRY_TRANSIENT;
}

/* The outcomes that depend on the question. False: none of them. */
static bool judge_condition(const struct s3_answer *a, const struct s3_asked *q, int *ret,
                            struct err *e)
{
    if (a->status == 412 && q->if_absent)
        *ret = say("{what} exists already in the store at {origin}", -EEXIST, a, q, e);
    else if (a->status == 412 || (a->status == 416 && q->if_match))
        *ret = say("{what} has changed in the store at {origin}", -ESTALE, a, q, e);
    else if (a->status == 416)
        *ret = say("{what} is shorter than it was said to be", -EBADMSG, a, q, e);
    else if (a->status == 404 && strcmp(q->method, "HEAD") == 0)
        *ret = say("there is no {what} in the store at {origin}", q->key[0] ? -ENOENT : -ENOTDIR, a,
                   q, e);
    else
        return false;
    return true;
}

enum retry_class s3_answer_judge(const struct s3_answer *a, const struct s3_asked *q, int *ret,
                                 struct err *e)
{
    if (a->curl != CURLE_OK)
        return judge_transfer(a, q, ret, e);
    if (judge_condition(a, q, ret, e))
        return RETRY_NEVER;

    const char *code = a->error.code;
    /* An answer to HEAD has no document; a refusal with a clock far off is put down to that. */
    if (code[0] == '\0' && a->status == 403 &&
        llabs((long long)skew_of(a, q)) > S3_ANSWER_SKEW_MAX_S)
        code = "RequestTimeTooSkewed";
    const struct rule *rule = find(by_code, COUNT(by_code), code, 0);
    if (!rule)
        rule = find(by_status, COUNT(by_status), NULL, a->status);
    if (rule)
        return apply(rule, a, q, ret, e);

    if (a->status >= 300 && a->status < 400)
        *ret = say(REGION, -EIO, a, q, e);
    else
        *ret = err_set(e, -EIO, "the store at %s refuses %s of '%.200s': status %ld %s %s",
                       q->origin, q->method, q->key, a->status, a->error.code, a->error.message);
    return a->status >= 500 ? RETRY_TRANSIENT : RETRY_NEVER;
}

/* Headers */

/* Without blanks and line ends around it. */
static void trim(const char **p, size_t *n)
{
    while (*n > 0 && (**p == ' ' || **p == '\t')) {
        ++*p;
        --*n;
    }
    while (*n > 0 && strchr(" \t\r\n", (*p)[*n - 1]))
        --*n;
}

/* The value of the header `name` in a line, without blanks around it. */
static bool header_is(const char *line, size_t n, const char *name, const char **ret, size_t *ret_n)
{
    size_t len = strlen(name);
    if (n <= len || line[len] != ':' || strncasecmp(line, name, len) != 0)
        return false;
    *ret = line + len + 1;
    *ret_n = n - len - 1;
    trim(ret, ret_n);
    return true;
}

static bool number(const char **p, uint64_t *ret)
{
    size_t n = strspn(*p, "0123456789");
    if (n == 0 || n > 18)
        return false;
    *ret = strtoull(*p, NULL, 10);
    *p += n;
    return true;
}

/* "bytes 0-9/100" (RFC 9110, 14.4); a total of '*' counts as unknown, 0. */
static bool range_parse(const char *s, struct s3_answer *a)
{
    if (strncasecmp(s, "bytes ", 6) != 0)
        return false;
    s += 6;
    if (!number(&s, &a->range_first) || *s++ != '-' || !number(&s, &a->range_last) || *s++ != '/')
        return false;
    if (strcmp(s, "*") == 0)
        return true;
    return number(&s, &a->range_total) && *s == '\0' && a->range_first <= a->range_last &&
           a->range_last < a->range_total;
}

static void take_meta(struct store_meta *m, const char *line, size_t n)
{
    static const char start[] = "x-amz-meta-";
    const size_t skip = sizeof start - 1;
    char name[STORE_META_KEY_MAX + 1];
    const char *value;
    size_t len, value_n;
    if (n <= skip || strncasecmp(line, start, skip) != 0)
        return;
    const char *colon = memchr(line, ':', n);
    len = colon ? (size_t)(colon - line) - skip : 0;
    if (len == 0 || len >= sizeof name)
        return;
    for (size_t i = 0; i < len; i++)
        name[i] = (char)tolower((unsigned char)line[skip + i]);
    value = colon + 1;
    value_n = n - (size_t)(value - line);
    trim(&value, &value_n);
    store_meta_add(m, name, len, value, value_n);
}

void s3_answer_header(struct s3_answer *a, const char *line, size_t n)
{
    const char *value;
    size_t len;
    if (n >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        *a = (struct s3_answer){.meta = a->meta};
        if (a->meta)
            a->meta->n = 0;
        return;
    }
    if (a->meta)
        take_meta(a->meta, line, n);
    if (header_is(line, n, "ETag", &value, &len)) {
        if (s3_xml_etag_parse(value, len, a->etag) < 0)
            a->malformed = true;
        return;
    }
    bool is_length = header_is(line, n, "Content-Length", &value, &len);
    bool is_range = !is_length && header_is(line, n, "Content-Range", &value, &len);
    bool is_mtime = !is_length && !is_range && header_is(line, n, "Last-Modified", &value, &len);
    if (!is_length && !is_range && !is_mtime && !header_is(line, n, "Date", &value, &len))
        return;
    AUTO(free) char *text = xstrndup(value, len);
    const char *p = text;
    if (is_length) {
        a->has_length = number(&p, &a->length) && *p == '\0';
        a->malformed |= !a->has_length;
    } else if (is_range) {
        a->has_range = range_parse(text, a);
        a->malformed |= !a->has_range;
    } else {
        time_t t = curl_getdate(text, NULL);
        if (is_mtime && t >= 0) {
            a->mtime_ns = (int64_t)t * 1000000000;
            a->has_mtime = true;
        } else if (!is_mtime && t > 0) {
            a->date_s = t;
        }
    }
}
