"""From transformers to GGUF to llama.cpp: models of each family say the same, with an adapter on the base, too."""

from pathlib import Path

import pytest

from lintune_schemas import base_model
from lintune_schemas.base_model import DEMO_MODEL
from lintune_trainer import models

from . import exports
from .families import FAMILIES, real_gemma

pytestmark = pytest.mark.long


def require_agreement(found: exports.Row) -> None:
    assert [check for check in found.proof.checks if not check.ok] == []
    for figures in (found.f16, found.adapter):
        assert figures["kl_mean"] <= 1e-3
        assert figures["top1"] >= 0.99
        assert figures["positions"] >= 100


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tiny_model(family: str, tmp_path: Path) -> None:
    subject, chat = exports.write(tmp_path, exports.small(family, tmp_path / "model"), None)
    require_agreement(exports.row(subject, chat, samples=8))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["smollm2", "gemma"])
def test_a_real_model(name: str, tmp_path: Path) -> None:
    demo = base_model.find(DEMO_MODEL, Path())
    weights = real_gemma(tmp_path) if name == "gemma" else models.weights_folder(demo)
    subject, chat = exports.write(tmp_path, weights, None, exports.GENTLE)
    require_agreement(exports.row(subject, chat, samples=8))


def test_layers_that_llama_cpp_takes_for_others(tmp_path: Path) -> None:
    """Of Gemma 3, it takes every sixth layer for one that sees all, whatever config.json says."""
    model = exports.small("gemma3", tmp_path / "model", layers=["sliding_attention", "full_attention"])
    subject, chat = exports.write(tmp_path, model, None)
    found = exports.row(subject, chat, samples=4)
    logits = next(check for check in found.proof.checks if check.name == "logits of model-f16.gguf")
    assert not logits.ok
    assert "llama.cpp computes otherwise than transformers does" in logits.detail
