#!/usr/bin/env bash
# Install PyTorch of requirements-torch.lock into the environment in $1, for `sluice enhance train`. Needs no GPU.
# PyPI's wheel for Linux on x86_64 is built with CUDA, and loads only where NVIDIA's libraries are, used or not: the lock
# names those that it needs to load (1 GB to fetch). A CPU build of the same version (put its folder in PIP_FIND_LINKS)
# loads without them, and then none is fetched.
set -euo pipefail
venv=${1:-.venv}
cd "$(dirname "$0")/.."

[ -x "$venv/bin/python" ] || { echo "sluice: there is no $venv: run \`make setup\` first" >&2; exit 1; }
loads() { "$venv/bin/python" -c 'import torch; assert torch.__version__.split("+")[0] == "'"$version"'"' 2>/dev/null; }
fetch() {
    if [ -x "$venv/bin/pip" ]; then "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps "$@"
    else uv pip install --quiet --python "$venv/bin/python" --no-deps "$@"
    fi
}

version=$(sed -n 's/^torch==//p' requirements-torch.lock)
loads && exit 0
echo "sluice: installing PyTorch $version into $venv (some minutes: up to 1.5 GB)"
plain=$(mktemp)
trap 'rm -f "$plain"' EXIT
grep -v '^nvidia-' requirements-torch.lock >"$plain"
fetch -r "$plain"
loads || fetch -r requirements-torch.lock
loads || { echo "sluice: PyTorch is installed and does not load: see $venv/bin/python -c 'import torch'" >&2; exit 1; }
