"""What earlier scorecards said, a line of history.jsonl each: no category may fall below the last one, nor a floor."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.core.files import write_json
from tasks.core.scorecard import PLACE, Scorecard
from tasks.deidentify import VERSION
from tests.scorecard.answers import CATEGORIES
from tests.scorecard.run import Result

PATH = Path(__file__).parent / "history.jsonl"
OVERALL_FLOOR, CATEGORY_FLOOR = 0.999, 0.995
FEWEST_FOR_FLOOR = 200  # of fewer rows one failure is below the floor: the quick scorecard has so few pictures


@dataclass(frozen=True)
class Tally:
    """Passed and asked, by category."""

    counts: dict[str, tuple[int, int]]

    @classmethod
    def of(cls, result: Result) -> Tally:
        """Count the verdicts that make the score."""
        counts: dict[str, tuple[int, int]] = {}
        for one in result.scored:
            passed, asked = counts.get(one.check.category, (0, 0))
            counts[one.check.category] = passed + one.passed, asked + 1
        return cls({name: counts[name] for name in CATEGORIES if name in counts})

    def share(self, category: str) -> float:
        """The share of a category's rows that passed."""
        passed, asked = self.counts[category]
        return passed / asked

    @property
    def overall(self) -> float:
        """All rows that passed over all rows: each row counts the same."""
        asked = sum(asked for _, asked in self.counts.values())
        return sum(passed for passed, _ in self.counts.values()) / asked if asked else 0.0


def entry(result: Result, day: str, version: str, revision: str) -> dict[str, Any]:
    """A line of the history."""
    tally = Tally.of(result)
    return {
        "date": day,
        "size": result.size,
        "profile": result.profile,
        "seed": result.seed,
        "version": version,
        "engine": VERSION,
        "revision": revision,
        "instances": result.instances,
        "overall": round(tally.overall, 6),
        "strays": len(result.strays),
        "categories": {name: list(counts) for name, counts in tally.counts.items()},
    }


def append(path: Path, line: dict[str, Any]) -> None:
    """Add a line to the history."""
    with path.open("a", encoding="utf-8") as handle:
        handle.write(json.dumps(line) + "\n")


def summary(path: Path) -> Scorecard:
    """The newest line of each profile in one: the worse of them counts. The gates of a release read it."""
    newest = {line["profile"]: line for line in map(json.loads, path.read_text(encoding="utf-8").splitlines())}
    return Scorecard(
        date=min(line["date"] for line in newest.values()),
        engine=min(line["engine"] for line in newest.values()),
        overall=min(line["overall"] for line in newest.values()),
        strays=sum(line["strays"] for line in newest.values()),
    )


def write_summary(path: Path = PATH, target: Path = PLACE) -> None:
    """Let the package know what the scorecard said last."""
    write_json(target, summary(path).model_dump(mode="json"))


def last(path: Path, size: str, profile: str) -> dict[str, Any] | None:
    """The newest line of the same kind; None where there is none."""
    if not path.exists():
        return None
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return next((line for line in reversed(lines) if (line["size"], line["profile"]) == (size, profile)), None)


def falls(tally: Tally, earlier: dict[str, Any] | None) -> list[str]:
    """A sentence for each category that is below its floor, or below what it was."""
    told = list(_floors(tally))
    for name, (passed, asked) in (earlier or {"categories": {}})["categories"].items():
        if name not in tally.counts:
            told.append(f"{name} is asked no more; it was {passed} of {asked}")
        elif tally.share(name) < passed / asked:
            told.append(f"{name} fell to {tally.share(name):.4%}; it was {passed / asked:.4%}")
    return told


def _floors(tally: Tally) -> Iterable[str]:
    if tally.overall < OVERALL_FLOOR:
        yield f"all rows together are at {tally.overall:.4%}, below {OVERALL_FLOOR:.1%}"
    for name, (_, asked) in tally.counts.items():
        if asked >= FEWEST_FOR_FLOOR and tally.share(name) < CATEGORY_FLOOR:
            yield f"{name} is at {tally.share(name):.4%}, below {CATEGORY_FLOOR:.1%}"
