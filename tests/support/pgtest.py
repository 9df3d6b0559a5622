"""The ground that the integration tests stand on: a throwaway PostgreSQL, a real Pushgateway, and
an end to everything.

    CLUSTER = pgtest.Cluster()                one for each module, shared by its tests
    def setUpModule(): CLUSTER.start()

    class Restore(pgtest.TestCase):           a directory of its own (self.tmp), a time limit
        def test_a_claim(self): ...

Whatever is started here dies with the test process: by atexit when it ends or is told to (SIGTERM),
by the kernel (a parent-death signal) when it is killed. No test sleeps: wait_until() polls for a
state that something else brings about, and fails when it does not come.

The socket of a cluster trusts everybody, its TCP port asks for a password (SCRAM), so that a test
chooses by choosing the host.
"""

import atexit
import fcntl
import functools
import glob
import hashlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request

import othermajors

SUPPORT = os.path.dirname(os.path.abspath(__file__))
SUPERUSER_PASSWORD = "superuser's own"
PLAIN_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_closers = []


def close_at_exit(close):
    """Registers a function that must run before this process ends; it must bear running twice."""
    _closers.append(close)


def _close_all():
    while _closers:
        try:
            _closers.pop()()
        except Exception as error:  # the rest must be closed all the same
            print(f"cleaning up: {error}")


def _interrupted(signum, _frame):
    # The only exception that unittest lets through.
    raise KeyboardInterrupt(f"signal {signum}")


atexit.register(_close_all)
signal.signal(signal.SIGTERM, _interrupted)


def wait_until(condition, what, timeout=60, every=0.02):
    """Polls until the condition gives something true, and returns that."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s in vain until {what}")
        time.sleep(every)


def make_directory(prefix="pgt-", parent="/tmp"):
    """A temporary directory (0755: the server's user passes through) that goes away at exit."""
    path = tempfile.mkdtemp(prefix=prefix, dir=parent)
    os.chmod(path, 0o755)
    close_at_exit(lambda: shutil.rmtree(path, ignore_errors=True))
    return path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def stop_process(process, first=signal.SIGTERM, patience=10):
    """Ends a process and reaps it: politely first, then not."""
    if process.poll() is None:
        process.send_signal(first)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()


def spawn(argv, **options):
    """A process that the kernel kills when we die. Same pid as the program: setpriv execs."""
    argv = ["setpriv", "--pdeathsig", "KILL", "--", *argv]
    process = subprocess.Popen(argv, **options)
    close_at_exit(lambda: stop_process(process, signal.SIGKILL))
    return process


def server_bindir():
    """Where the newest installed server's programs are; PG_TEST_BINDIR names another place."""
    named = os.environ.get("PG_TEST_BINDIR")
    found = [named] if named else glob.glob("/usr/lib/postgresql/*/bin")
    found = [path for path in found if os.path.exists(path + "/initdb")]
    if not found:
        raise RuntimeError("no PostgreSQL server found under /usr/lib/postgresql")
    return max(found, key=lambda path: int((re.findall(r"\d+", path) or [0])[-1]))


@functools.cache
def bindir_of(major):
    """Where the programs of that major are: this machine's own, else those of a Debian that has
    them, which takes a minute where it is not cached yet."""
    own = f"/usr/lib/postgresql/{major}/bin"
    if os.path.exists(own + "/initdb"):
        return own
    return othermajors.make_bindir(major, make_directory())


def server_user():
    """Who runs the servers: we ourselves, unless that is root, which PostgreSQL refuses."""
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid())
    names = [user.pw_name for user in pwd.getpwall()]
    return pwd.getpwnam("postgres" if "postgres" in names else "nobody")


def drill_user():
    """Who runs the throwaway servers of drills: we, or for root somebody who owns nothing else."""
    return pwd.getpwuid(os.getuid()) if os.getuid() != 0 else pwd.getpwnam("nobody")


def make_drill_directory(path):
    os.makedirs(path, 0o700, exist_ok=True)
    os.chown(path, drill_user().pw_uid, -1)


def as_server_user():
    """The command prefix for a server's process: nobody's root, and gone when we are."""
    if os.getuid() != 0:
        return ["setpriv", "--pdeathsig", "QUIT", "--"]
    user = server_user()
    return ["setpriv", "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid),
            "--clear-groups", "--pdeathsig", "QUIT", "--"]


