"""Several commands on one backup directory at once: one works, the others say who does, and nobody
harms what the one is doing."""

import signal
import threading

import pgbackup
import pgtest

CLUSTER = pgtest.Cluster()


def setUpModule():
    CLUSTER.start()
    CLUSTER.create("app", "CREATE TABLE item AS SELECT generate_series(1, 1000) AS id")
    CLUSTER.create("side", "CREATE TABLE item AS SELECT generate_series(1, 1000) AS id")


def child_of(pid, name):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        found, = [child for child in f.read().split() if name_of(child) == name]
    return int(found)


def name_of(pid):
    with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
        return f.read().rstrip("\n")


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Concurrency(pgbackup.BackupTestCase):
    def setUp(self):
        super().setUp()
        self.backup = pgbackup.PgBackup(self, CLUSTER, PG_DATABASES="app", BACKUP_GLOBALS="no",
                                        STALL_TIMEOUT_SECONDS="30")

    def start_blocked_run(self):
        """A run that holds the lock, its pg_dump waiting for a table; and what it waits for."""
        session = CLUSTER.session("app")
        self.addCleanup(session.close)
        session.do("BEGIN; LOCK TABLE item IN ACCESS EXCLUSIVE MODE")
        run = self.backup.start("run")
        CLUSTER.wait_for_lock("app")
        return run, session

    def assert_complete(self, backups):
        for backup in backups:
            self.assertEqual(backup.sha256(), self.stored_digest(backup))
            text = CLUSTER.tool("pg_restore", "-f", "-", backup.data)
            self.assertIn(b"COPY public.item", text)

    def stored_digest(self, backup):
        with open(backup.data + ".sha256", encoding="ascii") as f:
            return f.read().split()[0]

    # ── claims ───────────────────────────────────────────────────────────────────────────────────

    def test_a_second_run_ends_at_once_and_names_the_holder(self):
        first, session = self.start_blocked_run()

        second = self.backup("run", timeout=10)

        self.assertEnded(second, 6, "locked", rf"\b{first.pid}\b")
        session.do("COMMIT")
        self.assertEqual(first.wait().code, 0)
        self.assertEqual(len(self.backup.backups("app")), 1)

    def test_the_report_of_the_holder_is_not_overwritten_by_who_was_refused(self):
        first, session = self.start_blocked_run()
        self.backup("run", timeout=10)
        session.do("COMMIT")
        first.wait()

        self.assertEqual(self.backup.report()["exit_code"], 0)
        self.assertEqual(self.backup.metrics()["pg_backup_last_exit_code"], 0)

    def test_eight_runs_at_once_never_mix(self):
        for count in (2, 3, 5, 8):
            with self.subTest(runs=count):
                before = len(self.backup.backups())
                runs = [self.backup.start("run") for _ in range(count)]
                ended = [run.wait() for run in runs]
                codes = sorted(done.code for done in ended)

                self.assertLessEqual(set(codes), {0, 6}, "\n".join(map(str, ended)))
                self.assertIn(0, codes)
                self.assertEqual(len(self.backup.backups()) - before, codes.count(0))
                self.assert_complete(self.backup.backups())
                self.assertEqual(self.backup.strays(), [])

    def test_prune_beside_a_run_takes_nothing_from_it(self):
        run, session = self.start_blocked_run()
        in_flight = self.backup.strays()

        prune = self.backup("prune", timeout=10)

        self.assertIn(prune.code, (0, 6), prune)
        self.assertEqual(self.backup.strays(), in_flight)
        session.do("COMMIT")
        self.assertEqual(run.wait().code, 0)
        self.assert_complete([self.backup.backup("app")])

    def test_a_reader_never_sees_half_a_backup(self):
        for days in (30, 20, 10):
            self.backup.at(f"-{days}d", "run", BACKUP_KEEP_DAYS="365")
        damaged, done = [], threading.Event()

        def read():
            while not done.is_set():
                listing = self.backup("list", "--json")
                damaged.extend([listing.stderr] if listing.code != 0 else
                               [b for b in listing.json["backups"] if not b["good"]])

        reader = threading.Thread(target=read)
        reader.start()
        try:
            for round_ in range(10):
                self.backup.at(f"+{round_}h", "run",
                               BACKUP_KEEP_DAYS="0", BACKUP_KEEP_MIN_COUNT="1")
        finally:
            done.set()
            reader.join()

        self.assertEqual(damaged, [])

    def test_runs_and_prunes_at_once_keep_the_policy(self):
        for days in (30, 20, 10):
            self.backup.at(f"-{days}d", "run", BACKUP_KEEP_DAYS="365")
        policy = {"BACKUP_KEEP_DAYS": "5", "BACKUP_KEEP_MIN_COUNT": "2"}
        commands = ["run", "prune", "run", "prune", "prune", "run"]

        ended = [run.wait() for run in [self.backup.start(c, **policy) for c in commands]]

        self.assertLessEqual({done.code for done in ended}, {0, 6}, "\n".join(map(str, ended)))
        self.assertGreaterEqual(len(self.backup.backups()), 2)
        self.assert_complete(self.backup.backups())
        self.assertEqual(self.backup.strays(), [])

    def test_the_lock_dies_with_its_holder_though_pg_dump_lives_on(self):
        run, session = self.start_blocked_run()
        pg_dump = child_of(run.pid, "pg_dump")
        run.send(signal.SIGKILL)
        run.wait()
        self.assertTrue(is_running(pg_dump), "pg_dump is gone, too: this test shows nothing")

        other = self.backup("run", "side", timeout=20)

        self.assertEnded(other, 0)
        self.assertTrue(is_running(pg_dump))
        session.do("COMMIT")

    def test_what_a_killed_holder_left_goes_with_the_next_run(self):
        self.backup.at("-1d", "run")
        earlier = self.backup.backup("app").sha256()
        run, session = self.start_blocked_run()
        run.send(signal.SIGKILL)
        run.wait()
        session.do("COMMIT")

        done = self.backup("run", timeout=20)

        self.assertEnded(done, 0)
        self.assertEqual(self.backup.strays(), [])
        self.assertEqual([b.sha256() for b in self.backup.backups("app")][0], earlier)
        self.assertEqual(len(self.backup.backups("app")), 2)

    def test_two_runs_in_one_second_make_two_backups(self):
        frozen = self.backup.at("@2026-01-02 03:04:05", "run"), \
            self.backup.at("@2026-01-02 03:04:05", "run")

        for done in frozen:
            self.assertEnded(done, 0)
        self.assertEqual(len(self.backup.backups("app")), 2)
        self.assert_complete(self.backup.backups("app"))
