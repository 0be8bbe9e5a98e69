/* policy/iam_policy.c - grants to IAM principals as statements of a bucket policy (row SL10). */
/* SPDX-License-Identifier: MIT */
#include "policy/iam_policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/when.h"
#include "policy/record.h"
#include "policy/types.h"

#define SID_START "ShotLocker"
#define TAG_CONDITION "s3:ExistingObjectTag/ShotLockerAccess"

/* "aws", "aws-cn": the store of a partition has its principals in the same one. */
static char *partition_of(const char *arn)
{
    const char *from = arn + 4, *end = strchr(from, ':');
    return xstrndup(from, end ? (size_t)(end - from) : 0);
}

static int check_grants(const struct iam_policy *p, struct err *e)
{
    for (size_t i = 0; i < p->n_grants; i++)
        if (strncmp(p->grants[i].arn, "arn:", 4) != 0 || !edit_id_is_valid(p->grants[i].edit))
            return err_set(e, -EINVAL, "'%.128s' is not an IAM user or role", p->grants[i].arn);
    return 0;
}

/* The objects of the lake. Without any grant the partition is AWS's own, or whichever a statement
 * of ours has: the end of the text tells. */
static char *resource_of(const struct iam_policy *p)
{
    AUTO(free) char *partition = p->n_grants > 0 ? partition_of(p->grants[0].arn) : xstrdup("aws");
    return xasprintf("arn:%s:s3:::%s/%s*", partition, p->bucket, p->prefix);
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

static bool has_sid(const json_t *statement)
{
    const char *sid = json_string_value(json_object_get(statement, "Sid"));
    return sid && strncmp(sid, SID_START, strlen(SID_START)) == 0;
}

static const char *text_at(const json_t *statement, const char *outer, const char *inner)
{
    return json_string_value(json_object_get(json_object_get(statement, outer), inner));
}

/* A statement as Shot Locker makes it: the edit, the end, and who (a text or a list). */
static bool read_statement(const json_t *statement, char edit[EDIT_ID_SIZE], int64_t *ret_until,
                           const json_t **ret_arns)
{
    const char *effect = json_string_value(json_object_get(statement, "Effect"));
    const char *action = json_string_value(json_object_get(statement, "Action"));
    const json_t *condition = json_object_get(statement, "Condition");
    const char *like = text_at(condition, "StringLike", TAG_CONDITION);
    const char *until = text_at(condition, "DateLessThan", "aws:CurrentTime");
    const json_t *arns = json_object_get(json_object_get(statement, "Principal"), "AWS");
    struct err ignored;
    if (!has_sid(statement) || !effect || strcmp(effect, "Allow") != 0 || !action ||
        strcmp(action, "s3:GetObject") != 0 || !like || !until ||
        json_object_size(condition) != 2 || strlen(like) != EDIT_ID_LEN + 2 || *like != '*' ||
        like[EDIT_ID_LEN + 1] != '*' || (!json_is_string(arns) && !json_is_array(arns)))
        return false;
    memcpy(edit, like + 1, EDIT_ID_LEN);
    edit[EDIT_ID_LEN] = '\0';
    *ret_arns = arns;
    return edit_id_is_valid(edit) && when_parse(until, WHEN_DAY_END, ret_until, &ignored) == 0;
}

static bool is_adopted(const struct iam_policy *p, const json_t *statement)
{
    char edit[EDIT_ID_SIZE];
    const json_t *arns;
    int64_t until;
    return p->knows && read_statement(statement, edit, &until, &arns) && p->knows(p->arg, edit);
}

static bool is_ours(const json_t *statement, const char *resource)
{
    const char *sid = json_string_value(json_object_get(statement, "Sid"));
    const char *of = json_string_value(json_object_get(statement, "Resource"));
    char edit[EDIT_ID_SIZE] = "";
    if (!sid || !of || strncmp(sid, SID_START, strlen(SID_START)) != 0)
        return false;
    sid += strlen(SID_START);
    strncat(edit, sid, EDIT_ID_LEN);
    if (!edit_id_is_valid(edit) || sid[EDIT_ID_LEN] != 's')
        return false;
    const char *number = sid + EDIT_ID_LEN + 1;
    return *number && number[strspn(number, "0123456789")] == '\0' &&
           ends_with(of, strstr(resource, ":::"));
}

static int by_grant(const void *a, const void *b)
{
    const struct iam_grant *x = a, *y = b;
    int r = strcmp(x->edit, y->edit);
    if (r == 0)
        r = (x->until > y->until) - (x->until < y->until);
    if (r == 0)
        r = (x->from > y->from) - (x->from < y->from);
    return r != 0 ? r : strcmp(x->arn, y->arn);
}

static json_t *condition_of(const struct iam_grant *g, unsigned tag, bool has_begun)
{
    char from[WHEN_TEXT_SIZE], until[WHEN_TEXT_SIZE], key[64], value[EDIT_ID_SIZE + 2];
    if (tag == 1)
        snprintf(key, sizeof key, TAG_CONDITION);
    else
        snprintf(key, sizeof key, TAG_CONDITION "%u", tag);
    snprintf(value, sizeof value, "*%s*", g->edit);
    json_t *c = json_pack("{s{ss} s{ss}}", "StringLike", key, value, "DateLessThan",
                          "aws:CurrentTime", when_format(g->until, until));
    if (!has_begun)
        json_object_set_new(c, "DateGreaterThanEquals",
                            json_pack("{ss}", "aws:CurrentTime", when_format(g->from, from)));
    return c;
}

static json_t *statement_of(const struct iam_grant *g, size_t n, unsigned tag, unsigned number,
                            const struct iam_policy *p, const char *resource)
{
    json_auto_t *arns = json_array();
    AUTO(free) char *sid = xasprintf(SID_START "%ss%u", g->edit, number);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(g[i].arn, g[i - 1].arn) != 0)
            json_array_append_new(arns, json_string(g[i].arn));
    return json_pack("{ss ss s{sO} ss ss so}", "Sid", sid, "Effect", "Allow", "Principal", "AWS",
                     json_array_size(arns) == 1 ? json_array_get(arns, 0) : arns, "Action",
                     "s3:GetObject", "Resource", resource, "Condition",
                     condition_of(g, tag, g->from <= p->now));
}

