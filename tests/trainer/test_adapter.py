"""What of a model an adapter trains, and that merging it gives the model that was trained."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from lintune_schemas.chat import ChatTokenizer
from lintune_schemas.errors import LintuneError
from lintune_schemas.recipe import Recipe
from lintune_trainer import adapter, export, gguf_files, models
from lintune_trainer.device import Device
from lintune_trainer.gguf_files import Origin

CPU = Device("cpu", "CPU", torch.float32)
PROMPT = torch.arange(5, 25)[None]

MakeRecipe = Callable[..., Recipe]


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def base(request: pytest.FixtureRequest, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random Llama, whose head is its embedding or a matrix of its own."""
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=49152,
        tie_word_embeddings=request.param,
    )
    folder = tmp_path_factory.mktemp("models") / "base"
    LlamaForCausalLM(config).save_pretrained(folder)
    models.copy_tokenizer(small_model, folder)
    return folder


def trained(folder: Path, recipe: Recipe) -> Any:
    """The model with its adapter after a few large steps."""
    model = adapter.attach(models.load_for_training(folder, recipe, CPU), recipe)
    weights = [each for each in model.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=0.02)
    for _ in range(3):
        model(input_ids=PROMPT, labels=PROMPT).loss.backward()
        assert all(each.grad is not None for each in weights)
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()


@torch.no_grad()
def logits(model: Any) -> torch.Tensor:
    result: torch.Tensor = model(input_ids=PROMPT).logits
    return result


@pytest.mark.long
@pytest.mark.parametrize(
    "values",
    [
        {"peft_use_dora": True, "peft_use_rslora": True},
        {"lora_modules_to_save": ["embed_tokens"]},
        {"lora_modules_to_save": ["lm_head"]},
        {"lora_modules_to_save": ["embed_tokens", "lm_head", "norm"]},
    ],
    ids=str,
)
def test_what_is_merged_is_what_was_trained(
    base: Path, recipe: MakeRecipe, chat: ChatTokenizer, tmp_path: Path, values: dict[str, object]
) -> None:
    asked = recipe(lora_target_linear=True, **values)
    model = trained(base, asked)
    adapter.save(model, tmp_path / "adapter")
    export.merge(base, tmp_path / "adapter", base, chat, tmp_path / "merged")
    after = logits(models.load(tmp_path / "merged", torch.float32))
    assert (after - logits(models.load(base, torch.float32))).abs().max() > 0.3
    torch.testing.assert_close(after, logits(model), rtol=1e-3, atol=1e-3)
    with model.disable_adapter():  # what DPO compares with
        torch.testing.assert_close(logits(model), logits(models.load(base, torch.float32)))


@pytest.mark.long
def test_the_gguf_file_holds_a_matrix_that_was_trained_whole(
    small_model: Path, recipe: MakeRecipe, chat: ChatTokenizer, tmp_path: Path
) -> None:
    """One matrix is trained as embedding and as head: the file holds that one, changed."""
    from gguf import GGUFReader

    model = trained(small_model, recipe(lora_target_linear=True, lora_modules_to_save=["embed_tokens", "lm_head"]))
    adapter.save(model, tmp_path / "adapter")
    export.merge(small_model, tmp_path / "adapter", small_model, chat, tmp_path / "merged")
    gguf_files.convert(tmp_path / "merged", tmp_path / "model.gguf", "f16", Origin("small"))
    tensors = {tensor.name: torch.tensor(tensor.data.copy()) for tensor in GGUFReader(tmp_path / "model.gguf").tensors}
    written = tensors.get("output.weight", tensors["token_embd.weight"])
    torch.testing.assert_close(written.float(), model.get_output_embeddings().weight.detach(), rtol=1e-3, atol=1e-3)


@pytest.mark.long
@pytest.mark.parametrize(
    "values", [{"peft_use_dora": True}, {"lora_modules_to_save": ["norm", "embed_tokens"]}], ids=str
)
def test_over_4_bit_weights(base: Path, recipe: MakeRecipe, values: dict[str, object]) -> None:
    asked = recipe(lora_target_linear=True, load_in_4bit=True, **values)
    before = adapter.attach(models.load_for_training(base, asked, CPU), asked).eval()
    assert (logits(trained(base, asked)) - logits(before)).abs().max() > 0.3


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"lora_modules_to_save": ["embed"]}, r"embed is no part of this model\. Trained whole can be: .*embed_tokens"),
        ({"lora_modules_to_save": ["mlp"]}, "mlp cannot be trained whole"),
        ({"lora_modules_to_save": ["q_proj"], "load_in_4bit": True}, "q_proj cannot be trained whole, .* in 4 bits"),
        ({"lora_target_linear": False, "lora_target_modules": ["qkv"]}, "lora_target_modules does not fit this model"),
    ],
    ids=str,
)
def test_modules_that_cannot_be_trained_are_refused(
    small_model: Path,
    recipe: MakeRecipe,
    values: dict[str, object],
    named: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(models, "_room_for", lambda *_: False)  # else a CPU takes weights out of their 4 bits
    asked = recipe(**{"lora_target_linear": True, **values})
    with pytest.raises(LintuneError, match=named):
        adapter.attach(models.load_for_training(small_model, asked, CPU), asked)


def test_a_recipe_is_left_as_it_was(small_model: Path, recipe: MakeRecipe) -> None:
    asked = recipe(lora_target_linear=True, lora_modules_to_save=["embed_tokens", "lm_head"])
    adapter.attach(models.load_for_training(small_model, asked, CPU), asked)
    assert asked.lora_modules_to_save == ["embed_tokens", "lm_head"]
