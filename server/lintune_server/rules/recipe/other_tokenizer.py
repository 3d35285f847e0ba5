from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lintune_schemas.errors import LintuneError
from lintune_server.lint import context
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule
from lintune_server.lint.words import listed
from lintune_server.rules.recipe import adapted, tokenizer_difference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.chat import ChatTokenizer
    from lintune_schemas.samples import Path as Place
    from lintune_server.lint.recipe_source import RecipeSource

_WRITTEN = {
    **dict.fromkeys(("chatml", "qwen_25", "qwen3"), ("<|im_start|>", "<|im_end|>")),
    **dict.fromkeys(("llama3", "llama3_2_vision"), ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")),
    **dict.fromkeys(("gemma", "gemma3"), ("<start_of_turn>", "<end_of_turn>")),
    **dict.fromkeys(("phi_3", "phi_35"), ("<|user|>", "<|assistant|>", "<|end|>")),
    "phi_4": ("<|im_start|>", "<|im_sep|>", "<|im_end|>"),
}
"""The special tokens that Axolotl's chat templates write, by their names there."""


_KEYS = (
    "tokenizer_config",
    "special_tokens",
    "tokens",
    "added_tokens_overrides",
    "chat_template",
    "chat_template_jinja",
)

_LEARN_THEM = "train embed_tokens and lm_head with lora_modules_to_save"


@recipe_rule("RC615", Severity.ERROR)
def other_tokenizer(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports what gives texts other ids than the base model's own tokenizer: `tokenizer_config` with another model's
    tokenizer, `special_tokens` and `tokens` that are not in the vocabulary yet, `added_tokens_overrides`, and a
    `chat_template` that writes special tokens which this tokenizer does not know as one. Says which ids differ. Both
    tokenizers must be on this machine.

    New tokens whose embeddings are trained (`lora_modules_to_save: [embed_tokens, lm_head]`, or no adapter) can be
    learned: that is only information. A new `pad_token` is never read by the model: that is a warning.

    ## Why it hurts
    A model knows tokens by their ids. With other ids it reads other words than were written, or rows of its embedding
    that nobody ever trained; what it learns is lost as soon as it meets its own tokenizer again.

    ## Example
    ```yaml
    base_model: meta-llama/Llama-3.2-1B
    special_tokens:
      eos_token: <|im_end|>
    ```

    ## Use instead
    ```yaml
    base_model: meta-llama/Llama-3.2-1B
    special_tokens:
      eos_token: <|eot_id|>
    ```
    """
    recipe, path = source.recipe, source.path
    values = source.mapping.value if source.mapping else {}
    if recipe is None or path is None or not any(values.get(key) for key in _KEYS):
        return
    other = values.get("tokenizer_config")
    if isinstance(other, str) and other != recipe.base_model:
        message = tokenizer_difference.between(recipe.base_model, other, path.parent)
        if message:
            yield RecipeProblem(f"tokenizer_config: {message}", source.range_of(("tokenizer_config",)))
            return
    try:
        tokenizer = context.tokenizer_of(recipe.base_model, path.parent)
    except LintuneError:
        return
    yield from _added(values, tokenizer, source)
    yield from _renamed(values, tokenizer, source)
    yield from _in_pieces(values, tokenizer, source)


def _added(values: dict[str, Any], tokenizer: ChatTokenizer, source: RecipeSource) -> Iterator[RecipeProblem]:
    learned = adapted.trains_embeddings(values, source.model)
    following = tokenizer.tokenizer.get_vocab_size(with_added_tokens=True)
    seen = set(_overrides(values).values())
    for place, token in _named(values):
        if token in seen or tokenizer.tokenizer.token_to_id(token) is not None:
            continue
        new_id, following = following, following + 1
        seen.add(token)
        start = f"The base model has no token {token}: it would become id {new_id}"
        if learned:
            end, severity = ", a new row of the embedding that has to be learned from your data alone.", Severity.INFO
        elif place[-1] == "pad_token":
            end, severity = ". Take a token that is there, so that the vocabulary stays the model's.", Severity.WARNING
        else:
            end = f", whose embedding is not trained. Take one that is there, or {_LEARN_THEM}."
            severity = Severity.ERROR
        yield RecipeProblem(start + end, source.range_of(place), severity=severity)


def _renamed(values: dict[str, Any], tokenizer: ChatTokenizer, source: RecipeSource) -> Iterator[RecipeProblem]:
    learned = adapted.trains_embeddings(values, source.model)
    for id_, token in _overrides(values).items():
        now = tokenizer.tokenizer.id_to_token(int(id_))
        if now != token:
            what = f"is {now} to the base model" if now else "the base model does not have"
            end = "that has to be learned from your data alone" if learned else f"to learn that, {_LEARN_THEM}"
            yield RecipeProblem(
                f"Id {id_}, which {what}, would become {token}: {end}.",
                source.range_of(("added_tokens_overrides", id_)),
                severity=Severity.INFO if learned else Severity.ERROR,
            )


def _overrides(values: dict[str, Any]) -> dict[str, str]:
    """Ids, as they stand in the recipe, and the texts that Axolotl gives them."""
    given = values.get("added_tokens_overrides")
    pairs = ((str(id_), token) for id_, token in given.items()) if isinstance(given, dict) else ()
    return {id_: token for id_, token in pairs if isinstance(token, str) and re.fullmatch(r"[0-9]{1,9}", id_)}


def _named(values: dict[str, Any]) -> Iterator[tuple[Place, str]]:
    """Where tokens are given, and their texts, in the order in which Axolotl adds them."""
    special, tokens = values.get("special_tokens"), values.get("tokens")
    for key, text in special.items() if isinstance(special, dict) else ():
        for index, one in enumerate(text if isinstance(text, list) else [text]):
            place = ("special_tokens", key, index) if isinstance(text, list) else ("special_tokens", key)
            if isinstance(one, str) and one:
                yield place, one
    for index, one in enumerate(tokens if isinstance(tokens, list) else ()):
        if isinstance(one, str) and one:
            yield ("tokens", index), one


def _in_pieces(values: dict[str, Any], tokenizer: ChatTokenizer, source: RecipeSource) -> Iterator[RecipeProblem]:
    given = {*(token for _, token in _named(values)), *_overrides(values).values()}
    missing = [
        token
        for token in _written(values)
        if token not in given and len(tokenizer.tokenizer.encode(token, add_special_tokens=False).ids) != 1
    ]
    if missing:
        ids = tokenizer.tokenizer.encode(missing[0], add_special_tokens=False).ids
        key = "chat_template" if "chat_template" in values else "chat_template_jinja"
        known_as, subject = ("one token", "it") if len(missing) == 1 else ("tokens", missing[0])
        yield RecipeProblem(
            f"This chat template writes {listed(missing)}, which the base model does not know as {known_as}: {subject} "
            f"falls into {len(ids)} pieces ({', '.join(map(str, ids))}). Use a template of this model's family.",
            source.range_of((key,)),
        )


_SPECIAL = re.compile(r"<\|[^\s<>|{}'\"]{1,60}\|>|<(?:start|end)_of_turn>")
"""What is written like a special token that ends or begins a turn."""


def _written(values: dict[str, Any]) -> tuple[str, ...]:
    """Special tokens that the recipe's chat template writes; none for the model's own."""
    name, jinja = values.get("chat_template"), values.get("chat_template_jinja")
    if isinstance(jinja, str) and name in (None, "jinja"):
        return tuple(dict.fromkeys(_SPECIAL.findall(jinja)))
    return _WRITTEN.get(name, ()) if isinstance(name, str) else ()