/* A grant that is running is the same statement whenever it began. */
static int64_t begins(const struct iam_grant *g, int64_t now)
{
    return g->from <= now ? 0 : g->from;
}

static json_t *our_statements(const struct iam_policy *p, const char *resource)
{
    struct iam_grant *g = xcalloc(p->n_grants + 1, sizeof *g);
    json_t *ret = json_array();
    size_t n = 0;
    unsigned number = 0;
    for (size_t i = 0; i < p->n_grants; i++) {
        if (p->grants[i].until <= p->now)
            continue;
        g[n] = p->grants[i];
        g[n].from = begins(&g[n], p->now);
        n++;
    }
    qsort(g, n, sizeof *g, by_grant);
    for (size_t i = 0, k; i < n; i = k) {
        if (i == 0 || strcmp(g[i].edit, g[i - 1].edit) != 0)
            number = 0;
        for (k = i + 1; k < n && strcmp(g[k].edit, g[i].edit) == 0 && g[k].from == g[i].from &&
                        g[k].until == g[i].until; k++)
            ;
        for (unsigned tag = 1; tag <= p->tags; tag++)
            json_array_append_new(ret,
                                  statement_of(&g[i], k - i, tag, ++number, p, resource));
    }
    free(g);
    return ret;
}

/* The policy as a tree; a new one where the bucket has none. */
static int read_policy(const char *text, size_t n, json_t **ret, struct err *e)
{
    json_error_t je;
    if (n == 0) {
        *ret = json_pack("{ss s[]}", "Version", "2012-10-17", "Statement");
        return 0;
    }
    json_auto_t *doc = json_loadb(text, n, JSON_REJECT_DUPLICATES, &je);
    json_t *list = json_object_get(doc, "Statement");
    if (json_is_object(list)) { /* one statement may stand without a list around it */
        json_auto_t *one = json_incref(list);
        json_object_set_new(doc, "Statement", json_pack("[O]", one));
    } else if (!json_is_array(list)) {
        return err_set(e, -EBADMSG, "the bucket's policy cannot be read (%s); it is left as it is",
                       doc ? "it has no list of statements" : je.text);
    }
    *ret = TAKE(doc);
    return 0;
}

