"""What the user set for Lintune in the editor, asked of the client (workspace/configuration)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from lintune_server.language_server.session import Session

SECTION = "lintune"


@dataclass(frozen=True, slots=True)
class _Values:
    inlay_hints: bool = True
    sample_lenses: bool = True


class Settings:
    """`inlayHints` and `sampleLenses`, both on unless the client says otherwise."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._values = _Values()

    @property
    def inlay_hints(self) -> bool:
        """Whether samples show their tokens."""
        return self._values.inlay_hints

    @property
    def sample_lenses(self) -> bool:
        """Whether a lens stands above each sample."""
        return self._values.sample_lenses

    async def read(self) -> None:
        """Ask the client, if it can be asked; what is no setting of ours, or of the wrong type, is passed over."""
        workspace = self._session.server.client_capabilities.workspace
        if not workspace or not workspace.configuration:
            return
        items = [types.ConfigurationItem(section=SECTION)]
        answer = await self._session.server.workspace_configuration_async(types.ConfigurationParams(items))
        found = answer[0] if answer else None
        values = _Values(_said(found, "inlayHints"), _said(found, "sampleLenses"))
        if values != self._values:
            self._values = values
            self._session.readers.refresh()
            self._session.refresh_lenses()


def _said(found: object, name: str) -> bool:
    value = found.get(name) if isinstance(found, dict) else getattr(found, name, None)
    return value is not False
