"""Who and what is planted: people, places and numbers that are nobody's, drawn with a seed."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HOSPITALS = """Riverside Methodist Hospital|St. Luke's Hospital|Johns Hopkins Hospital|Mayo Clinic|Cleveland Clinic|Mount Sinai Medical Center|
Cedars-Sinai Medical Center|Good Samaritan Hospital|Sacred Heart Hospital|Mercy General Hospital|Brigham and Women's Hospital|Massachusetts General Hospital|
Baptist Memorial Hospital|Loma Linda University Medical Center|University of Iowa Hospitals|Barnes-Jewish Hospital|Texas Children's Hospital|Kaiser Permanente Oakland Medical Center|
Beth Israel Deaconess Medical Center|Lakeside Imaging Center|Peninsula Radiology Associates|Universitätsklinikum Freiburg|Klinikum Stuttgart|Hôpital Saint-Louis|
Hospital Clínico San Carlos|Ospedale San Raffaele|Erasmus Ziekenhuis|Duke University Hospital|Northwestern Memorial Hospital|Ochsner Clinic|Geisinger Medical Center|
Arkansas Children's Hospital|Providence Portland Medical Center|Our Lady of Lourdes Hospital|Intermountain Health Center|Stony Brook University Hospital""".replace("\n", "").split("|")
ADDRESSES = """1261 Leawood Street, Little Rock AR 72223|98 Beacon Hill Road, Boston, MA 02114|4550 W 16th Avenue, Denver, CO 80204|17 Elm Ct, Salem OR 97301|
PO Box 4471, Wichita, KS 67202|2207 Martin Luther King Blvd Apt 5, Houston TX 77004|850 Davis Mountains Suite 480, Lake Debra, NM 88101|33 Old Mill Lane, Hartford, CT 06103|
12 rue de la Paix|Hugstetter Straße 55, 79106 Freiburg|Via Garibaldi 14|Calle Mayor 23|Keizersgracht 112|6420 Sunset Drive, Miami, FL 33143|915 N Lincoln Ave, Chicago, IL 60614""".replace("\n", "").split("|")
CITIES = "Nantucket|Albuquerque|Cincinnati|Des Moines|Tallahassee|Guadalajara|Hyderabad|Winnipeg|Düsseldorf|Chattanooga|Poughkeepsie|Sacramento".split("|")
DATES = ("%m/%d/%Y", "%m/%d/%y", "%d.%m.%Y", "%Y-%m-%d", "%B %d, %Y", "%d %b %Y", "%b %d, %Y", "%m-%d-%Y", "%d-%b-%Y", "%Y%m%d", "%B %d", "%A")
PHONES = "(5{a}2) 5{b}5-0{c}|5{a}2-5{b}5-0{c}|+1 5{a}2 5{b}5 0{c}|5{a}2.5{b}5.0{c}|5{b}5-0{c}|+49 761 270-{c}|001-5{a}2-5{b}5-0{c}x{a}{b}".split("|")


@dataclass(frozen=True)
class Person:
    """A name that is nobody's."""

    given: str
    family: str

    @property
    def pn(self) -> str:
        """As DICOM writes it."""
        return f"{self.family}^{self.given}"

    def forms(self) -> tuple[str, ...]:
        """As people write it."""
        g, f = self.given, self.family
        return (f"{g} {f}", f"{f}, {g}", f"{f.upper()}, {g.upper()}", f"{g} Q. {f}", f"{g[0]}. {f}", f"{f}^{g}", f"{g.upper()} {f.upper()}")


@cache
def lists() -> dict[str, list[str]]:
    """Surnames, given names, and those of other languages by locale."""
    found: dict[str, list[str]] = json.loads((Path(__file__).with_name("people.json")).read_text(encoding="utf-8"))
    return found


def people(rng: random.Random, number: int, foreign: float = 0.25) -> list[Person]:
    """So many people, a share of them of other languages that are written in Latin letters."""
    data = lists()
    latin = [pair for pair in data["other"].values() if pair[1][0][0] < "ʰ"]  # type: ignore[union-attr, attr-defined]
    found = []
    for _ in range(number):
        given, family = rng.choice(latin) if rng.random() < foreign else (data["given"], data["surnames"])
        found.append(Person(rng.choice(given), rng.choice(family)))
    return found


def phone(rng: random.Random) -> str:
    """A phone number in one of several forms."""
    return rng.choice(PHONES).format(a=rng.randint(0, 9), b=rng.randint(0, 9), c=rng.randint(100, 999))
