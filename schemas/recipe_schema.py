"""The JSON Schema of a recipe: Axolotl's vocabulary, its former keys, our sentences, and our own section.

What JSON Schema has no keyword for: `x-replacement` is the key that is written today in place of a deprecated one,
`x-replacement-value` the value that it gets where the old one was true; `x-plugins` names the plugins of Axolotl whose
keys are here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from lintune_section import LINTUNE
from type_schemas import Schema, either, of_type, or_null

HERE = Path(__file__).resolve().parent
DRAFT = "https://json-schema.org/draft/2020-12/schema"

# Sections whose keys stand at the top level of a recipe; those of plugins come last.
TOP = (
    "peft.LoraConfig",
    "peft.MixLoraConfig",
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
    "context_parallel.ContextParallelArgs",
    "coreweave.CoreWeaveArgs",
    "cut_cross_entropy.CutCrossEntropyArgs",
    "densemixer.DenseMixerArgs",
    "diffusion.DiffusionArgs",
    "diffusion_decision.DiffusionDecisionArgs",
    "expert_parallel.ExpertParallelArgs",
    "grokfast.GrokfastArgs",
    "hatchery.HatcheryArgs",
    "kd.KDArgs",
    "kernels.KernelsArgs",
    "liger.LigerArgs",
    "llm_compressor.LLMCompressorArgs",
    "lm_eval.LMEvalArgs",
    "mora.MoraArgs",
    "nemo_gym.NemoGymArgs",
    "spectrum.SpectrumArgs",
    "swanlab.SwanLabConfig",
)

# Sections of Axolotl itself; the others are named after their plugins. One plugin has its keys among Axolotl's own.
CORE = ("peft", "model", "config", "training", "integrations", "multimodal", "deprecated")
PLUGINS = sorted({name.split(".")[0] for name in TOP} - {*CORE} | {"mixlora"})

# One kind of entry for all data sets: which keys belong together is for rules to say.
DATASETS = {
    "Dataset": (
        "SFTDataset",
        "DPODataset",
        "KTODataset",
        "StepwiseSupervisedDataset",
        "SyntheticDataset",
        "PretrainingDataset",
    ),
}

SOURCES: list[Schema] = [
    {"required": ["path"]},
    {"required": ["data_files"]},
    {"properties": {"type": {"const": "_synthetic"}}, "required": ["type"]},
]
"""Where an entry's samples come from; Axolotl's documentation has entries with data_files alone."""

FIXED = (("SyntheticDataset", "path"), ("SyntheticDataset", "type"))
"""What says that an entry is of this kind: one text of those that the other kinds allow."""

BOUNDS = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}
NEEDED = ("base_model", "path")
"""Any other key may stand there empty: it has its default then."""
FSDP_PREFIX = "fsdp_"
"""Axolotl strips it from the keys of `fsdp_config`, which had it once."""


class Builder:
    """Puts the schema together; sections become definitions when something refers to them."""

    def __init__(self) -> None:
        vocabulary = json.loads((HERE / "axolotl-vocabulary.json").read_text(encoding="utf-8"))
        self.source: str = vocabulary["source"]
        self.enums: dict[str, list[Any]] = vocabulary["enums"]
        self.sections: dict[str, dict[str, Schema]] = vocabulary["sections"]
        self.changes = _yaml("axolotl-changes.yaml")
        self.descriptions = _yaml("recipe-descriptions.yaml")
        self.by_name = {name.rsplit(".", 1)[1]: fields for name, fields in self.sections.items()}
        self.definitions: dict[str, Schema] = {}

    def recipe(self) -> Schema:
        fields: dict[str, Schema] = {}
        for name in TOP:
            for key, facts in self.sections[name].items():
                fields.setdefault(facts.get("alias", key), facts)
                fields.setdefault(key, facts)
        properties = self._properties("Recipe", fields)
        properties["lintune"] = LINTUNE
        self.definitions["RuleCode"] = {"type": "string", "pattern": "^[A-Z]{2}[0-9]{0,3}$"}
        return {
            "$schema": DRAFT,
            "$id": "urn:lintune:recipe",
            "title": "Recipe",
            "description": f"A fine-tuning recipe in Axolotl's vocabulary. {self.source}",
            "type": "object",
            "properties": dict(sorted(properties.items())),
            "required": ["base_model"],
            "additionalProperties": False,
            "x-plugins": [f"axolotl.integrations.{plugin}" for plugin in PLUGINS],
            "$defs": dict(sorted(self.definitions.items())),
        }

    def _reference(self, name: str) -> Schema:
        name = next((whole for whole, parts in DATASETS.items() if name in parts), name)
        if name not in self.definitions:
            self.definitions[name] = {}  # before its fields: sections may contain each other
            self.definitions[name] = self._definition(name)
        return {"$ref": f"#/$defs/{name}"}

    def _definition(self, name: str) -> Schema:
        if name in self.enums:
            return {"enum": self.enums[name]}
        if name not in DATASETS:
            return _section(self._properties(name, self.by_name[name]))
        merged: dict[str, Schema] = {}
        for part in DATASETS[name]:
            fields = {key: facts for key, facts in self.by_name[part].items() if (part, key) not in FIXED}
            fields |= self.changes["unlisted"].get(name, {})
            for key, schema in self._properties(part, fields, whole=name).items():
                merged[key] = _merged(merged[key], schema) if key in merged else schema
        merged |= self._former(name, merged)
        return {**_section(merged), "anyOf": SOURCES}

    def _properties(self, section: str, fields: dict[str, Schema], whole: str | None = None) -> dict[str, Schema]:
        """whole: the section that these keys are merged into, which has their sentences and former keys."""
        unlisted = self.changes["unlisted"].get(section, {})
        found = {key: self._field(whole or section, key, facts) for key, facts in {**fields, **unlisted}.items()}
        return found if whole else found | self._former(section, found)

    def _former(self, section: str, properties: dict[str, Schema]) -> dict[str, Schema]:
        """The deprecated keys of a section."""
        former = dict(self.changes["former"].get(section, {}))
        found = {}
        for key, facts in former.items():
            known = properties[key] if key in properties else self._field(section, key, facts)
            found[key] = {**known, **_deprecated(facts)}
        if section == "FSDPConfig":
            for key, schema in {**properties, **found}.items():
                if not key.startswith(FSDP_PREFIX) and FSDP_PREFIX + key not in properties:
                    today = {"replacement": schema.get("x-replacement", None if schema.get("deprecated") else key)}
                    found[FSDP_PREFIX + key] = {**schema, **_deprecated(today)}
        return found

    def _field(self, section: str, key: str, facts: Schema) -> Schema:
        overrides: dict[str, Schema] = OVERRIDES.get(section, {})
        schema = dict(overrides.get(key) or of_type(facts["type"], self._reference))
        if key not in NEEDED:
            schema = or_null(schema)
        for bound, value in facts.get("bounds", {}).items():
            schema.setdefault(BOUNDS[bound], json.loads(value))
        if facts.get("default") is not None:
            schema["default"] = facts["default"]
        if facts.get("deprecated"):
            schema["deprecated"] = True
        if usual := self.changes["usual"].get(section, {}).get(key):
            schema["examples"] = usual
        if sentence := self.descriptions.get(section, {}).get(key):
            schema["description"] = sentence
        return schema


def _deprecated(facts: Schema) -> Schema:
    found: Schema = {"deprecated": True}
    if facts.get("replacement") is not None:
        found["x-replacement"] = facts["replacement"]
    if "replacement_value" in facts:
        found["x-replacement-value"] = facts["replacement_value"]
    return found


def _section(properties: dict[str, Schema]) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _merged(one: Schema, other: Schema) -> Schema:
    """What either allows; what is said of the first holds."""
    said = {key: one[key] for key in SAID if key in one}
    kinds = [{key: value for key, value in schema.items() if key not in SAID} for schema in (one, other)]
    return {**either(*kinds), **said}


SAID = ("default", "description", "deprecated", "examples")


def _yaml(name: str) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((HERE / name).read_text(encoding="utf-8"))
    return values


# Where the vocabulary is wider than what makes sense, or narrower than what Axolotl and its examples have; by section.
OVERRIDES: dict[str, dict[str, Schema]] = {
    "Recipe": {
        # Axolotl takes a text and turns it into a number later.
        "learning_rate": {"type": "number", "exclusiveMinimum": 0},
        "lora_r": {"type": "integer", "minimum": 1},
        "lora_alpha": {"type": "integer", "minimum": 1},
        "lora_dropout": {"type": "number", "minimum": 0, "maximum": 1},
        "sequence_len": {"type": "integer", "minimum": 1},
        "micro_batch_size": {"type": "integer", "minimum": 1},
        "gradient_accumulation_steps": {"type": "integer", "minimum": 1},
        "num_epochs": {"type": "number", "exclusiveMinimum": 0},
        "val_set_size": {"type": "number", "minimum": 0},
        # The last two belong to plugins of Axolotl.
        "adapter": {"enum": ["lora", "qlora", "llama-adapter", "mixlora", "mora"]},
        # The whole evaluation in bf16, too: told of in the key's own help.
        "bf16": {"anyOf": [{"enum": ["auto", "full"]}, {"type": "boolean"}]},
        # Switched on with true in the documentation.
        "kd_trainer": {"type": ["number", "boolean"]},
        # The documentation has a first and a last step.
        "profiler_steps": {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]},
        # A fraction is a share of all steps, in transformers since release 5 and in four of Axolotl's examples.
        "warmup_steps": {"type": "number", "minimum": 0},
        # pydantic takes false for 0, and the example of ReLoRA has it.
        "jagged_restart_anneal_steps": {"type": ["integer", "boolean"]},
        # Axolotl read a mapping of special tokens here before it had `special_tokens`; an archived example has it.
        "tokens": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "object"}]},
        # One entry without a list around it, or only its path: Axolotl makes a list of it.
        "pretraining_dataset": {
            "anyOf": [
                {"type": "array", "items": {"$ref": "#/$defs/Dataset"}},
                {"$ref": "#/$defs/Dataset"},
                {"type": "string"},
            ]
        },
    },
    "Dataset": {
        "path": {"type": "string"},
    },
}
