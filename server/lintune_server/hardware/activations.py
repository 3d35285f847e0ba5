"""What a training step keeps between the forward and the backward pass, by the shapes of a decoder layer.

Read off transformers' Llama-like model classes, PEFT's LoRA layers, bitsandbytes' 4-bit product and this trainer's
loss, with the rule that autograd keeps of a product's factors only what the gradient of the other one needs: frozen
weights need no gradient, so a frozen linear layer keeps nothing of its input. docs/memory.md has the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintune_schemas.model_facts import ModelFacts
    from lintune_schemas.recipe import Recipe
    from lintune_server.hardware.precision import Precision

_NORMS = {"gemma2": 4, "gemma3_text": 4, "gemma3": 4, "phi": 1}
"""Norms of the hidden size in a layer, where they are not two."""
_HEAD_NORMS = frozenset({"qwen3", "gemma3_text", "gemma3"})
"""Architectures that normalize queries and keys, too."""
_EAGER = frozenset({"gemma2"})
"""Architectures whose attention transformers computes step by step: its weights have a cap that no kernel knows."""

_SAME_INPUT = (("q_proj", "k_proj", "v_proj", "fc1"), ("gate_proj", "up_proj"))
"""Modules that read one and the same tensor; Phi's `fc1` stands beside attention, not behind it."""

_WHOLE_MATRICES = 224
"""Up to so many tokens the trainer computes attention on a CPU by products of whole matrices, and keeps its weights
(`lintune_trainer/attention.py`)."""

LARGE_BLOCK = 32 << 20
"""Bytes from which on glibc takes memory from the system block by block (DEFAULT_MMAP_THRESHOLD_MAX, malloc.c)."""

_PEFT_TARGETS = {"phi": ("q_proj", "v_proj", "fc1", "fc2")}
"""What PEFT adapts when a recipe does not say (`TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING`), where it is not
queries and values."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The shape of the largest batch of a training."""

    samples: int
    width: int
    """Tokens of its longest sample; the others are padded to it."""
    positions: int
    """At how many of them any sample has something to predict: for these alone there are logits."""

    @property
    def tokens(self) -> int:
        return self.samples * self.width


def targets(recipe: Recipe, facts: ModelFacts) -> dict[str, tuple[int, int]]:
    """The linear modules of a layer that get an adapter, by name: (in, out)."""
    chosen = recipe.lora_target_modules
    if isinstance(chosen, str) or recipe.lora_target_linear:  # `all-linear`, or a pattern, of which that is the most
        return facts.linear_modules
    usual = _PEFT_TARGETS.get(facts.architecture, ("q_proj", "v_proj"))
    wanted = {name.rpartition(".")[2] for name in chosen or usual}
    return {name: shape for name, shape in facts.linear_modules.items() if name in wanted}


def of_layer(recipe: Recipe, facts: ModelFacts, precision: Precision, batch: Batch) -> int:
    """Bytes that one decoder layer keeps of a batch when nothing is recomputed."""
    size, adapted = precision.bytes, targets(recipe, facts)
    queries, keys = facts.heads * facts.head_dim, facts.kv_heads * facts.head_dim
    # RMS norms compute in fp32, and keep that; Phi's layer norm keeps its input as it is.
    token = (size if facts.architecture == "phi" else 4) * facts.hidden_size * _NORMS.get(facts.architecture, 2)
    if facts.architecture in _HEAD_NORMS:
        token += 4 * (queries + keys)
    short = not precision.gpu and batch.width <= _WHOLE_MATRICES
    token += _attention(facts, size, short)
    token += _feed_forward(facts, size)
    token += _adapter_inputs(recipe, precision, adapted)
    token += len(adapted) * recipe.lora_r * size
    kept = token * batch.tokens
    pairs = batch.samples * batch.width**2
    if facts.architecture in _EAGER:
        # Capped scores (tanh keeps its result), and their softmax in fp32 and in the number format of the rest.
        kept += (size + 4 + (size if size < 4 else 0)) * facts.heads * pairs
    elif short:
        kept += size * facts.heads * pairs
    return kept


def holes(recipe: Recipe, facts: ModelFacts, precision: Precision, batch: Batch) -> int:
    """Bytes that the allocator of a CPU process neither gives back nor uses again: see docs/memory.md.

    What a layer computes on the way (the results of the base's modules, to which the adapter's are then added, those
    of norms, queries and keys as they are turned) is freed between tensors that are kept, and glibc (2.36) hardly fills
    such holes again. Larger blocks come from the system one by one, and go back to it.
    """
    queries, keys = facts.heads * facts.head_dim, facts.kv_heads * facts.head_dim
    sizes = [out for _, out in targets(recipe, facts).values()]
    sizes += [facts.hidden_size] * _NORMS.get(facts.architecture, 2) + [queries, keys]
    results = (size * precision.bytes * batch.tokens for size in sizes)
    return facts.layers * sum(result for result in results if result < LARGE_BLOCK)


def _attention(facts: ModelFacts, size: int, short: bool) -> int:
    """Queries, keys and values. Kernels also keep the result and a logarithm a head, but no weights of attention.

    With caps on the scores there are no kernels, and keys and values are repeated for all heads.
    """
    queries, keys = facts.heads * facts.head_dim, facts.kv_heads * facts.head_dim
    if facts.architecture in _EAGER:
        return size * 3 * queries
    if short:
        return size * (queries + 2 * keys)
    # Phi-3's values are a part of one result with queries and keys, and kernels keep what they are a part of.
    values = queries + 2 * keys if facts.architecture == "phi3" else keys
    return size * (2 * queries + keys + values) + 4 * facts.heads


def _feed_forward(facts: ModelFacts, size: int) -> int:
    """Gated: what goes into the activation function, and both factors of the product behind it. Else what the steps of
    GELU keep (`gelu_new`, by its formula)."""
    gated = "up_proj" in facts.linear_modules or "gate_up_proj" in facts.linear_modules
    return (3 if gated else 4) * facts.intermediate_size * size


def _adapter_inputs(recipe: Recipe, precision: Precision, adapted: dict[str, tuple[int, int]]) -> int:
    """What the first matrices of the adapter read, a token.

    Modules with the same input share it. With autocast, as on GPUs, each adapted module makes a copy of its own in 16
    bits, unless the base is 4-bit, whose layers leave the input as it is.
    """
    size = precision.bytes
    if recipe.lora_dropout > 0:
        # The module reads what the dropout leaves, and the mask is kept: on CPUs numbers, on GPUs bytes.
        return sum((size + (1 if precision.gpu else size)) * into for into, _ in adapted.values())
    if precision.mixed and not recipe.load_in_4bit:
        return sum(size * into for into, _ in adapted.values())
    total, counted = 0, set[str]()
    for name, (into, _) in adapted.items():
        group = next((names for names in _SAME_INPUT if name in names), (name,))
        if name not in counted:
            counted.update(group)
            total += size * into
    return total
