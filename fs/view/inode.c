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

uint64_t inode_of_version(const uint8_t key[16], node_id id, uint32_t version)
{
    if (id == NODE_ROOT)
        return INO_ROOT;
    uint64_t ino = permute(key, (uint64_t)version << 32 | id);
    /* 0 means "no entry" to a kernel and 1 is the root: what falls on one of them, once in 2^63,
     * takes the number of another version. */
    return ino > INO_ROOT ? ino : permute(key, (uint64_t)(version ^ UINT32_MAX) << 32 | id);
}

uint64_t inode_of(const uint8_t key[16], node_id id)
{
    return inode_of_version(key, id, 0);
}

node_id inode_node_of_any(const uint8_t key[16], uint64_t ino)
{
    if (ino == INO_ROOT)
        return NODE_ROOT;
    node_id id = ino == 0 ? NODE_NONE : (node_id)unpermute(key, ino);
    return id == NODE_ROOT ? NODE_NONE : id;
}

node_id inode_node(const uint8_t key[16], uint64_t ino)
{
    node_id id = inode_node_of_any(key, ino);
    return id != NODE_NONE && inode_of(key, id) == ino ? id : NODE_NONE;
}
