"""Recipes: YAML in Axolotl's vocabulary, and the typed form of the keys that the built-in trainer carries out.

Names, types and defaults are Axolotl's. Whether a recipe is *right* is for the RC rules to say; reading it here only
refuses what cannot be understood at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import msgspec
import yaml

from lintune_schemas import recipe_yaml
from lintune_schemas.errors import LintuneError

if TYPE_CHECKING:
    from collections.abc import Sequence

RECIPE_NAMES = ("recipe.yaml", "recipe.yml")
RECIPE_SUFFIXES = (".recipe.yaml", ".recipe.yml")


class SampleFields(msgspec.Struct, frozen=True, omit_defaults=True):
    """`type` of an entry as a mapping: which keys of a sample hold what."""

    field_system: str | None = None
    field_instruction: str | None = None
    field_input: str | None = None
    field_output: str | None = None
    field_prompt: str | None = None
    field_chosen: str | None = None
    field_rejected: str | None = None


class Dataset(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of `datasets` or `test_datasets`. What the keys mean for a sample, `layouts.declared` says."""

    path: Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")]
    """A NUL, which no file's name can have, makes functions on paths raise what nobody expects."""
    type: str | SampleFields | None = None
    field: str | None = None
    field_messages: str | None = None
    field_tools: str | None = None
    field_chosen: str | None = None
    field_rejected: str | None = None
    message_property_mappings: dict[str, str] | None = None
    message_field_role: str | None = None
    message_field_content: str | None = None
    message_field_training: str | None = None
    roles: dict[str, list[str]] | None = None
    """From a role of the chat template to the names that a data set has for it."""
    roles_to_train: list[str] | None = None


class Export(msgspec.Struct, frozen=True):
    gguf: list[str] = msgspec.field(default_factory=lambda: ["q4_k_m"])
    """Quantizations to write after training, by llama.cpp's names; empty for none."""
    imatrix: bool = False
    """Whether quantizing weighs each weight by what the training data make of it (an importance matrix)."""


class Preview(msgspec.Struct, frozen=True):
    max_tokens: int = 128
    temperature: float = 0.0
    prefetch: bool = True
    """Whether the tuned model is asked about samples before anybody hovers over them."""


class Thresholds(msgspec.Struct, frozen=True):
    """From where on some rules speak; why there, each of them says."""

    enough_samples: int = 1_000
    """DS501: to train on."""
    enough_eval_samples: int = 20
    """DS504: to evaluate with."""
    dominant_label: float = 0.9
    """DS503: the share of the samples that have one label."""
    common_answer: float = 0.05
    """DU306: the share of the prompts that have one answer."""
    near_duplicate: float = 0.8
    """DU303 and DU305: the Jaccard similarity of two samples' runs of three words. Under 0.8 they are not searched."""
    convention: float = 0.95
    """QL405: the share of the answers that are alike."""


class Lint(msgspec.Struct, frozen=True):
    """What is checked. Codes of rules, or beginnings of codes."""

    select: list[str] | None = None
    ignore: list[str] | None = None
    per_file_ignores: dict[str, list[str]] | None = msgspec.field(name="per-file-ignores", default=None)
    """By glob, relative to the recipe's folder."""
    thresholds: Thresholds = Thresholds()


class LintuneSection(msgspec.Struct, frozen=True):
    """Our own section, `lintune:`."""

    train_on_save: bool = False
    on_change: Literal["supersede", "finish", "queue"] = "queue"
    """What a save during a run leads to: a new run in its place, none, or one after it."""
    warm_start: bool = False
    """Go on from the last run's adapter when only samples were added or changed."""
    replay: float = 0.5
    """Of a warm start's samples, the share that was trained on before."""
    backend: Literal["builtin", "unsloth", "axolotl"] = "builtin"
    processes: int | None = None
    """How many processes train together, one a device; None for as many as there are GPUs, else one."""
    checkpoints_gb: float = 10.0
    """What the checkpoints of all runs beside a recipe may take, in 10^9 bytes."""
    export: Export = Export()
    preview: Preview = Preview()
    lint: Lint = Lint()


