/* tests/unit/test_apply_zones.c - what rules make of labels, held against a naive reading of them in
 * random small lakes. */
/* SPDX-License-Identifier: MIT */
#include "tests/unit/policy_world.h"

#include <inttypes.h>

#include "policy/index_impl.h"

#define WORLDS 250
#define STEPS 30
#define E1 "aaaaaaaaa1"
#define E2 "bbbbbbbbb2"

static const char *const keys[] = {
    "x.mov", "a/1", "a/2", "a/b/1", "a/b/2", "a/b/c/1", "a/b/c/d/1", "a/b/c/d/2", "e/1", "e/f/1", "e/f",
    "a", "__restricted/g/1", "__restricted/g/deep/1", "__restricted/1", "a/__restricted/h/1",
    "a/__restricted/h/__restricted/g/1", "a/x__restricted/h/1", "a/__restricted", "ShotLocker/Edits/1",
    "ShotLocker/Edits/" E1 "/processed/cut.otio", "ShotLocker/Edits/" E1 "/notes.txt",
    "ShotLocker/Edits/" E2 "/processed/cut.otio", "ShotLocker/Edits/" E2 "/a/b/c.txt",
    "ShotLocker/Edits/UPPERCASE1/x", "ShotLocker/Edits/" E1, "deep/ShotLocker/Edits/" E1 "/x",
};
/* Where rules are put: some of it is never there. */
static const char *const places[] = {
    "/", "a/", "a/b/", "a/b/c/", "a/b/c/d/", "e/", "e/f/", "__restricted/", "__restricted/g/",
    "a/__restricted/h/", "a/__restricted/h/__restricted/g/", "ShotLocker/", "ShotLocker/Edits/" E1 "/",
    "never/", "a/b/never/", "x.mov", "a/1", "a/b/2", "a/b/c/d/1", "__restricted/g/1", "e/f", "a",
    "never.mov",
};
static const char *const classes[] = {"sport", "news", "a class, with: signs"};
static const char *const edits[] = {E1, E2};

/* Filters, and what they ask of the two fields. */
static const struct {
    const char *text, *source, *types[2];
} filters[] = {
    {"", NULL, {NULL, NULL}},
    {"source:str_eq=portal", "portal", {NULL, NULL}},
    {"type:string_in=series\\\\,season", NULL, {"series", "season"}},
    {"source:str_eq=portal,type:str_eq=series", "portal", {"series", NULL}},
};

/* What was said, as the ledger has it. */
struct said {
    bool acl[COUNT(places)], protect[COUNT(places)];
    int classes[COUNT(places)]; /* a bit each; -1: none were given */
    const char *source[COUNT(places)], *type[COUNT(places)];
    size_t filter;
    struct {
        uint64_t version; /* 0: not there */
        bool enabled, removed;
        bool holds[COUNT(keys)];
        int classes;
    } edit[COUNT(edits)];
};

struct history {
    struct buf record[STEPS + 8], payload[STEPS + 8];
    size_t n;
};

static uint64_t dice;

static unsigned roll(unsigned sides)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(dice >> 33) % sides;
}

/* ---- the reading of the rules ---------------------------------------------------------------- */

/* Is the key at the place, or below it? */
static bool is_at(const char *key, const char *place)
{
    size_t n = strlen(place);
    if (strcmp(place, "/") == 0)
        return true;
    return place[n - 1] == '/' ? strncmp(key, place, n) == 0 : strcmp(key, place) == 0;
}

static int place_number(const char *dir, size_t n)
{
    for (size_t i = 0; i < COUNT(places); i++)
        if (strlen(places[i]) == n && memcmp(places[i], dir, n) == 0)
            return (int)i;
    return -1;
}

