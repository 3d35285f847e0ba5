"""The sidecar beside llama.cpp in process: tokens a second, switching adapters, eight clients at once, giving up.

    python benchmarks/serve.py [--model FILE.gguf] [--rounds 5] [--tokens 96]

Needs the extras serve and demo. Both sides take turns in one run, with the same file, prompt, number of threads and
flash attention, and greedily; what is told is the median over the rounds. The sidecar's time is that of a whole HTTP
request.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # as the sidecar sets it, before llama_cpp is loaded

import numpy as np
import psutil
from gguf import GGUFReader, GGUFWriter

from lintune_schemas import base_model
from lintune_server.sidecar.protocol import Adapted
from lintune_server.sidecar.supervisor import Sidecar

if TYPE_CHECKING:
    from lintune_server.sidecar.client import SidecarClient
    from lintune_server.sidecar.protocol import Source

PROMPT = "The numbers that follow are counted one by one, without a gap, from {}: "
CLIENTS = 8
LEAST_RATIO, MOST_SWITCH_MS, MOST_ABORT_MS = 0.95, 50.0, 200.0


def main() -> int:
    parser = argparse.ArgumentParser(description="Figures of the sidecar, each beside the alternative.")
    parser.add_argument("--model", type=Path, help="a GGUF file (default: the demo model)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=96, help="of each answer")
    args = parser.parse_args()
    model = args.model or base_model.find(base_model.DEMO_MODEL, Path()).path
    assert isinstance(model, Path)
    with tempfile.TemporaryDirectory() as folder:
        adapters = [_write_adapter(Path(folder, f"{name}.gguf"), model, seed) for seed, name in enumerate("ab")]
        return asyncio.run(_run(model, adapters, args.rounds, args.tokens))


async def _run(model: Path, adapters: list[Path], rounds: int, tokens: int) -> int:
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    print(f"{model.name}, {threads} threads, load {os.getloadavg()[0]:.1f}")
    models: dict[str, Source] = {"base": model, "a": Adapted("base", adapters[0]), "b": Adapted("base", adapters[1])}
    good = []
    async with Sidecar(models, threads=threads, idle_seconds=0) as sidecar:
        client = await sidecar.client()
        good.append(await _speed(client, model, threads, rounds, tokens))
        good.append(await _switching(client, rounds * 4))
        good.append(await _crowd(client, min(rounds, 3), tokens // 2))
        assert sidecar.pid is not None
        good.append(await _giving_up(client, psutil.Process(sidecar.pid), rounds))
    return 0 if all(good) else 1


async def _speed(client: SidecarClient, model: Path, threads: int, rounds: int, tokens: int) -> bool:
    """One answer after the other, in process and over HTTP in turns."""
    plain = _InProcess(model, threads, flash_attention=False)
    flash = _InProcess(model, threads, flash_attention=True)
    rates: dict[str, list[float]] = {"in process": [], "in process, flash attention": [], "HTTP": [], "streamed": []}
    same = 0
    for number in range(-1, rounds):
        prompt = PROMPT.format(number * 7 + 20)
        ids = await client.tokenize(prompt)
        found = {
            "in process": plain.tokens_per_second(ids, tokens),
            "in process, flash attention": flash.tokens_per_second(ids, tokens),
        }
        begin = time.perf_counter()
        answer = await client.complete(ids, model="base", max_tokens=tokens)
        found["HTTP"] = answer.completion_tokens / (time.perf_counter() - begin)
        prompt = PROMPT.format(number * 7 + 21)
        begin = time.perf_counter()
        pieces = [piece async for piece in client.stream(prompt, model="base", max_tokens=tokens)]
        found["streamed"] = tokens / (time.perf_counter() - begin) if pieces else 0.0
        if number >= 0:  # the round before warms up
            same += answer.text == flash.text
            for name, rate in found.items():
                rates[name].append(rate)
    reference = [max(pair) for pair in zip(rates["in process"], rates["in process, flash attention"], strict=True)]
    ratios = {
        name: statistics.median(rate / best for rate, best in zip(rates[name], reference, strict=True))
        for name in ("HTTP", "streamed")
    }
    for name, each in rates.items():
        print(f"{name:28} {statistics.median(each):7.1f} tokens/s")
    print(f"HTTP against the faster one in process: {ratios['HTTP']:.3f}, streamed {ratios['streamed']:.3f}")
    print(f"the same text as in process: {same} of {rounds}")
    return ratios["HTTP"] >= LEAST_RATIO


async def _switching(client: SidecarClient, rounds: int) -> bool:
    """Time to the first token with another adapter than before, and with the same."""
    same, other = [], []
    for number in range(-2, rounds):
        name, previous = ("a", "b") if number % 2 else ("b", "a")
        await _first_token(client, previous, 3 * number)
        switched = await _first_token(client, name, 3 * number + 1)
        stayed = await _first_token(client, name, 3 * number + 2)
        if number >= 0:  # those before warm up
            other.append(switched)
            same.append(stayed)
    extra = statistics.median(after - before for after, before in zip(other, same, strict=True))
    print(
        f"first token: {statistics.median(same):.1f} ms with the same adapter, {statistics.median(other):.1f} ms "
        f"with another: switching takes {extra:.1f} ms"
    )
    return extra <= MOST_SWITCH_MS


async def _first_token(client: SidecarClient, model: str, number: int) -> float:
    """Milliseconds. Of the prompt all is in the cache but for its last token."""
    begin = time.perf_counter()
    await client.complete([*range(1000, 1016), 2000 + number], model=model, max_tokens=1)
    return (time.perf_counter() - begin) * 1000


async def _crowd(client: SidecarClient, rounds: int, tokens: int) -> bool:
    """Eight clients at once against one after the other: is every answer whole, and who waits how long?"""
    gains, spreads, complete = [], [], True
    for number in range(rounds):
        prompts = [PROMPT.format(1000 * (1 + index) + number) for index in range(CLIENTS)]

        async def ask(prompt: str) -> tuple[float, int]:
            begin = time.perf_counter()
            answer = await client.complete(prompt, model="base", max_tokens=tokens)
            return time.perf_counter() - begin, answer.completion_tokens

        begin = time.perf_counter()
        together = await asyncio.gather(*map(ask, prompts))
        crowd = time.perf_counter() - begin
        begin = time.perf_counter()
        alone = [await ask(prompt + " ") for prompt in prompts]
        gains.append(
            sum(count for _, count in together) / crowd / (sum(n for _, n in alone) / (time.perf_counter() - begin))
        )
        seconds = sorted(taken for taken, _ in together)
        spreads.append(seconds[-1] / seconds[0])
        complete &= all(count == tokens for _, count in together)
    print(
        f"{CLIENTS} clients at once: every answer complete: {complete}; the slowest takes "
        f"{statistics.median(spreads):.2f} times as long as the fastest; {statistics.median(gains):.2f} times the "
        "tokens a second of one client after the other"
    )
    return complete and statistics.median(spreads) < 1.5


async def _giving_up(client: SidecarClient, process: psutil.Process, rounds: int) -> bool:
    """From the client's going away, while its prompt is read and while its answer is written, to a process at rest."""
    taken: dict[str, list[float]] = {"while the prompt is read": [], "while the answer is written": []}
    for number in range(rounds):
        prompts: tuple[str | list[int], ...] = list(range(100 + number, 3900 + number)), "1 2 3 4 5 6 7 8 9"
        for name, prompt in zip(taken, prompts, strict=True):
            asking = asyncio.create_task(client.complete(prompt, model="base", max_tokens=150))
            await asyncio.sleep(0.6)
            asking.cancel()
            begin = time.perf_counter()
            await asyncio.gather(asking, return_exceptions=True)
            taken[name].append((await _rest(process) - begin) * 1000)
    for name, each in taken.items():
        print(f"abort to idle, {name}: {statistics.median(each):.0f} ms, at most {max(each):.0f} ms")
    return max(map(max, taken.values())) <= MOST_ABORT_MS


