"""Drills of what is right come out proven, and the proof is of use everywhere."""

import contextlib
import os
import socket
import threading
import time

import pgtest
from drills import DrillTestCase, read_proof

CLUSTER = pgtest.Cluster()

ROLES = """
CREATE ROLE "the owner" LOGIN PASSWORD 'x';
CREATE ROLE reader;
GRANT reader TO "the owner";
"""

# What depends on settings of the session, on roles, and on a tablespace.
CONTENTS = """
ALTER DATABASE {name} SET bytea_output = 'escape';
CREATE TABLE bytes AS SELECT i, decode(md5(i::text), 'hex') AS b FROM generate_series(1, 50) i;
CREATE TABLE times AS SELECT now() - i * interval '1 hour' AS at, 'infinity'::float8 AS f
    FROM generate_series(1, 50) i;
CREATE TABLE owned (id bigserial PRIMARY KEY, parent bigint REFERENCES owned);
ALTER TABLE owned OWNER TO "the owner";
GRANT SELECT ON owned TO reader;
INSERT INTO owned (parent) SELECT NULLIF(i - 1, 0) FROM generate_series(1, 100) i;
CREATE TABLE parts (at date, n int, PRIMARY KEY (at, n)) PARTITION BY RANGE (at);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE to_parts (at date, n int, FOREIGN KEY (at, n) REFERENCES parts);
INSERT INTO parts SELECT '2026-01-01'::date + i, i FROM generate_series(1, 20) i;
INSERT INTO to_parts SELECT * FROM parts;
CREATE TABLE elsewhere (n int) TABLESPACE "far away";
INSERT INTO elsewhere VALUES (1);
ALTER DATABASE {name} SET timezone = 'Europe/Berlin';
CREATE TABLE zoned (at timestamptz, CHECK (at >= date '2026-01-01'));
SET timezone = 'Europe/Berlin'; INSERT INTO zoned VALUES ('2026-01-01 00:30'); RESET timezone;
CREATE MATERIALIZED VIEW sums AS SELECT sum(n) FROM parts;
SELECT lo_from_bytea(0, decode(repeat('00ff', 5000), 'hex'));
"""


def setUpModule():
    CLUSTER.start()
    CLUSTER.sql(ROLES)
    CLUSTER.sql("""SET allow_in_place_tablespaces = on;
                   CREATE TABLESPACE "far away" LOCATION ''""")
    CLUSTER.create_sample("appdb")
    CLUSTER.sql(CONTENTS.format(name="appdb"), "appdb")
    CLUSTER.create("other", "CREATE TABLE t AS SELECT 1 AS a")


