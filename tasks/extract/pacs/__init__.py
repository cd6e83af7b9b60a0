"""What the hospital's PACS has (C-FIND), and moving what is missing into Orthanc (C-MOVE), always through Orthanc.

`wanted` is what to ask for, `link` the words with Orthanc, `query` the search, `plan` the comparison with what is
there, `move` the transfer, `rate` when and how fast, `book` what the PACS said against what arrived, `transfer` all of
it together. Identifiers live in memory here; what is written and told is pseudonymous.
"""

from tasks.extract.pacs.book import expected_by_pacs, shortfalls

__all__ = ["expected_by_pacs", "shortfalls"]
