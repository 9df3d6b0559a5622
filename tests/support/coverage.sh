#!/usr/bin/env bash
# Which lines the unit tests reach: a table here, the lines themselves in build-coverage/report.
set -euo pipefail

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."
. tests/support/builds.sh

build_in build-coverage
find build-coverage -name '*.gcda' -delete
python3 tests/support/mesonsuite.py build-coverage unit
mkdir -p build-coverage/report
gcovr --root . --filter src/ --object-directory build-coverage \
    --html-details build-coverage/report/index.html --print-summary --txt -
echo "The lines: build-coverage/report/index.html"
