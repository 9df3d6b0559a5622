"""Contents that fall: what warns, what does not, and what is kept until somebody accepts it."""

import fcntl
import glob
import os

import pgtest
from pgbackup import BackupTestCase, PgBackup

CLUSTER = pgtest.Cluster()
# Keeps nothing but the newest.
SHORTEST = {"BACKUP_KEEP_DAYS": "0", "BACKUP_KEEP_MIN_COUNT": "1"}


def setUpModule():
    CLUSTER.start()


class FallTestCase(BackupTestCase):
    """Backups of a database with a table t, a day apart; of what they hold the test decides."""

    def setUp(self):
        super().setUp()
        CLUSTER.create("falldb", "CREATE TABLE t (a int, b text)")
        self.addCleanup(CLUSTER.drop, "falldb")
        self.backup = PgBackup(self, CLUSTER, PG_DATABASES="falldb", BACKUP_GLOBALS="no",
                               BACKUP_KEEP_DAYS="36500")
        self.age = 60  # days

    def run_with(self, rows, text="x", **settings):
        """A backup of so many rows, a day after the one before; gives how the run ended."""
        CLUSTER.sql(f"TRUNCATE t; INSERT INTO t SELECT 1000000 + i, {pgtest.quote_literal(text)}"
                    f" FROM generate_series(1, {rows}) i", "falldb")
        self.age -= 1
        done = self.backup.at(f"-{self.age}d", "run", **settings)
        self.assertEqual(done.code, 0, done)
        return done

    def stems(self):
        return [backup.stem for backup in self.backup.backups("falldb")]

    def manifest(self, i=-1):
        return self.backup.backups("falldb")[i].manifest

    def warning(self, done):
        """The one event that tells of a fall."""
        told = [event for event in done.events if event.get("reason") == "contents-fell"]
        self.assertEqual(len(told), 1, done)
        self.assertEqual(told[0]["level"], "warning")
        self.assertEqual(told[0]["stem"], self.stems()[-1])
        return told[0]

    def assert_silent(self, done):
        self.assertNotIn("contents-fell", done.stderr)
        self.assertIsNone(self.manifest()["fall_against"])


