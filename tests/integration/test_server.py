"""What the server may do to a run: not be there, go away, refuse, or hide something."""

import os
import signal

import pgtest
from fake_pg_dump import held_run
from pgbackup import BackupTestCase, PgBackup

CLUSTER = pgtest.Cluster()


def setUpModule():
    CLUSTER.start()
    CLUSTER.sql("""
        CREATE ROLE reader LOGIN;
        GRANT pg_read_all_data TO reader;
        CREATE ROLE nobody_in_particular LOGIN PASSWORD 'right';""")
    CLUSTER.create("good", "CREATE TABLE t AS SELECT 1 AS a")
    CLUSTER.create("fine", "CREATE TABLE t AS SELECT 2 AS a")


class ServerTestCase(BackupTestCase):
    def setUp(self):
        super().setUp()
        self.backup = PgBackup(self, CLUSTER, PG_DATABASES="good")

    def create(self, database, sql="", **options):
        CLUSTER.create(database, sql, **options)
        self.addCleanup(CLUSTER.drop, database)
        return database


class NoConnection(ServerTestCase):
    def test_a_wrong_password_is_a_matter_of_settings(self):
        done = self.backup("run", PG_HOST="127.0.0.1", PG_USER="nobody_in_particular",
                           PG_PASSWORD="wrong")
        self.assertRunFailed(self.backup, done, 78, "authentication",
                             "password authentication failed")
        self.assertEqual(self.backup.backups(), [])
        self.assertNotIn("wrong", done.stderr)

    def test_no_password_where_one_is_needed_is_a_matter_of_settings(self):
        done = self.backup("run", PG_HOST="127.0.0.1", PG_USER="nobody_in_particular")
        self.assertRunFailed(self.backup, done, 78, "authentication", "password")

    def test_a_role_that_does_not_exist_is_a_matter_of_settings(self):
        done = self.backup("run", PG_USER="no_such_role")
        self.assertRunFailed(self.backup, done, 78, "authentication", "no_such_role")

    def test_an_unknown_host_is_temporary(self):
        done = self.backup("run", PG_HOST="no-such-host.invalid")
        self.assertRunFailed(self.backup, done, 75, "unreachable", "no-such-host.invalid")
        self.assertEqual(self.backup.backups(), [])

    def test_a_server_that_is_down_is_temporary(self):
        done = self.backup("run", PG_HOST="127.0.0.1", PG_PORT=self.refusing_port())
        self.assertRunFailed(self.backup, done, 75, "unreachable", "127.0.0.1")

    def test_a_socket_that_is_not_there_is_temporary(self):
        done = self.backup("run", PG_HOST=self.tmp)
        self.assertRunFailed(self.backup, done, 75, "unreachable", self.tmp)

    def test_a_service_file_names_the_server(self):
        services = self.write("services", f"[shop]\nhost={CLUSTER.host}\nport={CLUSTER.port}\n")
        self.backup.must("run", PG_SERVICE="shop", PGSERVICEFILE=services, PG_HOST=None,
                         PG_PORT=None)
        self.assertEqual(self.backup.databases(), {"good"})

    def test_a_failed_run_hides_neither_the_last_backup_nor_its_metrics(self):
        self.backup.must("run")
        before = self.backup.metrics()
        done = self.backup("run", PG_HOST=self.tmp)
        self.assertRunFailed(self.backup, done, 75, "unreachable")
        self.assertEqual(self.backup.databases(), {"good"})
        after = self.backup.metrics()
        name = "pg_backup_last_success_timestamp_seconds"
        mine = [key for key in before if key.startswith(name)]
        self.assertTrue(mine)
        self.assertEqual({k: before[k] for k in mine}, {k: after.get(k) for k in mine})


