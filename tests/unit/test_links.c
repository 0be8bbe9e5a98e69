/* tests/unit/test_links.c - the names that an edit has below edits/: links and its manifest. */
/* SPDX-License-Identifier: MIT */
#include "tests/unit/policy_world.h"

#include "policy/apply_impl.h"
#include "policy/index_impl.h"
#include "policy/types.h"

#define E1 "aaaaaaaaa1"
#define E2 "bbbbbbbbb2"
#define FOLDER "edits/Cut6-" E1
#define FAR "2099-01-01"

/* An edit of that name with those rows. `more` are further members of the record, or "". */
static int try_edit(struct world *w, const char *id, const char *name, const char *more,
                    const char *rows)
{
    AUTO(free) char *body = xasprintf(
        "{'op':'edit','edit':'%s','name':'%s','file':'ShotLocker/Edits/%s/cut.otio',"
        "'manifest':'ShotLocker/Edits/%s/processed/cut.otio','objects':1,'bytes':10,"
        "'manifest_stat':[77,5000000000,'m1']%s}", id, name, id, id, more);
    return try_say(w, body, rows);
}

static void make_edit(struct world *w, const char *id, const char *rows)
{
    if (try_edit(w, id, "Cut6", "", rows) != 0)
        fail_msg("%s", w->e.text);
    grant(w, id, "user:ann", "2020-01-01", FAR);
}

struct shown {
    struct index_read *rd;
    struct buf *ret;
    char *lines[64];
    size_t n;
};

/* "edits/…/plate -> ../../../show/plate 22", "edits/…/cut.otio = ShotLocker/… 77 m1" */
static int add_line(void *arg, const struct node *n, struct err *e)
{
    struct shown *s = arg;
    AUTO(buf) struct buf key = {0}, line = {0};
    node_id found;
    if (n->id == NODE_ROOT)
        return 0;
    assert_true(n->live);
    assert_int_equal(index_key(s->rd, n->id, &key, e), 0);
    assert_int_equal(index_find_shown(s->rd, key.p, &found, e), 0);
    assert_int_equal(found, n->id);
    if (strncmp(key.p, "edits/", 6) != 0)
        return 0;
    buf_adds(&line, key.p);
    if (n->is_link) {
        buf_adds(&line, " -> ");
        size_t before = line.len;
        assert_int_equal(index_link(s->rd, n, &line, e), 0);
        assert_int_equal(line.len - before, n->size);
        assert_int_equal(n->mtime_ns, 5000000000);
    } else if (n->target != NODE_NONE) {
        buf_adds(&line, " = ");
        assert_int_equal(index_object_key(s->rd, n, &line, e), 0);
        buf_addf(&line, " %d %s", (int)n->size, n->etag);
    }
    assert_true(s->n < COUNT(s->lines));
    s->lines[s->n++] = buf_take(&line);
    return 0;
}

/* Everything below edits/ that somebody sees, a line each. */
static char *shown_to(struct world *w, const char *principal)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(visible) struct visible v = {0};
    AUTO(who) struct who who = {0};
    struct buf b = {0};
    principals_expand(NULL, principal, &who);
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(visible_compute(rd, &who, NOON, &v, &w->e), 0);
    struct shown s = {.rd = rd};
    assert_int_equal(index_nodes(rd, v.nodes, add_line, &s, &w->e), 0);
    if (s.n > 0)
        qsort(s.lines, s.n, sizeof *s.lines, by_text);
    for (size_t i = 0; i < s.n; i++) {
        buf_addf(&b, "%s\n", s.lines[i]);
        free(s.lines[i]);
    }
    buf_str(&b);
    return buf_take(&b);
}

static void assert_shown(struct world *w, const char *principal, const char *want)
{
    AUTO(free) char *got = shown_to(w, principal);
    assert_string_equal(got, want);
}

static struct index_totals totals_of(struct world *w)
{
    AUTO(index_read) struct index_read *rd = NULL;
    struct index_totals t;
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(index_totals(rd, &t, &w->e), 0);
    return t;
}

#define MANIFEST FOLDER "/cut.otio = ShotLocker/Edits/" E1 "/processed/cut.otio 77 m1\n"
#define ROWS                                                                                       \
    "['show/a.mov']\n['show/seq/1.exr']\n['show/seq/2.exr']\n"                                     \
    "['sh010','a.mov','show/a.mov']\n['sh020','seq','show/seq/']\n['sh020','a.mov','show/a.mov']\n"

