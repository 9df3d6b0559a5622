"""A Debian machine, booted: systemd as process 1, PostgreSQL, and the package installed by apt.

    MACHINE = machine.Machine("bookworm", __name__)
    setUpModule = MACHINE.boot          one boot for all tests of the module
    load_tests = MACHINE.load_tests     the claims of every class in claims_*.py, on this machine

    class Readiness(machine.TestCase):
        def test_a_claim(self):
            instance = self.instance("name", PG_DATABASES="appdb")

The tree below is shared and never written to: what a test changes lies in memory on top of it, and
goes with the test process. Each test has an instance (/etc/pg-backup/NAME.conf) and databases of
its own. Nothing sleeps: the journal and systemd are polled, with more patience than a loaded
machine needs.
"""

import copy
import glob
import importlib
import json
import os
import shlex
import signal
import subprocess

import pgtest

PACKAGES = """systemd systemd-sysv dbus postgresql sudo man-db zsh fish iproute2
    zlib1g libisal2 libjansson4 liblz4-1 libpq5 libsystemd0 libxxhash0 libzstd1""".split()
# The names differ since the transition to 64-bit time.
PACKAGES_OF = {
    "bookworm": ["libcurl4", "libssl3"],
    "trixie": ["libcurl4t64", "libssl3t64"],
}
LAST_CLAIMS = "claims_removal"  # they remove the package
PATIENCE = 120
ENVIRONMENT = {"PATH": pgtest.PLAIN_PATH, "LC_ALL": "C.UTF-8", "HOME": "/root", "TERM": "dumb",
               "DEBIAN_FRONTEND": "noninteractive"}


def wait_until(condition, what):
    return pgtest.wait_until(condition, what, timeout=PATIENCE, every=0.2)