/* Does the directory (the first `n` bytes of a key; 0: the root) let ACLs through? */
static bool lets_through(const struct said *s, const char *key, size_t n)
{
    int at = n ? place_number(key, n) : 0;
    const char *source = at < 0 ? NULL : s->source[at], *type = at < 0 ? NULL : s->type[at];
    const char *want = filters[s->filter].source, *const *types = filters[s->filter].types;
    if (want && (!source || strcmp(source, want) != 0))
        return false;
    if (!types[0])
        return true;
    return type && (strcmp(type, types[0]) == 0 || (types[1] && strcmp(type, types[1]) == 0));
}

static bool acl_reaches(const struct said *s, const char *place, const char *key)
{
    size_t n = strlen(place);
    if (!is_at(key, place))
        return false;
    if (place[n - 1] != '/')
        return true;
    for (size_t i = strcmp(place, "/") == 0 ? 0 : n; i <= strlen(key); i++)
        if ((i == 0 || key[i - 1] == '/') && !lets_through(s, key, i))
            return false;
    return true;
}

static bool is_guarded_by_name(const char *dir, const char *key)
{
    size_t n = strlen(dir), below = strlen("__restricted/");
    if (n < below + 2 || dir[n - 1] != '/' || !is_at(key, dir))
        return false;
    const char *name = dir + n - 1;
    while (name > dir && name[-1] != '/')
        name--;
    if (name < dir + below || memcmp(name - below, "__restricted/", below) != 0)
        return false;
    return name - below == dir || name[-1 - (long)below] == '/';
}

/* A bit for each class that the key has. */
static int classes_of(const struct said *s, size_t k)
{
    const char *key = keys[k];
    int own = place_number(key, strlen(key));
    if (own >= 0 && s->classes[own] >= 0)
        return s->classes[own];
    int got = 0;
    size_t longest = 0;
    for (size_t i = 0; i < COUNT(places); i++)
        if (s->classes[i] >= 0 && places[i][strlen(places[i]) - 1] == '/' && is_at(key, places[i]) &&
            strlen(places[i]) >= longest && strcmp(places[i], key) != 0) {
            bool is_root = i == 0;
            if (is_root && longest > 0)
                continue;
            got = s->classes[i];
            longest = is_root ? 0 : strlen(places[i]);
        }
    for (size_t i = 0; i < COUNT(edits); i++)
        if (s->edit[i].enabled && !s->edit[i].removed && s->edit[i].holds[k] &&
            s->edit[i].classes > 0)
            got |= s->edit[i].classes;
    return got;
}

/* ---- the index's answers --------------------------------------------------------------------- */

/* The node of a key or a directory, live or not. */
static node_id node_of(struct index_read *rd, const char *path)
{
    node_id at = NODE_ROOT;
    struct err e;
    for (const char *s = strcmp(path, "/") == 0 ? "" : path; *s;) {
        size_t n = strcspn(s, "/");
        bool dir = s[n] == '/';
        int r = node_get(rd->ix, rd->txn, at, s, n, dir ? NODE_DIR : NODE_OBJECT, &at, &e);
        if (r == -ENOENT)
            return NODE_NONE;
        assert_int_equal(r, 0);
        s += n + dir;
    }
    return at;
}

static int add_name(void *arg, const char *label, struct err *e)
{
    (void)e;
    buf_addf(arg, "|%s|", label);
    return 0;
}

struct check {
    struct index_read *rd;
    const char *key;
    node_id node;
    bool live;
    const char *tags; /* "|label||label|" */
};

/* The label has the node as a member, in its closure where it is live, and by its number. */
static void assert_member(const struct check *c, bool want, const char *label)
{
    AUTO(free) char *text = xasprintf("|%s|", label);
    AUTO(bitmap) roaring_bitmap_t *closed = NULL;
    struct err e;
    bool has = strstr(c->tags, text) != NULL;
    if (has != want)
        fail_msg("'%s' is %sa member of '%s'; it has %s", c->key, has ? "" : "not ", label, c->tags);
    assert_int_equal(index_label(c->rd, label, &closed, &e), 0);
    if (roaring_bitmap_contains(closed, c->node) != (want && c->live))
        fail_msg("'%s', %s, and the closure of '%s'", c->key, c->live ? "live" : "gone", label);
}

