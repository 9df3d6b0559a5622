"""What changed between two backups: `pg-backup diff`."""

import os
import re

import pgtest
from pgbackup import BackupTestCase, PgBackup

CLUSTER = pgtest.Cluster()
DOCUMENT = os.path.join(pgtest.SUPPORT, "..", "..", "docs", "DIFF.md")

CONTENTS = """
CREATE TABLE growing AS SELECT i, md5(i::text) AS t FROM generate_series(1, 2000) i;
CREATE TABLE shrinking AS TABLE growing;
CREATE TABLE changing AS TABLE growing;
CREATE TABLE vanishing AS SELECT 1 AS i;
CREATE TABLE staying AS TABLE growing;
CREATE SEQUENCE up; SELECT setval('up', 10);
CREATE SEQUENCE down; SELECT setval('down', 10);
CREATE SEQUENCE untouched;
SELECT lo_from_bytea(4711, 'contents');
CREATE FUNCTION twice(i int) RETURNS int LANGUAGE sql AS 'SELECT 2 * i';
CREATE VIEW gone AS SELECT 1 AS i;
"""

CHANGES = """
INSERT INTO growing SELECT i, '' FROM generate_series(1, 1000) i;
DELETE FROM shrinking WHERE i <= 500;
UPDATE changing SET t = 'x' WHERE i = 50;
DROP TABLE vanishing;
CREATE TABLE appearing AS SELECT 1 AS i UNION ALL SELECT 2;
SELECT setval('up', 15);
SELECT setval('down', 5);
SELECT lo_from_bytea(4712, 'more');
CREATE OR REPLACE FUNCTION twice(i int) RETURNS int LANGUAGE sql AS 'SELECT i + i';
DROP VIEW gone;
CREATE INDEX added ON staying (i);
"""


def setUpModule():
    CLUSTER.start()


class DiffTestCase(BackupTestCase):
    def setUp(self):
        super().setUp()
        self.backup = PgBackup(self, CLUSTER, PG_DATABASES="appdb", BACKUP_GLOBALS="no")
        self.addCleanup(CLUSTER.drop, "appdb")

    def pair(self, contents=CONTENTS, changes="", options="", **settings):
        """Two backups of a database, the second after the changes and with the settings."""
        CLUSTER.create("appdb", contents, options)
        self.backup.at("-2d", "run")
        if changes:
            CLUSTER.sql(changes, "appdb")
        self.backup.at("-1d", "run", **settings)
        self.a, self.b = self.backup.backups("appdb")

    def diff(self, *names):
        return self.backup.must("diff", *(names or (self.a.stem, self.b.stem))).stdout

    def json(self, *names):
        return self.backup.must("diff", "--json", *(names or (self.a.stem, self.b.stem))).json

    def verdicts(self, kind="tables"):
        return [(c["verdict"], c["name"]) for c in self.json()[kind]]

    def last_line(self):
        return self.diff().splitlines()[-1]


