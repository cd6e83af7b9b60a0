"""`python -m flows` is `sluice`."""

from flows.cli import main

main()
