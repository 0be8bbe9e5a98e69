/* fs/view/siphash.h - SipHash-2-4: a keyed hash that nobody without the key can foresee. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_VIEW_SIPHASH_H
#define FS_VIEW_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_KEY_SIZE 16

/* The 64-bit hash of `n` bytes under `key`. Pure; any thread. */
uint64_t siphash(const uint8_t key[SIPHASH_KEY_SIZE], const void *data, size_t n);

/* The hash of `head` (its eight bytes, little end first) followed by `n` bytes: a number and a
 * name in one go. */
uint64_t siphash_with(const uint8_t key[SIPHASH_KEY_SIZE], uint64_t head, const void *data,
                      size_t n);

#endif
