/* tests/unit/test_media.c - facts of media: rows of the ledger, lookups by reel and UMID. */
/* SPDX-License-Identifier: MIT */
#include "tests/unit/policy_world.h"

#define MEDIA "{'op':'media','rows':1}"

static char *facts_of(struct world *w, const char *path)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(media) struct media m = {0};
    node_id id;
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(index_find(rd, path, &id, &w->e), 0);
    int r = index_media(rd, id, &m, &w->e);
    if (r == -ENOENT)
        return xstrdup("");
    assert_int_equal(r, 0);
    return xasprintf("%s %s %s %lld %lld %lld/%lld", m.from, m.reel ? m.reel : "-",
                     m.umid ? m.umid : "-", (long long)m.start, (long long)m.frames,
                     (long long)m.rate_num, (long long)m.rate_den);
}

static void assert_facts(struct world *w, const char *path, const char *want)
{
    AUTO(free) char *got = facts_of(w, path);
    assert_string_equal(got, want);
}

/* `umid`, or a reel: whole, or its beginning where it ends in '*'. */
static void assert_found(struct world *w, const char *text, bool umid, const char *want)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(free) node_id *ids = NULL;
    size_t n, len = strlen(text);
    bool exact = text[len - 1] != '*';
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    int r = umid ? index_by_umid(rd, text, &ids, &n, &w->e)
                 : index_by_reel(rd, text, len - !exact, exact, &ids, &n, &w->e);
    assert_int_equal(r, 0);
    roaring_bitmap_t *set = roaring_bitmap_create();
    for (size_t i = 0; i < n; i++) {
        assert_true(i == 0 || ids[i] > ids[i - 1]);
        roaring_bitmap_add(set, ids[i]);
    }
    AUTO(free) char *got = paths_of(rd, set);
    roaring_bitmap_free(set);
    if (strcmp(got, want) != 0)
        fail_msg("%s: '%s', not '%s'", text, got, want);
}

static void test_rows(void **state)
{
    struct world *w = *state;
    inventory(w, "+a/1.mov +a/2.mov +b/3.mov +b/4.mov");
    say(w, MEDIA,
        "['b/3.mov','e1',{'from':'exr','reel':'A001C003','start':86400,'rate':[24000,1001]}]\n"
        "['a/1.mov','e1',{'from':'metadata','reel':'a001c003_240101','frames':7,'umid':'060a'}]\n"
        "['a/2.mov','e1',{'from':'none','from the future':[1]}]\n"
        "['b/4.mov','other',{'from':'exr','reel':'A001C003'}]\n"
        "['not/there.mov','e1',{'from':'exr','reel':'A001C003'}]\n"
        "['a//b','e1',{'from':'exr','reel':'A001C003'}]\n");
    assert_facts(w, "b/3.mov", "exr A001C003 - 86400 0 24000/1001");
    assert_facts(w, "a/1.mov", "metadata a001c003_240101 060a -1 7 0/0");
    assert_facts(w, "a/2.mov", "none - - -1 0 0/0");
    assert_facts(w, "b/4.mov", ""); /* it was another object by then */
    assert_found(w, "a001C003", false, "b/3.mov");
    assert_found(w, "A001C003*", false, "a/1.mov b/3.mov");
    assert_found(w, "A001C004*", false, "");
    assert_found(w, "a001c003_240101", false, "a/1.mov");
    assert_found(w, "060A", true, "a/1.mov");
    assert_found(w, "06", true, "");
}

static void test_facts_belong_to_an_etag(void **state)
{
    struct world *w = *state;
    inventory(w, "+a/1.mov");
    say(w, MEDIA, "['a/1.mov','e1',{'from':'exr','reel':'R1','umid':'ab'}]\n");
    inventory(w, "+a/1.mov"); /* the same ETag */
    assert_facts(w, "a/1.mov", "exr R1 ab -1 0 0/0");
    say(w, MEDIA, "['a/1.mov','e1',{'from':'metadata','reel':'R2'}]\n"); /* told anew */
    assert_found(w, "R1", false, "");
    assert_found(w, "ab", true, "");
    assert_found(w, "R2", false, "a/1.mov");
    say(w, "{'op':'inventory','prefix':''}", "['+','a/1.mov',10,2,'e2']\n");
    assert_facts(w, "a/1.mov", "");
    assert_found(w, "R2", false, "");
    say(w, MEDIA, "['a/1.mov','e2',{'from':'exr','reel':'R3'}]\n");
    inventory(w, "-a/1.mov");
    assert_found(w, "R3", false, "");
    say(w, "{'op':'inventory','prefix':''}", "['+','a/1.mov',10,2,'e2']\n");
    assert_facts(w, "a/1.mov", "");
    assert_found(w, "R3", false, "");
}

