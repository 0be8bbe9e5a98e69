/* tools/shotlake.c - the command line: global options, dispatch. */
/* SPDX-License-Identifier: MIT */
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "tools/cli.h"
#include "tools/verbs.h"

static void help_verb(const struct cli_verb *v)
{
    printf("usage: shotlake %s %s\n%s\n", v->name, v->args, v->help);
    if (v->options)
        printf("\n%s", v->options);
}

static void help(void)
{
    puts("usage: shotlake [OPTIONS] VERB …\n"
         "Mount the content lake; see only your shots.\n");
    for (size_t i = 0; i < cli_verb_count; i++)
        printf("  %-15s %s\n", cli_verbs[i].name, cli_verbs[i].help);
    puts("\n"
         "  --lake URL            s3://bucket[/prefix] or file:///dir (or SHOTLAKE_LAKE)\n"
         "  --state DIR           where the index is kept (or SHOTLAKE_STATE)\n"
         "  --principals FILE     users, uids and groups (or SHOTLAKE_PRINCIPALS)\n"
         "  --act-as PRINCIPAL    change, or ask, as one who may do only so much (or SHOTLAKE_ACT_AS)\n"
         "  --json                answers as JSON\n"
         "  --verbose             say more on stderr\n"
         "  --help                this text, or that of a verb\n"
         "  --version             the version\n"
         "\n"
         "Exit status: 0 done; 1 failed, nothing changed; 2 usage; 3 conformed, some media\n"
         "missing, or not all adopted or warmed; 4 conformed, some media ambiguous; 5 no such edit,\n"
         "principal or path; 6 not allowed to who is acted as, nothing changed.");
}

/* The default: root's state is the machine's, everybody else's their own. */
static char *default_state(void)
{
    const char *env = getenv("SHOTLAKE_STATE"), *xdg = getenv("XDG_STATE_HOME"),
               *home = getenv("HOME");
    if (env && *env)
        return xstrdup(env);
    if (geteuid() == 0)
        return xstrdup("/var/lib/shotlake");
    if (xdg && *xdg)
        return xasprintf("%s/shotlake", xdg);
    return xasprintf("%s/.local/state/shotlake", home && *home ? home : ".");
}

struct globals {
    struct cli cli;
    bool help, version;
};

/* An option that is taken out of argv before the verb runs: with a value, or a flag. */
struct taken {
    const char *name;
    const char **text;
    bool *flag;
};

/* Takes options out of argv, wherever they stand before "--". 0 or the exit status. */
static int take_options(struct cli *c, const struct taken *options, size_t n_options, int *argc,
                        char **argv)
{
    int kept = 1, i;
    for (i = 1; i < *argc && strcmp(argv[i], "--") != 0; i++) {
        size_t k = 0, n = 0;
        for (; k < n_options; k++) {
            n = strlen(options[k].name);
            if (strncmp(argv[i], options[k].name, n) == 0 &&
                (argv[i][n] == '\0' || (argv[i][n] == '=' && options[k].text)))
                break;
        }
        if (k == n_options) {
            argv[kept++] = argv[i];
        } else if (options[k].flag) {
            *options[k].flag = true;
        } else if (argv[i][n] == '=') {
            *options[k].text = argv[i] + n + 1;
        } else if (++i < *argc) {
            *options[k].text = argv[i];
        } else {
            return cli_usage(c, "%s needs a value", options[k].name);
        }
    }
    while (i < *argc)
        argv[kept++] = argv[i++];
    argv[kept] = NULL;
    *argc = kept;
    return 0;
}

static int take_globals(struct globals *g, int *argc, char **argv)
{
    const struct taken options[] = {
        {"--lake", &g->cli.lake_url, NULL},     {"--state", &g->cli.state, NULL},
        {"--principals", &g->cli.principals, NULL}, {"--at", &g->cli.at, NULL},
        {"--act-as", &g->cli.act_as, NULL},     {"--json", NULL, &g->cli.json},
        {"--verbose", NULL, &g->cli.verbose},   {"--help", NULL, &g->help},
        {"-h", NULL, &g->help},                 {"--version", NULL, &g->version},
    };
    return take_options(&g->cli, options, COUNT(options), argc, argv);
}

/* What some verbs share is taken behind the verb only: others may have options of these names that
 * mean something else. */
