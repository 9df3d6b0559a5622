"""The built pg-backup as the tests call it: with exactly the environment that a test gives it.

    backup = PgBackup(self, CLUSTER, PG_DATABASES="appdb")
    done = backup("run")                        runs to its end: code, stdout, stderr, events …
    running = backup.start("run"); running.terminate(); done = running.wait()

What a backup directory holds is read here from the files alone, never by asking pg-backup.
"""

import glob
import hashlib
import json
import os
import re
import signal
import stat
import subprocess
import urllib.parse

import pgtest

BINARY = os.environ.get("PG_BACKUP_BINARY") or os.path.normpath(
    os.path.join(pgtest.SUPPORT, "..", "..", "build", "pg-backup"))

# What the design calls the data files.
DATA_EXTENSIONS = (".dump", ".dir", ".sql.gz", ".sql.zst", ".sql.lz4", ".sql")


class Result:
    """How one call ended."""

    def __init__(self, code, stdout, stderr):
        self.code = code
        self.stdout = stdout.decode(errors="surrogateescape")
        self.stderr = stderr.decode(errors="surrogateescape")
        self.stdout_bytes = stdout

    @property
    def json(self):
        return json.loads(self.stdout)

    @property
    def events(self):
        """The log lines, as dictionaries; logfmt or JSON."""
        parse = json.loads if self.stderr.startswith("{") else parse_logfmt
        return [parse(line) for line in self.stderr.splitlines()]

    @property
    def warned(self):
        """The warnings of `check --json`, without the advice about this machine's own client
        programs: whether there is any depends on how old they are."""
        return [check for check in self.json["checks"]
                if check["result"] == "warning" and check["reason"] != "client-too-old"]

    @property
    def said(self):
        """The messages and hints of the log, one a line."""
        texts = [event.get(key) for event in self.events for key in ("msg", "message", "hint")]
        return "\n".join(filter(None, texts))

    def __str__(self):
        return f"exit code {self.code}\nstdout:\n{self.stdout}\nstderr:\n{self.stderr}"


class Running:
    """A pg-backup that has not ended yet."""

    def __init__(self, process):
        self.process = process
        self.pid = process.pid

    def send(self, signum):
        self.process.send_signal(signum)

    def terminate(self):
        self.send(signal.SIGTERM)

    def wait(self, timeout=45):
        try:
            stdout, stderr = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            self.process.kill()
            stdout, stderr = self.process.communicate()
            ended = Result(None, stdout or b"", stderr or b"")
            raise AssertionError(f"pg-backup did not end within {timeout} s\n{ended}") from error
        return Result(self.process.returncode, stdout or b"", stderr or b"")


