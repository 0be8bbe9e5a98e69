/* policy/record.c - one record of the ledger: bytes in, a checked structure out. */
/* SPDX-License-Identifier: MIT */
#include "policy/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/codec.h"
#include "base/err.h"
#include "base/when.h"
#include "policy/hash.h"
#include "policy/record_impl.h"

static const char *const ops[] = {
    [RECORD_INIT] = "init",     [RECORD_INVENTORY] = "inventory", [RECORD_EDIT] = "edit",
    [RECORD_TAGGED] = "tagged", [RECORD_GRANT] = "grant",         [RECORD_REVOKE] = "revoke",
    [RECORD_ACL] = "acl",       [RECORD_MEDIA] = "media",         [RECORD_DISABLE] = "disable",
    [RECORD_ENABLE] = "enable", [RECORD_REMOVE] = "remove",
    [RECORD_CLASS] = "class",   [RECORD_METADATA] = "metadata",
    [RECORD_PROTECT] = "protect", [RECORD_POLICY] = "policy",
    [RECORD_ACCESS_GROUP] = "access_group", [RECORD_RANGES] = "ranges",
    [RECORD_ROLE] = "role",     [RECORD_SETTINGS] = "settings",
};

bool edit_id_is_valid(const char *s)
{
    return strlen(s) == EDIT_ID_LEN &&
           strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789") == EDIT_ID_LEN;
}

void record_key(uint64_t seq, char ret[RECORD_KEY_SIZE])
{
    snprintf(ret, RECORD_KEY_SIZE, ".shotlake/ledger/%020" PRIu64 ".json", seq);
}

int want_text(const json_t *j, const char *key, const char **ret, struct err *e)
{
    *ret = json_string_value(json_object_get(j, key));
    return *ret ? 0 : err_set(e, -EBADMSG, "\"%s\" is missing or not a string", key);
}

static int want_hex(const json_t *j, const char *key, size_t n, void *ret, struct err *e)
{
    const char *s;
    int r = want_text(j, key, &s, e);
    if (r == 0 && hex_decode(s, ret, n) < 0)
        r = err_set(e, -EBADMSG, "\"%s\" is not %zu hex digits", key, 2 * n);
    return r;
}

int want_edit(struct record *rec, struct err *e)
{
    int r = want_text(rec->json, "edit", &rec->edit, e);
    if (r == 0 && !edit_id_is_valid(rec->edit))
        r = err_set(e, -EBADMSG, "\"edit\" is not %d characters of [a-z0-9]", EDIT_ID_LEN);
    return r;
}

static int want_payload(struct record *rec, struct err *e)
{
    uint8_t hash[SHA256_SIZE];
    int r = want_hex(rec->json, "payload", sizeof hash, hash, e);
    return r < 0 ? r : want_text(rec->json, "payload", &rec->payload, e);
}

int want_principal(struct record *rec, struct err *e)
{
    int r = want_text(rec->json, "principal", &rec->principal, e);
    return r < 0 ? r : check_principal(rec->principal, "\"principal\"", e);
}

static int want_time(const json_t *j, const char *key, int64_t *ret, struct err *e)
{
    const char *s;
    int r = want_text(j, key, &s, e);
    return r < 0 ? r : when_parse(s, WHEN_DAY_START, ret, e);
}

static int want_stat(const json_t *j, const char *key, struct err *e)
{
    const json_t *st = json_object_get(j, key);
    if (!json_is_integer(json_array_get(st, 0)) || !json_is_integer(json_array_get(st, 1)) ||
        !json_is_string(json_array_get(st, 2)) ||
        strlen(json_string_value(json_array_get(st, 2))) > 127)
        return err_set(e, -EBADMSG, "\"%s\" is not [size, mtime_ns, etag]", key);
    return 0;
}

/* A member that may be absent: `*ret` is then left alone. */
static int may_have_time(const json_t *j, const char *key, int64_t *ret, struct err *e)
{
    return json_object_get(j, key) ? want_time(j, key, ret, e) : 0;
}

static int want_version(struct record *rec, struct err *e)
{
    const json_t *v = json_object_get(rec->json, "version");
    rec->version = 1;
    if (!v)
        return 0;
    if (!json_is_integer(v) || json_integer_value(v) < 1 ||
        json_integer_value(v) > RECORD_EDIT_VERSION_MAX)
        return err_set(e, -EBADMSG, "\"version\" is not a number from 1 to %d",
                       RECORD_EDIT_VERSION_MAX);
    rec->version = (uint64_t)json_integer_value(v);
    return 0;
}

