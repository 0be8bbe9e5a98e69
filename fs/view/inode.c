/* fs/view/inode.c - inode numbers: a keyed permutation of node numbers. */
/* SPDX-License-Identifier: MIT */
#include "fs/view/inode.h"

#include "fs/view/siphash.h"

#define ROUNDS 4
#define INO_ROOT 1u

static uint32_t scramble(const uint8_t key[16], unsigned round, uint32_t half)
{
    return (uint32_t)siphash_with(key, (uint64_t)round << 32 | half, "", 0);
}

static uint64_t permute(const uint8_t key[16], uint64_t v)
{
    uint32_t left = (uint32_t)(v >> 32), right = (uint32_t)v;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t next = left ^ scramble(key, i, right);
        left = right;
        right = next;
    }
    return (uint64_t)left << 32 | right;
}

static uint64_t unpermute(const uint8_t key[16], uint64_t v)
{
    uint32_t left = (uint32_t)(v >> 32), right = (uint32_t)v;
    for (unsigned i = ROUNDS; i-- > 0;) {
        uint32_t before = right ^ scramble(key, i, left);
        right = left;
        left = before;
    }
    return (uint64_t)left << 32 | right;
}

uint64_t inode_of(const uint8_t key[16], node_id id)
{
    if (id == NODE_ROOT)
        return INO_ROOT;
    /* 0 means "no entry" to a kernel and 1 is the root: a node that falls on one of them takes the
     * number of the next unused upper half instead. */
    for (uint64_t high = 0;; high++) {
        uint64_t ino = permute(key, high << 32 | id);
        if (ino > INO_ROOT)
            return ino;
    }
}

node_id inode_node(const uint8_t key[16], uint64_t ino)
{
    if (ino == INO_ROOT)
        return NODE_ROOT;
    if (ino == 0)
        return NODE_NONE;
    node_id id = (node_id)unpermute(key, ino);
    if (id == NODE_NONE || id == NODE_ROOT)
        return NODE_NONE;
    return inode_of(key, id) == ino ? id : NODE_NONE;
}
