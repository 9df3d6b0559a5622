"""Drills, and their servers, are killed at random moments: the next sweep leaves nothing.

Sometimes the maker alone is killed, as kill -9 or the kernel's want of memory does it, sometimes
all of its processes at once, as the end of a systemd unit does, sometimes one that it has started.
Namespaces of its own (mounts and IPC) let the test see all processes and shared memory that are
left, and only those.

FAULT_KILLS is how often it does so (the long run: 200), FAULT_SEED what the moments depend on.
"""

import collections
import os
import random
import shutil
import signal
import subprocess
import time

import pgbackup
import pgtest
import throwaway
from drills import give_backups

CLUSTER = pgtest.Cluster()
KILLS = int(os.environ.get("FAULT_KILLS", "24"))
SEED = int(os.environ.get("FAULT_SEED", "20261122"))
OWN_SPACE = "mount -t tmpfs tmpfs /dev/shm"


class Space:
    """Mount and IPC namespaces with an empty /dev/shm, in which a shell waits."""

    def __init__(self):
        self.process = pgtest.spawn(
            ["unshare", "--mount", "--ipc", "--propagation", "private", "sh", "-ec",
             OWN_SPACE + "\necho ready\nexec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise AssertionError("could not set up namespaces")
        inside = f"/proc/{self.process.pid}"
        self.prefix = ["nsenter", f"--mount={inside}/ns/mnt", f"--ipc={inside}/ns/ipc",
                       f"--root={inside}/root", "--"]

    def processes(self):
        """{pid: name} of all that run in it, but the shell."""
        ours = os.readlink(f"/proc/{self.process.pid}/ns/ipc")
        found = {}
        for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
            try:
                if os.readlink(f"/proc/{pid}/ns/ipc") == ours:
                    with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
                        found[pid] = f.read().strip()
            except OSError:
                pass
        return {pid: name for pid, name in found.items() if name not in ("sh", "cat")}

    def shared_memory(self):
        script = "ls /dev/shm; ipcs -m | grep '^0x' || true; ipcs -s | grep '^0x' || true"
        return subprocess.run([*self.prefix, "sh", "-c", script], capture_output=True, text=True,
                              check=True, timeout=20).stdout.splitlines()


def setUpModule():
    for program in ("unshare", "nsenter", "ipcs"):
        if not shutil.which(program):
            raise RuntimeError(f"{program} is missing: install util-linux")
    CLUSTER.start()
    CLUSTER.create("appdb")
    CLUSTER.fill("appdb")
    CLUSTER.sql("CREATE INDEX ON noise (noise)", "appdb")


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Killed(pgbackup.BackupTestCase):
    seconds = 120 + 15 * KILLS

    def setUp(self):
        super().setUp()
        self.space = Space()
        self.addCleanup(pgtest.stop_process, self.space.process, signal.SIGKILL)


class Servers(Killed):
    def setUp(self):
        super().setUp()
        self.site = throwaway.Site(self, prefix=self.space.prefix)

    def test_a_kill_at_any_moment_leaves_nothing_behind_after_the_next_sweep(self):
        whole = self.measure()
        broken, alone = [], 0
        for number in range(KILLS):
            dice = random.Random(f"{SEED} {number}")
            moment, everything = dice.uniform(0, whole), number % 2 == 0
            lived = self.kill_after(moment, everything)
            whole = min(whole, lived or whole)  # the machine was busy when it was measured
            alone += not self.site.directories()
            done = self.site.sweep()
            left = self.site.directories() + throwaway.processes(self.site.parent) + \
                self.space.shared_memory()
            if done.code != 0 or done.stderr or left:
                broken.append(f"killed {'all' if everything else 'the maker'} after"
                              f" {moment:.3f} s: {done} {left}")
        print(f"servers killed: {KILLS} within {whole:.1f} s, {alone} of them before or after"
              f" there was a directory (seed {SEED})", flush=True)
        self.assertEqual(broken, [], "\n".join(broken))
        self.assertLess(alone, KILLS // 2)

    def measure(self):
        """How long an undisturbed one takes from its start to its end."""
        begin = time.monotonic()
        server = self.site.start()
        server.stop()
        return time.monotonic() - begin

    def kill_after(self, seconds, everything):
        """Gives how long it took if it had come to its own end before."""
        begin, lived = time.monotonic(), None
        process = self.site.spawn()
        process.stdin.close()  # so that it stops as soon as it has started
        try:
            process.wait(seconds)
            lived = time.monotonic() - begin
        except subprocess.TimeoutExpired:
            pass
        victims = [process.pid]
        if everything:
            victims += [int(line.partition(":")[0])
                        for line in throwaway.processes(self.site.parent)]
        kill(victims)
        process.wait()
        process.stdout.close()
        process.stderr.close()
        return lived


class Drills(Killed):
    """Killed are the drill itself, all of its processes, one of its children; or it gets SIGTERM. A
    moment is one soon after a program has begun, so that each phase has its share."""

    ways = ("itself", "everything", "a child", "asked to end")
    phases = ("pg_restore", "initdb", "postgres", "pg_dump", "pg_amcheck")

    def setUp(self):
        super().setUp()
        self.drill_dir = self.tmp + "/drill"
        pgtest.make_drill_directory(self.drill_dir)
        self.backup = pgbackup.PgBackup(self, CLUSTER, PG_DATABASES="appdb",
                                        DRILL_DIR=self.drill_dir)
        self.backup.must("run")
        give_backups(self.backup)

    def test_a_drill_killed_at_any_moment_leaves_nothing_to_the_next(self):
        broken, during = [], collections.Counter()
        for number in range(KILLS):
            dice = random.Random(f"{SEED} drill {number}")
            way, phase = self.ways[number % len(self.ways)], dice.choice(self.phases)
            running = self.start_drill()
            self.wait(running, phase, 0.3 * dice.random() ** 2)
            during[self.phase() or "nothing"] += 1
            problem = self.end(running, way, dice)
            if problem:
                broken.append(f"{way}, {phase}: {problem}")
        print(f"drills killed: {KILLS}, while there ran {dict(during)} (seed {SEED})", flush=True)
        self.assertEqual(broken, [], "\n".join(broken))
        self.assertLess(during["nothing"], KILLS // 2)
        self.assertEnded(self.start_drill().wait(), 0)

    def start_drill(self, *args):
        return self.backup.start("drill", *args, prefix=self.space.prefix)

    def phase(self):
        """The program whose time it is; None when none is running."""
        names = self.space.processes().values()
        order = ("initdb", "pg_restore", "pg_dump", "pg_amcheck", "postgres", "pg-backup")
        return next((name for name in order if name in names), None)

    def wait(self, running, phase, seconds):
        pgtest.wait_until(lambda: running.process.poll() is not None or self.phase() == phase,
                          f"{phase} runs", timeout=60)
        try:
            running.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass

    def end(self, running, way, dice):
        """Ends it in one of the ways; says what is wrong, if anything."""
        alive = self.space.processes()
        children = sorted(set(alive) - {running.pid})
        if way == "asked to end":
            running.terminate()
        elif way == "a child":
            kill([dice.choice(children)] if children else [])
        else:
            kill([running.pid] + (children if way == "everything" else []))
        done = running.wait()

        if way == "a child":  # it proves nothing, or came too late
            wrong = done.code not in (0, 5)
        elif way == "asked to end":
            wrong = done.code not in (0, 1) or self.left()
        else:
            swept = self.start_drill("nosuch").wait()
            wrong = swept.code != 2
            done = f"{done}\n{swept}"
        left = self.left()
        return f"{done} {left} of {alive}" if wrong or left else None

    def left(self):
        """What is there. A client that has lost its server needs a moment to see it."""
        try:
            pgtest.wait_until(lambda: not self.space.processes(), "all have ended", timeout=20)
        except AssertionError:
            pass
        found = os.listdir(self.drill_dir) if os.path.exists(self.drill_dir) else []
        return [name for name in found if name != ".lock"] + \
            sorted(self.space.processes().values()) + self.space.shared_memory()
