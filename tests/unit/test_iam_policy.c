/* tests/unit/test_iam_policy.c - grants as statements of a bucket policy, beside those of others. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/iam_policy.h"

#define ANN "arn:aws:iam::111122223333:user/ann"
#define BEN "arn:aws:iam::111122223333:role/farm/ben"
#define END 1750031999 /* 2025-06-15T23:59:59Z */

static const struct iam_policy plain = {
    .current = "", .bucket = "lake", .prefix = "", .tags = 1, .now = 1750000000};

static int merge(const struct iam_policy *p, const char *current, const struct iam_grant *grants,
                 size_t n, struct buf *ret, struct iam_policy_report *report, struct err *e)
{
    struct iam_policy mine = *p;
    mine.current = current;
    mine.current_n = strlen(current);
    mine.grants = grants;
    mine.n_grants = n;
    return iam_policy_merge(&mine, ret, report, e);
}

static void test_statement(void **state)
{
    (void)state;
    static const struct iam_grant grants[] = {{"t7ory5o5hm", ANN, 0, END}};
    AUTO(buf) struct buf b = {0};
    struct iam_policy_report report;
    struct err e;
    if (merge(&plain, "", grants, 1, &b, &report, &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(
        b.p, "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"ShotLockert7ory5o5hms1\","
             "\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"" ANN "\"},\"Action\":\"s3:GetObject\","
             "\"Resource\":\"arn:aws:s3:::lake/*\",\"Condition\":{\"StringLike\":{"
             "\"s3:ExistingObjectTag/ShotLockerAccess\":\"*t7ory5o5hm*\"},\"DateLessThan\":{"
             "\"aws:CurrentTime\":\"2025-06-15T23:59:59Z\"}}}]}");
    assert_true(report.changed);
    assert_int_equal(report.added, 1);
}

static void test_same_bytes_again(void **state)
{
    (void)state;
    static const struct iam_grant grants[] = {
        {"t7ory5o5hm", BEN, 100, END}, {"t7ory5o5hm", ANN, 200, END}, /* one statement */
        {"a7ory5o5hm", ANN, 0, END},
        {"t7ory5o5hm", ANN, 1750000001, END + 1}, /* begins later */
        {"t7ory5o5hm", ANN, 0, 1750000000},       /* has ended */
    };
    AUTO(buf) struct buf first = {0}, second = {0};
    struct iam_policy_report report;
    struct iam_policy later = plain;
    struct err e;
    assert_int_equal(merge(&plain, "", grants, COUNT(grants), &first, &report, &e), 0);
    assert_int_equal(report.statements, 3);
    assert_non_null(strstr(first.p, "[\"" BEN "\",\"" ANN "\"]"));
    assert_non_null(strstr(first.p, "\"DateGreaterThanEquals\""));
    assert_int_equal(merge(&later, first.p, grants, COUNT(grants), &second, &report, &e), 0);
    assert_false(report.changed);
    assert_int_equal(report.kept, 3);
    assert_string_equal(first.p, second.p);
}

static void test_more_tags(void **state)
{
    (void)state;
    static const struct iam_grant grants[] = {{"t7ory5o5hm", ANN, 0, END}};
    struct iam_policy p = plain;
    AUTO(buf) struct buf b = {0};
    struct iam_policy_report report;
    struct err e;
    p.tags = 3;
    p.prefix = "show/";
    assert_int_equal(merge(&p, "", grants, 1, &b, &report, &e), 0);
    assert_int_equal(report.statements, 3);
    assert_non_null(strstr(b.p, "\"s3:ExistingObjectTag/ShotLockerAccess3\""));
    assert_non_null(strstr(b.p, "\"arn:aws:s3:::lake/show/*\""));
}

#define THEIRS "{\"Sid\":\"Team\",\"Effect\":\"Deny\",\"Principal\":\"*\"}"
#define OURS(sid, resource) "{\"Sid\":\"" sid "\",\"Resource\":\"" resource "\"}"

static void test_what_is_ours(void **state)
{
    (void)state;
    static const struct {
        const char *name, *statement;
        bool ours;
    } rows[] = {
        {"ours", OURS("ShotLockert7ory5o5hms12", "arn:aws:s3:::lake/*"), true},
        {"of another partition", OURS("ShotLockert7ory5o5hms1", "arn:aws-cn:s3:::lake/*"), true},
        {"without a number", OURS("ShotLockert7ory5o5hms", "arn:aws:s3:::lake/*"), false},
        {"with more behind it", OURS("ShotLockert7ory5o5hms1x", "arn:aws:s3:::lake/*"), false},
        {"Shot Locker's own", OURS("ShotLockert7ory5o5hmabcdef", "arn:aws:s3:::lake/*"), false},
        {"short", OURS("ShotLocker", "arn:aws:s3:::lake/*"), false},
        {"of another lake in the bucket", OURS("ShotLockert7ory5o5hms1", "arn:aws:s3:::lake/b/*"),
         false},
        {"of another bucket", OURS("ShotLockert7ory5o5hms1", "arn:aws:s3:::salt-lake/*"), false},
        {"no Sid", "{\"Resource\":\"arn:aws:s3:::lake/*\"}", false},
        {"a list of resources", "{\"Sid\":\"ShotLockert7ory5o5hms1\",\"Resource\":[]}", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(free) char *current = xasprintf("{\"Statement\":[" THEIRS ",%s]}", rows[i].statement);
        AUTO(buf) struct buf b = {0};
        struct iam_policy_report report;
        struct err e;
        assert_int_equal(merge(&plain, current, NULL, 0, &b, &report, &e), 0);
        if (report.removed != rows[i].ours || report.foreign != 2u - rows[i].ours)
            fail_msg("%s: %s", rows[i].name, buf_str(&b));
        assert_non_null(strstr(buf_str(&b), THEIRS));
    }
}

#define SHOT_LOCKERS(more)                                                                         \
    "{\"Sid\":\"ShotLockera1b2\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":[\"" ANN "\",\"" BEN     \
    "\"]},\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::lake/*\",\"Condition\":{"            \
    "\"StringLike\":{\"s3:ExistingObjectTag/ShotLockerAccess\":\"*t7ory5o5hm*\"},"                 \
    "\"DateLessThan\":{\"aws:CurrentTime\":\"2025-06-15T23:59:59Z\"}" more "}}"

static int note_grant(void *arg, const struct iam_grant *g, struct err *e)
{
    (void)e;
    buf_addf(arg, "%s %s %lld %lld;", g->edit, g->arn, (long long)g->from, (long long)g->until);
    return 0;
}

static void test_shot_lockers_grants(void **state)
{
    (void)state;
    static const char policy[] =
        "{\"Statement\":[" THEIRS "," SHOT_LOCKERS("") ","
        /* a condition more than it writes could narrow what the grant would not */
        SHOT_LOCKERS(",\"IpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}") "]}";
    AUTO(buf) struct buf b = {0};
    size_t skipped;
    struct err e;
    assert_int_equal(iam_policy_grants(policy, sizeof policy - 1, note_grant, &b, &skipped, &e), 0);
    assert_string_equal(b.p, "t7ory5o5hm " ANN " 0 1750031999;t7ory5o5hm " BEN " 0 1750031999;");
    assert_int_equal(skipped, 1);
    assert_int_equal(iam_policy_grants("x", 1, note_grant, &b, &skipped, &e), -EBADMSG);
}

static bool knows_it(void *arg, const char *edit)
{
    return strcmp(edit, arg) == 0;
}

static void test_adopted_statements_are_ours(void **state)
{
    (void)state;
    static const char current[] = "{\"Statement\":[" SHOT_LOCKERS("") "]}";
    static const struct {
        const char *known;
        size_t removed;
    } rows[] = {{"t7ory5o5hm", 1}, {"aaaaaaaaaa", 0}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(buf) struct buf b = {0};
        struct iam_policy p = plain;
        struct iam_policy_report report;
        struct err e;
        p.knows = knows_it;
        p.arg = (void *)rows[i].known;
        assert_int_equal(merge(&p, current, NULL, 0, &b, &report, &e), 0);
        assert_int_equal(report.removed, rows[i].removed);
        assert_int_equal(report.foreign, 1 - rows[i].removed);
    }
}

static void test_unreadable_is_left_alone(void **state)
{
    (void)state;
    static const char *const bad[] = {"x", "{}", "[]", "{\"Statement\":1}",
                                      "{\"Statement\":[],\"Statement\":[]}", "{\"Statement\":[]} x"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        AUTO(buf) struct buf b = {0};
        struct iam_policy_report report;
        struct err e;
        if (merge(&plain, bad[i], NULL, 0, &b, &report, &e) != -EBADMSG || b.len > 0)
            fail_msg("'%s' is taken for a policy", bad[i]);
    }
}

static void test_limit(void **state)
{
    (void)state;
    struct iam_grant grants[100];
    struct iam_policy_report report;
    struct err e;
    size_t fits = 0;
    for (size_t i = 0; i < COUNT(grants); i++)
        grants[i] = (struct iam_grant){"t7ory5o5hm", ANN, 0, END + (int64_t)i};
    for (size_t n = 1; n <= COUNT(grants); n++) {
        AUTO(buf) struct buf b = {0};
        int r = merge(&plain, "", grants, n, &b, &report, &e);
        assert_true(r == 0 || r == -EFBIG);
        assert_true(b.len <= IAM_POLICY_MAX_BYTES);
        assert_true((r == 0) == (b.len > 0));
        fits = r == 0 ? n : fits;
    }
    assert_in_range(fits, 50, 99);
}

static void test_nothing_left(void **state)
{
    (void)state;
    static const char current[] =
        "{\"Statement\":[" OURS("ShotLockert7ory5o5hms1", "arn:aws:s3:::lake/*") "]}";
    AUTO(buf) struct buf b = {0};
    struct iam_policy_report report;
    struct err e;
    assert_int_equal(merge(&plain, current, NULL, 0, &b, &report, &e), 0);
    assert_int_equal(b.len, 0);
    assert_true(report.changed);
    static const struct iam_grant bad[] = {{"t7ory5o5hm", "user:ann", 0, END}};
    assert_int_equal(merge(&plain, current, bad, 1, &b, &report, &e), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statement),  cmocka_unit_test(test_same_bytes_again),
        cmocka_unit_test(test_more_tags),  cmocka_unit_test(test_what_is_ours),
        cmocka_unit_test(test_unreadable_is_left_alone), cmocka_unit_test(test_limit),
        cmocka_unit_test(test_nothing_left), cmocka_unit_test(test_shot_lockers_grants),
        cmocka_unit_test(test_adopted_statements_are_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
