"""Rules and dashboard ask for no metric that nobody exports, and for no label that it lacks."""

import json
import os
import pathlib
import re
import unittest

import yaml

import pgtest
from pgbackup import PgBackup

TOP = pathlib.Path(__file__).resolve().parents[2]
DASHBOARD = TOP / "prometheus/grafana/dashboards/pg-backup.json"
RULES = TOP / "prometheus/rules/pg-backup.yml"
METRIC = re.compile(r"\bpg_backup\w*(?::\w+)*")


class NoServer:
    """A run needs none to say which metrics there are: it fails, and reports."""

    host, port, bindir = "/nonexistent", 5432, "/nonexistent"


def rules():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"]
            for rule in group["rules"]]


def panels():
    return json.loads(DASHBOARD.read_text())["panels"]


def expressions():
    """Every query of the dashboard, annotations and variables included."""
    dashboard = json.loads(DASHBOARD.read_text())
    found = [target["expr"] for panel in panels() for target in panel["targets"]]
    return found + [v["query"]["query"] for v in dashboard["templating"]["list"]]


class Names(pgtest.TestCase):
    def exported(self):
        """The families in what a run has written, with the labels that each has."""
        backup = PgBackup(self, NoServer(), PG_DATABASES="shop")
        backup("run")
        with open(backup.textfile, encoding="utf-8") as f:
            text = f.read()
        families = set(re.findall(r"^# TYPE (\w+) gauge$", text, re.MULTILINE))
        self.assertGreaterEqual(len(families), 16)
        return families

    def recorded(self):
        return {rule["record"] for rule in rules() if "record" in rule}

    def test_the_rules_name_only_what_a_run_exports_or_a_rule_records(self):
        known = self.exported() | self.recorded()
        for rule in rules():
            texts = [rule["expr"], *rule.get("annotations", {}).values()]
            names = {name for text in texts for name in METRIC.findall(text)}
            self.assertEqual(names - known, set(), rule)
            self.assertTrue(names & known, rule)

    def test_the_dashboard_names_only_what_a_run_exports_or_a_rule_records(self):
        known = self.exported() | self.recorded()
        for expression in expressions():
            names = set(METRIC.findall(expression))
            self.assertTrue(names, expression)
            self.assertEqual(names - known, set(), expression)

    def test_the_dashboard_shows_all_that_is_exported_of_a_database(self):
        shown = {name for expression in expressions() for name in METRIC.findall(expression)}
        for record in rules():
            if record.get("record") in shown:
                shown |= set(METRIC.findall(record["expr"]))
        of_databases = {name for name in self.exported() if name.startswith("pg_backup_database_")}
        self.assertEqual(of_databases - shown, set())


class Dashboard(unittest.TestCase):
    def test_every_panel_has_a_place_of_its_own_on_the_grid(self):
        taken = set()
        for panel in panels():
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                     for y in range(place["y"], place["y"] + place["h"])}
            self.assertFalse(cells & taken, panel["title"])
            taken |= cells

    def test_every_panel_says_what_it_shows_from_the_provisioned_source(self):
        sources = yaml.safe_load(
            (TOP / "prometheus/grafana/provisioning/datasources/prometheus.yml").read_text())
        uid = sources["datasources"][0]["uid"]
        ids = [panel["id"] for panel in panels()]
        self.assertEqual(len(ids), len(set(ids)))
        for panel in panels():
            self.assertTrue(panel["title"] and panel["description"], panel["id"])
            for target in panel["targets"]:
                self.assertEqual(target["datasource"], {"type": "prometheus", "uid": uid})
                self.assertIn('instance=~"$instance"', target["expr"])

    def test_what_is_provisioned_is_where_compose_mounts_it(self):
        grafana = yaml.safe_load((TOP / "compose.yaml").read_text())["services"]["grafana"]
        mounts = dict(volume.split(":")[:2] for volume in grafana["volumes"])
        provision = TOP / "prometheus/grafana/provisioning/dashboards/pg-backup.yml"
        provider, = yaml.safe_load(provision.read_text())["providers"]
        inside = provider["options"]["path"]
        outside = next(source for source, target in mounts.items() if target == inside)
        self.assertTrue(os.path.samefile(TOP / outside, DASHBOARD.parent))
        home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
        self.assertEqual(home, f"{inside}/{DASHBOARD.name}")
        self.assertEqual(grafana["profiles"], ["grafana"])
