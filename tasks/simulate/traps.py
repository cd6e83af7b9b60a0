"""What goes wrong in real archives: copies, damaged files, wrappers and things that are no DICOM at all.

Set after the hospital is written, on the files of the first eight patients.
"""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

from pydicom import dcmread
from pydicom.uid import UID

from tasks.core.files import write_zip
from tasks.simulate.plan import Study, uid_of
from tasks.simulate.planting import Planter
from tasks.simulate.writing import to_bytes, without_preamble

_STUDY_DESCRIPTION = b"\x08\x00\x30\x10LO"  # (0008,1030) in explicit VR little endian


class Trapper:
    """Sets the traps under `root`; `set` maps a kind of trap to the paths that have it."""

    def __init__(self, root: Path, studies: tuple[Study, ...], seed: int, planter: Planter) -> None:
        self._root, self._seed, self._planter = root, seed, planter
        self._studies = {(study.patient.index, study.number): study for study in studies}
        self.set: dict[str, tuple[str, ...]] = {}
        self.added: list[str] = []  # Modality of each instance that a trap adds

    def set_all(self) -> None:
        """Set every trap once."""
        self._copy_exactly()
        self._copy_pixels()
        self._truncate()
        self._wrap()
        self._mix_in()

    def _file(self, patient: int, number: int, image: int) -> Path:
        series = self._studies[patient, number].series[0]
        return self._root / series.folder / f"IM{image:04d}{series.suffix}"

    def _path(self, file: Path) -> str:
        return file.relative_to(self._root).as_posix()

    def _copy_exactly(self) -> None:
        inbox = self._root / "dicom" / "inbox"
        inbox.mkdir()
        copies = []
        for order, (patient, number, image) in enumerate(((2, 1, 3), (4, 1, 5)), start=1):
            target = inbox / f"RESENT{order}"
            shutil.copyfile(self._file(patient, number, image), target)
            study = self._studies[patient, number]
            self._planter.see_dataset(dcmread(target), study.patient.key, self._path(target), self._path(target))
            copies.append(self._path(target))
        self.set["duplicate-bytes"] = tuple(copies)

    def _copy_pixels(self) -> None:
        self.set["duplicate-pixels"] = (self._path(self._add(6, 2, 4, "again", None)),)

    def _truncate(self) -> None:
        corrupt = self._file(4, 1, 98)
        raw = self._file(4, 1, 1).read_bytes()
        corrupt.write_bytes(raw[: raw.index(_STUDY_DESCRIPTION) + 13])
        self.set["corrupt"] = (self._path(corrupt),)
        self.set["truncated-pixels"] = (self._path(self._add(1, 2, 2, "short", 9000)),)

    def _add(self, patient: int, number: int, image: int, word: str, cut: int | None) -> Path:
        """A further instance of a series, with the pixels of `image` and the last `cut` bytes missing."""
        study, source = self._studies[patient, number], self._file(patient, number, image)
        target = self._file(patient, number, 99)
        ds = dcmread(source)
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = UID(uid_of(self._seed, word, patient, number))
        ds.InstanceNumber = 99
        raw = to_bytes(ds)
        target.write_bytes(raw[:-cut] if cut else raw)
        self._planter.see_dataset(ds, study.patient.key, self._path(target.parent), self._path(target))
        self.added.append(str(ds.Modality))
        return target

    def _wrap(self) -> None:
        plain = self._file(5, 3, 1)
        packed = plain.with_name(f"{plain.name}.gz")
        packed.write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
        plain.unlink()
        self._planter.move(self._path(plain), self._path(packed))
        self.set["gzip"] = (self._path(packed),)

        folder = self._file(6, 1, 1).parent.parent
        archive = folder.with_suffix(".zip")
        members = [(file.relative_to(folder).as_posix(), file.read_bytes()) for file in sorted(folder.rglob("IM*"))]
        write_zip(archive, members)
        shutil.rmtree(folder)
        for series in self._studies[6, 1].series:
            self._planter.move(series.folder, f"{self._path(archive)}!{series.folder.rsplit('/', 1)[1]}")
        self.set["zip"] = (self._path(archive),)
        self.set["zip-members"] = tuple(f"{self._path(archive)}!{name}" for name, _ in members)

        bare = self._file(0, 3, 2)
        bare.write_bytes(without_preamble(dcmread(bare)))
        self.set["no-preamble"] = (self._path(bare),)

    def _mix_in(self) -> None:
        patient = self._studies[3, 1].patient
        note = self._root / "dicom" / "inbox" / "notes.txt"
        text = f"Please call {patient.name.spoken} ({patient.patient_id}) at {patient.mobile}.\n"
        note.write_text(text, encoding="utf-8")
        self._planter.see_text(text, patient.key, self._path(note), "text")
        self.set["not-dicom"] = (self._path(note),)
