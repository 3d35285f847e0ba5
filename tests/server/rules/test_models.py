"""Rules about a recipe's base model, with real tokenizers, and where a table of fixtures is not enough."""

from __future__ import annotations

import json
import shutil

import pytest
from tests import tokenizers
from tests.schemas.test_model_facts import LLAMA, model, tensors_of, weights

from lintune_schemas.base_model import DEMO_MODEL
from lintune_schemas.starter_models import STARTERS
from lintune_server.lint.recipe import check_recipe
from lintune_server.lint.selection import Selection

pytestmark = pytest.mark.long

MODELS = ("RC613", "RC614", "RC615", "RC618", "RC619", "RC620", "RC621")


def found(folder, text, *codes):
    """What the rules say of a recipe in a folder: code, severity, text that is marked, message."""
    recipe = f"datasets: [{{path: a.jsonl, type: chat_template}}]\n{text}"
    lines = recipe.split("\n")
    return [
        (
            one.code,
            one.severity.label,
            lines[one.range.start.line][one.range.start.column : one.range.end.column],
            one.message,
        )
        for one in check_recipe(recipe, folder / "recipe.yaml", Selection(codes or MODELS))
    ]


def with_tokenizer(folder, name):
    """A model folder with one of the real tokenizers."""
    model(folder / name)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tokenizers.folder(name) / file, folder / name / file)
    return name


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A recipe's folder with a model for each of the real tokenizers, which are then loaded once."""
    folder = tmp_path_factory.mktemp("models")
    for name in tokenizers.NAMES:
        with_tokenizer(folder, name)
    return folder


@pytest.mark.parametrize("name", tokenizers.PARAMS)
def test_its_own_tokenizer_is_no_other_one(models, tmp_path, name):
    shutil.copytree(models / name, tmp_path / "copy")
    special = json.dumps(tokenizers.load(name).special)
    text = f"base_model: {name}\ntokenizer_config: {tmp_path / 'copy'}\nspecial_tokens: {special}\n"
    assert found(models, text, "RC615") == []


def test_another_models_tokenizer(models):
    assert found(models, "base_model: llama3_2\ntokenizer_config: ./qwen2_5", "RC615") == [
        (
            "RC615",
            "error",
            "./qwen2_5",
            "tokenizer_config: ./qwen2_5 gives other ids to 127,846 of the base model's 128,256 tokens: “ith” is 411 "
            "to the model, and 410 there.",
        )
    ]
    ((*_, message),) = found(models, "base_model: qwen2_5\ntokenizer_config: ./qwen3", "RC615")
    assert message == (
        "tokenizer_config: ./qwen3 has 4 tokens that the base model has no ids for, such as “<tool_response>” "
        "(151,665)."
    )
    ((*_, message),) = found(models, f"base_model: gemma3\ntokenizer_config: {DEMO_MODEL}", "RC615")
    assert "of the base model's 262,145 tokens" in message


def test_a_tokenizer_that_cuts_in_other_places(models, tmp_path):
    path = model(tmp_path / "other") / "tokenizer.json"
    tokenizer = json.loads((models / "qwen2_5" / "tokenizer.json").read_text())
    tokenizer["pre_tokenizer"] = tokenizer["pre_tokenizer"]["pretokenizers"][1]
    path.write_text(json.dumps(tokenizer))
    ((*_, message),) = found(models, f"base_model: qwen2_5\ntokenizer_config: {tmp_path / 'other'}", "RC615")
    assert message.endswith("cuts texts into others of them: its pre_tokenizer differs.")


@pytest.mark.parametrize(
    ("name", "template", "missing"),
    [
        ("llama3_2", "llama3", None),
        ("qwen2_5", "qwen_25", None),
        pytest.param("qwen3", "chatml", None, marks=pytest.mark.slow),
        ("gemma3", "gemma", None),
        ("llama3_2", "chatml", "<|im_start|> and <|im_end|>"),
        pytest.param(
            "gemma2", "llama3", "<|start_header_id|>, <|end_header_id|> and <|eot_id|>", marks=pytest.mark.slow
        ),
        ("qwen2_5", "gemma3", "<start_of_turn> and <end_of_turn>"),
        ("llama2", "chatml", "<|im_start|> and <|im_end|>"),
        ("llama2", "alpaca", None),
        ("llama3_2", "tokenizer_default", None),
    ],
)
def test_templates_of_other_families(models, name, template, missing):
    messages = [one for *_, one in found(models, f"base_model: {name}\nchat_template: {template}", "RC615")]
    assert len(messages) == (missing is not None)
    assert not missing or f"writes {missing}, which the base model does not know" in messages[0]


def test_tokens_that_are_added_are_written_as_one(models):
    """As people train ChatML on Llama 3: with the embeddings, that can be learned."""
    text = (
        "base_model: llama3_2\nchat_template: chatml\nadapter: qlora\nspecial_tokens: {eos_token: <|im_end|>}\n"
        "tokens: [<|im_start|>]\n"
    )
    assert [(severity, marked) for _, severity, marked, _ in found(models, text, "RC615")] == [
        ("error", "<|im_end|>"),
        ("error", "<|im_start|>"),
    ]
    trained = f"{text}lora_modules_to_save: [embed_tokens, lm_head]\n"
    said = found(models, trained, "RC615")
    assert [severity for _, severity, *_ in said] == ["info", "info"]
    assert said[0][3].startswith("The base model has no token <|im_end|>: it would become id 128256, a new row")


