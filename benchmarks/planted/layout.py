"""What is planted where: defects, the files and folders they are in, and how those are written to disk."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.planted.codes import CODES, tool_code, true_codes

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

Sample = dict[str, Any]

ANYWHERE = 0
"""The line of a defect that is the file's, not a line's: a finding anywhere in the file counts."""


@dataclass(frozen=True)
class Defect:
    """One defective line. `code` is empty for a decoy: a line that looks suspicious and is fine."""

    code: str
    variant: str
    line: str
    severity: str | None = None
    """Where the rule book says another one than the rule's own."""
    also: tuple[str, ...] = ()
    """Further codes that are right about this line, beside those of `codes.IMPLIES`."""
    accept: tuple[str, ...] = ()
    """Where the rule book can be read in two ways: codes that are as good as `code`."""
    secret: str | None = None
    """A text that no message may show whole."""


@dataclass(frozen=True)
class Plant:
    """A defect at its place. file: relative to its folder."""

    file: str
    line: int
    defect: Defect
    partners: tuple[tuple[str, int], ...] = ()
    """Other (file, line) that the same finding would be right about: the first of two duplicates."""

    @property
    def code(self) -> str:
        return self.defect.code

    @property
    def severity(self) -> str:
        return self.defect.severity or CODES[self.code]

    @property
    def finders(self) -> frozenset[str]:
        """Codes that count as finding it."""
        return frozenset({tool_code(self.code), *self.defect.accept})

    @property
    def true_codes(self) -> frozenset[str]:
        return true_codes(self.code) | {*self.defect.also, *self.defect.accept}


@dataclass
class DataFile:
    """A file's bytes, and those of its twin without the defects (None where there is none)."""

    name: str
    data: bytes
    plants: list[Plant] = field(default_factory=list)
    twin: bytes | None = None
    training: bool = True
    """Whether the recipe lists it under `datasets` (else under `test_datasets`)."""


@dataclass
class Folder:
    """A recipe and its data sets."""

    name: str
    files: list[DataFile]
    recipe: dict[str, Any] = field(default_factory=dict)
    """Keys on top of the usual ones; None takes a key away."""
    also: frozenset[str] = frozenset()
    """Codes that are right anywhere in this folder."""
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Further files, as JSON, by path."""
    listed: list[str] = field(default_factory=list)
    """Data sets that the recipe lists beside `files`."""
    folders: list[str] = field(default_factory=list)
    recipe_plants: list[Defect] = field(default_factory=list)
    """Defects that are shown on the recipe, or on the first line of any of its files."""

    @property
    def plants(self) -> list[Plant]:
        return [
            *(plant for file in self.files for plant in file.plants),
            *(Plant("recipe.yaml", ANYWHERE, defect) for defect in self.recipe_plants),
        ]


def dump(sample: Any) -> str:
    """A sample as one line, as data sets are usually written."""
    return json.dumps(sample, ensure_ascii=False)


def to_bytes(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def scatter(rng: random.Random, name: str, base: Sequence[str], defects: Sequence[Defect]) -> DataFile:
    """Put each defect between two lines of the base, no two of them side by side.

    Raises ValueError when there are not enough lines to part them.
    """
    gaps = dict(zip(sorted(rng.sample(range(1, len(base)), len(defects))), _shuffled(rng, defects), strict=True))
    lines: list[str] = []
    plants: list[Plant] = []
    for index, row in enumerate(base):
        if defect := gaps.get(index):
            lines.append(defect.line)
            if defect.code:
                plants.append(Plant(name, len(lines), defect))
        lines.append(row)
    return DataFile(name, to_bytes(lines), plants, to_bytes(base))


def scatter_copies(
    rng: random.Random, name: str, base: Sequence[str], makers: Sequence[Callable[[str], Defect]]
) -> DataFile:
    """For each maker, put what it makes of some line of the base anywhere after that line."""
    after: dict[int, list[tuple[int, Defect]]] = {}
    for origin, make in zip(rng.sample(range(len(base) - 1), len(makers)), makers, strict=True):
        after.setdefault(rng.randrange(origin + 1, len(base)), []).append((origin, make(base[origin])))
    lines: list[str] = []
    placed: dict[int, int] = {}
    plants: list[Plant] = []
    for index, row in enumerate(base):
        lines.append(row)
        placed[index] = len(lines)
        for origin, defect in after.get(index, ()):
            lines.append(defect.line)
            if defect.code:
                plants.append(Plant(name, len(lines), defect, ((name, placed[origin]),)))
    return DataFile(name, to_bytes(lines), plants, to_bytes(base))


def clean_file(name: str, lines: Sequence[str], training: bool = True) -> DataFile:
    data = to_bytes(lines)
    return DataFile(name, data, twin=data, training=training)


def whole_file(name: str, data: bytes | str, defect: Defect, twin: bytes | None = None) -> DataFile:
    """A file that is a defect as a whole."""
    raw = data.encode() if isinstance(data, str) else data
    return DataFile(name, raw, [Plant(name, ANYWHERE, defect)], twin)


def write(root: Path, folder: Folder, twin: bool) -> None:
    """Write a folder, or the same without its defects."""
    home = root / folder.name
    home.mkdir(parents=True)
    for file in folder.files:
        data = file.twin if twin else file.data
        if data is not None:
            (home / file.name).write_bytes(data)
    for name in folder.folders:
        (home / name).mkdir(parents=True)
    for name, content in folder.models.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(json.dumps(content), encoding="utf-8")
    (home / "recipe.yaml").write_text(_recipe(folder, twin), encoding="utf-8")


def expectations(folders: Iterable[Folder]) -> str:
    """Everything that was planted, for people: place, code, severity, variant."""
    return "".join(
        f"{folder.name}/{plant.file}:{plant.line or '*'}\t{plant.code}\t{plant.severity}\t{plant.defect.variant}\n"
        for folder in folders
        for plant in folder.plants
    )


def _recipe(folder: Folder, twin: bool) -> str:
    files = [file for file in folder.files if not twin or file.twin is not None]
    training = [file.name for file in files if file.training] + ([] if twin else folder.listed)
    values: dict[str, Any] = {
        "base_model": "smollm2-135m-instruct",
        "sequence_len": 2048,
        "adapter": "lora",
        "num_epochs": 1,
        "learning_rate": 0.0002,
        **folder.recipe,
    }
    # What JSON writes is YAML, too.
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items() if value is not None]
    lines += _entries("datasets", training)
    lines += _entries("test_datasets", [file.name for file in files if not file.training])
    return "\n".join(lines) + "\n"


def _entries(key: str, names: Sequence[str]) -> list[str]:
    return [f"{key}:", *(f"  - path: {name}" for name in names)] if names else []


def _shuffled(rng: random.Random, defects: Sequence[Defect]) -> list[Defect]:
    return rng.sample(list(defects), len(defects))
