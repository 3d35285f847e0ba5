"""What this machine has, found without torch, without another process, and in a bounded time."""

from __future__ import annotations

import platform
import re
import shutil
import sys
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from lintune_schemas import processor
from lintune_server.hardware import nvidia
from lintune_server.hardware.machine import Device, Machine, Torch

_DRM = Path("/sys/class/drm")
_AMD = "0x1002"
"""AMD's number as a PCI vendor."""


def audit(folder: Path | None = None) -> Machine:
    """The machine that this process runs on. folder: where the free disk is looked up; the working folder without one.

    What cannot be found out is None; nothing raises. Devices are looked for once a process; all else takes well under
    a millisecond.
    """
    found = _lasting()
    memory, available = processor.memory()
    return replace(found, memory=memory, available=available, disk=free_disk(folder or Path()))


def free_disk(folder: Path) -> int | None:
    """Bytes free at a folder, or at the nearest one above it that exists. None: not known."""
    for place in (folder, *folder.absolute().parents):
        try:
            return shutil.disk_usage(place).free
        except (OSError, ValueError):
            continue
    return None


@cache
def _lasting() -> Machine:
    """What stays as it is as long as this process runs."""
    torch = installed_torch()
    devices, trouble = nvidia.devices()
    found = tuple(_judged(device, torch) for device in (*devices, *_amd(), *_apple()))
    return Machine(
        platform.system(),
        platform.machine(),
        processor.processor(),
        None,
        devices=found,
        torch=torch,
        troubles=(trouble,) if trouble else (),
    )


def installed_torch() -> Torch | None:
    """The torch beside this Python, from the file in which it says how it was built. It is not imported."""
    try:
        spec = find_spec("torch")
        if spec is None or spec.origin is None:
            return None
        text = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8", errors="replace")
    except (ImportError, ValueError, OSError):
        return None
    fields = dict(re.findall(r"^(\w+)\b[^=\n]*= *['\"]([^'\"]+)['\"]", text, re.MULTILINE))
    return Torch(fields.get("__version__", "unknown"), fields.get("cuda"), fields.get("hip"))


def _judged(device: Device, torch: Torch | None) -> Device:
    """The device with whether the built-in trainer can use it. Without a torch, the one to come is taken to fit."""
    if device.vendor == "apple":
        why = "The built-in trainer computes on the CPU of a Mac."
    elif torch is not None and device.vendor == "nvidia" and torch.cuda is None:
        why = f"The installed torch {torch.version} is built without CUDA. Install one with it: see pytorch.org."
    elif torch is not None and device.vendor == "amd" and torch.rocm is None:
        why = f"The installed torch {torch.version} is built without ROCm. Install one with it: see pytorch.org."
    else:
        return device
    return replace(device, usable=False, hindrance=why)


def _amd() -> tuple[Device, ...]:
    """As the amdgpu driver has them. Graphics inside a processor, with little memory of its own, is left out."""
    found = []
    for card in sorted(_DRM.glob("card*/device")):
        try:
            if (card / "vendor").read_text(encoding="ascii").strip() != _AMD:
                continue
            total = int((card / "mem_info_vram_total").read_text(encoding="ascii"))
            used = int((card / "mem_info_vram_used").read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
        if total >= 4 << 30:
            found.append(Device("amd", "AMD GPU", total, max(total - used, 0)))
    return tuple(found)


def _apple() -> tuple[Device, ...]:
    if sys.platform != "darwin" or platform.machine() != "arm64":
        return ()
    return (Device("apple", "Apple GPU", processor.memory()[0]),)
