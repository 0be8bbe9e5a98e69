/* tests/fuzz/fuzz_record.c - any bytes as a ledger record: refused, or wholly usable. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/principals.h"
#include "policy/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

/* What the writer would make of the same body is read back with the same meaning. */
static void check_round_trip(const struct record *rec)
{
    AUTO(buf) struct buf bytes = {0};
    AUTO(record) struct record again = {0};
    struct err e;
    if (record_format(rec->json, rec->seq, rec->prev, rec->id, rec->time, rec->actor, &bytes,
                      &e) < 0)
        must(bytes.len > RECORD_MAX_BYTES, e.text); /* only where escapes made it too long */
    else if (record_parse(bytes.p, bytes.len, &again, &e) < 0)
        must(0, e.text);
    else
        must(again.op == rec->op && again.seq == rec->seq && again.time == rec->time &&
             again.from == rec->from && again.until == rec->until &&
             !again.value == !rec->value, "a record changed its meaning");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO(record) struct record rec = {0};
    struct err e = {0};
    char canonical[PRINCIPAL_MAX];
    int r = record_parse(data, n, &rec, &e);
    if (r < 0) {
        must((r == -EBADMSG || r == -EPROTONOSUPPORT) && e.code == r && *e.text, "a bad refusal");
        return 0;
    }
    must(rec.seq > 0 && rec.actor && rec.json && strlen(rec.id) == 32, "half a record");
    must(!rec.edit || edit_id_is_valid(rec.edit), "a bad edit id");
    must(!rec.payload || strlen(rec.payload) == 64, "a bad payload name");
    must(rec.op != RECORD_GRANT || rec.from < rec.until, "a grant that gives nothing");
    must(!rec.principal || (principal_parse(rec.principal, canonical, &e) == 0 &&
                            strcmp(canonical, rec.principal) == 0), "a bad principal");
    bool placed = rec.op == RECORD_ACL || rec.op == RECORD_CLASS || rec.op == RECORD_METADATA ||
                  rec.op == RECORD_PROTECT;
    must(!placed || !!rec.path + !!rec.edit + rec.lake == 1, "not one place");
    bool rule = rec.op == RECORD_POLICY || rec.op == RECORD_ACCESS_GROUP ||
                rec.op == RECORD_RANGES || rec.op == RECORD_ROLE;
    must(!rule || (rec.key[0] && rec.key[1]), "a rule without its keys");
    check_round_trip(&rec);
    return 0;
}
