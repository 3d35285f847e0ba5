"""Writes the JSON Schemas that follow from something else: recipes from Axolotl's vocabulary, run events from structs.

Run it after a change of `axolotl-vocabulary.json` or of `lintune_schemas/events.py`; a test holds that the files in
the tree are what this gives.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import msgspec

from lintune_schemas import events

HERE = Path(__file__).resolve().parent
DRAFT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

# Sections whose keys stand at the top level of a recipe.
TOP = (
    "peft.LoraConfig",
    "peft.ReLoRAConfig",
    "model.ModelInputConfig",
    "model.ModelOutputConfig",
    "config.AxolotlInputConfig",
    "training.HyperparametersConfig",
    "training.JaggedLRConfig",
    "integrations.MLFlowConfig",
    "integrations.LISAConfig",
    "integrations.WandbConfig",
    "integrations.CometConfig",
    "integrations.GradioConfig",
    "integrations.RayConfig",
    "integrations.OpenTelemetryConfig",
    "integrations.TrackioConfig",
    "multimodal.MultiModalConfig",
    "deprecated.RemappedParameters",
    "deprecated.DeprecatedParameters",
)
DEPRECATED = "deprecated.DeprecatedParameters"

BOUNDS = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}
SIMPLE: dict[str, Schema] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "None": {"type": "null"},
    "Any": {},
    "dict": {"type": "object"},
    "PositiveInt": {"type": "integer", "exclusiveMinimum": 0},
    "Resampling": {"type": "integer"},
    # Found out by Axolotl itself; nothing that a recipe writes.
    "GPUCapabilities": {"type": "object"},
    "EnvCapabilities": {"type": "object"},
}

# Where the vocabulary is wider than what makes sense: Axolotl takes a text and turns it into a number later.
OVERRIDES: dict[str, Schema] = {
    "learning_rate": {"type": "number", "exclusiveMinimum": 0},
    "adapter": {"enum": ["lora", "qlora", "llama-adapter", None]},
    "lora_r": {"type": ["integer", "null"], "minimum": 1},
    "lora_alpha": {"type": ["integer", "null"], "minimum": 1},
    "lora_dropout": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
    "sequence_len": {"type": "integer", "minimum": 1},
    "micro_batch_size": {"type": ["integer", "null"], "minimum": 1},
    "gradient_accumulation_steps": {"type": ["integer", "null"], "minimum": 1},
    "num_epochs": {"type": "number", "exclusiveMinimum": 0},
    "val_set_size": {"type": ["number", "null"], "minimum": 0},
}

# Those of llama.cpp that need no importance matrix.
QUANTIZATIONS = [
    *("f16", "bf16", "q8_0", "q6_k", "q5_k_m", "q5_k_s", "q5_1", "q5_0", "q4_k_m", "q4_k_s", "q4_1", "q4_0"),
    *("iq4_nl", "iq4_xs", "q3_k_l", "q3_k_m", "q3_k_s", "q2_k"),
]


def _threshold(description: str, default: float, kind: str = "number", least: float = 0.0) -> dict[str, object]:
    bounds = {"minimum": least} if kind == "integer" else {"minimum": least, "maximum": 1}
    return {"type": kind, **bounds, "default": default, "description": description}


LINTUNE: Schema = {
    "type": "object",
    "description": "What Lintune does with this recipe; other tools skip this section.",
    "properties": {
        "train_on_save": {
            "type": "boolean",
            "default": False,
            "description": "Train in the background when the recipe or its data sets are saved with a change.",
        },
        "export": {
            "type": "object",
            "properties": {
                "gguf": {
                    "type": "array",
                    "items": {"enum": QUANTIZATIONS},
                    "default": ["q4_k_m"],
                    "description": "GGUF files to write after training, by llama.cpp's names of quantizations.",
                }
            },
            "additionalProperties": False,
        },
        "preview": {
            "type": "object",
            "description": "How the tuned model is asked in the editor.",
            "properties": {
                "max_tokens": {"type": "integer", "minimum": 1, "default": 128},
                "temperature": {"type": "number", "minimum": 0, "default": 0},
            },
            "additionalProperties": False,
        },
        "lint": {
            "type": "object",
            "properties": {
                "select": {
                    "type": ["array", "null"],
                    "items": {"$ref": "#/$defs/RuleCode"},
                    "description": "Check these rules only: codes, or beginnings of codes.",
                },
                "ignore": {
                    "type": ["array", "null"],
                    "items": {"$ref": "#/$defs/RuleCode"},
                    "description": "Leave these rules out: codes, or beginnings of codes.",
                },
                "per-file-ignores": {
                    "type": ["object", "null"],
                    "additionalProperties": {"type": "array", "items": {"$ref": "#/$defs/RuleCode"}},
                    "description": (
                        "Leave rules out in some files: a glob, relative to the recipe's folder, and codes. "
                        "`**` goes through folders; a glob without a slash is a file's name in any of them."
                    ),
                },
                "thresholds": {
                    "type": "object",
                    "description": "From where on some rules speak.",
                    "properties": {
                        "enough_samples": _threshold("DS501: samples to train on.", 1_000, "integer", 0),
                        "enough_eval_samples": _threshold("DS504: samples to evaluate with.", 20, "integer", 0),
                        "dominant_label": _threshold("DS503: share of the samples with one label.", 0.9),
                        "common_answer": _threshold("DU306: share of the prompts with one answer.", 0.05),
                        "near_duplicate": _threshold("DU303, DU305: Jaccard similarity of samples.", 0.8, least=0.8),
                        "convention": _threshold("QL405: share of the answers that are alike.", 0.95, least=0.5),
                    },
                    "additionalProperties": False,
                },
            },
            "additionalProperties": False,
        },
    },
    "additionalProperties": False,
}


def recipe() -> Schema:
    vocabulary = json.loads((HERE / "axolotl-vocabulary.json").read_text(encoding="utf-8"))
    sections: dict[str, dict[str, Schema]] = vocabulary["sections"]
    by_name = {name.rsplit(".", 1)[1]: name for name in sections}
    definitions: dict[str, Schema] = {name: {"enum": values} for name, values in vocabulary["enums"].items()}
    definitions["RuleCode"] = {"type": "string", "pattern": "^[A-Z]{2}[0-9]{0,3}$"}

    def reference(name: str) -> Schema:
        if name not in definitions:
            definitions[name] = {}  # before its fields: sections may contain each other
            definitions[name] = section(sections[by_name[name]])
        return {"$ref": f"#/$defs/{name}"}

    def convert(node: ast.expr) -> Schema:
        match node:
            case ast.BinOp(left=left, right=right):
                return either(convert(left), convert(right))
            case ast.Constant(value=value):
                return SIMPLE["None"] if value is None else {"const": value}
            case ast.Name(id=name):
                return dict(SIMPLE[name]) if name in SIMPLE else reference(name)
            case ast.Subscript(value=ast.Name(id="list"), slice=item):
                return {"type": "array", "items": convert(item)}
            case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=items)):
                return {"type": "array", "prefixItems": [convert(item) for item in items], "items": False}
            case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[_, value])):
                return {"type": "object", "additionalProperties": convert(value)}
            case ast.Subscript(value=ast.Name(id="Literal"), slice=choices):
                values = choices.elts if isinstance(choices, ast.Tuple) else [choices]
                return {"enum": [ast.literal_eval(value) for value in values]}
        raise ValueError(f"a type that is not understood: {ast.unparse(node)}")

    def field(key: str, facts: Schema) -> Schema:
        schema = OVERRIDES.get(key) or convert(ast.parse(facts["type"], mode="eval").body)
        schema = dict(schema)
        for bound, value in facts.get("bounds", {}).items():
            schema.setdefault(BOUNDS[bound], float(value))
        if facts.get("default") is not None:
            schema["default"] = facts["default"]
        return schema

    def section(fields: dict[str, Schema]) -> Schema:
        return {
            "type": "object",
            "properties": {key: field(key, facts) for key, facts in fields.items()},
            "additionalProperties": False,
        }

    properties: dict[str, Schema] = {}
    for name in TOP:
        for key, facts in sections[name].items():
            if key in properties:
                continue
            properties[key] = field(key, facts)
            if name == DEPRECATED:
                properties[key]["deprecated"] = True
            if "alias" in facts:
                properties[facts["alias"]] = properties[key]
    # One kind of entry for all: which keys belong together is for rules to say.
    merged: dict[str, Schema] = {}
    for name in (
        "SFTDataset",
        "DPODataset",
        "KTODataset",
        "StepwiseSupervisedDataset",
        "SyntheticDataset",
        "PretrainingDataset",
    ):
        for key, facts in sections[by_name[name]].items():
            schema = field(key, facts)
            merged[key] = either(merged[key], schema) if key in merged and merged[key] != schema else schema
    definitions["Dataset"] = {
        "type": "object",
        "properties": {**merged, "path": {"type": "string"}},
        "required": ["path"],
        "additionalProperties": False,
    }
    entries = {"type": ["array", "null"], "items": {"$ref": "#/$defs/Dataset"}}
    properties["datasets"] = properties["test_datasets"] = entries
    properties["lintune"] = LINTUNE
    return {
        "$schema": DRAFT,
        "$id": "urn:lintune:recipe",
        "title": "Recipe",
        "description": f"A fine-tuning recipe in Axolotl's vocabulary. {vocabulary['source']}",
        "type": "object",
        "properties": dict(sorted(properties.items())),
        "required": ["base_model"],
        "additionalProperties": False,
        "$defs": dict(sorted(definitions.items())),
    }


def either(one: Schema, other: Schema) -> Schema:
    """A union, kept short where both are bare types."""
    if one == other or other == {}:
        return other
    if one == {}:
        return one
    if set(one) == set(other) == {"type"}:
        types = [*_list(one["type"]), *_list(other["type"])]
        return {"type": list(dict.fromkeys(types))}
    if set(one) == {"enum"} and other == SIMPLE["None"]:
        return {"enum": [*one["enum"], None]}
    parts = [*one["anyOf"]] if set(one) == {"anyOf"} else [one]
    parts += [*other["anyOf"]] if set(other) == {"anyOf"} else [other]
    unique: list[Schema] = []
    for part in parts:
        if part not in unique:
            unique.append(part)
    return {"anyOf": unique}


def _list(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def run_event() -> Schema:
    schema = msgspec.json.schema(events.Event)
    for definition in schema["$defs"].values():
        if "properties" in definition:
            definition["required"] = list(definition["properties"])  # written whether they are the default or not
    about = "One line of a run's events.jsonl, and of what a trainer prints while it runs."
    return {"$schema": DRAFT, "$id": "urn:lintune:run-event", "title": "Run event", "description": about, **schema}


def render() -> dict[Path, str]:
    """Every file that is built, with its text."""
    folder = HERE / "lintune_schemas" / "json"
    built = {"recipe.schema.json": recipe(), "run-event.schema.json": run_event()}
    return {folder / name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in built.items()}


if __name__ == "__main__":
    for path, text in render().items():
        path.write_text(text, encoding="utf-8")
