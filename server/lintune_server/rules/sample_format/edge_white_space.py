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
    for text in line.texts:
        content = text.text
        # Results of tools end as the tool's output does; what is nothing but white space is another rule's finding.
        if text.role == "tool" or content.strip() in (content, ""):
            continue
        if tokenizer is None and not text.learned:
            continue
        start = len(content) - len(content.lstrip())
        end = len(content.rstrip())
        if start and not _belongs(text, content[:start], line, at_start=True) and _matters(text, line, start, None):
            yield _problem("begins", text.path, 0, start)
        if (
            end < len(content)
            and not _belongs(text, content[end:], line, at_start=False)
            and _matters(text, line, 0, end)
        ):
            yield _problem("ends", text.path, end, len(content))


def _belongs(text: Text, space: str, line: Line, *, at_start: bool) -> bool:
    """Whether white space joins a prompt to its completion, where no chat template stands between them.

    So were data sets for OpenAI's first fine-tuning API written: prompts end with a separator, completions begin with
    a space.
    """
    tokenizer = line.surroundings.tokenizer
    joined = tokenizer is None or tokenizer.template is None
    if not joined or line.format not in (SampleFormat.PROMPT_COMPLETION, SampleFormat.PREFERENCE):
        return False
    return (at_start and space == " ") if text.learned else not at_start


def _matters(text: Text, line: Line, start: int, end: int | None) -> bool:
    """Whether the model sees another text without the white space; True where that is not known."""
    tokenizer, conversation = line.surroundings.tokenizer, line.conversation
    if tokenizer is None:
        return True
    turn = None
    if conversation is not None:
        turn = next((index for index, turn in enumerate(conversation.turns) if turn.path == text.path), None)
    if conversation is None or turn is None:
        return text.learned
    turns = list(conversation.turns)
    turns[turn] = turns[turn]._replace(content=turns[turn].content[start:end])
    without = Conversation(tuple(turns), conversation.tools, conversation.templated)
    return _seen(tokenizer, conversation) != _seen(tokenizer, without)


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
