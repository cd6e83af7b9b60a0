"""Speed of transform, one thread, beside the plain way: `make bench-transform` prints tables in Markdown."""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"  # before numpy is loaded
