/* tests/unit/test_apply_edit.c - edits replayed: versions, retired objects, states, the log. */
/* SPDX-License-Identifier: MIT */
#include "policy/explain.h"
#include "tests/unit/policy_world.h"

#define E1 "aaaaaaaaa1"
#define E2 "bbbbbbbbb2"
#define PAST "1970-01-01"
#define FAR "2100-01-01T00:00:00Z"
#define NINE "2027-01-15T09:00:00Z"
#define TEN "2027-01-15T10:00:00Z"
#define HOUR 3600
#define ANN "user:ann"

/* A version of an edit; `more` is more members of the record, "" or ",'retire_until':…". */
static void version(struct world *w, const char *id, int number, const char *keys, const char *more)
{
    AUTO(free) char *copy = xstrdup(keys);
    AUTO(free) char *body = xasprintf(
        "{'op':'edit','edit':'%s','version':%d,'name':'Cut %d','file':'ShotLocker/%s/v%d/cut.otio',"
        "'manifest':'ShotLocker/%s/v%d/processed/cut.otio','objects':1,'bytes':10,"
        "'manifest_stat':[10,1,'m%d']%s}",
        id, number, number, id, number, id, number, number, more);
    struct buf rows = {0};
    char *save;
    for (char *k = strtok_r(copy, " ", &save); k; k = strtok_r(NULL, " ", &save))
        buf_addf(&rows, "['%s']\n", k);
    say(w, body, buf_str(&rows));
    buf_done(&rows);
}

static void change(struct world *w, const char *op, const char *id)
{
    AUTO(free) char *body = xasprintf("{'op':'%s','edit':'%s'}", op, id);
    say(w, body, NULL);
}

/* Four objects; version 1 of an edit has the first two, and ann holds it. */
static struct world *granted(void **state)
{
    struct world *w = *state;
    inventory(w, "+a/1 +a/2 +b/3 +b/4");
    version(w, E1, 1, "a/1 a/2", "");
    grant(w, E1, ANN, PAST, FAR);
    return w;
}

struct tagging {
    struct index_read *rd;
    int64_t t;
    struct buf ids;
};

static int add_tag(void *arg, const char *label, struct err *e)
{
    struct tagging *g = arg;
    char id[EDIT_ID_SIZE];
    int r = index_label_edit(g->rd, label, g->t, id, e);
    if (r > 0 && !strstr(buf_str(&g->ids), id))
        buf_addf(&g->ids, "%s%s", g->ids.len ? " " : "", id);
    return r < 0 ? r : 0;
}

/* The edits that the tags of a key must name at `t`. */
static char *tags_of(struct world *w, const char *key, int64_t t)
{
    AUTO(index_read) struct index_read *rd = NULL;
    node_id id;
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(index_find(rd, key, &id, &w->e), 0);
    struct tagging g = {.rd = rd, .t = t};
    if (index_labels_of(rd, id, add_tag, &g, &w->e) < 0)
        fail_msg("%s", w->e.text);
    buf_str(&g.ids);
    return buf_take(&g.ids);
}

static void assert_tags(struct world *w, const char *key, int64_t t, const char *want)
{
    AUTO(free) char *got = tags_of(w, key, t);
    if (strcmp(got ? got : "", want) != 0)
        fail_msg("%s at %lld is tagged '%s', not '%s'", key, (long long)t, got, want);
}

static void assert_label(struct world *w, const char *label, const char *want)
{
    AUTO(index_read) struct index_read *rd = NULL;
    roaring_bitmap_t *set = NULL;
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(index_label(rd, label, &set, &w->e), 0);
    AUTO(free) char *got = paths_of(rd, set);
    roaring_bitmap_free(set);
    if (strcmp(got, want) != 0)
        fail_msg("%s has '%s', not '%s'", label, got, want);
}

static void assert_tagged(struct world *w, const char *id, int64_t t, bool want)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(edit) struct edit ed = {0};
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(index_edit(rd, id, &ed, &w->e), 0);
    assert_int_equal(edit_is_tagged(&ed, t), want);
}

static void assert_edit(struct world *w, uint64_t number, enum edit_state state, const char *name)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(edit) struct edit ed = {0};
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(index_edit(rd, E1, &ed, &w->e), 0);
    assert_int_equal(ed.version, number);
    assert_int_equal(ed.state, state);
    assert_string_equal(ed.name, name);
}

/* ---- versions ------------------------------------------------------------------------------- */

