from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas.samples import ROLE_ALIASES, ROLES, SampleFormat
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Change, Problem, Remedy, Value
from lintune_server.lint.rule import line_rule
from lintune_server.lint.words import closest, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.sample import Line


@line_rule("SF106", Severity.ERROR)
def unknown_role(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a message whose role is none of system, developer, user, assistant and tool.

    ## Why it hurts
    Chat templates write any role they are given, so the model learns a turn that no program ever asks it for; or they
    refuse it. Either way the sample is lost.

    ## Example
    ```json
    {"messages": [{"role": "human", "content": "Hi"}, {"role": "gpt", "content": "Hello!"}]}
    ```

    ## Use instead
    ```json
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]}
    ```

    ## Fix
    Other tools' names for the same roles, other case and small typing errors are replaced. Safe.
    """
    if line.format is not SampleFormat.CHAT or line.sample is None:
        return
    messages = line.sample.get("messages")
    for index, message in enumerate(messages if isinstance(messages, list) else ()):
        role = message.get("role") if isinstance(message, dict) else None
        if not isinstance(role, str) or role in ROLES:
            continue
        spot = Value(("messages", index, "role"))
        plain = role.strip().lower()
        meant = ROLE_ALIASES.get(plain) or (plain if plain in ROLES else closest(plain, ROLES))
        remedy = Remedy(f"Change the role to {meant}", (Change(spot, f'"{meant}"'),)) if meant else None
        hint = f" Use {meant}." if meant else ""
        yield Problem(f"“{role}” is no role of a chat: roles are {listed(ROLES)}.{hint}", spot, remedy)
