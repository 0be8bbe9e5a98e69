/* tests/unit/test_apply.c - replay: the chain, and what records make of the tree and its labels. */
/* SPDX-License-Identifier: MIT */
#include "tests/unit/policy_world.h"

#include "policy/index_impl.h"

#define E1 "aaaaaaaaa1"
#define E2 "bbbbbbbbb2"
#define ANY READ_FOR("USER", "ann")

static node_id find(struct world *w, const char *path)
{
    AUTO(index_read) struct index_read *rd = NULL;
    node_id id = NODE_NONE;
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    int r = index_find(rd, path, &id, &w->e);
    assert_true(r == 0 || r == -ENOENT);
    return r == 0 ? id : NODE_NONE;
}

static uint64_t live_objects(struct world *w)
{
    AUTO(index_read) struct index_read *rd = NULL;
    struct index_totals t;
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(index_totals(rd, &t, &w->e), 0);
    assert_int_equal(t.bytes, t.objects * 10);
    return t.objects;
}

static int add_hidden(void *arg, const char *key, const char *reason, struct err *e)
{
    (void)reason, (void)e;
    buf_addf(arg, "%s|", key);
    return 0;
}

static void assert_hidden(struct world *w, const char *want)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(buf) struct buf b = {0};
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(index_hidden(rd, add_hidden, &b, &w->e), 0);
    assert_string_equal(buf_str(&b), want);
}

/* ---- the chain ------------------------------------------------------------------------------ */

static void test_first_record(void **state)
{
    (void)state;
    struct world *w = world_open(0);
    assert_int_equal(head_of(w).seq, 0);
    assert_int_equal(try_say(w, "{'op':'acl','path':'/','entries':[]}", NULL), -EBADMSG);
    assert_int_equal(head_of(w).seq, 0);
    say(w, "{'op':'init','lake':'" ID32 "','node_key':'" ID32 "'}", NULL);
    assert_int_equal(head_of(w).seq, 1);
    assert_int_equal(try_say(w, "{'op':'init','lake':'" ID32 "','node_key':'" ID32 "'}", NULL),
                     -EBADMSG); /* once only */
    assert_int_equal(head_of(w).seq, 1);
    world_close(w);
}

static void test_replay_is_harmless(void **state)
{
    struct world *w = *state;
    inventory(w, "+a/x.mov");
    struct index_head before = head_of(w);
    assert_int_equal(apply_last(w), 1);
    assert_int_equal(apply_last(w), 1);
    struct index_head after = head_of(w);
    assert_int_equal(after.seq, before.seq);
    assert_memory_equal(after.hash, before.hash, SHA256_SIZE);
    assert_int_equal(live_objects(w), 1);
}

static int apply_made(struct world *w, uint64_t seq, const uint8_t prev[SHA256_SIZE])
{
    AUTO(buf) struct buf b = {0};
    json_auto_t *body = json_of("{'op':'acl','path':'/','entries':" ANY "}");
    assert_int_equal(record_format(body, seq, prev, ID32, NOON, "x@y", &b, &w->e), 0);
    return apply_record(w->ix, b.p, b.len, world_payload, w, &w->e);
}

static void test_gap_and_forged_prev(void **state)
{
    struct world *w = *state;
    inventory(w, "+a/x.mov");
    struct index_head head = head_of(w);
    uint8_t forged[SHA256_SIZE] = {0};
    assert_int_equal(apply_made(w, head.seq + 2, head.hash), -EBADMSG); /* a gap */
    assert_int_equal(apply_made(w, head.seq + 1, forged), -EBADMSG);
    assert_non_null(strstr(w->e.text, "prev"));
    memcpy(forged, head.hash, sizeof forged);
    forged[31] ^= 1;
    assert_int_equal(apply_made(w, head.seq + 1, forged), -EBADMSG);
    assert_int_equal(head_of(w).seq, head.seq);
    assert_view(w, "user:ann", NOON, ""); /* nothing of them was taken */
    assert_int_equal(apply_made(w, head.seq + 1, head.hash), 0);
    assert_view(w, "user:ann", NOON, "a/ a/x.mov");
}

