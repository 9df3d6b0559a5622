"""The throwaway server of a drill, seen from outside (throwaway-server.c).

    site = throwaway.Site(self)                 a directory of its own, and who runs the server
    server = site.start(); server.sql("…"); done = server.stop()
    done = site.sweep()

`site.leftovers()` is what should be empty afterwards: processes, files, shared memory.
"""

import os
import re
import subprocess

import pgbackup
import pgtest

BINARY = os.path.join(os.path.dirname(pgbackup.BINARY), "tests", "throwaway-server")


class Site:
    """A parent directory, and the programs of one version of PostgreSQL."""

    def __init__(self, test, parent=None, prefix=()):
        self.test = test
        self.parent = parent or test.tmp + "/drill"
        self.prefix = list(prefix)
        self.binary = BINARY
        self.bindir = pgtest.server_bindir()
        self.shared_before = shared_memory()
        pgtest.make_drill_directory(self.parent)

    def spawn(self, *arguments, **environment):
        env = {"PATH": pgtest.PLAIN_PATH, **environment}
        process = pgtest.spawn(
            [*self.prefix, self.binary, "run", self.parent, self.bindir, *arguments], env=env, cwd="/",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return process

    def start(self, *arguments, **environment):
        """A server that answers."""
        process = self.spawn(*arguments, **environment)
        line = process.stdout.readline()
        if not line.startswith("up "):
            raise AssertionError(f"it did not start: {line}{process.stderr.read()}")
        return Server(self, process, *line.split()[1:])

    def fail(self, *arguments, **environment):
        """How a start ended that must not succeed."""
        process = self.spawn(*arguments, **environment)
        stdout, stderr = process.communicate(timeout=50)
        self.test.assertNotIn("up ", stdout)
        return Ended(process.returncode, stdout, stderr)

    def sweep(self):
        done = subprocess.run([*self.prefix, self.binary, "sweep", self.parent], capture_output=True,
                              text=True, check=False, timeout=50, cwd="/")
        return Ended(done.returncode, done.stdout, done.stderr)

    def directories(self):
        return sorted(os.listdir(self.parent))

    def leftovers(self):
        return self.directories() + processes(self.parent) + \
            sorted(shared_memory() - self.shared_before)


class Server:
    def __init__(self, site, process, host, user):
        self.site, self.process, self.host, self.user = site, process, host, user

    def psql(self, sql, database="postgres"):
        return subprocess.run(
            [self.site.bindir + "/psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"],
            input=sql, text=True, capture_output=True, check=False, timeout=60,
            env={"PATH": pgtest.PLAIN_PATH, "PGHOST": self.host, "PGPORT": "5432",
                 "PGUSER": self.user, "PGDATABASE": database, "LC_ALL": "C.UTF-8"})

    def sql(self, sql, database="postgres"):
        done = self.psql(sql, database)
        if done.returncode != 0:
            raise AssertionError(f"{sql}: {done.stderr}")
        return done.stdout.rstrip("\n")

    def ask(self, question):
        self.process.stdin.write(question + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def stop(self):
        stdout, stderr = self.process.communicate(timeout=50)
        return Ended(self.process.returncode, stdout, stderr)


class Ended:
    def __init__(self, code, stdout, stderr):
        self.code, self.stdout, self.stderr = code, stdout, stderr

    def __str__(self):
        return f"exit code {self.code}\n{self.stdout}\n{self.stderr}"


def processes(parent):
    """The PostgreSQL processes that work below a directory, or were told of one there."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
                name = f.read().strip()
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as f:
                told = f.read().replace("\0", " ").strip()
            place = os.readlink(f"/proc/{pid}/cwd")
        except OSError:
            continue
        if name in ("postgres", "initdb") and parent in (place + told):
            found.append(f"{pid}: {told} in {place}")
    return found


def shared_memory():
    """POSIX segments, and System V segments to which nobody is attached."""
    found = {"/dev/shm/" + name for name in os.listdir("/dev/shm")}
    with open("/proc/sysvipc/shm", encoding="ascii") as f:
        lines = [re.split(r"\s+", line.strip()) for line in f.readlines()]
    column = {name: number for number, name in enumerate(lines[0])}
    return found | {f"shmid {line[column['shmid']]}" for line in lines[1:]
                    if line[column["nattch"]] == "0"}
