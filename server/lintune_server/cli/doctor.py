"""`lintune doctor [RECIPE]`: what this machine has, what fits on it, and what a recipe would take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas import recipe as recipes
from lintune_schemas.errors import LintuneError
from lintune_server.cli import doctor_json, doctor_text, output
from lintune_server.cli.terminal import Look
from lintune_server.hardware import audit, report
from lintune_server.hardware.installed import extras
from lintune_server.lint.findings import Severity

if TYPE_CHECKING:
    import argparse

    from lintune_server.hardware import Machine
    from lintune_server.hardware.report import RecipeReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "What this machine has and what can be trained on it; of a recipe, whether it fits, how long it takes and what "
        "to change. Exit codes: 0 well, 1 the recipe does not fit, 2 it could not be read."
    )
    parser.add_argument("recipe", nargs="?", type=Path, metavar="RECIPE", help="path of a recipe, as recipe.yaml")
    parser.add_argument("--json", action="store_true", help="one object, by doctor-report.schema.json")


def run(args: argparse.Namespace) -> int:
    """Raises LintuneError when the recipe cannot be read."""
    machine = audit(args.recipe.parent if args.recipe else None)
    recipe = _examined(args.recipe, machine) if args.recipe else None
    fitting = [] if recipe else report.fitting_starters(machine)
    with output.opened(None) as out:
        if args.json:
            entry = doctor_json.entry(machine, extras(), fitting, recipe)
            out.write(json.dumps(entry, ensure_ascii=False, indent=2) + "\n")
        else:
            page = doctor_text.page(machine, extras(), fitting, recipe, Look.of(out))
            out.write("\n".join(page) + "\n")
    worst = max((finding.severity for finding in recipe.findings), default=None) if recipe else None
    return int(worst is Severity.ERROR)


def _examined(path: Path, machine: Machine) -> RecipeReport:
    recipes.parse(path)  # says what is wrong with a file that is no recipe at all
    # Rules take a fifth of a second to import, which the machine alone need not wait for.
    from lintune_server.lint.recipe import judge
    from lintune_server.lint.recipe_source import RecipeSource
    from lintune_server.lint.selection import Selection
    from lintune_server.lint.sieve import Sieve

    source = RecipeSource(path.read_text(encoding="utf-8"), path, machine)
    if source.recipe is None:
        raise LintuneError(f"The recipe {path} names no base_model. See: lintune check {path}")
    findings = judge(source, Sieve.of(path, source.recipe, path, Selection(("HW",))))
    return report.of_recipe(source, source.recipe, path, tuple(findings))