static int want_edit_record(struct record *rec, struct err *e)
{
    const char *s;
    int r;
    if ((r = want_version(rec, e)) < 0 ||
        (r = may_have_time(rec->json, "retire_until", &rec->retire_until, e)) < 0)
        return r;
    if ((r = want_edit(rec, e)) < 0 || (r = want_payload(rec, e)) < 0 ||
        (r = want_text(rec->json, "name", &s, e)) < 0 ||
        (r = want_text(rec->json, "file", &s, e)) < 0 ||
        (r = want_text(rec->json, "manifest", &s, e)) < 0)
        return r;
    uint8_t source[SHA256_SIZE];
    if (json_object_get(rec->json, "source") &&
        (r = want_hex(rec->json, "source", sizeof source, source, e)) < 0)
        return r;
    static const char *const keys[] = {"studio", "results", "shots"};
    for (size_t i = 0; i < COUNT(keys); i++)
        if (json_object_get(rec->json, keys[i]) && (r = want_text(rec->json, keys[i], &s, e)) < 0)
            return r;
    if (json_object_get(rec->json, "owner") &&
        ((r = want_text(rec->json, "owner", &rec->owner, e)) < 0 ||
         (r = check_principal(rec->owner, "\"owner\"", e)) < 0))
        return r;
    r = want_stat(rec->json, "manifest_stat", e);
    if (r == 0 && json_object_get(rec->json, "shots"))
        r = want_stat(rec->json, "shots_stat", e);
    return r;
}

static int want_grant(struct record *rec, struct err *e)
{
    const json_t *ranges = json_object_get(rec->json, "ranges");
    int r;
    if ((r = want_edit(rec, e)) < 0 || (r = want_principal(rec, e)) < 0 ||
        (r = want_time(rec->json, "from", &rec->from, e)) < 0 ||
        (r = want_time(rec->json, "until", &rec->until, e)) < 0)
        return r;
    if (rec->from >= rec->until)
        return err_set(e, -EBADMSG, "the grant ends before it begins");
    if (ranges && json_array_size(ranges) == 0) /* not "from nowhere", and not "from anywhere" */
        return err_set(e, -EBADMSG, "\"ranges\" is not a list of 1 to %d names",
                       RECORD_GRANT_RANGES);
    return ranges ? check_names(ranges, "\"ranges\"", RECORD_GRANT_RANGES, e) : 0;
}

static int by_op(struct record *rec, struct err *e)
{
    uint8_t scratch[16];
    int r;
    switch (rec->op) {
    case RECORD_INIT:
        r = want_hex(rec->json, "lake", 16, scratch, e);
        return r < 0 ? r : want_hex(rec->json, "node_key", 16, scratch, e);
    case RECORD_INVENTORY:
    case RECORD_MEDIA:
        return want_payload(rec, e);
    case RECORD_EDIT:
        return want_edit_record(rec, e);
    case RECORD_TAGGED:
        rec->at = rec->time;
        r = want_edit(rec, e);
        return r < 0 ? r : may_have_time(rec->json, "at", &rec->at, e);
    case RECORD_DISABLE:
    case RECORD_ENABLE:
    case RECORD_REMOVE:
        return want_edit(rec, e);
    case RECORD_GRANT:
        return want_grant(rec, e);
    case RECORD_REVOKE:
        r = want_edit(rec, e);
        return r < 0 ? r : want_principal(rec, e);
    case RECORD_ACL:
    case RECORD_CLASS:
    case RECORD_METADATA:
    case RECORD_PROTECT:
        return want_placed(rec, e);
    case RECORD_POLICY:
    case RECORD_ACCESS_GROUP:
    case RECORD_RANGES:
    case RECORD_ROLE:
    case RECORD_SETTINGS:
        return want_rule(rec, e);
    }
    return err_set(e, -EPROTONOSUPPORT, "unknown op");
}

