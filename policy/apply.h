/* policy/apply.h - replay: one ledger record becomes one transaction of the index. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_APPLY_H
#define POLICY_APPLY_H

#include <stddef.h>

struct buf;
struct err;
struct index;

/* Fetches the payload of that SHA-256 and appends its bytes to `ret`; the caller of
 * apply_record() verifies the hash. Called before the transaction begins: no lock is held. */
typedef int apply_payload_fn(void *arg, const char *hash, struct buf *ret, struct err *e);

/* Applies the bytes of one record. It must follow the index's head: next number, and "prev" the
 * hash of the record there. Replay is deterministic: two hosts at the same head hold the same
 * nodes, labels and grants.
 *
 * 0: applied. 1: the index is at or past this number already (another process was faster).
 * -EBADMSG: not the record that follows (a gap, a broken chain, a bad record); nothing changed.
 * -EPROTONOSUPPORT: a record of a newer shotlake; nothing changed. */
int apply_record(struct index *ix, const void *data, size_t n, apply_payload_fn *payload,
                 void *arg, struct err *e);

/* Why a key cannot be shown as a path, as the byte of TABLE_HIDDEN, or 0 where it can:
 * 'e' empty component, 'd' '.' or '..', 'l' component over 255 bytes, 'm' ends in '/', 'u' not
 * UTF-8. */
char key_problem(const char *key);

#endif
