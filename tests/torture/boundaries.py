"""The state boundaries at which a run is killed: which call, which time it is made, before or after it, and whom.

How a process comes to kill itself there is in `victim`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Literal, Self

When = Literal["before", "after", "within"]
Whom = Literal["driver", "group", "pool", "stop"]


@dataclass(frozen=True)
class Point:
    """One place of a run.

    `target` is "module:name.of.the.function"; only calls count of which an argument matches `having`, and the `nth` of
    them is it. "within" is as soon as `there` exists in the workspace during the call, else after `delay` seconds.
    `pool`: the call is made in a process of the pool. Whom: the run alone, it with all its processes, or only the
    process of the pool; "stop" stops the run instead.
    """

    name: str
    target: str
    when: When = "before"
    nth: int = 1
    having: str = ""
    pool: bool = False
    whom: Whom = "driver"
    there: str = ""
    delay: float = 0.0

    def to_json(self) -> str:
        """For the environment of the run."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote."""
        return cls(**json.loads(text))

    def of(self, whom: Whom) -> Point:
        """The same place, with another victim."""
        return replace(self, whom=whom)

    @property
    def title(self) -> str:
        """How the table calls it."""
        return f"kill {self.when} {self.name} ({'all' if self.whom == 'group' else self.whom})"


LEDGER = "tasks.record.ledger:Ledger"
_RENAME = "pathlib:Path.replace"

_AROUND = (
    Point("freeze", "tasks.extract.task:freeze"),
    Point("register", f"{LEDGER}.register"),
    Point("lease", f"{LEDGER}.lease_within", nth=2),
    Point("record extract", f"{LEDGER}.record", nth=3, having="^extract$"),
    Point("record deidentify", f"{LEDGER}.record", nth=3, having="^deidentify$"),
    Point("record transform", f"{LEDGER}.record", nth=3, having="^transform$"),
    Point("rename of an archive", _RENAME, nth=2, having=r"/deidentified/.*\.zip$", pool=True),
    Point("rename of an image", _RENAME, nth=3, having=r"/images/.*\.png$", pool=True),
    Point("release", f"{LEDGER}.release_names", nth=2, having=r"^\['u"),
    Point("deidentify tables", "tasks.deidentify.task:deidentify_tables"),
    Point("gather", "tasks.transform.gather:gather"),
    Point("curate", "tasks.curate.stage:curate"),
    Point("gates", "tasks.validate.stage:validate"),
    Point("settle", f"{LEDGER}.settle"),
    Point("rename of the export", _RENAME, having="/dataset/heart$"),
    Point("DVC commit", "tasks.record.task:commit_stages"),
    Point("git commit", "tasks.record.releases.versioning:commit_paths"),
    Point("record file", "tasks.record.releases.release:write_record"),
    Point("tag", "tasks.record.releases.versioning:tag_commit"),
    Point("publish row", "tasks.record.releases.release:record_release"),
    Point("outbox delivery", "tasks.record.sinks:LogSink.__call__"),
    Point("note", "flows.build_dataset:remember"),
    Point("close of the run", f"{LEDGER}.close_run"),
)
_WITHIN = (
    Point("register's transaction", "tasks.record.ledger:put_items"),
    Point("extract's transaction", "tasks.record.ledger:clear", nth=3, having=r"^\('extract'"),
    Point("deidentify's transaction", "tasks.record.ledger:clear", nth=3, having=r"^\('deidentify'"),
    Point("transform's transaction", "tasks.record.ledger:clear", nth=3, having=r"^\('transform'"),
    Point("settle's transaction", "tasks.record.ledger:put_items", nth=1, having="^curate$"),
    Point("publish's transaction", "tasks.record.register:enter"),
)
_TOOLS = (
    Point("DVC's work", "subprocess:run", "within", having=r"dvc.*commit", delay=1.0),
    Point("git's index lock", "subprocess:run", "within", having=r"git.*'commit'", there=".git/index.lock", delay=0.5),
)
_POOL = (
    Point("rename of an archive", _RENAME, nth=2, having=r"/deidentified/.*\.zip$", pool=True, whom="pool"),
    Point("rename of an image", _RENAME, nth=3, having=r"/images/.*\.png$", pool=True, whom="pool"),
)


def points() -> Iterator[Point]:
    """All of them. Victims take turns where it makes no difference to the place, and both come where it does."""
    for number, point in enumerate(_AROUND):
        first: Whom = "driver" if number % 2 else "group"
        yield point.of(first)
        yield replace(point, when="after", whom="group" if first == "driver" else "driver")
    for number, point in enumerate(_WITHIN):
        yield point.of("group" if number % 2 else "driver")
    for point in _TOOLS:
        yield point.of("driver")
        yield point.of("group")
    yield from _POOL
