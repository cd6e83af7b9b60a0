"""Parts of the synthetic hospital, for tests that need a few plain series of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pydicom


def copy_plain_series(hospital: Path, target: Path) -> None:
    """Copy two CT and two MR series of three or more uncompressed instances to `target`/0 … 3, CT first."""
    plain: dict[str, list[Path]] = {"CT": [], "MR": []}
    for folder in sorted({path.parent for path in (hospital / "dicom").rglob("*") if path.is_file()}):
        files = sorted(folder.iterdir())
        try:
            head = pydicom.dcmread(files[0], stop_before_pixels=True)
        except (pydicom.errors.InvalidDicomError, IsADirectoryError):
            continue
        if len(files) >= 3 and not head.file_meta.TransferSyntaxUID.is_compressed and head.get("Modality") in plain:
            plain[head.Modality].append(folder)
    for number, folder in enumerate((*plain["CT"][:2], *plain["MR"][:2])):
        shutil.copytree(folder, target / str(number))