class LostOnTheWay(ServerTestCase):
    """The server goes away while data flows; on a cluster of its own where that hurts others."""

    def held_run(self, cluster, **settings):
        """A run whose pg_dump is stopped in the middle of "big"'s data."""
        self.backup = PgBackup(self, cluster, PG_DATABASES="big good", **settings)
        running, self.fake = held_run(self, self.backup, cluster, BACKUP_COMPRESSION="none")
        return running

    def test_a_server_that_crashes_in_mid_dump_fails_the_run_and_leaves_nothing(self):
        cluster = pgtest.Cluster().start()
        self.addCleanup(cluster.stop, "immediate")
        cluster.create("big")
        cluster.fill("big")
        cluster.create("good", "CREATE TABLE t AS SELECT 1 AS a")
        running = self.held_run(cluster)
        cluster.stop("immediate")
        self.fake.release()
        done = running.wait()
        self.assertEnded(done, 1, "server-lost")
        self.assertEqual(self.entry(self.backup, "big")["result"], "failed")
        self.assertEqual(self.backup.databases(), set())
        self.assertEqual(self.backup.strays(), [])
        self.assertEqual(self.backup.metrics()["pg_backup_last_exit_code"], 1)

    def test_a_session_that_is_terminated_fails_its_database_and_the_others_go_on(self):
        self.create("big")
        CLUSTER.fill("big")
        running = self.held_run(CLUSTER)
        CLUSTER.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = 'big' AND query LIKE 'COPY %'")
        self.fake.release()
        done = running.wait()
        self.assertDatabaseFailed(self.backup, done, "big", "server-lost",
                                  "terminat|closed|connection")
        self.assertEqual(self.backup.databases(), {"good"})

    def test_a_backend_that_hangs_is_given_up_after_the_stall_time_out(self):
        self.create("stuck", "CREATE TABLE t AS SELECT 1 AS a")
        blocker = CLUSTER.session("stuck")
        self.addCleanup(blocker.close)
        blocker.do("BEGIN; LOCK TABLE t")
        running = self.backup.start("run", PG_DATABASES="stuck good", STALL_TIMEOUT_SECONDS="4")
        backend = CLUSTER.wait_for_lock("stuck")
        os.kill(backend, signal.SIGSTOP)
        self.addCleanup(os.kill, backend, signal.SIGCONT)
        blocker.do("ROLLBACK")
        done = running.wait()
        self.assertDatabaseFailed(self.backup, done, "stuck", "stalled", r"\b4 s")
        self.assertEqual(self.backup.databases(), {"good"})


