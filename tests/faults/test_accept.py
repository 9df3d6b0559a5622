"""Every file-system call of `prune --accept` fails once with EIO, and the command is killed there
once: a fall is then accepted or it is not, never half, and accepting again succeeds.
"""

import os

import pgbackup
import pgtest
import strace
from strace import Fault

CALLS = "close,flock,fsync,openat,renameat,renameat2,unlinkat,write"
CLUSTER = pgtest.Cluster()


def setUpModule():
    strace.require()
    CLUSTER.start()


class Accept(pgtest.TestCase):
    seconds = 600

    def setUp(self):
        super().setUp()
        CLUSTER.create("app", "CREATE TABLE t AS SELECT i FROM generate_series(1, 100) i")
        self.backup = pgbackup.PgBackup(self, CLUSTER, PG_DATABASES="app", BACKUP_GLOBALS="no",
                                        LOG_FORMAT="logfmt")
        self.assertEqual(self.backup.at("-2d", "run").code, 0)
        CLUSTER.sql("DELETE FROM t", "app")
        self.assertEqual(self.backup.at("-1d", "run").code, 0)
        self.stem = self.backup.backup("app").stem

    def accept(self, *faults):
        command = [pgbackup.BINARY, "prune", "--accept", self.stem]
        return strace.run(command, self.tmp + "/log", faults, CALLS,
                          env=self.backup.environment(), cwd="/")

    def forget(self):
        directory = self.backup.backup_dir + "/app/"
        for name in os.listdir(directory):
            if "accepted.json" in name:
                os.unlink(directory + name)

    def pending(self):
        """Whether the fall is still to be accepted; that no half of an acceptance is there."""
        shown = self.backup.must("prune", "--dry-run")
        self.assertNotIn("accepts nothing", shown.stderr)
        return "nobody has accepted" in shown.stdout

    def test_a_fall_is_accepted_or_not_wherever_accepting_it_fails(self):
        clean = self.accept()
        self.assertEqual(clean.code, 0, clean.stderr)
        first = strace.start_up(pgbackup.BINARY, self.tmp + "/log", self.backup.environment())
        tried = 0
        for name, last in sorted(strace.count(clean.calls).items()):
            for number in range(first.get(name, 0) + 1, last + 1):
                for how in ("EIO", "SIGKILL"):
                    with self.subTest(call=name, number=number, how=how):
                        self.forget()
                        outcome = self.accept(Fault(name, number, how))
                        if outcome.code == 0:
                            self.assertFalse(self.pending(), outcome.stderr)
                        self.pending()
                        again = self.backup.must("prune", "--accept", self.stem)
                        self.assertFalse(self.pending(), again)
                    tried += 1
        self.assertGreater(tried, 20)
        print(f"fault points tried: {tried}")
