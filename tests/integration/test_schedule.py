"""schedule, the container's main process, with a stand-in for supercronic. tests/container has the
real one."""

import json
import os
import shutil
import signal

import pgtest
from pgbackup import BackupTestCase, PgBackup

PATIENCE = 60


class NoServer:
    """None is asked: no run gets that far."""

    host, port, bindir = "/nonexistent", 5432, "/nonexistent"


class Schedule(BackupTestCase):
    def setUp(self):
        super().setUp()
        self.backup = PgBackup(self, NoServer(), PG_DATABASES="appdb", PG_HOST=self.tmp,
                               BACKUP_SCHEDULE="0 2 * * *",
                               PATH=f"{self.tmp}/bin:{pgtest.PLAIN_PATH}")
        os.mkdir(self.tmp + "/bin")
        self.program("supercronic", f'echo "$@" >{self.tmp}/called; exec sleep 600')

    def program(self, name, script):
        path = self.write(f"bin/{name}", f"#!/bin/sh\n{script}\n")
        os.chmod(path, 0o755)

    def called(self):
        """The arguments of supercronic, once it has been started."""
        path = self.tmp + "/called"
        return pgtest.wait_until(lambda: os.path.exists(path) and open(path).read().split(),
                                 "supercronic is started", PATIENCE)

    def record(self):
        with open(self.backup.state_dir + "/schedule.json", encoding="utf-8") as f:
            return json.load(f)

    def wait_for_health(self, says, **settings):
        def unhealthy():
            done = self.backup("health", **settings)
            return done.code == 3 and says in done.stdout

        pgtest.wait_until(unhealthy, f"health says {says!r}", PATIENCE, every=0.2)

    def test_supercronic_gets_the_schedule_and_is_stopped_with_us(self):
        running = self.backup.start("schedule")
        self.assertEqual(self.called(),
                         ["-json", "-passthrough-logs", self.backup.state_dir + "/crontab"])
        with open(self.backup.state_dir + "/crontab", encoding="utf-8") as f:
            self.assertEqual(f.read().splitlines()[1:], ["0 2 * * * exec pg-backup run"])
        running.terminate()
        done = running.wait(PATIENCE)
        self.assertEnded(done, 0)
        self.assertEqual([event["level"] for event in done.events], ["info", "notice"])

    def test_drills_have_a_schedule_of_their_own_beside_that_of_runs_or_alone(self):
        drill = "0 12 * * 6 exec pg-backup drill >/dev/null"
        for runs, jobs in (("0 2 * * *", ["0 2 * * * exec pg-backup run", drill]), (None, [drill])):
            with self.subTest(runs=runs):
                settings = {"BACKUP_SCHEDULE": runs, "DRILL_SCHEDULE": "0 12 * * 6"}
                running = self.backup.start("schedule", BACKUP_ON_START=runs and "no" or "yes",
                                            **settings)
                self.called()
                with open(self.backup.state_dir + "/crontab", encoding="utf-8") as f:
                    self.assertEqual(f.read().splitlines()[1:], jobs)
                running.terminate()
                self.assertEnded(running.wait(PATIENCE), 0)
                os.unlink(self.tmp + "/called")

    def test_where_only_drills_are_scheduled_health_asks_for_nothing_but_their_schedule(self):
        settings = {"BACKUP_SCHEDULE": None, "DRILL_SCHEDULE": "0 12 * * 6"}
        self.wait_for_health("pg-backup schedule has left no record", **settings)
        self.program("supercronic", "test -e $0.stay && exec sleep 600; exit 3")
        running = self.backup.start("schedule", **settings)
        self.wait_for_health("no drill is scheduled: the scheduler is gone", **settings)
        running.terminate()
        self.assertEnded(running.wait(PATIENCE), 1, "client-failed")

        self.write("bin/supercronic.stay", "")
        running = self.backup.start("schedule", **settings)
        pgtest.wait_until(lambda: self.backup("health", **settings).code == 0, "health", PATIENCE)
        running.terminate()
        self.assertEnded(running.wait(PATIENCE), 0)

    def test_the_first_start_stays_on_record(self):
        for _ in range(2):
            running = self.backup.start("schedule")
            self.called()
            first = self.record()["first_start"]
            running.terminate()
            self.assertEnded(running.wait(PATIENCE), 0)
            os.unlink(self.tmp + "/called")
        self.assertEqual(self.record()["first_start"], first)
        self.assertIsNone(self.record()["problem"])

    def test_a_run_at_the_start_ends_before_supercronic_begins(self):
        self.program("pg-backup", f'test ! -e {self.tmp}/called && echo "$@" >{self.tmp}/ran')
        running = self.backup.start("schedule", BACKUP_ON_START="yes")
        self.called()
        with open(self.tmp + "/ran", encoding="ascii") as f:
            self.assertEqual(f.read(), "run\n")
        running.terminate()
        self.assertEnded(running.wait(PATIENCE), 0)

    def test_a_stop_in_the_run_at_the_start_begins_no_schedule(self):
        self.program("pg-backup", f"echo $$ >{self.tmp}/pid; exec sleep 600")
        running = self.backup.start("schedule", BACKUP_ON_START="yes")
        pgtest.wait_until(lambda: os.path.exists(self.tmp + "/pid"), "the run", PATIENCE)
        running.terminate()
        self.assertEnded(running.wait(PATIENCE), 0)
        self.assertFalse(os.path.exists(self.tmp + "/called"))

    def test_without_supercronic_it_stays_and_health_says_why(self):
        for script, code, says in (("exit 3", 1, "supercronic exited with status 3"),
                                   ("kill -9 $$", 1, "supercronic was killed by signal 9"),
                                   ("exit 0", 1, "supercronic exited with status 0")):
            with self.subTest(script=script):
                self.program("supercronic", script)
                running = self.backup.start("schedule")
                self.wait_for_health(f"no run is scheduled: the scheduler is gone: {says}")
                self.assertIsNone(running.process.poll())
                running.terminate()
                self.assertEnded(running.wait(PATIENCE), code, "client-failed", says)

    def test_a_supercronic_that_is_missing_is_named(self):
        os.mkdir(self.tmp + "/other")
        os.symlink(shutil.which("setpriv"), self.tmp + "/other/setpriv")
        running = self.backup.start("schedule", PATH=self.tmp + "/other")
        self.wait_for_health('could not start "supercronic"')
        running.terminate()
        self.assertEnded(running.wait(PATIENCE), 1, says='could not start "supercronic"')

    def test_settings_that_are_wrong_do_not_end_it(self):
        running = self.backup.start("schedule", BACKUP_SCHEDULE="every night")
        # There is nothing to wait for but that it has not ended when its signals are set up.
        pgtest.wait_until(lambda: blocks_signals(running.pid), "it waits", PATIENCE)
        running.terminate()
        done = running.wait(PATIENCE)
        self.assertEnded(done, 78, "settings", 'BACKUP_SCHEDULE must be .*, not "every night"')
        self.assertIn("nothing is scheduled: waiting to be stopped", done.said)
        done = self.backup("health", BACKUP_SCHEDULE="every night")
        self.assertEnded(done, 78, "settings", "BACKUP_SCHEDULE")

    def test_a_schedule_that_is_not_set_does_not_end_it(self):
        running = self.backup.start("schedule", BACKUP_SCHEDULE=None)
        self.wait_for_health("no run is scheduled: neither BACKUP_SCHEDULE nor DRILL_SCHEDULE is set",
                             BACKUP_SCHEDULE=None)
        running.terminate()
        self.assertEnded(running.wait(PATIENCE), 78, "settings", "BACKUP_SCHEDULE nor")

    def test_a_file_of_settings_is_refused(self):
        done = self.backup("-c", self.write("a.conf", ""), "schedule")
        self.assertEnded(done, 2, "usage", "from the environment alone")

    def test_where_a_schedule_is_set_and_nobody_keeps_it_health_says_so(self):
        done = self.backup("health")
        self.assertEqual(done.code, 3, done)
        self.assertIn("pg-backup schedule has left no record", done.stdout)
        self.assertNotIn("schedule", self.backup("health", BACKUP_SCHEDULE=None).stdout)

    def test_a_record_that_is_damaged_is_unhealthy_until_the_next_start(self):
        self.write("state/schedule.json", "{")
        done = self.backup("health")
        self.assertEqual(done.code, 3, done)
        self.assertIn("schedule.json", done.stdout)
        self.assertIn("is damaged", done.stdout)

        running = self.backup.start("schedule")
        self.called()
        self.assertIsNone(self.record()["problem"])
        running.terminate()
        self.assertEnded(running.wait(PATIENCE), 0, "could-not-verify", "is damaged")


def blocks_signals(pid):
    """Whether the process has SIGTERM blocked, as it has from the moment that it can be told."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        blocked = next(line for line in f if line.startswith("SigBlk:"))
    return int(blocked.split()[1], 16) >> (signal.SIGTERM - 1) & 1
