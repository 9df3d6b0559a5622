"""A place where runs are made to fail, and the promises that must hold after each.

A worksite starts from a template: good backups of 40, 20 and 1 days' age, of which the next run
prunes the oldest; what a crashed run left lying about; and files of somebody else. reset() brings
it back to that.

All claims are checked from the files themselves, with stock tools, and once by asking
`pg-backup list`. A claim that does not hold is a sentence in a list: none is good.
"""

import calendar
import glob
import hashlib
import json
import os
import queue
import re
import shutil
import subprocess
import threading
import time

import pgbackup
import pgtest
import scratch
import strace

KEEP_DAYS, KEEP_MIN_COUNT = 14, 3
AGES_DAYS = (40, 20, 1)
CANARY = "canary-7f3a91c2"
# Beside a directory there are no globals: what becomes of files is the other form's.
SERIES = {"custom": ("globals", "app"), "directory": ("app",)}
EXTENSIONS = {"custom": ".dump", "directory": ".dir"}
STRANGERS = ("README.txt", "app/notes.txt", "app/.hidden", "app/app_old.dump.txt")
LEFTOVERS = ("app/.app_20260101T000000Z.dump.tmp", "app/app_20260101T000001Z.dump",
             "app/app_20260101T000002Z.dump", "app/app_20260101T000002Z.dump.sha256",
             "app/.app_20260101T000003Z.dir.tmp/toc.dat", "app/app_20260101T000004Z.dir/1.dat.gz")
RECORDED = ("pg_dump", "pg_dumpall")
STAMP = r"\d{8}T\d{6}Z"
CHANGES = {"fsync", "renameat", "renameat2", "symlinkat", "unlinkat"}
EXIT_CODES = {0, 1, 2, 3, 4, 5, 6, 75, 78}

SAMPLE = """
CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO item SELECT i, 'item ' || i FROM generate_series(1, 100) i;
"""


class Servers:
    """What all worksites share: a PostgreSQL with the tiny database, and a Pushgateway."""

    def start(self):
        self.cluster = pgtest.Cluster().start()
        self.gateway = pgtest.Pushgateway().start()
        self.cluster.create("app", SAMPLE)
        self.password_file = self.cluster.directory + "/password"
        with open(self.password_file, "w", encoding="ascii") as f:
            f.write(CANARY + "\n")
        os.chmod(self.password_file, 0o600)
        self._admit_keeper()
        return self

    def _admit_keeper(self):
        # md5, since SCRAM's thousands of hashes for each connection would double a sweep's time.
        hba = self.cluster.data + "/pg_hba.conf"
        with open(hba, encoding="ascii") as f:
            rules = f.read()
        with open(hba, "w", encoding="ascii") as f:
            f.write("host all keeper 127.0.0.1/32 md5\n" + rules)
        self.cluster.sql(f"SET password_encryption = 'md5';"
                         f"CREATE ROLE keeper SUPERUSER LOGIN PASSWORD '{CANARY}';"
                         f"SELECT pg_reload_conf()")


