/* tools/cli.h - what every verb of the command line shares. */
/* SPDX-License-Identifier: MIT */
#ifndef TOOLS_CLI_H
#define TOOLS_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "fs/lake/lake.h"
#include "policy/types.h"

struct address;
struct err;
struct principals;
struct store;

/* The exit statuses: a contract that scripts depend on. */
enum cli_exit {
    CLI_DONE = 0,
    CLI_FAILED = 1,    /* nothing changed */
    CLI_USAGE = 2,
    CLI_MISSING = 3,   /* conformed, some media missing */
    CLI_AMBIGUOUS = 4, /* conformed, some media ambiguous (never granted) */
    CLI_UNKNOWN = 5,   /* no such edit, principal or path */
    CLI_DENIED = 6,    /* not allowed to who is acted as; nothing changed */
};

/* The global options, which may stand before or after the verb. */
struct cli {
    const char *lake_url;   /* --lake or SHOTLAKE_LAKE; NULL: none given */
    const char *state;      /* --state, SHOTLAKE_STATE or the default; never NULL */
    const char *principals; /* --principals or SHOTLAKE_PRINCIPALS; NULL: <state>/principals.json,
                               which may be absent */
    const char *at;         /* --at WHEN; NULL: now */
    const char *act_as;     /* --act-as or SHOTLAKE_ACT_AS; NULL: the operator, who may all */
    const char *address;    /* --address IP; NULL: not known */
    const char *action;     /* --action; NULL: "read" */
    bool json;
    bool verbose;
    const struct cli_verb *verb;
};

/* One verb: cmd_*.c define them, shotlake.c has the table. argv[0] is the verb's last word; the
 * verb parses its own options with getopt_long (optind is 1). */
struct cli_verb {
    const char *name; /* "edit list" */
    const char *args; /* for the usage line */
    const char *help; /* one line */
    const char *options; /* more help, lines of "  --option  what"; may be NULL */
    int (*run)(struct cli *c, int argc, char **argv);
    unsigned flags; /* of enum cli_verb_flag */
};
enum cli_verb_flag {
    VERB_PLAIN = 1,   /* `options` are shared ones alone: it has none to parse itself */
    VERB_AT = 2,      /* takes --at */
    VERB_ACTION = 4,  /* --action */
    VERB_ADDRESS = 8, /* --address, also where nobody is acted as */
    VERB_ACTS = 16,   /* --act-as, and --address with it */
};

/* Prints "shotlake: SENTENCE" on stderr and returns CLI_FAILED. */
int cli_fail(const struct err *e);
/* Prints the sentence and the verb's usage line on stderr; returns CLI_USAGE. */
__attribute__((format(printf, 2, 3))) int cli_usage(struct cli *c, const char *fmt, ...);
/* Reads a whole number from `least` to `most`, with nothing behind it. False: `s` is none. */
bool cli_number(const char *s, int least, int most, int *ret);
/* Reads "256M": bytes, or with K, M, G or T for powers of 1024. False: `s` is no size. */
bool cli_size(const char *s, uint64_t *ret_bytes);
/* The same path from "/", for who leaves the working directory; free(). */
char *cli_absolute(const char *path);
/* The same without symbolic links, as far as it exists; its last component may be absent. free() */
char *cli_real_path(const char *path);
/* "shotlake: no such …" on stderr; returns CLI_UNKNOWN. */
__attribute__((format(printf, 1, 2))) int cli_unknown(const char *fmt, ...);

/* After a fork only: opens store, index and lake from the global options. Does not touch the
 * ledger. -EINVAL: no lake was named. */
int cli_store(struct cli *c, struct store **ret, struct err *e);
int cli_lake(struct cli *c, struct lake **ret, struct err *e);
/* cli_lake() and lake_sync(). */
int cli_lake_synced(struct cli *c, struct lake **ret, struct err *e);

/* The principals file of the global options (an absent default file is an empty one). */
int cli_principals(struct cli *c, struct principals **ret, struct err *e);
/* The path that cli_principals() reads; free(). `*ret_must_exist`: it was named by the operator. */
char *cli_principals_path(struct cli *c, bool *ret_must_exist);

/* The configuration of signing in: that of --auth, of SHOTLAKE_AUTH, or <state>/auth.json where that
 * exists; NULL: none. free() */
char *cli_auth_path(struct cli *c, const char *named);

/* Is the path that one, or below it? Both as cli_real_path() gives them. */
bool cli_is_below(const char *path, const char *dir);
/* -EINVAL where a real path is in the directory of a file:// lake, whose scan would take what is there
 * for objects. `what` is for the sentence: "cache". */
int cli_must_be_outside(const struct lake *lake, const char *what, const char *path, struct err *e);

/* The key of a cache on disk: that file, or <state>/cache.key. Absolute; free() */
char *cli_cache_key_path(struct cli *c, const char *named);

/* The moment that --at names, or now. */
int cli_at(struct cli *c, int64_t *ret, struct err *e);

/* The address that --address names; family 0 without it. -EINVAL. */
int cli_address(struct cli *c, struct address *ret, struct err *e);

