"""secrets/ ships examples, and no secret is committed or built in by mistake."""

import pathlib
import subprocess
import unittest

import yaml

TOP = pathlib.Path(__file__).resolve().parents[2]


class Secrets(unittest.TestCase):
    def git(self, *args):
        return subprocess.run(["git", "-c", f"safe.directory={TOP}", "-C", TOP, *args],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)

    def test_git_refuses_secrets_and_takes_their_examples(self):
        for name in ("pg_password.txt", "pg_host.txt", "anything"):
            self.assertEqual(self.git("check-ignore", "-q", f"secrets/{name}").returncode, 0, name)
        for name in ("pg_password.txt.example", "README.md"):
            self.assertEqual(self.git("check-ignore", "-q", f"secrets/{name}").returncode, 1, name)
        self.assertEqual(self.git("check-ignore", "-q", ".env").returncode, 0)

    def test_every_secret_of_compose_has_an_example_and_nothing_else_is_there(self):
        secrets = yaml.safe_load((TOP / "compose.yaml").read_text())["secrets"]
        self.assertEqual(set(secrets), {"pg_host", "pg_port", "pg_user", "pg_password",
                                        "pg_databases"})
        tracked = set(self.git("ls-files", "secrets").stdout.split())
        examples = {f"{secret['file'].removeprefix('./')}.example" for secret in secrets.values()}
        self.assertEqual(tracked, examples | {"secrets/.gitignore", "secrets/README.md"})

    def test_no_secret_reaches_the_build(self):
        ignored = (TOP / ".dockerignore").read_text().splitlines()
        self.assertEqual([line for line in ignored if line and line[0] not in "!#"], ["*"])
        allowed = [line[1:] for line in ignored if line.startswith("!")]
        for name in ("secrets", "data", ".env", "."):
            self.assertNotIn(name, allowed)
