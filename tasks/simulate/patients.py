"""Who is in the hospital: patients with everything that identifies them, and its staff and houses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from tasks.simulate.names import Inventor, Name

CHARSETS = (
    "ISO_IR 100",
    "ISO_IR 192",
    "ISO 2022 IR 87",
    "ISO_IR 6",
    "ISO_IR 144",
    "ISO_IR 100",
    "ISO 2022 IR 149",
    "ISO_IR 192",
)
_WITH_LESION = ("D15.1", "I51.3", "C38.0", "D15.1", "I25.1")
_WITHOUT_LESION = ("Z00.0", "I42.0", "I25.1", "I48.0", "I10")
_BESIDE = ("E11.9", "E78.0", "J44.9", "N18.3", "M54.5")


@dataclass(frozen=True)
class Patient:
    """One patient. `key` names the patient in the answer key; `born` to `today` gives ages."""

    index: int
    charset: str
    name: Name
    mother: Name
    former_id: str
    patient_id: str
    insurance_id: str
    born: date
    sex: str
    height_m: float
    weight_kg: float
    address: str
    street: str
    town: str
    phone: str
    mobile: str
    lesion: bool
    icd10: tuple[str, ...]

    @property
    def key(self) -> str:
        """`patient-07`."""
        return f"patient-{self.index:02d}"

    @property
    def bmi(self) -> float:
        """Kilograms by square metre, one decimal."""
        return round(self.weight_kg / self.height_m**2, 1)

    def age_on(self, day: date) -> int:
        """Full years on `day`."""
        return day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))


@dataclass(frozen=True)
class Institution:
    """A house: its name, address and the parts of its name that are no words."""

    name: str
    address: str
    distinctive: tuple[str, ...]


@dataclass(frozen=True)
class Hospital:
    """Houses, physicians, operators and readers, and the patients."""

    institutions: tuple[Institution, ...]
    physicians: tuple[Name, ...]
    operators: tuple[Name, ...]
    readers: tuple[Name, ...]
    patients: tuple[Patient, ...]


def admit(seed: int, count: int) -> Hospital:
    """Invent the staff and `count` patients; half of the patients of each role have a lesion."""
    invent = Inventor(np.random.default_rng([seed, 1]))
    rng = np.random.default_rng([seed, 2])
    institutions = tuple(_institution(invent) for _ in range(2))
    physicians, operators, readers = (tuple(invent.name() for _ in range(many)) for many in (6, 4, 3))
    lesions = balanced_lesions(rng, count)
    patients = tuple(_patient(index, invent, rng, lesions[index]) for index in range(count))
    return Hospital(institutions, physicians, operators, readers, patients)


def balanced_lesions(rng: np.random.Generator, count: int) -> list[bool]:
    """Who has a lesion: one of the patients i and i + 4 of each block of eight, who have the same kinds of studies."""
    lesions = [False] * (count + 8)
    for block in range(0, count, 8):
        for offset in range(4):
            lesions[block + offset + 4 * int(rng.integers(2))] = True
    return lesions[:count]


def _institution(invent: Inventor) -> Institution:
    first, second, town = invent.family(), invent.family(), invent.family()
    return Institution(f"{first} {second} Hospital", f"{invent.street()}, {town}", (first, second, town))


def _patient(index: int, invent: Inventor, rng: np.random.Generator, lesion: bool) -> Patient:
    charset = CHARSETS[index % len(CHARSETS)]
    born = date(2019, 1, 1) - timedelta(days=int(rng.integers(24 * 365, 82 * 365)))
    if index == 5:
        born = date(1926, 1, 1) + timedelta(days=int(rng.integers(300)))  # older than 90 at every study
    sex = "FM"[int(rng.integers(2))]
    height = round(float(rng.normal(1.64 if sex == "F" else 1.77, 0.06)), 2)
    street, town = invent.street(), invent.family()
    first = _WITH_LESION if lesion else _WITHOUT_LESION
    codes = [first[int(rng.integers(len(first)))]]
    codes += [_BESIDE[int(i)] for i in sorted(rng.choice(len(_BESIDE), int(rng.integers(3)), replace=False))]
    return Patient(
        index=index,
        charset=charset,
        name=invent.name(charset),
        mother=invent.name(),
        former_id=f"OLD{invent.digits(7)}",
        patient_id=f"{'KQ' if index % 3 else 'ZH/'}{invent.digits(7)}{'-X' if index % 4 == 1 else ''}",
        insurance_id=f"J{invent.digits(9)}",
        born=born,
        sex=sex,
        height_m=height,
        weight_kg=round(float(rng.normal(25.5, 3.2)) * height**2, 1),
        address=f"{street}, {town}",
        street=street,
        town=town,
        phone=invent.phone(),
        mobile=invent.phone(),
        lesion=lesion,
        icd10=tuple(codes),
    )
