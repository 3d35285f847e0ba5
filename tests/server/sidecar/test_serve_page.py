"""The commands in docs/serve.md, as a person would paste them."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .worker_process import TOKEN, Worker

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[3] / "docs" / "serve.md"
COMMANDS = re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page's commands are curl's")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_is_answered(worker: Worker, command: str) -> None:
    environment = {**os.environ, "URL": worker.url, "TOKEN": TOKEN, "no_proxy": "*"}
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, timeout=60, check=True)
    answer = json.loads(done.stdout)
    assert "error" not in answer
    assert answer["object"] in ("list", "chat.completion", "text_completion")