static void test_switch(void **state)
{
    struct world *w = granted(state);
    assert_view(w, ANN, NOON, "a/ a/1 a/2");
    version(w, E1, 2, "a/2 b/3", "");
    assert_view(w, ANN, NOON, "a/ a/2 b/ b/3");
    assert_edit(w, 2, EDIT_ENABLED, "Cut 2");
    assert_tags(w, "a/1", NOON, "");
    assert_tags(w, "a/2", NOON, E1);
    assert_tags(w, "b/3", NOON, E1);
    assert_tags(w, "ShotLocker/" E1 "/v1/processed/cut.otio", NOON, "");
    assert_tags(w, "ShotLocker/" E1 "/v2/processed/cut.otio", NOON, E1);
    version(w, E1, 3, "a/1", ""); /* what was lost comes back */
    assert_view(w, ANN, NOON, "a/ a/1");
    assert_tags(w, "a/1", NOON, E1);
    version(w, E1, 4, "", "");
    assert_view(w, ANN, NOON, "");
    take_back(w, E1, ANN);
    version(w, E1, 5, "a/1 b/4", "");
    assert_view(w, ANN, NOON, "");
}

/* Another edit of the same objects is not touched, nor is an object that is not there. */
static void test_switch_beside_others(void **state)
{
    struct world *w = granted(state);
    version(w, E2, 1, "a/1 b/4 not/yet", "");
    grant(w, E2, "user:bob", PAST, FAR);
    version(w, E1, 2, "a/2 not/yet", "");
    assert_view(w, "user:bob", NOON, "a/ a/1 b/ b/4");
    assert_tags(w, "a/1", NOON, E2);
    inventory(w, "+not/yet");
    assert_view(w, ANN, NOON, "a/ a/2 not/ not/yet");
    version(w, E1, 3, "a/2", "");
    inventory(w, "-not/yet");
    inventory(w, "+not/yet");
    assert_view(w, ANN, NOON, "a/ a/2"); /* it does not come back with the object */
    assert_view(w, "user:bob", NOON, "a/ a/1 b/ b/4 not/ not/yet");
}

/* Only the next version counts: a second writer of the same one, or of one too far, came too late. */
static void test_order(void **state)
{
    struct world *w = granted(state);
    static const int late[] = {1, 3, 4, 1000000};
    for (size_t i = 0; i < COUNT(late); i++) {
        version(w, E1, late[i], "b/4", "");
        assert_view(w, ANN, NOON, "a/ a/1 a/2");
        assert_edit(w, 1, EDIT_ENABLED, "Cut 1");
    }
    version(w, E1, 2, "b/3", "");
    version(w, E1, 2, "b/4", "");
    assert_view(w, ANN, NOON, "b/ b/3");
    version(w, E2, 2, "a/1", ""); /* of no edit */
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(edit) struct edit ed = {0};
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(index_edit(rd, E2, &ed, &w->e), -ENOENT);
}

/* ---- retired objects ------------------------------------------------------------------------ */

static void test_retire(void **state)
{
    struct world *w = granted(state);
    version(w, E1, 2, "a/2 b/3", ",'retire_until':'" NINE "'");
    int64_t next;
    AUTO(free) char *seen = view_at(w, ANN, NOON, NULL, &next);
    assert_string_equal(seen, "a/ a/1 a/2 b/ b/3");
    assert_int_equal(next, NOON + HOUR); /* a mount looks again then */
    assert_view(w, ANN, NOON + HOUR - 1, "a/ a/1 a/2 b/ b/3");
    assert_view(w, ANN, NOON + HOUR, "a/ a/2 b/ b/3");
    assert_tags(w, "a/1", NOON, E1);
    assert_tags(w, "a/1", NOON + HOUR, "");
    take_back(w, E1, ANN); /* ends both */
    assert_view(w, ANN, NOON, "");
}

static void test_retire_twice(void **state)
{
    struct world *w = granted(state);
    version(w, E1, 2, "b/3", ",'retire_until':'" TEN "'"); /* a/1 a/2 until ten */
    version(w, E1, 3, "a/2 b/4", ",'retire_until':'" NINE "'"); /* b/3 until nine; a/2 is back */
    assert_view(w, ANN, NOON, "a/ a/1 a/2 b/ b/3 b/4");
    assert_view(w, ANN, NOON + HOUR, "a/ a/1 a/2 b/ b/4");
    assert_view(w, ANN, NOON + 2 * HOUR, "a/ a/2 b/ b/4");
    assert_label(w, "retired:" E1 ":2", "a/ a/1");
    version(w, E1, 4, "", ""); /* what goes at once takes no promise back */
    assert_view(w, ANN, NOON, "a/ a/1 b/ b/3");
    assert_tags(w, "a/2", NOON, "");
    assert_view(w, ANN, NOON + 2 * HOUR, "");
}

