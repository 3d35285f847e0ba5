"""The memory model of `lintune_server/hardware/memory.py` beside the measured peak of real trainings.

python benchmarks/memory.py [NAME …]

Each recipe is trained for two steps by the real trainer in a process of its own, without an export. Measured is the
most memory that the process ever held (VmHWM of Linux, the peak of its resident set); on a CUDA device, the most that
torch had allocated, which leaves out the driver's share. The last line is the figures as JSON.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from lintune_server.hardware import audit, memory
from lintune_server.lint.recipe_source import RecipeSource

MODEL = "smollm2-135m-instruct"
LIMIT = 0.2
"""How far off an estimate may be."""

COMMON: dict[str, Any] = {
    "base_model": MODEL,
    "datasets": [{"path": "train.jsonl", "type": "chat_template"}],
    "lora_r": 16,
    "lora_alpha": 32,
    "lora_target_linear": True,
    "max_steps": 2,
    "learning_rate": 0.0002,
    "lintune": {"export": {"gguf": []}},
}
QLORA = {"adapter": "qlora", "load_in_4bit": True, "bf16": True}
LORA = {"adapter": "lora", "bf16": True}
FULL = {"adapter": "lora", "bf16": False}

RECIPES: dict[str, dict[str, Any]] = {
    "4-bit, 4 x 512": {**QLORA, "sequence_len": 512, "micro_batch_size": 4},
    "4-bit, 1 x 256": {**QLORA, "sequence_len": 256, "micro_batch_size": 1},
    "4-bit, 8 x 256, checkpointing": {
        **QLORA,
        "sequence_len": 256,
        "micro_batch_size": 8,
        "gradient_checkpointing": True,
    },
    "bf16, 2 x 512": {**LORA, "sequence_len": 512, "micro_batch_size": 2},
    "bf16, 2 x 512, dropout, r 64": {
        **LORA,
        "sequence_len": 512,
        "micro_batch_size": 2,
        "lora_r": 64,
        "lora_dropout": 0.05,
    },
    "bf16, 2 x 512, queries and values": {
        **LORA,
        "sequence_len": 512,
        "micro_batch_size": 2,
        "lora_target_linear": False,
        "lora_target_modules": ["q_proj", "v_proj"],
    },
    "fp32, 2 x 384": {**FULL, "sequence_len": 384, "micro_batch_size": 2},
    "fp32, 1 x 1024, checkpointing": {
        **FULL,
        "sequence_len": 1024,
        "micro_batch_size": 1,
        "gradient_checkpointing": True,
    },
}

WORDS = ("the", "a", "of", "house", "river", "light", "small", "open", "green", "walks", "reads", "under", "table")

CHILD = """
import json, sys
from pathlib import Path
from lintune_trainer.process import Streams
from lintune_trainer.train import train
seconds = []
streams = Streams()
streams.print = lambda line: seconds.append(json.loads(line).get("tokens_per_second"))
train(Path(sys.argv[1]), (), None, streams)
from lintune_trainer.device import peak_memory
speeds = [speed for speed in seconds if speed]
Path(sys.argv[2]).write_text(json.dumps({"peak": peak_memory(), "tokens_per_second": speeds[-1]}))
"""


def write_data(path: Path, width: int, samples: int) -> None:
    """Chats whose answers take most of so many tokens; a few are longer, and dropped."""
    chosen = random.Random(7)
    rows = []
    for _ in range(samples):
        answer = " ".join(chosen.choices(WORDS, k=width - 48 - chosen.randrange(8)))
        turns = [{"role": "user", "content": "Go on."}, {"role": "assistant", "content": answer}]
        rows.append(json.dumps({"messages": turns}))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def measured(recipe: Path) -> dict[str, float]:
    out = recipe.with_name("measured.json")
    command = [sys.executable, "-c", CHILD, str(recipe), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"The training failed:\n{done.stderr}")
    found: dict[str, float] = json.loads(out.read_text(encoding="utf-8"))
    return found


def estimated(recipe: Path) -> memory.MemoryEstimate:
    source = RecipeSource(recipe.read_text(encoding="utf-8"), recipe)
    assert source.recipe is not None
    assert source.model is not None
    batch = memory.largest_batch(source.recipe, source.data)
    found = memory.estimate(source.recipe, source.model, source.machine, batch)
    assert found is not None
    return found


def main() -> None:
    wanted = sys.argv[1:] or list(RECIPES)
    device = audit().device
    figures = []
    print(f"{'recipe':<34}{'estimate':>10}{'measured':>10}{'ratio':>8}{'tokens/s':>10}")
    for name in wanted:
        with tempfile.TemporaryDirectory() as folder:
            recipe = Path(folder) / "recipe.yaml"
            recipe.write_text(json.dumps({**COMMON, **RECIPES[name]}), encoding="utf-8")
            write_data(recipe.with_name("train.jsonl"), RECIPES[name]["sequence_len"], 24)
            estimate = estimated(recipe)
            found = measured(recipe)
        bytes_ = estimate.peak - estimate.framework if device else estimate.peak + estimate.mapped
        ratio = bytes_ / found["peak"]
        speed = found["tokens_per_second"]
        print(f"{name:<34}{bytes_ / 2**20:>6,.0f} MiB{found['peak'] / 2**20:>6,.0f} MiB{ratio:>8.2f}{speed:>10,.0f}")
        figures.append({"recipe": name, "estimate": bytes_, "measured": int(found["peak"]), "ratio": round(ratio, 3)})
    worst = max(abs(figure["ratio"] - 1) for figure in figures)
    print(f"The estimate that is furthest off, by {worst:.0%}; {LIMIT:.0%} is the limit.")
    print(json.dumps({"device": device.name if device else "cpu", "recipes": figures}))
    sys.exit(worst > LIMIT)


if __name__ == "__main__":
    main()
