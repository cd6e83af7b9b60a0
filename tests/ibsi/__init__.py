"""Features against the reference values of IBSI-1: `python -m tests.ibsi` prints how many are within tolerance."""
