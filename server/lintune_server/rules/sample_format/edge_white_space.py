from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas.chat_template import TemplateError
from lintune_schemas.conversations import Conversation
from lintune_schemas.samples import SampleFormat
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Change, Problem, Remedy, Value
from lintune_server.lint.rule import line_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.chat import ChatTokenizer
    from lintune_schemas.samples import Path, Text
    from lintune_server.lint.sample import Line


_PART_DEPTH = 5
"""Length of the path of a part's text: list, index, content, index, text."""


@line_rule("SF118", Severity.WARNING)
def edge_white_space(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports white space at the beginning or the end of a message, prompt or answer, where it changes the tokens. With
    the model's tokenizer that is tried out: templates that trim are left alone. Without it, only answers are looked
    at. Raw text is as its author wrote it.

    ## Why it hurts
    “Hello” and “ Hello” are different tokens. A model that learned one of them behind its turn's beginning is unsure of
    both, and an answer that ends with line breaks teaches to write more of them before stopping.

    ## Example
    ```json
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": " Hello!\\n"}]}
    ```

    ## Use instead
    ```json
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]}
    ```

    ## Fix
    Takes the white space away. Safe.
    """
    if line.plain or line.layout is None or not line.layout.templated:
        return
    tokenizer = line.surroundings.tokenizer
    texts = line.texts
    for index, text in enumerate(texts):
        content = text.text
        # Results of tools end as the tool's output does; what is nothing but white space is another rule's finding.
        if text.role == "tool" or content.strip() in (content, ""):
            continue
        if tokenizer is None and not text.learned:
            continue
        first = not index or not _is_next_part(texts[index - 1], text)
        last = index + 1 == len(texts) or not _is_next_part(text, texts[index + 1])
        if first and content[0].isspace() and _matters(text, line, at_start=True):
            yield _problem("begins", text.path, 0, len(content) - len(content.lstrip()))
        if last and content[-1].isspace() and _matters(text, line, at_start=False):
            yield _problem("ends", text.path, len(content.rstrip()), len(content))


def _is_next_part(one: Text, other: Text) -> bool:
    """Whether two texts are parts of one message's content, which are put together as they are."""
    return len(one.path) == len(other.path) == _PART_DEPTH and one.path[:3] == other.path[:3]


def _matters(text: Text, line: Line, *, at_start: bool) -> bool:
    """Whether the white space at one end of a text changes the tokens, and is not there on purpose."""
    tokenizer, conversation = line.surroundings.tokenizer, line.conversation
    if _joins(text, line, at_start=at_start):
        return False
    if tokenizer is None:
        return True
    turns = list(conversation.turns) if conversation else []
    turn = next((index for index, turn in enumerate(turns) if turn.path == text.path[:3]), None)
    if conversation is None or turn is None:  # a preference pair is read with its chosen answer only
        return text.learned
    content = turns[turn].content
    turns[turn] = turns[turn]._replace(content=content.lstrip() if at_start else content.rstrip())
    without = Conversation(tuple(turns), conversation.tools, conversation.templated)
    return _seen(tokenizer, conversation) != _seen(tokenizer, without)


def _joins(text: Text, line: Line, *, at_start: bool) -> bool:
    """Whether white space joins a prompt to its completion, where no chat template stands between them.

    So were data sets for OpenAI's first fine-tuning API written: prompts end with a separator, completions begin with
    a space.
    """
    preference = line.format is SampleFormat.PREFERENCE
    if preference and at_start and line.sample and line.layout and line.layout.key("prompt") not in line.sample:
        return True  # the answers hold the prompt, and begin as that does (HH-RLHF)
    tokenizer = line.surroundings.tokenizer
    templated = tokenizer is not None and tokenizer.template is not None
    if templated or not (preference or line.format is SampleFormat.PROMPT_COMPLETION):
        return False
    if text.learned:
        return at_start and text.text.startswith(" ") and not text.text[1].isspace()
    return not at_start


def _seen(tokenizer: ChatTokenizer, conversation: Conversation) -> list[int] | None:
    try:
        text = tokenizer.render(conversation).text
    except TemplateError:
        return None
    return tokenizer.tokenizer.encode(text, add_special_tokens=False).ids


def _problem(how: str, path: Path, start: int, end: int) -> Problem:
    spot = Value(path, start, end)
    message = f"This text {how} with white space, which the model sees as tokens of its own."
    return Problem(message, spot, Remedy("Take the white space away", (Change(spot, ""),)))
