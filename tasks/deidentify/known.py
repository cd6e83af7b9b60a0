"""What is known of a patient before any text is read: the names, ids, places and dates of the header and the records.

Cleaning text starts from these (words/, text.py, pixels/). Holds identified values, so its repr is silent. The
residual check has a list of its own (residual/identifying.py) and does not use this one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, repr=False)
class Known:
    """The identifiers of one patient, as they stand in the source. Hashable, so that what is made of it can be kept."""

    patient: tuple[str, ...] = ()  # names of the patient: `Doe^Jane^Q`, `Doe=山田`, `Jane Doe`
    others: tuple[str, ...] = ()  # names of everybody else: physicians, operators, relatives
    ids: tuple[str, ...] = ()  # patient, accession, admission, order and study ids, phone numbers
    places: tuple[str, ...] = ()  # institutions, departments, stations, addresses
    dates: tuple[str, ...] = ()  # YYYYMMDD
