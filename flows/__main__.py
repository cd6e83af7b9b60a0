"""`python -m flows` and the script `sluice`: the commands are imported with few looks for garbage meanwhile."""

from tasks.core.garbage import collect_less

collect_less()
from flows.cli import main  # noqa: E402

if __name__ == "__main__":
    main()