def _script(name, *args):
    """What a script of tests/support prints: a path."""
    done = subprocess.run([f"{pgtest.SUPPORT}/{name}", *args], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise AssertionError(f"{name} failed:\n{done.stderr}")
    return done.stdout.strip()


class Machine:
    def __init__(self, suite, module):
        self.suite, self.module = suite, module
        self.nspawn = None

    # ── power ────────────────────────────────────────────────────────────────────────────────────

    def boot(self):
        tree = _script("tree.sh", self.suite, *PACKAGES, *PACKAGES_OF[self.suite])
        self.package_dir = _script("debian-package.sh", self.suite)
        self.directory = pgtest.make_directory()
        self.space = pgtest.MountNamespace(
            f"mount -t tmpfs -o mode=755 tmpfs {self.directory}; cd {self.directory};"
            " mkdir upper work root;"
            f" mount -t overlay overlay -o lowerdir={tree},upperdir=upper,workdir=work root")
        self._power_on()
        self.sh("apt-get install -qy /packages/pg-backup_[0-9]*.deb")
        self.make_role()

    def make_role(self):
        self.sql('CREATE ROLE "pg-backup" LOGIN BYPASSRLS; GRANT pg_read_all_data TO "pg-backup"')

    def reboot(self):
        """Off, as by the power button, then on again."""
        self.sh("systemctl poweroff", check=False)
        wait_until(lambda: self.nspawn.poll() is not None, "the machine is off")
        self._power_on()

    def _power_on(self):
        self.cgroups = self._make_cgroups()
        join = "".join(f"echo $$ > {path}/cgroup.procs; " for path in self.cgroups)
        # What nspawn's own filter lets through is older than Landlock.
        landlock = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"
        boot = ["systemd-nspawn", "--directory", self.directory + "/root", "--boot",
                f"--system-call-filter={landlock}",
                "--register=no", "--keep-unit", "--console=pipe", "--private-network",
                f"--machine=pg-backup-{self.suite}", f"--bind-ro={self.package_dir}:/packages"]
        with open(self.directory + "-console", "ab") as console:
            # In a namespace of process ids that dies with us: without it, all that runs in the
            # machine would outlive a killed systemd-nspawn.
            self.nspawn = pgtest.spawn(
                [*self.space.prefix, "unshare", "--pid", "--fork", "--kill-child", "--mount-proc",
                 "sh", "-c", f"{join}{shlex.join(boot)}; exit $?"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                env=dict(os.environ, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="1"))
        pgtest.close_at_exit(lambda: os.path.exists(console.name) and os.unlink(console.name))
        try:
            wait_until(self._is_up, f"{self.suite} is up")
        except AssertionError as error:
            with open(console.name, encoding="utf-8", errors="replace") as f:
                raise AssertionError(f"{error}\n{f.read()[-4000:]}") from error

    def _make_cgroups(self):
        """One of its own for each machine: two in the same would take each other's units."""
        top = "/sys/fs/cgroup"
        tops = [f"{top}/{name}" for name in ("unified", "systemd") if os.path.isdir(f"{top}/{name}")]
        made = [f"{path}/pg-backup-{self.suite}-{os.getpid()}" for path in tops or [top]]
        for path in made:
            os.makedirs(path, exist_ok=True)
            pgtest.close_at_exit(lambda path=path: _remove_cgroup(path))
        # Closed in reverse order: first the machine, which holds them.
        pgtest.close_at_exit(lambda: pgtest.stop_process(self.nspawn, signal.SIGKILL))
        return made

    def _find_leader(self):
        if self.nspawn.poll() is not None:
            raise AssertionError(f"systemd-nspawn ended with status {self.nspawn.returncode}")
        for path in self.cgroups:
            for name in glob.glob(f"{path}/**/init.scope/cgroup.procs", recursive=True):
                with open(name, encoding="ascii") as f:
                    found = f.read().split()
                if found:
                    return int(found[0])
        return 0

    def _is_up(self):
        self.leader = self._find_leader()
        state = self.sh("systemctl is-system-running", check=False).strip() if self.leader else ""
        return state in ("running", "degraded") and \
            self.sh("pg_isready -q && echo yes", check=False) == "yes\n"

    # ── commands inside ──────────────────────────────────────────────────────────────────────────

    def command(self, argv):
        return ["nsenter", f"--target={self.leader}", "--all", "--", *argv]

    def run(self, script, stdin=""):
        """Runs a shell script as root; gives its end, with stdout and stderr as text."""
        return subprocess.run(
            self.command(["sh", "-c", script]), input=stdin, capture_output=True, text=True,
            errors="replace", timeout=2 * PATIENCE, env=ENVIRONMENT, check=False)

    def sh(self, script, stdin="", check=True):
        """What it prints on stdout; it must succeed unless told otherwise."""
        done = self.run(script, stdin)
        if check and done.returncode != 0:
            raise AssertionError(f"{script}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def path(self, path):
        """A file of the machine, as it is named from outside."""
        return f"/proc/{self.leader}/root{path}"

    def write(self, path, text, mode=0o644):
        self.sh(f"mkdir -p {shlex.quote(os.path.dirname(path))}; cat > {shlex.quote(path)};"
                f" chmod {mode:o} {shlex.quote(path)}", stdin=text)

    def read(self, path):
        return self.sh(f"cat {shlex.quote(path)}")

    def sql(self, sql, database="postgres"):
        return self.sh("cd /; runuser -u postgres -- psql -X -q -A -t -v ON_ERROR_STOP=1"
                       f" -d {shlex.quote(database)}", stdin=sql).rstrip("\n")

    def journal(self, *matches):
        """Entries as dictionaries, oldest first."""
        self.sh("journalctl --sync")
        lines = self.sh("journalctl --no-pager -o json --all " + shlex.join(matches))
        return [json.loads(line) for line in lines.splitlines()]

    # ── tests ────────────────────────────────────────────────────────────────────────────────────

    def load_tests(self, loader, tests, _pattern):
        """unittest's protocol: the claims as tests of the module that has booted this machine."""
        directory = os.path.dirname(os.path.abspath(__file__))
        names = [os.path.basename(path)[:-len(".py")] for path in glob.glob(f"{directory}/claims_*")]
        for name in sorted(names, key=lambda name: (name == LAST_CLAIMS, name)):
            for case in vars(importlib.import_module(name)).values():
                if isinstance(case, type) and case.__module__ == name:
                    here = type(case.__name__, (case,), {"machine": self, "__module__": self.module})
                    tests.addTests(loader.loadTestsFromTestCase(here))
        return tests


def _remove_cgroup(path):
    """As soon as the last process of the machine, which is killed, is gone."""
    def removed():
        for directory, _, _ in os.walk(path, topdown=False):
            try:
                os.rmdir(directory)
            except OSError:
                return False
        return True

    pgtest.wait_until(removed, f"{path} is empty")


class TestCase(pgtest.TestCase):
    machine = None
    seconds = 3 * PATIENCE

    def setUp(self):
        super().setUp()
        self.sh = self.machine.sh

    def instance(self, name, drop_in="", **settings):
        return Instance(self, name, drop_in, settings)

    def database(self, name, sql=""):
        """Makes a database that goes with the test."""
        self.machine.sql(f"CREATE DATABASE {name}")
        self.addCleanup(self.machine.sql, f"DROP DATABASE {name} WITH (FORCE)")
        if sql:
            self.machine.sql(sql, name)
        return name

    def lock(self, database, table):
        """Keeps a table from being read until release()."""
        return Lock(self, database, table)

    def wait_for_waiting(self, database):
        """Until a session in it waits for a lock."""
        asked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = "
        wait_until(lambda: self.machine.sql(f"{asked}'{database}'") == "1",
                   f"a session in {database} waits for a lock")

    def programs(self):
        """Running programs of a backup or a drill, a line each. The alert is none: it may outlast its
        unit."""
        return self.sh("pgrep -u pg-backup -a '^(pg|postgres|initdb)'", check=False)

    def slow_client(self, bytes_a_second):
        """A directory of client programs whose pg_dump writes no faster than that."""
        real = self.sh("ls -d /usr/lib/postgresql/*/bin").strip()
        slow = f"/opt/slow-{bytes_a_second}"
        chunk = max(bytes_a_second // 10, 1)
        self.sh(f"mkdir -p {slow}; ln -sf {real}/pg_dumpall {real}/pg_restore {real}/psql {slow}/")
        self.machine.write(slow + "/pg_dump", SLOW_PG_DUMP.format(real=real, chunk=chunk), 0o755)
        return slow


SLOW_PG_DUMP = """#!/bin/bash
[ "$1" != --version ] || exec {real}/pg_dump --version
set -o pipefail
{real}/pg_dump "$@" | perl -e '$| = 1;
    while (sysread STDIN, my $b, {chunk}) {{ print $b; select undef, undef, undef, 0.1 }}'
"""


class Lock:
    def __init__(self, test, database, table):
        self.process = pgtest.spawn(
            test.machine.command(["runuser", "-u", "postgres", "--", "psql", "-X", "-q", "-A", "-t",
                                  "-d", database]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=ENVIRONMENT, cwd="/")
        test.addCleanup(self.release)
        self.process.stdin.write(f"BEGIN; LOCK TABLE {table};\n\\echo locked\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if line != "locked\n":
            raise AssertionError(f"could not lock {table}: {line}")

    def release(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(PATIENCE)
        self.process.stdout.close()


class Instance:
    """/etc/pg-backup/NAME.conf and its units; a drop-in for the service where one is wanted."""

    def __init__(self, test, name, drop_in, settings):
        self.machine, self.name = test.machine, name
        self.service = f"pg-backup@{name}.service"
        self.timer = f"pg-backup@{name}.timer"
        self.directory = f"/var/lib/pg-backup/{name}"
        test.addCleanup(self._remove)
        self.configure(**settings)
        if drop_in:
            self.drop_in(self.service, drop_in)

    def beside(self, prefix):
        """Another service of the same instance."""
        other = copy.copy(self)
        other.service = f"{prefix}@{self.name}.service"
        return other

    def configure(self, **settings):
        text = "".join(f"{key}={value}\n" for key, value in settings.items())
        self.machine.write(f"/etc/pg-backup/{self.name}.conf", text)

    def drop_in(self, unit, text):
        self.machine.write(f"/etc/systemd/system/{unit}.d/test.conf", text)
        self.machine.sh("systemctl daemon-reload")

    def _remove(self):
        """Its configuration; what it has backed up stays, as it would."""
        units = f"'pg-backup*@{self.name}.*'"
        self.machine.sh(f"systemctl disable --now {self.timer}; systemctl stop {units};"
                        f" systemctl reset-failed {units};"
                        f" rm -rf /etc/pg-backup/{self.name} /etc/pg-backup/{self.name}.*"
                        f" /etc/systemd/system/*@{self.name}.*;"
                        " systemctl daemon-reload", check=False)

    # ── what it does ─────────────────────────────────────────────────────────────────────────────

    def start(self):
        return self.machine.run(f"systemctl start {self.service}")

    def run(self):
        """To the end, which must be a good one."""
        done = self.machine.run(f"systemctl start --wait {self.service}")
        self.wait_until_over()
        if done.returncode != 0 or self.show("Result") != "success":
            raise AssertionError(f"{self.service} failed\n{done.stderr}\n{self.story()}")

    def show(self, name):
        return self.machine.sh(f"systemctl show --value --property={name} {self.service}").strip()

    def wait_until_over(self):
        over = ("inactive", "failed")
        return wait_until(lambda: self.show("ActiveState") in over and self.show("ActiveState"),
                          f"{self.service} is over")

    def wait_for_status(self, words):
        return wait_until(lambda: words in self.show("StatusText") and self.show("StatusText"),
                          f"the status of {self.service} says {words}")

    def events(self, name=None):
        """The entries that pg-backup itself has logged; those of one event."""
        found = [entry for entry in self.machine.journal(f"_SYSTEMD_UNIT={self.service}")
                 if entry.get("SYSLOG_IDENTIFIER") == "pg-backup"]
        return [e for e in found if name in (None, e.get("PG_BACKUP_EVENT"))]

    def wait_for_events(self, name, count=1):
        try:
            return wait_until(lambda: len(self.events(name)) >= count and self.events(name),
                              f"{self.service} logs {count} times: {name}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.story()}") from error

    def reasons(self):
        return [e["PG_BACKUP_REASON"] for e in self.events() if "PG_BACKUP_REASON" in e]

    def story(self):
        return self.machine.sh(f"journalctl --no-pager -u {self.service}")

    def report(self):
        return json.loads(self.machine.read(self.directory + "/.state/last-run.json"))

    def stems(self, database):
        """Of the committed backups, by their manifests."""
        listing = self.machine.sh(f"ls {self.directory}/{database}/*.json", check=False)
        names = [os.path.basename(line)[:-len(".json")] for line in listing.split()]
        return [name for name in names if not name.endswith(".proof")]

    def files(self):
        return self.machine.sh(f"find {self.directory} -type f").split()
