"""The container's main process: when runs start, what health says, and what a stop does."""

import contextlib
import datetime
import json
import os
import re
import signal
import time

from composition import (IMAGE, PASSWORD, TOP, UID, Composition, TestCase, docker, inspect,
                         read_process, wait_until)

PLACE = Composition("schedule", BACKUP_SCHEDULE="0 0 1 1 *", PG_DATABASES="shop",
                    PUSHGATEWAY_URL="", HEALTH_GRACE_SECONDS="0")


def setUpModule():
    try:
        PLACE.prepare()
        PLACE.faster_health()
        PLACE.compose("build", "backup", timeout=900)
        PLACE.compose("--profile", "demo", "up", "-d", "--wait", "demo-db")
    except BaseException:
        PLACE.close()
        raise


def tearDownModule():
    PLACE.close()


def start(**settings):
    """A new container of `backup` with these settings in the place of the last ones."""
    PLACE.write_env(**settings)
    PLACE.compose("up", "-d", "--no-deps", "--force-recreate", "backup")


def once(*command, env=(), directory=PLACE.data, user=f"{UID}:{UID}", options=()):
    """A container of its own for one command, beside the database."""
    words = [word for pair in (*env, "PG_DATABASES=shop") for word in ("-e", pair)]
    return docker("run", "--rm", "--name", f"{PLACE.project}-once", "--user", user, "--read-only",
                  "--network", f"{PLACE.project}_database", "-v", f"{directory}/backups:/backups",
                  "-v", f"{directory}/state:/state", "-v",
                  f"{PLACE.directory}/secrets/pg_password.txt:/run/secrets/pg_password:ro",
                  "-e", "PG_HOST=demo-db", "-e", "PG_USER=backup", *words, *options, IMAGE,
                  *command, check=False)


def said(pattern):
    return lambda: re.search(pattern, PLACE.logs())


def processes(name):
    """Those of `backup` with that name, by their numbers on the host."""
    done = docker("top", PLACE.container("backup"), "-eo", "pid,comm", check=False)
    rows = [line.split(None, 1) for line in done.stdout.splitlines()[1:]]
    return [int(pid) for pid, comm in rows if comm.strip() == name]


def locks(condition):
    """Those on the table held, by their modes."""
    return PLACE.query("SELECT mode FROM pg_locks JOIN pg_class c ON c.oid = relation"
                       f" WHERE relname = 'held' AND {condition}")


