"""Chat templates: Jinja in a sandbox, with the few extras that the templates in use call."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from lintune_schemas import deadline
from lintune_schemas.errors import LintuneError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2.runtime import Context

_SECONDS = 2.0
"""Templates in use take a tenth of a millisecond a message."""
_LONGEST = 20_000_000
"""Characters: some million tokens, more than any model's context."""
_LARGEST_POWER = 64


class TemplateError(LintuneError):
    """The chat template refused a conversation, or is broken itself. Its text is the template's own message."""


class ChatTemplate:
    """A compiled chat template. `special` gives the texts of `bos_token`, `eos_token` and so on."""

    def __init__(self, source: str, special: dict[str, str]) -> None:
        self.source = source
        self._special = special
        try:
            self._template = _environment().from_string(source)
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(
                f"The chat template is no valid Jinja (line {error.lineno}): {error.message}"
            ) from error

    def render(self, messages: list[dict[str, Any]], add_generation_prompt: bool, tools: Sequence[Any] = ()) -> str:
        """The text of the conversation. Raises TemplateError, also when it takes too long or becomes too long."""
        pieces: list[str] = []
        length = 0
        try:
            with deadline.within(_SECONDS):
                for piece in self._template.generate(
                    messages=messages,
                    add_generation_prompt=add_generation_prompt,
                    tools=list(tools) or None,  # templates ask `if tools`, and `is not none`
                    **self._special,
                ):
                    length += len(piece)
                    if length > _LONGEST:
                        raise TemplateError(f"The chat template wrote more than {_LONGEST:,} characters.")
                    pieces.append(piece)
        except TemplateError:
            raise
        except deadline.DeadlineError as error:
            raise TemplateError(f"The chat template did not end within {_SECONDS:g} seconds.") from error
        except Exception as error:  # it is code that is not ours: whatever it does, it refused
            raise TemplateError(str(error) or type(error).__name__) from error
        return "".join(pieces)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox keeps a template away from Python's insides; this one also from much memory at a stroke."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" and isinstance(right, int | float) and abs(right) > _LARGEST_POWER:
            raise TemplateError(f"The chat template computes a power of {right}.")
        for text, times in ((left, right), (right, left)):
            repeats = operator == "*" and isinstance(text, str | list | tuple) and isinstance(times, int)
            if repeats and len(text) * times > _LONGEST:
                raise TemplateError(f"The chat template repeats a text {times:,} times.")
        return super().call_binop(context, operator, left, right)


def _environment() -> jinja2.Environment:
    # transformers renders templates with these settings; models' templates rely on them.
    environment = _Sandbox(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
    del environment.filters["center"]  # writes any number of spaces
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = lambda format_: datetime.now().strftime(format_)
    return environment


def _raise(message: str) -> str:
    raise TemplateError(message)


def _to_json(value: Any, indent: int | None = None, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, **options)
