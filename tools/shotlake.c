/* tools/shotlake.c - the command line: global options, the table of verbs, dispatch. */
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

static const char at_help[] = "  --at WHEN             decide as of that moment instead of now\n";

static const struct cli_verb verbs[] = {
    {"init", "", "make the lake's ledger (harmless where there is one)", NULL, cmd_init},
    {"scan", "[PREFIX] [--media auto|all|off] [--jobs N]",
     "take the store's inventory and facts of its media into the index",
     "  --media auto|all|off  read reel and timecode of new media, of all, or of none; default: auto\n"
     "  --jobs N              media looked at once; default: what the store bears\n",
     cmd_scan},
    {"media", "PATH", "reel, timecode, rate and UMID that a scan found of an object", NULL,
     cmd_media},
    {"conform", "FILE [OPTIONS]",
     "find and tag the media that a timeline uses",
     "  --update ID           the next version of that edit: its grants and its name stay\n"
     "  --retire DAYS|WHEN    how long what the update loses stays reachable; default: not at all\n"
     "  --dry-run             say what would be found, or change, and change nothing\n"
     "  --name NAME           of the edit; default: the timeline's own\n"
     "  --handles N           frames to add at either end of each cut; default: 8\n"
     "  --whole               all frames of a sequence, not only those that the cut uses\n"
     "  --strict              only what OpenTimelineIO reads; default: read, and reported\n"
     "  --rate FPS            frames a second of an EDL; default: 24, or as it says\n"
     "  --prefer PREFIX       of candidates that tie take those below this key; repeatable\n"
     "  --newest-version      of candidates that differ in their _v### only take the newest\n"
     "  --pin FILE            answers to what was ambiguous, as JSON\n"
     "  --media-root OLD=NEW  paths that begin with OLD are keys that begin with NEW; repeatable\n"
     "  --shot-template KEY   where a clip's media lies by its {shot}, if nothing else; repeatable\n"
     "  --sidecars FILE       rules for what belongs to media; default: sidecars.json of the state\n"
     "  --urls FORM           the manifest's addresses: s3, mount, file or relative; default: s3\n"
     "  --mount-root DIR      where the lake is mounted; default: /mnt/lake\n"
     "  --jobs N              objects tagged at once; default: what the store bears\n",
     cmd_conform},
    {"watch", "[DIR] [--lake-inbox] [--once] [OPTIONS]",
     "conform each cut that is dropped into a folder",
     "  --lake-inbox          watch ShotLocker/Edits/ of the lake, too or instead of a folder\n"
     "  --poll SECONDS        how often to look where nothing tells of changes; default 5\n"
     "  --settle SECONDS      a file is whole when nothing was written for so long; default 2\n"
     "  --lease SECONDS       how long a silent watcher elsewhere keeps its cuts; default 30\n"
     "  --once                end when nothing is left to do\n"
     "  --handles N, --whole, --rate FPS, --jobs N and so on: as for conform\n",
     cmd_watch},
    {"edit list", "", "all edits", NULL, cmd_edit_list},
    {"edit show", "ID", "one edit, its versions, its grants and its objects", NULL, cmd_edit_show},
    {"edit diff", "ID [V1 V2]", "what changed between two versions; default: the last two", NULL,
     cmd_edit_diff},
    {"edit log", "ID", "all that happened to an edit", NULL, cmd_edit_log},
    {"edit disable", "ID", "let nobody see anything through an edit; its grants rest", NULL,
     cmd_edit_disable},
    {"edit enable", "ID", "let its grants hold again", NULL, cmd_edit_enable},
    {"edit remove", "ID", "end an edit and its grants for good", NULL, cmd_edit_remove},
    {"edit manifest", "ID [--studio] [--urls FORM] [--mount-root DIR] [-o FILE]",
     "the timeline of an edit, with the lake's media",
     "  --studio              the editor's whole file; default: what the edit's holders see\n"
     "  --urls FORM           addresses as s3, mount, file or relative; default: as stored\n"
     "  --mount-root DIR      where the lake is mounted; default: /mnt/lake\n"
     "  -o FILE               write it there instead of to stdout\n",
     cmd_edit_manifest},
    {"edit shots", "ID", "the shots of an edit, as CSV", NULL, cmd_edit_shots},
    {"grant", "EDIT PRINCIPAL --until WHEN [--from WHEN]", "let a principal see an edit",
     "  --until WHEN          YYYY-MM-DD (through that day, UTC) or RFC 3339; required\n"
     "  --from WHEN           not before that moment; default: at once\n",
     cmd_grant},
    {"revoke", "EDIT PRINCIPAL", "take a grant back, on running mounts too", NULL, cmd_revoke},
    {"adopt", "[--dry-run] [--jobs N]", "take over a bucket that Shot Locker has managed",
     "  --dry-run             say what would be adopted; only the inventory is written\n"
     "  --jobs N              tags read at once; default: what the store bears\n",
     cmd_adopt},
    {"iam sync", "[--dry-run]", "write grants to IAM principals into the bucket's policy",
     "  --dry-run             say what would change, and change nothing\n", cmd_iam_sync},
    {"acl set", "PATH FILE|-", "replace the access list of an object or directory", NULL,
     cmd_acl_set},
    {"acl show", "PATH", "the access list of an object or directory", NULL, cmd_acl_show},
    {"view", "PRINCIPAL [PATH]", "every path that a principal sees", at_help, cmd_view},
    {"explain", "PRINCIPAL PATH", "why a principal sees a path, or why not", at_help, cmd_explain},
    {"who", "PATH", "who sees a path", at_help, cmd_who},
    {"ledger verify", "", "check the chain of all records", NULL, cmd_ledger_verify},
    {"ledger", "", "all records", NULL, cmd_ledger},
    {"mount", "MOUNTPOINT --as PRINCIPAL | --per-caller [OPTIONS]", "show a view as a file system",
     "  --as PRINCIPAL        the view of that principal, for one owner\n"
     "  --per-caller          every caller its own view: of its session, or by the uids of the\n"
     "                        principals file\n"
     "  --sessions-only       who has not signed in sees nothing; with --per-caller\n"
     "  --auth FILE           how users sign in; default: auth.json of the state, if it is there\n"
     "  --login-socket PATH   where they do; default: below /run/shotlake\n"
     "  --address IP          where the callers are, for rules about addresses\n"
     "  --owner USER          who may use an --as mount (root's choice); default: the caller\n"
     "  --poll SECONDS        how often to look for changes; default 2\n"
     "  --max-stale SECONDS   show nothing when the ledger was out of reach so long; default 30\n"
     "  -f                    stay in front\n"
     "  -o mem=SIZE           bytes of read cache; default 256M\n",
     cmd_mount},
    {"login", "MOUNTPOINT [--token-file FILE | --user NAME]",
     "sign in on a --per-caller mount; by default with the provider that the studio uses",
     "  --token-file FILE     a signed token (JWT); - is stdin\n"
     "  --user NAME           with a password, which is asked for\n"
     "  --password-stdin      it is the first line of stdin\n"
     "  --auth FILE           which provider; default: auth.json of the state\n"
     "  --login-socket PATH   as the mount was given it\n",
     cmd_login},
    {"logout", "MOUNTPOINT", "end one's session on a mount",
     "  --login-socket PATH   as the mount was given it\n", cmd_logout},
    {"session", "MOUNTPOINT", "who one is on a mount, and until when",
     "  --login-socket PATH   as the mount was given it\n", cmd_session},
    {"user add", "NAME [--groups A,B] [--roles A,B] [--password-stdin] [--users FILE]",
     "let somebody sign in with a password, which is asked for",
     "  --groups A,B          groups that it is in\n"
     "  --roles A,B           roles that it has\n"
     "  --password-stdin      the password is the first line of stdin\n"
     "  --users FILE          default: users.json of the state\n",
     cmd_user_add},
    {"user password", "NAME [--password-stdin] [--users FILE]", "give somebody a new password",
     "  --password-stdin      it is the first line of stdin\n"
     "  --users FILE          default: users.json of the state\n",
     cmd_user_password},
    {"user remove", "NAME [--users FILE]", "let somebody no longer sign in with a password",
     "  --users FILE          default: users.json of the state\n", cmd_user_remove},
    {"user list", "[--users FILE]", "who signs in with a password",
     "  --users FILE          default: users.json of the state\n", cmd_user_list},
    {"unmount", "MOUNTPOINT [--lazy]", "end a mount",
     "  --lazy                detach now, even while files are open\n", cmd_unmount},
    {"status", "[MOUNTPOINT]", "how a mount, or the lake, is doing", NULL, cmd_status},
};

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
    for (size_t i = 0; i < COUNT(verbs); i++)
        printf("  %-14s %s\n", verbs[i].name, verbs[i].help);
    puts("\n"
         "  --lake URL            s3://bucket[/prefix] or file:///dir (or SHOTLAKE_LAKE)\n"
         "  --state DIR           where the index is kept (or SHOTLAKE_STATE)\n"
         "  --principals FILE     users, uids and groups (or SHOTLAKE_PRINCIPALS)\n"
         "  --json                answers as JSON\n"
         "  --verbose             say more on stderr\n"
         "  --help                this text, or that of a verb\n"
         "  --version             the version\n"
         "\n"
         "Exit status: 0 done; 1 failed, nothing changed; 2 usage; 3 conformed, some media\n"
         "missing; 4 conformed, some media ambiguous; 5 no such edit, principal or path.");
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

