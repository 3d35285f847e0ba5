"""The slow, obvious way to what the fast paths of `lintune_schemas.chat` give: they are compared with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintune_schemas.chat import ChatTokenizer, RenderedChat


def mask(chat: ChatTokenizer, rendered: RenderedChat) -> list[bool]:
    """The loss mask, by asking of every token whether it begins in a trained span and before what the model ends."""
    encoding = chat.tokenizer.encode(rendered.text, add_special_tokens=False)
    ids = encoding.ids
    learned = [False] * len(ids)
    for start, end in rendered.trained:
        inside = [index for index, (first, _) in enumerate(encoding.offsets) if start <= first < end]
        ends = [index for index in inside if ids[index] in chat.end_tokens.values()]
        for index in inside:
            learned[index] = not ends or index <= ends[-1]
    return learned
