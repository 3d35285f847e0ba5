"""Chat templates: Jinja in a sandbox, as transformers renders them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jinja2

from lintune_schemas import deadline
from lintune_schemas.template_sandbox import LONGEST, EndlessTemplateError, Sandbox, TemplateError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ChatTemplate", "TemplateError"]

_SECONDS = 2.0
"""Templates in use take a tenth of a millisecond a message."""
_LONGEST_SOURCE = 100_000
"""Characters, which Jinja reads in a second. Templates in use have up to 20,000."""


@dataclass(slots=True)  # not frozen, which takes twice as long to make: one is made for each sample
class Rendering:
    """A conversation through the template: the text, and how much of it the renderings of its first turns are."""

    text: str
    ends: list[int | None]
    """For each turn: the characters that the turns up to it give; None when the text does not begin with them."""
    prompts: list[int | None]
    """For each turn that was asked for: the same, of the turns before it and the generation prompt."""


class ChatTemplate:
    """A compiled chat template. `special` gives the texts of `bos_token`, `eos_token` and so on."""

    def __init__(self, source: str, special: dict[str, str]) -> None:
        self.source = source
        self.special = special
        self._sandbox = Sandbox()
        self._template = compiled(source, self._sandbox)

    def render(self, messages: list[dict[str, Any]], add_generation_prompt: bool, tools: Sequence[Any] = ()) -> str:
        """The text of the conversation. Raises TemplateError, also when it takes too long or becomes too long."""
        self._sandbox.built = 0
        return "".join(run(self._template, variables(messages, add_generation_prompt, tools, self.special)))

    def render_turns(
        self, messages: list[dict[str, Any]], asked: Sequence[int], tools: Sequence[Any] = ()
    ) -> Rendering:
        """The conversation, and where in it turns end, and the prompts for the turns `asked`. Raises TemplateError."""
        text = self.render(messages, False, tools)
        ends = [self._beginning(text, messages[:count], False, tools) for count in range(1, len(messages))]
        prompts = [self._beginning(text, messages[:index], True, tools) for index in asked]
        return Rendering(text, [*ends, len(text)][: len(messages)], prompts)

    def _beginning(
        self, text: str, messages: list[dict[str, Any]], add_generation_prompt: bool, tools: Sequence[Any]
    ) -> int | None:
        try:
            part = self.render(messages, add_generation_prompt, tools)
        except TemplateError:  # some templates refuse a conversation that is only a system message
            return None
        return len(part) if text.startswith(part) else None


def compiled(source: str, sandbox: Sandbox) -> jinja2.Template:
    """Raises TemplateError."""
    if len(source) > _LONGEST_SOURCE:
        raise TemplateError(f"The chat template has more than {_LONGEST_SOURCE:,} characters.")
    try:
        return sandbox.from_string(source)
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"The chat template is no valid Jinja (line {error.lineno}): {error.message}") from error
    except Exception as error:  # nested too deep, for instance; constants are computed here, too
        raise TemplateError(f"The chat template cannot be read: {error or type(error).__name__}") from error


def variables(
    messages: list[dict[str, Any]], add_generation_prompt: bool, tools: Sequence[Any], special: dict[str, str]
) -> dict[str, Any]:
    """What a template knows; templates ask `if tools`, and `is not none`."""
    return {
        "messages": messages,
        "add_generation_prompt": add_generation_prompt,
        "tools": list(tools) or None,
        **special,
    }


def run(template: jinja2.Template, known: dict[str, Any]) -> list[Any]:
    """What the template writes, in pieces. Raises TemplateError for whatever goes wrong in it."""
    pieces: list[Any] = []
    length = 0
    try:
        with deadline.within(_SECONDS):
            # Not `generate`, which gives texts only: what is traced is more than a text.
            for piece in template.root_render_func(template.new_context(known)):
                pieces.append(piece)
                length += len(piece) if type(piece) is str else 0
                if length > LONGEST:
                    raise TemplateError(f"The chat template wrote more than {LONGEST:,} characters.")
    except TemplateError:
        raise
    except deadline.DeadlineError as error:
        raise EndlessTemplateError(f"The chat template did not end within {_SECONDS:g} seconds.") from error
    except Exception as error:  # it is code that is not ours: whatever it does, it refused
        raise TemplateError(str(error) or type(error).__name__) from error
    return pieces
