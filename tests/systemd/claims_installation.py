"""What the package puts where, and that it starts nothing."""

import re

import machine

PLACES = """
    /etc/pg-backup/main.conf
    /usr/bin/pg-backup
    /usr/lib/systemd/catalog/pg-backup.catalog
    /usr/lib/systemd/system-preset/80-pg-backup.preset
    /usr/lib/systemd/system/pg-backup-alert@.service
    /usr/lib/systemd/system/pg-backup-drill@.service
    /usr/lib/systemd/system/pg-backup-drill@.timer
    /usr/lib/systemd/system/pg-backup-verify@.service
    /usr/lib/systemd/system/pg-backup-verify@.timer
    /usr/lib/systemd/system/pg-backup.slice
    /usr/lib/systemd/system/pg-backup@.service
    /usr/lib/systemd/system/pg-backup@.timer
    /usr/lib/sysusers.d/pg-backup.conf
    /usr/libexec/pg-backup/alert
    /usr/share/bash-completion/completions/pg-backup
    /usr/share/doc/pg-backup/README.md.gz
    /usr/share/doc/pg-backup/examples/backup-dir.conf
    /usr/share/doc/pg-backup/examples/example.conf
    /usr/share/doc/pg-backup/examples/socket-only.conf
    /usr/share/doc/pg-backup/examples/tcp.conf
    /usr/share/fish/vendor_completions.d/pg-backup.fish
    /usr/share/man/man1/pg-backup.1.gz
    /usr/share/man/man5/pg-backup.conf.5.gz
    /usr/share/man/man8/pg-backup@.service.8.gz
    /usr/share/zsh/vendor-completions/_pg-backup
""".split()
UNITS = "pg-backup@main.service pg-backup-verify@main.service pg-backup@main.timer" \
    " pg-backup-verify@main.timer pg-backup-drill@main.service pg-backup-drill@main.timer" \
    " pg-backup-alert@main.service pg-backup.slice"


