"""`lintune serve` and `lintune ask` as a shell sees them, with the real demo model."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from lintune_schemas.runs import checkpoint_adapter

from .adapter_file import write_adapter
from .processes import wait_until_gone
from .workspace import MODEL, add_run

pytestmark = pytest.mark.slow

LINTUNE = [sys.executable, "-m", "lintune_server"]
FRANCE = "What is the capital of France? One word."


def lintune(
    *arguments: object, stdin: str | None = None, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    command = [*LINTUNE, *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False, cwd=folder)


@contextmanager
def serving(model: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`lintune serve`, and what it says at first."""
    with subprocess.Popen(
        [*LINTUNE, "serve", str(model), "--context", "256"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    ) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        said = []
        while not said or "Ctrl-C" not in said[-1]:
            said.append(next(lines))
        try:
            yield process, "".join(said)
        finally:
            process.kill()


def ask_as_told(said: str) -> httpx.Response:
    """Make the request that the printed curl command makes, in one token."""
    command = said[said.index("curl ") : said.index("\n\nCtrl-C")]
    _, url, *options = shlex.split(command.replace("\\\n", " "))
    given = list(zip(options[::2], options[1::2], strict=True))
    headers = dict(value.split(": ") for option, value in given if option == "-H")
    (body,) = (value for option, value in given if option == "-d")
    body = body.replace('"max_tokens": 64', '"max_tokens": 1')
    return httpx.post(url, headers=headers, content=body, timeout=60, trust_env=False)


def test_serving_until_ctrl_c(demo_model: Path) -> None:
    with serving(demo_model, LINTUNE_SIDECAR_TOKEN="a-token") as (process, said):
        assert f"{demo_model.stem}: {demo_model}\n" in said
        assert "Token:    a-token\n" in said
        (sidecar,) = psutil.Process(process.pid).children()
        assert ask_as_told(said).json()["choices"][0]["finish_reason"] == "length"
        assert ask_as_told(said.replace("a-token", "another")).status_code == 401
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert (process.returncode, errors) == (0, "")
        assert wait_until_gone(sidecar.pid)


def test_it_ends_when_the_models_process_is_killed_and_makes_up_tokens(demo_model: Path) -> None:
    tokens = set()
    for _ in range(2):
        with serving(demo_model, LINTUNE_SIDECAR_TOKEN="") as (process, said):
            tokens.update(re.findall(r"Token: +(\S{40,})", said))
            (sidecar,) = psutil.Process(process.pid).children()
            sidecar.kill()
            _, errors = process.communicate(timeout=30)
        assert process.returncode == 1
        assert errors == "The model's process died: SIGKILL, perhaps out of memory\n"
    assert len(tokens) == 2


def test_an_answer(demo_model: Path) -> None:
    done = lintune("ask", demo_model, FRANCE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Paris" in done.stdout
    assert done.stdout.endswith("\n")
    assert "\x1b" not in done.stdout
    piped = lintune("ask", demo_model, "-", stdin=FRANCE)
    assert piped.stdout == done.stdout
    system = ("--system", "Your name is Captain Hook.")
    assert "Captain" in lintune("ask", demo_model, "Who are you?", *system, "--max-tokens", 8).stdout


def test_base_and_tuned_one_under_the_other(tmp_path: Path, demo_model: Path) -> None:
    run = add_run(tmp_path / "recipe.yaml", "20260101-a", model=demo_model)
    done = lintune("ask", run, FRANCE, "--compare", "--max-tokens", "3")
    assert done.returncode == 0
    base, tuned = done.stdout.split("\n\n")
    assert base.startswith(f"base · {demo_model.name}\nThe")
    assert tuned.startswith(f"tuned · {MODEL}\nThe")
    assert done.stderr.count("cut off") == 2


def test_a_run_is_asked_by_its_adapter_and_a_stopped_one_by_its_checkpoint(tmp_path: Path, demo_model: Path) -> None:
    run = add_run(tmp_path / "recipe.yaml", "20260101-a", model=demo_model)
    adapter = write_adapter(run / "adapter.gguf", demo_model, strength=0.0)
    done = lintune("ask", run, FRANCE, "--compare", "--max-tokens", "3")
    base, tuned = done.stdout.split("\n\n")
    assert base.startswith(f"base · {demo_model.name}\nThe")
    assert tuned.startswith("tuned · adapter.gguf on base\nThe"), "it changes nothing"
    stopped = add_run(tmp_path / "recipe.yaml", "20260102-b", cancelled=True)
    checkpoint = checkpoint_adapter(stopped, 5)
    checkpoint.parent.mkdir()
    adapter.rename(checkpoint)
    done = lintune("ask", "20260102-b", FRANCE, "--max-tokens", "3", folder=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[:1]) == (0, tuned.splitlines()[1:2])


def test_a_model_without_a_chat_template_goes_on_with_the_text(tmp_path: Path, demo_model: Path) -> None:
    plain = tmp_path / "plain.gguf"
    plain.write_bytes(demo_model.read_bytes().replace(b"tokenizer.chat_template", b"tokenizer.chat_nothing_", 1))
    done = lintune("ask", plain, "One, two, three, four,", "--max-tokens", "4")
    assert done.stdout.startswith(" five, six")


def test_what_cannot_be_asked(tmp_path: Path, demo_model: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF, it says")
    for arguments, problem in (
        ((demo_model, "Hello", "--compare"), "There is no base model to compare with"),
        ((tmp_path / "no.gguf", "Hello"), "There is no file or folder"),
        ((tmp_path / "broken.gguf", "Hello"), "If the file is damaged, export it again"),
        ((demo_model, "word " * 5000), "prompt and answer together may have 4,096"),
        ((demo_model, "Hello", "--max-tokens", "0"), "--max-tokens: give a number of at least 1, not 0"),
    ):
        done = lintune("ask", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert problem in done.stderr
        assert "Traceback" not in done.stderr