static void assert_by_place(const struct said *s, const struct check *c)
{
    for (size_t i = 0; i < COUNT(places); i++) {
        node_id node = node_of(c->rd, places[i]);
        char label[32];
        if (node == NODE_NONE)
            continue;
        snprintf(label, sizeof label, "acl:%u", node);
        assert_member(c, s->acl[i] && acl_reaches(s, places[i], c->key), label);
        snprintf(label, sizeof label, "guard:%u", node);
        assert_member(c, (s->protect[i] && is_at(c->key, places[i])) ||
                             is_guarded_by_name(places[i], c->key), label);
    }
}

static void assert_labels(struct world *w, const struct said *s)
{
    AUTO(index_read) struct index_read *rd = NULL;
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    for (size_t k = 0; k < COUNT(keys); k++) {
        AUTO(buf) struct buf tags = {0};
        struct check c = {.rd = rd, .key = keys[k], .node = node_of(rd, keys[k])};
        struct attr at;
        if (c.node == NODE_NONE)
            continue;
        assert_int_equal(attr_get(rd->ix, rd->txn, c.node, &at, NULL, NULL, &w->e), 0);
        assert_int_equal(index_labels_of(rd, c.node, add_name, &tags, &w->e), 0);
        c.live = attr_is_live(&at);
        c.tags = buf_str(&tags);
        assert_by_place(s, &c);
        for (size_t i = 0; i < COUNT(classes); i++) {
            AUTO(free) char *label = xasprintf("class:%s", classes[i]);
            assert_member(&c, classes_of(s, k) >> i & 1, label);
        }
        for (size_t i = 0; i < COUNT(edits); i++) {
            AUTO(free) char *label = xasprintf("files:%s", edits[i]);
            AUTO(free) char *dir = xasprintf("ShotLocker/Edits/%s/", edits[i]);
            assert_member(&c, strncmp(keys[k], dir, strlen(dir)) == 0, label);
        }
        assert_null(strstr(c.tags, "files:UPPER"));
    }
}

/* ---- what is said ---------------------------------------------------------------------------- */

static void note(struct world *w, struct history *h)
{
    assert_true(h->n < COUNT(h->record));
    buf_add(&h->record[h->n], w->last.p, w->last.len);
    buf_add(&h->payload[h->n++], buf_str(&w->payload), w->payload.len);
}

static void tell(struct world *w, struct history *h, char *body, const char *rows)
{
    say(w, body, rows);
    note(w, h);
    free(body);
}

static void say_inventory(struct world *w, struct history *h)
{
    struct buf text = {0};
    for (unsigned n = 1 + roll(6); n > 0; n--)
        buf_addf(&text, "%s%c%s", text.len ? " " : "", roll(3) ? '+' : '-', keys[roll(COUNT(keys))]);
    inventory(w, text.p);
    note(w, h);
    buf_done(&text);
}

static char *class_list(int set)
{
    struct buf b = {0};
    if (set < 0)
        return xstrdup("null");
    for (size_t i = 0; i < COUNT(classes); i++)
        if (set >> i & 1)
            buf_addf(&b, "%s'%s'", b.len ? "," : "", classes[i]);
    char *text = xasprintf("[%s]", buf_str(&b));
    buf_done(&b);
    return text;
}