class Installation(machine.TestCase):
    def test_lintian_has_nothing_to_say(self):
        with open(self.machine.package_dir + "/lintian.txt", encoding="utf-8") as f:
            self.assertEqual(f.read(), "lintian is done\n")

    def test_everything_is_in_its_place(self):
        installed = self.sh("dpkg --listfiles pg-backup").split("\n")
        self.assertEqual([path for path in PLACES if path not in installed], [])

    def test_nothing_is_enabled_and_nothing_runs(self):
        files = self.sh("systemctl list-unit-files --no-legend 'pg-backup*'")
        states = dict(line.split()[:2] for line in files.splitlines())
        self.assertEqual(states["pg-backup@.timer"], "disabled")
        self.assertEqual(set(states.values()), {"disabled", "static"})
        self.assertEqual(self.sh("find /etc/systemd/system -name 'pg-backup*'"), "")
        self.assertEqual(self.sh("systemctl list-units --no-legend 'pg-backup*@*'"), "")
        timers = "pg-backup@main.timer pg-backup-verify@main.timer pg-backup-drill@main.timer"
        self.sh(f"systemctl preset {timers}")
        self.assertEqual(self.sh(f"systemctl is-enabled {timers}", check=False), "disabled\n" * 3)

    def test_the_user_is_a_system_user_of_its_own_and_reads_the_settings(self):
        name, _, uid, gid, _, home, shell = self.sh("getent passwd pg-backup").strip().split(":")
        self.assertLess(int(uid), 1000)
        self.assertEqual((name, home), ("pg-backup", "/var/lib/pg-backup"))
        self.assertRegex(shell, "nologin$")
        self.assertEqual(self.sh("stat -c '%U %g %a' /etc/pg-backup").split(), ["root", gid, "750"])
        self.sh("runuser -u pg-backup -- cat /etc/pg-backup/main.conf")

    def test_systemd_finds_no_fault_with_the_units(self):
        done = self.machine.run("systemd-analyze verify " + UNITS)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_the_exposure_is_low_with_tcp_and_lower_with_the_socket_alone_or_in_a_drill(self):
        for unit, drop_in in (("pg-backup@tcp", "tcp.conf"), ("pg-backup-verify@tcp", "tcp.conf"),
                              ("pg-backup@socket", "socket-only.conf"),
                              ("pg-backup-verify@socket", "socket-only.conf"),
                              ("pg-backup-drill@main", "backup-dir.conf")):
            directory = f"/etc/systemd/system/{unit}.service.d"
            self.addCleanup(self.sh, f"rm -r {directory}")
            self.sh(f"mkdir -p {directory};"
                    f" cp /usr/share/doc/pg-backup/examples/{drop_in} {directory}")
            self.assertExposed(f"{unit}.service", limit=12 if drop_in == "tcp.conf" else 3)

    def assertExposed(self, unit, limit):
        """At most by that many tenths. Offline: what a unit is, not what systemd has loaded."""
        done = self.machine.run("systemd-analyze security --offline=yes --no-pager"
                                f" --threshold={limit} {unit} 2>&1")
        self.assertEqual(done.returncode, 0, done.stdout)
        level = re.findall(r"Overall exposure level for \S+: (\d+\.\d)", done.stdout)[0]
        self.assertTrue(0 < float(level) <= limit / 10, done.stdout)
        print(self.machine.suite, unit, level)

    def test_the_manual_pages_are_without_fault_and_know_the_program(self):
        for page in ("1/pg-backup.1", "5/pg-backup.conf.5", "8/pg-backup@.service.8"):
            done = self.machine.run("man --warnings -E UTF-8 -l -Tutf8 -P cat"
                                    f" /usr/share/man/man{page}.gz | col -b")
            self.assertEqual(done.stderr, "", page)
            self.assertGreater(len(done.stdout), 2000)
        manual = self.sh("man -P cat pg-backup | col -b")
        for word in ("restore BACKUP", "--dry-run", "disk-full", "78"):
            self.assertIn(word, manual)
        self.assertIn("BACKUP_KEEP_DAYS", self.sh("man -P cat pg-backup.conf | col -b"))

    def test_the_example_of_a_configuration_is_valid_and_says_nothing_but_defaults(self):
        example = self.machine.read("/usr/share/doc/pg-backup/examples/example.conf")
        self.assertEqual(example, self.machine.read("/etc/pg-backup/main.conf"))
        self.assertNotRegex(example, r"(?m)^[^#\n]")
        # Commented in, every line with a value is a setting that the program takes.
        lines = re.findall(r"(?m)^#([A-Z]\w*=.+)$", example)
        self.assertGreater(len(lines), 15)
        described = "INSTANCE|(BACKUP|STATE)_DIR/|PROCESSORS"
        taken = [line for line in lines if not re.search(described, line)]
        self.machine.write("/tmp/all.conf", "\n".join(taken) + "\nBACKUP_DIR=/tmp/all\n")
        done = self.machine.run("mkdir /tmp/all; pg-backup -c /tmp/all.conf list")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_bash_completes_commands_options_and_instances(self):
        complete = """bash -c '. /usr/share/bash-completion/completions/pg-backup
            COMP_WORDS=({words}); COMP_CWORD={last}; _pg_backup; echo ${{COMPREPLY[*]}}'"""
        said = [self.sh(complete.format(words=words, last=last)).split() for words, last in
                (("pg-backup ver", 1), ("pg-backup -i main prune --d", 4), ("pg-backup -i ma", 2))]
        self.assertEqual(said, [["verify"], ["--dry-run"], ["main"]])

    def test_fish_completes_commands_options_and_instances(self):
        said = [self.sh(f"fish -c \"complete -C '{line}'\"").split("\t")[0].strip() for line in
                ("pg-backup ver", "pg-backup -i main prune --d", "pg-backup -i ma")]
        self.assertEqual(said, ["verify", "--dry-run", "main"])

    def test_zsh_completes_commands(self):
        # A terminal is needed: what zsh shows of the completion is on it.
        self.machine.write("/tmp/complete.zsh", ZSH_COMPLETES)
        self.assertIn("verify", self.sh("cd /tmp; zsh -f /tmp/complete.zsh"))


ZSH_COMPLETES = r"""
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1=; autoload -Uz compinit; compinit -u -d /tmp/zcompdump; echo rea""dy'
zpty -r shell text '*ready*'
zpty -w -n shell $'pg-backup veri\t--help; echo fin""ished\n'
zpty -r shell text '*finished*'
print -r -- $text
zpty -d shell
"""
