"""Our own section of a recipe, `lintune:`, as a JSON Schema."""

from __future__ import annotations

from typing import Any

# Those of llama.cpp that need no importance matrix.
QUANTIZATIONS = [
    *("f16", "bf16", "q8_0", "q6_k", "q5_k_m", "q5_k_s", "q5_1", "q5_0", "q4_k_m", "q4_k_s", "q4_1", "q4_0"),
    *("iq4_nl", "iq4_xs", "q3_k_l", "q3_k_m", "q3_k_s", "q2_k"),
]


def _threshold(description: str, default: float, kind: str = "number", least: float = 0.0) -> dict[str, object]:
    bounds = {"minimum": least} if kind == "integer" else {"minimum": least, "maximum": 1}
    return {"type": kind, **bounds, "default": default, "description": description}


LINTUNE: dict[str, Any] = {
    "type": "object",
    "description": "What Lintune does with this recipe; other tools skip this section.",
    "properties": {
        "train_on_save": {
            "type": "boolean",
            "default": False,
            "description": "Train in the background when the recipe or its data sets are saved with a change.",
        },
        "on_change": {
            "enum": ["supersede", "finish", "queue"],
            "default": "queue",
            "description": (
                "What a save during a run leads to: a new run in its place (supersede), none (finish), or one after "
                "it (queue)."
            ),
        },
        "warm_start": {
            "type": "boolean",
            "default": False,
            "description": "Go on from the last run's adapter when only samples were added or changed.",
        },
        "replay": {
            "type": "number",
            "minimum": 0,
            "exclusiveMaximum": 1,
            "default": 0.5,
            "description": "Of the samples of a warm start, the share that was trained on before.",
        },
        "backend": {
            "enum": ["builtin", "unsloth", "axolotl"],
            "default": "builtin",
            "description": "What trains: Lintune itself, or Unsloth or Axolotl where they are installed.",
        },
        "processes": {
            "type": ["integer", "null"],
            "minimum": 1,
            "description": "How many processes train together; without it, one a GPU.",
        },
        "checkpoints_gb": {
            "type": "number",
            "exclusiveMinimum": 0,
            "default": 10,
            "description": "What the checkpoints of all runs may take on the disk, in gigabytes; the oldest go first.",
        },
        "export": {
            "type": "object",
            "description": "What is written when training is over.",
            "properties": {
                "gguf": {
                    "type": "array",
                    "items": {"enum": QUANTIZATIONS},
                    "default": ["q4_k_m"],
                    "description": "GGUF files to write after training, by llama.cpp's names of quantizations.",
                },
                "imatrix": {
                    "type": "boolean",
                    "default": False,
                    "description": (
                        "Weigh each weight by what the training data make of it (an importance matrix) when quantizing."
                    ),
                },
            },
            "additionalProperties": False,
        },
        "preview": {
            "type": "object",
            "description": "How the tuned model is asked in the editor.",
            "properties": {
                "max_tokens": {
                    "type": "integer",
                    "minimum": 1,
                    "default": 128,
                    "description": "The longest answer that the editor shows, in tokens.",
                },
                "temperature": {
                    "type": "number",
                    "minimum": 0,
                    "default": 0,
                    "description": "How freely the model answers: 0 always takes the likeliest token.",
                },
                "prefetch": {
                    "type": "boolean",
                    "default": True,
                    "description": "Ask about the sample at the cursor, and about eval samples, before anybody hovers.",
                },
            },
            "additionalProperties": False,
        },
        "lint": {
            "type": "object",
            "description": "Which rules check this recipe and its data sets, and from where on they speak.",
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
                        "Leave rules out in some files: a glob from the recipe's folder (`**` goes through folders), "
                        "and codes of rules."
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