static void say_class(struct world *w, struct history *h, struct said *s)
{
    size_t at = roll(COUNT(places)), ed = roll(COUNT(edits));
    int set = (int)roll(1u << COUNT(classes)) - (roll(3) == 0 ? 8 : 0);
    set = set < 0 ? -1 : set;
    AUTO(free) char *list = class_list(set);
    if (roll(3) > 0) {
        tell(w, h, xasprintf("{'op':'class','path':'%s','classes':%s}", places[at], list), NULL);
        s->classes[at] = set;
    } else {
        tell(w, h, xasprintf("{'op':'class','edit':'%s','classes':%s}", edits[ed], list), NULL);
        if (s->edit[ed].version && !s->edit[ed].removed)
            s->edit[ed].classes = set;
    }
}

static void say_place(struct world *w, struct history *h, struct said *s)
{
    static const char *const sources[] = {NULL, "portal", "PORTAL"};
    static const char *const types[] = {NULL, "series", "season", "show"};
    size_t at = roll(COUNT(places));
    bool on = roll(3) > 0;
    switch (roll(3)) {
    case 0:
        tell(w, h, xasprintf("{'op':'acl','path':'%s','entries':%s}", places[at],
                             on ? READ_FOR("USER", "ann") : "[]"), NULL);
        s->acl[at] = on;
        return;
    case 1:
        tell(w, h, xasprintf("{'op':'protect','path':'%s','group':%s}", places[at],
                             on ? "'crew'" : "null"), NULL);
        s->protect[at] = on;
        return;
    }
    const char *source = sources[roll(COUNT(sources))], *type = types[roll(COUNT(types))];
    tell(w, h, xasprintf("{'op':'metadata','path':'%s','fields':{%s%s%s%s%s%s%s}}", places[at],
                         source ? "'source':'" : "", source ? source : "", source ? "'" : "",
                         source && type ? "," : "", type ? "'type':'" : "", type ? type : "",
                         type ? "'" : ""), NULL);
    s->source[at] = source;
    s->type[at] = type;
}

static void say_filter(struct world *w, struct history *h, struct said *s)
{
    s->filter = roll(COUNT(filters));
    tell(w, h, xasprintf("{'op':'settings','set':{'acl.propagate.filter':%s%s%s}}",
                         s->filter ? "'" : "", s->filter ? filters[s->filter].text : "null",
                         s->filter ? "'" : ""), NULL);
}

static void say_edit(struct world *w, struct history *h, struct said *s)
{
    size_t ed = roll(COUNT(edits));
    struct buf rows = {0};
    bool holds[COUNT(keys)] = {0};
    for (size_t k = 0; k < COUNT(keys); k++)
        if ((holds[k] = roll(4) == 0))
            buf_addf(&rows, "['%s']\n", keys[k]);
    AUTO(free) char *manifest = xasprintf("ShotLocker/Edits/%s/processed/cut.otio", edits[ed]);
    for (size_t k = 0; k < COUNT(keys); k++)
        holds[k] = holds[k] || strcmp(keys[k], manifest) == 0;
    /* now and then one that comes too late */
    uint64_t version = s->edit[ed].version + (s->edit[ed].version == 0 || roll(8) > 0);
    tell(w, h, xasprintf("{'op':'edit','edit':'%s','name':'Cut','file':'f','manifest':'%s','objects':1,"
                         "'bytes':1,'manifest_stat':[10,1,'m%u'],'version':%" PRIu64 "%s}", edits[ed],
                         manifest, roll(2), version, roll(2) ? ",'retire_until':'2099-01-01'" : ""), buf_str(&rows));
    buf_done(&rows);
    if (s->edit[ed].removed || version == s->edit[ed].version)
        return;
    if (s->edit[ed].version == 0) {
        s->edit[ed].enabled = true;
        s->edit[ed].classes = -1;
    }
    s->edit[ed].version = version;
    memcpy(s->edit[ed].holds, holds, sizeof holds);
}

static void say_state(struct world *w, struct history *h, struct said *s)
{
    size_t ed = roll(COUNT(edits));
    unsigned what = roll(9);
    const char *op = what == 0 ? "remove" : what < 5 ? "disable" : "enable";
    tell(w, h, xasprintf("{'op':'%s','edit':'%s'}", op, edits[ed]), NULL);
    if (s->edit[ed].version == 0)
        return;
    s->edit[ed].removed = s->edit[ed].removed || what == 0;
    s->edit[ed].enabled = what >= 5;
}