/* Takes the global options out of argv, wherever they stand before "--". 0 or the exit status. */
static int take_globals(struct globals *g, int *argc, char **argv)
{
    const struct {
        const char *name;
        const char **text;
        bool *flag;
    } options[] = {
        {"--lake", &g->cli.lake_url, NULL},     {"--state", &g->cli.state, NULL},
        {"--principals", &g->cli.principals, NULL}, {"--at", &g->cli.at, NULL},
        {"--json", NULL, &g->cli.json},         {"--verbose", NULL, &g->cli.verbose},
        {"--help", NULL, &g->help},             {"-h", NULL, &g->help},
        {"--version", NULL, &g->version},
    };
    int kept = 1, i;
    for (i = 1; i < *argc && strcmp(argv[i], "--") != 0; i++) {
        size_t k = 0, n = 0;
        for (; k < COUNT(options); k++) {
            n = strlen(options[k].name);
            if (strncmp(argv[i], options[k].name, n) == 0 &&
                (argv[i][n] == '\0' || (argv[i][n] == '=' && options[k].text)))
                break;
        }
        if (k == COUNT(options)) {
            argv[kept++] = argv[i];
        } else if (options[k].flag) {
            *options[k].flag = true;
        } else if (argv[i][n] == '=') {
            *options[k].text = argv[i] + n + 1;
        } else if (++i < *argc) {
            *options[k].text = argv[i];
        } else {
            return cli_usage(&g->cli, "%s needs a value", options[k].name);
        }
    }
    while (i < *argc)
        argv[kept++] = argv[i++];
    argv[kept] = NULL;
    *argc = kept;
    return 0;
}

