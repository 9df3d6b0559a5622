"""A run under systemd: readiness, status, stop, the journal, what it leaves."""

import re
import time

import machine

DATABASE_WITH_NOISE = """
    CREATE TABLE noise AS SELECT i, md5(i::text) || md5((-i)::text) AS noise
    FROM generate_series(1, 40000) i"""


class Readiness(machine.TestCase):
    def assertStartFails(self, instance, reason, status, says):
        """At once, with the reason in the journal and in the last status."""
        done = instance.start()
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(instance.show("ActiveState"), "failed")
        self.assertEqual((instance.show("Result"), instance.show("ExecMainStatus")),
                         ("exit-code", str(status)), instance.story())
        self.assertIn(reason, instance.reasons(), instance.story())
        self.assertRegex(instance.events()[-1]["MESSAGE"], says)
        self.assertIn("PG_BACKUP_HINT", instance.events()[-1])
        self.assertRegex(instance.show("StatusText"), says)
        self.assertEqual(instance.events("run-started"), [])

    def test_bad_settings_fail_a_start(self):
        instance = self.instance("badset", BACKUP_KEEP_DAY="7")
        self.assertStartFails(instance, "settings", 78, 'unknown setting "BACKUP_KEEP_DAY"')

    def test_a_server_that_is_not_there_fails_a_start(self):
        instance = self.instance("noserver", PG_HOST="127.0.0.1", PG_PORT="1")
        self.assertStartFails(instance, "unreachable", 75, "refused")

    def test_client_programs_of_a_wrong_version_fail_a_start(self):
        old = '#!/bin/sh\necho "pg_dump (PostgreSQL) 11.22"\n'
        for name in ("pg_dump", "pg_dumpall", "pg_restore", "psql"):
            self.machine.write("/opt/old/" + name, old, 0o755)
        instance = self.instance("oldclient", PG_BINDIR="/opt/old")
        self.assertStartFails(instance, "client-too-old", 78, "11")

    def test_a_held_lock_fails_a_start(self):
        self.database("locked_db", "CREATE TABLE t ()")
        held = self.lock("locked_db", "t")
        instance = self.instance("held", PG_DATABASES="locked_db")
        by_hand = "setsid -f runuser -u pg-backup -- pg-backup -i held run </dev/null >/dev/null 2>&1"
        self.sh(f"install -d -m 0700 -o pg-backup -g pg-backup {instance.directory}; {by_hand}")
        self.wait_for_waiting("locked_db")
        self.assertStartFails(instance, "locked", 6, "locked by another pg-backup: run, pid")
        held.release()
        machine.wait_until(lambda: instance.stems("locked_db"), "the other run is done")

    def test_a_start_returns_while_the_dump_is_under_way(self):
        self.database("under_way", "CREATE TABLE t ()")
        held = self.lock("under_way", "t")
        instance = self.instance("underway", PG_DATABASES="under_way")
        done = instance.start()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((instance.show("ActiveState"), instance.show("SubState")),
                         ("active", "running"))
        self.assertEqual(instance.stems("under_way"), [])
        held.release()
        self.assertEqual(instance.wait_until_over(), "inactive", instance.story())
        self.assertEqual(len(instance.stems("under_way")), 1)

    def test_a_reload_is_refused(self):
        instance = self.instance("reload")
        done = self.machine.run(f"systemctl reload {instance.service}")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("not applicable", done.stderr)


class UnderWay(machine.TestCase):
    def setUp(self):
        super().setUp()
        self.database("big", DATABASE_WITH_NOISE)
        self.instance_of_big = self.instance(
            "underway2", PG_DATABASES="big", BACKUP_GLOBALS="no",
            PG_BINDIR=self.slow_client(bytes_a_second=100_000))

    def test_status_says_how_far_it_is_and_a_stop_ends_it_cleanly_within_seconds(self):
        instance = self.instance_of_big
        self.assertEqual(instance.start().returncode, 0)
        instance.wait_for_status("/s")
        self.assertRegex(instance.show("StatusText"),
                         r'^dumping database "big" \(1/1\), [\d.]+ [KM]iB, [\d.]+ [KM]?i?B/s')
        self.assertIn('Status: "dumping database', self.sh(f"systemctl status {instance.service}"))

        began = time.monotonic()
        self.sh(f"systemctl stop {instance.service}")
        self.assertLess(time.monotonic() - began, 30)
        self.assertEqual(instance.show("ActiveState"), "failed")
        self.assertEqual(set(instance.reasons()), {"cancelled"}, instance.story())
        self.assertEqual(instance.show("StatusText"), "stopped by SIGTERM")
        left = [path for path in instance.files() if "/big/" in path]
        self.assertEqual(left, [])
        self.assertEqual(self.programs(), "")

        instance.configure(PG_DATABASES="big", BACKUP_GLOBALS="no")
        instance.run()
        self.assertEqual(len(instance.stems("big")), 1)

    def test_two_instances_run_at_once(self):
        self.database("small", "CREATE TABLE t ()")
        self.lock("big", "noise")
        held = self.lock("small", "t")
        one, other = self.instance_of_big, self.instance("small", PG_DATABASES="small")
        self.assertEqual([one.start().returncode, other.start().returncode], [0, 0])
        self.wait_for_waiting("big")
        self.wait_for_waiting("small")
        self.assertEqual([one.show("ActiveState"), other.show("ActiveState")], ["active"] * 2)
        held.release()
        self.assertEqual(other.wait_until_over(), "inactive", other.story())
        self.assertEqual(one.show("ActiveState"), "active")
        self.sh(f"systemctl stop {one.service}")
        self.assertEqual(len(other.stems("small")), 1)


