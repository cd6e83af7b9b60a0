"""Validate: run the suites of expectations/ over the curated tables and decide whether they may be released.

`gx.py` alone knows Great Expectations. Nothing here changes a table.
"""

VERSION = 2
