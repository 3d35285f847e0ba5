"""How long `lintune check` takes with everything on, beside Hugging Face's tokenizer alone on the same texts.

python benchmarks/lint.py [--data ../shared/data/gsm8k-train.jsonl] [--copies 7] [--rounds 3] [--gigabyte]

The data set is gsm8k as chat, several times over. In every copy but the first, each word of four letters or more makes
way for another word of gsm8k that is as long: real words, about as many tokens, and no near-duplicates other than those
that gsm8k has. `lintune check` runs as a whole process, once with an empty cache and once with what that run left; the
tokenizer encodes the rendered chats in this process, on all cores. All three run in turn, and the fastest of the
rounds counts: on a busy machine the others measure the machine. Memory is that of all of the command's processes
together, what they share counted once. The last line is the figures as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import psutil

from lintune_server.lint.context import context_for

RECIPE = "base_model: smollm2-135m-instruct\ndatasets:\n  - path: train.jsonl\nsequence_len: 512\nval_set_size: 0.01\n"
WORD = re.compile(r"[A-Za-z]{4,}")


def samples(path: Path) -> list[tuple[str, str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [(sample["question"], sample["answer"]) for sample in map(json.loads, lines)]


def varied(pairs: list[tuple[str, str]], seed: int) -> list[tuple[str, str]]:
    """Every longer word replaced by one of the same length and case, the same one wherever it stands."""
    if seed == 0:
        return pairs
    shape = lambda word: (len(word), word[0].isupper())  # noqa: E731
    by_shape: dict[tuple[int, bool], list[str]] = defaultdict(list)
    for word in dict.fromkeys(word for pair in pairs for text in pair for word in WORD.findall(text)):
        by_shape[shape(word)].append(word)
    chosen = random.Random(seed)
    instead: dict[str, str] = {}
    for words in by_shape.values():
        instead |= zip(words, chosen.sample(words, len(words)), strict=True)
    return [tuple(WORD.sub(lambda match: instead[match.group()], text) for text in pair) for pair in pairs]  # type: ignore[misc]


def write(folder: Path, pairs: list[tuple[str, str]], copies: int) -> Path:
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    path = folder / "train.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for seed in range(copies):
            for question, answer in varied(pairs, seed):
                messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
                file.write(json.dumps({"messages": messages}) + "\n")
    return path


def rendered(path: Path) -> list[str]:
    tokenizer = context_for(path).tokenizer
    assert tokenizer is not None
    assert tokenizer.template is not None
    template = tokenizer.template
    lines = path.read_text(encoding="utf-8").splitlines()
    return [template.render(json.loads(line)["messages"], add_generation_prompt=False) for line in lines]


def encode_seconds(path: Path, texts: list[str]) -> float:
    tokenizer = context_for(path).tokenizer
    assert tokenizer is not None
    begin = time.perf_counter()
    tokenizer.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    return time.perf_counter() - begin


def check(path: Path, cache: Path) -> tuple[float, float, str]:
    """Seconds, peak memory in MB, and the command's last line."""
    command = [sys.executable, "-m", "lintune_server", "check", path.name, "--output-format", "concise"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled modules are kept, as wherever Lintune is installed
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=path.parent, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    watched, peak = psutil.Process(process.pid), 0
    while True:
        try:
            output, errors = process.communicate(timeout=0.5)
            break
        except subprocess.TimeoutExpired:
            peak = max(peak, memory(watched))
    seconds = time.perf_counter() - begin
    if process.returncode not in (0, 1) or not output:
        raise SystemExit(f"lintune check ended with {process.returncode}: {errors}")
    return seconds, peak / 1e6, output.splitlines()[-1]


def memory(process: psutil.Process) -> int:
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_full_info().pss
        except psutil.Error:
            continue
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/gsm8k-train.jsonl"))
    parser.add_argument("--copies", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gigabyte", action="store_true", help="also check a file of 1 GB, once")
    args = parser.parse_args()
    pairs = samples(args.data)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = write(folder, pairs, args.copies)
        texts = rendered(path)
        warm = folder / "warm"  # holds the demo model's tokenizer, which is read out of its GGUF, and made fast, once
        small = folder / "small"
        small.mkdir()
        write(small, pairs[:1000], 1)
        cache = folder / "cache"
        check(small / "train.jsonl", cache)
        shutil.copytree(cache, warm)
        encoded, first, second, peak, summary = [], [], [], 0.0, ""
        for _ in range(args.rounds):
            encoded.append(encode_seconds(path, texts))
            shutil.rmtree(cache)
            shutil.copytree(warm, cache)
            seconds, megabytes, summary = check(path, cache)
            first.append(seconds)
            peak = max(peak, megabytes)
            second.append(check(path, cache)[0])
        print(f"{path.stat().st_size / 1e6:.1f} MB, {len(texts):,} samples. {summary}")
        print(f"tokenizers, encode_batch_fast    {min(encoded):6.2f} s")
        print(
            f"lintune check                    {min(first):6.2f} s   {min(first) / min(encoded):.2f} x   {peak:,.0f} MB"
        )
        print(f"lintune check, again             {min(second):6.2f} s   {min(second) / min(encoded):.2f} x")
        figures = {
            "samples": len(texts),
            "bytes": path.stat().st_size,
            "encode_s": round(min(encoded), 3),
            "check_s": round(min(first), 3),
            "check_ratio": round(min(first) / min(encoded), 3),
            "again_ratio": round(min(second) / min(encoded), 3),
            "peak_mb": round(peak),
        }
        if args.gigabyte:
            path = write(folder, pairs, round(1e9 / (path.stat().st_size / args.copies)) + 1)
            seconds, megabytes, summary = check(path, cache)
            print(f"{path.stat().st_size / 1e6:,.0f} MB                        {seconds:6.1f} s   {megabytes:,.0f} MB")
            figures |= {
                "gigabyte_bytes": path.stat().st_size,
                "gigabyte_s": round(seconds, 1),
                "gigabyte_peak_mb": round(megabytes),
            }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