static const char whole[] = "edits/\n" FOLDER "/\n" MANIFEST
    FOLDER "/sh010/\n"
    FOLDER "/sh010/a.mov -> ../../../show/a.mov\n"
    FOLDER "/sh020/\n"
    FOLDER "/sh020/a.mov -> ../../../show/a.mov\n"
    FOLDER "/sh020/seq -> ../../../show/seq\n";

static void test_holders_see_them(void **state)
{
    struct world *w = *state;
    inventory(w, "+show/a.mov +show/seq/1.exr +show/seq/2.exr +show/b.mov");
    make_edit(w, E1, ROWS);
    make_edit(w, E2, "['show/b.mov']\n['sh010','b.mov','show/b.mov']\n");
    take_back(w, E2, "user:ann");
    grant(w, E2, "user:bob", "2020-01-01", FAR);
    assert_shown(w, "user:ann", whole);
    assert_shown(w, "user:bob",
                 "edits/\nedits/Cut6-" E2 "/\nedits/Cut6-" E2 "/cut.otio = ShotLocker/Edits/" E2
                 "/processed/cut.otio 77 m1\nedits/Cut6-" E2 "/sh010/\nedits/Cut6-" E2
                 "/sh010/b.mov -> ../../../show/b.mov\n");
    assert_shown(w, "user:eve", "");
    take_back(w, E1, "user:ann");
    assert_shown(w, "user:ann", "");
}

static int count_node(void *arg, const struct node *n, struct err *e)
{
    (void)n, (void)e;
    ++*(size_t *)arg;
    return 0;
}

static void test_they_are_no_objects_of_the_lake(void **state)
{
    struct world *w = *state;
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(free) node_id *ids = NULL;
    struct inventory_row row;
    size_t n = 0;
    node_id id;
    inventory(w, "+show/a.mov +show/seq/1.exr +show/seq/2.exr");
    make_edit(w, E1, ROWS);
    assert_int_equal(totals_of(w).objects, 4); /* with the manifest */
    assert_int_equal(totals_of(w).bytes, 107);
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(index_inventory_each(rd, count_node, &n, &w->e), 0);
    assert_int_equal(n, 4);
    assert_int_equal(index_inventory(rd, FOLDER "/cut.otio", &row, &w->e), -ENOENT);
    assert_int_equal(index_inventory(rd, FOLDER "/sh010/a.mov", &row, &w->e), -ENOENT);
    assert_int_equal(index_find(rd, FOLDER "/sh010/a.mov", &id, &w->e), -ENOENT);
    assert_int_equal(index_find_shown(rd, FOLDER "/sh010/a.mov", &id, &w->e), 0);
    assert_int_equal(index_by_name(rd, "a.mov", 5, &ids, &n, &w->e), 0);
    assert_int_equal(n, 1);
}

/* An ACL gives the lake's objects, also those below edits/, but never an edit's own names. */
static void test_no_acl_reaches_them(void **state)
{
    struct world *w = *state;
    inventory(w, "+show/a.mov +edits/own.mov");
    acl(w, "/", READ_FOR("USER", "eve"));
    make_edit(w, E1, "['show/a.mov']\n['sh010','a.mov','show/a.mov']\n");
    acl(w, "/", READ_FOR("USER", "eve"));
    acl(w, "edits/", READ_FOR("USER", "bob"));
    acl(w, FOLDER "/", READ_FOR("USER", "joe"));
    assert_shown(w, "user:eve", "edits/\nedits/own.mov\n");
    assert_shown(w, "user:bob", "edits/\nedits/own.mov\n");
    assert_shown(w, "user:joe", "");
}

