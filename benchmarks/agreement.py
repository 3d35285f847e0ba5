"""How far llama.cpp is from transformers, by model family: `python -m benchmarks.agreement`.

Tiny random models under the real config classes with the real tokenizers, and two real ones. Each with a random adapter
on all linear layers: merged, written as F16, and read by llama.cpp; and the adapter as GGUF on the base model in F16.
Divergences are means over positions, in nats.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

from tests.trainer import exports
from tests.trainer.families import FAMILIES, real_gemma

from lintune_schemas import base_model
from lintune_schemas.base_model import DEMO_MODEL
from lintune_trainer import models

_REAL = ("SmolLM2-135M", "Gemma 3 270M")
_SAMPLES = 50


def main(names: list[str]) -> None:
    """names: of families or real models; none for all."""
    head = ("model", "positions", "KL F16", "largest", "top-1", "KL adapter", "largest", "top-1")
    print("{:<14}{:>10}{:>11}{:>10}{:>9}{:>12}{:>10}{:>9}  proven".format(*head))
    for name in names or (*FAMILIES, *_REAL):
        with tempfile.TemporaryDirectory(prefix="lintune-agreement-") as scratch:
            folder = Path(scratch)
            subject, chat = exports.write(folder, _weights(name, folder), None, exports.GENTLE if name in _REAL else 8)
            found = exports.row(subject, chat, _SAMPLES)
            figures = [
                text
                for one in (found.f16, found.adapter)
                for text in (f"{one['kl_mean']:.1e}", f"{one['kl_max']:.1e}", f"{one['top1']:.2%}")
            ]
            line = "{:<14}{:>10,.0f}{:>11}{:>10}{:>9}{:>12}{:>10}{:>9}".format(name, found.f16["positions"], *figures)
            print(line, " yes" if found.proof.ok else " no", flush=True)


def _weights(name: str, folder: Path) -> Path:
    if name == _REAL[0]:
        return models.weights_folder(base_model.find(DEMO_MODEL, Path()))
    if name == _REAL[1]:
        return real_gemma(folder)
    return exports.small(name, folder / "model")


if __name__ == "__main__":
    main(sys.argv[1:])
