"""Retention on real catalogs: what goes, what stays, and by which rule."""

import os
import re

import pgtest
from pgbackup import BackupTestCase, PgBackup

CLUSTER = pgtest.Cluster()
# Keeps nothing but the newest.
SHORTEST = {"BACKUP_KEEP_DAYS": "0", "BACKUP_KEEP_MIN_COUNT": "1"}


def setUpModule():
    CLUSTER.start()
    CLUSTER.create("appdb", "CREATE TABLE t AS SELECT 1 AS a")
    CLUSTER.create("other", "CREATE TABLE t AS SELECT 2 AS a")


class PruneTestCase(BackupTestCase):
    def setUp(self):
        super().setUp()
        # A run prunes at its end: while the tests make their catalogs, it must keep all.
        self.backup = PgBackup(self, CLUSTER, PG_DATABASES="appdb", BACKUP_GLOBALS="no",
                               BACKUP_KEEP_DAYS="36500")

    def make(self, *ages, **settings):
        """One backup for each age, oldest first; gives their stems."""
        for age in ages:
            done = self.backup.at(age, "run", **settings)
            self.assertEqual(done.code, 0, done)
        return self.stems()

    def stems(self, database="appdb"):
        return [backup.stem for backup in self.backup.backups(database)]

    def damage(self, stem):
        stored = next(b for b in self.backup.backups() if b.stem == stem)
        with open(stored.data, "ab") as f:
            f.write(b"x")


class Rules(PruneTestCase):
    def test_what_is_older_than_the_days_and_more_than_the_count_goes(self):
        made = self.make("-40d", "-30d", "-20d", "-5d", "-1d")
        self.backup.must("prune", BACKUP_KEEP_DAYS="14", BACKUP_KEEP_MIN_COUNT="2")
        self.assertEqual(self.stems(), made[3:])
        self.assertEqual(self.backup.strays(), [])

    def test_the_minimum_count_keeps_what_the_days_would_not(self):
        made = self.make("-40d", "-30d", "-20d", "-5d")
        self.backup.must("prune", BACKUP_KEEP_DAYS="14", BACKUP_KEEP_MIN_COUNT="3")
        self.assertEqual(self.stems(), made[1:])

    def test_the_newest_good_one_stays_under_the_shortest_policy(self):
        made = self.make("-900d", "-800d")
        for settings in (SHORTEST, {"BACKUP_KEEP_DAYS": "1", "BACKUP_KEEP_MIN_COUNT": "1"}):
            self.backup("prune", **settings)
            self.assertEqual(self.stems(), made[1:])

    def test_monthly_slots_keep_one_for_each_month_that_has_one(self):
        made = self.make("-100d", "-65d", "-64d", "-1d")
        self.backup.must("prune", BACKUP_KEEP_MONTHLY="12", **SHORTEST)
        months = [re.search(r"_(\d{6})", stem)[1] for stem in made]
        newest_of_each = [stem for i, stem in enumerate(made) if months[i] not in months[i + 1:]]
        self.assertEqual(self.stems(), newest_of_each)

    def test_a_dry_run_removes_nothing_and_names_the_rule_for_each_backup(self):
        made = self.make("-40d", "-20d", "-5d", "-1d")
        done = self.backup.must("prune", "--dry-run", BACKUP_KEEP_DAYS="14",
                                BACKUP_KEEP_MIN_COUNT="1")
        self.assertEqual(self.stems(), made)
        lines = {stem: next(line for line in done.stdout.splitlines() if stem in line)
                 for stem in made}
        self.assertRegex(lines[made[0]], "remove")
        self.assertRegex(lines[made[1]], "remove")
        self.assertRegex(lines[made[2]], "keep.*14 days")
        self.assertRegex(lines[made[3]], "keep.*newest")

    def test_pruning_twice_removes_no_more_than_once(self):
        self.make("-40d", "-20d", "-1d")
        settings = {"BACKUP_KEEP_DAYS": "14", "BACKUP_KEEP_MIN_COUNT": "1"}
        self.backup.must("prune", **settings)
        once = self.stems()
        self.backup.must("prune", **settings)
        self.assertEqual(self.stems(), once)

    def test_a_run_prunes_at_its_end_and_reports_what_went(self):
        made = self.make("-40d", "-1d")
        done = self.backup.must("run", BACKUP_KEEP_DAYS="14", BACKUP_KEEP_MIN_COUNT="1")
        self.assertNotIn(made[0], self.stems())
        self.assertEqual(len(self.stems()), 2)
        self.assertIn(made[0], " ".join(self.backup.report()["pruned"]))
        self.assertIn("pruned", [event.get("event") for event in done.events])

    def test_a_run_that_fails_does_not_shrink_what_there_is(self):
        made = self.make("-40d", "-30d")
        self.backup("run", PG_HOST=self.tmp, **SHORTEST)
        self.assertEqual(self.stems(), made)

    def test_each_database_is_counted_for_itself(self):
        self.make("-40d", "-30d", PG_DATABASES="other")
        self.make("-1d", "-2h")
        self.backup.must("prune", BACKUP_KEEP_DAYS="14", BACKUP_KEEP_MIN_COUNT="1")
        self.assertEqual(len(self.stems("other")), 1)
        self.assertEqual(len(self.stems()), 2)

    def test_databases_that_are_no_longer_backed_up_keep_their_newest(self):
        self.make("-400d", PG_DATABASES="other")
        self.make("-1d")
        self.backup.must("prune", **SHORTEST)
        self.assertEqual(len(self.stems("other")), 1)

    def test_the_latest_link_survives_pruning(self):
        self.make("-40d", "-1d")
        self.backup.must("prune", **SHORTEST)
        link = self.backup.backup_dir + "/appdb/appdb_latest.dump"
        self.assertEqual(os.path.realpath(link), self.backup.backup("appdb").data)


