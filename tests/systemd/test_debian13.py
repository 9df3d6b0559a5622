"""The claims of claims_*.py on Debian 13: systemd 257, PostgreSQL 17."""

import machine

MACHINE = machine.Machine("trixie", __name__)
setUpModule = MACHINE.boot
load_tests = MACHINE.load_tests