class Worksite:
    """One set of directories, its settings, and what must be true of it."""

    def __init__(self, servers, name, form="custom"):
        self.series = SERIES[form]
        self.recorded = None
        self.extensions = {"globals": ".sql.gz", "app": EXTENSIONS[form]}
        self.bindir = servers.cluster.bindir
        self.root = scratch.make_directory()
        self.log = self.root + "/strace.log"
        self.work = self.root + "/work"  # all that a run may write to
        self.backups = self.work + "/backups"
        self.state_dir = self.work + "/state"
        self.template = self.root + "/template"
        for directory in ("backups", "state", "metrics", "tmp", "runtime"):
            os.makedirs(f"{self.work}/{directory}")
        self.env = {
            "PATH": pgtest.PLAIN_PATH, "LC_ALL": "C.UTF-8", "HOME": self.work + "/tmp",
            "TMPDIR": self.work + "/tmp", "XDG_RUNTIME_DIR": self.work + "/runtime",
            "PG_HOST": "127.0.0.1", "PG_PORT": str(servers.cluster.port), "PG_USER": "keeper",
            "PG_PASSWORD_FILE": servers.password_file, "PG_BINDIR": self.bindir,
            "PG_DATABASES": "app", "BACKUP_FORMAT": form, "BACKUP_JOBS": "1",
            "BACKUP_GLOBALS": "yes" if "globals" in self.series else "no",
            "BACKUP_DIR": self.backups, "STATE_DIR": self.state_dir,
            "BACKUP_KEEP_DAYS": str(KEEP_DAYS), "BACKUP_KEEP_MIN_COUNT": str(KEEP_MIN_COUNT),
            # Of a directory, nothing is seen to grow while pg_dump reads the catalogue.
            "STALL_TIMEOUT_SECONDS": "10" if form == "directory" else "2",
            "LOG_FORMAT": "logfmt", "METRICS_INSTANCE": name,
            "METRICS_TEXTFILE": self.work + "/metrics/pg_backup.prom",
            "PUSHGATEWAY_URL": servers.gateway.url,
        }

    # ── bringing it about ────────────────────────────────────────────────────────────────────────

    def furnish(self):
        """Makes the template by real runs under a clock of the past."""
        for days in AGES_DAYS:
            done = self.plain_run(f"-{days}d")
            if done.returncode != 0:
                raise AssertionError(f"a plain run failed:\n{done.stderr}")
        for name in STRANGERS + LEFTOVERS:
            os.makedirs(os.path.dirname(f"{self.backups}/{name}"), exist_ok=True)
            with open(f"{self.backups}/{name}", "w", encoding="ascii") as f:
                f.write(f"this is {name}\n")
        os.rename(self.work, self.template)
        self.reset()
        self._learn()
        return self

    def record(self):
        """A directory of client programs of which those that dump say what the real ones have said
        in a run, and ask no server: more than half of the work of a run is theirs."""
        self.recorded = self.root + "/recorded"
        os.makedirs(self.recorded)
        for path in glob.glob(self.bindir + "/*"):
            os.symlink(path, f"{self.recorded}/{os.path.basename(path)}")
        for program in RECORDED:
            self._write_client(program, '"$real" "$@" | tee "$words"')
        done = self.plain_run("+1h", PG_BINDIR=self.recorded)
        if done.returncode != 0:
            raise AssertionError(f"a run that was to be recorded failed:\n{done.stderr}")
        for program in RECORDED:
            self._write_client(program, 'exec cat "$words"')
        self.reset()
        return self

    def _write_client(self, program, dump):
        real, path = f"{self.bindir}/{program}", f"{self.recorded}/{program}"
        version = subprocess.check_output([real, "--version"], text=True).strip()
        with open(path + ".new", "w", encoding="ascii") as f:
            f.write(f"#!/bin/sh\nreal={real} words={path}.out\n"
                    f"[ \"$1\" != --version ] || exec echo '{version}'\n{dump}\n")
        os.chmod(path + ".new", 0o755)
        os.rename(path + ".new", path)

    def adopt(self, other):
        """Takes over another worksite's template."""
        self.recorded = other.recorded
        shutil.rmtree(self.work)
        shutil.copytree(other.template, self.template, symlinks=True)
        self.reset()
        self._learn()
        return self

    def reset(self):
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self.template, self.work, symlinks=True)

    def _learn(self):
        self.earlier = {series: sorted(self.committed(series)) for series in self.series}
        self.before = self.digests()
        self.text = {series: self.decoded(series, stems[-1])
                     for series, stems in self.earlier.items()}

    # ── running ──────────────────────────────────────────────────────────────────────────────────

    def traced_run(self, *faults, trace=None, **settings):
        return strace.run([pgbackup.BINARY, "run"], self.log, faults, trace,
                          env={**self.env, **settings}, cwd="/")

    def plain_run(self, offset, **settings):
        """An unhindered run under another clock, so that no two runs share a second; in a moment in
        which the machine is busy with something else, it does not stall."""
        env = {**self.env, **settings, "LD_PRELOAD": faketime(), "FAKETIME": offset,
               "FAKETIME_DONT_FAKE_MONOTONIC": "1", "STALL_TIMEOUT_SECONDS": "60"}
        return self.call("run", env=env)

    def call(self, *args, env=None):
        return subprocess.run([pgbackup.BINARY, *args], env=env or self.env, cwd="/", timeout=120,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              encoding="utf-8", errors="replace")

    # ── looking at the files ─────────────────────────────────────────────────────────────────────

    def committed(self, series):
        """The stems that have a manifest."""
        found = glob.glob(f"{self.backups}/{series}/{series}_*.json")
        return {os.path.basename(path).removesuffix(".json") for path in found}

    def new(self, series):
        return sorted(self.committed(series) - set(self.earlier[series]))

    def digests(self):
        """{path below backups: SHA-256} of all regular files."""
        found = {}
        for directory, _, names in os.walk(self.backups):
            for path in (os.path.join(directory, name) for name in names):
                if not os.path.islink(path):
                    with open(path, "rb") as f:
                        digest = hashlib.sha256(f.read()).hexdigest()
                    found[os.path.relpath(path, self.backups)] = digest
        return found

    def decoded(self, series, stem):
        """The SQL text in a backup, as the stock tools see it, or None if they cannot."""
        path = f"{self.backups}/{series}/{stem}{self.extensions[series]}"
        tool = ["gunzip", "-c", path] if path.endswith(".gz") else \
            [self.bindir + "/pg_restore", "-f", "-", path]
        done = subprocess.run(tool, capture_output=True, check=False, timeout=60)
        if done.returncode != 0:
            return None
        return re.sub(rb"(?m)^\\(un)?restrict .*\n", b"", done.stdout)

    def leftovers(self):
        """Files that belong to no committed backup and to nobody else."""
        found = [path for place in ("state", "metrics", "tmp", "runtime")
                 for path in files_below(f"{self.work}/{place}")
                 if place in ("tmp", "runtime") or path.endswith(".tmp")]
        for path in files_below(self.backups):
            name = os.path.relpath(path, self.backups)
            if name not in STRANGERS and name != ".lock" and not self._belongs(name):
                found.append(path)
        return sorted(os.path.relpath(path, self.work) for path in found)

    def _belongs(self, name):
        series, _, file = name.partition("/")
        extension = self.extensions.get(series)
        if not extension:
            return False
        if file == f"{series}_latest{extension}":
            target = os.readlink(f"{self.backups}/{name}")
            return target.removesuffix(extension) in self.committed(series)
        file, _, inside = file.partition("/")
        stem = file.partition(".")[0]
        if inside:
            return file == stem + ".dir" and stem in self.committed(series) and \
                inside in self._listed(series, stem)
        return stem in self.committed(series) and \
            file in (stem + extension, stem + extension + ".sha256", stem + ".json",
                     stem + ".inventory.jsonl")

    def _listed(self, series, stem):
        """The names of the files in a directory, by its manifest."""
        with open(f"{self.backups}/{series}/{stem}.json", encoding="utf-8") as f:
            return {file["name"] for file in json.load(f).get("files", [])}

    def remains(self):
        """What a run left, whatever the second in which it ran: names, links, sizes of what is not
        committed. The next run finds the same where this is the same."""
        known = set(re.findall(STAMP, " ".join([*self.before, *LEFTOVERS])))

        def undated(text):
            return re.sub(STAMP, lambda match: match[0] if match[0] in known else "NEW", text)

        left = self.leftovers()
        found = []
        for path in files_below(self.work):
            name = os.path.relpath(path, self.work)
            what = "file"
            if os.path.islink(path):
                what = undated(os.readlink(path))
            elif name in left:
                what = os.path.getsize(path)
            found.append((undated(name), what))
        return tuple(sorted(found, key=str))

    # ── the promises ─────────────────────────────────────────────────────────────────────────────

    def broken_after_fault(self, outcome):
        return [*self.broken_catalog(), *self._broken_end(outcome), *self._broken_state(),
                *self._broken_secrets(outcome.stdout + outcome.stderr)]

    def broken_after_next_run(self):
        """The next run succeeds, adds a backup of everything, and leaves nothing behind."""
        before = {series: self.committed(series) for series in self.series}
        done = self.plain_run("+1h")
        found = self.broken_catalog()
        if done.returncode != 0:
            found.append(f"the next run ended with {done.returncode}: {done.stderr}")
        for series in self.series:
            if len(self.committed(series) - before[series]) != 1:
                found.append(f"the next run added no backup of {series}")
        left = self.leftovers()
        if left:
            found.append(f"left over after the next run: {left}")
        return found + self._broken_secrets(done.stdout + done.stderr)

    def broken_catalog(self):
        """What is wrong with earlier backups, new ones, other people's files and the listing."""
        found = []
        digests = self.digests()
        for name in STRANGERS:
            if digests.get(name) != self.before[name]:
                found.append(f"{name}, which is not ours, was touched")
        for series in self.series:
            found += self._broken_earlier(series, digests)
            found += self._broken_checksums(series)
            found += [f"{stem} does not hold what was to be backed up" for stem in self.new(series)
                      if self.decoded(series, stem) != self.text[series]]
            found += self._broken_latest(series)
        return found + self._broken_listing()

    def _broken_earlier(self, series, digests):
        """Earlier backups are there unchanged, except where retention may have removed one."""
        committed = sorted(self.committed(series))
        limit = time.time() - KEEP_DAYS * 86400
        found = []
        for stem in self.earlier[series]:
            newer = sum(other > stem for other in committed)
            if stem not in committed and (moment(stem) > limit or newer < KEEP_MIN_COUNT):
                found.append(f"{stem} is gone")
            if stem in committed:
                found += [f"{name} is not what it was" for name, digest in self.before.items()
                          if stem in name and digests.get(name) != digest]
        return found

    def _broken_checksums(self, series):
        names = [f"{stem}{self.extensions[series]}.sha256" for stem in sorted(self.committed(series))]
        done = subprocess.run(["sha256sum", "--strict", "-c", *names], capture_output=True,
                              cwd=f"{self.backups}/{series}", text=True, check=False, timeout=60)
        return [f"sha256sum -c: {done.stdout}{done.stderr}"] if done.returncode != 0 else []

    def _broken_latest(self, series):
        """The link names a committed backup; a crash may leave it one behind."""
        link = f"{self.backups}/{series}/{series}_latest{self.extensions[series]}"
        if not os.path.islink(link):
            return [f"{series} has lost its latest link"]
        target = os.readlink(link).removesuffix(self.extensions[series])
        if target not in self.committed(series):
            return [f"the latest link of {series} names {target}, which is not committed"]
        return []

    def _broken_listing(self):
        done = self.call("list", "--json")
        if done.returncode != 0:
            return [f"list ended with {done.returncode}: {done.stderr}"]
        backups = json.loads(done.stdout)["backups"]
        good = {backup["stem"] for backup in backups if backup["good"]}
        there = set().union(*(self.committed(series) for series in self.series))
        found = [] if good == there else [f"list does not agree: {sorted(good ^ there)}"]
        return found + [f"list finds {backup['stem']} damaged: {backup['problem']}"
                        for backup in backups if not backup["good"]]

    def _broken_end(self, outcome):
        """Exit 0 exactly when everything is in the backup; else a known code and a named reason."""
        missing = [series for series in self.series if not self.new(series)]
        if outcome.code is None:
            return ["the run did not end"]
        if outcome.was_killed:
            return []
        if outcome.code == 0:
            return [f"exit code 0 without a new backup of {series}" for series in missing] + \
                self._broken_silence(outcome)
        if outcome.code not in EXIT_CODES:
            return [f"it ended with {outcome.code}: {outcome.stderr}"]
        if not outcome.hits:
            return [f"it ended with {outcome.code} without a fault: {outcome.stderr}"]
        return self._broken_words(outcome) + self._broken_cleaning(outcome)

    def _broken_silence(self, outcome):
        """What a run survives on its files (a link, the prune, a metric) is a warning."""
        told = outcome.stderr_failed or any(
            "level=warning" in line and "event=swept" not in line  # every run sweeps
            for line in outcome.stderr.splitlines())
        return [] if told else [f"exit code 0 and no word of {hit}" for hit in outcome.hits
                                if hit.partition("(")[0] in CHANGES]

    def _broken_words(self, outcome):
        if outcome.stderr_failed or re.search(r"level=error .*\breason=[a-z]", outcome.stderr):
            return []
        return [f"exit code {outcome.code} and no reason: {outcome.stderr!r}"]

    def _broken_cleaning(self, outcome):
        """A run that fails cleans up behind itself, unless that is what failed."""
        if len(outcome.hits) > 1 or outcome.hits[0].startswith("unlink"):
            return []
        left = set(self.leftovers()) - {"backups/" + name for name in LEFTOVERS}
        return [f"left over by a run that failed: {sorted(left)}"] if left else []

    def _broken_state(self):
        """What others read is there whole or not at all."""
        try:
            with open(self.state_dir + "/last-run.json", encoding="utf-8") as f:
                json.load(f)
        except (OSError, ValueError) as error:
            return [f"last-run.json: {error}"]
        with open(self.env["METRICS_TEXTFILE"], encoding="utf-8") as f:
            text = f.read()
        if "pg_backup_last_exit_code " not in text or not text.endswith("\n"):
            return ["the textfile is not whole"]
        return []

    def _broken_secrets(self, said):
        found = ["the password is in the output"] if CANARY in said else []
        for path in files_below(self.work):
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as f:
                    if CANARY.encode() in f.read():
                        found.append(f"the password is in {path}")
        return found


