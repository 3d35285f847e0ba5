"""`lintune doctor` for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.cli.terminal import BOLD, COLOURS, DIM, Look, cells, clean, nearby, number, wrap
from lintune_server.hardware import memory
from lintune_server.hardware.words import size, span, time
from lintune_server.lint.words import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lintune_server.hardware import Device, Machine
    from lintune_server.hardware.estimate import Estimate
    from lintune_server.hardware.installed import Extra
    from lintune_server.hardware.report import Fitting, RecipeReport

_KEY = 12
"""Columns of what stands on the left."""
_GREEN, _RED = "32;1", "31;1"
_UNKNOWN = "not known"


def page(
    machine: Machine, extras: Sequence[Extra], fitting: Sequence[Fitting], recipe: RecipeReport | None, look: Look
) -> Iterator[str]:
    """Line by line. fitting: looked at without a recipe."""
    yield look.paint("This machine", BOLD)
    yield from _machine(machine, look)
    yield ""
    yield look.paint("Packages", BOLD)
    yield from _packages(extras, look)
    yield ""
    if recipe is None:
        yield from _starters(machine, fitting, look)
    else:
        yield look.paint(clean(str(nearby(recipe.path))), BOLD)
        yield from _recipe(recipe, machine, look)


def _row(key: str, text: str, look: Look) -> Iterator[str]:
    first, *rest = list(wrap(text, look.width - _KEY - 2)) or [""]
    yield f"  {key:<{_KEY}}{first}"
    yield from (f"  {'':<{_KEY}}{line}" for line in rest)


# The machine


def _machine(machine: Machine, look: Look) -> Iterator[str]:
    cores = number(machine.processor.cores, "core")
    speed = "fast in bf16" if machine.processor.fast_bf16 else "slow in bf16: fp32 is used"
    yield from _row("system", f"{machine.system}, {machine.architecture}", look)
    yield from _row("processor", f"{machine.processor.name}, {cores}, {speed}", look)
    yield from _row("memory", _of(machine.memory, machine.available), look)
    yield from _row("disk", f"{size(machine.disk)} free" if machine.disk is not None else _UNKNOWN, look)
    for device in machine.devices:
        yield from _row("GPU", _device(device), look)
    if not machine.devices:
        yield from _row("GPU", "none that Lintune can see", look)
    for trouble in machine.troubles:
        yield from _row("", trouble, look)
    where = machine.device.name if machine.device else "the CPU"
    yield from _row("trains on", where, look)


def _of(whole: int | None, free: int | None) -> str:
    if whole is None:
        return _UNKNOWN
    return f"{size(whole)}, {size(free)} free" if free is not None else size(whole)


def _device(device: Device) -> str:
    facts = [device.name, _of(device.memory, device.free)]
    if device.capability:
        facts.append(f"compute capability {device.capability[0]}.{device.capability[1]}")
    facts += [
        f"{'has' if has else 'no'} {what}"
        for what, has in (("bf16", device.bf16), ("4-bit", device.four_bit))
        if has is not None
    ]
    return f"{', '.join(facts)}{f'. Not used: {device.hindrance}' if device.hindrance else ''}"


def _packages(extras: Sequence[Extra], look: Look) -> Iterator[str]:
    if not extras:
        yield from _row("", "Lintune is not installed as a package, so what it needs is not known.", look)
    for extra in extras:
        if not extra.missing:
            versions = ", ".join(f"{one.name} {one.version}" for one in extra.packages)
            yield from _row(extra.name, f"{versions}", look)
            continue
        names = [
            one.name if one.version is None else f"{one.name} {one.wanted} ({one.version} is there)"
            for one in extra.missing
        ]
        yield from _row(extra.name, f"for {extra.purpose}. Missing: {', '.join(names)}", look)
        yield from _row("", f"→ {extra.command}", look)


# What fits


def _starters(machine: Machine, fitting: Sequence[Fitting], look: Look) -> Iterator[str]:
    yield look.paint("What fits", BOLD)
    if machine.room is None:
        yield from _row("", "How much memory there is is not known.", look)
        return
    if not fitting:
        yield from _row("", f"None of the models to begin with can be trained in {size(machine.room)}.", look)
        return
    yield from wrap(
        "QLoRA, one sample of 1,024 tokens at a time; time for 1,000 samples of 200 tokens, once.", look.width, "  "
    )
    width = max(cells(one.starter.id) for one in fitting)
    yield look.paint(f"  {'model':<{width}}{'memory':>10}{'time':>14}", DIM)
    for one in fitting:
        took = time(one.seconds.likely) if one.seconds else _UNKNOWN
        yield f"  {one.starter.id:<{width}}{size(one.peak):>10}{took:>14}"
    yield ""
    yield from wrap("A recipe to begin with: lintune init. Of a recipe: lintune doctor recipe.yaml", look.width, "  ")


# A recipe


def _recipe(found: RecipeReport, machine: Machine, look: Look) -> Iterator[str]:
    yield from _row("model", _model(found), look)
    yield from _row("data", _data(found), look)
    yield from _row("training", _training(found.estimate), look)
    yield from _memory(found, machine, look)
    if found.written:
        parts = ", ".join(f"{name} {size(count)}" for name, count in found.written.parts.items() if count)
        free = f" of {size(machine.disk)} that are free" if machine.disk is not None else ""
        yield from _row("disk", f"about {size(found.written.total)}{free}: {parts}", look)
    for finding in found.findings:
        yield ""
        label = look.paint(f"{finding.severity.label} {finding.code}", COLOURS[finding.severity])
        yield f"  {label} {finding.name}"
        yield from wrap(finding.message, look.width, "    ")
    yield ""
    yield from _verdict(found, look)


def _model(found: RecipeReport) -> str:
    if found.facts is None:
        return f"{found.recipe.base_model}. {found.model_trouble}"
    count = found.facts.parameters
    words = f"{count / 1e9:.1f} billion" if count >= 1e9 else f"{count / 1e6:.0f} million"
    return f"{found.recipe.base_model}, {words} parameters"


def _data(found: RecipeReport) -> str:
    data = found.data
    if data is None:
        return f"not known. See: lintune check {nearby(found.path)}"
    words = number(data.training_samples, "sample")
    if data.tokens is not None:
        words += f", {number(data.tokens, 'token')}, {data.trained_tokens or 0:,} of them learned"
        words += f"; the longest has {data.longest:,}" if data.longest else ""
    if data.evaluation_samples:
        words += f"; {number(data.evaluation_samples, 'sample')} to evaluate with"
    return words


def _training(found: Estimate) -> str:
    if found.steps is None:
        return _UNKNOWN
    words = number(found.steps, "step")
    if found.epochs is not None:
        words += f", {found.epochs:.3g} {'epoch' if found.epochs == 1 else 'epochs'}"
    if found.seconds is None:
        return f"{words}; the time is not known"
    return f"{words}, about {time(found.seconds.likely)} ({span(found.seconds.least, found.seconds.most)})"


def _memory(found: RecipeReport, machine: Machine, look: Look) -> Iterator[str]:
    needed = found.estimate.memory
    if needed is None:
        yield from _row("memory", _UNKNOWN, look)
        return
    room = f" of {size(machine.room)}" if machine.room is not None else ""
    batch = memory.largest_batch(found.recipe, found.data)
    shape = f"{number(batch.samples, 'sample')} of {number(batch.width, 'token')}"
    yield from _row("memory", f"about {size(needed.peak)}{room} at the peak, with a batch of {shape}", look)
    parts = sorted(needed.parts.items(), key=lambda part: part[1], reverse=True)
    yield from _row("", ", ".join(f"{name} {size(count)}" for name, count in parts if count >= 1 << 20), look)


def _verdict(found: RecipeReport, look: Look) -> Iterator[str]:
    if found.fits is None:
        why = "The built-in trainer trains adapters: set adapter: qlora. " if found.recipe.adapter is None else ""
        yield from wrap(f"{why}Whether it fits is not known.", look.width, "  ")
    elif found.fits:
        yield f"  {look.paint('It fits.', _GREEN)}"
    elif found.changes is None:
        yield f"  {look.paint('It does not fit,', _RED)} whatever the settings."
    else:
        advice = listed([f"{change.key}: {change.value}" for change in found.changes.all])
        yield f"  {look.paint('It does not fit.', _RED)}"
        yield from wrap(f"It would with {advice}.", look.width, "  ")
        if not found.changes.same_training:
            yield from wrap("That is no longer the same training.", look.width, "  ")
