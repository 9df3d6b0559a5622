"""Every file-system and socket call of a run fails once with EIO, once with ENOSPC, and once the
run is killed there. After each point the promises hold (worksite.py), and the next run succeeds and
sweeps. The next run's part is done once for each state that a fault leaves behind, since most of
the thousands of points leave one of a few dozen states (Worksite.remains()). Where it is a call for
a file that fails, pg_dump and pg_dumpall are recordings of themselves (Worksite.record()).

The points are counted by a clean run; the calls before main() are measured with --version and left
out. A name's numbers go on until a run no longer meets the fault, since a run's number of reads and
polls depends on the moment. FAULT_CALLS=fsync,renameat limits the sweep while one looks for a bug.
"""

import collections
import os
import queue

import pgbackup
import pgtest
import strace
import worksite
from strace import Fault

HOWS = ("EIO", "ENOSPC", "SIGKILL")
ONLY = os.environ.get("FAULT_CALLS")
# A clean run that does without one of these was not traced as it should be.
EXPECTED = {"close", "connect", "flock", "fsync", "openat", "poll", "read", "recvfrom", "sendto",
            "socket", "unlinkat", "write"}

# What a directory is made, read back, published, swept and removed by.
DIRECTORY_CALLS = {"eventfd2", "fchmod", "fsync", "getdents64", "mkdirat", "openat", "renameat",
                   "renameat2", "symlinkat", "unlinkat"}

# What fails here may end the session whose snapshot pg_dump reads: only a real pg_dump shows that.
TO_THE_SERVER = {"connect", "getpeername", "getsockname", "getsockopt", "poll", "recvfrom",
                 "sendto", "setsockopt", "socket"}

SERVERS = worksite.Servers()


def setUpModule():
    strace.require()
    SERVERS.start()


class Sweep:
    """The points still to be tried, and what those that were tried have shown."""

    def __init__(self, first, last):
        self.last = last
        self.met = collections.Counter()  # (name, how): points at which the fault was met
        self.states = worksite.States()
        self.broken = []
        self.tasks = queue.SimpleQueue()
        for name in sorted(last):
            for number in range(first.get(name, 0) + 1, last[name] + 1):
                for how in HOWS:
                    self.tasks.put(Fault(name, number, how))

    def try_one(self, site, fault):
        site.reset()
        real = fault.name in TO_THE_SERVER or not site.recorded
        outcome = site.traced_run(fault, PG_BINDIR=site.bindir if real else site.recorded)
        found = site.broken_after_fault(outcome)
        if self.states.is_new(site.remains()):
            found += site.broken_after_next_run()
        if found:
            self.broken.append(worksite.story([fault], outcome, found))
        if outcome.hits:
            self.met[fault.name, fault.how] += 1
            if fault.number >= self.last[fault.name]:
                self.tasks.put(fault._replace(number=fault.number + 1))

    def table(self):
        names = sorted({name for name, _ in self.met})
        rows = [(name, [self.met[name, how] for how in HOWS]) for name in names]
        rows.append(("all", [sum(column) for column in zip(*(counts for _, counts in rows))]))
        head = f"{'call':18}" + "".join(f"{how:>9}" for how in HOWS)
        return "\n".join([head] + [f"{name:18}" + "".join(f"{count:>9}" for count in counts)
                                   for name, counts in rows])


class FaultSweep(pgtest.TestCase):
    seconds = 1800

    def test_every_call_of_a_run_fails_once_and_no_promise_breaks(self):
        self.sweep("custom")

    def test_nor_does_one_where_the_backup_is_a_directory(self):
        self.sweep("directory", DIRECTORY_CALLS)

    def sweep(self, form, only=None):
        sites = worksite.crew(SERVERS, form)
        sweep = Sweep(*self.survey(sites[0], only))

        worksite.side_by_side(sites, sweep.tasks, sweep.try_one)

        print(f"{sweep.table()}\nfault points tried: {sum(sweep.met.values())};"
              f" states left behind, each followed by a run: {len(sweep.states.seen)}", flush=True)
        self.assertEqual(sweep.broken, [], worksite.tell(sweep.broken))

    def survey(self, site, only):
        """How often a clean run makes each call: before main(), and in all."""
        first = strace.start_up(pgbackup.BINARY, site.log, site.env)
        outcome = site.traced_run(trace=strace.FILES_AND_SOCKETS, STALL_TIMEOUT_SECONDS="30")
        self.assertEqual(outcome.code, 0, outcome.stderr)
        last = strace.count(outcome.calls)
        self.assertEqual(EXPECTED - set(last), set(), "a clean run does without these calls")
        wanted = ONLY.split(",") if ONLY else only or last
        last = {name: number for name, number in last.items() if name in wanted}
        return first, last


class WorksiteTest(pgtest.TestCase):
    """The promises are checked by something that can find them broken."""

    @classmethod
    def setUpClass(cls):
        cls.site = worksite.Worksite(SERVERS, "judge").furnish()

    def setUp(self):
        super().setUp()
        self.site.reset()
        self.directory = self.site.backups + "/app/"
        self.oldest, *_, self.newest = self.site.earlier["app"]

    def broken(self):
        return "\n".join(self.site.broken_catalog())

    def test_an_untouched_catalog_breaks_no_promise(self):
        self.assertEqual(self.broken(), "")

    def test_a_flipped_bit_is_found(self):
        with open(self.directory + self.newest + ".dump", "r+b") as f:
            byte = f.read(1)[0]
            f.seek(0)
            f.write(bytes([byte ^ 1]))
        self.assertIn("is not what it was", self.broken())
        self.assertIn("FAILED", self.broken())

    def test_a_lost_backup_is_found(self):
        for extension in (".dump", ".dump.sha256", ".json"):
            os.unlink(self.directory + self.newest + extension)
        self.assertIn(f"{self.newest} is gone", self.broken())

    def test_a_new_backup_of_something_else_is_found(self):
        for extension in (".dump", ".dump.sha256", ".json"):
            with open(self.directory + self.newest + extension, "rb") as f:
                data = f.read() if extension != ".dump" else b"not a dump"
            with open(self.directory + "app_20991231T235959Z" + extension, "wb") as f:
                f.write(data.replace(self.newest.encode(), b"app_20991231T235959Z"))
        self.assertIn("app_20991231T235959Z does not hold what", self.broken())

    def test_a_touched_file_of_somebody_else_is_found(self):
        os.unlink(self.directory + "notes.txt")
        self.assertIn("notes.txt, which is not ours, was touched", self.broken())

    def test_what_a_crash_left_is_found(self):
        self.assertEqual(set(self.site.leftovers()),
                         {"backups/" + name for name in worksite.LEFTOVERS})
