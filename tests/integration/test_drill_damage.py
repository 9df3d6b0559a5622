"""Damage is found by a drill, and named: in the stored backup, and in what a restore has made."""

import json
import os
import re
import shutil

import pgtest
from drills import DrillTestCase, restore_then

CLUSTER = pgtest.Cluster()

CONTENTS = """
CREATE TABLE changed AS SELECT i, md5(i::text) AS t FROM generate_series(1, 100) i;
CREATE TABLE removed AS SELECT * FROM changed;
CREATE TABLE added AS SELECT * FROM changed;
CREATE TABLE moved_from AS SELECT * FROM changed;
CREATE TABLE moved_to AS SELECT * FROM changed WHERE i > 50;
CREATE TABLE gone AS SELECT 1 AS i;
CREATE TABLE doubled AS SELECT * FROM changed;
CREATE TABLE granted (i int); GRANT SELECT ON granted TO PUBLIC;
CREATE TABLE keyed (i int, n int); CREATE INDEX by_n ON keyed (n); CREATE INDEX by_i ON keyed (i);
CREATE TABLE noted (i int NOT NULL, t text DEFAULT 'a'); COMMENT ON TABLE noted IS 'original';
CREATE SEQUENCE counter; SELECT setval('counter', 4711);
CREATE SEQUENCE asked; SELECT setval('asked', 5);
SELECT lo_from_bytea(4711, 'contents');
CREATE FUNCTION twice(i int) RETURNS int LANGUAGE sql AS 'SELECT 2 * i';
CREATE TABLE indexed (i int PRIMARY KEY);
INSERT INTO indexed SELECT generate_series(1, 1000);
CREATE TABLE parent (a int); CREATE TABLE heir (own text) INHERITS (parent);
ALTER TABLE parent ADD late text; -- which stands before "own" in a copy
INSERT INTO heir (a, own, late) VALUES (1, 'x', 'y'), (2, 'x', 'y');
CREATE TABLE adopted (late text, a int DEFAULT 1); ALTER TABLE adopted INHERIT parent;
CREATE TABLE aged AS SELECT now() - interval '2 days' AS at;
"""

# What each statement does to the copy, and what a drill has to say of it.
DAMAGES = {
    "UPDATE changed SET t = 'x' WHERE i = 50":
        r"table public\.changed: other contents in as many rows",
    "DELETE FROM removed WHERE i = 50":
        r"table public\.removed: 100 rows became 99",
    "INSERT INTO added VALUES (101, 'x')":
        r"table public\.added: 100 rows became 101",
    "WITH m AS (DELETE FROM moved_from WHERE i = 1 RETURNING *) INSERT INTO moved_to TABLE m":
        r"table public\.moved_to: 50 rows became 51",
    "DELETE FROM doubled WHERE i = 1; INSERT INTO doubled SELECT * FROM doubled WHERE i = 2":
        r"table public\.doubled: other contents in as many rows",
    "DROP TABLE gone":
        r"table public\.gone",
    "CREATE TABLE extra AS SELECT 1":
        r"table public\.extra",
    "SELECT setval('counter', 1)":
        r"sequence public\.counter: 4711.* became 1",
    "SELECT setval('asked', 5, false)":
        r"sequence public\.asked: 5",
    "SELECT lo_put(4711, 0, 'C')":
        r"large objects",
    "CREATE OR REPLACE FUNCTION twice(i int) RETURNS int LANGUAGE sql AS 'SELECT i + i'":
        r"FUNCTION public\.twice\(integer\)",
    "REVOKE SELECT ON granted FROM PUBLIC":
        r"ACL public\..*granted",
    "DROP INDEX by_n":
        r"INDEX public\.by_n",
    "DROP INDEX by_i; CREATE INDEX by_i ON keyed (i DESC)":
        r"INDEX public\.by_i",
    "ALTER TABLE noted ALTER i DROP NOT NULL, ALTER t SET DEFAULT 'b'":
        r"TABLE public\.noted",
    "UPDATE heir SET own = late, late = own WHERE a = 1":
        r"table public\.heir: other contents in as many rows",
    "ALTER TABLE adopted ALTER a SET DEFAULT 2":
        r"TABLE public\.adopted",
    "COMMENT ON TABLE noted IS 'other'":
        r"COMMENT public\..*noted",
}


def setUpModule():
    CLUSTER.start()
    CLUSTER.create("appdb", CONTENTS)
    CLUSTER.create("other", "CREATE TABLE t AS SELECT 1 AS a")


