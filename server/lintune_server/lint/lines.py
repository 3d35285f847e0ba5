"""Where lines end."""

from __future__ import annotations

import re

LINE_END = re.compile(r"\r\n|\n|\r")
"""What editors take for a line end; not U+2028 and the like, which JSON strings may hold."""

LINE_END_BYTES = re.compile(rb"\r\n|\n|\r")

BOM = "\ufeff"
"""A byte order mark, which says nothing in UTF-8. One may stand at the beginning of a file."""

BLANK = f" \t\f\v{BOM}"
"""A line of nothing else holds no sample."""