def is_stopped(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        return f.read().rsplit(")", 1)[1].split()[0] == "T"


def unfinished_bytes():
    """What is there of a backup of shop that is not finished."""
    names = [name for name in PLACE.files() if re.fullmatch(r"shop/.*\.tmp", name)]
    with contextlib.suppress(FileNotFoundError):
        return sum(os.stat(f"{PLACE.backups}/{name}").st_size for name in names)
    return 0


class Schedule(TestCase):
    def setUp(self):
        PLACE.write_env(BACKUP_SCHEDULE="0 0 1 1 *", BACKUP_ON_START="no", HEALTH_GRACE_SECONDS="0",
                        MAX_BACKUP_AGE_SECONDS="93600", TZ="UTC")
        for directory in (PLACE.backups, PLACE.data + "/state"):
            docker("run", "--rm", "--user", "0", "--network", "none", "-v", f"{directory}:/d",
                   "--entrypoint", "find", IMAGE, "/d", "-mindepth", "1", "-delete")
            os.chown(directory, UID, UID)

    def tearDown(self):
        PLACE.compose("rm", "--stop", "--force", "backup")

    def test_a_run_starts_within_the_minute_and_its_age_turns_health_and_back(self):
        """a run starts within the minute, by TZ, and its age turns health and back"""
        # Every minute of this hour and the next, in Tokyo: by another clock, none for a long time.
        hour = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=9))).hour
        start(TZ="Asia/Tokyo", BACKUP_SCHEDULE=f"* {hour},{(hour + 1) % 24} * * *",
              MAX_BACKUP_AGE_SECONDS="40")
        print("docker inspect, before the first backup:", PLACE.wait_for_health("unhealthy"))
        PLACE.wait_for_health("healthy", "have a good backup")
        first = PLACE.stems()
        sentence = PLACE.wait_for_health("unhealthy", "old|older")
        print("docker inspect, too old:", sentence)
        self.assertRegex(sentence, "newest good backup is .*allowed")
        PLACE.wait_for_health("healthy", "have a good backup")
        self.assertGreater(len(PLACE.stems()), len(first))
        for event in PLACE.events():
            self.assertIn("level", event)

    def test_a_run_at_the_start_comes_before_the_schedule(self):
        start(BACKUP_ON_START="yes")
        print("docker inspect, healthy:", PLACE.wait_for_health("healthy", "have a good backup"))
        wait_until("the schedule begins", said("runs are scheduled"))
        self.assertEqual(len(PLACE.stems()), 1)
        messages = [event.get("message", "") for event in PLACE.events()]
        finished = next(i for i, text in enumerate(messages) if text.startswith("run finished"))
        self.assertLess(finished, messages.index('runs are scheduled: "0 0 1 1 *"'))

    def test_the_time_of_grace_lasts_from_the_first_start_over_restarts(self):
        start(HEALTH_GRACE_SECONDS="3600")
        sentence = PLACE.wait_for_health("healthy", "wait for the first good backup")
        print("docker inspect, in the time of grace:", sentence)
        PLACE.compose("restart", "backup")
        self.assertEqual(PLACE.wait_for_health("healthy", "wait for the first"), sentence)

        record = PLACE.data + "/state/schedule.json"
        with open(record, encoding="utf-8") as f:
            text = re.sub(r"20\d\d-", "2020-", f.read())
        with open(record, "w", encoding="utf-8") as f:
            f.write(text)
        PLACE.compose("restart", "backup")
        PLACE.wait_for_health("unhealthy", "there is no backup")

    def test_a_schedule_that_is_none_is_an_error_and_no_silence(self):
        start(BACKUP_SCHEDULE="every night")
        sentence = PLACE.wait_for_health("unhealthy", "BACKUP_SCHEDULE must be five fields")
        print("docker inspect, a bad schedule:", sentence)
        self.assertTrue(inspect(PLACE.container("backup"))["State"]["Running"])
        errors = [event for event in PLACE.events() if event["level"] == "error"]
        self.assertIn('BACKUP_SCHEDULE must be five fields', errors[0]["message"])
        self.assertIn('not "every night"', errors[0]["message"])
        self.assertStopped(78)

    def test_without_supercronic_the_container_is_unhealthy(self):
        start(BACKUP_ON_START="yes")
        PLACE.wait_for_health("healthy", "have a good backup")
        wait_until("supercronic runs", lambda: processes("supercronic"))
        os.kill(processes("supercronic")[0], signal.SIGKILL)
        sentence = PLACE.wait_for_health("unhealthy", "the scheduler is gone")
        print("docker inspect, without supercronic:", sentence)
        self.assertIn("supercronic was killed by signal 9", sentence)

        PLACE.compose("restart", "backup")
        PLACE.wait_for_health("healthy", "have a good backup")

    def test_a_stop_while_nothing_runs_is_quick_and_clean(self):
        start()
        wait_until("the schedule begins", said("runs are scheduled"))
        wait_until("supercronic runs", lambda: processes("supercronic"))
        self.assertStopped(0)

    def test_a_stop_in_mid_dump_leaves_nothing_unfinished(self):
        self.addCleanup(PLACE.query, "DROP TABLE IF EXISTS weight")
        PLACE.query("CREATE TABLE weight AS SELECT i, md5(i::text) || md5((-i)::text) AS text "
                    "FROM generate_series(1, 1500000) AS i")
        start(BACKUP_ON_START="yes")
        wait_until("a dump of shop is under way", self.hold_dump)
        self.assertStoppedInRun()

    def hold_dump(self):
        """Whether pg_dump is held after data of shop has arrived. Until then it goes on by
        hundredths of a second, so that it cannot end unseen."""
        for pid in processes("pg_dump"):
            with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                while True:
                    os.kill(pid, signal.SIGSTOP)
                    if unfinished_bytes() > 0 and is_stopped(pid):
                        return True
                    os.kill(pid, signal.SIGCONT)
                    time.sleep(0.01)
        return False

    def assertStoppedInRun(self):
        """A stop of the container ends the run, which leaves nothing of shop."""
        self.assertStopped(0)
        self.assertIn("cancelled", [event.get("reason") for event in PLACE.events()])
        self.assertRegex(PLACE.logs(), "stopped by SIGTERM")
        self.assertEqual([name for name in PLACE.files() if name.startswith("shop/")], [])

    def assertStopped(self, code):
        began = time.monotonic()
        docker("stop", "-t", "60", PLACE.container("backup"))
        self.assertLess(time.monotonic() - began, 55)  # or else it was killed
        state = inspect(PLACE.container("backup"))["State"]
        self.assertEqual((state["ExitCode"], state["OOMKilled"]), (code, False), PLACE.logs())

    def test_two_runs_do_not_overlap_and_a_stop_reaches_the_one_that_supercronic_started(self):
        PLACE.query("CREATE TABLE held (i int)")
        self.addCleanup(PLACE.query, "DROP TABLE held")
        hold = "BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600);"
        docker("exec", "-d", PLACE.container("demo-db"), "psql", "-qX", "-U", "postgres", "-d",
               "shop", "-c", hold)
        self.addCleanup(PLACE.query, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                     "WHERE query LIKE '%held%' AND pid <> pg_backend_pid()")
        wait_until("the table is locked", lambda: locks("granted"))
        start(BACKUP_SCHEDULE="* * * * *")
        wait_until("a run is held up", lambda: locks("NOT granted"))
        done = PLACE.exec("pg-backup", "run", check=False)
        self.assertRefused(done, 6, "locked", "is locked by another pg-backup: run, pid")
        wait_until("supercronic skips a run", said("not starting: job is still running"))
        self.assertEqual(len(processes("pg_dump")), 1)
        self.assertStoppedInRun()

    # ── what goes wrong ──────────────────────────────────────────────────────────────────────────

    def test_a_directory_of_somebody_else_is_told_with_both_uids(self):
        os.chown(PLACE.backups, 4711, 4711)
        os.chmod(PLACE.backups, 0o755)
        start()
        sentence = PLACE.wait_for_health("unhealthy", "not writable")
        print("docker inspect, somebody else's directory:", sentence)
        self.assertIn('BACKUP_DIR "/backups" is not writable: Permission denied', sentence)
        self.assertIn("belongs to uid 4711, and pg-backup runs as uid 10001", sentence)
        self.assertIn('"chown -R 10001:10001"', sentence)

        os.chown(PLACE.backups, UID, UID)
        os.chown(PLACE.data + "/state", 4712, 4712)
        os.chmod(PLACE.data + "/state", 0o755)
        PLACE.compose("restart", "backup")
        PLACE.wait_for_health("unhealthy", 'STATE_DIR "/state" is not writable.*uid 4712.*chown')

    def test_a_wrong_password_is_told_and_not_shown(self):
        done = once("run", env=["PG_PASSWORD=wrong-but-secret"])
        self.assertRefused(done, 78, "authentication", "password authentication failed")
        self.assertNotIn("wrong-but-secret", done.stdout + done.stderr)
        self.assertEqual(PLACE.stems(), [])

    def test_a_server_that_cannot_be_reached_is_a_temporary_failure(self):
        done = once("run", env=["PG_PORT=9"])
        self.assertRefused(done, 75, "unreachable", "demo-db")
        done = once("run", env=["PG_HOST=no-such-host.invalid"])
        self.assertRefused(done, 75, "unreachable", "no-such-host")

    def test_the_image_runs_as_any_user(self):
        place = PLACE.directory + "/any"
        for name in ("backups", "state"):
            os.makedirs(f"{place}/{name}")
            os.chown(f"{place}/{name}", 54321, 12345)
        os.chmod(f"{PLACE.directory}/secrets/pg_password.txt", 0o444)
        self.addCleanup(os.chmod, f"{PLACE.directory}/secrets/pg_password.txt", 0o400)
        # As packaging/kubernetes has it: no schedule of its own, secrets in another directory.
        secrets = f"{PLACE.directory}/secrets/pg_password.txt:/credentials/pg_password:ro"
        options = {"env": ["BACKUP_SCHEDULE=", "CREDENTIALS_DIRECTORY=/credentials"],
                   "directory": place, "user": "54321:12345", "options": ["-v", secrets]}
        done = once("health", **options)
        self.assertEqual(done.returncode, 3, done.stderr)
        done = once("run", **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = once("health", **options)
        self.assertEqual((done.returncode, done.stdout.split(" have ")[0]), (0, "2 of 2"))
        done = once("verify", "shop", **options)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_supercronic_takes_every_schedule_that_we_take(self):
        with open(TOP + "/tests/unit/conf/test-crontab.c", encoding="utf-8") as f:
            table = re.search(r"good\[\] = \{(.*?)\};", f.read(), re.DOTALL)[1]
        schedules = [json.loads(f'"{text}"') for text in re.findall(r'"((?:\\.|[^"\\])*)"', table)]
        self.assertGreater(len(schedules), 15)
        crontab = "".join(f"{schedule} true\n" for schedule in schedules)
        done = docker("run", "--rm", "--network", "none", "-e", "CRONTAB=" + crontab,
                      "--entrypoint", "sh", IMAGE, "-c",
                      'printf %s "$CRONTAB" >/tmp/crontab && exec supercronic -test /tmp/crontab')
        self.assertIn("crontab is valid", done.stdout + done.stderr)

    def test_the_password_is_in_no_environment_of_a_run_under_way(self):
        start(BACKUP_ON_START="yes")
        seen = []

        def look():
            for pid in processes("pg-backup") + processes("pg_dump") + processes("pg_dumpall"):
                text = read_process(pid)
                self.assertNotIn(PASSWORD.encode(), text)
                seen.append(bool(text))
            return PLACE.stems()

        wait_until("the run's end", look)
        self.assertIn(True, seen)
        self.assertNotIn(PASSWORD, PLACE.logs())
