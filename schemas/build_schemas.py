"""Writes the JSON Schemas that follow from something else: recipes from Axolotl's vocabulary, run events, evaluations
and proofs from structs.

Run it after a change of the `axolotl-*` files, of `recipe-descriptions.yaml` or of `lintune_schemas/events.py`,
`run_evaluation.py`, `evaluation_report.py` and `verification.py`; a test holds that the files in the tree are what this
gives.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lintune_schemas import evaluation_report, events, run_evaluation, verification
from recipe_schema import DRAFT, Builder

if TYPE_CHECKING:
    from type_schemas import Schema

HERE = Path(__file__).resolve().parent


def run_event() -> Schema:
    schema = msgspec.json.schema(events.Event)
    for definition in schema["$defs"].values():
        if "properties" in definition:
            definition["required"] = list(definition["properties"])  # written whether they are the default or not
    about = "One line of a run's events.jsonl, and of what a trainer prints while it runs."
    return {"$schema": DRAFT, "$id": "urn:lintune:run-event", "title": "Run event", "description": about, **schema}


def run_evaluation_file() -> Schema:
    schema = msgspec.json.schema(run_evaluation.RunEvaluation)
    for name, definition in schema["$defs"].items():
        if "properties" in definition and name != "Measured":  # which leaves out what was not measured
            definition["required"] = list(definition["properties"])
    about = "A run's eval.json: what its evaluations measured, and how each sample of the eval set came out."
    return {"$schema": DRAFT, "$id": "urn:lintune:eval", "title": "Run evaluation", "description": about, **schema}


def evaluation() -> Schema:
    schema = msgspec.json.schema(evaluation_report.Report)
    for name, definition in schema["$defs"].items():
        if "properties" in definition and name != "Result":  # as above
            definition["required"] = list(definition["properties"])
    about = "A run's evaluation.json, and what `lintune eval --json` prints: its base model against its tuned one."
    return {"$schema": DRAFT, "$id": "urn:lintune:evaluation", "title": "Evaluation", "description": about, **schema}


def verification_file() -> Schema:
    schema = msgspec.json.schema(verification.Verification)
    for definition in schema["$defs"].values():
        if "properties" in definition:
            definition["required"] = list(definition["properties"])
    about = "A run's verify.json, and what `lintune verify --json` prints: its files against the trained model."
    return {"$schema": DRAFT, "$id": "urn:lintune:verify", "title": "Verification", "description": about, **schema}


def render() -> dict[Path, str]:
    """Every file that is built, with its text."""
    folder = HERE / "lintune_schemas" / "json"
    built = {
        "recipe.schema.json": Builder().recipe(),
        "run-event.schema.json": run_event(),
        "eval.schema.json": run_evaluation_file(),
        "evaluation.schema.json": evaluation(),
        "verify.schema.json": verification_file(),
    }
    return {folder / name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in built.items()}


if __name__ == "__main__":
    for path, text in render().items():
        path.write_text(text, encoding="utf-8")
