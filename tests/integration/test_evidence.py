"""What a drill or a verification has found of a backup counts for list, health, retention and
restore, and so does that it cannot be judged.
"""

import hashlib
import os

import pgtest
from drills import DrillTestCase, read_proof
from fake_pg_dump import FakeBindir

CLUSTER = pgtest.Cluster()
# Keeps nothing but the newest.
SHORTEST = {"BACKUP_KEEP_DAYS": "0", "BACKUP_KEEP_MIN_COUNT": "1"}


def setUpModule():
    CLUSTER.start()
    CLUSTER.create("shop", "CREATE TABLE t AS SELECT i FROM generate_series(1, 1000) i")


class EvidenceTestCase(DrillTestCase):
    def setUp(self):
        super().setUp()
        self.backup = self.installation(CLUSTER, "shop", BACKUP_GLOBALS="no",
                                        BACKUP_KEEP_DAYS="36500")

    def make(self, *ages):
        for age in ages:
            self.assertEqual(self.backup.at(age, "run").code, 0)
        return self.stems()

    def stems(self):
        return [stored.stem for stored in self.backup.backups("shop")]

    def flip(self):
        """One bit of the newest; the size stays."""
        with open(self.backup.backup("shop").data, "r+b") as f:
            f.seek(-1, os.SEEK_END)
            byte = f.read(1)[0]
            f.seek(-1, os.SEEK_END)
            f.write(bytes([byte ^ 1]))

    def line(self, command, stem):
        done = self.backup.must(*command)
        return next(line for line in done.stdout.splitlines() if stem in line)

    def listed(self, stem):
        return next(b for b in self.backup.must("list", "--json").json["backups"]
                    if b["stem"] == stem)

    def assertUnhealthy(self, *says):
        done = self.backup("health")
        self.assertEqual(done.code, 3, done)
        for words in says:
            self.assertIn(words, done.stdout)

    def assertHealthy(self):
        self.backup.must("health")


class Refuted(EvidenceTestCase):
    """Three backups, of which the newest is damaged in a way that only reading it shows."""

    def setUp(self):
        super().setUp()
        self.made = self.make("-3h", "-2h", "-1h")
        self.flip()

    def refute_by_verify(self):
        self.assertEqual(self.backup("verify", "shop").code, 4)

    def refute_by_drill(self):
        self.assertEqual(self.drill(self.backup, 4, self.made[2])["result"], "failed")

    def assertTheNewestCountsForNothing(self):
        self.assertUnhealthy(self.made[2], "SHA-256")
        self.assertFalse(self.listed(self.made[2])["good"])

        self.assertRegex(self.line(("list",), self.made[1]), "good")
        self.assertNotRegex(self.line(("list",), self.made[2]), "good")

        self.backup.must("prune", **SHORTEST)
        self.assertEqual(self.stems(), self.made[1:])
        link = self.backup.backup_dir + "/shop/shop_latest.dump"
        self.assertEqual(os.readlink(link), self.made[1] + ".dump")

        target = self.tmp + "/restored.dump"
        done = self.backup.must("restore", "shop", "--output", target)
        self.assertIn(f"passed over {self.made[2]}", done.said)
        self.assertGreater(os.path.getsize(target), 0)

    def test_what_verify_has_found_damaged_counts_for_nothing(self):
        self.assertHealthy()
        self.refute_by_verify()
        self.assertRegex(self.line(("list",), self.made[2]), "DAMAGED, verified .* ago: stored digest")
        self.assertTheNewestCountsForNothing()

    def test_what_a_drill_has_refuted_counts_for_nothing(self):
        self.refute_by_drill()
        self.assertRegex(self.line(("list",), self.made[2]), "DRILL FAILED .* ago: stored digest")
        self.assertTheNewestCountsForNothing()

    def test_a_good_one_after_it_makes_all_well_and_lets_the_days_remove_it(self):
        self.refute_by_verify()
        self.backup.must("run")
        self.assertHealthy()
        self.backup.must("prune", BACKUP_KEEP_DAYS="0", BACKUP_KEEP_MIN_COUNT="3")
        self.assertEqual(len(self.stems()), 3)
        self.assertNotIn(self.made[2], self.stems())

    def test_by_its_stem_it_is_restored_as_far_as_it_goes_and_warned_of(self):
        self.refute_by_verify()
        self.flip()  # so that there is something to be restored
        done = self.backup.must("restore", self.made[2], "--output", self.tmp + "/restored.dump")
        self.assertIn("verify found it damaged", done.said)
        self.assertNotIn("passed over", done.said)

    def test_a_drill_without_operands_takes_the_newest_good_one(self):
        self.refute_by_verify()
        fake = FakeBindir(self, CLUSTER, "warns")
        os.unlink(fake.path + "/pg_restore")
        done = self.backup("drill", "shop", PG_BINDIR=fake.path)
        self.assertIn(f"passed over {self.made[2]}", done.said)
        self.assertRegex(done.stdout, f"(?m)^{self.made[1]}: ")


