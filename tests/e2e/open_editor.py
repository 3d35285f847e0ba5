"""Opens a copy of the example workspace in a VS Code in the browser, with the extension installed.

python -m tests.e2e.open_editor      # from the top of the repository; `make editor` calls it
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import webbrowser
from pathlib import Path

from .code_server import copy_example, package_extension, serve
from .workbench import WorkbenchError


def main() -> int:
    # A terminal that is closed, or `kill`, ends it as Ctrl+C does, and leaves nothing running.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="lintune-editor-", ignore_cleanup_errors=True) as temporary:
        folder = copy_example(Path(temporary) / "smart-home")
        state = Path(temporary) / "state"
        state.mkdir()
        try:
            # Not resolved: the path of a virtual environment's Python is what makes it that environment's.
            settings = {"lintune.pythonPath": sys.executable, "workbench.colorTheme": "Default Dark Modern"}
            with serve(folder, state, package_extension(), settings) as url:
                print(f"VS Code with Lintune: {url}")
                print(f"The workspace is a copy, in {folder}. Ctrl+C ends it and removes the copy.", flush=True)
                if _has_desktop():
                    webbrowser.open(url)
                threading.Event().wait()
        except WorkbenchError as error:
            print(error, file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            pass
    return 0


def _has_desktop() -> bool:
    """Without one, Python would open a browser for the terminal, in this terminal."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


if __name__ == "__main__":
    sys.exit(main())
