"""What is known of a base model without loading it, compared with what transformers and llama.cpp's files say."""

from __future__ import annotations

import json
import random
import struct
from pathlib import Path

import pytest
import yaml

from lintune_schemas import base_model, model_config, starter_models
from lintune_schemas.base_model import DEMO_MODEL
from lintune_schemas.model_facts import facts_of
from lintune_schemas.model_heads import Heads
from lintune_schemas.starter_models import STARTERS

LISTED = yaml.safe_load(Path(starter_models.__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
CONFIGS = [{**family["config"], **size["config"]} for family in LISTED for size in family["sizes"]]

LLAMA = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 100,
    "max_position_embeddings": 256,
}
MORE = [
    LLAMA,
    {**LLAMA, "attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True},
    {**LLAMA, "model_type": "mistral", "head_dim": 32},
    {**LLAMA, "model_type": "smollm3"},
    {**LLAMA, "model_type": "granite"},
    {**LLAMA, "model_type": "gemma", "head_dim": 32},
    {**LLAMA, "model_type": "qwen3", "attention_bias": True, "head_dim": 32},
]


def weights(path: Path, tensors: dict[str, tuple[int, ...]]) -> None:
    """A safetensors file of bf16 zeros."""
    head, at = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in tensors.items():
        size = 2
        for dimension in shape:
            size *= dimension
        head[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(head).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(at))


def tensors_of(config: dict, layers: int = 2) -> dict[str, tuple[int, ...]]:
    hidden, inner, keys = config["hidden_size"], config["intermediate_size"], config["num_key_value_heads"] * 16
    shapes = {"model.embed_tokens.weight": (config["vocab_size"], hidden), "model.norm.weight": (hidden,)}
    for layer in range(layers):
        for name, shape in {
            "self_attn.q_proj": (hidden, hidden),
            "self_attn.k_proj": (keys, hidden),
            "self_attn.v_proj": (keys, hidden),
            "self_attn.o_proj": (hidden, hidden),
            "mlp.gate_proj": (inner, hidden),
            "mlp.up_proj": (inner, hidden),
            "mlp.down_proj": (hidden, inner),
            "input_layernorm": (hidden,),
            "post_attention_layernorm": (hidden,),
        }.items():
            shapes[f"model.layers.{layer}.{name}.weight"] = shape
    return {**shapes, "lm_head.weight": (config["vocab_size"], hidden)}


def model(folder: Path, config: dict = LLAMA, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    for name, text in files.items():
        (folder / f"{name}.json").write_text(text)
    return folder


def known(config: dict):
    facts = model_config.of_config(config, Heads({}, None))
    assert facts is not None
    return facts


@pytest.mark.parametrize("config", [*CONFIGS, *MORE], ids=lambda config: config["model_type"])
def test_it_is_what_transformers_would_make(config):
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    config = {**config, **config.get("text_config", {}), "num_hidden_layers": 2, "pad_token_id": 0}
    config.pop("text_config", None)
    kind = config.pop("model_type")
    with torch.device("meta"):
        made = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.for_model(kind, **config))
    linear = {name: one for name, one in made.named_modules() if isinstance(one, torch.nn.Linear)}
    facts = known({**config, "model_type": kind})
    assert facts.parameters == sum(parameter.numel() for parameter in made.parameters())
    assert set(facts.modules) == {*linear, "model.embed_tokens"}
    assert facts.linear_modules == {
        name.rpartition(".")[2]: (one.in_features, one.out_features) for name, one in linear.items() if ".1." in name
    }
    assert facts.tied_embeddings == (made.lm_head.weight is made.model.embed_tokens.weight)
    assert facts.context_length == made.config.max_position_embeddings
    assert facts.vocabulary_size == made.config.vocab_size


def test_starters_have_the_parameters_that_their_authors_publish():
    """The sizes of the safetensors files on the hub, as their pages show them."""
    published = {
        "HuggingFaceTB/SmolLM2-135M": 134_515_008,
        "HuggingFaceTB/SmolLM2-360M": 361_821_120,
        "HuggingFaceTB/SmolLM2-1.7B": 1_711_376_384,
        "Qwen/Qwen2.5-0.5B": 494_032_768,
        "Qwen/Qwen2.5-1.5B": 1_543_714_304,
        "Qwen/Qwen2.5-3B": 3_085_938_688,
        "Qwen/Qwen2.5-7B": 7_615_616_512,
        "Qwen/Qwen3-4B": 4_022_468_096,
        "meta-llama/Llama-3.2-1B": 1_235_814_400,
        "meta-llama/Llama-3.2-3B": 3_212_749_824,
        "google/gemma-2-2b": 2_614_341_888,
        "google/gemma-2-9b": 9_241_705_984,
        "google/gemma-3-270m": 268_098_176,
        "google/gemma-3-1b-pt": 999_885_952,
        "google/gemma-3-4b-pt": 4_300_079_472,
        "microsoft/phi-1_5": 1_418_270_720,
        "microsoft/phi-2": 2_779_683_840,
        "microsoft/Phi-3-mini-4k-instruct": 3_821_079_552,
        "microsoft/Phi-4-mini-instruct": 3_836_021_760,
    }
    assert {starter.id: starter.parameters for starter in STARTERS if starter.id in published} == published


def test_starters():
    assert {starter.family for starter in STARTERS} == {
        *("SmolLM2", "Qwen 2.5", "Qwen 3", "Llama 3.2", "Gemma 2", "Gemma 3", "Phi")
    }
    assert len({starter.id for starter in STARTERS}) == len(STARTERS)
    for starter in STARTERS:
        assert starter.strengths and starter.licence and starter.facts.linear_modules
        assert starter.facts.chat_template == starter.instruct


def test_the_demo_model():
    facts = facts_of(DEMO_MODEL, Path())
    starter = starter_models.by_name("huggingfacetb/smollm2-135m-instruct")
    assert facts is not None and starter is not None
    assert facts.source == "gguf"
    assert facts.weight_bytes == base_model.find(DEMO_MODEL, Path()).path.stat().st_size
    same = ("parameters", "architecture", "context_length", "linear_modules", "modules", "layers", "head_dim")
    assert [getattr(facts, name) for name in same] == [getattr(starter.facts, name) for name in same]


def test_without_its_package_the_demo_model_is_known_from_the_list(monkeypatch):
    monkeypatch.setattr(base_model, "_DEMO_PACKAGE", "not_installed")
    facts = facts_of(DEMO_MODEL, Path())
    assert facts is not None
    assert (facts.source, facts.parameters) == ("starter", 134_515_008)


def test_a_folder(tmp_path):
    weights(
        model(tmp_path / "m", tokenizer_config='{"chat_template": "{{ x }}"}') / "model.safetensors", tensors_of(LLAMA)
    )
    facts = facts_of("m", tmp_path)
    assert facts is not None
    by_shape = known(LLAMA)
    assert (facts.parameters, facts.linear_modules) == (by_shape.parameters, by_shape.linear_modules)
    assert set(facts.modules) == set(by_shape.modules)
    assert facts.weight_bytes == (tmp_path / "m" / "model.safetensors").stat().st_size
    assert facts.chat_template and not facts.pickled_only and not facts.tied_embeddings
    assert facts.source == "config"
    assert facts_of(str(tmp_path / "m"), Path("elsewhere")) == facts


def test_tied_embeddings_that_are_written_twice(tmp_path):
    config = {**LLAMA, "tie_word_embeddings": True}
    weights(model(tmp_path / "m", config) / "model.safetensors", tensors_of(LLAMA))
    facts = facts_of("m", tmp_path)
    assert (facts.tied_embeddings, facts.parameters) == (True, known(config).parameters)


def test_gpt_2_writes_its_matrices_the_other_way_round(tmp_path):
    config = {"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 2, "vocab_size": 10, "n_positions": 32}
    tensors = {"wte.weight": (10, 8), "wpe.weight": (32, 8), "h.0.attn.c_attn.weight": (8, 24)}
    weights(model(tmp_path / "m", config) / "model.safetensors", tensors)
    facts = facts_of("m", tmp_path)
    assert (facts.linear_modules, facts.tied_embeddings) == ({"c_attn": (8, 24)}, True)


def test_what_changes_is_seen(tmp_path):
    folder = model(tmp_path / "m")
    assert not facts_of("m", tmp_path).chat_template
    (folder / "chat_template.jinja").write_text("{{ x }}")
    assert facts_of("m", tmp_path).chat_template


def test_weights_in_several_files(tmp_path):
    folder, tensors = model(tmp_path / "m"), tensors_of(LLAMA)
    names, weight_map = list(tensors), {}
    for number, part in enumerate((names[:7], names[7:])):
        weights(folder / f"model-{number}.safetensors", {name: tensors[name] for name in part})
        weight_map |= dict.fromkeys(part, f"model-{number}.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    facts = facts_of("m", tmp_path)
    assert facts.parameters == known(LLAMA).parameters
    assert facts.weight_bytes == sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    (folder / "model-1.safetensors").unlink()
    facts = facts_of("m", tmp_path)
    assert (facts.parameters, facts.weight_bytes) == (known(LLAMA).parameters, None)


def test_pickles(tmp_path):
    folder = model(tmp_path / "m")
    assert not facts_of("m", tmp_path).pickled_only
    (folder / "training_args.bin").write_bytes(b"x")
    assert not facts_of("m", tmp_path).pickled_only
    (folder / "pytorch_model.bin").write_bytes(b"xyz")
    facts = facts_of("m", tmp_path)
    assert (facts.pickled_only, facts.weight_bytes) == (True, 3)
    weights(folder / "model.safetensors", tensors_of(LLAMA))
    assert not facts_of("m", tmp_path).pickled_only


def test_quantized_weights_have_the_shapes_of_bytes(tmp_path):
    config = {**LLAMA, "quantization_config": {"quant_method": "bitsandbytes"}}
    packed = {name: (8, 1) if "proj" in name else shape for name, shape in tensors_of(LLAMA).items()}
    packed["model.layers.0.mlp.up_proj.weight.absmax"] = (96,)
    weights(model(tmp_path / "m", config) / "model.safetensors", packed)
    facts = facts_of("m", tmp_path)
    assert (facts.parameters, facts.linear_modules) == (known(LLAMA).parameters, known(LLAMA).linear_modules)


def test_an_architecture_of_its_own(tmp_path):
    config = {"model_type": "new", "n_embd": 8, "n_layer": 2, "n_head": 2, "vocab_size": 10, "n_positions": 32}
    folder = model(tmp_path / "m", config)
    facts = facts_of("m", tmp_path)
    assert (facts.context_length, facts.hidden_size, facts.linear_modules, facts.modules) == (32, 8, {}, ())
    tensors = {"wte.weight": (10, 8), "h.0.mix.weight": (24, 8), "h.0.norm.weight": (8,), "h.1.mix.weight": (32, 8)}
    weights(folder / "model.safetensors", tensors)
    facts = facts_of("m", tmp_path)
    assert facts.linear_modules == {"mix": (8, 32)}
    assert facts.modules == ("wte", "h.0.mix", "h.1.mix", "lm_head")
    assert facts.parameters == 80 + 24 * 8 + 8 + 32 * 8


def test_a_model_that_sees(tmp_path):
    text = {"model_type": "gemma3_text", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2}
    config = {"model_type": "gemma3", "text_config": text, "vision_config": {"hidden_size": 32, "num_hidden_layers": 9}}
    folder = model(tmp_path / "m", config)
    facts = facts_of("m", tmp_path)
    assert (facts.architecture, facts.heads, facts.kv_heads, facts.head_dim) == ("gemma3_text", 8, 4, 256)
    assert (facts.vocabulary_size, facts.context_length) == (262_208, 131_072)
    assert facts.tied_embeddings
    assert facts.linear_modules["up_proj"] == (64, 96)
    assert facts.modules == (), "what it sees with is not known"
    weights(
        folder / "model.safetensors",
        {
            "language_model.model.embed_tokens.weight": (100, 64),
            "language_model.model.layers.0.mlp.up_proj.weight": (96, 64),
            "vision_tower.vision_model.encoder.layers.0.self_attn.q_proj.weight": (32, 32),
        },
    )
    facts = facts_of("m", tmp_path)
    assert facts.linear_modules == {"up_proj": (64, 96)}
    assert facts.parameters == 6400 + 96 * 64 + 32 * 32
    assert "vision_tower.vision_model.encoder.layers.0.self_attn.q_proj" in facts.modules


def test_a_model_in_the_hubs_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    model(tmp_path / "models--some--thing" / "snapshots" / "abc", {**LLAMA, "auto_map": {"AutoModel": "m.M"}})
    facts = facts_of("some/thing", tmp_path)
    assert facts.architecture == "llama" and facts.custom_code
    assert base_model.find("some/thing", tmp_path).kind is base_model.ModelKind.HUB, "its weights are not here yet"
    weights(tmp_path / "models--some--thing" / "snapshots" / "abc" / "model.safetensors", tensors_of(LLAMA))
    assert base_model.find("some/thing", tmp_path).kind is base_model.ModelKind.FOLDER
    assert facts_of("some/other", tmp_path) is None


def test_a_hub_id_in_whatever_case():
    facts = facts_of("qwen/qwen2.5-0.5b-instruct", Path())
    assert (facts.source, facts.parameters, facts.chat_template) == ("starter", 494_032_768, True)


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{", "{}", "null", '{"model_type": 3}', '{"hidden_size": "64", "vocab_size": -1}'),
        json.dumps({**LLAMA, "hidden_size": None}),
        json.dumps({**LLAMA, "num_attention_heads": True}),
        json.dumps({**LLAMA, "num_hidden_layers": 1_000_000_000}),
        json.dumps({**LLAMA, "vocab_size": 1 << 60}),
        json.dumps({"text_config": [1]}),
    ],
)
def test_a_config_that_says_nothing(tmp_path, text):
    (model(tmp_path / "m") / "config.json").write_text(text)
    assert facts_of("m", tmp_path) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"1234567",
        b"\xff" * 64,
        struct.pack("<Q", 1 << 40),
        struct.pack("<Q", 4) + b"null",
        struct.pack("<Q", 9) + b'{"a": 1}',
        struct.pack("<Q", 30) + b'{"a": {"shape": "no"}}        ',
        struct.pack("<Q", 30) + b'{"a": {"shape": ["no", -1]}}  ',
    ],
)
def test_broken_weights(tmp_path, content):
    (model(tmp_path / "m") / "model.safetensors").write_bytes(content)
    facts = facts_of("m", tmp_path)
    assert facts.parameters == known(LLAMA).parameters


@pytest.mark.parametrize(
    "content", [b"", b"GGUF", b"GGUF" + b"\xff" * 100, b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 1), b"no" * 40]
)
def test_broken_gguf(tmp_path, content):
    (tmp_path / "m.gguf").write_bytes(content)
    assert facts_of("m.gguf", tmp_path) is None


