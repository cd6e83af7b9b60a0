"""What to take (cohort, window, change feed) and taking it, from Orthanc or from a folder of DICOM.

Identifiers of the source live in memory here and in `data/quarantine`; everything that is returned or written elsewhere
is pseudonymous.
"""
