"""A healthy run: what it stores, in both formats, and that stock tools open all of it."""

import gzip
import json
import os
import shutil
import subprocess

import pgtest
from pgbackup import BackupTestCase, PgBackup, is_private

CLUSTER = pgtest.Cluster()
GATEWAY = pgtest.Pushgateway()


def setUpModule():
    CLUSTER.start()
    GATEWAY.start()
    CLUSTER.create_sample("appdb")
    CLUSTER.create("other", "CREATE TABLE t AS SELECT 1 AS a")
    CLUSTER.sql("CREATE ROLE keeper LOGIN PASSWORD 'keeper''s own'")


def stock(argv, **options):
    return subprocess.run(argv, check=True, capture_output=True, timeout=60, **options)


class Dump(BackupTestCase):
    def setUp(self):
        super().setUp()
        self.backup = PgBackup(self, CLUSTER, PG_DATABASES="appdb")
        CLUSTER.drop("copy")
        self.addCleanup(CLUSTER.drop, "copy")

    def test_a_run_backs_up_the_globals_and_every_database(self):
        self.backup.must("run", PG_DATABASES="*")
        self.assertEqual(self.backup.databases(), {"appdb", "other", "postgres"})
        self.assertEqual(self.backup.globals().manifest["kind"], "globals")
        self.assertEqual(self.backup.strays(), [])

    def test_patterns_and_exclusions_choose_the_databases(self):
        self.backup.must("run", PG_DATABASES="*,!post*")
        self.assertEqual(self.backup.databases(), {"appdb", "other"})

    def test_a_template_is_backed_up_by_its_own_name_only(self):
        self.backup.must("run", PG_DATABASES="template1")
        self.assertEqual(self.backup.databases(), {"template1"})

    def test_databases_named_on_the_command_line_are_the_only_ones(self):
        self.backup.must("run", "other", PG_DATABASES="*")
        self.assertEqual(self.backup.databases(), {"other"})

    def test_globals_can_be_switched_off(self):
        self.backup.must("run", BACKUP_GLOBALS="no")
        self.assertEqual([b.manifest["kind"] for b in self.backup.backups()], ["database"])

    def test_the_stored_archive_opens_with_pg_restore(self):
        self.backup.must("run")
        dump = self.backup.backup("appdb").data
        self.assertTrue(dump.endswith(".dump"), dump)
        CLUSTER.create("copy", options="TEMPLATE template0")
        CLUSTER.tool("pg_restore", "--exit-on-error", "-d", "copy", dump)
        self.assertEqual(CLUSTER.contents("copy"), CLUSTER.contents("appdb"))
        self.assertEqual(CLUSTER.schema("copy"), CLUSTER.schema("appdb"))

    def test_the_stored_archive_opens_with_pg_restore_in_parallel(self):
        self.backup.must("run", BACKUP_COMPRESSION="gzip:1")
        CLUSTER.create("copy", options="TEMPLATE template0")
        CLUSTER.tool("pg_restore", "-j", "2", "--exit-on-error", "-d", "copy",
                     self.backup.backup("appdb").data)
        self.assertEqual(CLUSTER.contents("copy"), CLUSTER.contents("appdb"))

    def test_stored_sql_opens_with_gunzip_and_psql(self):
        self.backup.must("run", BACKUP_FORMAT="plain")
        dump = self.backup.backup("appdb").data
        self.assertTrue(dump.endswith(".sql.gz"), dump)
        CLUSTER.create("copy", options="TEMPLATE template0")
        sql = stock(["gunzip", "--stdout", dump]).stdout
        CLUSTER.tool("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", database="copy", stdin=sql)
        self.assertEqual(CLUSTER.contents("copy"), CLUSTER.contents("appdb"))
        self.assertEqual(CLUSTER.schema("copy"), CLUSTER.schema("appdb"))

    def test_plain_without_compression_is_sql_text(self):
        self.backup.must("run", BACKUP_FORMAT="plain", BACKUP_COMPRESSION="none")
        dump = self.backup.backup("appdb")
        self.assertTrue(dump.data.endswith("Z.sql"), dump.data)
        self.assertIn(b"PostgreSQL database dump complete", dump.read()[-200:])

    def test_sql_text_that_psql_would_not_read_to_its_end_is_no_backup(self):
        # To psql, "begin" in a CREATE FUNCTION opens a block that goes on to an "end".
        CLUSTER.create("hidden", """CREATE TABLE t AS SELECT 1 AS a;
            CREATE FUNCTION begin(int) RETURNS int LANGUAGE sql AS 'select 1'""")
        self.addCleanup(CLUSTER.drop, "hidden")
        done = self.backup("run", PG_DATABASES="hidden", BACKUP_FORMAT="plain")
        self.assertEnded(done, 1, "dump-incomplete",
                         r"line \d+ of the SQL holds a function with BEGIN and no ATOMIC")
        self.assertEqual(self.backup.databases(), set())
        self.assertEqual(self.backup.strays(), [])
        self.backup.must("run", PG_DATABASES="hidden")

    def test_custom_without_compression_is_larger_and_opens(self):
        self.backup.must("run", BACKUP_COMPRESSION="none")
        dump = self.backup.backup("appdb")
        self.assertEqual(dump.manifest["compression"], "none")
        self.assertIn(b"customer 7", dump.read())
        self.assertIn(b"customers", CLUSTER.tool("pg_restore", "--list", dump.data))

    def test_the_stored_globals_open_with_gunzip_and_psql(self):
        self.backup.must("run")
        sql = stock(["gunzip", "--stdout", self.backup.globals().data]).stdout.decode()
        self.assertIn("CREATE ROLE keeper", sql)
        self.assertIn("SCRAM-SHA-256$", sql)
        fresh = pgtest.Cluster().start()
        self.addCleanup(fresh.stop)
        # postgres exists in every cluster; its CREATE ROLE is the one line that may fail.
        sql = sql.replace("CREATE ROLE postgres;\n", "")
        fresh.tool("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", stdin=sql.encode())
        self.assertEqual(fresh.sql("SELECT count(*) FROM pg_roles WHERE rolname = 'keeper'"), "1")

    def test_sha256sum_accepts_every_checksum_file(self):
        self.backup.must("run")
        for backup in self.backup.backups():
            directory, name = os.path.split(backup.data)
            checked = stock(["sha256sum", "--strict", "-c", name + ".sha256"], cwd=directory)
            self.assertIn(name + ": OK\n", checked.stdout.decode())

    def test_jq_reads_the_manifest_and_it_says_what_is_stored(self):
        self.backup.must("run", BACKUP_FORMAT="plain")
        backup = self.backup.backup("appdb")
        manifest = json.loads(stock(["jq", "-e", ".", backup.path]).stdout)
        raw = gzip.decompress(backup.read())
        expected = {
            "stem": backup.stem, "kind": "database", "database": "appdb", "format": "plain",
            "file": os.path.basename(backup.data), "stored_bytes": os.path.getsize(backup.data),
            "stored_sha256": backup.sha256(), "raw_bytes": len(raw), "encoding": "UTF8",
            "collate": "C.UTF-8", "warnings": [],
            "system_identifier": CLUSTER.sql("SELECT system_identifier FROM pg_control_system()"),
            "server_version": CLUSTER.sql("SHOW server_version").split(" ")[0],
        }
        self.assertEqual({key: manifest.get(key) for key in expected}, expected)

    def test_the_latest_link_points_at_the_newest_backup(self):
        self.backup.at("-1d", "run")
        self.backup.must("run")
        newest = self.backup.backup("appdb")
        link = os.path.join(os.path.dirname(newest.data), "appdb_latest.dump")
        self.assertEqual(os.readlink(link), os.path.basename(newest.data))
        self.assertEqual(len(self.backup.backups("appdb")), 2)

    def test_two_runs_at_once_after_another_make_two_backups(self):
        self.backup.must("run")
        self.backup.must("run")
        self.assertEqual(len(self.backup.backups("appdb")), 2)

    def test_nobody_else_may_read_a_backup(self):
        self.backup.must("run")
        for directory, _, files in os.walk(self.backup.backup_dir):
            for name in files:
                path = os.path.join(directory, name)
                self.assertTrue(os.path.islink(path) or is_private(path), path)

    def test_list_names_what_is_there(self):
        self.backup.must("run")
        stored = self.backup.backup("appdb")
        listed = self.backup.must("list", "--json").json["backups"]
        self.assertEqual({b["stem"] for b in listed}, {b.stem for b in self.backup.backups()})
        mine = next(b for b in listed if b["database"] == "appdb")
        self.assertEqual(mine["stored_bytes"], os.path.getsize(stored.data))
        self.assertTrue(mine["good"])
        self.assertEqual(mine["warnings"], 0)
        self.assertIn(stored.stem, self.backup.must("list").stdout)

    def test_list_of_one_database_shows_only_that(self):
        self.backup.must("run", PG_DATABASES="appdb other")
        listed = self.backup.must("list", "--json", "other").json["backups"]
        self.assertEqual({b["database"] for b in listed}, {"other"})

    def test_the_report_says_what_was_done(self):
        done = self.backup.must("run", "--report")
        self.assertEqual(done.json, self.backup.report())
        self.assertEqual(done.json["exit_code"], 0)
        self.assertEqual(done.json["databases"], ["appdb"])
        stored = self.backup.backup("appdb")
        entry = self.entry(self.backup, "appdb")
        self.assertEqual(entry["result"], "done")
        self.assertEqual(entry["stem"], stored.stem)
        self.assertEqual(entry["stored_bytes"], os.path.getsize(stored.data))

    def test_both_ways_of_metrics_tell_of_the_run(self):
        self.backup.must("run", PUSHGATEWAY_URL=GATEWAY.url)
        stored = self.backup.backup("appdb").manifest["stored_bytes"]
        written, pushed = self.backup.metrics(), GATEWAY.metrics()
        total = sum(os.path.getsize(b.data) for b in self.backup.backups())
        self.assertEqual(written["pg_backup_last_exit_code"], 0)
        self.assertEqual(written["pg_backup_last_bytes"], total)
        self.assertGreater(written["pg_backup_last_run_timestamp"], 1.7e9)
        self.assertGreaterEqual(written["pg_backup_last_duration_seconds"], 0)
        self.assertIn(stored, written.values())
        for name in written:
            self.assertIn(name, pushed)

    def test_the_pushgateway_holds_no_more_than_the_catalog_does(self):
        self.backup.must("run", PG_DATABASES="other", PUSHGATEWAY_URL=GATEWAY.url)
        name = 'pg_backup_database_good_backups{database="other",kind="database"}'
        self.assertEqual(GATEWAY.metrics()[name], 1)
        shutil.rmtree(self.backup.backup_dir + "/other")
        self.backup.must("run", PG_DATABASES="appdb", PUSHGATEWAY_URL=GATEWAY.url)
        self.assertNotIn(name, GATEWAY.metrics())

    def test_promtool_finds_nothing_to_say_about_the_metrics(self):
        self.backup.must("run")
        with open(self.backup.textfile, "rb") as f:
            checked = subprocess.run(["promtool", "check", "metrics"], stdin=f, timeout=60,
                                     capture_output=True, check=False)
        self.assertEqual((checked.returncode, checked.stdout, checked.stderr), (0, b"", b""))
