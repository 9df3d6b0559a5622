"""The claims that hold for the archives of every major: what stock tools make of them, and what
stands in their inventories. A module for each major (test_archive_15.py …) brings the server.

The untouched archive is pg_dump's own of the awkward database, uncompressed, out of a pipe. What is
compared with it was made from its very bytes by archive-tool, so that nothing can differ but what
we did; runs of pg-backup itself are compared with it where time does not show.
"""

import json
import os
import re
import subprocess

import pgtest
from pgbackup import BINARY, PgBackup

TOOL = os.path.join(os.path.dirname(BINARY), "tests", "archive-tool")

# Lines that newer minors of pg_dump and pg_restore fill with noise, against injections. None is the
# first; and a pattern that began with ^ would be tried at each byte of tens of megabytes.
RESTRICT = re.compile(rb"\n\\(?:un)?restrict \w+(?=\n)")


def archive_tool(data, *args):
    """Sends bytes through one of archive-tool's commands; gives what comes out."""
    done = subprocess.run([TOOL, *args], input=data, capture_output=True, timeout=60, check=False)
    if done.returncode != 0:
        raise AssertionError(f"archive-tool {args}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def without_noise(sql):
    return RESTRICT.sub(b"", sql)


class Inventory:
    """One as archive-tool or a backup has it: a header, then a line of JSON for each thing."""

    def __init__(self, text):
        self.header, *self.lines = map(json.loads, text.splitlines())

    def of_kind(self, kind):
        return {(line["schema"], line["name"]): line for line in self.lines
                if line["kind"] == kind}

    @property
    def tables(self):
        return self.of_kind("table")

    @property
    def rows(self):
        return {name: table["rows"] for name, table in self.tables.items()}

    @property
    def large_objects(self):
        found, = (line for line in self.lines if line["kind"] == "large_objects")
        return found

    @property
    def contents(self):
        """All but the definitions, which are the client's own words."""
        return [line for line in self.lines if line["kind"] != "definition"]

    @property
    def definitions(self):
        return [line for line in self.lines if line["kind"] == "definition"]


class Ground:
    """A server of one major with the awkward database and pg_dump's untouched archive of it."""

    def __init__(self, major):
        self.major = major
        # As pg-backup dumps; the text of timestamps depends on it.
        self.cluster = pgtest.Cluster(major=major, settings={"timezone": "UTC"})
        # Archives of 15 have no place for more than gzip.
        self.codecs = ("gzip:1", "gzip:6") if major < 16 else ("gzip:2", "zstd:1", "lz4")
        self.native = ("gzip:1", "0") if major < 16 else ("gzip:1", "zstd:1", "lz4", "none")

    def start(self):
        cluster = self.cluster.start()
        self.database = cluster.create_awkward("awkward")
        self.untouched = self.dump("--compress=0")
        cluster.create("reference", options="TEMPLATE template0")
        cluster.tool("pg_restore", "--exit-on-error", "-d", "reference", stdin=self.untouched)
        self.reference = self.sql_of("reference")

    def dump(self, *options, bindir=None, form="custom"):
        """What pg_dump writes, of the server's major or from another directory."""
        # To a pipe: into a file it would write offsets and, from 16 on, a second TOC behind.
        return subprocess.run(
            [f"{bindir or self.cluster.bindir}/pg_dump", f"--format={form}", *options],
            env=self.cluster.environment(self.database), check=True, capture_output=True,
            timeout=60).stdout

    def sql_of(self, database, *options):
        return without_noise(self.cluster.tool("pg_dump", *options, database=database))


class ArchiveTestCase(pgtest.TestCase):
    ground = None
    seconds = 300  # there is a lot to restore

    def setUp(self):
        super().setUp()
        self.cluster = self.ground.cluster

    def restore(self, archive, *options):
        """Restores into a database of its own; gives the SQL of that."""
        # Never dropped: it holds a subscription. The cluster as a whole goes away.
        database = f"copy {len(self.cluster.databases())}"
        self.cluster.create(database, options="TEMPLATE template0")
        self.cluster.tool("pg_restore", "--exit-on-error", *options, "-d", database,
                          self.write_bytes(archive))
        return self.ground.sql_of(database)

    def write_bytes(self, data, name="archive"):
        path = os.path.join(self.tmp, name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def list(self, archive):
        """pg_restore's list without what compression, format and the time of the dump are in."""
        listed = self.cluster.tool("pg_restore", "--list", self.path_of(archive))
        return [line for line in listed.split(b"\n")
                if not re.match(b"; (Archive created at|    Compression:|    Format:) ", line)]

    def text(self, archive, *options):
        """The SQL that pg_restore makes of it."""
        return without_noise(self.cluster.tool("pg_restore", *options, "-f", "-",
                                               self.path_of(archive)))

    def read(self, archive):
        """Both: its list and its SQL."""
        path = self.path_of(archive)
        return self.list(path), self.text(path)

    def path_of(self, archive):
        """Of bytes, or of what is a path already."""
        return archive if isinstance(archive, str) else self.write_bytes(archive)

    def inventory(self, data, command="scan", *options):
        path = os.path.join(self.tmp, "inventory")
        archive_tool(data, command, "--inventory=" + path, *options)
        with open(path, encoding="utf-8") as f:
            return Inventory(f.read())

    def assertSameBytes(self, first, second):
        """assertEqual() would spend minutes on a difference in megabytes."""
        if first != second:
            at = next((i for i, pair in enumerate(zip(first, second)) if pair[0] != pair[1]),
                      min(len(first), len(second)))
            self.fail(f"they differ from byte {at} on:\n{first[at - 100:at + 100]}\n"
                      f"{second[at - 100:at + 100]}")


class StockTools(ArchiveTestCase):
    """pg_restore cannot tell our archive from pg_dump's but by its compression."""

    untouched = None  # what it makes of pg_dump's

    def each(self, check, archive, *options):
        """Checks the archive as it is in each compression."""
        for codec in self.ground.codecs:
            with self.subTest(codec=codec):
                check(archive_tool(archive, "transcode", "--codec=" + codec, *options))

    def read_untouched(self):
        """Once for all tests."""
        if self.untouched is None:
            type(self).untouched = self.read(self.ground.untouched)
        return self.untouched

    def assertReadAlike(self, ours, expected):
        listed, text = self.read(ours)
        self.assertEqual(listed, expected[0])
        self.assertSameBytes(text, expected[1])

    def test_it_lists_and_prints_the_same(self):
        expected = self.read_untouched()
        for options in ((), ("--piece-size=10000", "--threads=3")):
            self.each(lambda ours: self.assertReadAlike(ours, expected),
                      self.ground.untouched, *options)

    def test_it_reads_other_kinds_of_archives_alike(self):
        for i, options in enumerate((
                ("--inserts",), ("--column-inserts", "--rows-per-insert=3"), ("--schema-only",),
                ("--data-only",), ("--schema=types",), ("--no-blobs",), ("--section=post-data",),
                ("--table=wide", "--table=objects.keys"))):
            codec = self.ground.codecs[i % len(self.ground.codecs)]
            with self.subTest(options=options, codec=codec):
                archive = self.ground.dump("--compress=0", *options)
                self.assertReadAlike(archive_tool(archive, "transcode", "--codec=" + codec),
                                     self.read(archive))

    def test_it_finds_one_table_in_it(self):
        options = ("--data-only", "--schema=types", "--table=ranges")
        expected = self.text(self.ground.untouched, *options)
        self.each(lambda ours: self.assertSameBytes(self.text(ours, *options), expected),
                  self.ground.untouched)

    def test_it_reads_from_a_pipe(self):
        _, expected = self.read_untouched()
        self.each(lambda ours: self.assertSameBytes(
            without_noise(self.cluster.tool("pg_restore", "-f", "-", stdin=ours)), expected),
            self.ground.untouched)

    def test_it_restores_an_equal_database(self):
        self.each(lambda ours: self.assertSameBytes(self.restore(ours), self.ground.reference),
                  self.ground.untouched)

    def test_it_restores_an_equal_database_with_two_jobs(self):
        self.each(lambda ours: self.assertSameBytes(self.restore(ours, "-j2"),
                                                    self.ground.reference),
                  self.ground.untouched, "--piece-size=20000")

    def test_a_run_stores_what_it_reads_alike(self):
        backup = PgBackup(self, self.cluster, PG_DATABASES=self.ground.database)
        for codec in ("auto", "none", "native", *self.ground.codecs):
            with self.subTest(codec=codec):
                backup.must("run", BACKUP_COMPRESSION=codec)
                self.assertReadAlike(backup.backup(self.ground.database).data,
                                     self.read_untouched())

    def test_a_run_stores_a_directory_that_it_reads_alike(self):
        backup = PgBackup(self, self.cluster, PG_DATABASES=self.ground.database,
                          BACKUP_FORMAT="directory", BACKUP_JOBS=2)
        backup.must("run")
        self.assertReadAlike(backup.backup(self.ground.database).data, self.read_untouched())

    def test_pg_dump_and_pg_restore_alone_come_to_a_fixed_point(self):
        # But for what PostgreSQL words otherwise once it is restored; publications have some of it.
        self.assertSameBytes(*(self.ground.sql_of(database, "--exclude-schema=wordings",
                                                  "--no-publications")
                               for database in ("reference", self.ground.database)))


class Inventories(ArchiveTestCase):
    """They tell what is in a database, however it was dumped."""

    def setUp(self):
        super().setUp()
        self.expected = self.inventory(self.ground.untouched)

    def assertSameContents(self, found):
        self.assertEqual(found.contents, self.expected.contents)

    def assertSame(self, found):
        self.assertSameContents(found)
        self.assertEqual(found.definitions, self.expected.definitions)

    def test_the_rows_are_those_that_count_says(self):
        # The rows of by_enum_0 are loaded through its root: see test_rows_that_are_loaded_….
        counted = self.cluster.sql(r"""
            SELECT format('SELECT %L, %L, count(*) FROM ONLY %I.%I',
                          encode(convert_to(nspname, 'UTF8'), 'hex'),
                          encode(convert_to(name, 'UTF8'), 'hex'), nspname, relname)
            FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace,
                 replace(relname, 'by_enum_0', 'by_enum') name
            WHERE relkind = 'r' AND nspname !~ '^pg_' AND nspname <> 'information_schema'
            \gexec""", self.ground.database)
        rows = {}
        for line in counted.split("\n"):
            schema, table, count = line.split("|")
            rows[bytes.fromhex(schema).decode(), bytes.fromhex(table).decode()] = int(count)
        self.assertEqual(self.expected.rows, rows)

    def test_the_large_objects_are_those_that_count_says(self):
        sizes = self.cluster.sql("SELECT count(*), sum(length(lo_get(oid)))"
                                 " FROM pg_largeobject_metadata", self.ground.database)
        found = self.expected.large_objects
        self.assertEqual(f"{found['count']}|{found['bytes']}", sizes)

    def test_the_sequences_have_their_values(self):
        values = self.cluster.sql(r"""
            SELECT format('SELECT %L, last_value, is_called FROM %I.%I',
                          encode(convert_to(relname, 'UTF8'), 'hex'), nspname, relname)
            FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'S'
            \gexec""", self.ground.database)
        expected = {}
        for line in values.split("\n"):
            name, value, called = line.split("|")
            expected[bytes.fromhex(name).decode()] = (int(value), called == "t")
        found = {name: (line["value"], line["called"])
                 for (_, name), line in self.expected.of_kind("sequence").items()}
        self.assertEqual(found, expected)

    def test_they_are_the_same_while_transcoding(self):
        for codec in self.ground.codecs:
            for options in (("--threads=1",), ("--threads=5", "--piece-size=1000"),
                            ("--piece-size=70000", "--no-check")):
                with self.subTest(codec=codec, options=options):
                    self.assertSame(self.inventory(self.ground.untouched, "transcode",
                                                   "--codec=" + codec, *options))

    def test_they_are_the_same_when_read_back(self):
        for codec in self.ground.codecs:
            for size in ("3000", "0"):
                with self.subTest(codec=codec, size=size):
                    ours = archive_tool(self.ground.untouched, "transcode", "--codec=" + codec,
                                        "--piece-size=" + size)
                    self.assertSame(self.inventory(ours, "observe"))

    def test_they_are_the_same_when_pg_dump_compresses(self):
        for codec in self.ground.native:
            with self.subTest(codec=codec):
                archive = self.ground.dump("--compress=" + codec.removeprefix("gzip:"))
                self.assertSame(self.inventory(archive, "observe"))

    def test_observing_changes_nothing(self):
        for codec in self.ground.native:
            archive = self.ground.dump("--compress=" + codec.removeprefix("gzip:"))
            self.assertSameBytes(archive_tool(archive, "observe"), archive)

    def test_they_are_the_same_in_plain_format(self):
        sql = self.ground.dump(form="plain")
        self.assertSameContents(self.inventory(sql, "observe-sql"))
        for tool in ("gzip", "zstd"):
            with self.subTest(tool=tool):
                packed = subprocess.run([tool, "-c"], input=sql, capture_output=True, check=True,
                                        timeout=60).stdout
                self.assertSameContents(self.inventory(packed, "observe-sql", "--codec=" + tool))

    def test_they_are_the_same_by_newer_clients(self):
        for major in (15, 17, 18):
            if major > self.ground.major:
                with self.subTest(major=major):
                    bindir = pgtest.bindir_of(major)
                    self.assertSameContents(
                        self.inventory(self.ground.dump("--compress=0", bindir=bindir)))
                    self.assertSameContents(
                        self.inventory(self.ground.dump(bindir=bindir, form="plain"),
                                       "observe-sql"))

    def test_a_run_stores_the_same(self):
        backup = PgBackup(self, self.cluster, PG_DATABASES=self.ground.database)
        for form, codec in (("custom", "auto"), ("custom", "native"), ("directory", "auto"),
                            ("plain", "gzip"), ("plain", "zstd"), ("plain", "none")):
            with self.subTest(form=form, codec=codec):
                backup.must("run", BACKUP_FORMAT=form, BACKUP_COMPRESSION=codec)
                stored = backup.backup(self.ground.database)
                with open(f"{os.path.dirname(stored.path)}/{stored.manifest['inventory_file']}",
                          encoding="utf-8") as f:
                    found = Inventory(f.read())
                self.assertSameContents(found)
                if form != "plain":
                    self.assertEqual(found.definitions, self.expected.definitions)

    def test_they_are_the_same_of_a_restored_copy(self):
        copy = self.cluster.tool("pg_dump", "-Fc", "-Z0", database="reference")
        self.assertSame(self.inventory(copy))


class Changes(ArchiveTestCase):
    """A small database of the class's own."""

    @classmethod
    def setUpClass(cls):
        cls.database = cls.ground.cluster.create("changes")

    def after(self, sql, *options):
        """The archive of the database once the statements have changed it."""
        self.cluster.sql(sql, self.database)
        return self.cluster.tool("pg_dump", "-Fc", "-Z0", *options, database=self.database)

    def test_one_changed_byte_in_any_row_changes_its_table_and_no_other(self):
        archive = self.after("""
            CREATE TABLE a AS SELECT i, 'row ' || i || ' of a' AS t FROM generate_series(1, 100) i;
            CREATE TABLE b AS SELECT i, 'row ' || i || ' of b' AS t FROM generate_series(1, 9) i""")
        before = self.inventory(archive).tables
        a, b = ("public", "a"), ("public", "b")
        digests = {before[a]["digest"]}
        for i in range(1, 101):
            changed = archive.replace(b"row %d of a" % i, b"rov %d of a" % i)
            after = self.inventory(changed).tables
            self.assertEqual(after[b], before[b])
            self.assertEqual(after[a]["rows"], 100)
            digests.add(after[a]["digest"])
        self.assertEqual(len(digests), 101)

    def test_bytes_that_move_from_row_to_row_change_it(self):
        variants = ("('ab'), ('c')", "('a'), ('bc')", "('abc')", "('abc'), ('')",
                    "('ab'), ('c'), ('c')", "('ab')", "('c')")
        archive = self.after("CREATE SCHEMA moving;" + "".join(
            f"CREATE TABLE moving.t{i} AS VALUES {rows};" for i, rows in enumerate(variants)),
            "--schema=moving")
        found = self.inventory(archive).tables.values()
        self.assertEqual(len({table["digest"] for table in found}), len(variants))

    def test_the_order_of_rows_changes_nothing(self):
        archive = self.after("CREATE SCHEMA ordered;" + "".join(f"""
            CREATE TABLE ordered.{name} AS SELECT i, repeat('x', i) AS t
                FROM generate_series(1, 999) i ORDER BY {order};""" for name, order in (
                ("a", "i"), ("b", "i DESC"), ("c", "i * 7919 % 1000"))), "--schema=ordered")
        found = {(table["rows"], table["bytes"], table["digest"])
                 for table in self.inventory(archive).tables.values()}
        self.assertEqual(len(found), 1)

    def test_a_changed_large_object_changes_the_large_objects_alone(self):
        objects, tables = set(), set()
        variants = ((60000, "a", "b"), (60000, "a", "c"), (60000, "b", "a"), (60001, "a", "b"),
                    (60000, "a", ""), (60000, "", ""))
        for oid, first, second in variants:
            archive = self.after(f"""
                SELECT lo_unlink(oid) FROM pg_largeobject_metadata;
                SELECT lo_from_bytea({oid}, '{first}'), lo_from_bytea(70000, '{second}')""")
            inventory = self.inventory(archive)
            objects.add(inventory.large_objects["digest"])
            tables.add(str(inventory.tables))
        self.assertEqual(len(objects), len(variants))
        self.assertEqual(len(tables), 1)

    def test_rows_that_are_loaded_through_their_root_are_counted_there(self):
        # By which partition a row is in depends on the oids of the labels, new in every database.
        labels = ", ".join(f"'{i}'" for i in range(40))
        archive = self.after(f"""
            CREATE TYPE label AS ENUM ({labels});
            CREATE TABLE rooted (l label) PARTITION BY HASH (l);
            CREATE TABLE rooted_0 PARTITION OF rooted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
            CREATE TABLE rooted_1 PARTITION OF rooted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
            INSERT INTO rooted SELECT unnest(enum_range(NULL::label))""", "--table=rooted*")
        before = self.inventory(archive)
        self.assertEqual(before.rows, {("public", "rooted"): 40})
        self.cluster.create("rooted copy", f"CREATE TYPE label AS ENUM ({labels})")
        self.cluster.tool("pg_restore", "-d", "rooted copy", stdin=archive)
        copy = self.cluster.tool("pg_dump", "-Fc", "-Z0", "--table=rooted*", database="rooted copy")
        self.assertEqual(self.inventory(copy).contents, before.contents)

    def test_the_rows_are_those_of_the_snapshot(self):
        self.cluster.sql("CREATE TABLE busy AS SELECT i FROM generate_series(1, 500) i",
                         self.database)
        session = self.cluster.session(self.database)
        self.addCleanup(session.close)
        session.do("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        snapshot = session.do("SELECT pg_export_snapshot()")
        archive = self.after("INSERT INTO busy SELECT i FROM generate_series(1, 77) i",
                             "--table=busy", "--snapshot=" + snapshot)
        counted = int(session.do("SELECT count(*) FROM busy"))
        self.assertEqual(self.inventory(archive).rows, {("public", "busy"): counted})
        self.assertEqual(counted, 500)