class Refused(ServerTestCase):
    """The server is there, but does not give everything."""

    def test_a_locked_table_fails_its_database_after_the_lock_time_out(self):
        self.create("locked", "CREATE TABLE t AS SELECT 1 AS a")
        blocker = CLUSTER.session("locked")
        self.addCleanup(blocker.close)
        blocker.do("BEGIN; LOCK TABLE t")
        done = self.backup("run", PG_DATABASES="locked good", LOCK_WAIT_TIMEOUT_SECONDS="1")
        self.assertDatabaseFailed(self.backup, done, "locked", "lock-timeout", "lock")
        self.assertEqual(self.backup.databases(), {"good"})

    def test_row_security_without_bypassrls_is_refused_and_not_dumped_in_part(self):
        self.create("secured", """
            CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2);
            ALTER TABLE t ENABLE ROW LEVEL SECURITY;
            CREATE POLICY half ON t USING (a = 1);""")
        done = self.backup("run", PG_USER="reader", PG_DATABASES="secured good")
        self.assertDatabaseFailed(self.backup, done, "secured", "row-security",
                                  "row-level security")
        self.assertIn("BYPASSRLS", self.entry(self.backup, "secured")["hint"])
        self.assertEqual(self.backup.databases(), {"good"})

    def test_a_table_that_the_role_may_not_read_fails_its_database(self):
        self.create("private", "CREATE SCHEMA s; CREATE TABLE s.secret (a int)")
        done = self.backup("run", PG_USER="nobody_in_particular", PG_DATABASES="private")
        self.assertDatabaseFailed(self.backup, done, "private", "permission", "permission denied")
        self.assertIn("pg_read_all_data", self.entry(self.backup, "private")["hint"])

    def test_a_role_that_may_not_connect_fails_that_database_only(self):
        self.create("closed")
        CLUSTER.sql("REVOKE CONNECT ON DATABASE closed FROM PUBLIC")
        done = self.backup("run", PG_USER="reader", PG_DATABASES="closed good")
        self.assertDatabaseFailed(self.backup, done, "closed", "permission", "CONNECT|denied")
        self.assertEqual(self.backup.databases(), {"good"})

    def test_the_globals_come_through_the_maintenance_database_too(self):
        self.create("ma'int=x y")
        CLUSTER.sql("CREATE ROLE outsider LOGIN")
        CLUSTER.sql("REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC")
        self.addCleanup(CLUSTER.sql,
                        "GRANT CONNECT ON DATABASE postgres, template1 TO PUBLIC; DROP ROLE outsider")
        done = self.backup("run", PG_USER="outsider", PG_DATABASES="\"ma'int=x y\"",
                           PG_MAINTENANCE_DATABASE="ma'int=x y")
        self.assertEnded(done, 0)
        self.assertEqual(self.backup.globals().manifest["omissions"][0]["what"], "role passwords")

    def test_a_role_that_may_not_read_pg_authid_backs_up_the_globals_without_passwords(self):
        self.create("bare")  # as with a managed service: no rights to anything but one's own
        done = self.backup("run", PG_USER="nobody_in_particular", PG_DATABASES="bare")
        self.assertEnded(done, 0)
        omissions = self.backup.globals().manifest["omissions"]
        self.assertEqual([o["what"] for o in omissions], ["role passwords"])
        self.assertIn("permission denied", omissions[0]["why"])
        self.assertIn("role passwords", done.stderr)
        listed = self.backup.must("list", "--json").json["backups"]
        of_globals = next(b for b in listed if b["kind"] == "globals")
        self.assertEqual(of_globals["omissions"], 1)
        self.assertTrue(of_globals["good"])

    def test_one_failing_database_of_three_does_not_stop_the_others(self):
        self.create("failing", "CREATE TABLE t (a int); ALTER TABLE t ENABLE ROW LEVEL SECURITY")
        done = self.backup("run", PG_USER="reader", PG_DATABASES="fine failing good")
        self.assertDatabaseFailed(self.backup, done, "failing", "row-security", "row-level")
        self.assertEqual(self.backup.databases(), {"fine", "good"})
        self.assertEqual(self.backup.globals().manifest["kind"], "globals")

    def test_a_database_that_does_not_exist_fails_by_its_name(self):
        done = self.backup("run", PG_DATABASES="good absent")
        self.assertDatabaseFailed(self.backup, done, "absent", "no-database", '"absent"')
        self.assertEqual(self.backup.databases(), {"good"})

    def test_a_database_that_does_not_exist_on_the_command_line_fails_the_run(self):
        done = self.backup("run", "absent")
        self.assertEnded(done, 1, "no-database", '"absent"')
        self.assertEqual(self.backup.databases(), set())

    def test_a_database_that_allows_no_connections_is_an_honest_failure(self):
        done = self.backup("run", PG_DATABASES="good template0")
        self.assertEnded(done, 1, says="not currently accepting connections")
        self.assertEqual(self.entry(self.backup, "template0")["result"], "failed")
        self.assertEqual(self.backup.databases(), {"good"})

    def test_a_subscription_that_pg_dump_skips_is_one_warning_that_names_it(self):
        self.create("subscriber", "CREATE SUBSCRIPTION elsewhere CONNECTION 'host=127.0.0.1'"
                                  " PUBLICATION p WITH (connect = false)")
        self.addCleanup(CLUSTER.sql, "ALTER SUBSCRIPTION elsewhere SET (slot_name = NONE);"
                                     "DROP SUBSCRIPTION elsewhere", "subscriber")
        done = self.backup.must("run", PG_USER="reader", PG_DATABASES="subscriber")
        manifest = self.backup.backup("subscriber").manifest
        self.assertEqual(manifest["warnings"], [])
        self.assertEqual([o["what"] for o in manifest["omissions"]], ['subscription "elsewhere"'])
        self.assertIn('subscription \\"elsewhere\\": only a superuser', done.stderr)
        self.assertEqual(self.entry(self.backup, "subscriber")["warnings"], 1)

    def test_time_outs_of_the_role_do_not_end_the_dump(self):
        CLUSTER.sql("CREATE ROLE hasty LOGIN SUPERUSER; ALTER ROLE hasty SET"
                    " idle_in_transaction_session_timeout = '200ms';"
                    " ALTER ROLE hasty SET statement_timeout = '200ms'")
        self.addCleanup(CLUSTER.sql, "DROP ROLE hasty")
        self.create("big")
        CLUSTER.fill("big")
        running, fake = held_run(self, self.backup, CLUSTER, PG_USER="hasty", PG_DATABASES="big",
                                 BACKUP_COMPRESSION="none")
        # Past the time-outs, by the server's own clock.
        CLUSTER.sql("SELECT pg_sleep(0.5)")
        fake.release()
        self.assertEnded(running.wait(), 0)
        self.assertEqual(self.backup.databases(), {"big"})
