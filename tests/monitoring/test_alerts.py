"""The alert rules: promtool's own judgement, and that no alert goes without its tests and words."""

import pathlib
import re
import subprocess
import unittest

import yaml

TOP = pathlib.Path(__file__).resolve().parents[2]
RULES = sorted((TOP / "prometheus/rules").glob("*.yml"))
TESTS = sorted((TOP / "prometheus/tests").glob("*.test.yml"))


def alerts():
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def alert_tests():
    tests = [test for path in TESTS for test in yaml.safe_load(path.read_text())["tests"]]
    return [case for test in tests for case in test["alert_rule_test"]]


class Alerts(unittest.TestCase):
    def promtool(self, *args):
        done = subprocess.run(["promtool", *map(str, args)], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_promtool_accepts_the_configuration_and_the_rules(self):
        self.promtool("check", "config", TOP / "prometheus/prometheus.yml")
        self.assertNotIn("duplicate", self.promtool("check", "rules", *RULES))

    def test_every_alert_fires_and_keeps_silent_as_its_tests_say(self):
        self.assertIn("SUCCESS", self.promtool("test", "rules", *TESTS))

    def test_every_alert_has_a_test_that_it_fires_and_one_that_it_does_not(self):
        names = {rule["alert"] for rule in alerts()}
        self.assertGreaterEqual(len(names), 9)
        self.assertEqual({case["alertname"] for case in alert_tests()}, names)
        self.assertEqual({c["alertname"] for c in alert_tests() if c["exp_alerts"]}, names)
        self.assertEqual({c["alertname"] for c in alert_tests() if not c["exp_alerts"]}, names)

    def test_every_alert_links_to_its_section_of_the_runbook(self):
        text = (TOP / "docs/ALERTS.md").read_text()
        sections = set(re.findall(r"^## (PgBackup\w+)$", text, re.MULTILINE))
        self.assertEqual(sections, {rule["alert"] for rule in alerts()})
        for rule in alerts():
            self.assertEqual(rule["annotations"]["runbook_url"],
                             f"docs/ALERTS.md#{rule['alert'].lower()}")
            self.assertIn(rule["labels"]["severity"], ("critical", "warning", "info"))
            self.assertTrue(rule["annotations"]["summary"])

    def test_labels_of_a_run_survive_the_scrape(self):
        config = yaml.safe_load((TOP / "prometheus/prometheus.yml").read_text())
        job, = config["scrape_configs"]
        self.assertTrue(job["honor_labels"])
        service = yaml.safe_load((TOP / "compose.yaml").read_text())["services"]["backup"]
        url = service["environment"]["PUSHGATEWAY_URL"]
        self.assertIn(job["static_configs"][0]["targets"][0], url)