def test_a_cut_gguf(tmp_path):
    with base_model.find(DEMO_MODEL, Path()).path.open("rb") as opened:
        start = opened.read(2_000_000)
    for length in (0, 1, 4, 24, 100, 1_000, 30_000, 1_000_000, 2_000_000):
        (tmp_path / f"{length}.gguf").write_bytes(start[:length])
        facts = facts_of(f"{length}.gguf", tmp_path)
        assert facts is None or facts.parameters == 134_515_008


def test_gguf_of_other_architectures(tmp_path):
    gguf = pytest.importorskip("gguf")
    import numpy as np

    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "phi3")
    writer.add_context_length(4096)
    writer.add_embedding_length(64)
    writer.add_block_count(1)
    writer.add_feed_forward_length(96)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_array("phi3.many", [1.5, 2.5])
    writer.add_token_list([f"t{number}" for number in range(100)])
    for name, shape in {
        "token_embd.weight": (100, 64),
        "output.weight": (100, 64),
        "output_norm.weight": (64,),
        "rope_factors_long.weight": (8,),
        "blk.0.attn_norm.weight": (64,),
        "blk.0.ffn_norm.weight": (64,),
        "blk.0.attn_qkv.weight": (128, 64),
        "blk.0.attn_output.weight": (64, 64),
        "blk.0.ffn_up.weight": (192, 64),
        "blk.0.ffn_down.weight": (64, 96),
    }.items():
        writer.add_tensor(name, np.zeros(shape, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    facts = facts_of("m.gguf", tmp_path)
    config = {**LLAMA, "model_type": "phi3", "num_hidden_layers": 1}
    assert facts.parameters == known(config).parameters
    assert facts.linear_modules == {
        "qkv_proj": (64, 128),
        "o_proj": (64, 64),
        "gate_up_proj": (64, 192),
        "down_proj": (96, 64),
    }
    assert (facts.vocabulary_size, facts.context_length, facts.tied_embeddings) == (100, 4096, False)
    assert not facts.chat_template


def test_gguf_with_wrong_bytes(tmp_path):
    """Whatever stands there, something is said, or nothing: no exception, and no end of memory."""
    with base_model.find(DEMO_MODEL, Path()).path.open("rb") as opened:
        start = opened.read(40_000)
    chance = random.Random(0)
    for _ in range(300):
        data = bytearray(start)
        for _ in range(chance.randint(1, 8)):
            at = chance.randrange(chance.choice((64, 2_000, len(data) - 8)))
            data[at : at + 8] = chance.choice((bytes(8), b"\xff" * 8, chance.randbytes(8)))
        (tmp_path / "m.gguf").write_bytes(data)
        facts = facts_of("m.gguf", tmp_path)
        assert facts is None or facts.source == "gguf"
