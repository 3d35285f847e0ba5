"""The JSON Schemas are sound, up to date, and say what the typed Python says."""

from __future__ import annotations

import json
import runpy
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator, ValidationError

from lintune_schemas import events, layouts
from lintune_schemas.recipe import Recipe, json_schema
from lintune_schemas.samples import LAYOUTS, SampleFormat

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
FIXTURES = ROOT / "tests" / "server" / "rules" / "fixtures"
SCHEMAS = {path.name: json.loads(path.read_text()) for path in files("lintune_schemas").joinpath("json").iterdir()}


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_each_is_a_schema_of_draft_2020_12(name):
    assert SCHEMAS[name]["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(SCHEMAS[name])


def test_built_files_are_up_to_date(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "schemas")  # as when the script is run
    built = runpy.run_path(str(ROOT / "schemas" / "build_schemas.py"))["render"]()
    for path, text in built.items():
        assert path.read_text(encoding="utf-8") == text, f"run schemas/build_schemas.py: {path.name}"


def test_the_recipe_schema_knows_every_key_of_axolotl():
    vocabulary = json.loads((ROOT / "schemas" / "axolotl-vocabulary.json").read_text())["sections"]
    known = json_schema()["properties"]
    for section in ("config.AxolotlInputConfig", "peft.LoraConfig", "training.HyperparametersConfig"):
        assert set(vocabulary[section]) <= set(known)


def test_the_recipe_schema_knows_every_key_of_the_typed_recipe():
    def compare(struct: type[msgspec.Struct], schema: dict) -> None:
        for field in msgspec.structs.fields(struct):
            assert field.encode_name in schema["properties"], field.encode_name
            if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
                compare(field.type, schema["properties"][field.encode_name])

    compare(Recipe, json_schema())


def test_the_defaults_of_the_typed_recipe_are_valid():
    recipe = msgspec.to_builtins(Recipe(base_model="x/y", datasets=[]))
    recipe = {key: value for key, value in recipe.items() if value is not None}
    Draft202012Validator(json_schema()).validate(recipe)


def test_quantizations_are_those_of_the_trainer():
    from lintune_trainer.quantizations import QUANTIZATIONS

    export = json_schema()["properties"]["lintune"]["properties"]["export"]
    assert export["properties"]["gguf"]["items"]["enum"] == list(QUANTIZATIONS)


EVENTS = [
    events.RunStarted(
        run="r",
        recipe="recipe.yaml",
        run_dir=".lintune/runs/r",
        pid=1,
        base_model="b",
        samples=1,
        eval_samples=0,
        trained_tokens=9,
        total_steps=1,
        device="CPU",
    ),
    events.StageChanged(run="r", stage=events.Stage.TRAIN, state=events.StageState.STARTED),
    events.Progress(
        run="r", step=1, total_steps=2, epoch=0.5, loss=1.0, learning_rate=1e-4, tokens_per_second=9.0, eta_seconds=1.0
    ),
    events.Evaluation(run="r", kind=events.EvaluationKind.FINAL, step=2, eval_loss=1.0, perplexity=2.7),
    events.AdapterSaved(run="r", step=2, path="checkpoints/adapter-2.gguf"),
    events.CheckpointSaved(run="r", step=2, path="checkpoints/checkpoint-2"),
    events.ArtefactWritten(run="r", kind=events.ArtefactKind.GGUF, path="m.gguf", bytes=3, quantization="f16"),
    events.Verified(run="r", ok=True, checks=[events.Check("tokens", True, "10 of 10")]),
    events.Warned(run="r", message="m"),
    events.RunFinished(run="r", seconds=1.0, eval_loss_before=None, eval_loss_after=None, model=None),
    events.RunFailed(run="r", message="m"),
    events.RunResumed(run="r", pid=2, step=1),
    events.RunPaused(run="r", step=1),
    events.RunCancelled(run="r", step=1),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_events_are_valid_and_read_back(event):
    line = events.encode(event)
    Draft202012Validator(SCHEMAS["run-event.schema.json"]).validate(json.loads(line))
    assert events.decode(line) == event


def test_every_kind_of_event_is_tried_here():
    assert {type(event) for event in EVENTS} == set(events.Event.__args__)


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "progress", "run": "r"}',
        '{"event": "nothing", "run": "r", "time": "t"}',
        '{"event": "warning", "run": "r", "time": "t", "message": 3}',
    ],
)
def test_what_is_no_event_is_refused_by_both(line):
    with pytest.raises(ValidationError):
        Draft202012Validator(SCHEMAS["run-event.schema.json"]).validate(json.loads(line))
    with pytest.raises(msgspec.DecodeError):
        events.decode(line)


def sample_schema(format_: SampleFormat) -> Draft202012Validator:
    return Draft202012Validator(SCHEMAS[f"sample-{format_}.schema.json"])


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/data/*.jsonl")), ids=lambda path: path.name)
def test_samples_of_the_examples_are_valid(path):
    for line in path.read_text(encoding="utf-8").splitlines():
        sample_schema(SampleFormat.CHAT).validate(json.loads(line))


def samples_of(code: str, kind: str) -> list[tuple[str, dict]]:
    """The samples of a rule's fixtures, with their formats, but for files whose keys a recipe gives other names."""
    recipe = FIXTURES / code / "recipe.yaml"
    listed = recipe.read_text(encoding="utf-8") if recipe.exists() else ""
    found = []
    for path in sorted((FIXTURES / code).glob(f"{kind}*.jsonl")):
        if path.stem.endswith("-fixed") or path.name in listed:
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            layout = layouts.detect(sample := json.loads(line))
            if layout is LAYOUTS[layout.format] and "finding of its own" not in line:
                found.append((layout.format, sample))
    return found


@pytest.mark.parametrize("format_", SampleFormat)
def test_every_format_has_a_schema_and_samples_that_are_valid(format_):
    samples = [sample for found, sample in samples_of("SF101", "good") if found is format_]
    assert samples
    for sample in samples:
        sample_schema(format_).validate(sample)


@pytest.mark.parametrize("code", sorted(path.name for path in FIXTURES.glob("SF1*")))
def test_good_samples_of_the_rules_are_valid(code):
    for format_, sample in samples_of(code, "good"):
        sample_schema(format_).validate(sample)


@pytest.mark.parametrize("code", ["SF103", "SF104", "SF106", "SF109", "SF111", "SF112", "SF113"])
def test_bad_samples_of_the_rules_are_not_valid(code):
    for format_, sample in samples_of(code, "bad"):
        assert not sample_schema(format_).is_valid(sample), sample
