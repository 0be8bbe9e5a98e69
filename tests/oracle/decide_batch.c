/* tests/oracle/decide_batch.c - decisions in bulk over a pipe, for test_decisions.py.
 *
 * One JSON object a line on stdin, answered by one on stdout:
 *   {"new": true}                      an empty lake; {}
 *   {"say": [[body, rows or null]…]}   records, as record_format() takes them, and the lines of
 *       their payloads; {"objects": keys, "folders": keys, "names": paths below edits/} of all that
 *       lives then, each in bytewise order
 *   {"ask": {"who", "now", "actions", "edits": ids, "changes": bodies, "explain": bool}}
 *       {"decide": {action: one '0' or '1' an object}, "folders", "edits": likewise, "visible" and
 *       "closed": one of each object, folder and name, in turn, "next", "changes": ["" or why not],
 *       "contradictions": [[path, action, where the explanation differs]],
 *       "whys": {action: with "explain" a derivation an object}}
 *   {"why": {"who", "now", "action", "path"}}   the derivation of one
 * What fails is answered by {"error": sentence}; a record that is refused also has its number in
 * "refused". */
/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "policy/change.h"
#include "policy/decide.h"
#include "policy/explain.h"
#include "policy/principals.h"
#include "policy/rules.h"
#include "policy/visible.h"
#include "tests/oracle/feed.h"

enum kind { OBJECT, FOLDER, NAME, KINDS };
static const char *const kind_names[KINDS] = {"objects", "folders", "names"};

struct row {
    node_id id, target;
    char *path;
};

struct batch {
    struct feed feed;
    struct rules *rules; /* of the last record; NULL: to be loaded */
    struct row *row[KINDS];
    size_t n[KINDS];
};

/* ---- the lake ------------------------------------------------------------------------------ */

static void forget(struct batch *b)
{
    rules_unref(b->rules);
    b->rules = NULL;
    for (int k = 0; k < KINDS; k++) {
        for (size_t i = 0; i < b->n[k]; i++)
            free(b->row[k][i].path);
        free(b->row[k]);
        b->row[k] = NULL;
        b->n[k] = 0;
    }
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->path, ((const struct row *)b)->path);
}

/* Every live node, by its kind. */
static int look_around(struct batch *b, struct index_read *rd, struct err *e)
{
    struct node n;
    int r = 0;
    for (node_id id = NODE_ROOT; (r = index_node(rd, id, &n, e)) == 0; id++) {
        struct buf key = {0};
        if (!n.live)
            continue;
        enum kind k = n.is_dir ? FOLDER : n.target != NODE_NONE ? NAME : OBJECT;
        if ((r = index_key(rd, id, &key, e)) < 0)
            return r;
        b->row[k] = xrealloc(b->row[k], b->n[k] + 1, sizeof *b->row[k]);
        buf_str(&key);
        b->row[k][b->n[k]++] = (struct row){id, n.target, buf_take(&key)};
    }
    for (int k = 0; k < KINDS; k++)
        if (b->n[k])
            qsort(b->row[k], b->n[k], sizeof *b->row[k], by_path);
    return r == -ENOENT ? 0 : r;
}

static int say_all(struct batch *b, const json_t *list, json_t *answer, struct err *e)
{
    size_t i, k;
    json_t *each, *line;
    json_array_foreach(list, i, each) {
        json_t *rows = json_is_array(json_array_get(each, 1)) ? json_array_get(each, 1) : NULL;
        AUTO(buf) struct buf payload = {0};
        json_array_foreach(rows, k, line) {
            AUTO(free) char *text = json_dumps(line, JSON_COMPACT);
            buf_addf(&payload, "%s\n", text);
        }
        int r = feed_say(&b->feed, json_array_get(each, 0), rows ? &payload : NULL, e);
        if (r != 0) {
            json_object_set_new(answer, "refused", json_integer((json_int_t)i));
            return r < 0 ? r : err_set(e, -EIO, "the record is not new");
        }
    }
    return 0;
}

static int say(struct batch *b, const json_t *list, json_t *answer, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    forget(b);
    int r = say_all(b, list, answer, e);
    if (r < 0 || (r = index_read_begin(b->feed.ix, &rd, e)) < 0 || (r = look_around(b, rd, e)) < 0)
        return r;
    for (int k = 0; k < KINDS; k++) {
        json_t *paths = json_array();
        for (size_t i = 0; i < b->n[k]; i++)
            json_array_append_new(paths, json_string(b->row[k][i].path));
        json_object_set_new(answer, kind_names[k], paths);
    }
    return 0;
}

/* ---- somebody ------------------------------------------------------------------------------ */

static char *copy_of(const json_t *text)
{
    return json_is_string(text) ? xstrdup(json_string_value(text)) : NULL;
}

