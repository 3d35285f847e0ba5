"""The process is there when it is needed, and gone when it is not."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from lintune_schemas.errors import LintuneError
from lintune_server.sidecar import supervisor
from lintune_server.sidecar.client import Completion, SidecarClient, SidecarError, SidecarGone
from lintune_server.sidecar.supervisor import Phase, Sidecar

from .processes import gone, wait_until_gone
from .worker_process import command, environment, running

pytestmark = pytest.mark.slow


@pytest.fixture
async def sidecar(demo_model: Path) -> AsyncIterator[Sidecar]:
    async with Sidecar({"tuned": demo_model}, context=256) as sidecar:
        yield sidecar


async def hello(client: SidecarClient) -> Completion:
    return await client.complete("Hello", max_tokens=2)


def pid_of(sidecar: Sidecar) -> int:
    assert sidecar.pid is not None
    return sidecar.pid


async def test_it_starts_when_asked_and_is_gone_when_stopped(demo_model: Path) -> None:
    async with Sidecar({"tuned": demo_model}, context=256) as sidecar:
        assert (sidecar.phase, sidecar.pid, sidecar.url) == (Phase.STOPPED, None, None)
        first, second = await asyncio.gather(sidecar.client(), sidecar.client())
        assert first is second
        assert sidecar.phase is Phase.READY
        assert (await sidecar.ask(hello)).text
        assert await first.health()
        pid = pid_of(sidecar)
    assert sidecar.phase is Phase.STOPPED
    assert gone(pid)
    assert not await first.health()
    with pytest.raises(SidecarGone):
        await hello(first)


async def test_after_sigkill_the_next_request_starts_another(sidecar: Sidecar) -> None:
    await sidecar.ask(hello)
    killed = pid_of(sidecar)
    os.kill(killed, signal.SIGKILL)
    assert (await sidecar.ask(hello)).text
    assert pid_of(sidecar) != killed
    assert gone(killed)


async def test_killed_in_the_middle_of_an_answer_the_request_is_made_again(sidecar: Sidecar) -> None:
    killed: list[int] = []

    async def ask(client: SidecarClient) -> str:
        pieces = []
        async for piece in client.stream("Once upon a time", max_tokens=20):
            pieces.append(piece.text)
            if not killed:
                killed.append(pid_of(sidecar))
                os.kill(killed[0], signal.SIGKILL)
        return "".join(pieces)

    assert len(await sidecar.ask(ask)) > 20
    assert pid_of(sidecar) not in killed


async def test_a_prompt_that_kills_it_every_time_gives_up(sidecar: Sidecar) -> None:
    async def ask(client: SidecarClient) -> Completion:
        os.kill(pid_of(sidecar), signal.SIGKILL)
        return await hello(client)

    with pytest.raises(LintuneError, match=r"ended twice while it was asked \(SIGKILL"):
        await sidecar.ask(ask)
    assert (await sidecar.ask(hello)).text


async def test_stopped_in_the_middle_of_an_answer(sidecar: Sidecar) -> None:
    asking = asyncio.create_task(sidecar.ask(lambda client: client.complete("Hello", max_tokens=250)))
    while sidecar.phase is not Phase.READY:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    await sidecar.stop()
    with pytest.raises(LintuneError, match="stopped while it was asked"):
        await asking
    assert sidecar.phase is Phase.STOPPED  # and no other was started


async def test_stopped_while_it_starts(sidecar: Sidecar) -> None:
    starting = asyncio.create_task(sidecar.client())
    while sidecar.pid is None:
        await asyncio.sleep(0)
    await sidecar.stop()
    with pytest.raises(LintuneError, match="stopped while it was started"):
        await starting
    assert gone(pid_of(sidecar))


async def test_a_start_that_is_cancelled_leaves_no_process(sidecar: Sidecar) -> None:
    starting = asyncio.create_task(sidecar.client())
    while sidecar.pid is None:
        await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert gone(pid_of(sidecar))
    assert (await sidecar.ask(hello)).text


async def test_idle_it_ends_by_itself_and_starts_again(demo_model: Path) -> None:
    async with Sidecar({"tuned": demo_model}, context=256, idle_seconds=0.5) as sidecar:
        # A long answer is no idleness.
        answer = await sidecar.ask(lambda client: client.complete("1 2 3 4 5 6 7 8", max_tokens=200))
        assert answer.completion_tokens == 200
        first = pid_of(sidecar)
        assert await sidecar.wait() == "exit code 0"
        assert gone(first)
        assert sidecar.phase is Phase.STOPPED
        assert (await sidecar.ask(hello)).text
        assert pid_of(sidecar) != first


PARENT = """
import asyncio, sys
from pathlib import Path
from lintune_server.sidecar.supervisor import Sidecar