static void test_a_second_name_follows_its_object(void **state)
{
    struct world *w = *state;
    const char *only = "edits/\n" FOLDER "/\n" FOLDER "/sh010/\n"
                       FOLDER "/sh010/a.mov -> ../../../show/a.mov\n";
    inventory(w, "+show/a.mov");
    make_edit(w, E1, "['show/a.mov']\n['sh010','a.mov','show/a.mov']\n");
    say(w, "{'op':'inventory','prefix':''}",
        "['+','ShotLocker/Edits/" E1 "/processed/cut.otio',99,6000000000,'m2']\n");
    assert_shown(w, "user:ann",
                 "edits/\n" FOLDER "/\n" FOLDER "/cut.otio = ShotLocker/Edits/" E1
                 "/processed/cut.otio 99 m2\n" FOLDER "/sh010/\n" FOLDER
                 "/sh010/a.mov -> ../../../show/a.mov\n");
    inventory(w, "-ShotLocker/Edits/" E1 "/processed/cut.otio");
    assert_shown(w, "user:ann", only);
    assert_int_equal(totals_of(w).objects, 1);
    inventory(w, "-show/a.mov"); /* a link that would lead nowhere is not shown */
    assert_shown(w, "user:ann", "");
    inventory(w, "+show/a.mov");
    assert_shown(w, "user:ann", only);
}

static void test_shots_csv(void **state)
{
    struct world *w = *state;
    AUTO(free) char *more =
        xasprintf(",'shots':'ShotLocker/Edits/" E1 "/processed/cut.shots.csv','shots_stat':[5,6,'s']");
    inventory(w, "+a.mov");
    assert_int_equal(try_edit(w, E1, "Cut6", more, "['a.mov']\n"), 0);
    grant(w, E1, "user:ann", "2020-01-01", FAR);
    assert_shown(w, "user:ann", "edits/\n" FOLDER "/\n" MANIFEST FOLDER
                 "/shots.csv = ShotLocker/Edits/" E1 "/processed/cut.shots.csv 5 s\n");
    assert_int_equal(totals_of(w).objects, 3);
}

/* What the lake itself shows goes first, whoever sees it; the edit's name is back when that goes. */
static void test_the_lakes_own_names_win(void **state)
{
    struct world *w = *state;
    inventory(w, "+show/a.mov +show/seq/1.exr +show/seq/2.exr");
    make_edit(w, E1, ROWS);
    inventory(w, "+" FOLDER "/cut.otio +" FOLDER "/sh010/a.mov/x.exr +" FOLDER "/sh020/a.mov");
    assert_shown(w, "user:ann", "edits/\n" FOLDER "/\n" FOLDER "/sh020/\n" FOLDER
                                "/sh020/seq -> ../../../show/seq\n");
    acl(w, "/", READ_FOR("USER", "eve"));
    assert_shown(w, "user:eve", "edits/\n" FOLDER "/\n" FOLDER "/cut.otio\n" FOLDER "/sh010/\n"
                                FOLDER "/sh010/a.mov/\n" FOLDER "/sh010/a.mov/x.exr\n"
                                FOLDER "/sh020/\n" FOLDER "/sh020/a.mov\n");
    inventory(w, "-" FOLDER "/cut.otio -" FOLDER "/sh010/a.mov/x.exr -" FOLDER "/sh020/a.mov");
    assert_shown(w, "user:ann", whole);
}

static void test_keys_that_were_there_first_win(void **state)
{
    struct world *w = *state;
    inventory(w, "+" FOLDER "/cut.otio +" FOLDER "/sh020/seq/deep/x.exr +show/a.mov "
                 "+show/seq/1.exr +show/seq/2.exr");
    make_edit(w, E1, ROWS);
    inventory(w, "-" FOLDER "/cut.otio");
    assert_shown(w, "user:ann", "edits/\n" FOLDER "/\n" MANIFEST
                 FOLDER "/sh010/\n" FOLDER "/sh010/a.mov -> ../../../show/a.mov\n"
                 FOLDER "/sh020/\n" FOLDER "/sh020/a.mov -> ../../../show/a.mov\n");
    inventory(w, "-" FOLDER "/sh020/seq/deep/x.exr");
    assert_shown(w, "user:ann", whole);
}

/* As any object beside a folder of its name: "edits" becomes a folder with the first edit. */
static void test_an_object_named_edits_is_hidden(void **state)
{
    struct world *w = *state;
    inventory(w, "+edits +a.mov");
    acl(w, "/", READ_FOR("USER", "eve"));
    assert_int_equal(try_edit(w, E1, "Cut6", "", "['a.mov']\n"), 0);
    assert_shown(w, "user:eve", "");
    assert_int_equal(totals_of(w).objects, 2);
}

