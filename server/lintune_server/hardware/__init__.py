"""The hardware: what this machine has, what a recipe needs, and how long it would take."""

from lintune_schemas.processor import Processor
from lintune_server.hardware.auditing import audit
from lintune_server.hardware.machine import Device, Machine, Torch

__all__ = ["Device", "Machine", "Processor", "Torch", "audit"]
