/* fs/fuse/fuse_xattr.c - user.shotlake.key, .etag and .edits of what is visible. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/fuse_xattr.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/fuse/held.h"

#define USER_PREFIX "user."

static int get_key(struct front_call *c, const struct node *n, struct buf *ret)
{
    struct err e;
    if (n->id == NODE_ROOT)
        return -ENODATA;
    return index_object_key(c->rd, n, ret, &e) < 0 ? -EIO : 0;
}

static int get_etag(struct front_call *c, const struct node *n, struct buf *ret)
{
    (void)c;
    if (n->is_dir || !n->etag || !*n->etag)
        return -ENODATA;
    buf_adds(ret, n->etag);
    return 0;
}

static int add_edit(void *arg, const char *edit, const char *principal, struct err *e)
{
    struct buf *ret = arg;
    (void)principal, (void)e;
    if (strstr(buf_str(ret), edit)) /* by two grants, or in the cut and retired as well: once */
        return 0;
    if (ret->len > 0)
        buf_addc(ret, ':');
    buf_adds(ret, edit);
    return 0;
}

static int get_edits(struct front_call *c, const struct node *n, struct buf *ret)
{
    struct err e;
    if (n->is_dir)
        return -ENODATA;
    if (held_each(c->rd, &c->seen->who, n->id, clock_wall(), add_edit, ret, &e) < 0) {
        log_debug("fuse", "%s", e.text);
        return -EIO;
    }
    return ret->len > 0 ? 0 : -ENODATA; /* visible by another rule alone */
}

static const struct {
    const char *name;
    int (*get)(struct front_call *c, const struct node *n, struct buf *ret);
} attributes[] = {
    {"user.shotlake.key", get_key},
    {"user.shotlake.etag", get_etag},
    {"user.shotlake.edits", get_edits},
};

int fuse_xattr_get(struct front_call *c, const struct node *n, const char *name, struct buf *ret)
{
    for (size_t i = 0; i < COUNT(attributes); i++)
        if (!strcmp(attributes[i].name, name))
            return attributes[i].get(c, n, ret);
    /* No access control lists and labels of this kind here: ls asks for them once a device then,
     * not twice a file. */
    return strncmp(name, USER_PREFIX, strlen(USER_PREFIX)) == 0 ? -ENODATA : -EOPNOTSUPP;
}

int fuse_xattr_list(struct front_call *c, const struct node *n, struct buf *ret)
{
    if (n->is_link) /* the kernel hands out a link's user attributes to nobody */
        return 0;
    for (size_t i = 0; i < COUNT(attributes); i++) {
        AUTO(buf) struct buf value = {0};
        int r = attributes[i].get(c, n, &value);
        if (r == 0)
            buf_add(ret, attributes[i].name, strlen(attributes[i].name) + 1);
        else if (r != -ENODATA)
            return r;
    }
    return 0;
}
