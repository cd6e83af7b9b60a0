"""De-identification: PS3.15 E.1-1 as data, the header engine, risk of text in pixels, the residual check, tables.

A unit's identified files come in through quarantine, one ZIP of clean DICOM goes out. Nothing here fetches or releases.
`VERSION` changes whenever the same input would give other bytes, so that finished work is done again.
"""

VERSION = 2
