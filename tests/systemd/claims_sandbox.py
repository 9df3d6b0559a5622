"""What the units may not do, tried from inside; and credentials, which they alone may read."""

import machine

# A probe in the place of pg-backup: same user, same sandbox. Each line is a thing tried.
PROBE = """#!/bin/sh
try() { if "$@" >/dev/null 2>&1; then echo "could: $*"; else echo "could not: $*"; fi; }
try touch /var/lib/pg-backup/{name}/file
try touch /tmp/file
try touch /srv/open/file
try touch /var/lib/pg-backup/other/file
try touch /etc/pg-backup/open/file
try touch /home/somebody/file
try cat /home/somebody/secret
try cat /root/secret
try cat /tmp/outside
try /srv/open/as-root cat /var/root-only
try unshare --user true
try mount -t tmpfs tmpfs /var/lib/pg-backup/{name}
try hostname elsewhere
try test -e /proc/1/status
try test -e /proc/sys/kernel/hostname
try perl -e 'require "syscall.ph"; exit 1'
sed -n 's/^\\(NoNewPrivs\\|Seccomp\\|CapEff\\|CapBnd\\):\\t/\\1 /p' /proc/self/status
"""
# Without a sandbox, the same user can do all but what needs root.
GROUND = """
    mkdir -p /srv/open /var/lib/pg-backup/other /etc/pg-backup/open /home/somebody
    chmod 1777 /srv/open /var/lib/pg-backup/other /etc/pg-backup/open /home/somebody
    echo secret >/home/somebody/secret; echo secret >/root/secret; chmod 711 /root
    echo outside >/tmp/outside; chmod 644 /tmp/outside /root/secret
    echo root >/var/root-only; chmod 600 /var/root-only
"""


class Sandbox(machine.TestCase):
    def setUp(self):
        super().setUp()
        self.sh(GROUND)
        self.addCleanup(self.sh, "rm -rf /srv/open /var/lib/pg-backup/other /etc/pg-backup/open"
                        " /home/somebody /root/secret /tmp/outside; chmod 700 /root")
        self.machine.write("/opt/probe", PROBE.replace("{name}", "probe"), 0o755)

    def could(self, output):
        return {line.split(": ", 1)[1] for line in output.splitlines()
                if line.startswith("could: ")}

    def test_a_unit_writes_to_its_own_directories_alone_sees_no_home_and_gains_nothing(self):
        instance = self.instance("probe")
        for unit in ("pg-backup", "pg-backup-verify", "pg-backup-drill"):
            with self.subTest(unit):
                self.assertConfined(instance, unit + "@probe.service")

    def assertConfined(self, instance, unit):
        instance.drop_in(unit, "[Service]\nType=oneshot\nExecStart=\nExecStart=/opt/probe\n"
                               "WatchdogSec=0\nOnFailure=\n")
        self.sh(f"systemctl start {unit}")
        entries = self.machine.journal(f"_SYSTEMD_UNIT={unit}", "_TRANSPORT=stdout")
        said = "\n".join(entry["MESSAGE"] for entry in entries)
        self.assertEqual(self.could(said), {"touch /var/lib/pg-backup/probe/file",
                                            "touch /tmp/file"}, said)
        self.assertFalse(self.sh("ls /tmp/file 2>/dev/null", check=False), "/tmp is its own")
        for line in ("NoNewPrivs 1", "Seccomp 2", "CapEff 0000000000000000",
                     "CapBnd 0000000000000000"):
            self.assertIn(line, said)

    def test_the_same_user_without_the_sandbox_could(self):
        self.sh("install -d -m 0700 -o pg-backup -g pg-backup /var/lib/pg-backup/probe")
        said = self.sh("cd /; runuser -u pg-backup -- /opt/probe")
        self.assertLessEqual({
            "touch /srv/open/file", "touch /var/lib/pg-backup/other/file",
            "touch /etc/pg-backup/open/file", "touch /home/somebody/file",
            "cat /home/somebody/secret", "cat /root/secret", "cat /tmp/outside",
            "test -e /proc/1/status", "test -e /proc/sys/kernel/hostname"}, self.could(said), said)