def test_llama_3s_base_models_never_saw_the_end_of_a_turn(tmp_path):
    """With the real tokenizer: rows of reserved tokens are empty, as in Meta's weights."""
    import struct

    name = with_tokenizer(tmp_path, "llama3_2")
    rows, width = 128_256, 2
    empty = range(128_002, 128_256)
    data = bytearray(struct.pack("<2e", 0.5, -0.25) * rows)
    for row in empty:
        data[row * 4 : row * 4 + 4] = bytes(4)
    entry = {"dtype": "F16", "shape": [rows, width], "data_offsets": [0, len(data)]}
    head = json.dumps({"model.embed_tokens.weight": entry}).encode()
    (tmp_path / name / "model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + data)
    text = f"base_model: {name}\nadapter: lora\n"
    ((_, severity, marked, message),) = found(tmp_path, text, "RC618")
    assert (severity, marked) == ("warning", name)
    assert message.startswith("The base model never saw <|start_header_id|>, <|end_header_id|> and <|eot_id|>, which")
    assert found(tmp_path, f"{text}lora_modules_to_save: [embed_tokens, lm_head]", "RC618") == []
    for row in empty:
        data[row * 4 : row * 4 + 4] = struct.pack("<2e", 0.1, row / 1e6)
    (tmp_path / name / "model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + data)
    assert found(tmp_path, text, "RC618") == []


@pytest.mark.parametrize("starter", STARTERS, ids=lambda starter: starter.id)
def test_starters_are_fine(tmp_path, starter):
    modules = ", ".join(starter.facts.linear_modules)
    text = (
        f"base_model: {starter.id}\nadapter: lora\nlora_target_modules: [{modules}]\n"
        f"sequence_len: {starter.context_length}\nlintune: {{export: {{gguf: [q4_k_m, q8_0]}}}}\n"
    )
    large = [("RC619", "info")] if starter.parameters > 9e9 else []
    assert [(code, severity) for code, severity, *_ in found(tmp_path, text)] == large
    first = next(iter(starter.facts.linear_modules))
    wrong = text.replace(modules, f"{first}s").replace(f"{starter.context_length}", f"{starter.context_length + 1}")
    codes = [code for code, severity, *_ in found(tmp_path, wrong) if severity == "error"]
    assert sorted(codes) == (["RC613", "RC614"] if starter.facts.modules else ["RC614"])


@pytest.mark.parametrize(
    "expression",
    [
        r"model.language_model.layers.[\d]+.(mlp|cross_attn|self_attn).(up|down|gate|q|k|v|o)_proj",
        r".*\.language_model\..*_proj",
        "(a+)+$",
        "(" * 300,
    ],
)
def test_expressions_for_a_model_that_sees(tmp_path, expression):
    """Names in its files are others than those that transformers gives its modules."""
    folder = model(tmp_path / "m", {"model_type": "gemma3", "text_config": {**LLAMA, "model_type": "gemma3_text"}})
    names = {f"language_model.{name}": shape for name, shape in tensors_of(LLAMA).items()}
    weights(folder / "model.safetensors", {**names, "vision_tower.layers.0.fc1.weight": (8, 8)})
    text = f"base_model: m\nadapter: lora\nlora_target_modules: {json.dumps(expression)}\n"
    messages = [message for *_, message in found(tmp_path, text, "RC613")]
    assert messages == [] or (expression[1] == "(" and "no valid regular expression" in messages[0])


@pytest.mark.parametrize(
    "text",
    [
        "base_model: m\nlora_target_modules: {a: 1}\nsequence_len: yes\ntokens: {a: 1}\nspecial_tokens: [1]",
        "base_model: m\nlora_target_modules: [1, null, {}]\nsequence_len: '12'\ntokens: [1]\nspecial_tokens: {a: 1}",
        "base_model: m\ntokenizer_config: [x]\nchat_template: {a: 1}\nchat_template_jinja: 3\nadapter: [lora]",
        "base_model: m\ntokenizer_config: ../../nowhere\nchat_template: jinja\nlintune: [1]\nadapter: lora",
        "base_model: m\nchat_template_jinja: '{% for'\nadapter: lora\nlintune: {export: {gguf: q4_k_m}}",
        "base_model: m\ntrust_remote_code: maybe\nlora_modules_to_save: embed_tokens\nlintune: {export: [1]}",
        "base_model: ''",
        "base_model: .\ntokenizer_config: .",
        'base_model: "a\\0b"',
        "base_model: [m]",
        f"base_model: {'x' * 5_000}",
        f"base_model: {'x/' * 5_000}",
    ],
)
def test_nothing_makes_them_fall(tmp_path, text):
    model(tmp_path / "m")
    (tmp_path / "m" / "tokenizer.json").write_text('{"model": 1}')
    for _code, _severity, _marked, message in found(tmp_path, text):
        assert message.endswith((".", "?"))