async def _rest(process: psutil.Process) -> float:
    """When the process began to rest: the last moment at which it was seen to compute."""
    last, before = time.perf_counter(), sum(process.cpu_times()[:2])
    while time.perf_counter() - last < 0.1:
        await asyncio.sleep(0.005)
        now = sum(process.cpu_times()[:2])
        if now > before:
            last, before = time.perf_counter(), now
    return last


class _InProcess:
    """The same model in this process, by llama_cpp's own class."""

    def __init__(self, model: Path, threads: int, *, flash_attention: bool) -> None:
        import llama_cpp

        self._llama = llama_cpp.Llama(
            str(model),
            n_ctx=4096,
            n_threads=threads,
            n_threads_batch=threads,
            flash_attn=flash_attention,
            verbose=False,
        )
        self.text = ""

    def tokens_per_second(self, ids: list[int], tokens: int) -> float:
        begin = time.perf_counter()
        generated: list[int] = []
        stream: Any = self._llama.generate(ids, temp=0.0, top_k=1)
        for token in stream:
            generated.append(token)
            if len(generated) == tokens:
                break
        rate = tokens / (time.perf_counter() - begin)
        self.text = self._llama.detokenize(generated).decode("utf-8", "replace")
        return rate


def _write_adapter(path: Path, model: Path, seed: int) -> Path:
    """A random adapter of rank 16 on all linear layers."""
    rank, random = 16, np.random.default_rng(seed)
    reader = GGUFReader(model)
    writer = GGUFWriter(path, str(reader.fields["general.architecture"].contents()))
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 2.0 * rank)
    for tensor in reader.tensors:
        if tensor.name.startswith("blk.") and len(tensor.shape) == 2:
            columns, rows = map(int, tensor.shape)
            down = random.standard_normal((rank, columns), np.float32) / np.float32(columns**0.5)
            up = random.standard_normal((rows, rank), np.float32) * np.float32(0.01)
            writer.add_tensor(f"{tensor.name}.lora_a", down)
            writer.add_tensor(f"{tensor.name}.lora_b", up)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


if __name__ == "__main__":
    raise SystemExit(main())
