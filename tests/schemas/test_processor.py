"""What a process can know of its machine and of itself."""

import subprocess
import sys

_PARENT = """
import subprocess, sys
held = bytearray(600_000_000)
held[::4096] = b"x" * len(held[::4096])
child = "from lintune_schemas.processor import peak_memory; print(peak_memory())"
print(subprocess.run([sys.executable, "-c", child], check=True, capture_output=True, text=True).stdout)
"""


def test_the_memory_of_the_process_that_started_it_is_not_its_own() -> None:
    peak = int(subprocess.run([sys.executable, "-c", _PARENT], check=True, capture_output=True, text=True).stdout)
    assert 5_000_000 < peak < 200_000_000
