"""`python -m tests.load.lineage`: how long `sluice lineage` takes both ways over releases of 10,000 instances."""

from __future__ import annotations

import base64
import hashlib
import sys
import tempfile
from pathlib import Path

from tasks.core.models import Cohort, Unit
from tasks.record import register
from tasks.record.ledger import Ledger
from tests.support.places import ROOT, make_workspace
from tests.support.register_cases import release
from tests.support.timed import best_of

PATIENTS, STUDIES, INSTANCES, RELEASES = 200, 5, 10, 3
TIMES = 5


def main() -> None:
    """Fill a register, ask it, and print the best of five times, by the clock and by the processor."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "workspace"
        _fill(place)
        page = str(Path(folder) / "page.html")
        for words in (["model"], [_name("p", "7")], ["model", "--json"], ["model", "--html", page]):
            command = [sys.executable, "-m", "flows", "lineage", *words, "-w", str(place)]
            print(f"sluice lineage {' '.join(words)[:32]:<34} {best_of(TIMES, command, ROOT)}")


def _fill(place: Path) -> None:
    units, items = [], []
    for patient in range(PATIENTS):
        for number in range(STUDIES):
            study = f"{patient}-{number}"
            names = {"patient": _name("p", str(patient)), "study": _name("s", study)}
            units.append(
                Unit(unit=_name("u", study), modality="CT", expected=INSTANCES, bytes=1, fingerprint="f", **names)
            )
            items += [
                register.ReleaseItem(instance=_uid(f"{study}-{one}"), series=_uid(study), **names)
                for one in range(INSTANCES)
            ]
    splits = {_name("p", str(patient)): "test" if patient % 5 == 0 else "train" for patient in range(PATIENTS)}
    with Ledger.open(make_workspace(place)) as ledger:
        ledger.register(Cohort(key_id="k", criteria="c", units=tuple(sorted(units, key=lambda unit: unit.unit))))
        for number in range(1, RELEASES + 1):
            made = release(number)
            register.record_release(ledger, made, items)
            model = register.Model(name="model", version=str(number), run_id=_uid(str(number))[:32], release=made.tag)
            register.record_model(ledger, model, splits)


def _name(prefix: str, text: str) -> str:
    return prefix + base64.b32encode(hashlib.sha256(text.encode()).digest()).decode().lower()[:12]


def _uid(text: str) -> str:
    return f"2.25.{int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], 'big')}"


if __name__ == "__main__":
    main()
