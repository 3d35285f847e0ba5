"""A trainer that does as it is told. Its folder goes before the real one's on PYTHONPATH, for child processes."""

import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


def put_before_the_real_trainer(patch: pytest.MonkeyPatch) -> None:
    patch.setenv("PYTHONPATH", str(FOLDER), prepend=os.pathsep)
