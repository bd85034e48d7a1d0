"""Run the command line with ``python -m skheart``."""

import sys

from skheart.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