static void test_folder_names(void **state)
{
    static const struct {
        const char *name, *want; /* without "edits/" and "-ID/" */
    } rows[] = {
        {"R1 v05", "R1 v05"},
        {"a/b\\\\c", "a_b\\c"},
        {"..", ".."},
        {"tab\\tnew\\nline\\u007f", "tab_new_line_"},
        {"\\u00e9\\u65e5", "\u00e9\u65e5"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(free) char *id = xasprintf("name%06zu", i);
        AUTO(free) char *want = xasprintf("edits/\nedits/%s-%s/\nedits/%s-%s/cut.otio = ShotLocker/"
                                          "Edits/%s/processed/cut.otio 77 m1\n", rows[i].want, id,
                                          rows[i].want, id, id);
        assert_int_equal(try_edit(w, id, rows[i].name, "", ""), 0);
        grant(w, id, "user:ann", "2020-01-01", FAR);
        assert_shown(w, "user:ann", want);
        take_back(w, id, "user:ann");
    }
}

/* 199 bytes and a character of two: it does not fit into 200 bytes. */
static void test_long_name_is_cut_between_characters(void **state)
{
    struct world *w = *state;
    char name[256], want[200];
    memset(want, 'n', 199);
    want[199] = '\0';
    snprintf(name, sizeof name, "%s\u00e9\u00e9", want);
    assert_int_equal(try_edit(w, E1, name, "", ""), 0);
    grant(w, E1, "user:ann", "2020-01-01", FAR);
    AUTO(free) char *all = xasprintf("edits/\nedits/%s-" E1 "/\nedits/%s-" E1 "/cut.otio = ShotLocker"
                                     "/Edits/" E1 "/processed/cut.otio 77 m1\n", want, want);
    assert_shown(w, "user:ann", all);
}

static void test_bad_rows_are_refused(void **state)
{
    static const char *const rows[] = {
        "['','a','show/a.mov']",       "['.','a','show/a.mov']",
        "['..','a','show/a.mov']",     "['a/b','a','show/a.mov']",
        "['s','','show/a.mov']",       "['s','..','show/a.mov']",
        "['s','a/b','show/a.mov']",    "['s','a\\u0001','show/a.mov']",
        "['s\\n','a','show/a.mov']",   "['s','a\\u007f','show/a.mov']",
        "['s','a','']",                "['s','a','/']",
        "['s','a','show/../b.mov']",   "['s','a','/show/a.mov']",
        "['s','a','show//a.mov']",     "['s','a','show/a.mov/']",
        "['s','a',null]",              "['s',1,'show/a.mov']",
        "['s','a','show/b.mov']",      /* not of the edit */
        "['s','a','other/']",          "['s','a','ShotLocker/']",
        "['s','a','show']",            /* a folder without its '/' */
        "['s','a']",                   "['s','a','show/a.mov','x']",
        "['s','a','show/a.mov']\n['s','a','show/']", /* a name twice */
    };
    struct world *w = *state;
    struct index_head before;
    char name[NAME_LIMIT + 2];
    inventory(w, "+show/a.mov +show/b.mov +other/c.mov");
    before = head_of(w);
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(free) char *payload = xasprintf("['show/a.mov']\n%s\n", rows[i]);
        if (try_edit(w, E1, "Cut6", "", payload) != -EBADMSG)
            fail_msg("taken: %s", rows[i]);
        assert_int_equal(head_of(w).seq, before.seq);
    }
    memset(name, 'n', sizeof name);
    for (int n = NAME_LIMIT + 1; n >= NAME_LIMIT; n--) {
        AUTO(free) char *payload =
            xasprintf("['s','%.*s','show/a.mov']\n['show/a.mov']\n", n, name);
        assert_int_equal(try_edit(w, E1, "Cut6", "", payload), n > NAME_LIMIT ? -EBADMSG : 0);
    }
}

/* ---- another version of the edit ------------------------------------------------------------ */

