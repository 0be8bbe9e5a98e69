/* tests/unit/test_policy.c - the decision: grants in time, groups, roles and access lists. */
/* SPDX-License-Identifier: MIT */
#include "base/when.h"
#include "tests/unit/policy_world.h"

#define E1 "aaaaaaaaa1"
#define E2 "bbbbbbbbb2"
#define FROM "2027-01-15T08:00:00Z" /* NOON */
#define UNTIL "2027-01-15T09:00:00Z"
#define HOUR 3600
#define PAST "1970-01-01"
#define FAR "2100-01-01"

static struct world *small(void **state)
{
    struct world *w = *state;
    inventory(w, "+a/1.mov +a/2.mov +b/c/3.mov +d.mov");
    edit(w, E1, "a/1.mov");
    edit(w, E2, "b/c/3.mov");
    return w;
}

/* Active where from <= t < until, to the second. */
static void test_boundaries(void **state)
{
    struct world *w = small(state);
    grant(w, E1, "user:ann", FROM, UNTIL);
    static const struct {
        int64_t t;
        const char *sees;
        int64_t next;
    } rows[] = {
        {0, "", NOON},
        {NOON - 1, "", NOON},
        {NOON, "a/ a/1.mov", NOON + HOUR},
        {NOON + 1, "a/ a/1.mov", NOON + HOUR},
        {NOON + HOUR - 1, "a/ a/1.mov", NOON + HOUR},
        {NOON + HOUR, "", WHEN_NEVER},
        {NOON + HOUR + 1, "", WHEN_NEVER},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t next = 0;
        AUTO(free) char *got = view_at(w, "user:ann", rows[i].t, NULL, &next);
        if (strcmp(got, rows[i].sees) != 0 || next != rows[i].next)
            fail_msg("at %lld: '%s', next change %lld", (long long)rows[i].t, got,
                     (long long)next);
    }
}

/* The next change is the nearest of all that the principal, its groups and roles hold; somebody
 * else's does not count. */
static void test_next_change(void **state)
{
    struct world *w = small(state);
    int64_t next;
    grant(w, E1, "user:ann", PAST, "2027-01-15T12:00:00Z");
    grant(w, E2, "group:g", "2027-01-15T10:00:00Z", "2027-01-15T11:00:00Z");
    grant(w, E2, "user:bob", PAST, "2027-01-15T08:30:00Z");
    static const char people[] = "{'users':[{'id':'ann','groups':['g']}]}";
    free(view_at(w, "user:ann", NOON, people, &next));
    assert_int_equal(next, NOON + 2 * HOUR);
    free(view_at(w, "user:ann", NOON + 2 * HOUR, people, &next));
    assert_int_equal(next, NOON + 3 * HOUR);
    free(view_at(w, "user:ann", NOON, NULL, &next));
    assert_int_equal(next, NOON + 4 * HOUR);
    free(view_at(w, "user:carl", NOON, NULL, &next));
    assert_int_equal(next, WHEN_NEVER);
}

static void test_default_is_nothing(void **state)
{
    struct world *w = small(state);
    grant(w, E1, "user:ann", PAST, FAR);
    static const char *const strangers[] = {"user:bob", "user:an", "user:anna", "user:Ann",
                                            "group:ann", "role:ann", "user:root"};
    for (size_t i = 0; i < COUNT(strangers); i++)
        assert_view(w, strangers[i], NOON, "");
    assert_view(w, "user:ann", NOON, "a/ a/1.mov");
}

static void test_groups_and_roles(void **state)
{
    struct world *w = small(state);
    static const char people[] =
        "{'users':[{'id':'ann','groups':['g'],'roles':['r']},{'id':'bob'}],"
        "'groups':[{'id':'h','members':['bob']}]}";
    grant(w, E1, "group:g", PAST, FAR);
    grant(w, E2, "role:r", PAST, FAR);
    AUTO(free) char *ann = view_at(w, "user:ann", NOON, people, NULL);
    assert_string_equal(ann, "a/ a/1.mov b/ b/c/ b/c/3.mov");
    AUTO(free) char *bob = view_at(w, "user:bob", NOON, people, NULL);
    assert_string_equal(bob, "");
    grant(w, E2, "group:h", PAST, FAR);
    AUTO(free) char *again = view_at(w, "user:bob", NOON, people, NULL);
    assert_string_equal(again, "b/ b/c/ b/c/3.mov");
    assert_view(w, "group:g", NOON, "a/ a/1.mov"); /* a group by itself */
    assert_view(w, "role:g", NOON, "");
    assert_view(w, "user:ann", NOON, ""); /* without the file she is in no group */
}

