"""Persistent child processes that walk mounts as other users, each asked over a pipe."""

import multiprocessing.connection
import os
import signal
import stat
import traceback


def walk(top):
    """{path: size} of everything below `top`; folders end in '/' and have no size, links have "-> " and
    where they lead in its place. Goes from folder to folder by descriptor: by path, a mount that must not cache names looks up each of its
    components again for every file."""
    found = {}
    fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _walk_folder(fd, "", found)
    finally:
        os.close(fd)
    return found


def _walk_folder(fd, prefix, found):
    folders = []
    with os.scandir(fd) as entries:
        for entry in entries:
            st = entry.stat(follow_symlinks=False)
            path = prefix + os.fsdecode(entry.name)
            if stat.S_ISDIR(st.st_mode) and entry.is_dir(follow_symlinks=False):
                found[path + "/"] = None
                folders.append(entry.name)
            elif stat.S_ISREG(st.st_mode) and entry.is_file(follow_symlinks=False):
                found[path] = st.st_size
            elif stat.S_ISLNK(st.st_mode) and entry.is_symlink():
                found[path] = "-> " + os.readlink(entry.name, dir_fd=fd)
                if len(os.fsencode(found[path])) != st.st_size + 3:
                    raise AssertionError(f"{path}: {found[path]} has another length")
            else:
                raise AssertionError(f"{path}: readdir and stat differ, or it is no file")
    for name in folders:
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
        try:
            _walk_folder(below, prefix + os.fsdecode(name) + "/", found)
        finally:
            os.close(below)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def try_stat(path):
    """None where it is there, else the errno."""
    try:
        os.stat(path)
        return None
    except OSError as error:
        return error.errno


WORK = {"walk": walk, "read": read, "stat": try_stat}


class Walker:
    """One child that runs as `uid`, without groups and capabilities."""

    def __init__(self, uid):
        self.uid = uid
        self.pipe, theirs = multiprocessing.connection.Pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self._serve(theirs)
        theirs.close()

    def _serve(self, pipe):
        status = 1
        try:
            for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                signal.signal(each, signal.SIG_DFL)
            self.pipe.close()
            os.setgroups([])
            os.setresgid(self.uid, self.uid, self.uid)
            os.setresuid(self.uid, self.uid, self.uid)
            while True:
                what, path = pipe.recv()
                try:
                    pipe.send((True, WORK[what](path)))
                except (OSError, AssertionError) as error:
                    pipe.send((False, repr(error)))
        except EOFError:
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)

    def ask(self, what, path):
        self.pipe.send((what, path))

    def answer(self):
        """(whether it went well, the result or the error as text)"""
        return self.pipe.recv()

    def stop(self):
        self.pipe.close()
        os.waitpid(self.pid, 0)