class OnlyOne(EvidenceTestCase):
    def setUp(self):
        super().setUp()
        self.stem = self.make("-1h")[0]

    def test_what_is_whole_again_counts_again_once_verify_has_read_it(self):
        self.flip()
        self.assertEqual(self.backup("verify").code, 4)
        self.assertUnhealthy("no backup is good", self.stem, "verify found it damaged")
        proof = read_proof(self.backup.backup("shop"))
        self.assertEqual((proof["made_by"], proof["result"]), ("verify", "failed"))

        self.flip()
        self.assertUnhealthy("no backup is good")
        done = self.backup.must("verify")
        self.assertIn(f"{self.stem} counts as good again", done.said)
        self.assertHealthy()
        self.assertIsNone(read_proof(self.backup.backup("shop")))
        self.assertNotIn("counts as good again", self.backup.must("verify").said)

    def test_what_cannot_be_recorded_is_found_all_the_same(self):
        self.flip()
        in_the_way = f"{self.backup.backup_dir}/shop/.{self.stem}.proof.json.tmp"
        os.makedirs(in_the_way + "/full")
        done = self.backup("verify")
        self.assertEqual(done.code, 4, done)
        self.assertRegex(done.stdout, f"(?m)^DAMAGED  {self.stem}")
        self.assertIn(f"what was found of {self.stem} is not recorded", done.said)

    def test_what_could_not_be_judged_is_not_recorded(self):
        self.assertEqual(self.backup("verify", PG_BINDIR=self.tmp).code, 5)
        self.assertIsNone(read_proof(self.backup.backup("shop")))
        self.assertHealthy()


class OfANewerProgram(EvidenceTestCase):
    def setUp(self):
        super().setUp()
        self.made = self.make("-80d", "-1h")

    def rewrite(self, which, **members):
        self.backup.backups("shop")[which].rewrite(**members)

    def test_it_is_neither_damaged_nor_removed_nor_counted(self):
        self.rewrite(0, format_version=99)
        self.make("-30min")
        self.backup.must("prune", **SHORTEST)
        self.assertEqual(self.stems(), [self.made[0], self.stems()[-1]])
        self.assertRegex(self.line(("prune", "--dry-run"), self.made[0]), "keep .*newer pg-backup")
        self.assertRegex(self.line(("list",), self.made[0]),
                         "UNKNOWN: .*format version 99 needs a newer pg-backup")

        done = self.backup("verify", self.made[0])
        self.assertEqual(done.code, 5, done)
        self.assertNotIn("DAMAGED", done.stdout)
        self.assertIn("archive-version", [event.get("reason") for event in done.events])

    def test_health_says_what_the_newest_is(self):
        self.rewrite(1, format_version=99)
        self.assertUnhealthy(self.made[1], "needs a newer pg-backup")
        self.assertEqual(self.backup.must("restore", "shop", "--output", self.tmp + "/x").code, 0)

    def test_a_newer_inventory_cannot_be_compared(self):
        stored = self.backup.backup("shop")
        with open(stored.inventory, encoding="utf-8") as f:
            text = f.read()
        text = text.replace('"inventory_format":1', '"inventory_format":2')
        with open(stored.inventory, "w", encoding="utf-8") as f:
            f.write(text)
        stored.rewrite(inventory_sha256=hashlib.sha256(text.encode()).hexdigest())
        done = self.backup("verify", stored.stem)
        self.assertEqual(done.code, 5, done)
        self.assertIn("needs a newer pg-backup", done.stdout)
