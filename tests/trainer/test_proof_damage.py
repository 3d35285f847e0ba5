"""Exports that are damaged, one link at a time: the proof rejects each, and names what is broken."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import gguf
import numpy as np
import pytest
from gguf import GGUFReader, GGUFValueType
from safetensors.torch import load_file, save_file

from lintune_schemas.chat import ChatTokenizer
from lintune_schemas.conversations import Conversation
from lintune_schemas.events import Check, Link
from lintune_trainer import proof
from lintune_trainer.gguf_files import Origin, convert, quantize
from lintune_trainer.proof import Subject
from lintune_trainer.proof.gguf_head import Reader

from . import exports

pytestmark = pytest.mark.long

QUANTIZATION = "q8_0"


class Export(NamedTuple):
    subject: Subject
    chat: ChatTokenizer
    samples: list[Conversation]


@pytest.fixture(scope="module")
def whole(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """A sound export of a tiny Llama with the demo model's tokenizer."""
    folder = tmp_path_factory.mktemp("export")
    model = exports.decide(Path(shutil.copytree(small_model, folder / "model")))
    subject, chat = exports.write(folder, model, QUANTIZATION)
    return Export(subject, chat, exports.conversations("eval.jsonl")[:4])


@pytest.fixture
def export(whole: Export, tmp_path: Path) -> Export:
    """A copy of it to damage."""
    original = whole.subject.merged.parent
    folder = Path(shutil.copytree(original, tmp_path / "export"))

    def here(path: Path) -> Path:
        return folder / path.relative_to(original)

    subject = whole.subject
    assert subject.adapter_gguf and subject.base_gguf
    copied = Subject(
        f16=here(subject.f16),
        others=[here(path) for path in subject.others],
        merged=here(subject.merged),
        weights=here(subject.weights),
        adapter=here(subject.adapter),
        adapter_gguf=here(subject.adapter_gguf),
        base_gguf=here(subject.base_gguf),
    )
    return whole._replace(subject=copied)


def broken(export: Export) -> tuple[list[Check], list[str]]:
    """What the proof finds wrong, and the files that it rejects."""
    found = proof.prove(export.subject, export.chat, export.samples, [])
    return [check for check in found.checks if not check.ok], [file.name for file in found.failed]


def as_it_is(_: str, value: Any) -> Any:
    return value


def rewrite(path: Path, change: Callable[[str, Any], Any] = as_it_is, drop: str = "", **more: bool) -> None:
    """Write a GGUF file again with other metadata. more: booleans that it has then, by the last part of their keys."""
    reader = GGUFReader(path)
    writer = gguf.GGUFWriter(path.with_suffix(".new"), str(reader.fields["general.architecture"].contents()))
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key in ("general.architecture", drop) or key.rpartition(".")[2] in more:
            continue
        kind, sub = field.types[0], field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None
        writer.add_key_value(key, change(key, field.contents()), kind, sub)
    for name, value in more.items():
        writer.add_bool(f"tokenizer.ggml.{name}", value)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, np.array(tensor.data), raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    path.with_suffix(".new").rename(path)


def set_number(path: Path, key: str, value: float) -> None:
    Reader(path, "r+").fields[key].parts[-1][0] = value


def rows_of(path: Path, name: str) -> np.ndarray:
    """A tensor's rows, which write through to the file."""
    (tensor,) = (tensor for tensor in Reader(path, "r+").tensors if tensor.name == name)
    return tensor.data


def remake(export: Export) -> None:
    """GGUF files of the merged model as it is now, as they would be if it had been written so."""
    export.subject.f16.unlink()
    convert(export.subject.merged, export.subject.f16, "f16", Origin("tuned"))
    export.subject.others[0].unlink()
    quantize(export.subject.f16, export.subject.others[0], QUANTIZATION)


def test_a_sound_export_is_proven(whole: Export) -> None:
    found = proof.prove(whole.subject, whole.chat, whole.samples, [])
    assert [check.name for check in found.checks if not check.ok] == []
    assert found.failed == []
    figures = {check.name: check.figures for check in found.checks}
    assert figures["logits of model-f16.gguf"]["kl_mean"] < 1e-3
    assert figures["logits of model-f16.gguf"]["top1"] > 0.99
    assert figures["adapter.gguf on the base model"]["kl_mean"] < 1e-3
    assert figures["merged weights"]["matrices"] == 14


def test_another_chat_template(export: Export) -> None:
    rewrite(
        export.subject.f16,
        lambda key, value: value.replace("user", "human").replace("<|im_end|>", "") if "template" in key else value,
    )
    (check,), rejected = broken(export)
    assert check.link is Link.TEMPLATE
    assert "sample 1 begins to differ at" in check.detail
    assert rejected == ["model-f16.gguf"]


def test_no_eos(export: Export) -> None:
    rewrite(export.subject.f16, drop="tokenizer.ggml.eos_token_id")
    (check,), rejected = broken(export)
    assert check.link is Link.EOS
    assert "names no EOS token" in check.detail
    assert rejected == ["model-f16.gguf"]


def test_another_eos(export: Export) -> None:
    set_number(export.subject.others[0], "tokenizer.ggml.eos_token_id", 42)
    (check,), rejected = broken(export)
    assert check.link is Link.EOS
    assert rejected == ["model-q8_0.gguf"]