/* A record with a bad row changes nothing. */
static void test_bad_rows(void **state)
{
    struct world *w = *state;
    static const char *const rows[] = {
        "[7,'e1',{'from':'exr'}]\n",
        "['a/1.mov',{'from':'exr'}]\n",
        "['a/1.mov','e1']\n",
        "['a/1.mov','e1',[]]\n",
        "['a/1.mov','e1',{}]\n",
        "['a/1.mov','e1',{'from':7}]\n",
        "['a/1.mov','e1',{'from':''}]\n",
        "['a/1.mov','e1',{'from':'exr','reel':''}]\n",
        "['a/1.mov','e1',{'from':'exr','reel':null}]\n",
        "['a/1.mov','e1',{'from':'exr','umid':'xy'}]\n",
        "['a/1.mov','e1',{'from':'exr','umid':'AB'}]\n",
        "['a/1.mov','e1',{'from':'exr','start':-1}]\n",
        "['a/1.mov','e1',{'from':'exr','start':1.5}]\n",
        "['a/1.mov','e1',{'from':'exr','start':1099511627777}]\n",
        "['a/1.mov','e1',{'from':'exr','frames':0}]\n",
        "['a/1.mov','e1',{'from':'exr','rate':[24]}]\n",
        "['a/1.mov','e1',{'from':'exr','rate':[24,0]}]\n",
        "['a/1.mov','e1',{'from':'exr','rate':[24,1,1]}]\n",
        "['a/1.mov','e1',{'from':'exr','rate':24}]\n",
    };
    inventory(w, "+a/0.mov +a/1.mov");
    uint64_t seq = head_of(w).seq;
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(free) char *both = xasprintf("['a/0.mov','e1',{'from':'exr','reel':'R'}]\n%s",
                                          rows[i]);
        if (try_say(w, MEDIA, both) != -EBADMSG)
            fail_msg("taken: %s", rows[i]);
        assert_facts(w, "a/0.mov", "");
        assert_int_equal(head_of(w).seq, seq);
    }
    AUTO(buf) struct buf long_reel = {0};
    for (int i = 0; i < MEDIA_REEL_MAX + 1; i++)
        buf_addc(&long_reel, 'r');
    AUTO(free) char *row = xasprintf("['a/0.mov','e1',{'from':'exr','reel':'%s'}]\n", long_reel.p);
    assert_int_equal(try_say(w, MEDIA, row), -EBADMSG);
}

static void test_json(void **state)
{
    (void)state;
    static const struct {
        struct media m;
        const char *want;
        bool known;
    } rows[] = {
        {{.from = "none", .start = -1}, "{'from':'none'}", false},
        {{.from = "none", .start = -1, .rate_num = 24, .rate_den = 1},
         "{'from':'none','rate':[24,1]}", false},
        {{.from = "exr", .reel = "R", .umid = "ab", .start = 0, .drop = true, .frames = 2,
          .rate_num = 30000, .rate_den = 1001},
         "{'from':'exr','reel':'R','umid':'ab','start':0,'drop':true,'frames':2,"
         "'rate':[30000,1001]}", true},
        {{.from = "exr", .reel = "\xff", .start = -1}, NULL, true},
        {{.from = "exr", .umid = "AB", .start = -1}, NULL, true},
        {{.from = "exr", .reel = "", .start = -1}, NULL, true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e;
        json_auto_t *got = media_json(&rows[i].m, &e);
        json_auto_t *want = rows[i].want ? json_of(rows[i].want) : NULL;
        assert_int_equal(got == NULL, want == NULL);
        assert_true(!want || json_equal(got, want));
        assert_int_equal(media_is_known(&rows[i].m), rows[i].known);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_rows),
        WORLD_TEST(test_facts_belong_to_an_etag),
        WORLD_TEST(test_bad_rows),
        cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests_name("media", tests, NULL, NULL);
}