/* Reads a JSON document from a file, or stdin for "-". NULL: `e` says what and where; members given
 * twice are an error. `what` is for the sentence: "ACL". */
json_t *cli_read_json(const char *path, const char *what, struct err *e);

/* Prints a JSON value and a newline on stdout. Takes the reference. */
void cli_print_json(json_t *v);

/* lake_progress_fn: a line on a terminal that rewrites itself; nothing elsewhere. */
void cli_progress(void *arg, const char *what, uint64_t done, uint64_t total);
void cli_progress_end(void);

int cmd_init(struct cli *c, int argc, char **argv);
int cmd_scan(struct cli *c, int argc, char **argv);
int cmd_media(struct cli *c, int argc, char **argv);
int cmd_conform(struct cli *c, int argc, char **argv);
int cmd_edit_list(struct cli *c, int argc, char **argv);
int cmd_edit_show(struct cli *c, int argc, char **argv);
int cmd_edit_log(struct cli *c, int argc, char **argv);
int cmd_edit_diff(struct cli *c, int argc, char **argv);
int cmd_edit_disable(struct cli *c, int argc, char **argv);
int cmd_edit_enable(struct cli *c, int argc, char **argv);
int cmd_edit_remove(struct cli *c, int argc, char **argv);
int cmd_edit_manifest(struct cli *c, int argc, char **argv);
int cmd_edit_shots(struct cli *c, int argc, char **argv);
int cmd_grant(struct cli *c, int argc, char **argv);
int cmd_revoke(struct cli *c, int argc, char **argv);
int cmd_adopt(struct cli *c, int argc, char **argv);
int cmd_iam_sync(struct cli *c, int argc, char **argv);
int cmd_acl_set(struct cli *c, int argc, char **argv);
int cmd_acl_show(struct cli *c, int argc, char **argv);
int cmd_acl_list(struct cli *c, int argc, char **argv);
int cmd_acl_effective(struct cli *c, int argc, char **argv);
int cmd_class_set(struct cli *c, int argc, char **argv);
int cmd_class_clear(struct cli *c, int argc, char **argv);
int cmd_class_show(struct cli *c, int argc, char **argv);
int cmd_metadata_set(struct cli *c, int argc, char **argv);
int cmd_metadata_show(struct cli *c, int argc, char **argv);
int cmd_policy_set(struct cli *c, int argc, char **argv);
int cmd_policy_clear(struct cli *c, int argc, char **argv);
int cmd_policy_list(struct cli *c, int argc, char **argv);
int cmd_group_set(struct cli *c, int argc, char **argv);
int cmd_group_clear(struct cli *c, int argc, char **argv);
int cmd_group_show(struct cli *c, int argc, char **argv);
int cmd_group_list(struct cli *c, int argc, char **argv);
int cmd_protect_set(struct cli *c, int argc, char **argv);
int cmd_protect_clear(struct cli *c, int argc, char **argv);
int cmd_protect_load(struct cli *c, int argc, char **argv);
int cmd_protect_list(struct cli *c, int argc, char **argv);
int cmd_ranges_set(struct cli *c, int argc, char **argv);
int cmd_ranges_load(struct cli *c, int argc, char **argv);
int cmd_ranges_clear(struct cli *c, int argc, char **argv);
int cmd_ranges_list(struct cli *c, int argc, char **argv);
int cmd_role_set(struct cli *c, int argc, char **argv);
int cmd_role_clear(struct cli *c, int argc, char **argv);
int cmd_role_list(struct cli *c, int argc, char **argv);
int cmd_settings_set(struct cli *c, int argc, char **argv);
int cmd_settings_clear(struct cli *c, int argc, char **argv);
int cmd_settings_show(struct cli *c, int argc, char **argv);
int cmd_access_review(struct cli *c, int argc, char **argv);
int cmd_view(struct cli *c, int argc, char **argv);
int cmd_explain(struct cli *c, int argc, char **argv);
int cmd_who(struct cli *c, int argc, char **argv);
int cmd_ledger(struct cli *c, int argc, char **argv);
int cmd_ledger_verify(struct cli *c, int argc, char **argv);
int cmd_mount(struct cli *c, int argc, char **argv);
int cmd_watch(struct cli *c, int argc, char **argv);
int cmd_login(struct cli *c, int argc, char **argv);
int cmd_logout(struct cli *c, int argc, char **argv);
int cmd_session(struct cli *c, int argc, char **argv);
int cmd_user_add(struct cli *c, int argc, char **argv);
int cmd_user_password(struct cli *c, int argc, char **argv);
int cmd_user_remove(struct cli *c, int argc, char **argv);
int cmd_user_list(struct cli *c, int argc, char **argv);
int cmd_unmount(struct cli *c, int argc, char **argv);
int cmd_status(struct cli *c, int argc, char **argv);
int cmd_cache_status(struct cli *c, int argc, char **argv);
int cmd_cache_clear(struct cli *c, int argc, char **argv);
int cmd_cache_warm(struct cli *c, int argc, char **argv);
/* `status` without a mountpoint: the lake (cmd_lake.c); called by cmd_status. */
int cmd_status_lake(struct cli *c);

#endif
