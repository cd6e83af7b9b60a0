"""Two Orthancs that know each other by DICOM: one as the hospital's PACS, one as ours that receives.

Orthanc 1.10 can't bind its DICOM port to loopback: it takes only the other one, by AE title and by address.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from flows.services.orthanc import OrthancService, connect, find_orthanc, start_orthanc
from flows.services.ports import free_port

NAME = "hospital"
_OURS, _THEIRS = "SLUICE", "HOSPITAL"


class Pair:
    """The PACS (`theirs`, may be killed and started again) and the receiver (`ours`)."""

    def __init__(self, place: Path, **pacs_settings: Any) -> None:
        self._place = place
        self._http, self._dicom, self._our_dicom = free_port(), free_port(), free_port()
        self.theirs = self.start_pacs(**pacs_settings)
        talking = _talking(_OURS, self._our_dicom, NAME, _THEIRS, self._dicom)
        self.ours = start_orthanc(place / "ours", more=talking | {"ConcurrentJobs": 8})

    def start_pacs(self, **more: Any) -> OrthancService:
        """Start the PACS, or start it again, with `more` of Orthanc's settings."""
        talking = _talking(_THEIRS, self._dicom, "sluice", _OURS, self._our_dicom)
        self.theirs = start_orthanc(self._place / "theirs", port=self._http, more=talking | more)
        return self.theirs

    def kill_pacs(self) -> None:
        """SIGKILL: no goodbye to anybody."""
        os.killpg(self.theirs.process.child.pid, signal.SIGKILL)
        self.theirs.process.child.wait()

    def clear_ours(self) -> None:
        """Ours is empty again."""
        with connect(self.ours) as client:
            for patient in client.get("/patients").json():
                client.delete(f"/patients/{patient}").raise_for_status()


@contextmanager
def two_orthancs(place: Path, **pacs_settings: Any) -> Iterator[Pair]:
    """A pair in `place` that ends with the block."""
    if find_orthanc() is None:
        pytest.skip("Orthanc is not installed (apt-get install orthanc orthanc-dicomweb)")
    pair = Pair(place, **pacs_settings)
    try:
        yield pair
    finally:
        pair.ours.stop()
        pair.theirs.stop()


def lose_a_file(storage: Path, keep: Path) -> tuple[str, Path, Path]:
    """Take a CT's file from the PACS's storage; returns its SOPInstanceUID, where it was and where it is now."""
    for path in sorted(storage.rglob("*")):
        if path.is_file():
            header = dcmread(path, stop_before_pixels=True, force=True)
            if header.get("Modality") == "CT":
                path.rename(keep)
                return str(header.SOPInstanceUID), path, keep
    raise AssertionError("the hospital has no CT")


def _talking(aet: str, port: int, other: str, other_aet: str, other_port: int) -> dict[str, Any]:
    return {
        "DicomServerEnabled": True,
        "DicomAet": aet,
        "DicomPort": port,
        "DicomCheckCalledAet": True,
        "DicomCheckModalityHost": True,
        "DicomModalities": {other: {"AET": other_aet, "Host": "127.0.0.1", "Port": other_port}},
    }
