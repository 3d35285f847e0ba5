"""A Modelfile: what Ollama needs beside a GGUF file.

Ollama reads no Jinja. It knows some of the chat templates in GGUF files by heart; for all others it sends what a person
types as it is, and the model answers gibberish. So the template is written for it in Go's language.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lintune_schemas import atomic
from lintune_schemas.chat_template import TemplateError

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_schemas.chat import ChatTokenizer
    from lintune_schemas.recipe import Recipe

NAME = "Modelfile"

_SYSTEM, _USER, _ANSWER = "System Text", "User Text", "Answer Text"
_TRIED = ("u", "uau", "su", "suau", "uauau")
"""Conversations for which the template must give what the model was trained with: first letters of roles."""


@dataclass(frozen=True, slots=True)
class _Pieces:
    """What a chat template writes around the texts of messages."""

    before_system: str | None
    """None where the template knows no system messages."""
    from_system: str
    """Between a system message and the user's first."""
    before_user: str
    """In front of the user's first message, when there is no system message."""
    from_user: str
    """Behind a user's message, up to the answer."""
    from_answer: str
    """Between an answer and the user's next message."""

    def render(self, roles: str) -> str:
        text, last = "", ""
        for role in roles:
            if role == "s":
                text += (self.before_system or "") + _SYSTEM
            elif role == "u":
                text += {"": self.before_user, "s": self.from_system}.get(last, self.from_answer) + _USER
                text += self.from_user
            else:
                text += _ANSWER
            last = role
        return text

    def as_go(self) -> str:
        """One action a line; white space between them counts for nothing."""
        quoted = json.dumps  # JSON's escapes are Go's
        system = [] if self.before_system is None else [quoted(self.before_system), ".Content"]
        actions = [
            '$last := ""',
            "range .Messages",
            *('if eq .Role "system"', *system),
            'else if eq .Role "user"',
            *('if eq $last ""', quoted(self.before_user)),
            *('else if eq $last "system"', quoted(self.from_system)),
            *("else", quoted(self.from_answer), "end"),
            *(".Content", quoted(self.from_user)),
            *('else if eq .Role "assistant"', ".Content", "end"),
            "$last = .Role",
            "end",
        ]
        return "\n".join(f"{{{{- {action} -}}}}" for action in actions)


def write(run: Path, gguf: Path, chat: ChatTokenizer, recipe: Recipe) -> None:
    """Write the Modelfile for a GGUF file of a run. Raises OSError."""
    lines = [f"FROM ./{gguf.name}"]
    template = go_template(chat)
    if template:
        lines.append(f'TEMPLATE """{template}"""')
    elif chat.template:
        lines.append("# The chat template could not be written in Ollama's language. Write it here, as TEMPLATE.")
    lines += [f"PARAMETER stop {json.dumps(token)}" for token in chat.end_tokens]
    lines.append(f"PARAMETER temperature {recipe.lintune.preview.temperature:g}")
    atomic.write_text(run / NAME, "\n".join(lines) + "\n")


def go_template(chat: ChatTokenizer) -> str | None:
    """The chat template as Ollama reads one; None where it is more than texts around messages, or there is none."""
    if chat.template is None:
        return None
    try:
        pieces = _pieces(chat)
        tried = [roles for roles in _TRIED if "s" not in roles or pieces.before_system is not None]
        same = all(pieces.render(roles) == _prompt(chat, roles) for roles in tried)
    except (TemplateError, ValueError):
        return None
    return pieces.as_go() if same else None


def _pieces(chat: ChatTokenizer) -> _Pieces:
    """Raises TemplateError, ValueError for templates that change texts or leave them out."""
    before_user, from_user = _prompt(chat, "u").split(_USER)
    _, _, rest = _prompt(chat, "uau").partition(_ANSWER)
    from_answer = rest.split(_USER)[0]
    try:
        before_system, rest = _prompt(chat, "su").split(_SYSTEM)
    except (TemplateError, ValueError):  # Gemma 2 refuses them
        return _Pieces(None, before_user, before_user, from_user, from_answer)
    return _Pieces(before_system, rest.split(_USER)[0], before_user, from_user, from_answer)


def _prompt(chat: ChatTokenizer, roles: str) -> str:
    """Without the BOS that Ollama puts in front itself."""
    named: dict[str, dict[str, Any]] = {
        "s": {"role": "system", "content": _SYSTEM},
        "u": {"role": "user", "content": _USER},
        "a": {"role": "assistant", "content": _ANSWER},
    }
    assert chat.template is not None
    text = chat.template.render([named[role] for role in roles], add_generation_prompt=True)
    bos = chat.special.get("bos_token")
    return text.removeprefix(bos) if bos and chat.add_bos else text