class Connections(machine.TestCase):
    def example(self, instance, name):
        self.sh(f"mkdir -p /etc/systemd/system/{instance.service}.d; cp"
                f" /usr/share/doc/pg-backup/examples/{name} /etc/systemd/system/{instance.service}.d/"
                "; systemctl daemon-reload")

    def role(self, name, password):
        self.machine.sql(f"CREATE ROLE {name} LOGIN BYPASSRLS PASSWORD '{password}';"
                         f" GRANT pg_read_all_data TO {name}")
        self.addCleanup(self.machine.sql, f"DROP ROLE {name}")

    def test_a_password_comes_as_a_credential_that_nobody_else_reads(self):
        self.role("by_credential", "canary of the credential")
        self.database("overtcp", "CREATE TABLE t ()")
        instance = self.instance("overtcp", PG_HOST="localhost", PG_USER="by_credential",
                                 PG_DATABASES="overtcp")
        self.example(instance, "tcp.conf")
        self.machine.write("/etc/pg-backup/overtcp.password", "canary of the credential\n", 0o600)
        self.assertEqual(self.machine.run(
            "runuser -u pg-backup -- cat /etc/pg-backup/overtcp.password").returncode, 1)
        instance.run()
        self.assertEqual(len(instance.stems("overtcp")), 1)
        self.assertEqual(self.sh("journalctl --no-pager -o export | grep -c 'canary of the' || true"),
                         "0\n")

    def test_an_encrypted_credential_works_too(self):
        self.role("by_cipher", "enciphered")
        self.database("ciphered", "CREATE TABLE t ()")
        instance = self.instance("ciphered", PG_HOST="localhost", PG_USER="by_cipher",
                                 PG_DATABASES="ciphered")
        self.sh("mkdir -p /etc/credstore.encrypted; printf enciphered | systemd-creds encrypt"
                " --with-key=host --name=pg_password - /etc/credstore.encrypted/pg-backup.ciphered")
        instance.drop_in(instance.service, "[Service]\nLoadCredentialEncrypted=pg_password:"
                         "/etc/credstore.encrypted/pg-backup.%i\n")
        instance.run()
        self.assertEqual(len(instance.stems("ciphered")), 1)

    def test_a_wrong_password_is_told_at_the_start(self):
        self.role("forgetful", "right")
        instance = self.instance("forgetful", PG_HOST="localhost", PG_USER="forgetful")
        self.example(instance, "tcp.conf")
        self.machine.write("/etc/pg-backup/forgetful.password", "wrong", 0o600)
        self.assertNotEqual(instance.start().returncode, 0)
        self.assertIn("authentication", instance.reasons(), instance.story())

    def test_with_the_socket_alone_peer_authentication_needs_neither_network_nor_password(self):
        self.database("oversocket", "CREATE TABLE t ()")
        instance = self.instance("oversocket", PG_DATABASES="oversocket")
        self.example(instance, "socket-only.conf")
        instance.run()
        self.assertEqual(len(instance.stems("oversocket")), 1)
        instance.configure(PG_HOST="127.0.0.1")
        self.assertNotEqual(instance.start().returncode, 0)
        self.assertIn("unreachable", instance.reasons(), instance.story())

    def test_backups_may_be_elsewhere(self):
        self.database("elsewhere", "CREATE TABLE t ()")
        self.sh("install -d -m 0700 -o pg-backup -g pg-backup /srv/backups")
        self.addCleanup(self.sh, "rm -r /srv/backups")
        instance = self.instance("elsewhere", PG_DATABASES="elsewhere", BACKUP_DIR="/srv/backups")
        self.assertNotEqual(instance.start().returncode, 0)
        self.example(instance, "backup-dir.conf")
        instance.run()
        self.assertEqual(len(self.sh("ls /srv/backups/elsewhere/*.json").split()), 1)
