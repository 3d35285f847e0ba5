from __future__ import annotations

import filecmp
import re
from typing import TYPE_CHECKING, Any

from lintune_schemas import base_model, model_files, model_heads
from lintune_schemas.errors import LintuneError
from lintune_server.lint import context
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule
from lintune_server.lint.words import listed
from lintune_server.rules.recipe import adapted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lintune_schemas.chat import ChatTokenizer
    from lintune_schemas.samples import Path as Place
    from lintune_server.lint.recipe_source import RecipeSource

_PARTS = ("normalizer", "pre_tokenizer")
"""Of a `tokenizer.json`, beyond its vocabulary: what decides how a text is cut into tokens."""

_WRITTEN = {
    **dict.fromkeys(("chatml", "qwen_25", "qwen3"), ("<|im_start|>", "<|im_end|>")),
    **dict.fromkeys(("llama3", "llama3_2_vision"), ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")),
    **dict.fromkeys(("gemma", "gemma3"), ("<start_of_turn>", "<end_of_turn>")),
    **dict.fromkeys(("phi_3", "phi_35"), ("<|user|>", "<|assistant|>", "<|end|>")),
    "phi_4": ("<|im_start|>", "<|im_sep|>", "<|im_end|>"),
}
"""The special tokens that Axolotl's chat templates write, by their names there."""


@recipe_rule("RC615", Severity.ERROR)
def other_tokenizer(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports what gives texts other ids than the base model's own tokenizer: `tokenizer_config` with another model's
    tokenizer, `special_tokens` and `tokens` that are not in the vocabulary yet, and a `chat_template` that writes
    special tokens which this tokenizer does not know as one. Says which ids differ. Both tokenizers must be on this
    machine.

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
    keys = ("tokenizer_config", "special_tokens", "tokens", "chat_template", "chat_template_jinja")
    if recipe is None or path is None or not any(values.get(key) for key in keys):
        return
    other = values.get("tokenizer_config")
    if isinstance(other, str) and other != recipe.base_model:
        message = _difference(recipe.base_model, other, path.parent)
        if message:
            yield RecipeProblem(f"tokenizer_config: {message}", source.range_of(("tokenizer_config",)))
            return
    try:
        tokenizer = context.tokenizer_of(recipe.base_model, path.parent)
    except LintuneError:
        return
    yield from _added(values, tokenizer, source)
    yield from _in_pieces(values, tokenizer, source)


def _added(values: dict[str, Any], tokenizer: ChatTokenizer, source: RecipeSource) -> Iterator[RecipeProblem]:
    learned = adapted.trains_embeddings(values, source.model)
    following = tokenizer.tokenizer.get_vocab_size(with_added_tokens=True)
    seen = set()
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
            end, severity = (
                ", whose embedding is not trained. Take one that is there, or train embed_tokens and lm_head with "
                "lora_modules_to_save.",
                Severity.ERROR,
            )
        yield RecipeProblem(start + end, source.range_of(place), severity=severity)


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
    given = {token for _, token in _named(values)}
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


def _difference(own: str, other: str, folder: Path) -> str | None:
    """How another model's tokenizer differs from the base model's; None when it does not, or cannot be seen."""
    try:
        files = [
            model_files.tokenizer_folder(base_model.find(name, folder)) / "tokenizer.json" for name in (own, other)
        ]
        if filecmp.cmp(files[0], files[1], shallow=False):
            return None
    except (LintuneError, OSError):
        return None
    ours, theirs = (model_heads.read_json(file) for file in files)
    ids, others = _ids(ours), _ids(theirs)
    if not ids or not others:
        return None
    moved = [token for token, id_ in ids.items() if others.get(token) != id_]
    if moved:
        token = min(moved, key=lambda token: (token not in others, ids[token]))
        there = others.get(token)
        example = f"“{token}” is {ids[token]:,} to the model, and {'nothing' if there is None else f'{there:,}'} there"
        return f"{other} gives other ids to {len(moved):,} of the base model's {len(ids):,} tokens: {example}."
    new = [token for token in others if token not in ids]
    if new:
        token = min(new, key=others.__getitem__)
        what = f"{len(new):,} tokens that the base model has no ids for, such as “{token}” ({others[token]:,})"
        return f"{other} has {what}."
    parts = [part for part in _PARTS if ours.get(part) != theirs.get(part)]
    parts += ["merges"] if ours["model"].get("merges") != theirs["model"].get("merges") else []
    if parts:
        differ = f"{listed(parts)} {'differ' if len(parts) > 1 else 'differs'}"
        return f"{other} has the base model's tokens, but cuts texts into others of them: its {differ}."
    return None


def _ids(tokenizer: dict[str, Any]) -> dict[str, int]:
    """Every token's id, as in a `tokenizer.json`."""
    model, added = tokenizer.get("model"), tokenizer.get("added_tokens")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(vocabulary, list):  # Unigram: pairs of a token and its score
        vocabulary = {pair[0]: index for index, pair in enumerate(vocabulary) if isinstance(pair, list) and pair}
    if not isinstance(vocabulary, dict):
        return {}
    return {**vocabulary, **{one["content"]: one["id"] for one in added or () if isinstance(one, dict)}}
