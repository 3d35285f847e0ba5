"""What llama.cpp makes of rows that do not fit its blocks, and which models its converter knows: what RC621 says."""

from importlib.resources import files
from pathlib import Path

import gguf
import numpy as np
import pytest

from lintune_trainer import gguf_files
from lintune_trainer.proof.gguf_head import Reader
from lintune_trainer.quantizations import QUANTIZATIONS


def smallest_llama(path: Path, hidden: int, intermediate: int) -> Path:
    """An f16 GGUF of one layer."""
    vocabulary = 64
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(hidden)
    writer.add_block_count(1)
    writer.add_feed_forward_length(intermediate)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_file_type(1)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list([f"t{index}" for index in range(vocabulary)])
    writer.add_token_types([1] * vocabulary)
    writer.add_token_merges([])
    chance = np.random.default_rng(0)
    shapes = {
        "token_embd": (vocabulary, hidden),
        "output": (vocabulary, hidden),
        "output_norm": (hidden,),
        "blk.0.attn_norm": (hidden,),
        "blk.0.ffn_norm": (hidden,),
        "blk.0.attn_q": (hidden, hidden),
        "blk.0.attn_k": (hidden, hidden),
        "blk.0.attn_v": (hidden, hidden),
        "blk.0.attn_output": (hidden, hidden),
        "blk.0.ffn_up": (intermediate, hidden),
        "blk.0.ffn_gate": (intermediate, hidden),
        "blk.0.ffn_down": (hidden, intermediate),
    }
    for name, shape in shapes.items():
        kind = np.float32 if len(shape) == 1 else np.float16
        writer.add_tensor(f"{name}.weight", chance.normal(size=shape).astype(kind))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def kinds(path: Path) -> list[str]:
    """The types of a layer's matrices."""
    tensors = Reader(path).tensors
    return [one.tensor_type.name for one in tensors if one.name.startswith("blk.") and len(one.shape) == 2]


@pytest.mark.parametrize("quantization", [name for name in QUANTIZATIONS if name not in ("f16", "bf16")])
def test_rows_that_fit_no_block_stay_in_f16(tmp_path: Path, quantization: str) -> None:
    gguf_files.quantize(smallest_llama(tmp_path / "f16.gguf", 48, 80), tmp_path / "q.gguf", quantization)
    assert set(kinds(tmp_path / "q.gguf")) == {"F16"}


@pytest.mark.parametrize("quantization", ["q2_k", "q3_k_s", "q3_k_m", "q3_k_l"])
@pytest.mark.parametrize(("hidden", "intermediate"), [(320, 640), (576, 1536)])
def test_few_bits_need_rows_of_256(tmp_path: Path, quantization: str, hidden: int, intermediate: int) -> None:
    gguf_files.quantize(smallest_llama(tmp_path / "f16.gguf", hidden, intermediate), tmp_path / "q.gguf", quantization)
    written = kinds(tmp_path / "q.gguf")
    assert written.count("Q4_0") > len(written) / 2
    gguf_files.quantize(smallest_llama(tmp_path / "f16.gguf", 256, 512), tmp_path / "q.gguf", quantization)
    assert {"Q2_K", "Q3_K"} & set(kinds(tmp_path / "q.gguf"))


def test_the_converter_knows_what_is_listed() -> None:
    """The list is there so that the server need not import the converter, and torch with it."""
    from conversion import TEXT_MODEL_MAP

    listed = files("lintune_schemas").joinpath("gguf_architectures.txt").read_text(encoding="utf-8").split()
    assert listed == sorted(TEXT_MODEL_MAP)
