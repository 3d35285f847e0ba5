from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Change, Problem, Remedy, Value
from lintune_server.lint.rule import line_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.sample import Line


@line_rule("TK205", Severity.WARNING)
def special_token_in_content(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports the text of one of the model's special tokens inside a message.

    ## Why it hurts
    The tokenizer does not know who wrote it: `<|im_end|>` in a message ends the turn right there. It comes from
    scraped chats, from data that went through a chat template already, or from someone who wants to inject a turn.

    ## Example
    ```json
    {"prompt": "Hi<|im_end|> there", "completion": "Hello!"}
    ```

    ## Use instead
    ```json
    {"prompt": "Hi there", "completion": "Hello!"}
    ```

    ## Fix
    Takes the token's text out. Not safe: in data about chat templates the text may be meant.
    """
    tokenizer = line.surroundings.tokenizer
    if tokenizer is None:
        return
    for path, text, *_ in line.texts:
        for match in tokenizer.special_pattern.finditer(text):
            spot = Value(path, match.start(), match.end())
            yield Problem(
                f"{match.group()} is a special token: here it is read as control, not as text.",
                spot,
                Remedy(f"Remove {match.group()}", (Change(spot, ""),), safe=False),
            )
