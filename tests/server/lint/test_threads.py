"""Several threads read recipes and kept findings at once, in a process that did neither before."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.long

AT_ONCE = """\
import sys, threading
sys.setswitchinterval(1e-7)
import msgspec
{imports}
gate = threading.Barrier(6)
def read():
    gate.wait()
    {read}
threads = [threading.Thread(target=read) for _ in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


@pytest.mark.parametrize(
    ("imports", "read"),
    [
        (
            "from lintune_schemas import recipe",
            "recipe.lenient({'base_model': 'x', 'datasets': [{'path': 'a'}], 'lintune': {'export': {}}})",
        ),
        (
            "from lintune_server.lint import kept",
            "msgspec.msgpack.decode(msgspec.msgpack.encode([[], {}, b'', [], {}, {}, b'', b'', b'']), type=kept._Kept)",
        ),
    ],
)
def test_the_first_readers_do_not_crash(imports: str, read: str) -> None:
    """msgspec would: it crashed in about every fifth process."""
    for _ in range(8):
        subprocess.run([sys.executable, "-c", AT_ONCE.format(imports=imports, read=read)], check=True, timeout=60)
