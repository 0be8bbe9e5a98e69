/* policy/iam_policy.h - grants to IAM principals as statements of a bucket policy (row SL10). */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_IAM_POLICY_H
#define POLICY_IAM_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

#define IAM_POLICY_MAX_BYTES 20480 /* of a bucket policy (AWS) */

/* One grant to an IAM user or role, active where from <= t < until. Strings are borrowed. */
struct iam_grant {
    const char *edit;
    const char *arn; /* "arn:aws:iam::111122223333:user/x" */
    int64_t from, until;
};

/* What is asked of iam_policy_merge(). */
struct iam_policy {
    const char *current; /* the bucket's policy, "" where it has none */
    size_t current_n;
    const char *bucket;
    const char *prefix; /* of the lake in the bucket: "" or ends with '/' */
    const struct iam_grant *grants;
    size_t n_grants;
    unsigned tags;      /* object tags that may name an edit: ShotLockerAccess, ShotLockerAccess2…;
                         * at least 1 */
    int64_t now;        /* grants that have ended are left out */
    /* True for an edit that this ledger has; NULL: none. Shot Locker's own statements for it are
     * ours too then: its grants are in the ledger, and a revoke must take them away. */
    bool (*knows)(void *arg, const char *edit);
    void *arg;
};

struct iam_policy_report {
    size_t statements; /* of ours, afterwards */
    size_t removed, added, kept, foreign;
    bool changed;
};

/* Appends the policy that the bucket should have: every statement that is not ours as it is, in its
 * place, then ours. Nothing appended: none is left, the policy is to be deleted. Ours are those
 * whose Sid is "ShotLocker", an edit id, "s", a number, and whose Resource is this lake's, so that
 * two lakes of one bucket leave each other alone; and those that Shot Locker made for an edit that
 * is known here. Its other statements are left alone until they are adopted.
 *
 * A statement is one edit with one time span, for all who hold it so: GetObject where the object's
 * tag holds the id and the time is in the span. The same grants give the same bytes.
 *
 * -EBADMSG: `current` is no policy that can be read: nothing may be written over it. -EFBIG: the
 * result would pass IAM_POLICY_MAX_BYTES; the sentence says how far. -EINVAL: a grant to what is no
 * IAM principal. */
int iam_policy_merge(const struct iam_policy *p, struct buf *ret, struct iam_policy_report *report,
                     struct err *e);

/* Reads the grants in the statements that Shot Locker makes: Sid "ShotLocker…", Allow GetObject to
 * IAM principals where StringLike s3:ExistingObjectTag/ShotLockerAccess is "*ID*" and DateLessThan
 * aws:CurrentTime. Calls `fn` for each (g->from is 0; borrowed for the call); a negative return
 * ends it with that code. `*ret_skipped`: statements with such a Sid that say something else.
 * -EBADMSG: `policy` cannot be read. */
typedef int iam_grant_fn(void *arg, const struct iam_grant *g, struct err *e);
int iam_policy_grants(const char *policy, size_t n, iam_grant_fn *fn, void *arg,
                      size_t *ret_skipped, struct err *e);

#endif