async def main():
    sidecar = Sidecar({"tuned": Path(sys.argv[1])}, context=4096)
    client = await sidecar.client()
    async for piece in client.stream("1 2 3 4 5 6 7 8 9", max_tokens=4000):
        print(sidecar.pid, flush=True)

asyncio.run(main())
"""


def test_it_dies_with_its_parent_even_by_sigkill_and_while_it_computes(demo_model: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, str(demo_model)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert psutil.Process(pid).ppid() == parent.pid
        parent.kill()
    assert wait_until_gone(pid)


async def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    sidecar = Sidecar({"tuned": tmp_path / "model.gguf"})
    with pytest.raises(LintuneError, match=r"^There is no model file .*model\.gguf\. Train the recipe"):
        await sidecar.client()
    assert sidecar.phase is Phase.STOPPED


async def test_a_context_that_cannot_be(demo_model: Path) -> None:
    with pytest.raises(LintuneError, match=r"^argument --context: 3 is not between 64 and 1048576$"):
        await Sidecar({"tuned": demo_model}, context=3).client()


async def test_a_file_that_is_no_gguf(tmp_path: Path) -> None:
    for path, problem in ((tmp_path / "a.gguf", "is no GGUF file"), (tmp_path, "is a folder")):
        if path != tmp_path:
            path.write_bytes(b"not a model")
        with pytest.raises(LintuneError, match=problem):
            await Sidecar({"tuned": path}).client()


async def test_a_gguf_that_is_cut_off(tmp_path: Path, demo_model: Path) -> None:
    path = tmp_path / "cut.gguf"
    with demo_model.open("rb") as whole:
        path.write_bytes(whole.read(30_000_000))
    async with Sidecar({"tuned": path, "base": demo_model}, context=256) as sidecar:
        for _ in range(2):
            with pytest.raises(SidecarError, match=r"cannot load .*cut\.gguf: .*If the file is damaged") as failed:
                await sidecar.ask(hello)
        assert failed.value.code == "model_not_loaded"
        answer = await sidecar.ask(lambda client: client.complete("Hello", model="base", max_tokens=2))
        assert answer.text  # the other model is not affected


async def test_without_the_serve_extra(monkeypatch: pytest.MonkeyPatch, demo_model: Path) -> None:
    monkeypatch.setattr(supervisor, "_SERVE_EXTRA", ("llama_cpp", "no_such_package"))
    with pytest.raises(LintuneError, match=r"needs no_such_package\. .*pip install 'lintune\[serve\]'"):
        await Sidecar({"tuned": demo_model}).client()


def run_to_its_end(*arguments: str, **environment_: str) -> tuple[int, str]:
    """Exit code and standard error of a worker that cannot start."""
    done = subprocess.run(
        [*command({}), *arguments],
        env=environment(**environment_),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.stdout == b""
    return done.returncode, done.stderr.decode()


def test_the_process_alone_says_why_it_cannot_start(demo_model: Path, tmp_path: Path) -> None:
    model = f"tuned={demo_model}"
    code, said = run_to_its_end("--model", model, LINTUNE_SIDECAR_TOKEN="")
    assert (code, "Set the environment variable LINTUNE_SIDECAR_TOKEN" in said) == (2, True)
    code, said = run_to_its_end("--model", model, "--model", model)
    assert (code, said) == (2, "--model tuned= is given twice. Give each model an id of its own.\n")
    code, said = run_to_its_end("--model", str(demo_model))
    assert (code, "is not ID=FILE.gguf" in said) == (2, True)
    code, said = run_to_its_end("--model", model, "--context", "1")
    assert (code, "1 is not between 64 and" in said) == (2, True)
    (tmp_path / "llama_cpp.py").write_text("raise ModuleNotFoundError(name='llama_cpp')")
    code, said = run_to_its_end("--model", model, PYTHONPATH=str(tmp_path))
    assert (code, said) == (
        2,
        "The sidecar needs llama_cpp. Install the serve extra: pip install 'lintune[serve]'\n",
    )


def test_a_port_that_is_taken(demo_model: Path) -> None:
    with running({"tuned": demo_model}) as worker:
        code, said = run_to_its_end("--model", f"tuned={demo_model}", "--port", str(worker.port))
    assert (code, "Give another --port" in said) == (2, True)


def test_importing_the_supervisor_imports_nothing_heavy() -> None:
    program = (
        "import sys, lintune_server.sidecar.supervisor, lintune_server.cli.serve;"
        "print([m for m in ('llama_cpp', 'httpx', 'starlette', 'uvicorn', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"