class Warned(FallTestCase):
    def test_rows_that_are_gone_are_told_with_their_numbers_and_the_backup_that_has_them(self):
        self.run_with(1000)
        done = self.run_with(12)
        before, after = self.stems()
        told = self.warning(done)
        self.assertEqual(told["msg"], f'database "falldb": rows fell from 1000 to 12 (-98 %) '
                                      f"against {before}")
        self.assertIn(f"pg-backup diff {before} {after}", told["hint"])
        self.assertIn(f"pg-backup prune --accept {after}", told["hint"])
        self.assertIn(told["msg"], self.backup.report()["warnings"])

    def test_the_manifest_says_what_fell_against_which(self):
        self.run_with(1000)
        self.run_with(12)
        manifest = self.manifest()
        self.assertEqual([manifest[key] for key in ("fall_against", "fall_of", "fall_before",
                                                    "fall_now", "fall_baseline")],
                         [self.stems()[0], "rows", 1000, 12, None])

    def test_values_that_were_emptied_are_told_though_their_rows_are_there(self):
        self.run_with(100, "x" * 10000)
        done = self.run_with(100, "")
        self.assertIn("bytes fell from 97", self.warning(done)["msg"])
        self.assertEqual(self.manifest()["fall_of"], "contents_bytes")

    def test_large_objects_that_are_gone_are_told(self):
        CLUSTER.sql("SELECT lo_from_bytea(77, convert_to(repeat('x', 100000), 'UTF8'))", "falldb")
        self.run_with(10)
        CLUSTER.sql("SELECT lo_unlink(77)", "falldb")
        self.assertIn("bytes fell", self.warning(self.run_with(10))["msg"])

    def test_a_table_that_was_dropped_is_told(self):
        CLUSTER.sql("CREATE TABLE big AS SELECT i FROM generate_series(1, 1000) i", "falldb")
        self.run_with(10)
        CLUSTER.sql("DROP TABLE big", "falldb")
        self.assertIn("rows fell from 1010 to 10", self.warning(self.run_with(10))["msg"])

    def test_a_slow_decline_is_told_when_it_comes_to_the_share(self):
        for rows in (1000, 800, 640, 512):
            self.assert_silent(self.run_with(rows))
        told = self.warning(self.run_with(410))
        self.assertIn("from 1000 to 410", told["msg"])
        self.assertIn("from 800 to 390", self.warning(self.run_with(390))["msg"])

    def test_each_run_tells_it_again_until_it_is_accepted_or_has_come_back(self):
        self.run_with(1000)
        for _ in range(2):
            self.warning(self.run_with(10))
            self.assertEqual(self.manifest()["fall_against"], self.stems()[0])
        self.assert_silent(self.run_with(1000))

    def test_another_format_is_compared_by_its_contents(self):
        self.run_with(1000, BACKUP_FORMAT="custom")
        self.assert_silent(self.run_with(1000, BACKUP_FORMAT="plain"))
        self.assert_silent(self.run_with(1000, BACKUP_FORMAT="directory"))
        self.warning(self.run_with(10, BACKUP_FORMAT="plain"))

    def test_a_share_of_ones_own_is_followed(self):
        self.run_with(1000)
        self.assert_silent(self.run_with(100, BACKUP_MAX_FALL_PERCENT="90"))
        self.warning(self.run_with(95, BACKUP_MAX_FALL_PERCENT="90"))

    def test_a_damaged_backup_is_passed_over(self):
        self.run_with(1000)
        self.run_with(990)
        with open(self.backup.backups("falldb")[1].data, "ab") as f:
            f.write(b"x")
        self.assertIn(self.stems()[0], self.warning(self.run_with(10))["msg"])


class Silent(FallTestCase):
    def test_what_a_clock_that_stood_wrong_has_made_is_compared_with_nothing(self):
        self.run_with(1000)
        self.age = -1
        self.run_with(10000)
        wrong = self.stems()[-1]
        self.age = 30
        self.run_with(900)
        [now] = [b for b in self.backup.must("list", "--json").json["backups"]
                 if b["stem"] == self.stems()[1]]
        self.assertTrue(now["good"], now)
        self.assertEqual((self.stems()[2], now["fall"]), (wrong, None))

    def test_the_first_backup_has_nothing_to_fall_from(self):
        self.assert_silent(self.run_with(0))

    def test_growth_and_small_falls_are_not_told(self):
        for rows in (100, 1000, 501, 1000):
            self.assert_silent(self.run_with(rows))

    def test_zero_switches_it_off(self):
        self.run_with(1000)
        self.assert_silent(self.run_with(0, BACKUP_MAX_FALL_PERCENT="0"))

    def test_globals_never_fall(self):
        roles = [f"fall_role_{i}" for i in range(40)]
        CLUSTER.sql("".join(f"CREATE ROLE {role};" for role in roles))
        self.backup.at("-3d", "run", BACKUP_GLOBALS="yes")
        CLUSTER.sql("".join(f"DROP ROLE {role};" for role in roles))
        done = self.backup.at("-2d", "run", BACKUP_GLOBALS="yes")
        self.assertEqual(done.code, 0, done)
        self.assertNotIn("contents-fell", done.stderr)
        self.assertIsNone(self.backup.globals().manifest["fall_against"])


