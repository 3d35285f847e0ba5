"""`python -m lintune_server`: the same as the command `lintune`."""

import sys

from lintune_server.cli import main

sys.exit(main())