class Round(DrillTestCase):
    def assertProven(self, backup, **options):
        proof = self.drill(backup, 0, "appdb", **options)
        self.assertEqual(proof["result"], "proven", proof)
        self.assertEqual(proof["stored_sha256"], backup.backup("appdb").sha256())
        for level in ("digest", "decode", "catalogue", "restore", "fixed-point", "amcheck"):
            self.assertEqual(self.outcomes(proof)[level], "passed", proof)
        self.assertEqual(proof["globals"], backup.globals().stem)
        self.assertEqual(proof["differences"], [])
        return proof

    def test_what_root_leaves_belongs_to_whose_directory_it_is(self):
        owner = pgtest.drill_user().pw_uid
        backup = self.installation(CLUSTER, "appdb")
        for directory in (backup.backup_dir, self.drill_dir):
            os.makedirs(directory, exist_ok=True)
            os.chown(directory, owner, -1)
        backup.must("run")
        self.assertEnded(backup("drill", "appdb", timeout=120), 0)
        places = (backup.backup_dir, self.drill_dir)
        left = [os.path.join(where, name) for place in places
                for where, directories, names in os.walk(place) for name in directories + names]
        self.assertEqual([path for path in left if os.stat(path).st_uid != owner], [])
        self.assertIn(self.drill_dir + "/.lock", left)

    def test_an_archive_is_proven_and_the_proof_is_used(self):
        assertions = self.tmp + "/assertions"
        os.makedirs(assertions + "/appdb")
        os.makedirs(assertions + "/other")
        self.write("assertions/rows.sql", "SELECT count(*) = 100 FROM owned;\n")
        self.write("assertions/appdb/sums.sql", "SELECT sum = 210 FROM sums")
        self.write("assertions/other/never.sql", "SELECT false")
        backup = self.installation(CLUSTER, "appdb", DRILL_ASSERTIONS=assertions,
                                   DRILL_FRESHNESS="appdb.public.times.at=86400, x.a.b.c=1")
        backup.must("run")
        awaited = backup.must("health", MAX_DRILL_AGE_SECONDS=86400).stdout
        self.assertRegex(awaited, "; 1 waits for a first drill, until 20")
        self.assertEqual(backup.at("+25h", "health", MAX_DRILL_AGE_SECONDS=86400).code, 3)

        proof = self.assertProven(backup)
        self.assertEqual(self.outcomes(proof)["assertions"], "passed", proof)
        self.assertEqual(self.outcomes(proof)["freshness"], "passed", proof)
        self.assertGreater(proof["recovery_ms"], 0)

        self.assertRegex(self.printed.stdout, r"appdb_\w+: proven, recovered in ")
        self.assertIn("drill-finished", [event.get("event") for event in self.printed.events])
        self.assertRegex(backup.must("list").stdout, "appdb.* good, proven .* ago")
        listed = [entry["proof"] for entry in backup.must("list", "--json").json["backups"]]
        self.assertEqual([entry["result"] for entry in listed if entry], ["proven"])
        backup.must("health", MAX_DRILL_AGE_SECONDS=86400)
        self.assertEqual(backup.at("+30d", "health", MAX_DRILL_AGE_SECONDS=86400,
                                   MAX_BACKUP_AGE_SECONDS=31536000).code, 3)

        # The proof outlives later runs and what they prune, and their metrics tell of it.
        backup.must("run", BACKUP_KEEP_DAYS="0", BACKUP_KEEP_MIN_COUNT="1")
        label = '{database="appdb",kind="database"'
        metrics = backup.metrics()
        name = "pg_backup_database_last_drill_"
        self.assertGreater(metrics[name + "success_timestamp_seconds" + label + "}"], 0)
        self.assertEqual(metrics[name + "result" + label + ',result="proven"}'], 1)
        self.assertEqual(metrics[name + "result" + label + ',result="failed"}'], 0)
        phase = "pg_backup_database_restore_seconds" + label + ',phase="restore"}'
        self.assertGreater(metrics[phase], 0)
        kept = [read_proof(stored) for stored in backup.backups("appdb") if read_proof(stored)]
        self.assertEqual([entry["result"] for entry in kept], ["proven"])

    def test_text_is_proven(self):
        backup = self.installation(CLUSTER, "appdb", BACKUP_FORMAT="plain")
        backup.must("run")
        self.assertProven(backup)

    def test_a_directory_is_proven(self):
        backup = self.installation(CLUSTER, "appdb", BACKUP_FORMAT="directory")
        backup.must("run")
        proof = self.drill(backup, 0, "appdb")
        self.assertEqual(proof["result"], "proven", proof)

    def test_what_only_one_connection_restores_is_proven(self):
        """Version 18 breaks on NOT NULL NOT VALID of a partitioned table with several."""
        script = f"""#!/bin/sh
{CLUSTER.bindir}/pg_restore "$@" || exit
case $* in *--jobs=*) echo "pg_restore: error: COPY failed for table" >&2; exit 1 ;; esac
"""
        backup = self.installation(CLUSTER, "other", BACKUP_JOBS="2")
        backup.must("run")
        proof = self.drill(backup, 0, PG_BINDIR=self.bindir(CLUSTER, pg_restore=script))
        self.assertEqual(proof["result"], "proven", proof)
        self.assertRegex("\n".join(proof["notes"]),
                         "succeeded over one connection, not over 2: .*COPY failed for table")

    def test_columns_that_every_restore_moves_are_compared_by_their_names(self):
        CLUSTER.create("moved", """
            CREATE TABLE parent (a int); CREATE TABLE heir (own text) INHERITS (parent);
            ALTER TABLE parent ADD late text;
            INSERT INTO heir (a, own, late) VALUES (1, 'x', 'y'), (2, 'y', 'x');
            CREATE TABLE adopted (late text, a int); ALTER TABLE adopted INHERIT parent""")
        self.addCleanup(CLUSTER.drop, "moved")
        backup = self.installation(CLUSTER, "moved")
        backup.must("run")
        proof = self.drill(backup, 0)
        self.assertEqual((proof["result"], proof["differences"]), ("proven", []), proof)
        self.assertIn("the columns of public.heir, which inherits, stand in another order in the "
                      "copy", proof["notes"])
        self.assertIn("the definition of TABLE public.adopted is worded otherwise in the copy",
                      proof["notes"])

    def test_arrays_that_only_the_server_knows_are_compared_in_a_loose_wording(self):
        CLUSTER.create("arrays", """
            CREATE TABLE t (x varchar, a varchar, b varchar, v varchar[], w varchar[], i int,
                            n numeric, CHECK (x IN (a, b)), CHECK (x = ANY (ARRAY[v, w])),
                            CHECK (i BETWEEN 1 AND 5 AND CASE WHEN i > 2 THEN true ELSE true END));
            CREATE STATISTICS s ON (n = ANY (ARRAY[abs(i - 1), i])), i FROM t""")
        self.addCleanup(CLUSTER.drop, "arrays")
        backup = self.installation(CLUSTER, "arrays")
        backup.must("run")
        proof = self.drill(backup, 0)
        self.assertEqual((proof["result"], proof["differences"]), ("proven", []), proof)
        self.assertIn("the definition of TABLE public.t is worded otherwise in the copy",
                      proof["notes"])

    def test_the_server_is_set_up_like_the_original(self):
        wanted = {"shared_preload_libraries": "pg_stat_statements", "TimeZone": "Asia/Kolkata",
                  "DateStyle": "SQL, DMY", "IntervalStyle": "iso_8601",
                  "max_locks_per_transaction": "99"}
        cluster = pgtest.Cluster(settings=wanted).start()
        self.addCleanup(cluster.stop, "immediate")
        cluster.create("appdb", "CREATE EXTENSION pg_stat_statements")
        os.mkdir(self.tmp + "/assertions")
        for name, value in wanted.items():
            self.write(f"assertions/{name}.sql", f"SELECT current_setting('{name}') = '{value}'")
        backup = self.installation(cluster, "appdb", DRILL_ASSERTIONS=self.tmp + "/assertions")
        backup.must("run")
        manifest = backup.backup("appdb").manifest
        self.assertEqual(manifest["timezone"], "Asia/Kolkata")
        self.assertEqual(manifest["max_locks_per_transaction"], 99)
        self.assertProven(backup)

    def test_another_version_of_the_collation_is_noted(self):
        CLUSTER.create("sorted", "CREATE TABLE t AS SELECT 'a' AS a", "TEMPLATE template0"
                       " LOCALE_PROVIDER icu ICU_LOCALE 'de'")
        self.addCleanup(CLUSTER.drop, "sorted")
        CLUSTER.sql("UPDATE pg_database SET datcollversion = '1.2.3' WHERE datname = 'sorted'")
        backup = self.installation(CLUSTER, "sorted")
        backup.must("run")
        self.assertEqual(backup.backup("sorted").manifest["collation_version"], "1.2.3")
        proof = self.drill(backup, 0)
        self.assertRegex("\n".join(proof["notes"]), r"version 1\.2\.3 .* the copy's by \d")

    def test_unlogged_tables_of_a_standby_are_proven_empty(self):
        CLUSTER.create("logless", "CREATE UNLOGGED TABLE u AS SELECT 1 AS a")
        self.addCleanup(CLUSTER.drop, "logless")
        standby = pgtest.Standby(CLUSTER)
        standby.settings["allow_in_place_tablespaces"] = "on"
        standby.start()
        self.addCleanup(standby.stop, "immediate")
        backup = self.installation(standby, "logless")
        backup.must("run")
        proof = self.drill(backup, 0)
        self.assertEqual(proof["result"], "proven", proof)

    def test_without_operands_every_database_is_drilled(self):
        backup = self.installation(CLUSTER, "other")
        backup.must("run", PG_DATABASES="other postgres")
        damaged = backup.backup("postgres")
        with open(damaged.data, "r+b") as f:
            f.truncate(10)
        done = backup("drill", "--json", timeout=180)
        self.assertEqual(done.code, 4, done)
        self.assertEqual([drill["result"] for drill in done.json["drills"]], ["proven", "failed"])
        self.assertNothingIsLeft()

    def test_no_backup_at_all_is_an_error(self):
        backup = self.installation(CLUSTER, "appdb")
        self.assertEqual(backup("drill").code, 5)
        self.assertEqual(backup("drill", "nosuch").code, 2)

    def test_one_drill_at_a_time(self):
        backup = self.installation(CLUSTER, "other")
        backup.must("run")
        lock = pgtest.spawn(["flock", self.drill_dir + "/.lock", "sh", "-c", "echo held; exec cat"],
                            stdin=-1, stdout=-1, text=True)
        self.addCleanup(pgtest.stop_process, lock)
        self.assertEqual(lock.stdout.readline(), "held\n")
        self.assertEnded(backup("drill"), 6, "locked")
        self.assertIsNone(read_proof(backup.backup("other")))


