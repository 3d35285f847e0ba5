"""What can be a base model, and what was meant by a name that cannot."""

from __future__ import annotations

from itertools import product

import pytest

from lintune_schemas import base_model, model_names
from lintune_schemas.errors import LintuneError
from lintune_schemas.model_names import Origin
from lintune_schemas.starter_models import STARTERS
from tests.schemas.test_model_facts import LLAMA, model, tensors_of, weights


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A recipe's folder with models around it, and a hub cache with two."""
    cache, here = tmp_path / "hub", tmp_path / "here"
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    weights(model(here / "tiny") / "model.safetensors", tensors_of(LLAMA))
    model(here / "models" / "tiny-llama")
    model(here / ".lintune" / "runs" / "1" / "merged")
    (here / "models" / "broken.gguf").write_bytes(b"GGUF")
    (here / "models" / "demo.gguf").symlink_to(base_model.find(base_model.DEMO_MODEL, here).path)
    (here / "data.jsonl").write_text("{}\n")
    model(cache / "models--owner--name" / "snapshots" / "1")
    model(cache / "models--google--gemma-3-270m-it" / "snapshots" / "1")
    (cache / "models--owner--not-whole" / "snapshots").mkdir(parents=True)
    return here


def test_candidates(folder):
    found = model_names.candidates(folder)
    assert [(one.name, one.origin) for one in found if one.origin is not Origin.STARTER] == [
        (base_model.DEMO_MODEL, Origin.BUILT_IN),
        ("./tiny", Origin.FOLDER),
        ("models/demo.gguf", Origin.GGUF),
        ("models/tiny-llama", Origin.FOLDER),
        ("google/gemma-3-270m-it", Origin.HUB_CACHE),
        ("owner/name", Origin.HUB_CACHE),
    ]
    assert {one.name for one in found} >= {starter.id for starter in STARTERS}
    assert len({one.name for one in found}) == len(found)
    phrases = {one.name: one.phrase for one in found}
    assert phrases["models/demo.gguf"] == "GGUF file: llama, 0.13B parameters, context 8,192"
    assert phrases["google/gemma-3-270m-it"].startswith(
        "downloaded: Gemma 3 instruct, 0.27B parameters, context 32,768"
    )
    assert phrases["Qwen/Qwen2.5-3B"] == (
        "Qwen 2.5 base, 3.1B parameters, context 32,768, licence qwen-research: many languages and code; for research "
        "only"
    )


def test_each_candidate_is_found(folder):
    for one in model_names.candidates(folder):
        assert base_model.find(one.name, folder).name == one.name


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("tinny", ["./tiny"]),
        ("./models/tiny-lama", ["models/tiny-llama"]),
        ("demo", ["models/demo.gguf"]),
        ("models/demmo.gguf", ["models/demo.gguf"]),
        ("qwen2.5-0.5b-instruct", ["Qwen/Qwen2.5-0.5B-Instruct"]),
        ("name", ["owner/name"]),
    ],
)
def test_the_error_says_what_was_meant(folder, name, meant):
    with pytest.raises(LintuneError) as raised:
        base_model.find(name, folder)
    assert str(raised.value) == f"base_model: {name} was not found. Is {' or '.join(meant)} meant?"


def test_several_may_be_meant(folder):
    with pytest.raises(LintuneError, match=r"Is google/gemma-3-1b-.*, google/gemma-3-1b-.* or google/.* meant\?"):
        base_model.find("gemma-3-1b", folder)


def test_nothing_is_close(folder):
    with pytest.raises(
        LintuneError, match=r"Give a model folder, a .gguf file, a hub id such as owner/name, or smollm2"
    ):
        base_model.find("./nowhere", folder)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Qwen/Qwen2.5-0.5B-Instuct", "Qwen/Qwen2.5-0.5B-Instruct"),
        ("meta-lama/Llama-3.2-1B", "meta-llama/Llama-3.2-1B"),
        ("Qwne/Qwen3-4B", "Qwen/Qwen3-4B"),
        ("HuggingfaceTB/SmoLM2-360M", "HuggingFaceTB/SmolLM2-360M"),
        ("models/tiny-lama", "models/tiny-llama"),
        # In another case it is the same model; and these are other models, which exist.
        *((starter.id.lower(), None) for starter in STARTERS),
        ("unsloth/Llama-3.2-1B", None),
        ("NousResearch/Llama-3.2-1B", None),
        ("Qwen/Qwen2-0.5B", None),
        ("Qwen/Qwen2.5-Math-1.5B", None),
        ("Qwen/Qwen2.5-Coder-7B", None),
        ("Qwen/Qwen3-8B", None),
        ("Qwen/Qwen3-4B-FP8", None),
        ("Qwen/Qwen3.5-4B", None),
        ("google/gemma-2b", None),
        ("google/gemma-3n-E4B-it", None),
        ("google/gemma-3-12b-it", None),
        ("microsoft/phi-4", None),
        ("microsoft/Phi-3-mini-128k-instruct", None),
        ("HuggingFaceTB/SmolLM-135M", None),
        ("HuggingFaceTB/SmolLM3-3B", None),
    ],
)
def test_misspelt(folder, name, meant):
    assert model_names.misspelt(name, folder) == meant


def test_the_distance_is_that_of_the_slow_way():
    def slow(a, b):
        if not a or not b:
            return len(a) + len(b)
        best = min(slow(a[1:], b[1:]) + (a[0] != b[0]), slow(a[1:], b) + 1, slow(a, b[1:]) + 1)
        if len(a) > 1 and len(b) > 1 and (a[0], a[1]) == (b[1], b[0]):
            best = min(best, slow(a[2:], b[2:]) + 1)
        return best

    words = ["".join(letters) for length in range(5) for letters in product("ab", repeat=length)] + [
        "abc",
        "acb",
        "cab",
    ]
    for one, other in product(words, words):
        assert model_names._distance(one, other, most=2) == min(slow(one, other), 3)


def test_many_files_beside_a_recipe(tmp_path):
    for number in range(2_100):
        (tmp_path / f"{number:05}.txt").touch()
    (tmp_path / "below").mkdir()
    assert model_names.candidates(tmp_path)[0].name == base_model.DEMO_MODEL
