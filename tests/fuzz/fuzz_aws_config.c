/* tests/fuzz/fuzz_aws_config.c - the parser of the AWS shared files. */
/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "fs/s3/aws_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const profiles[] = {"default", "a", ""};
    for (int which = AWS_CONFIG_FILE_CONFIG; which <= AWS_CONFIG_FILE_CREDENTIALS; which++)
        for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
            struct aws_config c = {0};
            struct err e;
            int r = aws_config_parse((const char *)data, n, (enum aws_config_file)which,
                                     profiles[i], &c, &e);
            assert(r == 0 || (!c.found && !c.secret));
            assert(!c.key_id || c.found);
            aws_config_done(&c);
        }
    return 0;
}