/* Nothing was lost: nothing is retired. */
static void test_retire_nothing(void **state)
{
    struct world *w = granted(state);
    AUTO(free) char *manifest = xstrdup("ShotLocker/" E1 "/v1/processed/cut.otio");
    AUTO(free) char *keys = xasprintf("a/1 a/2 %s", manifest);
    version(w, E1, 2, keys, ",'retire_until':'" NINE "'");
    int64_t next;
    AUTO(free) char *seen = view_at(w, ANN, NOON, NULL, &next);
    assert_string_equal(seen, "a/ a/1 a/2");
    assert_int_equal(next, 4102444800); /* the grant's own end */
    assert_tagged(w, E1, NOON, false);
    change(w, "tagged", E1);
    assert_tagged(w, E1, NOON + 10 * HOUR, true);
}

/* ---- the names below edits/ ----------------------------------------------------------------- */

static bool is_there(struct world *w, const char *path)
{
    AUTO(index_read) struct index_read *rd = NULL;
    node_id id;
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    return index_find_shown(rd, path, &id, &w->e) == 0;
}

static void version_with_link(struct world *w, int number, const char *target, const char *more)
{
    AUTO(free) char *body = xasprintf(
        "{'op':'edit','edit':'" E1 "','version':%d,'name':'Cut','file':'f','manifest':'m%d','objects':1,"
        "'bytes':1,'manifest_stat':[1,1,'e']%s}", number, number, more);
    AUTO(free) char *rows = xasprintf("['%s']\n['sh','%s','%s']\n", target, target + 2, target);
    say(w, body, rows);
}

/* A name goes with the version that had it, also where its object is retired: it must not come back
 * with an end when a later version has it again. */
static void test_names(void **state)
{
    struct world *w = *state;
    inventory(w, "+a/1 +a/2");
    version_with_link(w, 1, "a/1", "");
    assert_true(is_there(w, "edits/Cut-" E1 "/sh/1"));
    version_with_link(w, 2, "a/2", ",'retire_until':'" NINE "'");
    assert_false(is_there(w, "edits/Cut-" E1 "/sh/1"));
    assert_true(is_there(w, "edits/Cut-" E1 "/sh/2"));
    assert_false(is_there(w, "edits/Cut-" E1 "/m1"));
    version_with_link(w, 3, "a/1", "");
    assert_true(is_there(w, "edits/Cut-" E1 "/sh/1"));
    assert_label(w, "retired:" E1 ":2", "m1"); /* a/1 is in the cut again */
    change(w, "remove", E1);
    assert_false(is_there(w, "edits/Cut-" E1 "/sh/1"));
    assert_false(is_there(w, "edits"));
}

/* ---- tags ----------------------------------------------------------------------------------- */

static void test_tagged(void **state)
{
    struct world *w = granted(state);
    change(w, "tagged", E1);
    assert_tagged(w, E1, NOON, true);
    version(w, E1, 2, "b/3", "");
    assert_tagged(w, E1, NOON, false);
    assert_label(w, "untag:" E1, "a/ a/1 a/2"); /* whose tags may still name it */
    change(w, "tagged", E1);
    assert_tagged(w, E1, NOON, true);
    assert_label(w, "untag:" E1, "");
}

/* At its end a retired object needs its tags looked at again; "at" tells how far they were. */
static void test_tagged_after_retire(void **state)
{
    struct world *w = granted(state);
    version(w, E1, 2, "b/3", ",'retire_until':'" NINE "'");
    change(w, "tagged", E1);
    assert_tagged(w, E1, NOON, true);
    assert_tagged(w, E1, NOON + HOUR - 1, true);
    assert_tagged(w, E1, NOON + HOUR, false);
    say(w, "{'op':'tagged','edit':'" E1 "','at':'2027-01-15T08:59:59Z'}", NULL);
    assert_tagged(w, E1, NOON + HOUR, false);
    assert_view(w, ANN, NOON, "a/ a/1 a/2 b/ b/3");
    say(w, "{'op':'tagged','edit':'" E1 "','at':'" NINE "'}", NULL);
    assert_tagged(w, E1, NOON + HOUR, true);
    assert_view(w, ANN, NOON + HOUR, "b/ b/3");
    assert_view(w, ANN, NOON, "a/ a/1 a/2 b/ b/3"); /* what was is still known */
}