class Changes(DiffTestCase):
    def test_each_is_told(self):
        self.pair(changes=CHANGES)
        text = self.diff()
        for line in (
                r"grew      public\.growing     2,000   3,000  \+1,000  +[\d.]+ KiB .* \+[\d.]+ KiB",
                r"shrank    public\.shrinking   2,000   1,500    -500  .* -[\d.]+ KiB",
                r"appeared  public\.appearing       -       2      \+2  +-  +4 B +\+4 B",
                r"vanished  public\.vanishing       1       -      -1  +2 B +- +-2 B",
                r"changed   public\.changing    2,000   2,000       0  .* -31 B",
                r"grew     public\.up    10  15",
                r"shrank   public\.down  10   5",
                r"Large objects grew: 1 -> 2 \(\+1\); bytes 8 B -> 12 B \(\+4 B\)",
                r"changed   FUNCTION    public  twice\(integer\)",
                r"vanished  VIEW        public  gone",
                r"appeared  INDEX       public  added"):
            self.assertRegex(text, f"(?m)^{line}$")
        self.assertNotIn("staying", re.sub("(?m)^.* INDEX .*$", "", text))
        self.assertNotIn("untouched", text)
        self.assertRegex(self.last_line(),
                         r"^5 of 6 tables differ; rows 8,001 -> 8,502 \(\+501\); bytes .*; "
                         r"2 sequences; large objects; \d+ definitions$")

    def test_the_largest_stands_first(self):
        self.pair(changes=CHANGES)
        self.assertEqual(self.verdicts(), [
            ("grew", "growing"), ("shrank", "shrinking"), ("appeared", "appearing"),
            ("vanished", "vanishing"), ("changed", "changing")])

    def test_the_order_is_the_one_given(self):
        self.pair(changes=CHANGES)
        self.a, self.b = self.b, self.a
        self.assertIn(("appeared", "vanishing"), self.verdicts())
        self.assertIn(("shrank", "growing"), self.verdicts())
        self.assertIn(("shrank", "up"), self.verdicts("sequences"))

    def test_an_attached_partition_is_a_definition_and_no_change_of_rows(self):
        self.pair("CREATE TABLE p (i int) PARTITION BY RANGE (i);"
                  "CREATE TABLE p1 (i int); INSERT INTO p1 VALUES (1);",
                  "ALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM (0) TO (10)")
        self.assertEqual(self.verdicts(), [])
        definitions = self.json()["definitions"]
        self.assertEqual([(d["verdict"], d["type"], d["name"]) for d in definitions],
                         [("appeared", "TABLE ATTACH", "p1")])
        self.assertRegex(self.last_line(), "^0 of 1 tables differ; rows 1; bytes 2 B; 1 definition$")

    def test_only_whether_a_sequence_gave_its_value_out_has_changed(self):
        self.pair("CREATE SEQUENCE s", "SELECT nextval('s')")
        self.assertRegex(self.diff(), r"(?m)^changed  public\.s  1, not called yet  1$")


class Names(DiffTestCase):
    def test_are_quoted_where_sql_needs_it(self):
        self.pair("CREATE SCHEMA \"Größe\"", """
            CREATE TABLE "Größe"."a "" b" (i int); CREATE TABLE "Größe".plain_1 (i int);
            CREATE TABLE "line\nbreak" (i int); CREATE TABLE "1st" (i int)""")
        text = self.diff()
        for name in ('"Größe"."a "" b"', '"Größe".plain_1', r'public."line\nbreak"',
                     'public."1st"'):
            self.assertRegex(text, f"(?m)^appeared  {re.escape(name)}  ")
        self.assertIn({"schema": "Größe", "name": 'a " b'},
                      [{key: t[key] for key in ("schema", "name")} for t in self.json()["tables"]])

    def test_that_are_not_utf8_are_hexadecimal_in_json(self):
        self.pair("", "SET client_encoding TO UTF8; CREATE TABLE café (i int)",
                  options="ENCODING LATIN1 LOCALE 'C' TEMPLATE template0")
        table, = self.json()["tables"]
        self.assertEqual(table["name_hex"], "636166e9")
        self.assertIn(r'public."caf\xE9"', self.diff())


