"""`lintune doctor` for programs: `doctor-report.schema.json` describes it. Sizes are bytes, times are seconds."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_server.hardware import Device, Machine
    from lintune_server.hardware.installed import Extra
    from lintune_server.hardware.report import Fitting, RecipeReport
    from lintune_server.hardware.speed import Seconds


def entry(
    machine: Machine, extras: Sequence[Extra], fitting: Sequence[Fitting], recipe: RecipeReport | None
) -> dict[str, Any]:
    return {
        "version": 1,
        "machine": _machine(machine),
        "extras": [_extra(extra) for extra in extras],
        "models": [
            {"id": one.starter.id, "parameters": one.starter.parameters, "memory": one.peak, "time": _time(one.seconds)}
            for one in fitting
        ],
        "recipe": _recipe(recipe) if recipe else None,
    }


def _machine(machine: Machine) -> dict[str, Any]:
    return {
        "system": machine.system,
        "architecture": machine.architecture,
        "processor": {
            "name": machine.processor.name,
            "cores": machine.processor.cores,
            "instructions": sorted(machine.processor.instructions),
            "fast_bf16": machine.processor.fast_bf16,
        },
        "memory": machine.memory,
        "available": machine.available,
        "disk": machine.disk,
        "devices": [_device(device) for device in machine.devices],
        "torch": asdict(machine.torch) if machine.torch else None,
        "troubles": list(machine.troubles),
    }


def _device(device: Device) -> dict[str, Any]:
    return {
        "vendor": device.vendor,
        "name": device.name,
        "memory": device.memory,
        "free": device.free,
        "capability": ".".join(map(str, device.capability)) if device.capability else None,
        "bf16": device.bf16,
        "four_bit": device.four_bit,
        "usable": device.usable,
        "hindrance": device.hindrance or None,
    }


def _extra(extra: Extra) -> dict[str, Any]:
    return {
        "name": extra.name,
        "packages": [asdict(package) for package in extra.packages],
        "install": extra.command if extra.missing else None,
    }


def _time(seconds: Seconds | None) -> dict[str, float] | None:
    return {name: round(value, 1) for name, value in asdict(seconds).items()} if seconds else None


def _recipe(found: RecipeReport) -> dict[str, Any]:
    estimate = found.estimate
    needed = estimate.memory
    return {
        "path": str(found.path),
        "base_model": found.recipe.base_model,
        "parameters": found.facts.parameters if found.facts else None,
        "samples": estimate.samples,
        "evaluation_samples": estimate.evaluation_samples,
        "tokens": estimate.tokens,
        "trained_tokens": estimate.trained_tokens,
        "steps": estimate.steps,
        "epochs": estimate.epochs,
        "time": _time(estimate.seconds),
        "memory": {"peak": needed.peak, "parts": needed.parts} if needed else None,
        "disk": {"total": found.written.total, "parts": found.written.parts} if found.written else None,
        "fits": found.fits,
        "changes": {change.key: change.value for change in found.changes.all} if found.changes else None,
        "findings": [
            {"code": one.code, "name": one.name, "severity": one.severity.label, "message": one.message}
            for one in found.findings
        ],
    }
