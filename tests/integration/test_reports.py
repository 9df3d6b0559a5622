"""What a run tells the world while it works: systemd, the journal, log files, a terminal."""

import json
import os
import re

import pgtest
from fake_pg_dump import held_run
from listeners import JournalSocket, NotifySocket, Terminal
from pgbackup import BackupTestCase, PgBackup

CLUSTER = pgtest.Cluster()


def setUpModule():
    CLUSTER.start()
    CLUSTER.create("big")
    CLUSTER.fill("big")
    CLUSTER.create("small", "CREATE TABLE t AS SELECT 1 AS a")
    CLUSTER.create("secured", "CREATE TABLE t (a int); ALTER TABLE t ENABLE ROW LEVEL SECURITY")
    CLUSTER.sql("CREATE ROLE reader LOGIN; GRANT pg_read_all_data TO reader")


class ReportsTestCase(BackupTestCase):
    def setUp(self):
        super().setUp()
        self.backup = PgBackup(self, CLUSTER, PG_DATABASES="small", BACKUP_COMPRESSION="none")

    def start_held(self, *args, **options):
        running, self.fake = held_run(self, self.backup, CLUSTER, *args, PG_DATABASES="big",
                                      **options)
        return running


class Systemd(ReportsTestCase):
    def setUp(self):
        super().setUp()
        self.socket = NotifySocket(self, self.tmp + "/notify")

    def said(self, what):
        return [line for line in self.socket.assignments() if line.startswith(what)]

    def test_a_run_says_ready_then_what_it_does_then_stopping(self):
        running = self.start_held(NOTIFY_SOCKET=self.socket.path)
        pgtest.wait_until(lambda: [line for line in self.said("STATUS=") if "big" in line],
                          "the status names the database")
        self.fake.release()
        self.assertEnded(running.wait(), 0)
        self.socket.all()
        lines = self.socket.assignments()
        self.assertEqual(self.said("READY"), ["READY=1"])
        self.assertEqual(self.said("STOPPING"), ["STOPPING=1"])
        self.assertLess(lines.index("READY=1"), lines.index("STOPPING=1"))

    def test_a_run_that_cannot_start_is_never_ready(self):
        done = self.backup("run", NOTIFY_SOCKET=self.socket.path, PG_HOST=self.tmp)
        self.assertEqual(done.code, 75, done)
        self.socket.all()
        self.assertEqual(self.said("READY"), [])

    def test_without_a_watchdog_none_is_fed(self):
        self.backup.must("run", NOTIFY_SOCKET=self.socket.path)
        self.socket.all()
        self.assertEqual(self.said("WATCHDOG"), [])

    def test_the_watchdog_is_fed_only_while_there_is_progress(self):
        # Without a limit of its own: for its sake a run asks for a more patient watchdog.
        running = self.start_held(NOTIFY_SOCKET=self.socket.path, WATCHDOG_USEC="400000",
                                  STALL_TIMEOUT_SECONDS="0")
        # With the dump held, nothing moves: the last feeding was for what came before.
        pgtest.wait_until(lambda: self.said("WATCHDOG=1"), "the first feeding")
        pgtest.wait_until(self.nothing_feeds_it, "a second without a feeding")
        before = len(self.said("WATCHDOG=1"))
        self.fake.release()
        self.assertEnded(running.wait(), 0)
        self.socket.all()
        self.assertGreater(len(self.said("WATCHDOG=1")), before)

    def nothing_feeds_it(self):
        """For a second, in which it could be fed five times."""
        before = len(self.said("WATCHDOG=1"))
        CLUSTER.sql("SELECT pg_sleep(1)")
        return len(self.said("WATCHDOG=1")) == before


class Journal(ReportsTestCase):
    """Under journald, as far as the program can see: $JOURNAL_STREAM and the native socket."""

    def journal(self, *args, **settings):
        listener = JournalSocket(self, self.tmp + "/journal")
        space = pgtest.MountNamespace(
            "mount -t tmpfs tmpfs /run; mkdir -p /run/systemd/journal;"
            f" ln -s {listener.path} /run/systemd/journal/socket")
        self.addCleanup(space.close)
        reader, writer = os.pipe()
        status = os.fstat(writer)
        running = self.backup.start(*args, prefix=space.prefix, stderr=writer,
                                    JOURNAL_STREAM=f"{status.st_dev}:{status.st_ino}", **settings)
        os.close(writer)
        self.done = running.wait()
        with os.fdopen(reader, "rb") as f:
            self.stderr = f.read()
        return listener.entries()

    def test_entries_have_the_fields_by_which_one_searches(self):
        entries = self.journal("run")
        self.assertEqual(self.done.code, 0)
        finished = next(e for e in entries if e.get("PG_BACKUP_EVENT") == "backup-finished" and
                        e.get("PG_BACKUP_DATABASE") == "small")
        stored = self.backup.backup("small")
        self.assertEqual(finished["PG_BACKUP_STEM"], stored.stem)
        self.assertEqual(finished["PG_BACKUP_RUN"], self.backup.report()["run_id"])
        self.assertEqual(int(finished["PG_BACKUP_BYTES"]), stored.manifest["stored_bytes"])
        self.assertEqual(finished["SYSLOG_IDENTIFIER"], "pg-backup")
        self.assertRegex(finished["MESSAGE_ID"], r"\A[0-9a-f]{32}\Z")
        self.assertIn(finished["PRIORITY"], ("5", "6"))
        self.assertTrue(finished["MESSAGE"])

    def test_a_failure_has_its_reason_its_own_message_id_and_a_remedy(self):
        entries = self.journal("run", PG_DATABASES="secured small", PG_USER="reader")
        self.assertEqual(self.done.code, 1)
        failed = next(e for e in entries if e.get("PG_BACKUP_REASON") == "row-security")
        self.assertEqual(failed["PRIORITY"], "3")
        self.assertEqual(failed["PG_BACKUP_DATABASE"], "secured")
        self.assertIn("BYPASSRLS", failed["PG_BACKUP_HINT"])
        other = next(e for e in entries if e.get("PG_BACKUP_EVENT") == "backup-finished")
        self.assertNotEqual(failed["MESSAGE_ID"], other["MESSAGE_ID"])

    def test_nothing_is_said_twice(self):
        self.assertNotEqual(self.journal("run"), [])
        self.assertEqual(self.stderr, b"")

    def test_a_stderr_that_is_not_the_journals_gets_lines(self):
        done = self.backup.must("run", JOURNAL_STREAM="1:1")
        self.assertIn("backup-finished", [event.get("event") for event in done.events])


