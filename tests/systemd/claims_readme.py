"""The quick start of README.md, run as it stands there."""

import os
import re

import machine
import pgtest

README = os.path.join(pgtest.SUPPORT, "..", "..", "README.md")


def blocks(heading):
    """The shell code below a heading, up to the next one of its level; what builds is left out."""
    with open(README, encoding="utf-8") as f:
        section = re.search(rf"(?ms)^{heading}$(.*?)^#{{2,3}} ", f.read())[1]
    found = re.findall(r"(?ms)^( *)```sh\n(.*?)^ *```$", section)
    lines = "".join(re.sub(rf"(?m)^{indent}", "", block) for indent, block in found).splitlines(True)
    return "".join(line for line in lines if not line.startswith("./dev "))


class QuickStart(machine.TestCase):
    def setUp(self):
        super().setUp()
        self.database("shop", "CREATE TABLE t AS SELECT 1 AS a")
        self.machine.sql('DROP OWNED BY "pg-backup"; DROP ROLE "pg-backup"')
        self.sh("mkdir -p /root/build-package; cp /packages/pg-backup_[0-9]*.deb /root/build-package;"
                " apt-get purge -qy pg-backup")
        self.addCleanup(self.sh, "systemctl disable --now pg-backup@main.timer"
                        " pg-backup-drill@main.timer;"
                        " rm -rf /etc/systemd/system/pg-backup@main.service.d; systemctl daemon-reload")

    def test_a_reader_of_the_readme_gets_a_backup_its_story_and_its_state(self):
        script = blocks("## Quick start on a host")
        self.assertIn("systemctl enable --now pg-backup@main.timer", script)
        # An editor that sets one line, and a reader who presses return.
        as_typed = "cd /root; export EDITOR='sed -i s/^#PG_DATABASES=.*/PG_DATABASES=shop/'\n" + script
        # And one who is slower than the journal.
        as_typed = as_typed.replace("sudo journalctl", "journalctl --sync; sudo journalctl")
        said = self.sh(as_typed.replace("apt install", "apt install -y"))

        self.assertEqual(self.sh("systemctl is-enabled pg-backup@main.timer"), "enabled\n")
        self.assertRegex(self.sh("systemctl list-timers --no-legend"), r"pg-backup@main\.timer")
        self.assertRegex(self.sh("systemctl list-timers --no-legend"),
                         r"(?m)^Sat 20\S+ 1[234]:.* pg-backup-drill@main\.timer")
        self.assertRegex(said, r"(?m)^shop +shop_\d{8}T\d{6}Z .* good$")
        self.assertRegex(said, r"(?m) shop_\d{8}T\d{6}Z: proven, recovered in .* s")
        self.assertRegex(said, r'(?m) backed up database "shop": .* in .* s$')
        self.assertRegex(said, r'(?m)^ +Status: "run finished: 2 backups, ')
        self.assertNotRegex(said, "(?m)^FAIL")

        # The same with the next section's credential: a server is a server.
        self.machine.run("cd /root\n" + blocks("### A server elsewhere"), stdin="secret\n")
        self.assertEqual(self.sh("stat -c %a /etc/pg-backup/main.password"), "600\n")
        self.assertIn("LoadCredential=pg_password:/etc/pg-backup/main.password",
                      self.sh("systemctl cat pg-backup@main.service").replace("%i", "main"))
        self.sh("sleep 1; systemctl start --wait pg-backup@main.service")
