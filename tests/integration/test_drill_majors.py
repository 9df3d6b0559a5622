"""The awkward database, with all that a dump has to carry, is proven on each major."""

import os
import shutil

import pgtest
from drills import DrillTestCase


class Major:
    major = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cluster = pgtest.Cluster(major=cls.major)
        cls.cluster.start()
        cls.cluster.create_awkward("awkward")

    @classmethod
    def tearDownClass(cls):
        cls.cluster.stop()
        super().tearDownClass()

    def assertProven(self, form, database="awkward", timeout=180, **settings):
        backup = self.installation(self.cluster, database, BACKUP_FORMAT=form, **settings)
        backup.must("run", timeout=timeout)
        proof = self.drill(backup, 0, timeout=timeout)
        self.assertEqual(proof["result"], "proven", proof)
        self.assertEqual(int(proof["server_version"].split(".")[0]), self.major)

    def test_an_archive_is_proven(self):
        self.assertProven("custom")

    def test_text_is_proven(self):
        self.assertProven("plain")

    def test_a_directory_is_proven(self):
        self.assertProven("directory")


class Major15(Major, DrillTestCase):
    major = 15
    seconds = 900  # for the large ones; some 60 on a quiet machine

    def test_large_rows_and_objects_are_proven(self):
        """bytea and large objects of 0 bytes to 200 MiB, a row of 300 MiB in one field."""
        self.cluster.create_large("large", large_object_mib=200, row_mib=300, copy_all=True)
        self.addCleanup(self.cluster.drop, "large")
        self.assertProven("custom", "large", timeout=600, BACKUP_COMPRESSION="none")


class Major17(Major, DrillTestCase):
    major = 17

    def test_rules_of_icu_are_the_originals(self):
        self.cluster.create("ruled", "CREATE TABLE t AS SELECT 'a' AS a", "TEMPLATE template0"
                            " LOCALE_PROVIDER icu ICU_LOCALE 'und' ICU_RULES '&a < g'")
        self.addCleanup(self.cluster.drop, "ruled")
        os.mkdir(self.tmp + "/assertions")
        self.write("assertions/rules.sql", "SELECT daticurules = '&a < g' FROM pg_database"
                                           " WHERE datname = current_database()")
        self.assertProven("custom", "ruled", DRILL_ASSERTIONS=self.tmp + "/assertions")


class Major18(Major, DrillTestCase):
    major = 18


class Extension(DrillTestCase):
    """One of our own, in a copy of PostgreSQL that has it: none of its contrib registers tables."""

    files = {
        "settled.control": "default_version = '1'\nrelocatable = true\n",
        "settled--1.sql": """
            CREATE TABLE settings (name text PRIMARY KEY, value text);
            CREATE TABLE fixed AS SELECT 1 AS a;
            CREATE SEQUENCE ticket;
            INSERT INTO settings VALUES ('built in', 'x');
            SELECT pg_extension_config_dump('settings', $$WHERE name <> 'built in'$$);
            SELECT pg_extension_config_dump('ticket', '');""",
    }

    def copy_server(self):
        """PostgreSQL finds its share and lib directories from where its programs are."""
        source = pgtest.server_bindir()
        share = source.replace("/lib/", "/share/").removesuffix("/bin")
        shutil.copytree(source, self.tmp + source)
        lib = source.removesuffix("bin") + "lib"
        os.symlink(lib, self.tmp + lib)
        shutil.copytree(share, self.tmp + share)
        for name, text in self.files.items():
            self.write(f"{share.lstrip('/')}/extension/{name}", text)
        return self.tmp + source

    def test_tables_that_an_extension_registers_are_proven(self):
        cluster = pgtest.Cluster()
        cluster.bindir = self.copy_server()
        cluster.start()
        self.addCleanup(cluster.stop, "immediate")
        cluster.create("appdb", """
            CREATE SCHEMA ours; CREATE EXTENSION settled SCHEMA ours;
            INSERT INTO ours.settings VALUES ('mine', 'y');
            SELECT setval('ours.ticket', 42);
            CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql
                AS $$ BEGIN RAISE 'not here'; END $$;
            CREATE EVENT TRIGGER refuse ON ddl_command_start EXECUTE FUNCTION refuse();
            ALTER EVENT TRIGGER refuse ENABLE ALWAYS""")
        backup = self.installation(cluster, "appdb")
        backup.must("run")
        self.assertEqual(self.drill(backup, 0)["result"], "proven")
        self.assertEqual(backup.backup("appdb").manifest["rows"], 1)
