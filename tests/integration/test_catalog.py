"""The backup directory: what else can be in it, and what each command makes of that."""

import os

import pgtest
from fake_pg_dump import FakeBindir
from pgbackup import BackupTestCase, PgBackup

CLUSTER = pgtest.Cluster()


def setUpModule():
    CLUSTER.start()
    CLUSTER.create("appdb", "CREATE TABLE t AS SELECT 1 AS a")
    CLUSTER.create("other", "CREATE TABLE t AS SELECT 2 AS a")


class CatalogTestCase(BackupTestCase):
    def setUp(self):
        super().setUp()
        self.backup = PgBackup(self, CLUSTER, PG_DATABASES="appdb other")


class UnreadableDirectory(CatalogTestCase):
    """One that cannot be opened: a link to itself, because root may open everything else."""

    def setUp(self):
        super().setUp()
        self.backup.must("run")
        self.private = self.backup.backup_dir + "/private"
        os.symlink("private", self.private)

    def test_a_run_backs_the_others_up_and_warns(self):
        self.backup.must("run")
        self.assertEqual(len(self.backup.backups("appdb")), 2)
        told = self.backup.report()["warnings"]
        self.assertEqual(len(told), 1, told)
        self.assertIn(self.private, told[0])

    def test_it_is_listed_as_what_it_is(self):
        self.assertRegex(self.backup.must("list").stdout, r"private .*UNREADABLE: .*/private")
        listed = self.backup.must("list", "--json").json
        self.assertEqual([s["database"] for s in listed["unreadable"]], ["private"])
        self.assertEqual(len(listed["backups"]), 3)

    def test_the_others_are_restored_and_verified_by_name(self):
        self.backup.must("restore", "appdb", "--output", self.tmp + "/out.dump")
        self.backup.must("verify", "appdb")

    def test_verifying_all_is_undecided(self):
        done = self.backup("verify")
        self.assertEqual(done.code, 5, done)
        self.assertRegex(done.stdout, r"(?m)^UNKNOWN  private  .*/private")
        self.assertIn(self.backup.backup("other").stem, done.stdout)

    def test_pruning_goes_on(self):
        self.backup.must("prune")
        self.assertTrue(os.path.islink(self.private))

    def test_health_misses_it_only_where_it_was_to_be_backed_up(self):
        self.backup.must("health")
        done = self.backup("health", PG_DATABASES="appdb private")
        self.assertEqual(done.code, 3, done)
        self.assertIn(self.private, done.stdout)

    def test_check_warns(self):
        warned = self.backup.must("check", "--json").warned
        self.assertEqual(len(warned), 1, warned)
        self.assertIn(self.private, warned[0]["message"])


class UnreadableBackup(CatalogTestCase):
    """A directory where a manifest was: not even root can read it."""

    def setUp(self):
        super().setUp()
        self.backup.must("run")
        self.stored = self.backup.backup("appdb")
        os.unlink(self.stored.path)
        os.mkdir(self.stored.path)

    def test_verifying_is_undecided(self):
        done = self.backup("verify")
        self.assertEqual(done.code, 5, done)
        self.assertRegex(done.stdout, f"(?m)^UNKNOWN  {self.stored.stem}  ")
        self.assertNotIn("DAMAGED", done.stdout)

    def test_it_is_listed_as_what_it_is(self):
        self.assertRegex(self.backup.must("list").stdout, f"{self.stored.stem} .*UNREADABLE: ")
        listed = self.backup.must("list", "--json", "appdb").json["backups"]
        self.assertEqual([(b["good"], b["unreadable"]) for b in listed], [(False, True)])


class Removed(CatalogTestCase):
    def remove_when_read(self, database):
        """Client programs by whose pg_restore the backup of one database loses its files as soon
        as that of any database is decoded: what a run's pruning can do at any time."""
        fake = FakeBindir(self, CLUSTER, "is-held")
        directory = f"{self.backup.backup_dir}/{database}"
        fake.replace("pg_restore", f'case "$*" in *--version*) ;; *) rm -f {directory}/* ;; esac\n'
                                   f'exec {CLUSTER.bindir}/pg_restore "$@"')
        return fake.path

    def test_what_goes_while_all_is_verified_is_no_damage(self):
        self.backup.must("run")
        gone = self.backup.backup("other").stem
        done = self.backup.must("verify", "--all", PG_BINDIR=self.remove_when_read("other"))
        self.assertRegex(done.stdout, f"(?m)^gone     {gone}  removed meanwhile$")
        self.assertRegex(done.said, "2 sound, 0 damaged, 0 undecided")


class LatestLink(CatalogTestCase):
    def test_where_none_can_be_made_pruning_works_and_warns(self):
        self.backup.at("-3d", "run")
        self.backup.must("run")
        link = self.backup.backup_dir + "/appdb/appdb_latest.dump"
        os.unlink(link)
        os.mkdir(link)
        policy = {"BACKUP_KEEP_DAYS": 1, "BACKUP_KEEP_MIN_COUNT": 1}
        done = self.backup.must("prune", **policy)
        self.assertRegex(done.said, "could not link .*appdb_latest")
        self.assertEqual(len(self.backup.backups("appdb")), 1)

        done = self.backup.must("run", **policy)
        self.assertIn(link, "".join(self.backup.report()["warnings"]))
