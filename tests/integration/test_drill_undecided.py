"""What shows nothing about a backup is neither proof nor failure: exit code 5, and in what words."""

import os

import pgtest
from drills import DrillTestCase, read_proof, restore_then, servers_in

CLUSTER = pgtest.Cluster()


def setUpModule():
    CLUSTER.start()
    CLUSTER.create("appdb", "CREATE TABLE t AS SELECT i FROM generate_series(1, 1000) i")


class Undecided(DrillTestCase):
    def setUp(self):
        super().setUp()
        self.backup = self.installation(CLUSTER, "appdb")
        self.backup.must("run")

    def assertUndecided(self, level, says, **settings):
        proof = self.drill(self.backup, 5, **settings)
        self.assertEqual(proof["result"], "could-not-verify", proof)
        self.assertEqual(self.outcomes(proof)[level], "could-not-verify", proof)
        self.assertNotIn("failed", self.outcomes(proof).values())
        self.assertRegex(self.why(proof, level), says)
        self.assertIn("could-not-verify", [e.get("reason") for e in self.printed.events])
        self.assertRegex(self.backup.must("list").stdout, "drill undecided")
        return proof

    def rewrite(self, **members):
        self.backup.backup("appdb").rewrite(**members)

    def assertRestoreUndecided(self, message, says):
        """A pg_restore that fails in these words."""
        script = f"""#!/bin/sh
case $* in *--dbname*) echo '{message}' >&2; exit 1;; esac
cat >/dev/null
"""
        self.assertUndecided("restore", says,
                             PG_BINDIR=self.bindir(CLUSTER, pg_restore=script))


class BeforeAServer(Undecided):
    def test_no_server_programs(self):
        self.assertUndecided("restore", r"no postgres in .*Install PostgreSQL \d+'s server",
                             PG_BINDIR=self.bindir(CLUSTER, postgres=None))

    def test_no_client_programs(self):
        self.assertUndecided("restore", "no pg_dump", PG_BINDIR="/nowhere")

    def test_an_older_major_only(self):
        self.rewrite(client_version="99.1", server_version="99.1")
        self.assertUndecided("restore", "older than the server")

    def test_no_space(self):
        self.rewrite(raw_bytes=1 << 60)
        self.assertUndecided("restore", "has .* free, a drill of this backup needs 2.50 EiB")

    def test_no_space_for_what_pg_dump_has_compressed(self):
        CLUSTER.create("pressed", "CREATE TABLE t AS SELECT repeat('x', 100000) FROM"
                                  " generate_series(1, 800)")
        self.addCleanup(CLUSTER.drop, "pressed")
        self.backup = self.installation(CLUSTER, "pressed", BACKUP_COMPRESSION="native")
        self.backup.must("run")
        self.assertLess(self.backup.backup("pressed").manifest["raw_bytes"], 10 << 20)
        mounts = pgtest.MountNamespace(
            f"mount -t tmpfs -o size=72m,mode=711 none {self.drill_dir}")
        self.addCleanup(mounts.close)
        done = self.backup("drill", "pressed", prefix=mounts.prefix, timeout=120)
        self.assertEqual(done.code, 5, done)
        self.assertRegex(done.stdout, r"72.0 MiB free, a drill of this backup needs 19\d")

    def test_a_locale_that_is_not_there(self):
        self.rewrite(collate="xx_XX.UTF-8", ctype="xx_XX.UTF-8")
        self.assertUndecided("restore", "invalid locale")

    def test_no_inventory(self):
        os.unlink(self.backup.backup("appdb").inventory)
        self.rewrite(inventory_file=None, inventory_sha256=None)
        proof = self.assertUndecided("fixed-point", "no inventory")
        self.assertEqual(self.outcomes(proof)["restore"], "passed", proof)


