"""`python -m tests.canary`: leaks of each preset per attribute and channel, as a table; fails where `basic` leaks."""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from collections import Counter
from pathlib import Path

from tests.canary.cases import Case, cases
from tests.canary.check import PRESETS, Verdict, check

_UNJUDGED = "it cannot read the source, was not asked, or is missing (bash scripts/services.sh dicom3tools)"
GROUPS = ("top", "nested", "channels", "together")


def main() -> None:
    """Check all cases and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.canary", description=__doc__)
    parser.add_argument("--preset", choices=PRESETS, action="append", help="one preset alone")
    parser.add_argument("--only", default="", help="cases whose name has this text")
    parser.add_argument("--save", type=Path, help="a folder for the sources and outputs")
    parser.add_argument("--quick", action="store_true", help="do not ask dciodvfy")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    chosen = [case for case in cases() if options.only.lower() in case.name.lower()]
    failed = False
    for preset in options.preset or PRESETS:
        verdicts = []
        for case in chosen:
            file, mint = case.make()
            verdict = check(case.name, file, mint, preset, valid=not options.quick)
            verdicts.append((case, verdict))
            if options.save:
                _save(options.save / preset / case.name.replace("/", "-"), file.content(), verdict)
        print(report(preset, verdicts))
        failed |= any(is_failure(case, verdict) for case, verdict in verdicts)
    sys.exit(1 if failed else 0)


def is_failure(case: Case, verdict: Verdict) -> bool:
    """A leak that isn't tolerated, a needed attribute that is lost, a new error, or a refusal where it is no answer."""
    leaks = [] if case.tolerated else verdict.leaks
    return bool(leaks or verdict.lost or verdict.errors or (case.must_release and not verdict.released))


def report(preset: str, verdicts: list[tuple[Case, Verdict]]) -> str:
    """What each case that fails does wrong, and the table of leaks by group."""
    lines = [f"== {preset}"]
    for case, verdict in verdicts:
        if is_failure(case, verdict):
            lines.append(f"{case.name} [{case.group}]: {verdict.reason or 'released'}")
            lines += _leaks(verdict)
            lines += [f"    lost: {', '.join(verdict.lost)}"] if verdict.lost else []
            lines += [f"    new: {line}" for line in verdict.errors or ()]
    told = [f"{case.name} ({case.tolerated})" for case, verdict in verdicts if verdict.leaks and case.tolerated]
    if told:
        lines.append(f"leaks that are tolerated: {'; '.join(told)}")
    refused = [
        f"{case.name} ({verdict.reason})" for case, verdict in verdicts if verdict.reason and not case.must_release
    ]
    if refused:
        lines.append(f"refused, which is allowed: {'; '.join(refused)}")
    retained = Counter(place.name for _, verdict in verdicts for place in verdict.retained)
    if retained:
        lines.append(f"retained on purpose: {', '.join(sorted(retained))}")
    if any(verdict.output and verdict.errors is None for _, verdict in verdicts):
        lines.append(f"some are not judged by dciodvfy: {_UNJUDGED}")
    lines.append(f"{preset:<12}{'files':>8}{'released':>10}{'leaking places':>16}{'lost':>6}{'new errors':>12}")
    for group in GROUPS:
        of_group = [verdict for case, verdict in verdicts if case.group == group]
        if of_group:
            strict = [verdict for case, verdict in verdicts if case.group == group and not case.tolerated]
            leaks = {(verdict.case, place) for verdict in strict for place in verdict.leaks}
            counts = (sum(verdict.released for verdict in of_group), len(leaks))
            lost = sum(len(verdict.lost) for verdict in of_group)
            errors = sum(len(verdict.errors or ()) for verdict in of_group)
            lines.append(f"{group:<12}{len(of_group):>8}{counts[0]:>10}{counts[1]:>16}{lost:>6}{errors:>12}")
    return "\n".join(lines)


def _leaks(verdict: Verdict) -> list[str]:
    """A line for each group of canaries and each attribute that they are found in."""
    together: dict[tuple[str, str], list[str]] = {}
    for place in verdict.leaks:
        paths = verdict.where.get(place, [])
        ends = sorted({path.rsplit(".", 1)[-1] for path in paths}) or ["no value of the data set"]
        together.setdefault((place.group, ", ".join(ends)), []).append(place.name)
    return [
        f"    {len(names)} x leak: {group}: found in {ends}: {', '.join(names[:12])}{' …' if len(names) > 12 else ''}"
        for (group, ends), names in together.items()
    ]


def _save(folder: Path, source: bytes, verdict: Verdict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "source.dcm").write_bytes(source)
    if verdict.output:
        (folder / "output.dcm").write_bytes(verdict.output)


if __name__ == "__main__":
    main()
