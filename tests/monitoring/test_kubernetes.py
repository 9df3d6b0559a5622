"""packaging/kubernetes: objects that the API would take, which back up as compose.yaml does.

The schema is that of the Kubernetes client's models. They know every field with its type; what they
do not know, a server would drop or refuse."""

import datetime
import pathlib
import re
import unittest

import kubernetes.client.models as models
import yaml

TOP = pathlib.Path(__file__).resolve().parents[2]
FILES = sorted((TOP / "packaging/kubernetes").glob("*.yaml"))
KINDS = {("v1", "PersistentVolumeClaim"): models.V1PersistentVolumeClaim,
         ("v1", "ConfigMap"): models.V1ConfigMap,
         ("v1", "Secret"): models.V1Secret,
         ("batch/v1", "CronJob"): models.V1CronJob,
         ("networking.k8s.io/v1", "NetworkPolicy"): models.V1NetworkPolicy}
CRONJOBS = ("pg-backup", "pg-backup-health", "pg-backup-drill")
PLAIN = {"str": str, "int": int, "bool": bool, "object": object, "datetime": datetime.datetime}


def objects():
    return [document for path in FILES for document in yaml.safe_load_all(path.read_text())]


def one(kind, name):
    return next(o for o in objects() if o["kind"] == kind and o["metadata"]["name"] == name)


def problems(value, kind, where):
    """Each place where `value` is not of that type of the models, as a sentence."""
    if match := re.fullmatch(r"list\[(.*)\]", kind):
        if not isinstance(value, list):
            return [f"{where} is no list"]
        items = [(f"{where}[{i}]", item) for i, item in enumerate(value)]
        return [p for place, item in items for p in problems(item, match[1], place)]
    if match := re.fullmatch(r"dict\(str, (.*)\)", kind):
        if not isinstance(value, dict):
            return [f"{where} is no map"]
        items = [(f"{where}.{key}", item) for key, item in value.items()]
        return [p for place, item in items for p in problems(item, match[1], place)]
    if kind in PLAIN:
        wrong = isinstance(value, bool) and kind == "int" or not isinstance(value, PLAIN[kind])
        return [f"{where} is no {kind}: {value!r}"] if wrong else []
    return object_problems(value, getattr(models, kind), where)


def object_problems(value, model, where):
    if not isinstance(value, dict):
        return [f"{where} is no object"]
    by_key = {key: name for name, key in model.attribute_map.items()}
    found = [f"{where} has no field {key}" for key in value if key not in by_key]
    known = {key: value[key] for key in value if key in by_key}
    for key, item in known.items():
        found += problems(item, model.openapi_types[by_key[key]], f"{where}.{key}")
    try:
        model(**{by_key[key]: item for key, item in known.items()})
    except ValueError as error:  # a required field is missing
        found.append(f"{where}: {error}")
    return found


def validate(document):
    model = KINDS[document["apiVersion"], document["kind"]]
    return object_problems(document, model, document["kind"])


def pod_of(cronjob):
    return cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]


class Kubernetes(unittest.TestCase):
    def test_every_object_is_one_that_the_schema_allows(self):
        self.assertEqual(len(objects()), 7)
        for document in objects():
            self.assertEqual(validate(document), [])

    def test_the_validator_finds_a_wrong_field_type_and_gap(self):
        job = one("CronJob", "pg-backup")
        container = pod_of(job)["containers"][0]
        container["readOnlyRootFilesystem"] = True
        container["args"] = "run"
        del container["volumeMounts"][0]["name"]
        job["spec"]["concurrencyPolicy"] = 1
        text = "\n".join(validate(job))
        self.assertIn("containers[0] has no field readOnlyRootFilesystem", text)
        self.assertIn("args is no list", text)
        self.assertIn("`name`, must not be `None`", text)
        self.assertIn("concurrencyPolicy is no str", text)

    def test_every_container_is_as_confined_as_in_compose(self):
        for name in CRONJOBS:
            pod = pod_of(one("CronJob", name))
            self.assertEqual(pod["securityContext"]["runAsUser"], 10001)
            self.assertTrue(pod["securityContext"]["runAsNonRoot"])
            self.assertFalse(pod["automountServiceAccountToken"])
            for container in pod.get("initContainers", []) + pod["containers"]:
                self.assertEqual(container["securityContext"], {
                    "readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]}})
                self.assertIn("memory", container["resources"]["limits"])

    def test_what_is_mounted_and_referred_to_is_there(self):
        for name in CRONJOBS:
            pod = pod_of(one("CronJob", name))
            volumes = {volume["name"]: volume for volume in pod["volumes"]}
            one("PersistentVolumeClaim", volumes["data"]["persistentVolumeClaim"]["claimName"])
            if "credentials" in volumes:
                one("Secret", volumes["credentials"]["secret"]["secretName"])
            for container in pod.get("initContainers", []) + pod["containers"]:
                for mount in container["volumeMounts"]:
                    self.assertIn(mount["name"], volumes)
                for source in container.get("envFrom", []):
                    one("ConfigMap", source["configMapRef"]["name"])

    def test_the_program_takes_its_settings(self):
        """every setting of the ConfigMap, and every key of the Secret, is one of the program's"""
        documented = set(re.findall(r"^\| `(\w+)` \|", (TOP / "docs/SETTINGS.md").read_text(),
                                    re.MULTILINE))
        settings = set(one("ConfigMap", "pg-backup")["data"]) - {"CREDENTIALS_DIRECTORY"}
        drill = pod_of(one("CronJob", "pg-backup-drill"))["containers"][0]
        settings |= {variable["name"] for variable in drill["env"]}
        self.assertEqual(settings - documented, set())
        keys = {key.upper() for key in one("Secret", "pg-backup")["stringData"]}
        self.assertEqual(keys - documented, set())

    def test_a_drill_has_neither_network_nor_credentials(self):
        job, policy = one("CronJob", "pg-backup-drill"), one("NetworkPolicy", "pg-backup-drill")
        labels = job["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
        self.assertEqual(policy["spec"], {"podSelector": {"matchLabels": labels},
                                          "policyTypes": ["Ingress", "Egress"]})
        others = [pod_of(one("CronJob", name)) for name in CRONJOBS if name != "pg-backup-drill"]
        self.assertTrue(all("credentials" in str(pod) for pod in others))
        self.assertNotIn("credentials", str(pod_of(job)))
        self.assertNotIn("envFrom", pod_of(job)["containers"][0])
        self.assertEqual(pod_of(job)["containers"][0]["args"], ["drill"])

    def test_health_is_judged_by_the_same_command_and_age_as_in_the_container(self):
        backup, health = one("CronJob", "pg-backup"), one("CronJob", "pg-backup-health")
        self.assertEqual(pod_of(backup)["containers"][0]["args"], ["run"])
        self.assertEqual(pod_of(health)["containers"][0]["args"], ["health"])
        self.assertIn('HEALTHCHECK --interval=30s --timeout=30s --retries=1 '
                      'CMD ["pg-backup", "health"]', (TOP / "docker/Dockerfile").read_text())
        settings = one("ConfigMap", "pg-backup")["data"]
        default = re.search(r"^\| `MAX_BACKUP_AGE_SECONDS` \| `(\d+)`",
                            (TOP / "docs/SETTINGS.md").read_text(), re.MULTILINE)[1]
        self.assertEqual(settings["MAX_BACKUP_AGE_SECONDS"], default)
        self.assertEqual(settings["BACKUP_SCHEDULE"], "")
