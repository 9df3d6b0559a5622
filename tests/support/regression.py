"""PostgreSQL's own regression database, as its tests leave it: the one that its developers dump and
restore to find what pg_dump has forgotten.

    CLUSTER = regression.Cluster(15)          a pgtest.Cluster that has a database "regression"

It is made by running the scripts of PostgreSQL's schedule, one after the other, with what
pg_regress would set. That takes a minute, so the data directory is kept beside the files that it is
made from (regression-files.sh). A restored dump of it would not do: what was restored once is
worded as any later copy of it will be.
"""

import fcntl
import glob
import hashlib
import os
import re
import shutil
import subprocess

import othermajors
import pgtest

DATABASE = "regression"


class Cluster(pgtest.Cluster):
    def __init__(self, major):
        # As PostgreSQL's tests start it; one of them prepares transactions.
        super().__init__("-E", "UTF8", "--locale", "C", major=major,
                         settings={"max_prepared_transactions": 2, "max_wal_size": "64MB"})
        self.major = major

    def _fill_data(self):
        self.files = files_of(self.major)
        kept = f"{self.files}-{self._fingerprint()}.data"
        with open(self.files + ".lock", "a", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(kept):
                self._make(kept)
        shutil.rmtree(self.data)
        copy_directory(kept, self.data)

    def _fingerprint(self):
        """Of all that the kept directory depends on."""
        version = subprocess.check_output([self.bindir + "/postgres", "--version"])
        with open(__file__, "rb") as f:
            made_by = f.read()
        owner = str(pgtest.server_user().pw_uid).encode()
        return hashlib.sha256(version + made_by + owner).hexdigest()[:12]

    def _make(self, kept):
        super()._fill_data()
        self.launch()
        self.create(DATABASE, options="TEMPLATE template0")
        for name in ("lc_messages", "lc_monetary", "lc_numeric", "lc_time"):
            self.sql(f"ALTER DATABASE {DATABASE} SET {name} TO 'C'")
        self.sql(f"ALTER DATABASE {DATABASE} SET bytea_output TO 'hex';"
                 f"ALTER DATABASE {DATABASE} SET timezone_abbreviations TO 'Default'")
        for script in scripts_of(self.files):
            self._run(script)
        self.stop()
        for old in glob.glob(self.files + "-*.data*"):
            shutil.rmtree(old)
        copy_directory(self.data, kept + ".new")
        os.rename(kept + ".new", kept)

    def _run(self, script):
        """What a script gets wrong is a part of it; psql's status tells of a server that died."""
        results = self.directory + "/results"
        os.makedirs(results, exist_ok=True)
        os.chmod(results, 0o777)  # the server writes there
        environment = {
            **self.environment(DATABASE), "PGAPPNAME": "pg_regress/" + script,
            "PGTZ": "America/Los_Angeles", "PGDATESTYLE": "Postgres, MDY",
            "PGOPTIONS": "-c intervalstyle=postgres_verbose", "PG_ABS_SRCDIR": self.files,
            "PG_ABS_BUILDDIR": self.directory, "PG_LIBDIR": self.files, "PG_DLSUFFIX": ".so"}
        with open(f"{self.files}/sql/{script}.sql", "rb") as source, \
                open(f"{results}/{script}.out", "wb") as output:
            subprocess.run([self.bindir + "/psql", "-X", "-a", "-q", "-v", "HIDE_TABLEAM=on", "-v",
                            "HIDE_TOAST_COMPRESSION=on"], stdin=source, stdout=output,
                           stderr=output, env=environment, check=True, timeout=300, cwd="/")


def files_of(major):
    return subprocess.check_output(
        [pgtest.SUPPORT + "/regression-files.sh", othermajors.RELEASES[major], str(major)],
        text=True).strip()


def scripts_of(files):
    """All of the schedule's, one by one; it may run those of a line at once."""
    with open(files + "/parallel_schedule", encoding="ascii") as f:
        groups = re.findall(r"^test: (.*)$", f.read(), re.MULTILINE)
    return [script for group in groups for script in group.split()]


def copy_directory(source, target):
    subprocess.run(["cp", "--archive", "--reflink=auto", source, target], check=True)
