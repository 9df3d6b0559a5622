"""What a failure sets off."""

import machine


class Alerts(machine.TestCase):
    def setUp(self):
        super().setUp()
        self.broken = self.instance("broken", PG_HOST="/nonexistent")
        self.handler = f"pg-backup-alert@{self.broken.service}.service"

    def fail(self):
        self.assertNotEqual(self.broken.start().returncode, 0)
        machine.wait_until(lambda: self.entries(), "the handler has said something")

    def entries(self):
        invocation = self.broken.show("InvocationID")
        return [e for e in self.machine.journal(f"_SYSTEMD_UNIT={self.handler}",
                                                "_TRANSPORT=stdout") if invocation in e["MESSAGE"]]

    def test_without_a_command_a_failure_is_in_the_journal_at_priority_alert(self):
        self.fail()
        entry = self.entries()[0]
        self.assertEqual(entry["PRIORITY"], "1")
        self.assertRegex(entry["MESSAGE"], r"^pg-backup@broken\.service failed: exit-code \(exited,"
                         " status 75\\); see journalctl _SYSTEMD_INVOCATION_ID=[0-9a-f]{32}$")
        self.assertEqual(self.machine.journal(
            "_SYSTEMD_INVOCATION_ID=" + self.broken.show("InvocationID"))[0]["_UID"],
            self.sh("id -u pg-backup").strip())

    def test_the_command_of_an_administrator_gets_the_unit_and_its_variables(self):
        self.machine.write("/etc/pg-backup/alert", "#!/bin/sh\necho \"$1 $MONITOR_UNIT"
                           " $MONITOR_SERVICE_RESULT $MONITOR_EXIT_CODE $MONITOR_EXIT_STATUS"
                           " $MONITOR_INVOCATION_ID\"\n", 0o755)
        self.addCleanup(self.sh, "rm /etc/pg-backup/alert")
        self.fail()
        self.assertEqual(self.entries()[0]["MESSAGE"], " ".join([
            self.broken.service, self.broken.service, "exit-code", "exited", "75",
            self.broken.show("InvocationID")]))

    def test_a_good_run_sets_off_nothing(self):
        self.database("quiet", "CREATE TABLE t ()")
        good = self.instance("quiet", PG_DATABASES="quiet")
        good.run()
        self.assertEqual(self.machine.journal(f"UNIT=pg-backup-alert@{good.service}.service"), [])