class WhileItRestores(Undecided):
    def test_a_missing_extension(self):
        self.assertRestoreUndecided('ERROR:  extension "postgis" is not available',
                                    "postgis.* Install the extension")

    def test_an_error_of_the_server_in_pg_amcheck(self):
        script = """#!/bin/sh
echo 'btree index "appdb.public.t_pkey":'
echo '    ERROR:  out of memory'
exit 2
"""
        self.assertUndecided("amcheck", "out of memory.*Give the drill more memory",
                             PG_BINDIR=self.bindir(CLUSTER, pg_amcheck=script))

    def test_a_disk_that_fills(self):
        CLUSTER.create("filling")
        self.addCleanup(CLUSTER.drop, "filling")
        CLUSTER.fill("filling", rows=200000)
        CLUSTER.sql("CREATE INDEX ON noise (noise)", "filling")
        self.backup = self.installation(CLUSTER, "filling")
        self.backup.must("run")
        mounts = pgtest.MountNamespace(
            f"mount -t tmpfs -o size=72m,mode=711,uid={pgtest.drill_user().pw_uid}"
            f" none {self.drill_dir}")
        self.addCleanup(mounts.close)
        done = self.backup("drill", "filling", prefix=mounts.prefix, timeout=120)
        self.assertEqual(done.code, 5, done)
        proof = read_proof(self.backup.backup("filling"))
        self.assertEqual(self.outcomes(proof)["restore"], "could-not-verify", proof)
        self.assertRegex(self.why(proof, "restore"), "Give DRILL_DIR more space")
        self.assertEqual(os.listdir(mounts.path(self.drill_dir)), [".lock"])

    def killed(self, argument, signal="KILL"):
        """A pg_restore that is ended where its command line has the argument."""
        return f"""#!/bin/sh
case $* in *{argument}*) kill -{signal} $$;; esac
exec {CLUSTER.bindir}/pg_restore "$@"
"""

    def test_a_pg_restore_that_is_killed(self):
        self.assertUndecided("restore", r"killed by signal 9 .* kernel's log",
                             PG_BINDIR=self.bindir(CLUSTER, pg_restore=self.killed("--dbname")))

    def test_a_pg_restore_that_is_killed_while_it_decodes(self):
        script = self.killed("--file=/dev/null", "TERM")
        self.assertUndecided("decode", "killed by signal 15",
                             PG_BINDIR=self.bindir(CLUSTER, pg_restore=script))

    def test_a_worker_that_is_killed(self):
        self.assertRestoreUndecided("pg_restore: error: a worker process died unexpectedly",
                                    "kernel")

    def test_a_server_that_is_killed(self):
        script = restore_then(CLUSTER, "COPY (SELECT) TO PROGRAM"
                                       " 'kill -9 $(head -n 1 postmaster.pid)';"
                                       " SELECT pg_sleep(60)")
        self.assertUndecided("restore", "server", PG_BINDIR=self.bindir(CLUSTER, pg_restore=script))

    def test_the_time_limit(self):
        script = "#!/bin/sh\ncase $* in *--dbname*) exec sleep 600;; esac\ncat >/dev/null\n"
        self.assertUndecided("restore", "not done within the 8 seconds of DRILL_TIMEOUT_SECONDS",
                             PG_BINDIR=self.bindir(CLUSTER, pg_restore=script),
                             DRILL_TIMEOUT_SECONDS="8")

    def test_a_server_that_hangs(self):
        script = restore_then(CLUSTER, "COPY (SELECT) TO PROGRAM 'kill -STOP $PPID'")
        self.assertUndecided("restore", "hangs: for 4 seconds.*raise STALL_TIMEOUT_SECONDS",
                             PG_BINDIR=self.bindir(CLUSTER, pg_restore=script),
                             STALL_TIMEOUT_SECONDS="4")

    def test_a_server_that_computes_without_a_byte_is_no_stall(self):
        script = restore_then(CLUSTER, """DO $$ BEGIN
            WHILE clock_timestamp() < statement_timestamp() + interval '7 s' LOOP END LOOP;
            END $$""")
        proof = self.drill(self.backup, 0, STALL_TIMEOUT_SECONDS="4",
                           PG_BINDIR=self.bindir(CLUSTER, pg_restore=script))
        self.assertEqual(proof["result"], "proven", proof)

    def test_an_error_from_outside_in_words_that_nobody_knows(self):
        script = restore_then(
            CLUSTER, "DO $$ BEGIN RAISE 'worded by nobody' USING ERRCODE = '53400'; END $$")
        self.assertUndecided("restore", "worded by nobody.*more of what the message names",
                             PG_BINDIR=self.bindir(CLUSTER, pg_restore=script))

    def test_another_major_compares_all_but_definitions(self):
        self.rewrite(server_version="14.3")
        script = restore_then(CLUSTER, "COMMENT ON TABLE t IS 'worded otherwise'")
        proof = self.assertUndecided("fixed-point", "definitions were not compared",
                                     PG_BINDIR=self.bindir(CLUSTER, pg_restore=script))
        self.assertEqual(self.outcomes(proof)["amcheck"], "passed", proof)

    def test_a_role_that_the_globals_of_another_run_lack(self):
        CLUSTER.sql("CREATE ROLE late")
        self.addCleanup(CLUSTER.sql, "DROP ROLE late")
        CLUSTER.create("owned", "CREATE TABLE t (i int); ALTER TABLE t OWNER TO late")
        self.addCleanup(CLUSTER.drop, "owned")
        self.backup.must("run", PG_DATABASES="owned", BACKUP_GLOBALS="no")
        self.database = "owned"
        proof = self.drill(self.backup, 5, "owned")
        self.assertRegex(self.why(proof, "restore"), 'role "late" does not exist.*BACKUP_GLOBALS')

    def test_a_foreign_server_that_cannot_be_reached(self):
        CLUSTER.create("far", """
            CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
            CREATE EXTENSION postgres_fdw;
            CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '/nowhere');
            CREATE USER MAPPING FOR PUBLIC SERVER far;
            CREATE FOREIGN TABLE there (i int) SERVER far;
            CREATE MATERIALIZED VIEW seen AS SELECT * FROM there WITH NO DATA;
            UPDATE pg_class SET relispopulated = true WHERE relname = 'seen'""")
        self.addCleanup(CLUSTER.drop, "far")
        self.backup.must("run", PG_DATABASES="far")
        self.database = "far"
        proof = self.drill(self.backup, 5, "far")
        self.assertRegex(self.why(proof, "restore"), 'server "far".*reaches no other')

    def test_mistakes_of_the_administrator(self):
        os.mkdir(self.tmp + "/assertions")
        for name, sql in {"writes": "SELECT nextval('s') > 0", "column": "SELECT no FROM t",
                          "function": "SELECT nothing()",
                          "gone": "SELECT true FROM never_there",
                          "schema": "SELECT nowhere.nothing()"}.items():
            self.write(f"assertions/{name}.sql", sql)
        CLUSTER.sql("CREATE SEQUENCE s; CREATE TABLE times AS SELECT 'infinity'::date AS at"
                    " UNION ALL SELECT now()", "appdb")
        self.addCleanup(CLUSTER.sql, "DROP SEQUENCE s; DROP TABLE times", "appdb")
        self.backup.must("run")
        proof = self.assertUndecided(
            "assertions", "Correct the assertion", DRILL_ASSERTIONS=self.tmp + "/assertions",
            DRILL_FRESHNESS="public.t.i=60, public.never_there.at=60, public.times.at=86400")
        self.assertRegex(self.why(proof, "freshness"), r"public\.t\.i.*Correct DRILL_FRESHNESS")
        self.assertNotIn("times.at", "\n".join(proof["notes"]))

    def test_a_backup_that_is_removed_meanwhile(self):
        stored = self.backup.backup("appdb")

        def remove():
            os.unlink(stored.path)
            os.unlink(stored.data)
        done = self.drill_meanwhile(self.backup, CLUSTER, remove)
        self.assertEnded(done, 5, says="was removed meanwhile")
        self.assertNotIn("drill-failed", [event.get("event") for event in done.events])
        self.assertNothingIsLeft()

    def test_a_proof_is_not_replaced_by_a_drill_that_could_not_decide(self):
        self.drill(self.backup, 0)
        proof = self.drill(self.backup, 5, PG_BINDIR="/nowhere")
        self.assertEqual(proof["result"], "proven")
        self.assertRegex(proof["undecided_reason"], "no pg_dump")
        self.assertGreaterEqual(proof["undecided"], proof["finished"])
        self.assertIn("keeps the proof", self.printed.said)
        self.backup.must("run")
        metrics = self.backup.metrics()
        label = '{database="appdb",kind="database"'
        for result, value in {"could-not-verify": 1, "proven": 0}.items():
            name = f'pg_backup_database_last_drill_result{label},result="{result}"}}'
            self.assertEqual(metrics[name], value)
        self.assertGreater(
            metrics[f"pg_backup_database_last_drill_success_timestamp_seconds{label}}}"], 0)


