"""What a machine has, as far as training and rules are concerned. Plain data: tests read it from JSON files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lintune_schemas.processor import Processor  # noqa: TC001 (tests read a machine from JSON by its annotations)

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Device:
    """An accelerator."""

    vendor: Literal["nvidia", "amd", "apple"]
    name: str
    memory: int | None = None
    """Bytes in all; on Apple's machines, those that the GPU shares with the processor. None: not known."""
    free: int | None = None
    """Bytes that nobody uses, as of the first look in this process."""
    capability: tuple[int, int] | None = None
    """NVIDIA's compute capability, as (8, 6)."""
    tera_operations: float | None = None
    """10¹² floating-point operations a second that its matrix units reach at most in 16 bits. None: not known."""
    usable: bool = True
    """Whether the built-in trainer can train on it: a CUDA or ROCm device, and the installed torch is built for it."""
    hindrance: str = ""
    """Why not, in a sentence for people."""

    @property
    def bf16(self) -> bool | None:
        """Whether it computes in bf16. On NVIDIA's, from Ampere (8.0) on; None: not known."""
        return self.capability >= (8, 0) if self.capability else None

    @property
    def four_bit(self) -> bool | None:
        """Whether bitsandbytes has 4-bit kernels for it.

        CUDA devices from compute capability 6.0 (bitsandbytes 0.50, installation guide: Pascal or newer).
        """
        return self.capability >= (6, 0) if self.capability else None


@dataclass(frozen=True, slots=True)
class Torch:
    """The torch that is installed."""

    version: str
    cuda: str | None = None
    """The CUDA version that it is built for."""
    rocm: str | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    system: str
    """As `platform.system()` has it: Linux, Darwin, Windows."""
    architecture: str
    """As `platform.machine()` has it: x86_64, arm64, …"""
    processor: Processor
    memory: int | None
    """Bytes of RAM that this process may use at most; a container's limit counts. None: not known."""
    available: int | None = None
    """Bytes of it that are not in use now."""
    disk: int | None = None
    """Bytes free where runs are written."""
    devices: tuple[Device, ...] = ()
    """In the order in which torch counts them."""
    torch: Torch | None = None
    """None: not installed."""
    troubles: tuple[str, ...] = ()
    """What could not be found out, in sentences for people."""

    @property
    def device(self) -> Device | None:
        """The accelerator that the built-in trainer trains on: the first usable one. None: it trains on the CPU."""
        return next((device for device in self.devices if device.usable), None)

    @property
    def room(self) -> int | None:
        """Bytes of the memory that a training on this machine has to fit into. None: not known."""
        return self.device.memory if self.device else self.memory
