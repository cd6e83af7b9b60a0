"""One scorecard from beginning to end: plant, de-identify, judge. Planting and judging are spread over processes."""

from __future__ import annotations

import io
import os
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import pydicom

from tests.scorecard import answers, burned, corpus, engine, judge, judge_pixels, synthetic
from tests.scorecard.answers import Check, Instance
from tests.scorecard.judge import Facts
from tests.scorecard.stray import strays

Files = Iterable[tuple[Instance, bytes]]
Job = tuple[str, tuple[int, ...]]
PIXELS = ("pixels_hidden", "pixels_retained")
# What is no right reason to refuse a file: the engine left something, or came to no result.
NEVER_RIGHT = frozenset({"kept", "lost", "residual-identifier", "deidentify-failed"})


@dataclass(frozen=True)
class Size:
    """How much is planted: patients, real files a series and in all, images with text, without, and unflagged ones."""

    patients: int
    each: int
    real: int
    burned: int
    clean: int
    unflagged: int


SIZES = {
    "full": Size(12, 4, 10**6, 144, 72, 12),
    "quick": Size(2, 1, 40, 24, 12, 0),
    "basic": Size(4, 1, 10**6, 0, 0, 0),
    "quick basic": Size(1, 1, 20, 0, 0, 0),
}


@dataclass(frozen=True)
class Verdict:
    """What became of one row; of a missing instance all rows fail, and `found` says why it is missing."""

    instance: str
    kind: str
    modality: str
    check: Check
    passed: bool
    found: str


@dataclass
class Result:
    """All verdicts of a run, what was rightly refused, and identifiers found where nobody looked for them."""

    profile: str
    size: str
    seed: int
    verdicts: list[Verdict] = field(default_factory=list)
    refused: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # (modality, kind, reason)
    missing: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    strays: list[tuple[str, str, str]] = field(default_factory=list)  # (file, modality, identifier)
    instances: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def scored(self) -> list[Verdict]:
        """The verdicts that make the score: all but the pixels of images that give no hint of their text."""
        return [one for one in self.verdicts if one.kind != "unflagged" or one.check.category not in PIXELS]


_PLANTERS: dict[str, Callable[..., Iterator[tuple[Instance, bytes]]]] = {
    "real": lambda profile, seed, each, most: corpus.make_real(seed, each, profile, most),
    "synthetic": lambda profile, seed, count: synthetic.make_patients(seed, count, profile),
    "burned": lambda profile, seed, count: burned.make_burned(seed, count, profile),
    "clean": lambda profile, seed, count: burned.make_clean(seed, count, profile),
    "unflagged": lambda profile, seed, count: burned.make_unflagged(seed, count, profile),
}


def score(
    place: Path, profile: str, size: str, seed: int, processes: int = 2, told: engine.Told = lambda _: None
) -> Result:
    """Plant into `place`, run the engine there and judge it; `told` hears how far it is."""
    wanted, result = SIZES[size], Result(profile, size, seed)
    place.mkdir(parents=True, exist_ok=True)
    jobs: list[Job] = [
        ("real", (seed, wanted.each, wanted.real)),
        ("burned", (seed, wanted.burned)),
        ("synthetic", (seed, wanted.patients)),
        ("clean", (seed, wanted.clean)),
        ("unflagged", (seed, wanted.unflagged)),
    ]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_quiet) as pool:
        started = time.monotonic()
        planted = pool.map(_plant_job, [str(place)] * len(jobs), [profile] * len(jobs), jobs)
        instances = [instance for several in planted for instance in several]
        answers.write(place / "answers.jsonl", instances)
        result.instances = len(instances)
        result.seconds["plant"] = time.monotonic() - started
        told(f"{profile}: planted {len(instances)} in {result.seconds['plant']:.0f} s")
        run = engine.deidentify(place / "source", place, profile, processes, told)
        result.seconds["de-identify"] = run.seconds
        told(f"{profile}: de-identified in {run.seconds:.0f} s; judging")
        started = time.monotonic()
        _judge_all(pool, place, instances, run, result)
        result.seconds["judge"] = time.monotonic() - started
    return result


