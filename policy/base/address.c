/* policy/base/address.c - IP addresses as values: read strictly, compared, printed. */
/* SPDX-License-Identifier: MIT */
#include "base/address.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

static size_t size_of(const struct address *a)
{
    return a->family == 4 ? 4 : 16;
}

bool address_parse(const char *text, struct address *ret)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct address a = {.family = 4};
    if (inet_pton(AF_INET, text, a.bytes) != 1) {
        a = (struct address){.family = 6};
        if (inet_pton(AF_INET6, text, a.bytes) != 1 || memcmp(a.bytes, mapped, sizeof mapped) == 0)
            return false;
    }
    *ret = a;
    return true;
}

char *address_format(const struct address *a, char ret[ADDRESS_TEXT_SIZE])
{
    if (a->family == 0 || !inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->bytes, ret,
                                     ADDRESS_TEXT_SIZE))
        ret[0] = '\0';
    return ret;
}

bool address_in(const struct address *a, const struct address *start, const struct address *end)
{
    if (a->family == 0 || a->family != start->family || a->family != end->family)
        return false;
    return memcmp(start->bytes, a->bytes, size_of(a)) <= 0 &&
           memcmp(a->bytes, end->bytes, size_of(a)) <= 0;
}
