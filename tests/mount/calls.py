"""System calls on a path, each answered as one comparable outcome.

PROBES is every way that a program may ask about a path, or try to change it, as {name: function
of a path}.  outcomes() runs them all.  Two paths that cannot be told apart have the same outcomes.
"""

import contextlib
import ctypes
import errno
import os
import socket
import stat
import struct

libc = ctypes.CDLL(None, use_errno=True)

# asm-generic numbers above 423 are the same on every architecture; the others are x86-64's.
NR = {"mknodat": 259, "fchmodat": 268, "renameat2": 316, "execveat": 322, "statx": 332,
      "name_to_handle_at": 303, "open_by_handle_at": 304, "inotify_add_watch": 254,
      "fanotify_init": 300, "fanotify_mark": 301, "open_tree": 428, "fspick": 433,
      "openat2": 437, "faccessat2": 439, "mount_setattr": 442, "fchmodat2": 452,
      "setxattrat": 463, "getxattrat": 464, "listxattrat": 465, "removexattrat": 466}

AT_FDCWD = -100
AT_SYMLINK_NOFOLLOW, AT_REMOVEDIR, AT_EACCESS = 0x100, 0x200, 0x200
AT_EMPTY_PATH, AT_STATX_FORCE_SYNC, AT_STATX_DONT_SYNC = 0x1000, 0x2000, 0x4000
RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2
MS_BIND = 4096
IN_ALL, IN_ONLYDIR, IN_DONT_FOLLOW = 0xFFF, 0x01000000, 0x02000000


def syscall(name, *args):
    """The result of a system call; OSError where it fails."""
    done = libc.syscall(ctypes.c_long(NR[name]), *map(_argument, args))
    if done < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return done


def _argument(value):
    if isinstance(value, int):
        return ctypes.c_long(value)
    return os.fsencode(value) if isinstance(value, str) else value


def _call(function, *args):
    if getattr(libc, function)(*map(_argument, args)) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return 0


def _closing(fd):
    os.close(fd)
    return "opened"


def outcome(function, path):
    """("ok", what it returned) or ("errno", its name)."""
    try:
        return "ok", function(path)
    except OSError as error:
        return "errno", errno.errorcode.get(error.errno, error.errno)


def outcomes(path, rounds=2):
    """{probe: outcome in each round}: the second meets what the kernel kept of the first."""
    return {name: [outcome(probe, path) for _ in range(rounds)]
            for name, probe in PROBES.items()}


# Opening

OPEN_FLAGS = {
    "O_RDONLY": os.O_RDONLY, "O_WRONLY": os.O_WRONLY, "O_RDWR": os.O_RDWR, "O_PATH": os.O_PATH,
    "O_PATH|O_NOFOLLOW": os.O_PATH | os.O_NOFOLLOW, "O_PATH|O_DIRECTORY": os.O_PATH | os.O_DIRECTORY,
    "O_DIRECTORY": os.O_DIRECTORY, "O_NOFOLLOW": os.O_NOFOLLOW, "O_CREAT": os.O_CREAT,
    "O_CREAT|O_WRONLY": os.O_CREAT | os.O_WRONLY, "O_CREAT|O_EXCL": os.O_CREAT | os.O_EXCL,
    "O_CREAT|O_DIRECTORY": os.O_CREAT | os.O_DIRECTORY, "O_TRUNC": os.O_TRUNC | os.O_WRONLY,
    "O_CREAT|O_TRUNC": os.O_CREAT | os.O_TRUNC | os.O_RDWR, "O_APPEND": os.O_APPEND | os.O_WRONLY,
    "O_TMPFILE": os.O_TMPFILE | os.O_RDWR, "O_DIRECT": os.O_DIRECT, "O_NOATIME": os.O_NOATIME,
    "O_NONBLOCK": os.O_NONBLOCK, "O_SYNC": os.O_SYNC, "access mode 3": 3,
}
RESOLVE = {"NO_XDEV": 1, "NO_MAGICLINKS": 2, "NO_SYMLINKS": 4, "BENEATH": 8, "IN_ROOT": 16,
           "CACHED": 32}


def _openat2(path, flags, resolve):
    folder = os.open(os.path.dirname(path), os.O_PATH) if resolve & 24 else AT_FDCWD
    name = os.path.basename(path) if resolve & 24 else path
    try:
        how = struct.pack("=QQQ", flags, 0, resolve)
        return _closing(syscall("openat2", folder, name, how, len(how)))
    finally:
        if folder >= 0:
            os.close(folder)


def _statx(path, flags):
    data = ctypes.create_string_buffer(256)
    syscall("statx", AT_FDCWD, path, flags, 0x3FFF, data)
    return data.raw


