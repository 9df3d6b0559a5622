"""Every call by which `verify` records damage, or takes the record back, fails once with EIO, and the
command is killed there once: the record is then there or it is not, never half, and verifying again
brings about what is so.
"""

import json
import os

import pgbackup
import pgtest
import strace
from strace import Fault

CALLS = "fsync,renameat,renameat2,unlinkat,write"
CLUSTER = pgtest.Cluster()


def setUpModule():
    strace.require()
    CLUSTER.start()
    CLUSTER.create("app", "CREATE TABLE t AS SELECT i FROM generate_series(1, 100) i")


class Record(pgtest.TestCase):
    seconds = 300

    def setUp(self):
        super().setUp()
        # Plain, so that no other program reads it.
        self.backup = pgbackup.PgBackup(self, CLUSTER, PG_DATABASES="app", BACKUP_GLOBALS="no",
                                        BACKUP_FORMAT="plain", LOG_FORMAT="logfmt")
        self.backup.must("run")
        self.stored = self.backup.backup("app")
        self.proof = self.stored.path.removesuffix(".json") + ".proof.json"

    def flip(self):
        with open(self.stored.data, "r+b") as f:
            f.seek(-1, os.SEEK_END)
            byte = f.read(1)[0]
            f.seek(-1, os.SEEK_END)
            f.write(bytes([byte ^ 1]))

    def verify(self, *faults):
        return strace.run([pgbackup.BINARY, "verify"], self.tmp + "/log", faults, CALLS,
                          env=self.backup.environment(), cwd="/")

    def assertWholeOrAbsent(self):
        if os.path.exists(self.proof):
            with open(self.proof, encoding="utf-8") as f:
                self.assertEqual(json.load(f)["result"], "failed")

    def sweep(self, prepare, code):
        """Fails and kills at each call; verifying again ends with the code, and all agree on it."""
        prepare()
        clean = self.verify()
        self.assertEqual(clean.code, code, clean.stderr)
        first = strace.start_up(pgbackup.BINARY, self.tmp + "/log", self.backup.environment())
        tried = 0
        for name, last in sorted(strace.count(clean.calls).items()):
            for number in range(first.get(name, 0) + 1, last + 1):
                for how in ("EIO", "SIGKILL"):
                    with self.subTest(call=name, number=number, how=how):
                        prepare()
                        self.verify(Fault(name, number, how))
                        self.assertWholeOrAbsent()
                        self.assertEqual(self.backup("verify").code, code)
                        self.assertEqual(os.path.exists(self.proof), code == 4)
                    tried += 1
        self.assertGreater(tried, 5)
        print(f"fault points tried: {tried}")

    def test_damage_is_recorded_or_not_wherever_recording_it_fails(self):
        def forget():
            if os.path.exists(self.proof):
                os.unlink(self.proof)
        self.flip()
        self.sweep(forget, 4)

    def test_the_record_goes_or_stays_wherever_taking_it_back_fails(self):
        def record():
            self.flip()
            self.assertEqual(self.backup("verify").code, 4)
            self.flip()
        self.sweep(record, 0)