static int take_shared(struct cli *c, int *argc, char **argv)
{
    unsigned flags = c->verb->flags;
    struct taken options[2];
    size_t n = 0;
    if (flags & (VERB_ADDRESS | VERB_ACTS))
        options[n++] = (struct taken){"--address", &c->address, NULL};
    if (flags & VERB_ACTION)
        options[n++] = (struct taken){"--action", &c->action, NULL};
    int r = take_options(c, options, n, argc, argv);
    if (r != 0)
        return r;
    if (c->at && !(flags & VERB_AT)) /* "revoke … --at" must not act at once */
        return cli_usage(c, "%s takes no --at: it acts now", c->verb->name);
    if (c->act_as && !(flags & VERB_ACTS)) /* nor one that is held down get everything */
        return cli_usage(c, "%s takes no --act-as: it is for who holds the lake's credentials",
                         c->verb->name);
    if (c->address && !c->act_as && !(flags & VERB_ADDRESS))
        return cli_usage(c, "--address goes with --act-as");
    return 0;
}

/* The verb that argv begins with; `*ret_words` is how many words its name has. */
static const struct cli_verb *find_verb(int argc, char **argv, int *ret_words)
{
    for (size_t i = 0; i < cli_verb_count; i++) {
        const struct cli_verb *v = &cli_verbs[i];
        const char *space = strchr(v->name, ' ');
        size_t first = space ? (size_t)(space - v->name) : strlen(v->name);
        if (argc < 2 || strlen(argv[1]) != first || strncmp(argv[1], v->name, first) != 0)
            continue;
        if (space && (argc < 3 || strcmp(argv[2], space + 1) != 0))
            continue;
        *ret_words = space ? 2 : 1;
        return v;
    }
    return NULL;
}

/* Why argv begins with no verb. */
static int no_verb(struct cli *c, int argc, char **argv)
{
    AUTO(buf) struct buf follow = {0};
    size_t n = argc < 2 ? 0 : strlen(argv[1]);
    for (size_t i = 0; n > 0 && i < cli_verb_count; i++)
        if (strncmp(cli_verbs[i].name, argv[1], n) == 0 && cli_verbs[i].name[n] == ' ')
            buf_addf(&follow, "%s%s", follow.len > 0 ? ", " : "", cli_verbs[i].name + n + 1);
    if (follow.len > 0)
        return cli_usage(c, "'%s' is followed by %s", argv[1], follow.p);
    return argc < 2 ? cli_usage(c, "no verb")
                    : cli_usage(c, "no %s '%s'", argv[1][0] == '-' ? "option" : "verb", argv[1]);
}

/* For verbs that have no options of their own: refuses what looks like one, so that a mistyped option
 * is not taken for a path, and takes out the "--" that lets such a path through. */
static int refuse_options(struct cli *c, int *argc, char **argv)
{
    int kept = 1, i;
    for (i = 1; i < *argc && strcmp(argv[i], "--") != 0; i++) {
        if (argv[i][0] == '-' && argv[i][1] != '\0')
            return cli_usage(c, "unknown option: %s", argv[i]);
        argv[kept++] = argv[i];
    }
    while (++i < *argc)
        argv[kept++] = argv[i];
    argv[kept] = NULL;
    *argc = kept;
    return 0;
}

int main(int argc, char **argv)
{
    /* jansson prints and reads reals by the locale; timelines are always in the C one */
    setlocale(LC_ALL, "C");
    signal(SIGPIPE, SIG_IGN);
    AUTO(free) char *state = default_state();
    struct globals g = {.cli = {.lake_url = getenv("SHOTLAKE_LAKE"), .state = state,
                                .principals = getenv("SHOTLAKE_PRINCIPALS"),
                                .act_as = getenv("SHOTLAKE_ACT_AS")}};
    int r = take_globals(&g, &argc, argv), words = 0;
    if (r != 0)
        return r;
    log_set(g.cli.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, /* to_syslog= */ false);
    if (g.version) {
        puts("shotlake " SHOTLAKE_VERSION);
        return CLI_DONE;
    }
    const struct cli_verb *v = find_verb(argc, argv, &words);
    if (g.help) {
        if (v)
            help_verb(v);
        else
            help();
        return CLI_DONE;
    }
    if (!v)
        return no_verb(&g.cli, argc, argv);
    g.cli.verb = v;
    argc -= words;
    argv += words;
    bool has_own_options = v->options && !(v->flags & VERB_PLAIN);
    if ((r = take_shared(&g.cli, &argc, argv)) != 0 ||
        (!has_own_options && (r = refuse_options(&g.cli, &argc, argv)) != 0))
        return r;
    r = v->run(&g.cli, argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
        if (poll(&out, 1, 0) == 1 && (out.revents & POLLERR))
            return r; /* the end of a pipe whose reader, such as head(1), has had enough */
        fputs("shotlake: cannot write the answer to stdout\n", stderr);
        return r == CLI_DONE ? CLI_FAILED : r;
    }
    return r;
}
