"""docs/RESTORE.md, typed as it stands there: each command, and what has come of it."""

import os
import re
import shutil
import subprocess

import pgbackup
import pgtest
from pgbackup import BackupTestCase, PgBackup

RUNBOOK = os.path.join(pgtest.SUPPORT, "..", "..", "docs", "RESTORE.md")
STAMP = "20261122T020000Z"

CLUSTER = pgtest.Cluster()
NEW = pgtest.Cluster()

SHOP = """
CREATE SCHEMA shop; CREATE TYPE shop.kind AS ENUM ('new', 'paid');
CREATE TABLE shop.customers (id int PRIMARY KEY, name text);
CREATE TABLE shop.orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind shop.kind,
                          customer int REFERENCES shop.customers);
INSERT INTO shop.customers VALUES (1, 'Ada'), (2, 'Grace');
INSERT INTO shop.orders (kind, customer) SELECT 'paid', 1 + i % 2 FROM generate_series(1, 9) i;
ALTER TABLE shop.orders OWNER TO seller;
"""


def setUpModule():
    CLUSTER.start()


def sections():
    """{heading: (the shell blocks, the blocks of settings)}, in the page's order."""
    with open(RUNBOOK, encoding="utf-8") as f:
        parts = re.split(r"(?m)^#{2,3} (.*)$", f.read())[1:]
    found = {}
    for heading, text in zip(parts[::2], parts[1::2]):
        blocks = re.findall(r"(?ms)^( *)```(sh|ini)\n(.*?)^ *```$", text)
        dedented = [(kind, re.sub(rf"(?m)^{indent}", "", body)) for indent, kind, body in blocks]
        found[heading] = tuple([body for kind, body in dedented if kind == wanted]
                               for wanted in ("sh", "ini"))
    return found


SECTIONS = sections()


