"""One program that is timed, in a process of its own: waits for a list of files, handles them, says what they cost.

Run by file name with the interpreter of the program's own environment (`python work.py NAME`), so it imports nothing of
this project unless the program is ours. Each line of standard input is a JSON object with `files` and `folder`; each
line of the answer has the seconds of CPU (user and system) and how many files were refused. Starting, importing and the
first file are not counted.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

Work = Callable[[str, str], bool]
KEY = bytes(range(32))


def copyfile() -> Work:
    """What a copy costs: the measure of everything else."""

    def work(source: str, target: str) -> bool:
        shutil.copyfile(source, target)
        return True

    return work


def pydicom() -> Work:
    """Read and write with pydicom, with nothing changed."""
    from pydicom import dcmread

    def work(source: str, target: str) -> bool:
        dcmread(source).save_as(target)
        return True

    return work


def sluice() -> Work:
    """This engine without its residual check."""
    return _sluice(check=False, detect=False)


def sluice_check() -> Work:
    """This engine with its residual check."""
    return _sluice(check=True, detect=False)


def sluice_detect() -> Work:
    """This engine with its residual check and text detection on every image."""
    return _sluice(check=True, detect=True)


def dicognito() -> Work:
    """dicognito as its own command does it."""
    from dicognito.anonymizer import Anonymizer
    from pydicom import dcmread

    anonymizer = Anonymizer()

    def work(source: str, target: str) -> bool:
        with dcmread(source, force=False) as dataset:
            anonymizer.anonymize(dataset)
            dataset.save_as(target, enforce_file_format=True)
        return True

    return work


def dicom_anonymizer() -> Work:
    """dicom-anonymizer with its default table."""
    from dicomanonymizer import anonymize_dicom_file

    def work(source: str, target: str) -> bool:
        anonymize_dicom_file(source, target)
        return True

    return work


def deid() -> Work:
    """deid with its default recipe: identifiers collected, replaced and saved."""
    from deid.config import DeidRecipe
    from deid.dicom import get_identifiers, replace_identifiers

    recipe = DeidRecipe()

    def work(source: str, target: str) -> bool:
        found = get_identifiers([source], config=None)
        cleaned = replace_identifiers(dicom_files=[source], deid=recipe, ids=found, save=False)
        cleaned[0].save_as(target)
        return True

    return work


PROGRAMS: dict[str, Callable[[], Work]] = {
    "copyfile": copyfile,
    "pydicom": pydicom,
    "sluice": sluice,
    "sluice+check": sluice_check,
    "sluice+detection": sluice_detect,
    "dicognito": dicognito,
    "dicom-anonymizer": dicom_anonymizer,
    "deid": deid,
}


def _sluice(*, check: bool, detect: bool) -> Work:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tasks.core.pseudonyms import Pseudonymiser
    from tasks.deidentify.parts import write
    from tests.bench.engine import deidentifier

    engine = deidentifier(Pseudonymiser(KEY), check=check, detect=detect)

    def work(source: str, target: str) -> bool:
        outcome = engine.deidentify(Path(source), "item")
        if outcome.reason is not None:
            return False
        write(outcome.parts, Path(target))
        for path in outcome.temporary:
            path.unlink()
        return True

    return work


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def main() -> None:
    """Answer each line of standard input until it ends."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not stand between the answers
    work = PROGRAMS[sys.argv[1]]()
    for line in sys.stdin:
        order = json.loads(line)
        pairs = [(source, f"{order['folder']}/{at:06d}.dcm") for at, source in enumerate(order["files"])]
        began = _cpu()
        done = [work(source, target) for source, target in pairs]
        print(json.dumps({"cpu": _cpu() - began, "refused": done.count(False)}), file=answers, flush=True)


if __name__ == "__main__":
    main()
