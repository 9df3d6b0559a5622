"""One composition of compose.yaml in a directory of its own, as somebody would have cloned it.

    Composition("quickstart", BACKUP_SCHEDULE="* * * * *")
    composition.compose("up", "-d", "backup")    docker compose …; must succeed
    composition.wait_for_health("healthy")       its sentence

Everything has a name that begins with pgbt-, as suite.sh wants it, and goes with close().
"""

import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import unittest

TOP = os.path.normpath(os.path.join(os.path.dirname(__file__), "..", ".."))
IMAGE = "pgbt-image"
PASSWORD = "canary-7c1f0e5b9d"
UID = 10001

# Generous: other suites share the machine.
PATIENCE = 300


def docker(*args, check=True, timeout=PATIENCE, **options):
    """Runs docker to its end; the result has stdout and stderr as text."""
    done = subprocess.run(["docker", *args], stdin=options.pop("stdin", subprocess.DEVNULL),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=timeout, check=False, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"docker {' '.join(args)}: status {done.returncode}\n"
                             f"{done.stdout}{done.stderr}")
    return done


def inspect(name):
    return json.loads(docker("inspect", name).stdout)[0]


def wait_until(what, condition, timeout=PATIENCE):
    """The first true value of condition(), which is asked again and again."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(0.2)


def read_process(pid):
    """Environment and arguments of a process, by its number on the host; of one that is gone, b''.
    """
    text = b""
    for name in ("environ", "cmdline"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as f:
                text += f.read()
        except (FileNotFoundError, ProcessLookupError):
            pass
    return text


def copy_repository(target):
    """What a clone would have, with what is not committed yet."""
    listed = subprocess.run(["git", "-c", f"safe.directory={TOP}", "-C", TOP, "ls-files", "-coz",
                             "--exclude-standard"], stdout=subprocess.PIPE, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, copy = os.path.join(TOP, name), os.path.join(target, name)
        if os.path.isfile(source):
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            shutil.copy2(source, copy)


class Composition:
    def __init__(self, name, **settings):
        self.project = f"pgbt-{name}-{os.getpid()}"
        self.directory = tempfile.mkdtemp(prefix=self.project + ".")
        os.chmod(self.directory, 0o755)
        copy_repository(self.directory)
        self.data = self.directory + "/data"
        self.backups = self.data + "/backups"
        # A port that the engine finds free; the suites of Debian that the tests see may be past
        # their date.
        self.environment = dict(
            os.environ, COMPOSE_PROJECT_NAME=self.project, PG_BACKUP_IMAGE=IMAGE,
            PROMETHEUS_PORT="0",
            APT_OPTIONS="-o Acquire::Check-Valid-Until=false -o Acquire::Check-Date=false")
        self.settings = settings

    def close(self):
        self.compose("--profile", "demo", "down", "--volumes", "--remove-orphans", "-t", "5",
                     check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    # ── set up as README.md does it ──────────────────────────────────────────────────────────────

    def prepare(self):
        """Settings, secrets and directories, with a password that can be searched for."""
        self.write_env()
        for example in glob.glob(self.directory + "/secrets/*.example"):
            shutil.copy(example, example.removesuffix(".example"))
        self.write_secret("pg_password", PASSWORD)
        for name in ("backups", "state", "drill"):
            os.makedirs(f"{self.data}/{name}")
            os.chown(f"{self.data}/{name}", UID, UID)

    def write_env(self, **settings):
        """Takes the place of what was set before."""
        self.settings.update(settings)
        with open(self.directory + "/.env", "w", encoding="utf-8") as f:
            f.writelines(f"{key}={value}\n" for key, value in self.settings.items())

    def write_secret(self, name, value):
        path = f"{self.directory}/secrets/{name}.txt"
        with open(path, "w", encoding="utf-8") as f:
            f.write(value + "\n")
        os.chown(path, UID, UID)
        os.chmod(path, 0o400)

    def faster_health(self):
        """Health is asked every second instead of every half minute."""
        with open(self.directory + "/compose.override.yaml", "w", encoding="utf-8") as f:
            f.write("services:\n  backup:\n    healthcheck: { interval: 1s }\n")

    # ── use ──────────────────────────────────────────────────────────────────────────────────────

    def compose(self, *args, **options):
        return docker("compose", *args, cwd=self.directory, env=self.environment,
                      timeout=options.pop("timeout", 600), **options)

    def exec(self, *command, check=True, user=None, env=(), service="backup"):
        """A command in a running container."""
        options = [word for pair in env for word in ("-e", pair)]
        options += ["--user", user] if user else []
        return docker("exec", *options, self.container(service), *command, check=check)

    def container(self, service):
        return f"{self.project}-{service}-1"

    def address(self, service):
        """Of the one port that it publishes."""
        return docker("port", self.container(service)).stdout.split()[-1]

    def query(self, sql, database="shop"):
        return docker("exec", self.container("demo-db"), "psql", "-qXAt", "-U", "postgres", "-d",
                      database, "-c", sql).stdout.strip()

    def logs(self, service="backup"):
        done = docker("logs", self.container(service))
        return done.stdout + done.stderr

    def events(self, service="backup"):
        """The log lines; each must be JSON."""
        return [json.loads(line) for line in self.logs(service).splitlines()]

    def health(self, service="backup"):
        """Status, and what the last probe said."""
        health = inspect(self.container(service))["State"]["Health"]
        return health["Status"], health["Log"][-1]["Output"] if health["Log"] else ""

    def wait_for_health(self, status, says=""):
        """What docker inspect shows once the container has that status and gives that reason."""
        seen = []

        def reached():
            now = self.health()
            if now not in seen:
                seen.append(now)
            return now[0] == status and re.search(says, now[1]) and now[1].strip()

        try:
            return wait_until(f"{status}, {says!r}", reached)
        except AssertionError as error:
            raise AssertionError(f"{error}; seen: {seen}\n{self.logs()}") from error

    def files(self):
        found = []
        for directory, _, names in os.walk(self.backups):
            found += [os.path.relpath(os.path.join(directory, name), self.backups)
                      for name in names]
        return sorted(found)

    def stems(self, database="shop"):
        return [os.path.basename(name).removesuffix(".json") for name in self.files()
                if re.fullmatch(database + r"/.*Z\.json", name)]


class TestCase(unittest.TestCase):
    maxDiff = None

    def assertRefused(self, done, code, reason, says):
        """The exit code, and the one line of the log that has the reason."""
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        events = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
        told = [event for event in events if event.get("reason") == reason]
        self.assertTrue(told, done.stderr)
        self.assertRegex(json.dumps(told[0]), says)
