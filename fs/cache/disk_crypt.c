/* fs/cache/disk_crypt.c - keys and ciphers of a disk cache. */
/* SPDX-License-Identifier: MIT */
#include "fs/cache/disk_crypt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/buf.h"
#include "base/err.h"
#include "fs/cache/disk_key_file.h"

struct disk_keys {
    unsigned char master[DISK_KEY_BYTES];
    unsigned char wrap[DISK_KEY_BYTES]; /* encrypts the keys of objects */
    unsigned char name[DISK_KEY_BYTES]; /* hashes names */
};

struct disk_cipher {
    EVP_CIPHER *aes;
    EVP_CIPHER_CTX *seal, *open; /* each set up with the key when it is first used */
    unsigned char key[DISK_KEY_BYTES];
    bool has_key, seals, opens;
};

/* ---- keys ---------------------------------------------------------------------------------- */

static struct disk_keys *keys_new(void)
{
    void *p = mmap(NULL, sizeof(struct disk_keys), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    mlock(p, sizeof(struct disk_keys)); /* may be beyond a limit: then the swap is the operator's */
    madvise(p, sizeof(struct disk_keys), MADV_DONTDUMP);
    return p;
}

void disk_keys_free(struct disk_keys *k)
{
    if (!k)
        return;
    explicit_bzero(k, sizeof *k);
    munmap(k, sizeof *k);
}

static int load_keys(const char *path, bool make, struct disk_keys **ret, struct err *e)
{
    struct disk_keys *k = keys_new();
    if (!k)
        return err_errno(e, -ENOMEM, "make room for the key of the cache");
    int r = disk_key_file_load(path, make, k->master, e);
    if (r < 0) {
        disk_keys_free(k);
        return r;
    }
    *ret = k;
    return 0;
}

int disk_keys_load(const char *path, struct disk_keys **ret, struct err *e)
{
    return load_keys(path, /* make= */ true, ret, e);
}

int disk_keys_load_existing(const char *path, struct disk_keys **ret, struct err *e)
{
    return load_keys(path, /* make= */ false, ret, e);
}

/* The master key is random, so a keyed hash of a label is a key as good. */
static int derive(const struct disk_keys *k, const char *label, const unsigned char *salt,
                  unsigned char ret[DISK_KEY_BYTES])
{
    unsigned char text[64] = {0};
    unsigned n = 0;
    size_t n_label = strlen(label);
    memcpy(text, label, n_label);
    memcpy(text + sizeof text - DISK_SALT_BYTES, salt, DISK_SALT_BYTES);
    if (!HMAC(EVP_sha256(), k->master, DISK_KEY_BYTES, text, sizeof text, ret, &n) ||
        n != DISK_KEY_BYTES)
        return -EIO;
    return 0;
}

int disk_keys_derive(struct disk_keys *k, const unsigned char salt[DISK_SALT_BYTES],
                     unsigned char ret_check[DISK_CHECK_BYTES])
{
    unsigned char check[DISK_KEY_BYTES];
    int r = derive(k, "shotlake disk cache: wrap", salt, k->wrap);
    if (r == 0)
        r = derive(k, "shotlake disk cache: name", salt, k->name);
    if (r == 0)
        r = derive(k, "shotlake disk cache: check", salt, check);
    if (r == 0)
        memcpy(ret_check, check, DISK_CHECK_BYTES);
    return r;
}

/* The lengths go first, so that no two lists of pieces are the same bytes. */
void disk_hash(const struct disk_keys *k, const void *a, size_t n_a, const void *b, size_t n_b,
               const void *c, size_t n_c, unsigned char ret[DISK_ID_BYTES])
{
    const uint64_t lengths[] = {n_a, n_b, n_c};
    unsigned char full[EVP_MAX_MD_SIZE];
    struct buf text = {0};
    buf_add(&text, lengths, sizeof lengths);
    buf_add(&text, a, n_a);
    buf_add(&text, b, n_b);
    buf_add(&text, c, n_c);
    if (!HMAC(EVP_sha256(), k->name, DISK_KEY_BYTES, (unsigned char *)text.p, text.len, full, NULL))
        abort(); /* no memory: as the builders above */
    memcpy(ret, full, DISK_ID_BYTES);
    buf_done(&text);
}

/* ---- ciphers ------------------------------------------------------------------------------- */

struct disk_cipher *disk_cipher_new(void)
{
    struct disk_cipher *c = xcalloc(1, sizeof *c);
    c->aes = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL); /* once: looking it up is slow */
    c->seal = EVP_CIPHER_CTX_new();
    c->open = EVP_CIPHER_CTX_new();
    if (c->aes && c->seal && c->open)
        return c;
    disk_cipher_free(c);
    return NULL;
}

void disk_cipher_forget(struct disk_cipher *c)
{
    if (c->seals)
        EVP_CIPHER_CTX_reset(c->seal); /* wipes */
    if (c->opens)
        EVP_CIPHER_CTX_reset(c->open);
    explicit_bzero(c->key, sizeof c->key);
    c->has_key = c->seals = c->opens = false;
}

void disk_cipher_free(struct disk_cipher *c)
{
    if (!c)
        return;
    disk_cipher_forget(c);
    EVP_CIPHER_CTX_free(c->seal);
    EVP_CIPHER_CTX_free(c->open);
    EVP_CIPHER_free(c->aes);
    free(c);
}

