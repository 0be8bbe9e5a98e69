/* fs/fuse/login_message.c - what a client may say on a mount's login socket. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/login_message.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

/* The members that each kind of message has, all of them and no other. */
static const struct {
    const char *op;
    enum login_op is;
    struct {
        const char *name;
        size_t max;
    } members[2];
} shapes[] = {
    {"login", LOGIN_IN, {{"token", LOGIN_MESSAGE_MAX}}},
    {"login", LOGIN_IN, {{"user", LOGIN_USER_MAX}, {"password", LOGIN_PASSWORD_MAX}}},
    {"logout", LOGIN_OUT, {{0}}},
    {"session", LOGIN_TELL, {{0}}},
};

/* The string's bytes are jansson's own copy: no other reference is left that could read them. */
static void wipe(json_t *object)
{
    const char *name;
    json_t *v;
    json_object_foreach(object, name, v)
        if (json_is_string(v))
            explicit_bzero((char *)json_string_value(v), json_string_length(v));
}

void login_message_done(struct login_message *m)
{
    wipe(m->credential);
    json_decref(m->credential);
    m->credential = NULL;
}

static bool has_shape(const json_t *root, size_t shape)
{
    size_t n = 1; /* "op" */
    for (size_t i = 0; i < COUNT(shapes[shape].members); i++)
        if (shapes[shape].members[i].name) {
            if (!json_object_get(root, shapes[shape].members[i].name))
                return false;
            n++;
        }
    return json_object_size(root) == n;
}

static int check_values(const json_t *root, size_t shape, struct err *e)
{
    for (size_t i = 0; i < COUNT(shapes[shape].members); i++) {
        const char *name = shapes[shape].members[i].name;
        const json_t *v = name ? json_object_get(root, name) : NULL;
        if (!name)
            continue;
        if (!json_is_string(v) || json_string_length(v) == 0)
            return err_set(e, -EBADMSG, "/%s: not a string, or an empty one", name);
        if (json_string_length(v) > shapes[shape].members[i].max)
            return err_set(e, -EBADMSG, "/%s: over %zu bytes", name,
                           shapes[shape].members[i].max);
    }
    return 0;
}

static int read_message(json_t *root, struct login_message *ret, struct err *e)
{
    const char *op = json_string_value(json_object_get(root, "op"));
    if (!op)
        return err_set(e, -EBADMSG, "not an object with a string \"op\"");
    for (size_t i = 0; i < COUNT(shapes); i++) {
        if (strcmp(shapes[i].op, op) != 0 || !has_shape(root, i))
            continue;
        int r = check_values(root, i, e);
        if (r < 0)
            return r;
        *ret = (struct login_message){.op = shapes[i].is};
        if (ret->op == LOGIN_IN) {
            json_object_del(root, "op");
            ret->credential = json_incref(root);
        }
        return 0;
    }
    return err_set(e, -EBADMSG, "no such \"op\", or not with these members");
}

int login_message_parse(const char *text, size_t n, struct login_message *ret, struct err *e)
{
    if (n > LOGIN_MESSAGE_MAX)
        return err_set(e, -EBADMSG, "a message of over %d bytes", LOGIN_MESSAGE_MAX);
    json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
    if (!root)
        return err_set(e, -EBADMSG, "not JSON, or a member stands twice");
    int r = read_message(root, ret, e);
    if (r < 0)
        wipe(root);
    json_decref(root);
    return r;
}