class Traces(machine.TestCase):
    """What one run leaves in the journal and on the disk."""

    def test_the_journal_tells_of_a_database_in_fields(self):
        self.database("appdb", "CREATE TABLE t AS SELECT 1 AS a")
        instance = self.instance("fields", PG_DATABASES="appdb")
        instance.run()
        entries = [e for e in self.machine.journal("PG_BACKUP_DATABASE=appdb")
                   if e["_SYSTEMD_UNIT"] == instance.service]
        self.assertEqual(len(entries), 1, entries)
        entry, stem = entries[0], instance.stems("appdb")[0]
        size = self.sh(f"stat -c %s {instance.directory}/appdb/{stem}.dump").strip()
        expected = {
            "MESSAGE_ID": "b584869810aa4d5f8294c4fcd3f54620", "PRIORITY": "6",
            "PG_BACKUP_EVENT": "backup-finished", "PG_BACKUP_PHASE": "dumping",
            "PG_BACKUP_RUN": instance.report()["run_id"], "PG_BACKUP_STEM": stem,
            "PG_BACKUP_BYTES": size, "SYSLOG_IDENTIFIER": "pg-backup",
            "_SYSTEMD_SLICE": "pg-backup.slice", "_CAP_EFFECTIVE": "0",
        }
        self.assertEqual({key: entry.get(key) for key in expected}, expected)
        self.assertRegex(entry["MESSAGE"], r'^backed up database "appdb": \S+ \w+ in \S+ s$')

        story = [e["PG_BACKUP_EVENT"] for e in instance.events()]
        self.assertEqual(story, ["run-started", "backup-finished", "backup-finished",
                                 "run-finished"])
        self.assertEqual({e["PG_BACKUP_RUN"] for e in instance.events()},
                         {instance.report()["run_id"]})

    def test_journalctl_explains_a_failure_by_cause_and_remedy(self):
        self.database("policed", "CREATE TABLE t (); ALTER TABLE t ENABLE ROW LEVEL SECURITY")
        self.machine.sql('ALTER ROLE "pg-backup" NOBYPASSRLS')
        self.addCleanup(self.machine.sql, 'ALTER ROLE "pg-backup" BYPASSRLS')
        instance = self.instance("explain", PG_DATABASES="policed")
        self.assertEqual(instance.start().returncode, 0)
        self.assertEqual(instance.wait_until_over(), "failed")
        self.assertEqual(instance.show("StatusText"), "run failed: 1 of 2 backups failed")
        told = self.sh("journalctl --no-pager -x PG_BACKUP_REASON=row-security"
                       f" _SYSTEMD_UNIT={instance.service}")
        self.assertIn("Subject: Reason: row-security", told)
        self.assertIn("pg_dump refuses to write one", told)
        self.assertIn("Remedy: Give the backup role BYPASSRLS", told)
        self.assertIn("Documentation: man:pg-backup(1)", told)

    def test_every_reason_and_event_is_in_the_catalog_and_every_reason_in_the_manual(self):
        reasons = self.sh("zcat -f /usr/share/doc/pg-backup/REASONS.md*")
        named = re.findall(r"(?m)^### (\S+)$", reasons)
        ids = re.findall(r"message id `([0-9a-f]{32})`", reasons)
        self.assertEqual(len(named), len(ids))
        self.assertGreater(len(named), 20)
        entries = self.sh("journalctl --no-pager --dump-catalog")
        known = dict(re.findall(r"(?m)^-- ([0-9a-f]{32})\nSubject: (.*)$", entries))
        manual = self.sh("man -P cat pg-backup | col -b")
        for name, message_id in zip(named, ids):
            self.assertEqual(known.get(message_id), f"Reason: {name}")
            self.assertRegex(manual, rf"(?m)^ +{name}( |$)")

    def test_files_are_for_their_owner_alone(self):
        self.database("private", "CREATE TABLE t ()")
        instance = self.instance("private", PG_DATABASES="private")
        instance.run()
        found = self.sh(f"find {instance.directory} ! -type l -printf '%y %m %u %g\\n' | sort -u")
        self.assertEqual(found, "d 700 pg-backup pg-backup\nf 600 pg-backup pg-backup\n")
        self.assertEqual(instance.show("DynamicUser"), "no")
        self.assertEqual(self.sh(f"runuser -u postgres -- ls {instance.directory} 2>&1 || echo no")
                         .split()[-1], "no")

    def test_the_weekly_verification_finds_a_flipped_bit(self):
        self.database("proof", "CREATE TABLE t AS SELECT 1 AS a")
        instance = self.instance("proof", PG_DATABASES="proof")
        instance.run()
        drop_in = "/etc/systemd/system/pg-backup-verify@proof.service.d"
        self.sh(f"mkdir -p {drop_in}; printf '[Service]\\nEnvironment=VERIFY_SUBSET=1/1\\n'"
                f" >{drop_in}/all.conf; systemctl daemon-reload")
        self.addCleanup(self.sh, f"rm -r {drop_in}; systemctl daemon-reload")
        verify = "systemctl start --wait pg-backup-verify@proof.service"
        self.addCleanup(self.sh, "systemctl reset-failed pg-backup-verify@proof", check=False)
        self.assertEqual(self.machine.run(verify).returncode, 0)
        dump = f"{instance.directory}/proof/{instance.stems('proof')[0]}.dump"
        self.sh(f"printf x | dd of={dump} bs=1 seek=100 conv=notrunc status=none")
        self.assertNotEqual(self.machine.run(verify).returncode, 0)
        entries = self.machine.journal("_SYSTEMD_UNIT=pg-backup-verify@proof.service",
                                       "PG_BACKUP_REASON=damaged")
        self.assertEqual(len(entries), 1)
