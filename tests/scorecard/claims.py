"""What the project promises of pixels, and where a run breaks it. The floors of rows are in history.py."""

from __future__ import annotations

from tests.scorecard.run import Result, Verdict

LEAST_SIZE, LEAST_CONTRAST = 10, 80  # pixels of the font, grey levels of 255
MOST_FALSE = 0.01
FEWEST = 100  # of fewer images without text one may be masked: it is more than MOST_FALSE


def texts(result: Result) -> list[Verdict]:
    """The burned-in texts of images whose header tells of a risk."""
    return [one for one in result.verdicts if one.check.category == "pixels_hidden" and one.kind == "text"]


def is_promised(one: Verdict) -> bool:
    """Whether a text is large and plain enough that it is always to be hidden."""
    letters = one.check.detail["letters"]
    return bool(letters["size"] >= LEAST_SIZE and letters["contrast"] >= LEAST_CONTRAST)


def clean(result: Result) -> list[Verdict]:
    """The images without text: what fails here was masked, or refused, for nothing."""
    return [one for one in result.verdicts if one.check.category == "pixels_retained" and one.check.detail.get("exact")]


def broken(result: Result) -> list[str]:
    """A sentence for each promise that a run breaks."""
    told = []
    promised = [one for one in texts(result) if is_promised(one)]
    seen = sum(not one.passed for one in promised)
    if seen:
        told.append(f"{seen} of {len(promised)} burned-in texts of {LEAST_SIZE} px and more can still be seen")
    images = clean(result)
    false = sum(not one.passed for one in images)
    if false > max(MOST_FALSE * len(images), int(len(images) < FEWEST)):
        told.append(f"{false} of {len(images)} images without text were changed or refused, above {MOST_FALSE:.0%}")
    return told
