"""Chat templates: Jinja in a sandbox, with the few extras that the templates in use call."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from lintune_schemas.errors import LintuneError


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

    def render(self, messages: list[dict[str, Any]], add_generation_prompt: bool) -> str:
        """The text of the conversation. Raises TemplateError."""
        try:
            return self._template.render(
                messages=messages, add_generation_prompt=add_generation_prompt, **self._special
            )
        except TemplateError:
            raise
        except (
            jinja2.TemplateError,
            TypeError,
            ValueError,
            KeyError,
            OverflowError,
            RecursionError,
        ) as error:
            raise TemplateError(str(error)) from error


def _environment() -> jinja2.Environment:
    # transformers renders templates with these settings; models' templates rely on them.
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = lambda format_: datetime.now().strftime(format_)
    return environment


def _raise(message: str) -> str:
    raise TemplateError(message)


def _to_json(value: Any, indent: int | None = None, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, **options)
