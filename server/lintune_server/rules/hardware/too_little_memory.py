from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.hardware import fitting, memory
from lintune_server.hardware.words import size
from lintune_server.lint.findings import Position, Range, Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule
from lintune_server.lint.words import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.hardware.fitting import Change
    from lintune_server.lint.recipe_source import RecipeSource


@recipe_rule("HW701", Severity.ERROR)
def too_little_memory(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Estimates the most memory that the training takes (weights at their precision, adapter, optimizer, activations of
    the largest batch, logits) and reports when this machine's GPU, or its RAM where there is none to train on, has
    less. Counted is all the memory there is, not what happens to be free.

    ## Why it hurts
    The run ends with “out of memory”, often only at the longest batch, after everything before it was waited for.

    ## Example
    On a GPU with 8 GB:
    ```yaml
    base_model: Qwen/Qwen2.5-3B-Instruct
    adapter: qlora
    load_in_4bit: true
    lora_target_linear: true
    sequence_len: 2048
    micro_batch_size: 8
    ```

    ## Use instead
    ```yaml
    base_model: Qwen/Qwen2.5-3B-Instruct
    adapter: qlora
    load_in_4bit: true
    lora_target_linear: true
    sequence_len: 2048
    gradient_checkpointing: true
    micro_batch_size: 1
    gradient_accumulation_steps: 8
    ```

    ## Fix
    The nearest setting that fits: smaller batches of which more are accumulated, or activations that are computed
    twice instead of kept. Safe. Where that is not enough, also 4 bits or shorter samples. Not safe: what is trained is
    no longer the same.
    """
    recipe, facts, room = source.recipe, source.model, source.machine.room
    if recipe is None or facts is None or room is None or not fitting.judged(recipe):
        return
    most = memory.estimate(recipe, facts, source.machine, memory.largest_batch(recipe, None))
    if most is None or most.peak <= room:  # whatever the data, which need not be read
        return
    found = memory.estimate(recipe, facts, source.machine, memory.largest_batch(recipe, source.data))
    if found is None or found.peak <= room:
        return
    device = source.machine.device
    where = f"{device.name} has {size(room)}" if device else f"this machine has {size(room)} of RAM"
    what = f"The training takes about {size(found.peak)}, and {where}."
    changes = fitting.nearest(recipe, facts, source.machine, source.data)
    if changes is None:
        place = source.range_of(("base_model",))
        yield RecipeProblem(f"{what} No setting makes this model fit: take a smaller base_model.", place)
        return
    first = next((change.key for change in changes.all if change.key in source.values), "base_model")
    advice = listed([f"{change.key}: {change.value}" for change in changes.all])
    fix = _edits(source, changes.all)
    if fix is None:
        yield RecipeProblem(f"{what} {advice} would fit.", source.range_of((first,)))
        return
    (place, text), *more = fix
    yield RecipeProblem(
        f"{what} {advice} would fit.",
        source.range_of((first,)),
        f"Set {advice}",
        text,
        replace_range=place,
        more=tuple(more),
        safe=changes.same_training,
    )


def _edits(source: RecipeSource, changes: tuple[Change, ...]) -> list[tuple[Range, str]] | None:
    """Values in their places; keys that are not there yet, as lines of their own above another. None where the text
    is laid out in some other way."""
    assert source.mapping is not None
    anchor = next((change.key for change in changes if change.key in source.values), "base_model")
    line = source.key_range((), anchor).start
    edits: list[tuple[Range, str]] = []
    added = ""
    for change in changes:
        if change.key in source.mapping.value:
            node = source.mapping.at((change.key,))
            edits.append((node.range, change.value if node.raw else f" {change.value}"))
        else:
            added += f"{change.key}: {change.value}\n"
    if added and (line.column or source.text.lstrip().startswith("{")):
        return None
    if added:
        start = Position(line.line, 0)
        edits.insert(0, (Range(start, start), added))
    return edits
