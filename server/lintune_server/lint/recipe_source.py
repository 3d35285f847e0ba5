"""A recipe as rules see it: its text, its values with their places, and where it departs from the schema."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, cast

from lintune_schemas import base_model, model_files
from lintune_schemas import recipe as recipes
from lintune_schemas.errors import LintuneError
from lintune_server.lint import yaml_source
from lintune_server.lint.findings import Position, Range
from lintune_server.lint.lines import LINE_END

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path as FilePath

    from jsonschema import Draft202012Validator, ValidationError

    from lintune_schemas.model_facts import ModelFacts
    from lintune_schemas.recipe import Recipe
    from lintune_schemas.samples import Path
    from lintune_server.hardware import Machine
    from lintune_server.lint.recipe_data import RecipeData
    from lintune_server.lint.yaml_source import YamlNode, YamlSyntaxError


@dataclass(frozen=True, slots=True)
class Fault:
    """One departure from the schema: which keyword is broken, by the value at which path."""

    keyword: str
    path: Path
    value: Any
    schema: dict[str, Any]
    """The schema of that value, references followed."""


class RecipeSource:
    """A recipe's text, read once; its data, its model and the machine are looked at when a rule asks for them."""

    def __init__(self, text: str, path: FilePath | None = None, machine: Machine | None = None) -> None:
        """path: of the recipe; its folder is where the recipe's own paths begin. machine: None for this one."""
        self.text = text
        self.path = path
        self._machine = machine
        self.unused_ignores: tuple[Path, ...] = ()
        """Where codes stand that the recipe ignores though nothing finds them; empty as long as nobody has looked."""
        self.error: YamlSyntaxError | None = None
        self.root: YamlNode | None = None
        try:
            self.root = yaml_source.parse(text)
        except yaml_source.YamlSyntaxError as error:
            self.error = error

    def line(self, number: int) -> str:
        """The text of a line; nothing beyond the last."""
        lines = LINE_END.split(self.text)
        return lines[number] if number < len(lines) else ""

    @property
    def mapping(self) -> YamlNode | None:
        """The top of a recipe that is a mapping, as it must be."""
        return self.root if self.root is not None and isinstance(self.root.value, dict) else None

    @cached_property
    def mappings(self) -> list[tuple[Path, YamlNode]]:
        """Every mapping of a recipe with its path, from the top down; one that aliases repeat only once."""
        found: list[tuple[Path, YamlNode]] = []
        waiting: list[tuple[Path, YamlNode]] = [((), self.mapping)] if self.mapping else []
        seen: set[int] = set()
        while waiting:
            path, node = waiting.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node.value, dict):
                found.append((path, node))
            waiting += [((*path, key), child) for key, child in reversed(node.keys.items())]
        return found

    @cached_property
    def values(self) -> dict[str, Any]:
        """What stands at the top; a key without a value is not there, as in Axolotl."""
        values = self.mapping.value if self.mapping else {}
        return {key: value for key, value in values.items() if value is not None}

    @cached_property
    def recipe(self) -> Recipe | None:
        """What can be understood of it."""
        return recipes.lenient(self.mapping.value) if self.mapping else None

    @cached_property
    def data(self) -> RecipeData | None:
        """Its data sets in numbers; None when not all that it trains on can be read here."""
        from lintune_server.lint import recipe_data  # imports the rule book, which imports this

        return recipe_data.numbers(self.recipe, self.path) if self.recipe and self.path else None

    @cached_property
    def model(self) -> ModelFacts | None:
        """What is known here of its base model, without a network."""
        if self.recipe is None or self.path is None:
            return None
        from lintune_schemas import model_facts

        return model_facts.facts_of(self.recipe.base_model, self.path.parent)

    @cached_property
    def special_tokens(self) -> dict[str, str]:
        """Texts of the base model's `eos_token`, `pad_token` and so on; empty when its files are not here."""
        if self.recipe is None or self.path is None:
            return {}
        try:
            model = base_model.find(self.recipe.base_model, self.path.parent)
            return model_files.special_tokens(model_files.tokenizer_folder(model))
        except (LintuneError, OSError):
            return {}

    @cached_property
    def machine(self) -> Machine:
        """What it would be trained on."""
        if self._machine is not None:
            return self._machine
        from lintune_server import hardware

        return hardware.audit(self.path.parent if self.path else None)

    @cached_property
    def faults(self) -> list[Fault]:
        """Every departure from the schema, the innermost ones where a value may be of several kinds."""
        if self.mapping is None:
            return []
        return [fault for error in _validator().iter_errors(self.mapping.value) for fault in _unfolded(error)]

    @cached_property
    def faulty(self) -> frozenset[str | int]:
        """Top keys whose values, or what is inside of them, depart from the schema: no basis for anything else."""
        return frozenset(fault.path[0] for fault in self.faults if fault.path)

    @property
    def data_paths(self) -> Iterator[tuple[Path, str]]:
        """Where in the recipe a data set's path stands, and that path."""
        values = self.mapping.value if self.mapping else {}
        for key in ("datasets", "test_datasets"):
            entries = values.get(key)
            for index, entry in enumerate(entries if isinstance(entries, list) else ()):
                if isinstance(entry, dict) and isinstance(entry.get("path"), str):
                    yield (key, index, "path"), entry["path"]

    def range_of(self, path: Path) -> Range:
        """Where a value stands."""
        assert self.root is not None
        return self.root.at(path).range

    def key_range(self, path: Path, key: str) -> Range:
        """Where a key of the mapping at `path` stands."""
        assert self.root is not None
        return self.root.at(path).key_ranges[key]

    def entry_range(self, path: Path, key: str) -> Range:
        """Where a key of the mapping at `path` stands with its value; without one that is not on the same line."""
        assert self.root is not None
        place, value = self.root.at(path).key_ranges[key], self.root.at((*path, key)).range
        beside = value.start >= place.end and value.end.line == place.end.line
        return Range(place.start, value.end) if beside else place

    @property
    def first_line(self) -> Range:
        """Where to show what has no place of its own."""
        return Range(Position(0, 0), Position(0, len(LINE_END.split(self.text, maxsplit=1)[0])))


@cache
def _validator() -> Draft202012Validator:
    from jsonschema import Draft202012Validator  # a tenth of a second, which data sets need not wait for

    return Draft202012Validator(recipes.json_schema())


def _unfolded(error: ValidationError) -> Iterator[Fault]:
    """Of a value that may be a mapping or something else and is a mapping: what is wrong inside."""
    if error.validator == "anyOf" and isinstance(error.instance, dict | list):
        branches: dict[Any, list[ValidationError]] = {}
        for inner in error.context or ():
            branches.setdefault(inner.schema_path[0], []).append(inner)
        deeper = [
            errors
            for errors in branches.values()
            if not any(inner.validator == "type" and inner.instance is error.instance for inner in errors)
        ]
        if deeper:
            for inner in min(deeper, key=len):
                yield from _unfolded(inner)
            return
    path = tuple(error.absolute_path)
    schema = cast("dict[str, Any]", error.schema)
    if error.validator == "additionalProperties":
        allowed = schema.get("properties", {})
        for key, value in cast("dict[str, Any]", error.instance).items():
            if key not in allowed:
                yield Fault("additionalProperties", (*path, key), value, schema)
    else:
        yield Fault(str(error.validator), path, error.instance, schema)