def test_bos_doubled(export: Export) -> None:
    rewrite(export.subject.f16, add_bos_token=True)
    (check,), rejected = broken(export)
    assert check.link is Link.TOKENIZER
    assert check.detail.startswith("the BOS is doubled")
    assert rejected == ["model-f16.gguf"]


def test_other_merges(export: Export) -> None:
    def shuffled(key: str, value: Any) -> Any:
        return [*value[200:], *value[:200]] if key == "tokenizer.ggml.merges" else value

    rewrite(export.subject.f16, shuffled)
    (check,), rejected = broken(export)
    assert check.link is Link.TOKENIZER
    assert "llama.cpp splits" in check.detail
    assert rejected == ["model-f16.gguf"]


def test_wrong_rope_base(export: Export) -> None:
    set_number(export.subject.f16, "llama.rope.freq_base", 500_000.0)
    checks, rejected = broken(export)
    assert {check.link for check in checks} == {Link.ROPE}
    assert "llama.rope.freq_base is 500000.0, the trained model has 10000.0" in checks[0].detail
    assert any(check.name == "logits of model-f16.gguf" and "because" in check.detail for check in checks)
    assert rejected == ["model-f16.gguf", "model-q8_0.gguf"]


def test_another_norm_constant(export: Export) -> None:
    set_number(export.subject.f16, "llama.attention.layer_norm_rms_epsilon", 0.1)
    checks, _ = broken(export)
    assert {check.link for check in checks} == {Link.CONFIGURATION}


def test_wrong_merge_scale(export: Export) -> None:
    """As with alpha over the rank where it is to be over the rank's root: twice the adapter here."""
    settings = export.subject.adapter / "adapter_config.json"
    trained = settings.read_text()
    settings.write_text(json.dumps(json.loads(trained) | {"lora_alpha": 16}))
    shutil.rmtree(export.subject.merged)
    exports.merge(export.subject, export.chat)
    remake(export)
    settings.write_text(trained)
    checks, rejected = broken(export)
    assert {check.link for check in checks} == {Link.WEIGHTS}
    assert "the merge scale is wrong" in checks[0].detail
    assert checks[0].figures["scale"] == pytest.approx(2, abs=0.05)
    assert rejected == ["model-f16.gguf", "model-q8_0.gguf"]


def test_rows_permuted(export: Export) -> None:
    rows = rows_of(export.subject.f16, "blk.1.attn_q.weight")
    rows[:] = np.roll(rows, 1, axis=0)
    checks, rejected = broken(export)
    assert {check.link for check in checks} == {Link.WEIGHTS}
    assert "blk.1.attn_q.weight has its rows in another order" in checks[0].detail
    assert "model-f16.gguf" in rejected


def test_queries_in_the_order_of_transformers(export: Export) -> None:
    """What a converter would write that forgets how llama.cpp rotates."""
    rows = rows_of(export.subject.f16, "blk.0.attn_q.weight")
    rows[:] = rows.reshape(4, -1, 2, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)
    checks, _ = broken(export)
    assert checks[0].link is Link.WEIGHTS
    assert "blk.0.attn_q.weight has its rows in another order" in checks[0].detail


def test_a_tensor_scaled(export: Export) -> None:
    rows_of(export.subject.f16, "blk.1.ffn_down.weight")[:] *= np.float16(0.5)
    checks, _ = broken(export)
    assert checks[0].link is Link.WEIGHTS
    assert "blk.1.ffn_down.weight is scaled: it is 0.5 times what it should be" in checks[0].detail


def test_a_quantized_tensor_damaged(export: Export) -> None:
    blocks = rows_of(export.subject.others[0], "blk.1.ffn_up.weight")
    blocks[:] = np.roll(blocks, 1, axis=0)
    checks, rejected = broken(export)
    assert {check.link for check in checks} == {Link.QUANTIZATION}
    assert "blk.1.ffn_up.weight has its rows in another order" in checks[0].detail
    assert rejected == ["model-q8_0.gguf"]


@pytest.mark.parametrize("share", [0.2, 0.95])
def test_a_file_cut_short(export: Export, share: float) -> None:
    data = export.subject.f16.read_bytes()
    export.subject.f16.write_bytes(data[: int(share * len(data))])
    (check,), rejected = broken(export)
    assert check.link is Link.FORMAT
    assert rejected == ["model-f16.gguf", "model-q8_0.gguf"]


def test_an_adapter_of_another_scale(export: Export) -> None:
    assert export.subject.adapter_gguf
    set_number(export.subject.adapter_gguf, "adapter.lora.alpha", 24.0)
    (check,), rejected = broken(export)
    assert check.link is Link.ADAPTER
    assert rejected == ["adapter.gguf"]


def test_merged_weights_changed(export: Export) -> None:
    path = export.subject.merged / "model.safetensors"
    weights = load_file(path)
    name = "model.layers.0.mlp.up_proj.weight"
    weights[name] = weights[name].flip(0).contiguous()
    save_file(weights, path, metadata={"format": "pt"})
    remake(export)
    checks, _ = broken(export)
    assert "layers.0.mlp.up_proj is not the base model's matrix plus the adapter's" in checks[0].detail
    assert checks[0].link is Link.WEIGHTS


def test_not_a_gguf_file(export: Export) -> None:
    export.subject.others[0].write_bytes(struct.pack("<I", 42) * 100)
    (check,), rejected = broken(export)
    assert check.link is Link.FORMAT
    assert rejected == ["model-q8_0.gguf"]