class PgBackup:
    """One installation: directories and settings below a test's own directory."""

    def __init__(self, test, cluster, **settings):
        self.test = test
        self.root = test.tmp
        self.backup_dir = test.tmp + "/backups"
        self.state_dir = test.tmp + "/state"
        self.textfile = test.tmp + "/pg_backup.prom"
        os.makedirs(self.backup_dir, exist_ok=True)
        os.makedirs(self.state_dir, exist_ok=True)
        self.settings = {
            "PG_HOST": cluster.host, "PG_PORT": str(cluster.port), "PG_USER": "postgres",
            "PG_BINDIR": cluster.bindir, "BACKUP_DIR": self.backup_dir,
            "STATE_DIR": self.state_dir, "METRICS_TEXTFILE": self.textfile, **settings}

    def environment(self, **settings):
        """All that the program gets. A setting of None is not set."""
        wanted = {"PATH": pgtest.PLAIN_PATH, "LC_ALL": "C.UTF-8", "HOME": self.root,
                  **self.settings, **settings}
        return {key: str(value) for key, value in wanted.items() if value is not None}

    def start(self, *args, program=BINARY, prefix=(), stdin=subprocess.DEVNULL,
              stdout=subprocess.PIPE, stderr=subprocess.PIPE, **settings):
        if not os.path.exists(program):
            raise AssertionError(f"{program} is not built")
        process = pgtest.spawn([*prefix, program, *args], env=self.environment(**settings),
                               cwd="/", stdin=stdin, stdout=stdout, stderr=stderr,
                               start_new_session=True)
        self.test.addCleanup(pgtest.stop_process, process, signal.SIGKILL)
        return Running(process)

    def __call__(self, *args, timeout=45, **options):
        return self.start(*args, **options).wait(timeout)

    def at(self, offset, *args, prefix=(), **options):
        """The same with another wall clock: '-30d', '+1y', '-2h'."""
        library = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
        if not library:
            raise AssertionError("libfaketime is not installed")
        # Set behind whatever starts the program: libfaketime leaves files in /dev/shm on exec.
        clock = ("env", f"LD_PRELOAD={library[0]}", f"FAKETIME={offset}",
                 "FAKETIME_DONT_FAKE_MONOTONIC=1")
        return self(*args, prefix=(*prefix, *clock), **options)

    def must(self, *args, **options):
        """Runs to its end and insists on exit code 0."""
        done = self(*args, **options)
        self.test.assertEqual(done.code, 0, done)
        return done

    # ── what it left behind, read from the files ─────────────────────────────────────────────────

    def report(self):
        with open(self.state_dir + "/last-run.json", encoding="utf-8") as f:
            return json.load(f)

    def metrics(self):
        with open(self.textfile, encoding="utf-8") as f:
            return pgtest.parse_metrics(f.read())

    def backups(self, database=None):
        """The committed backups, oldest first; of one database if it is named."""
        found = []
        for path in glob.glob(glob.escape(self.backup_dir) + "/*/*.json"):
            if path.endswith((".proof.json", ".accepted.json")):
                continue
            with open(path, encoding="utf-8") as f:
                found.append(Backup(path, json.load(f)))
        found.sort(key=lambda backup: backup.stem[-len("20261122T020000Z"):])
        if database is not None:
            found = [backup for backup in found if backup.manifest["database"] == database]
        return found

    def backup(self, database):
        """The newest committed backup of a database, which must have one."""
        found = self.backups(database)
        self.test.assertTrue(found, f"no backup of {database!r} below {self.backup_dir}")
        return found[-1]

    def globals(self):
        found = [backup for backup in self.backups() if backup.manifest["kind"] == "globals"]
        self.test.assertTrue(found, "no backup of the globals")
        return found[-1]

    def databases(self):
        """The names of the databases that have a committed backup."""
        kinds = [b.manifest for b in self.backups() if b.manifest["kind"] == "database"]
        return {manifest["database"] for manifest in kinds}

    def strays(self):
        """What is below BACKUP_DIR and belongs to no committed backup (the lock aside)."""
        owned = {".lock"}
        for backup in self.backups():
            directory = os.path.dirname(backup.path)
            for path in (backup.path, backup.inventory, backup.data,
                         backup.data + ".sha256", *backup.files()):
                owned.add(os.path.relpath(path, self.backup_dir))
            latest = glob.glob(glob.escape(directory) + "/*_latest.*")
            owned.update(os.path.relpath(path, self.backup_dir) for path in latest)
        found = set()
        for directory, directories, files in os.walk(self.backup_dir):
            files += directories if directory != self.backup_dir else []
            found.update(os.path.relpath(os.path.join(directory, f), self.backup_dir)
                         for f in files)
        return sorted(found - owned)