def crew(servers, form="custom"):
    """A worksite for each processor, all from one template."""
    first = Worksite(servers, "w0", form).furnish()
    if form == "custom":
        first.record()
    return [first] + [Worksite(servers, f"w{i}", form).adopt(first)
                      for i in range(1, os.cpu_count() or 1)]


class States:
    """What faults have left behind (Worksite.remains())."""

    def __init__(self):
        self.seen = set()
        self.lock = threading.Lock()

    def is_new(self, state):
        with self.lock:
            before = len(self.seen)
            self.seen.add(state)
            return len(self.seen) > before


def side_by_side(sites, tasks, work):
    """Calls work(site, task) for every task, each site having a thread of its own. `tasks` is a
    queue, which the work may add to; a site ends when it finds it empty."""
    failures = []

    def labour(site):
        try:
            while True:
                work(site, tasks.get_nowait())
        except queue.Empty:
            pass
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=labour, args=(site,), daemon=True) for site in sites]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def faketime():
    library = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not library:
        raise RuntimeError("libfaketime is missing: install it (./dev setup does)")
    return library[0]


def files_below(directory):
    """Their paths, and those of directories that hold nothing."""
    found = []
    for place, directories, names in os.walk(directory):
        empty = [name for name in directories if not os.listdir(os.path.join(place, name))]
        found += [os.path.join(place, name) for name in names + empty]
    return found


def moment(stem):
    """A stem's time in seconds since 1970."""
    stamp = time.strptime(stem.rpartition("_")[2], "%Y%m%dT%H%M%SZ")
    return calendar.timegm(stamp)


def story(faults, outcome, found):
    """One point at which promises broke, for people."""
    how = " and ".join(strace.describe(fault) for fault in faults)
    return "\n    ".join([how, *outcome.hits, *found])


def tell(stories):
    return f"promises broken at {len(stories)} points:\n" + "\n".join(stories[:20])
