"""The scorecard in words: tables of Markdown, which are also what docs/scorecard.md shows. All values are made up."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from tests.scorecard import claims as claims_of
from tests.scorecard.answers import MEANINGS
from tests.scorecard.burned import CONTRASTS, SIZES
from tests.scorecard.history import Tally
from tests.scorecard.run import Result, Verdict

WORST = 40


def categories(result: Result) -> str:
    """One line a category, and one for all."""
    tally = Tally.of(result)
    rows = [
        (name, MEANINGS[name], asked, asked - passed, f"{tally.share(name):.3%}")
        for name, (passed, asked) in tally.counts.items()
    ]
    asked = sum(asked for _, asked in tally.counts.values())
    failed = sum(row[3] for row in rows)
    return _table(
        ("category", "passes where", "rows", "failed", "score"),
        [*rows, ("**all**", "", asked, failed, f"**{tally.overall:.3%}**")],
    )


def reading(result: Result) -> str:
    """Size and contrast of burned-in text against how much of it was hidden."""
    cells: dict[tuple[int, int], list[bool]] = defaultdict(list)
    for one in result.verdicts:
        if one.check.category == "pixels_hidden" and one.kind == "text":
            letters = one.check.detail["letters"]
            cells[letters["size"], letters["contrast"]].append(one.passed)
    rows = []
    for size in SIZES:
        row: list[object] = [f"{size} px"]
        for contrast in CONTRASTS:
            hits = cells[size, contrast]
            row.append(f"{sum(hits)} of {len(hits)}" if hits else "-")
        rows.append(tuple(row))
    return _table(("letters", *(f"contrast {contrast}" for contrast in CONTRASTS)), rows)


def claims(result: Result) -> str:
    """The figures that the project promises for pixels, and what gives no hint of its text."""
    text, clean = claims_of.texts(result), claims_of.clean(result)
    promised = [one for one in text if claims_of.is_promised(one)]
    at_risk = [one for one in clean if one.kind == "clean"]
    unflagged = [one for one in result.verdicts if one.check.category == "pixels_hidden" and one.kind == "unflagged"]
    rows = [
        ("burned-in text of 10 px and more at a contrast of 80 and more: hidden", *_share(promised)),
        ("all burned-in text: hidden", *_share(text)),
        ("images without text whose header says risk: changed or refused", *_share(at_risk, failed=True)),
        ("all images without text: changed or refused", *_share(clean, failed=True)),
        ("text in images whose header gives no hint or denies it (not in the score): hidden", *_share(unflagged)),
    ]
    return _table(("pixels", "count", "share"), rows)


def worst(result: Result, most: int = WORST) -> str:
    """The failures by category, attribute and modality, the most frequent first, each with an example."""
    groups: dict[tuple[str, str, str], list[Verdict]] = defaultdict(list)
    for one in result.scored:
        if not one.passed and not one.found.startswith("missing"):
            groups[one.check.category, one.check.label, one.modality].append(one)
    rows = []
    for (category, name, modality), several in sorted(groups.items(), key=lambda pair: (-len(pair[1]), pair[0]))[:most]:
        example = several[0]
        rows.append((category, name, modality, len(several), example.check.why, example.check.text, example.found))
    return _table(("category", "attribute", "modality", "failed", "rule", "asked", "found"), rows)


def refusals(counts: Counter[tuple[str, str, str]]) -> str:
    """Instances that did not come out, by reason."""
    rows = [(reason, modality, kind, count) for (modality, kind, reason), count in counts.most_common()]
    return _table(("reason", "modality", "planted as", "instances"), rows)


def strays(result: Result, most: int = 20) -> str:
    """Identifiers that stand somewhere in an output, whatever the attribute."""
    return _table(("file", "modality", "identifier"), result.strays[:most])


def report(result: Result) -> str:
    """Everything that a run has to say."""
    seconds = ", ".join(f"{name} {value:.0f} s" for name, value in result.seconds.items())
    parts = [
        f"## Preset `{result.profile}` ({result.size}, seed {result.seed}): {result.instances} instances; {seconds}",
        categories(result),
    ]
    if any(one.kind == "text" for one in result.verdicts):
        parts += ["### Burned-in text: hidden, by size and contrast", reading(result), claims(result)]
    if result.refused:
        parts += ["### Refused, rightly (not in the score)", refusals(result.refused)]
    if result.missing:
        parts += ["### Missing: all their rows failed", refusals(result.missing)]
    if result.strays:
        parts += [f"### Planted identifiers found anywhere in an output: {len(result.strays)}", strays(result)]
    if any(not one.passed for one in result.scored):
        parts += ["### Failures of instances that came out", worst(result)]
    return "\n\n".join(parts) + "\n"


def _share(verdicts: Sequence[Verdict], *, failed: bool = False) -> tuple[str, str]:
    count = sum(one.passed != failed for one in verdicts)
    return f"{count} of {len(verdicts)}", f"{count / len(verdicts):.2%}" if verdicts else "-"


def _table(head: Iterable[str], rows: Iterable[Sequence[object]]) -> str:
    heads = list(head)
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in rows:
        cells = [str(cell).replace("|", "\\|").replace("\n", " ").replace("\r", " ")[:110] for cell in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