class Backup:
    """One committed backup, by its manifest's path."""

    def __init__(self, path, manifest):
        self.path = path
        self.manifest = manifest
        self.stem = os.path.basename(path)[:-len(".json")]
        found = [path[:-len(".json")] + end for end in DATA_EXTENSIONS]
        self.data = next((name for name in found if os.path.exists(name)), found[0])

    @property
    def inventory(self):
        return self.path[:-len(".json")] + ".inventory.jsonl"

    def files(self):
        """The paths of the files of a directory, as its manifest lists them."""
        return [f"{self.data}/{file['name']}" for file in self.manifest.get("files", [])]

    def read(self):
        with open(self.data, "rb") as f:
            return f.read()

    def sha256(self):
        return hashlib.sha256(self.read()).hexdigest()

    def rewrite(self, **members):
        """Makes it the backup of another kind of database, checksums included."""
        self.manifest.update(members)
        with open(self.path, "w", encoding="utf-8") as f:
            json.dump(self.manifest, f)
        directory = os.path.dirname(self.data)
        names = filter(os.path.exists, [self.data, self.inventory, self.path])
        with open(self.data + ".sha256", "wb") as f:
            subprocess.run(["sha256sum", *map(os.path.basename, names)], cwd=directory, stdout=f,
                           check=True)


class BackupTestCase(pgtest.TestCase):
    """Claims about how a call ended and what it left."""

    def assertEnded(self, done, code, reason=None, says=None):
        """The exit code; the reason and the words (a regular expression) of a logged problem."""
        self.assertEqual(done.code, code, done)
        self.assertNotIn("Sanitizer", done.stderr)
        if reason:
            reasons = [event.get("reason") for event in done.events]
            self.assertIn(reason, reasons, done)
        if says:
            self.assertRegex(done.said, says)

    def assertRunFailed(self, backup, done, code, reason, says=None):
        """A run that ended before or without a backup: the log, the report and the metrics agree.
        """
        self.assertEnded(done, code, reason, says)
        self.assertEqual(backup.report()["exit_code"], code, done)
        metrics = backup.metrics()
        self.assertEqual(metrics["pg_backup_last_exit_code"], code, done)
        self.assertEqual(metrics[f'pg_backup_run_failed{{reason="{reason}"}}'], 1)
        self.assertEqual(backup.strays(), [])

    def assertDatabaseFailed(self, backup, done, database, reason, says):
        """Exit code 1 with the reason and the words for one database, and nothing of it stored:
        the log, the report, the metrics and the directory agree."""
        self.assertEnded(done, 1, reason, says)
        entry = self.entry(backup, database)
        self.assertEqual((entry["result"], entry["reason"]), ("failed", reason))
        self.assertRegex(entry["message"], says)
        self.assertNotIn(database, backup.databases())
        self.assertEqual(backup.strays(), [])
        metrics = backup.metrics()
        self.assertEqual(metrics["pg_backup_last_exit_code"], 1)
        self.assertEqual(metrics[f'pg_backup_run_failed{{reason="{reason}"}}'], 1)
        label = f'{{database="{database}",kind="database"}}'
        self.assertEqual(metrics["pg_backup_database_last_run_failed" + label], 1)
        self.assertEqual(metrics["pg_backup_database_last_success_timestamp_seconds" + label], 0)
        self.assertEqual(metrics["pg_backup_last_success_timestamp_seconds"], 0)

    def entry(self, backup, database):
        """What the last run's report says of one database."""
        entries = [e for e in backup.report()["backups"] if e["database"] == database]
        self.assertEqual(len(entries), 1, backup.report())
        return entries[0]


def parse_logfmt(line):
    """key=value, key="va\\"lue" … ; anything else on the line is an error."""
    pair = re.compile(r'([A-Za-z_]\w*)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))(?: |$)')
    found, position = {}, 0
    while position < len(line):
        match = pair.match(line, position)
        if not match:
            raise AssertionError(f"not logfmt: {line!r}")
        quoted = match[2]
        found[match[1]] = match[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        position = match.end()
    return found


def decode_name(encoded):
    """The database's name from a directory's, by the standard library's percent-decoding."""
    return urllib.parse.unquote(encoded, errors="strict")


def is_private(path):
    """Readable by nobody but its owner."""
    return stat.S_IMODE(os.stat(path).st_mode) & 0o077 == 0