class DamagedOnes(PruneTestCase):
    def test_damaged_backups_are_not_counted(self):
        made = self.make("-40d", "-30d", "-20d", "-19d")
        self.damage(made[2])
        self.damage(made[3])
        policy = {"BACKUP_KEEP_DAYS": "14", "BACKUP_KEEP_MIN_COUNT": "2"}
        self.backup.must("prune", **policy)
        self.assertEqual(self.stems(), made)

        made += self.make("-1d")[-1:]
        self.backup.must("prune", **policy)
        self.assertEqual(self.stems(), [made[1], made[4]])

    def test_damaged_ones_stay_until_a_newer_one_is_good(self):
        made = self.make("-40d", "-30d", "-20d")
        self.damage(made[0])
        self.damage(made[2])
        self.backup.must("prune", **SHORTEST)
        self.assertEqual(self.stems(), made[1:])

    def test_the_newest_good_one_is_not_the_newest_damaged_one(self):
        made = self.make("-40d", "-30d", "-1d")
        self.damage(made[2])
        self.backup.must("prune", **SHORTEST)
        self.assertIn(made[1], self.stems())

    def test_damaged_ones_stay_while_there_is_no_good_one(self):
        made = self.make("-40d", "-30d")
        for stem in made:
            self.damage(stem)
        self.backup("prune", **SHORTEST)
        self.assertEqual(self.stems(), made)


class Clocks(PruneTestCase):
    def test_a_clock_behind_the_newest_backup_removes_nothing_and_says_so(self):
        made = self.make("-40d", "-30d", "-1d")
        for clock in ("-2d", "-35d", "-10y"):
            with self.subTest(clock=clock):
                done = self.backup.at(clock, "prune", **SHORTEST)
                self.assertRegex(done.stdout + done.stderr, "clock")
                self.assertEqual(self.stems(), made)

    def test_a_run_with_a_clock_behind_backs_up_and_prunes_nothing(self):
        made = self.make("-40d", "-1d")
        done = self.backup.at("-20d", "run", **SHORTEST)
        self.assertIn(done.code, (0, 1), done)
        self.assertEqual([stem for stem in made if stem not in self.stems()], [])
        self.assertEqual(len(self.stems()), 3)
        self.assertIn("prune-stopped", [event.get("event") for event in done.events])

    def test_a_clock_years_ahead_leaves_the_newest(self):
        made = self.make("-40d", "-1d")
        done = self.backup.at("+10y", "prune", BACKUP_KEEP_DAYS="14", BACKUP_KEEP_MIN_COUNT="1")
        self.assertEqual(done.code, 0, done)
        self.assertEqual(self.stems(), made[1:])
