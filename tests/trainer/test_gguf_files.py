"""GGUF files of whole models: what their metadata say, what cannot be written, and what an importance matrix does."""

import json
import os
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGUFReader
from gguf.quants import dequantize

from lintune_schemas import base_model
from lintune_schemas.base_model import BaseModel, ModelKind
from lintune_schemas.errors import LintuneError
from lintune_trainer import base_gguf, gguf_files, importance
from lintune_trainer.gguf_files import Origin
from lintune_trainer.proof.gguf_head import Reader
from lintune_trainer.proof.llama import Vocabulary

ORIGIN = Origin(
    "lamps 20260101T000000Z-01234567",
    run="20260101T000000Z-01234567",
    base="HuggingFaceTB/SmolLM2-135M-Instruct",
    base_url="https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
    licence="apache-2.0",
    end_tokens=(0, 6),
)


@pytest.fixture(scope="module")
def f16(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "f16.gguf"
    gguf_files.convert(small_model, path, "f16", ORIGIN)
    return path


def metadata(path: Path) -> dict[str, Any]:
    return {key: field.contents() for key, field in GGUFReader(path).fields.items()}


@pytest.mark.parametrize("quantization", ["f16", "q8_0", "q4_k_m"])
def test_what_the_metadata_say(f16: Path, small_model: Path, tmp_path: Path, quantization: str) -> None:
    """They go from file to file."""
    path = f16
    if quantization != "f16":
        path = tmp_path / "other.gguf"
        gguf_files.quantize(f16, path, quantization)
    said = metadata(path)
    wanted = {
        "general.type": "model",
        "general.architecture": "llama",
        "general.name": ORIGIN.name,
        "general.license": "apache-2.0",
        "general.base_model.count": 1,
        "general.base_model.0.name": ORIGIN.base,
        "general.base_model.0.repo_url": ORIGIN.base_url,
        "lintune.run": ORIGIN.run,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.eot_token_id": 0,
        "tokenizer.ggml.eom_token_id": 6,
        "tokenizer.ggml.padding_token_id": 2,
        "tokenizer.chat_template": (small_model / "chat_template.jinja").read_text(encoding="utf-8"),
    }
    assert {key: said.get(key) for key in wanted} == wanted
    with Vocabulary(path) as vocabulary:
        assert all(vocabulary.is_end(token) for token in (0, 2, 6))


def test_a_model_that_the_converter_does_not_know(small_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(small_model, tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["NobodysForCausalLM"]}))
    with pytest.raises(LintuneError, match=r"cannot write this model as GGUF .*NobodysForCausalLM"):
        gguf_files.convert(folder, tmp_path / "x.gguf", "f16", Origin("x"))
    assert not list(tmp_path.glob("*.gguf"))


def test_half_a_file_is_not_quantized(f16: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.gguf"
    half.write_bytes(f16.read_bytes()[: f16.stat().st_size // 2])
    with pytest.raises(LintuneError, match=r"could not write q\.gguf"):
        gguf_files.quantize(half, tmp_path / "q.gguf", "q4_0")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["half.gguf"]


def test_the_base_model_is_written_once(small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_model, "cache_folder", lambda: tmp_path)
    base = BaseModel("small", ModelKind.FOLDER, small_model)
    expected = base_model.gguf_file(base)
    written = base_gguf.require(base, small_model)
    assert written == expected
    kinds = {tensor.tensor_type.name for tensor in Reader(written).tensors if len(tensor.shape) == 2}
    assert kinds == {"Q8_0"}
    before = written.stat()
    unused = written.with_name("0.gguf")
    unused.touch()
    os.utime(unused, (0, 0))
    assert base_gguf.require(base, small_model) == written
    assert written.stat().st_ino == before.st_ino
    assert [path.name for path in written.parent.glob("*.gguf")] == [written.name]
    gguf = BaseModel("one", ModelKind.GGUF, written)
    assert base_gguf.require(gguf, small_model) == written


def matrices(path: Path, names: Collection[str]) -> dict[str, np.ndarray[Any, Any]]:
    """In fp32."""
    found = (tensor for tensor in Reader(path).tensors if tensor.name in names)
    return {tensor.name: dequantize(tensor.data, tensor.tensor_type).astype(np.float32) for tensor in found}


def test_what_matters_is_rounded_less(f16: Path, small_model: Path, tmp_path: Path) -> None:
    """By the error that importance weighs; the file is the same size."""
    texts = [list(range(start, start + 40)) for start in range(100, 2100, 50)]
    measured = importance.measure(small_model, f16, texts)
    assert measured.keys() == {f"blk.{layer}.{name}.weight" for layer in (0, 1) for name in MATRICES}
    assert measured["blk.0.ffn_down.weight"].shape == (128,)
    importance.write(measured, tmp_path / "imatrix.gguf")
    read = importance.read(tmp_path / "imatrix.gguf")
    for name, values in measured.items():
        np.testing.assert_allclose(read[name], values)
    gguf_files.quantize(f16, tmp_path / "plain.gguf", "q4_0")
    gguf_files.quantize(f16, tmp_path / "weighed.gguf", "q4_0", read)
    files = (f16, tmp_path / "plain.gguf", tmp_path / "weighed.gguf")
    exact, *others = (matrices(file, measured) for file in files)
    for name, values in measured.items():
        plain, weighed = (float((np.square(other[name] - exact[name]) * values).sum()) for other in others)
        assert weighed < plain, name


MATRICES = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")


def test_importance_is_the_mean_of_squares(f16: Path, small_model: Path) -> None:
    """Of what goes into a matrix, over all tokens that are read."""
    import torch

    from lintune_trainer import models

    samples = [list(range(200, 230)), list(range(300, 310))]
    model = models.load(small_model)
    seen: list[Any] = []
    model.model.layers[1].mlp.down_proj.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0][0]))
    model(input_ids=torch.tensor([samples[0] + samples[1]]))
    expected = seen[0].square().mean(0).detach().numpy()
    measured = importance.measure(small_model, f16, samples)
    np.testing.assert_allclose(measured["blk.1.ffn_down.weight"], expected, rtol=1e-4)


def test_no_more_is_read_than_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importance, "TOKENS", 1000)
    samples = [[number] * 100 for number in range(100)]
    read = list(importance._rows(samples))
    assert sum(map(len, read)) == 1000
    assert [row[0] for row in read] == [0, 60]  # from all over, short ones behind each other
    assert list(importance._rows([[1, 2], [3]])) == [[1, 2, 3]]
    assert list(importance._rows([])) == []