def _handle(path, flags):
    handle = ctypes.create_string_buffer(struct.pack("=Ii", 128, 0), 136)
    mount_id = ctypes.create_string_buffer(8)
    syscall("name_to_handle_at", AT_FDCWD, path, handle, mount_id, flags)
    return handle.raw


# Names that the kernel keeps

def _watch(path, mask):
    fd = libc.inotify_init1(os.O_CLOEXEC)
    try:
        syscall("inotify_add_watch", fd, path, mask)
        return "watched"
    finally:
        os.close(fd)


def _fanotify(path):
    fd = syscall("fanotify_init", 0, 0)
    try:
        syscall("fanotify_mark", fd, 1, 0x20, AT_FDCWD, path)  # FAN_MARK_ADD, FAN_OPEN
        return "marked"
    finally:
        os.close(fd)


def _unix_socket(path, method):
    with socket.socket(socket.AF_UNIX) as s:
        with _short_name(path) as name:
            getattr(s, method)(name)
    return "done"


@contextlib.contextmanager
def _short_name(path):
    """A name that fits a socket address: below /proc/self/fd of the folder, whose lookup may
    fail as that of the path does."""
    folder = os.open(os.path.dirname(path), os.O_PATH)
    try:
        yield f"/proc/self/fd/{folder}/{os.path.basename(path)}"
    finally:
        os.close(folder)


def _chdir(path):
    here = os.open(".", os.O_PATH)
    try:
        os.chdir(path)
        return os.getcwd()
    finally:
        os.fchdir(here)
        os.close(here)


def _execute(path, flags):
    """execveat() in a child, which reports the errno, if any, by its status."""
    pid = os.fork()
    if pid == 0:
        empty = (ctypes.c_void_p * 1)()
        libc.syscall(NR["execveat"], AT_FDCWD, os.fsencode(path), empty, empty, flags)
        os._exit(ctypes.get_errno())
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        raise OSError(status, os.strerror(status))
    return "ran"


def _bind(source, target):
    _call("mount", source, target, "none", MS_BIND, None)
    _call("umount2", target, 2)
    return "mounted"


def _other(path):
    """A name beside the path that is not there."""
    return os.path.join(os.path.dirname(path), "x" * 24)


def _root(path):
    while not os.path.ismount(path):
        path = os.path.dirname(path)
    return path


def _device(path):
    return tuple(getattr(os.statvfs(path), f) for f in ("f_bsize", "f_blocks", "f_files"))


def _probes():
    probes = {"stat": os.stat, "lstat": os.lstat, "statfs": _device, "chdir": _chdir,
              "readlink": os.readlink, "listxattr": os.listxattr, "unlink": os.unlink,
              "rmdir": os.rmdir, "listdir": os.listdir, "fanotify_mark": _fanotify,
              "mkdir": lambda p: os.mkdir(p, 0o755),
              "truncate": lambda p: os.truncate(p, 0),
              "chmod": lambda p: os.chmod(p, 0o644),
              "chmod with x": lambda p: os.chmod(p, 0o755),
              "chown": lambda p: os.chown(p, 1, 1), "lchown": lambda p: os.lchown(p, 1, 1),
              "chown of nothing": lambda p: os.chown(p, -1, -1),
              "utimens": os.utime,
              "lutimens": lambda p: os.utime(p, follow_symlinks=False),
              "utimens of nothing": lambda p: os.utime(p, ns=(0, 0)),
              "llistxattr": lambda p: os.listxattr(p, follow_symlinks=False),
              "fchmodat2": lambda p: syscall("fchmodat2", AT_FDCWD, p, 0o600, AT_SYMLINK_NOFOLLOW)}
    for name, flags in OPEN_FLAGS.items():
        probes[f"open {name}"] = lambda p, f=flags: _closing(os.open(p, f, 0o644))
    for name, bits in RESOLVE.items():
        for word, flags in (("O_RDONLY", 0), ("O_PATH", os.O_PATH)):
            probes[f"openat2 {word} {name}"] = lambda p, f=flags, b=bits: _openat2(p, f, b)
    for flags in (0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_STATX_FORCE_SYNC, AT_STATX_DONT_SYNC):
        probes[f"statx {flags:#x}"] = lambda p, f=flags: _statx(p, f)
    for mode in (os.F_OK, os.R_OK, os.W_OK, os.X_OK):
        probes[f"access {mode}"] = lambda p, m=mode: _call("access", p, m)
        for flags in (0, AT_EACCESS, AT_SYMLINK_NOFOLLOW):
            probes[f"faccessat2 {mode} {flags:#x}"] = (
                lambda p, m=mode, f=flags: syscall("faccessat2", AT_FDCWD, p, m, f))
    probes.update(_attribute_probes())
    probes.update(_name_probes())
    return probes


