"""What stands still ends as a failed unit with a reason; what moves slowly does not end."""

import time

import machine
import pgtest

NOISE = """
    CREATE TABLE noise AS SELECT i, md5(i::text) || md5((-i)::text) AS noise
    FROM generate_series(1, {rows}) i"""
POSTGRES = "systemctl kill --kill-whom=all --signal={} 'postgresql@*.service'"


class StandsStill(machine.TestCase):
    """The dump, for whatever reason: pg-backup itself ends it."""

    def assertEndsFor(self, instance, reason):
        # Its own limits are a few seconds here; the watchdog's would be half an hour, which is more
        # than our patience.
        self.assertEqual(instance.wait_until_over(), "failed")
        self.assertEqual(instance.show("Result"), "exit-code", instance.story())
        failed = instance.events("backup-failed")
        self.assertEqual([e["PG_BACKUP_REASON"] for e in failed], [reason], instance.story())
        self.assertIn("PG_BACKUP_HINT", failed[0])

    def test_a_server_that_is_stopped(self):
        self.database("frozen", NOISE.format(rows=100000))
        instance = self.instance("frozen", PG_DATABASES="frozen", BACKUP_GLOBALS="no",
                                 STALL_TIMEOUT_SECONDS=5,
                                 PG_BINDIR=self.slow_client(bytes_a_second=200_000))
        self.assertEqual(instance.start().returncode, 0)
        instance.wait_for_status("/s")
        self.addCleanup(self.sh, POSTGRES.format("SIGCONT"))
        self.sh(POSTGRES.format("SIGSTOP"))
        self.assertEndsFor(instance, "stalled")

    def test_a_lock_that_is_not_granted_in_time(self):
        self.database("taken", "CREATE TABLE t ()")
        self.lock("taken", "t")
        instance = self.instance("taken", PG_DATABASES="taken", BACKUP_GLOBALS="no",
                                 LOCK_WAIT_TIMEOUT_SECONDS=2)
        self.assertEqual(instance.start().returncode, 0)
        self.assertEndsFor(instance, "lock-timeout")

    def test_a_network_that_is_cut(self):
        # More than all buffers between server and client hold, which drain when the network is cut.
        self.database("faraway", NOISE.format(rows=400000))
        self.machine.sql("""CREATE ROLE "by-tcp" LOGIN BYPASSRLS PASSWORD 'x';
                            GRANT pg_read_all_data TO "by-tcp" """)
        self.addCleanup(self.machine.sql, 'DROP ROLE "by-tcp"')
        instance = self.instance("faraway", PG_DATABASES="faraway", BACKUP_GLOBALS="no",
                                 PG_HOST="127.0.0.1", PG_USER="by-tcp", PG_PASSWORD="x",
                                 STALL_TIMEOUT_SECONDS=5,
                                 PG_BINDIR=self.slow_client(bytes_a_second=1_000_000))
        self.assertEqual(instance.start().returncode, 0)
        instance.wait_for_status("/s")
        self.addCleanup(self.sh, "ip link set lo up")
        self.sh("ip link set lo down")
        self.assertEndsFor(instance, "stalled")


class Watchdog(machine.TestCase):
    def test_a_program_that_hangs_is_killed_and_the_next_run_recovers(self):
        self.database("hung", NOISE.format(rows=150000))  # half a minute: it has to be caught
        settings = {"PG_DATABASES": "hung", "BACKUP_GLOBALS": "no", "STALL_TIMEOUT_SECONDS": 6}
        instance = self.instance("hung", drop_in="[Service]\nWatchdogSec=12\nTimeoutAbortSec=3\n",
                                 PG_BINDIR=self.slow_client(bytes_a_second=400_000),
                                 BACKUP_JOBS=1, **settings)
        self.assertEqual(instance.start().returncode, 0)
        pgtest.wait_until(lambda: ".tmp" in self.sh(f"ls -A {instance.directory}/hung", check=False),
                          "some of the dump has reached the disk", timeout=60)
        self.sh(f"kill -STOP {instance.show('MainPID')}")
        self.assertEqual(instance.wait_until_over(), "failed")
        self.assertEqual(instance.show("Result"), "watchdog", instance.story())
        self.assertEqual(self.programs(), "")
        self.assertEqual(instance.stems("hung"), [])

        instance.configure(**settings)
        instance.run()
        self.assertEqual(len(instance.stems("hung")), 1)
        self.assertEqual(len(instance.events("swept")), 1, instance.story())

    def test_a_slow_dump_that_moves_outlives_stall_time_out_and_watchdog(self):
        self.database("slow", NOISE.format(rows=25000))
        instance = self.instance("slow", drop_in="[Service]\nWatchdogSec=12\n",
                                 PG_DATABASES="slow", BACKUP_GLOBALS="no", STALL_TIMEOUT_SECONDS=6,
                                 PG_BINDIR=self.slow_client(bytes_a_second=120_000))
        began = time.monotonic()
        instance.run()
        self.assertGreater(time.monotonic() - began, 13)
        self.assertEqual(len(instance.stems("slow")), 1)

    def test_the_watchdog_is_as_patient_as_the_stall_time_out(self):
        self.database("patient", "CREATE TABLE t ()")
        held = self.lock("patient", "t")
        instance = self.instance("patient", drop_in="[Service]\nWatchdogSec=2\n",
                                 PG_DATABASES="patient", STALL_TIMEOUT_SECONDS=90)
        self.assertEqual(instance.start().returncode, 0)
        self.wait_for_waiting("patient")
        began = time.monotonic()
        machine.wait_until(lambda: time.monotonic() - began > 6, "the unit's own time is over")
        self.assertEqual(instance.show("ActiveState"), "active", instance.story())
        held.release()
        self.assertEqual(instance.wait_until_over(), "inactive", instance.story())

    def test_as_installed_it_outlasts_the_default_stall_time_out(self):
        instance = self.instance("asinstalled")
        self.assertIn("\nWatchdogSec=30min\n", self.sh(f"systemctl cat {instance.service}"))
        self.assertIn("#STALL_TIMEOUT_SECONDS=900\n", self.machine.read("/etc/pg-backup/main.conf"))
