"""From de-identified DICOM to images of one size in [0, 1], and the tables that describe them.

Reads the archives of `data/deidentified`, writes `data/images`. Knows no patient, only pseudonyms.
"""

VERSION = 3
"""Raised whenever the same input would give other bytes; part of every key in the ledger."""

CHAIN = 2
"""Raised whenever the same steps, at the same versions, would give other bytes; part of the key of what has steps."""
