"""Upgrade, removal and purge: backups stay, and what an administrator has set."""

import machine


class Removal(machine.TestCase):
    def setUp(self):
        super().setUp()
        self.database("kept", "CREATE TABLE t ()")
        self.kept = self.instance("kept", PG_DATABASES="kept")
        self.kept.run()
        self.files = self.kept.files()
        self.assertGreater(len(self.files), 5)

    def newer_package(self):
        """The same with a higher version."""
        self.sh("cd /tmp; rm -rf newer; dpkg-deb -R /packages/pg-backup_[0-9]*.deb newer;"
                " sed -i 's/^Version: .*/Version: 99/' newer/DEBIAN/control;"
                " dpkg-deb -b newer newer.deb")
        return "/tmp/newer.deb"

    def test_an_upgrade_keeps_backups_settings_and_enabled_timers_and_starts_nothing(self):
        self.sh(f"systemctl enable --now {self.kept.timer};"
                " echo PG_DATABASES=mine >>/etc/pg-backup/main.conf; chmod 0700 /etc/pg-backup")
        runs = len(self.kept.events("run-started"))
        self.sh(f"apt-get install -qy {self.newer_package()}")
        self.assertEqual(self.sh("dpkg-query -Wf '${Version}' pg-backup"), "99")
        self.assertEqual(self.kept.files(), self.files)
        self.assertIn("PG_DATABASES=mine\n", self.machine.read("/etc/pg-backup/main.conf"))
        self.assertEqual(self.sh("stat -c %a /etc/pg-backup"), "700\n")
        self.assertEqual(self.sh(f"systemctl is-enabled {self.kept.timer}"), "enabled\n")
        self.assertEqual(self.sh(f"systemctl is-active {self.kept.timer}"), "active\n")
        self.assertEqual(self.sh(f"systemctl show -P NeedDaemonReload {self.kept.service}"), "no\n")
        self.assertEqual(len(self.kept.events("run-started")), runs)
        self.sh("chmod 0750 /etc/pg-backup")
        self.kept.run()

    def test_a_purge_stops_timers_and_keeps_the_backups_for_the_next_installation(self):
        self.sh(f"systemctl enable --now {self.kept.timer}")
        self.sh("apt-get purge -qy pg-backup")
        self.assertEqual(self.sh(f"systemctl is-active {self.kept.timer}", check=False),
                         "inactive\n")
        self.assertEqual(self.sh("find /etc/systemd/system -name 'pg-backup*.timer' -type l"), "")
        self.assertEqual(self.kept.files(), self.files)
        self.assertEqual(self.sh("getent passwd pg-backup | wc -l"), "1\n")

        self.sh("apt-get install -qy /packages/pg-backup_[0-9]*.deb")
        self.assertEqual(self.kept.files(), self.files)
        self.kept.configure(PG_DATABASES="kept")
        self.assertIn("kept_", self.sh("pg-backup -i kept list"))
        self.kept.run()
