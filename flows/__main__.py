"""`python -m flows` and the script `sluice`: the commands are imported without looking for garbage meanwhile.

What a start imports stays; to look through it, as often as there is more of it, takes a fifth of the start.
"""

import gc

gc.disable()
from flows.cli import main  # noqa: E402

gc.enable()

if __name__ == "__main__":
    main()
