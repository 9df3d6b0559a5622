"""A canary for a password: searched for everywhere while a run works and afterwards."""

import os
import subprocess

import pgtest
from fake_pg_dump import held_run
from pgbackup import BackupTestCase, PgBackup

CANARY = "canary-" + os.urandom(12).hex()
CLUSTER = pgtest.Cluster()
GATEWAY = pgtest.Pushgateway()


def setUpModule():
    CLUSTER.start()
    GATEWAY.start()
    # The server's own log and a statement in pg_stat_activity are not what is judged here.
    CLUSTER.sql(f"CREATE ROLE keeper LOGIN SUPERUSER PASSWORD '{CANARY}'")
    CLUSTER.create("big")
    CLUSTER.fill("big")


def processes_with(secret):
    """The processes that show the secret in argv or environment: [(pid, where)]."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for where in ("cmdline", "environ"):
            try:
                with open(f"/proc/{pid}/{where}", "rb") as f:
                    if secret.encode() in f.read():
                        found.append((int(pid), where))
            except OSError:  # ended meanwhile
                pass
    return found


def files_with(secret, directory):
    found = []
    for parent, _, files in os.walk(directory):
        for name in files:
            path = os.path.join(parent, name)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    if secret.encode() in f.read():
                        found.append(path)
    return found


class Canary(BackupTestCase):
    def setUp(self):
        super().setUp()
        os.mkdir(self.tmp + "/secret")
        secret = self.write("secret/password", CANARY, 0o600)
        self.backup = PgBackup(self, CLUSTER, PG_DATABASES="big", PG_HOST="127.0.0.1",
                               PG_USER="keeper", PG_PASSWORD_FILE=secret,
                               PUSHGATEWAY_URL=GATEWAY.url, BACKUP_COMPRESSION="none",
                               LOG_LEVEL="debug")

    def assertNowhere(self, *results):
        """Not in any process, nor in what the commands said, nor in any file they made."""
        self.assertEqual(processes_with(CANARY), [])
        self.assertEqual(files_with(CANARY, self.tmp), [self.tmp + "/secret/password"])
        for done in results:
            self.assertNotIn(CANARY, done.stdout + done.stderr)

    def test_the_search_finds_what_there_is_to_find(self):
        shown = "shown-" + os.urandom(12).hex()
        for arguments, environment in (([shown], {}), ([], {"SECRET": shown})):
            process = pgtest.spawn(["sh", "-c", "read line", *arguments], env=environment,
                                   stdin=subprocess.PIPE)
            self.addCleanup(pgtest.stop_process, process)
            pgtest.wait_until(lambda: processes_with(shown), "it is seen")
            pgtest.stop_process(process)

    def test_nothing_shows_the_password_during_a_run_or_after_it(self):
        running, fake = held_run(self, self.backup, CLUSTER, "--report")
        self.assertNowhere()
        fake.release()
        done = running.wait()
        self.assertEnded(done, 0)
        self.assertEqual(self.backup.databases(), {"big"})
        self.assertNowhere(done)

    def test_neither_the_run_nor_its_children_may_leave_a_core_file(self):
        running, fake = held_run(self, self.backup, CLUSTER)
        with open(f"/proc/{running.pid}/task/{running.pid}/children", encoding="ascii") as f:
            pids = [running.pid, *map(int, f.read().split())]
        self.assertGreater(len(pids), 1)
        for pid in pids:
            with open(f"/proc/{pid}/limits", encoding="ascii") as f:
                self.assertRegex(f.read(), r"Max core file size +0 +0 ")
        fake.release()
        self.assertEnded(running.wait(), 0)

    def test_nothing_shows_the_password_when_the_run_is_killed(self):
        running, _ = held_run(self, self.backup, CLUSTER)
        running.process.kill()
        self.assertNowhere(running.wait())

    def test_nothing_shows_a_password_that_the_server_rejects(self):
        done = self.backup("run", PG_USER="nobody_like_that")
        self.assertEnded(done, 78, "authentication")
        self.assertNowhere(done)

    def test_the_other_commands_do_not_show_it_either(self):
        self.backup.must("run")
        results = [self.backup.must(*command) for command in (
            ["list"], ["list", "--json"], ["verify", "--all"], ["check"], ["check", "--json"],
            ["health", "--json"], ["prune", "--dry-run"],
            ["restore", "big", "--to", "copy"])]
        self.addCleanup(CLUSTER.drop, "copy")
        self.assertNowhere(*results)

    def test_a_restore_does_not_show_it_while_it_works(self):
        self.backup.must("run")
        CLUSTER.create("copy", "CREATE TABLE noise (x int)")
        self.addCleanup(CLUSTER.drop, "copy")
        blocker = CLUSTER.session("copy")
        self.addCleanup(blocker.close)
        blocker.do("BEGIN; LOCK TABLE noise")
        running = self.backup.start("restore", "big", "--to", "copy", "--force", "--clean")
        CLUSTER.wait_for_lock("copy")
        self.assertNowhere()
        running.terminate()
        self.assertNowhere(running.wait())

    def test_a_password_from_the_environment_goes_no_further_than_our_own(self):
        running, fake = held_run(self, self.backup, CLUSTER, PG_PASSWORD=CANARY,
                                 PG_PASSWORD_FILE=None)
        self.assertEqual([pid for pid, _ in processes_with(CANARY) if pid != running.pid], [])
        fake.release()
        self.assertEnded(running.wait(), 0)