class Kept(FallTestCase):
    def prune(self, *options, **settings):
        return self.backup.must("prune", *options, **SHORTEST, **settings)

    def accept(self, stem):
        return self.backup.must("prune", "--accept", stem, **SHORTEST)

    def acceptance(self, stem):
        return f"{self.backup.backup_dir}/falldb/{stem}.accepted.json"

    def fall(self):
        """A fall, and a backup behind it; gives the stems."""
        self.run_with(1000)
        self.run_with(10)
        self.run_with(10)
        return self.stems()

    def test_the_last_one_before_it_stays_whatever_the_policy(self):
        made = self.fall()
        self.prune()
        self.assertEqual(self.stems(), [made[0], made[2]])
        done = self.run_with(10, **SHORTEST)
        self.assertEqual(self.stems()[0], made[0], done)

    def test_a_dry_run_names_the_rule_and_the_way_out(self):
        made = self.fall()
        lines = self.prune("--dry-run").stdout.splitlines()
        place = next(i for i, line in enumerate(lines) if made[0] in line)
        self.assertRegex(lines[place], "keep .*last one before its contents fell")
        self.assertIn(f"pg-backup prune --accept {made[2]}", lines[place + 1])
        self.assertEqual(self.stems(), made)

    def test_accepted_it_goes_with_the_next_pruning_and_not_before(self):
        made = self.fall()
        done = self.accept(made[2])
        self.assertRegex(done.stdout, f"would remove +{made[0]}")
        self.assertIn(f"accepted: {made[2]}: rows fell from 1000 to 10", done.said)
        self.assertEqual(self.stems(), made)
        self.prune()
        self.assertEqual(self.stems(), made[2:])

    def test_accepting_an_earlier_fall_accepts_the_later_ones_against_the_same(self):
        made = self.fall()
        self.accept(made[1])
        self.prune()
        self.assertNotIn(made[0], self.stems())
        falls = [b["fall"] for b in self.backup.must("list", "--json").json["backups"]]
        self.assertNotIn(True, [fall["pending"] for fall in falls])

    def test_what_was_accepted_stays_until_another_backup_hands_that_on(self):
        made = self.fall()
        self.accept(made[1])
        self.prune()
        self.assertEqual(self.stems(), made[1:])
        self.run_with(10)
        self.prune()
        self.assertEqual(self.stems()[:-1], [])

    def test_what_was_accepted_is_not_told_again_and_a_further_fall_is(self):
        made = self.fall()
        self.accept(made[2])
        self.assert_silent(self.run_with(10))
        self.assertEqual(self.manifest()["fall_baseline"], made[2])
        self.assertIn("rows fell from 10 to 3", self.warning(self.run_with(3))["msg"])

    def test_an_acceptance_outlives_the_backup_that_it_was_of(self):
        made = self.fall()
        self.accept(made[2])
        self.run_with(10)
        for path in glob.glob(f"{self.backup.backup_dir}/falldb/{made[2]}.*"):
            os.unlink(path)
        self.assert_silent(self.run_with(10))
        self.assertEqual(self.stems()[:2], made[:2])

    def test_a_record_of_a_fall_stays_with_what_it_keeps_though_contents_came_back(self):
        made = self.fall()
        self.run_with(1000)
        self.prune()
        self.assertEqual(self.stems()[:2], [made[0], made[2]])
        self.accept(made[2])
        self.prune()
        self.assertNotIn(made[0], self.stems())

    def test_accepting_twice_is_accepting_once(self):
        made = self.fall()
        self.accept(made[2])
        self.assertIn("was accepted before", self.accept(made[2]).said)

    def test_a_dry_run_of_accepting_accepts_nothing(self):
        made = self.fall()
        done = self.prune("--dry-run", "--accept", made[2])
        self.assertRegex(done.stdout, f"would remove +{made[0]}")
        self.assertFalse(os.path.exists(self.acceptance(made[2])))
        self.prune()
        self.assertEqual(self.stems()[0], made[0])

    def test_where_nothing_fell_there_is_nothing_to_accept(self):
        made = self.fall()
        for name, word in ((made[0], "did not fall"), ("falldb", "no stem"),
                           ("falldb_20010101T000000Z", "no backup")):
            with self.subTest(name=name):
                done = self.backup("prune", "--accept", name)
                self.assertEqual(done.code, 2, done)
                self.assertIn(word, done.said)
        self.assertIn(made[2], self.backup("prune", "--accept", made[0]).said)

    def test_an_acceptance_that_cannot_be_read_is_none_and_is_told(self):
        made = self.fall()
        with open(self.acceptance(made[2]), "w", encoding="utf-8") as f:
            f.write('{"format_version": 1')
        self.assertIn("it accepts nothing", self.prune().said)
        self.assertEqual(self.stems()[0], made[0])
        self.assertIn("it accepts nothing", self.run_with(10).said)
        self.accept(made[2])
        self.prune()
        self.assertNotIn(made[0], self.stems())

    def test_another_holder_of_the_lock_is_waited_for_by_nobody(self):
        made = self.fall()
        with open(self.backup.backup_dir + "/.lock", "a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = self.backup("prune", "--accept", made[2])
        self.assertEqual(done.code, 6, done)
        self.assertFalse(os.path.exists(self.acceptance(made[2])))

    def test_of_what_is_filled_and_emptied_in_turn_the_first_and_the_last_are_kept(self):
        for rows in (1000, 10) * 4:
            self.run_with(rows)
        made = self.stems()
        self.prune()
        self.assertEqual(self.stems(), made[:2] + made[6:])

    def test_as_many_rows_of_another_table_release_nothing(self):
        self.run_with(1000)
        self.run_with(10)
        CLUSTER.sql("CREATE TABLE log AS SELECT 1000000 + i FROM generate_series(1, 2000) i",
                    "falldb")
        self.run_with(10)
        CLUSTER.sql("DROP TABLE log", "falldb")
        self.run_with(10)
        made = self.stems()
        self.prune()
        self.assertEqual(self.stems(), made)

    def test_a_backup_that_was_damaged_since_releases_none(self):
        for rows in (1000, 10) * 3:
            self.run_with(rows)
        made = self.stems()
        with open(self.backup.backups("falldb")[4].data, "ab") as f:
            f.write(b"x")
        self.prune()
        self.assertEqual(self.stems(), made)

    def test_a_fall_found_before_the_guard_was_switched_off_is_still_to_be_accepted(self):
        made = self.fall()
        self.prune(BACKUP_MAX_FALL_PERCENT="0")
        self.assertEqual(self.stems()[0], made[0])


class Shown(FallTestCase):
    def test_list_shows_a_fall_until_it_is_accepted(self):
        self.run_with(1000)
        self.run_with(10)
        before, after = self.stems()
        text = self.backup.must("list").stdout
        self.assertRegex(text, f"{after} .*good, contents FELL")
        self.assertIn(f"rows fell from 1000 to 10 (-99 %) against {before}", text)
        falls = [b["fall"] for b in self.backup.must("list", "--json").json["backups"]]
        told = {"against": before, "of": "rows", "before": 1000, "now": 10}
        self.assertEqual(falls, [None, {**told, "pending": True}])

        self.backup.must("prune", "--accept", after)
        self.assertNotIn("FELL", self.backup.must("list").stdout)
        falls = [b["fall"] for b in self.backup.must("list", "--json").json["backups"]]
        self.assertEqual(falls, [None, {**told, "pending": False}])

    def test_the_metric_tells_the_share_until_it_is_accepted(self):
        def ratio():
            return self.backup.metrics()['pg_backup_database_fall_ratio{database="falldb",'
                                         'kind="database"}']

        self.run_with(1000)
        self.assertEqual(ratio(), 0)
        self.run_with(10)
        self.assertEqual(ratio(), 0.99)
        self.backup.must("prune", "--accept", self.stems()[-1])
        self.run_with(10)
        self.assertEqual(ratio(), 0)

    def test_a_fall_is_no_failure_of_health(self):
        self.run_with(1000)
        self.age = 1
        self.run_with(10)
        self.backup.must("health", MAX_BACKUP_AGE_SECONDS="200000")
