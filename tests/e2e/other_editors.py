"""What the tests of editors other than VS Code share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .code_server import REPOSITORY, copy_example

if TYPE_CHECKING:
    from pathlib import Path


def snippets(heading: str, language: str) -> list[str]:
    """The blocks of code in a section of docs/editors.md: what people copy is what is tested."""
    page = (REPOSITORY / "docs" / "editors.md").read_text(encoding="utf-8")
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def copy_untrained_example(to: Path) -> Path:
    """A copy of the example workspace, in which a save starts no training."""
    folder = copy_example(to)
    recipe = folder / "recipe.yaml"
    text = recipe.read_text(encoding="utf-8")
    recipe.write_text(text.replace("train_on_save: true", "train_on_save: false"), encoding="utf-8")
    return folder
