from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule
from lintune_server.lint.words import closest, listed
from lintune_server.rules.recipe import adapted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lintune_schemas.model_facts import ModelFacts
    from lintune_server.lint.recipe_source import RecipeSource

_FUSED = {
    "q_proj": "qkv_proj",
    "k_proj": "qkv_proj",
    "v_proj": "qkv_proj",
    "gate_proj": "gate_up_proj",
    "up_proj": "gate_up_proj",
}
"""What is one module in Phi-3 and three, or two, in others."""

_COSTLY = re.compile(r"\)[*+{]|([*+{].*){4}", re.DOTALL)
"""Regular expressions that may take for ever on a name that they do not match: they are left to the trainer."""


@recipe_rule("RC613", Severity.ERROR)
def unknown_module(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports entries of `lora_target_modules` that the base model has no module for, and says which it has; also
    misspelt embeddings in `lora_modules_to_save`. A text instead of a list is a regular expression that must match
    whole names, such as `model.layers.0.self_attn.q_proj`. Models whose files are not on this machine are known when
    they are among the starter models; any other is not checked.

    ## Why it hurts
    If no entry fits, the run stops after the model was loaded. If some fit, the others are skipped without a word, and
    less of the model is adapted than the recipe says.

    ## Example
    ```yaml
    base_model: microsoft/Phi-3-mini-4k-instruct
    lora_target_modules: [q_proj, v_proj]
    ```

    ## Use instead
    ```yaml
    base_model: microsoft/Phi-3-mini-4k-instruct
    lora_target_modules: [qkv_proj, o_proj]
    ```

    ## Fix
    Writes the name that was meant where only a letter or two are wrong, or a list instead of a text. Safe.
    """
    values = source.mapping.value if source.mapping else {}
    if not adapted.is_low_rank(values):
        return
    model = source.model
    if model is None or not model.modules:
        return
    yield from _saved(values.get("lora_modules_to_save"), model, source)
    wanted = values.get("lora_target_modules")
    if not wanted or values.get("lora_target_linear") is True:  # all linear layers win, in Axolotl, too
        return
    if isinstance(wanted, str):
        yield from _as_expression(wanted, model, source)
        return
    for index, name in enumerate(wanted if isinstance(wanted, list) else ()):
        if not isinstance(name, str) or _has(model, name):
            continue
        place = source.range_of(("lora_target_modules", index))
        if name == "all-linear":
            message = "all-linear counts as a text of its own, not in a list. Set lora_target_linear: true instead."
            yield RecipeProblem(message, place)
            continue
        fused = _FUSED.get(name)
        if fused in model.linear_modules:
            together = listed(part for part, whole in _FUSED.items() if whole == fused)
            yield RecipeProblem(f"The model has no {name}: its {together} are one module, {fused}.", place)
            continue
        meant = closest(name, model.linear_modules)
        if meant and meant not in wanted:
            yield RecipeProblem(
                f"The model has no module {name}. Is {meant} meant?", place, f"Change to {meant}", meant
            )
        else:
            yield RecipeProblem(f"The model has no module {name}. {_those_of(model)}", place)


def _saved(wanted: object, model: ModelFacts, source: RecipeSource) -> Iterator[RecipeProblem]:
    """Misspelt names of embeddings. Any module can be saved, norms too, so that other names may be right."""
    known = {name.rpartition(".")[2] for name in model.modules} - set(model.linear_modules)
    for index, name in enumerate(wanted if isinstance(wanted, list) else ()):
        meant = closest(name, known) if isinstance(name, str) and not _has(model, name) else None
        if meant and meant not in (wanted if isinstance(wanted, list) else ()):
            place = source.range_of(("lora_modules_to_save", index))
            yield RecipeProblem(
                f"The model has no module {name}. Is {meant} meant?", place, f"Change to {meant}", meant
            )


def _as_expression(wanted: str, model: ModelFacts, source: RecipeSource) -> Iterator[RecipeProblem]:
    if wanted == "all-linear" or _COSTLY.search(wanted):
        return
    place = source.range_of(("lora_target_modules",))
    try:
        expression = re.compile(wanted)
    except re.error as error:
        yield RecipeProblem(f"lora_target_modules is no valid regular expression: {error}.", place)
        return
    if any(expression.fullmatch(name) for name in _as_loaded(model.modules)):
        return
    names = [name for name in re.split(r"[\s,]+", wanted) if name]
    if names and all(_has(model, name) for name in names):
        as_list = f"[{', '.join(names)}]"
        yield RecipeProblem(
            f"As a text, lora_target_modules must match whole names ({_example(model)}), and this matches none. Write "
            "a list.",
            place,
            f"Change to {as_list}",
            as_list,
        )
    else:
        yield RecipeProblem(
            f"lora_target_modules matches none of the model's modules: it must match whole names, such as "
            f"{_example(model)}. {_those_of(model)}",
            place,
        )


def _has(model: ModelFacts, name: str) -> bool:
    """As PEFT compares them: the whole name, or its end from a dot on."""
    return any(one == name or one.endswith(f".{name}") for one in model.modules)


def _as_loaded(names: Iterable[str]) -> Iterator[str]:
    """Names in files, and what transformers calls them where that differs: in models that see."""
    for name in names:
        yield name
        if name.startswith("language_model.model."):
            yield f"model.language_model.{name.removeprefix('language_model.model.')}"
        elif not name.startswith(("model.", "lm_head")):
            yield f"model.{name}"


def _example(model: ModelFacts) -> str:
    last = next(iter(model.linear_modules), "")
    return next((name for name in model.modules if name.endswith(f".{last}")), model.modules[0])


def _those_of(model: ModelFacts) -> str:
    return f"It has {listed(model.linear_modules)}." if model.linear_modules else ""