class Runbook(BackupTestCase):
    def setUp(self):
        super().setUp()
        self.drop_all()
        CLUSTER.sql("DROP ROLE IF EXISTS seller; CREATE ROLE seller LOGIN")
        CLUSTER.create("shop", SHOP)
        CLUSTER.create("wiki", "CREATE TABLE pages AS SELECT 1 AS id, 'Main' AS title")
        self.backup = PgBackup(self, CLUSTER, PG_DATABASES="shop wiki")
        self.bin = self.tmp + "/bin"
        os.mkdir(self.bin)
        self.write("bin/sudo", '#!/bin/sh\nexec "$@"\n', mode=0o755)
        os.symlink(pgbackup.BINARY, self.bin + "/pg-backup")
        self.write("postgres.password", "not asked for\n")
        self.restore_conf = self.write("restore.conf", self.settings("What you need", CLUSTER))

    def take(self, **settings):
        """A backup, whose moment then stands in the place of the page's."""
        self.backup.must("run", **settings)
        self.stamp = self.backup.backup("shop").stem[-len(STAMP):]
        self.before = CLUSTER.contents("shop")

    def settings(self, heading, cluster):
        """The page's own settings file, for a server that is there."""
        (block,) = SECTIONS[heading][1]
        block = re.sub("(?m)^PG_HOST=.*$", f"PG_HOST={cluster.host}\nPG_PORT={cluster.port}", block)
        block = re.sub("/etc/pg-backup/.*password", self.tmp + "/postgres.password", block)
        return self.placed(block) + f"PG_BINDIR={cluster.bindir}\n"

    def placed(self, text):
        """The page's names in those of this test."""
        places = {"-i restore": f"-c {self.tmp}/restore.conf",
                  "--into newserver": f"--into {self.tmp}/newserver.conf",
                  "/var/lib/pg-backup/main": self.backup.backup_dir,
                  "PGHOST=localhost": f"PGHOST={CLUSTER.host}",
                  "/tmp/orders.sql": self.tmp + "/orders.sql",
                  STAMP: getattr(self, "stamp", STAMP)}
        return re.sub("|".join(map(re.escape, places)), lambda match: places[match[0]], text)

    def type(self, heading, *numbers):
        """Runs a section's blocks, or some of them by number."""
        done = self.try_to_type(heading, *numbers)
        self.assertEqual(done.returncode, 0, f"{done.args}\n{done.stdout}\n{done.stderr}")
        return done.stdout + done.stderr

    def try_to_type(self, heading, *numbers):
        blocks = SECTIONS[heading][0]
        script = "".join(self.placed(blocks[number]) for number in numbers or range(len(blocks)))
        env = {"PATH": f"{self.bin}:{CLUSTER.bindir}:{pgtest.PLAIN_PATH}", "HOME": self.tmp,
               "PGHOST": CLUSTER.host, "PGPORT": str(CLUSTER.port), "PGUSER": "postgres",
               "LC_ALL": "C.UTF-8"}
        return subprocess.run(["bash", "-eu", "-o", "pipefail", "-c", script], env=env,
                              cwd=self.tmp, capture_output=True, text=True, check=False, timeout=50)

    def assertIsShop(self, database, cluster=CLUSTER):
        self.assertEqual(cluster.contents(database), self.before)

    def drop_all(self):
        CLUSTER.drop(*CLUSTER.databases())

    def test_what_you_need(self):
        self.take()
        said = self.type("What you need")
        self.assertRegex(said, r"(?m)^shop +shop_\d{8}T\d{6}Z .*good")

    def test_one_database_beside_the_original(self):
        self.take()
        CLUSTER.sql("DELETE FROM shop.orders", "shop")
        said = self.type("One database, beside the original")
        self.assertIn("proven: 2 tables, 11 rows equal", said)
        self.assertIsShop("shop")
        self.assertIsShop("shop_then")
        self.assertEqual(CLUSTER.sql("SELECT count(*) FROM shop.orders", "shop_broken"), "0")

    def test_the_two_change_places_or_neither_does(self):
        self.take()
        self.type("One database, beside the original", 0)
        visitor = CLUSTER.session("shop_restored")
        self.addCleanup(visitor.close)
        visitor.do("SELECT 1")
        self.assertNotEqual(self.try_to_type("One database, beside the original", 1).returncode, 0)
        self.assertIsShop("shop")
        self.assertNotIn("shop_broken", CLUSTER.databases())

    def test_over_a_database_that_is_there(self):
        self.take()
        CLUSTER.sql("DELETE FROM shop.orders", "shop")
        self.type("Over a database that is there")
        self.assertIsShop("shop")

    def test_a_whole_server(self):
        self.take()
        wiki = CLUSTER.contents("wiki")
        self.drop_all()
        CLUSTER.sql("DROP ROLE seller")
        self.type("A whole server")
        self.assertIsShop("shop")
        self.assertEqual(CLUSTER.contents("wiki"), wiki)

    def test_one_table(self):
        self.take()
        CLUSTER.sql("DROP TABLE shop.orders", "shop")
        self.type("One table")
        self.assertIsShop("shop")
        self.assertEqual(CLUSTER.sql("SELECT count(*) FROM shop.orders", "shop_look"), "9")

    def test_some_rows_of_a_table(self):
        self.take()
        CLUSTER.sql("DELETE FROM shop.orders WHERE id > 5; UPDATE shop.orders SET kind = 'new'"
                    " WHERE id = 1; INSERT INTO shop.orders (kind) VALUES ('new')", "shop")
        self.type("One table", 1)
        self.type("Some rows of a table")
        self.assertEqual(CLUSTER.sql("SELECT count(*), min(kind), max(id) FROM shop.orders", "shop"),
                         "10|new|10")
        self.type("Some rows of a table")
        self.assertEqual(CLUSTER.sql("SELECT count(*) FROM shop.orders", "shop"), "10")

    def test_only_the_definitions_or_only_the_rows(self):
        self.take()
        self.type("Only the definitions, or only the rows")
        self.assertIsShop("shop_empty")

    def test_on_another_server(self):
        self.take()
        NEW.start()
        self.write("newserver.conf", self.settings("On another server", NEW))
        said = self.type("On another server")
        self.assertIn("proven: ", said)
        self.assertIsShop("shop", NEW)

    def test_afterwards(self):
        self.take()
        self.type("One database, beside the original", 0)
        said = self.type("Afterwards")
        self.assertIn("plpgsql", said)
        self.assertNotEqual(CLUSTER.sql("SELECT count(*) FROM pg_stats WHERE schemaname = 'shop'",
                                        "shop_restored"), "0")

    def test_without_pg_backup_an_archive(self):
        self.take()
        self.drop_all()
        CLUSTER.sql("DROP ROLE seller")
        os.unlink(self.bin + "/pg-backup")
        self.assertIn(f"shop_{self.stamp}.dump: OK", self.type("Is it whole?"))
        self.assertNotRegex(self.type("Roles"), r"(?m)^\\[^ru]")
        self.type("An archive (.dump)")
        self.assertIsShop("shop_restored")
        said = self.type("One table out of an archive")
        self.assertIn("TABLE DATA shop orders", said)
        with open(self.tmp + "/orders.sql", encoding="utf-8") as f:
            self.assertEqual(len(re.findall(r"(?m)^\d\tpaid\t", f.read())), 9)
        said = self.type("By eye")
        self.assertRegex(said, r'"rows": ?9')
        self.assertRegex(said, r"(?m)^ +9$")

    def test_without_pg_backup_a_directory(self):
        self.take(BACKUP_FORMAT="directory")
        self.assertIn("toc.dat: OK", self.type("Is it whole?"))
        self.type("A directory (.dir)")
        self.assertIsShop("shop_restored")

    def test_without_pg_backup_text(self):
        self.take(BACKUP_FORMAT="plain", BACKUP_COMPRESSION="gzip")
        self.type("SQL text (.sql.gz, .sql.zst, .sql)")
        self.assertIsShop("shop_restored")

    def test_without_pg_backup_a_broken_text_makes_no_database(self):
        self.take(BACKUP_FORMAT="plain", BACKUP_COMPRESSION="gzip")
        path = self.backup.backup("shop").data
        os.truncate(path, os.path.getsize(path) - 9)
        done = self.try_to_type("SQL text (.sql.gz, .sql.zst, .sql)")
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn("shop_restored", CLUSTER.databases())

    def test_without_pg_backup_text_of_other_compressions(self):
        (block,) = SECTIONS["SQL text (.sql.gz, .sql.zst, .sql)"][0]
        with open(RUNBOOK, encoding="utf-8") as f:
            page = f.read()
        for method, program, end in (("zstd", "zstd -dc", "zst"), ("lz4", "lz4 -dc", "lz4")):
            with self.subTest(method=method):
                self.assertTrue(shutil.which(program.split()[0]), "it is installed")
                self.assertIn(f"`{program}` for `.sql.{end}`", page)
                self.take(BACKUP_FORMAT="plain", BACKUP_COMPRESSION=method)
                text = block.replace("gunzip -c", program).replace("gunzip", method)
                SECTIONS["other"] = ([text.replace("gz", end)], [])
                self.type("other")
                self.assertIsShop("shop_restored")
                CLUSTER.drop("shop_restored")

    def test_each_command_of_the_page_is_typed_by_a_test(self):
        with open(__file__, encoding="utf-8") as f:
            typed = set(re.findall(r'self\.type\("([^"]*)"\)', f.read()))
        self.assertEqual({heading for heading, (shell, _) in SECTIONS.items() if shell} - typed,
                         set())
