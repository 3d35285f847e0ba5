"""What was found before, kept for the next look at the same bytes."""

from __future__ import annotations

from pathlib import Path

import lintune_server
from lintune_schemas.cache import Cache

_SERVER = Path(lintune_server.__file__).parent
_CACHE = Cache("lint", _SERVER / "lint", _SERVER / "rules")

key_of, get, put, prune = _CACHE.key_of, _CACHE.get, _CACHE.put, _CACHE.prune