/* What a further record of the edit does to its names, in a transaction of our own. */
static void replace(struct world *w, const char *body, node_id shots, const char *rows)
{
    AUTO(txn) MDB_txn *txn = NULL;
    AUTO(bitmap) roaring_bitmap_t *nodes = roaring_bitmap_create();
    AUTO(bitmap) roaring_bitmap_t *folders = roaring_bitmap_create();
    AUTO(bitmap) roaring_bitmap_t *members = roaring_bitmap_create();
    json_auto_t *links = json_of(rows), *json = json_of(body);
    struct record rec = {.edit = E1, .json = json};
    MDB_val v;
    assert_int_equal(mdb_txn_begin(w->ix->env, NULL, 0, &txn), 0);
    AUTO(apply) struct apply a = {.ix = w->ix, .txn = txn, .rec = &rec};
    struct index_read rd = {.ix = w->ix, .txn = txn};
    struct links l = {.nodes = nodes, .folders = folders, .rows = links, .shots = shots};
    node_id id;
    uint32_t label;
    assert_int_equal(table_get(w->ix, txn, TABLE_META, "next", 4, &v, &w->e), 0);
    memcpy(&a.next_node, v.mv_data, sizeof a.next_node);
    apply_start(&a);
    assert_int_equal(index_find(&rd, "show/a.mov", &id, &w->e), 0);
    roaring_bitmap_add(nodes, id);
    if (links_replace(&a, &l, members, &w->e) < 0)
        fail_msg("%s", w->e.text);
    assert_int_equal(label_make(&a, "edit:" E1, &label, &w->e), 0);
    assert_int_equal(label_add(&a, label, members, &w->e), 0);
    assert_int_equal(label_finish(&a, &w->e), 0);
    assert_int_equal(mdb_txn_commit(TAKE(txn)), 0);
}

static void test_another_version_takes_the_place(void **state)
{
    struct world *w = *state;
    inventory(w, "+show/a.mov +show/seq/1.exr +show/seq/2.exr");
    make_edit(w, E1, ROWS);
    replace(w, "{'name':'Cut6','manifest_stat':[77,5000000000,'m1']}", NODE_NONE,
            "[['sh020','a.mov','show/a.mov'],['sh030','a.mov','show/a.mov']]");
    assert_shown(w, "user:ann", "edits/\n" FOLDER "/\n"
                 FOLDER "/sh020/\n" FOLDER "/sh020/a.mov -> ../../../show/a.mov\n"
                 FOLDER "/sh030/\n" FOLDER "/sh030/a.mov -> ../../../show/a.mov\n");
    /* a manifest that no name stands for any more brings none back */
    inventory(w, "-ShotLocker/Edits/" E1 "/processed/cut.otio");
    inventory(w, "+ShotLocker/Edits/" E1 "/processed/cut.otio");
    assert_int_equal(totals_of(w).objects, 4);
    assert_shown(w, "user:ann", "edits/\n" FOLDER "/\n"
                 FOLDER "/sh020/\n" FOLDER "/sh020/a.mov -> ../../../show/a.mov\n"
                 FOLDER "/sh030/\n" FOLDER "/sh030/a.mov -> ../../../show/a.mov\n");
}

static void test_another_name_is_another_folder(void **state)
{
    struct world *w = *state;
    inventory(w, "+show/a.mov +show/seq/1.exr +show/seq/2.exr");
    make_edit(w, E1, ROWS);
    replace(w, "{'name':'Cut7','manifest_stat':[77,5000000000,'m1']}", NODE_NONE,
            "[['sh020','a.mov','show/a.mov']]");
    assert_shown(w, "user:ann", "edits/\nedits/Cut7-" E1 "/\nedits/Cut7-" E1 "/sh020/\n"
                 "edits/Cut7-" E1 "/sh020/a.mov -> ../../../show/a.mov\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_holders_see_them),
        WORLD_TEST(test_they_are_no_objects_of_the_lake),
        WORLD_TEST(test_no_acl_reaches_them),
        WORLD_TEST(test_a_second_name_follows_its_object),
        WORLD_TEST(test_shots_csv),
        WORLD_TEST(test_the_lakes_own_names_win),
        WORLD_TEST(test_keys_that_were_there_first_win),
        WORLD_TEST(test_an_object_named_edits_is_hidden),
        WORLD_TEST(test_folder_names),
        WORLD_TEST(test_long_name_is_cut_between_characters),
        WORLD_TEST(test_bad_rows_are_refused),
        WORLD_TEST(test_another_version_takes_the_place),
        WORLD_TEST(test_another_name_is_another_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
