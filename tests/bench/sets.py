"""Which files are timed: the made-up CT series, and folders of real files where the corpus is beside the checkout."""

from __future__ import annotations

from pathlib import Path

from tests.bench.series import make_series
from tests.support.places import SHARED_DATA

# Real headers: (what, folder of the corpus, pattern). Files of one kind, so that a mean says something.
_REAL = (
    ("GE MR, 236 private elements", "mr_ge_siemens_nih/20180918GE", "**/*.dcm"),
    ("Siemens MR, CSA headers", "multi_patient_siemens_adit", "**/*.dcm"),
    ("Philips PET/CT and GE CT", "petctmr_rtstruct_sts", "**/*.dcm"),
    ("enhanced multi-frame", "mr_philips_enhanced", "**/*.dcm"),
    ("compressed", "transfer_syntaxes_cornerstone", "**/*.dcm"),
)
_MOST = 40


def made_up(folder: Path, count: int) -> tuple[str, list[Path]]:
    """The CT series of 0.53 MB a file."""
    files = make_series(folder, count)
    return f"made-up CT series, {count} files of {_size(files):.2f} MB", files


def real() -> list[tuple[str, list[Path]]]:
    """Sets of real files; [] without the corpus."""
    sets = []
    for what, folder, pattern in _REAL:
        files = [path for path in sorted((SHARED_DATA / "dicom" / folder).glob(pattern)) if _is_part10(path)][:_MOST]
        if files:
            sets.append((f"{what}, {len(files)} files of {_size(files):.2f} MB", files))
    return sets


def _size(files: list[Path]) -> float:
    """MB of a file in the mean."""
    return sum(path.stat().st_size for path in files) / len(files) / 1e6


def _is_part10(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(132)[128:] == b"DICM"
