"""Client programs that fail in ways in which a healthy one never does."""

import pgtest
from fake_pg_dump import FakeBindir, older_bindir
from pgbackup import BackupTestCase, PgBackup

CLUSTER = pgtest.Cluster()


def setUpModule():
    CLUSTER.start()
    CLUSTER.create_sample("appdb")


class Misbehaving(BackupTestCase):
    """Each kind of failure: exit code 1, a reason, nothing under a final name."""

    def setUp(self):
        super().setUp()
        self.backup = PgBackup(self, CLUSTER, PG_DATABASES="appdb")

    def run_with(self, mode, **settings):
        fake = FakeBindir(self, CLUSTER, mode)
        return self.backup("run", PG_BINDIR=fake.path, **settings)

    def assertDumpFailed(self, done, reason, says):
        self.assertDatabaseFailed(self.backup, done, "appdb", reason, says)

    def test_one_that_fails_half_way_is_quoted_and_nothing_of_it_stays(self):
        self.assertDumpFailed(self.run_with("fails-half-way"), "client-failed",
                              "the fake one has had enough")

    def test_one_that_fails_half_way_leaves_no_plain_dump_either(self):
        self.assertDumpFailed(self.run_with("fails-half-way", BACKUP_FORMAT="plain"),
                              "client-failed", "the fake one has had enough")

    def test_one_that_dies_is_named_with_its_signal(self):
        self.assertDumpFailed(self.run_with("dies-half-way"), "client-failed",
                              "signal 11|SIGSEGV|Segmentation")

    def test_one_that_exits_with_0_but_says_nothing_is_not_a_backup(self):
        self.assertDumpFailed(self.run_with("says-nothing"), "dump-incomplete", "empty|nothing")

    def test_one_that_says_nothing_is_not_a_plain_backup_either(self):
        done = self.run_with("says-nothing", BACKUP_FORMAT="plain")
        self.assertDumpFailed(done, "dump-incomplete", "empty|nothing")

    def test_a_plain_dump_without_its_closing_line_is_not_a_backup(self):
        done = self.run_with("is-truncated", BACKUP_FORMAT="plain")
        self.assertDumpFailed(done, "dump-incomplete", "complete|closing|end")

    def test_an_archive_that_is_cut_short_is_not_a_backup(self):
        # pg_restore --list of the first half is content: only decoding all of it shows the cut.
        self.assertDumpFailed(self.run_with("is-truncated"), "dump-incomplete", "appdb")

    def test_one_that_hangs_is_stopped_after_the_stall_time_out(self):
        done = self.run_with("hangs", STALL_TIMEOUT_SECONDS="1")
        self.assertDumpFailed(done, "stalled", "1 s")

    def test_one_that_ignores_sigterm_is_killed(self):
        done = self.run_with("ignores-sigterm", STALL_TIMEOUT_SECONDS="1")
        self.assertDumpFailed(done, "stalled", "1 s")

    def test_a_flood_on_stderr_does_not_block_the_dump_and_every_line_is_counted(self):
        self.assertEnded(self.run_with("floods-stderr"), 0)
        manifest = self.backup.backup("appdb").manifest
        counted = len(manifest["warnings"]) + manifest.get("warnings_dropped", 0)
        self.assertEqual(counted, 16384)
        self.backup.must("verify", "appdb")

    def test_a_warning_is_kept_word_for_word_and_shown(self):
        done = self.run_with("warns")
        self.assertEnded(done, 0, says="the fake one has its doubts")
        self.assertEqual(self.backup.backup("appdb").manifest["warnings"],
                         ["pg_dump: warning: the fake one has its doubts"])
        self.assertEqual(self.entry(self.backup, "appdb")["warnings"], 1)
        listed = self.backup.must("list", "--json", "appdb").json["backups"]
        self.assertEqual([b["warnings"] for b in listed], [1])

    def test_a_later_good_run_makes_good_what_a_failed_one_did_not(self):
        self.run_with("fails-half-way")
        self.backup.must("run")
        self.assertEqual(self.backup.databases(), {"appdb"})
        self.assertEqual(self.backup.metrics()["pg_backup_last_exit_code"], 0)


