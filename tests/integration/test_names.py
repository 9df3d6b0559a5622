"""Hostile names: a database's name is data on the whole way, never an option, a path or SQL."""

import os
import shutil

import pgtest
from pgbackup import BackupTestCase, PgBackup, decode_name

NAMES = (
    'we"ird', "a/b", "-rf", "--help", ".hidden", "..", "naïve café", "x'; DROP", "new\nline",
    "ü" * 31 + "x", "$(touch pwned)", "back\\slash", "dbname=postgres", "postgresql://x/y",
    "%41", "globals", "UPPER", "upper", "app_20261122T020000Z", "tab\there", "*", "!not", "a b",
    "app_latest",
)
CLUSTER = pgtest.Cluster()


def setUpModule():
    CLUSTER.start()
    for name in NAMES:
        CLUSTER.create(name, "CREATE TABLE t AS SELECT current_database()::text AS name")


class HostileNames(BackupTestCase):
    """One run of all of them, then every verb on its result."""

    seconds = 180
    stored = None  # what that run made

    def setUp(self):
        super().setUp()
        self.backup = PgBackup(self, CLUSTER, PG_DATABASES="*,!postgres")

    def have_all_backed_up(self):
        if HostileNames.stored is None:
            self.assertEqual(self.backup.at("-40d", "run").code, 0)
            HostileNames.stored = pgtest.make_directory() + "/backups"
            shutil.copytree(self.backup.backup_dir, HostileNames.stored, symlinks=True)
        else:
            shutil.copytree(HostileNames.stored, self.backup.backup_dir, symlinks=True,
                            dirs_exist_ok=True)

    def test_all_are_backed_up_under_reversible_file_names(self):
        self.have_all_backed_up()
        self.assertEqual(self.backup.databases(), set(NAMES))
        for backup in self.backup.backups():
            if backup.manifest["kind"] == "globals":
                continue
            name, encoded = backup.manifest["database"], os.path.basename(
                os.path.dirname(backup.path))
            self.assertEqual(decode_name(encoded), name)
            self.assertRegex(encoded, r"\A[A-Za-z0-9_%][A-Za-z0-9._%-]*\Z")
            self.assertTrue(backup.stem.startswith(encoded + "_"), backup.stem)
        self.assertEqual(self.backup.strays(), [])
        self.assertEqual(set(os.listdir("/tmp")) & {"pwned"}, set())

    def test_all_hold_their_own_data_and_are_restored_to_their_own_names(self):
        self.have_all_backed_up()
        for name in NAMES:
            CLUSTER.drop(name)
        for name in NAMES:
            with self.subTest(name=name):
                stem = self.backup.backup(name).stem
                self.backup.must("restore", stem, "--to", name)
                self.assertEqual(CLUSTER.sql("SELECT name FROM t", name), name)
        self.assertEqual(CLUSTER.databases(), set(NAMES))

    def test_all_are_listed_verified_and_pruned(self):
        self.have_all_backed_up()
        self.backup.must("run")
        listed = self.backup.must("list", "--json").json["backups"]
        self.assertEqual({b["database"] for b in listed if b["kind"] == "database"}, set(NAMES))
        self.assertEqual(len(listed), 2 * (len(NAMES) + 1))
        self.backup.must("verify", "--all")
        self.backup.must("prune", BACKUP_KEEP_DAYS="1", BACKUP_KEEP_MIN_COUNT="1")
        self.assertEqual(self.backup.databases(), set(NAMES))
        self.assertEqual(len(self.backup.backups()), len(NAMES) + 1)
        self.assertEqual(self.backup.strays(), [])

    def test_the_table_for_people_has_one_line_for_each(self):
        self.have_all_backed_up()
        lines = self.backup.must("list").stdout.splitlines()
        stems = [b.stem for b in self.backup.backups()]
        for stem in stems:
            self.assertEqual(len([line for line in lines if stem in line.split()]), 1, stem)

    def test_a_literal_name_with_a_pattern_character_is_found_by_its_own_name(self):
        self.backup.must("run", "--", "-rf")
        self.assertEqual(self.backup.databases(), {"-rf"})

    def test_metrics_escape_names_as_the_exposition_format_asks(self):
        self.backup.must("run", "--", 'we"ird', "new\nline", "back\\slash")
        text = "\n".join(self.backup.metrics())
        for label in (r'database="we\"ird"', r'database="new\nline"', r'database="back\\slash"'):
            self.assertIn(label, text)

    def test_a_log_line_stays_one_line(self):
        done = self.backup.must("run", "--", "new\nline")
        self.assertEqual([e for e in done.events if "event" not in e], [])
        self.assertNotIn("\nline", done.stderr)