def _attribute_probes():
    probes = {}
    for name in ("user.shotlake.key", "user.shotlake.etag", "user.shotlake.edits", "user.none",
                 "user.ShotLockerAccess", "security.selinux", "security.capability",
                 "system.posix_acl_access", "trusted.x"):
        probes[f"getxattr {name}"] = lambda p, n=name: os.getxattr(p, n)
        probes[f"lgetxattr {name}"] = lambda p, n=name: os.getxattr(p, n, follow_symlinks=False)
    for name in ("user.x", "user.shotlake.key", "system.posix_acl_access", "trusted.x"):
        for word, flags in (("", 0), (" XATTR_CREATE", 1), (" XATTR_REPLACE", 2)):
            probes[f"setxattr{word} {name}"] = (
                lambda p, n=name, f=flags: os.setxattr(p, n, b"x", f))
        probes[f"removexattr {name}"] = lambda p, n=name: os.removexattr(p, n)
    probes["listxattrat"] = lambda p: syscall("listxattrat", AT_FDCWD, p, 0, None, 0)
    for flags in (0, AT_EMPTY_PATH):
        probes[f"name_to_handle_at {flags:#x}"] = lambda p, f=flags: _handle(p, f)
    return probes


def _name_probes():
    probes = {
        "symlink": lambda p: os.symlink("x", p),
        "link from": lambda p: os.link(p, _other(p)),
        "link to": lambda p: os.link(_root(p) + "/top.mov", p),
        "link onto itself": lambda p: os.link(p, p),
        "unlink of a directory": lambda p: libc.unlinkat(AT_FDCWD, os.fsencode(p), 0) and _errno(),
        "unix bind": lambda p: _unix_socket(p, "bind"),
        "unix connect": lambda p: _unix_socket(p, "connect"),
        "bind mount from": lambda p: _bind(p, "/mnt"),
        "bind mount onto": lambda p: _bind("/mnt", p),
        "umount": lambda p: _call("umount2", p, 0),
        "umount nofollow": lambda p: _call("umount2", p, 8),
        "open_tree": lambda p: _closing(syscall("open_tree", AT_FDCWD, p, 0)),
        "open_tree clone": lambda p: _closing(syscall("open_tree", AT_FDCWD, p, 1)),
        "fspick": lambda p: _closing(syscall("fspick", AT_FDCWD, p, 0)),
        "mount_setattr": lambda p: syscall("mount_setattr", AT_FDCWD, p, 0, bytes(32), 32)}
    for kind in (stat.S_IFREG, stat.S_IFIFO, stat.S_IFSOCK):
        probes[f"mknod {kind:o}"] = lambda p, k=kind: os.mknod(p, k | 0o644)
    for flags in (0, AT_SYMLINK_NOFOLLOW):
        probes[f"execve {flags:#x}"] = lambda p, f=flags: _execute(p, f)
    for mask in (IN_ALL, IN_ALL | IN_ONLYDIR, IN_ALL | IN_DONT_FOLLOW):
        probes[f"inotify_add_watch {mask:#x}"] = lambda p, m=mask: _watch(p, m)
    for flags in (0, RENAME_NOREPLACE, RENAME_EXCHANGE):
        probes[f"rename from {flags}"] = lambda p, f=flags: _rename(p, _other(p), f)
        probes[f"rename onto itself {flags}"] = lambda p, f=flags: _rename(p, p, f)
        probes[f"rename to {flags}"] = lambda p, f=flags: _rename(_root(p) + "/top.mov", p, f)
        probes[f"rename from outside {flags}"] = lambda p, f=flags: _rename("/etc/hosts", p, f)
    return probes


def _errno():
    raise OSError(ctypes.get_errno(), "")


def _rename(old, new, flags):
    return syscall("renameat2", AT_FDCWD, old, AT_FDCWD, new, flags)


PROBES = _probes()


def differences(hidden, absent, **how):
    """One line for each probe that tells the two paths apart."""
    one, two = outcomes(hidden, **how), outcomes(absent, **how)
    return [f"{name}: {one[name]} for {hidden}, {two[name]} for {absent}"
            for name in PROBES if one[name] != two[name]]


# Handles

def handle_of(path):
    """(type, bytes) as name_to_handle_at(2) gives it."""
    size, kind = struct.unpack_from("=Ii", raw := _handle(path, 0))
    return kind, raw[8:8 + size]


def open_handle(mount_fd, kind, data, flags=os.O_RDONLY):
    """open_by_handle_at(2): a descriptor."""
    raw = ctypes.create_string_buffer(struct.pack("=Ii", len(data), kind) + data)
    return syscall("open_by_handle_at", mount_fd, raw, flags)
