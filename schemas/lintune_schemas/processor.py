"""The processor and the RAM: what the operating system says without being asked through another program."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

INSTRUCTIONS = ("avx2", "avx512bw", "avx512dq", "avx512vl", "avx512_bf16", "amx_bf16", "amx_tile", "bf16", "i8mm")
"""Those that make a difference to how fast a training is."""

_MEMORY_CONTROLLERS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Processor:
    name: str
    cores: int
    """Physical ones that this process may use; as many threads torch computes with."""
    instructions: frozenset[str] = frozenset()
    """Of those in `INSTRUCTIONS` that it has, by Linux's names."""

    @property
    def fast_bf16(self) -> bool:
        """Whether oneDNN multiplies in bf16 at least as fast as in fp32: what the trainer asks torch for `bf16: auto`.

        On x86, that takes AVX-512 (BW, VL and DQ; oneDNN emulates what AVX512_BF16 would do); on Arm, BF16.
        """
        return {"avx512bw", "avx512vl", "avx512dq"} <= self.instructions or "bf16" in self.instructions


def processor() -> Processor:
    """Never raises: what is not known stays empty, and there is at least one core."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    usable = _usable()
    name = _field(text, "model name") or platform.processor() or platform.machine() or "CPU"
    flags = frozenset((_field(text, "flags") or _field(text, "Features")).split())
    cores = min(_physical(text, usable) or len(usable), _quota() or len(usable))
    if sys.platform == "darwin" and platform.machine() == "arm64":
        name = "Apple silicon"
    return Processor(name, max(cores, 1), flags & frozenset(INSTRUCTIONS))


def _usable() -> frozenset[int]:
    """The logical processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def _physical(text: str, usable: frozenset[int]) -> int:
    """How many physical cores the usable logical ones belong to; 0 when that is not said."""
    cores = set()
    for block in text.split("\n\n"):
        number, core = _field(block, "processor"), _field(block, "core id")
        if core and number.isdigit() and int(number) in usable:
            cores.add((_field(block, "physical id"), core))
    return len(cores)


def _field(text: str, key: str) -> str:
    """The first value of a key in the format of /proc."""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def _quota() -> int | None:
    """How many cores' worth of time a container may use, rounded up."""
    for folder in _groups("cpu"):
        quota, _, period = _read(folder / "cpu.max").partition(" ")
        if quota.isdigit() and period.isdigit():
            return -(-int(quota) // int(period))
        quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(period):
            return -(-int(quota) // int(period))
    return None


def memory() -> tuple[int | None, int | None]:
    """Bytes of RAM: all that this process may use, and of them those that are not in use. None: not known."""
    if sys.platform == "win32":
        return _windows_memory()
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii", errors="replace")
        total, available = (int(_field(text, key).split()[0]) << 10 for key in ("MemTotal", "MemAvailable"))
    except (OSError, ValueError, IndexError):
        return _pages("SC_PHYS_PAGES"), _pages("SC_AVPHYS_PAGES")
    for folder in _groups("memory"):
        limit, used = _limit(folder)
        if limit is not None and limit < total:
            total = limit
        if limit is not None and used is not None:
            available = min(available, max(limit - used, 0))
    return total, min(available, total)


def peak_memory() -> int | None:
    """Bytes: the most RAM that this process held at a time. None: not known."""
    # Not Linux's ru_maxrss: a process inherits that of the one that started it.
    high = _field(_read(Path("/proc/self/status")), "VmHWM").split()
    if high:
        return int(high[0]) << 10
    if sys.platform != "darwin":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _limit(folder: Path) -> tuple[int | None, int | None]:
    """A control group's limit, and what is used of it; files in the cache do not count, they make room."""
    for limit_name, used_name, cached_key in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        limit = _read(folder / limit_name)
        if limit.isdigit():
            used = _read(folder / used_name)
            fields = dict(line.split(" ", 1) for line in _read(folder / "memory.stat").splitlines() if " " in line)
            cached = fields.get(cached_key, "0")
            known = used.isdigit() and cached.isdigit()
            return int(limit), max(int(used) - int(cached), 0) if known else None
    return None, None


def _groups(controller: str) -> list[Path]:
    """The folders of the control groups that this process is in, the innermost first.

    Version 2 has one tree, version 1 a tree for each controller. In a container the own group often shows as the root.
    """
    found: list[Path] = []
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        root = _MEMORY_CONTROLLERS / controllers.split(",")[0] if controllers else _MEMORY_CONTROLLERS
        if controllers and not root.is_dir():
            root = _MEMORY_CONTROLLERS / controllers
        inner = root / path.lstrip("/")
        found += [folder for folder in (inner, *inner.parents) if folder == root or root in folder.parents]
    return [folder for folder in dict.fromkeys(found) if folder.is_dir()]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _pages(name: str) -> int | None:
    """For systems without /proc (macOS, BSD)."""
    try:
        pages, size = os.sysconf(name), os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None
    return pages * size if pages > 0 and size > 0 else None


def _windows_memory() -> tuple[int | None, int | None]:
    import ctypes

    class Status(ctypes.Structure):
        """MEMORYSTATUSEX of the Windows API."""

        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            ("total", ctypes.c_ulonglong),
            ("available", ctypes.c_ulonglong),
            ("rest", ctypes.c_ulonglong * 5),
        )

    status = Status(length=ctypes.sizeof(Status))
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 (only Windows has it)
    if not kernel.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None, None
    return status.total, status.available
