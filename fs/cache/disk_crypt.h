/* fs/cache/disk_crypt.h - keys and ciphers of a disk cache. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_CACHE_DISK_CRYPT_H
#define FS_CACHE_DISK_CRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct disk_cipher;
struct disk_keys;
struct err;

#define DISK_KEY_BYTES 32 /* AES-256 */
#define DISK_NONCE_BYTES 12
#define DISK_TAG_BYTES 16
#define DISK_SALT_BYTES 16
#define DISK_CHECK_BYTES 16
#define DISK_ID_BYTES 16

/* The key of an object, encrypted under the master key with a random nonce. */
struct disk_wrapped {
    unsigned char nonce[DISK_NONCE_BYTES];
    unsigned char tag[DISK_TAG_BYTES];
    unsigned char key[DISK_KEY_BYTES];
};

/* What a unit's tag binds it to besides its bytes. */
struct disk_place {
    uint64_t serial;
    uint32_t block, unit, length;
};

/* Reads the master key from its file, or makes both. The keys are kept in memory of their own that
 * is locked where the system allows, left out of core dumps, and wiped.
 * -EACCES: open to others, or not ours. -EBADMSG: not a key. */
int disk_keys_load(const char *path, struct disk_keys **ret, struct err *e);
/* The same without making one. -ENOENT: none. */
int disk_keys_load_existing(const char *path, struct disk_keys **ret, struct err *e);
void disk_keys_free(struct disk_keys *k); /* NULL is fine */
/* Derives what is used from the master key and the table's salt. */
int disk_keys_derive(struct disk_keys *k, const unsigned char salt[DISK_SALT_BYTES],
                     unsigned char ret_check[DISK_CHECK_BYTES]);
/* A keyed hash of pieces: nobody without the key can find out what was hashed by guessing. */
void disk_hash(const struct disk_keys *k, const void *a, size_t n_a, const void *b, size_t n_b,
               const void *c, size_t n_c, unsigned char ret[DISK_ID_BYTES]);

/* One thread's cipher: has the key of one object at a time, and forgets it. NULL: no memory. */
struct disk_cipher *disk_cipher_new(void);
void disk_cipher_free(struct disk_cipher *c); /* NULL is fine */
void disk_cipher_forget(struct disk_cipher *c);
/* A random key for the cipher, wrapped. `serial` and the ids are bound to it. */
int disk_cipher_make(struct disk_cipher *c, const struct disk_keys *k, const void *ids, size_t n_ids,
                     uint64_t serial, struct disk_wrapped *ret);
/* The key that was wrapped. -EBADMSG: not with these keys and ids, or damaged. */
int disk_cipher_load(struct disk_cipher *c, const struct disk_keys *k, const void *ids, size_t n_ids,
                     uint64_t serial, const struct disk_wrapped *w);
/* `from` may be `to`. */
int disk_cipher_seal(struct disk_cipher *c, const struct disk_place *at, const void *from, void *to,
                     unsigned char ret_tag[DISK_TAG_BYTES]);
/* -EBADMSG: not what was sealed; `to` then holds nothing of use. */
int disk_cipher_open(struct disk_cipher *c, const struct disk_place *at,
                     const unsigned char tag[DISK_TAG_BYTES], const void *from, void *to);

#endif
