"""What a machine has: found as it is, and without harm where it cannot be found."""

# ruff: noqa: N802 (names of NVML's functions)

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from lintune_schemas import processor
from lintune_server.hardware import auditing, nvidia
from lintune_server.hardware.auditing import audit, free_disk
from lintune_server.hardware.machine import Device, Torch

if TYPE_CHECKING:
    import ctypes


def test_this_machine():
    found = audit(Path())
    assert found.memory is not None
    assert 0 < found.memory <= psutil.virtual_memory().total
    assert found.available is not None
    assert 0 < found.available <= found.memory
    assert 1 <= found.processor.cores <= (psutil.cpu_count() or 1)
    assert found.disk is not None


def test_nothing_heavy_is_imported():
    heavy = "[name for name in sys.modules if name in ('torch', 'transformers', 'numpy')]"
    code = f"import sys, lintune_server.hardware as h; h.audit(); print({heavy})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_free_disk_of_a_folder_that_is_not_there_yet(tmp_path: Path):
    assert free_disk(tmp_path / "not" / "there") == pytest.approx(free_disk(tmp_path), rel=0.05)
    assert free_disk(Path("\0")) is None or free_disk(Path("\0"))


def group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def in_groups(monkeypatch: pytest.MonkeyPatch, root: Path, said: str) -> None:
    """As if this were the control groups of a container."""
    read = processor._read
    monkeypatch.setattr(processor, "_MEMORY_CONTROLLERS", root)
    monkeypatch.setattr(processor, "_read", lambda path: said if path == Path("/proc/self/cgroup") else read(path))


@pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")
def test_limits_of_a_container_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    gib = 1 << 30
    stat = f"anon 5\ninactive_file {gib // 4}\n"
    group(tmp_path / "pod" / "box", memory__max="max", cpu__max="max 100000")
    group(tmp_path / "pod", memory__max=str(gib), memory__current=str(gib // 2), memory__stat=stat)
    group(tmp_path / "pod", cpu__max="100000 100000")
    in_groups(monkeypatch, tmp_path, "0::/pod/box")
    assert processor.memory() == (gib, gib - gib // 4)
    assert processor.processor().cores == 1


@pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")
def test_limits_of_older_containers_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    group(tmp_path / "memory", memory__limit_in_bytes=str(1 << 29), memory__usage_in_bytes=str(1 << 28))
    in_groups(monkeypatch, tmp_path, "9:name=systemd:/\n4:memory:/not/shown/here\n0::/")
    assert processor.memory() == (1 << 29, 1 << 28)


@pytest.mark.parametrize("said", ["", "nonsense", "0::/\n:::\n4:memory", "4:memory:/../../.."])
def test_odd_control_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str):
    group(tmp_path / "memory", memory__limit_in_bytes="many", memory__stat="x", cpu__max="1 0")
    in_groups(monkeypatch, tmp_path, said)
    total, available = processor.memory()
    assert total
    assert available


class Nvml:
    """A driver's library with two devices, of which the second is the faster one."""

    DEVICES = ((b"GeForce GTX 1080", b"GPU-aa", 8, (6, 1), 2560, 1700), (b"A100", b"GPU-bb", 80, (8, 0), 6912, 1410))

    def __init__(self, fails: int = 0) -> None:
        self.fails = fails
        self.nvmlErrorString = lambda code: b"Driver/library version mismatch"

    def nvmlInit_v2(self) -> int:
        return self.fails

    def nvmlShutdown(self) -> int:
        return 0

    def nvmlDeviceGetCount_v2(self, count) -> int:
        count._obj.value = len(self.DEVICES)
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index, handle) -> int:
        handle._obj.value = index.value + 1
        return 0

    def nvmlDeviceGetMemoryInfo(self, handle, memory) -> int:
        memory._obj.total = self._of(handle)[2] << 30
        memory._obj.free = memory._obj.total // 2
        return 0

    def nvmlDeviceGetCudaComputeCapability(self, handle, major, minor) -> int:
        major._obj.value, minor._obj.value = self._of(handle)[3]
        return 0

    def nvmlDeviceGetName(self, handle, buffer, size) -> int:
        buffer.value = self._of(handle)[0]
        return 0

    def nvmlDeviceGetUUID(self, handle, buffer, size) -> int:
        buffer.value = self._of(handle)[1]
        return 0

    def nvmlDeviceGetNumGpuCores(self, handle, cores) -> int:
        cores._obj.value = self._of(handle)[4]
        return 0

    def nvmlDeviceGetMaxClockInfo(self, handle, kind, megahertz) -> int:
        megahertz._obj.value = self._of(handle)[5]
        return 0

    def _of(self, handle: ctypes.c_void_p):
        return self.DEVICES[(handle.value or 1) - 1]


def names(monkeypatch: pytest.MonkeyPatch, visible: str | None = None, order: str | None = None) -> list[str]:
    monkeypatch.setattr(nvidia, "_library", Nvml)
    for key, value in (("CUDA_VISIBLE_DEVICES", visible), ("CUDA_DEVICE_ORDER", order)):
        monkeypatch.delenv(key, raising=False)
        if value is not None:
            monkeypatch.setenv(key, value)
    found, trouble = nvidia.devices()
    assert trouble == ""
    return [device.name for device in found]


def test_devices_as_torch_would_count_them(monkeypatch: pytest.MonkeyPatch):
    assert names(monkeypatch) == ["A100", "GeForce GTX 1080"]
    assert names(monkeypatch, order="PCI_BUS_ID") == ["GeForce GTX 1080", "A100"]
    assert names(monkeypatch, visible="1") == ["GeForce GTX 1080"]
    assert names(monkeypatch, visible="GPU-a") == ["GeForce GTX 1080"]
    assert names(monkeypatch, visible="1,7,0") == ["GeForce GTX 1080"]
    for none in ("", "-1", "NoDevFiles"):
        assert names(monkeypatch, visible=none) == []


def test_what_is_known_of_a_device(monkeypatch: pytest.MonkeyPatch):
    names(monkeypatch)
    (a100, gtx), _ = nvidia.devices()
    assert (a100.memory, a100.free, a100.capability) == (80 << 30, 40 << 30, (8, 0))
    assert a100.tera_operations == pytest.approx(312, rel=0.01)  # NVIDIA's data sheet
    assert (a100.bf16, a100.four_bit, gtx.bf16, gtx.four_bit) == (True, True, False, True)


def test_a_driver_that_refuses(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(nvidia, "_library", lambda: Nvml(fails=18))
    found, trouble = nvidia.devices()
    assert found == ()
    assert "Driver/library version mismatch" in trouble


def test_a_library_that_is_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(nvidia, "_library", object)
    found, trouble = nvidia.devices()
    assert found == ()
    assert "could not be asked" in trouble


def test_a_driver_that_never_answers(monkeypatch: pytest.MonkeyPatch):
    over = threading.Event()
    driver = Nvml()
    monkeypatch.setattr(driver, "nvmlInit_v2", lambda: over.wait(60) and 1, raising=False)
    monkeypatch.setattr(nvidia, "_library", lambda: driver)
    monkeypatch.setattr(nvidia, "_TIME_LIMIT", 0.05)
    found, trouble = nvidia.devices()
    over.set()
    assert found == ()
    assert "did not answer" in trouble


@pytest.mark.parametrize(
    ("vendor", "torch", "usable"),
    [
        ("nvidia", Torch("2.8.0", cuda="12.8"), True),
        ("nvidia", Torch("2.8.0+cpu"), False),
        ("nvidia", None, True),
        ("amd", Torch("2.8.0", cuda="12.8"), False),
        ("amd", Torch("2.8.0", rocm="6.4"), True),
        ("apple", Torch("2.8.0"), False),
    ],
)
def test_whether_torch_can_use_a_device(vendor, torch: Torch | None, usable: bool):
    judged = auditing._judged(Device(vendor, "X"), torch)
    assert judged.usable is usable
    assert bool(judged.hindrance) is not usable


def test_the_torch_that_is_installed_is_read_and_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    text = "__version__ = '2.9.0+cu128'\ncuda: Optional[str] = '12.8'\nhip: Optional[str] = None\n"
    (tmp_path / "torch" / "version.py").write_text(text)
    assert auditing.installed_torch() == Torch("2.9.0+cu128", "12.8", None)
    (tmp_path / "torch" / "version.py").unlink()
    assert auditing.installed_torch() is None
