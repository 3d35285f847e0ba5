"""A recipe's data sets: in numbers, and what each is told as a whole, shown where the recipe names it, too."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from lintune_schemas.recipe import real_path
from lintune_server.lint import scanning
from lintune_server.lint.context import Context
from lintune_server.lint.findings import Finding, Related
from lintune_server.lint.peers import Peers
from lintune_server.lint.sieve import Sieve
from lintune_server.lint.statistics import percentile
from lintune_server.rules import FILE_RULES, UNUSED_IGNORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lintune_schemas.recipe import Recipe
    from lintune_schemas.samples import SampleFormat
    from lintune_server.lint.data_set import DataSet
    from lintune_server.lint.recipe_source import RecipeSource
    from lintune_server.lint.scanning import Scan

_LARGEST = 32 << 20
"""Bytes of a file that is read to judge a recipe. A larger one holds samples enough, and is judged where it is open."""


@dataclass(frozen=True, slots=True)
class RecipeData:
    """A recipe's data sets in numbers. Tokens are None where they are not known: no tokenizer, or a recipe that says
    something else of the tokens than the one on disk."""

    training_samples: int
    """What an epoch trains on: without what is held out by `val_set_size`, or dropped as too long."""
    evaluation_samples: int | None
    """None when a file to evaluate with cannot be read."""
    tokens: int | None
    """What an epoch reads: of the training samples, each cut at `sequence_len`."""
    trained_tokens: int | None
    """Those of them that are learned; not less for samples that are cut."""
    longest: int | None
    """Tokens of the longest sample in the training files, however long a recipe allows it to be."""
    p99: int | None
    """Tokens that 99 % of the samples in the training files do not exceed."""
    most_trained: int | None = None
    """Learned tokens of the training sample that has most of them."""
    shortest_prompt: int | None = None
    """Tokens that are not learned, of the training sample that has fewest of them."""
    formats: tuple[tuple[Path, SampleFormat], ...] = ()
    """Of the files that are known, those to evaluate with included."""


def numbers(recipe: Recipe, path: Path) -> RecipeData | None:
    """Of the recipe at `path`, as it is being edited. None when a file to train on is missing, remote or large."""
    context = Context(path, recipe)
    peers = Peers.of(context, lambda _: None)
    training, evaluation = (
        [_scan(file, context) for file in dict.fromkeys(files)] for files in (peers.training, peers.evaluation)
    )
    known = [one for one in training if one]
    if not known or len(known) < len(training):
        return None
    samples = sum(len(one.data) for one in known)
    lengths: list[int] = []
    pairs: list[tuple[int, int]] = []
    if all(_counts_as(recipe, one) for one in known):
        pairs = [pair for one in known for pair in zip(one.part.tokens, one.part.trained_tokens, strict=True)]
        pairs = [pair for pair in pairs if pair[0]]  # of a sample with an error tokens are not counted
        lengths = sorted(length for length, _ in pairs)
        if recipe.excess_length_strategy == "drop":
            fitting = [pair for pair in pairs if pair[0] <= recipe.sequence_len]
            samples, pairs = samples - len(pairs) + len(fitting), fitting
    held_out = 0 if evaluation else _held_out(recipe, samples)
    share = 1 - held_out / samples if samples else 0.0
    return RecipeData(
        samples - held_out,
        _total(evaluation) if evaluation else held_out,
        round(share * sum(min(length, recipe.sequence_len) for length, _ in pairs)) if lengths else None,
        round(share * sum(trained for _, trained in pairs)) if lengths else None,
        lengths[-1] if lengths else None,
        percentile(lengths, 0.99) if lengths else None,
        min(max(trained for _, trained in pairs), recipe.sequence_len) if pairs else None,
        min(length - trained for length, trained in pairs) if pairs else None,
        tuple((one.path, one.format) for one in (*training, *evaluation) if one and one.format),
    )


def _total(scans: list[Scan | None]) -> int | None:
    known = [one for one in scans if one]
    return sum(len(one.data) for one in known) if len(known) == len(scans) else None


def _held_out(recipe: Recipe, samples: int) -> int:
    """As the trainer splits: a share below 1, or a number; at least one."""
    size = recipe.val_set_size
    if not size or not samples:
        return 0
    return min(max(round(samples * size) if size < 1 else int(size), 1), samples)


def _counts_as(recipe: Recipe, scan: Scan) -> bool:
    """Whether the tokens of a file were counted as this recipe would have them."""
    saved = scan.data.surroundings.recipe
    return scan.context.tokenizer is not None and saved is not None and _of_tokens(saved) == _of_tokens(recipe)


def _of_tokens(recipe: Recipe) -> tuple[object, ...]:
    return (
        recipe.base_model,
        recipe.chat_template,
        recipe.chat_template_jinja,
        recipe.train_on_inputs,
        recipe.datasets,
    )


def check(source: RecipeSource, asks: Callable[[str], bool]) -> Iterator[Finding]:
    """The findings of the DS rules, each once, at the first path that it is about. asks: whether a rule is asked."""
    recipe, path = source.recipe, source.path
    rules = [rule for rule in FILE_RULES if rule.family == "DS" and rule.code != UNUSED_IGNORE and asks(rule.code)]
    if recipe is None or path is None or not rules:
        return
    context = Context(path, recipe)
    peers = Peers.of(context, cache(lambda file: _read(file, context)))
    said = set()
    for place, name in source.data_paths:
        file = _listed(path.parent, name, peers)
        known = peers.read(file) if file else None
        if file is None or known is None:
            continue
        data = replace(known, surroundings=replace(known.surroundings, recipe=recipe))
        peers.introduce(data)
        sieve = Sieve(file, recipe, path)
        for rule in rules:
            for index, problem in rule.check(data) if sieve.asks(rule.code) else ():
                if (rule.code, problem.message) in said:
                    continue
                said.add((rule.code, problem.message))
                related = Related(file, 0 if index is None else data.lines[index], "this data set")
                severity = rule.severity if problem.severity is None else problem.severity
                at = source.range_of(place)
                yield Finding(rule.code, rule.name, severity, problem.message, at, related=(related,))


def _listed(folder: Path, name: str, peers: Peers) -> Path | None:
    """The file, unless the recipe's entry cannot be understood."""
    try:
        file = real_path(folder / name)
    except ValueError:  # a NUL in it
        return None
    return file if file in (*peers.training, *peers.evaluation) else None


def _read(file: Path, context: Context) -> DataSet | None:
    found = _scan(file, context)
    return found.data if found else None


def _scan(file: Path, context: Context) -> Scan | None:
    try:
        small = file.is_file() and file.stat().st_size <= _LARGEST
    except (OSError, ValueError):
        return None
    return scanning.peer_scan(file, context) if small else None


def reads_much(text: str, path: Path) -> bool:
    """Whether judging a recipe with this text reads data sets that take longer than a glance."""
    from lintune_server.lint.recipe_source import RecipeSource  # which needs what is here

    recipe = RecipeSource(text, path).recipe
    size = 0
    for file in recipe.dataset_paths(path.parent) if recipe else ():
        with suppress(OSError, ValueError):
            size += file.stat().st_size
    return size > _A_GLANCE


_A_GLANCE = 1 << 19
"""Bytes: a tenth of a second."""
