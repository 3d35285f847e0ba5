from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import line_rule
from lintune_server.rules.tokens import markup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.sample import Line

_NEEDLES = (
    "<|im_start|>",
    "<|start_header_id|>",
    "<start_of_turn>",
    "<|turn>",
    "<|start|>",
    "<|system|>",
    "<|developer|>",
    "<|user|>",
    "<|prompter|>",
    "<|assistant|>",
    "<|model|>",
    "<|tool|>",
    "<|function|>",
    "<|ipython|>",
    "inst]",
    "## instruction:",
    "##instruction:",
    "## human:",
    "##human:",
    "## user:",
    "##user:",
    "## response:",
    "##response:",
    "## assistant:",
    "##assistant:",
)


@line_rule("TK211", Severity.ERROR, needles=_NEEDLES)
def templated_twice(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a text that carries a chat template's markup already: it begins as a templated turn does (`[INST]`,
    `<|user|>`, `<start_of_turn>user`, `<|im_start|>user`), or it is a prompt in Alpaca's form (`### Instruction:`, then
    `### Response:`). Raw text is left alone, to which no template is applied. A special token anywhere else in a text
    is TK205.

    ## Why it hurts
    The model's own template is put around the text, so it is templated twice. The tuned model learns to read and write
    markup inside its messages, and sees none of it when it is used.

    ## Example
    ```json
    {"prompt": "[INST] What is 2 + 2? [/INST]", "completion": "4"}
    ```

    ## Use instead
    ```json
    {"prompt": "What is 2 + 2?", "completion": "4"}
    ```
    """
    tokenizer = line.surroundings.tokenizer
    if line.layout is None or not line.layout.templated or (tokenizer is not None and tokenizer.template is None):
        return
    for path, text, learned, *_ in line.texts:
        found = markup.found_in(text, learned)
        if found is not None:
            yield Problem(
                f"{text[found.start : found.end]} is markup of {found.template}'s chat template. This model's own is "
                "put around the text, which is then templated twice. Keep only what was said.",
                Value(path, found.start, found.end),
            )
