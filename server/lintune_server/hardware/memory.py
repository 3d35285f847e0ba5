"""How much memory a training takes at its peak, by parts that can be checked: the memory model of docs/memory.md.

Nothing here is fitted to a recipe. Parts follow from shapes and number formats; only the framework's own share is
measured (`benchmarks/memory.py` compares the whole with real trainings).
"""

from __future__ import annotations

import math
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

_CPU_FRAMEWORK = 520 << 20
"""A process that has imported all that a training does: 360 MB of its own, and 155 MB of the libraries' code. Measured
with torch 2.13, transformers 5.24, PEFT 0.21 and bitsandbytes 0.50 on Linux."""
_CUDA_FRAMEWORK = 500 << 20
"""What the driver takes for a process before torch has allocated anything: 300 to 600 MB, by the generation of the GPU
(Accelerate's guide to model memory; PyTorch issue 20532)."""


_WHOLE_WEIGHTS_SHARE = 0.25
"""Of the memory that is free: so much may go to 4-bit weights that are not packed (`lintune_trainer/models.py`)."""

_PIECE = 1 << 22
"""Logits that the trainer's loss computes in fp32 at a time (`lintune_trainer/loss.py`)."""


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
    holes: int
    """What is free, and of no use: between other things in the memory of a process on the CPU."""
    framework: int
    """The process itself with torch and its friends; on a GPU, the driver's share of it."""
    loading: int
    """The peak while the weights are read, framework included."""
    mapped: int
    """Pages of the weights' file that stay in the process's resident set until somebody needs the memory: on top of
    the peak when a process is looked at, and not in the way of anything."""

    @property
    def training(self) -> int:
        """The peak of a training step.

        It is at the head of the model, when the backward pass begins, or, with little to keep, inside of a layer. Where
        memory is not given back, what that layer took the step before is still there.
        """
        top = self.logits + self.buffers if self.holes else max(self.logits, self.buffers)
        return self.resident + self.activations + top

    @property
    def resident(self) -> int:
        """What stays from the first step to the last."""
        return self.framework + self.weights + self.adapter + self.gradients + self.optimizer + self.holes

    @property
    def peak(self) -> int:
        return max(self.training, self.loading)

    @property
    def parts(self) -> dict[str, int]:
        """The parts of the training's peak by name: their sum is `training`."""
        left_out = {"loading", "mapped"}
        if not self.holes:
            left_out.add("buffers" if self.logits >= self.buffers else "logits")
        names = (field.name for field in fields(self))
        return {name: getattr(self, name) for name in names if name not in left_out}


def makes_sense(recipe: Recipe) -> bool:
    """Whether a recipe's numbers are such that there is anything to estimate."""
    counts = (recipe.micro_batch_size, recipe.sequence_len, recipe.lora_r, recipe.gradient_accumulation_steps)
    return min(counts) > 0 and math.isfinite(recipe.num_epochs) and recipe.num_epochs > 0


def largest_batch(recipe: Recipe, data: RecipeData | None) -> Batch:
    """The shape of the largest batch: of the samples when they are known, else of what `sequence_len` allows."""
    sides = 1 if recipe.rl is None else 2  # of a preference pair both are computed
    samples, width = recipe.micro_batch_size * sides, recipe.sequence_len
    if data is None or data.longest is None:
        return Batch(samples, width, width)
    samples = min(samples, max(data.training_samples, 1) * sides)
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
    weights = _weights(recipe, facts, linear, on, machine)
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
        logits=_logits(recipe, facts, on, batch),
        buffers=buffers,
        holes=0 if on.gpu else activations.holes(recipe, facts, on, batch),
        framework=framework,
        loading=framework + weights + _copies(linear, facts, on),
        mapped=_mapped(recipe, linear, on),
    )


def _accounts_for(facts: ModelFacts, linear: int) -> bool:
    """Whether the layers' modules and the embeddings are what the model consists of; not so with experts, say."""
    embeddings = facts.vocabulary_size * facts.hidden_size * (1 if facts.tied_embeddings else 2)
    return 0.8 * facts.parameters <= linear + embeddings <= 1.1 * facts.parameters


def _weights(recipe: Recipe, facts: ModelFacts, linear: int, on: Precision, machine: Machine) -> int:
    """Only the layers' linear modules are quantized: embeddings, the output layer and norms stay as they are.

    A CPU does not compute in 4 bits. Where there is room, the trainer keeps what it multiplies by, rounded to 4 bits
    but not packed (`lintune_trainer/models.py`).
    """
    linear_bytes = NF4_BYTES if recipe.load_in_4bit else 1.0 if recipe.load_in_8bit else float(on.bytes)
    if recipe.load_in_4bit and not on.gpu and linear * on.bytes <= (machine.available or 0) * _WHOLE_WEIGHTS_SHARE:
        linear_bytes = on.bytes
    return round(linear * linear_bytes) + (facts.parameters - linear) * on.bytes


def _optimizer_bytes(recipe: Recipe, on: Precision) -> float:
    """Bytes of state a trained parameter. On a CPU, those made for GPUs are replaced by AdamW in fp32."""
    name = recipe.optimizer
    if name in GPU_OPTIMIZERS and not on.gpu:
        name = OPTIMIZERS[0]
    full = next((count for kind, count in _OPTIMIZER_BYTES.items() if kind in name), _OPTIMIZER_BYTES["adamw"])
    return full / 4 * (1 + 4 / 256) if "8bit" in name else full  # 8 bits each, and a constant for each block of 256


def _logits(recipe: Recipe, facts: ModelFacts, on: Precision, batch: Batch) -> int:
    """In the backward pass: logits and their gradient, and in fp32 two copies of some of them.

    TRL, which trains on pairs, holds the logarithm of the softmax, its gradient and that of the logits, all in fp32. On
    GPUs that much is reckoned with, too: until it is measured there, rather too much than too little.
    """
    logits = facts.vocabulary_size * batch.samples * batch.positions
    if on.gpu or recipe.rl is not None:
        return 12 * logits
    return 2 * on.bytes * logits + 8 * min(logits, _PIECE)


def _buffers(facts: ModelFacts, on: Precision, batch: Batch) -> int:
    """Gradients of the widest part of a layer, and the largest matrix as it is multiplied."""
    return _largest(facts, on) + (2 * on.bytes + 4) * facts.intermediate_size * batch.tokens


def _copies(linear: int, facts: ModelFacts, on: Precision) -> int:
    """What goes from the file to its place by way of a copy: on a GPU one module after the other; on a CPU the room of
    small ones is not given back soon."""
    largest = _largest(facts, on)
    return largest if on.gpu or largest >= activations.LARGE_BLOCK else linear * on.bytes


def _mapped(recipe: Recipe, linear: int, on: Precision) -> int:
    """On a CPU, tensors in the number format of their file are pages of it. With 4-bit weights, these are the
    embeddings; what was quantized is mapped with them, and is not looked at any more."""
    return linear * on.bytes if recipe.load_in_4bit and not on.gpu and on.format == "bf16" else 0


def _largest(facts: ModelFacts, on: Precision) -> int:
    return on.bytes * max(into * out for into, out in facts.linear_modules.values())
