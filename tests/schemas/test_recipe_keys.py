"""Every key of a recipe has its sentence, and what is said of it is what the schema and the typed recipe say."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import msgspec
import pytest
import yaml

from lintune_schemas import recipe as recipes
from lintune_schemas.recipe_keys import key_at, keys_under

ROOT = Path(__file__).parents[2]
SCHEMA = recipes.json_schema()
LONGEST = 160


def levels(schema: dict, where: str = "Recipe"):
    """Every mapping of the schema that names its keys, with a name for it."""
    if "properties" in schema:
        yield where, schema["properties"]
    for name, inner in schema.get("properties", {}).items():
        yield from levels(inner, f"{where}.{name}")


LEVELS = [
    *levels(SCHEMA),
    *(level for name, schema in SCHEMA["$defs"].items() for level in levels(schema, name)),
]


@pytest.mark.parametrize(("where", "keys"), LEVELS, ids=[where for where, _ in LEVELS])
def test_every_key_has_one_plain_sentence(where, keys):
    for key, schema in keys.items():
        sentence = schema.get("description", "")
        assert sentence, f"{where}.{key} has no sentence: write one in schemas/recipe-descriptions.yaml"
        assert len(sentence) <= LONGEST, f"{where}.{key}: {len(sentence)} characters"
        assert sentence[-1] == "." and not re.search(r"[.!?] [A-Z]", sentence), f"{where}.{key}: {sentence}"


def test_no_sentence_is_left_over():
    written = yaml.safe_load((ROOT / "schemas" / "recipe-descriptions.yaml").read_text(encoding="utf-8"))
    known = dict(LEVELS)
    assert [f"{where}.{key}" for where, keys in written.items() for key in keys if key not in known[where]] == []


def test_what_is_written_today_is_a_key():
    for where, keys in LEVELS:
        for key, schema in keys.items():
            replacement = schema.get("x-replacement")
            if replacement is None:
                continue
            first = replacement.split(".")[0]
            assert schema["deprecated"], f"{where}.{key}"
            assert first in keys and not keys[first].get("deprecated"), f"{where}.{key} → {replacement}"


@pytest.mark.parametrize(
    ("path", "replacement", "value"),
    [
        (("noisy_embedding_alpha",), "neftune_noise_alpha", None),
        (("dpo_beta",), "rl_beta", None),
        (("evaluation_strategy",), "eval_strategy", None),
        (("max_packed_sequence_len",), None, None),
        (("rope_scaling",), "model_config.rope_scaling", None),
        (("flash_attention",), "attn_implementation", "flash_attention_2"),
        (("sdp_attention",), "attn_implementation", "sdpa"),
        (("xformers_attention",), "attn_implementation", "xformers"),
        (("datasets", 2, "message_field_role"), "message_property_mappings.role", None),
        (("fsdp_config", "fsdp_offload_params"), "offload_params", None),
    ],
)
def test_former_keys(path, replacement, value):
    key = key_at(path)
    assert key.deprecated
    assert (key.replacement, key.replacement_value) == (replacement, value)


def test_carried_out_is_what_the_typed_recipe_has():
    def compare(struct: type[msgspec.Struct], path: tuple) -> None:
        fields = {field.encode_name for field in msgspec.structs.fields(struct)}
        assert {name for name, key in keys_under(path).items() if key.carried_out} == fields

    compare(recipes.Recipe, ())
    compare(recipes.Dataset, ("datasets", 0))
    compare(recipes.Dataset, ("test_datasets", 7))
    compare(recipes.SampleFields, ("datasets", 0, "type"))
    compare(recipes.Thresholds, ("lintune", "lint", "thresholds"))
    assert not any(key.carried_out for key in keys_under(("trl",)).values())


def test_defaults_are_those_that_the_trainer_takes():
    recipe = recipes.from_mapping({"base_model": "x/y"}, "recipe.yaml")
    said = {name: key.default for name, key in keys_under(()).items() if key.carried_out and key.default is not None}
    assert said == {name: getattr(recipe, name) for name in said}
    assert {"lora_r", "learning_rate", "num_epochs"} <= set(said)
    assert key_at(("output_dir",)).default is None  # of the run, unless the recipe says otherwise
    assert key_at(("gradio_max_new_tokens",)).default is None


def test_kinds_and_choices():
    assert key_at(("bf16",)).choices == ("auto", "full", "true", "false")
    assert key_at(("rl",)).choices[:2] == ("dpo", "gdpo")
    assert key_at(("rl",)).kind == "one of its choices"
    assert key_at(("lora_target_modules",)).kind == "text or list of texts"
    assert key_at(("datasets",)).kind == "list of sections"
    assert key_at(("lora_r",)).kind == "whole number"
    assert key_at(("learning_rate",)).kind == "number"
    assert "chat_template" in key_at(("datasets", 0, "type")).choices
    assert "q4_k_m" in key_at(("lintune", "export", "gguf")).choices


def test_paths_that_lead_nowhere():
    assert key_at(()) is None
    assert key_at(("lora_rr",)) is None
    assert key_at(("datasets", 0)) is None
    assert keys_under(("lora_r",)) == {}
    assert keys_under(("datasets", 0, "nothing", 3, "x")) == {}
    assert "path" in keys_under(("pretraining_dataset", 0))


def test_the_reference_page_is_up_to_date():
    built = runpy.run_path(str(ROOT / "docs" / "build_recipe_keys.py"))
    assert built["page"]() == built["PAGE"].read_text(encoding="utf-8"), "run docs/build_recipe_keys.py"
