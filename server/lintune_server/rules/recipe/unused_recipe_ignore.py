from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.recipe_source import RecipeSource


@recipe_rule("RC623", Severity.WARNING)
def unused_recipe_ignore(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports a code in `lintune.lint.ignore` or `per-file-ignores` that no rule finds in this recipe or its data sets. It
    is known only when all of them are checked in one run, as by `lintune check .`, and when nothing kept rules from
    looking: no tokenizer that is missing, no errors of format.

    ## Why it hurts
    It says that there is a problem where there is none, and will hide the next one.

    ## Example
    ```yaml
    lintune:
      lint: {ignore: [QL408, DU303]}
    ```

    ## Use instead
    ```yaml
    lintune:
      lint: {ignore: [DU303]}
    ```
    """
    for path in source.unused_ignores:
        assert source.root is not None
        code, glob = source.root.at(path).value, path[-2]
        where = "this recipe or its data sets" if glob == "ignore" else f"the files of “{glob}”"
        yield RecipeProblem(f"{code} finds nothing in {where}: take it out.", source.range_of(path))
