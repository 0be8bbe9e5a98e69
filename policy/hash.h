/* policy/hash.h - SHA-256 and random bytes, over OpenSSL and the kernel. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_HASH_H
#define POLICY_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "policy/types.h"

/* Aborts where OpenSSL cannot hash: without it nothing here can be trusted. */
void hash_sha256(const void *data, size_t n, uint8_t ret[SHA256_SIZE]);
void hash_sha256_hex(const void *data, size_t n, char ret[SHA256_HEX_SIZE]);

/* Bytes of the kernel's random generator. */
void hash_random(void *ret, size_t n);

/* A fresh edit id: EDIT_ID_LEN characters of [a-z0-9], evenly drawn. */
void hash_edit_id(char ret[EDIT_ID_SIZE]);

#endif