class Recipe(msgspec.Struct, frozen=True):
    """The keys of a recipe that the built-in trainer carries out, with Axolotl's defaults."""

    base_model: str
    datasets: list[Dataset] = []
    test_datasets: list[Dataset] = []
    val_set_size: float = 0.0
    chat_template: str | None = None
    chat_template_jinja: str | None = None
    sequence_len: int = 512
    excess_length_strategy: Literal["drop", "truncate", "raise"] = "drop"
    train_on_inputs: bool = False
    adapter: Literal["lora", "qlora"] | None = None
    load_in_4bit: bool = False
    load_in_8bit: bool = False
    lora_r: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.0
    lora_target_linear: bool = False
    lora_target_modules: list[str] | str | None = None
    lora_modules_to_save: list[str] | None = None
    peft_use_rslora: bool = False
    peft_use_dora: bool = False
    rl: str | None = None
    """Train on preference pairs by this method, `dpo` or `orpo`; None for samples with one answer."""
    rl_beta: float | None = None
    dpo_label_smoothing: float | None = None
    orpo_alpha: float | None = None
    sample_packing: bool = False
    group_by_length: bool = False
    neftune_noise_alpha: float | None = None
    micro_batch_size: int = 1
    eval_batch_size: int | None = None
    gradient_accumulation_steps: int = 1
    num_epochs: float = 1.0
    max_steps: int | None = None
    learning_rate: float = 2e-4
    lr_scheduler: str = "cosine"
    warmup_steps: int | float | None = None
    """A fraction is a share of all steps, as in transformers."""
    warmup_ratio: float | None = None
    optimizer: str = "adamw_torch_fused"
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    adam_beta1: float | None = None
    adam_beta2: float | None = None
    adam_epsilon: float | None = None
    attn_implementation: str | None = None
    torch_compile: bool | Literal["auto"] | None = None
    gradient_checkpointing: bool | str = False
    bf16: bool | Literal["auto", "full"] = "auto"
    """Axolotl's `full` evaluates in bf16, too, as the built-in trainer always does."""
    fp16: bool = False
    seed: int = 42
    logging_steps: int = 1
    eval_steps: int | float | None = None
    evals_per_epoch: int | None = None
    save_steps: int | float | None = None
    saves_per_epoch: int | None = None
    save_total_limit: int | None = None
    early_stopping_patience: int | None = None
    """After so many evaluations without a better loss training stops, and the best checkpoint is what it gives."""
    load_best_model_at_end: bool = False
    output_dir: str | None = None
    lintune: LintuneSection = LintuneSection()

    def dataset_paths(self, recipe_folder: Path) -> list[Path]:
        """Paths of the training files, then of the test files, each relative to the recipe's folder."""
        return [recipe_folder / entry.path for entry in (*self.datasets, *self.test_datasets)]

    def entry_of(self, dataset: Path, recipe_folder: Path) -> Dataset | None:
        """The first entry for a file; None when it is not listed."""
        wanted = real_path(dataset)
        entries = (*self.datasets, *self.test_datasets)
        return next((entry for entry in entries if real_path(recipe_folder / entry.path) == wanted), None)


def is_recipe_name(path: Path) -> bool:
    """Whether a file's name alone makes it a recipe (any YAML with a top-level `base_model` is one, too)."""
    return path.name in RECIPE_NAMES or path.name.endswith(RECIPE_SUFFIXES)


def names_base_model(text: str) -> bool:
    """Whether a YAML text has a top-level `base_model`, so that it is a recipe whatever its name."""
    return _BASE_MODEL_KEY.search(text) is not None


_BASE_MODEL_KEY = re.compile(r"^base_model[ \t]*:", re.MULTILINE)


@cache
def json_schema() -> dict[str, Any]:
    """The recipe's JSON Schema (draft 2020-12): Axolotl's whole public vocabulary and our section."""
    schema: dict[str, Any] = msgspec.json.decode(files(__package__).joinpath("json/recipe.schema.json").read_bytes())
    return schema


def load(path: Path, assignments: Sequence[str] = ()) -> Recipe:
    """Read the recipe at `path`, with the `key=value` of `--set` applied.

    Raises LintuneError, with what to do, when it cannot be read or understood.
    """
    values = parse(path)
    for assignment in assignments:
        set_value(values, assignment)
    return from_mapping(values, str(path))


