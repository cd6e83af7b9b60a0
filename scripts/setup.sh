#!/usr/bin/env bash
# Make the virtual environment in $1 from requirements.lock: with uv where it is, else with venv and pip.
# The lock is complete, so nothing is resolved here (--no-deps).
set -euo pipefail
venv=${1:-.venv}
cd "$(dirname "$0")/.."

python=""
for candidate in python3 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null; then python=$candidate; break; fi
done
[ -n "$python" ] || { echo "sluice: Python 3.11 or 3.12 is needed: sudo apt-get install python3.11" >&2; exit 1; }

echo "sluice: installing into $venv (some minutes the first time)"
if command -v uv >/dev/null; then
    uv venv --quiet --allow-existing --python "$python" "$venv"
    uv pip install --quiet --python "$venv/bin/python" --no-deps -r requirements.lock
    uv pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation -e .
else
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        { echo "sluice: python3-venv is missing: sudo apt-get install python3-venv" >&2; exit 1; }
    [ -x "$venv/bin/pip" ] || "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r requirements.lock
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
fi
