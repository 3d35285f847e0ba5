from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from lintune_schemas.chat_template import TemplateError
from lintune_schemas.deadline import DeadlineError
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import line_rule
from lintune_server.rules.tokens import places

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lintune_schemas.chat_template import ChatTemplate
    from lintune_schemas.conversations import Conversation, Turn
    from lintune_server.lint.sample import Line

_SECONDS = 0.05
"""For finding the message: what a hundred long conversations take."""


@line_rule("TK207", Severity.ERROR)
def refused_by_template(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a sample that the model's chat template refuses, with the template's own message, at the first message that
    it does not take. A template that runs longer than two seconds, or writes millions of characters, refuses, too.

    ## Why it hurts
    Training stops at such a sample. Often the model has no place for it at all: Gemma 2 takes no system message, and
    many models take user and assistant only by turns.

    ## Example
    ```json
    {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]}
    ```

    ## Use instead
    ```json
    {"messages": [{"role": "user", "content": "Be brief.\\n\\nHi"}]}
    ```
    """
    refusal, tokenizer, conversation = line.refusal, line.surroundings.tokenizer, line.conversation
    if refusal is None or tokenizer is None or tokenizer.template is None or conversation is None:
        return
    turn = _refused(tokenizer.template, conversation, refusal)
    said = str(refusal).strip()
    if not said.endswith(".."):
        said = said.removesuffix(".")
    advice = ""
    if turn is conversation.turns[0] and turn.role == "system":
        advice = " Put the text of the system message at the beginning of the first user message."
    yield Problem(
        f"The chat template refuses this {'message' if turn else 'sample'}: “{said}”.{advice}",
        places.of_message(turn) if turn else Value(),
    )


def _refused(template: ChatTemplate, conversation: Conversation, refusal: TemplateError) -> Turn | None:
    """The first message that the template does not take; None when that cannot be told in a short time."""
    if isinstance(refusal.__cause__, DeadlineError):
        return None
    turns, until = conversation.turns, monotonic() + _SECONDS

    def is_refused(some: Sequence[Turn]) -> bool:
        """For the same reason: many templates refuse some part of a conversation for being only a part."""
        try:
            template.render([turn.as_message() for turn in some], False, conversation.tools)
        except TemplateError as error:
            return str(error) == str(refusal)
        return False

    if turns[0].role == "system" and len(turns) > 1 and not is_refused(turns[1:]):
        return turns[0]
    taken, refused = 0, len(turns)  # how many of the first messages it takes, and how many no more
    while refused - taken > 1:
        if monotonic() > until:
            return None
        middle = (taken + refused) // 2
        if is_refused(turns[:middle]):
            refused = middle
        else:
            taken = middle
    return turns[refused - 1]
