"""README.md's quick start with compose, its commands as written, and what it leaves running."""

import glob
import json
import os
import re
import subprocess
import urllib.parse
import urllib.request

from composition import TOP, UID, Composition, TestCase, docker, inspect, read_process, wait_until

HEADING = "## Quick start with Docker Compose"
# What secrets/pg_password.txt.example holds, and so what the quick start's password is.
PASSWORD = "not-a-secret-but-an-example"
METRICS = ["pg_backup_last_run_timestamp", "pg_backup_last_duration_seconds",
           "pg_backup_last_exit_code", "pg_backup_last_bytes"]

START = Composition("quickstart")
ASSERTIONS = START.data + "/drill/assertions"
TRANSCRIPT = []


def commands_of_readme():
    with open(TOP + "/README.md", encoding="utf-8") as f:
        section = f.read().split(HEADING)[1].split("\n## ")[0]
    blocks = re.findall(r"^( *)```sh\n(.*?)^ *```$", section, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in blocks]


def setUpModule():
    try:
        follow_readme()
        schedule_drills()
    except BaseException:
        START.close()
        raise


def follow_readme():
    shim = START.directory + "/.bin"
    os.mkdir(shim)
    with open(shim + "/sudo", "w", encoding="ascii") as f:
        f.write('#!/bin/sh\nexec "$@"\n')
    os.chmod(shim + "/sudo", 0o755)
    environment = dict(START.environment, PATH=f"{shim}:{os.environ['PATH']}")

    for block in commands_of_readme():
        done = subprocess.run(["bash", "-euc", block], cwd=START.directory, env=environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=900, check=False)
        TRANSCRIPT.append(done.stdout)
        if done.returncode != 0:
            raise AssertionError(f"{block}\nended with {done.returncode}:\n{done.stdout}")


def schedule_drills():
    """Every minute instead of every week, with assertions that there are none of yet."""
    os.mkdir(ASSERTIONS)
    os.chown(ASSERTIONS, UID, UID)
    START.environment.update(DRILL_SCHEDULE="* * * * *", DRILL_ASSERTIONS="/state/assertions")
    START.compose("up", "-d", "--no-deps", "drill")


def tearDownModule():
    START.close()


def processes_of(service):
    """Their numbers on the host."""
    lines = docker("top", START.container(service), "-eo", "pid").stdout.splitlines()
    return [int(line) for line in lines[1:]]


def ask_prometheus(path, **parameters):
    url = f"http://{START.address('prometheus')}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)["data"]


def query(expression):
    """None while Prometheus does not answer yet."""
    try:
        return ask_prometheus("query", query=expression)["result"]
    except OSError:  # refused, or taken by the engine's proxy and given up
        return None


class Drills(TestCase):
    def drilled(self):
        return [event for event in START.events("drill") if event.get("event") == "drill-finished"]

    def clusters(self):
        return glob.glob(START.data + "/drill/drill/pg-backup-drill-*")

    def test_a_drill_starts_by_its_schedule_and_proves_a_backup(self):
        self.assertRegex(TRANSCRIPT[-1], r"(?m)^shop_\d{8}T\d{6}Z: proven, recovered in ")
        wait_until("drills of both databases", lambda: len(self.drilled()) >= 2)
        stems = {event["database"]: event["stem"] for event in self.drilled()}
        self.assertEqual(set(stems), {"postgres", "shop"})
        with open(f"{START.backups}/shop/{stems['shop']}.proof.json", encoding="utf-8") as f:
            self.assertEqual(json.load(f)["result"], "proven")
        wait_until("the drills' health", lambda: START.health("drill")[0] == "healthy")
        print("docker inspect, drill:", START.health("drill")[1])

    def test_it_has_neither_network_nor_secrets(self):
        said = START.exec("sh", "-c", "ls /sys/class/net; ls /run/secrets; env", check=False,
                          service="drill").stdout.split("\n")
        self.assertEqual(said[0], "lo")
        self.assertEqual([line for line in said[1:] if line.startswith(("pg_", "PG_", "PUSH"))], [])
        described = inspect(START.container("drill"))
        self.assertEqual(described["HostConfig"]["NetworkMode"], "none")
        self.assertNotIn(PASSWORD, json.dumps(described) + START.logs("drill"))

    def test_that_is_stopped_in_mid_drill_leaves_nothing(self):
        """a stop in mid-drill leaves neither server nor process"""
        with open(ASSERTIONS + "/hold.sql", "w", encoding="ascii") as f:
            f.write("COPY (SELECT) TO PROGRAM 'cat >held'; SELECT pg_sleep(600) IS NULL;\n")
        wait_until("a drill is held",
                   lambda: glob.glob(START.data + "/drill/drill/pg-backup-drill-*/data/held"))
        self.assertEqual(len(self.clusters()), 1)
        docker("stop", "-t", "60", START.container("drill"))
        self.assertEqual(inspect(START.container("drill"))["State"]["ExitCode"], 0)
        self.assertIn("cancelled", [event.get("reason") for event in START.events("drill")])
        self.assertEqual(self.clusters(), [])


