from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.lines import BLANK
from lintune_server.lint.problems import Columns, Problem, RecipeProblem
from lintune_server.lint.rule import recipe_rule, shape_rule
from lintune_server.lint.shape import Head
from lintune_server.lint.words import closest
from lintune_server.rules.json_lines import encodings, file_kinds, one_a_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lintune_server.lint.recipe_source import RecipeSource
    from lintune_server.lint.shape import Shape

_REMOTE = re.compile(r"[a-z0-9]+://.*|[\w-][\w.-]*/[\w-]+", re.ASCII)
"""An address, or a name on the Hugging Face hub: owner and name, without a suffix."""
_NOTHING = 1 << 12
"""Bytes of white space at most that are still looked through, to call a file empty."""

_BEGINNING = 1 << 16
"""Bytes of a file that show what it is."""


@shape_rule("DS505", Severity.ERROR)
def unusable_file(shape: Shape) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports a file of the recipe that is missing, a folder, another recipe, empty, or that cannot be read: in the
    recipe, and an empty one in the file itself. A name that looks like one on the Hugging Face hub is a warning:
    Axolotl would look there, the built-in trainer reads files. So is a JSON list, a table or a Parquet file, of which
    `lintune convert` makes JSON Lines.

    ## Why it hurts
    The run cannot start, or it trains on less than was meant.

    ## Example
    ```yaml
    datasets:
      - path: data/trian.jsonl
    ```

    ## Use instead
    ```yaml
    datasets:
      - path: data/train.jsonl
    ```
    """
    if len(shape.blank) + 1 == shape.lines and not shape.last.strip(BLANK):
        yield 0, Problem("The file is empty: a data set has a sample, a JSON object, on every line.", Columns())


@recipe_rule("DS505", Severity.ERROR)
def unusable_file_of_recipe(source: RecipeSource) -> Iterator[RecipeProblem]:
    if source.path is None:
        return
    for place, name in source.data_paths:
        found = _fault(source.path.parent, name)
        if found is not None:
            message, severity = found
            yield RecipeProblem(message, source.range_of(place), severity=severity)


def _fault(folder: Path, name: str) -> tuple[str, Severity | None] | None:
    file = folder / name
    try:
        status = file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return _missing(file, name)
    except OSError as error:
        return f"{name} cannot be read: {error.strerror}.", None
    except ValueError:
        return "This path has a NUL in it, which no file's name can have.", None
    if stat.S_ISDIR(status.st_mode):
        return f"{name} is a folder. Name a .jsonl file in it.", None
    if file.suffix in (".yaml", ".yml"):
        return f"{name} is a recipe, not a data set: recipes do not include each other. Name a .jsonl file.", None
    if not stat.S_ISREG(status.st_mode):
        return f"{name} is a pipe or a device. Name a .jsonl file.", None
    if not os.access(file, os.R_OK):
        return f"{name} may not be read. Change its permissions.", None
    if status.st_size <= _NOTHING and _is_blank(file):
        return f"{name} is empty: there is no sample in it.", None
    return None if file.suffix in (".jsonl", ".ndjson") else _other_kind(file, name, status.st_size)


def _is_blank(file: Path) -> bool:
    try:
        return not file.read_bytes().strip()
    except OSError:
        return False


def _other_kind(file: Path, name: str, size: int) -> tuple[str, Severity | None] | None:
    """Of a file that is no JSON Lines. One that is called .jsonl has that finding itself."""
    try:
        with file.open("rb") as opened:
            head = Head(size, opened.read(_BEGINNING), file.read_bytes)
    except OSError:
        return None
    kind = file_kinds.kind_of(head)
    if encodings.wide(head.data) is not None or (kind is None and one_a_line.spread(head) is None):
        return None
    if kind is not None and not kind.convertible:
        return f"{name} is no JSON Lines: {kind.what}. {kind.advice}", None
    what = kind.what if kind else "its JSON is not one object a line"
    advice = f"Axolotl may read it, the built-in trainer does not: lintune convert {name}"
    return f"{name} is no JSON Lines: {what}. {advice}", Severity.WARNING


def _missing(file: Path, name: str) -> tuple[str, Severity | None]:
    if _REMOTE.fullmatch(name) and not file.parent.is_dir():
        message = (
            f"There is no file {name} here. Axolotl would look for it elsewhere; the built-in trainer reads files."
        )
        return message, Severity.WARNING
    try:
        names = [one.name for one in file.parent.iterdir()]
    except OSError:
        names = []
    near = closest(file.name, names)
    meant = f" Is {name.removesuffix(file.name)}{near} meant?" if near else ""
    return f"There is no file {name}.{meant}", None
