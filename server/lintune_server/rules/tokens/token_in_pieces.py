from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from lintune_schemas.chat_template import TemplateError
from lintune_server.lint.data_set import fact
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import file_rule
from lintune_server.lint.words import listed
from lintune_server.rules.tokens import places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.chat import ChatTokenizer, RenderedChat
    from lintune_schemas.recipe import Recipe
    from lintune_server.lint.data_set import DataSet
    from lintune_server.lint.sample import Line

_SPECIAL = re.compile(
    r"<\|[^\s<>|{}'\"]{1,60}\|>|</?s>|<(?:start|end)_of_turn>|<\|turn>|<turn\|>|<(?:bos|eos|pad|unk)>"
    r"|<｜[^\s<>｜{}'\"]{1,60}｜>"
)
"""What is written like a special token of the models in use. `[INST]` is not among them: to Llama 2 it is text."""

_ENDINGS = frozenset(("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<turn|>", "<|end|>", "</s>", "<|endoftext|>"))

_PROBES: tuple[tuple[str, ...], ...] = (
    ("user", "assistant", "user", "assistant"),
    ("system", "user", "assistant"),
    ("user", "assistant"),
)
"""Conversations that show what a template makes out of roles."""


@fact("b")
def writes_pieces(line: Line) -> int:
    """Whether the chat template wrote a special token that the tokenizer does not know as one token."""
    measured, tokenizer = line.counted, line.surroundings.tokenizer
    if measured is None or tokenizer is None:
        return 0
    unknown = _in_pieces(tokenizer, is_own(line.surroundings.recipe))
    if not unknown or line.conversation is None or not line.conversation.templated:
        return 0
    return int(any(token in measured.rendered.text for token in unknown))


@file_rule("TK204", Severity.ERROR, writes_pieces)
def token_in_pieces(data: DataSet) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports a special token, as `<|im_end|>`, that the chat template writes around messages and that the model's
    tokenizer does not know as one token, so that it falls into pieces. The first sample stands for all of the file. Of
    a model's own template only tokens that end a turn are reported: some models mark roles with plain text.

    ## Why it hurts
    The template belongs to another model, or has a typing mistake. The model never saw these pieces as control, cannot
    stop at them, and runtimes that look for the token in its output never find it.

    ## Example
    ```yaml
    base_model: meta-llama/Llama-3.2-1B-Instruct
    chat_template: chatml
    ```

    ## Use instead
    ```yaml
    base_model: meta-llama/Llama-3.2-1B-Instruct
    chat_template: tokenizer_default
    ```
    """
    tokenizer = data.surroundings.tokenizer
    if tokenizer is None:
        return
    own = is_own(data.surroundings.recipe)
    for index, where in places.marked(data.column(writes_pieces)):
        line = data.line(index)
        if line.measured is None:
            continue
        rendered = line.measured.rendered
        written = [token for token in _in_pieces(tokenizer, own) if token in rendered.text]
        if len(written) == 1:
            pieces = tokenizer.tokenizer.encode(written[0], add_special_tokens=False).ids
            what = f"which this model's tokenizer does not know as one token: it falls into {len(pieces)} pieces"
        else:
            what = "which this model's tokenizer does not know as tokens: they fall into pieces"
        yield (
            index,
            Problem(
                f"The chat template writes {listed(written)}, {what}. Use the model's own template, or correct this "
                f"one.{where}",
                _place(line, rendered, written),
            ),
        )


def _place(line: Line, rendered: RenderedChat, written: list[str]) -> Value:
    """The first turn around which the template writes one of these tokens."""
    turns = line.conversation.turns if line.conversation else ()
    for turn, (start, stop) in zip(turns, rendered.turns, strict=True):
        if any(rendered.text.find(token, start, stop) >= 0 for token in written):
            return places.of_turn(turn, line)
    return Value()


def is_own(recipe: Recipe | None) -> bool:
    """Whether the chat template is the one that came with the model."""
    return recipe is None or (recipe.chat_template in (None, "tokenizer_default") and not recipe.chat_template_jinja)


@lru_cache(maxsize=8)
def _in_pieces(tokenizer: ChatTokenizer, own: bool) -> tuple[str, ...]:
    """What may be written like a special token and is none, in the order in which the template names it."""
    template = tokenizer.template
    if template is None:
        return ()
    written = _SPECIAL.findall(template.source)
    for roles in _PROBES:
        messages = [{"role": role, "content": "a"} for role in roles]
        try:
            written += _SPECIAL.findall(template.render(messages, add_generation_prompt=True))
        except TemplateError:  # it does not take such a conversation
            continue
    written += [text for name, text in tokenizer.special.items() if name in template.source]
    return tuple(
        token
        for token in dict.fromkeys(written)
        if (not own or token in _ENDINGS or token == tokenizer.eos_token)
        and len(tokenizer.tokenizer.encode(token, add_special_tokens=False).ids) != 1
    )