class Asserted(Undecided):
    def test_a_copy_does_not_answer_an_assertion(self):
        os.mkdir(self.tmp + "/assertions")
        for name, sql in {"a": "COPY t TO STDOUT",
                          "b": "BEGIN READ WRITE; COPY t FROM STDIN"}.items():
            with open(f"{self.tmp}/assertions/{name}.sql", "w", encoding="utf-8") as f:
                f.write(sql)
        proof = self.assertUndecided("assertions", r"a\.sql: .*COPY",
                                     DRILL_ASSERTIONS=self.tmp + "/assertions")
        self.assertRegex("\n".join(proof["notes"]), r"b\.sql: .*COPY")


class Ended(Undecided):
    def test_a_signal_ends_it_and_nothing_is_left(self):
        running = self.backup.start("drill", "--json", "appdb", "appdb")
        pgtest.wait_until(lambda: servers_in(self.drill_dir), "its server runs", timeout=60)
        running.terminate()
        done = running.wait()
        self.assertIn("cancelled", [event.get("reason") for event in done.events], done)
        self.assertEqual(done.code, 1, done)
        self.assertEqual(done.json["drills"], 2 * [{
            "database": "appdb", "result": "could-not-verify", "reason": "stopped by SIGTERM"}])
        self.assertNothingIsLeft()
        self.assertIsNone(read_proof(self.backup.backup("appdb")))
