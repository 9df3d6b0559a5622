#!/usr/bin/env bash
# Which lines the unit and the integration tests reach: a table here, the lines themselves in build-coverage/report.
set -euo pipefail

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."
. tests/support/builds.sh

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)

build_in build-coverage
find build-coverage -name '*.gcda' -delete
python3 tests/support/mesonsuite.py build-coverage unit | tail -n 1
"${as_root[@]}" env PG_BACKUP_BINARY="$PWD/build-coverage/pg-backup" \
    python3 tests/support/pysuite.py tests/integration | tail -n 1
mkdir -p build-coverage/report
gcovr --root . --filter src/ --object-directory build-coverage \
    --html-details build-coverage/report/index.html --print-summary --txt -
echo "The lines: build-coverage/report/index.html"