/* A failure in the middle of a record leaves the index as it was. */
static void test_bad_payload_changes_nothing(void **state)
{
    struct world *w = *state;
    static const char *const rows[] = {
        "['+','a/new.mov',10,1,'e']\n['+','b']\n",
        "['+','a/new.mov',10,1,'e']\n['+','b',-1,1,'e']\n",
        "['+','a/new.mov',10,1,'e']\n['+','b',1,1,7]\n",
        "['+','a/new.mov',10,1,'e']\n['*','b',1,1,'e']\n",
        "['+','a/new.mov',10,1,'e']\n{}\n",
        "['+','a/new.mov',10,1,'e']\nx\n",
        "['+','a/new.mov',10,1,'e']\n\n",
        "['+','a/new.mov',10,1,'e']\n['-']\n",
        "['+','a/new.mov',10,1,'e']\n['+','b',1,1,'e']", /* no newline: cut short */
    };
    inventory(w, "+a/x.mov");
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (try_say(w, "{'op':'inventory','prefix':''}", rows[i]) != -EBADMSG)
            fail_msg("taken: %s", rows[i]);
        assert_int_equal(find(w, "a/new.mov"), NODE_NONE);
        assert_int_equal(live_objects(w), 1);
        assert_int_equal(head_of(w).seq, 2);
    }
    inventory(w, "+a/new.mov");
    assert_int_equal(live_objects(w), 2);
}

static void test_payload_of_another_hash(void **state)
{
    struct world *w = *state;
    json_t *body = json_of("{'op':'inventory','prefix':''}");
    char hash[SHA256_HEX_SIZE];
    hash_sha256_hex("x", 1, hash);
    json_object_set_new(body, "payload", json_string(hash));
    make_record(w, body);
    buf_clear(&w->payload);
    buf_adds(&w->payload, "[\"+\",\"a\",1,1,\"e\"]\n");
    assert_int_equal(apply_last(w), -EBADMSG);
    assert_non_null(strstr(w->e.text, "hash"));
    buf_done(&w->payload); /* now it cannot be had at all */
    assert_int_equal(apply_last(w), -EIO);
    assert_int_equal(head_of(w).seq, 1);
}

static void test_future_stops(void **state)
{
    struct world *w = *state;
    inventory(w, "+a/x.mov");
    make_record(w, json_of("{'op':'tagged','edit':'" E1 "'}"));
    char *op = strstr(w->last.p, "tagged");
    memcpy(op, "tugged", 6);
    assert_int_equal(apply_last(w), -EPROTONOSUPPORT);
    assert_int_equal(head_of(w).seq, 2);
}

/* ---- the tree ------------------------------------------------------------------------------- */