/* The verb that argv begins with; `*ret_words` is how many words its name has. */
static const struct cli_verb *find_verb(int argc, char **argv, int *ret_words)
{
    for (size_t i = 0; i < COUNT(verbs); i++) {
        const char *space = strchr(verbs[i].name, ' ');
        size_t first = space ? (size_t)(space - verbs[i].name) : strlen(verbs[i].name);
        if (argc < 2 || strlen(argv[1]) != first || strncmp(argv[1], verbs[i].name, first) != 0)
            continue;
        if (space && (argc < 3 || strcmp(argv[2], space + 1) != 0))
            continue;
        *ret_words = space ? 2 : 1;
        return &verbs[i];
    }
    return NULL;
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
                                .principals = getenv("SHOTLAKE_PRINCIPALS")}};
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
    if (!v && argc >= 2 && !strcmp(argv[1], "iam"))
        return cli_usage(&g.cli, "'iam' is followed by sync");
    if (!v && argc >= 2 && !strcmp(argv[1], "user"))
        return cli_usage(&g.cli, "'user' is followed by add, password, remove or list");
    if (!v && argc >= 2 && (!strcmp(argv[1], "edit") || !strcmp(argv[1], "acl")))
        return cli_usage(&g.cli, "'%s' is followed by %s", argv[1],
                         argv[1][0] == 'e' ? "list, show, manifest, shots, log, diff, disable, enable "
                                             "or remove"
                                           : "set or show");
    if (!v)
        return argc < 2 ? cli_usage(&g.cli, "no verb")
                        : cli_usage(&g.cli, "no %s '%s'", argv[1][0] == '-' ? "option" : "verb",
                                    argv[1]);
    g.cli.verb = v;
    if (g.cli.at && v->options != at_help) /* "revoke … --at" must not act at once */
        return cli_usage(&g.cli, "%s takes no --at: it acts now", v->name);
    argc -= words;
    argv += words;
    bool has_own_options = v->options && strcmp(v->options, at_help) != 0;
    if (!has_own_options && (r = refuse_options(&g.cli, &argc, argv)) != 0)
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
