"""`python -m tasks.<stage>`: run one stage over the workspace, with errors told in one line and an honest exit code."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from tasks.core.errors import SluiceError
from tasks.core.files import told_plainly
from tasks.core.guard import harden
from tasks.core.workspace import Workspace

UNEXPECTED = 70  # EX_SOFTWARE


def run_stage(name: str, stage: Callable[[Workspace], str]) -> NoReturn:
    """Run `stage` on the workspace found from the environment, print its one-line summary, and exit."""
    harden()
    quiet_libraries()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)

    def work() -> None:
        workspace = Workspace.find()
        workspace.prepare()
        with told_plainly(workspace.data):
            sys.stdout.write(f"{name}: {stage(workspace)}\n")

    sys.exit(guarded(work))


def guarded(work: Callable[[], None]) -> int:
    """Run `work` and return its exit code; a failure is one line on standard error, without values of the source."""
    try:
        work()
    except SluiceError as error:
        sys.stderr.write(f"sluice: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("sluice: stopped; start it again and it goes on from here\n")
        return 130
    except Exception as error:
        sys.stderr.write(f"sluice: {plainly(error)}\n")
        if os.environ.get("SLUICE_DEBUG"):
            traceback.print_exc()
        return UNEXPECTED
    return 0


def plainly(error: BaseException) -> str:
    """An unexpected error by its type and place in our code; its text is withheld, since it may quote a header."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/tasks/" in frame.filename or "/flows/" in frame.filename]
    place = f" at {'/'.join(Path(ours[-1].filename).parts[-3:])}:{ours[-1].lineno}" if ours else ""
    return (
        f"unexpected {type(error).__name__}{place}; its text is withheld because it may name a patient "
        "(SLUICE_DEBUG=1 shows it on this terminal)"
    )


def quiet_libraries() -> None:
    """Keep libraries that quote header values (pydicom's warnings do) out of every log."""
    logging.captureWarnings(True)
    for name in (
        "py.warnings",
        "pydicom",
        "highdicom",
        "PIL",
        "httpx",
        "httpcore",
        "pyorthanc",
        "urllib3",
        "prefect._internal",
    ):
        logging.getLogger(name).setLevel(logging.CRITICAL)
