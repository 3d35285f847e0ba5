"""Merging: the files of the base model, with what was learned added, as PEFT would have added it in memory."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from lintune_schemas import model_heads
from lintune_schemas.errors import LintuneError
from lintune_trainer import merging, models

PROMPT = torch.arange(5, 25)[None]


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return {name: one for file in model_heads.safetensors_of(folder) for name, one in load_file(file).items()}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a small random Llama, in several files."""

    def make(dtype: torch.dtype = torch.float32, *, tied: bool = False) -> Path:
        folder = tmp_path_factory.mktemp("base")
        torch.manual_seed(0)
        config = LlamaConfig(
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            vocab_size=64,
            tie_word_embeddings=tied,
        )
        LlamaForCausalLM(config).to(dtype).save_pretrained(folder, max_shard_size="16KB")
        assert len(model_heads.safetensors_of(folder)) > 2
        return folder

    return make


def adapted(base: Path, adapter: Path, **values: Any) -> Any:
    """A PEFT model with random matrices, and its adapter in a folder."""
    asked: dict[str, Any] = {"target_modules": "all-linear", "r": 4, "lora_alpha": 8, **values}
    model = get_peft_model(models.load(base), LoraConfig(task_type="CAUSAL_LM", **asked))
    torch.manual_seed(1)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.requires_grad:
                weights.add_(torch.randn_like(weights), alpha=0.1)
    model.save_pretrained(adapter)
    return model.eval()


def merged(base: Path, adapter: Path, folder: Path) -> Path:
    folder.mkdir()
    merging.merge(base, adapter, folder)
    return folder


