"""Timers: they fire, they make up for what was missed, and the run says what was."""

import re

import machine

# Moments come thick and fast, and their time to begin is a second.
EVERY_TWO_SECONDS = "[Timer]\nOnCalendar=\nOnCalendar=*:*:0/2\nRandomizedDelaySec=0\nAccuracySec=1\n"
# Fires once, at once; its calendar has no moment before the year 2099.
ONCE = "[Timer]\nOnCalendar=\nOnCalendar=2099-01-01\nOnActiveSec=1\nRandomizedDelaySec=0\n" \
    "AccuracySec=1\n"
DAILY = "[Timer]\nOnCalendar=\nOnCalendar={}:00\nRandomizedDelaySec=0\nAccuracySec=1\n"
THREE_DAYS_AGO = "date -u -d '3 days ago' +%Y-%m-%dT%H:%M:%SZ"


class Schedule(machine.TestCase):
    def metric(self, instance):
        text = self.machine.read(f"{instance.directory}/metrics.prom")
        return int(re.search(r"(?m)^pg_backup_last_run_missed_slots (\d+)$", text)[1])

    def scheduled(self, name, timer, **settings):
        instance = self.instance(
            name, METRICS_TEXTFILE=f"/var/lib/pg-backup/{name}/metrics.prom", **settings)
        instance.drop_in(instance.timer, timer)
        return instance

    def test_a_timer_fires_and_the_run_in_its_time_has_missed_nothing(self):
        self.database("ontime", "CREATE TABLE t ()")
        instance = self.scheduled("ontime", ONCE, PG_DATABASES="ontime")
        instance.run()
        self.sh(f"systemctl start {instance.timer}")
        instance.wait_for_events("run-finished", count=2)
        self.assertEqual(instance.wait_until_over(), "inactive")
        self.assertEqual(instance.events("slots-missed"), [])
        self.assertEqual(instance.report()["missed_slots"], 0)
        self.assertEqual(self.metric(instance), 0)

    def test_a_calendar_fires_and_slots_skipped_by_a_long_run_are_told_and_counted(self):
        self.database("longrun", "CREATE TABLE t ()")
        held = self.lock("longrun", "t")
        instance = self.scheduled("longrun", EVERY_TWO_SECONDS, PG_DATABASES="longrun")
        self.sh(f"systemctl start {instance.timer}")
        first = instance.wait_for_events("run-started")[0]
        self.wait_for_waiting("longrun")
        until = int(first["__REALTIME_TIMESTAMP"]) // 10**6 + 7
        machine.wait_until(lambda: int(self.sh("date +%s")) > until, "three slots are over")
        held.release()

        missed = instance.wait_for_events("slots-missed")[0]
        self.sh(f"systemctl stop {instance.timer}")
        self.assertEqual(missed["MESSAGE_ID"], "683f63977e144b4aac4c1758f022bbc7")
        self.assertEqual(missed["PRIORITY"], "4")
        self.assertNotEqual(missed["PG_BACKUP_RUN"], first["PG_BACKUP_RUN"])
        count = int(re.match(r"no run began at (\d+) scheduled moments since the last run, first at"
                             r" \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", missed["MESSAGE"])[1])
        self.assertGreaterEqual(count, 2)
        instance.wait_until_over()

    def test_what_was_missed_while_the_machine_was_off_is_made_up_for_and_told(self):
        self.database("off")
        far_away = self.sh("date -d 'now + 12 hours' +%H").strip()  # from every moment of the test
        instance = self.scheduled("off", DAILY.format(far_away), PG_DATABASES="off")
        instance.run()
        self.sh(f"systemctl enable {instance.timer}")
        # As if it had been switched off three days ago.
        self.sh(f"sed -i \"s/\\\"started\\\": \\\".*\\\"/\\\"started\\\": \\\"$({THREE_DAYS_AGO})\\\"/\""
                f" {instance.directory}/.state/last-run.json;"
                " mkdir -p /var/lib/systemd/timers; touch -d '3 days ago'"
                f" /var/lib/systemd/timers/stamp-{instance.timer}")
        self.machine.reboot()
        instance.wait_for_events("run-finished")
        missed = instance.wait_for_events("slots-missed")
        self.assertEqual(len(missed), 1)
        count = instance.report()["missed_slots"]
        self.assertEqual(count, 3, instance.story())
        self.assertIn("no run began at 3 scheduled moments", missed[0]["MESSAGE"])
        self.assertEqual(instance.wait_until_over(), "inactive")
        self.assertEqual(self.metric(instance), 3)
        self.assertEqual(len(instance.stems("off")), 2)
