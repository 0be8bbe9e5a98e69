/* policy/record.h - one record of the ledger: bytes in, a checked structure out. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_RECORD_H
#define POLICY_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "policy/types.h"

struct buf;
struct err;

/* A record is one JSON object:
 *   {"v": 1, "seq": 7, "prev": "<SHA-256 of the bytes of record 6>", "id": "<32 hex digits>",
 *    "time": "2026-11-23T12:00:00Z", "actor": "user@host", "op": …, …}
 * prev of record 1 is 64 zeros. By "op":
 *   init       "lake", "node_key": 32 hex digits each
 *   inventory  "prefix", "payload": SHA-256; objects found, changed and gone
 *   media      "payload": SHA-256; what a scan found out about objects, a line each:
 *              [key, etag, facts], see media.h
 *   edit       "edit", "name", "file", "manifest", "objects", "bytes", "payload"; and
 *              "manifest_stat": [size, mtime_ns, etag]; maybe "shots" and "shots_stat" likewise,
 *              "studio" and "results": keys.
 *              Lines of the payload: [key], an object of the edit; [shot, name, key], a link in the
 *              edit's folder to an object or (key with '/' at its end) a folder of objects of it;
 *              [null, key], an object that only its report names; "named": how many of these
 *              "version" (absent: 1) is one more than the edit has, and takes the place of that one;
 *              "retire_until": so long what only the version before had stays reachable (absent: not
 *              at all)
 *              "source": SHA-256; no other edit is ever made of the same source
 *   tagged     "edit": the object tags of the store agree, as they were to be at "at" (absent: the
 *              record's time)
 *   disable    "edit": nobody sees anything through it; its grants rest
 *   enable     "edit": and they are back
 *   remove     "edit": for good, and its grants end
 *              "owner": the principal that ingested it (absent: none). That of version 1 stays the
 *              owner whatever a later version says
 *   grant      "edit", "principal", "from", "until": active where from <= t < until
 *              "ranges": names of address ranges, 1 to 100 (absent: from anywhere); it holds only for
 *              who asks from one of them
 *   revoke     "edit", "principal"
 * What stands on a place. A place is "path": key of an object, or of a directory with '/' at its end
 * ("/": the root); or "edit"; an ACL also may be on the lake itself, "lake": true:
 *   acl        "entries": [{"principalType","principal","accessTypes"}], the whole list; [] for none
 *   class      "classes": names, or null: it has none of its own and inherits again; [] is none for
 *              good
 *   metadata   "fields": {name: text}, all of them; {} for none
 *   protect    "group": the access group that guards it, or null. Only on a path
 * Rules; null takes each away:
 *   policy        "principal", "class", "actions": what the principal may do with objects of the class;
 *                 [] for nothing
 *   access_group  "site": "" or a directory without '/' at its end; "group"; "rules": see
 *                 access_group.h
 *   ranges        "name", "ranges": [{"start","end"}], addresses
 *   role          "role", "gives": names of roles that it stands for
 *   settings      "set": {key: value}; null is the default again. See record_rules.c
 * Names of classes, groups, roles, ranges and fields: 1 to 128 bytes of UTF-8, without control
 * characters, '#' and '/'.
 * An op that this program does not know stops the replay: skipping it could skip a revoke. So does
 * a "v" that it does not know: an edit of version 2 and above has "v": 2, since a program that knows
 * of no versions would go on to show what that version lost; a grant with "ranges", an edit with
 * "owner" and one with "named" have 3, since a program that does not know them would show too much, or
 * hide it from who may change it. */

#define RECORD_VERSION 3
#define RECORD_EDIT_VERSION_MAX 1000000
#define RECORD_MAX_BYTES (4u << 20)
#define RECORD_ACL_MAX 10000
#define RECORD_LIST_MAX 1000    /* elements of any other list */
#define RECORD_GRANT_RANGES 100
#define RECORD_NAME_MAX 128     /* bytes of a name of a class, group, role, range or field */
#define RECORD_TEXT_MAX 4096    /* bytes of a metadata field or of a setting */
#define RECORD_KEY_SIZE 48 /* ".shotlake/ledger/", 20 digits, ".json", NUL */

enum record_op {
    RECORD_INIT,
    RECORD_INVENTORY,
    RECORD_EDIT,
    RECORD_TAGGED,
    RECORD_GRANT,
    RECORD_REVOKE,
    RECORD_ACL,
    RECORD_MEDIA,
    RECORD_DISABLE,
    RECORD_ENABLE,
    RECORD_REMOVE,
    RECORD_CLASS,
    RECORD_METADATA,
    RECORD_PROTECT,
    RECORD_POLICY,
    RECORD_ACCESS_GROUP,
    RECORD_RANGES,
    RECORD_ROLE,
    RECORD_SETTINGS,
};

struct record {
    uint64_t seq;
    enum record_op op;
    const char *op_name;
    uint8_t prev[SHA256_SIZE];
    uint8_t hash[SHA256_SIZE]; /* of the record's own bytes */
    char id[33];
    int64_t time;
    const char *actor;
    json_t *json;
    /* by op; strings are borrowed from `json` */
    const char *edit, *principal, *payload, *path;
    bool lake;          /* what stands on the lake itself; else `path` or `edit` is the place */
    const char *key[2]; /* of a rule: principal and class, site and group, or a name and "" */
    json_t *value;      /* what a place or a rule gets; NULL: it is taken away */
    const char *owner;  /* of an edit; NULL: none */
    int64_t from, until;
    uint64_t version;     /* of an edit */
    int64_t retire_until; /* of an edit: 0 where what it lost goes at once */
    int64_t at;           /* of "tagged" */
};

/* Parses and checks one record. -EBADMSG; -EPROTONOSUPPORT for a version or op of the future. */
int record_parse(const void *data, size_t n, struct record *ret, struct err *e);
void record_done(struct record *rec);

static inline void auto_record(struct record *rec)
{
    record_done(rec);
}

/* The bytes of a record that follows `prev_hash`: `body` holds "op" and what belongs to it. The
 * result passes record_parse(), or -EINVAL says what is wrong with `body`. */
int record_format(const json_t *body, uint64_t seq, const uint8_t prev_hash[SHA256_SIZE],
                  const char id[33], int64_t now, const char *actor, struct buf *ret,
                  struct err *e);

/* ".shotlake/ledger/00000000000000000007.json" */
void record_key(uint64_t seq, char ret[RECORD_KEY_SIZE]);

/* Checks an ACL list as an operator or a record gives it; "/acl/0/principal: …" in the sentence. */
int acl_check(const json_t *entries, struct err *e);
/* Canonical principal of one entry of a checked list ("user:morten", "group:Content viewers"). */
void acl_principal(const json_t *entry, char ret[PRINCIPAL_MAX]);
/* True where the entry of a checked list gives that access type. */
bool acl_gives(const json_t *entry, const char *access);

/* What a setting is where nobody set it; a new reference. NULL: there is no such setting. */
json_t *setting_default(const char *key);

/* True for EDIT_ID_LEN characters of [a-z0-9]. */
bool edit_id_is_valid(const char *s);

#endif