@torch.no_grad()
def logits(model: Any) -> torch.Tensor:
    result: torch.Tensor = model(input_ids=PROMPT).logits
    return result


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"use_rslora": True, "target_modules": ["q_proj", "down_proj", "lm_head"]},
        {"use_dora": True},
        {"target_modules": ["embed_tokens", "v_proj"]},
        {"modules_to_save": ["norm", "lm_head"]},
        {"alpha_pattern": {"q_proj": 32}, "rank_pattern": {"down_proj": 2}},
        {"bias": "lora_only"},
    ],
    ids=str,
)
def test_it_is_what_peft_makes_of_it(base: Callable[..., Path], tmp_path: Path, values: dict[str, Any]) -> None:
    model = adapted(base(), tmp_path / "adapter", **values)
    tuned = logits(model)
    ours = tensors(merged(base(), tmp_path / "adapter", tmp_path / "merged"))
    theirs = model.merge_and_unload(safe_merge=True).state_dict()
    assert ours.keys() == theirs.keys()
    for name, one in ours.items():
        torch.testing.assert_close(one, theirs[name], rtol=1e-5, atol=1e-6, msg=name)
    torch.testing.assert_close(logits(models.load(tmp_path / "merged")), tuned, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_sum_is_rounded_once(base: Callable[..., Path], tmp_path: Path, dtype: torch.dtype) -> None:
    folder = base(dtype)
    model = adapted(folder, tmp_path / "adapter")
    before, after = tensors(folder), tensors(merged(folder, tmp_path / "adapter", tmp_path / "merged"))
    theirs = model.merge_and_unload().state_dict()
    exact = PeftModel.from_pretrained(models.load(folder, torch.float32), tmp_path / "adapter").merge_and_unload()
    for name, one in exact.state_dict().items():
        assert after[name].dtype == dtype
        torch.testing.assert_close(after[name], one.to(dtype), rtol=0, atol=0, msg=name)
        nearest = (after[name].float() - one).abs()
        assert (nearest <= (theirs[name].float() - one).abs() + 1e-7).all(), f"PEFT rounds twice: {name}"
    assert sum(not torch.equal(before[name], after[name]) for name in before) == 14


def test_the_files_keep_their_layout(base: Callable[..., Path], tmp_path: Path) -> None:
    folder = base(torch.bfloat16)
    adapted(folder, tmp_path / "adapter")
    merged(folder, tmp_path / "adapter", tmp_path / "merged")
    for file in model_heads.safetensors_of(folder):
        written = tmp_path / "merged" / file.name
        assert model_heads.read_safetensors(written)[0] == model_heads.read_safetensors(file)[0]
        with safe_open(written, framework="pt") as opened:
            assert opened.metadata() == {"format": "pt"}
    index = "model.safetensors.index.json"
    assert json.loads((tmp_path / "merged" / index).read_text()) == json.loads((folder / index).read_text())
    assert json.loads((tmp_path / "merged" / "config.json").read_text()) == json.loads(
        (folder / "config.json").read_text()
    )


@pytest.mark.parametrize("target", ["lm_head", "embed_tokens"])
def test_one_matrix_of_which_half_was_trained_becomes_two(
    base: Callable[..., Path], tmp_path: Path, target: str
) -> None:
    """Embedding and head are one matrix, and LoRA was put on one of its two uses."""
    folder = base(tied=True)
    tuned = logits(adapted(folder, tmp_path / "adapter", target_modules=[target, "q_proj"]))
    merged(folder, tmp_path / "adapter", tmp_path / "merged")
    torch.testing.assert_close(logits(models.load(tmp_path / "merged")), tuned, rtol=1e-4, atol=1e-5)
    assert not json.loads((tmp_path / "merged" / "config.json").read_text())["tie_word_embeddings"]


def test_one_matrix_that_was_trained_as_one_stays_one(base: Callable[..., Path], tmp_path: Path) -> None:
    folder = base(tied=True)
    model = adapted(folder, tmp_path / "adapter", modules_to_save=["embed_tokens"], ensure_weight_tying=True)
    merged(folder, tmp_path / "adapter", tmp_path / "merged")
    assert "lm_head.weight" not in tensors(tmp_path / "merged")
    torch.testing.assert_close(logits(models.load(tmp_path / "merged")), logits(model), rtol=1e-4, atol=1e-5)


def test_matrices_that_are_kept_the_other_way_round(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = GPT2Config(n_embd=32, n_layer=1, n_head=2, vocab_size=64, n_positions=64)
    GPT2LMHeadModel(config).save_pretrained(tmp_path / "gpt2")
    tuned = logits(adapted(tmp_path / "gpt2", tmp_path / "adapter", target_modules=["c_attn", "c_fc", "c_proj"]))
    merged(tmp_path / "gpt2", tmp_path / "adapter", tmp_path / "merged")
    torch.testing.assert_close(logits(models.load(tmp_path / "merged")), tuned, rtol=1e-4, atol=1e-5)


def test_large_matrices_are_added_to_in_pieces(
    base: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("lora", "dora"):
        adapted(base(), tmp_path / name, use_dora=name == "dora", modules_to_save=["lm_head"])
        at_once = tensors(merged(base(), tmp_path / name, tmp_path / f"{name} at once"))
        monkeypatch.setattr(merging, "_AT_ONCE", 100)  # three rows
        in_pieces = tensors(merged(base(), tmp_path / name, tmp_path / f"{name} in pieces"))
        monkeypatch.undo()
        for tensor, one in at_once.items():
            torch.testing.assert_close(one, in_pieces[tensor], rtol=1e-6, atol=1e-7)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _grow(file: Path) -> None:
    save_file({name: one * 1e38 * 1e10 for name, one in load_file(file).items()}, file)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda adapter, _: _cut(adapter / "adapter_model.safetensors"), "adapter.* is broken"),
        (lambda adapter, _: (adapter / "adapter_config.json").write_text("{"), "adapter.* is broken"),
        (lambda adapter, _: (adapter / "adapter_model.safetensors").unlink(), "adapter.* is broken"),
        (lambda _, base: _cut(model_heads.safetensors_of(base)[0]), "Fetch the model again"),
        (lambda adapter, _: _grow(adapter / "adapter_model.safetensors"), "no numbers. Lower learning_rate"),
    ],
    ids=["adapter cut", "no settings", "no weights", "base cut", "too large"],
)
def test_what_is_broken_is_said(
    base: Callable[..., Path], tmp_path: Path, damage: Callable[[Path, Path], object], said: str
) -> None:
    folder = Path(shutil.copytree(base(), tmp_path / "base"))
    adapted(folder, tmp_path / "adapter")
    damage(tmp_path / "adapter", folder)
    with pytest.raises(LintuneError, match=said):
        merged(folder, tmp_path / "adapter", tmp_path / "merged")


def test_an_adapter_of_another_model(base: Callable[..., Path], tmp_path: Path) -> None:
    torch.manual_seed(0)
    for name, size in (("deeper", {"num_hidden_layers": 3}), ("wider", {"intermediate_size": 64})):
        common = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
        config = LlamaConfig(**{**common, "num_key_value_heads": 2, "vocab_size": 64, **size})
        LlamaForCausalLM(config).save_pretrained(tmp_path / name)
        adapted(tmp_path / name, tmp_path / f"{name}-adapter")
        with pytest.raises(LintuneError, match=r"of another base model than the recipe's"):
            merged(base(), tmp_path / f"{name}-adapter", tmp_path / f"{name}-merged")