class Equal(DiffTestCase):
    def test_backups_have_no_differences(self):
        self.pair()
        self.assertEqual(self.last_line(), "no differences")
        found = self.json()
        self.assertEqual(found["differences"], 0)
        self.assertEqual(found["undecided"], {"tables": 0, "contents": None, "definitions": None})

    def test_an_archive_and_a_directory_have_no_differences(self):
        self.pair(BACKUP_FORMAT="directory")
        self.assertEqual(self.last_line(), "no differences")

    def test_of_an_archive_and_sql_text_all_but_the_definitions_are_compared(self):
        self.pair(BACKUP_FORMAT="plain")
        self.assertIn('Definitions could not be compared: format is "archive" in A and "SQL text" '
                      'in B.\n', self.diff())
        self.assertEqual(self.last_line(), "no differences in what could be compared")

    def test_a_change_between_formats_is_found(self):
        self.pair(changes="UPDATE changing SET t = 'x' WHERE i = 50; SELECT lo_put(4711, 0, 'C')",
                  BACKUP_FORMAT="plain")
        self.assertEqual(self.verdicts(), [("changed", "changing")])
        self.assertIn("Large objects changed: 1; bytes 8 B\n", self.diff())

    def test_a_copy_equals_its_original_and_is_said_to_be_another_database(self):
        self.pair()
        self.addCleanup(CLUSTER.drop, "copy")
        self.backup.must("restore", "appdb", "--to", "copy")
        self.backup.must("run", PG_DATABASES="copy")
        text = self.diff("appdb", "copy")
        self.assertRegex(text, r'(?m)^A  appdb_\S+  .*, database "appdb"$')
        self.assertRegex(text, r'(?m)^B  copy_\S+  .*, database "copy"$')
        self.assertIn("A and B are of different databases.\n", text)
        self.assertEqual(text.splitlines()[-1], "no differences")


class Undecided(DiffTestCase):
    """Contents that were written otherwise are not called changed."""

    CONTENTS = ("CREATE TABLE b AS SELECT 'x\\000'::bytea AS b; CREATE TABLE t AS SELECT 1 AS i;"
                "CREATE TABLE grown AS SELECT 'x\\000'::bytea AS b;")
    CHANGES = "ALTER DATABASE appdb SET bytea_output = escape; INSERT INTO grown TABLE grown"

    def test_contents_are_named_with_the_reason(self):
        self.pair(self.CONTENTS, self.CHANGES)
        self.assertEqual(self.verdicts(), [("grew", "grown"), ("undecided", "b")])
        self.assertEqual(self.json()["undecided"]["tables"], 1)
        self.assertIn('Where rows are as many, contents could not be compared: bytea_output is '
                      '"hex" in A and "escape" in B.\n', self.diff())
        self.assertRegex(self.last_line(), "^1 of 3 tables differ; .*; 1 undecided table$")

    def test_they_do_not_pass_for_equal(self):
        self.pair(self.CONTENTS, "ALTER DATABASE appdb SET bytea_output = escape")
        self.assertEqual(self.json()["differences"], 0)
        self.assertEqual(self.last_line(), "no differences in what could be compared")

    def test_contents_of_another_major_version_are_compared_and_definitions_are_not(self):
        newer = pgtest.Cluster(major=17).start()
        self.addCleanup(newer.stop, "immediate")
        self.pair()
        newer.create("appdb", CONTENTS + "UPDATE changing SET t = 'x' WHERE i = 50")
        self.backup.must("run", PG_HOST=newer.host, PG_PORT=newer.port, PG_BINDIR=newer.bindir)
        self.b = self.backup.backup("appdb")
        self.assertEqual(self.verdicts(), [("changed", "changing")])
        text = self.diff()
        self.assertRegex(text, r"(?m)^A .*, server 15\.\d+$")
        self.assertRegex(text, r"(?m)^B .*, server 17\.\d+$")
        self.assertIn("Definitions could not be compared: server's major version is "
                      '"15" in A and "17" in B; ', text)


class OneOperand(DiffTestCase):
    def test_is_compared_with_the_newest_good_one_before_it(self):
        self.pair(changes=CHANGES)
        self.backup.must("run")
        damaged, newest = self.b, self.backup.backup("appdb")
        os.truncate(damaged.data, 10)
        for name in ("appdb", newest.stem):
            text = self.diff(name)
            self.assertRegex(text, f"^A  {self.a.stem}  .*, the newest good backup before B\n")
            self.assertIn(f"\nB  {newest.stem}  ", text)

    def test_without_a_backup_before_it_is_an_error(self):
        self.pair()
        done = self.backup("diff", self.a.stem)
        self.assertEnded(done, 2, "not-found",
                         f'there is no good backup of "appdb" before {self.a.stem}')


