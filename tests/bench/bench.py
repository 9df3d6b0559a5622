#!/usr/bin/env python3
"""Everything that a backup costs, beside what stock tools take for the same.

    ./dev bench [--mib 1024] [--tables 20000] [--rounds 5] [--majors 15,17] [--only WORD]...

Makes its databases in throwaway clusters below /var/tmp, then measures each command once in each
round, in another order each time, so that a busy moment of the machine does not fall upon one of
them; prints medians in tables that can be pasted into docs/PERFORMANCE.md. Fails when pg-backup
itself ever had more memory than it may.

The limit of one connection is `pg_dump -Fc -Z0 > /dev/null`: the server is busy all the time.
Digests cannot be switched off; what they cost is between "| parse" and "| scan", which archive-tool
does. A major that this machine does not have needs root, for a tree of the Debian release with it.
"""

import argparse
import collections
import os
import platform
import random
import re
import shutil
import statistics
import subprocess
import sys

SUPPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support")
sys.path.insert(0, SUPPORT)

import pgtest
import databases
from archives import TOOL
from measure import Measured
from pgbackup import BINARY

PARENT = "/var/tmp"  # /tmp may be memory
THREADS = len(os.sched_getaffinity(0))
MAX_PEAK = (64 + 4 * THREADS) << 20
ROW_LENGTHS = (20, 100, 1000, 100000)

# A command of the stock tools, for sh. $OUT is a file or directory that it fills and may need.
LIMIT = "pg_dump -Fc -Z0 > /dev/null"
DEFAULT, DEFAULT_UNCHECKED, DEFAULT_GZIP = "custom auto", "custom auto, no check", "plain gzip"
STOCK = (LIMIT, "pg_dump -Fc -f $OUT", "pg_dump -Fp | gzip > $OUT", "pg_dump -Fp | pigz > $OUT",
         "pg_dump -Fp | zstd -q -T0 > $OUT", "pg_dump -Fd -j2 -f $OUT")
STOCK_16 = ("pg_dump -Fc -Z zstd -f $OUT", "pg_dump -Fc -Z zstd:1 -f $OUT",
            "pg_dump -Fd -j2 -Z zstd:1 -f $OUT")
PARTS = ("pg_dump -Fc -Z0 | parse", "pg_dump -Fc -Z0 | scan")

# What pg-backup is set to.
OURS = {
    DEFAULT: {},
    DEFAULT_UNCHECKED: {"BACKUP_DECODE_CHECK": "no"},
    "custom none": {"BACKUP_COMPRESSION": "none"},
    "custom gzip:1": {"BACKUP_COMPRESSION": "gzip:1"},
    "custom gzip:3": {"BACKUP_COMPRESSION": "gzip:3"},
    "custom native": {"BACKUP_COMPRESSION": "native"},
    DEFAULT_GZIP: {"BACKUP_FORMAT": "plain", "BACKUP_COMPRESSION": "gzip"},
    "plain zstd": {"BACKUP_FORMAT": "plain", "BACKUP_COMPRESSION": "zstd"},
    "directory auto": {"BACKUP_FORMAT": "directory"},
}
OURS_16 = {
    "custom zstd:1": {"BACKUP_COMPRESSION": "zstd:1"},
    "custom zstd:3": {"BACKUP_COMPRESSION": "zstd:3"},
    "custom lz4": {"BACKUP_COMPRESSION": "lz4"},
    "custom native zstd:1": {"BACKUP_COMPRESSION": "native:zstd:1"},
}
FOR_EMPTY = (LIMIT, "pg_dump -Fc -f $OUT", DEFAULT)
RESTORED = ("pg_dump -Fc -f $OUT", "pg_dump -Fc -Z zstd -f $OUT", DEFAULT, "custom gzip:1")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--tables", type=int, default=20000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--majors", default="15,17",
                        type=lambda text: [int(major) for major in text.split(",")])
    parser.add_argument("--only", action="append", default=[])
    options = parser.parse_args()

    work = pgtest.make_directory("pgbench-", PARENT)
    benches = [bench for major in options.majors for bench in prepare(major, options, work)]
    for number in range(options.rounds):
        runs = [(bench, name) for bench in benches for name in bench.names]
        random.Random(number).shuffle(runs)
        runs.sort(key=lambda run: isinstance(run[0], Restores))  # they need the files
        for i, (bench, name) in enumerate(runs):
            if name in bench.names:
                say(f"round {number + 1} of {options.rounds}, {i + 1} of {len(runs)}:"
                    f" {bench.title}: {name}")
                bench.measure(name)

    print_machine(options)
    for bench in benches:
        bench.print_table()
    return print_goals(benches)


