"""Both ways into a header, raw and by way of pydicom, come to the same bytes; and a huge file takes little memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tasks.core.reasons import Reason
from tasks.core.settings import DeidentifySettings
from tasks.deidentify import file
from tasks.deidentify.file import Deidentifier
from tasks.deidentify.headers.opened import Opened, open_file
from tasks.deidentify.headers.source import Source
from tasks.deidentify.parts import content
from tests.support.identified import PSEUDONYMISER, make_ct, part10

MOST_MEGABYTES = 300


def _through_pydicom(source: Source, **_: Any) -> Opened:
    return open_file(source, regular=False)


@pytest.mark.shared
@pytest.mark.parametrize("profile", ["basic", "research"])
def test_raw_and_pydicom_come_to_the_same_bytes_on_the_whole_corpus(shared_data: Path, profile: str) -> None:
    settings = DeidentifySettings.model_validate({"profile": profile, "pixels": {"look": False}})
    raw, slow = (Deidentifier(settings, PSEUDONYMISER) for _ in range(2))
    compared, differing = 0, []
    for path in sorted(shared_data.joinpath("dicom").rglob("*")):
        if not path.is_file():
            continue
        one = raw.deidentify(path, "item")
        with patch.object(file, "open_file", _through_pydicom):
            other = slow.deidentify(path, "item")
        compared += one.reason is None
        if other.reason is Reason.UNREADABLE:
            continue  # what pydicom cannot read need not be unreadable
        if one.reason is not other.reason or content(one.parts) != content(other.parts):
            differing.append((path.name, one.reason, other.reason))
    assert compared > 400
    assert differing == []


_MEASURED = """
import sys
from pathlib import Path
from tasks.core.reasons import Reason
from tasks.core.settings import DeidentifySettings
from tasks.deidentify.file import Deidentifier
from tasks.deidentify.parts import write
from tests.support.identified import PSEUDONYMISER
source, target = map(Path, sys.argv[1:])
outcome = Deidentifier(DeidentifySettings(profile="research"), PSEUDONYMISER).deidentify(source, "item")
assert outcome.reason is None, outcome.reason
write(outcome.parts, target)
status = Path("/proc/self/status").read_text()  # a child's ru_maxrss begins with its parent's
print(int(status.split("VmHWM:")[1].split()[0]) // 1024)
"""


def test_two_gigabytes_take_less_memory_than_three_hundred_megabytes(tmp_path: Path) -> None:
    frames, side = 4096, 512
    ds = make_ct()
    ds.Rows, ds.Columns, ds.NumberOfFrames = side, side, frames
    ds.PixelData = b""
    head = part10(ds)
    length = frames * side * side * 2 - 2
    source, target = tmp_path / "large.dcm", tmp_path / "clean.dcm"
    with source.open("wb") as handle:
        handle.write(head[:-4] + (length + 2).to_bytes(4, "little"))
        handle.seek(length, 1)
        handle.write(b"\1\0")
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", _MEASURED, source, target], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert target.stat().st_size > length
    assert int(done.stdout) < MOST_MEGABYTES
    source.unlink()
    target.unlink()
