/* tests/unit/test_aws_config.c - the text of the AWS shared files. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/s3/aws_config.h"

#define CONFIG AWS_CONFIG_FILE_CONFIG
#define CREDENTIALS AWS_CONFIG_FILE_CREDENTIALS

static const struct {
    const char *name, *text;
    enum aws_config_file which;
    const char *profile;
    int r;
    bool found;
    const char *want; /* "id secret token region endpoint s3", '-' for none */
} cases[] = {
    {"empty", "", CONFIG, "default", 0, false, "- - - - - -"},
    {"comments", "# one\n; two\n\n  # three\n[default]\n#x\n", CONFIG, "default", 0, true,
     "- - - - - -"},
    {"plain", "[default]\naws_access_key_id=I\naws_secret_access_key=S\nregion=r\n", CREDENTIALS,
     "default", 0, true, "I S - r - -"},
    {"blanks", "[ default ]\r\n aws_access_key_id  =  I \t\r\nAWS_SECRET_ACCESS_KEY=S\r\n",
     CREDENTIALS, "default", 0, true, "I S - - - -"},
    {"no newline at the end", "[default]\nregion=r", CONFIG, "default", 0, true, "- - - r - -"},
    {"'=' and '#' in a value", "[default]\naws_secret_access_key = a=b#c/+ # said\n", CREDENTIALS,
     "default", 0, true, "- a=b#c/+ - - - -"},
    {"profile", "[profile a]\nregion=1\n[profile b]\nregion=2\n", CONFIG, "b", 0, true,
     "- - - 2 - -"},
    {"quoted profile", "[profile \"a b\"]\nregion=1\n", CONFIG, "a b", 0, true, "- - - 1 - -"},
    {"config needs the word", "[b]\nregion=2\n", CONFIG, "b", 0, false, "- - - - - -"},
    {"credentials must not have it", "[profile b]\nregion=2\n", CREDENTIALS, "b", 0, false,
     "- - - - - -"},
    {"both forms of default", "[profile default]\nregion=1\n", CONFIG, "default", 0, true,
     "- - - 1 - -"},
    {"the last wins", "[default]\nregion=1\nregion=2\n[default]\nregion=3\n", CONFIG, "default", 0,
     true, "- - - 3 - -"},
    {"nested",
     "[default]\ns3 =\n  endpoint_url = http://no\nregion = r\nservices = x\n"
     "[services x]\nec2 =\n  endpoint_url = http://no\ns3 =\n  max = 1\n"
     "  endpoint_url = http://yes\n",
     CONFIG, "default", 0, true, "- - - r - http://yes"},
    {"services before",
     "[services x]\ns3=\n endpoint_url=http://y\n[default]\nservices=x\n"
     "endpoint_url=http://z\n",
     CONFIG, "default", 0, true, "- - - - http://z http://y"},
    {"several lines", "[default]\nregion = r\n  and more\n", CONFIG, "default", 0, true,
     "- - - r - -"},
    {"comment after a section", "[default] # mine\nregion=r\n", CONFIG, "default", 0, true,
     "- - - r - -"},
    {"key before a section", "region=r\n", CONFIG, "default", -EBADMSG, false, "line 1"},
    {"no equals", "[default]\nregion\n", CONFIG, "default", -EBADMSG, false, "line 2"},
    {"no key", "[default]\n\n= x\n", CONFIG, "default", -EBADMSG, false, "line 3"},
    {"open section", "[default\n", CONFIG, "default", -EBADMSG, false, "line 1"},
    {"empty section", "[]\n", CONFIG, "default", -EBADMSG, false, "line 1"},
    {"nested nonsense", "[default]\ns3=\n  what\n", CONFIG, "default", -EBADMSG, false, "line 3"},
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct aws_config c = {0};
        struct err e;
        int r = aws_config_parse(cases[i].text, strlen(cases[i].text), cases[i].which,
                                 cases[i].profile, &c, &e);
        if (r != cases[i].r)
            fail_msg("%s: %d", cases[i].name, r);
        if (r < 0) {
            assert_non_null(strstr(e.text, cases[i].want));
            continue;
        }
        const char *part[] = {c.key_id, c.secret, c.token, c.region, c.endpoint, c.endpoint_s3};
        AUTO(buf) struct buf got = {0};
        for (size_t k = 0; k < COUNT(part); k++)
            buf_addf(&got, "%s%s", k ? " " : "", part[k] ? part[k] : "-");
        if (strcmp(buf_str(&got), cases[i].want) != 0 || c.found != cases[i].found)
            fail_msg("%s: '%s'", cases[i].name, buf_str(&got));
        aws_config_done(&c);
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct aws_config c = {0};
    AUTO(free) char *big = xcalloc(AWS_CONFIG_BYTES_MAX + 1, 1);
    memset(big, '\n', AWS_CONFIG_BYTES_MAX + 1);
    assert_int_equal(aws_config_parse(big, AWS_CONFIG_BYTES_MAX, CONFIG, "p", &c, NULL), 0);
    assert_int_equal(aws_config_parse(big, AWS_CONFIG_BYTES_MAX + 1, CONFIG, "p", &c, NULL),
                     -EBADMSG);
    assert_int_equal(aws_config_parse("[a]\0", 4, CONFIG, "a", &c, NULL), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
