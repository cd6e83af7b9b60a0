"""PET: what rescaled values are multiplied by to become SUV by body weight (g/ml), from the header of one instance.

The rules are those of QIBA's vendor-neutral pseudo-code (FDG-PET/CT profile, appendix G): the dose is decayed to the
time that the scanner decayed the image to. What is not known is not guessed: there is no SUV then.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from pydicom import Dataset

from tasks.transform.headers import items, number, numbers, read, text

BODY_WEIGHT = "GML"
_DECAYED = frozenset({"DECY", "DECAY"})  # the term of PS3.3 C.8.9.1.1.6, and how some write it
_DAY = timedelta(days=1)
_LONGEST = timedelta(hours=24)  # from injection to scan; more means that a date is wrong
_GE, _PHILIPS = "GEMS_PETD_01", "Philips PET Private Group"


def find_suv_factor(ds: Dataset) -> float | None:
    """The factor for rescaled values (RescaleSlope applied), or None where the header does not give it.

    Units GML is SUV already unless SUVType says that it is another than by body weight; CNTS is Philips' and has a
    private factor; BQML needs weight, dose, half-life, times, and images corrected for attenuation and decay.
    """
    units = text(ds, "Units")
    if units == BODY_WEIGHT:
        return 1.0 if text(ds, "SUVType") in (None, "BW") else None
    if units == "CNTS":
        factor = _private(ds, 0x7053, _PHILIPS, 0x00)
        if factor:
            return factor
        becquerel = _private(ds, 0x7053, _PHILIPS, 0x09)
        scale = _from_becquerel(ds)
        return becquerel * scale if becquerel and scale else None
    return _from_becquerel(ds) if units == "BQML" else None


def _from_becquerel(ds: Dataset) -> float | None:
    weight = number(ds, "PatientWeight")
    drug = next(iter(items(ds, "RadiopharmaceuticalInformationSequence")), None)
    corrected = read(ds, "CorrectedImage") or ()
    if drug is None or not weight or weight <= 0 or "ATTN" not in corrected or _DECAYED.isdisjoint(corrected):
        return None
    dose, half_life = number(drug, "RadionuclideTotalDose"), number(drug, "RadionuclideHalfLife")
    if not dose or not half_life or dose <= 0 or half_life <= 0:
        return None
    how = text(ds, "DecayCorrection")
    if how == "START":
        waited = _waited(ds, drug, half_life)
        if waited is None:
            return None
        dose *= 2.0 ** (-waited / half_life)
    elif how != "ADMIN":
        return None
    return weight * 1000.0 / dose


def _waited(ds: Dataset, drug: Dataset, half_life: float) -> float | None:
    """Seconds from the injection to the time that the image is decayed to."""
    reference = _reference_time(ds, half_life)
    injected = _moment(drug, "RadiopharmaceuticalStartDateTime")
    if reference is None:
        return None
    if injected is None:
        injected = _clock(reference, text(drug, "RadiopharmaceuticalStartTime"))
        if injected is not None and injected > reference:
            injected -= _DAY  # before midnight
    if injected is None or not timedelta(0) <= reference - injected <= _LONGEST:
        return None
    return (reference - injected).total_seconds()


def _reference_time(ds: Dataset, half_life: float) -> datetime | None:
    """The series' time; where that is later than the acquisition (post-processed): GE's private one, or worked back.

    An image stands for the moment in its frame at which the decaying tracer had its mean count rate.
    """
    series = _date_and_time(ds, "SeriesDate", "SeriesTime")
    acquired = _moment(ds, "AcquisitionDateTime") or _date_and_time(ds, "AcquisitionDate", "AcquisitionTime")
    if series is None or acquired is None:
        return None
    if series <= acquired:
        return series
    scanned = _private_moment(ds)
    if scanned is not None:
        return scanned
    duration, after = number(ds, "ActualFrameDuration"), number(ds, "FrameReferenceTime")
    if not duration or duration <= 0 or after is None:
        return None
    decay = math.log(2) / half_life
    share = decay * duration / 1000
    mean = math.log(share / (1 - math.exp(-share))) / decay
    return acquired + timedelta(seconds=mean - after / 1000)


def _private(ds: Dataset, group: int, creator: str, element: int) -> float | None:
    try:
        block = ds.private_block(group, creator)
    except KeyError:
        return None
    if element not in block:
        return None
    found = Dataset()
    found.RescaleSlope = block[element].value  # read as any decimal string is
    values = numbers(found, "RescaleSlope")
    return values[0] if values and values[0] > 0 else None


def _private_moment(ds: Dataset) -> datetime | None:
    """GE's scan date and time."""
    try:
        block = ds.private_block(0x0009, _GE)
    except KeyError:
        return None
    return _parse(str(block[0x0D].value)) if 0x0D in block else None


def _moment(ds: Dataset, keyword: str) -> datetime | None:
    return _parse(text(ds, keyword))


def _date_and_time(ds: Dataset, date: str, time: str) -> datetime | None:
    day, clock = text(ds, date), text(ds, time)
    return _parse(day + clock) if day and clock else None


def _clock(day: datetime, time: str | None) -> datetime | None:
    return _parse(day.strftime("%Y%m%d") + time) if time else None


def _parse(value: str | None) -> datetime | None:
    """YYYYMMDDHHMM[SS[.ffffff]]; an offset from UTC is left out, as it is the same for all times of a series."""
    digits, _, fraction = (value or "").split("+")[0].split("-")[0].partition(".")
    try:
        whole = datetime.strptime(digits, "%Y%m%d%H%M%S" if len(digits) > 12 else "%Y%m%d%H%M")
        return whole + timedelta(microseconds=int((fraction + "000000")[:6])) if fraction else whole
    except ValueError:
        return None
