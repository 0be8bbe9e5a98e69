/* tests/fuzz/fuzz_acl.c - any JSON as an access list: refused with its place, or wholly usable. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "policy/principals.h"
#include "policy/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    json_auto_t *j = json_loadb((const char *)data, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
                                NULL);
    struct err e = {0};
    if (!j)
        return 0;
    int r = acl_check(j, &e);
    if (r < 0) {
        must((r == -EBADMSG || r == -EFBIG) && *e.text, "a bad refusal");
        return 0;
    }
    size_t i;
    json_t *entry;
    json_array_foreach(j, i, entry) {
        char name[PRINCIPAL_MAX], again[PRINCIPAL_MAX];
        acl_principal(entry, name);
        must(principal_parse(name, again, &e) == 0 && strcmp(name, again) == 0, "a bad name");
        acl_gives(entry, "read");
        acl_gives(entry, "modify_all_access");
    }
    return 0;
}
