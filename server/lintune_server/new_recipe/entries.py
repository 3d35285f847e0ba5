"""What a recipe has to say of a data set so that its samples are read: the type, and the names of its keys."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from lintune_schemas import layouts
from lintune_schemas.errors import LintuneError
from lintune_schemas.samples import IGNORE_KEY, LAYOUTS, ROLE_ALIASES, ROLES, SHAREGPT_MESSAGE, SampleFormat
from lintune_server.lint.words import listed
from lintune_server.rules.sample_format.names import ANSWERS, PROMPTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_schemas.samples import Layout, Sample

Entry = dict[str, Any]
"""An entry of `datasets`, without its path."""

_ROLE_KEYS = ("role", "from", "speaker", "author", "sender")
_CONTENT_KEYS = ("content", "value", "text", "message", "utterance")
_TEXT_KEYS = ("content", "body", "document", "article", "story", "page", "passage")
_CONTEXT_KEYS = ("context", "input", "passage", "document")
_SYSTEM_KEYS = ("system", "system_prompt")
"""Names that data sets have for these."""

_ENOUGH = 0.5
"""The share of the samples that have to have every key of a format, for it to be theirs."""


def entry_of(samples: Sequence[Sample], path: Path) -> Entry:
    """The entry for a file with these samples. Raises LintuneError when they cannot be trained on."""
    layout = layouts.of_file(samples).layout
    if layout is not None and _share(samples, layout) >= _ENOUGH:
        return _of_layout(layout, samples, path)
    common = max(Counter(tuple(sample) for sample in samples).items(), key=lambda one: one[1])[0]
    alike = [sample for sample in samples if tuple(sample) == common]
    keys = [key for key in common if key != IGNORE_KEY]
    found = _messages(alike, keys, path) or _exchange(alike, keys) or _text(alike, keys)
    if found is not None:
        return found
    if layout is not None:
        return _of_layout(layout, samples, path)
    raise LintuneError(
        f"The samples of {path.name} are in no known format: they have {listed(keys) or 'no keys'}. "
        'Write them as {"messages": […]} or {"prompt": …, "completion": …}.'
    )


def _share(samples: Sequence[Sample], layout: Layout) -> float:
    return sum(layout.required_set <= sample.keys() for sample in samples) / len(samples)


def _of_layout(layout: Layout, samples: Sequence[Sample], path: Path) -> Entry:
    match layout.format:
        case SampleFormat.PREFERENCE:
            raise LintuneError(
                f"{path.name} holds preference pairs (chosen and rejected), for which init writes no recipe yet. Name "
                "the file under datasets of one with rl: dpo or rl: orpo."
            )
        case SampleFormat.CHAT | SampleFormat.SHAREGPT:
            return _chat(layout.required[0], layout.message.role, layout.message.content, samples, path)
        case SampleFormat.ALPACA:
            return {"type": "alpaca"}
        case SampleFormat.PROMPT_COMPLETION:
            if any(isinstance(sample.get(key), list) for sample in samples for key in layout.required):
                return {}  # lists of messages: Axolotl has no name for those, and here the file says it
            return {"type": {"field_instruction": "prompt", "field_output": "completion"}}
        case SampleFormat.TEXT:
            return {"type": "completion", "field": "text"}
        case SampleFormat.INPUT_OUTPUT:
            return {"type": "input_output"}


def _messages(samples: Sequence[Sample], keys: Sequence[str], path: Path) -> Entry | None:
    """A chat under other keys."""
    for key in keys:
        first = [value[0] for sample in samples if isinstance(value := sample[key], list) and value]
        if not first or not all(isinstance(message, dict) for message in first):
            continue
        role = next((name for name in _ROLE_KEYS if name in first[0]), None)
        content = next((name for name in _CONTENT_KEYS if name in first[0]), None)
        if role and content:
            return _chat(key, role, content, samples, path)
    return None


def _chat(key: str, role: str, content: str, samples: Sequence[Sample], path: Path) -> Entry:
    entry: Entry = {"type": "chat_template"}
    if key != LAYOUTS[SampleFormat.CHAT].required[0]:
        entry["field_messages"] = key
    if (role, content) != ("role", "content"):
        entry["message_property_mappings"] = {"role": role, "content": content}
    if roles := _roles(key, role, samples, path):
        entry["roles"] = roles
    return entry


def _roles(key: str, role: str, samples: Sequence[Sample], path: Path) -> dict[str, list[str]]:
    """What the roles are called, where the usual names do not cover it."""
    usual = ROLES if role == "role" else tuple(SHAREGPT_MESSAGE.roles)
    names: Counter[str] = Counter()
    for sample in samples:
        for message in sample[key] if isinstance(sample.get(key), list) else ():
            if isinstance(message, dict) and isinstance(name := message.get(role), str):
                names[name] += 1
    rare = sum(names.values()) / 100  # a slip is for the linter to report, not a name of its own
    common = [name for name, count in names.items() if count > rare]
    if all(name in usual for name in common):
        return {}
    meant = {name: ROLE_ALIASES.get(name.lower(), name.lower()) for name in common}
    if strange := [name for name, target in meant.items() if target not in ROLES]:
        raise LintuneError(
            f"{path.name} has roles that could be anybody's: {listed(strange)}. "
            "Rename them to user and assistant, or name them under roles: in a recipe of your own."
        )
    return {target: [name for name in common if meant[name] == target] for target in dict.fromkeys(meant.values())}


def _exchange(samples: Sequence[Sample], keys: Sequence[str]) -> Entry | None:
    """A prompt and an answer under other keys."""
    texts = {key.lower(): key for key in keys if all(isinstance(sample[key], str) for sample in samples)}
    prompt = next((texts[name] for name in ("instruction", *PROMPTS) if name in texts), None)
    answer = next((texts[name] for name in ANSWERS if name in texts), None)
    if prompt is None or answer is None:
        return None
    mapping = {"field_instruction": prompt, "field_output": answer}
    for field, names in (("field_input", _CONTEXT_KEYS), ("field_system", _SYSTEM_KEYS)):
        key = next((texts[name] for name in names if name in texts), None)
        if key is not None and key not in mapping.values():
            mapping[field] = key
    return {"type": mapping}


def _text(samples: Sequence[Sample], keys: Sequence[str]) -> Entry | None:
    """Raw text under another key."""
    texts = [key for key in keys if all(isinstance(sample[key], str) for sample in samples)]
    named = [key for key in texts if key.lower() in _TEXT_KEYS]
    if len(named) == 1 and len(texts) <= 2:  # the other one may be a title or a name
        return {"type": "completion", "field": named[0]}
    return None
