"""A trainer that does as it is told. Its folder goes before the real one's on PYTHONPATH, for child processes."""

import os
from pathlib import Path

import pytest


def put_before_the_real_trainer(patch: pytest.MonkeyPatch) -> None:
    patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
