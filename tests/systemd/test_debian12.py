"""The claims of claims_*.py on Debian 12: systemd 252, PostgreSQL 15."""

import machine

MACHINE = machine.Machine("bookworm", __name__)
setUpModule = MACHINE.boot
load_tests = MACHINE.load_tests
