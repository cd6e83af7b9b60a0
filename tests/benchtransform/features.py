"""`features` from DICOM and RTSTRUCT to its table, beside z-rad's own time on arrays that are in memory already."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tasks.transform.features import tabulate_features
from tests.benchtransform.rounds import three
from tests.ibsi.cases import CT_PHANTOM, load_ct_phantom
from tests.ibsi.timing import ALL, run_zrad

WANTED = 1.1


def report(rounds: int, names: tuple[str, ...] = tuple(ALL)) -> int:
    """The table; how many configurations of IBSI-1 take longer than they may."""
    if not CT_PHANTOM.is_dir():
        print("`features`: not measured, the CT phantom of IBSI-1 is not beside the checkout")
        return 0
    image, grid, roi = load_ct_phantom()
    slow = 0
    print("| IBSI-1 CT phantom | `features`, CPU s, min / median / max | z-rad on arrays | ratio, paired |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as made:
        for name in names:
            settings = ALL[name].model_copy(update={"diagnostics": False})
            source, out = CT_PHANTOM, Path(made) / "features.parquet"
            regions = [path for path in sorted(source.rglob("*")) if _is_structure_set(path)]
            ours, theirs = [], []
            own_way = partial(tabulate_features, source, regions, out, settings)
            their_way = partial(run_zrad, image, roi.mask, grid.spacing, settings)
            own_way()  # imports and tables of others
            for _ in range(rounds):
                ours.append(_timed(own_way))
                theirs.append(_timed(their_way))
            ratios = [own / their for own, their in zip(ours, theirs, strict=True)]
            slow += statistics.median(ratios) > WANTED
            print(f"| configuration {name} | {three(ours, 2)} | {three(theirs, 2)} | {three(ratios, 2)} |", flush=True)
    print(f"\nAt most {WANTED:g} times as long is wanted: {'NOT MET' if slow else 'met'}")
    return slow


def _timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _is_structure_set(path: Path) -> bool:
    from pydicom import dcmread

    return path.is_file() and getattr(dcmread(path, stop_before_pixels=True, force=True), "Modality", "") == "RTSTRUCT"