/* Takes ours out of the list; returns them. */
static json_t *take_ours(const struct iam_policy *p, json_t *statements, const char *resource,
                         size_t *ret_foreign)
{
    json_t *ours = json_array();
    for (size_t i = 0; i < json_array_size(statements);) {
        json_t *s = json_array_get(statements, i);
        if (!is_ours(s, resource) && !is_adopted(p, s)) {
            i++;
            continue;
        }
        json_array_append(ours, s);
        json_array_remove(statements, i);
    }
    *ret_foreign = json_array_size(statements);
    return ours;
}

static size_t count_same(const json_t *a, const json_t *b)
{
    size_t i, k, n = 0;
    json_t *x, *y;
    json_array_foreach(a, i, x)
        json_array_foreach(b, k, y)
            if (json_equal(x, y)) {
                n++;
                break;
            }
    return n;
}

int iam_policy_merge(const struct iam_policy *p, struct buf *ret, struct iam_policy_report *report,
                     struct err *e)
{
    json_auto_t *doc = NULL;
    int r = check_grants(p, e);
    if (r == 0)
        r = read_policy(p->current, p->current_n, &doc, e);
    if (r < 0)
        return r;
    AUTO(free) char *resource = resource_of(p);
    json_t *statements = json_object_get(doc, "Statement");
    json_auto_t *had = take_ours(p, statements, resource, &report->foreign);
    json_auto_t *want = our_statements(p, resource);
    report->statements = json_array_size(want);
    report->kept = count_same(want, had);
    report->added = report->statements - report->kept;
    report->removed = json_array_size(had) - report->kept;
    report->changed = !json_equal(want, had);
    json_array_extend(statements, want);
    if (json_array_size(statements) == 0)
        return 0;
    AUTO(free) char *text = json_dumps(doc, JSON_COMPACT);
    if (!text)
        return err_set(e, -EINVAL, "the bucket's policy cannot be written as JSON");
    if (strlen(text) > IAM_POLICY_MAX_BYTES)
        return err_set(e, -EFBIG,
                       "the bucket's policy would have %zu bytes, and may have %d: %zu statements "
                       "for %zu grants, %zu of others; end grants, or give them to fewer roles",
                       strlen(text), IAM_POLICY_MAX_BYTES, report->statements, p->n_grants,
                       report->foreign);
    buf_adds(ret, text);
    return 0;
}

/* One grant for each principal of a statement. */
static int each_arn(const struct iam_grant *g, const json_t *arns, iam_grant_fn *fn, void *arg,
                    struct err *e)
{
    json_auto_t *list = json_is_array(arns) ? json_incref((json_t *)arns)
                                            : json_pack("[O]", (json_t *)arns);
    size_t i;
    json_t *arn;
    json_array_foreach(list, i, arn) {
        struct iam_grant one = *g;
        one.arn = json_string_value(arn);
        int r = one.arn ? fn(arg, &one, e) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

int iam_policy_grants(const char *policy, size_t n, iam_grant_fn *fn, void *arg,
                      size_t *ret_skipped, struct err *e)
{
    json_auto_t *doc = NULL;
    size_t i;
    json_t *s;
    int r = read_policy(policy, n, &doc, e);
    *ret_skipped = 0;
    json_array_foreach(json_object_get(doc, "Statement"), i, s) {
        char edit[EDIT_ID_SIZE];
        const json_t *arns;
        struct iam_grant g = {.edit = edit};
        if (r < 0 || !has_sid(s))
            continue;
        if (read_statement(s, edit, &g.until, &arns))
            r = each_arn(&g, arns, fn, arg, e);
        else
            ++*ret_skipped;
    }
    return r;
}