static int parse_head(struct record *rec, struct err *e)
{
    const json_t *v = json_object_get(rec->json, "v"), *seq = json_object_get(rec->json, "seq");
    uint8_t id[16];
    const char *s;
    int r;
    if (!json_is_integer(v) || json_integer_value(v) < 1)
        return err_set(e, -EBADMSG, "\"v\" is missing");
    if (json_integer_value(v) > RECORD_VERSION)
        return err_set(e, -EPROTONOSUPPORT, "record version %lld: this shotlake is too old",
                       (long long)json_integer_value(v));
    if (!json_is_integer(seq) || json_integer_value(seq) < 1)
        return err_set(e, -EBADMSG, "\"seq\" is missing or not a positive number");
    rec->seq = (uint64_t)json_integer_value(seq);
    if ((r = want_hex(rec->json, "prev", SHA256_SIZE, rec->prev, e)) < 0 ||
        (r = want_hex(rec->json, "id", sizeof id, id, e)) < 0 ||
        (r = want_time(rec->json, "time", &rec->time, e)) < 0 ||
        (r = want_text(rec->json, "actor", &rec->actor, e)) < 0 ||
        (r = want_text(rec->json, "op", &s, e)) < 0)
        return r;
    hex_encode(id, sizeof id, rec->id);
    for (size_t i = 0; i < COUNT(ops); i++)
        if (strcmp(s, ops[i]) == 0) {
            rec->op = (enum record_op)i;
            rec->op_name = ops[i];
            return 0;
        }
    return err_set(e, -EPROTONOSUPPORT, "unknown op '%.64s': this shotlake is too old", s);
}

int record_parse(const void *data, size_t n, struct record *ret, struct err *e)
{
    AUTO(record) struct record rec = {0};
    json_error_t je;
    if (n > RECORD_MAX_BYTES)
        return err_set(e, -EBADMSG, "%zu bytes are too many for a record", n);
    rec.json = json_loadb(data, n, JSON_REJECT_DUPLICATES, &je);
    if (!json_is_object(rec.json))
        return err_set(e, -EBADMSG, "not a JSON object: %s", rec.json ? "" : je.text);
    int r = parse_head(&rec, e);
    if (r == 0)
        r = by_op(&rec, e);
    if (r == -EPROTONOSUPPORT)
        return r;
    if (r < 0) { /* whatever was wrong with a part of it */
        if (e)
            e->code = -EBADMSG;
        return -EBADMSG;
    }
    hash_sha256(data, n, rec.hash);
    *ret = rec;
    rec.json = NULL;
    return 0;
}

void record_done(struct record *rec)
{
    json_decref(rec->json);
    *rec = (struct record){0};
}

/* The oldest "v" whose programs do all that the body says; see record.h. */
static int version_of(const json_t *body)
{
    const char *op = json_string_value(json_object_get(body, "op"));
    if (!op)
        return 1;
    if ((strcmp(op, "edit") == 0 &&
         (json_object_get(body, "owner") || json_object_get(body, "named"))) ||
        (strcmp(op, "grant") == 0 && json_object_get(body, "ranges")))
        return 3;
    return json_integer_value(json_object_get(body, "version")) > 1 ? 2 : 1;
}

int record_format(const json_t *body, uint64_t seq, const uint8_t prev_hash[SHA256_SIZE],
                  const char id[33], int64_t now, const char *actor, struct buf *ret,
                  struct err *e)
{
    char prev[SHA256_HEX_SIZE], when[WHEN_TEXT_SIZE];
    hex_encode(prev_hash, SHA256_SIZE, prev);
    when_format(now, when);
    json_auto_t *rec =
        json_pack("{si sI ss ss ss ss}", "v", version_of(body), "seq", (json_int_t)seq, "prev", prev,
                  "id", id, "time", when, "actor", actor);
    if (!rec || json_object_update_missing(rec, (json_t *)body) < 0)
        return err_set(e, -EINVAL, "cannot build a ledger record");
    char *text = json_dumps(rec, JSON_COMPACT);
    if (!text)
        return err_set(e, -EINVAL, "cannot write a ledger record as JSON");
    buf_adds(ret, text);
    buf_addc(ret, '\n');
    free(text);
    AUTO(record) struct record check = {0};
    int r = record_parse(ret->p, ret->len, &check, e);
    if (r == 0)
        return 0;
    err_wrap(e, "refused to write a bad record");
    return e->code = -EINVAL;
}