def prepare(major, options, work):
    cluster = pgtest.Cluster(major=major, parent=PARENT, settings={
        "shared_buffers": "512MB", "max_wal_size": "8GB", "maintenance_work_mem": "256MB",
        "max_locks_per_transaction": max(64, options.tables // 10), "jit": "off"}).start()
    life = Dumps(cluster, databases.make_life(cluster, options.mib), work, options.only,
                 [*STOCK, *PARTS, *OURS] + ([*STOCK_16, *OURS_16] if major >= 16 else []),
                 f"PostgreSQL {major}, {options.mib} MiB that look like life")
    yield life
    yield Dumps(cluster, databases.make_empty(cluster, options.tables), work, options.only,
                FOR_EMPTY, f"PostgreSQL {major}, {options.tables} empty tables")
    yield Restores(life, options.only, f"PostgreSQL {major}, pg_restore -j2 of these files")
    if major == options.majors[0]:
        yield Scans(cluster, options.mib // 4 or 1, work, options.only)


class Bench:
    """Commands that are measured time and again, by name."""

    unit = "s"

    def __init__(self, names, only, title):
        self.names = [name for name in names
                      if not only or any(word in f"{title}: {name}" for word in only)]
        self.title = title
        self.runs = collections.defaultdict(list)
        self.sizes = {}
        self.failed = []

    def median(self, name):
        runs = self.runs.get(name)
        return statistics.median(run.seconds for run in runs) if runs else None

    def ratio(self, name, other):
        one, another = self.median(name), self.median(other)
        return one / another if one and another else None

    def peak(self, name):
        return max((run.peak for run in self.runs[name]), default=0)

    def add(self, name, argv, **options):
        """One that fails is left out from then on, and makes the whole fail in the end."""
        done = Measured(argv, **options)
        if done.code == 0:
            self.runs[name].append(done)
            return True
        say(f"bench: {name} ended with exit code {done.code}")
        self.names.remove(name)
        self.failed.append(name)
        return False

    def print_table(self):
        if not self.names:
            return
        print(f"\n{self.title}\n")
        print(f"| {'':34} | median | min – max     | ratio | CPU s | peak MiB |     MB |")
        print(f"|{'-' * 36}|-------:|--------------:|------:|------:|---------:|-------:|")
        for name in self.names:
            seconds = sorted(run.seconds for run in self.runs[name])
            cpu = statistics.median(run.cpu for run in self.runs[name])
            peak = "" if "|" in name else f"{self.peak(name) / 2 ** 20:.0f}"
            size = f"{self.sizes[name] / 1e6:.0f}" if self.sizes.get(name) else ""
            print(f"| {name.replace(' > $OUT', '').replace(' -f $OUT', '').replace('|', '¦'):34} "
                  f"| {self.median(name):6.2f} | {seconds[0]:6.2f} – {seconds[-1]:<5.2f}"
                  f"| {text(self.ratio(name, self.names[0])):>5} | {cpu:5.1f} "
                  f"| {peak:>8} | {size:>6} |")


class Dumps(Bench):
    def __init__(self, cluster, database, work, only, names, title):
        super().__init__(names, only, title)
        self.cluster, self.database, self.work = cluster, database, work
        self.kept = {}

    def measure(self, name):
        out = os.path.join(self.work, re.sub(r"\W", "_", f"{self.title} {name}"))
        remove(out)
        is_ours = name in OURS or name in OURS_16
        stored = self.run_ours(name, out) if is_ours else self.run_stock(name, out)
        if stored:
            self.sizes[name] = size_of(stored)
            self.kept[name] = stored
        if name not in RESTORED:
            remove(out)

    def run_stock(self, name, out):
        # Of a single command the memory can be told: that of the shell, which becomes it.
        command = name.replace("parse", TOOL + " parse").replace("scan", TOOL + " scan")
        env = self.cluster.environment(self.database)
        env.update(OUT=out, PATH=f"{self.cluster.bindir}:{env['PATH']}")
        done = self.add(name, ["sh", "-c", command if "|" in command else "exec " + command],
                        env=env, stderr=subprocess.DEVNULL)
        return out if done else None

    def run_ours(self, name, out):
        os.makedirs(out)
        settings = {
            "PATH": pgtest.PLAIN_PATH, "PG_HOST": self.cluster.host,
            "PG_PORT": str(self.cluster.port), "PG_USER": "postgres",
            "PG_BINDIR": self.cluster.bindir, "PG_DATABASES": self.database, "BACKUP_DIR": out,
            "STATE_DIR": out + "/.state", "BACKUP_GLOBALS": "no", **OURS.get(name, {}),
            **OURS_16.get(name, {})}
        with open(out + ".log", "wb") as log:
            if not self.add(name, [BINARY, "run"], env=settings, stdout=log, stderr=log):
                return None
        directory = f"{out}/{self.database}"
        link, = (entry.path for entry in os.scandir(directory) if entry.is_symlink())
        return os.path.realpath(link)

    def worst_peak(self):
        return max((self.peak(name) for name in self.names if name in OURS or name in OURS_16),
                   default=0)


class Restores(Bench):
    """Of the newest file that each of some dumps has left."""

    def __init__(self, dumps, only, title):
        super().__init__([name for name in RESTORED if name in dumps.names], only, title)
        self.dumps = dumps

    def measure(self, name):
        cluster = self.dumps.cluster
        cluster.create("target", options="TEMPLATE template0")
        self.add(name, [cluster.bindir + "/pg_restore", "-j2", "-d", "target",
                        self.dumps.kept[name]], env=cluster.environment("target"))
        cluster.drop("target")


class Scans(Bench):
    """Parser and digests alone, in one thread, over rows of one length each."""

    def __init__(self, cluster, mib, work, only):
        super().__init__([f"rows of {length} bytes" for length in ROW_LENGTHS], only,
                         f"Parser and digests alone, {mib} MiB in one thread, CPU")
        self.archives = {}
        self.speeds = collections.defaultdict(list)
        for length, name in zip(ROW_LENGTHS, [f"rows of {length} bytes" for length in ROW_LENGTHS]):
            if name in self.names:
                database = databases.make_rows(cluster, length, mib)
                self.archives[name] = f"{work}/rows-{length}"
                subprocess.run(["sh", "-c", f"pg_dump -Fc -Z0 | cat > {self.archives[name]}"],
                               env={**cluster.environment(database),
                                    "PATH": f"{cluster.bindir}:{pgtest.PLAIN_PATH}"}, check=True)
                cluster.drop(database)

    def measure(self, name):
        with open(self.archives[name], "rb") as archive:
            said = subprocess.run([TOOL, "scan"], stdin=archive, stderr=subprocess.PIPE, text=True,
                                  check=True).stderr
        size, seconds = re.fullmatch(r"bytes=(\d+) seconds=([\d.]+)\n", said).groups()
        self.speeds[name].append(int(size) / float(seconds) / 1e9)

    def speed(self, length):
        speeds = self.speeds.get(f"rows of {length} bytes")
        return statistics.median(speeds) if speeds else None

    def print_table(self):
        if not self.names:
            return
        print(f"\n{self.title}\n\n| {'':20} | GB/s | min – max    |\n"
              f"|{'-' * 22}|-----:|-------------:|")
        for name in self.names:
            speeds = sorted(self.speeds[name])
            print(f"| {name:20} | {statistics.median(speeds):4.1f} "
                  f"| {speeds[0]:5.1f} – {speeds[-1]:<5.1f}|")


def print_machine(options):
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = re.search(r"^model name\s*: (.*)$", f.read(), re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2 ** 30
    print(f"Machine: {THREADS} processors ({model[1] if model else platform.machine()}),"
          f" {memory:.0f} GiB, Linux {platform.release()}, server on the same machine.")
    for major in options.majors:
        print(first_line(pgtest.bindir_of(major) + "/pg_dump", "--version"))
    print(f"{first_line(BINARY, '--version')}; {first_line('pigz', '--version')};"
          f" {first_line('zstd', '--version')}")
    print(f"Command: ./dev bench --mib {options.mib} --tables {options.tables}"
          f" --rounds {options.rounds} --majors {','.join(map(str, options.majors))}"
          f"{''.join(f' --only {word!r}' for word in options.only)}")
    print(f"Medians of {options.rounds} rounds, interleaved; ratio: to the first line. CPU: of the"
          " programs, without the server's. Peak: of one program, not of its children.")


def print_goals(benches):
    """Each goal with what was measured; 1 when memory is not what was promised."""
    goals = [goal for bench in benches for goal in goals_of(bench) if goal[1] is not None]
    print(f"\n| {'goal':72} | measured |    |\n|{'-' * 74}|---------:|----|")
    for sentence, measured, reached in goals:
        print(f"| {sentence:72} | {measured:8.2f} | {'ok' if reached(measured) else 'NO':2} |")
    good = all(bench.worst_peak() <= MAX_PEAK for bench in benches if isinstance(bench, Dumps))
    if not good:
        say("bench: pg-backup had more memory than it may")
    failed = [f"{bench.title}: {name}" for bench in benches for name in bench.failed]
    for name in failed:
        say(f"bench: failed: {name}")
    return 0 if good and not failed else 1


def goals_of(bench):
    """(sentence, measured or None, how to judge it)"""
    def at_most(limit):
        return lambda value: value <= limit

    def at_least(limit):
        return lambda value: value >= limit

    where = bench.title.split(",", maxsplit=1)[0]
    if isinstance(bench, Scans):
        for length in ROW_LENGTHS[1:]:
            yield f"rows of {length} bytes: GB/s ≥ 1.2", bench.speed(length), at_least(1.2)
    elif isinstance(bench, Restores):
        yield (f"{where}: restore of ours ≤ that of pg_dump's own",
               bench.ratio(DEFAULT, RESTORED[0]), at_most(1))
    elif bench.database == "empty":
        yield (f"{where}: empty tables ≤ 1.03 of pg_dump -Fc",
               bench.ratio(DEFAULT, "pg_dump -Fc -f $OUT"), at_most(1.03))
    else:
        yield f"{where}: default ≤ 1.20 of the limit", bench.ratio(DEFAULT, LIMIT), at_most(1.2)
        yield (f"{where}: without the check ≤ 1.12 of the limit",
               bench.ratio(DEFAULT_UNCHECKED, LIMIT), at_most(1.12))
        if where == "PostgreSQL 15":
            yield (f"{where}: ≥ 4 times as fast as pg_dump -Fc",
                   bench.ratio("pg_dump -Fc -f $OUT", DEFAULT), at_least(4))
        if DEFAULT in bench.sizes and "pg_dump -Fc -f $OUT" in bench.sizes:
            yield (f"{where}: size ≤ 1.12 of pg_dump -Fc",
                   bench.sizes[DEFAULT] / bench.sizes["pg_dump -Fc -f $OUT"], at_most(1.12))
        yield (f"{where}: plain gzip ≥ 2.5 times as fast as pigz",
               bench.ratio("pg_dump -Fp | pigz > $OUT", DEFAULT_GZIP), at_least(2.5))
        yield (f"{where}: peak MiB ≤ {MAX_PEAK >> 20}", bench.worst_peak() / 2 ** 20 or None,
               at_most(MAX_PEAK >> 20))


def text(number):
    return "" if number is None else f"{number:.2f}"


def say(line):
    print(line, file=sys.stderr, flush=True)


def first_line(*argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=True)
    return done.stdout.split("\n", maxsplit=1)[0].strip("* ")


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.unlink(path)


def size_of(path):
    if os.path.isdir(path):
        return sum(os.path.getsize(os.path.join(directory, name))
                   for directory, _, names in os.walk(path) for name in names)
    return os.path.getsize(path) if os.path.exists(path) else 0


if __name__ == "__main__":
    sys.exit(main())
