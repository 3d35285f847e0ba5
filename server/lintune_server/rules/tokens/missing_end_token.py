from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import line_rule
from lintune_server.lint.words import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.sample import Line


@line_rule("TK203", Severity.ERROR)
def missing_end_token(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports an answer that, once the chat template is applied, does not end with a token at which the model stops: its
    EOS, or its end-of-turn token.

    ## Why it hurts
    The model never learns to stop. The loss looks fine, and the tuned model goes on and on, often repeating itself.

    ## Example
    ```yaml
    chat_template: jinja
    chat_template_jinja: "{% for m in messages %}<|im_start|>{{ m.role }}\\n{{ m.content }}\\n{% endfor %}"
    ```

    ## Use instead
    ```yaml
    chat_template: tokenizer_default
    ```
    """
    tokenizer, measured = line.surroundings.tokenizer, line.measured
    if tokenizer is None or measured is None or line.conversation is None:
        return
    ends = tokenizer.end_tokens
    text = measured.rendered.text
    if all(any(text.find(end, *span) >= 0 for end in ends) for span in measured.rendered.trained):
        return  # the last learned token is one of them
    tokenized = line.tokenized
    assert tokenized is not None
    trained_turns = (turn for turn in line.conversation.turns if turn.trained)
    for turn, (start, end) in zip(trained_turns, tokenized.rendered.trained, strict=True):
        inside = [index for index, (first, _) in enumerate(tokenized.offsets) if start <= first < end]
        last = next((index for index in reversed(inside) if tokenized.trained[index]), None)
        if last is None or tokenized.ids[last] in ends.values():
            continue
        wanted = f": {listed(ends, 'or')}" if ends else ""
        shown = tokenized.rendered.text[slice(*tokenized.offsets[last])]
        yield Problem(
            f"After the chat template this answer ends with {shown!r}, not with a token at which the model stops"
            f"{wanted}. The tuned model would not stop. Correct the chat template.",
            Value(turn.path),
        )