class Refused(DiffTestCase):
    def test_a_backup_without_an_inventory_with_the_reason_of_its_manifest(self):
        self.pair()
        os.unlink(self.a.inventory)
        why = {"what": "an inventory", "why": "archive version 1.99-0 is not known", "warning": True}
        self.a.rewrite(inventory_file=None, inventory_sha256=None, omissions=[why])
        done = self.backup("diff", self.a.stem, self.b.stem)
        self.assertEnded(done, 5, "could-not-verify",
                         f"{self.a.stem} has no inventory: archive version 1.99-0 is not known\n"
                         "Compare later backups")
        self.assertEqual(done.stdout, "")

    def test_a_backup_without_an_inventory_and_without_a_reason(self):
        self.pair()
        os.unlink(self.b.inventory)
        self.b.rewrite(inventory_file=None, inventory_sha256=None)
        self.assertEnded(self.backup("diff", "--json", "appdb"), 5, "could-not-verify",
                         f"{self.b.stem} has no inventory: pg-backup [0-9.]+, which has made it")

    def test_an_inventory_that_is_not_the_manifests(self):
        self.pair()
        with open(self.b.inventory, encoding="utf-8") as f:
            text = f.read()
        with open(self.b.inventory, "w", encoding="utf-8") as f:
            f.write(text.replace('"rows":2000', '"rows":2001', 1))
        self.assertEnded(self.backup("diff", "appdb"), 4, "damaged",
                         f"{self.b.stem}: .*has SHA-256 .*, its manifest says")

    def test_a_backup_whose_manifest_cannot_be_read(self):
        self.pair()
        with open(self.b.path, "w", encoding="utf-8") as f:
            f.write("{")
        self.assertEnded(self.backup("diff", self.a.stem, self.b.stem), 4, "damaged", self.b.stem)

    def test_globals_which_have_no_tables(self):
        self.pair()
        self.backup.must("run", BACKUP_GLOBALS="yes")
        self.assertEnded(self.backup("diff", "globals"), 2, "usage", '"globals" holds no database')

    def test_no_operands_and_too_many(self):
        self.assertEnded(self.backup("diff"), 2, "usage", "one BACKUP or two")
        self.assertEnded(self.backup("diff", "a", "b", "c"), 2, "usage", 'surplus operand "c"')

    def test_a_backup_that_there_is_not(self):
        self.pair()
        self.assertEnded(self.backup("diff", "other", "appdb"), 2, "not-found", '"other"')

    def test_nothing_where_the_dump_is_damaged_and_its_inventory_is_not(self):
        self.pair()
        os.truncate(self.b.data, 10)
        text = self.diff()
        self.assertRegex(text, r"(?m)^B  .*, DAMAGED: data file ")
        self.assertIn("no differences", text)


class Documented(DiffTestCase):
    def test_each_member_of_the_json_has_its_row_and_each_row_its_member(self):
        self.pair(changes=CHANGES)
        printed = set(paths(self.json()))
        with open(DOCUMENT, encoding="utf-8") as f:
            members = f.read().partition("## Members")[2]
        documented = set(re.findall(r"(?m)^\| `([a-z_.\[\]]+)` \|", members))
        self.assertEqual(printed, documented)

    def test_it_is_the_same_each_time(self):
        self.pair(changes=CHANGES)
        call = ("diff", "--json", self.a.stem, self.b.stem)
        self.assertEqual(self.backup.must(*call).stdout, self.backup.must(*call).stdout)


def paths(value, prefix=""):
    """'tables[].name' and its like, of all members at any depth; b is as a."""
    if isinstance(value, list):
        for item in value:
            yield from paths(item, prefix + "[]")
    elif isinstance(value, dict):
        for key, member in value.items():
            path = f"{prefix}.{key}" if prefix else key
            if not path.startswith("b."):
                yield path
                yield from paths(member, path)
