"""Images with identifiers burned into their pixels, and images that show none, of every kind and encoding.

Every size meets every contrast; the plan goes round modalities, fonts, grounds (made up and real) and encodings.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from itertools import islice, product
from typing import Any
from unicodedata import normalize

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset

from tests.scorecard import planting
from tests.scorecard.answers import Check, Instance
from tests.scorecard.images import BITS, Form, make_image, save
from tests.scorecard.lettering import FONTS, SMALL_FONTS, Letters, burn, place
from tests.scorecard.people import Visit, data, forms, make_person, make_visit
from tests.scorecard.pictures import picture
from tests.scorecard.planting import fresh_uid
from tests.scorecard.rows import Rows
from tests.support.places import SHARED_DATA

File = tuple[Instance, bytes]
Floats = npt.NDArray[np.float32]
SIZES = (8, 10, 12, 16, 24, 32)
CONTRASTS = (40, 80, 120, 200)


@dataclass(frozen=True)
class Kind:
    """A kind of image: what the header says, how the pixels are made, on which of the frames text stands."""

    modality: str
    photometric: str = "MONOCHROME2"
    syntax: str = "explicit"
    bits: tuple[int, int] | None = None
    real: bool = False
    frames: int = 1
    on: str = "all"  # or "one": text on one frame only
    flag: tuple[tuple[str, Any], ...] = ()  # attributes that tell, or don't, that there may be text

    @property
    def form(self) -> Form:
        """How its pixels are encoded."""
        return Form(self.photometric, self.syntax, self.bits or BITS.get(self.modality, (8, 8)))


_SCREEN = (("ImageType", ["DERIVED", "SECONDARY", "SCREEN SAVE"]),)
_DECLARED = (("BurnedInAnnotation", "YES"),)
KINDS = (
    Kind("CR"),
    Kind("US", "RGB"),
    Kind("SC", "RGB", "rle"),
    Kind("XA", real=True),
    Kind("DX", "MONOCHROME1", "jpegls"),
    Kind("CT", flag=_SCREEN),
    Kind("CR", real=True, syntax="jpeg2000"),
    Kind("US", frames=3),
    Kind("SC", syntax="implicit"),
    Kind("MR", flag=_DECLARED, syntax="jpegls"),
    Kind("MG", real=True, syntax="jpegls"),
    Kind("US", "RGB", "jpeg", real=True),
    Kind("XA", frames=3, on="one"),
    Kind("CR", "MONOCHROME1", "rle"),
    Kind("SC", "RGB", "jpeg2000", real=True),
    Kind("CT", "RGB", flag=_SCREEN, bits=(8, 8)),
    Kind("US", syntax="rle", real=True),
    Kind("DX", real=True, syntax="jpeg2000", bits=(16, 14)),
    Kind("SC", syntax="jpeg"),
    Kind("MR", real=True, flag=_SCREEN),
    Kind("US", "RGB", "jpegls", frames=2),
    Kind("CT", real=True, flag=_DECLARED, syntax="rle"),
    Kind("MG", "MONOCHROME1"),
    Kind("SC", "RGB", "big"),
)
UNFLAGGED = (
    Kind("CT"),
    Kind("MR"),
    Kind("CT", real=True, syntax="jpegls"),
    Kind("MR", real=True),
    Kind("CR", flag=(("BurnedInAnnotation", "NO"),)),
    Kind("DX", flag=(("BurnedInAnnotation", "NO"),)),
)


def make_burned(seed: int, count: int, profile: str) -> Iterator[File]:
    """`count` images with one text or more; the cells of size and contrast come round every 24 texts."""
    cells = list(product(SIZES, CONTRASTS))
    random.Random(f"{seed} cells").shuffle(cells)
    used = 0
    for number in range(count):
        many = 1 if number % 2 == 0 or count < 40 else 3
        wanted = [cells[(used + each) % len(cells)] for each in range(many)]
        used += many
        kind = KINDS[(number + number // len(KINDS)) % len(KINDS)]
        yield _Image(kind, seed, number, profile, "text").file(wanted)


def make_unflagged(seed: int, count: int, profile: str) -> Iterator[File]:
    """Images with text whose header gives no hint, or denies it."""
    for number in range(count):
        yield _Image(UNFLAGGED[number % len(UNFLAGGED)], seed, number, profile, "unflagged").file([(16, 120)])


def make_clean(seed: int, count: int, profile: str) -> Iterator[File]:
    """Images that show no text, whatever their header says."""
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        yield _Image(kind, seed, number, profile, "clean").file([])


class _Image:
    """One image under construction."""

    def __init__(self, kind: Kind, seed: int, number: int, profile: str, role: str) -> None:
        self.kind, self.role, self.profile = kind, role, profile
        self.rng = random.Random(f"{seed} {role} {number}")
        self.noise = np.random.default_rng(self.rng.randint(0, 2**31))
        self.visit = make_visit(self.rng, make_person(self.rng, number), 0)
        self.number = number

    def file(self, wanted: list[tuple[int, int]]) -> File:
        """The image with a text for each (size, contrast) of `wanted`, and its rows."""
        frames = self._ground()
        letters = self._write(frames, wanted)
        form = self.kind.form
        if self.kind.photometric == "RGB":
            frames = np.stack([frames, frames * np.float32(0.98), frames * np.float32(0.95)], -1)
        uids = (str(fresh_uid(self.rng)), str(fresh_uid(self.rng)), str(fresh_uid(self.rng)))
        dataset = make_image(self.kind.modality, frames, form, uids)
        for keyword, value in self.kind.flag:
            setattr(dataset, keyword, value)
        rows = Rows(self.profile)
        planting.plant(dataset, self.visit, self.rng, rows, texts=0)
        checks = [*islice(rows.checks.values(), 6), *self._rows(letters, form)]
        name = str(dataset.SOPInstanceUID)
        instance = Instance(
            f"{self.role}/{name}.dcm", name, self.visit.person.mrn, self.kind.modality, self.role, tuple(checks),
            day=str(dataset.get("StudyDate", "")), identifiers=self.visit.person.needles(),
        )  # fmt: skip
        return instance, self._bytes(dataset)

    def _bytes(self, dataset: Dataset) -> bytes:
        return save(dataset)

    def _ground(self) -> Floats:
        size = self.rng.choice([384, 448, 512])
        if self.kind.real:
            part = real_part(self.kind.modality, self.rng)
            return np.stack([part] * self.kind.frames)
        shape = (size, size + 32)
        return np.stack([picture(self.noise, self.kind.modality, *shape) for _ in range(self.kind.frames)])

    def _write(self, frames: Floats, wanted: list[tuple[int, int]]) -> list[tuple[Letters, list[int]]]:
        written: list[tuple[Letters, list[int]]] = []
        on = [self.rng.randrange(len(frames))] if self.kind.on == "one" else list(range(len(frames)))
        for size, contrast in wanted:
            font = self.rng.choice(SMALL_FONTS if size < 12 else FONTS)
            texts = burned_texts(self.visit, self.rng)
            taken = [other for other, _ in written]
            letters = place(self.noise, frames[on[0]], (texts, size, contrast, font), taken)
            if letters is None:
                continue
            for number in on:
                burn(frames[number], letters)
            written.append((letters, on))
        return written

    def _rows(self, letters: list[tuple[Letters, list[int]]], form: Form) -> Iterator[Check]:
        boxes = [[*one.box, one.size] for one, _ in letters]
        kind = f"{self.kind.modality} {self.kind.photometric} {self.kind.syntax}{' real' if self.kind.real else ''}"
        for one, frames in letters:
            told = {"letters": asdict(one), "frames": frames, "label": kind}
            yield Check("pixels_hidden", (), one.text, why="burned in", detail=told)
        detail: dict[str, Any] = {"exact": not boxes, "boxes": boxes, "lossy": form.is_lossy, "label": kind}
        yield Check("pixels_retained", (), why="elsewhere" if boxes else "no text in them", detail=detail)


def burned_texts(visit: Visit, rng: random.Random) -> list[str]:
    """What machines write over an image of `visit`, long lines first shuffled, then short ones that always fit."""
    values = forms(visit)
    family, given = (_plain(values[name]) for name in ("family", "given"))
    long = [
        f"{family.upper()}, {given.upper()}",
        f"ID: {visit.person.mrn}",
        f"DOB {values['born_iso']}",
        f"Acc {visit.accession}",
        f"Dr. {values['doctor_full']}",
        f"{visit.day:%d-%b-%Y} 10:15:32",
        f"{family} {given[0]} {visit.person.sex} {values['born_us']}",
        visit.hospital if visit.hospital.isascii() else "Port Calloway Clinic",
    ]
    rng.shuffle(long)
    return [*long, family.upper()[:9], visit.person.mrn[-6:], family[:5]]


def _plain(name: str) -> str:
    """A name without accents, as consoles write it."""
    return normalize("NFKD", name).encode("ascii", "ignore").decode().replace("'", "")


@cache
def _parts() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data("backgrounds.json")["parts"]
    return found


def real_part(modality: str, rng: random.Random) -> Floats:
    """A part of a real picture without text, 0 to 1, of the modality."""
    row = rng.choice([part for part in _parts() if part["modality"] == modality])
    return _read_part(row["path"], tuple(row["part"])).copy()


@cache
def _read_part(path: str, part: tuple[int, int, int, int]) -> Floats:
    dataset = pydicom.dcmread(SHARED_DATA / "dicom" / path, force=True)
    values: Any = dataset.pixel_array
    frame = values[0] if int(dataset.get("NumberOfFrames", 1) or 1) > 1 else values
    if frame.ndim == 3:
        frame = frame.mean(axis=-1)
    top, left, rows, columns = part
    cut = np.asarray(frame[top : top + rows, left : left + columns], np.float32)
    if str(dataset.PhotometricInterpretation) == "MONOCHROME1":
        cut = cut.max() - cut
    low, high = np.percentile(cut, [0.2, 99.8])
    return np.asarray(np.clip((cut - low) / (high - low + 1e-6), 0, 1), np.float32)
