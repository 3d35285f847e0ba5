from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lintune_schemas.samples import ROLE_ALIASES
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Change, Problem, Remedy, Value
from lintune_server.lint.rule import line_rule
from lintune_server.lint.words import closest, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lintune_server.lint.sample import Line


@line_rule("SF106", Severity.ERROR)
def unknown_role(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a message whose role is none of its format's: system, developer, user, assistant and tool in chats; human
    and gpt as well where messages are written as ShareGPT has them; those that the recipe's `roles` names.

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
    if line.plain or line.layout is None:
        return
    for message in line.messages:
        role, roles = message.raw_role, message.keys.roles
        if not isinstance(role, str) or role in roles:
            continue
        spot = Value(message.role_path)
        meant = _meant(role.strip().lower(), roles)
        known = f"roles are {listed(roles)}"
        said = f"“{role}” is no role of a {_chat(line)}: {known}." if role.strip() else f"The role is empty: {known}."
        remedy = Remedy(f"Change the role to {meant}", (Change(spot, json.dumps(meant)),)) if meant else None
        yield Problem(f"{said} Use {meant}." if meant else said, spot, remedy)


def _meant(role: str, roles: Mapping[str, str]) -> str | None:
    """The name that this data set has for what another tool, or a bad typist, calls so."""
    if role in roles:
        return role
    wanted = ROLE_ALIASES.get(role, role)
    return next((name for name, stands_for in roles.items() if stands_for == wanted), None) or closest(role, roles)


def _chat(line: Line) -> str:
    return "sharegpt conversation" if line.format == "sharegpt" else "chat"
