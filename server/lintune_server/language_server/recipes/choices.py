"""Values that are known by name: of keys that take any text as far as the schema goes, and what of them is trained."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from lintune_schemas.model_files import CHAT_TEMPLATES
from lintune_schemas.plan import GPU_OPTIMIZERS, OPTIMIZERS, SCHEDULERS
from lintune_server.language_server.recipes.candidate import Candidate, Sort
from lintune_server.rules import FAMILIES

if TYPE_CHECKING:
    from lintune_schemas.recipe_keys import RecipeKey

_CARRIED_OUT = {
    "adapter": ("qlora", "lora"),
    "chat_template": ("tokenizer_default", *CHAT_TEMPLATES, "jinja"),
    "optimizer": (*OPTIMIZERS, *GPU_OPTIMIZERS),
    "lr_scheduler": SCHEDULERS,
}
"""Of keys that are carried out with some of their values only: which."""

SAMPLE_TYPES = tuple(
    Candidate(name, Sort.CHOICE, detail=detail, rank=rank)
    for rank, (name, detail) in enumerate(
        (
            ("chat_template", "messages with role and content, by the model's chat template"),
            ("alpaca", "instruction, input and output"),
            ("completion", "plain text, all of it learned"),
            ("input_output", "segments, each learned or not"),
            ("sharegpt", "conversations with from and value"),
            ("chat_template.default", "preference pairs: messages, chosen and rejected"),
            ("chat_template.argilla", "preference pairs: prompt, chosen and rejected"),
            ("gpteacher", "instruction, input and response"),
            ("summarizetldr", "article and summary"),
            ("alpaca_chat.load_qa", "question and answer"),
        )
    )
)
"""`type` of a data set, by Axolotl's names; those that the linter and the trainer read."""

ROLES = tuple(Candidate(role, Sort.CHOICE) for role in ("assistant", "user", "system", "tool"))

ALL_LINEAR = Candidate("all-linear", Sort.CHOICE, detail="every linear module, as lora_target_linear: true")


def known(key: RecipeKey) -> tuple[str, ...]:
    """The values that a key can have, as far as they have names."""
    return tuple(dict.fromkeys((*_CARRIED_OUT.get(key.name, ()), *key.choices)))


def carried_out(key: RecipeKey) -> tuple[str, ...]:
    """Those of them that the built-in trainer knows; all for a key of whose others nothing is known."""
    return _CARRIED_OUT.get(key.name) or key.choices


@cache
def rule_codes() -> tuple[Candidate, ...]:
    """Every rule, and the families: a beginning of codes stands for all of them."""
    families = (Candidate(code, Sort.RULE, detail=f"all of: {name}", rank=0) for code, name in FAMILIES.items())
    from lintune_server.rule_book import RULES  # the rules of recipes: not before they are asked for

    rules = (Candidate(rule.code, Sort.RULE, detail=rule.name, page=rule.summary, rank=1) for rule in RULES)
    return (*families, *rules)