class Choosing(BackupTestCase):
    def setUp(self):
        super().setUp()
        self.backup = PgBackup(self, CLUSTER, PG_DATABASES="appdb")

    def test_a_client_older_than_the_server_is_refused_before_anything_starts(self):
        done = self.backup("run", PG_BINDIR=older_bindir(self, CLUSTER))
        self.assertRunFailed(self.backup, done, 78, "client-too-old", r"14\.9")
        self.assertEqual(self.backup.backups(), [])

    def test_a_directory_without_client_programs_is_a_matter_of_settings(self):
        done = self.backup("run", PG_BINDIR=self.tmp)
        self.assertRunFailed(self.backup, done, 78, "client-missing", self.tmp)

    def test_without_pg_bindir_the_servers_own_version_is_found(self):
        self.backup.must("run", PG_BINDIR=None)
        manifest = self.backup.backup("appdb").manifest
        self.assertEqual(manifest["client_version"].split(".")[0],
                         manifest["server_version"].split(".")[0])


class OfTheFuture(BackupTestCase):
    """A pg_dump whose archives this program does not know: it is left to compress them itself, and
    the backup, which pg_restore has read, says that it has no inventory."""

    def setUp(self):
        super().setUp()
        self.backup = PgBackup(self, CLUSTER, PG_DATABASES="appdb", BACKUP_GLOBALS="no")
        self.fake = FakeBindir(self, CLUSTER, "is-of-the-future")
        self.fake.replace("pg_restore", "exec cat >/dev/null")

    def assertStoredWithoutInventory(self, done):
        self.assertIn("the backup does not contain an inventory: archive version 1.99-0 is not"
                      " known", done.said)
        backup = self.backup.backup("appdb")
        self.assertEqual(backup.manifest["archive_version"], "1.99")
        self.assertEqual(backup.manifest["compressed_by"], "pg_dump")
        self.assertIsNone(backup.manifest["inventory_file"])
        self.assertIn("an inventory", [o["what"] for o in backup.manifest["omissions"]])
        self.assertEqual(self.backup.strays(), [])
        return backup

    def test_its_version_says_so_before_anything_is_dumped(self):
        self.fake.say_version("99.1")
        done = self.backup.must("run", PG_BINDIR=self.fake.path)
        self.assertStoredWithoutInventory(done)
        self.assertEqual(self.fake.calls(), 1)

    def test_the_first_bytes_of_the_archive_have_the_last_word(self):
        done = self.backup.must("run", PG_BINDIR=self.fake.path)
        self.assertStoredWithoutInventory(done)
        self.assertEqual(self.fake.calls(), 2)

    def test_no_pg_restore_that_does_not_know_it_says_that_it_is_damaged(self):
        self.backup.must("run", PG_BINDIR=self.fake.path)
        done = self.backup("verify", "appdb")
        self.assertEqual(done.code, 5, done)
        self.assertIn("unsupported version", done.stdout)

    def test_check_warns_of_it(self):
        self.fake.say_version("99.1")
        warned = self.backup.must("check", "--json", PG_BINDIR=self.fake.path).warned
        self.assertEqual([check["reason"] for check in warned], ["archive-version"])


class WithoutZstd(BackupTestCase):
    """Client programs of a version that has zstd, built without it."""

    def setUp(self):
        super().setUp()
        self.backup = PgBackup(self, CLUSTER, PG_DATABASES="appdb", BACKUP_GLOBALS="no")
        self.fake = FakeBindir(self, CLUSTER, "warns")
        self.fake.say_version("17.0")
        self.fake.replace("pg_restore", "echo 'pg_restore: warning: archive is compressed, but this"
                                        " installation does not support compression' >&2;"
                                        " exec cat >/dev/null")

    def test_archives_are_compressed_by_what_its_pg_restore_reads(self):
        self.backup.must("run", PG_BINDIR=self.fake.path)
        self.assertEqual(self.backup.backup("appdb").manifest["compression"], "gzip:1")

    def test_zstd_is_refused_before_anything_is_dumped(self):
        done = self.backup("run", PG_BINDIR=self.fake.path, BACKUP_COMPRESSION="zstd")
        self.assertRunFailed(self.backup, done, 78, "settings", "without zstd")

    def test_check_says_so(self):
        done = self.backup("check", "--json", PG_BINDIR=self.fake.path, BACKUP_COMPRESSION="zstd")
        self.assertEqual(done.code, 78, done)
        self.assertIn("without zstd", done.stdout)