static void say_something(struct world *w, struct history *h, struct said *s)
{
    unsigned what = roll(20);
    if (what < 5)
        say_inventory(w, h);
    else if (what < 10)
        say_class(w, h, s);
    else if (what < 15)
        say_place(w, h, s);
    else if (what < 16)
        say_filter(w, h, s);
    else if (what < 18)
        say_edit(w, h, s);
    else
        say_state(w, h, s);
}

/* ---- another host ---------------------------------------------------------------------------- */

static void assert_same_table(struct world *a, MDB_txn *at, struct world *b, MDB_txn *bt, int t)
{
    AUTO(cursor) MDB_cursor *x = NULL;
    AUTO(cursor) MDB_cursor *y = NULL;
    MDB_val kx, vx, ky, vy;
    assert_int_equal(mdb_cursor_open(at, a->ix->table[t], &x), 0);
    assert_int_equal(mdb_cursor_open(bt, b->ix->table[t], &y), 0);
    for (;;) {
        int rx = mdb_cursor_get(x, &kx, &vx, MDB_NEXT), ry = mdb_cursor_get(y, &ky, &vy, MDB_NEXT);
        if (rx != ry || (rx != 0 && rx != MDB_NOTFOUND))
            fail_msg("table %d: %d and %d", t, rx, ry);
        if (rx != 0)
            return;
        if (kx.mv_size != ky.mv_size || memcmp(kx.mv_data, ky.mv_data, kx.mv_size) != 0 ||
            vx.mv_size != vy.mv_size || memcmp(vx.mv_data, vy.mv_data, vx.mv_size) != 0)
            fail_msg("table %d differs", t);
    }
}

/* The same records, read by a host that stopped in between, make the same index to the byte. */
static void assert_replay(struct world *w, const struct history *h)
{
    struct world *other = world_open(1);
    size_t stop = roll((unsigned)h->n + 1);
    for (size_t i = 0; i < h->n; i++) {
        if (i == stop) {
            index_close(other->ix);
            assert_int_equal(index_open(other->dir, &other->ix, &other->e), 0);
        }
        buf_clear(&other->payload);
        buf_add(&other->payload, buf_str(&h->payload[i]), h->payload[i].len);
        if (apply_record(other->ix, h->record[i].p, h->record[i].len, world_payload, other,
                         &other->e) != 0)
            fail_msg("%s", other->e.text);
    }
    AUTO(txn) MDB_txn *x = NULL;
    AUTO(txn) MDB_txn *y = NULL;
    assert_int_equal(mdb_txn_begin(w->ix->env, NULL, MDB_RDONLY, &x), 0);
    assert_int_equal(mdb_txn_begin(other->ix->env, NULL, MDB_RDONLY, &y), 0);
    for (int t = 0; t < TABLE_COUNT; t++)
        assert_same_table(w, x, other, y, t);
    mdb_txn_abort(TAKE(y));
    world_close(other);
}

static void test_random_worlds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        struct world *w = world_open(1);
        struct said s = {0};
        AUTO(free) struct history *h = xcalloc(1, sizeof *h);
        dice = seed;
        for (size_t i = 0; i < COUNT(places); i++)
            s.classes[i] = -1;
        print_message("world %" PRIu64 "\r", seed); /* the last one that is told failed */
        for (int i = 0; i < STEPS; i++) {
            say_something(w, h, &s);
            assert_labels(w, &s);
        }
        if (seed % 10 == 0)
            assert_replay(w, h);
        for (size_t i = 0; i < h->n; i++) {
            buf_done(&h->record[i]);
            buf_done(&h->payload[i]);
        }
        world_close(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_worlds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
