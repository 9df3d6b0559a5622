"""Which backup a drill takes, which globals with it, and that none is passed over in silence."""

import glob
import os

import pgtest
from drills import DrillTestCase, read_proof

CLUSTER = pgtest.Cluster()


def setUpModule():
    CLUSTER.start()
    CLUSTER.sql("CREATE ROLE reader")
    for name in ("aa", "bb"):
        CLUSTER.create(name, "CREATE TABLE t AS SELECT 1 AS i; GRANT SELECT ON t TO reader")


class Choice(DrillTestCase):
    def setUp(self):
        super().setUp()
        self.backup = self.installation(CLUSTER, "aa bb")

    def run_on(self, *days):
        for day in days:
            self.assertEqual(self.backup.at(day, "run").code, 0)

    def remove(self, pattern):
        for path in glob.glob(f"{self.backup.backup_dir}/{pattern}"):
            os.unlink(path)

    def damage(self, path):
        with open(path, "r+b") as f:
            byte = f.read(1)
            f.seek(0)
            f.write(bytes([byte[0] ^ 1]))

    def proof_of(self, name):
        return read_proof(self.backup.backup(name))

    def test_globals_that_are_pruned_meanwhile_take_no_database_with_them(self):
        self.backup.must("run")
        done = self.drill_meanwhile(self.backup, CLUSTER, lambda: self.remove("globals/globals_*"))
        self.assertEqual(self.proof_of("aa")["result"], "proven")
        proof = self.proof_of("bb")
        self.assertIsNotNone(proof, done)
        self.assertEqual(proof["result"], "could-not-verify", proof)
        self.assertRegex("\n".join(proof["notes"]), "globals_.* was removed meanwhile")
        self.assertEqual(done.code, 5, done)

    def test_globals_of_another_run_may_be_damaged(self):
        self.run_on("-3d", "-2d", "-1d")
        oldest, middle, newest = [b for b in self.backup.backups() if "globals" in b.stem]
        os.unlink(newest.path)
        self.damage(middle.data)
        self.assertEqual(self.drill_of("aa").code, 0)
        proof = self.proof_of("aa")
        self.assertEqual(proof["globals"], oldest.stem)
        self.assertRegex("\n".join(proof["notes"]), "SHA-256")

    def test_damaged_globals_of_the_same_run_are_a_failure(self):
        self.backup.must("run")
        self.damage(self.backup.globals().data)
        self.assertEqual(self.drill_of("aa").code, 4)

    def drill_of(self, *operands):
        return self.backup("drill", *operands, timeout=120)

    def test_a_backup_that_is_removed_meanwhile_is_not_proven(self):
        self.backup.must("run")
        stem = self.backup.backup("bb").stem
        done = self.drill_meanwhile(self.backup, CLUSTER, lambda: self.remove("bb/bb_*"), "--json",
                                    "aa", stem)
        self.assertEqual(done.code, 5, done)
        self.assertRegex(done.said, f"{stem}: it was removed meanwhile")
        self.assertEqual([drill["result"] for drill in done.json["drills"]],
                         ["proven", "could-not-verify"])
        self.assertEqual(done.json["drills"][1]["database"], "bb")

    def test_the_next_older_stands_in_for_one_that_is_removed_meanwhile(self):
        self.run_on("-2d", "-1d")
        older, newest = self.backup.backups("bb")
        done = self.drill_meanwhile(self.backup, CLUSTER,
                                    lambda: self.remove(f"bb/{newest.stem}*"))
        self.assertEqual(done.code, 0, done)
        self.assertEqual(read_proof(older)["result"], "proven")

    def test_only_damaged_backups_are_a_failure(self):
        self.backup.must("run")
        with open(self.backup.backup("aa").data, "ab") as f:
            f.write(b"x")
        done = self.backup("drill", "--json", timeout=120)
        self.assertEqual(done.code, 4, done)
        self.assertEqual([drill["result"] for drill in done.json["drills"]], ["failed", "proven"])

    def test_a_newer_damaged_backup_is_named(self):
        self.run_on("-2d", "-1d")
        older, newest = self.backup.backups("aa")
        os.truncate(newest.data, 1)
        done = self.drill_of()
        self.assertEqual(done.code, 0, done)
        self.assertRegex(done.said, f"passed over {newest.stem}: ")
        self.assertEqual(read_proof(older)["result"], "proven")
