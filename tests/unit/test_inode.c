/* tests/unit/test_inode.c - SipHash against its published vectors; the permutation both ways. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "fs/view/inode.h"
#include "fs/view/siphash.h"

/* The reference output for key 00..0f and the messages "", 00, 00 01, … */
static const uint64_t vectors[] = {
    0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
    0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137,
    0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
    0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5,
};

static void reference_vectors(void **state)
{
    (void)state;
    uint8_t key[16], text[64];
    for (uint8_t i = 0; i < 16; i++)
        key[i] = i;
    for (uint8_t i = 0; i < 64; i++)
        text[i] = i;
    for (size_t n = 0; n < COUNT(vectors); n++)
        assert_true(siphash(key, text, n) == vectors[n]);
}

static void head_is_a_prefix(void **state)
{
    (void)state;
    const uint8_t key[16] = "0123456789abcdef";
    uint8_t both[8 + 20] = {0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11};
    for (size_t n = 0; n <= 20; n++) {
        memset(both + 8, 'x', n);
        assert_true(siphash_with(key, 0x1122334455667788, both + 8, n) ==
                    siphash(key, both, 8 + n));
    }
}

static void there_and_back(void **state)
{
    (void)state;
    uint8_t key[16];
    for (int k = 0; k < 4; k++) {
        memset(key, 0x41 + k, sizeof key);
        assert_true(inode_of(key, NODE_ROOT) == 1);
        assert_int_equal(inode_node(key, 1), NODE_ROOT);
        assert_int_equal(inode_node(key, 0), NODE_NONE);
        for (uint64_t id = 2; id <= UINT32_MAX; id = id < 5000 ? id + 1 : id * 3) {
            uint64_t ino = inode_of(key, (node_id)id);
            assert_true(ino > 1);
            assert_true(inode_node(key, ino) == id);
        }
    }
}

static void another_key_gives_other_numbers(void **state)
{
    (void)state;
    const uint8_t a[16] = "aaaaaaaaaaaaaaaa", b[16] = "aaaaaaaaaaaaaaab";
    int same = 0, foreign = 0;
    for (node_id id = 2; id < 2000; id++) {
        same += inode_of(a, id) == inode_of(b, id);
        foreign += inode_node(b, inode_of(a, id)) != NODE_NONE;
    }
    assert_int_equal(same, 0);
    assert_int_equal(foreign, 0);
}

static void versions_have_numbers_of_their_own(void **state)
{
    (void)state;
    const uint8_t key[16] = "vvvvvvvvvvvvvvvv";
    for (node_id id = 2; id < 500; id++) {
        assert_true(inode_of_version(key, id, 0) == inode_of(key, id));
        for (uint32_t version = 1; version < 5; version++) {
            uint64_t ino = inode_of_version(key, id, version);
            assert_true(ino > 1 && ino != inode_of(key, id));
            assert_true(ino != inode_of_version(key, id, version + 1));
            assert_int_equal(inode_node_of_any(key, ino), id);
            assert_int_equal(inode_node(key, ino), NODE_NONE);
        }
    }
    assert_true(inode_of_version(key, NODE_ROOT, 7) == 1);
    assert_int_equal(inode_node_of_any(key, 1), NODE_ROOT);
    assert_int_equal(inode_node_of_any(key, 0), NODE_NONE);
}

static void a_guess_is_no_node(void **state)
{
    (void)state;
    const uint8_t key[16] = "kkkkkkkkkkkkkkkk";
    for (uint64_t guess = 2; guess < 20000; guess++)
        assert_int_equal(inode_node(key, guess), NODE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_vectors),
        cmocka_unit_test(head_is_a_prefix),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(another_key_gives_other_numbers),
        cmocka_unit_test(versions_have_numbers_of_their_own),
        cmocka_unit_test(a_guess_is_no_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
