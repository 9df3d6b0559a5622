"""The throwaway server in which a drill restores: what it is like, how it fails, how it goes."""

import os
import pwd
import shutil
import signal
import subprocess

import pgtest
import throwaway

TMPFS = "mount -t tmpfs -o size={size},mode=0755,uid={uid} tmpfs {path}"
COULD_NOT_VERIFY = 5

# Runs a program under a filter that kills whoever calls capset(2), number 126 on x86-64 and 91 on
# arm64: one of those that a confined unit does not allow (SystemCallFilter=~@privileged).
WITHOUT_CAPSET = """
import ctypes, os, platform, struct, sys
number = {"x86_64": 126, "aarch64": 91}[platform.machine()]
code = b"".join(struct.pack("HBBI", *step) for step in (
    (0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x80000000), (0x06, 0, 0, 0x7fff0000)))
steps = ctypes.create_string_buffer(code)
filter = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 4, ctypes.addressof(steps)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, filter) == 0, ctypes.get_errno()
os.execv(sys.argv[1], sys.argv[1:])
"""


def owner_of(pid):
    """Who runs a process; None where it has ended, as a session does when its client is gone."""
    try:
        return pwd.getpwuid(os.stat(f"/proc/{pid}").st_uid).pw_name
    except FileNotFoundError:
        return None


