"""`sluice backfill`, its CPU time counted as that of the windows is: `python -m tests.load.backfill backfill …`."""

from __future__ import annotations

import tests.load.counted  # noqa: F401  before the flows
from flows.__main__ import main

main()