static void set_key(struct disk_cipher *c, const unsigned char *key)
{
    disk_cipher_forget(c);
    memcpy(c->key, key, sizeof c->key);
    c->has_key = true;
}

static EVP_CIPHER_CTX *sealing(struct disk_cipher *c)
{
    if (c->has_key && !c->seals)
        c->seals = EVP_EncryptInit_ex2(c->seal, c->aes, c->key, NULL, NULL) == 1;
    return c->seals ? c->seal : NULL;
}

static EVP_CIPHER_CTX *opening(struct disk_cipher *c)
{
    if (c->has_key && !c->opens)
        c->opens = EVP_DecryptInit_ex2(c->open, c->aes, c->key, NULL, NULL) == 1;
    return c->opens ? c->open : NULL;
}

/* What is bound to the tag is given as two pieces. `ctx` NULL: there is no key. */
static int gcm_seal(EVP_CIPHER_CTX *ctx, const unsigned char *nonce, const void *aad, size_t n_aad,
                    uint64_t serial, const void *from, size_t n, void *to, unsigned char *ret_tag)
{
    int len;
    if (!ctx || EVP_EncryptInit_ex2(ctx, NULL, NULL, nonce, NULL) != 1 ||
        EVP_EncryptUpdate(ctx, NULL, &len, aad, (int)n_aad) != 1 ||
        EVP_EncryptUpdate(ctx, NULL, &len, (unsigned char *)&serial, sizeof serial) != 1 ||
        EVP_EncryptUpdate(ctx, to, &len, from, (int)n) != 1 || len != (int)n ||
        EVP_EncryptFinal_ex(ctx, (unsigned char *)to + n, &len) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, DISK_TAG_BYTES, ret_tag) != 1)
        return -EIO;
    return 0;
}

static int gcm_open(EVP_CIPHER_CTX *ctx, const unsigned char *nonce, const void *aad, size_t n_aad,
                    uint64_t serial, const unsigned char *tag, const void *from, size_t n, void *to)
{
    int len;
    unsigned char want[DISK_TAG_BYTES];
    memcpy(want, tag, sizeof want);
    if (!ctx || EVP_DecryptInit_ex2(ctx, NULL, NULL, nonce, NULL) != 1 ||
        EVP_DecryptUpdate(ctx, NULL, &len, aad, (int)n_aad) != 1 ||
        EVP_DecryptUpdate(ctx, NULL, &len, (unsigned char *)&serial, sizeof serial) != 1 ||
        EVP_DecryptUpdate(ctx, to, &len, from, (int)n) != 1 || len != (int)n ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, DISK_TAG_BYTES, want) != 1 ||
        EVP_DecryptFinal_ex(ctx, (unsigned char *)to + n, &len) != 1)
        return -EBADMSG;
    return 0;
}

int disk_cipher_make(struct disk_cipher *c, const struct disk_keys *k, const void *ids, size_t n_ids,
                     uint64_t serial, struct disk_wrapped *ret)
{
    unsigned char key[DISK_KEY_BYTES];
    int r = 0;
    set_key(c, k->wrap);
    if (RAND_bytes(ret->nonce, sizeof ret->nonce) != 1 || RAND_priv_bytes(key, sizeof key) != 1)
        r = -EIO;
    if (r == 0)
        r = gcm_seal(sealing(c), ret->nonce, ids, n_ids, serial, key, sizeof key, ret->key,
                     ret->tag);
    if (r == 0)
        set_key(c, key);
    else
        disk_cipher_forget(c);
    explicit_bzero(key, sizeof key);
    return r;
}

int disk_cipher_load(struct disk_cipher *c, const struct disk_keys *k, const void *ids, size_t n_ids,
                     uint64_t serial, const struct disk_wrapped *w)
{
    unsigned char key[DISK_KEY_BYTES];
    set_key(c, k->wrap);
    int r = gcm_open(opening(c), w->nonce, ids, n_ids, serial, w->tag, w->key, sizeof key, key);
    if (r == 0)
        set_key(c, key);
    else
        disk_cipher_forget(c);
    explicit_bzero(key, sizeof key);
    return r;
}

/* One key encrypts one version of one object, which never changes: a place and a length have one
 * content, so they are the nonce. */
static void nonce_of(const struct disk_place *at, unsigned char ret[DISK_NONCE_BYTES])
{
    memcpy(ret, &at->block, 4);
    memcpy(ret + 4, &at->unit, 4);
    memcpy(ret + 8, &at->length, 4);
}

int disk_cipher_seal(struct disk_cipher *c, const struct disk_place *at, const void *from, void *to,
                     unsigned char ret_tag[DISK_TAG_BYTES])
{
    unsigned char nonce[DISK_NONCE_BYTES];
    nonce_of(at, nonce);
    return gcm_seal(sealing(c), nonce, nonce, sizeof nonce, at->serial, from, at->length, to,
                    ret_tag);
}

int disk_cipher_open(struct disk_cipher *c, const struct disk_place *at,
                     const unsigned char tag[DISK_TAG_BYTES], const void *from, void *to)
{
    unsigned char nonce[DISK_NONCE_BYTES];
    nonce_of(at, nonce);
    return gcm_open(opening(c), nonce, nonce, sizeof nonce, at->serial, tag, from, at->length, to);
}
