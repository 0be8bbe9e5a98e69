/* tools/verbs.c - the table of verbs: what they are called, take and say of themselves. */
/* SPDX-License-Identifier: MIT */
#include "tools/verbs.h"

/* Of the verbs that ask for a decision. */
#define VERB_ASKS (VERB_PLAIN | VERB_AT | VERB_ACTION | VERB_ADDRESS | VERB_ACTS)
static const char at_help[] = "  --at WHEN             decide as of that moment instead of now\n";
static const char ask_help[] =
    "  --at WHEN             decide as of that moment instead of now\n"
    "  --action ACTION       about read, write, modify_all_access or another; default: is it seen?\n"
    "  --address IP          as from that address\n";

const struct cli_verb cli_verbs[] = {
    {"init", "", "make the lake's ledger (harmless where there is one)", NULL, cmd_init, 0},
    {"scan", "[PREFIX] [--media auto|all|off] [--jobs N]",
     "take the store's inventory and facts of its media into the index",
     "  --media auto|all|off  read reel and timecode of new media, of all, or of none; default: auto\n"
     "  --jobs N              media looked at once; default: what the store bears\n",
     cmd_scan, 0},
    {"media", "PATH", "reel, timecode, rate and UMID that a scan found of an object", NULL,
     cmd_media, 0},
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
     "  --access FILE         an access list for the edit, as 'acl set edit:ID FILE' would set it\n"
     "  --jobs N              objects tagged at once; default: what the store bears\n",
     cmd_conform, VERB_ACTS},
    {"watch", "[DIR] [--lake-inbox] [--once] [OPTIONS]",
     "conform each cut that is dropped into a folder",
     "  --lake-inbox          watch ShotLocker/Edits/ of the lake, too or instead of a folder\n"
     "  --poll SECONDS        how often to look where nothing tells of changes; default 5\n"
     "  --settle SECONDS      a file is whole when nothing was written for so long; default 2\n"
     "  --lease SECONDS       how long a silent watcher elsewhere keeps its cuts; default 30\n"
     "  --once                end when nothing is left to do\n"
     "  --handles N, --whole, --rate FPS, --jobs N and so on: as for conform\n",
     cmd_watch, VERB_ACTS},
    {"edit list", "", "all edits", NULL, cmd_edit_list, 0},
    {"edit show", "ID", "one edit, its versions, its grants and its objects", NULL, cmd_edit_show, 0},
    {"edit diff", "ID [V1 V2]", "what changed between two versions; default: the last two", NULL,
     cmd_edit_diff, 0},
    {"edit log", "ID", "all that happened to an edit", NULL, cmd_edit_log, 0},
    {"edit disable", "ID", "let nobody see anything through an edit; its grants rest", NULL,
     cmd_edit_disable, VERB_ACTS},
    {"edit enable", "ID", "let its grants hold again", NULL, cmd_edit_enable, VERB_ACTS},
    {"edit remove", "ID", "end an edit and its grants for good", NULL, cmd_edit_remove, VERB_ACTS},
    {"edit manifest", "ID [--studio] [--urls FORM] [--mount-root DIR] [-o FILE]",
     "the timeline of an edit, with the lake's media",
     "  --studio              the editor's whole file; default: what the edit's holders see\n"
     "  --urls FORM           addresses as s3, mount, file or relative; default: as stored\n"
     "  --mount-root DIR      where the lake is mounted; default: /mnt/lake\n"
     "  -o FILE               write it there instead of to stdout\n",
     cmd_edit_manifest, 0},
    {"edit shots", "ID", "the shots of an edit, as CSV", NULL, cmd_edit_shots, 0},
    {"grant", "EDIT PRINCIPAL --until WHEN [--from WHEN] [--ranges A,B]",
     "let a principal see an edit",
     "  --until WHEN          YYYY-MM-DD (through that day, UTC) or RFC 3339; required\n"
     "  --from WHEN           not before that moment; default: at once\n"
     "  --ranges A,B          only from an address in one of these ranges\n",
     cmd_grant, VERB_ACTS},
    {"revoke", "EDIT PRINCIPAL", "take a grant back, on running mounts too", NULL, cmd_revoke,
     VERB_ACTS},
    {"adopt", "[--dry-run] [--jobs N]", "take over a bucket that Shot Locker has managed",
     "  --dry-run             say what would be adopted; only the inventory is written\n"
     "  --jobs N              tags read at once; default: what the store bears\n",
     cmd_adopt, 0},
    {"iam sync", "[--dry-run]", "write grants to IAM principals into the bucket's policy",
     "  --dry-run             say what would change, and change nothing\n", cmd_iam_sync, 0},
    {"acl set", "PLACE FILE|-", "replace the access list of a path, of edit:ID or of lake:", NULL,
     cmd_acl_set, VERB_ACTS},
    {"acl show", "PLACE", "the access list of a place", NULL, cmd_acl_show, VERB_ACTS},
    {"acl list", "", "the places that have an access list", NULL, cmd_acl_list, 0},
    {"acl effective", "PATH [--as PRINCIPAL]", "what access lists give at a path, and from where",
     "  --as PRINCIPAL        and what that principal may do there\n"
     "  --at WHEN             decide as of that moment instead of now\n"
     "  --address IP          as from that address\n",
     cmd_acl_effective, VERB_AT | VERB_ACTS | VERB_ADDRESS},
    {"class set", "PLACE CLASS…", "the classes of a path or of edit:ID, for all below it", NULL,
     cmd_class_set, VERB_ACTS},
    {"class clear", "PLACE", "let a place inherit its classes again", NULL, cmd_class_clear,
     VERB_ACTS},
    {"class show", "PLACE", "the classes of a place, its own and those in effect", NULL,
     cmd_class_show, 0},
    {"metadata set", "PLACE [KEY=VALUE…]", "replace the metadata that the ACL filter looks at", NULL,
     cmd_metadata_set, VERB_ACTS},
    {"metadata show", "PLACE", "the metadata of a place", NULL, cmd_metadata_show, 0},
    {"policy set", "PRINCIPAL CLASS --allow ACTIONS", "what a principal may do with a class",
     "  --allow ACTIONS       read, write, modify_all_access or others, joined by ','; required\n",
     cmd_policy_set, VERB_ACTS},
    {"policy clear", "PRINCIPAL CLASS", "end what a principal may do with a class", NULL,
     cmd_policy_clear, VERB_ACTS},
    {"policy list", "", "all policies on classes", NULL, cmd_policy_list, 0},
    {"group set", "SITE#GROUP FILE|-", "replace the rules of an access group", NULL, cmd_group_set,
     VERB_ACTS},
    {"group clear", "SITE#GROUP", "take an access group away: what it guards is shut", NULL,
     cmd_group_clear, VERB_ACTS},
    {"group show", "SITE#GROUP", "the rules of an access group", NULL, cmd_group_show, 0},
    {"group list", "", "all access groups", NULL, cmd_group_list, 0},
    {"protect set", "PATH GROUP", "let only an access group at a path and below it", NULL,
     cmd_protect_set, VERB_ACTS},
    {"protect clear", "PATH", "take that protection away", NULL, cmd_protect_clear, VERB_ACTS},
    {"protect load", "FILE|-", "protect all paths of a list, as JSON", NULL, cmd_protect_load,
     VERB_ACTS},
    {"protect list", "", "all protected paths", NULL, cmd_protect_list, 0},
    {"ranges set", "NAME FILE|-", "replace a named list of address ranges", NULL, cmd_ranges_set,
     VERB_ACTS},
    {"ranges load", "FILE|-", "replace all address ranges by those of a file", NULL,
     cmd_ranges_load, VERB_ACTS},
    {"ranges clear", "NAME", "take a list of address ranges away", NULL, cmd_ranges_clear,
     VERB_ACTS},
    {"ranges list", "", "all address ranges", NULL, cmd_ranges_list, 0},
    {"role set", "NAME GIVES…", "what a role, or a group of that name, may do at all", NULL,
     cmd_role_set, VERB_ACTS},
    {"role clear", "NAME", "take a role away", NULL, cmd_role_clear, VERB_ACTS},
    {"role list", "", "all roles that were set", NULL, cmd_role_list, 0},
    {"settings set", "KEY VALUE", "change a setting of the lake", NULL, cmd_settings_set, VERB_ACTS},
    {"settings clear", "KEY", "back to the default", NULL, cmd_settings_clear, VERB_ACTS},
    {"settings show", "", "all settings", NULL, cmd_settings_show, 0},
    {"access review", "[--principal PRINCIPAL] [--edit ID]", "who holds what, since when, until when",
     "  --principal PRINCIPAL only what names that principal\n"
     "  --edit ID             only what is about that edit\n"
     "  --at WHEN             as of that moment instead of now\n",
     cmd_access_review, VERB_AT | VERB_ACTS},
    {"view", "PRINCIPAL [PATH]", "every path that a principal sees", ask_help, cmd_view, VERB_ASKS},
    {"explain", "PRINCIPAL PATH", "why a principal sees a path, or why not", ask_help, cmd_explain,
     VERB_ASKS},
    {"who", "PATH", "who sees a path", at_help, cmd_who, VERB_PLAIN | VERB_AT | VERB_ACTS},
    {"ledger verify", "", "check the chain of all records", NULL, cmd_ledger_verify, 0},
    {"ledger", "", "all records", NULL, cmd_ledger, 0},
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
     "  -o mem=SIZE           bytes of read cache in memory; default 256M\n"
     "  -o cache=DIR          keep what was read in that folder too, encrypted\n"
     "  -o cache_size=SIZE    how much of it; default: as it is, or 10G for a new one\n"
     "  -o cache_key=FILE     its key; default: cache.key of the state\n",
     cmd_mount, 0},
    {"login", "MOUNTPOINT [--token-file FILE | --user NAME]",
     "sign in on a --per-caller mount; by default with the provider that the studio uses",
     "  --token-file FILE     a signed token (JWT); - is stdin\n"
     "  --user NAME           with a password, which is asked for\n"
     "  --password-stdin      it is the first line of stdin\n"
     "  --auth FILE           which provider; default: auth.json of the state\n"
     "  --login-socket PATH   as the mount was given it\n",
     cmd_login, 0},
    {"logout", "MOUNTPOINT", "end one's session on a mount",
     "  --login-socket PATH   as the mount was given it\n", cmd_logout, 0},
    {"session", "MOUNTPOINT", "who one is on a mount, and until when",
     "  --login-socket PATH   as the mount was given it\n", cmd_session, 0},
    {"user add", "NAME [--groups A,B] [--roles A,B] [--password-stdin] [--users FILE]",
     "let somebody sign in with a password, which is asked for",
     "  --groups A,B          groups that it is in\n"
     "  --roles A,B           roles that it has\n"
     "  --password-stdin      the password is the first line of stdin\n"
     "  --users FILE          default: users.json of the state\n",
     cmd_user_add, 0},
    {"user password", "NAME [--password-stdin] [--users FILE]", "give somebody a new password",
     "  --password-stdin      it is the first line of stdin\n"
     "  --users FILE          default: users.json of the state\n",
     cmd_user_password, 0},
    {"user remove", "NAME [--users FILE]", "let somebody no longer sign in with a password",
     "  --users FILE          default: users.json of the state\n", cmd_user_remove, 0},
    {"user list", "[--users FILE]", "who signs in with a password",
     "  --users FILE          default: users.json of the state\n", cmd_user_list, 0},
    {"unmount", "MOUNTPOINT [--lazy]", "end a mount",
     "  --lazy                detach now, even while files are open\n", cmd_unmount, 0},
    {"cache status", "DIR [--cache-key FILE]", "what a cache on disk holds",
     "  --cache-key FILE      its key; default: cache.key of the state\n", cmd_cache_status, 0},
    {"cache clear", "DIR [--cache-key FILE]", "empty a cache on disk, also under running mounts",
     "  --cache-key FILE      its key; default: cache.key of the state\n", cmd_cache_clear, 0},
    {"cache warm", "EDIT --cache DIR [OPTIONS]", "fetch all objects of an edit into a cache on disk",
     "  --cache DIR           the cache of the mount to come; required\n"
     "  --cache-size SIZE     how much it may hold; default: as it is, or 10G for a new one\n"
     "  --cache-key FILE      its key; default: cache.key of the state\n"
     "  --as PRINCIPAL        only what that principal may open\n"
     "  --jobs N              objects fetched at once; default: 8\n",
     cmd_cache_warm, 0},
    {"status", "[MOUNTPOINT]", "how a mount, or the lake, is doing", NULL, cmd_status, 0},
};

const size_t cli_verb_count = COUNT(cli_verbs);
