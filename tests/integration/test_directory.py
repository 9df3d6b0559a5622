"""Backups over several connections into a directory: BACKUP_FORMAT=directory."""

import glob
import os
import signal
import subprocess

import pgtest
from fake_pg_dump import FakeBindir, held_run
from pgbackup import BackupTestCase, PgBackup, is_private

CLUSTER = pgtest.Cluster()
JOBS = 2
CONNECTIONS = JOBS + 3  # two sessions of pg-backup, pg_dump's own, and its workers'


def setUpModule():
    CLUSTER.start()
    CLUSTER.create_sample("appdb")
    CLUSTER.create("empty")
    CLUSTER.create("big")
    CLUSTER.fill("big")
    CLUSTER.sql(f"CREATE ROLE keeper LOGIN BYPASSRLS CONNECTION LIMIT {CONNECTIONS};"
                "GRANT pg_read_all_data TO keeper;"
                "ALTER ROLE keeper SET lo_compat_privileges = on")


class DirectoryTestCase(BackupTestCase):
    def setUp(self):
        super().setUp()
        self.backup = PgBackup(self, CLUSTER, PG_DATABASES="appdb", BACKUP_FORMAT="directory",
                               BACKUP_JOBS=JOBS, BACKUP_GLOBALS="no")
        CLUSTER.drop("copy")
        self.addCleanup(CLUSTER.drop, "copy")

    def stored(self, database="appdb", **settings):
        """A fresh backup."""
        self.backup.must("run", PG_DATABASES=database, **settings)
        return self.backup.backup(database)

    def inventory(self, **settings):
        with open(self.stored(**settings).inventory, encoding="utf-8") as f:
            return f.read()


class Stored(DirectoryTestCase):
    def test_the_directory_opens_with_pg_restore_in_parallel(self):
        stored = self.stored()
        self.assertTrue(stored.data.endswith("Z.dir") and os.path.isdir(stored.data), stored.data)
        CLUSTER.create("copy", options="TEMPLATE template0")
        CLUSTER.tool("pg_restore", "-j", "2", "--exit-on-error", "-d", "copy", stored.data)
        self.assertEqual(CLUSTER.contents("copy"), CLUSTER.contents("appdb"))
        self.assertEqual(CLUSTER.schema("copy"), CLUSTER.schema("appdb"))

    def test_the_inventory_is_that_of_the_other_formats(self):
        expected = self.inventory(BACKUP_FORMAT="custom")
        self.assertEqual(self.inventory(), expected)
        self.assertEqual(self.inventory(BACKUP_JOBS=1), expected)
        self.assertEqual(self.inventory(BACKUP_COMPRESSION="none"), expected)

    def test_a_database_without_tables_is_backed_up(self):
        stored = self.stored("empty")
        self.assertEqual([os.path.basename(path) for path in stored.files()], ["toc.dat"])
        self.backup.must("verify", "empty")

    def test_the_manifest_lists_what_is_there(self):
        stored = self.stored()
        manifest = stored.manifest
        self.assertEqual(sorted(os.listdir(stored.data)), [f["name"] for f in manifest["files"]])
        self.assertEqual([os.path.getsize(path) for path in stored.files()],
                         [file["bytes"] for file in manifest["files"]])
        self.assertEqual(manifest["stored_bytes"], sum(f["bytes"] for f in manifest["files"]))
        self.assertGreater(manifest["raw_bytes"], manifest["stored_bytes"])
        self.assertEqual(manifest["compressed_by"], "pg_dump")
        self.assertEqual(self.backup.strays(), [])

    def test_sha256sum_checks_every_file_and_makes_the_digest_of_all(self):
        stored = self.stored()
        directory, name = os.path.split(stored.data)
        script = f"sha256sum --strict -c {name}.sha256 >&2 && sha256sum {name}/* | sha256sum"
        done = subprocess.run(["sh", "-c", script], cwd=directory, env={"LC_ALL": "C"},
                              capture_output=True, text=True, timeout=60, check=True)
        self.assertEqual(done.stdout.split()[0], stored.manifest["stored_sha256"])
        self.assertEqual(done.stderr.count(": OK\n"), len(stored.files()) + 2)

    def test_nobody_else_may_read_it(self):
        stored = self.stored()
        for path in [stored.data, *stored.files()]:
            self.assertTrue(is_private(path), path)

    def test_it_is_listed_and_the_latest_link_names_it(self):
        stored = self.stored()
        listed = self.backup.must("list", "--json").json["backups"]
        self.assertEqual([(b["stem"], b["good"]) for b in listed], [(stored.stem, True)])
        self.assertEqual(listed[0]["stored_bytes"], sum(map(os.path.getsize, stored.files())))
        self.assertEqual(os.readlink(os.path.dirname(stored.data) + "/appdb_latest.dir"),
                         os.path.basename(stored.data))

    def test_a_hostile_name_is_no_obstacle(self):
        name = CLUSTER.create("we'ird \"%s\" $(x)", "CREATE TABLE t AS SELECT 1 AS a")
        self.addCleanup(CLUSTER.drop, name)
        self.backup.must("run", PG_DATABASES="we*")
        self.assertEqual(self.backup.databases(), {name})
        self.backup.must("verify", name)
        self.backup.must("restore", name, "--to", "copy")
        self.assertEqual(CLUSTER.contents("copy"), CLUSTER.contents(name))


