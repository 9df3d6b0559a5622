"""The RPM spec, as far as a Debian machine can judge it."""

import os
import subprocess

import pgtest

TOP = os.path.normpath(os.path.join(pgtest.SUPPORT, "..", ".."))
SPEC = TOP + "/packaging/rpm/pg-backup.spec"


class Spec(pgtest.TestCase):
    def test_rpmspec_parses_it(self):
        done = subprocess.run(["rpmspec", "--parse", SPEC], capture_output=True, text=True,
                              check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("Name:           pg-backup\n", done.stdout)

    def test_rpmlint_finds_neither_error_nor_warning(self):
        done = subprocess.run(["rpmlint", "-r", SPEC.removesuffix("spec") + "rpmlintrc", SPEC], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("0 errors, 0 warnings", done.stdout)

    def test_its_version_is_that_of_the_program(self):
        with open(TOP + "/meson.build", encoding="utf-8") as f:
            version = f.read().split("version: '", 1)[1].split("'", 1)[0]
        with open(SPEC, encoding="utf-8") as f:
            self.assertIn(f"Version:        {version}\n", f.read())
        with open(TOP + "/packaging/debian/changelog", encoding="utf-8") as f:
            self.assertTrue(f.read().startswith(f"pg-backup ({version}) "))
