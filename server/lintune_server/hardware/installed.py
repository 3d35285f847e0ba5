"""The packages of Lintune's extras: which are installed, in which version. None of them is imported."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement

EXTRAS = {
    "train": "training and exporting",
    "serve": "asking tuned models, and proving exports",
}
"""What each is for."""


@dataclass(frozen=True, slots=True)
class Package:
    name: str
    version: str | None
    """None: not installed."""
    wanted: str
    """A specifier, as `>=0.50`."""
    fits: bool
    """Whether it is installed in a version that is wanted."""


@dataclass(frozen=True, slots=True)
class Extra:
    name: str
    purpose: str
    packages: tuple[Package, ...]

    @property
    def missing(self) -> tuple[Package, ...]:
        return tuple(package for package in self.packages if not package.fits)

    @property
    def command(self) -> str:
        """What installs it."""
        return f"pip install 'lintune[{self.name}]'"


def extras() -> tuple[Extra, ...]:
    """By what this installation of Lintune itself says that it needs; nothing when it says nothing."""
    try:
        lines = metadata.requires("lintune") or []
    except metadata.PackageNotFoundError:
        return ()
    wanted = [requirement for line in lines if (requirement := _parsed(line))]
    return tuple(
        Extra(name, purpose, tuple(_package(one) for one in wanted if _belongs(one, name)))
        for name, purpose in EXTRAS.items()
    )


def _parsed(line: str) -> Requirement | None:
    try:
        return Requirement(line)
    except InvalidRequirement:
        return None


def _belongs(requirement: Requirement, extra: str) -> bool:
    marker = requirement.marker
    return marker is not None and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""})


def _package(wanted: Requirement) -> Package:
    try:
        version = metadata.version(wanted.name)
    except metadata.PackageNotFoundError:
        return Package(wanted.name, None, str(wanted.specifier), fits=False)
    # 2.13.0+cpu is a 2.13.0; a version that is no version is left to pip to judge.
    try:
        fits = wanted.specifier.contains(version, prereleases=True)
    except ValueError:
        fits = True
    return Package(wanted.name, version, str(wanted.specifier), fits)
