"""The mounts of an oracle run: one a principal, and one for all callers, walked and compared."""

import os
import time

import world
from walkers import Walker, read, walk

# How long a mount may go on showing what the clock, or the principals file, has already changed.
CLOCK_LAG = 2
SETTLE_SECONDS = 20
NOBODY = 29999  # a uid that no principals file names


class Mismatch(Exception):
    """The program and the model differ; `principal` and `path` where `explain` can tell why."""

    def __init__(self, text, principal=None, path=None):
        super().__init__(text)
        self.principal, self.path = principal, path


class Mounts:
    def __init__(self, run):
        users = run.model.people["users"]
        # the children first: they must not inherit what the daemons' start leaves open
        self.walkers = {u["uid"]: Walker(u["uid"]) for u in users}
        self.walkers[NOBODY] = Walker(NOBODY)
        for walker in self.walkers.values():
            run.work.later(walker.stop)
        poll = ["--poll", "0.2"]
        self.all = self._mount(run, "all", "--per-caller", *poll)
        self.single = {}
        for i, user in enumerate(users):
            principal = "user:" + user["id"]
            self.single[principal] = self._mount(run, f"one-{i}", "--as", user["id"], *poll)
        for mount in self.every():
            mount.wait_ready()

    def every(self):
        return [self.all, *self.single.values()]

    def _mount(self, run, name, *options):
        mount = world.Mount(run.sl, run.work.path("mnt-" + name), *options, wait=False)
        run.work.later(mount.stop)
        return mount

    def check(self, run, people_changed):
        """Compares every mount with the model."""
        record = run.sl.record()
        list(run.pool.map(lambda m: m.wait_record(record), self.every()))
        # a changed principals file has no ledger record to wait for
        lag = SETTLE_SECONDS if people_changed else CLOCK_LAG
        self.compare_callers(run, lag)
        for principal, mount in self.single.items():
            self.compare(run, principal, lag, lambda m=mount: walk(m.point), mount.point)
        self.compare_bytes(run)

    def compare_callers(self, run, lag):
        """The mount for all, walked by all at the same time, and by root, who is nobody there."""
        began = time.time()
        for walker in self.walkers.values():
            walker.ask("walk", self.all.point)
        answers = {uid: walker.answer() for uid, walker in self.walkers.items()}
        for uid, answer in answers.items():
            def again(walker=self.walkers[uid]):
                walker.ask("walk", self.all.point)
                return self.result(walker.answer())

            self.compare(run, self.user_of(run, uid), lag, again, f"{self.all.point} as {uid}",
                         (began, lambda a=answer: self.result(a)))
        self.compare(run, None, lag, lambda: walk(self.all.point), f"{self.all.point} as root")

    @staticmethod
    def result(answer):
        ok, what = answer
        if not ok:
            raise OSError(what)
        return what

    @staticmethod
    def user_of(run, uid):
        for user in run.model.people["users"]:
            if user["uid"] == uid:
                return "user:" + user["id"]
        return None

    def compare(self, run, principal, lag, ask, where, first=None):
        """What `ask()` finds must be the model's answer. Where a grant began or ended just now, or
        the principals file changed, asks again until it is, within a bound."""
        end = time.monotonic() + SETTLE_SECONDS
        while True:
            began, find = first or (time.time(), ask)
            first = None
            try:
                got, failure = find(), None
            except OSError as error:  # a name may vanish under the walk
                got, failure = None, error
            want = self.wanted(run, principal, int(time.time()))
            if got == want:
                break
            recent = lag > CLOCK_LAG or any(
                began - CLOCK_LAG - 1 <= m <= time.time() for m in run.model.moments())
            if not recent or time.monotonic() > end:
                raise self.mismatch(principal, where, got, want, failure)
            time.sleep(0.05)
        run.compared["walks"] += 1
        run.compared["paths"] += len(got)

    @staticmethod
    def wanted(run, principal, t):
        if principal is None:
            return {}
        return {path: run.model.entry(path) for path in run.expected(principal, t)}

    @staticmethod
    def mismatch(principal, where, got, want, failure):
        if failure:
            return Mismatch(f"the walk of {where} failed: {failure}")
        sizes = [f"{p!r} has {got[p]} (bytes, or a link), not {want[p]}" for p in got
                 if p in want and got[p] != want[p]][:8]
        more, less = sorted(set(got) - set(want)), sorted(set(want) - set(got))
        lines = [f"the walk of {where} ({principal}): {len(more)} too many, {len(less)} too few"]
        lines += [f"  shown, but hidden in the model: {p!r}" for p in more[:8]]
        lines += [f"  hidden, but shown in the model: {p!r}" for p in less[:8]]
        first = min(more + less, key=len) if more + less else None
        return Mismatch("\n".join(lines + sizes), principal, first)

    def compare_bytes(self, run):
        """One file of two views, byte by byte with the store; and one hidden path."""
        for principal in run.rng.sample(sorted(self.single), min(2, len(self.single))):
            mount, now = self.single[principal], int(time.time())
            seen = run.expected(principal, now)
            files = sorted(p for p in seen if not p.endswith("/") and run.model.key_of(p))
            if not files:
                continue
            path = run.rng.choice(files)
            self.same_bytes(run, read, mount.point, path, principal)
            uid = next((u["uid"] for u in run.model.people["users"]
                        if "user:" + u["id"] == principal), None)
            if uid is not None:
                def by_caller(full, walker=self.walkers[uid]):
                    walker.ask("read", full)
                    return self.result(walker.answer())

                self.same_bytes(run, by_caller, self.all.point, path, principal)

    @staticmethod
    def same_bytes(run, reader, top, path, principal):
        end = time.monotonic() + SETTLE_SECONDS
        while True:
            try:
                got = reader(os.path.join(top, path))
            except OSError as error:
                got = error
            now = int(time.time())
            if got == run.lake.get(run.model.key_of(path)):
                run.compared["reads"] += 1
                return
            if path not in run.expected(principal, now):
                return  # its grant ended meanwhile
            raise_now = time.monotonic() > end or not run.model.moments() & set(
                range(now - CLOCK_LAG - 1, now + 1))
            if raise_now:
                said = got if isinstance(got, OSError) else f"{len(got)} other bytes"
                raise Mismatch(f"{top}/{path}: {said}", principal, path)
            time.sleep(0.05)
