/* tests/fuzz/fuzz_access_group.c - rules, ranges, a name and an address, a line each: refused, or sound. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/access_group.h"
#include "policy/principals.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

DEFINE_AUTO(ranges, struct ranges *, ranges_free);

static void must(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

/* The ends of every span are within its range, and an address is what it is printed as. */
static void check_ends(const struct ranges *r, const char *name, const json_t *list)
{
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v) {
        static const char *const ends[] = {"start", "end"};
        for (size_t k = 0; k < COUNT(ends); k++) {
            struct address a = {0}, again = {0};
            char text[ADDRESS_TEXT_SIZE];
            must(address_parse(json_string_value(json_object_get(v, ends[k])), &a), "no address");
            must(ranges_have(r, name, &a), "an end outside of its range");
            must(address_parse(address_format(&a, text), &again), "printed as none");
            must(memcmp(&a, &again, sizeof a) == 0, "printed as another");
        }
    }
}

static struct ranges *read_ranges(const json_t *all)
{
    AUTO(ranges) struct ranges *r = ranges_new();
    const struct address none = {0};
    const char *name;
    json_t *list;
    json_object_foreach((json_t *)all, name, list) {
        struct err e = {0};
        if (ranges_check(list, &e) < 0) {
            must(e.code == -EBADMSG && *e.text, "a bad refusal of a range");
            ranges_add(r, name, list); /* a range of an unchecked record must not break either */
            continue;
        }
        ranges_add(r, name, list);
        check_ends(r, name, list);
        must(ranges_know(r, name) && !ranges_have(r, name, &none), "no address is in a range");
    }
    return TAKE(r);
}

static void check_admission(const json_t *rules, const struct ranges *r, const struct who *who)
{
    const struct who nobody = {.address = who->address, .affiliation = who->affiliation};
    struct admission a = access_group_admits(rules, r, "scope.example", who);
    must(a.by_users == (a.user_rule != NULL) && a.by_network == (a.range != NULL), "no reason");
    must(a.admitted == (a.satisfy_all ? a.by_users && a.by_network : a.by_users || a.by_network),
         "not what the dimensions say");
    must(!a.by_network || who->address.family != 0, "a network without an address");
    must(!access_group_has_admin(rules, "scope.example", who) || a.by_users, "an admin outside");
    a = access_group_admits(rules, r, "", &nobody);
    must(!a.by_users && (!a.admitted || a.by_network), "a nameless user");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO(free) char *text = xstrndup((const char *)data, n);
    char *rest = text, *lines[4] = {NULL};
    static char empty[] = "";
    for (size_t i = 0; i < COUNT(lines); i++) {
        lines[i] = strsep(&rest, "\n");
        lines[i] = lines[i] ? lines[i] : empty;
    }
    json_auto_t *rules = json_loads(lines[0], JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    json_auto_t *all = json_loads(lines[1], JSON_REJECT_DUPLICATES, NULL);
    if (!rules)
        return 0;
    struct err e = {0};
    AUTO(ranges) struct ranges *r = read_ranges(all);
    AUTO(who) struct who who = {.affiliation = xstrdup(lines[2])};
    AUTO(free) char *user = xasprintf("user:%s", lines[2]);
    who_add(&who, user);
    if (!address_parse(lines[3], &who.address))
        must(who.address.family == 0, "a half address");
    if (access_group_check(rules, &e) < 0)
        must(e.code == -EBADMSG && *e.text, "a bad refusal");
    check_admission(rules, r, &who); /* also by rules that would not be written: never a crash */
    return 0;
}
