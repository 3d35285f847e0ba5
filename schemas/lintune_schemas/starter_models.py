"""Models to begin with: what is known of each without a network. `starter_models.yaml` is the list."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml

from lintune_schemas import base_model, model_config
from lintune_schemas.model_heads import Heads

if TYPE_CHECKING:
    from lintune_schemas.model_config import ModelFacts

_BYTES_A_PARAMETER = 2
"""All are published in 16 bits."""


@dataclass(frozen=True, slots=True)
class Starter:
    """A model on the hub that is good to begin with."""

    id: str
    """On the hub: `owner/name`."""
    family: str
    instruct: bool
    """Whether it was tuned to follow instructions, and so knows its chat template; else it is a base model."""
    licence: str
    """As the hub names it."""
    strengths: str
    """What it is good for, in a phrase."""
    facts: ModelFacts

    @property
    def parameters(self) -> int:
        return self.facts.parameters

    @property
    def context_length(self) -> int | None:
        return self.facts.context_length


def by_name(name: str) -> Starter | None:
    """The starter model of a hub id, in whatever case; the built-in demo model is one under its short name, too."""
    return _BY_NAME.get(name.lower())


def _starter(family: dict[str, Any], size: dict[str, Any], model: dict[str, Any]) -> Starter:
    context = {key: model[key] for key in ("max_position_embeddings",) if key in model}
    instruct = model.get("instruct", False)
    config = {**family["config"], **size["config"], **context}
    facts = model_config.of_config(config, Heads({}, None, chat_template=instruct), "starter")
    assert facts is not None
    parameters = size.get("parameters", facts.parameters)
    facts = replace(facts, parameters=parameters, weight_bytes=_BYTES_A_PARAMETER * parameters)
    licence = size.get("licence", family["licence"])
    return Starter(model["id"], family["family"], instruct, licence, model["strengths"], facts)


def _all() -> tuple[Starter, ...]:
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = files(__package__).joinpath("starter_models.yaml").read_bytes()
    families = yaml.load(text, Loader=loader)  # noqa: S506 (it is a SafeLoader)
    return tuple(
        _starter(family, size, model) for family in families for size in family["sizes"] for model in size["models"]
    )


STARTERS = _all()
"""By family, the smallest first."""

_BY_NAME = {starter.id.lower(): starter for starter in STARTERS}
_BY_NAME[base_model.DEMO_MODEL] = _BY_NAME["huggingfacetb/smollm2-135m-instruct"]
