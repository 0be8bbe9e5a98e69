/* fs/view/inode.h - inode numbers: a keyed permutation of node numbers. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_VIEW_INODE_H
#define FS_VIEW_INODE_H

#include <stdint.h>

#include "policy/types.h"

/* Node numbers count the lake; inode numbers must not. A 4-round Feistel network over 64 bits with
 * SipHash-2-4 as round function, keyed per lake (index_lake.node_key): the same object has the same
 * inode number on every host and after every remount, and the numbers that are no node's are
 * recognised when they come back, so a front needs no table and a guessed handle is nothing.
 * NODE_ROOT is 1 (FUSE_ROOT_ID) and back. */
uint64_t inode_of(const uint8_t key[16], node_id id);

/* The number of one version of a node's content (`version` 0: inode_of()), in the same key space:
 * a kernel keeps pages by it, and pages of two versions must not meet. */
uint64_t inode_of_version(const uint8_t key[16], node_id id, uint32_t version);

/* The node of a number that inode_of() or inode_of_version() gives, without a look whether the
 * version is a true one: callers make the number again from what they know and compare. */
node_id inode_node_of_any(const uint8_t key[16], uint64_t ino);

/* The node, or NODE_NONE for a number that inode_of() never gives. */
node_id inode_node(const uint8_t key[16], uint64_t ino);

#endif
