"""The image's build: on another base, as docs/CONTAINER.md has it."""

from composition import IMAGE, UID, Composition, TestCase, docker, inspect

PLACE = Composition("image")
ON_POSTGRES = IMAGE + ":on-postgres"


def tearDownModule():
    PLACE.close()


class OtherBases(TestCase):
    def test_it_is_built_on_postgresqls_own_image(self):
        PLACE.write_env()
        for example in ("host", "port", "user", "password", "databases"):
            PLACE.write_secret(f"pg_{example}", "")
        PLACE.environment.update(BASE_IMAGE="postgres:17", PG_BACKUP_IMAGE=ON_POSTGRES)
        PLACE.compose("build", "backup", timeout=900)

        config = inspect(ON_POSTGRES)["Config"]
        self.assertEqual(config["Entrypoint"], ["tini", "--", "pg-backup"])
        self.assertEqual((config["User"], config["StopSignal"]), (f"{UID}:{UID}", "SIGTERM"))
        said = docker("run", "--rm", "--network", "none", "--entrypoint", "sh", ON_POSTGRES, "-c",
                      "pg-backup --version; supercronic -help 2>&1 | head -n 1; "
                      "/usr/lib/postgresql/17/bin/pg_dump --version").stdout
        self.assertRegex(said, r"^pg-backup \d.*\nUsage of supercronic:\npg_dump \(PostgreSQL\) 17")