class Running(pgtest.TestCase):
    def setUp(self):
        super().setUp()
        self.site = throwaway.Site(self)

    def assertGone(self):
        self.assertEqual(self.site.directories(), [])
        self.assertEqual(throwaway.processes(self.site.parent), [])

    def test_it_is_alone_forgetful_and_gone_afterwards(self):
        server = self.site.start("max_locks_per_transaction=2222")
        settings = {"listen_addresses": "", "fsync": "off", "full_page_writes": "off",
                    "synchronous_commit": "off", "wal_level": "minimal", "autovacuum": "off",
                    "jit": "off", "archive_mode": "off", "dynamic_shared_memory_type": "mmap",
                    "max_locks_per_transaction": "2222", "server_encoding": "UTF8"}
        for name, value in settings.items():
            self.assertEqual(server.sql(f"SHOW {name}"), value, name)
        self.assertFalse(server.user.startswith("pg_"))
        self.assertEqual(os.stat(server.host).st_mode & 0o777, 0o700)
        self.assertGreater(int(server.ask("bytes")), 1 << 20)

        done = server.stop()
        self.assertEqual((done.code, done.stderr), (0, ""), done)
        self.assertGone()

    def test_its_processes_and_shared_memory_lie_in_its_directory(self):
        server = self.site.start("max_parallel_workers_per_gather=2", "parallel_setup_cost=0",
                                 "parallel_tuple_cost=0", "min_parallel_table_scan_size=0")
        server.sql("CREATE TABLE t AS SELECT generate_series(1, 200000) i; ANALYZE t")
        self.assertEqual(server.sql("SELECT count(*) FROM t"), "200000")
        running = throwaway.processes(self.site.parent)
        self.assertGreater(len(running), 3)
        owners = {owner_of(line.partition(":")[0]) for line in running}
        self.assertEqual(owners - {None}, {pgtest.drill_user().pw_name})
        server.stop()
        self.assertGone()

    def test_the_encoding_and_the_locale_are_the_sources(self):
        server = self.site.start("encoding=UTF8", "collate=C", "ctype=C.UTF-8",
                                 "locale_provider=icu", "locale=de-DE")
        self.assertEqual(server.sql(
            "SELECT datcollate, datctype, datlocprovider, daticulocale FROM pg_database"
            " WHERE datname = 'template0'"), "C|C.UTF-8|i|de-DE")
        server.stop()
        self.assertGone()

    def test_libpqs_variables_lead_nowhere_else(self):
        server = self.site.start(PGHOSTADDR="127.0.0.1", PGSERVICE="nowhere", PGPORT="1",
                                 PGOPTIONS="-c no_such=1", PGREQUIREPEER="nobody")
        self.assertEqual(server.sql("SELECT 1"), "1")
        server.stop()

    def test_event_triggers_do_not_fire(self):
        server = self.site.start()
        server.sql("CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS"
                   " $$ BEGIN RAISE EXCEPTION 'fired'; END $$;"
                   " CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()")
        server.sql("CREATE TABLE t (i int); CREATE EXTENSION amcheck")
        server.stop()

    def test_busy_sessions_and_links_to_elsewhere_do_not_hold_it_up(self):
        server = self.site.start()
        os.mkdir(self.tmp + "/space", 0o777)
        self.write("space/file", "")
        server.sql(f"COPY (SELECT) TO PROGRAM 'ln -s {self.tmp}/space pg_tblspc/4711'")
        busy = pgtest.spawn(
            [self.site.bindir + "/psql", "-X", "-h", server.host, "-U", server.user, "-d",
             "postgres", "-c", "DO $$ BEGIN LOOP END LOOP; END $$"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        pgtest.wait_until(
            lambda: server.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO%'")
            == "1", "the session is busy")
        server.stop()
        pgtest.stop_process(busy)
        self.assertGone()
        self.assertEqual(os.listdir(self.tmp + "/space"), ["file"])

    def test_a_long_parent_has_its_socket_elsewhere(self):
        parent = self.tmp + "/" + "x" * 100
        self.site = throwaway.Site(self, parent)
        server = self.site.start()
        self.assertTrue(server.host.startswith("/tmp/pg-backup-drill-"), server.host)
        self.assertEqual(server.sql("SELECT 1"), "1")
        server.stop()
        self.assertGone()
        self.assertFalse(os.path.exists(os.path.dirname(server.host)))

    def become_a_user_without_rights(self):
        user = pgtest.server_user()
        os.chown(self.site.parent, user.pw_uid, user.pw_gid)
        self.site.binary = shutil.copy(throwaway.BINARY, self.tmp)  # a home need not be open to all
        if os.getuid() == 0:
            self.site.prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}",
                                "--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "--"]

    def test_a_user_without_rights_runs_it(self):
        self.become_a_user_without_rights()
        server = self.site.start()
        self.assertEqual(server.sql("SELECT 1"), "1")
        self.assertEqual(server.stop().code, 0)
        self.assertGone()

    def test_it_runs_where_a_filter_forbids_privileged_system_calls(self):
        self.become_a_user_without_rights()
        self.site.prefix += ["/usr/bin/python3", "-c", WITHOUT_CAPSET]
        server = self.site.start()
        self.assertEqual(server.sql("SELECT 1"), "1")
        self.assertEqual(server.stop().code, 0)
        self.assertGone()


class Failing(pgtest.TestCase):
    """Nothing of this says anything about a backup."""

    def setUp(self):
        super().setUp()
        self.site = throwaway.Site(self)

    def assertFailed(self, done, says):
        self.assertEqual(done.code, COULD_NOT_VERIFY, done)
        self.assertRegex(done.stderr, r"^could-not-verify: ")
        self.assertRegex(done.stderr, says)
        self.assertEqual(self.site.directories(), [])
        self.assertEqual(throwaway.processes(self.site.parent), [])

    def test_a_locale_that_this_machine_lacks_is_named(self):
        done = self.site.fail("encoding=UTF8", "collate=xx_YY.UTF-8", "ctype=xx_YY.UTF-8")
        self.assertFailed(done, r'invalid locale name "xx_YY.UTF-8"\nhint: .*locale -a')

    def test_a_setting_that_the_server_lacks_is_named(self):
        self.assertFailed(self.site.fail("no_such_setting=1"),
                          'unrecognized configuration parameter "no_such_setting"')

    def test_a_library_that_is_not_installed_is_named(self):
        self.assertFailed(self.site.fail("shared_preload_libraries=no_such"), "no_such")

    def test_memory_that_cannot_be_had_is_told(self):
        self.assertFailed(self.site.fail("shared_buffers=900GB"), "Cannot allocate memory")

    def test_a_full_disk_is_no_failed_backup(self):
        for size in ("64k", "2m", "30m"):
            with self.subTest(size=size):
                path = self.site.parent
                space = pgtest.MountNamespace(TMPFS.format(size=size, path=path,
                                                          uid=pgtest.drill_user().pw_uid))
                self.addCleanup(space.close)
                inside = throwaway.Site(self, path, prefix=space.prefix)
                done = inside.fail()
                self.assertEqual(done.code, COULD_NOT_VERIFY, done)
                self.assertRegex(done.stderr, "No space left on device\nhint: .*")
                self.assertEqual(os.listdir(space.path(path)), [])

    def test_a_parent_that_is_not_there_is_named(self):
        self.site.parent += "/missing"
        done = self.site.fail()
        self.assertEqual(done.code, COULD_NOT_VERIFY, done)
        self.assertIn("/missing", done.stderr)

    def test_a_server_that_crashes_is_told_from_a_failed_restore(self):
        server = self.site.start()
        busy = pgtest.spawn(
            [self.site.bindir + "/psql", "-X", "-q", "-A", "-t", "-h", server.host, "-U",
             server.user, "-d", "postgres"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        busy.stdin.write("SELECT pg_backend_pid();\n")
        busy.stdin.flush()
        os.kill(int(busy.stdout.readline()), signal.SIGKILL)
        pgtest.wait_until(lambda: not throwaway.processes(self.site.parent), "the server ends")
        server.process.stdin.write("alive\n")
        done = server.stop()
        self.assertFailed(done, "has ended: postgres exited with status 1: .*signal 9")

    def test_sigterm_ends_it_at_once_and_leaves_nothing(self):
        for moment in ("initdb", "running"):
            with self.subTest(moment=moment):
                if moment == "initdb":
                    process = self.site.spawn()
                    pgtest.wait_until(lambda: throwaway.processes(self.site.parent),
                                      "initdb runs", every=0.005)
                else:
                    process = self.site.start().process
                process.send_signal(signal.SIGTERM)
                _, stderr = process.communicate(timeout=30)
                self.assertEqual(stderr, "cancelled: stopped by SIGTERM\n")
                self.assertEqual(self.site.directories(), [])
                self.assertEqual(throwaway.processes(self.site.parent), [])


class Sweeping(pgtest.TestCase):
    def setUp(self):
        super().setUp()
        self.site = throwaway.Site(self)

    def test_a_sweep_kills_what_still_runs_and_nobody_else(self):
        other = throwaway.Site(self, self.tmp + "/other")
        living = other.start()
        dead = self.site.start()
        # A maker that stands still is as good as a dead one whose server outlives it.
        os.kill(dead.process.pid, signal.SIGSTOP)
        done = self.site.sweep()
        self.assertEqual(done.code, 0, done)
        self.assertRegex(done.stdout, r"^removed: \S+/pg-backup-drill-\w{8}\n$")
        self.assertEqual(self.site.directories(), [])
        self.assertEqual(throwaway.processes(self.site.parent), [])
        self.assertEqual(living.sql("SELECT 1"), "1")
        os.kill(dead.process.pid, signal.SIGKILL)
        living.stop()

    def test_a_production_cluster_in_the_same_directory_survives(self):
        cluster = pgtest.Cluster(parent=self.tmp).start()
        cluster.create_sample("appdb")
        self.site = throwaway.Site(self, cluster.directory)
        before = cluster.contents("appdb")
        names = self.site.directories()
        server = self.site.start()
        os.kill(server.process.pid, signal.SIGKILL)
        done = self.site.sweep()
        self.assertEqual(done.code, 0, done)
        self.assertRegex(done.stdout, "^removed: ")
        self.assertEqual(self.site.directories(), names)
        self.assertEqual(cluster.contents("appdb"), before)
        cluster.stop()