/* A retired object that was written anew has lost its tags like any other. */
static void test_new_bytes_of_retired(void **state)
{
    struct world *w = granted(state);
    version(w, E1, 2, "b/3", ",'retire_until':'" NINE "'");
    change(w, "tagged", E1);
    say(w, "{'op':'inventory','prefix':''}", "['+','a/1',10,2,'e2']\n");
    assert_tagged(w, E1, NOON, false);
}

/* ---- states --------------------------------------------------------------------------------- */

static void test_disable(void **state)
{
    struct world *w = granted(state);
    version(w, E1, 2, "a/1 b/3", ",'retire_until':'" NINE "'");
    change(w, "tagged", E1);
    change(w, "disable", E1);
    assert_view(w, ANN, NOON, "");
    assert_edit(w, 2, EDIT_DISABLED, "Cut 2");
    assert_tagged(w, E1, NOON, false);
    assert_tags(w, "a/1", NOON, "");
    assert_tags(w, "a/2", NOON, "");
    grant(w, E1, "user:bob", PAST, FAR);
    assert_view(w, "user:bob", NOON, "");
    version(w, E1, 3, "a/1", ""); /* stays disabled */
    assert_edit(w, 3, EDIT_DISABLED, "Cut 3");
    assert_view(w, ANN, NOON, "");
    change(w, "enable", E1);
    assert_view(w, ANN, NOON, "a/ a/1 a/2"); /* a/2 until nine */
    assert_view(w, "user:bob", NOON + HOUR, "a/ a/1");
    assert_tags(w, "a/1", NOON, E1);
}

static void test_remove(void **state)
{
    struct world *w = granted(state);
    version(w, E1, 2, "a/1 b/3", ",'retire_until':'" NINE "'");
    version(w, E2, 1, "a/1", "");
    grant(w, E2, ANN, PAST, FAR);
    change(w, "tagged", E1);
    change(w, "remove", E1);
    assert_view(w, ANN, NOON, "a/ a/1");
    assert_edit(w, 2, EDIT_REMOVED, "Cut 2");
    assert_label(w, "untag:" E1, "a/ a/1 a/2 b/ b/3");
    assert_tags(w, "a/1", NOON, E2);
    assert_tagged(w, E1, NOON, false);
    change(w, "tagged", E1);
    assert_label(w, "untag:" E1, "");
    AUTO(index_read) struct index_read *rd = NULL;
    struct grant g;
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(index_grant(rd, E1, ANN, &g, &w->e), -ENOENT);
    assert_int_equal(index_grant(rd, E2, ANN, &g, &w->e), 0);
}

/* For good: whatever else is in the ledger about it. */
static void test_nothing_after_remove(void **state)
{
    struct world *w = granted(state);
    change(w, "remove", E1);
    grant(w, E1, ANN, PAST, FAR);
    version(w, E1, 2, "a/1", "");
    change(w, "enable", E1);
    version(w, E1, 1, "a/1", "");
    assert_view(w, ANN, NOON, "");
    assert_edit(w, 1, EDIT_REMOVED, "Cut 1");
}

static void test_states_of_no_edit(void **state)
{
    struct world *w = *state;
    static const char *const ops[] = {"disable", "enable", "remove", "tagged"};
    for (size_t i = 0; i < COUNT(ops); i++)
        change(w, ops[i], E1);
    inventory(w, "+a/1");
    version(w, E1, 1, "a/1", ""); /* nothing lay in wait for it */
    grant(w, E1, ANN, PAST, FAR);
    assert_view(w, ANN, NOON, "a/ a/1");
}

/* ---- reasons -------------------------------------------------------------------------------- */

static void assert_reason(struct world *w, const char *path, int64_t t, bool allow,
                          const char *member, const char *want)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(who) struct who who = {0};
    json_auto_t *j = NULL;
    node_id id;
    principals_expand(NULL, ANN, &who);
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    if (index_find(rd, path, &id, &w->e) < 0 || explain_decision(rd, &who, id, t, &j, &w->e) < 0)
        fail_msg("%s", w->e.text);
    assert_int_equal(json_is_true(json_object_get(j, "allow")), allow);
    const json_t *reason = json_array_get(json_object_get(j, allow ? "by" : "not"), 0);
    const char *got = json_string_value(json_object_get(reason, member));
    assert_string_equal(got ? got : "", want);
}