class QuickStart(TestCase):
    def test_its_commands_are_those_of_the_readme(self):
        """the README's commands were found, and the last of them showed the container"""
        self.assertEqual(len(commands_of_readme()), 3)
        self.assertIn("backup-1", TRANSCRIPT[-1])

    def test_it_gives_a_healthy_container(self):
        sentence = START.wait_for_health("healthy", "have a good backup")
        print(f"docker inspect, healthy: {sentence}")
        self.assertRegex(sentence, r"^3 of 3 have a good backup that is not older than 26 h$")

    def test_it_gives_a_backup_that_stock_pg_restore_opens(self):
        stem = START.stems()[-1]
        with open(f"{START.backups}/shop/{stem}.dump", "rb") as dump:
            listed = docker("run", "--rm", "-i", "--network", "none", "--entrypoint", "pg_restore",
                            "postgres:17", "--list", stdin=dump)
        self.assertIn("TABLE DATA sales orders", listed.stdout)

    def test_backups_belong_to_the_fixed_user_and_to_nobody_else(self):
        for name in START.files():
            state = os.lstat(f"{START.backups}/{name}")
            self.assertEqual((state.st_uid, state.st_gid), (UID, UID), name)

    def test_its_metrics_arrive_in_prometheus(self):
        for name in METRICS:
            result = wait_until(f"{name} in Prometheus", lambda name=name: query(name))
            self.assertEqual(len(result), 1, result)
            labels = result[0]["metric"]
            self.assertEqual((labels["job"], labels["instance"]), ("pg_backup", "pg-backup:main"))
        self.assertEqual(query("pg_backup_last_exit_code")[0]["value"][1], "0")

    def test_prometheus_has_the_alert_rules_and_none_fires(self):
        wait_until("the records of the rules", lambda: query("pg_backup:oldest_age_seconds"))
        groups = ask_prometheus("rules", type="alert")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        self.assertGreaterEqual(len(rules), 9)
        self.assertEqual([rule["name"] for rule in rules if rule["health"] == "err"], [])
        firing = [alert["labels"] for rule in rules for alert in rule["alerts"]
                  if alert["state"] == "firing"]
        self.assertEqual(firing, [])

    def test_a_backup_is_restored_into_the_database_beside_the_original(self):
        START.exec("pg-backup", "restore", "shop", "--to", "shop_copy", env=["PG_USER=postgres"])
        for table in ("sales.orders", "sales.customers", "catalog.products"):
            count = f"SELECT count(*) FROM {table}"
            self.assertEqual(START.query(count, "shop_copy"), START.query(count, "shop"))
        self.assertGreater(int(START.query("SELECT count(*) FROM sales.orders", "shop_copy")), 1000)

    def test_backups_are_listed_and_verified_by_hand(self):
        listed = json.loads(START.exec("pg-backup", "list", "--json").stdout)
        self.assertIn(START.stems()[-1], json.dumps(listed))
        self.assertIn("ok", START.exec("pg-backup", "verify", "shop").stdout)

    def test_every_line_of_the_log_is_json_with_a_level(self):
        events = START.events()
        self.assertIn('runs are scheduled: "0 2 * * *"', [e.get("message") for e in events])
        for event in events:
            self.assertIn(event["level"], ("error", "warning", "notice", "info"), event)

    # ── what it may not do ───────────────────────────────────────────────────────────────────────

    def test_the_root_file_system_is_read_only(self):
        for path in ("/stray", "/usr/bin/stray", "/etc/stray", "/run/stray", "/var/tmp/stray"):
            for user in (None, "0:0"):
                done = START.exec("touch", path, check=False, user=user)
                self.assertIn("Read-only file system", done.stderr, (path, user))

    def test_nothing_in_tmp_can_be_executed(self):
        done = START.exec("sh", "-c", "cp /usr/bin/true /tmp/t && /tmp/t", check=False)
        self.assertIn("Permission denied", done.stderr)
        self.assertRegex(START.exec("mount").stdout,
                         r"tmpfs on /tmp type tmpfs \(rw,nosuid,nodev,noexec,.*size=65536k")

    def test_it_has_no_capability_and_cannot_gain_one(self):
        for user in (None, "0:0"):
            status = START.exec("cat", "/proc/self/status", user=user).stdout
            for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                self.assertRegex(status, rf"{name}:\t0+\n")
            self.assertRegex(status, r"NoNewPrivs:\t1\n")
        refused = START.exec("chown", "1", "/tmp", check=False, user="0:0")
        self.assertIn("Operation not permitted", refused.stderr)

    def test_it_runs_as_the_fixed_user_with_an_init_before_it(self):
        self.assertEqual(START.exec("id", "-u").stdout, f"{UID}\n")
        self.assertEqual(START.exec("cat", "/proc/1/comm").stdout, "tini\n")

    def test_its_memory_and_processes_are_limited(self):
        limits = inspect(START.container("backup"))["HostConfig"]
        self.assertEqual(limits["Memory"], 1 << 30)
        self.assertEqual(limits["PidsLimit"], 128)
        self.assertEqual(limits["LogConfig"]["Config"], {"max-size": "10m", "max-file": "3"})

    def test_only_prometheus_has_a_port_and_only_on_loopback(self):
        for service in ("backup", "pushgateway", "demo-db", "prometheus"):
            ports = inspect(START.container(service))["NetworkSettings"]["Ports"] or {}
            published = [binding for bindings in ports.values() for binding in bindings or []]
            self.assertEqual([binding["HostIp"] for binding in published],
                             ["127.0.0.1"] if service == "prometheus" else [])

    def test_compose_takes_every_profile(self):
        for profile in ("demo", "grafana"):
            services = START.compose("--profile", profile, "config", "--services").stdout.split()
            self.assertEqual(len(services), 5)

    def test_each_service_sees_only_whom_it_needs(self):
        sees = {"backup": {"demo-db", "pushgateway"}, "pushgateway": {"backup", "prometheus"},
                "prometheus": {"pushgateway"}, "demo-db": {"backup"}}
        networks = {service: set(inspect(START.container(service))["NetworkSettings"]["Networks"])
                    for service in sees}
        for service, expected in sees.items():
            found = {other for other in sees
                     if other != service and networks[service] & networks[other]}
            self.assertEqual(found, expected, service)

    def test_the_password_is_in_no_description_environment_argument_or_log(self):
        for service in ("backup", "pushgateway", "prometheus"):
            self.assertNotIn(PASSWORD, json.dumps(inspect(START.container(service))))
            self.assertNotIn(PASSWORD, START.logs(service))
            for pid in processes_of(service):
                self.assertNotIn(PASSWORD.encode(), read_process(pid), service)
        self.assertGreaterEqual(len(processes_of("backup")), 3)  # init, schedule, supercronic
        self.assertNotIn(PASSWORD, "".join(TRANSCRIPT))

    # ── the image ────────────────────────────────────────────────────────────────────────────────

    def test_the_image_has_what_a_run_and_a_drill_need_and_no_more(self):
        here = START.exec("sh", "-c", "ls /usr/bin/pg-backup /usr/bin/supercronic /usr/bin/tini "
                          "/usr/lib/postgresql/17/bin /etc/ssl/certs/ca-certificates.crt "
                          "/usr/share/zoneinfo/Europe/Berlin").stdout
        for name in ("pg-backup", "supercronic", "tini", "pg_dump", "pg_dumpall", "pg_restore",
                     "psql", "initdb", "postgres", "pg_amcheck"):
            self.assertRegex(here, rf"(?m)(^|/){name}$")
        for name in ("cc", "gcc", "clang", "ld", "make", "meson", "curl", "wget"):
            self.assertEqual(START.exec("sh", "-c", f"command -v {name}", check=False).stdout, "")

    def test_the_image_says_what_it_is(self):
        image = inspect(inspect(START.container("backup"))["Image"])
        print(f"image size: {image['Size'] / 1e6:.0f} MB")
        config = image["Config"]
        self.assertEqual(config["Labels"]["org.opencontainers.image.title"], "pg-backup")
        self.assertRegex(config["Labels"]["org.opencontainers.image.version"], r"^\d+\.\d+\.\d+$")
        self.assertEqual(config["User"], f"{UID}:{UID}")
        self.assertEqual(config["StopSignal"], "SIGTERM")
        self.assertEqual(config["Healthcheck"]["Test"], ["CMD", "pg-backup", "health"])
        self.assertLess(image["Size"], 450e6)

    def test_the_version_of_the_image_is_that_of_the_program(self):
        version = START.exec("pg-backup", "--version").stdout.split()[1]
        labels = inspect(inspect(START.container("backup"))["Image"])["Config"]["Labels"]
        self.assertEqual(labels["org.opencontainers.image.version"], version)
