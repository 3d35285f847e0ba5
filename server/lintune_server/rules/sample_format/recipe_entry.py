"""What a recipe says of a file's samples, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas.samples import SampleFormat

if TYPE_CHECKING:
    from lintune_schemas.samples import Layout


def said_keys(layout: Layout) -> list[str]:
    """The keys that a sample needs, with what in the recipe names them."""
    said = {one.key: one.said_by for one in layout.fields}
    return [f"{key} ({said[key]})" if said[key] else key for key in layout.required]


def entry_for(layout: Layout) -> str:
    """What to write in the recipe's entry for a file of this layout."""
    match layout.format:
        case SampleFormat.CHAT if layout.required == ("messages",):
            return "write type: chat_template"
        case SampleFormat.CHAT:
            return f"write type: chat_template and field_messages: {layout.required[0]}"
        case SampleFormat.SHAREGPT:
            return (
                f"write type: chat_template, field_messages: {layout.required[0]} and "
                "message_property_mappings: {role: from, content: value}"
            )
        case SampleFormat.ALPACA:
            return "write type: alpaca"
        case SampleFormat.PROMPT_COMPLETION:
            return "write type: {field_instruction: prompt, field_output: completion}"
        case SampleFormat.TEXT:
            return "write type: completion"
        case SampleFormat.INPUT_OUTPUT:
            return "write type: input_output"
        case SampleFormat.PREFERENCE:
            return "write type: chat_template.default with field_messages: prompt"