static int who_read(const json_t *j, struct who *ret, struct err *e)
{
    const json_t *list = json_object_get(j, "entitlements");
    const char *address = json_string_value(json_object_get(j, "address"));
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(j, "as"), i, v)
        who_add(ret, json_string_value(v));
    ret->affiliation = copy_of(json_object_get(j, "affiliation"));
    if (json_array_size(list))
        ret->entitlements = xcalloc(json_array_size(list), sizeof *ret->entitlements);
    json_array_foreach(list, i, v)
        ret->entitlements[ret->n_entitlements++] = copy_of(v);
    ret->superuser = json_is_true(json_object_get(j, "superuser"));
    ret->details = json_incref(json_object_get(j, "details"));
    if (address && !address_parse(address, &ret->address))
        return err_set(e, -EINVAL, "'%s' is no address", address);
    return 0;
}

struct question {
    struct batch *b;
    struct index_read *rd;
    struct who who;
    struct asker *asker;
    int64_t now;
    const json_t *ask;
    json_t *contradictions, *whys; /* borrowed from the answer */
};

static void auto_question(struct question *q)
{
    asker_free(q->asker);
    who_done(&q->who);
    index_read_end(q->rd);
}

static int question_begin(struct batch *b, const json_t *ask, struct question *q, struct err *e)
{
    q->b = b;
    q->ask = ask;
    q->now = json_integer_value(json_object_get(ask, "now"));
    int r = who_read(json_object_get(ask, "who"), &q->who, e);
    if (r < 0 || (r = index_read_begin(b->feed.ix, &q->rd, e)) < 0)
        return r;
    if (!b->rules && (r = rules_load(q->rd, &b->rules, e)) < 0)
        return r;
    return asker_new(q->rd, b->rules, &q->who, &q->asker, e);
}

/* ---- answers ------------------------------------------------------------------------------- */

static void contradiction(struct question *q, const char *path, const char *action,
                          const char *what)
{
    json_array_append_new(q->contradictions, json_pack("[sss]", path, action, what));
}

static void reasons(struct question *q, const struct row *row, const char *action, bool yes,
                    json_t *list)
{
    json_t *why = NULL;
    struct err e;
    bool again;
    if (decide_why(q->asker, q->rd, row->id, action, q->now, &again, &why, &e) < 0)
        contradiction(q, row->path, action, e.text);
    else if (again != yes)
        contradiction(q, row->path, action, "decide_why() differs from decide()");
    json_array_append_new(list, why ? why : json_null());
}

/* decide(), and with "explain" the same with reasons. */
static int object_bits(struct question *q, const char *action, struct buf *bits, struct err *e)
{
    bool explain = json_is_true(json_object_get(q->ask, "explain"));
    json_t *list = json_array();
    json_object_set_new(q->whys, action, list);
    for (size_t i = 0; i < q->b->n[OBJECT]; i++) {
        const struct row *row = &q->b->row[OBJECT][i];
        bool yes;
        int r = decide(q->asker, q->rd, row->id, action, q->now, &yes, e);
        if (r < 0)
            return r;
        buf_addc(bits, yes ? '1' : '0');
        if (explain)
            reasons(q, row, action, yes, list);
    }
    return 0;
}

static int folder_bits(struct question *q, const char *action, struct buf *bits, struct err *e)
{
    for (size_t i = 0; i < q->b->n[FOLDER]; i++) {
        bool yes;
        int r = decide_directory(q->asker, q->rd, q->b->row[FOLDER][i].id, action, q->now, &yes, e);
        if (r < 0)
            return r;
        buf_addc(bits, yes ? '1' : '0');
    }
    return 0;
}

static int edit_bits(struct question *q, const char *action, struct buf *bits, struct err *e)
{
    size_t i;
    json_t *id;
    json_array_foreach(json_object_get(q->ask, "edits"), i, id) {
        bool yes;
        int r = decide_edit(q->asker, q->rd, json_string_value(id), action, q->now, &yes, e);
        if (r < 0)
            return r;
        buf_addc(bits, yes ? '1' : '0');
    }
    return 0;
}

typedef int bits_fn(struct question *q, const char *action, struct buf *bits, struct err *e);

static int by_action(struct question *q, const char *name, bits_fn *fn, json_t *answer,
                     struct err *e)
{
    json_t *all = json_object(), *action;
    size_t i;
    json_object_set_new(answer, name, all);
    json_array_foreach(json_object_get(q->ask, "actions"), i, action) {
        const char *text = json_string_value(action);
        AUTO(buf) struct buf bits = {0};
        if (strcmp(text, "list") == 0 && fn != object_bits)
            continue; /* a part of the right to read objects */
        int r = fn(q, text, &bits, e);
        if (r < 0)
            return err_wrap(e, "%s, %s", name, text);
        json_object_set_new(all, text, json_string(buf_str(&bits)));
    }
    return 0;
}

static json_t *set_bits(const struct batch *b, const roaring_bitmap_t *set)
{
    AUTO(buf) struct buf bits = {0};
    for (int k = 0; k < KINDS; k++)
        for (size_t i = 0; i < b->n[k]; i++)
            buf_addc(&bits, roaring_bitmap_contains(set, b->row[k][i].id) ? '1' : '0');
    return json_string(buf_str(&bits));
}

