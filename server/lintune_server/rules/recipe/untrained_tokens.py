from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lintune_schemas import base_model, embeddings
from lintune_schemas.base_model import ModelKind
from lintune_schemas.chat_template import TemplateError
from lintune_schemas.errors import LintuneError
from lintune_server.lint import context
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule
from lintune_server.lint.words import listed
from lintune_server.rules.recipe import adapted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.chat import ChatTokenizer
    from lintune_server.lint.recipe_source import RecipeSource

_TEMPLATED = ("chat_template", "sharegpt")


@recipe_rule("RC618", Severity.WARNING)
def untrained_tokens(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports special tokens of the chat template that the base model has, but never saw in training: their rows in its
    embedding are all but zero. Only where an adapter is trained and the embeddings are not, and the model's safetensors
    are on this machine.

    ## Why it hurts
    Base models reserve tokens for their instruction-tuned siblings, as Llama 3's do with `<|eot_id|>`. To the model
    they are all the same nothing. An adapter cannot change them, so the tuned model does not tell turns apart, or never
    stops.

    ## Example
    ```yaml
    base_model: models/Meta-Llama-3-8B
    chat_template: llama3
    adapter: qlora
    ```

    ## Use instead
    ```yaml
    base_model: models/Meta-Llama-3-8B-Instruct
    adapter: qlora
    ```
    """
    recipe, path = source.recipe, source.path
    values = source.mapping.value if source.mapping else {}
    if recipe is None or path is None or not adapted.is_low_rank(values) or not _templates(values):
        return
    if values.get("fix_untrained_tokens") or adapted.trains_embeddings(values, source.model):
        return
    try:
        found = base_model.find(recipe.base_model, path.parent)
        if found.kind is not ModelKind.FOLDER or found.path is None:
            return
        chat = context.tokenizer_of(recipe.base_model, path.parent, recipe.chat_template, recipe.chat_template_jinja)
    except LintuneError:
        return
    written = {chat.special_tokens[token]: token for token in _written(chat)}
    never = embeddings.untrained(found.path, written)
    if never:
        tokens = [token for id_, token in written.items() if id_ in never]
        have = "their embeddings are" if len(tokens) > 1 else "its embedding is"
        keys = [key for key in ("chat_template", "chat_template_jinja", "base_model") if values.get(key)]
        yield RecipeProblem(
            f"The base model never saw {listed(tokens)}, which the chat template writes: {have} empty, and the "
            "adapter does not train the embeddings. Use the instruction-tuned model, or train embed_tokens and lm_head "
            "with lora_modules_to_save.",
            source.range_of((keys[0],)),
        )


def _templates(values: dict[str, Any]) -> bool:
    """Whether any data set goes through the chat template."""
    entries = values.get("datasets")
    kinds = [entry.get("type") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return any(kind is None or (isinstance(kind, str) and kind.startswith(_TEMPLATED)) for kind in kinds)


def _written(chat: ChatTokenizer) -> list[str]:
    """The special tokens that a chat template writes around messages, in their order."""
    messages = [{"role": role, "content": "a"} for role in ("user", "assistant")]
    try:
        text = chat.template.render(messages, add_generation_prompt=True) if chat.template else ""
    except TemplateError:
        return []
    return list(dict.fromkeys(chat.special_pattern.findall(text)))