class Damage(DrillTestCase):
    form = "custom"

    def setUp(self):
        super().setUp()
        self.backup = self.installation(CLUSTER, "appdb", BACKUP_FORMAT=self.form)

    def assertFailed(self, proof, level, says):
        self.assertEqual(proof["result"], "failed", proof)
        self.assertEqual(self.outcomes(proof)[level], "failed", proof)
        self.assertRegex(self.why(proof, level), says)
        self.assertIn("not-proven", [event.get("reason") for event in self.printed.events])


class InTheCopy(Damage):
    program = "pg_restore"

    def drill_damaged(self, sql):
        self.backup.must("run")
        script = restore_then(CLUSTER, sql, self.program)
        return self.drill(self.backup, 4, PG_BINDIR=self.bindir(CLUSTER, **{self.program: script}))

    def test_every_difference_of_the_contents_is_named(self):
        proof = self.drill_damaged(";\n".join(DAMAGES) + ";")
        self.assertFailed(proof, "fixed-point", "differs from the original in")
        for statement, says in DAMAGES.items():
            with self.subTest(statement):
                self.assertTrue(any(re.search(says, d) for d in proof["differences"]), proof)
        self.assertRegex("\n".join(proof["differences"]), r"moved_from: 100 rows became 99")
        self.assertRegex(self.printed.stdout, "(?m)^ +differs: table public.added: 100 rows")
        self.assertRegex(self.backup.must("list").stdout, "DRILL FAILED")
        self.assertEndedUnhealthy()

    def assertEndedUnhealthy(self):
        done = self.backup("health")
        self.assertEqual(done.code, 3, done)
        self.assertIn("its drill failed", done.stdout)

    def test_an_index_that_lacks_a_row_is_found(self):
        proof = self.drill_damaged("""
            UPDATE pg_index SET indisready = false WHERE indexrelid = 'indexed_pkey'::regclass;
            DELETE FROM indexed WHERE i = 1000;
            INSERT INTO indexed VALUES (1000);
            UPDATE pg_index SET indisready = true WHERE indexrelid = 'indexed_pkey'::regclass;""")
        self.assertFailed(proof, "amcheck", "indexed_pkey")
        self.assertEqual(self.outcomes(proof)["fixed-point"], "passed", proof)


class InTheCopyOfText(InTheCopy):
    form = "plain"
    program = "psql"

    # One round shows that text goes the same way; the rest is the archive's.
    test_an_index_that_lacks_a_row_is_found = None


