"""A run among others, under pressure, and what a killed one leaves behind."""

import json
import os
import shutil
import signal
import socket

import pgtest
from fake_pg_dump import held_run
from pgbackup import BINARY, BackupTestCase, PgBackup

CLUSTER = pgtest.Cluster()


def setUpModule():
    CLUSTER.start()
    CLUSTER.create("big")
    CLUSTER.fill("big")
    CLUSTER.create("small", "CREATE TABLE t AS SELECT 1 AS a")


class RunTestCase(BackupTestCase):
    def setUp(self):
        super().setUp()
        self.backup = PgBackup(self, CLUSTER, PG_DATABASES="big", BACKUP_COMPRESSION="none")

    def held_run(self, mode="is-held", **settings):
        """A run whose pg_dump is stopped in the middle of its data."""
        running, self.fake = held_run(self, self.backup, CLUSTER, mode=mode, **settings)
        return running

    def client_programs(self):
        """The command lines of what still runs of the fake pg_dump."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    found.append(f.read())
            except OSError:  # ended meanwhile
                pass
        return [line for line in found if self.fake.state.encode() in line]


class Stopped(RunTestCase):
    def stopped_by(self, signum):
        running = self.held_run(PG_DATABASES="big small")
        running.send(signum)
        return running.wait()

    def test_sigterm_in_mid_dump_stops_pg_dump_discards_the_rest_and_says_so(self):
        done = self.stopped_by(signal.SIGTERM)
        self.assertEnded(done, 1, "cancelled", "SIGTERM")
        self.assertEqual(self.client_programs(), [])
        CLUSTER.wait_for_no_session("datname = 'big'")
        self.assertEqual(self.backup.databases(), set())
        self.assertEqual(self.backup.strays(), [])
        self.assertEqual(self.backup.report()["reason"], "cancelled")
        self.assertEqual(self.backup.metrics()["pg_backup_last_exit_code"], 1)

    def test_sigint_is_as_good_as_sigterm(self):
        self.assertEnded(self.stopped_by(signal.SIGINT), 1, "cancelled", "SIGINT")

    def test_what_was_committed_before_sigterm_stays(self):
        running = self.held_run()
        running.terminate()
        self.assertEnded(running.wait(), 1, "cancelled")
        self.assertEqual([b.manifest["kind"] for b in self.backup.backups()], ["globals"])
        self.backup.must("verify", "globals")

    def test_sigterm_while_a_lock_is_awaited_ends_the_run_at_once(self):
        blocker = CLUSTER.session("small")
        self.addCleanup(blocker.close)
        blocker.do("BEGIN; LOCK TABLE t")
        running = self.backup.start("run", PG_DATABASES="small")
        CLUSTER.wait_for_lock("small")
        running.terminate()
        self.assertEnded(running.wait(timeout=10), 1, "cancelled")


class AtTheSameTime(RunTestCase):
    def test_a_second_run_ends_at_once_and_says_who_holds_the_lock(self):
        running = self.held_run()
        second = self.backup("run", timeout=10)
        self.assertEnded(second, 6, "locked", rf"\b{running.pid}\b")
        self.assertIn(os.uname().nodename, second.stderr)
        # It has nothing to report over the head of the first.
        self.assertEqual(os.listdir(self.backup.state_dir), [])
        self.assertFalse(os.path.exists(self.backup.textfile))
        self.fake.release()
        self.assertEnded(running.wait(), 0)
        self.assertEqual(self.backup.databases(), {"big"})
        self.assertEqual(self.backup.metrics()["pg_backup_last_exit_code"], 0)

    def test_a_second_run_does_not_sweep_what_the_first_is_writing(self):
        running = self.held_run()
        self.backup("run")
        self.fake.release()
        self.assertEnded(running.wait(), 0)
        self.backup.must("verify", "big")

    def test_prune_waits_for_nobody_either(self):
        running = self.held_run()
        self.assertEnded(self.backup("prune", timeout=10), 6, "locked", rf"\b{running.pid}\b")
        self.fake.release()
        self.assertEnded(running.wait(), 0)

    def test_reading_needs_no_lock(self):
        self.backup.must("run", PG_DATABASES="small")
        running = self.held_run()
        for command in (["list"], ["verify", "small"], ["health"]):
            self.assertEqual(self.backup(*command, PG_DATABASES="small").code, 0, command)
        self.fake.release()
        self.assertEnded(running.wait(), 0)

    def test_the_lock_goes_with_its_holder_however_that_ends(self):
        running = self.held_run()
        running.send(signal.SIGKILL)
        running.wait()
        self.backup.must("run", PG_DATABASES="small")


class Leftovers(RunTestCase):
    def test_the_leftovers_of_a_killed_run_go_with_the_next_one(self):
        self.backup.must("run", PG_DATABASES="small")
        CLUSTER.create("bigger")
        CLUSTER.fill("bigger", rows=60000)
        self.addCleanup(CLUSTER.drop, "bigger")
        running = self.held_run("is-held-late", PG_DATABASES="bigger", BACKUP_JOBS="1")
        pgtest.wait_until(self.backup.strays, "some of the dump has reached the disk")
        running.send(signal.SIGKILL)
        self.assertEqual(running.wait().code, -signal.SIGKILL)
        self.assertEqual(self.backup.databases(), {"small"})
        done = self.backup.must("run")
        self.assertEqual(self.backup.strays(), [])
        self.assertEqual(len(self.backup.report()["swept"]), 1)
        self.assertIn("swept", [event.get("event") for event in done.events])
        self.backup.must("verify", "--all")

    def test_a_data_file_without_a_manifest_is_swept_and_a_committed_one_is_not(self):
        self.backup.must("run", PG_DATABASES="small")
        committed = self.backup.backup("small")
        crashed = os.path.dirname(committed.data) + "/small_20200101T000000Z.dump"
        for path in (crashed, crashed + ".sha256"):
            with open(path, "w", encoding="ascii") as f:
                f.write("half a dump")
        self.backup.must("run", PG_DATABASES="small")
        self.assertEqual(self.backup.strays(), [])
        self.assertTrue(os.path.exists(committed.data))
        self.assertEqual(sorted(self.backup.report()["swept"]),
                         ["small/small_20200101T000000Z.dump",
                          "small/small_20200101T000000Z.dump.sha256"])

    def test_foreign_files_are_never_touched(self):
        self.backup.must("run", PG_DATABASES="small")
        small = os.path.dirname(self.backup.backup("small").data)
        foreign = [
            self.backup.backup_dir + "/README", self.backup.backup_dir + "/.notes.tmp",
            small + "/notes.dump", small + "/small.dump", small + "/.other.tmp",
            small + "/other_20200101T000000Z.dump", small + "/small_20200101T000000Z.dump.bak",
            small + "/small_20201301T000000Z.dump", small + "/.small_20200101T000000Z.dump.swp",
        ]
        for path in foreign:
            with open(path, "w", encoding="ascii") as f:
                f.write("somebody's")
        os.mkdir(small + "/small_20200101T000000Z.sql")
        os.mkdir(self.backup.backup_dir + "/lost+found")
        self.backup.must("run", PG_DATABASES="small")
        self.backup.must("prune", BACKUP_KEEP_DAYS="0", BACKUP_KEEP_MIN_COUNT="1")
        self.assertEqual([path for path in foreign if not os.path.exists(path)], [])
        self.assertTrue(os.path.isdir(small + "/small_20200101T000000Z.sql"))
        self.assertEqual(self.backup.report()["swept"], [])


class Deployed(RunTestCase):
    """As an unprivileged user that owns its directories and nothing else."""

    def setUp(self):
        super().setUp()
        self.user = pgtest.server_user()
        for path in (self.backup.backup_dir, self.backup.state_dir):
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def call(self, *args, **settings):
        program = self.tmp + "/pg-backup"  # the build directory may be nobody else's business
        shutil.copy(BINARY, program)
        return self.backup(*args, program=program, prefix=pgtest.as_server_user(),
                           METRICS_TEXTFILE=self.backup.state_dir + "/run.prom", **settings)

    def test_everything_works_without_privileges(self):
        for command in (["check"], ["run"], ["list"], ["verify", "--all"], ["health"], ["prune"],
                        ["restore", "big", "--to", "copy"]):
            done = self.call(*command)
            self.assertEqual(done.code, 0, done)
        self.addCleanup(CLUSTER.drop, "copy")
        owners = {os.stat(backup.data).st_uid for backup in self.backup.backups()}
        self.assertEqual(owners, {self.user.pw_uid})

    def test_a_backup_directory_that_is_not_ours_is_a_matter_of_settings(self):
        os.chown(self.backup.backup_dir, 0, 0)
        done = self.call("run")
        self.assertEnded(done, 78, says=f"{self.backup.backup_dir}.*Permission denied")
        self.assertEqual(self.call("check").code, 78)

    def test_the_state_is_kept_below_the_backups_unless_a_setting_says_otherwise(self):
        self.backup.must("run", PG_DATABASES="small", STATE_DIR=None)
        with open(self.backup.backup_dir + "/.state/last-run.json", encoding="utf-8") as f:
            self.assertEqual(json.load(f)["exit_code"], 0)
        listed = self.backup.must("list", "--json", STATE_DIR=None).json["backups"]
        self.assertEqual({b["database"] for b in listed}, {None, "small"})


class UnderPressure(RunTestCase):
    def test_a_full_disk_fails_the_database_keeps_the_earlier_and_leaves_nothing(self):
        space = pgtest.MountNamespace(
            f"mount -t tmpfs -o size=1m,mode=0700 tmpfs {self.backup.backup_dir}")
        self.addCleanup(space.close)
        inside = self.backup.backup_dir
        self.backup.must("run", PG_DATABASES="small", prefix=space.prefix)
        done = self.backup("run", PG_DATABASES="big small", prefix=space.prefix)
        self.backup.backup_dir = space.path(inside)
        self.assertEnded(done, 1, "disk-full", "No space left on device")
        self.assertEqual(self.entry(self.backup, "big")["reason"], "disk-full")
        self.assertEqual(self.backup.databases(), {"small"})
        self.assertEqual(len(self.backup.backups("small")), 2)
        self.assertEqual(self.backup.strays(), [])
        self.assertEqual(self.backup.metrics()["pg_backup_last_exit_code"], 1)
        self.assertEnded(self.backup("verify", "--all", prefix=space.prefix), 0)

    def test_a_disk_too_full_for_the_report_is_said_and_hides_no_failure(self):
        space = pgtest.MountNamespace(
            f"mount -t tmpfs -o size=64k tmpfs {self.backup.backup_dir};"
            f" head -c 1m /dev/zero > {self.backup.backup_dir}/somebodys 2>/dev/null || true")
        self.addCleanup(space.close)
        done = self.backup("run", prefix=space.prefix, STATE_DIR=None,
                           METRICS_TEXTFILE=self.backup.backup_dir + "/run.prom")
        self.assertNotEqual(done.code, 0)
        self.assertIn("No space left on device", done.said)

    def test_a_pushgateway_that_is_down_is_a_warning_and_no_more(self):
        done = self.backup.must("run", PG_DATABASES="small",
                                PUSHGATEWAY_URL=f"http://127.0.0.1:{self.refusing_port()}")
        self.assertEnded(done, 0, "metrics", "127.0.0.1")
        levels = {e["level"] for e in done.events if e.get("reason") == "metrics"}
        self.assertEqual(levels, {"warning"})
        self.assertEqual(len(self.backup.report()["warnings"]), 1)
        self.assertEqual(self.backup.databases(), {"small"})
        self.assertEqual(self.backup.metrics()["pg_backup_last_exit_code"], 0)

    def test_a_pushgateway_that_refuses_is_quoted(self):
        gateway = pgtest.Pushgateway().start()
        self.addCleanup(gateway.stop)
        done = self.backup("run", PG_DATABASES="small", PUSHGATEWAY_URL=gateway.url + "/elsewhere")
        self.assertEnded(done, 0, "metrics", "404")

    def test_sigterm_while_a_pushgateway_keeps_silent_ends_the_run_at_once(self):
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        silent.settimeout(20)
        running = self.backup.start(
            "run", PG_DATABASES="small",
            PUSHGATEWAY_URL=f"http://127.0.0.1:{silent.getsockname()[1]}")
        self.addCleanup(silent.accept()[0].close)
        running.terminate()
        done = running.wait(timeout=10)
        self.assertIn("cancelled", [event.get("reason") for event in done.events])
        self.assertEqual(self.backup.report()["exit_code"], done.code)
        self.assertEqual(self.backup.databases(), {"small"})

    def test_a_textfile_that_cannot_be_written_is_a_warning_and_no_more(self):
        done = self.backup("run", PG_DATABASES="small", METRICS_TEXTFILE=self.tmp + "/no/x.prom")
        self.assertEnded(done, 0, "metrics", "/no/x.prom")

    def test_a_backup_directory_that_is_missing_is_a_matter_of_settings(self):
        done = self.backup("run", BACKUP_DIR=self.tmp + "/absent")
        self.assertEnded(done, 78, "settings", "/absent")
        self.assertFalse(os.path.exists(self.tmp + "/absent"))

    def test_a_read_only_backup_directory_fails_before_the_server_is_asked(self):
        space = pgtest.MountNamespace(
            f"mount -t tmpfs tmpfs {self.backup.backup_dir}\n"
            f"mount -o remount,ro {self.backup.backup_dir}")
        self.addCleanup(space.close)
        done = self.backup("run", prefix=space.prefix, PG_HOST=self.tmp)
        self.assertIn(done.code, (1, 78), done)
        self.assertRegex(done.stderr, "Read-only file system")
        self.assertEqual(self.backup.report()["exit_code"], done.code)

    def test_the_report_is_valid_json_after_every_kind_of_run(self):
        self.backup.must("run", PG_DATABASES="small")
        self.backup("run", PG_HOST=self.tmp)
        done = self.backup("run", "--report", PG_DATABASES="absent")
        self.assertEqual(json.loads(done.stdout)["exit_code"], done.code)


class Durability(RunTestCase):
    def test_a_run_syncs_the_directory_in_which_a_killed_one_may_have_made_others(self):
        os.mkdir(self.backup.backup_dir + "/small")
        os.mkdir(self.backup.backup_dir + "/globals")
        trace = self.tmp + "/trace"
        self.backup.must("run", PG_DATABASES="small",
                         prefix=("strace", "-o", trace, "-y", "-e", "trace=fsync"))
        with open(trace, encoding="utf-8") as f:
            self.assertRegex(f.read(), rf"fsync\(\d+<{self.backup.backup_dir}>\) += 0")


class Narrowed(RunTestCase):
    FAILED = 'pg_backup_database_last_run_failed{database="%s",kind="database"}'

    def test_a_run_of_one_database_is_no_failure_of_the_others(self):
        self.backup.must("run", PG_DATABASES="big small")
        self.backup.must("run", "small", PG_DATABASES="big small")
        metrics = self.backup.metrics()
        self.assertEqual(metrics[self.FAILED % "small"], 0)
        self.assertNotIn(self.FAILED % "big", metrics)

    def test_globals_that_an_early_end_has_kept_from_being_backed_up_are_told_as_failed(self):
        self.backup("run", PG_HOST=self.tmp)
        self.assertEqual(self.backup.metrics()['pg_backup_database_last_run_failed{'
                                               'database="globals",kind="globals"}'], 1)


class Patterns(RunTestCase):
    def test_a_pattern_that_matches_no_database_is_a_warning_of_the_run(self):
        done = self.backup.must("run", PG_DATABASES="small orders_*")
        self.assertRegex(done.said, r"orders_\*")
        self.assertIn("no-database", [event.get("reason") for event in done.events])
        told = self.backup.report()["warnings"]
        self.assertEqual(len(told), 1, told)
        self.assertIn("orders_*", told[0])

    def test_patterns_of_the_command_line_are_told_likewise_and_those_of_the_settings_are_not(self):
        self.backup.must("run", "small", "nothing*", PG_DATABASES="small orders_*")
        self.assertRegex("".join(self.backup.report()["warnings"]), r"\A[^*]*nothing\*[^*]*\Z")
