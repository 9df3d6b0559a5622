"""PostgreSQL's own regression database, which has a bit of all that PostgreSQL can have, comes out
proven, and its dumps are what stock tools take them for."""

import os
import re
import shutil

import pgtest
import regression
from archives import without_noise
from drills import DrillTestCase

CLUSTER = regression.Cluster(15)
MOVED = {"b_star", "c_star", "d_star", "e_star", "f_star", "gtestxx_4", "test_type_diff2_c1",
         "test_type_diff2_c2", "test_type_diff_c"}


def setUpModule():
    CLUSTER.start()


class Regression(DrillTestCase):
    seconds = 600

    def run_and_warnings(self, **settings):
        backup = self.installation(CLUSTER, regression.DATABASE, **settings)
        done = backup.must("run", timeout=180)
        return backup, [event["msg"] for event in done.events if event["level"] == "warning"]

    def assertProven(self, backup):
        proof = self.drill(backup, 0, timeout=500)
        self.assertEqual((proof["result"], proof["differences"]), ("proven", []), proof)
        of_table = (r"the (?:columns|definition) of (?:TABLE )?public\.(\w+)(?:, which inherits, stand"
                    " in another order| is worded otherwise) in the copy")
        noted = {found[1] for found in (re.fullmatch(of_table, note) for note in proof["notes"])
                 if found}
        self.assertEqual(noted, MOVED)

    def test_an_archive_is_proven(self):
        backup, warnings = self.run_and_warnings(BACKUP_FORMAT="custom")
        self.assertEqual(warnings, [])
        self.assertProven(backup)

    def test_text_is_proven(self):
        """Settings are the database's own: pg_regress makes six."""
        backup, warnings = self.run_and_warnings(BACKUP_FORMAT="plain")
        self.assertEqual(len(warnings), 1, warnings)
        self.assertRegex(warnings[0], "does not contain database settings.*: 6 settings: SQL text")
        self.assertProven(backup)

    def test_a_directory_is_proven(self):
        backup, warnings = self.run_and_warnings(BACKUP_FORMAT="directory")
        self.assertEqual(warnings, [])
        self.assertProven(backup)

    def test_pg_restore_prints_the_same_of_ours_as_of_pg_dumps_own(self):
        backup, _ = self.run_and_warnings()
        untouched = CLUSTER.tool("pg_dump", "-Fc", "-Z0", database=regression.DATABASE)
        self.assertEqual(self.text(backup.backup(regression.DATABASE).data),
                         self.text(self.write_bytes(untouched)))

    def test_formats_have_no_differences(self):
        backup, _ = self.run_and_warnings(BACKUP_FORMAT="custom")
        first = backup.backup(regression.DATABASE).stem
        for when, form, says in (("+1h", "directory", "no differences"),
                                 ("+2h", "plain", "no differences in what could be compared")):
            backup.at(when, "run", BACKUP_FORMAT=form, timeout=180)
            second = backup.backup(regression.DATABASE).stem
            self.assertEqual(backup.must("diff", first, second).stdout.splitlines()[-1], says)

    def test_a_library_that_is_not_there_is_no_fault_of_the_backup(self):
        library = shutil.copy(CLUSTER.files + "/autoinc.so", self.tmp)
        CLUSTER.create("library", "CREATE FUNCTION autoinc() RETURNS trigger LANGUAGE c"
                                       f" AS {pgtest.quote_literal(library)}")
        self.addCleanup(CLUSTER.drop, "library")
        backup = self.installation(CLUSTER, "library")
        backup.must("run")
        os.unlink(library)
        proof = self.drill(backup, 5)
        self.assertEqual(proof["result"], "could-not-verify", proof)
        self.assertRegex(self.why(proof, "restore"), "could not access file .*autoinc.so")

    def text(self, archive):
        return without_noise(CLUSTER.tool("pg_restore", "-f", "-", archive))

    def write_bytes(self, data):
        with open(self.tmp + "/untouched", "wb") as f:
            f.write(data)
        return f.name