static void test_explain(void **state)
{
    struct world *w = granted(state);
    version(w, E1, 2, "a/2", ",'retire_until':'" NINE "'");
    assert_reason(w, "a/1", NOON, true, "retiring", NINE);
    assert_reason(w, "a/2", NOON, true, "retiring", "");
    assert_reason(w, "a/", NOON, true, "retiring", "");
    assert_reason(w, "a/1", NOON + HOUR, false, "why",
                  "the cut uses it no more; retired until " NINE);
    change(w, "disable", E1);
    assert_reason(w, "a/1", NOON, false, "why", "the edit is disabled");
    assert_reason(w, "a/2", NOON, false, "why", "the edit is disabled");
    change(w, "remove", E1);
    assert_reason(w, "a/2", NOON, false, "why", "");
}

/* ---- the log -------------------------------------------------------------------------------- */

static int add_op(void *arg, json_t *record, struct err *e)
{
    const char *op = json_string_value(json_object_get(record, "op"));
    (void)e;
    assert_null(json_object_get(record, "prev"));
    buf_addf(arg, " %lld:%s%s", (long long)json_integer_value(json_object_get(record, "seq")), op,
             json_object_get(record, "no_effect") ? "!" : "");
    return 0;
}

static void test_log(void **state)
{
    struct world *w = granted(state); /* 3: edit, 4: grant */
    AUTO(buf) struct buf text = {0};
    version(w, E2, 1, "a/1", "");           /* 5 */
    version(w, E1, 3, "a/1", "");           /* 6: not the next one */
    version(w, E1, 2, "a/1", "");           /* 7 */
    change(w, "enable", E1);                /* 8: it is */
    take_back(w, E1, ANN);                  /* 9 */
    change(w, "remove", E1);                /* 10 */
    grant(w, E1, ANN, PAST, FAR);           /* 11 */
    AUTO(index_read) struct index_read *rd = NULL;
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(index_edit_log(rd, E1, add_op, &text, &w->e), 0);
    assert_string_equal(buf_str(&text),
                        " 3:edit 4:grant 6:edit! 7:edit 8:enable! 9:revoke 10:remove 11:grant!");
    buf_clear(&text);
    assert_int_equal(index_edit_log(rd, E2, add_op, &text, &w->e), 0);
    assert_string_equal(buf_str(&text), " 5:edit");
    json_auto_t *record = NULL;
    assert_int_equal(index_edit_version(rd, E1, 2, &record, &w->e), 0);
    assert_int_equal(json_integer_value(json_object_get(record, "seq")), 7);
    json_t *none = NULL;
    assert_int_equal(index_edit_version(rd, E1, 3, &none, &w->e), -ENOENT);
    assert_int_equal(index_edit_version(rd, E1, 0, &none, &w->e), -ENOENT);
    assert_null(none);
}

/* Two indexes that apply the same records agree about everything that was retired and removed. */
static void test_deterministic(void **state)
{
    struct world *a = *state, *b = world_open(1), *both[] = {a, b};
    for (int i = 0; i < 2; i++) {
        struct world *w = both[i];
        inventory(w, "+a/1 +a/2 +b/3");
        version(w, E1, 1, "a/1 a/2", "");
        grant(w, E1, ANN, PAST, FAR);
        version(w, E1, 2, "b/3", ",'retire_until':'" NINE "'");
        version(w, E1, 3, "a/2", ",'retire_until':'" TEN "'");
        say(w, "{'op':'tagged','edit':'" E1 "','at':'" NINE "'}", NULL);
    }
    assert_memory_equal(head_of(a).hash, head_of(b).hash, SHA256_SIZE);
    for (int64_t t = NOON; t < NOON + 3 * HOUR; t += HOUR / 2) {
        AUTO(free) char *x = view_at(a, ANN, t, NULL, NULL);
        assert_view(b, ANN, t, x);
    }
    assert_view(b, ANN, NOON, "a/ a/1 a/2 b/ b/3");
    assert_view(b, ANN, NOON + HOUR, "a/ a/2 b/ b/3");
    world_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_switch),
        WORLD_TEST(test_switch_beside_others),
        WORLD_TEST(test_order),
        WORLD_TEST(test_retire),
        WORLD_TEST(test_retire_twice),
        WORLD_TEST(test_retire_nothing),
        WORLD_TEST(test_names),
        WORLD_TEST(test_tagged),
        WORLD_TEST(test_tagged_after_retire),
        WORLD_TEST(test_new_bytes_of_retired),
        WORLD_TEST(test_disable),
        WORLD_TEST(test_remove),
        WORLD_TEST(test_nothing_after_remove),
        WORLD_TEST(test_states_of_no_edit),
        WORLD_TEST(test_explain),
        WORLD_TEST(test_log),
        WORLD_TEST(test_deterministic),
    };
    return cmocka_run_group_tests_name("apply_edit", tests, NULL, NULL);
}
