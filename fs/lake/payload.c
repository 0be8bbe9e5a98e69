/* fs/lake/payload.c - immutable bytes named by their hash, beside the ledger. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include <zlib.h>

#include "base/err.h"
#include "fs/lake/lake_impl.h"
#include "policy/hash.h"

#define PAYLOAD_KEY_SIZE (sizeof LAKE_PRIVATE_PREFIX + 8 + SHA256_HEX_SIZE + 2)

static void payload_key(const char *hash, char ret[PAYLOAD_KEY_SIZE])
{
    snprintf(ret, PAYLOAD_KEY_SIZE, LAKE_PRIVATE_PREFIX "payload/%s.z", hash);
}

/* Inflates with a ceiling: a bomb in the lake must not take this host down. */
static int unpack(const struct buf *z, struct buf *ret, struct err *e)
{
    z_stream s = {.next_in = (Bytef *)z->p, .avail_in = (uInt)z->len};
    if (z->len > UINT32_MAX || inflateInit(&s) != Z_OK)
        return err_set(e, -EBADMSG, "cannot unpack");
    int r;
    do {
        if (ret->len > PAYLOAD_MAX) {
            r = Z_MEM_ERROR;
            break;
        }
        s.next_out = (Bytef *)buf_room(ret, 1 << 16);
        s.avail_out = 1 << 16;
        r = inflate(&s, Z_NO_FLUSH);
        buf_added(ret, (1u << 16) - s.avail_out);
    } while (r == Z_OK);
    inflateEnd(&s);
    if (r != Z_STREAM_END)
        return err_set(e, -EBADMSG, "the compressed bytes are damaged or over %u bytes",
                       PAYLOAD_MAX);
    return 0;
}

int lake_payload_get(struct lake *lk, const char *hash, struct buf *ret, struct err *e)
{
    AUTO(buf) struct buf z = {0};
    char found[SHA256_HEX_SIZE], key[PAYLOAD_KEY_SIZE];
    payload_key(hash, key);
    int r = store_get(lk->store, key, PAYLOAD_MAX, &z, NULL, e);
    if (r == -ENOENT || r == -EFBIG)
        return err_set(e, -EBADMSG, "'%s' %s", key,
                       r == -ENOENT ? "is not in the lake" : "is too long");
    if (r < 0 || (r = unpack(&z, ret, e)) < 0)
        return r;
    hash_sha256_hex(buf_str(ret), ret->len, found);
    return strcmp(found, hash) == 0 ? 0 : err_set(e, -EBADMSG, "'%s' has other bytes", key);
}

int lake_payload_check(struct lake *lk, const char *hash, struct err *e)
{
    AUTO(buf) struct buf data = {0};
    return lake_payload_get(lk, hash, &data, e);
}

int lake_payload_put(struct lake *lk, const void *data, size_t n, char ret[SHA256_HEX_SIZE],
                     struct err *e)
{
    struct lake_private *lp = (struct lake_private *)lk;
    char key[PAYLOAD_KEY_SIZE];
    if (n > PAYLOAD_MAX)
        return err_set(e, -EFBIG, "%zu bytes are too many for one payload", n);
    uLongf packed = compressBound(n);
    AUTO(free) char *z = xcalloc(1, packed);
    if (compress2((Bytef *)z, &packed, data, n, 6) != Z_OK)
        return err_set(e, -ENOMEM, "cannot compress a payload of %zu bytes", n);
    hash_sha256_hex(data, n, ret);
    payload_key(ret, key);
    int r = store_put(lk->store, key, z, packed, STORE_PUT_IF_ABSENT, NULL, e);
    if (r == -EEXIST) {
        /* the same bytes, if all is well: a record that names damaged ones would stop every other
         * host, for good */
        r = lake_payload_check(lk, ret, e);
        if (r == -EBADMSG)
            r = store_put(lk->store, key, z, packed, 0, NULL, e);
    }
    if (r < 0)
        return err_wrap(e, "write payload");
    LOCKED(&lp->lock);
    buf_clear(&lp->payload);
    buf_add(&lp->payload, data, n);
    memcpy(lp->payload_hash, ret, SHA256_HEX_SIZE);
    return 0;
}

int lake_payload_fetch(void *lk, const char *hash, struct buf *ret, struct err *e)
{
    struct lake_private *lp = lk;
    char key[PAYLOAD_KEY_SIZE];
    AUTO(buf) struct buf z = {0};
    if (strcmp(lp->payload_hash, hash) == 0) {
        buf_add(ret, buf_str(&lp->payload), lp->payload.len);
        buf_done(&lp->payload);
        lp->payload_hash[0] = '\0';
        return 0;
    }
    payload_key(hash, key);
    int r = store_get(lp->pub.store, key, PAYLOAD_MAX, &z, NULL, e);
    if (r < 0) /* a payload that is not there is damage, never "nothing there" */
        return r == -ENOENT ? err_set(e, -EBADMSG, "'%s' is not in the lake", key) : r;
    return unpack(&z, ret, e);
}