static void test_key_problem(void **state)
{
    (void)state;
    char long_name[NAME_LIMIT + 2], key[600];
    memset(long_name, 'n', sizeof long_name);
    long_name[NAME_LIMIT] = '\0';
    static const struct {
        const char *key;
        char problem;
    } rows[] = {
        {"a", 0},       {"a/b", 0},      {"a b/+%20;é", 0}, {"...", 0},      {".a", 0},
        {"a/..b", 0},   {"\t\n", 0},     {"", 'e'},         {"/", 'e'},      {"/a", 'e'},
        {"a//b", 'e'},  {"a/", 'm'},     {"a/b/", 'm'},     {"a//", 'e'},    {".", 'd'},
        {"..", 'd'},    {"a/./b", 'd'},  {"a/..", 'd'},     {"../a", 'd'},   {"a\xff", 'u'},
        {"\xc0\xaf", 'u'},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (key_problem(rows[i].key) != rows[i].problem)
            fail_msg("'%s': '%c'", rows[i].key, key_problem(rows[i].key));
    assert_int_equal(key_problem(long_name), 0);
    snprintf(key, sizeof key, "d/%s/x", long_name);
    assert_int_equal(key_problem(key), 0);
    long_name[NAME_LIMIT] = 'n';
    long_name[NAME_LIMIT + 1] = '\0';
    assert_int_equal(key_problem(long_name), 'l');
    snprintf(key, sizeof key, "d/%s/x", long_name);
    assert_int_equal(key_problem(key), 'l');
}

static void test_hidden_keys(void **state)
{
    struct world *w = *state;
    inventory(w, "+a/x.mov +a//y +/top +a/../b +a/ +./c");
    assert_int_equal(live_objects(w), 1);
    assert_hidden(w, "./c|/top|a/|a/../b|a//y|");
    acl(w, "/", ANY);
    assert_view(w, "user:ann", NOON, "a/ a/x.mov");
    inventory(w, "-a//y -a/ -./c -never/was");
    assert_hidden(w, "/top|a/../b|");
    assert_int_equal(live_objects(w), 1);
}

static void test_private_keys_never_show(void **state)
{
    struct world *w = *state;
    inventory(w, "+.shotlake/ledger/00000000000000000001.json +a/x.mov");
    edit(w, E1, "a/x.mov .shotlake/secret");
    acl(w, "/", ANY);
    grant(w, E1, "user:ann", "1970-01-01", "2100-01-01");
    inventory(w, "+.shotlake/secret");
    assert_view(w, "user:ann", NOON, "a/ a/x.mov");
    assert_int_equal(find(w, ".shotlake/secret"), NODE_NONE);
}

static void test_shadowed(void **state)
{
    struct world *w = *state;
    acl(w, "/", ANY);
    inventory(w, "+a +b +b/c");
    assert_view(w, "user:ann", NOON, "a b/ b/c");
    assert_hidden(w, "b|");
    inventory(w, "+a/b/c.mov");
    assert_view(w, "user:ann", NOON, "a/ a/b/ a/b/c.mov b/ b/c");
    assert_hidden(w, "a|b|");
    assert_int_equal(live_objects(w), 2);
    inventory(w, "+a/b"); /* an object beside a folder inside a folder beside an object */
    assert_hidden(w, "a|a/b|b|");
    inventory(w, "-a/b/c.mov");
    assert_view(w, "user:ann", NOON, "a/ a/b b/ b/c");
    assert_hidden(w, "a|b|");
    inventory(w, "-a/b");
    assert_view(w, "user:ann", NOON, "a b/ b/c");
    inventory(w, "-b");
    assert_hidden(w, "");
    inventory(w, "-b/c");
    assert_view(w, "user:ann", NOON, "a");
    assert_int_equal(live_objects(w), 1);
}

/* Whichever of the two comes first, and in whatever order both go. */
static void test_shadow_orders(void **state)
{
    struct world *w = *state;
    acl(w, "/", ANY);
    static const char *const come[] = {"+s +s/x", "+s/x +s"}, *const go[] = {"-s -s/x", "-s/x -s"};
    for (int c = 0; c < 2; c++)
        for (int g = 0; g < 2; g++) {
            inventory(w, come[c]);
            assert_view(w, "user:ann", NOON, "s/ s/x");
            assert_hidden(w, "s|");
            inventory(w, go[g]);
            assert_view(w, "user:ann", NOON, "");
            assert_hidden(w, "");
            assert_int_equal(live_objects(w), 0);
        }
}

static void test_shadow_is_not_granted_by_its_twin(void **state)
{
    struct world *w = *state;
    inventory(w, "+s +s/x");
    edit(w, E1, "s");
    grant(w, E1, "user:ann", "1970-01-01", "2100-01-01");
    assert_view(w, "user:ann", NOON, ""); /* the object is hidden; its folder is not in the edit */
    inventory(w, "-s/x");
    assert_view(w, "user:ann", NOON, "s");
}

static void test_gone_and_back(void **state)
{
    struct world *w = *state;
    inventory(w, "+a/x.mov +a/y.mov");
    node_id id = find(w, "a/x.mov");
    edit(w, E1, "a/x.mov");
    grant(w, E1, "user:ann", "1970-01-01", "2100-01-01");
    inventory(w, "-a/x.mov");
    assert_view(w, "user:ann", NOON, "");
    assert_int_equal(find(w, "a/x.mov"), NODE_NONE);
    inventory(w, "-a/x.mov"); /* twice is once */
    assert_int_equal(live_objects(w), 2); /* y.mov, and the manifest */
    inventory(w, "+a/x.mov");
    assert_view(w, "user:ann", NOON, "a/ a/x.mov");
    assert_int_equal(find(w, "a/x.mov"), id); /* the same node */
}

/* ---- labels --------------------------------------------------------------------------------- */

static void test_acl_reaches_what_comes_later(void **state)
{
    struct world *w = *state;
    inventory(w, "+show/a.mov +show/sub/b.mov +other/c.mov");
    acl(w, "show/", ANY);
    assert_view(w, "user:ann", NOON, "show/ show/a.mov show/sub/ show/sub/b.mov");
    inventory(w, "+show/sub/new/d.mov +other/e.mov -show/a.mov");
    assert_view(w, "user:ann", NOON,
                "show/ show/sub/ show/sub/b.mov show/sub/new/ show/sub/new/d.mov");
    inventory(w, "-show/sub/b.mov -show/sub/new/d.mov");
    assert_view(w, "user:ann", NOON, "");
    inventory(w, "+show/back.mov");
    assert_view(w, "user:ann", NOON, "show/ show/back.mov");
}

static void test_acl_of_a_path_that_is_not_there_yet(void **state)
{
    struct world *w = *state;
    acl(w, "later/", ANY);
    acl(w, "later.mov", ANY);
    inventory(w, "+later/x.mov +later.mov +later.mov.bak");
    assert_view(w, "user:ann", NOON, "later.mov later/ later/x.mov");
}

static void test_acl_paths(void **state)
{
    struct world *w = *state;
    static const char *const bad[] = {"", "/a", "a//", "//", ".", "a/../b/", "a/./"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        AUTO(free) char *body =
            xasprintf("{'op':'acl','path':'%s','entries':" ANY "}", bad[i]);
        AUTO(free) char *why = refused(w, body);
        if (!strstr(why, "path"))
            fail_msg("path '%s': %s", bad[i], why);
    }
    assert_int_equal(head_of(w).seq, 1);
}

static void test_edits_share_objects(void **state)
{
    struct world *w = *state;
    inventory(w, "+a/1 +a/2 +b/3");
    edit(w, E1, "a/1 a/2");
    edit(w, E2, "a/2 b/3");
    grant(w, E1, "user:ann", "1970-01-01", "2100-01-01");
    grant(w, E2, "user:ann", "1970-01-01", "2100-01-01");
    assert_view(w, "user:ann", NOON, "a/ a/1 a/2 b/ b/3");
    take_back(w, E1, "user:ann");
    assert_view(w, "user:ann", NOON, "a/ a/2 b/ b/3");
    take_back(w, E1, "user:ann"); /* twice is once */
    take_back(w, E2, "user:ann");
    assert_view(w, "user:ann", NOON, "");
}

/* A grant must not lie in wait for an edit of that id, and the first edit of an id stands. */
static void test_grant_of_no_edit(void **state)
{
    struct world *w = *state;
    inventory(w, "+a/1 +a/2");
    grant(w, E1, "user:ann", "1970-01-01", "2100-01-01");
    edit(w, E1, "a/1");
    assert_view(w, "user:ann", NOON, "");
    grant(w, E1, "user:ann", "1970-01-01", "2100-01-01");
    assert_view(w, "user:ann", NOON, "a/ a/1");
    edit(w, E1, "a/2");
    assert_view(w, "user:ann", NOON, "a/ a/1");
}

static void test_edit_rows(void **state)
{
    struct world *w = *state;
    static const char body[] =
        "{'op':'edit','edit':'" E1 "','name':'n','file':'f','manifest':'m','objects':1,'bytes':1,"
        "'manifest_stat':[1,1,'e']}";
    static const char *const rows[] = {"[7]\n", "[]\n", "['a//b']\n", "['/a']\n", "['..']\n",
                                       "['a/']\n", "['']\n", "'a'\n"};
    for (size_t i = 0; i < COUNT(rows); i++)
        if (try_say(w, body, rows[i]) != -EBADMSG)
            fail_msg("taken: %s", rows[i]);
    assert_int_equal(head_of(w).seq, 1);
    assert_int_equal(find(w, "m"), NODE_NONE);
}

static void edit_of(struct world *w, const char *id, const char *source)
{
    AUTO(free) char *body = xasprintf(
        "{'op':'edit','edit':'%s','name':'n','file':'f','manifest':'m%s','objects':1,'bytes':1,"
        "'manifest_stat':[1,1,'e'],'source':'%s'}", id, id, source);
    say(w, body, "['a']\n");
}

static const char *edit_found(struct world *w, const char *source, struct edit *ed)
{
    AUTO(index_read) struct index_read *rd = NULL;
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    int r = index_edit_of_source(rd, source, ed, &w->e);
    assert_true(r == 0 || r == -ENOENT);
    return r == 0 ? ed->id : "";
}

/* A source finds its edit; of two edits of one source, which no honest writer makes, the first. */
static void test_edit_of_source(void **state)
{
    struct world *w = *state;
    static const char one[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    static const char two[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddee00";
    AUTO(edit) struct edit none = {0}, first = {0}, second = {0};
    inventory(w, "+a");
    edit(w, "edit00000a", "a");
    assert_string_equal(edit_found(w, one, &none), "");
    edit_of(w, E1, one);
    edit_of(w, E2, one);
    assert_string_equal(edit_found(w, one, &first), E1);
    assert_string_equal(edit_found(w, two, &none), "");
    edit_of(w, "edit00000b", two);
    assert_string_equal(edit_found(w, two, &second), "edit00000b");

    AUTO(index_read) struct index_read *rd = NULL;
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(index_edit_of_source(rd, "nonsense", &none, &w->e), -EINVAL);
    assert_int_equal(index_edit_of_source(rd, "", &none, &w->e), -EINVAL);
}

/* The list of shots comes with the edit, like the manifest; what is the studio's does not. */
static void test_edit_files(void **state)
{
    struct world *w = *state;
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(edit) struct edit ed = {0};
    AUTO(bitmap) roaring_bitmap_t *members = NULL;
    inventory(w, "+a/1");
    say(w, "{'op':'edit','edit':'" E1 "','name':'n','file':'f','manifest':'e/m.otio','objects':1,"
           "'bytes':1,'manifest_stat':[1,1,'e'],'studio':'e/m.studio.otio','results':'e/r.json',"
           "'shots':'e/m.csv','shots_stat':[7,1,'c']}", "['a/1']\n");
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(index_edit(rd, E1, &ed, &w->e), 0);
    assert_string_equal(ed.shots, "e/m.csv");
    assert_string_equal(ed.studio, "e/m.studio.otio");
    assert_string_equal(ed.results, "e/r.json");
    assert_int_equal(index_label(rd, "edit:" E1, &members, &w->e), 0);
    assert_true(roaring_bitmap_contains(members, find(w, "e/m.csv")));
    assert_true(roaring_bitmap_contains(members, find(w, "e/m.otio")));
    assert_int_equal(find(w, "e/m.studio.otio"), NODE_NONE);
    assert_int_equal(find(w, "e/r.json"), NODE_NONE);
}

static void assert_tagged(struct world *w, const char *id, bool want)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(edit) struct edit ed = {0};
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(index_edit(rd, id, &ed, &w->e), 0);
    assert_int_equal(ed.tagged, want);
}

/* An object that was written anew, or came back, has lost the tags that the store kept for it. */
static void test_new_bytes_need_new_tags(void **state)
{
    struct world *w = *state;
    inventory(w, "+a/1 +a/2");
    edit(w, E1, "a/1");
    edit(w, E2, "a/2");
    assert_tagged(w, E1, false);
    say(w, "{'op':'tagged','edit':'" E1 "'}", NULL);
    say(w, "{'op':'tagged','edit':'" E2 "'}", NULL);
    assert_tagged(w, E1, true);
    inventory(w, "+a/1"); /* the same ETag */
    assert_tagged(w, E1, true);
    say(w, "{'op':'inventory','prefix':''}", "['+','a/1',10,2,'e2']\n");
    assert_tagged(w, E1, false);
    assert_tagged(w, E2, true);
    inventory(w, "-a/2");
    assert_tagged(w, E2, true);
    inventory(w, "+a/2");
    assert_tagged(w, E2, false);
    say(w, "{'op':'tagged','edit':'" E2 "'}", NULL);
    assert_tagged(w, E2, true);
}

/* Two hosts at the same head hold the same nodes. */
static void test_replay_is_deterministic(void **state)
{
    struct world *a = *state, *b = world_open(1);
    struct world *both[] = {a, b};
    for (int i = 0; i < 2; i++) {
        inventory(both[i], "+z/1 +a/2 +m/n/o/3 +a");
        acl(both[i], "m/", ANY);
        edit(both[i], E1, "z/1 not/there/yet");
        inventory(both[i], "+not/there/yet -a/2");
    }
    static const char *const paths[] = {"z/1", "a", "m/n/o/3", "m/n/", "not/there/yet", "z/"};
    for (size_t i = 0; i < COUNT(paths); i++) {
        assert_int_not_equal(find(a, paths[i]), NODE_NONE);
        assert_int_equal(find(a, paths[i]), find(b, paths[i]));
    }
    assert_memory_equal(head_of(a).hash, head_of(b).hash, SHA256_SIZE);
    world_close(b);
}

/* A row that must be there and is not stops the replay, whatever stood in the error before. */
static void test_damaged_index(void **state)
{
    struct world *w = *state;
    inventory(w, "+a/1");
    acl(w, "a/", ANY);
    node_id dir = find(w, "a");
    MDB_txn *txn = NULL;
    assert_int_equal(mdb_txn_begin(w->ix->env, NULL, 0, &txn), 0);
    assert_int_equal(table_del(w->ix, txn, TABLE_ATTR, &dir, sizeof dir, &w->e), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    uint64_t seq = head_of(w).seq;
    w->e = (struct err){0};
    assert_int_equal(try_say(w, "{'op':'inventory','prefix':''}", "['+','a/2',10,1,'e1']\n"),
                     -EBADMSG);
    assert_non_null(strstr(w->e.text, "contradicts itself"));
    assert_int_equal(head_of(w).seq, seq);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_record),
        WORLD_TEST(test_replay_is_harmless),
        WORLD_TEST(test_gap_and_forged_prev),
        WORLD_TEST(test_bad_payload_changes_nothing),
        WORLD_TEST(test_payload_of_another_hash),
        WORLD_TEST(test_future_stops),
        cmocka_unit_test(test_key_problem),
        WORLD_TEST(test_hidden_keys),
        WORLD_TEST(test_private_keys_never_show),
        WORLD_TEST(test_shadowed),
        WORLD_TEST(test_shadow_orders),
        WORLD_TEST(test_shadow_is_not_granted_by_its_twin),
        WORLD_TEST(test_gone_and_back),
        WORLD_TEST(test_acl_reaches_what_comes_later),
        WORLD_TEST(test_acl_of_a_path_that_is_not_there_yet),
        WORLD_TEST(test_acl_paths),
        WORLD_TEST(test_edits_share_objects),
        WORLD_TEST(test_grant_of_no_edit),
        WORLD_TEST(test_edit_rows),
        WORLD_TEST(test_edit_of_source),
        WORLD_TEST(test_edit_files),
        WORLD_TEST(test_new_bytes_need_new_tags),
        WORLD_TEST(test_replay_is_deterministic),
        WORLD_TEST(test_damaged_index),
    };
    return cmocka_run_group_tests_name("apply", tests, NULL, NULL);
}
