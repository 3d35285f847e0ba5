"""`python -m lintune_trainer`."""

import sys

from lintune_trainer.cli import main

if __name__ == "__main__":
    sys.exit(main())
