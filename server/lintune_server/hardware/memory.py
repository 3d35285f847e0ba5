"""How much memory a training takes at its peak, by parts that can be checked: the memory model of docs/memory.md.

Nothing here is fitted to a recipe. Parts follow from shapes and number formats; only the framework's own share is
measured (`benchmarks/memory.py` compares the whole with real trainings).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from lintune_schemas.plan import GPU_OPTIMIZERS, OPTIMIZERS
from lintune_server.hardware import activations, precision
from lintune_server.hardware.activations import Batch

if TYPE_CHECKING:
    from lintune_schemas.model_facts import ModelFacts
    from lintune_schemas.recipe import Recipe
    from lintune_server.hardware.machine import Machine
    from lintune_server.hardware.precision import Precision
    from lintune_server.lint.recipe_data import RecipeData

NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
"""A parameter in NF4 with double quantization: 4 bits, for each 64 parameters a constant of 8 bits, and for each 256 of
those one of 32 (Dettmers et al. 2023, section 3: 0.127 bits a parameter, 4.127 in all)."""

_OPTIMIZER_BYTES = {
    "adamw": 8,
    "ademamix": 12,
    "lion": 4,
    "adagrad": 4,
    "rmsprop": 4,
    "adafactor": 0,
    "sgd": 0,
}
"""Bytes of state that a 32-bit optimizer keeps for a trained parameter: a number in fp32 for each of its averages.
Adafactor's are a row and a column of each matrix, which for an adapter's thin ones is no more than a rounding error."""

_CPU_FRAMEWORK = 700 << 20
_CUDA_FRAMEWORK = 500 << 20


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes, by what takes them: of the GPU's memory, or of RAM for a training on the CPU."""

    weights: int
    adapter: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    buffers: int
    """What exists for the length of one product: weights taken out of their 4 bits, gradients on their way down."""
    framework: int
    """The process itself with torch and its friends; on a GPU, the driver's share of it."""
    loading: int
    """The peak while the weights are read, framework included."""

    @property
    def training(self) -> int:
        """The peak of a training step."""
        return self.resident + self.activations + max(self.logits, self.buffers)

    @property
    def resident(self) -> int:
        """What stays from the first step to the last."""
        return self.framework + self.weights + self.adapter + self.gradients + self.optimizer

    @property
    def peak(self) -> int:
        return max(self.training, self.loading)

    @property
    def parts(self) -> dict[str, int]:
        """The parts of the training's peak by name, the larger of `logits` and `buffers` alone among them."""
        lesser = "buffers" if self.logits >= self.buffers else "logits"
        names = (field.name for field in fields(self))
        return {name: getattr(self, name) for name in names if name not in (lesser, "loading")}


def largest_batch(recipe: Recipe, data: RecipeData | None) -> Batch:
    """The shape of the largest batch: of the samples when they are known, else of what `sequence_len` allows."""
    samples, width = recipe.micro_batch_size, recipe.sequence_len
    if data is None or data.longest is None:
        return Batch(samples, width, width)
    samples = min(samples, max(data.training_samples, 1))
    width = min(width, data.longest)
    if data.most_trained is None or data.shortest_prompt is None:
        return Batch(samples, width, width)
    positions = data.most_trained if samples == 1 else max(data.most_trained, width - data.shortest_prompt)
    return Batch(samples, width, min(positions, width))


def estimate(recipe: Recipe, facts: ModelFacts, machine: Machine, batch: Batch) -> MemoryEstimate | None:
    """The memory that a training takes on a machine. None for a model whose shapes are not known."""
    linear = facts.layers * sum(into * out for into, out in facts.linear_modules.values())
    if not linear or not _accounts_for(facts, linear):
        return None
    on = precision.choose(recipe, machine)
    whole = recipe.adapter is None
    weights = _weights(recipe, facts, linear, on)
    adapted = activations.targets(recipe, facts)
    trained = facts.layers * recipe.lora_r * sum(into + out for into, out in adapted.values())
    size = 4  # PEFT keeps an adapter in fp32, whatever the base model is in
    if whole:
        trained, size = facts.parameters, on.bytes
    framework = _CUDA_FRAMEWORK if on.gpu else _CPU_FRAMEWORK
    layer = activations.of_layer(recipe, facts, on, batch)
    layer_input = facts.hidden_size * on.bytes * batch.tokens
    buffers = _buffers(facts, on, batch)
    if recipe.gradient_checkpointing:
        kept, buffers = facts.layers * layer_input, buffers + layer
    else:
        kept = facts.layers * layer
    return MemoryEstimate(
        weights=weights,
        adapter=0 if whole else trained * size,
        gradients=trained * size,
        optimizer=round(trained * _optimizer_bytes(recipe, on) * size / 4),
        activations=kept,
        logits=_logits(facts, batch),
        buffers=buffers,
        framework=framework,
        loading=framework + weights + _largest(facts, on),
    )


def _accounts_for(facts: ModelFacts, linear: int) -> bool:
    """Whether the layers' modules and the embeddings are what the model consists of; not so with experts, say."""
    embeddings = facts.vocabulary_size * facts.hidden_size * (1 if facts.tied_embeddings else 2)
    return 0.8 * facts.parameters <= linear + embeddings <= 1.1 * facts.parameters


def _weights(recipe: Recipe, facts: ModelFacts, linear: int, on: Precision) -> int:
    """Only the layers' linear modules are quantized: embeddings, the output layer and norms stay as they are."""
    linear_bytes = NF4_BYTES if recipe.load_in_4bit else 1.0 if recipe.load_in_8bit else float(on.bytes)
    return round(linear * linear_bytes) + (facts.parameters - linear) * on.bytes


def _optimizer_bytes(recipe: Recipe, on: Precision) -> float:
    """Bytes of state a trained parameter. On a CPU, those made for GPUs are replaced by AdamW in fp32."""
    name = recipe.optimizer
    if name in GPU_OPTIMIZERS and not on.gpu:
        name = OPTIMIZERS[0]
    full = next((count for kind, count in _OPTIMIZER_BYTES.items() if kind in name), _OPTIMIZER_BYTES["adamw"])
    return full / 4 * (1 + 4 / 256) if "8bit" in name else full  # 8 bits each, and a constant for each block of 256


def _logits(facts: ModelFacts, batch: Batch) -> int:
    """At the start of the backward pass: the logarithm of the softmax, its gradient and that of the logits, in fp32."""
    return 12 * facts.vocabulary_size * batch.samples * batch.positions


def _buffers(facts: ModelFacts, on: Precision, batch: Batch) -> int:
    """Gradients of the widest part of a layer, and the largest matrix as it is multiplied."""
    return _largest(facts, on) + (2 * on.bytes + 4) * facts.intermediate_size * batch.tokens


def _largest(facts: ModelFacts, on: Precision) -> int:
    return on.bytes * max(into * out for into, out in facts.linear_modules.values())
