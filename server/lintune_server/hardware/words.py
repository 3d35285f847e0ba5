"""Amounts of memory and time in words."""

from __future__ import annotations

from lintune_server.hardware.machine import GIB

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def size(count: int) -> str:
    """`14 GB`, `1.2 GB`, `350 MB`: of 1024 each, as memory is sold."""
    if count < GIB:
        return f"{count / (1 << 20):.0f} MB"
    whole = count / GIB
    return f"{whole:.1f} GB" if whole < 10 else f"{whole:,.0f} GB"


def taken(count: int) -> str:
    """`12 kB`, `334 MB`, `1.1 GB`."""
    return f"{count / 1024:.0f} kB" if count < 1 << 20 else size(count)


def time(seconds: float) -> str:
    """`3 days`, `14 hours`, `1.5 hours`, `1 minute`."""
    number, unit = _time(seconds)
    return f"{number} {unit}"


def span(least: float, most: float) -> str:
    """`7 to 28 hours`; with both units where they differ."""
    (low, low_unit), (high, high_unit) = _time(least), _time(most)
    if low_unit.rstrip("s") == high_unit.rstrip("s"):
        return f"{low} to {high} {high_unit}"
    return f"{low} {low_unit} to {high} {high_unit}"


def _time(seconds: float) -> tuple[str, str]:
    scale, name = next(((scale, name) for scale, name in _UNITS if seconds >= 1.5 * scale), _UNITS[-1])
    count = seconds / scale
    number = f"{count:,.0f}" if count >= 10 or scale == 1 else f"{count:.1f}".removesuffix(".0")
    return number, name if number == "1" else f"{name}s"