class Verified(DirectoryTestCase):
    def assertDamaged(self, says):
        done = self.backup("verify")
        self.assertEnded(done, 4)
        self.assertRegex(done.stdout, "DAMAGED .*" + says)

    def test_a_sound_one_is_found_sound(self):
        self.stored()
        self.assertIn("digest, inventory, pg_restore", self.backup.must("verify").stdout)
        self.backup.must("verify", "--subset", "1/1")

    def test_a_changed_byte_is_found_in_each_file(self):
        stored = self.stored()
        for path in stored.files():
            with self.subTest(path=path), open(path, "r+b") as f:
                data = f.read()
                f.seek(len(data) // 2)
                f.write(bytes([data[len(data) // 2] ^ 1]))
                f.flush()
                self.assertDamaged(os.path.basename(path))
                f.seek(0)
                f.write(data)
        self.backup.must("verify")

    def test_a_missing_file_is_found_by_list_and_verify(self):
        path = self.stored().files()[0]
        os.unlink(path)
        self.assertDamaged(os.path.basename(path))
        listed = self.backup.must("list", "--json").json["backups"][0]
        self.assertFalse(listed["good"])
        self.assertIn(os.path.basename(path), listed["problem"])

    def test_a_surplus_file_is_found(self):
        with open(self.stored().data + "/surplus.dat", "wb"):
            pass
        self.assertDamaged("surplus.dat.* does not belong there")


    def test_a_pg_restore_that_cannot_read_it_says_nothing_of_damage(self):
        self.stored()
        fake = FakeBindir(self, CLUSTER, "warns")
        for script in ("echo 'error: unsupported version (1.14) in file header' >&2; exit 1",
                       "echo 'error: this build does not support compression with gzip' >&2; exit 1",
                       "kill -9 $$"):
            with self.subTest(script=script):
                fake.replace("pg_restore", script)
                done = self.backup("verify", PG_BINDIR=fake.path)
                self.assertEnded(done, 5)
                self.assertRegex(done.stdout, "UNKNOWN .*the archive does not decode")

    def test_a_pg_restore_that_finds_fault_says_damage(self):
        self.stored()
        fake = FakeBindir(self, CLUSTER, "warns")
        fake.replace("pg_restore", "echo 'error: could not find a file' >&2; exit 1")
        done = self.backup("verify", PG_BINDIR=fake.path)
        self.assertEnded(done, 4)
        self.assertRegex(done.stdout, "DAMAGED .*could not find a file")


class Restored(DirectoryTestCase):
    def test_into_a_new_database(self):
        self.stored()
        self.backup.must("restore", "appdb", "--to", "copy")
        self.assertEqual(CLUSTER.contents("copy"), CLUSTER.contents("appdb"))
        self.assertEqual(CLUSTER.schema("copy"), CLUSTER.schema("appdb"))

    def test_into_a_database_that_is_there(self):
        self.stored()
        CLUSTER.create("copy", options="TEMPLATE template0")
        self.backup.must("restore", "appdb", "--to", "copy")
        self.assertEqual(CLUSTER.contents("copy"), CLUSTER.contents("appdb"))

    def test_over_its_own_remains_by_force(self):
        self.stored()
        self.backup.must("restore", "appdb", "--to", "copy")
        self.assertEnded(self.backup("restore", "appdb", "--to", "copy"), 2, "refused")
        self.backup.must("restore", "appdb", "--to", "copy", "--force", "--clean")
        self.assertEqual(CLUSTER.contents("copy"), CLUSTER.contents("appdb"))

    def test_a_damaged_one_is_refused_before_a_database_is_touched(self):
        path = self.stored().files()[0]
        with open(path, "ab") as f:
            f.write(b"x")
        done = self.backup("restore", self.backup.backup("appdb").stem, "--to", "copy")
        self.assertEnded(done, 4, "damaged", os.path.basename(path))
        self.assertNotIn("copy", CLUSTER.databases())

    def test_to_a_directory_that_pg_restore_reads(self):
        stored = self.stored()
        self.backup.must("restore", "appdb", "--output", self.tmp + "/out")
        self.assertEqual(CLUSTER.tool("pg_restore", "--list", self.tmp + "/out"),
                         CLUSTER.tool("pg_restore", "--list", stored.data))
        self.assertEqual(sorted(os.listdir(self.tmp + "/out")), sorted(os.listdir(stored.data)))
        done = self.backup("restore", "appdb", "--output", self.tmp + "/out")
        self.assertEnded(done, 2, "refused", "exists already")

    def test_a_full_disk_leaves_no_half_copy(self):
        self.stored("big", BACKUP_COMPRESSION="none")
        os.mkdir(self.tmp + "/full")
        space = pgtest.MountNamespace(f"mount -t tmpfs -o size=64k tmpfs {self.tmp}/full")
        self.addCleanup(space.close)
        done = self.backup("restore", "big", "--output", self.tmp + "/full/out",
                           prefix=space.prefix)
        self.assertEnded(done, 1, "disk-full", "No space left on device")
        self.assertEqual(os.listdir(space.path(self.tmp + "/full")), [])

    def test_to_stdout_it_does_not_go_and_what_does_is_said(self):
        self.stored()
        done = self.backup("restore", "appdb", "--stdout")
        self.assertEnded(done, 2, "usage", "pg_restore -f -")
        self.assertEqual(done.stdout, "")


class Removed(DirectoryTestCase):
    def test_what_is_older_than_the_policy_goes_with_all_its_files(self):
        for offset in ("-9d", "-8d"):
            self.backup.at(offset, "run")
        oldest, newer = self.backup.backups("appdb")
        self.backup.must("run", BACKUP_KEEP_DAYS=1, BACKUP_KEEP_MIN_COUNT=2)
        self.assertEqual([b.stem for b in self.backup.backups("appdb")][:1], [newer.stem])
        self.assertFalse(os.path.exists(oldest.data))
        self.assertEqual(self.backup.strays(), [])

    def test_two_formats_live_in_one_series(self):
        self.backup.at("-2h", "run")
        self.backup.at("-1h", "run", BACKUP_FORMAT="custom")
        self.backup.must("run")
        self.assertEqual([os.path.splitext(b.data)[1] for b in self.backup.backups("appdb")],
                         [".dir", ".dump", ".dir"])
        links = glob.glob(self.backup.backup_dir + "/appdb/*_latest*")
        self.assertEqual([os.path.basename(link) for link in links], ["appdb_latest.dir"])
        self.assertEqual(self.backup.strays(), [])
        self.backup.must("verify", "--all")
        self.backup.must("prune", BACKUP_KEEP_DAYS=0, BACKUP_KEEP_MIN_COUNT=1)
        self.assertEqual(len(self.backup.backups("appdb")), 1)
        self.assertEqual(self.backup.strays(), [])


class Interrupted(DirectoryTestCase):
    def held_run(self):
        """A run whose pg_dump has written half of a directory and goes no further."""
        running, self.fake = held_run(self, self.backup, CLUSTER)
        return running

    def test_sigterm_in_mid_dump_leaves_nothing(self):
        running = self.held_run()
        self.assertEqual(len(glob.glob(self.backup.backup_dir + "/appdb/.*.dir.tmp")), 1)
        running.terminate()
        self.assertEnded(running.wait(), 1, "cancelled", "SIGTERM")
        self.assertEqual(self.backup.databases(), set())
        self.assertEqual(self.backup.strays(), [])

    def test_what_a_killed_run_leaves_goes_with_the_next(self):
        running = self.held_run()
        running.send(signal.SIGKILL)
        running.wait()
        self.fake.release()
        left = glob.glob(self.backup.backup_dir + "/appdb/.*.dir.tmp")
        self.assertEqual(len(left), 1)
        done = self.backup.must("run")
        self.assertIn(os.path.basename(left[0]), done.said)
        self.assertEqual(self.backup.strays(), [])
        self.backup.must("verify", "--all")

    def test_a_full_disk_fails_the_database_and_leaves_nothing(self):
        space = pgtest.MountNamespace(
            f"mount -t tmpfs -o size=1m,mode=0700 tmpfs {self.backup.backup_dir}")
        self.addCleanup(space.close)
        done = self.backup("run", PG_DATABASES="big", BACKUP_COMPRESSION="none",
                           prefix=space.prefix)
        self.backup.backup_dir = space.path(self.backup.backup_dir)
        self.assertEnded(done, 1, "disk-full", "No space left on device")
        self.assertEqual(self.entry(self.backup, "big")["reason"], "disk-full")
        self.assertEqual(self.backup.strays(), [])


class Misbehaving(DirectoryTestCase):
    def assertFails(self, mode, reason, says, **settings):
        fake = FakeBindir(self, CLUSTER, mode)
        done = self.backup("run", PG_BINDIR=fake.path, **settings)
        self.assertEnded(done, 1, reason, says)
        self.assertEqual(self.backup.databases(), set())
        self.assertEqual(self.backup.strays(), [])

    def test_one_that_fails_half_way_is_quoted(self):
        self.assertFails("fails-half-way", "client-failed", "the fake one has had enough")

    def test_one_that_dies_is_named_with_its_signal(self):
        self.assertFails("dies-half-way", "client-failed", "signal 11")

    def test_one_that_writes_nothing_has_made_no_backup(self):
        self.assertFails("says-nothing", "dump-incomplete", r"toc\.dat.* is missing")

    def test_a_file_that_is_cut_short_is_found(self):
        self.assertFails("is-truncated", "dump-incomplete", r"\.dat")

    def test_files_that_are_missing_are_found(self):
        self.assertFails("loses-a-file", "dump-incomplete", r"\.dat.* is missing")

    def test_a_file_that_is_surplus_is_found(self):
        self.assertFails("adds-a-file", "dump-incomplete", r"9999\.dat.* does not belong there")

    def test_one_that_hangs_is_stopped_after_the_stall_time_out(self):
        self.assertFails("hangs", "stalled", "1 s", STALL_TIMEOUT_SECONDS="1")

    def test_a_warning_is_kept(self):
        fake = FakeBindir(self, CLUSTER, "warns")
        self.backup.must("run", PG_BINDIR=fake.path)
        self.assertEqual(self.backup.backup("appdb").manifest["warnings"],
                         ["pg_dump: warning: the fake one has its doubts"])


class Connections(DirectoryTestCase):
    def limited(self, limit):
        CLUSTER.sql(f"ALTER ROLE keeper CONNECTION LIMIT {limit}")
        self.backup.settings["PG_USER"] = "keeper"

    def test_a_role_with_just_enough_of_them_will_do(self):
        self.limited(CONNECTIONS)
        done = self.backup("check", "--json")
        self.assertEqual([c["result"] for c in done.json["checks"] if c["name"] == "connections"],
                         ["ok"])
        CLUSTER.wait_for_no_session("usename = 'keeper'")
        self.backup.must("run")

    def test_one_too_few_fail_with_the_remedy(self):
        self.limited(CONNECTIONS - 1)
        done = self.backup("run")
        self.assertEnded(done, 1, "unreachable", "CONNECTION LIMIT.*BACKUP_JOBS")
        self.assertEqual(self.backup.databases(), set())
        self.assertEqual(self.backup.strays(), [])

    def test_check_says_so_beforehand(self):
        self.limited(CONNECTIONS - 1)
        warned = self.backup("check", "--json").warned
        self.assertEqual([w["name"] for w in warned], ["connections"])
        self.assertIn(str(CONNECTIONS), warned[0]["hint"])
