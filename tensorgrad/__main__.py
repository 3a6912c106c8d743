"""``python -m tensorgrad``: the command without an installation."""

import sys

from tensorgrad_command import main

if __name__ == "__main__":
    sys.exit(main())
