/* policy/base/err.h - a failure: a negative errno for the program, a sentence for the operator. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_BASE_ERR_H
#define POLICY_BASE_ERR_H

/* Written only on failure, so it needs no initialising. The sentence is for the operator; it
 * never reaches a vendor. It holds no secret: callers format names and codes, never keys. */
struct err {
    int code;
    char text[600];
};

/* Stores `code` (a negative errno) and the formatted sentence, and returns `code`.
 * Control bytes in the result are shown as '?', so that outside text cannot forge log lines.
 * `e` may be NULL where the caller does not care for the sentence. Any thread. */
__attribute__((format(printf, 3, 4))) int err_set(struct err *e, int code, const char *fmt, ...);

/* Puts "context: " before the sentence of `e` and returns the code that `e` holds.
 * `e` is not NULL: a function that wraps has an `e` of its own to give. */
__attribute__((format(printf, 2, 3))) int err_wrap(struct err *e, const char *fmt, ...);

/* err_set with ": " and strerror(-code) at the end. */
__attribute__((format(printf, 3, 4))) int err_errno(struct err *e, int code, const char *fmt, ...);

#endif