class InTheStore(Damage):
    """All of it is found before anything is restored, so these take no server."""

    settings = {}

    def setUp(self):
        super().setUp()
        self.backup.must("run", PG_DATABASES="appdb other", **self.settings)
        self.stored = self.backup.backup("appdb")

    def assertFound(self, level, says):
        self.assertFailed(self.drill(self.backup, 4, self.stored.stem), level, says)

    def flip_a_bit(self, path):
        with open(path, "rb") as f:
            data = bytearray(f.read())
        data[len(data) // 2] ^= 1
        with open(path, "wb") as f:
            f.write(data)


class InTheFile(InTheStore):
    def test_a_flipped_bit(self):
        self.flip_a_bit(self.stored.data)
        self.assertFound("digest", "SHA-256")

    def test_a_truncation(self):
        os.truncate(self.stored.data, 100)
        self.assertFound("digest", "100 bytes")

    def test_another_backups_file(self):
        shutil.copy(self.backup.backup("other").data, self.stored.data)
        self.assertFound("digest", "bytes|SHA-256")

    def test_an_edited_inventory(self):
        with open(self.stored.inventory, encoding="utf-8") as f:
            text = f.read()
        with open(self.stored.inventory, "w", encoding="utf-8") as f:
            f.write(text.replace('"rows":100', '"rows":101', 1))
        self.assertFound("digest", "inventory")

    def test_an_edited_manifest(self):
        with open(self.stored.path, encoding="utf-8") as f:
            manifest = json.load(f)
        manifest["rows"] += 1
        with open(self.stored.path, "w", encoding="utf-8") as f:
            json.dump(manifest, f)
        self.assertFound("digest", "does not hold the digests")

    def test_a_manifest_that_cannot_be_read(self):
        with open(self.stored.path, "w", encoding="utf-8") as f:
            f.write("{")
        done = self.backup("drill", self.stored.stem)
        self.assertEqual(done.code, 4, done)
        self.assertIn("stored digest", done.said)


class InTheText(InTheStore):
    """Somebody has changed the text, and every digest with it, but the inventory's."""

    form = "plain"
    settings = {"BACKUP_COMPRESSION": "none"}

    def replace(self, old, new):
        text = self.stored.read()
        self.assertEqual(text.count(old), 1)
        with open(self.stored.data, "wb") as f:
            f.write(text.replace(old, new))
        digest, size = self.stored.sha256(), os.path.getsize(self.stored.data)
        self.stored.rewrite(stored_sha256=digest, stored_bytes=size, raw_sha256=digest,
                            raw_bytes=size)

    def test_a_changed_value(self):
        self.replace(b"setval('public.counter', 4711, true)",
                     b"setval('public.counter', 4712, true)")
        self.assertFound("decode", r"sequence public\.counter: 4711.* became 4712")

    def test_a_changed_definition(self):
        self.replace(b"SELECT 2 * i", b"SELECT 3 * i")
        self.assertFound("decode", r"FUNCTION public\.twice\(integer\)")

    def test_a_removed_row(self):
        begin = b"COPY public.gone (i) FROM stdin;\n"
        self.replace(begin + b"1\n", begin)
        self.assertFound("decode", r"table public\.gone: 1 row.* became 0")


class InTheDirectory(InTheStore):
    form = "directory"

    def test_a_flipped_bit(self):
        self.flip_a_bit(self.stored.data + "/toc.dat")
        self.assertFound("digest", "toc.dat.*SHA-256")

    def test_a_removed_file(self):
        os.unlink(self.stored.data + "/toc.dat")
        self.assertFound("digest", "toc.dat.*missing")

    def test_swapped_files(self):
        sizes = {os.path.getsize(path): path for path in self.stored.files()}
        first, second = list(sizes.values())[:2]
        os.rename(first, self.tmp + "/aside")
        os.rename(second, first)
        os.rename(self.tmp + "/aside", second)
        names = [re.escape(os.path.basename(path)) for path in (first, second)]
        self.assertFound("digest", "/(" + "|".join(names) + '")')


class InTheRestore(Damage):
    def test_an_error_that_the_backup_raises_is_its_own_whatever_its_words(self):
        CLUSTER.create("raising", """
            CREATE FUNCTION fussy() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
                IF session_user <> 'postgres' THEN RAISE 'out of memory'; END IF;
                RETURN 1;
            END $$;
            CREATE MATERIALIZED VIEW seen AS SELECT public.fussy()""")
        self.addCleanup(CLUSTER.drop, "raising")
        self.backup = self.installation(CLUSTER, "raising")
        self.backup.must("run")
        self.assertFailed(self.drill(self.backup, 4), "restore", "ERROR:  out of memory")


class Assertions(Damage):
    def test_what_does_not_hold_is_named(self):
        os.mkdir(self.tmp + "/assertions")
        for name, sql in {"false": "SELECT false", "null": "SELECT null::bool",
                          "number": "SELECT 1", "rows": "SELECT true FROM changed",
                          "nothing": "", "good": "SELECT count(*) = 100 FROM changed"}.items():
            self.write(f"assertions/{name}.sql", sql)
        self.backup.must("run")
        proof = self.drill(self.backup, 4, DRILL_ASSERTIONS=self.tmp + "/assertions")
        self.assertFailed(proof, "assertions", "sql")
        said = "\n".join(proof["notes"])
        for words in ("false.sql: it returned false", "null.sql: it returned null",
                      'number.sql: it returned "1"', "rows.sql: it returned 100 rows",
                      "nothing.sql: it holds no statement"):
            self.assertRegex(said, words)
        self.assertNotIn("good.sql", said)
        self.assertEqual(self.outcomes(proof)["fixed-point"], "passed", proof)
        self.assertRestoresAllTheSame("assertions")

    def assertRestoresAllTheSame(self, level):
        """For list and for retention; the drill has failed for health."""
        stem = self.backup.backup("appdb").stem
        self.assertRegex(self.backup.must("list", "appdb").stdout,
                         f"{stem} .* good, restores but FAILED {level} .* ago")
        self.assertIn("the newest drill failed", self.backup("health").stdout)
        self.assertEqual(self.backup.at("+2h", "run", BACKUP_KEEP_DAYS="0",
                                        BACKUP_KEEP_MIN_COUNT="1").code, 0)
        pruned = self.backup.at("+3h", "prune", BACKUP_KEEP_DAYS="0", BACKUP_KEEP_MIN_COUNT="1")
        self.assertRegex(pruned.stdout, f"keep +{stem} .*newest that a drill has proven")

    def test_contents_that_are_too_old_are_named(self):
        self.backup.must("run")
        proof = self.drill(self.backup, 4, DRILL_FRESHNESS="public.aged.at=86400")
        self.assertFailed(proof, "freshness", r"public\.aged\.at")
        self.assertEqual(self.outcomes(proof)["fixed-point"], "passed", proof)
        self.assertRegex(self.backup.must("list").stdout, "good, restores but FAILED freshness")
