"""Made-up patients, their visits and the people around them, and the forms in which their identifiers are written.

All follows from the seed. Makes values; puts none anywhere.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December")  # fmt: skip

_MRNS = ("{:08d}", "MRN-{:07d}", "M{:06d}", "{:06d}-X")
_ACCESSIONS = ("A{:07d}", "{:08d}", "RAD{:06d}", "ACC-{:07d}")


@cache
def data(name: str) -> dict[str, Any]:
    """A file of data/."""
    table: dict[str, Any] = json.loads((DATA / name).read_text(encoding="utf-8"))
    return table


@dataclass(frozen=True)
class Person:
    """A patient. `native` are the parts of the name in its own script; `charset` is what SpecificCharacterSet needs."""

    family: str
    given: str
    name: str  # as PN has it
    spoken: str
    native: tuple[str, ...]
    charset: tuple[str, ...]
    sex: str
    born: date
    mrn: str
    other_id: str
    phone: str
    street: str
    town: str
    email: str
    ssn: str
    mother: str
    is_word: bool = False  # the family name is also an ordinary word

    def needles(self) -> tuple[str, ...]:
        """What may stand nowhere in what is made of this patient's files."""
        words = data("people.json")["ordinary"]
        long = [part for part in self.native if len(part) > (3 if part.isascii() else 1) and part not in words]
        names = () if self.is_word else tuple(long)
        return (*names, self.mrn, self.other_id, self.phone, self.ssn, self.email)


@dataclass(frozen=True)
class Visit:
    """A study, with who else was there. `aide` and `kin` are in few headers or none, `elsewhere` is another house."""

    person: Person
    day: date
    accession: str
    study_id: str
    doctor: str  # in the header, as PN
    reader: str
    aide: str
    kin: str
    hospital: str
    elsewhere: str
    department: str
    station: str
    uids: dict[str, str] = field(default_factory=dict, hash=False)


def make_person(rng: random.Random, number: int, script: int | None = None) -> Person:
    """The `number`th patient; `script` picks one whose name isn't written in ASCII."""
    table = data("people.json")
    if script is not None:
        row = table["scripts"][script % len(table["scripts"])]
        sex, name, spoken, native = row["sex"], row["name"], row["spoken"], tuple(row["native"])
        family, _, given = name.split("=")[0].partition("^")
        charset, is_word = tuple(row["charset"]), False
        native = tuple(dict.fromkeys((family, given, *native)))
    else:
        sex = rng.choice("FM")
        pick = rng.random()
        is_word = 0.55 < pick < 0.7
        pool = "accented_families" if pick > 0.8 else "word_families" if is_word else "families"
        family, given = rng.choice(table[pool]), rng.choice(table["givens"][sex])
        middle = rng.choice(["", "", "Q", "R", rng.choice(table["givens"][sex])])
        name = f"{family}^{given}^{middle}".rstrip("^")
        spoken, native, charset = f"{given} {family}", (family, given), ("ISO_IR 100",)
    town = rng.choice(table["towns"])
    return Person(
        family, given, name, spoken, native, charset, sex,
        born=date(rng.randint(1931, 2012), rng.randint(1, 12), rng.randint(13, 28)),
        mrn=rng.choice(_MRNS).format(rng.randint(100000, 999999) * 7 + number),
        other_id=f"ZX{rng.randint(10**7, 10**8 - 1)}",
        phone=rng.choice(["555-{:03d}-{:04d}", "(555) {:03d}-{:04d}", "555.{:03d}.{:04d}"]).format(
            rng.randint(200, 999), rng.randint(1000, 9999)
        ),
        street=f"{rng.randint(100, 9899)} {rng.choice(table['streets'])}",
        town=f"{town[0]} {town[1]} {town[2]}",
        email=f"{''.join(c for c in given.lower() if c.isascii() and c.isalpha()) or 'pt'}{rng.randint(100, 999)}"
        f"@{rng.choice(table['domains'])}",
        ssn=f"{rng.randint(900, 998)}-{rng.randint(10, 69)}-{rng.randint(1000, 9999)}",
        mother=f"{rng.choice(table['families'])}^{rng.choice(table['givens']['F'])}",
        is_word=is_word,
    )  # fmt: skip


def make_visit(rng: random.Random, person: Person, number: int) -> Visit:
    """A study of `person`. Everybody around has another family name than the patient."""
    table = data("people.json")
    families = rng.sample([family for family in table["families"] if family != person.family and " " not in family], 4)
    givens = [rng.choice(table["givens"][sex]) for sex in "FMFM"]
    wide = person.charset in (("ISO_IR 100",), ("ISO_IR 192",))
    house, other = rng.sample([name for name in table["hospitals"] if wide or name.isascii()], 2)
    earliest = max(person.born + timedelta(days=3700), date(1999, 1, 13))
    return Visit(
        person=person,
        day=earliest + timedelta(days=rng.randint(0, (date(2023, 12, 1) - earliest).days)),
        accession=rng.choice(["A{:07d}", "{:08d}", "RAD{:06d}", "ACC-{:07d}"]).format(
            rng.randint(10**5, 10**6 - 1) * 9
        ),
        study_id=f"ST{rng.randint(10**5, 10**6 - 1)}{number}",
        doctor=f"{families[0]}^{givens[0]}",
        reader=f"{families[1]}^{givens[1]}",
        aide=f"{families[2]}^{givens[2]}",
        kin=f"{givens[3]} {families[3]}",
        hospital=house,
        elsewhere=other,
        department=rng.choice(["Radiology Wing 4", "Neuroradiology", "Emergency Imaging Unit 2"]),
        station=f"WS{rng.randint(100, 999)}",
    )


def forms(visit: Visit) -> dict[str, str]:
    """Every identifier of a visit in the forms in which people write it, by the names that phrases.json uses."""
    person, born, day = visit.person, visit.person.born, visit.day
    family, given = person.family, person.given
    doctor, reader, aide = (name.split("^") for name in (visit.doctor, visit.reader, visit.aide))
    return {
        "name": person.spoken,
        "name_reversed": f"{family.upper()}, {given}",
        "name_caret": f"{family}^{given}",
        "name_capitals": f"{given} {family}".upper(),
        "name_initial": f"{given[0]}. {family}",
        "family": family,
        "family_capitals": family.upper(),
        "given": given,
        "mrn": person.mrn,
        "other_id": person.other_id,
        "accession": visit.accession,
        "phone": person.phone,
        "email": person.email,
        "ssn": person.ssn,
        "address": f"{person.street}, {person.town}",
        "born_us": f"{born:%m/%d/%Y}",
        "born_eu": f"{born:%d.%m.%Y}",
        "born_iso": f"{born:%Y-%m-%d}",
        "born_da": f"{born:%Y%m%d}",
        "born_long": f"{born.day} {_MONTHS[born.month - 1]} {born.year}",
        "day_us": f"{day:%m/%d/%Y}",
        "day_long": f"{_MONTHS[day.month - 1]} {day.day}, {day.year}",
        "doctor": doctor[0],
        "doctor_full": f"{doctor[1]} {doctor[0]}",
        "reader": reader[0],
        "reader_full": f"{reader[1]} {reader[0]}",
        "aide": aide[0],
        "aide_full": f"{aide[1]} {aide[0]}",
        "aide_initial": f"{aide[1][0]}. {aide[0]}",
        "kin": visit.kin,
        "hospital": visit.hospital,
        "elsewhere": visit.elsewhere,
    }


WHOLE = frozenset({"day_us", "day_long", "born_us", "born_eu", "born_iso", "born_da", "born_long"})