def fresh_data(bindir, options):
    """A data directory as initdb leaves it: made once for all modules of a suite, to be copied."""
    version = subprocess.check_output([bindir + "/initdb", "--version"], text=True)
    name = hashlib.sha256(repr((version, options)).encode()).hexdigest()
    path = f"{shared_directory()}/data-{name}"
    with open(path + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            os.mkdir(path + ".new")
            os.chown(path + ".new", server_user().pw_uid, -1)
            subprocess.run(
                as_server_user() + [bindir + "/initdb", "-D", path + ".new", "-U", "postgres", "-N",
                                    "-A", "trust", *options],
                cwd="/", check=True, timeout=60, stdout=subprocess.DEVNULL)
            os.rename(path + ".new", path)
    return path


@functools.cache
def shared_directory():
    """What modules of a suite share (pysuite.py); outside of one, a module's own."""
    return os.environ.get("PYSUITE_SHARED") or make_directory()


class Cluster:
    """A PostgreSQL server of our own, of a certain major if it matters. `start()` it in
    setUpModule; it stops by itself."""

    def __init__(self, *initdb_options, major=None, parent="/tmp", settings=()):
        self.initdb_options = initdb_options or ("-E", "UTF8", "--locale", "C.UTF-8")
        self.parent = parent
        self.settings = dict(settings)
        self.bindir = bindir_of(major) if major else server_bindir()
        self.process = None

    def start(self):
        self.directory = make_directory(parent=self.parent)
        self.data = self.directory + "/data"
        self.host = self.directory + "/s"  # a socket's path holds 107 bytes
        for path in (self.host, self.data):
            os.mkdir(path, 0o755)
            os.chown(path, server_user().pw_uid, -1)
        self._fill_data()
        self.launch()
        close_at_exit(lambda: self.stop("immediate"))
        return self

    def _fill_data(self):
        fresh = fresh_data(self.bindir, self.initdb_options)
        subprocess.run(["cp", "-a", fresh + "/.", self.data], check=True, timeout=60)
        with open(self.data + "/pg_hba.conf", "w", encoding="ascii") as f:
            f.write("local all,replication all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")

    def launch(self):
        """Starts the server on the data directory as it is; on another port each time."""
        for _ in range(5):  # a free port may be taken by somebody else before we are there
            self.port = free_port()
            if self._launch_once():
                return
        raise AssertionError("the server did not start:\n" + self.log())

    def _launch_once(self):
        settings = {
            "listen_addresses": "127.0.0.1", "port": self.port,
            "unix_socket_directories": self.host, "fsync": "off", "synchronous_commit": "off",
            "full_page_writes": "off", "autovacuum": "off", "max_connections": 50,
            "shared_buffers": "32MB", "log_min_messages": "fatal", **self.settings,
        }
        options = [f"-c{key}={value}" for key, value in settings.items()]
        with open(self.directory + "/log", "ab") as log:
            self.process = subprocess.Popen(
                as_server_user() + [self.bindir + "/postgres", "-D", self.data, *options],
                cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        wait_until(lambda: self.process.poll() is not None or self.is_ready(), "it listens")
        if self.process.poll() is not None:
            return False
        self._set_password()
        return True

    def _set_password(self):
        self.sql(f"ALTER ROLE postgres PASSWORD {quote_literal(SUPERUSER_PASSWORD)}")

    def is_ready(self):
        return self._psql("SELECT 1", "postgres", "postgres").returncode == 0

    def stop(self, mode="fast"):
        """As pg_ctl stop -m does: by the signal that belongs to the mode."""
        how = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
        if self.process:
            stop_process(self.process, how[mode], patience=60)

    def log(self):
        with open(self.directory + "/log", encoding="utf-8", errors="replace") as f:
            return f.read()

    # ── asking and telling it things ─────────────────────────────────────────────────────────────

    def environment(self, database, user="postgres"):
        # In PGDATABASE a name is only ever a name; on the command line it may be a conninfo.
        return {"PATH": PLAIN_PATH, "LC_ALL": "C.UTF-8", "PGHOST": self.host,
                "PGPORT": str(self.port), "PGUSER": user, "PGDATABASE": database,
                "PGCONNECT_TIMEOUT": "10"}

    def tool(self, name, *args, database="postgres", stdin=b"", check=True, timeout=60):
        """Runs one of the stock client programs of the server's own version; gives its stdout."""
        done = subprocess.run([f"{self.bindir}/{name}", *args], input=stdin, timeout=timeout,
                              capture_output=True, env=self.environment(database), check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{name} failed: {done.stderr.decode(errors='replace')}")
        return done.stdout

    def _psql(self, sql, database, user, timeout=60):
        return subprocess.run(
            [self.bindir + "/psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"],
            input=sql.encode(), env=self.environment(database, user), capture_output=True,
            timeout=timeout, check=False)

    def output(self, sql, database="postgres", user="postgres", timeout=60):
        """Runs statements; gives what they print, unaligned, byte for byte."""
        done = self._psql(sql, database, user, timeout)
        if done.returncode != 0:
            raise AssertionError(f"{sql[:200]}: {done.stderr.decode(errors='replace')}")
        return done.stdout

    def sql(self, sql, database="postgres", user="postgres", timeout=60):
        """The same as text without the newlines at its end."""
        return self.output(sql, database, user, timeout).decode().rstrip("\n")

    def create(self, database, sql="", options="", owner=None):
        """Makes a database, runs the statements in it, and returns its name."""
        owned = f" OWNER {quote_name(owner)}" if owner else ""
        self.sql(f"CREATE DATABASE {quote_name(database)} {options}{owned}")
        if sql:
            self.sql(sql, database)
        return database

    def create_sample(self, database, **options):
        """A small database with a bit of everything (sample.sql)."""
        with open(SUPPORT + "/sample.sql", encoding="utf-8") as f:
            return self.create(database, f.read(), **options)

    def create_awkward(self, database):
        """All that a dump has to carry, in its most awkward form (awkward/*.sql)."""
        self.create(database, options="TEMPLATE template0")
        return self._run_awkward(database, "types", "objects", "names", "wordings", "large")

    def create_large(self, database, large_object_mib, row_mib, copy_all=False):
        """Large objects and large rows only; beside an awkward database, whose roles they have."""
        self.create(database)
        return self._run_awkward(database, "large", large_object_mib=large_object_mib,
                                 row_mib=row_mib, copy_all=copy_all)

    def _run_awkward(self, database, *names, large_object_mib=1, row_mib=1, copy_all=True):
        files = [f"--file={SUPPORT}/awkward/{name}.sql" for name in names]
        self.tool("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null",
                  "-v", f"large_object_mib={large_object_mib}", "-v", f"row_mib={row_mib}",
                  "-v", f"copy_all={copy_all}", *files,
                  database=database, timeout=300)
        return database

    def drop(self, *databases):
        for database in databases:
            self.sql(f"DROP DATABASE IF EXISTS {quote_name(database)} WITH (FORCE)")

    def fill(self, database, rows=20000):
        """Adds a table of noise that compresses badly: about 100 bytes a row, dumped or stored."""
        self.sql(f"CREATE TABLE noise AS SELECT i, md5(i::text) || md5((-i)::text) ||"
                 f" md5((i * 3)::text) AS noise FROM generate_series(1, {rows}) i", database)

    def databases(self):
        """The names of all databases but the three that initdb makes."""
        rows = self.sql("SELECT encode(convert_to(datname, 'UTF8'), 'hex') FROM pg_database"
                        " WHERE datname NOT IN ('postgres', 'template0', 'template1')")
        return {bytes.fromhex(row).decode() for row in rows.split("\n") if row}

    def wait_for_lock(self, database):
        """Returns the pid of the backend that waits for a lock there, once there is one."""
        asked = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = "
        return int(wait_until(lambda: self.sql(asked + quote_literal(database)),
                              f"a session in {database} waits for a lock"))

    def wait_for_no_session(self, condition):
        """Until the server has seen that its clients are gone, which it does in its own time."""
        asked = f"SELECT count(*) FROM pg_stat_activity WHERE {condition}"
        wait_until(lambda: self.sql(asked) == "0", f"there is no session with {condition}")

    def session(self, database="postgres", user="postgres"):
        return Session(self, database, user)

    # ── what is in a database, by PostgreSQL's own account ───────────────────────────────────────

    def contents(self, database):
        """{what: md5} of every table's rows, every sequence and all large objects."""
        relations = self.sql("""
            SELECT relkind, c.oid::regclass
            FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
            WHERE relkind IN ('r', 'm', 'S') AND nspname !~ '^pg_' AND
                  nspname <> 'information_schema'""", database)
        found = {}
        for line in relations.split("\n") if relations else []:
            kind, _, name = line.partition("|")
            rows = f"SELECT last_value, is_called FROM {name}" if kind == "S" else \
                f'SELECT * FROM {name} t ORDER BY t::text COLLATE "C"'
            found[name] = hashlib.md5(
                self.output(f"COPY ({rows}) TO STDOUT", database)).hexdigest()
        objects = "COPY (SELECT loid, lo_get(loid) FROM (SELECT oid AS loid FROM" \
                  " pg_largeobject_metadata ORDER BY oid) o) TO STDOUT"
        found["large objects"] = hashlib.md5(self.output(objects, database)).hexdigest()
        return found

    def schema(self, database):
        """pg_dump's own text of the schema, without the lines that differ from dump to dump."""
        text = self.tool("pg_dump", "--schema-only", database=database).decode()
        return [line for line in text.split("\n") if not re.match(r"\\(un)?restrict ", line)]


class Standby(Cluster):
    """A hot standby of a cluster, which has all that was there when it started."""

    def __init__(self, primary):
        super().__init__()
        self.primary = primary

    def _fill_data(self):
        os.chmod(self.data, 0o700)
        subprocess.run(
            as_server_user() + [self.bindir + "/pg_basebackup", "-D", self.data, "-h",
                                self.primary.host, "-p", str(self.primary.port), "-U", "postgres",
                                "--write-recovery-conf", "--checkpoint=fast", "--no-sync"],
            cwd="/", check=True, timeout=60, stdout=subprocess.DEVNULL)

    def _set_password(self):
        pass  # it is the primary's


class Session:
    """One open connection (a psql), for locks that must be held. Closes with the test process."""

    def __init__(self, cluster, database, user):
        self.process = spawn([cluster.bindir + "/psql", "-X", "-q", "-A", "-t"],
                             env=cluster.environment(database, user), text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)

    def do(self, sql):
        """Runs statements and waits until they are done."""
        self.process.stdin.write(sql + ";\n\\echo -- done\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line == "-- done\n":
                return "".join(lines).rstrip("\n")
            lines.append(line)
        raise AssertionError("the session ended: " + "".join(lines))

    def close(self):
        stop_process(self.process)


class Pushgateway:
    """A real prometheus-pushgateway on a port of the loopback that was free."""

    def start(self):
        for _ in range(5):
            port = free_port()
            self.url = f"http://127.0.0.1:{port}"
            self.process = spawn(
                ["prometheus-pushgateway", f"--web.listen-address=127.0.0.1:{port}"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_until(lambda: self.process.poll() is not None or self._is_ready(), "it listens")
            if self.process.poll() is None:
                return self
        raise AssertionError("prometheus-pushgateway did not start")

    def _is_ready(self):
        try:
            with urllib.request.urlopen(self.url + "/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def metrics(self):
        with urllib.request.urlopen(self.url + "/metrics", timeout=5) as answer:
            return parse_metrics(answer.read().decode())

    def stop(self):
        stop_process(self.process)


class MountNamespace:
    """A file-system view of our own: a shell inside unshare -m that ran `script` and waits.

    `prefix` starts a command inside; `path()` is how a file inside is named from outside. All of
    its mounts go away with it.
    """

    def __init__(self, script):
        self.process = spawn(
            ["unshare", "--mount", "--propagation", "private", "sh", "-ec",
             script + "\necho ready\nexec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise AssertionError("could not set up a mount namespace")
        # The root, too: a mount namespace alone would lead out of a chroot.
        inside = f"/proc/{self.process.pid}"
        self.prefix = ["nsenter", f"--mount={inside}/ns/mnt", f"--root={inside}/root", "--"]

    def path(self, path):
        return f"/proc/{self.process.pid}/root{path}"

    def close(self):
        stop_process(self.process, signal.SIGKILL)


class TestCase(unittest.TestCase):
    """A test with a directory of its own and a limit in time, for what hangs."""

    seconds = 120

    def setUp(self):
        self.tmp = make_directory()
        self.addCleanup(shutil.rmtree, self.tmp, ignore_errors=True)
        signal.signal(signal.SIGALRM, self._too_slow)
        signal.alarm(self.seconds)
        self.addCleanup(signal.alarm, 0)

    def _too_slow(self, _signum, _frame):
        raise AssertionError(f"the test took longer than {self.seconds} s")

    def refusing_port(self):
        """One of the loopback at which nobody listens as long as the test lasts: it is taken."""
        holder = socket.socket()
        self.addCleanup(holder.close)
        holder.bind(("127.0.0.1", 0))
        return holder.getsockname()[1]

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.tmp, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path


def quote_name(name):
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text):
    return "'" + text.replace("'", "''") + "'"


def parse_metrics(text):
    """{'name' or 'name{a="b"}': value} from the text exposition format; labels sorted, without
    those that a Pushgateway adds."""
    found = {}
    for line in text.split("\n"):
        match = re.fullmatch(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)", line)
        if not match:
            continue
        labels = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or "")
        kept = sorted((key, value) for key, value in labels if key not in ("job", "instance"))
        suffix = "{" + ",".join(f'{key}="{value}"' for key, value in kept) + "}" if kept else ""
        found[match[1] + suffix] = float(match[3])
    return found
