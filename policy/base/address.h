/* policy/base/address.h - IP addresses as values: read strictly, compared, printed. */
/* SPDX-License-Identifier: MIT */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

/* IPv4 or IPv6, network byte order. All zeros: no address at all, which is inside no range. */
struct address {
    uint8_t family; /* 0: none; 4; 6 */
    uint8_t bytes[16];
};

#define ADDRESS_TEXT_SIZE 46

/* The forms of inet_pton(3) only: no "0x0a.0.0.1", "010.0.0.1", spaces, zones or ports. Nor an
 * IPv4-mapped IPv6 address ("::ffff:10.0.0.1"): a range has it in one spelling, and a front that
 * gets one from its socket writes the IPv4 address that it is. False: it is none. */
bool address_parse(const char *text, struct address *ret);
/* "" for none. Returns `ret`. */
char *address_format(const struct address *a, char ret[ADDRESS_TEXT_SIZE]);
/* Is `a` in [start, end], all of one family? */
bool address_in(const struct address *a, const struct address *start, const struct address *end);

#endif