static uint64_t members_among(const struct batch *b, const roaring_bitmap_t *set)
{
    uint64_t n = 0;
    for (int k = 0; k < KINDS; k++)
        for (size_t i = 0; i < b->n[k]; i++)
            n += roaring_bitmap_contains(set, b->row[k][i].id);
    return n;
}

static void explained(struct question *q, const struct visible *v, struct err *e)
{
    for (int k = 0; k < KINDS; k++) {
        for (size_t i = 0; i < q->b->n[k]; i++) {
            const struct row *row = &q->b->row[k][i];
            json_auto_t *why = NULL;
            if (explain_decision(q->rd, &q->who, row->id, q->now, &why, e) < 0)
                contradiction(q, row->path, "list", e->text);
            else if (json_is_true(json_object_get(why, "allow")) !=
                     roaring_bitmap_contains(v->nodes, row->id))
                contradiction(q, row->path, "list", "explain_decision() differs from visible_of()");
            else if (json_is_true(json_object_get(why, "closed")) !=
                     roaring_bitmap_contains(v->closed, row->id))
                contradiction(q, row->path, "list", "explain_decision() and visible_of() differ in "
                                                    "what may be opened");
        }
    }
}

static int sets(struct question *q, json_t *answer, struct err *e)
{
    AUTO(visible) struct visible v = {0};
    int r = visible_of(q->asker, q->rd, q->now, &v, e);
    if (r < 0)
        return r;
    json_object_set_new(answer, "visible", set_bits(q->b, v.nodes));
    json_object_set_new(answer, "closed", v.closed ? set_bits(q->b, v.closed) : json_string(""));
    json_object_set_new(answer, "next", json_integer(v.next_change));
    if (members_among(q->b, v.nodes) != roaring_bitmap_get_cardinality(v.nodes))
        contradiction(q, "", "list", "visible_of() holds what does not live");
    if (json_is_true(json_object_get(q->ask, "explain")))
        explained(q, &v, e);
    return 0;
}

static int changes(struct question *q, json_t *answer)
{
    json_t *told = json_array(), *body;
    size_t i;
    json_object_set_new(answer, "changes", told);
    json_array_foreach(json_object_get(q->ask, "changes"), i, body) {
        struct err e;
        int r = change_allowed(q->asker, q->rd, body, q->now, &e);
        json_array_append_new(told, json_string(r == 0 ? "" : e.text));
    }
    return 0;
}

static int ask(struct batch *b, const json_t *what, json_t *answer, struct err *e)
{
    AUTO(question) struct question q = {0};
    int r = question_begin(b, what, &q, e);
    if (r < 0)
        return r;
    q.contradictions = json_array();
    q.whys = json_object();
    json_object_set_new(answer, "contradictions", q.contradictions);
    json_object_set_new(answer, "whys", q.whys);
    if ((r = by_action(&q, "decide", object_bits, answer, e)) < 0 ||
        (r = by_action(&q, "folders", folder_bits, answer, e)) < 0 ||
        (r = by_action(&q, "edits", edit_bits, answer, e)) < 0 || (r = sets(&q, answer, e)) < 0)
        return r;
    return changes(&q, answer);
}

static int why(struct batch *b, const json_t *what, json_t *answer, struct err *e)
{
    AUTO(question) struct question q = {0};
    json_t *told = NULL;
    node_id id;
    bool yes;
    int r = question_begin(b, what, &q, e);
    if (r == 0)
        r = index_find_shown(q.rd, json_string_value(json_object_get(what, "path")), &id, e);
    if (r == 0)
        r = decide_why(q.asker, q.rd, id, json_string_value(json_object_get(what, "action")), q.now,
                       &yes, &told, e);
    if (r < 0)
        return r;
    json_object_set_new(answer, "allow", json_boolean(yes));
    json_object_set_new(answer, "why", told);
    return 0;
}

static int answer_line(struct batch *b, const json_t *line, json_t *answer, struct err *e)
{
    const json_t *v;
    if (json_object_get(line, "new")) {
        forget(b);
        feed_close(&b->feed);
        return feed_open(&b->feed, feed_parent(), e);
    }
    if (!b->feed.ix)
        return err_set(e, -EINVAL, "no lake yet");
    if ((v = json_object_get(line, "say")))
        return say(b, v, answer, e);
    if ((v = json_object_get(line, "ask")))
        return ask(b, v, answer, e);
    if ((v = json_object_get(line, "why")))
        return why(b, v, answer, e);
    return err_set(e, -EINVAL, "not a line of this program");
}

int main(void)
{
    struct batch b = {0};
    AUTO(free) char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, stdin) > 0) {
        struct err e;
        json_auto_t *j = json_loads(line, 0, NULL), *answer = json_object();
        if (answer_line(&b, j, answer, &e) < 0)
            json_object_set_new(answer, "error", json_string(e.text));
        if (json_dumpf(answer, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF ||
            fflush(stdout) == EOF)
            break;
    }
    forget(&b);
    feed_close(&b.feed);
    return ferror(stdin) || ferror(stdout);
}
