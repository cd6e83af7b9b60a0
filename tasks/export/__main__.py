"""`python -m tasks.export`."""

from __future__ import annotations

from tasks.core.entry import run_stage
from tasks.export.stage import export

if __name__ == "__main__":
    run_stage("export", lambda workspace: export(workspace).sentence)