def parse(path: Path) -> dict[str, Any]:
    """The recipe's values as they stand in the file. Raises LintuneError when it is no YAML mapping."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise LintuneError(f"There is no recipe {path}. Give the path of a recipe.yaml.") from error
    except IsADirectoryError as error:
        raise LintuneError(f"{path} is a folder. Give the path of a recipe.yaml.") from error
    except OSError as error:
        raise LintuneError(f"The recipe {path} could not be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise LintuneError(f"The recipe {path} is no UTF-8 text. Save it as UTF-8.") from error
    try:
        values = recipe_yaml.load(text)
    except recipe_yaml.RecipeYamlError as error:
        raise LintuneError(f"The recipe {path} cannot be used: {error.message}. See: lintune check {path}") from error
    except yaml.YAMLError as error:
        raise LintuneError(f"The recipe {path} is no valid YAML. See: lintune check {path}") from error
    if not isinstance(values, dict):
        raise LintuneError(f"The recipe {path} is no YAML mapping. See: lintune check {path}")
    return values


def from_mapping(values: dict[str, Any], origin: str) -> Recipe:
    """The typed recipe of parsed YAML. Raises LintuneError naming the key that cannot be understood."""
    try:
        return msgspec.convert(_as_meant(values), Recipe)
    except msgspec.ValidationError as error:
        raise LintuneError(f"The recipe {origin} cannot be used: {error}. See: lintune check {origin}") from error


def lenient(values: object) -> Recipe | None:
    """As much of a recipe as can be understood: keys with wrong values fall back to their defaults.

    The linter uses it, so that a typo in one key does not blind the rules that need another. None without a
    `base_model`.
    """
    if not isinstance(values, dict) or not isinstance(values.get("base_model"), str):
        return None
    kept = _understood(_as_meant(values), Recipe, {"base_model": ""})
    for name in ("datasets", "test_datasets"):
        if name not in kept and isinstance(entries := values.get(name), list):
            understood = (_understood(entry, Dataset, {"path": ""}) for entry in entries if isinstance(entry, dict))
            kept[name] = [entry for entry in understood if "path" in entry]
    return msgspec.convert(kept, Recipe)


def _understood(values: dict[str, Any], struct: type[msgspec.Struct], required: dict[str, Any]) -> dict[str, Any]:
    """The keys whose values a struct can have. required: a value for each key that the struct needs."""
    kept: dict[str, Any] = {}
    for key, value in values.items():
        try:
            msgspec.convert({**required, key: value}, struct)
        except msgspec.ValidationError:
            continue
        kept[key] = value
    return kept


def set_value(values: dict[str, Any], assignment: str) -> None:
    """Apply one `key=value` of the command line, dots going into sections; the value is read as YAML.

    Raises LintuneError when there is no `=`, or the path goes through something that is no section.
    """
    key, separator, text = assignment.partition("=")
    if not separator or not key:
        raise LintuneError(f"--set takes key=value, not {assignment!r}.")
    *sections, last = key.split(".")
    target = values
    for section in sections:
        target = target.setdefault(section, {})
        if not isinstance(target, dict):
            raise LintuneError(f"--set {assignment}: {section} is no section of the recipe.")
    try:
        value = recipe_yaml.load(text)
    except yaml.YAMLError as error:
        raise LintuneError(f"--set {assignment}: {text} is no valid YAML value.") from error
    # YAML 1.1 reads 1e-4 as a string (it wants 1.0e-4). On a command line the number is meant.
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = float(value)
    target[last] = value


def to_mapping(recipe: Recipe) -> dict[str, Any]:
    """Every value resolved, as written to `recipe.lock.yaml`."""
    mapping: dict[str, Any] = msgspec.to_builtins(recipe)
    return mapping


def fingerprint(recipe: Recipe) -> str:
    """A hash of everything that changes what would be trained; comments, layout and lint settings do not count."""
    values = to_mapping(recipe)
    section = values.pop("lintune")
    values |= {key: section[key] for key in ("export", "backend", "processes")}
    return hashlib.sha256(msgspec.json.encode(values, order="deterministic")).hexdigest()


def _as_meant(values: dict[str, Any]) -> dict[str, Any]:
    """As Axolotl takes them: an empty key (`lora_r:`) means the default, and `1e-4`, to YAML 1.1 a text, the number."""
    return {
        key: float(value) if key in _NUMBERS and isinstance(value, str) and _EXPONENT.fullmatch(value) else value
        for key, value in values.items()
        if value is not None
    }


_NUMBERS = frozenset(
    field.encode_name for field in msgspec.structs.fields(Recipe) if float in (field.type, *get_args(field.type))
)
_EXPONENT = re.compile(r"[-+]?(\d{1,20}(\.\d*)?|\.\d+)[eE][-+]?\d{1,2}", re.ASCII)
"""With digits few enough for a number that is finite."""


def real_path(path: Path) -> Path:
    """What a path leads to. `Path.resolve` is the same, but for links in a circle, of which it raises RuntimeError."""
    return Path(os.path.realpath(path))


def find_for(dataset: Path) -> Path | None:
    """The recipe of a data set: the nearest upward that lists it, else the nearest upward. None without one."""
    dataset = real_path(dataset)
    nearest: Path | None = None
    for folder in dataset.parents:
        for candidate in _recipes_in(folder):
            nearest = nearest or candidate
            if dataset in _listed(candidate):
                return candidate
        if (folder / ".git").exists():
            break
    return nearest


def _recipes_in(folder: Path) -> list[Path]:
    try:
        names = sorted(path for path in folder.iterdir() if is_recipe_name(path))
    except OSError:
        return []
    return sorted(names, key=lambda path: path.name not in RECIPE_NAMES)


def _listed(path: Path) -> set[Path]:
    try:
        small = path.stat().st_size <= recipe_yaml.LARGEST
        recipe = lenient(recipe_yaml.load(path.read_text(encoding="utf-8"))) if small else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return set()
    return {real_path(entry) for entry in recipe.dataset_paths(path.parent)} if recipe else set()


# msgspec looks at a type's fields when it meets the type first, and the process crashes when two threads do so at once
# (msgspec 0.22): here is the first time.
msgspec.convert({"base_model": ""}, Recipe)