class Lines(ReportsTestCase):
    def test_logfmt_is_the_default_for_a_pipe_and_every_line_is_whole(self):
        for event in self.backup.must("run").events:
            self.assertRegex(event["time"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
            self.assertIn(event["level"], ("error", "warning", "notice", "info", "debug"))
            self.assertTrue(event["msg"])

    def test_what_is_wrong_before_there_are_settings_is_json_too(self):
        for arguments, settings in (("nonsense",), {}), (("list",), {"BACKUP_KEEP_DAYS": "many"}):
            with self.subTest(arguments=arguments):
                done = self.backup(*arguments, LOG_FORMAT="json", **settings)
                self.assertIn("hint", json.loads(done.stderr))

    def test_a_reader_that_has_seen_enough_is_no_error(self):
        self.backup.must("run")
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing) as stdout:
            done = self.backup.start("list", stdout=stdout).wait()
        self.assertEqual(done.stderr, "")

    def test_json_lines_parse_and_carry_the_same(self):
        done = self.backup.must("run", LOG_FORMAT="json")
        events = [json.loads(line) for line in done.stderr.splitlines()]
        finished = next(e for e in events if e.get("event") == "backup-finished" and
                        e.get("database") == "small")
        self.assertEqual(finished["stem"], self.backup.backup("small").stem)
        self.assertEqual({e["run"] for e in events if "run" in e},
                         {self.backup.report()["run_id"]})
        for event in events:
            self.assertTrue({"time", "level", "message"} <= set(event), event)

    def test_a_problem_has_reason_and_hint_on_its_line(self):
        done = self.backup("run", PG_DATABASES="secured", PG_USER="reader", LOG_FORMAT="json")
        failed = next(e for e in done.events if e.get("reason") == "row-security")
        self.assertEqual(failed["level"], "error")
        self.assertIn("BYPASSRLS", failed["hint"])

    def test_an_error_is_logged_once(self):
        done = self.backup("run", PG_HOST=self.tmp)
        self.assertEqual(len([e for e in done.events if e["level"] == "error"]), 1, done)

    def test_the_level_is_a_setting(self):
        self.assertEqual(self.backup.must("run", LOG_LEVEL="error").stderr, "")
        quiet = self.backup.must("run", LOG_LEVEL="warning")
        self.assertEqual({e["level"] for e in quiet.events} - {"warning"}, set())

    def test_tables_go_to_stdout_and_logs_to_stderr(self):
        done = self.backup.must("run")
        self.assertEqual(done.stdout, "")
        done = self.backup.must("list")
        self.assertEqual(done.stderr, "")


class AtATerminal(ReportsTestCase):
    def test_a_run_shows_its_progress_and_keeps_its_lines_apart(self):
        terminal = Terminal(self)
        running = self.start_held(stdout=terminal.fd, stderr=terminal.fd, TERM="xterm")
        pgtest.wait_until(lambda: re.search(r"big.*\d+(\.\d+)? (B|KiB|MiB)", terminal.read()),
                          "the progress line is drawn")
        self.fake.release()
        self.assertEqual(running.wait().code, 0, terminal.read())
        screen = terminal.screen()
        whole = "\n".join(screen)
        # Every line that stays is one whole line of the log; the progress line is gone.
        for line in filter(None, screen):
            self.assertRegex(line, r"\A(\d\d:\d\d:\d\d  | {2,}\S)", whole)
        self.assertRegex(whole, r"\d\d:\d\d:\d\d  .*\bbig\b")
        self.assertNotIn("time=", whole)
        self.assertNotIn("\x1b", whole)

    def test_a_failure_is_marked_and_its_hint_stands_below(self):
        terminal = Terminal(self)
        self.backup("run", stderr=terminal.fd, TERM="xterm", PG_DATABASES="secured",
                    PG_USER="reader")
        whole = "\n".join(terminal.screen())
        self.assertRegex(whole, r"ERROR.*row-level security")
        self.assertRegex(whole, r"(?m)^\s+hint: .*BYPASSRLS")

    def test_a_list_fits_the_terminal(self):
        self.backup.must("run")
        terminal = Terminal(self)
        self.assertEqual(self.backup("list", stdout=terminal.fd, TERM="xterm").code, 0)
        lines = [line for line in terminal.screen() if line]
        self.assertGreaterEqual(len(lines), 2)
        self.assertLessEqual(max(map(len, lines)), 100, lines)

    def test_no_colour_and_no_progress_in_a_pipe(self):
        done = self.backup.must("run", TERM="xterm", LOG_FORMAT="human")
        self.assertNotIn("\r", done.stderr)
        self.assertNotIn("\x1b", done.stderr)