SEND = ('/usr/bin/python3 -c "import socket, sys;'
        ' socket.socket(1, 2).sendto(sys.argv[2].encode(), sys.argv[1])"')


class Watchdog(DrillTestCase):
    """Of a service manager that gives us a second, and so is told once in a second at most."""

    def setUp(self):
        super().setUp()
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(self.tmp + "/notify")
        self.addCleanup(self.manager.close)
        os.chmod(self.tmp + "/notify", 0o777)
        self.fed, self.marks = [], {}
        threading.Thread(target=self.listen, daemon=True).start()
        os.mkdir(self.tmp + "/assertions")
        os.chmod(self.tmp, 0o755)

    def listen(self):
        with contextlib.suppress(OSError):
            while True:
                said = self.manager.recv(4096)
                if said == b"WATCHDOG=1":
                    self.fed.append(time.monotonic())
                self.marks[said.decode()] = time.monotonic()

    def assert_by(self, name, sql):
        """An assertion that does this between two marks, which it sends to the manager."""
        mark = f"COPY (SELECT) TO PROGRAM 'cat >/dev/null; {SEND} {self.tmp}/notify {name}-%s';"
        self.write(f"assertions/{name}.sql",
                   "\n".join([mark % "begin", sql, mark % "end", "SELECT true;"]))

    def fed_during(self, name):
        """Behind the first seconds, in which it is seen that the session has begun."""
        begin, end = (self.marks[f"{name}-{mark}"] for mark in ("begin", "end"))
        return len([moment for moment in self.fed if begin + 2.2 < moment < end])

    def test_an_assertion_that_computes_feeds_it_and_one_that_waits_does_not(self):
        self.assert_by("1-waits", "SELECT pg_sleep(4.5);")
        self.assert_by("2-works", """DO $$ BEGIN
            WHILE clock_timestamp() < statement_timestamp() + interval '4.5 s' LOOP END LOOP;
            END $$;""")
        backup = self.installation(CLUSTER, "other")
        backup.must("run")
        self.drill(backup, 0, DRILL_ASSERTIONS=self.tmp + "/assertions", WATCHDOG_USEC="1000000",
                   NOTIFY_SOCKET=self.tmp + "/notify", STALL_TIMEOUT_SECONDS="0")
        self.assertEqual(self.fed_during("1-waits"), 0, self.fed)
        self.assertGreaterEqual(self.fed_during("2-works"), 1, self.fed)
