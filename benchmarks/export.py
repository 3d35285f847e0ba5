"""How long the demo run's export takes up to a proven Q4_K_M, and how much memory a merge takes, beside PEFT's.

python -m benchmarks.export [--set key=value …] [--layers 12]

The export is that of the example smart-home, after a whole training by its recipe: what the trainer itself reports of
its stages, from the adapter to the last check of the proof. The merges are of the demo model, saved in files of 64 MB,
and of a random Llama in bf16 with so many layers of 2,048, in files of 400 MB, each with a LoRA adapter on all linear
layers. Each is a process of its own, and memory is the most that the process ever held, libraries included: without
any model, torch, transformers and PEFT take the first line. PEFT's side is what its documentation shows: load the
model in its own format, `merge_and_unload`, `save_pretrained`.

A whole run may take 40 s, and a merge 1.3 times the largest file and 1 GB. The last line is the figures as JSON.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from lintune_schemas import base_model, events, model_heads
from lintune_schemas.events import ArtefactWritten, Stage, StageChanged, StageState, Verified
from lintune_schemas.processor import peak_memory

EXAMPLE = Path(__file__).parents[1] / "examples" / "smart-home"
SECONDS, TIMES, MORE = 40, 1.3, 1e9
HIDDEN, INTERMEDIATE, VOCABULARY = 2048, 5632, 32_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of the training")
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        return child(*arguments.child)
    with tempfile.TemporaryDirectory(prefix="lintune-export-") as name:
        folder = Path(name)
        exported = time_export(folder, arguments.set)
        print_export(exported)
        merges = [measure(model, folder, arguments.layers) for model in ("nothing", "demo", "random")]
    print_merges(merges[1:], merges[0]["ours"])
    print(json.dumps({"export": exported, "merges": merges}))
    within = all(merge["ours"] <= TIMES * merge["file"] + MORE for merge in merges[1:])
    return 0 if exported["proven"] and exported["seconds"] <= SECONDS and within else 1


def time_export(folder: Path, assignments: list[str]) -> dict[str, Any]:
    """Seconds of each part, by what the trainer reports."""
    workspace = Path(shutil.copytree(EXAMPLE, folder / "example", ignore=shutil.ignore_patterns(".lintune")))
    options = [part for assignment in assignments for part in ("--set", assignment)]
    trainer = [sys.executable, "-m", "lintune_trainer", "train", str(workspace / "recipe.yaml"), *options]
    ended = subprocess.run(trainer, capture_output=True, check=True)
    parts: dict[str, float] = {}
    proven = False
    begin = last = 0.0
    for line in ended.stdout.splitlines():
        event = events.decode(line)
        now = datetime.fromisoformat(event.time).timestamp()
        match event:
            case StageChanged(stage=Stage.EXPORT, state=StageState.STARTED):
                begin = last = now
            case ArtefactWritten() if begin:
                parts[event.path] = round(now - last, 1)
                last = now
            case Verified():
                parts["proof"] = round(now - last, 1)
                proven = event.ok
                last = now
    return {"seconds": round(last - begin, 1), "parts": parts, "proven": proven}


def print_export(exported: dict[str, Any]) -> None:
    print(f"Export of the demo run: {exported['seconds']:.1f} s ({SECONDS} s allowed)")
    for part, seconds in exported["parts"].items():
        print(f"  {part:20} {seconds:6.1f} s")
    print(f"  {'proven' if exported['proven'] else 'NOT PROVEN'}")


def measure(model: str, folder: Path, layers: int) -> dict[str, Any]:
    """Bytes at the most of both merges, and their seconds."""
    base, adapter = folder / f"{model}-base", folder / f"{model}-adapter"
    found: dict[str, Any] = {"model": model, "file": 0}
    if model != "nothing":
        run_child("make", model, base, adapter, layers)
        found["file"] = max(file.stat().st_size for file in model_heads.safetensors_of(base))
        found["bytes"] = sum(file.stat().st_size for file in model_heads.safetensors_of(base))
    for side in ("ours", "peft"):
        if model == "nothing" and side == "peft":
            continue
        merged = folder / f"{model}-{side}"
        result = run_child(side, model, base, adapter, merged)
        found |= {side: result["memory"], f"{side}_seconds": result["seconds"]}
        shutil.rmtree(merged, ignore_errors=True)
    shutil.rmtree(base, ignore_errors=True)
    return found


def print_merges(merges: list[dict[str, Any]], libraries: int) -> None:
    print(f"\nMemory of a merge, at the most (libraries alone: {libraries / 1e9:.2f} GB)")
    print(f"{'model':10} {'weights':>9} {'one file':>9} {'allowed':>9} {'ours':>9} {'PEFT':>9}   seconds of both")
    for merge in merges:
        sizes = (merge["bytes"], merge["file"], TIMES * merge["file"] + MORE, merge["ours"], merge["peft"])
        weights, file, allowed, ours, theirs = (f"{size / 1e9:.2f} GB" for size in sizes)
        seconds = f"{merge['ours_seconds']:>6.1f} s {merge['peft_seconds']:>6.1f} s"
        print(f"{merge['model']:10} {weights:>9} {file:>9} {allowed:>9} {ours:>9} {theirs:>9} {seconds}")


def run_child(*arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.export", "--child", *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, check=True, text=True)
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


def child(task: str, model: str, base: str, adapter: str, more: str) -> int:
    """In a process of its own: make a model and its adapter, or merge them."""
    begin = time.perf_counter()
    if task == "make":
        make(model, Path(base), Path(adapter), int(more))
    elif task == "ours":
        from lintune_trainer import merging

        if model != "nothing":
            Path(more).mkdir()
            begin = time.perf_counter()
            merging.merge(Path(base), Path(adapter), Path(more))
    else:
        import torch
        from peft import PeftModel
        from transformers import AutoModelForCausalLM

        begin = time.perf_counter()
        with torch.no_grad():
            loaded = AutoModelForCausalLM.from_pretrained(base, dtype="auto")
            PeftModel.from_pretrained(loaded, adapter).merge_and_unload().save_pretrained(more)
    print(json.dumps({"memory": peak_memory(), "seconds": round(time.perf_counter() - begin, 1)}))
    return 0


def make(model: str, base: Path, adapter: Path, layers: int) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    from lintune_trainer import models

    torch.manual_seed(0)
    if model == "demo":
        loaded = models.load(models.weights_folder(base_model.find(base_model.DEMO_MODEL, Path())))
        loaded.save_pretrained(base, max_shard_size="64MB")
    else:
        config = LlamaConfig(
            hidden_size=HIDDEN,
            intermediate_size=INTERMEDIATE,
            num_hidden_layers=layers,
            num_attention_heads=16,
            vocab_size=VOCABULARY,
            tie_word_embeddings=False,
        )
        torch.set_default_dtype(torch.bfloat16)
        loaded = LlamaForCausalLM(config)
        loaded.save_pretrained(base, max_shard_size="400MB")
    settings = LoraConfig(r=16, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(loaded, settings).save_pretrained(adapter)


if __name__ == "__main__":
    sys.exit(main())
