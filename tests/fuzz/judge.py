"""One case through the engine: what came of it, and whether that may be.

A fault is an exception, an output that is no DICOM or that still has a canary, or memory beyond all measure. A canary
that the damage itself moved into an attribute that E.1-1 does not list is counted apart.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom.datadict import keyword_for_tag

from tasks.core.pseudonyms import Pseudonymiser
from tasks.deidentify.file import Deidentifier, Outcome
from tasks.deidentify.parts import content as content_of
from tasks.deidentify.rules.files import load_profile
from tests.canary import search
from tests.canary.attributes import attributes
from tests.canary.check import KEY, is_retained
from tests.canary.tokens import Mint

# What one file may take on top of what the process had; a decoder and its copies of a small image fit easily.
MOST_MEMORY = 400 * 2**20


@dataclass(frozen=True)
class Judged:
    """`outcome` is `released` or a reason's code; `fault` is "" where all is well; `moved` names attributes."""

    outcome: str
    fault: str = ""
    moved: tuple[str, ...] = ()


@cache
def deidentifier(preset: str) -> Deidentifier:
    """The engine as the command has it: it looks at pixels, and believes no header that says they are clean."""
    return Deidentifier(load_profile(preset), Pseudonymiser(KEY))


def judge(content: bytes, mint: Mint, preset: str, folder: Path, ran: Callable[[], None] = lambda: None) -> Judged:
    """Run one case; `folder` is for its source file, `ran` is called when the engine is done and judging begins."""
    source = folder / "case.dcm"
    source.write_bytes(content)
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    before = _reset_peak()
    try:
        outcome = deidentifier(preset).deidentify(source, "case", scratch=scratch)
    except Exception as error:  # nothing that is in a file may raise
        return Judged("raised", f"crash: {type(error).__name__}: {error} at {_where(error)}")
    finally:
        ran()
    peak = _peak()
    left = [path for path in scratch.iterdir() if path not in outcome.temporary]
    for path in left:
        path.unlink()
    if not isinstance(outcome, Outcome) or (outcome.reason is None) != bool(outcome.parts):
        return Judged("none", "no outcome: neither a reason nor parts")
    if left:
        return Judged(_name(outcome), f"left behind: {len(left)} files of pixels that nobody deletes")
    if peak - before > MOST_MEMORY:
        return Judged(_name(outcome), f"memory: {(peak - before) // 2**20} MB for a file of {len(content)} bytes")
    if outcome.reason is not None:
        return Judged(_name(outcome))
    output = content_of(outcome.parts)
    for path in outcome.temporary:
        path.unlink()
    return _of_output(output, mint, preset, f"{outcome.sop}.dcm")


def _of_output(output: bytes, mint: Mint, preset: str, name: str) -> Judged:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(BytesIO(output))
            str(dataset)
    except Exception as error:  # whatever it is: the output cannot be read
        return Judged("released", f"malformed output: {type(error).__name__}: {error}")
    times = preset != "research"
    found = search.found(mint, output, name, times=times)
    places = {place for place in found if not is_retained(place, preset)}
    held = search.where(mint, output, times=times) if places else {}
    stands = {place: held.get(place, []) for place in places if not is_retained(place, preset, held.get(place, ()))}
    if not stands:
        return Judged("released")
    if all(where and all(map(_is_elsewhere, where)) for where in stands.values()):
        return Judged("released", moved=tuple(path for where in stands.values() for path in where))
    told = "; ".join(f"{place.group}, {place.name} in {', '.join(where) or '?'}" for place, where in stands.items())
    return Judged("released", f"leak: {told}")


def _is_elsewhere(path: str) -> bool:
    """Whether an attribute of an output is a standard one that E.1-1 does not list, nor any sequence around it."""
    return all(keyword not in _listed() and not keyword.startswith("(") for keyword in path.split("."))


@cache
def _listed() -> frozenset[str]:
    return frozenset(keyword_for_tag(tag) or keyword for tag, keyword, _ in attributes())


def _name(outcome: Outcome) -> str:
    return "released" if outcome.reason is None else outcome.reason.code


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else "?"


def _reset_peak() -> int:
    """Forget the peak of this process's memory (Linux); returns what it has now, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])