/* A second grant of the same edit to the same principal takes the place of the first. */
static void test_grant_again(void **state)
{
    struct world *w = small(state);
    grant(w, E1, "user:ann", PAST, FAR);
    grant(w, E1, "user:ann", PAST, FROM);
    assert_view(w, "user:ann", NOON - 1, "a/ a/1.mov");
    assert_view(w, "user:ann", NOON, "");
    grant(w, E1, "user:ann", PAST, FAR);
    assert_view(w, "user:ann", NOON, "a/ a/1.mov");
    grant(w, E1, "group:g", PAST, FAR);
    take_back(w, E1, "user:ann"); /* leaves the group's */
    assert_view(w, "user:ann", NOON, "");
    assert_view(w, "group:g", NOON, "a/ a/1.mov");
}

static void test_acl_types(void **state)
{
    struct world *w = small(state);
    static const struct {
        const char *entries, *user, *group;
    } rows[] = {
        {READ_FOR("USER", "ann"), "a/ a/1.mov a/2.mov", ""},
        {READ_FOR("GROUP", "ann"), "", "a/ a/1.mov a/2.mov"},
        {"[{'principalType':'USER','principal':'ann','accessTypes':[]}]", "", ""},
        {"[{'principalType':'USER','principal':'ann','accessTypes':['write','modify_all_access']}]",
         "", ""},
        {"[{'principalType':'USER','principal':'ann','accessTypes':['READ','reads']}]", "", ""},
        {"[{'principalType':'USER','principal':'ann','accessTypes':['write']},"
         "{'principalType':'USER','principal':'ann','accessTypes':['write','read']}]",
         "a/ a/1.mov a/2.mov", ""},
        {"[]", "", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        acl(w, "a/", rows[i].entries);
        assert_view(w, "user:ann", NOON, rows[i].user);
        assert_view(w, "group:ann", NOON, rows[i].group);
        assert_view(w, "user:bob", NOON, "");
    }
}

/* A list reaches everything below its folder and nothing beside it; lists add up. */
static void test_acl_reach(void **state)
{
    struct world *w = small(state);
    inventory(w, "+ab/x.mov +a.mov +b/c.mov +b/cc/y.mov");
    acl(w, "a/", READ_FOR("USER", "ann"));
    assert_view(w, "user:ann", NOON, "a/ a/1.mov a/2.mov");
    acl(w, "b/c/", READ_FOR("USER", "ann"));
    assert_view(w, "user:ann", NOON, "a/ a/1.mov a/2.mov b/ b/c/ b/c/3.mov");
    acl(w, "d.mov", READ_FOR("USER", "ann"));
    acl(w, "a/", "[]");
    assert_view(w, "user:ann", NOON, "b/ b/c/ b/c/3.mov d.mov");
    acl(w, "b/", READ_FOR("USER", "bob")); /* takes nothing away from what is below */
    assert_view(w, "user:ann", NOON, "b/ b/c/ b/c/3.mov d.mov");
    acl(w, "/", READ_FOR("GROUP", "all"));
    assert_view(w, "group:all", NOON,
                "a.mov a/ a/1.mov a/2.mov ab/ ab/x.mov b/ b/c.mov b/c/ b/c/3.mov b/cc/ b/cc/y.mov "
                "d.mov");
    acl(w, "/", "[]");
    assert_view(w, "group:all", NOON, "");
}

/* An unreadable index is an error, never an empty answer. */
static void test_damage_is_an_error(void **state)
{
    struct world *w = small(state);
    grant(w, E1, "user:ann", PAST, FAR);
    AUTO(free) char *file = xasprintf("%s/data.mdb", w->dir);
    index_close(w->ix);
    w->ix = NULL;
    FILE *f = fopen(file, "r+");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    for (long at = 0; at < size; at++) { /* the bitmaps' magic: no set that can be read */
        unsigned char magic[4];
        fseek(f, at, SEEK_SET);
        if (fread(magic, 1, 4, f) == 4 && memcmp(magic, "\x3b\x30\x00\x00", 4) == 0)
            fseek(f, at, SEEK_SET), fwrite("\xff\xff\xff\xff", 1, 4, f);
        if (memcmp(magic, "\x3a\x30\x00\x00", 4) == 0)
            fseek(f, at, SEEK_SET), fwrite("\xff\xff\xff\xff", 1, 4, f);
    }
    fclose(f);
    assert_int_equal(index_open(w->dir, &w->ix, &w->e), 0);
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(visible) struct visible v = {0};
    AUTO(who) struct who who = {0};
    principals_expand(NULL, "user:ann", &who);
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(visible_compute(rd, &who, NOON, &v, &w->e), -EBADMSG);
    assert_null(v.nodes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_boundaries),       WORLD_TEST(test_next_change),
        WORLD_TEST(test_default_is_nothing), WORLD_TEST(test_groups_and_roles),
        WORLD_TEST(test_grant_again),      WORLD_TEST(test_acl_types),
        WORLD_TEST(test_acl_reach),        WORLD_TEST(test_damage_is_an_error),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