def _plant_job(place: str, profile: str, job: Job) -> list[Instance]:
    name, numbers = job
    return plant(Path(place) / "source", _PLANTERS[name](profile, *numbers))


def plant(folder: Path, files: Files) -> list[Instance]:
    """Write the files below `folder`; gives their rows of the answer key."""
    instances = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for instance, content in files:
            path = folder / instance.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            instances.append(instance)
    return instances


def _judge_all(
    pool: ProcessPoolExecutor, place: Path, instances: list[Instance], run: engine.Run, result: Result
) -> None:
    outputs = index(run.target)
    shifts = shifts_of(instances, outputs, run)
    jobs = []
    for instance in instances:
        path = outputs.get(run.uids.get(instance.sop, ""), "")
        if path:
            facts = Facts(run.uids, run.patients, shifts.get(instance.patient), result.profile)
            small = Facts(_needed(instance, facts), facts.patients, facts.shift, facts.profile)
            jobs.append((instance, str(place / "source" / instance.file), path, small))
            continue
        reason = run.outcomes.get(instance.file, "lost")
        if instance.refusal == "may" and reason not in NEVER_RIGHT:
            result.refused[instance.modality, instance.kind, reason] += 1
            continue
        result.missing[instance.modality, instance.kind, reason] += 1
        result.verdicts += [
            Verdict(instance.file, instance.kind, instance.modality, check, False, f"missing: {reason}")
            for check in instance.checks
        ]
    for verdicts, found in pool.map(_judge_job, jobs, chunksize=8):
        result.verdicts += verdicts
        result.strays += found


def _needed(instance: Instance, facts: Facts) -> dict[str, str]:
    """The part of the mapping that the rows of one instance ask for: a job carries no more."""
    wanted = {uid for check in instance.checks if check.category == "uid_consistent" for uid in check.text.split("\\")}
    return {uid: facts.uids[uid] for uid in wanted if uid in facts.uids}


def _judge_job(job: tuple[Instance, str, str, Facts]) -> tuple[list[Verdict], list[tuple[str, str, str]]]:
    instance, source, target, facts = job
    content = Path(target).read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        output = pydicom.dcmread(io.BytesIO(content))
        pair = judge_pixels.Pair(Path(source).read_bytes(), content)
        verdicts = []
        for check in instance.checks:
            if check.category in PIXELS:
                passed, found = judge_pixels.passes(check, pair)
            else:
                passed, found = judge.passes(check, output, facts)
            verdicts.append(Verdict(instance.file, instance.kind, instance.modality, check, passed, found[:200]))
    named = content + b"\0" + target.encode()  # a file's name may tell as well
    found_strays = [(instance.file, instance.modality, text) for text in strays(named, instance.identifiers)]
    return verdicts, found_strays


def index(target: Path) -> dict[str, str]:
    """The output files by their SOPInstanceUID."""
    found: dict[str, str] = {}
    for path in target.rglob("*.dcm"):
        dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"])
        found[str(dataset.get("SOPInstanceUID", ""))] = str(path)
    return found


def shifts_of(instances: list[Instance], outputs: dict[str, str], run: engine.Run) -> dict[str, int]:
    """By how many days the StudyDate of each patient moved, as most of the patient's files have it."""
    moved: dict[str, Counter[int]] = defaultdict(Counter)
    for instance in instances:
        path = outputs.get(run.uids.get(instance.sop, ""))
        if not path or not instance.day:
            continue
        dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["StudyDate"])
        before, after = judge.days_of(instance.day), judge.days_of(str(dataset.get("StudyDate", "") or ""))
        if len(before) == len(after) == 1:
            moved[instance.patient][(after[0] - before[0]).days] += 1
    return {patient: counts.most_common(1)[0][0] for patient, counts in moved.items()}


def _quiet() -> None:
    """Decoders print complaints of their own; nothing that a worker prints is of use."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
