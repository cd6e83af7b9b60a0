"""`python -m tests.textscore`: prints every measure; `--show N` prints so many of the misses as well."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from tasks.deidentify.known import Known
from tests.support.places import SHARED_DATA
from tests.textscore import descriptions, notes, reports, synthetic
from tests.textscore.measure import Tally, score


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=SHARED_DATA, help="the third-party corpus")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="how many misses to print of each measure")
    arguments = parser.parse_args()
    show = arguments.show
    for half in ("tuning", "held out"):
        for with_known in (False, True):
            _print(f"synthetic notes, {half}, {_knowing(with_known)}", _synthetic(half, with_known), show)
    for half in ("tuning", "held out"):
        for with_known in (False, True):
            outcome = descriptions.planted(half, with_known)
            _head(f"descriptions with something planted, {half}, {_knowing(with_known)}")
            _lines(outcome.lines(), outcome.failures[:show])
    if not arguments.data.is_dir():
        print(f"the third-party corpus is not at {arguments.data}: the other measures are left out")
        return
    _corpus(arguments.data, show)


def _corpus(data: Path, show: int) -> None:
    loaded = list(notes.load(data / "reports" / "phi_notes_obi"))
    for name, chosen in (
        ("half that was tuned on", [note for note in loaded if note.name in notes.TUNED_ON]),
        ("other half", [note for note in loaded if note.name not in notes.TUNED_ON]),
    ):
        for with_known in (False, True):
            _print(f"phi_notes_obi, {name}, {_knowing(with_known)}", notes.tally(chosen, with_known), show)
    for name, odd in (("half that was tuned on", False), ("other half", True)):
        found = reports.tally(data / "reports" / "openi_iu_cxr", odd)
        _head(f"openi_iu_cxr, {name}: false removals")
        _lines([f"  {found.removed} of {found.tokens} tokens  {found.false_removals:.3%}"], found.wrong[:show])
    total, kept, changes = descriptions.retained(data / "dicom")
    _head("real descriptions: tokens kept")
    _lines([f"  {kept} of {total}  {kept / total:.2%}"], changes[:show])


def _synthetic(half: str, with_known: bool) -> Tally:
    found = Tally()
    for note in synthetic.notes(half):
        known = Known(patient=(note.patient.pn,), ids=note.ids) if with_known else Known()
        score(found, note.text, note.planted, known)
    return found


def _print(title: str, found: Tally, show: int) -> None:
    _head(title)
    _lines(
        found.lines(),
        [*(f"missed {miss}" for miss in found.missed[:show]), *(f"wrong {wrong}" for wrong in found.wrong[:show])],
    )


def _knowing(with_known: bool) -> str:
    return "the patient known" if with_known else "nothing known"


def _head(title: str) -> None:
    print(f"\n{title}")


def _lines(lines: Iterable[str], details: Iterable[str]) -> None:
    for line in lines:
        print(line)
    for detail in details:
        print(f"      {detail}")


if __name__ == "__main__":
    main()
