"""NVIDIA's devices, asked through NVML, the library that comes with their driver. No process and no CUDA starts."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from typing import Any

from lintune_server.hardware.machine import Device

_LIBRARIES = ("nvml.dll",) if sys.platform == "win32" else ("libnvidia-ml.so.1", "/usr/lib/wsl/lib/libnvidia-ml.so.1")
_TIME_LIMIT = 3.0
"""Seconds. A healthy driver answers in well under one, also when it has to wake the device first; a broken one
may never."""

_SM_CLOCK = 1
"""NVML_CLOCK_SM."""
_DATA_CENTRE = ((8, 0), (9, 0), (10, 0), (10, 3))
"""A100, H100 and H200, B200, B300."""


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class NvmlError(Exception):
    """NVML's own words."""


def devices() -> tuple[tuple[Device, ...], str]:
    """The devices that torch would see, in its order; and a sentence when the driver does not answer as it should.

    Never raises, and returns after the time limit whatever the driver does.
    """
    library = _library()
    if library is None:
        return (), ""
    answer: list[tuple[Device, ...]] = []
    trouble: list[str] = []

    def ask() -> None:
        try:
            answer.append(_visible(_all(library)))
        except NvmlError as error:
            trouble.append(f"The NVIDIA driver gives no answer: {error}. See: nvidia-smi")
        except Exception as error:  # of a driver that is no driver, anything may come
            trouble.append(f"The NVIDIA driver could not be asked ({type(error).__name__}). See: nvidia-smi")

    thread = threading.Thread(target=ask, name="nvml", daemon=True)
    thread.start()
    thread.join(_TIME_LIMIT)
    if thread.is_alive():
        return (), f"The NVIDIA driver did not answer within {_TIME_LIMIT:g} seconds. See: nvidia-smi"
    return answer[0] if answer else (), trouble[0] if trouble else ""


def _library() -> Any:
    for name in _LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def _all(nvml: Any) -> list[tuple[str, Device]]:
    """Every device with its UUID. Raises NvmlError."""
    _call(nvml, "nvmlInit_v2")
    try:
        count = ctypes.c_uint()
        _call(nvml, "nvmlDeviceGetCount_v2", ctypes.byref(count))
        return [_device(nvml, index) for index in range(count.value)]
    finally:
        nvml.nvmlShutdown()


def _device(nvml: Any, index: int) -> tuple[str, Device]:
    handle = ctypes.c_void_p()
    _call(nvml, "nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(handle))
    memory = _Memory()
    major, minor = ctypes.c_int(), ctypes.c_int()
    _call(nvml, "nvmlDeviceGetMemoryInfo", handle, ctypes.byref(memory))
    _call(nvml, "nvmlDeviceGetCudaComputeCapability", handle, ctypes.byref(major), ctypes.byref(minor))
    name, uuid = _text(nvml, "nvmlDeviceGetName", handle), _text(nvml, "nvmlDeviceGetUUID", handle)
    capability = (major.value, minor.value)
    return uuid, Device("nvidia", name, memory.total, memory.free, capability, _peak(nvml, handle, name, capability))


def _peak(nvml: Any, handle: Any, name: str, capability: tuple[int, int]) -> float | None:
    """From cores and clock to the peak of 16-bit matrix products, in 10¹² operations a second.

    A core does two operations a cycle in fp32; what the tensor cores beside it do is a multiple of that, by NVIDIA's
    whitepapers on Volta, Turing, Ampere, Ada and Hopper: 16 in data centres since Ampere, 8 on V100 and T4, 4 on
    workstation cards, and half of that on GeForce, whose 32-bit sums are held back.
    """
    cores, megahertz = ctypes.c_uint(), ctypes.c_uint()
    try:
        _call(nvml, "nvmlDeviceGetNumGpuCores", handle, ctypes.byref(cores))
        _call(nvml, "nvmlDeviceGetMaxClockInfo", handle, ctypes.c_int(_SM_CLOCK), ctypes.byref(megahertz))
    except (NvmlError, AttributeError):  # drivers before 2021
        return None
    if capability in _DATA_CENTRE:
        multiple = 16
    elif capability < (7, 0):
        multiple = 1
    elif capability < (8, 0):
        multiple = 4 if "GeForce" in name else 8
    else:
        multiple = 2 if "GeForce" in name else 4
    return round(cores.value * 2 * megahertz.value * 1e6 * multiple / 1e12, 1)


def _text(nvml: Any, function: str, handle: Any) -> str:
    buffer = ctypes.create_string_buffer(96)  # NVML_DEVICE_NAME_V2_BUFFER_SIZE
    _call(nvml, function, handle, buffer, ctypes.c_uint(len(buffer)))
    return buffer.value.decode("utf-8", "replace")


def _call(nvml: Any, function: str, *arguments: Any) -> None:
    code = getattr(nvml, function)(*arguments)
    if code:
        explain = nvml.nvmlErrorString
        explain.restype = ctypes.c_char_p
        words = explain(code)
        raise NvmlError(words.decode("utf-8", "replace") if words else f"error {code}")


def _visible(found: list[tuple[str, Device]]) -> tuple[Device, ...]:
    """As CUDA has it: the fastest first (told here by generation and memory), unless the bus or a list is to decide."""
    if os.environ.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID":
        found = sorted(found, key=lambda one: (one[1].capability or (0, 0), one[1].memory or 0), reverse=True)
    wanted = os.environ.get("CUDA_VISIBLE_DEVICES")
    if wanted is None:
        return tuple(device for _, device in found)
    chosen: list[Device] = []
    for name in (word.strip() for word in wanted.split(",")):
        if name.isdigit():
            match = found[int(name) : int(name) + 1]
        else:
            match = [one for one in found if name and one[0].startswith(name)]
        if not match:  # CUDA stops at the first that it does not know
            break
        chosen.append(match[0][1])
    return tuple(chosen)
