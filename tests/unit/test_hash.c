/* tests/unit/test_hash.c - SHA-256 on published vectors, and evenly drawn ids. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "policy/hash.h"
#include "policy/record.h"

/* FIPS 180-4 and NIST's example messages. */
static void test_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hash;
    } rows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    char hex[SHA256_HEX_SIZE];
    for (size_t i = 0; i < COUNT(rows); i++) {
        hash_sha256_hex(rows[i].text, strlen(rows[i].text), hex);
        assert_string_equal(hex, rows[i].hash);
    }
    AUTO(free) char *million = xcalloc(1000000, 1);
    memset(million, 'a', 1000000);
    hash_sha256_hex(million, 1000000, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* Every character at every place, none much too often: 36,000 draws of each of 36, where five
 * standard deviations are 154. */
static void test_edit_ids(void **state)
{
    (void)state;
    enum { IDS = 36000 };
    static unsigned count[256];
    char id[EDIT_ID_SIZE], last[EDIT_ID_SIZE] = "";
    for (int i = 0; i < IDS; i++) {
        hash_edit_id(id);
        assert_true(edit_id_is_valid(id));
        assert_string_not_equal(id, last);
        strcpy(last, id);
        for (int k = 0; k < EDIT_ID_LEN; k++)
            count[(unsigned char)id[k]]++;
    }
    for (const char *c = "abcdefghijklmnopqrstuvwxyz0123456789"; *c; c++)
        if (abs((int)count[(unsigned char)*c] - IDS * EDIT_ID_LEN / 36) > 1000)
            fail_msg("'%c' was drawn %u times", *c, count[(unsigned char)*c]);
}

static void test_random(void **state)
{
    (void)state;
    uint8_t a[1000] = {0}, b[1000] = {0};
    hash_random(a, sizeof a);
    hash_random(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    size_t zeros = 0;
    for (size_t i = 0; i < sizeof a; i++)
        zeros += a[i] == 0;
    assert_true(zeros < 50); /* 4 are expected; a short read would leave many */
    hash_random(a, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_edit_ids),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
